"""All steps of a study in one process, on a cohort that is made up: for studies at the margin."""

from functools import partial

import numpy as np
import pandas as pd
import report_content
from paper_words import CANCER, VARIABLES
from report_content import REFERENCE_LEVELS
from seermatch.analysis.claims import answer_claims
from seermatch.analysis.excluded_patients import compare_included
from seermatch.analysis.follow_up import follow_up
from seermatch.analysis.group_tests import compare_incidence, compare_survival
from seermatch.analysis.interpretation import interpret
from seermatch.analysis.models import regression_models
from seermatch.analysis.outcomes import incidence_curves, survival_curves, tests_table
from seermatch.analysis.proportionality import assess_proportionality, trace_residuals
from seermatch.analysis.sensitivity import sensitivity_analyses
from seermatch.analysis.stability import matching_stability
from seermatch.disclosure.score_overlap import score_overlap
from seermatch.figures.curves import draw_cumulative_incidence, draw_survival_curves
from seermatch.figures.diagnostics import draw_log_log, draw_schoenfeld, draw_score_overlap
from seermatch.figures.flow_chart import draw_flow_chart
from seermatch.figures.forest import draw_forest
from seermatch.figures.love_plot import draw_love_plot
from seermatch.figures.sensitivity import draw_matching_stability, draw_specification_curve
from seermatch.figures.style import figure_bytes
from seermatch.matching.balance import assess_balance
from seermatch.matching.characteristics import compare_groups
from seermatch.matching.matched_sets import has_complete_sets
from seermatch.matching.nearest import exact_codes, match
from seermatch.matching.propensity import estimate_propensity
from seermatch.matching.rule import MatchingRule
from seermatch.methods.data import methods_sections
from seermatch.report.page import render_report
from seermatch.report.sections.warnings import find_warnings
from seermatch.variables.printed import EVENTS
from seermatch.word.document import word_document
from seermatch.word.journal_tables import journal_tables
from seermatch.wording.results import Results
from seermatch.wording.study_tables import characteristics_table, regression_table
from seermatch.wording.terms import describe_balance_term

LABELS = report_content.LABELS
COVARIATES = ("age", "grade")
RULE = {"ratio": 2, "caliper": 0.5, "order": "largest", "ties": "hash", "seed": 1}
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
MARKS = (0, 12, 24, 36)


def small_cohort(sets: int, *, complete: bool, seed: int = 1) -> pd.DataFrame:
    """Draw a cohort in which `sets` exposed patients find a match, one of them one patient only.

    Patients are matched within regions. That of the first exposed patient holds a single reference
    patient unless sets are to be complete, and two more exposed patients have nobody near.
    """
    rng = np.random.default_rng(seed)
    n = 40 * sets + 60
    cohort = pd.DataFrame({"patient_id": [f"{i:08d}" for i in range(n)]})
    cohort["group"] = (np.arange(n) < sets + 2).astype("int8")
    cohort["age"] = rng.integers(45, 75, n)
    cohort["grade"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["I-II", "III"])
    for receptor, level in (("er", "Positive"), ("pr", "Positive"), ("her2", "Negative")):
        cohort[receptor] = pd.Categorical([level] * n, ["Negative", "Positive"])
    cohort["subtype"] = pd.Categorical(["HR+/HER2-"] * n, SUBTYPES)
    cohort["year"] = rng.choice([2018, 2019], n)
    cohort["region"] = 1 + np.arange(n) % 2
    few = 1 if not complete else 40
    cohort.loc[[0, *range(n - few, n)], "region"] = 0
    cohort.loc[[0, *range(n - few, n)], ["age", "grade"]] = 60, "I-II"
    cohort.loc[[sets, sets + 1], ["region", "grade"]] = 3, "III"  # nobody else lives there
    cohort["time"] = rng.integers(2, 60, n)
    cohort["event"] = pd.Categorical.from_codes(rng.choice(3, n, p=[0.4, 0.3, 0.3]), EVENTS)
    return cohort


def run_study(cohort: pd.DataFrame) -> dict:
    """Match the cohort, and make every table, figure and page of the study."""
    fit = estimate_propensity(cohort, COVARIATES)
    score = fit.linear_predictor
    exposed = cohort["group"].to_numpy() == 1
    exact = exact_codes(cohort, ["region"])
    ids = cohort["patient_id"].to_numpy()
    result = match(score, exposed, patient_id=ids, exact=exact, **RULE)
    matched = cohort.assign(propensity=score, matched_set=result.matched_set, weight=result.weight)
    matched = matched[matched["matched_set"] > 0]
    complete = has_complete_sets(matched)
    found = {"matched": matched, **_descriptions(cohort, matched, score, complete)}
    found["separated_cells"] = fit.cells.assign(in_pool=False)
    found |= _outcomes(matched, complete)
    found |= _sensitivity(cohort, matched, score, exact)
    found["figures"] = _figures(cohort, found)
    results = _results(found, complete)
    found["warnings"], found["page"] = find_warnings(results), render_report(results)
    found["methods"] = methods_sections(results)
    found["word"] = word_document("A study", journal_tables(results), "")
    return found


def _with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(group=pd.Categorical.from_codes(frame["group"], LABELS))


def _descriptions(cohort, matched, score, complete) -> dict:
    weights = None if complete else matched["weight"].to_numpy()
    tables = {}
    for name, frame, w in (("table1", cohort, None), ("table2", matched, weights)):
        comparison = compare_groups(_with_labels(frame), COVARIATES, weights=w)
        tables[name] = characteristics_table(comparison, LABELS).astype(str)
    populations = {"cohort": _with_labels(cohort), "matched": _with_labels(matched)}
    return tables | {
        "balance": assess_balance(cohort.assign(propensity=score), matched, COVARIATES),
        "followup": pd.concat(
            [follow_up(frame, name) for name, frame in populations.items()], ignore_index=True
        ),
        "included": compare_included(_eligible(cohort), COVARIATES, LABELS),
    }


def _eligible(cohort: pd.DataFrame) -> pd.DataFrame:
    """The cohort, and some patients without a grade."""
    lacking = cohort.iloc[5:45].assign(patient_id=[f"x{i:07d}" for i in range(40)])
    eligible = pd.concat([cohort, lacking], ignore_index=True)
    eligible["complete"] = eligible.index < len(cohort)
    eligible["grade"] = eligible["grade"].where(eligible["complete"])
    return eligible


def _outcomes(matched, complete) -> dict:
    tests = [compare_incidence(matched, cause) for cause in (1, 2)]
    found = {
        "survival": survival_curves(matched, LABELS),
        "incidence": incidence_curves(matched, LABELS),
        "logrank": tests_table([compare_survival(matched)]),
        "gray": tests_table(tests).assign(cause=EVENTS[1:]),
    }
    for name, estimator, table in (("cox", "cox", "table3"), ("fine_gray", "fine_gray", "table4")):
        models = regression_models(
            matched,
            COVARIATES,
            ["age"],
            estimator=estimator,
            group_labels=LABELS,
            describe=partial(describe_balance_term, variables=VARIABLES),
        )
        found |= {name: models.table, f"{name}_contrasts": models.contrasts}
        found[table] = regression_table(
            models.table, [*COVARIATES, "group"], LABELS, REFERENCE_LEVELS, VARIABLES
        )
    found["proportionality"] = assess_proportionality(matched, found["cox"])
    return found


def _sensitivity(cohort, matched, score, exact) -> dict:
    main = MatchingRule(covariates=COVARIATES, exact=["region"], **RULE)
    sensitivity = sensitivity_analyses(
        cohort,
        score,
        matching=main,
        calipers=[0.2, None],
        ratios=[1],
        orders=["random"],
        estimands=["ATT", "ATO"],
        eligible=_eligible(cohort),
        imputations=3,
    )
    interpretation = interpret(cohort, matched, labels=LABELS, months=[12, 36], margin=1.25)
    claims = [
        {"claim": "C", "source": "S", "outcome": outcome, "months": [12, 36]} | asked
        for outcome in (EVENTS[1], "death of any cause")
        for asked in (
            {"expects": "worse"},
            {"expects": "no difference"},
            {"expects": "survival", "survival_percent": 90},
        )
    ]
    found = _outcomes(matched, has_complete_sets(matched))
    curves = {"death of any cause": found["survival"], EVENTS[1]: found["incidence"]}
    return {
        "sensitivity": sensitivity.table,
        "stability": matching_stability(
            cohort,
            score,
            seeds=range(1, 5),
            exact=exact,
            **{name: RULE[name] for name in ("ratio", "caliper", "order", "ties")},
        ),
        "interpretation": interpretation,
        "claims": answer_claims(
            claims, matched, interpretation, curves, labels=LABELS, margin=1.25
        ),
    }


def _figures(cohort, found) -> dict[str, bytes]:
    attrition = report_content.made_up_content()["attrition"]
    matched, tests = found["matched"], found["proportionality"].tests
    weights = cohort["patient_id"].map(matched.set_index("patient_id")["weight"]).fillna(0)
    score = estimate_propensity(cohort, COVARIATES).linear_predictor
    overlap = score_overlap(score, cohort["group"], weights)
    forest = {"terms": [*COVARIATES, "group"], "labels": LABELS, "variables": VARIABLES}
    forest["reference_levels"] = {"grade": "I-II"}
    recommended = (
        frame[frame["model"] == "recommended"]
        for frame in (trace_residuals(found["proportionality"].residuals), tests)
    )
    tests_of_causes = dict(zip(found["gray"]["cause"], found["gray"]["test"], strict=True))
    figures = {
        "flow_chart": draw_flow_chart(attrition, LABELS, (20, 10)),
        "love_plot": draw_love_plot(found["balance"], VARIABLES),
        "survival_curves": draw_survival_curves(found["survival"], found["logrank"], MARKS, LABELS),
        "incidence_curves": draw_cumulative_incidence(
            found["incidence"], found["gray"], MARKS, LABELS, test=tests_of_causes
        ),
        "stability_figure": draw_matching_stability(found["stability"], CANCER),
        "specification": draw_specification_curve(found["sensitivity"], VARIABLES, CANCER),
        "score_overlap": draw_score_overlap(overlap, LABELS, link="logit"),
        "forest_cox": draw_forest(found["cox"], **forest),
        "log_log_survival": draw_log_log(found["survival"], LABELS, tests["p_value"].iloc[0]),
        "schoenfeld_residuals": draw_schoenfeld(*recommended, LABELS, VARIABLES),
        "forest_fine_gray": draw_forest(found["fine_gray"], measure="sHR", **forest),
    }
    return {name: figure_bytes(figure) for name, figure in figures.items()}


def _results(found, complete) -> Results:
    made_up = report_content.made_up_content()
    names = {*made_up.tables, "cox", "fine_gray", "cox_contrasts", "fine_gray_contrasts"}
    config = dict(made_up.config)
    for key, choices in (
        ("figures", {"follow_up_marks": list(MARKS)}),
        ("matching", {"covariates": list(COVARIATES)}),
        ("regression", {"recommended": ["age"]}),
    ):
        config[key] = config[key] | choices
    return report_content.changed(
        made_up,
        **{name: found[name] for name in names & set(found)},
        config=config,
        figures=found["figures"],
        proportional_hazards=found["proportionality"].tests,
        paper_audit=None,
        paper_comparison=None,
        weighted=not complete,
    )
