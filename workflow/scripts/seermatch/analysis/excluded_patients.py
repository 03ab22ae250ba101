"""Patients of the cohort beside those who were excluded only because a covariate is unknown."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.matching.characteristics import compare_groups
from seermatch.statistics.checks import check_binary, check_columns, check_names, check_times
from seermatch.survival.event_times import category_codes

COLUMNS = (
    *("quantity", "variable", "level", "patients", "n", "percent", "median", "q1", "q3"),
    "smd",
)
SIZE, DISTRIBUTION, UNKNOWN = "patients", "distribution", "unknown"
INCLUDED, EXCLUDED = "included", "excluded"
OUTCOMES = ("time", "event")


def compare_included(
    eligible: pd.DataFrame, covariates: Sequence[str], labels: tuple[str, str]
) -> pd.DataFrame:
    """Describe included and excluded patients, and count who lacks what.

    Parameters
    ----------
    eligible : pandas.DataFrame
        One row per patient: complete (bool; such patients are included, the others excluded),
        group (0/1), year, time, event and the covariates, some of them missing.
    covariates : sequence of str
        In the order of the rows wanted.
    labels : tuple of str
        Label of the reference and of the exposed group.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. `quantity` is ``patients``, the sizes, with their percentage of the
        eligible; ``distribution``, of group, year, covariates, follow-up time and event, among
        those whose value is known: percentage per level, or median and quartiles where the level
        is empty; and ``unknown``, the patients of a group (in `patients`) who lack the covariate,
        with their percentage of its eligible patients. The standardized mean difference, excluded
        minus included, is over the root of the mean of both variances (Austin, Stat Med
        2009;28:3083-3107), per level, and on both rows.

    Raises
    ------
    StudyError
        If a column is absent or unusable, or `labels` are not two.

    Examples
    --------
    >>> grade = pd.Categorical(["I-II", "III", "III", "III", None])
    >>> eligible = pd.DataFrame({"complete": [True] * 3 + [False] * 2, "group": [0, 0, 1, 1, 0],
    ...     "year": 2018, "grade": grade, "time": [5, 9, 7, 2, 8],
    ...     "event": pd.Categorical(["censored"] * 5)})
    >>> table = compare_included(eligible, ["grade"], ("M0", "M0(i+)"))
    >>> table[table["variable"] == "grade"][["quantity", "level", "patients", "n", "percent"]]
            quantity level  patients  n     percent
    8   distribution  I-II  included  1   33.333333
    9   distribution  I-II  excluded  0    0.000000
    10  distribution   III  included  2   66.666667
    11  distribution   III  excluded  1  100.000000
    16       unknown              M0  1   33.333333
    17       unknown          M0(i+)  0    0.000000
    """
    covariates, labels = check_names("covariates", covariates), check_names("labels", labels, 2)
    check_columns("eligible", eligible, ["complete", "group", "year", *OUTCOMES, *covariates])
    check_times(eligible["time"])
    category_codes(eligible["event"])
    complete = check_binary("complete", eligible["complete"])
    if len(set(labels)) < 2:
        raise StudyError(f"labels: both groups are called {labels[0]}.")
    if eligible["year"].isna().any():
        raise StudyError("year is missing for some patients; exclude them.")
    patients = pd.Categorical.from_codes((~complete).astype(int), [INCLUDED, EXCLUDED])
    exposed = check_binary("group", eligible["group"])
    group = pd.Categorical.from_codes(exposed.astype(int), labels)
    year = eligible["year"].astype(str).astype("category")
    frame = eligible.assign(patients=patients, group=group, year=year)
    names = ["group", "year", *(name for name in covariates if name != "year"), *OUTCOMES]
    described = compare_groups(frame, names, group="patients").rename(columns={"group": "patients"})
    described["smd"] = _differences(described, frame)
    sizes = pd.Series(patients).value_counts(sort=False)
    rows = [
        {"quantity": SIZE, "patients": name, "n": n, "percent": _percent(n, len(frame))}
        for name, n in sizes.items()
    ]
    unknown = [
        {
            "quantity": UNKNOWN,
            "variable": name,
            "patients": label,
            "n": int(lacking.sum()),
            "percent": _percent(lacking.sum(), len(lacking)),
        }
        for name in names[2 : -len(OUTCOMES)]
        for label in labels
        for lacking in [frame.loc[group == label, name].isna()]
    ]
    described["quantity"] = DISTRIBUTION
    table = pd.concat([pd.DataFrame(rows), described, pd.DataFrame(unknown)], ignore_index=True)
    text = dict.fromkeys(("variable", "level"), "")
    return table.reindex(columns=list(COLUMNS)).fillna(text)


def _percent(n: int, whole: int) -> float:
    return 100 * n / whole if whole else np.nan


def _differences(described: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Standardize the difference of each row's variable and level."""
    smd = np.full(len(described), np.nan)
    for (name, level), rows in described.groupby(["variable", "level"], sort=False).indices.items():
        share = described["percent"].to_numpy()[rows] / 100  # included, excluded
        if level:
            means, variances = share, share * (1 - share)
        else:
            values = [part[name].dropna() for _, part in frame.groupby("patients", observed=False)]
            means, variances = [v.mean() for v in values], [v.var() for v in values]
        pooled = np.sqrt((variances[0] + variances[1]) / 2)
        smd[rows] = (means[1] - means[0]) / pooled if pooled > 0 else np.nan
    return smd
