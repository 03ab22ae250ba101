"""Tables as a paper prints them: characteristics of the groups, and hazard ratios.

The format is that of ``resources/paper/``: Tables 1 and 2 with one row per statistic or level,
Tables 3 and 4 with one row per contrast, all cells as printed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.paper.numbers import (
    PrintedNumber,
    parse_interval,
    parse_number,
    plain_label,
    widen_padded,
)

STATISTICS = ("median", "q1", "q3")
MODELS = ("univariable", "multivariable")
# A ratio of hazards beyond this, or below its inverse, is no effect but a diverged fit.
DIVERGED = 100.0
GROUP_COLUMN = re.compile(r"(.+?)\s*\(n\s*=\s*([\d, ]+)\)")
CONTRAST = re.compile(r"\((?P<level>.+) vs\.? .+\)$|(?P<word>\S+) vs\.? \S+$")


@dataclass(frozen=True)
class Characteristic:
    """One variable of Table 1 or 2.

    Attributes
    ----------
    variable : str
        Its name in the study.
    levels : tuple of str
        Levels, the reference first; empty for a continuous variable.
    counts : ndarray (levels, 2)
        Patients of the reference and of the exposed group.
    percents : tuple of tuple of PrintedNumber
        Percentages of each level in the two groups.
    statistics : dict
        Of a continuous variable: ``median``, ``q1``, ``q3`` to the numbers of the two groups.
    p : PrintedNumber or None
        The printed p-value.
    """

    variable: str
    levels: tuple[str, ...]
    counts: np.ndarray
    percents: tuple[tuple[PrintedNumber, ...], ...]
    statistics: Mapping[str, tuple[PrintedNumber, ...]]
    p: PrintedNumber | None


@dataclass(frozen=True)
class Characteristics:
    """Table 1 or 2: labels and sizes of the groups (reference, exposed), and the variables."""

    labels: tuple[str, str]
    sizes: tuple[int, int]
    variables: Mapping[str, Characteristic]


@dataclass(frozen=True)
class Estimate:
    """A printed hazard ratio with its interval and p-value; each None where nothing is printed."""

    hr: PrintedNumber | None
    low: PrintedNumber | None
    high: PrintedNumber | None
    p: PrintedNumber | None
    aliased: bool = False

    @property
    def finite(self) -> bool:
        """Whether ratio and interval are positive, finite numbers, and the limits in order."""
        numbers = (self.hr, self.low, self.high)
        positive = all(number and 0 < number.value < np.inf for number in numbers)
        return positive and self.low.value < self.high.value

    @property
    def diverged(self) -> bool:
        """Whether the ratio is what a fit without a maximum leaves behind."""
        return bool(self.hr) and (
            not 1 / DIVERGED <= self.hr.value <= DIVERGED
            or bool(self.high and np.isinf(self.high.value))
        )


@dataclass(frozen=True)
class Contrast:
    """One row of Table 3 or 4; `level` is empty where the contrast names none."""

    variable: str
    level: str
    text: str
    estimates: Mapping[str, Estimate]


def level_of(contrast: str) -> str:
    """Find the level that a printed contrast sets against the reference.

    Parameters
    ----------
    contrast : str
        As in the column `contrast` of Tables 3 and 4.

    Returns
    -------
    str
        Empty where the contrast is not one of levels.

    Examples
    --------
    >>> level_of("T stage (T3–T4 vs T1–T2)"), level_of("ER positive vs negative")
    ('T3-T4', 'Positive')
    >>> level_of("Group (M0(i+) vs M0)"), level_of("Age (per year)")
    ('M0(i+)', '')
    """
    match = CONTRAST.search(contrast)
    if match is None:
        return ""
    level = plain_label(match["level"] or match["word"])
    return level[:1].upper() + level[1:]


def read_characteristics(table: pd.DataFrame, name: str) -> Characteristics:
    """Read Table 1 or 2 as printed.

    Parameters
    ----------
    table : pandas.DataFrame
        Text columns variable, level_or_statistic, ``<reference> (n=...)``, ``<exposed> (n=...)``,
        one that begins with ``percent`` (``84.35|83.76``) and p_value. Continuous variables have
        the rows ``median``, ``q1``, ``q3``; a factor has a row with its p-value, then its levels.
    name : str
        ``"Table 1"``, for messages.

    Returns
    -------
    Characteristics

    Raises
    ------
    StudyError
        If a column is missing or a cell is no number.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     [("grade", "", "", "", "", "0.971"), ("grade", "I–II", "817", "408", "69.83|69.74", ""),
    ...      ("grade", "III", "353", "177", "30.17|30.26", "")],
    ...     columns=["variable", "level_or_statistic", "M0 (n=1170)", "M0(i+) (n=585)",
    ...              "percent (M0|M0(i+))", "p_value"])
    >>> printed = read_characteristics(table, "Table 2")
    >>> printed.labels, printed.sizes, printed.variables["grade"].counts.tolist()
    (('M0', 'M0(i+)'), (1170, 585), [[817, 408], [353, 177]])
    """
    columns = [column for column in table.columns if GROUP_COLUMN.fullmatch(column)]
    percent = [column for column in table.columns if column.startswith("percent")]
    _require(table, ("variable", "level_or_statistic", "p_value"), name)
    if len(columns) != 2 or len(percent) != 1:
        raise StudyError(
            f"{name}: needs two columns such as 'M0 (n=585)', the reference first, and one that "
            "begins with 'percent'."
        )
    groups = [GROUP_COLUMN.fullmatch(column).groups() for column in columns]
    variables = {
        variable: _characteristic(variable, rows.fillna(""), columns, percent[0], name)
        for variable, rows in table.groupby("variable", sort=False)
    }
    (reference, n0), (exposed, n1) = groups
    sizes = tuple(int(re.sub("[, ]", "", n)) for n in (n0, n1))
    return Characteristics((reference, exposed), sizes, variables)


def _characteristic(variable, rows, columns, percent, name) -> Characteristic:
    place = f"{name}, {variable}"
    statistics, levels, counts, percents, p = {}, [], [], [], None
    for _, row in rows.iterrows():
        label = plain_label(row["level_or_statistic"])
        p = p or _cell(row["p_value"], place)
        if not label:
            continue
        cells = tuple(_cell(row[column], f"{place}, {label}") for column in columns)
        if None in cells:
            raise StudyError(f"{place}, {label}: a group has an empty cell.")
        if label in STATISTICS:
            statistics[label] = cells
            continue
        shares = tuple(_cell(part, f"{place}, {label}") for part in row[percent].split("|"))
        if len(shares) != 2 or None in shares:
            raise StudyError(f"{place}, {label}: write the two percentages as 84.35|83.76.")
        levels.append(label)
        counts.append([round(cell.value) for cell in cells])
        percents.append(shares)
    table = np.array(counts, dtype=np.int64).reshape(len(levels), 2)
    return Characteristic(variable, tuple(levels), table, tuple(percents), statistics, p)


def read_regression(table: pd.DataFrame, name: str) -> list[Contrast]:
    """Read Table 3 or 4 as printed.

    Parameters
    ----------
    table : pandas.DataFrame
        Text columns variable, contrast and `<model>_hr`, `<model>_ci`, `<model>_p` for the models
        univariable and multivariable. ``NA`` is an aliased term; an empty cell, no such term.
    name : str
        ``"Table 3"``, for messages.

    Returns
    -------
    list of Contrast
        In the order of the table. Where the upper (or lower) limits of a column all end in a zero
        they were rounded to a digit less and padded; their rounding is widened to that, and so is
        that of p-values of 0.1 and above.

    Raises
    ------
    StudyError
        If a column is missing or a cell is no number.

    Examples
    --------
    >>> table = pd.DataFrame([{
    ...     "variable": "er", "contrast": "ER positive vs negative", "univariable_hr": "5.48e5",
    ...     "univariable_ci": "0 to Inf", "univariable_p": "0.996", "multivariable_hr": "",
    ...     "multivariable_ci": "", "multivariable_p": ""}])
    >>> estimate = read_regression(table, "Table 3")[0].estimates["univariable"]
    >>> estimate.finite, estimate.diverged
    (False, True)
    """
    needed = [f"{model}_{part}" for model in MODELS for part in ("hr", "ci", "p")]
    _require(table, ("variable", "contrast", *needed), name)
    table = table.fillna("")
    columns = {model: _column(table, model, name) for model in MODELS}
    return [
        Contrast(
            row["variable"],
            level_of(row["contrast"]),
            row["contrast"],
            {model: columns[model][i] for model in MODELS},
        )
        for i, (_, row) in enumerate(table.iterrows())
    ]


def _column(table, model, name) -> list[Estimate]:
    """Read the estimates of one model."""
    estimates = []
    for _, row in table.iterrows():
        place = f"{name}, {row['contrast']}, {model}"
        hr = _cell(row[f"{model}_hr"], place)
        try:
            low, high = parse_interval(row[f"{model}_ci"])
        except StudyError as error:
            raise StudyError(f"{place}: {error}") from None
        p = _cell(row[f"{model}_p"], place)
        aliased = row[f"{model}_hr"].strip().upper() == "NA"
        estimates.append(Estimate(hr, low, high, p, aliased))
    widened = {
        part: widen_padded([getattr(estimate, part) for estimate in estimates], part == "p")
        for part in ("low", "high", "p")
    }
    return [
        replace(estimate, **{part: column[i] for part, column in widened.items()})
        for i, estimate in enumerate(estimates)
    ]


def _cell(text: str, place: str) -> PrintedNumber | None:
    try:
        return parse_number(text)
    except StudyError as error:
        raise StudyError(f"{place}: {error}") from None


def _require(table: pd.DataFrame, columns, name: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise StudyError(f"{name}: the printed table has no column '{missing[0]}'.")


def read_facts(table: pd.DataFrame) -> dict[str, str]:
    """Read the facts that a paper states outside its tables.

    Parameters
    ----------
    table : pandas.DataFrame
        Text columns key, value and where.

    Returns
    -------
    dict
        Key to value, as printed.

    Raises
    ------
    StudyError
        If a column is missing or a key stands twice.

    Examples
    --------
    >>> read_facts(pd.DataFrame([("logrank_p", "0.78", "Results")],
    ...                         columns=["key", "value", "where"]))
    {'logrank_p': '0.78'}
    """
    _require(table, ("key", "value", "where"), "text")
    twice = table.loc[table["key"].duplicated(), "key"]
    if len(twice):
        raise StudyError(f"text: the key '{twice.iloc[0]}' stands twice.")
    return dict(zip(table["key"], table["value"].str.strip(), strict=True))
