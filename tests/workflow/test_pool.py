"""Patients who cannot be scored or matched do not end a study; all files say who they are."""

import pandas as pd

SMALL = """
paper: {{folder: null}}
cohort: {{years: [2018]}}
synthetic: {{reference_scale: {reference}, exposed_scale: {exposed}}}
matching: {matching}
"""
SENTENCE = (
    "No M0(i+) patient has ER: Negative and PR: Positive, so that the M0 patients who have (10) "
    "got no propensity score and are outside the pool of the match. Table 1 counts them."
)


def run(checkout, *targets, reference=0.02, exposed=1, matching="{}"):
    overlay = SMALL.format(reference=reference, exposed=exposed, matching=matching)
    (checkout.path / "small.yaml").write_text(overlay, encoding="utf-8")
    checkout.snakemake(*targets, "--configfile", "small.yaml")
    return checkout.path / "results"


def log_of(results, rule):
    return (results.parent / "logs" / f"{rule}.log").read_text(encoding="utf-8")


def test_a_cell_of_one_group_leaves_the_pool_not_the_study(checkout):
    results = run(checkout, "results/report.html", "results/methods.md")
    cohort = pd.read_parquet(results / "private/cohort.parquet")
    outside = (cohort["er"] == "Negative") & (cohort["pr"] == "Positive")
    assert (outside.sum(), cohort.loc[outside, "group"].sum()) == (10, 0)
    scores = pd.read_parquet(results / "private/propensity.parquet")
    assert scores["propensity"].isna().tolist() == outside.tolist()
    matched = pd.read_parquet(results / "private/matched.parquet")
    assert matched["propensity"].notna().all()

    # the whole cohort in Table 1 and the adjusted model, the pool in the weighted ones
    table1 = (results / "table1.tsv").read_text(encoding="utf-8").splitlines()
    assert f"{(cohort['group'] == 0).sum():,}" in table1[0] + table1[1]
    sensitivity = pd.read_csv(results / "sensitivity.tsv", sep="\t").set_index("analysis")
    assert set(sensitivity.loc["full cohort, adjusted", "n"]) == {len(cohort)}
    for analysis in ("weighted, ATT", "weighted, overlap"):
        assert set(sensitivity.loc[analysis, "n"]) == {len(cohort) - 10}
    balance = pd.read_csv(results / "balance.tsv", sep="\t")
    assert balance[["smd_before", "smd_after"]].notna().all(axis=None)

    told = "er: Negative, pr: Positive: 10 reference and 0 exposed patients, outside the pool"
    assert told in log_of(results, "estimate_propensity")
    for name in ("warnings.txt", "report.html", "methods.md"):
        assert SENTENCE in (results / name).read_text(encoding="utf-8").replace("\\", ""), name

    # as R does
    run(checkout, "results/private/matched.parquet", matching="{ties: file_order}")
    scores = pd.read_parquet(results / "private/propensity.parquet")
    assert (scores.loc[outside, "propensity"] < -15).all()
    assert (
        pd.read_parquet(results / "private/separated_cells.parquet")["in_pool"].tolist()
        == [True] * 2
    )


def test_fewer_reference_than_exposed_patients(checkout):
    few = {"reference": 0.005, "exposed": 1.5, "matching": "{caliper: null}"}
    results = run(checkout, "results/private/matched.parquet", **few)
    cohort = pd.read_parquet(results / "private/cohort.parquet")
    matched = pd.read_parquet(results / "private/matched.parquet")
    n_reference, n_exposed = (cohort["group"] == 0).sum(), (cohort["group"] == 1).sum()
    assert n_reference < n_exposed
    assert matched["group"].value_counts().tolist() == [n_reference] * 2
    log = log_of(results, "match_cohort")
    assert f"{n_reference} reference patients are fewer than {n_exposed} exposed ones need" in log
    # the order is from the largest score down
    scores = pd.read_parquet(results / "private/propensity.parquet").set_index("patient_id")
    exposed = scores[scores["group"] == 1]
    left = ~exposed.index.isin(matched["patient_id"])
    assert exposed.loc[left, "propensity"].max() <= exposed.loc[~left, "propensity"].min()
