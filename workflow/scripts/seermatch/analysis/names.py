"""Names of models, outcomes and analyses, as the result files spell them."""

# Kinds of model, in the order of the tables, and what became of a term's estimate.
MODELS = ("univariable", "multivariable", "recommended")
ALIASED = "aliased"
SEPARATED = "separated"
FEW_EVENTS = "few events"
NO_EVENT = "no event"


# Outcomes of the group's effect, each with the model that it is estimated by.
OVERALL = "overall survival (Cox)"
SPECIFIC = "cancer death (Fine-Gray)"
SPECIFIC_CAUSE = "cancer death (cause-specific Cox)"
OTHER = "other death (cause-specific Cox)"
OTHER_FINE_GRAY = "other death (Fine-Gray)"
HEADLINE = (OVERALL, SPECIFIC, OTHER)

# Sensitivity analyses that others single out; variances of matched samples.
MAIN = "main"
FIRST_PRIMARY = "first primary only"
WEIGHTED = {"ATT": "weighted, ATT", "ATE": "weighted, ATE", "ATO": "weighted, overlap"}
FULL_COHORT = "full cohort, adjusted"
IMPUTED = "multiple imputation"
CAUSE_OF_DEATH = "cause of death = cancer"
WITHOUT = "score without "  # and the variable
AT_MOST = " at most "  # between the variable and its cap
CLUSTERED = "clustered by matched set"
PENALIZED = "penalized profile likelihood (Firth)"

# Quantities of the interpretation table.
HAZARD_RATIO = "hazard ratio"
NARROW_RATIO = "hazard ratio, 90% interval"
DETECTABLE = "minimum detectable hazard ratio"
E_VALUE = "E-value of the estimate"
E_VALUE_OF_INTERVAL = "E-value of the interval"
EQUIVALENCE = "equivalence test p"
E_VALUE_OF_EQUIVALENCE = "E-value of equivalence"
MISSED = "hazard ratio, missed exposure"
IN_INCIDENCE = "difference in cumulative incidence"
IN_MONTHS_LOST = "difference in months lost"
IN_SURVIVAL = "difference in survival"
IN_RESTRICTED_MEAN = "difference in restricted mean survival"
SCORE_TEST_P = "set-clustered score test p"
PROPORTIONALITY = "proportional hazards test p"
MEDIAN_FOLLOW_UP = "median follow-up (reverse Kaplan-Meier, months)"
EXPOSURE = "exposed per 1,000 patients"

# What became of such a quantity, where that is not a number.
OK = "ok"
NOT_ESTIMABLE = "not estimable"
RARE, COMMON = "rare outcome", "common outcome"  # of E-values: how a hazard ratio was read
SHOWN, NOT_SHOWN = "shown", "not shown"  # of equivalence
IMPOSSIBLE, NO_SOLUTION = "impossible", "no solution"  # of missed exposure
BEYOND_FOLLOW_UP = "follow-up of a group ends before"
BEYOND_ALL_FOLLOW_UP = "all follow-up ends before"
