"""What only the paper's study knows: its variables in print, its cancer, its identities."""

from itertools import product

from seermatch.variables.identities import Identity
from seermatch.variables.printed import printed_variables

CANCER = "breast cancer"
FACTS = {
    "age": {"label": "Age", "unit": "years", "per": "per year"},
    "tumor_size": {"label": "Tumor size", "unit": "mm", "per": "per mm"},
    "histology": {
        "label": "Histologic type",
        "abbreviations": {"IDC": "invasive ductal carcinoma"},
    },
    "grade": {"label": "Grade"},
    "er": {"label": "ER", "abbreviations": {"ER": "estrogen receptor"}},
    "pr": {"label": "PR", "abbreviations": {"PR": "progesterone receptor"}},
    "her2": {
        "label": "HER2",
        "abbreviations": {"HER2": "human epidermal growth factor receptor 2"},
    },
    "subtype": {
        "label": "Breast subtype",
        "abbreviations": {
            "HR+": "hormone receptor positive",
            "HR-": "hormone receptor negative",
        },
    },
    "t_stage": {"label": "T stage"},
    "n_stage": {"label": "N stage"},
}
VARIABLES = printed_variables(FACTS)


def subtype_of(er, pr, her2):
    hormone = "HR+" if "Positive" in (er, pr) else "HR-"
    return f"{hormone}/HER2{'+' if her2 == 'Positive' else '-'}"


RECEPTORS = "er", "pr", "her2"
COMBINATIONS = list(product(("Negative", "Positive"), repeat=3))
SUBTYPE = Identity("subtype", RECEPTORS, {each: subtype_of(*each) for each in COMBINATIONS})
