"""Results as tables for print, alike in the report and in the Word document."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seermatch.analysis.names import (
    IMPUTED,
    OTHER,
    OTHER_FINE_GRAY,
    OVERALL,
    PENALIZED,
    SPECIFIC,
    SPECIFIC_CAUSE,
)
from seermatch.disclosure.rule import MASKED
from seermatch.variables.printed import Variable
from seermatch.wording.numbers import (
    NOTHING,
    capitalize,
    format_count,
    format_p,
    format_signed,
    print_estimate,
)
from seermatch.wording.printed_tables import HeaderCell, PrintedRow, PrintedTable, print_frame
from seermatch.wording.terms import (
    describe_balance_term,
    name_analysis,
    print_criterion,
    print_outcome,
)


def attrition_table(attrition: pd.DataFrame, labels: tuple[str, str]) -> PrintedTable:
    """Lay out the flow: what each criterion left and excluded, in all and per group.

    Parameters
    ----------
    attrition : pandas.DataFrame
        Rows of ``results/attrition.tsv``.
    labels : tuple of str
        Printed labels of the reference and of the exposed group.

    Returns
    -------
    PrintedTable
        One row per step.

    Examples
    --------
    >>> frame = pd.DataFrame({"criterion": ["female"], "remaining": [90], "excluded": [10],
    ...     "remaining_reference": [75], "excluded_reference": [5],
    ...     "remaining_exposed": [15], "excluded_exposed": [5]})
    >>> attrition_table(frame, ("M0", "M0(i+)")).rows[0].cells
    ('90', '10', '75', '5', '15', '5')
    """
    columns = {"criterion": "Criterion", "remaining": "Remaining", "excluded": "Excluded"}
    for arm, label in zip(("reference", "exposed"), labels, strict=True):
        columns[f"remaining_{arm}"] = f"{label} remaining"
        columns[f"excluded_{arm}"] = f"{label} excluded"
    formats = dict.fromkeys(list(columns)[1:], format_count) | {"criterion": print_criterion}
    caption = "Records that each criterion left and excluded, in the order of application."
    return print_frame(attrition, caption, columns, formats)


def balance_table(balance: pd.DataFrame, variables: Mapping[str, Variable]) -> PrintedTable:
    """Lay out standardized mean differences and variance ratios.

    Parameters
    ----------
    balance : pandas.DataFrame
        Rows of ``results/balance.tsv``.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    PrintedTable
        One row per term and level.

    Examples
    --------
    >>> frame = pd.DataFrame({"term": ["age"], "level": [""], "smd_before": [-0.1322],
    ...     "smd_after": [0.01], "variance_ratio_before": [0.93], "variance_ratio_after": [None]})
    >>> balance_table(frame, {}).rows[0].cells
    ('−0.132', '0.010', '0.930', '')
    """
    terms = [describe_balance_term(row.term, row.level, variables) for row in balance.itertuples()]
    columns = {
        "name": "Term",
        "smd_before": "SMD before",
        "smd_after": "SMD after",
        "variance_ratio_before": "Variance ratio before",
        "variance_ratio_after": "Variance ratio after",
    }
    signed = dict.fromkeys(list(columns)[1:], format_signed)
    return print_frame(
        balance.assign(name=terms),
        "Balance of the covariates before and after matching.",
        columns,
        signed,
        (
            "SMD, standardized mean difference: difference of the means over the standard "
            "deviation of the exposed before matching. Variance ratios of continuous terms only.",
        ),
    )


def sensitivity_tables(
    table: pd.DataFrame, variables: Mapping[str, Variable], cancer: str
) -> dict[str, PrintedTable]:
    """Lay out the sensitivity analyses, several outcomes beside each other.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ``results/sensitivity.tsv``; missing events are masked.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    dict
        ``sensitivity``: one row per analysis, with its estimand, patients and weights, overall
        survival and mortality of the cancer; ``sensitivity_others``: the other outcomes.
    """
    others = (SPECIFIC_CAUSE, OTHER, OTHER_FINE_GRAY)
    names = {name: name_analysis(name, variables, cancer) for name in table["analysis"].unique()}
    table = table.assign(analysis=table["analysis"].map(names))
    return {
        "sensitivity": _sensitivity_table(
            table, (OVERALL, SPECIFIC), "Sensitivity analyses.", cancer
        ),
        "sensitivity_others": _sensitivity_table(
            table, others, "Sensitivity analyses, other outcomes.", cancer, described=False
        ),
    }


def _sensitivity_table(
    table: pd.DataFrame,
    outcomes: tuple[str, ...],
    caption: str,
    cancer: str,
    described: bool = True,
) -> PrintedTable:
    """Lay out analyses by outcomes; `described` shows estimand, patients and weights."""
    described_by = ("Estimand", "Patients", "Effective size", "Largest weight") if described else ()
    top = tuple(HeaderCell(text, rows=2) for text in ("Analysis", *described_by))
    top += tuple(HeaderCell(print_outcome(outcome, cancer), columns=3) for outcome in outcomes)
    bottom = tuple(HeaderCell(text) for _ in outcomes for text in ("Events", "HR (95% CI)", "p"))
    rows = []
    for analysis, part in table.groupby("analysis", sort=False):
        first, by_outcome = part.iloc[0], part.set_index("outcome")
        cells: list[str] = []
        if described:
            cells += [first["estimand"], format_count(first["n"])]
            cells += [format_count(np.round(first["effective_sample_size"]))]
            weight = first["largest_weight"]
            cells += [MASKED if pd.isna(weight) else f"{weight:.2f}"]
        for outcome in outcomes:
            if outcome not in by_outcome.index:
                cells += [NOTHING, "", ""]
                continue
            row = by_outcome.loc[outcome]
            cells += [format_count(row["events"]), print_ratio(row), format_p(row["p_value"])]
        rows.append(PrintedRow(capitalize(str(analysis)), tuple(cells)))
    notes = [
        "Variance: clustered by matched set in matched samples; robust by patient in the whole "
        "cohort, weighted or adjusted.",
    ]
    if table["variance"].str.startswith(PENALIZED).any():
        notes.append(
            "Fewer than 20 events, or none in one group: Firth’s penalized estimate, with interval "
            "and p of the penalized likelihood."
        )
    if described:
        notes.append(
            "ATT, effect in the exposed; ATO, in the overlap of both groups; ATE, in everybody; "
            "conditional, at given covariates, which is another quantity."
        )
    if IMPUTED in set(table["analysis"]):
        notes.append(
            "Multiple imputation: patients with unknown covariates included; every imputed data "
            "set is scored and matched anew, so that the spread between them holds that of the "
            "match as well; counts are means."
        )
    if OTHER_FINE_GRAY in outcomes:
        notes.append(
            "Other deaths are a negative control in their cause-specific hazard; their Fine–Gray "
            f"ratio is descriptive, since it moves with {cancer} deaths."
        )
    return PrintedTable(caption, (top, bottom), tuple(rows), tuple(notes))


def print_ratio(row: pd.Series) -> str:
    """Print the hazard ratio of an analysis; without it, its events are missing where masked."""
    return print_estimate(*row[["hr", "hr_low", "hr_high"]], masked=pd.isna(row["events"]))
