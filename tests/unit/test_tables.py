"""Printed tables: exact cells, and the paper's own Table 1 from its counts."""

import numpy as np
import pandas as pd
import pytest
from paper_words import VARIABLES
from report_content import REFERENCE_LEVELS
from seermatch.errors import StudyError
from seermatch.matching.characteristics import compare_groups
from seermatch.survival.curves import estimates_at_marks, numbers_at_risk
from seermatch.variables.printed import label_groups
from seermatch.wording.numbers import format_count, format_p, format_range, state_p
from seermatch.wording.printed_tables import print_characteristics, print_regression
from seermatch.wording.study_tables import characteristics_table, regression_table
from seermatch.wording.terms import describe_contrast

LABELS = ("M0", "M0(i+)")
RATIOS = ("univariable", "multivariable", "recommended")
# Table 1 of the paper: level, M0, M0(i+), as printed
SUBTYPE = [
    ("HR+/HER2-", 218830, 450, "218,830 (77.19%)", "450 (76.92%)"),
    ("HR+/HER2+", 25788, 53, "25,788 (9.10%)", "53 (9.06%)"),
    ("HR-/HER2+", 10106, 22, "10,106 (3.56%)", "22 (3.76%)"),
    ("HR-/HER2-", 28779, 60, "28,779 (10.15%)", "60 (10.26%)"),
]


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0, "<0.001"),
        (0.000999, "<0.001"),
        (0.001, "0.001"),
        (0.002, "0.002"),
        (0.0496, "0.050"),
        (0.7812, "0.781"),
        (0.999, "0.999"),
        (0.9996, ">0.999"),
        (1, ">0.999"),
        (np.nan, ""),
        (None, ""),
    ],
)
def test_p_values(p, text):
    assert format_p(p) == text


def test_numbers():
    assert [state_p(p) for p in (0.2, 0.0001, 1)] == ["p = 0.200", "p < 0.001", "p > 0.999"]
    assert [format_count(n) for n in (0, 999, 1000, 2.5, np.nan)] == [
        "0",
        "999",
        "1,000",
        "2.5",
        "masked",
    ]
    assert format_range(1.0494, 1.08961) == "1.049–1.090"
    assert format_range(10, 26.5, None) == "10–26.5"
    assert format_range(0.5, np.inf) == "0.500–∞"
    assert format_range(np.nan, 1) == ""


@pytest.mark.parametrize(
    ("variable", "level", "text"),
    [
        ("age", "", "Age (per year)"),
        ("tumor_size", "", "Tumor size (per mm)"),
        ("histology", "Other", "Histologic type (Other vs IDC)"),
        ("grade", "III", "Grade (III vs I–II)"),
        ("er", "Positive", "ER (Positive vs Negative)"),
        ("subtype", "HR-/HER2-", "Breast subtype (HR−/HER2− vs HR+/HER2−)"),
        ("t_stage", "T3-T4", "T stage (T3–T4 vs T1–T2)"),
        ("group", "", "Group (M0(i+) vs M0)"),
    ],
)
def test_contrasts_as_in_the_paper(variable, level, text):
    assert describe_contrast(variable, level, LABELS, REFERENCE_LEVELS, VARIABLES) == text


def test_reference_level_of_another_recode():
    assert describe_contrast("grade", "II", LABELS, {"grade": "I"}, VARIABLES) == "Grade (II vs I)"


@pytest.mark.parametrize("values", [[0, 1], ["0", "1"], ["M0", "M0(i+)"]])
def test_groups_by_code_or_label(values):
    assert label_groups(pd.Series(values), LABELS).tolist() == list(LABELS)
    assert label_groups(pd.Series(values, dtype="category"), LABELS).tolist() == list(LABELS)


def test_unknown_group():
    with pytest.raises(StudyError, match="M1"):
        label_groups(pd.Series(["M0", "M1"]), LABELS)


def paper_frame():
    """One row per patient with the paper's subtypes."""
    counts = np.array([row[1:3] for row in SUBTYPE])
    group = np.repeat([0, 1], counts.sum(axis=0))
    codes = np.concatenate([np.repeat(np.arange(4), counts[:, arm]) for arm in (0, 1)])
    subtype = pd.Categorical.from_codes(codes, [row[0] for row in SUBTYPE])
    return pd.DataFrame({"group": group, "subtype": subtype})


def test_table1_cells_equal_the_paper():
    table = characteristics_table(compare_groups(paper_frame(), ["subtype"]), LABELS)
    assert table.columns.tolist() == ["variable", "level", *LABELS, "p_value", "test"]
    assert table.iloc[0].tolist() == ["n", "", "283,503", "585", "", ""]
    for line, (level, _, _, reference, exposed) in zip(
        table.iloc[1:].itertuples(index=False), SUBTYPE, strict=True
    ):
        first = level == "HR+/HER2-"
        test = ("0.995", "Pearson chi-square") if first else ("", "")
        assert tuple(line) == ("subtype", level, reference, exposed, *test)


def test_continuous_row_and_size_from_it():
    frame = pd.DataFrame({"group": [0] * 4 + [1] * 3, "age": [50, 60, 61, 63, 52, 61, 80]})
    table = characteristics_table(compare_groups(frame, ["age"]), LABELS)
    assert table["variable"].tolist() == ["n", "age"]
    assert table.loc[0, list(LABELS)].tolist() == ["4", "3"]
    assert table.loc[1, "level"] == "median (IQR)"
    assert table.loc[1, "M0"] == "60.5 (57.5–61.5)"
    assert table.loc[1, "M0(i+)"] == "61 (56.5–70.5)"
    assert table.loc[1, "test"] == "Wilcoxon rank-sum"


def test_weighted_comparison_has_no_test():
    frame = paper_frame().groupby(["group", "subtype"], observed=True).head(30)
    comparison = compare_groups(frame, ["subtype"], weights=np.linspace(0.5, 1.5, len(frame)))
    table = characteristics_table(comparison, LABELS)
    assert (table[["p_value", "test"]] == "").all(axis=None)


def test_missing_group_and_mixed_populations():
    comparison = compare_groups(paper_frame().query("group == 0"), ["subtype"])
    with pytest.raises(StudyError, match=r"M0\(i\+\)"):
        characteristics_table(comparison, LABELS)
    both = pd.concat([comparison.assign(population=name) for name in ("cohort", "matched")])
    with pytest.raises(StudyError, match="population"):
        characteristics_table(both, LABELS)


def model_rows():
    """Rows as the models give them: ok, aliased, separated with and without a Firth estimate."""
    columns = ["model", "term", "level", "hr", "hr_low", "hr_high", "p_value", "status"]
    nothing = (np.nan,) * 4
    return pd.DataFrame(
        [
            ("univariable", "age", "", 1.0688, 1.0494, 1.08961, 1e-9, "ok"),
            ("univariable", "er", "Positive", 0.189, 0.106, 0.337, 0.0004, "ok"),
            ("univariable", "subtype", "HR+/HER2+", 0.961, 0.29, 3.188, 0.949, "ok"),
            ("univariable", "subtype", "HR-/HER2+", 2.19, 0.509, 9.421, 0.293, "ok"),
            ("univariable", "group", "M0(i+)", 1.386, 0.775, 2.48, 0.272, "ok"),
            ("multivariable", "er", "Positive", 2.3449, 0.4, np.inf, 0.3, "separated"),
            ("multivariable", "subtype", "HR+/HER2+", *nothing, "separated"),
            ("multivariable", "subtype", "HR-/HER2+", *nothing, "aliased"),
            ("multivariable", "group", "M0(i+)", 1.273, 0.679, 2.39, 0.45, "ok"),
        ],
        columns=columns,
    )


def test_regression_cells():
    table = regression_table(
        model_rows(),
        ["age", "tumor_size", "er", "subtype", "group"],
        LABELS,
        REFERENCE_LEVELS,
        VARIABLES,
    )
    names = [f"{model}_{part}" for model in RATIOS for part in ("hr", "ci", "p")]
    assert table.columns.tolist() == ["variable", "contrast", *names]
    assert table.drop(columns=names[6:]).to_numpy().tolist() == [
        ["age", "Age (per year)", "1.069", "1.049–1.090", "<0.001", "", "", ""],
        ["er", "ER (Positive vs Negative)", "0.189", "0.106–0.337", "<0.001", "2.345 (Firth)",
         "0.400–∞", "0.300"],
        ["subtype", "Breast subtype (HR+/HER2+ vs HR+/HER2−)", "0.961", "0.290–3.188", "0.949",
         "separated", "", ""],
        ["subtype", "Breast subtype (HR−/HER2+ vs HR+/HER2−)", "2.190", "0.509–9.421", "0.293",
         "aliased", "", ""],
        ["group", "Group (M0(i+) vs M0)", "1.386", "0.775–2.480", "0.272", "1.273", "0.679–2.390",
         "0.450"],
    ]  # fmt: skip
    assert (table[names[6:]] == "").all(axis=None)


def test_group_may_have_an_empty_level():
    rows = model_rows().query("term == 'group'")
    expected = regression_table(rows, ["group"], LABELS, REFERENCE_LEVELS, VARIABLES)
    pd.testing.assert_frame_equal(
        regression_table(rows.assign(level=""), ["group"], LABELS, REFERENCE_LEVELS, VARIABLES),
        expected,
    )


def test_printed_characteristics():
    frame = paper_frame().assign(age=np.arange(284088) % 97)
    table = characteristics_table(compare_groups(frame, ["age", "subtype"]), LABELS)
    out = print_characteristics(table, LABELS, "Before.", VARIABLES)
    assert [cell.text for cell in out.header[0]] == [
        "Characteristic", "M0 (n = 283,503)", "M0(i+) (n = 585)", "p",
    ]  # fmt: skip
    assert [row.kind for row in out.rows] == ["row", "heading", *["level"] * 4]
    assert out.rows[1].label == "Breast subtype, n (%)"
    assert out.rows[1].cells == ("", "", "0.995ᵇ")
    assert out.rows[5].label == "HR−/HER2−"
    assert out.notes[1:] == ("ᵃ Wilcoxon rank-sum.", "ᵇ Pearson chi-square.")


def test_printed_regression_spans_and_notes():
    table = regression_table(
        model_rows(), ["age", "er", "subtype", "group"], LABELS, REFERENCE_LEVELS, VARIABLES
    )
    out = print_regression(table, "Deaths.", "sHR")
    assert [(cell.text, cell.columns, cell.rows) for cell in out.header[0]] == [
        ("Variable", 1, 2), ("Univariable", 3, 1), ("Multivariable, as published", 3, 1),
    ]  # fmt: skip
    assert len(out.header[1]) == 6
    assert out.rows[0].cells[3:] == ("–", "", "")
    notes = " ".join(out.notes)
    assert all(word in notes for word in ("subdistribution", "Aliased", "Separated", "(Firth)"))
    plain = print_regression(
        regression_table(model_rows().head(1), ["age"], LABELS, REFERENCE_LEVELS, VARIABLES),
        "Deaths.",
    )
    assert not any(word in " ".join(plain.notes) for word in ("Aliased", "Separated", "(Firth)"))


@pytest.mark.parametrize("seed", range(3))
def test_numbers_at_risk_by_counting(seed):
    time = np.random.default_rng(seed).integers(0, 40, 80)
    distinct = np.unique(time)
    at_risk = [(time >= t).sum() for t in distinct]
    curve = pd.DataFrame({"time": distinct, "n_at_risk": at_risk})
    marks = [0, 12, 24, 36, 39.5, 48]
    assert numbers_at_risk(curve, marks).tolist() == [(time >= mark).sum() for mark in marks]


def test_estimates_hold_until_the_next_step():
    curve = pd.DataFrame({"time": [2, 5], "n_at_risk": [9, 4], "incidence": [0.1, 0.3]})
    curve = curve.assign(conf_low=curve["incidence"] / 2, conf_high=curve["incidence"] * 2)
    table = estimates_at_marks(curve, [0, 1.9, 2, 4.9, 5, 60], "incidence", 0.0)
    assert table["incidence"].tolist() == [0, 0, 0.1, 0.1, 0.3, 0.3]
    assert table["conf_high"].tolist() == [0, 0, 0.2, 0.2, 0.6, 0.6]
