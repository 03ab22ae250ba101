"""Characteristics of the patients before and after matching."""

from seermatch.report.section import Section, Table
from seermatch.wording.printed_tables import print_characteristics
from seermatch.wording.results import Results


def section(results: Results) -> Section:
    """Show Tables 1 and 2."""
    tables = tuple(
        Table(
            f"table{number}",
            print_characteristics(
                results[f"table{number}"],
                results.labels,
                f"Characteristics of the patients {when} matching.",
                results.variables,
            ),
            number,
        )
        for number, when in (("1", "before"), ("2", "after"))
    )
    return Section("characteristics", "Patient characteristics", tables)
