"""What the criteria of a study ask: the two groups, rules on fields, what an export must hold."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import polars as pl

from seermatch.errors import StudyError
from seermatch.seer.fields import seer_fields


@dataclass(frozen=True)
class Exposure:
    """The field that tells the two groups apart, and the labels of each.

    Attributes
    ----------
    field : str
        Canonical name of the field, such as ``"m_stage"``.
    reference, exposed : tuple of str
        Labels of the field that make up each group.
    """

    field: str
    reference: tuple[str, ...]
    exposed: tuple[str, ...]

    def arm(self) -> pl.Expr:
        """Give ``"reference"``, ``"exposed"`` or null for each record."""
        field = pl.col(self.field)
        return (
            pl.when(field.is_in(self.reference))
            .then(pl.lit("reference"))
            .when(field.is_in(self.exposed))
            .then(pl.lit("exposed"))
        )


def rule_expression(field: str, rule: dict, numeric: bool) -> pl.Expr:
    """Translate a rule of the configuration into a condition on a field.

    Parameters
    ----------
    field : str
        Canonical name of the field.
    rule : dict
        ``labels`` (a list), ``pattern`` (a regular expression for the whole label), or
        ``minimum`` and ``maximum``.
    numeric : bool
        Whether the field is a number.

    Returns
    -------
    polars.Expr
        True where the field meets the rule; missing values never do.

    Raises
    ------
    StudyError
        If a range is asked of a text field or a pattern of a number, or a pattern is none.

    Examples
    --------
    >>> rows = pl.DataFrame({"grade": ["1", "9", None]})
    >>> rows.select(rule_expression("grade", {"labels": [1, 2]}, numeric=False))["grade"].to_list()
    [True, False, False]
    """
    column = pl.col(field)
    conditions = []
    if "labels" in rule:
        labels = rule["labels"]
        try:
            wanted = [int(label) if numeric else str(label) for label in labels]
        except ValueError:
            raise StudyError(
                f"{field} is a number; a criterion or recode names the label {labels!r}."
            ) from None
        conditions.append(column.is_in(wanted))
    if "pattern" in rule:
        if numeric:
            raise StudyError(f"{field} is a number; give minimum and maximum, not a pattern.")
        conditions.append(column.str.contains(whole_label(rule["pattern"])))
    for bound in ("minimum", "maximum"):
        if bound in rule:
            if not numeric:
                raise StudyError(f"{field} is text; give labels or a pattern, not a {bound}.")
            limit = rule[bound]
            conditions.append(column >= limit if bound == "minimum" else column <= limit)
    return pl.all_horizontal(conditions).fill_null(False).alias(field)


def whole_label(pattern: str) -> str:
    """Give the regular expression that matches a whole label where a pattern does.

    Parameters
    ----------
    pattern : str
        Regular expression, as polars reads them (no look-around, no back-references).

    Returns
    -------
    str

    Raises
    ------
    StudyError
        If it is none.

    Examples
    --------
    >>> whole_label("T[12].*")
    '^(?:T[12].*)$'
    """
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        reason = re.search("^error: (.*)$", str(error), re.MULTILINE)[1]
        raise StudyError(f"the pattern {pattern!r} is no regular expression: {reason}.") from None
    return f"^(?:{pattern})$"


def of_registries(records: pl.LazyFrame, registries: list[str] | None) -> pl.LazyFrame:
    """Take the records of some registries.

    Parameters
    ----------
    records : polars.LazyFrame
        Records with canonical field names, as exported.
    registries : list of str or None
        Labels of `registry`; None takes all records.

    Returns
    -------
    polars.LazyFrame

    Raises
    ------
    StudyError
        If registries are asked for and the export does not tell them.

    Examples
    --------
    >>> rows = pl.LazyFrame({"registry": ["Utah", "Iowa"], "age": ["63", "41"]})
    >>> of_registries(rows, ["Iowa"]).collect().rows()
    [('Iowa', '41')]
    """
    if registries is None:
        return records
    if "registry" not in records.collect_schema().names():
        raise StudyError(
            "cohort.registries names registries, but the export has no column SEER registry. "
            "SEER Research exports cannot hold it, SEER Research Plus exports can; export it "
            "there, or set cohort.registries to null."
        )
    return records.filter(pl.col("registry").str.strip_chars().is_in(registries))


def without_impossible_months(records: pl.LazyFrame, last_year: int | None) -> pl.LazyFrame:
    """Take survival months that end after the database does as unknown.

    Parameters
    ----------
    records : polars.LazyFrame
        Standardized records (`seermatch.seer.spelling.standardize`).
    last_year : int or None
        Last year of the database; None changes nothing.

    Returns
    -------
    polars.LazyFrame

    Examples
    --------
    >>> rows = pl.LazyFrame({"year": [2021, 2021], "survival_months": [23, 24]})
    >>> without_impossible_months(rows, 2022).collect()["survival_months"].to_list()
    [23, None]
    """
    if last_year is None or "survival_months" not in records.collect_schema().names():
        return records
    months = pl.col("survival_months")
    possible = months <= (last_year - pl.col("year")) * 12 + 11
    return records.with_columns(pl.when(possible).then(months).alias("survival_months"))


def exported_rules(criterion: dict, fields: list[str]) -> tuple[dict, list[str]]:
    """Give the rules of a criterion that an export can be asked.

    Parameters
    ----------
    criterion : dict
        As in `filter_cohort`.
    fields : list of str
        Fields that the export holds, and ``exposure``.

    Returns
    -------
    rules : dict
        Field to rule.
    missing : list of str
        The fields for want of which the criterion is left out; empty where it applies.

    Raises
    ------
    StudyError
        If a field is missing and the criterion has to be applied.

    Examples
    --------
    >>> nodes = {"criterion": "nodes examined", "if_exported": True, "any": True,
    ...          "keep": {"eod_regional_nodes": {"labels": ["070"]}, "n_nodes": {"minimum": 1}}}
    >>> exported_rules(nodes, ["eod_regional_nodes"])
    ({'eod_regional_nodes': {'labels': ['070']}}, [])
    """
    keep = criterion["keep"]
    missing = [field for field in keep if field not in fields]
    if criterion.get("any") and len(missing) < len(keep):
        return {field: rule for field, rule in keep.items() if field in fields}, []
    if not criterion.get("if_exported"):
        require_fields(fields, keep, f"the criterion '{criterion['criterion']}'")
    return keep, missing


def tell_not_applied(name: str, missing: list[str]) -> str:
    """Say that a criterion is not applied for want of fields.

    Examples
    --------
    >>> tell_not_applied("one tumor", ["sequence_number"])
    "warning: 'one tumor' is not applied: Sequence number is not exported"
    """
    known = seer_fields()
    variables = [known[field].variable if field in known else field for field in missing]
    lacks = f"{', '.join(variables)} {'is' if len(missing) == 1 else 'are'} not exported"
    return f"warning: '{name}' is not applied: {lacks}"


def require_fields(fields: Collection[str], wanted: Iterable[str], who: str) -> None:
    """Refuse an export that lacks a field which `who` needs.

    Raises
    ------
    StudyError
        Names the missing fields.

    Examples
    --------
    >>> require_fields(["sex", "age"], ["age"], "the exposure")
    """
    missing = [name for name in wanted if name not in fields]
    if missing:
        raise StudyError(
            f"{who} needs {', '.join(missing)}, which the export does not hold; select the "
            f"variable in SEER*Stat and export again, or change cohort.criteria."
        )
