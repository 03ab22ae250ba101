"""Each printed cell of a paper's Tables 1 to 4 beside that of a run."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import pandas as pd

from seermatch.analysis.names import ALIASED
from seermatch.errors import StudyError
from seermatch.paper.numbers import parse_interval, parse_number, plain_label
from seermatch.paper.tables import MODELS, STATISTICS, level_of, read_characteristics
from seermatch.wording.study_tables import MEDIAN

ARMS = ("reference", "exposed")
COLUMNS = ("table", "variable", "level", "cell", "paper", "run", "agrees", "by_construction")
COUNT = re.compile(r"(?P<count>≤?[\d,.]+) \((?P<percent>[\d.]+)%\)")
MEDIAN_CELL = re.compile(r"(?P<median>[\d.]+) \((?P<q1>[\d.]+)–(?P<q3>[\d.]+)\)")
NOTHING: frozenset[tuple[str, str]] = frozenset()

# One table as cells: (variable, level, cell) to the printed text.
Cells = dict[tuple[str, str, str], str]


def compare_with_paper(
    paper: Mapping[str, pd.DataFrame],
    run: Mapping[str, pd.DataFrame],
    by_construction: Collection[tuple[str, str]] = NOTHING,
) -> pd.DataFrame:
    """Set each printed cell of a paper beside that of a run.

    Parameters
    ----------
    paper : mapping
        ``table1`` to ``table4``: the paper's tables as printed, in the format of
        `seermatch.paper.tables`.
    run : mapping
        The same keys: the run's tables as text, from `seermatch.wording.study_tables`.
    by_construction : collection of (table, arm), optional
        Columns of Tables 1 and 2 that the data fix, from `synthetic_columns`. Counts, percentages,
        medians and quartiles of such a column, and p-values of factors where both are such, agree
        because the data were made so.

    Returns
    -------
    pandas.DataFrame
        table, variable, level, cell (``reference_count``, ``exposed_q1``, ``p_value``,
        ``univariable_hr``, ...), paper and run (as printed, empty where a cell is missing), agrees
        and by_construction (booleans). Numbers agree where one could be the other, rounded; an
        aliased term agrees with ``NA``.

    Raises
    ------
    StudyError
        If the groups of the paper are not those of the run.
    """
    lines = []
    for name in ("table1", "table2"):
        printed = read_characteristics(paper[name], name)
        labels = tuple(run[name].columns[2:4])
        if tuple(map(plain_label, printed.labels)) != tuple(map(plain_label, labels)):
            raise StudyError(
                f"paper: its {name} compares {' with '.join(printed.labels)}, this study "
                f"{' with '.join(labels)}; give the tables of another paper, or null for none."
            )
        fixed = {arm for table, arm in by_construction if table == name}
        theirs, ours = _paper_characteristics(paper[name]), _run_characteristics(run[name])
        factors = {variable for variable, level, _ in theirs if level}
        for key, texts in _beside(theirs, ours):
            made = _is_fixed(key, factors, fixed)
            lines.append((name, *key, *texts, _agree(*texts), made))
    for name in ("table3", "table4"):
        theirs, ours = _regression(paper[name]), _regression(run[name])
        for key, texts in _beside(theirs, ours):
            lines.append((name, *key, *texts, _agree(*texts), False))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def synthetic_columns(
    scales: Mapping[str, float], run: Mapping[str, pd.DataFrame]
) -> frozenset[tuple[str, str]]:
    """Name the columns of Tables 1 and 2 that the synthetic registry fixes.

    Parameters
    ----------
    scales : mapping
        ``reference_scale`` and ``exposed_scale`` of the synthetic registry. At 1, the arm has
        exactly the margins of the paper's Table 1.
    run : mapping
        ``table1`` and ``table2`` of the run. Where all exposed patients were matched, their column
        of Table 2 is that of Table 1.

    Returns
    -------
    frozenset of (table, arm)

    Examples
    --------
    >>> table = pd.DataFrame([("n", "", "5", "2")], columns=["variable", "level", "M0", "M0(i+)"])
    >>> columns = synthetic_columns({"reference_scale": 0.5, "exposed_scale": 1.0},
    ...                             {"table1": table, "table2": table})
    >>> sorted(columns)
    [('table1', 'exposed'), ('table2', 'exposed')]
    """
    fixed = {("table1", arm) for arm in ARMS if scales.get(f"{arm}_scale", 1.0) == 1}
    before, after = (
        _run_characteristics(run[name])["n", "", "exposed_count"] for name in ("table1", "table2")
    )
    if ("table1", "exposed") in fixed and before == after:
        fixed.add(("table2", "exposed"))
    return frozenset(fixed)


def _is_fixed(key: tuple[str, str, str], factors: set[str], fixed: set[str]) -> bool:
    variable, _, cell = key
    if cell == "p_value":
        return variable in factors and fixed == set(ARMS)
    return cell.partition("_")[0] in fixed


def _paper_characteristics(table: pd.DataFrame) -> Cells:
    columns = [column for column in table.columns if "(n=" in column.replace(" ", "")]
    percent = next(column for column in table.columns if column.startswith("percent"))
    sizes = [re.search(r"n\s*=\s*([\d, ]+)\)", column)[1] for column in columns]
    cells: Cells = {("n", "", f"{arm}_count"): size for arm, size in zip(ARMS, sizes, strict=True)}
    for _, row in table.fillna("").iterrows():
        variable, label = row["variable"], plain_label(row["level_or_statistic"])
        statistic = label in STATISTICS
        level = "" if statistic else label
        for arm, column in zip(ARMS, columns, strict=True):
            cells[variable, level, f"{arm}_{label if statistic else 'count'}"] = row[column]
        shares = row[percent].split("|") if row[percent] else ("", "")
        for arm, share in zip(ARMS, shares, strict=True):
            cells[variable, level, f"{arm}_percent"] = share
        if row["p_value"]:
            cells[variable, "", "p_value"] = row["p_value"]
    return {key: text.strip() for key, text in cells.items() if text.strip()}


def _run_characteristics(table: pd.DataFrame) -> Cells:
    cells: Cells = {}
    columns = table.columns[2:4]
    for _, row in table.fillna("").iterrows():
        variable = row["variable"]
        level = "" if row["level"] == MEDIAN else row["level"]
        for arm, column in zip(ARMS, columns, strict=True):
            match = COUNT.fullmatch(row[column]) or MEDIAN_CELL.fullmatch(row[column])
            parts = match.groupdict() if match else {"count": row[column]}
            for part, text in parts.items():
                cells[variable, level, f"{arm}_{part}"] = text
        if row.get("p_value"):
            cells[variable, "", "p_value"] = row["p_value"]
    return {key: text for key, text in cells.items() if text}


def _regression(table: pd.DataFrame) -> Cells:
    """Take apart Table 3 or 4, the paper's or a run's."""
    return {
        (row["variable"], level_of(row["contrast"]), f"{model}_{part}"): text
        for _, row in table.fillna("").iterrows()
        for model in MODELS
        for part in ("hr", "ci", "p")
        if (text := row[f"{model}_{part}"].strip())
    }


def _beside(theirs: Cells, ours: Cells) -> Iterator[tuple[tuple[str, str, str], tuple[str, str]]]:
    """Join the cells of both by key, in the order of the variables and levels of the paper."""
    keys = dict.fromkeys([*theirs, *ours])
    variables = list(dict.fromkeys(variable for variable, _, _ in keys))
    rows = list(dict.fromkeys(key[:2] for key in keys))
    for key in sorted(keys, key=lambda key: (variables.index(key[0]), rows.index(key[:2]))):
        yield key, (theirs.get(key, ""), ours.get(key, ""))


def _agree(paper: str, run: str) -> bool:
    if paper.upper() == "NA":
        return run in ("", ALIASED, "NA")
    try:
        if " to " in paper or "–" in paper:
            return _same(parse_interval(paper), parse_interval(run))
        return _same([parse_number(paper)], [parse_number(run)])
    except StudyError:  # words, such as a separated term's
        return False


def _same(paper: Sequence, run: Sequence) -> bool:
    for a, b in zip(paper, run, strict=True):
        if a is None or b is None or a.bound != b.bound:
            return False
        coarser, finer = sorted((a, b), key=lambda number: -number.half_unit)
        if not (coarser.value == finer.value or (not a.bound and coarser.covers(finer.value))):
            return False
    return True
