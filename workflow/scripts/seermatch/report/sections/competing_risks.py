"""Deaths by cause: cumulative incidence, and regression with competing risks."""

from functools import partial

from seermatch.report.outcomes import INDEPENDENT, marks_table, show_forest
from seermatch.report.section import Section, Table, show_figure
from seermatch.wording.numbers import capitalize, state_p
from seermatch.wording.printed_tables import print_contrasts, print_regression
from seermatch.wording.results import Results
from seermatch.wording.terms import name_event, print_test
from seermatch.wording.warnings import events_per_coefficient


def section(results: Results) -> Section:
    """Show cumulative incidence curves, Table 4 and its forest plot."""
    reference, exposed = results.printed
    named = partial(name_event, cancer=results.cancer)
    gray = "; ".join(
        f"{named(row.cause)}, {print_test(row.test)} {state_p(row.p_value)}"
        for row in results["gray"].itertuples()
    )
    curves = show_figure(
        results,
        "incidence_curves",
        "4",
        "Cumulative incidence of death by cause in the matched patients. Steps with 95% bands: "
        f"{reference} solid, {exposed} dashed; numbers at risk below.",
        f"Cumulative incidence curves of {reference} and {exposed}: {gray}. A table below holds "
        "the estimates.",
    )
    incidence = results["incidence"]
    estimates = marks_table(
        incidence.assign(cause=incidence["cause"].map(named)),
        results.labels,
        results.config["figures"]["follow_up_marks"],
        "incidence",
        0.0,
        "Cumulative incidence of death in the matched patients.",
    )
    model = "Fine–Gray subdistribution hazards model; deaths of other causes compete."
    regression = print_regression(
        results["table4"],
        f"{capitalize(results.cancer)} mortality in the matched patients (competing risks "
        "regression).",
        "sHR",
        (model, *events_per_coefficient(results.of_model("fine_gray")), INDEPENDENT),
    )
    contrasts = print_contrasts(
        results.of_model("fine_gray", "contrasts"),
        "Comparisons among the separated terms of Table 4.",
        "sHR",
    )
    parts = (
        curves,
        Table("incidence", estimates, "S5"),
        Table("table4", regression, "4"),
        *([Table("table4_contrasts", contrasts, "4a", "wrap")] if contrasts.rows else []),
        show_forest(results, "fine_gray", "S5"),
    )
    return Section("competing-risks", "Deaths by cause (competing risks)", parts)
