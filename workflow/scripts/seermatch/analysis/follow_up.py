"""How long the patients were followed, and how many of them died."""

import numpy as np
import pandas as pd

from seermatch.statistics.checks import check_columns, check_labels
from seermatch.survival.event_times import EventTimes, category_codes
from seermatch.survival.kaplan_meier import kaplan_meier, median_survival


def follow_up(frame: pd.DataFrame, population: str, *, group: str = "group") -> pd.DataFrame:
    """Summarise follow-up and deaths per arm.

    Parameters
    ----------
    frame : DataFrame
        Columns `time` (months) and `event` (category: censored, cancer death, other death),
        and the arms.
    population : str
        Name written to the first column, such as ``"cohort"`` or ``"matched"``.
    group : str
        Column with the arms; its values are written as text.

    Returns
    -------
    DataFrame
        population, group, n, median, q1, q3, maximum (of the observed times, type 7),
        reverse_km_median (Schemper and Smith 1996: censoring as the event; NaN if not reached),
        deaths_cancer, deaths_other. One row per arm with patients, then ``all``.

    Raises
    ------
    StudyError
        If there is no patient.

    Examples
    --------
    >>> events = ["censored", "cancer death", "other death"]
    >>> frame = pd.DataFrame({"group": [0, 0, 1, 1], "time": [10, 20, 30, 40],
    ...     "event": pd.Categorical.from_codes([0, 1, 0, 2], events)})
    >>> table = follow_up(frame, "matched")
    >>> table[["group", "n", "median", "maximum", "deaths_other"]].to_dict("list")
    {'group': ['0', '1', 'all'], 'n': [2, 2, 4], 'median': [15.0, 35.0, 25.0], \
'maximum': [20, 40, 40], 'deaths_other': [0, 1, 1]}
    """
    check_columns("frame", frame, ["time", "event", group])
    check_labels(group, frame[group])
    parts = [(str(label), part) for label, part in frame.groupby(group, observed=True)]
    rows = []
    for label, part in [*parts, ("all", frame)]:
        data = EventTimes(part["time"], category_codes(part["event"]))
        time, code = data.time, data.event
        q1, median, q3 = np.quantile(time, (0.25, 0.5, 0.75))
        rows.append(
            {
                "population": population,
                "group": label,
                "n": len(part),
                "median": median,
                "q1": q1,
                "q3": q3,
                "maximum": time.max(),
                "reverse_km_median": median_survival(kaplan_meier(EventTimes(time, code == 0))),
                "deaths_cancer": np.count_nonzero(code == 1),
                "deaths_other": np.count_nonzero(code == 2),
            }
        )
    return pd.DataFrame(rows)
