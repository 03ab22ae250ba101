"""The paper's printed cells beside a run's."""

from pathlib import Path

import pandas as pd
import pytest
from seermatch.errors import StudyError
from seermatch.paper.comparison import COLUMNS, compare_with_paper, synthetic_columns
from seermatch.paper.tables import plain_label

ROOT = Path(__file__).parent.parent.parent
TABLES = ("table1", "table2", "table3", "table4")
FULL = {"reference_scale": 1.0, "exposed_scale": 1.0}
KEY = ["table", "variable", "level", "cell"]


def paper():
    return {
        name: pd.read_csv(
            ROOT / f"resources/paper/{name}.tsv", sep="\t", dtype=str, keep_default_na=False
        )
        for name in TABLES
    }


def as_run(table):
    """Write a table of characteristics of the paper as a run of the workflow would."""
    columns = [column for column in table.columns if "(n=" in column]
    labels = [column.split(" (n=")[0] for column in columns]
    sizes = [f"{int(column.split('(n=')[1][:-1]):,}" for column in columns]
    lines = [("n", "", *sizes, "", "")]
    for variable, rows in table.groupby("variable", sort=False):
        cells = rows.set_index("level_or_statistic")[columns]
        p = next(p for p in rows["p_value"] if p)
        if "median" in cells.index:
            texts = [f"{c['median']} ({c['q1']}–{c['q3']})" for _, c in cells.items()]
            lines.append((variable, "median (IQR)", *texts, p, "Wilcoxon rank-sum"))
            continue
        for level, row in rows.set_index("level_or_statistic").iloc[1:].iterrows():
            shares = row.iloc[3].split("|")
            texts = [f"{int(row[c]):,} ({s}%)" for c, s in zip(columns, shares, strict=True)]
            lines.append((variable, plain_label(level), *texts, p, "Pearson chi-square"))
            p = ""
    return pd.DataFrame(lines, columns=["variable", "level", *labels, "p_value", "test"])


@pytest.fixture
def run():
    """The tables of a run that came out exactly as the paper's."""
    tables = paper()
    for name in ("table1", "table2"):
        tables[name] = as_run(tables[name])
    for name in ("table3", "table4"):
        table = tables[name].copy()
        for model in ("univariable", "multivariable"):
            table[f"{model}_ci"] = table[f"{model}_ci"].str.replace(" to ", "–")
            aliased = table[f"{model}_hr"] == "NA"
            table.loc[aliased, [f"{model}_hr", f"{model}_p"]] = ["aliased", ""]
            table[f"recommended_{model}"] = "1.000"
        table["contrast"] = table["contrast"].str.replace(
            "ER positive vs negative", "ER (Positive vs Negative)"
        )
        tables[name] = table
    return tables


def test_every_cell_once_and_all_agree(run):
    comparison = compare_with_paper(paper(), run)
    assert tuple(comparison.columns) == COLUMNS
    assert not comparison.duplicated(KEY).any()
    assert comparison["agrees"].all()
    assert not comparison["by_construction"].any()
    count = comparison["table"].value_counts()
    # in two groups: 1 size, 7 x 2 + 4 levels (counts, percentages), 2 x 3 statistics; 10 p-values
    characteristics = 2 * (1 + 2 * 18 + 2 * 3) + 10
    assert count["table1"] == count["table2"] == characteristics
    printed = paper()
    for name in ("table3", "table4"):
        cells = printed[name].drop(columns=["variable", "contrast"])
        assert count[name] == (cells != "").to_numpy().sum()


@pytest.mark.parametrize(
    ("table", "place", "text", "key"),
    [
        ("table1", (1, "M0"), "63 (54–72)", ("age", "", "reference_q1")),
        ("table1", (5, "M0(i+)"), "408 (69.75%)", ("grade", "I-II", "exposed_percent")),
        ("table2", (3, "M0"), "1,011 (86.32%)", ("histology", "IDC", "reference_count")),
        ("table2", (1, "p_value"), "0.727", ("age", "", "p_value")),
        ("table3", (12, "multivariable_hr"), "0.806", ("group", "M0(i+)", "multivariable_hr")),
        ("table4", (12, "univariable_ci"), "0.775–2.481", ("group", "M0(i+)", "univariable_ci")),
        ("table4", (0, "univariable_p"), "<0.001", ("age", "", "univariable_p")),
        ("table4", (4, "multivariable_hr"), "separated", ("er", "Positive", "multivariable_hr")),
        ("table4", (4, "multivariable_hr"), "2410 (Firth)", ("er", "Positive", "multivariable_hr")),
        ("table4", (4, "multivariable_hr"), "", ("er", "Positive", "multivariable_hr")),
        ("table3", (2, "multivariable_hr"), "1.2", ("histology", "Other", "multivariable_hr")),
    ],
)
def test_one_cell_that_differs(run, table, place, text, key):
    row, column = place
    run[table].loc[row, column] = text
    comparison = compare_with_paper(paper(), run)
    differs = comparison[~comparison["agrees"]]
    assert differs[KEY].to_numpy().tolist() == [[table, *key]]


def test_a_number_printed_with_other_digits_agrees(run):
    run["table3"].loc[12, "multivariable_hr"] = "0.80"
    run["table3"].loc[4, "univariable_hr"] = "548,000"
    assert compare_with_paper(paper(), run)["agrees"].all()


def test_what_the_synthetic_registry_fixes(run):
    fixed = synthetic_columns(FULL, run)
    comparison = compare_with_paper(paper(), run, fixed).set_index(KEY)["by_construction"]
    first = comparison["table1"]
    assert first.drop(index=["age", "tumor_size"], level="variable").all()
    assert first.loc["age", "", "reference_median"]
    assert not first.loc["age", "", "p_value"], "the rank test depends on more than the quartiles"
    second = comparison["table2"].reset_index()
    exposed = second["cell"].str.startswith("exposed")
    assert (second["by_construction"] == exposed).all()
    assert not comparison[["table3", "table4"]].any()


def test_a_smaller_registry_fixes_less(run):
    assert synthetic_columns(FULL | {"reference_scale": 0.02}, run) == {
        ("table1", "exposed"),
        ("table2", "exposed"),
    }
    assert synthetic_columns(FULL | {"exposed_scale": 2.0}, run) == {("table1", "reference")}
    run["table2"].loc[0, "M0(i+)"] = "580"
    assert ("table2", "exposed") not in synthetic_columns(FULL, run)


def test_another_exposure_is_refused(run):
    run["table1"] = run["table1"].rename(columns={"M0": "N0", "M0(i+)": "N1mi"})
    with pytest.raises(StudyError, match="compares M0 with M0\\(i\\+\\), this study N0 with N1mi"):
        compare_with_paper(paper(), run)
