"""Made-up results, of which the tests of the report make pages and sentences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from paper_words import CANCER, FACTS, VARIABLES
from seermatch.analysis import names
from seermatch.analysis.claims import COLUMNS as CLAIM_COLUMNS
from seermatch.analysis.claims import NUMBERS
from seermatch.analysis.group_effect import OUTCOMES
from seermatch.analysis.interpretation import COLUMNS, COUNTS, TEXTS
from seermatch.disclosure.rule import DisclosureRule
from seermatch.wording.results import Results
from seermatch.wording.study_tables import characteristics_table, regression_table

CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"
LABELS = ("M0", "M0(i+)")
REFERENCE_LEVELS = {
    **{"histology": "IDC", "grade": "I-II", "er": "Negative", "pr": "Negative", "her2": "Negative"},
    **{"subtype": "HR+/HER2-", "t_stage": "T1-T2", "n_stage": "N0"},
}
FIGURES = (
    *("flow_chart", "love_plot", "survival_curves", "incidence_curves", "stability_figure"),
    "specification",
    *("score_overlap", "forest_cox", "log_log_survival", "schoenfeld_residuals"),
    "forest_fine_gray",
)
NODES = "regional_nodes_examined", "eod_regional_nodes"
CRITERIA = [
    {"criterion": "age 18-89 years", "keep": {"age": {"minimum": 18, "maximum": 89}}},
    {"criterion": "nodes examined", "keep": {key: {} for key in NODES}, "any": True},
    {"criterion": "both known", "keep": {key: {} for key in NODES}},
]
SVG = (
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="240pt" height="120pt" viewBox="0 0 240 120" version="1.1">'
    "<metadata>https://matplotlib.org/</metadata><defs><style>*{stroke-linecap: butt}</style>"
    '<path id="m1" d="M 0 0"/><clipPath id="p1"><rect/></clipPath></defs>'
    '<g id="axes_1" clip-path="url(#p1)"><use xlink:href="#m1" style="clip-path: url(#p1)"/>'
    "<text>12 &lt; 24</text></g></svg>"
)


def model_rows(hr):
    rows = [
        (model, term, level, value, value / 2, value * 2, 0.272, status, 1755, 47)
        for model in ("univariable", "multivariable", "recommended")
        for term, level, value, status in (
            ("age", "", 1.05, "ok"),
            ("er", "Positive", 2.3 if model == "multivariable" else 0.9, "separated"),
            ("group", "M0(i+)", hr, "ok"),
        )
    ]
    columns = [
        "model",
        "term",
        "level",
        "hr",
        "hr_low",
        "hr_high",
        "p_value",
        "status",
        "n",
        "events",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    clustered = {"hr_low_clustered": frame["hr"] / 1.5, "hr_high_clustered": frame["hr"] * 1.5}
    return frame.assign(dependence="", **clustered)


def cell_rows(*cells):
    """Cells of one group only: (levels by term, reference patients, exposed patients, in_pool)."""
    rows = [
        (number, term, level, *counts)
        for number, (levels, *counts) in enumerate(cells, start=1)
        for term, level in levels.items()
    ]
    columns = ["cell", "term", "level", "n_reference", "n_exposed", "in_pool"]
    return pd.DataFrame(rows, columns=columns)


def contrast_rows():
    frame = pd.DataFrame(
        {
            "model": ["multivariable", "recommended"],
            "patients": "ER: Negative, Breast subtype: HR−/HER2−",
            "against": "ER: Positive, Breast subtype: HR+/HER2−",
            "hr": [2.3482, 2.4],
            "hr_low": 0.8807,
            "hr_high": [6.2606, 6.4],
            "p_value": 0.088,
            "hr_low_clustered": 0.8790,
            "hr_high_clustered": 6.2727,
            "p_value_clustered": 0.0887,
        }
    )
    return frame


def sensitivity_rows():
    rows = [
        (analysis, outcome, estimand, n, events, n - 0.4, 1.5, hr, hr / 1.3, hr * 1.3, 0.3, how)
        for analysis, estimand, n, hr, how in (
            ("main", "ATT", 1755, 0.8, "clustered by matched set"),
            ("weighted, ATT", "ATT", 284088, 1.1, "robust by patient"),
        )
        for outcome, events in zip(OUTCOMES, (82, 47, 47, 35, 35), strict=True)
    ]
    columns = ["analysis", "outcome", "estimand", "n", "events", "effective_sample_size"]
    columns += ["largest_weight", "hr", "hr_low", "hr_high", "p_value", "variance"]
    return pd.DataFrame(rows, columns=columns)


def stability_rows():
    others = np.linspace(0.7, 1.1, 41)
    return pd.DataFrame(
        {
            "seed": range(42),
            "deaths": 82,
            "deaths_cancer": 47,
            "os_hr": [0.803, *others],
            "os_p": [0.37, *np.linspace(0.01, 0.9, 41)],
            "cancer_hr": [1.386, *others],
            "cancer_p": 0.2,
            "common_controls": [1.0, *[0.39] * 41],
        }
    )


def interpretation_rows(margin=False):
    overall, specific, by_cause, other, _ = OUTCOMES
    rows = []
    for outcome, hr, events in ((overall, 0.8, 82), (specific, 1.39, 47), (other, 0.5, 35)):
        interval = {"estimate": hr, "low": hr / 2, "high": hr * 2, "p_value": 0.3}
        found = {
            names.HAZARD_RATIO: interval | {"variance": names.CLUSTERED},
            names.DETECTABLE: {"estimate": 2.0, "events": events},
            names.E_VALUE: {"estimate": 1.81, "status": names.RARE},
            names.E_VALUE_OF_INTERVAL: {"estimate": 1.0, "status": names.RARE},
            names.MISSED: {"found": 0.1, "status": names.NO_SOLUTION},
        }
        if margin:
            told = {"margin": 1.25, "status": names.NOT_SHOWN}
            found[names.EQUIVALENCE] = {"estimate": 0.41} | told
            found[names.E_VALUE_OF_EQUIVALENCE] = {"estimate": 1.37} | told
        rows += [{"quantity": key, "outcome": outcome} | row for key, row in found.items()]
    for quantity, outcome, (estimate, low, high) in (
        (names.IN_INCIDENCE, "cancer death", (0.0081, -0.0111, 0.0274)),
        (names.IN_INCIDENCE, "other death", (0.0044, -0.0124, 0.0212)),
        (names.IN_MONTHS_LOST, "cancer death", (0.294, -0.089, 0.677)),
        (names.IN_MONTHS_LOST, "other death", (0.201, -0.145, 0.548)),
        (names.IN_SURVIVAL, "death of any cause", (-0.0124, -0.038, 0.013)),
        (names.IN_RESTRICTED_MEAN, "death of any cause", (-0.494, -1.011, 0.02)),
    ):
        values = {"estimate": estimate, "low": low, "high": high, "reference": 2, "exposed": 1}
        rows.append({"quantity": quantity, "outcome": outcome, "month": 36.0} | values)
    for outcome, p in ((overall, 0.21), (by_cause, 0.38), (specific, 0.01)):
        rows.append({"quantity": names.PROPORTIONALITY, "outcome": outcome, "estimate": p})
    for year, events, n in ((2018, 300, 1000), (2019, 281, 1100), (2020, 4, 1200)):
        rate = 1000 * events / n
        rows.append(
            {"quantity": names.EXPOSURE, "estimate": rate, "low": rate / 2, "high": rate * 2}
            | {"year": year, "n": n, "events": events}
        )
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    table = table.fillna({name: "" for name in TEXTS if name != "status"} | {"status": "ok"})
    return table.astype(dict.fromkeys(COUNTS, "Int64"))


def proportional_hazards_rows():
    return pd.DataFrame(
        [
            ("univariable", "group", "M0(i+)", 0.81, 1, 0.368, "ok"),
            ("recommended", "age", "", 4.5, 1, 0.034, "ok"),
            ("recommended", "er", "Positive", np.nan, 1, np.nan, "separated"),
            ("recommended", "group", "M0(i+)", 0.7, 1, 0.403, "ok"),
            ("recommended", "GLOBAL", "", 5.2, 2, 0.074, "ok"),
        ],
        columns=["model", "term", "level", "statistic", "df", "p_value", "status"],
    )


def included_rows():
    rows = [
        ("patients", "", "", "included", 1755, 92.7, np.nan, np.nan, np.nan, np.nan),
        ("patients", "", "", "excluded", 138, 7.3, np.nan, np.nan, np.nan, np.nan),
    ]
    for variable, levels in (
        ("age", {"": (63.0, 61.5, -0.04)}),
        ("grade", {"I-II": (71.4, 65.2, -0.134), "III": (28.6, 34.8, 0.134)}),
        ("subtype", {"HR+/HER2-": (70, 71, 0.02), "HR-/HER2+": (20, 18, -0.05),
                     "HR-/HER2-": (10, 11, 0.03)}),
    ):  # fmt: skip
        for level, (*values, smd) in levels.items():
            for patients, n, value in zip(
                ("included", "excluded"), (1755, 120), values, strict=True
            ):
                numbers = (
                    (round(n * value / 100), value, np.nan, np.nan, np.nan)
                    if level
                    else (n, np.nan, value, value - 9.5, value + 10)
                )
                rows.append(("distribution", variable, level, patients, *numbers, smd))
    for variable, counts in (("age", (0, 0)), ("grade", (90, 6)), ("subtype", (40, 5))):
        for label, n in zip(LABELS, counts, strict=True):
            percent = 100 * n / (1200 if label == "M0" else 600)
            rows.append(("unknown", variable, "", label, n, percent, *[np.nan] * 4))
    columns = ["quantity", "variable", "level", "patients", "n", "percent", "median", "q1", "q3"]
    return pd.DataFrame(rows, columns=[*columns, "smd"])


def quality_rows():
    return pd.DataFrame(
        [
            ("outcome", "vital_status", "", "all", 0, 7585, 0.0, "ok", "In no record."),
            ("missing_cause_of_death", "cause_specific, other_cause", "", "all", 45, 438, 10.27,
             "warning", "More than 3 % of the deaths have no cause."),
            ("missing", "er", "Unknown", "exposed", np.nan, 680, np.nan, "warning",
             "The field is unknown in every record of the group."),
        ],
        columns=["check", "field", "detail", "group", "count", "records", "percent", "verdict",
                 "note"],
    )  # fmt: skip


def audit_rows():
    return pd.DataFrame(
        [
            ("Flow: deaths", "82", "47 + 35 = 82", "ok", ""),
            ("Table 3, group", "p 0.369", "p 0.78", "inconsistent", "a joint model"),
        ],
        columns=["check", "printed", "recomputed", "verdict", "note"],
    )


def claim_rows():
    harm = {"claim": "It does harm.", "source": "A leaflet", "expects": "worse"}
    alive = {"claim": "86% live.", "source": "A leaflet", "expects": "survival"}
    alive["survival_percent"] = 86
    known = dict(zip(NUMBERS, (0.01, -0.02, 0.04, 0.05, 0.06, 1.1, 0.8, 1.5, 0.85, 1.4, 2.0),
                     strict=True))  # fmt: skip
    late = {"verdict": "cannot be answered", "status": names.BEYOND_ALL_FOLLOW_UP}
    rows = [
        harm | {"month": 36, "verdict": "undecided", "status": "ok"} | known,
        harm | {"month": 60} | late,
        alive | {"month": 60} | late,
    ]
    table = pd.DataFrame(rows).assign(outcome="death of any cause")
    return table.reindex(columns=list(CLAIM_COLUMNS))


def comparison_rows():
    return pd.DataFrame(
        {
            "table": ["table1", "table1", "table3"],
            "agrees": [True, False, True],
            "by_construction": [True, False, False],
        }
    )


def curve_rows(estimate, causes=("",)):
    rows = [
        (cause, label, time, 40 - time, value, value - 0.01, value + 0.01)
        for cause in causes
        for label in LABELS
        for time, value in ((3, 0.95), (30, 0.9))
    ]
    columns = ["cause", "group", "time", "n_at_risk", estimate, "conf_low", "conf_high"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame if causes != ("",) else frame.drop(columns="cause")


def comparison_of(variable, reference):
    """Rows of a factor with two levels."""
    return pd.DataFrame(
        {
            "variable": variable,
            "level": [reference, reference, "other", "other"],
            "group": [0, 1, 0, 1],
            "n": [817, 408, 353, 177],
            "percent": [69.83, 69.74, 30.17, 30.26],
            "median": np.nan,
            "q1": np.nan,
            "q3": np.nan,
            "test": "Pearson chi-square",
            "p_value": 0.971,
        }
    )


def made_up_content():
    comparison = pd.concat([comparison_of(name, level) for name, level in REFERENCE_LEVELS.items()])
    followup = pd.DataFrame(
        [
            ("cohort", "0", 283503, 26, 12, 42, 59, 30, 8000, 6000),
            ("cohort", "1", 585, 30, 18, 47, 59, 34, 19, 12),
            ("cohort", "all", 284088, 26, 12, 42, 59, 30, 8019, 6012),
            ("matched", "0", 1170, 30, 18, 47, 59, 34, 28, 23),
            ("matched", "1", 585, 30, 18, 47, 59, 34, 19, 12),
            ("matched", "all", 1755, 30, 18, 47, 59, 34, 47, 35),
        ],
        columns=[
            "population",
            "group",
            "n",
            "median",
            "q1",
            "q3",
            "maximum",
            "reverse_km_median",
            "deaths_cancer",
            "deaths_other",
        ],
    )
    attrition = pd.DataFrame(
        {
            "criterion": ["records", "age 18-89 years"],
            "remaining": [324571, 284088],
            "excluded": [0, 40483],
            "remaining_reference": [323891, 283503],
            "remaining_exposed": [680, 585],
            "excluded_reference": [0, 40388],
            "excluded_exposed": [0, 95],
        }
    )
    balance = pd.DataFrame(
        {
            "term": ["distance", "age"],
            "level": "",
            "smd_before": [0.1779, -0.1322],
            "smd_after": [0.0, 0.012],
            "variance_ratio_before": [1.1, 0.93],
            "variance_ratio_after": [1.0, np.nan],
        }
    )
    causes = ("cancer death", "other death")
    cox, fine_gray = model_rows(0.803), model_rows(1.386)
    terms = ["age", "er", "group"]
    contrasts = pd.concat(
        [contrast_rows().iloc[:0].assign(estimator=name) for name in ("cox", "fine_gray")]
    )
    tables = {
        "attrition": attrition,
        "balance": balance,
        "followup": followup,
        "logrank": pd.DataFrame(
            {"statistic": [0.08], "df": [1], "p_value": [0.7812], "test": ["log-rank"]}
        ),
        "gray": pd.DataFrame({"cause": causes, "p_value": [0.272, 0.6], "test": "Gray's test"}),
        "table1": characteristics_table(comparison, LABELS),
        "table2": characteristics_table(comparison, LABELS),
        "table3": regression_table(cox, terms, LABELS, REFERENCE_LEVELS, VARIABLES),
        "table4": regression_table(fine_gray, terms, LABELS, REFERENCE_LEVELS, VARIABLES),
        "survival": curve_rows("survival"),
        "incidence": curve_rows("incidence", causes),
        "models": pd.concat(
            [cox.assign(estimator="cox"), fine_gray.assign(estimator="fine_gray")],
            ignore_index=True,
        ),
        "contrasts": contrasts,
        "sensitivity": sensitivity_rows(),
        "stability": stability_rows(),
        "interpretation": interpretation_rows(),
        "included": included_rows(),
        "quality": quality_rows(),
        "separated_cells": cell_rows(),
        "proportional_hazards": proportional_hazards_rows(),
        "paper_audit": audit_rows(),
        "paper_comparison": comparison_rows(),
        "claims": claim_rows(),
        "disclosure": disclosure_row(),
    }
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["study"] |= {"title": "Micrometastasis", "question": "Does it matter?"}
    config["figures"]["follow_up_marks"] = [0, 12, 24, 60]
    export = {
        "export": "seer_2018",
        "rows": 324571,
        "database": "Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub - SYNTHETIC",
        "submission": "Nov 2024",
        "sha256": "9f86d081884c7d65",
    }
    provenance = {"config": config, "exports": [export], "versions": {"seermatch": "0.1.0"}}
    provenance |= {"cancer": CANCER, "variables": FACTS}
    return Results(LABELS, provenance, tables, dict.fromkeys(FIGURES, SVG))


def disclosure_row(rule=None, weighted=False):
    """The row of ``disclosure.tsv``; without a rule nothing is masked."""
    minimum, method = (rule.minimum_count, rule.method) if rule else (0, "suppress")
    row = {"minimum_count": minimum, "method": method, "incomplete_sets": weighted}
    return pd.DataFrame([row])


def changed(results, **what):
    """The same results with other tables, rows of one estimator, or facts about the run."""
    tables, provenance = dict(results.tables), dict(results.provenance)
    more = {name: what.pop(name) for name in ("labels", "figures") if name in what}
    for name in ("config", "versions", "exports"):
        if name in what:
            provenance[name] = what.pop(name)
    if isinstance(provenance.get("exports"), pd.DataFrame):
        provenance["exports"] = provenance["exports"].to_dict("records")
    study = {name: what.pop(name) for name in ("title", "question") if name in what}
    config = provenance["config"]
    provenance["config"] = config | {"study": config.get("study", {}) | study}
    if not what.pop("synthetic", True):
        provenance["exports"] = [
            export | {"database": export["database"].removesuffix(" - SYNTHETIC")}
            for export in provenance["exports"]
        ]
    if "weighted" in what or isinstance(what.get("disclosure"), DisclosureRule):
        tables["disclosure"] = disclosure_row(
            what.pop("disclosure", results.disclosure), what.pop("weighted", results.weighted)
        )
    for estimator in ("cox", "fine_gray"):
        for name, suffix in (("models", ""), ("contrasts", "_contrasts")):
            if (rows := what.pop(estimator + suffix, None)) is not None:
                others = tables[name][tables[name]["estimator"] != estimator]
                tables[name] = pd.concat([others, rows.assign(estimator=estimator)])
    tables = {name: table for name, table in (tables | what).items() if table is not None}
    return replace(results, provenance=provenance, tables=tables, **more)
