"""Check what the sections of a configuration must not say together, and how their texts print."""

import re

from seermatch.errors import StudyError

ARMS = ("reference", "exposed")
CLAIM_TEXTS = ("claim", "source")
# Columns and rows of the results that a group or a level stands beside.
TAKEN_BY_GROUPS = frozenset(
    {"all", "group", "level", "variable", "p_value", "test", "included", "excluded"}
)
TAKEN_BY_LEVELS = frozenset({"median (iqr)"})
# Control characters, line ends, changes of direction, halves of characters, no characters.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def check_together(config: dict) -> None:
    """Refuse a checked and filled configuration of which two keys contradict each other.

    Texts of the study lose the line end that a block of YAML has.

    Parameters
    ----------
    config : dict
        Values of `seermatch.settings.study.Study`.

    Raises
    ------
    StudyError
        If a model would hold the variable that tells the groups apart, a claim of survival has no
        percentage, or a text cannot be printed or would be taken for another one.
    """
    _check_terms(config)
    _check_claims(config["study"]["claims"])
    _check_texts(config)


def _check_terms(config: dict) -> None:
    field = config["cohort"]["exposure"]["field"]
    for key, terms in (
        ("matching.covariates", config["matching"]["covariates"]),
        ("regression.recommended", config["regression"]["recommended"]),
    ):
        if field in terms:
            raise StudyError(
                f"config.{key}: {field} tells the groups apart and cannot be a covariate too."
            )
        missing = set(terms) - set(config["matching"]["covariates"]) - {"year"}
        if missing:
            raise StudyError(
                f"config.{key}: {', '.join(sorted(missing))} is not in matching.covariates."
            )


def _check_claims(claims: list[dict]) -> None:
    for number, claim in enumerate(claims):
        if (claim["expects"] == "survival") != ("survival_percent" in claim):
            raise StudyError(
                f"config.study.claims.{number}: survival_percent goes with 'expects: survival', "
                f"and 'expects: survival' needs it; the claim expects {claim['expects']!r}."
            )


def _check_texts(config: dict) -> None:
    study, claims = config["study"], config["study"]["claims"]
    for texts, names in ((study, ("title", "question")), *((c, CLAIM_TEXTS) for c in claims)):
        texts |= {name: texts[name].strip() for name in names}
    groups = [
        (f"cohort.exposure.{arm}.label", config["cohort"]["exposure"][arm]["label"]) for arm in ARMS
    ]
    levels = [
        [(f"recode.{name}.{i}.level", item["level"]) for i, item in enumerate(items)]
        for name, items in config["recode"].items()
    ]
    criteria = enumerate(config["cohort"]["criteria"])
    printed = [(f"cohort.criteria.{i}.criterion", item["criterion"]) for i, item in criteria]
    printed += [(f"study.{name}", study[name]) for name in ("title", "question")]
    for i, claim in enumerate(claims):
        printed += [(f"study.claims.{i}.{name}", claim[name]) for name in CLAIM_TEXTS]
    for place, text in [*printed, *groups, *(item for items in levels for item in items)]:
        if not text.strip() or text != text.strip():
            raise StudyError(
                f"config.{place}: {text!r} is empty or has blanks around it; write it without."
            )
        if found := UNPRINTABLE.search(text):
            raise StudyError(
                f"config.{place}: {text!r} holds {found[0]!r}, which cannot be printed in a table "
                "or figure; write the text in one line, without control characters."
            )
    for place, text in groups:
        if re.fullmatch(r"[+-]?[\d.,]+", text):
            raise StudyError(_taken(place, text))
    _check_names(groups, TAKEN_BY_GROUPS)
    for items in levels:
        _check_names(items, TAKEN_BY_LEVELS)


def _check_names(items: list[tuple[str, str]], taken: frozenset[str]) -> None:
    first = {}
    for place, text in items:
        if text.casefold() in taken:
            raise StudyError(_taken(place, text))
        same = text.replace("-", "\N{EN DASH}")  # as print does
        if same in first:
            raise StudyError(
                f"config.{place}: {text!r} is the same in print as {first[same]}; choose another."
            )
        first[same] = place


def _taken(place: str, text: str) -> str:
    return (
        f"config.{place}: {text!r} has another meaning in the tables of results; choose a name in "
        "words."
    )
