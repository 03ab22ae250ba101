"""Tables 1 to 4 as text, made from the tidy results: what the published table files hold."""

from collections.abc import Iterable, Mapping

import pandas as pd

from seermatch.analysis.names import ALIASED, FEW_EVENTS, MODELS, NO_EVENT, SEPARATED
from seermatch.disclosure.rule import MASKED
from seermatch.errors import StudyError
from seermatch.variables.printed import Variable, label_groups
from seermatch.wording.numbers import (
    NOT_ESTIMABLE,
    format_count,
    format_p,
    format_range,
    format_ratio,
)
from seermatch.wording.terms import describe_contrast

MEDIAN = "median (IQR)"
FIRTH_MARK = " (Firth)"
FEW_MARK = " (few)"


def characteristics_table(comparison: pd.DataFrame, labels: tuple[str, str]) -> pd.DataFrame:
    """Lay out the characteristics of the two groups as text (Tables 1 and 2).

    Parameters
    ----------
    comparison : pandas.DataFrame
        Rows of one population: variable, level, group (0 and 1, or the labels), n, percent
        (0 to 100), median, q1, q3, test, p_value. For a continuous variable, `n` is the group.
    labels : tuple of str
        Label of the reference and of the exposed group; they become the names of two columns.

    Returns
    -------
    pandas.DataFrame
        Text columns variable, level, reference label, exposed label, p_value, test. The first row
        is the variable ``n``; `p_value` and `test` stand on the first row of their variable.

    Raises
    ------
    StudyError
        If a group has no row, or the rows are of more than one population.

    Examples
    --------
    >>> rows = pd.DataFrame(
    ...     {"variable": "grade", "level": ["I-II", "I-II", "III", "III"], "group": [0, 1, 0, 1],
    ...      "n": [817, 408, 353, 177], "percent": [69.829, 69.744, 30.171, 30.256],
    ...      "median": None, "q1": None, "q3": None, "test": "Pearson chi-square",
    ...      "p_value": 0.9709})
    >>> table = characteristics_table(rows, ("M0", "M0(i+)"))
    >>> print(table.drop(columns="test").to_csv(index=False, sep="|"), end="")
    variable|level|M0|M0(i+)|p_value
    n||1,170|585|
    grade|I-II|817 (69.83%)|408 (69.74%)|0.971
    grade|III|353 (30.17%)|177 (30.26%)|
    """
    if "population" in comparison and len(comparison["population"].unique()) > 1:
        raise StudyError("population: choose the rows of one population for one table.")
    rows = comparison.assign(group=label_groups(comparison["group"], labels))
    rows = rows.assign(level=rows["level"].fillna("").astype(str))
    missing = [label for label in labels if not (rows["group"] == label).any()]
    if missing:
        raise StudyError(f"group: no patients in '{missing[0]}', so there is nothing to compare.")
    sizes = _group_sizes(rows)
    lines = [("n", "", *(format_count(sizes[label]) for label in labels), "", "")]
    for variable, block in rows[rows["variable"] != "n"].groupby("variable", sort=False):
        for position, (level, cells) in enumerate(block.groupby("level", sort=False)):
            texts = {row.group: _characteristic(row) for row in cells.itertuples()}
            first = cells.iloc[0]
            lines.append(
                (
                    variable,
                    level if level and pd.isna(first["median"]) else MEDIAN,
                    *(texts.get(label, "") for label in labels),
                    format_p(first["p_value"]) if position == 0 else "",
                    first["test"] if position == 0 and pd.notna(first["test"]) else "",
                )
            )
    return pd.DataFrame(lines, columns=["variable", "level", *labels, "p_value", "test"])


def _group_sizes(rows: pd.DataFrame) -> pd.Series:
    """Count the patients of each group from any one variable: its levels add up to the group."""
    first = rows[rows["variable"] == rows["variable"].iloc[0]]
    return first.groupby("group")["n"].agg(lambda n: n.sum(skipna=False))  # masked stays so


def _characteristic(row) -> str:
    if pd.isna(row.median) and pd.isna(row.percent):
        return MASKED
    if pd.notna(row.median):
        return f"{row.median:g} ({format_range(row.q1, row.q3, None)})"
    return f"{format_count(row.n)} ({row.percent:.2f}%)"


def regression_table(
    models: pd.DataFrame,
    terms: Iterable[str],
    labels: tuple[str, str],
    reference_levels: Mapping[str, str],
    variables: Mapping[str, Variable],
) -> pd.DataFrame:
    """Lay out hazard ratios as text, the kinds of model side by side (Tables 3 and 4).

    Parameters
    ----------
    models : pandas.DataFrame
        Rows with model (``univariable``, ``multivariable``, ``recommended``), term, level, hr,
        hr_low, hr_high, p_value, status (``ok``, ``aliased``, ``separated``, ``few events``, ``no
        event``, ``masked``). A separated term holds its Firth estimate, or no number at all: never
        the one of the diverged fit.
    terms : iterable of str
        In the order of the table; a term that is in no model gets no row.
    labels : tuple of str
        Label of the reference and of the exposed group.
    reference_levels : mapping
        Reference level per factor.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    pandas.DataFrame
        Text columns variable, contrast, and `<model>_hr`, `<model>_ci`, `<model>_p` per model.
        Cells are empty where a term is not in that model.

    Examples
    --------
    >>> rows = pd.DataFrame({
    ...     "model": ["univariable", "multivariable"], "term": "age", "level": "",
    ...     "hr": [1.0688, 1.0746], "hr_low": [1.0494, 1.0552], "hr_high": [1.0896, 1.0961],
    ...     "p_value": [1e-9, 0.004], "status": "ok"})
    >>> table = regression_table(rows, ["age"], ("M0", "M0(i+)"), {}, {})
    >>> print(table.iloc[0, 1:8].to_list())
    ['Age', '1.069', '1.049–1.090', '<0.001', '1.075', '1.055–1.096', '0.004']
    """
    rows = models.assign(level=models["level"].fillna("").astype(str))
    # The group's contrast is named by its labels; how a model spells its level does not matter.
    rows["level"] = rows["level"].where(rows["term"] != "group", "")
    cells = {(row.model, row.term, row.level): row for row in rows.itertuples()}
    words, lines = (labels, reference_levels, variables), []
    for variable in terms:
        for level in rows.loc[rows["term"] == variable, "level"].unique():
            line = [variable, describe_contrast(variable, level, *words)]
            for model in MODELS:
                line += _estimate(cells.get((model, variable, level)))
            lines.append(line)
    names = [f"{model}_{part}" for model in MODELS for part in ("hr", "ci", "p")]
    return pd.DataFrame(lines, columns=["variable", "contrast", *names])


def _estimate(row) -> tuple[str, str, str]:
    """Print hazard ratio, interval and p-value of one term of one model."""
    if row is None:
        return "", "", ""
    if row.status in (ALIASED, MASKED):
        return row.status, "", ""
    if row.status == NO_EVENT:
        return NOT_ESTIMABLE, "", ""
    if pd.isna(row.hr):
        return (SEPARATED if row.status == SEPARATED else ""), "", ""
    mark = {SEPARATED: FIRTH_MARK, FEW_EVENTS: FEW_MARK}.get(row.status, "")
    interval = format_range(row.hr_low, row.hr_high)
    return format_ratio(row.hr) + mark, interval, format_p(row.p_value)


# ----- curves at chosen times --------------------------------------------------------------------


def reference_levels(table: pd.DataFrame) -> dict[str, str]:
    """Name the reference level of each factor: the first that a table lists.

    Parameters
    ----------
    table : pandas.DataFrame
        With variable and level, such as `characteristics_table` gives.

    Returns
    -------
    dict
        Variable to level; numbers have none.

    Examples
    --------
    >>> table = pd.DataFrame({"variable": "er", "level": ["Negative", "Positive"]})
    >>> reference_levels(table)
    {'er': 'Negative'}
    """
    levels = table[~table["level"].isin(["", MEDIAN])]
    return levels.drop_duplicates("variable").set_index("variable")["level"].to_dict()
