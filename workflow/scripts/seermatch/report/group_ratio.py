"""The group's hazard ratio as the main results give it."""

import pandas as pd

from seermatch.analysis.names import FEW_EVENTS, SEPARATED
from seermatch.disclosure.rule import MASKED
from seermatch.wording.numbers import print_estimate


def clustered_ratio(models: pd.DataFrame, model: str = "univariable") -> tuple[float, float, float]:
    """Look up the group's hazard ratio with the 95% interval that knows the matched sets.

    With few events, or without a finite other estimate, it is Firth's with its profile interval.

    Parameters
    ----------
    models : pandas.DataFrame
        Rows of ``cox.parquet`` or ``fine_gray.parquet``.
    model : {"univariable", "multivariable", "recommended"}, default "univariable"
        Univariable in the matched patients is the headline.

    Returns
    -------
    tuple of float
        Ratio, lower and upper end; missing where the model has no estimate of the group.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["univariable"], "term": "group", "hr": 1.1,
    ...     "status": "ok", "hr_low_clustered": 0.7, "hr_high_clustered": 1.7})
    >>> clustered_ratio(rows), clustered_ratio(rows, "recommended")
    ((1.1, 0.7, 1.7), (nan, nan, nan))
    """
    rows = models[(models["model"] == model) & (models["term"] == "group")]
    if rows.empty:
        return (float("nan"),) * 3
    row = rows.iloc[0]
    names = ("hr_low", "hr_high") if penalized(row) else ("hr_low_clustered", "hr_high_clustered")
    return tuple(float(row[name]) for name in ("hr", *names))


def is_masked(models: pd.DataFrame) -> bool:
    """Tell whether the group's univariable hazard ratio is kept out of what is published.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["univariable"], "term": "group", "status": "masked"})
    >>> is_masked(rows)
    True
    """
    rows = models[(models["model"] == "univariable") & (models["term"] == "group")]
    return bool(rows["status"].eq(MASKED).any())


def intervals_in_words(cox: pd.DataFrame, fine_gray: pd.DataFrame, cancer: str) -> str:
    """Say how the intervals of the group's hazard ratios were made.

    Parameters
    ----------
    cox, fine_gray : pandas.DataFrame
        Rows of ``cox.parquet`` and ``fine_gray.parquet``.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    str
        What they are, to follow "intervals" or "they are".

    Examples
    --------
    >>> few = pd.DataFrame({"term": ["group"], "status": "few events"})
    >>> intervals_in_words(few, few, "lung cancer")
    'of Firth’s penalized likelihood, since events are few'
    """
    by_set, firth = (
        "clustered by matched set",
        "of Firth’s penalized likelihood, since events are few",
    )
    kinds: dict[bool, list[str]] = {False: [], True: []}
    for models, outcome in zip(
        (cox, fine_gray), ("overall survival", f"{cancer} mortality"), strict=True
    ):
        rows = models[models["term"] == "group"]
        kinds[any(penalized(row) for _, row in rows.iterrows())].append(outcome)
    if kinds[True] and kinds[False]:
        return f"{by_set} ({kinds[False][0]}) and {firth} ({kinds[True][0]})"
    return firth if kinds[True] else by_set


def penalized(row: pd.Series) -> bool:
    """Tell whether a row of a model is Firth's, which has a profile interval and none clustered.

    Parameters
    ----------
    row : pandas.Series
        Row of ``cox.parquet`` or ``fine_gray.parquet``.

    Returns
    -------
    bool

    Examples
    --------
    >>> penalized(pd.Series({"status": "few events"})), penalized(pd.Series({"status": "ok"}))
    (True, False)
    """
    return row["status"] in (SEPARATED, FEW_EVENTS)


def print_group_ratio(models: pd.DataFrame) -> str:
    """Print the group's ratio in the matched patients and adjusted by the recommended model."""
    ratio, *interval = clustered_ratio(models)
    text = print_estimate(ratio, *interval, masked=is_masked(models))
    text = text.replace("(", "(95% CI ")
    adjusted = clustered_ratio(models, "recommended")
    if pd.notna(adjusted[0]):
        text += f"; adjusted by the recommended model, {print_estimate(*adjusted)}"
    return text
