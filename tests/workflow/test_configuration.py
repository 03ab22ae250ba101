"""A wrong key, value or sheet stops within seconds and names itself."""

import csv
import os
from pathlib import Path

import pytest


def public_files():
    """Name the public files of a study without claims, one for each pattern."""
    listed = Path(__file__).parents[2] / "resources/public_files.tsv"
    with listed.open(encoding="utf-8", newline="") as table:
        names = [row["file"] for row in csv.DictReader(table, delimiter="\t")]
    kept = [name for name in names if name != "claims.tsv" and "/*" not in name]
    return [name.replace("*", "svg") for name in kept]


PRIVATE = ["cohort", "propensity", "matched", "group_comparison", "survival/cox"]
PUBLIC = [
    *("all", "registry", "study", "resources/synthetic/truth.json"),
    *(f"results/private/{name}.parquet" for name in PRIVATE),
    *(f"results/{name}" for name in public_files()),
]


def claims(wrong):
    """One claim of the configuration, of which one line is wrong."""
    key = wrong.split(":")[0]
    right = {
        "claim": "It does harm.",
        "source": "A leaflet",
        "outcome": "death of any cause",
        "expects": "worse",
        "months": "[36]",
    }
    lines = [f"{name}: {value}" for name, value in right.items() if name != key]
    return "claims:\n    - " + "\n      ".join([*lines, wrong])


def test_every_public_target_has_a_plan(checkout):
    plan = checkout.planned(*PUBLIC)
    assert plan["simulate_exports"] == plan["render_report"] == 1


def test_a_target_that_nothing_makes_is_named(checkout):
    done = checkout.snakemake("--dry-run", *PUBLIC, "results/table5.tsv", succeeds=False)
    assert "results/table5.tsv" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("caliper: 0.2", "calliper: 0.2", "unknown key 'calliper'; did you mean 'caliper'?"),
        ("caliper: 0.2", "caliper: -1", "config.matching.caliper: -1"),
        (
            "ratio: 2",
            "ratio: two",
            "config.matching.ratio: 'two' is not a whole number from 1 to 10. Controls",
        ),
        ("ties: hash", "ties: random", "config.matching.ties: 'random'"),
        ("page: 180", "page: 1800", "config.figures.widths.page: 1800"),
        ("column: 85", "columns: 85", "unknown key 'columns'; did you mean 'column'?"),
        ("age: {minimum: 18", "age: {minium: 18", "unknown key 'minium'"),
        ("subtype, t_stage, n_stage]\n\nsurvival", "m_stage]\n\nsurvival", "'m_stage'"),
        (
            "field: m_stage",
            "field: n_stage",
            "config.matching.covariates: n_stage tells the groups apart",
        ),
        ("exports: config/exports.tsv", "exports: nowhere.tsv", "there is no file nowhere.tsv"),
        (
            "claims: []",
            claims("outcome: death"),
            "config.study.claims.0.outcome: 'death' is not `cancer death` or `death of any",
        ),
        ("claims: []", claims("expects: survival"), "'expects: survival' needs it"),
        ("claims: []", claims("survival_percent: 86"), "the claim expects 'worse'"),
        (
            "claims: []",
            claims("percent: 86"),
            "unknown key 'percent'; did you mean 'survival_percent'",
        ),
    ],
)
def test_a_wrong_configuration_names_itself(checkout, old, new, message):
    checkout.edit("config/config.yaml", old, new)
    before = os.times()
    done = checkout.snakemake("--dry-run", succeeds=False)
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    # Of the processors, not of the clock: the machine may be busy.
    assert os.times().children_user - before.children_user < 10


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("", "no export is listed"),
        ("a\tmissing.csv\t\n", "export 'a': the path missing.csv does not exist"),
        ("a\tconfig\t\n", "export 'a': the path config is a folder"),
        ("a\tSnakefile\tmissing.dic\n", "the dictionary missing.dic does not exist"),
        ("a b\tSnakefile\t\n", "row 2.export: 'a b' is not allowed. Short name of the export"),
        ("März\tSnakefile\t\n", "row 2.export: 'März' is not allowed"),
        ("a\tSnakefile\t\na\tSnakefile\t\n", "row 3: the export 'a' is listed twice"),
    ],
)
def test_a_wrong_sheet_names_itself(checkout, sheet, message):
    header = "export\tpath\tdictionary\n"
    (checkout.path / "config/exports.tsv").write_text(header + sheet, encoding="utf-8")
    done = checkout.snakemake("--dry-run", succeeds=False)
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
