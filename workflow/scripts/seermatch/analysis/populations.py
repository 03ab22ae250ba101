"""In whom the analyses of the sensitivity table differ: private counts for disclosure control."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_binary, check_columns, check_labels
from seermatch.survival.event_times import category_codes
from seermatch.variables.printed import EVENTS

COLUMNS = ("analysis", "other", "group", "n", "deaths", "cancer_deaths", "other_deaths")


@dataclass(frozen=True)
class _Patients:
    """Identifiers and events of one group of one population."""

    ids: pd.Index
    event: np.ndarray  # codes of `EVENTS`

    def counts(self) -> np.ndarray:
        """Patients, deaths, and deaths of each kind."""
        return _count(np.ones(len(self.ids), bool), self.event, self.event)

    def shared(self, other: "_Patients") -> np.ndarray:
        """Patients and deaths of both, and deaths that both count as of the same kind."""
        few, many = sorted((self, other), key=lambda patients: len(patients.ids))
        at = many.ids.get_indexer(few.ids)
        return _count(at >= 0, few.event, many.event[at])


def _count(chosen: np.ndarray, event: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Count patients, deaths, and deaths of each kind that are so in both of two codings."""
    same = chosen & (event == other)
    deaths = chosen & (event > 0) & (other > 0)
    return np.array([chosen.sum(), deaths.sum(), *((same & (event == k)).sum() for k in (1, 2))])


def compare_populations(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the patients and deaths of each analysis that another analysis does not have.

    Parameters
    ----------
    frames : mapping of str to pandas.DataFrame
        Name of the analysis to its patients: patient_id (unique), group (0/1), event.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`. Where `other` is empty: all of the analysis; else those of `analysis`
        that are not in `other`. A death counts as not there, too, where the other analysis
        takes it for one of another kind.

    Raises
    ------
    StudyError
        If a frame lacks a column, one is unusable, or a patient occurs twice in a frame.

    Examples
    --------
    >>> frame = pd.DataFrame({"patient_id": ["a", "b", "c"], "group": 1,
    ...     "event": pd.Categorical.from_codes([0, 1, 2], EVENTS)})
    >>> table = compare_populations({"main": frame, "ratio 1": frame[1:]})
    >>> print(table[table["group"] == "1"].to_string(index=False))
    analysis   other group  n  deaths  cancer_deaths  other_deaths
        main             1  3       2              1             1
        main ratio 1     1  1       0              0             0
     ratio 1             1  2       2              1             1
     ratio 1    main     1  0       0              0             0
    """
    distinct: dict[int, tuple[_Patients, ...]] = {}
    for frame in frames.values():
        if id(frame) not in distinct:
            check_columns("frames", frame, ["patient_id", "group", "event"])
            check_labels("patient_id", frame["patient_id"])
            if frame["patient_id"].duplicated().any():
                raise StudyError("frames: a patient_id occurs twice; give a row per patient.")
            distinct[id(frame)] = tuple(_patients(frame, code) for code in (0, 1))
    groups = {name: distinct[id(frame)] for name, frame in frames.items()}
    found: dict[tuple[int, int, int], np.ndarray] = {}
    rows = []
    for name, mine in groups.items():
        rows += [(name, "", str(code), *mine[code].counts()) for code in (0, 1)]
        for other, theirs in groups.items():
            if other == name:
                continue
            for code in (0, 1):
                pair = (code, *sorted((id(frames[name]), id(frames[other]))))
                if pair not in found:
                    found[pair] = mine[code].shared(theirs[code])
                rows.append((name, other, str(code), *(mine[code].counts() - found[pair])))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _patients(frame: pd.DataFrame, code: int) -> _Patients:
    chosen = check_binary("group", frame["group"]) == code
    event = category_codes(frame["event"], EVENTS)[chosen]
    return _Patients(pd.Index(frame.loc[chosen, "patient_id"]), event)
