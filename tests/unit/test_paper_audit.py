"""The audit of printed tables: the numbers of an independent recomputation, and altered tables."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from paper_words import VARIABLES
from scipy.stats import chi2_contingency, norm
from seermatch.errors import StudyError
from seermatch.paper.audit import COLUMNS, VERDICTS, audit_tables
from seermatch.paper.groups import chi_square_tests, discordant_receptors
from seermatch.paper.models import wald_from_interval
from seermatch.paper.numbers import parse_interval, parse_number
from seermatch.paper.tables import (
    MODELS,
    Estimate,
    read_characteristics,
    read_facts,
    read_regression,
)

ROOT = Path(__file__).parent.parent.parent
NAMES = ("table1", "table2", "table3", "table4", "text")
NUMBER = r"(?<!\d)-?\d[\d.]*(?:e-\d+)?"
LABELS = {"Subtype": "Breast subtype"}


def read(path):
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def paper():
    return {name: read(ROOT / f"resources/paper/{name}.tsv") for name in NAMES}


@pytest.fixture(scope="module")
def audit():
    return audit_tables(**paper(), variables=VARIABLES).set_index("check")


@pytest.fixture(scope="module")
def expected():
    return read(ROOT / "tests/data/paper_checks.tsv")


def rows(expected, prefix):
    return expected[expected["id"].str.startswith(prefix)].itertuples()


def test_one_row_per_check_and_few_verdicts(audit):
    assert audit_tables(**paper(), variables=VARIABLES).columns.to_list() == list(COLUMNS)
    assert COLUMNS == ("check", "printed", "recomputed", "verdict", "note")
    assert audit.index.is_unique
    assert set(audit["verdict"]) == set(VERDICTS)
    assert audit.map(lambda text: isinstance(text, str) and text == text.strip()).all().all()


def test_group_tests_as_recomputed_elsewhere(audit, expected):
    checks = list(rows(expected, "P"))
    assert len(checks) == 16
    for check in checks:
        variable = check.check.split(":")[0]
        row = audit.loc[f"{check.where}, {LABELS.get(variable, variable)}: p of group comparison"]
        theirs = dict(re.findall(r"(Pearson|Yates|Fisher)[a-z ]* ([\d.]+)", check.recomputed))
        ours = dict(re.findall(r"(Pearson|Yates|Fisher) ([\d.]+)", row["recomputed"]))
        assert ours == theirs
        assert (row["printed"], row["verdict"]) == (check.printed, "reproduced")
        assert "without continuity correction" in row["note"]


def test_percentages_add_up(audit):
    found = audit[audit.index.str.endswith("column sums and percentages")]
    assert len(found) == 16
    assert (found["verdict"] == "ok").all()


def test_receptors_as_recomputed_elsewhere(audit, expected):
    found = audit[audit.index.str.endswith("receptors against subtype")]
    assert len(found) == 4
    ours = [re.findall(r"\d+", re.sub(r"HER2", "", text)) for text in found["recomputed"]]
    theirs = [
        re.findall(r"\d+", re.sub(r"HER2", "", check.recomputed)) for check in rows(expected, "R_")
    ]
    assert [ours[0], ours[1], ours[2]] == theirs
    assert ours[3] == ours[1]
    assert ours[0][2:] == ["2466", "32004"]
    assert (found["verdict"] == "ok").all()


def test_standardized_mean_differences_as_recomputed_elsewhere(audit, expected):
    number = r"[+-]\d\.\d+"
    ours = audit[
        audit.index.str.match(r"SMD of .*\(.*[^s]\)") & audit["recomputed"].str.match("bef")
    ]
    theirs = list(rows(expected, "S"))
    assert len(ours) == len(theirs) == 11
    for row, check in zip(ours.itertuples(), theirs, strict=True):
        assert re.findall(number, row.recomputed) == re.findall(number, check.recomputed)
    worse = ours["note"].str.contains("worse after matching")
    assert worse.sum() == 9
    assert ours.loc["SMD of N stage (N1-N3)", "verdict"] == "reproduced"
    assert audit.loc["SMD of Age (years)", "verdict"] == "consistent"
    summary = audit.loc["Categorical levels worse balanced after matching than before"]
    assert (summary["recomputed"], summary["verdict"]) == ("9 of 11", "weakness")
    beyond = audit.loc["Covariates beyond an SMD of 0.1 before matching"]
    assert (beyond["recomputed"], beyond["verdict"]) == ("1: age -0.1322", "inconsistent")
    within = audit.loc["Categorical levels within an SMD of 0.1 after matching"]
    assert within["verdict"] == "ok"
    assert within["recomputed"].endswith("3 of 11 beyond 0.05 (0.0695, 0.0617, 0.0508)")


def test_intervals_as_recomputed_elsewhere(audit, expected):
    tables = paper()
    estimates = [
        row.estimates[model]
        for name in ("table3", "table4")
        for model in MODELS
        for row in read_regression(tables[name], name)
        if row.estimates[model].finite
    ]
    checks = list(rows(expected, "H"))
    assert len(estimates) == len(checks) == 37
    for estimate, check in zip(estimates, checks, strict=True):
        wald = wald_from_interval(estimate)
        se, z, p, low, high = map(float, re.findall(NUMBER, check.recomputed))
        assert f"{wald.se:.4f}" == f"{se:.4f}"
        assert abs(wald.z - z) < 6e-4
        assert wald.p == pytest.approx(p, rel=6e-4)
        if int(check.id[1:]) <= 26:  # the later columns are padded, which they handle otherwise
            assert wald.p_range == pytest.approx((low, high), rel=6e-4)
    found = audit[audit.index.str.contains("interval against ratio and p")]
    assert len(found) == 37
    assert (found["verdict"] == "consistent").all()


@pytest.mark.parametrize(
    ("check", "verdict", "parts"),
    [
        ("Flow: records", "ok", ["323891 + 680 = 324571"]),
        ("Flow: deaths", "ok", ["47 + 35 = 82"]),
        ("Flow: excluded", "derived", ["40483", "40388 (12.47 %)", "95 (13.97 %)"]),
        ("Flow: matched sets are complete", "ok", ["2 x 585 = 1170"]),
        ("Follow-up: maximum", "ok", ["59"]),
        (
            "Follow-up: change of its quartiles by matching",
            "weakness",
            ["F(18) = 0.04", "F(30) = 0.37", "F(47) = 0.60"],
        ),
        (
            "Table 3, group: univariable p against log-rank test",
            "inconsistent",
            ["HR 0.94 or 1.07", "HR 0.803 would give p 0.35"],
        ),
        ("Table 4, group: univariable p against Gray's test", "consistent", []),
        (
            "Table 3: univariable models are univariable",
            "inconsistent",
            ["joint model of 12 terms"],
        ),
        ("Table 4: univariable models are univariable", "consistent", []),
        (
            "Table 3 univariable: finite contrasts among the infinite terms",
            "derived",
            ["HR+/HER2- 1.10", "HR+/HER2- 1.70", "HR+/HER2- 2.92"],
        ),
        (
            "Table 4 multivariable: finite contrasts among the infinite terms",
            "derived",
            ["HR+/HER2- 0.94", "HR+/HER2- 2.34"],
        ),
        (
            "Table 4 multivariable: terms without a finite estimate",
            "weakness",
            ["3 of 1755 patients are ER-/PR+ (2 M0, 1 M0(i+))"],
        ),
        ("Table 3, group: the abstract against the table", "inconsistent", ["0.805, p 0.370"]),
        ("Table 4, group: the abstract against the table", "ok", []),
        ("Table 4 multivariable: p-values padded with a zero", "weakness", ["0.4521", "0.1194"]),
        (
            "Deaths by group and cause, from the standard errors",
            "inconsistent",
            [
                "all 24 of 585 against 58 of 1170",
                "cause of interest 19 of 585 against 28",
                "other 5 of 585 against 30 of 1170 (0.9 % against 2.6 %)",
            ],
        ),
        ("Table 3, group: hazard ratio detectable at 80% power", "weakness", ["1.93", "82"]),
        ("Table 4, group: hazard ratio detectable at 80% power", "weakness", ["2.38", "47"]),
        ("Table 3 univariable: events per term", "weakness", ["82/12 = 6.8"]),
        ("Table 4 multivariable: events per term", "weakness", ["47/11 = 4.3"]),
        (
            "Table 4, T stage (T3–T4 vs T1–T2): same side of 1 alone and adjusted",
            "weakness",
            ["flips"],
        ),
        ("Table 3 univariable, group: E-value", "derived", ["1.80 for the estimate, 1.00"]),
        ("Table 4 multivariable, group: E-value", "derived", ["1.86 for the estimate"]),
        ("Table 4 univariable, group: E-value", "derived", ["2.12 for the estimate"]),
        ("Table 1, Age (years): p of group comparison", "not recomputable", []),
        ("SMD of the distance, before matching", "not recomputable", []),
    ],
)
def test_finding(audit, check, verdict, parts):
    row = audit.loc[check]
    assert row["verdict"] == verdict
    for part in parts:
        assert part in row["recomputed"]


def test_where_the_joint_model_comes_from(audit):
    row = audit.loc["Table 3: univariable models are univariable"]
    assert "155 = 119 + 36, 75 = 53 + 22" in row["note"]
    assert audit.loc["Table 3, group: the abstract against the table", "note"] == (
        "it stands in the univariable column"
    )


# ----- altered tables ----------------------------------------------------------------------------


def altered(name, column, old, new, variable=None):
    """The paper's tables with one cell changed."""
    tables = paper()
    table = tables[name]
    column = next(c for c in table.columns if c.startswith(column))
    first = table.columns[0]
    hit = (table[column] == old) & ((table[first] == variable) if variable else True)
    assert hit.sum() == 1, "the cell to alter is not there once"
    table.loc[hit, column] = new
    return tables


@pytest.mark.parametrize(
    ("cell", "check"),
    [
        (
            ("table1", "percent", "84.35|83.76", "84.53|83.76"),
            "Table 1, Histologic type: column sums and percentages",
        ),
        (
            ("table1", "M0 (", "81005", "81055"),
            "Table 1, Grade: column sums and percentages",
        ),
        (("table2", "p_value", "0.882", "0.828"), "Table 2, N stage: p of group comparison"),
        (("table1", "p_value", "0.995", "0.994"), "Table 1, Breast subtype: p of group comparison"),
        (
            ("table2", "M0 (", "119", "120", "subtype"),
            "Table 2, M0: receptors against subtype",
        ),
        (
            ("table2", "M0(i+) (", "171", "172", "n_stage"),
            "Tables 1 and 2, M0(i+): all were matched, so their column is the same",
        ),
        (
            ("table2", "M0 (", "52", "62", "age"),
            "Table 2, Age (years): median and quartiles",
        ),
        (
            ("table3", "univariable_ci", "0.498 to 1.296", "0.498 to 1.396"),
            "Table 3 univariable, Group (M0(i+) vs M0): interval against ratio and p",
        ),
        (
            ("table3", "multivariable_hr", "3.065", "3.056"),
            "Table 3 multivariable, Grade (III vs I–II): interval against ratio and p",
        ),
        (
            ("table4", "multivariable_p", "0.012", "0.021"),
            "Table 4 multivariable, N stage (N1–N3 vs N0): interval against ratio and p",
        ),
        (
            ("table4", "univariable_ci", "0.775 to 2.480", "2.480 to 0.775"),
            "Table 4 univariable, Group (M0(i+) vs M0): interval against ratio and p",
        ),
        (("text", "value", "324571", "324751"), "Flow: records"),
        (("text", "value", "35", "36", "deaths_other"), "Flow: deaths"),
        (("text", "value", "1170", "1710"), "Flow: matched patients in the text and in the table"),
        (("text", "value", "59", "60"), "Follow-up: maximum"),
        (("text", "value", "0.0689", "0.0869"), "SMD of N stage (N1-N3)"),
        (("text", "value", "-0.1322", "0.1322"), "SMD of Age (years)"),
        (("text", "value", "0.27", "0.72"), "Table 4, group: univariable p against Gray's test"),
        (("text", "value", "1.273", "1.386"), "Table 4, group: the abstract against the table"),
    ],
)
def test_an_altered_cell_is_caught(audit, cell, check):
    assert check not in audit.index or audit.loc[check, "verdict"] != "inconsistent"
    found = audit_tables(**altered(*cell), variables=VARIABLES).set_index("check")
    assert found.loc[check, "verdict"] == "inconsistent"


def test_other_methods_are_recognized():
    tables = altered("table1", "p_value", "0.696", "0.739")
    row = (
        audit_tables(**tables, variables=VARIABLES)
        .set_index("check")
        .loc["Table 1, Histologic type: p of group comparison"]
    )
    assert (row["verdict"], row["note"]) == ("reproduced", "fits Yates")
    tables = altered("text", "value", "0.0689", "0.0701")
    row = (
        audit_tables(**tables, variables=VARIABLES).set_index("check").loc["SMD of N stage (N1-N3)"]
    )
    assert (row["verdict"], row["note"][:18]) == ("reproduced", "fits the pooled SD")


def test_corrected_statements_pass():
    tables = paper()
    text = tables["text"].set_index("key")["value"]
    text["claim_other_deaths"] = "lower"
    text["logrank_p"] = "0.36"
    text["abstract_table3_hr"], text["abstract_table3_p"] = "0.805", "0.370"
    tables["text"] = text.reset_index().assign(where="")
    found = audit_tables(**tables, variables=VARIABLES).set_index("check")["verdict"]
    assert found["Deaths by group and cause, from the standard errors"] == "derived"
    assert found["Table 3, group: univariable p against log-rank test"] == "consistent"
    assert found["Table 3, group: the abstract against the table"] == "ok"


def test_a_paper_with_less_in_it():
    """No facts, no receptors, no group row: fewer checks, and no failure."""
    tables = paper()
    tables["text"] = tables["text"].iloc[:0]
    for name in NAMES[:4]:
        gone = tables[name]["variable"].isin(["subtype", "pr", "group"])
        tables[name] = tables[name][~gone]
    found = audit_tables(**tables, variables=VARIABLES)
    assert len(found) > 40
    assert not found["check"].str.contains("Flow|receptors|Follow-up|abstract|E-value").any()


# ----- no false alarms ---------------------------------------------------------------------------


def printed_p(p):
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def test_correct_intervals_raise_no_alarm():
    rng = np.random.default_rng(1)
    n = 400
    coef, se = rng.normal(0, 1, n), rng.uniform(0.02, 1.0, n)
    half = norm.ppf(0.975) * se
    ends = np.exp([coef - half, coef + half]).T
    cells = {
        "hr": [f"{hr:.3f}" for hr in np.exp(coef)],
        "ci": [f"{a:.3f} to {b:.3f}" for a, b in ends],
        "p": [printed_p(p) for p in 2 * norm.sf(np.abs(coef / se))],
    }
    table = pd.DataFrame({"variable": "x", "contrast": [f"Row {i}" for i in range(n)]})
    for model in MODELS:
        table = table.assign(**{f"{model}_{part}": texts for part, texts in cells.items()})
    tables = paper() | {"table3": table}
    found = audit_tables(**tables, variables=VARIABLES)
    found = found[found["check"].str.contains("Table 3 univariable, Row")]
    assert len(found) == n
    assert (found["verdict"] == "consistent").all()


def test_chi_square_tests_against_scipy():
    rng = np.random.default_rng(2)
    for _ in range(50):
        counts = rng.integers(1, 400, size=(2, 2))
        ours = chi_square_tests(counts)
        assert ours["Pearson"] == pytest.approx(chi2_contingency(counts, correction=False)[1])
        assert ours["Yates"] == pytest.approx(chi2_contingency(counts, correction=True)[1])
        wide = rng.integers(1, 400, size=(4, 2))
        assert chi_square_tests(wide) == {
            "Pearson": pytest.approx(chi2_contingency(wide, correction=False)[1])
        }
    assert chi_square_tests(np.array([[3, 4], [0, 0]])) == {}


def test_p_range_holds_every_number_that_is_printed_alike():
    rng = np.random.default_rng(3)
    estimate = Estimate(parse_number("1.30"), *parse_interval("0.81 to 2.09"), None)
    wald = wald_from_interval(estimate)
    for hr, low, high in rng.uniform([1.295, 0.805, 2.085], [1.305, 0.815, 2.095], (200, 3)):
        z = np.log(hr) * 2 * norm.ppf(0.975) / np.log(high / low)
        assert wald.p_range[0] <= 2 * norm.sf(abs(z)) <= wald.p_range[1]
    near_one = Estimate(parse_number("1.00"), *parse_interval("0.90 to 1.11"), None)
    assert wald_from_interval(near_one).p_range[1] == 1.0


def test_er_minus_pr_plus_by_brute_force():
    """Margins of drawn patients give back the number of those with discordant receptors."""
    rng = np.random.default_rng(4)
    lines = []
    for _ in range(2):
        er, pr, her2 = rng.random((3, 500)) < np.array([[0.8], [0.7], [0.2]])
        counts = {
            ("er", "Negative"): ~er,
            ("er", "Positive"): er,
            ("pr", "Negative"): ~pr,
            ("pr", "Positive"): pr,
            ("her2", "Negative"): ~her2,
            ("her2", "Positive"): her2,
        }
        for hr, positive in (("HR+", er | pr), ("HR-", ~(er | pr))):
            for sign, h in (("HER2-", ~her2), ("HER2+", her2)):
                counts["subtype", f"{hr}/{sign}"] = positive & h
        lines.append({key: int(value.sum()) for key, value in counts.items()})
        expected = [her2.sum(), (~(er | pr)).sum(), (~er & pr).sum(), (er & ~pr).sum()]
        lines[-1]["expected"] = expected
    table = pd.DataFrame(
        [
            (
                variable,
                level,
                str(lines[0][variable, level]),
                str(lines[1][variable, level]),
                "1|1",
                "",
            )
            for variable, level in list(lines[0])[:-1]
        ],
        columns=["variable", "level_or_statistic", "A (n=500)", "B (n=500)", "percent", "p_value"],
    )
    implied = discordant_receptors(read_characteristics(table, "Table 1"))
    assert implied.T.tolist() == [lines[0]["expected"], lines[1]["expected"]]


# ----- tables that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (("table1", "M0 (", "81005", "81O05"), "Table 1, grade, III: '81O05'"),
        (("table1", "M0 (", "81005", ""), "Table 1, grade, III: a group has an empty cell"),
        (("table1", "percent", "84.35|83.76", "84.35"), "write the two percentages"),
        (("table4", "univariable_ci", "0.775 to 2.480", "0.775"), "Table 4, Group.*interval"),
        (("text", "value", "0.27", "small"), "text, gray_p: 'small'"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(cell, message):
    with pytest.raises(StudyError, match=message):
        audit_tables(**altered(*cell), variables=VARIABLES)


def test_missing_columns_are_named():
    tables = paper()
    tables["table3"] = tables["table3"].drop(columns="univariable_p")
    with pytest.raises(StudyError, match=r"Table 3: .*'univariable_p'"):
        audit_tables(**tables, variables=VARIABLES)
    tables = paper()
    tables["table1"] = tables["table1"].rename(columns={"M0 (n=283503)": "M0"})
    with pytest.raises(StudyError, match="the reference first"):
        audit_tables(**tables, variables=VARIABLES)
    with pytest.raises(StudyError, match="'gray_p' stands twice"):
        read_facts(pd.DataFrame([("gray_p", "0.1", "")] * 2, columns=["key", "value", "where"]))
