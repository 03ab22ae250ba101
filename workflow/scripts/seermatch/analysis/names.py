"""Names of models, outcomes and analyses, as the result files spell them."""

# Kinds of model, in the order of the tables, and what became of a term's estimate.
MODELS = ("univariable", "multivariable", "recommended")
ALIASED = "aliased"
SEPARATED = "separated"
FEW_EVENTS = "few events"
NO_EVENT = "no event"

# Outcomes of the group's effect, each with the model that it is estimated by.
OVERALL = "overall survival (Cox)"
SPECIFIC = "breast cancer death (Fine-Gray)"
SPECIFIC_CAUSE = "breast cancer death (cause-specific Cox)"
OTHER = "other death (cause-specific Cox)"
OTHER_FINE_GRAY = "other death (Fine-Gray)"
HEADLINE = (OVERALL, SPECIFIC, OTHER)

# Sensitivity analyses that others single out, and the variance where events are few.
MAIN = "main"
IMPUTED = "multiple imputation"
PENALIZED = "penalized profile likelihood (Firth)"
