"""Audit of a paper's printed tables: recompute what they allow, without any record."""

from collections.abc import Mapping

import pandas as pd

from seermatch.paper.balance import audit_balance
from seermatch.paper.effect import (
    TESTS,
    audit_abstract,
    audit_competing_deaths,
    audit_group_test,
    audit_power,
)
from seermatch.paper.finding import VERDICTS, Finding, fact
from seermatch.paper.flow import audit_flow, audit_followup
from seermatch.paper.groups import (
    audit_characteristics,
    audit_exposed_group,
    audit_receptors,
)
from seermatch.paper.models import (
    audit_estimates,
    audit_events_per_term,
    audit_separation,
    audit_signs,
    audit_univariable,
)
from seermatch.paper.tables import read_characteristics, read_facts, read_regression
from seermatch.variables.printed import Variable

__all__ = ["COLUMNS", "VERDICTS", "audit_tables"]

COLUMNS = Finding._fields


def audit_tables(
    table1: pd.DataFrame,
    table2: pd.DataFrame,
    table3: pd.DataFrame,
    table4: pd.DataFrame,
    text: pd.DataFrame,
    *,
    variables: Mapping[str, Variable],
) -> pd.DataFrame:
    """Recompute from printed tables and facts what they allow, and set it against the print.

    Parameters
    ----------
    table1, table2 : pandas.DataFrame
        Characteristics before and after matching, all cells text; see
        `seermatch.paper.tables.read_characteristics`.
    table3, table4 : pandas.DataFrame
        Hazard ratios of death (Cox) and of death of the cause of interest (Fine-Gray); see
        `seermatch.paper.tables.read_regression`.
    text : pandas.DataFrame
        Facts of the text: key, value, where. A check whose facts are missing is left out.
    variables : mapping of str to Variable
        The variables of the study (`seermatch.variables.printed`).

    Returns
    -------
    pandas.DataFrame
        Text columns check, printed, recomputed, verdict (one of `VERDICTS`) and note.

    Raises
    ------
    StudyError
        If a column is missing or a cell cannot be read.
    """
    before = read_characteristics(table1, "Table 1")
    after = read_characteristics(table2, "Table 2")
    models = {
        "Table 3": read_regression(table3, "Table 3"),
        "Table 4": read_regression(table4, "Table 4"),
    }
    facts = read_facts(text)
    findings = [*audit_flow(before, after, facts)]
    for name, table in (("Table 1", before), ("Table 2", after)):
        findings += audit_characteristics(name, table, variables)
        findings += audit_receptors(name, table)
    findings += audit_exposed_group(before, after)
    findings += audit_balance(before, after, facts, variables)
    findings += audit_followup(before, after, facts)
    for name, rows in models.items():
        findings += audit_estimates(name, rows)
        findings += audit_univariable(name, rows, after)
        findings += audit_separation(name, rows, after)
        findings += audit_signs(name, rows)
        if events := fact(facts, TESTS[name][2]):
            findings += audit_events_per_term(name, rows, round(events.value))
        findings += audit_group_test(name, rows, after, facts)
        findings += audit_power(name, rows, after, facts)
    findings += audit_abstract(models, facts)
    findings += audit_competing_deaths(models, after, facts)
    return pd.DataFrame(findings, columns=list(COLUMNS))
