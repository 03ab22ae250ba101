"""Bad input ends with one clear message, no traceback first, and nothing half-written."""

import polars as pl
import pytest
from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
from seermatch.synthetic.registry import simulate_registry

SEX = "Sex"


@pytest.fixture(scope="module")
def records():
    registry = simulate_registry(7, reference_scale=0.005, exposed_scale=0.2)
    return pl.concat(registry.exports.values())


@pytest.fixture
def study(checkout):
    """A checkout whose sheet names one export, which a test writes."""
    sheet = "export\tpath\tdictionary\nall\texports/all.csv\t\n"
    (checkout.path / "config/exports.tsv").write_text(sheet, encoding="utf-8")
    (checkout.path / "exports").mkdir()
    checkout.write = lambda rows: write(checkout.path / "exports", rows)
    return checkout


def write(folder, rows):
    (folder / "all.csv").write_bytes(export_text(rows))
    dictionary = dictionary_text(rows.columns, DATABASE, "all.csv")
    content = dictionary if isinstance(dictionary, bytes) else dictionary.encode()
    (folder / "all.dic").write_bytes(content)


def fails(study, target, *words):
    done = study.snakemake(target, succeeds=False)
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "This should not happen" not in done.stderr
    assert not (study.path / target).exists()
    assert not list(study.path.rglob("*.part"))


def test_a_missing_column_is_named_with_its_variants(study, records):
    study.write(records.drop("Derived EOD 2018 M Recode (2018+)"))
    fails(
        study,
        "results/private/exports/all.parquet",
        "all.csv",
        "Derived EOD 2018 M Recode (2018+)",
        "Derived EOD 2018 M (2018+)",
    )


def test_an_empty_file(study, records):
    study.write(records)
    (study.path / "exports/all.csv").write_bytes(b"")
    fails(study, "results/private/exports/all.parquet", "all.csv is empty")


def test_a_header_without_records(study, records):
    study.write(records[:0])
    fails(study, "results/private/exports/all.parquet", "all.csv", "no records")


def test_a_year_outside_the_data(study, records):
    study.write(records)
    study.edit("config/config.yaml", "2021, 2022]", "2021, 2022, 2023]")
    fails(
        study,
        "results/private/cohort.parquet",
        "no record was diagnosed in 2023",
        "2018, 2019, 2020, 2021, 2022",
    )


def test_a_group_emptied_by_a_criterion(study, records):
    exposed = pl.col("Derived EOD 2018 M Recode (2018+)") == "M0(i+)"
    sex = pl.when(exposed).then(pl.lit("Male")).otherwise(pl.col(SEX)).alias(SEX)
    study.write(records.with_columns(sex))
    fails(study, "results/private/cohort.parquet", "group M0(i+)", "step 2, 'female'")


def test_an_unknown_exposure_label(study, records):
    study.write(records)
    study.edit("config/config.yaml", "labels: [M0(i+)]", "labels: [M0(x+)]")
    fails(
        study,
        "results/private/cohort.parquet",
        "the exposed group: m_stage has no label 'M0(x+)' in SEER's dictionaries or in a record",
        "did you mean 'M0(i+)'?",
    )


def test_a_misspelled_label_of_a_criterion(study, records):
    """ER-positive women would be lost without a word."""
    study.write(records)
    study.edit("config/config.yaml", "er: {labels: [Negative, Pos", "er: {labels: [Negative, pos")
    fails(
        study,
        "results/private/cohort.parquet",
        "the criterion 'ER, PR, HER2 and subtype known': er has no label 'positive'",
        "did you mean 'Positive'?",
    )


def test_a_covariate_with_one_level(study, records):
    study.write(records)
    study.edit(
        "config/config.yaml", "her2: {labels: [Negative, Positive]}", "her2: {labels: [Negative]}"
    )
    fails(study, "results/private/propensity.parquet", "her2", "matching.covariates")


def test_a_criterion_on_a_field_that_was_not_exported(study, records):
    study.write(records)
    study.edit("config/config.yaml", "sex: {labels: [Female]}", "registry: {labels: [Utah]}")
    fails(study, "results/private/cohort.parquet", "'female' needs registry")
