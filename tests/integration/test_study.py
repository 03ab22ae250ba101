"""The whole study on a small synthetic registry: its public files, and what must hold in them."""

import json
import re
import zipfile
from collections import Counter
from xml.etree import ElementTree

import docx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from paper_words import CANCER, VARIABLES
from seermatch.wording.terms import name_analysis

COHORT = {
    "patient_id": "string",
    "year": "int16",
    "group": "int8",
    "age": "int16",
    "tumor_size": "int16",
    "histology": ["IDC", "Other"],
    "grade": ["I-II", "III"],
    "er": ["Negative", "Positive"],
    "pr": ["Negative", "Positive"],
    "her2": ["Negative", "Positive"],
    "subtype": ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"],
    "t_stage": ["T1-T2", "T3-T4"],
    "n_stage": ["N0", "N1-N3"],
    "time": "int16",
    "event": ["censored", "cancer death", "other death"],
}
MATCHED = COHORT | {"propensity": "double", "matched_set": "int32", "weight": "double"}
ESTIMATES = ["coef", "se", "hr", "hr_low", "hr_high", "p_value"]
MODELS = [
    *["model", "term", "level", *ESTIMATES],
    *["se_clustered", "hr_low_clustered", "hr_high_clustered", "p_value_clustered"],
    *["status", "dependence", "n", "events"],
]
CONTRASTS = ["model", "patients", "against", *MODELS[3:13], "n", "events"]
REGRESSION = [
    *["variable", "contrast"],
    *[
        f"{m}_{part}"
        for m in ("univariable", "multivariable", "recommended")
        for part in ("hr", "ci", "p")
    ],
]
AT_RISK = ["group", "time", "n_at_risk", "n_events"]
CURVE = [*AT_RISK, "survival", "se", "conf_low", "conf_high"]
INCIDENCE = [*AT_RISK, "incidence", "se", "conf_low", "conf_high"]
TABLES = {
    "attrition.tsv": [
        *["step", "criterion", "remaining", "excluded"],
        *["remaining_reference", "remaining_exposed", "excluded_reference", "excluded_exposed"],
    ],
    "balance.tsv": [
        *["term", "level", "smd_before", "smd_after"],
        *["variance_ratio_before", "variance_ratio_after"],
    ],
    "table1.tsv": ["variable", "level", "M0", "M0(i+)", "p_value", "test"],
    "table2.tsv": ["variable", "level", "M0", "M0(i+)", "p_value", "test"],
    "table3.tsv": REGRESSION,
    "table4.tsv": REGRESSION,
    "followup.tsv": [
        *["population", "group", "n", "median", "q1", "q3", "maximum", "reverse_km_median"],
        *["deaths_cancer", "deaths_other"],
    ],
    "sensitivity.tsv": [
        *["analysis", "outcome", "estimand", "n", "events", "effective_sample_size"],
        *["largest_weight", "hr", "hr_low", "hr_high", "p_value", "variance"],
    ],
    "included_excluded.tsv": [
        *["quantity", "variable", "level", "patients", "n", "percent", "median", "q1", "q3", "smd"],
    ],
    "survival/logrank.tsv": ["statistic", "df", "p_value", "test"],
    "competing_risks/gray.tsv": ["cause", "statistic", "df", "p_value", "test"],
    "private/propensity.parquet": ["patient_id", "group", "propensity"],
    "private/group_comparison.parquet": [
        *["population", "variable", "level", "group", "n", "percent", "median", "q1", "q3"],
        *["test", "statistic", "df", "p_value"],
    ],
    "private/survival/kaplan_meier.parquet": CURVE,
    "private/competing_risks/incidence.parquet": ["cause", *INCIDENCE],
    "survival.tsv": CURVE,
    "incidence.tsv": ["cause", *INCIDENCE],
    "models.tsv": [*MODELS, "estimator"],
    "finite_contrasts.tsv": [*CONTRASTS, "estimator"],
    "private/survival/cox.parquet": MODELS,
    "private/competing_risks/fine_gray.parquet": MODELS,
}


@pytest.fixture(scope="module")
def results(finished_study):
    return finished_study.path / "results"


def read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_their_columns(results, name):
    frame = read(results / name)
    assert list(frame.columns) == TABLES[name]
    assert len(frame) > 0 or name == "finite_contrasts.tsv"


@pytest.mark.parametrize(("name", "columns"), [("cohort", COHORT), ("matched", MATCHED)])
def test_record_files_have_their_types(results, name, columns):
    schema = pq.read_schema(results / f"private/{name}.parquet")
    assert set(schema.names) == set(columns)
    frame = pd.read_parquet(results / f"private/{name}.parquet")
    for column, kind in columns.items():
        if isinstance(kind, list):
            assert list(frame[column].cat.categories) == kind
        else:
            assert str(schema.field(column).type).replace("large_", "") == kind
    assert frame["patient_id"].is_monotonic_increasing
    assert frame["patient_id"].is_unique
    assert frame["patient_id"].str.fullmatch(r"\d{8}").all()


def test_the_complete_among_the_eligible_are_the_cohort(results):
    eligible = pd.read_parquet(results / "private/eligible.parquet")
    cohort = pd.read_parquet(results / "private/cohort.parquet")
    complete = eligible[eligible["complete"]].reset_index(drop=True)
    complete = complete.astype({"tumor_size": "int16"})
    pd.testing.assert_frame_equal(complete[list(cohort.columns)], cohort)
    others = eligible[~eligible["complete"]]
    covariates = ["tumor_size", "grade", "er", "pr", "her2", "subtype", "t_stage", "n_stage"]
    assert others[covariates].isna().any(axis=1).all()
    assert eligible["patient_id"].is_unique
    further = set(eligible.columns) - set(cohort.columns)
    assert further == {"complete", "event_by_cause_of_death", "first_primary"}
    assert (results / "private/eligible.parquet").stat().st_mode & 0o077 == 0
    sizes = read(results / "included_excluded.tsv").query("quantity == 'patients'")
    assert sizes["n"].to_list() == [len(cohort), len(others)]
    analyses = read(results / "sensitivity.tsv").drop_duplicates("analysis").set_index("analysis")
    assert analyses.loc["multiple imputation", "n"] == 3 * eligible["group"].sum()
    assert analyses.loc["cause of death = cancer", "n"] == analyses.loc["main", "n"]
    assert analyses.loc["first primary only", "n"] < analyses.loc["main", "n"]


def test_the_four_tables_and_figures_need_no_comparison_with_the_excluded(study_copy):
    (study_copy.path / "results/private/included_excluded.parquet").unlink()
    (study_copy.path / "results/included_excluded.tsv").unlink()
    (study_copy.path / "results/table1.tsv").unlink()
    plan = study_copy.planned("study")
    assert plan["publish_cohort"] == 1
    assert "compare_included" not in plan
    assert study_copy.planned("sensitivity")["compare_included"] == 1


def test_the_flow_adds_up(results):
    flow = read(results / "attrition.tsv")
    cohort = pd.read_parquet(results / "private/cohort.parquet")
    assert flow["step"].to_list() == list(range(len(flow)))
    for arm in ("", "_reference", "_exposed"):
        remaining = flow[f"remaining{arm}"]
        assert (remaining.diff().fillna(0) == -flow[f"excluded{arm}"]).all()
        assert (flow[f"excluded{arm}"] >= 0).all()
    assert (flow["excluded"][1:] > 0).all(), "the synthetic registry tries every criterion"
    last = flow.iloc[-1]
    assert last["remaining"] == len(cohort)
    assert last["remaining_exposed"] == cohort["group"].sum() == 585
    assert (
        flow["remaining_reference"][1:].to_list()
        == (flow["remaining"] - flow["remaining_exposed"])[1:].to_list()
    )


def test_matched_sets_are_complete_and_near(results):
    matched = pd.read_parquet(results / "private/matched.parquet")
    scores = pd.read_parquet(results / "private/propensity.parquet")
    sets = matched.groupby("matched_set")["group"].agg(["size", "sum"])
    assert (sets["size"] == 3).all()
    assert (sets["sum"] == 1).all()
    assert (matched["weight"] == 1).all()
    exposed = matched[matched["group"] == 1].set_index("matched_set")["propensity"]
    gaps = (matched["propensity"] - matched["matched_set"].map(exposed)).abs()
    assert gaps.max() <= 0.2 * scores["propensity"].std()
    assert exposed.sort_index().is_monotonic_decreasing


def test_curves_and_follow_up_agree(results):
    matched = pd.read_parquet(results / "private/matched.parquet")
    survival = pd.read_parquet(results / "private/survival/kaplan_meier.parquet")
    incidence = pd.read_parquet(results / "private/competing_risks/incidence.parquet")
    deaths = read(results / "followup.tsv").set_index(["population", "group"])
    for group in ("M0", "M0(i+)"):
        s = survival[survival["group"] == group].set_index("time")["survival"]
        f = incidence[incidence["group"] == group].pivot_table(
            index="time", columns="cause", values="incidence", observed=True
        )
        np.testing.assert_allclose(1 - f.sum(axis=1), s, rtol=0, atol=1e-12)
    counts = matched["event"].value_counts()
    assert deaths.loc[("matched", "all"), "deaths_cancer"] == counts["cancer death"]
    assert deaths.loc[("matched", "all"), "deaths_other"] == counts["other death"]
    check = read(results / "competing_risks/incidence_cross_check.tsv")
    assert check["largest_difference"].max() < 1e-12


@pytest.mark.parametrize(
    ("name", "models"),
    [("survival", "survival/cox"), ("competing_risks", "competing_risks/fine_gray")],
)
def test_finite_contrasts_are_of_separated_models(results, name, models):
    contrasts = read(results / f"private/{name}/finite_contrasts.parquet")
    assert list(contrasts.columns) == CONTRASTS
    table = read(results / f"private/{models}.parquet")
    assert set(contrasts["model"]) <= set(table.loc[table["status"] == "separated", "model"])
    assert (contrasts["se"] > 0).all() and contrasts["hr"].between(1e-3, 1e3).all()


@pytest.mark.parametrize("name", ["table3.tsv", "table4.tsv"])
def test_no_estimate_is_absurd(results, name):
    table = read(results / name)
    ratios = [column for column in table.columns if column.endswith("_hr")]
    cells = pd.concat([table[column] for column in ratios]).astype(str)
    numbers = pd.to_numeric(cells.str.replace(r" ?\(.*\)$", "", regex=True), errors="coerce")
    assert numbers.dropna().between(1e-3, 1e3).all()
    assert table["variable"].to_list()[-1] == "group"
    assert float(table["multivariable_hr"].iloc[-1]) > 0


FIGURES = [
    *(f"figure{number}" for number in (1, 2, 3, 4)),
    *("forest_cox", "forest_fine_gray", "score_overlap", "log_log_survival"),
    *("schoenfeld_residuals", "matching_stability", "specification_curve"),
]


def test_figures_and_report(results):
    for name in FIGURES:
        drawn = (results / f"figures/{name}.svg").read_text("utf-8")
        assert drawn.count("<text") > 5
        assert "masked" not in drawn  # nothing is, of simulated patients
        assert (results / f"figures/{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert (results / f"figures/{name}.pdf").read_bytes()[:5] == b"%PDF-"
    report = (results / "report.html").read_text("utf-8")
    assert "synthetic" in report.lower()
    cohort = pd.read_parquet(results / "private/cohort.parquet")
    assert not [patient for patient in cohort["patient_id"] if patient in report]


def test_the_run_tells_each_step_in_a_line(finished_study):
    assert "matched 585 of 585 exposed to 1,170 controls" in finished_study.printed
    assert "Traceback" not in finished_study.printed


def test_logs_and_benchmarks_are_kept(finished_study):
    assert "matched 585 of 585" in (finished_study.path / "logs/match_cohort.log").read_text()
    assert (finished_study.path / "benchmarks/match_cohort.tsv").exists()


def test_no_unfinished_file_is_left(finished_study):
    assert not list(finished_study.path.rglob("*.part"))


def test_the_truth_behind_the_synthetic_data_is_told(finished_study):
    truth = json.loads((finished_study.path / "resources/synthetic/truth.json").read_text())
    assert truth["seed"] == 20261122


@pytest.mark.parametrize("name", ["forest_cox", "forest_fine_gray"])
def test_a_forest_plot_prints_every_cell_of_its_table(results, name):
    path = results / f"table{3 if name == 'forest_cox' else 4}.tsv"
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    root = ElementTree.fromstring((results / f"figures/{name}.svg").read_bytes())
    written = Counter(
        "".join(element.itertext()).strip()
        for element in root.iter("{http://www.w3.org/2000/svg}text")
    )
    for model in ("univariable", "multivariable", "recommended"):
        columns = [table[f"{model}_{part}"] for part in ("hr", "ci")]
        for ratio, interval in zip(*columns, strict=True):
            if interval:
                written[f"{ratio.replace(' (Firth)', '†')} ({interval})"] -= 1
    assert min(written.values()) >= 0
    assert not [text for text, n in written.items() if n > 0 and re.match(r"\d+\.\d{3}.* \(", text)]


def test_proportional_hazards_agree_with_the_interpretation(results):
    tests = read(results / "survival/proportional_hazards.tsv")
    interpretation = read(results / "interpretation.tsv")
    rows = interpretation["quantity"] == "proportional hazards test p"
    group = interpretation[rows & (interpretation["outcome"] == "overall survival (Cox)")]
    assert tests["p_value"].iloc[0] == pytest.approx(group["estimate"].iloc[0], rel=1e-9)
    residuals = results / "private/survival/schoenfeld_residuals.parquet"
    deaths = (pd.read_parquet(results / "private/matched.parquet")["event"] != "censored").sum()
    frame = pd.read_parquet(residuals)
    of_deaths = frame[frame["kind"] == "residual"]
    assert (of_deaths.groupby(["model", "term", "level"]).size() == deaths).all()
    assert residuals.stat().st_mode & 0o077 == 0, "records of patients"


def reported(checkout, *targets):
    """Build Snakemake's report; give its entries by path, its categories and the files in it."""
    checkout.snakemake(*targets, "--report", "report.zip")
    with zipfile.ZipFile(checkout.path / "report.zip") as archive:
        names = archive.namelist()
        (page,) = [name for name in names if name.count("/") == 1 and name.endswith(".html")]
        text = archive.read(page).decode()
    read_json = json.JSONDecoder().raw_decode
    parts = [
        read_json(text, text.index("{", text.index(f'<script id="{part}">')))[0]
        for part in ("results", "categories")
    ]
    return *parts, {name.rpartition("/")[2] for name in names if "/data/" in name}


def test_snakemake_report_holds_all_that_is_published_and_nothing_private(study_copy):
    entries, categories, files = reported(study_copy)
    published, private = set(), set()
    for path in (study_copy.path / "results").rglob("*"):
        if path.suffix in (".tsv", ".html", ".svg", ".json", ".docx", ".md"):
            kept = path.stat().st_mode & 0o077 == 0
            (private if kept else published).add(str(path.relative_to(study_copy.path)))
    assert set(entries) == published
    assert files == {path.rpartition("/")[2] for path in published}
    assert all(path.startswith("results/private/") for path in private)
    assert set(categories) == {
        *("Cohort", "Tables", "Figures", "Matching", "Survival", "Competing risks"),
        *("Sensitivity", "Audit", "Report"),
    }
    labels = [entry["labels"]["item"] for entry in entries.values()]
    assert len(set(labels)) == len(labels)
    for path, entry in entries.items():
        assert len(entry["caption"]) > 40, path
        assert "{{" not in entry["caption"] and "None" not in entry["caption"], path


def test_captions_and_figures_follow_the_configuration(study_copy):
    """A caption quotes the caliper of the run; masking merges bins and takes residuals away."""
    study_copy.edit("config/config.yaml", "caliper: 0.2", "caliper: 0.07")
    study_copy.edit("config/config.yaml", "minimum_count: null", "minimum_count: 5")
    figures = [f"results/figures/{n}.svg" for n in ("schoenfeld_residuals", "score_overlap")]
    before = [(study_copy.path / path).read_text("utf-8") for path in figures]
    targets = ["results/table2.tsv", *figures]
    study_copy.snakemake(*targets, "results/report.html", "results/tables.docx")
    page = (study_copy.path / "results/report.html").read_text("utf-8")
    assert "masked" in page
    assert not re.findall(r">nan<|\bnan\b [^<]*<", page)
    entries = reported(study_copy, *targets)[0]
    caption = entries["results/table2.tsv"]["caption"]
    assert "after 1:2 matching within 0.07 standard deviations" in caption
    assert "counts below it are masked" in caption
    assert "none tells of fewer patients" in entries[figures[1]]["caption"]
    assert "one per death, are shown only" in entries[figures[0]]["caption"]
    survival = study_copy.path / "results/private/survival"
    residuals = pd.read_parquet(survival / "schoenfeld_residuals.parquet")
    of_deaths = residuals["kind"] == "residual"
    drawn = (of_deaths & (residuals["model"] == "recommended")).sum()
    after = [(study_copy.path / path).read_text("utf-8") for path in figures]
    # each mark of a residual is a <use>, and each tick
    assert before[0].count("<use") > drawn > after[0].count("<use")
    assert len(after[1]) < len(before[1]), "bins were merged"


def test_a_run_ends_with_where_the_results_lie_and_what_to_know(finished_study):
    told = finished_study.printed
    closing = told[told.index("The results are in results/, after ") :]
    assert "Begin with results/report.html." in closing
    warnings = (finished_study.path / "results/warnings.txt").read_text("utf-8").splitlines()
    assert any("few events" in warning for warning in warnings)
    for warning in warnings:
        assert told.count(f"  - {warning}\n") == 1


def test_a_run_without_the_report_does_not_repeat_the_warnings_of_an_earlier_one(study_copy):
    (study_copy.path / "results/figures/figure1.png").unlink()
    told = study_copy.snakemake("study").stderr
    assert "The results are in results/, after " in told
    assert "Before you use them" not in told


def word_cells(table):
    """Text of the rows of a Word table, without raised letters, hyphens and blanks plain."""
    return [
        [
            "".join(run.text for run in cell.paragraphs[0].runs if not run.font.superscript)
            .replace("\xa0", " ")
            .replace("−", "-")
            for cell in row.cells
        ]
        for row in table.rows
    ]


@pytest.fixture(scope="module")
def word_tables(results):
    document = docx.Document(str(results / "tables.docx"))
    named = [p.text.split(". ")[0] for p in document.paragraphs if p.style.name == "Caption"]
    return dict(zip(named, map(word_cells, document.tables), strict=True))


def text_of(path):
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("number", [1, 2])
def test_word_tables_of_characteristics_equal_the_files(results, word_tables, number):
    file = text_of(results / f"table{number}.tsv")
    header, *rows = word_tables[f"Table {number}"]
    assert header[1:] == [f"M0 (n = {file['M0'][0]})", f"M0(i+) (n = {file['M0(i+)'][0]})", "p"]
    cells = iter(rows)
    for _, block in file[1:].groupby("variable", sort=False):
        first = next(cells)
        if block["level"].iloc[0] == "median (IQR)":
            assert first[1:] == block.iloc[0][["M0", "M0(i+)", "p_value"]].to_list()
            continue
        assert first[1:] == ["", "", block["p_value"].iloc[0]]
        for line in block.itertuples(index=False):
            name, *numbers = next(cells)
            assert name.replace("–", "-") == line.level
            assert numbers == [*line[2:4], ""]
    assert next(cells, None) is None


@pytest.mark.parametrize("number", [3, 4])
def test_word_tables_of_models_equal_the_files(results, word_tables, number):
    file = text_of(results / f"table{number}.tsv")
    rows = word_tables[f"Table {number}"][2:]
    for row, line in zip(rows, file.itertuples(index=False), strict=True):
        assert row[0] == line.contrast.replace("−", "-")
        for at, cell in enumerate(line[2:]):
            wanted = cell.removesuffix(" (Firth)")
            wanted = "NE" if cell in ("aliased", "separated") else wanted
            assert row[1 + at] == (wanted or ("–" if at % 3 == 0 else ""))


def test_supplementary_word_tables_equal_the_files(results, word_tables):
    flow = read(results / "attrition.tsv")
    columns = ["remaining", "excluded", "remaining_reference", "excluded_reference"]
    columns += ["remaining_exposed", "excluded_exposed"]
    counts = [[f"{n:,}" for n in line] for line in flow[columns].to_numpy()]
    assert [row[1:] for row in word_tables["Table S1"][1:]] == counts

    balance = read(results / "balance.tsv").iloc[:, 2:]
    shown = [["" if np.isnan(x) else f"{x:.3f}" for x in line] for line in balance.to_numpy()]
    shown = [[cell.replace("-0.000", "0.000") for cell in line] for line in shown]
    assert [row[1:] for row in word_tables["Table S2"][1:]] == shown

    analyses = read(results / "sensitivity.tsv")
    blocks = {"Table S3": (5, slice(0, 2)), "Table S4": (1, slice(2, 5))}
    for name, (first, wanted) in blocks.items():
        rows = word_tables[name][2:]
        assert len(rows) == analyses["analysis"].nunique()
        for row, (analysis, part) in zip(
            rows, analyses.groupby("analysis", sort=False), strict=True
        ):
            assert row[0].lower() == name_analysis(analysis, VARIABLES, CANCER).lower()
            lines = part.iloc[wanted].itertuples()
            cells = [
                cell
                for line in lines
                for cell in (
                    f"{line.events:,}",
                    f"{line.hr:.2f} ({line.hr_low:.2f}–{line.hr_high:.2f})",
                    "<0.001" if line.p_value < 0.001 else f"{line.p_value:.3f}",
                )
            ]
            assert row[first:] == cells

    seeds = read(results / "matching_stability.tsv")
    rows = {row[0]: row[1:] for row in word_tables["Table S5"][1:]}
    for name, column in (("Overall survival", "os_hr"), ("Breast cancer mortality", "cancer_hr")):
        main, median, middle, below = rows[f"{name}: hazard ratio"]
        others = seeds[column][1:]
        assert float(main) == round(seeds[column][0], 2)
        assert float(median) == pytest.approx(others.median(), abs=0.0051)
        low, high = others.quantile([0.025, 0.975])
        assert [float(x) for x in middle.split("–")] == pytest.approx([low, high], abs=0.0051)
        assert float(below) == pytest.approx(100 * (others < seeds[column][0]).mean(), abs=0.51)
    assert rows["Deaths"][0] == str(int(seeds["deaths"][0]))


def test_word_tables_come_from_published_files_only(finished_study):
    """What is masked there is masked in the Word document."""
    rules = (finished_study.path / "workflow/rules/report.smk").read_text(encoding="utf-8")
    rule = rules.split("rule write_word_tables:")[1].split("    output:")[0]
    inputs = re.findall(r'"<results>/([^"]+)"', rule)
    assert len(inputs) == 11
    assert all(name.endswith((".tsv", ".json")) for name in inputs)


def test_the_methods_tell_this_run(results):
    text = (results / "methods.md").read_text(encoding="utf-8")
    provenance = json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    for package, number in provenance["versions"].items():
        assert f"{package} {number}" in text
    for row in read(results / "attrition.tsv").iloc[1:].itertuples():
        assert f"{row.criterion} ({row.remaining:,})" in text
    assert "were matched, to 1,170 M0 patients" in text
    analyses = read(results / "sensitivity.tsv")["analysis"].unique()
    assert all(name_analysis(name, VARIABLES, CANCER) in text for name in analyses)
    for table, name in (("table3", "Cox"), ("table4", "Fine–Gray")):
        file = text_of(results / f"{table}.tsv")
        entered = file.loc[(file["multivariable_hr"] != "") & (file["variable"] != "group")]
        told = re.search(rf"in the {name} analysis ([^.]*?)( and in the |\. A second)", text)[1]
        assert told.count(",") + told.count(" and ") + 1 == entered["variable"].nunique()
    matched = pd.read_parquet(results / "private/matched.parquet")
    assert not [patient for patient in matched["patient_id"] if patient in text]


def test_the_checklist_names_files_that_are_there(results):
    text = (results / "methods.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`]+)`", text.split("# Reporting checklists")[1]))
    assert len(named) > 12
    assert [name for name in named if not (results / name).is_file()] == []


def test_the_cross_check_leaves_out_a_group_without_deaths_of_one_cause(study_copy):
    path = study_copy.path / "results/private/matched.parquet"
    matched = pd.read_parquet(path)
    dead = (matched["group"] == 1) & (matched["event"] == "other death")
    matched["event"] = matched["event"].mask(dead, "censored")
    matched.to_parquet(path, index=False)
    told = study_copy.snakemake("results/competing_risks/incidence_cross_check.tsv").stderr
    assert "not checked in M0(i+), without deaths of one cause" in told
    check = read(study_copy.path / "results/competing_risks/incidence_cross_check.tsv")
    assert set(check["group"]) == {"M0"}
