"""Overall survival: follow-up, curves, regression, and the proportional-hazards assumption."""

import pandas as pd

from seermatch.analysis.names import MODELS
from seermatch.disclosure.rule import MASKED
from seermatch.report.outcomes import INDEPENDENT, marks_table, show_forest
from seermatch.report.section import Figure, Section, Table, show_figure
from seermatch.variables.printed import label_groups, printed
from seermatch.wording.numbers import capitalize, format_count, format_range, state_p
from seermatch.wording.printed_tables import (
    PrintedTable,
    print_contrasts,
    print_frame,
    print_regression,
)
from seermatch.wording.results import Results
from seermatch.wording.terms import describe_balance_term, print_test
from seermatch.wording.warnings import events_per_coefficient


def section(results: Results) -> Section:
    """Show follow-up, Kaplan–Meier curves, Table 3 and the figures that check its models."""
    reference, exposed = results.printed
    logrank = results["logrank"].iloc[0]
    curves = show_figure(
        results,
        "survival_curves",
        "3",
        "Overall survival of the matched patients (Kaplan–Meier). Steps with 95% bands: "
        f"{reference} solid, {exposed} dashed; numbers at risk below.",
        f"Kaplan–Meier curves of {reference} and {exposed}, {print_test(logrank['test'])} "
        f"{state_p(logrank['p_value'])}. A table below holds the estimates.",
    )
    estimates = marks_table(
        results["survival"],
        results.labels,
        results.config["figures"]["follow_up_marks"],
        "survival",
        1.0,
        "Overall survival of the matched patients.",
    )
    regression = print_regression(
        results["table3"],
        "Overall mortality in the matched patients (Cox regression).",
        notes=(*events_per_coefficient(results.of_model("cox")), INDEPENDENT),
    )
    contrasts = print_contrasts(
        results.of_model("cox", "contrasts"), "Comparisons among the separated terms of Table 3."
    )
    parts = (
        Table(
            "followup", followup_table(results["followup"], results.labels, results.cancer), "S3"
        ),
        curves,
        Table("survival", estimates, "S4"),
        Table("table3", regression, "3"),
        *([Table("table3_contrasts", contrasts, "3a", "wrap")] if contrasts.rows else []),
        show_forest(results, "cox", "S2"),
        log_log_survival(results),
        schoenfeld_residuals(results),
    )
    return Section("survival", "Overall survival", parts)


def followup_table(followup: pd.DataFrame, labels: tuple[str, str], cancer: str) -> PrintedTable:
    """Lay out follow-up and deaths per population and group.

    Parameters
    ----------
    followup : pandas.DataFrame
        Rows of ``results/followup.tsv``; the group may also be ``all``.
    labels : tuple of str
        Label of the reference and of the exposed group.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    PrintedTable
        One row per population and group.

    Examples
    --------
    >>> frame = pd.DataFrame({"population": ["matched"], "group": ["1"], "n": [585],
    ...     "median": [30.0], "q1": [18.0], "q3": [47.0], "maximum": [59],
    ...     "reverse_km_median": [33.0], "deaths_cancer": [19], "deaths_other": [12]})
    >>> followup_table(frame, ("M0", "M0(i+)"), "lung cancer").rows[0]
    PrintedRow(label='Matched, M0(i+)', cells=('585', '30 (18–47)', '59', '33', '19', '12'), \
kind='row')
    """
    all_rows = followup["group"] == "all"
    groups = label_groups(followup.loc[~all_rows, "group"], labels).map(printed)
    groups = groups.reindex(followup.index, fill_value="all")
    frame = followup.assign(
        name=followup["population"].str.capitalize() + ", " + groups,
        middle=[
            f"{row.median:g} ({format_range(row.q1, row.q3, None)})"
            if pd.notna(row.median)
            else MASKED
            for row in followup.itertuples()
        ],
    )
    columns = {
        "name": "Patients",
        "n": "n",
        "middle": "Median (IQR), months",
        "maximum": "Maximum",
        "reverse_km_median": "Median by reverse Kaplan–Meier",
        "deaths_cancer": f"{capitalize(cancer)} deaths",
        "deaths_other": "Other deaths",
    }
    formats = dict.fromkeys(("n", "deaths_cancer", "deaths_other"), format_count)
    formats |= dict.fromkeys(("maximum", "reverse_km_median"), "{:g}".format)
    return print_frame(frame, "Follow-up and deaths.", columns, formats)


def log_log_survival(results: Results) -> Figure:
    """Show the log-log curves, which check that hazards are proportional."""
    reference, exposed = results.printed
    tests = results["proportional_hazards"]
    alone = tests.loc[tests["model"] == MODELS[0], "p_value"].iloc[0]
    return show_figure(
        results,
        "log_log_survival",
        "S3",
        f"Log-log survival of {reference} (solid) and {exposed} (dashed). Curves that keep their "
        "distance go with proportional hazards; p by a score test of the group.",
        f"Log-log curves of {reference} and {exposed} against the logarithm of time. Test of "
        f"proportional hazards: {state_p(alone)}.",
    )


def schoenfeld_residuals(results: Results) -> Figure:
    """Show the scaled Schoenfeld residuals of the recommended model."""
    masked = results.disclosure.minimum_count
    points = "The residuals, one per death, are not shown." if masked else "A point is a death."
    return show_figure(
        results,
        "schoenfeld_residuals",
        "S4",
        "Scaled Schoenfeld residuals of the recommended Cox model: spline with 95% band, and "
        f"dashed the coefficient under proportional hazards; p by score tests. {points}",
        f"One panel per term. {_term_tests(results)}",
    )


def _term_tests(results: Results) -> str:
    """Say the p-value of every column of the recommended model, and of all together."""
    tests = results["proportional_hazards"]
    found = []
    for row in tests[tests["model"] == "recommended"].itertuples():
        name = "all terms"
        if row.term != "GLOBAL":
            name = describe_balance_term(row.term, row.level, results.variables)
        found.append(f"{name}, {state_p(row.p_value)}")
    return f"Tests of proportional hazards: {'; '.join(found)}."
