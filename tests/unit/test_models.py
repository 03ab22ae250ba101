"""Regression tables: choice of terms, aliasing, separation, weights."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from seermatch.analysis.models import COLUMNS, regression_models
from seermatch.errors import StudyError
from seermatch.statistics.design_matrix import design_matrix
from seermatch.survival.cox import fit_cox
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.firth import fit_firth
from seermatch.variables.printed import EVENTS

MATCHED = Path(__file__).parent.parent / "data" / "matched.csv"
LABELS = ("M0", "M0(i+)")
LEVELS = {
    "histology": ("hist_other", ["IDC", "Other"]),
    "grade": ("grade3", ["I-II", "III"]),
    "er": ("er", ["Negative", "Positive"]),
    "pr": ("pr", ["Negative", "Positive"]),
    "her2": ("her2", ["Negative", "Positive"]),
    "t_stage": ("t34", ["T1-T2", "T3-T4"]),
    "n_stage": ("n13", ["N0", "N1-N3"]),
}
SUBTYPES = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "HR-/HER2-"]
COVARIATES = ["age", "tumor_size", "histology", "grade", "er", "pr", "her2"]
COVARIATES += ["subtype", "t_stage", "n_stage"]
RECOMMENDED = ["age", "tumor_size", "grade", "subtype", "n_stage"]
SEPARATED = [("er", "Positive"), ("subtype", "HR-/HER2+"), ("subtype", "HR-/HER2-")]


@pytest.fixture(scope="module")
def frame():
    raw = pd.read_csv(MATCHED)
    made = {"group": raw["group"].astype("int8"), "age": raw["age"], "tumor_size": raw["size"]}
    for name, (column, levels) in LEVELS.items():
        made[name] = pd.Categorical.from_codes(raw[column], levels)
    made["subtype"] = pd.Categorical.from_codes(raw["subtype"] - 1, SUBTYPES)
    made |= {"time": raw["time"], "matched_set": raw["pair"]}
    made["event"] = pd.Categorical.from_codes(raw["status"], list(EVENTS))
    return pd.DataFrame(made)


@pytest.fixture(scope="module", params=["cox", "fine_gray"])
def study(request, frame):
    models = regression_models(
        frame, COVARIATES, RECOMMENDED, estimator=request.param, group_labels=LABELS
    )
    return request.param, models


def rows(models, model):
    table = models.table[models.table["model"] == model]
    return table.set_index(["term", "level"])


def direct_fit(estimator, frame, variables, steps=(), **options):
    X = design_matrix(frame, variables).X
    code = frame["event"].cat.codes.to_numpy()
    if estimator == "cox":
        return fit_cox(EventTimes(frame["time"], code > 0, **options), X)
    return fit_fine_gray(EventTimes(frame["time"], code, **options), X, **dict(steps))


def test_layout(study):
    estimator, models = study
    table = models.table
    assert tuple(table.columns) == COLUMNS
    assert table["model"].unique().tolist() == ["univariable", "multivariable", "recommended"]
    assert set(table["n"]) == {1755}
    assert set(table["events"]) == {84 if estimator == "cox" else 55}
    assert table["n"].dtype == table["events"].dtype == np.int64
    group = table[table["term"] == "group"]
    assert group["level"].tolist() == ["M0(i+)"] * 3
    univariable = rows(models, "univariable")
    assert univariable.index.get_level_values(0).unique().tolist() == [*COVARIATES, "group"]
    assert [level for term, level in univariable.index if term == "subtype"] == SUBTYPES[1:]
    assert table["hr"].between(1e-2, 1e2).all()


def test_recommended_model_is_a_plain_fit(study, frame):
    estimator, models = study
    sets = frame["matched_set"].to_numpy()
    fit = direct_fit(estimator, frame, [*RECOMMENDED, "group"], clusters=sets)
    table = rows(models, "recommended")
    se = fit.se(fit.unclustered)
    clustered = np.sqrt(np.diag(fit.covariance["clustered"]))
    np.testing.assert_allclose(table["coef"], fit.coef, rtol=1e-12)
    np.testing.assert_allclose(table["se"], se, rtol=1e-12)
    np.testing.assert_allclose(table["hr_low"], np.exp(fit.coef - 1.959964 * se), rtol=1e-6)
    np.testing.assert_allclose(table["se_clustered"], clustered, rtol=1e-12)
    high = np.exp(fit.coef + 1.959964 * clustered)
    np.testing.assert_allclose(table["hr_high_clustered"], high, rtol=1e-6)
    assert set(table["status"]) == {"ok"}


def test_selection_follows_the_joint_test(study, frame):
    estimator, models = study
    expected = tuple(term for term in COVARIATES if models.joint_p[term] < 0.05)
    assert models.selected == expected
    terms = rows(models, "multivariable").index.get_level_values(0).unique().tolist()
    assert terms == [*expected, "group"]
    if estimator == "cox":
        # R 4.2.2, survival 3.5-3: anova(coxph(Surv(time, os) ~ x))
        assert models.joint_p["subtype"] == pytest.approx(0.000898629320454, rel=1e-8)
        assert models.joint_p["t_stage"] == pytest.approx(0.0550754656743, rel=1e-8)
    else:
        fit = direct_fit(estimator, frame, ["subtype"])
        wald = fit.coef @ np.linalg.inv(fit.covariance["robust"]) @ fit.coef
        assert models.joint_p["subtype"] == pytest.approx(chi2.sf(wald, 3), rel=1e-9)


def test_single_column_wald_p_is_the_joint_p_in_fine_gray(study):
    estimator, models = study
    table = rows(models, "univariable")
    if estimator == "fine_gray":
        for term in ("age", "er", "group"):
            row = table.loc[term].iloc[0]
            assert row["p_value"] == pytest.approx(models.joint_p[term], rel=1e-9)


def test_the_papers_separation_is_named_and_gets_firth(study, frame):
    """ER, PR and subtype together: the three ER-/PR+ patients have no event."""
    estimator, models = study
    table = rows(models, "multivariable")
    separated = table[table["status"] == "separated"]
    assert separated.index.tolist() == SEPARATED
    assert separated[["coef", "se", "hr", "hr_low", "p_value"]].notna().all(axis=None)
    assert separated[["se_clustered", "p_value_clustered"]].isna().all(axis=None)
    assert (separated["p_value"] > 0.001).all()
    assert set(table["status"]) == {"ok", "separated"}
    design = design_matrix(frame, [*models.selected, "group"])
    code = frame["event"].cat.codes.to_numpy()
    if estimator == "cox":
        firth = fit_firth(EventTimes(frame["time"], code > 0), design.X)
    else:
        firth = fit_firth(EventTimes(frame["time"], code), design.X, "fine_gray")
    index = [design.names.index(": ".join(key)) for key in SEPARATED]
    assert separated["coef"].tolist() == pytest.approx(firth.coef[index], rel=1e-6)
    note = next(note for note in models.notes if "no finite estimate" in note)
    assert note.startswith("multivariable: ")
    assert all(name in note for name in ("er: Positive", "subtype: HR-/HER2+"))


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_level_without_events_is_separated_and_still_tested(frame, estimator, weighted):
    other = frame["histology"] == "Other"
    event = frame["event"].where(~other, "censored").astype(frame["event"].dtype)
    alternating = np.where(frame["group"] == 0, 0.5 - frame["matched_set"] % 2, 0)
    some = frame.assign(event=event, weight=1 + 0.8 * alternating * weighted)
    models = regression_models(some, ["histology"], [], estimator=estimator)
    row = rows(models, "univariable").loc[("histology", "Other")]
    assert row["status"] == "separated"
    assert row["hr_low"] < row["hr"] < row["hr_high"] < 1 and row["hr"] > 1e-3
    assert 1e-8 < models.joint_p["histology"] < 0.01
    assert models.selected == ("histology",)
    if estimator == "cox" and not weighted:
        # the likelihood's limit: those patients leave every risk set
        X = (some["group"] == 1).to_numpy(float)[:, None]
        code = some["event"].cat.codes.to_numpy()
        kept = ~other.to_numpy()
        limit = fit_cox(EventTimes(some["time"][kept], code[kept] > 0), X[kept]).loglik_null
        null = fit_cox(EventTimes(some["time"], code > 0), X).loglik_null
        expected = chi2.sf(2 * (limit - null), 1)
        assert models.joint_p["histology"] == pytest.approx(expected, rel=1e-5)


def test_finite_rows_of_a_separated_model_are_at_their_limit(study, frame):
    estimator, models = study
    variables, options = [*models.selected, "group"], {}
    if estimator == "cox":
        # an infinitely small hazard leaves every risk set, and ER goes with the ER-/PR+ patients
        frame = frame[~((frame["er"] == "Negative") & (frame["pr"] == "Positive"))]
        variables.remove("er")
    else:
        options["max_steps"] = 12  # another point on the way to the same limit
    fit = direct_fit(estimator, frame, variables, options, clusters=frame["matched_set"])
    design = design_matrix(frame, variables)
    columns = list(zip(design.terms, design.levels, strict=True))
    table = rows(models, "multivariable")
    table = table[table["status"] == "ok"].rename(index={"M0(i+)": ""})
    index = [columns.index(key) for key in table.index]
    se = fit.se(fit.unclustered)[index]
    clustered = np.sqrt(np.diag(fit.covariance["clustered"]))[index]
    np.testing.assert_allclose(table["coef"], fit.coef[index], rtol=1e-6)
    np.testing.assert_allclose(table["se"], se, rtol=1e-6)
    np.testing.assert_allclose(table["se_clustered"], clustered, rtol=1e-6)


def test_aliased_in_the_order_of_the_terms(frame):
    """HER2 equals the two HER2-positive subtypes: the later column goes, and is named."""
    models = regression_models(frame, [], ["her2", "subtype"], group_labels=LABELS)
    table = rows(models, "recommended")
    assert table["status"].tolist() == ["ok", "ok", "aliased", "ok", "ok"]
    aliased = table.loc[("subtype", "HR-/HER2+")]
    assert aliased[["coef", "se", "hr", "hr_low", "hr_high", "p_value"]].isna().all()
    note = (
        "recommended: subtype: HR-/HER2+ cannot be estimated (subtype: HR-/HER2+ = her2: Positive"
    )
    assert any(text.startswith(note) for text in models.notes)
    X = design_matrix(frame, ["her2", "subtype", "group"]).X[:, [0, 1, 3, 4]]
    fit = fit_cox(EventTimes(frame["time"], frame["event"].cat.codes > 0), X)
    np.testing.assert_allclose(table["coef"].dropna(), fit.coef, rtol=1e-9)


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_covariates_without_variation_are_aliased(frame, estimator):
    grade = pd.Categorical(["III"] * len(frame), categories=["I-II", "III"])
    same = frame.assign(grade=grade, age=60)
    models = regression_models(same, ["age", "grade"], ["age", "grade"], estimator=estimator)
    univariable = rows(models, "univariable")
    assert univariable["status"].tolist() == ["aliased", "aliased", "ok"]
    assert np.isnan(models.joint_p["age"]) and models.selected == ()
    recommended = rows(models, "recommended")
    assert recommended.index.tolist() == [("age", ""), ("grade", "III"), ("group", "exposed")]
    assert recommended["status"].tolist() == ["aliased", "aliased", "ok"]


def test_a_level_that_nobody_has_is_aliased(frame):
    some = frame[frame["subtype"] != "HR-/HER2+"]
    models = regression_models(some, ["subtype"], [])
    assert rows(models, "univariable").loc["subtype", "status"].tolist() == ["ok", "aliased", "ok"]
    assert rows(models, "multivariable")["status"].tolist() == ["ok", "aliased", "ok", "ok"]


def test_a_level_seen_only_before_the_first_event_is_aliased(frame):
    first = frame.loc[frame["event"] != "censored", "time"].min()
    later = frame.assign(time=frame["time"] + 5)
    early = later.iloc[:3].assign(
        time=first, event=pd.Categorical(["censored"] * 3, EVENTS), histology="Other"
    )
    rest = later[(later["histology"] == "IDC")]
    both = pd.concat([early, rest], ignore_index=True)
    both["histology"] = pd.Categorical(both["histology"], ["IDC", "Other"])
    models = regression_models(both, ["histology"], [])
    assert rows(models, "univariable")["status"].tolist() == ["aliased", "ok"]


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_weights_take_the_robust_variance_and_the_wald_test(frame, estimator):
    weight = np.where(frame["group"] == 1, 1.0, 0.6 + 0.8 * (frame["matched_set"] % 2))
    models = regression_models(frame.assign(weight=weight), ["age"], ["age"], estimator=estimator)
    fit = direct_fit(estimator, frame, ["age"], weights=weight)
    covariance = fit.covariance["robust"]
    row = rows(models, "univariable").loc[("age", "")]
    assert row["coef"] == pytest.approx(fit.coef[0], rel=1e-9)
    assert row["se"] == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-9)
    assert models.joint_p["age"] == pytest.approx(row["p_value"], rel=1e-8)
    ones = regression_models(frame.assign(weight=1.0), ["age"], ["age"], estimator=estimator)
    plain = regression_models(frame, ["age"], ["age"], estimator=estimator)
    pd.testing.assert_frame_equal(ones.table, plain.table)


def test_without_matched_sets_nothing_is_clustered(frame):
    models = regression_models(frame.drop(columns="matched_set"), ["age"], [])
    assert models.table["se_clustered"].isna().all() and models.table["se"].notna().all()


def test_order_of_patients_does_not_matter(frame):
    shuffled = frame.sample(frac=1, random_state=3)
    one = regression_models(frame, COVARIATES[:4], RECOMMENDED)
    other = regression_models(shuffled, COVARIATES[:4], RECOMMENDED)
    assert one.selected == other.selected
    numbers = one.table.select_dtypes("number").columns
    np.testing.assert_allclose(one.table[numbers], other.table[numbers], rtol=1e-7)


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
def test_without_events_nothing_is_estimable(frame, estimator):
    nobody = frame.assign(event=pd.Categorical(["censored"] * len(frame), EVENTS))
    models = regression_models(nobody, ["age", "er"], ["er"], estimator=estimator)
    assert set(models.table["status"]) == {"no event"}
    assert models.table["term"].tolist() == ["age", "er", "group", "group", "er", "group"]
    assert models.table[["hr", "hr_low", "hr_high", "p_value"]].isna().all(axis=None)
    assert models.selected == models.notes == ()
    assert models.contrasts.empty


@pytest.mark.parametrize("estimator", ["cox", "fine_gray"])
@pytest.mark.parametrize("events", [19, 20])
def test_with_fewer_than_20_events_all_columns_are_firths(frame, estimator, events):
    codes = np.zeros(len(frame), dtype=int)
    codes[:: len(frame) // events][:events] = 1
    assert codes.sum() >= events
    codes[np.flatnonzero(codes)[events:]] = 0
    few = frame.assign(event=pd.Categorical.from_codes(codes, EVENTS))
    models = regression_models(few, ["age"], ["age"], estimator=estimator)
    rows = models.table[models.table["model"] == "recommended"]
    if events == 20:
        assert set(rows["status"]) == {"ok"}
        return
    assert set(rows["status"]) == {"few events"}
    fit = fit_firth(EventTimes(few["time"], codes), few[["age", "group"]], estimator).summary()
    np.testing.assert_allclose(rows["coef"].astype(float), fit["coef"], rtol=1e-6)
    np.testing.assert_allclose(rows["hr_low"].astype(float), fit["low"], rtol=1e-5)
    np.testing.assert_allclose(rows["p_value"].astype(float), fit["p"], rtol=1e-6)
    assert rows["p_value_clustered"].isna().all()


def test_messages(frame):
    with pytest.raises(StudyError, match="height"):
        regression_models(frame, ["height"], [])
