"""Who was selected: the flow of patients."""

from seermatch.report.section import Section, Table, show_figure
from seermatch.wording.numbers import format_count
from seermatch.wording.result_tables import attrition_table
from seermatch.wording.results import Results


def section(results: Results) -> Section:
    """Show the flow chart, and its counts as a table."""
    attrition = results["attrition"]
    first, last = (format_count(attrition["remaining"].iloc[at]) for at in (0, -1))
    flow_chart = show_figure(
        results,
        "flow_chart",
        "1",
        "Flow chart: records that each criterion left and excluded, and the matched groups.",
        f"Flow chart from {first} records to {last} eligible patients. The next table holds its "
        "counts.",
    )
    counts = Table(
        "attrition",
        attrition_table(attrition, results.printed),
        "S1",
        "counts",
        folded="The same counts as a table (Table S1)",
    )
    return Section("selection", "Patient selection", (flow_chart, counts))
