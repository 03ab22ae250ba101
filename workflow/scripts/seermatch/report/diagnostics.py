"""Captions and alternative texts of the report's figures that check the models and the match."""

import pandas as pd

from seermatch.variables.printed import printed
from seermatch.wording.numbers import format_range, format_ratio, state_p
from seermatch.wording.terms import describe_balance_term

MODELS = {
    "univariable": "univariable",
    "multivariable": "multivariable as published",
    "recommended": "recommended",
}


def describe_diagnostics(content) -> dict[str, tuple[str, str]]:
    """Describe the overlap of the scores, the forest plots, and the proportional-hazards figures.

    Parameters
    ----------
    content : seermatch.report.page.ReportContent
        Of it balance, cox, fine_gray, proportional_hazards, labels and config.

    Returns
    -------
    dict
        Name of the figure to its caption and its alternative text.
    """
    reference, exposed = (printed(label) for label in content.labels)
    minimum = content.disclosure.minimum_count
    merged = f" Bins are as wide as masking counts below {minimum} asks." if minimum > 1 else ""
    hidden = " The residuals, one per death, are not shown." if minimum else " A point is a death."
    tests = content.proportional_hazards
    alone = tests.loc[tests["model"] == "univariable", "p_value"].iloc[0]
    forest = (
        "squares, other terms; diamonds, the group. Log scale, the same in all columns; values "
        "as in the table above."
    )
    return {
        "score_overlap": (
            f"Propensity scores of {reference} (above the line) and {exposed} patients (below), "
            f"before and after matching.{merged}",
            f"Mirrored histograms. {_score_difference(content.balance)} Table S2 holds the "
            "balance of the score and of the covariates.",
        ),
        "forest_cox": (
            f"Hazard ratios of death with 95% intervals (Cox): {forest}",
            f"Forest plot of Table 3. {_group_ratios(content.cox, 'Hazard ratio', content.labels)}",
        ),
        "log_log_survival": (
            f"Log-log survival of {reference} (solid) and {exposed} (dashed). Curves that keep "
            "their distance go with proportional hazards; p by a score test of the group.",
            f"Log-log curves of {reference} and {exposed} against the logarithm of time. Test of "
            f"proportional hazards: {state_p(alone)}.",
        ),
        "schoenfeld_residuals": (
            "Scaled Schoenfeld residuals of the recommended Cox model: spline with 95% band, and "
            f"dashed the coefficient under proportional hazards; p by score tests.{hidden}",
            f"One panel per term. {_term_tests(tests)}",
        ),
        "forest_fine_gray": (
            f"Subdistribution hazard ratios of breast cancer death with 95% intervals (Fine–Gray): "
            f"{forest}",
            "Forest plot of Table 4. "
            f"{_group_ratios(content.fine_gray, 'Subdistribution hazard ratio', content.labels)}",
        ),
    }


def _score_difference(balance: pd.DataFrame) -> str:
    distance = balance[balance["term"] == "distance"].iloc[0]
    before, after = abs(distance["smd_before"]), abs(distance["smd_after"])
    return (
        f"The mean scores of the groups differ by {before:.3f} standard deviations before "
        f"matching and by {after:.3f} after."
    )


def _group_ratios(models: pd.DataFrame, measure: str, labels: tuple[str, str]) -> str:
    """Say the group's ratio in each kind of model."""
    rows = models[(models["term"] == "group") & models["hr"].notna()]
    found = [
        f"{MODELS[row.model]} {format_ratio(row.hr)} ({format_range(row.hr_low, row.hr_high)})"
        for row in rows.itertuples()
    ]
    versus = f"{printed(labels[1])} vs {printed(labels[0])}"
    return f"{measure}, {versus}: {'; '.join(found) or 'not estimable'}."


def _term_tests(tests: pd.DataFrame) -> str:
    """Say the p-value of every column of the recommended model, and of all together."""
    rows = tests[tests["model"] == "recommended"]
    found = [
        f"{'all terms' if row.term == 'GLOBAL' else describe_balance_term(row.term, row.level)}, "
        f"{state_p(row.p_value)}"
        for row in rows.itertuples()
    ]
    return f"Tests of proportional hazards: {'; '.join(found)}."
