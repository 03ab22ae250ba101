"""The simulated registry against the published figures, through a filter of the test's own."""

import json
import re

import numpy as np
import polars as pl
import pytest
from scipy import stats
from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
from seermatch.synthetic.registry import YEARS, simulate_registry

M = "Derived EOD 2018 M Recode (2018+)"
T = "Derived EOD 2018 T Recode (2018+)"
N = "Derived EOD 2018 N Recode (2018+)"
AGE = "Age recode with single ages and 90+"
SIZE = "Tumor Size Summary (2016+)"
GRADE = "Derived Summary Grade 2018 (2018+)"
ER = "ER Status Recode Breast Cancer (1990+)"
PR = "PR Status Recode Breast Cancer (1990+)"
HER2 = "Derived HER2 Recode (2010+)"
SUBTYPE = "Breast Subtype (2010+)"
CAUSE = "SEER cause-specific death classification"
OTHER = "SEER other cause of death classification"
VITAL = "Vital status recode (study cutoff used)"
MONTHS = "Survival months"
NO_CAUSE = ["Dead (missing/unknown COD)", "N/A not seq 0-59"]
HEADER = [
    *("Patient ID", "Record number recode", "Sequence number", "Year of diagnosis", "Sex", AGE),
    *("Primary Site - labeled", "Histologic Type ICD-O-3", "Behavior code ICD-O-3", GRADE, SIZE),
    *(ER, PR, HER2, SUBTYPE, T, N, M, MONTHS, "Survival months flag", VITAL, CAUSE, OTHER),
    *("COD to site recode", "EOD Mets (2018+)", "EOD Regional Nodes (2018+)"),
    "Regional nodes examined (1988+)",
]


def known(column):
    return pl.col(column).is_in(["Positive", "Negative"])


# The criteria of the paper in order; the last step, one tumour per patient, is in `apply`.
CRITERIA = [
    (pl.col("Behavior code ICD-O-3") == "Malignant") & pl.col(M).is_in(["M0", "M0(i+)"]),
    pl.col("Sex") == "Female",
    pl.col(AGE).str.extract(r"^(\d\d) years$").cast(pl.Int32).is_between(18, 89),
    pl.col(T).str.contains("^T[1-4]"),
    pl.col(N).str.contains("^N[0-3]"),
    pl.col(GRADE).is_in(list("123ABC")),
    pl.col(SIZE).cast(pl.Int32, strict=False).is_between(1, 988),
    known(ER) & known(PR) & known(HER2) & pl.col(SUBTYPE).str.starts_with("HR"),
    ~pl.col(CAUSE).is_in(NO_CAUSE) & ~pl.col(OTHER).is_in(NO_CAUSE) & (pl.col(MONTHS) != "Unknown"),
]


def read_back(exports):
    frames = [
        pl.read_csv(export_text(rows), infer_schema=False, null_values=None)
        for rows in exports.values()
    ]
    return pl.concat(frames)


def apply_criteria(records):
    """Return the eligible patients and the counts per arm after each criterion."""
    flow = []
    for criterion in CRITERIA:
        records = records.filter(criterion)
        flow.append([(records[M] == label).sum() for label in ("M0", "M0(i+)")])
    records = records.sort("Patient ID", "Record number recode")
    records = records.unique("Patient ID", keep="first", maintain_order=True)
    flow.append([(records[M] == label).sum() for label in ("M0", "M0(i+)")])
    return records, np.array(flow)


def analysis_variables(patients):
    return patients.select(
        exposed=pl.col(M) == "M0(i+)",
        age=pl.col(AGE).str.head(2).cast(pl.Int32),
        tumor_size=pl.col(SIZE).cast(pl.Int32),
        histology=~pl.col("Histologic Type ICD-O-3").is_in(["8500", "8522"]),
        grade=pl.col(GRADE).is_in(["3", "C"]),
        er=pl.col(ER) == "Positive",
        pr=pl.col(PR) == "Positive",
        her2=pl.col(HER2) == "Positive",
        subtype=pl.col(SUBTYPE),
        t_stage=pl.col(T).str.contains("^T[34]"),
        n_stage=pl.col(N).str.contains("^N[123]"),
        time=pl.col(MONTHS).cast(pl.Int32),
        cancer=pl.col(CAUSE) == "Dead (attributable to this cancer dx)",
        dead=pl.col(VITAL) == "Dead",
    )


def linear_predictor(frame):
    """Logistic regression by Newton's method; HER2 left out, as subtype tells it."""
    terms = ["age", "tumor_size", "histology", "grade", "er", "pr", "t_stage", "n_stage"]
    subtypes = ["HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
    columns = [frame[term].to_numpy() for term in terms]
    columns += [(frame["subtype"] == subtype).to_numpy() for subtype in subtypes]
    X = np.column_stack([np.ones(frame.height), *columns]).astype(float)
    y = frame["exposed"].to_numpy().astype(float)
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(y.mean())
    for _ in range(10):
        p = 1 / (1 + np.exp(-X @ beta))
        beta += np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p))
    return X @ beta


def difference(values, exposed):
    return (values[exposed].mean() - values[~exposed].mean()) / values[exposed].std(ddof=1)


@pytest.fixture(scope="module")
def registry():
    return simulate_registry(seed=20261122)


@pytest.fixture(scope="module")
def records(registry):
    return read_back(registry.exports)


@pytest.fixture(scope="module")
def eligible(records):
    return apply_criteria(records)


@pytest.fixture(scope="module")
def cohort(eligible):
    return analysis_variables(eligible[0])


def test_flow_is_the_published_one(records, eligible):
    flow = eligible[1]
    assert records.height == 346_203
    assert flow[0].tolist() == [323_891, 680]
    assert flow[-1].tolist() == [283_503, 585]
    # Every criterion removes somebody in both arms, the second primaries included.
    assert (np.diff(flow, axis=0) < 0).all()


def test_file_totals_follow_the_years(registry, records):
    heights = [rows.height for rows in registry.exports.values()]
    assert heights == list(registry.truth["records_per_year"].values())
    shares = np.array(heights) / records.height
    np.testing.assert_allclose(shares, [0.19, 0.20, 0.18, 0.21, 0.22], atol=0.01)
    for year, rows in registry.exports.items():
        assert rows["Year of diagnosis"].unique().to_list() == [str(year)]


@pytest.mark.parametrize(
    ("variable", "reference", "exposed"),
    [
        ("histology", 44_374, 95),
        ("grade", 81_005, 177),
        ("er", 242_152, 502),
        ("pr", 212_614, 434),
        ("her2", 35_894, 75),
        ("t_stage", 19_596, 39),
        ("n_stage", 73_982, 171),
    ],
)
def test_counts_of_table_1(cohort, variable, reference, exposed):
    counts = cohort.group_by("exposed").agg(pl.col(variable).sum()).sort("exposed")
    assert counts[variable].to_list() == [reference, exposed]


def test_subtypes_and_receptors_are_coherent(cohort):
    counts = cohort.group_by("exposed", "subtype").len()
    assert {(row["exposed"], row["subtype"]): row["len"] for row in counts.to_dicts()} == {
        (False, "HR+/HER2-"): 218_830,
        (False, "HR+/HER2+"): 25_788,
        (False, "HR-/HER2+"): 10_106,
        (False, "HR-/HER2-"): 28_779,
        (True, "HR+/HER2-"): 450,
        (True, "HR+/HER2+"): 53,
        (True, "HR-/HER2+"): 22,
        (True, "HR-/HER2-"): 60,
    }
    hormone, her2 = pl.col("er") | pl.col("pr"), pl.col("her2")
    derived = pl.format(
        "HR{}/HER2{}",
        pl.when(hormone).then(pl.lit("+")).otherwise(pl.lit("-")),
        pl.when(her2).then(pl.lit("+")).otherwise(pl.lit("-")),
    )
    assert cohort.select((derived == pl.col("subtype")).all()).item()
    rare = cohort.filter(~pl.col("er") & pl.col("pr")).group_by("exposed").len().sort("exposed")
    assert rare["len"].to_list() == [2466, 1]


def test_age_and_size(cohort):
    exposed = cohort["exposed"].to_numpy()
    age, size = cohort["age"].to_numpy(), cohort["tumor_size"].to_numpy()
    quartiles = [0.25, 0.5, 0.75]
    assert np.quantile(age[~exposed], quartiles).tolist() == [53, 63, 72]
    assert np.quantile(age[exposed], quartiles).tolist() == [52, 61, 70]
    assert np.quantile(size[~exposed], quartiles).tolist() == [10, 16, 26]
    assert np.quantile(size[exposed], quartiles).tolist() == [10, 16, 27]
    p_age, p_size = (
        stats.mannwhitneyu(values[exposed], values[~exposed], method="asymptotic").pvalue
        for values in (age, size)
    )
    assert round(p_age, 3) == 0.002
    assert p_size == pytest.approx(0.617, abs=0.01)
    assert difference(age, exposed) == pytest.approx(-0.132, abs=0.005)


def test_distance(cohort):
    exposed = cohort["exposed"].to_numpy()
    assert difference(linear_predictor(cohort), exposed) == pytest.approx(0.178, abs=0.03)


def test_follow_up(cohort):
    assert np.quantile(cohort["time"], [0, 0.25, 0.5, 0.75, 1]).tolist() == [0, 12, 26, 42, 59]
    medians = cohort.group_by("exposed").agg(pl.col("time").median()).sort("exposed")
    assert medians["time"][1] > medians["time"][0]


def test_expected_deaths_in_a_matched_cohort(cohort):
    """Reference patients near in score, weighted to the exposed, instead of a matching."""
    exposed = cohort["exposed"].to_numpy()
    score = linear_predictor(cohort)
    order = np.argsort(score[~exposed], kind="stable")
    at = np.searchsorted(score[~exposed][order], score[exposed])
    near = np.clip(at[:, None] + np.arange(-150, 150), 0, order.size - 1)
    for column, target, tolerance in (("dead", 82, 8), ("cancer", 47, 6)):
        died = cohort[column].to_numpy()
        expected = died[exposed].sum() + 2 * died[~exposed][order][near].mean(axis=1).sum()
        assert expected == pytest.approx(target, abs=tolerance)


def test_exposed_deaths_hardly_depend_on_the_seed():
    deaths = []
    for seed in (1, 2, 3):
        exports = simulate_registry(seed, reference_scale=0.02).exports
        patients = analysis_variables(apply_criteria(read_back(exports))[0])
        exposed = patients.filter(pl.col("exposed"))
        deaths.append([exposed["cancer"].sum(), exposed["dead"].sum()])
    assert np.ptp(deaths, axis=0).max() <= 4


def test_outcome_columns_agree(records):
    combinations = {
        ("Alive", "Alive or dead of other cause", "Alive or dead due to cancer"),
        ("Dead", "Dead (attributable to this cancer dx)", "Alive or dead due to cancer"),
        (
            *("Dead", "Alive or dead of other cause"),
            "Dead (attributable to causes other than this cancer dx)",
        ),
        ("Dead", NO_CAUSE[0], NO_CAUSE[0]),
        ("Alive", NO_CAUSE[1], NO_CAUSE[1]),
        ("Dead", NO_CAUSE[1], NO_CAUSE[1]),
    }
    assert set(records.select(VITAL, CAUSE, OTHER).unique().rows()) == combinations
    alive = pl.col("COD to site recode") == "Alive"
    assert records.select((alive == (pl.col(VITAL) == "Alive")).all()).item()
    # A survival time is missing only among the dead, and never exceeds the follow-up.
    unknown = records.filter(pl.col(MONTHS) == "Unknown")
    assert unknown[VITAL].unique().to_list() == ["Dead"]
    left = (2022 - pl.col("Year of diagnosis").cast(pl.Int32)) * 12 + 11
    months = pl.col(MONTHS).cast(pl.Int32, strict=False)
    assert records.select((months <= left).all()).item()


def test_stage_columns_agree(records):
    pairs = dict(records.select("EOD Regional Nodes (2018+)", N).unique().rows())
    assert (pairs["000"], pairs["070"], pairs["030"]) == ("N0", "N0", "N0(i+)")
    assert (pairs["050"], pairs["100"], pairs["999"]) == ("N0(mol+)", "N1mi", "NX")
    number = pl.col("Regional nodes examined (1988+)")
    nodes = records.group_by("EOD Regional Nodes (2018+)").agg(
        counted=number.str.contains("^([0-8][0-9]|90)$").mean(),
        examined=number.is_between(pl.lit("01"), pl.lit("90")).mean(),
        unexamined=number.is_in(["00", "95", "99"]).mean(),
    )
    assert {"96", "97", "98"} < set(records["Regional nodes examined (1988+)"])
    for code, counted, examined, unexamined in nodes.rows():
        if code in ("000", "888", "999"):
            assert (examined, unexamined) == (0, 1) and counted > 0.8
        elif code != "Blank(s)":
            assert unexamined == 0 and 0.9 < examined <= 1 and examined == counted
    mets = set(records.select(M, "EOD Mets (2018+)").unique().rows())
    assert {("M0", "00"), ("M0(i+)", "05")} < mets
    assert len(mets) == 5
    size = pl.col(SIZE).cast(pl.Int32, strict=False)
    early = records.filter(pl.col(T) == "T1c", size.is_between(1, 988))
    assert early.select(size.is_between(11, 20).all()).item()


def test_rows_that_must_go_are_there(records):
    for column, labels in {
        M: ["M1", "88", "Blank(s)"],
        "Sex": ["Male"],
        AGE: ["90+ years", "Unknown"],
        T: ["TX", "T0", "Tis(DCIS)", "Tis(Paget)"],
        N: ["NX"],
        GRADE: ["9", "D", "L", "M", "H"],
        SIZE: ["000", "989", "990", "998", "999"],
        ER: ["Borderline/Unknown", "Recode not available"],
        HER2: ["Borderline/Unknown"],
        SUBTYPE: ["Unknown"],
        CAUSE: NO_CAUSE,
        MONTHS: ["Unknown"],
        "Behavior code ICD-O-3": ["In situ"],
    }.items():
        assert set(labels) <= set(records[column].unique())


def test_patients_and_records(records):
    assert records["Patient ID"].str.contains(r"^\d{8}$").all()
    key = records.select("Patient ID", "Record number recode")
    assert key.is_unique().all()
    pairs = records.filter(pl.col("Patient ID").is_duplicated()).sort(key.columns)
    assert set(pairs["Record number recode"].to_list()[::2]) == {"01"}
    assert set(pairs["Record number recode"].to_list()[1::2]) == {"02"}
    years = pairs["Year of diagnosis"].cast(pl.Int32).to_numpy().reshape(-1, 2)
    assert (years[:, 0] <= years[:, 1]).all()
    assert (years[:, 0] < years[:, 1]).any()
    assert (pairs[VITAL].to_numpy()[::2] == pairs[VITAL].to_numpy()[1::2]).all()
    # The number must not tell the arm.
    number = records["Patient ID"].cast(pl.Int64).to_numpy()
    exposed = (records[M] == "M0(i+)").to_numpy()
    assert stats.ks_2samp(number[exposed], number[~exposed]).pvalue > 0.001


def test_csv_text(registry):
    text = export_text(registry.exports[2018])
    lines = text.decode("ascii").split("\r\n")
    assert lines[0] == ",".join(f'"{name}"' for name in HEADER)
    assert lines[-1] == ""
    assert len(lines) == registry.exports[2018].height + 2
    assert "\n" not in text.decode("ascii").replace("\r\n", "")
    quoted = {field for line in lines[1:] for field in re.findall('"([^"]*)"', line)}
    assert "C50.9-Breast, NOS" in quoted
    assert all("," in field for field in quoted)


def test_dictionary_text():
    text = dictionary_text(HEADER, DATABASE, "2018.csv")
    assert text.endswith("\r\n\r\n")
    lines = text.split("\r\n")
    assert lines[:3] == ["[System]", "Output filename=2018.csv", f"Database name={DATABASE}"]
    assert 'Missing character="NA"' in lines
    names = [line.split("=", 1)[1] for line in lines if re.match(r"Var\d+Name=", line)]
    assert names == HEADER


def test_truth_is_json(registry):
    truth = json.loads(json.dumps(registry.truth))
    cancer = truth["hazards"]["breast cancer death"]["log_hazard_ratios"]
    other = truth["hazards"]["other death"]["log_hazard_ratios"]
    assert np.exp(cancer["group: M0(i+)"]) == pytest.approx(1.3)
    assert np.exp(cancer["n_stage: N1mi"]) == pytest.approx(1.4)
    assert cancer["n_stage: N0(i+)"] == other["group: M0(i+)"] == 0
    assert truth["seed"] == 20261122


def test_same_seed_same_bytes():
    first, again, another = (simulate_registry(seed, 0.02).exports[2020] for seed in (5, 5, 6))
    assert export_text(first) == export_text(again)
    assert export_text(first) != export_text(another)


@pytest.mark.parametrize("scales", [(0.02, 1.0), (0.001, 0.1), (0.2, 3.0)])
def test_other_scales(scales):
    registry = simulate_registry(7, *scales)
    flow = apply_criteria(read_back(registry.exports))[1]
    assert flow[-1].tolist() == [round(283_503 * scales[0]), round(585 * scales[1])]
    assert flow[0].tolist() == [round(323_891 * scales[0]), round(680 * scales[1])]


def test_nodes_examined_change_no_other_column(monkeypatch):
    """The column has a generator of its own: the others are as they were without it."""

    def several_draws(eod_nodes, rng):
        rng.random(12_345)
        return np.zeros(eod_nodes.size, dtype=np.int16)

    before = simulate_registry(5, 0.02).exports
    monkeypatch.setattr("seermatch.synthetic.registry.number_examined", several_draws)
    after = simulate_registry(5, 0.02).exports
    for year, rows in before.items():
        assert rows.drop(HEADER[-1]).equals(after[year].drop(HEADER[-1]))
        assert after[year][HEADER[-1]].unique().to_list() == ["00"]


def test_other_years():
    registry = simulate_registry(7, 0.02, years=(2019, 2021))
    assert list(registry.exports) == [2019, 2021]
    flow = apply_criteria(read_back(registry.exports))[1]
    assert flow[-1].tolist() == [5670, 585]
    with pytest.raises(ValueError, match="years must lie between 2018 and 2022"):
        simulate_registry(7, years=(*YEARS, 2023))
    with pytest.raises(ValueError, match="at least 20 eligible patients"):
        simulate_registry(7, exposed_scale=0.01)
