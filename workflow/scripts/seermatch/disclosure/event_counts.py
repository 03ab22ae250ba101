"""Deaths by group, and by level of each covariate: private counts that decide what is released."""

from collections.abc import Sequence

import pandas as pd

from seermatch.variables.printed import EVENTS

COLUMNS = ("population", "group", "variable", "level", "n", "cancer_deaths", "other_deaths")


def count_events(
    cohort: pd.DataFrame, matched: pd.DataFrame, covariates: Sequence[str]
) -> pd.DataFrame:
    """Count patients and deaths in both populations, by group and by level.

    Parameters
    ----------
    cohort, matched : pandas.DataFrame
        group (0/1), event (category: `variables.EVENTS`) and the covariates.
    covariates : sequence of str
        Categorical ones are counted by level, continuous ones are left out.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. Rows of a group (``0``, ``1``) have an empty variable and level; rows of
        a level are those of both groups together (group ``all``).

    Examples
    --------
    >>> frame = pd.DataFrame({"group": [0, 0, 1], "er": pd.Categorical(["No", "Yes", "Yes"]),
    ...     "event": pd.Categorical.from_codes([0, 1, 2], EVENTS)})
    >>> counts = count_events(frame, frame, ["er"])
    >>> print(counts[counts["population"] == "matched"].iloc[:, 1:].to_string(index=False))
    group variable level  n  cancer_deaths  other_deaths
        0                 2              1             0
        1                 1              0             1
      all       er    No  1              0             0
      all       er   Yes  2              1             1
    """
    rows = []
    for population, frame in (("cohort", cohort), ("matched", matched)):
        for code in (0, 1):
            chosen = frame["event"][frame["group"] == code]
            rows.append((population, str(code), "", "", *_counts(chosen)))
        for name in covariates:
            if not isinstance(frame[name].dtype, pd.CategoricalDtype):
                continue
            for level, events in frame["event"].groupby(frame[name], observed=False):
                rows.append((population, "all", name, str(level), *_counts(events)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _counts(events: pd.Series) -> tuple[int, int, int]:
    return len(events), int((events == EVENTS[1]).sum()), int((events == EVENTS[2]).sum())
