"""The infinite hazard ratios of the paper's Tables 3 and 4, as R makes them and as they are here.

ER, PR and subtype together set three patients apart (ER negative, PR positive, all alive), so the
joint models have no finite maximum. R stops somewhere on the way and prints what it has then.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import seermatch.analysis.group_effect
import seermatch.survival.cox
from paper_words import VARIABLES
from seermatch.analysis.models import regression_models
from seermatch.statistics.newton import Rule, maximize
from seermatch.survival.efron import DeathTimes, EfronLikelihood
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.separation import find_separation
from seermatch.survival.subdistribution import SubdistributionLikelihood
from seermatch.variables.printed import EVENTS
from seermatch.wording.terms import describe_balance_term

DATA = Path(__file__).parents[1] / "data"
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
LEVELS = {
    "hist_other": ["IDC", "Other"],
    "grade3": ["I-II", "III"],
    "er": ["Negative", "Positive"],
    "pr": ["Negative", "Positive"],
    "her2": ["Negative", "Positive"],
    "subtype": SUBTYPES,
    "t34": ["T1-T2", "T3-T4"],
    "n13": ["N0", "N1-N3"],
}
TERMS = {
    "cox": ["age", "size", *LEVELS],
    "fine_gray": ["age", "size", "grade3", "er", "pr", "subtype", "t34", "n13"],
}
# Patients, those they are compared with, and the same contrast of coefficients in R's names.
COX_CONTRASTS = {
    ("HER2: Positive, Breast subtype: HR+/HER2+", "HER2: Negative, Breast subtype: HR+/HER2−"): (
        "subtype2"
    ),
    (
        "ER: Negative, HER2: Positive, Breast subtype: HR−/HER2+",
        "ER: Positive, HER2: Negative, Breast subtype: HR+/HER2−",
    ): "subtype3",
    (
        "ER: Negative, Breast subtype: HR−/HER2−",
        "ER: Positive, Breast subtype: HR+/HER2−",
    ): "subtype4",
}
FINE_GRAY_CONTRASTS = {
    ("ER: Negative, Breast subtype: HR−/HER2+", "ER: Positive, Breast subtype: HR+/HER2−"): (
        "subtype3"
    ),
    ("ER: Negative, Breast subtype: HR−/HER2−", "ER: Positive, Breast subtype: HR+/HER2−"): (
        "subtype4"
    ),
}


@pytest.fixture(scope="module")
def stored():
    return json.loads((DATA / "paper_artefact.json").read_text())


@pytest.fixture(scope="module")
def rows():
    return pd.read_csv(DATA / "matched.csv")


@pytest.fixture(scope="module")
def frame(rows):
    made = rows[["group", "age", "size", "time"]].assign(matched_set=rows["pair"])
    for name, levels in LEVELS.items():
        codes = rows[name] - 1 if name == "subtype" else rows[name]
        made[name] = pd.Categorical.from_codes(codes, levels)
    made["event"] = pd.Categorical.from_codes(rows["status"], list(EVENTS))
    return made


def columns(rows, names):
    """R's design matrix."""
    subtypes = {f"subtype{k}": rows["subtype"] == k for k in (2, 3, 4)}
    return rows.assign(**subtypes)[list(names)].to_numpy(float)


def joint_model(frame, estimator):
    """Rows and contrasts of the model of all terms at once."""
    models = regression_models(
        frame,
        [],
        TERMS[estimator],
        estimator=estimator,
        describe=partial(describe_balance_term, variables=VARIABLES),
    )
    table = models.table.query("model == 'recommended'").set_index(["term", "level"])
    contrasts = models.contrasts.set_index(["patients", "against"])
    assert set(contrasts["model"]) == {"recommended"}
    return table, contrasts, models.notes


@pytest.fixture(scope="module")
def cox(frame):
    return joint_model(frame, "cox")


@pytest.fixture(scope="module")
def fine_gray(frame):
    return joint_model(frame, "fine_gray")


# ----- what R prints -----------------------------------------------------------------------------


def test_er_of_table_3_is_where_coxph_stops(rows, stored):
    """ER 2e5, HER2 4e5, two subtypes 4e-6 and 7e5, one NA: the pattern of Table 3."""
    expected = dict(zip(stored["cox"]["names"], stored["cox"]["coef"], strict=True))
    assert [name for name, value in expected.items() if value is None] == ["subtype3"]
    names = [name for name in expected if name != "subtype3"]
    data = DeathTimes(
        EventTimes(rows["time"], rows["status"] > 0, weights=None), columns(rows, names)
    )
    at, beta, iterations = EfronLikelihood(data, np.zeros(len(names))), np.zeros(len(names)), 0
    assert at.loglik == pytest.approx(stored["cox"]["loglik"][0], rel=1e-12)
    while True:
        beta = beta + np.linalg.solve(at.information, at.score)
        previous, at, iterations = at.loglik, EfronLikelihood(data, beta), iterations + 1
        if abs(1 - previous / at.loglik) <= 1e-9:  # coxph's rule
            break
    assert iterations == stored["cox"]["iterations"]
    assert at.loglik == pytest.approx(stored["cox"]["loglik"][1], rel=1e-12)
    np.testing.assert_allclose(beta, [expected[name] for name in names], rtol=1e-6)
    assert np.exp(beta[names.index("er")]) == pytest.approx(215_531, rel=1e-4)


def newton_of_crr(likelihood, gtol):
    """Newton's method from 0, ended by crr's rule."""
    at = likelihood.evaluate(np.zeros(likelihood.p))
    while np.max(np.abs(at.score) * np.maximum(np.abs(at.beta), 1)) >= gtol * abs(at.loglik):
        step = np.linalg.solve(at.information, at.score)
        trial = likelihood.evaluate(at.beta + step)
        while not trial.loglik >= at.loglik + 1e-4 * step @ at.score:
            step = step / 2
            trial = likelihood.evaluate(at.beta + step)
        at = trial
    return at.beta


def test_er_of_table_4_is_a_matter_of_the_tolerance_of_crr(rows, stored):
    names = stored["crr"]["names"]
    er = names.index("er")
    X = columns(rows, names)
    likelihood = SubdistributionLikelihood(EventTimes(rows["time"] + 1, rows["status"]), X)
    for fit in stored["crr"]["path"]:
        assert fit["converged"]
        beta = newton_of_crr(likelihood, fit["gtol"])
        np.testing.assert_allclose(beta, fit["coef"], rtol=1e-5, atol=1e-6)
    printed = [np.exp(fit["coef"][er]) for fit in stored["crr"]["path_unshifted"]]
    np.testing.assert_allclose(printed, [41.5, 41.5, 834, 16757, 123819, 914907], rtol=1e-3)
    # and at the default tolerance of crr the Wald p-value of ER is below 1e-20
    default = stored["crr"]["path_unshifted"][3]
    assert default["gtol"] == 1e-6 and default["coef"][er] / default["se"][er] > 10


# ----- what the library says ---------------------------------------------------------------------


def test_cox_marks_the_terms_gone_astray(cox):
    table, _, notes = cox
    astray = [("er", "Positive"), ("her2", "Positive"), ("subtype", "HR+/HER2+")]
    astray.append(("subtype", "HR-/HER2-"))
    assert table.index[table["status"] == "separated"].tolist() == astray
    assert table.index[table["status"] == "aliased"].tolist() == [("subtype", "HR-/HER2+")]
    assert table.loc[("subtype", "HR-/HER2+"), "dependence"] == (
        "Breast subtype: HR−/HER2+ = HER2: Positive - Breast subtype: HR+/HER2+"
    )
    assert any("her2: Positive - subtype: HR+/HER2+" in note for note in notes)


def test_fine_gray_marks_the_terms_gone_astray(fine_gray):
    table, _, _ = fine_gray
    astray = [("er", "Positive"), ("subtype", "HR-/HER2+"), ("subtype", "HR-/HER2-")]
    assert table.index[table["status"] == "separated"].tolist() == astray
    assert set(table["status"]) == {"ok", "separated"}


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_firth_estimates_are_finite_and_say_how_little_is_known(estimator, request):
    table, _, _ = request.getfixturevalue(estimator)
    separated = table[table["status"] == "separated"]
    assert separated["hr"].between(0.05, 20).all()
    assert (separated["hr_low"] < separated["hr"]).all()
    assert (separated["hr"] < separated["hr_high"]).all()
    # nothing that three patients without event could tell: the p < 0.001 of Table 4 is spurious
    assert (separated["hr_low"] < 1).all() and (separated["hr_high"] > 1).all()
    assert (separated["hr_high"] / separated["hr_low"] > 500).all()
    assert (separated["p_value"] > 0.05).all()


def test_finite_contrasts_of_cox_are_the_fit_without_the_three_patients(cox, stored):
    table, contrasts, _ = cox
    r = pd.DataFrame(stored["cox_without"]).set_index("names")
    for kinds, name in COX_CONTRASTS.items():
        row = contrasts.loc[kinds]
        assert row["coef"] == pytest.approx(r.loc[name, "coef"], rel=1e-6)
        assert row["se"] == pytest.approx(r.loc[name, "se"], rel=1e-6)
        assert row["se_clustered"] == pytest.approx(r.loc[name, "se_clustered"], rel=1e-6)
    finite = table[table["status"] == "ok"]
    others = r.drop(["subtype2", "subtype3", "subtype4"])
    assert finite.index.get_level_values(0).tolist() == others.index.tolist()
    for column in ("coef", "se", "se_clustered"):
        np.testing.assert_allclose(finite[column], others[column], rtol=1e-6)


def test_finite_contrasts_of_fine_gray_are_where_crr_tends_to(fine_gray, stored):
    table, contrasts, _ = fine_gray
    names = stored["crr"]["names"]
    tight = dict(zip(names, stored["crr"]["path"][-1]["coef"], strict=True))
    without = pd.DataFrame(stored["crr_without"]).set_index("names")
    for kinds, name in FINE_GRAY_CONTRASTS.items():
        row = contrasts.loc[kinds]
        assert row["coef"] == pytest.approx(tight[name] - tight["er"], rel=1e-6)
        # without the three patients the censoring distribution lacks their three censorings
        assert row["coef"] == pytest.approx(without.loc[name, "coef"], abs=3e-5)
        assert row["se"] == pytest.approx(without.loc[name, "se"], rel=3e-5)
    name = ("ER: Negative, Breast subtype: HR−/HER2−", "ER: Positive, Breast subtype: HR+/HER2−")
    assert contrasts.loc[name, "hr"] == pytest.approx(2.348, abs=5e-4)
    finite = table.loc[table["status"] == "ok", "coef"]
    kept = [name for name in names if name not in ("er", "subtype3", "subtype4")]
    np.testing.assert_allclose(finite, [tight[name] for name in kept], rtol=1e-6)


def test_contrasts_of_one_factor_and_of_several_are_consistent(cox, fine_gray):
    """All pairs of four kinds of patients, but the one that is a coefficient in Table 4."""
    assert len(cox[1]) == 6 and len(fine_gray[1]) == 5
    against = fine_gray[1]["coef"]
    negative, positive = "ER: Negative, Breast subtype: HR−/HER2", "ER: Positive, Breast subtype: "
    between = against["Breast subtype: HR−/HER2+", "Breast subtype: HR−/HER2−"]
    apart = [against[f"{negative}{sign}", f"{positive}HR+/HER2−"] for sign in "+−"]
    assert between == pytest.approx(apart[0] - apart[1], rel=1e-10)


@pytest.mark.parametrize("steps", [8, 25])
@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_nothing_depends_on_where_the_divergent_fit_stops(
    estimator, steps, frame, request, monkeypatch
):
    table, contrasts, _ = request.getfixturevalue(estimator)
    if estimator == "cox":
        monkeypatch.setattr(seermatch.survival.cox, "MAX_STEPS", steps)
    else:

        def stopped(data, X):
            return fit_fine_gray(data, X, max_steps=steps)

        monkeypatch.setattr(seermatch.analysis.group_effect, "fit_fine_gray", stopped)
    other_table, other_contrasts, _ = joint_model(frame, estimator)
    pd.testing.assert_frame_equal(other_table, table, rtol=1e-9)
    pd.testing.assert_frame_equal(other_contrasts, contrasts, rtol=1e-9)


def test_the_limit_does_not_depend_on_the_tolerance(rows, stored):
    X = columns(rows, stored["crr"]["names"])
    data = EventTimes(rows["time"], rows["status"])
    found = find_separation(data, X, model="fine_gray")
    likelihood = SubdistributionLikelihood(data.with_offset(found.offset), X[:, found.estimable])
    zero = np.zeros(likelihood.p)
    fits = [
        maximize(likelihood.evaluate, zero, Rule(tolerance), 25)
        for tolerance in (1e-3, 1e-6, 1e-12)
    ]
    for fit in fits[1:]:
        assert fit.converged
        np.testing.assert_allclose(fit.coef, fits[0].coef, rtol=0, atol=1e-6)
