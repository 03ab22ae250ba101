"""Claims of another source: verdicts by the rule in words, numbers by other routes."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from paper_words import CANCER
from report_content import changed, made_up_content
from seermatch.analysis.claims import COLUMNS, NUMBERS, Answer, answer_claims, judge
from seermatch.analysis.interpretation import interpret
from seermatch.analysis.outcomes import incidence_curves, survival_curves
from seermatch.disclosure.rule import DisclosureRule
from seermatch.report.sections.claims import section
from seermatch.variables.printed import EVENTS
from seermatch.wording.claims import ask, say_answer, say_context, say_row, say_survival

DATA = Path(__file__).parent.parent / "data"
LABELS = ("N0", "N1mi")
DEATH_OF_CANCER, ANY = "cancer death", "death of any cause"
NAN = float("nan")


def claim(expects="worse", outcome=DEATH_OF_CANCER, months=(36, 48), **more):
    return {
        "claim": "It does harm.",
        "source": "A leaflet",
        "outcome": outcome,
        "expects": expects,
        "months": list(months),
    } | more


# ----- verdicts ----------------------------------------------------------------------------------

MORE, FEWER, EITHER = (0.01, 0.05), (-0.05, -0.01), (-0.02, 0.03)
NEAR, WIDE, LOW = (0.9, 1.1), (0.7, 1.6), (0.5, 0.7)  # 90 % intervals of the hazard ratio
YES, NO, OPEN = "supported", "not supported", "undecided"


@pytest.mark.parametrize(
    ("difference", "ratio", "margin", "worse", "no_worse", "no_difference"),
    [
        # without a margin only a difference can be shown
        (MORE, WIDE, None, YES, NO, NO),
        (FEWER, WIDE, None, NO, YES, NO),
        (EITHER, WIDE, None, OPEN, OPEN, OPEN),
        (EITHER, NEAR, None, OPEN, OPEN, OPEN),
        # a margin can show that there is none that counts
        (EITHER, WIDE, 1.25, OPEN, OPEN, OPEN),
        (EITHER, NEAR, 1.25, NO, YES, YES),
        (EITHER, LOW, 1.25, NO, YES, OPEN),
        (EITHER, (NAN, NAN), 1.25, OPEN, OPEN, OPEN),
        # a difference within the margin is for the reader to judge
        (MORE, NEAR, 1.25, OPEN, OPEN, OPEN),
        (MORE, WIDE, 1.25, YES, NO, NO),
        (FEWER, NEAR, 1.25, NO, YES, OPEN),
        (FEWER, LOW, 1.25, NO, YES, NO),
    ],
)
def test_verdicts(difference, ratio, margin, worse, no_worse, no_difference):
    wanted = {"worse": worse, "no worse": no_worse, "no difference": no_difference}
    for expects, verdict in wanted.items():
        answer = Answer(
            *(0.1, 0.1 + sum(difference) / 2, *difference),
            two_sided=expects == "no difference",
            margin=margin,
            low90=ratio[0],
            high90=ratio[1],
        )
        assert judge(answer, expects) == verdict, expects
        text = say_answer(answer, DEATH_OF_CANCER, LABELS, CANCER)
        undecided = verdict == OPEN and difference is EITHER
        assert ("these data do not decide it" in text) == undecided
        assert ("held to matter" in text) == (verdict == OPEN and difference is not EITHER)
        if difference is EITHER:
            assert "includes 0 (no difference)" in text
        else:
            assert "excludes 0 (no difference)" in text
        assert ("90% CI" in text) == (margin is not None and "fixed in advance" in text)


def test_an_interval_that_includes_none_never_supports_that_there_is_none():
    for low, high in itertools.product(np.linspace(-0.2, 0, 9), np.linspace(0, 0.2, 9)):
        for expects in ("no worse", "no difference", "worse"):
            answer = Answer(0.3, 0.3 + (low + high) / 2, low, high, expects == "no difference")
            assert judge(answer, expects) == "undecided"


def test_an_interval_that_is_not_estimable_decides_nothing():
    answer = Answer(0.0, 1.0, NAN, NAN)
    assert judge(answer, "worse") == judge(answer, "no worse") == "undecided"
    text = say_answer(answer, DEATH_OF_CANCER, LABELS, CANCER)
    assert "100.0 more (95% CI not estimable)." in text
    assert "these data do not decide it" in text


def test_a_group_without_deaths_is_judged_by_its_interval():
    """It is Newcombe's, which has a width, and Firth's hazard ratio."""
    rng = np.random.default_rng(4)
    n = 300
    matched = pd.DataFrame(
        {
            "group": np.tile([1, 0, 0], n),
            "time": rng.integers(40, 60, 3 * n),
            "matched_set": np.repeat(np.arange(n), 3),
            "weight": 1.0,
            "event": pd.Categorical(["censored"] * 3 * n, EVENTS),
        }
    )
    died = (matched["group"] == 0) & (matched.index < 90)
    matched.loc[died, "event"], matched.loc[died, "time"] = DEATH_OF_CANCER, 20
    effects = interpret(matched, matched, labels=LABELS, ascertainment=[])
    asked = [claim("worse", DEATH_OF_CANCER, [36]), claim("no worse", DEATH_OF_CANCER, [36])]
    table = answer_claims(asked, matched, effects, {}, labels=LABELS)
    assert table["verdict"].tolist() == ["not supported", "supported"]
    assert (table["high"] < 0).all()
    assert (table["estimate"] < table["high"]).all()
    assert table["hazard_ratio_high"].between(0, 1).all()


# ----- words -------------------------------------------------------------------------------------


def test_questions():
    risk = "Is the risk of dying of breast cancer"
    assert (
        ask(claim("no worse"), ("N0", "N0(i+)"), CANCER)
        == f"{risk} no higher with N0(i+) than with N0?"
    )
    assert ask(claim("no difference"), LABELS, CANCER) == f"{risk} the same with N1mi as with N0?"
    assert (
        ask(claim(outcome=ANY), LABELS, CANCER)
        == "Is the risk of dying higher with N1mi than with N0?"
    )
    survival = claim("survival", ANY, [60], survival_percent=86.5)
    assert (
        ask(survival, LABELS, CANCER)
        == "Are 86.5% of the N1mi patients still alive after 60 months?"
    )
    specific = ask(survival | {"outcome": DEATH_OF_CANCER}, LABELS, CANCER)
    assert specific == "Have 86.5% of the N1mi patients not died of breast cancer after 60 months?"


def test_numbers_are_worded_per_100_patients():
    text = say_answer(Answer(0.0561, 0.0439, -0.0249, 0.0004), ANY, ("N0", "N0(i+)"), CANCER)
    assert text.startswith(
        "4.39 of 100 N0(i+) patients had died, and 5.61 of 100 N0 patients: 1.22 fewer (95% CI "
        "from 2.49 fewer to 0.04 more)."
    )
    assert "and also 0.04 more deaths per 100 patients" in text
    text = say_answer(Answer(0.06, 0.04, -0.03, -0.01), DEATH_OF_CANCER, LABELS, CANCER)
    assert "2.0 fewer (95% CI 1.0 to 3.0 fewer)." in text
    text = say_answer(
        Answer(0.06, 0.0601, -0.03, 0.03, two_sided=True), DEATH_OF_CANCER, LABELS, CANCER
    )
    assert "as many (95% CI from 3.0 fewer to 3.0 more)." in text
    assert "and also 3.0 fewer and 3.0 more deaths per 100 patients" in text
    both = Answer(0.05, 0.08, 0.01, 0.05, ratio_includes_one=True)
    assert "that of the hazard ratio over the whole follow-up includes 1." in say_answer(
        both, DEATH_OF_CANCER, LABELS, CANCER
    )


def test_survival_and_context_in_words():
    args = (0.86, ANY, LABELS, CANCER)
    assert say_survival(0.8, 0.7, 0.9, *args).endswith("(95% CI 70.0–90.0), which includes 86%.")
    assert say_survival(0.7, 0.6, 0.8, *args).endswith(", fewer than 86%.")
    assert say_survival(1.0, NAN, NAN, *args) == (
        "100.0% of the N1mi patients were alive, without an interval to judge by."
    )
    names = ["hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "detectable_hazard_ratio"]
    effect = dict(zip(names, (NAN, NAN, NAN, float("inf")), strict=True))
    text = say_context(claim(), effect, LABELS, CANCER, 0.8, None)
    assert "is not estimable. Without such deaths no hazard ratio could be detected." in text
    assert text.endswith("but not that there is none.")
    known = dict(zip(names, (1.2, 0.9, 1.6, NAN), strict=True))
    text = say_context(claim(outcome=ANY), known, LABELS, CANCER, 0.8, 1.25)
    assert "hazard ratio of death (Cox), N1mi vs N0, was 1.20 (95% CI 0.90–1.60)" in text
    assert text.endswith("The smallest hazard ratio that could be detected is masked.")
    assert "relative to people without cancer" in say_context(
        claim("survival"), known, LABELS, CANCER, 0.8, None
    )


# ----- numbers -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matched():
    data = pd.read_csv(DATA / "matched.csv")
    return data[["group", "time"]].assign(
        event=pd.Categorical.from_codes(data["status"], EVENTS),
        matched_set=data["pair"],
        weight=1.0,
    )


@pytest.fixture(scope="module")
def results(matched):
    """The other results of the study, as the rules write them."""
    survival = survival_curves(matched.assign(weight=1.0), LABELS)
    incidence = incidence_curves(matched.assign(weight=1.0), LABELS)
    return {
        "interpretation": interpret(matched, matched, labels=LABELS, ascertainment=[]),
        "curves": {ANY: survival, DEATH_OF_CANCER: incidence},
    }


def test_differences_are_those_of_the_interpretation(matched, results):
    table = answer_claims(
        [claim("worse", DEATH_OF_CANCER), claim("no worse", ANY)], matched, **results, labels=LABELS
    )
    assert tuple(table.columns) == COLUMNS
    told = results["interpretation"]
    by_month = told.dropna(subset="month").set_index(["quantity", "outcome", "month"]).sort_index()
    for row in table.itertuples():
        measure, sign = (
            ("cumulative incidence", 1) if row.outcome == DEATH_OF_CANCER else ("survival", -1)
        )
        known = by_month.loc[(f"difference in {measure}", row.outcome, row.month)]
        assert row.estimate == pytest.approx(sign * known["estimate"], abs=1e-12)
        ends = sorted(sign * known[["low", "high"]].to_numpy(float))
        assert (row.low, row.high) == pytest.approx(ends, abs=1e-12)
    models = ["cancer death (Fine-Gray)"] * 2 + ["overall survival (Cox)"] * 2
    ratios = told[told["quantity"] == "hazard ratio"].set_index("outcome").loc[models, "estimate"]
    assert table["hazard_ratio"].tolist() == ratios.tolist()


def test_risks_in_the_sentence_are_those_of_the_curves(matched, results):
    table = answer_claims(
        [claim("worse", DEATH_OF_CANCER, [36])], matched, **results, labels=LABELS
    )
    curve = results["curves"][DEATH_OF_CANCER].query("cause == @DEATH_OF_CANCER and time <= 36")
    last = 100 * curve.groupby("group", observed=True)["incidence"].last()
    assert say_row(table.iloc[0], 59, LABELS, CANCER, None).startswith(
        f"{last['N1mi']:.1f} of 100 N1mi patients had died of breast cancer, and {last['N0']:.1f} "
        "of 100 N0 patients: "
    )


def test_survival_of_the_exposed(matched, results):
    exposed = matched[matched["group"] == 1]
    months = exposed.loc[exposed["event"] != "censored", "time"]
    rest = np.prod([1 - (months == t).sum() / (exposed["time"] >= t).sum()
                    for t in sorted(set(months)) if t <= 36])  # fmt: skip
    asked = [claim("survival", ANY, [36], survival_percent=percent)
             for percent in (100 * rest, 50)]  # fmt: skip
    asked.append(claim("survival", DEATH_OF_CANCER, [36], survival_percent=50))
    table = answer_claims(asked, matched, **results, labels=LABELS)
    assert table["estimate"][0] == pytest.approx(rest)
    assert table["verdict"].tolist() == ["compatible", "not supported", "not supported"]
    assert (table["low"] < table["estimate"]).all() and (table["estimate"] < table["high"]).all()
    assert table["estimate"][2] > rest, "other deaths are none of breast cancer"
    assert "more than 50%" in say_row(table.iloc[2], 59, LABELS, CANCER, None)
    assert table["hazard_ratio"].isna().all()


def test_nothing_is_extrapolated(matched, results):
    longest = int(matched["time"].max())
    asked = [
        claim("worse", DEATH_OF_CANCER, [longest, longest + 1]),
        claim("survival", ANY, [longest + 1], survival_percent=86),
    ]
    table = answer_claims(asked, matched, **results, labels=LABELS)
    late = table[table["month"] > longest]
    assert late["verdict"].tolist() == ["cannot be answered"] * 2
    for _, row in late.iterrows():
        said = f"The longest follow-up is {longest} months; nothing is extrapolated."
        assert say_row(row, longest, LABELS, CANCER, None) == said
        assert "No follow-up is that long" in say_row(row, NAN, LABELS, CANCER, None)
    assert late[list(NUMBERS)].isna().all(axis=None)
    assert table.loc[0, "verdict"] != "cannot be answered"


def test_the_end_of_one_groups_follow_up_is_the_end(matched, results):
    short = matched[(matched["group"] == 0) | (matched["time"] <= 40)]
    assert short["time"].max() > 48
    table = answer_claims(
        [claim(), claim("survival", ANY, [48], survival_percent=86)],
        short,
        **results,
        labels=LABELS,
    )
    assert (table.loc[table["month"] == 48, "verdict"] == "cannot be answered").all()
    assert "of one of the groups ends before" in say_row(table.iloc[-1], 59, LABELS, CANCER, None)


def test_margin_and_power_are_those_of_the_configuration(matched, results):
    table = answer_claims(
        [claim("no worse", outcome) for outcome in (ANY, DEATH_OF_CANCER)],
        matched,
        **results,
        labels=LABELS,
        margin=9.0,
    )
    (narrow,) = (
        results["interpretation"]
        .query("quantity == 'hazard ratio, 90% interval' and outcome.str.contains('overall')")
        .to_dict("records")
    )
    assert narrow["high"] < 9
    assert table["verdict"].tolist() == ["supported"] * 2 + ["undecided"] * 2
    answers = [say_row(row, 59, LABELS, CANCER, 9.0) for _, row in table.iterrows()]
    assert "a smaller one than was held to matter" in answers[2]
    ends = f"{narrow['low']:.2f}–{narrow['high']:.2f}"
    assert f"below the margin of 9 that was fixed in advance (90% CI {ends})" in answers[0]
    context = say_context(table.iloc[0], table.iloc[0], LABELS, CANCER, 0.9, 9.0)
    assert "with 90% power" in context
    assert "was not fixed in advance" not in context


def test_claims_in_the_report(matched, results):
    survival = claim("survival", ANY, [60], survival_percent=86, claim="86% live.")
    table = answer_claims([claim(), survival], matched, **results, labels=LABELS)
    page = changed(made_up_content(), labels=LABELS, claims=table)
    kinds = {}
    for part in section(page).parts:
        kinds.setdefault(part.kind, []).append(part)
    assert [heading.text for heading in kinds["heading"]] == ["“It does harm.”", "“86% live.”"]
    first, second = (part.items for part in kinds["sentences"])
    assert [text.partition(":")[0] for text in first] == ["By month 36", "By month 48"]
    assert second[0].startswith("By month 60: <b>Cannot be answered.</b> The longest follow-up is")
    said = [part.text for part in kinds["paragraph"]]
    assert sum(text.startswith("Over the whole follow-up") for text in said) == 1
    rounded = section(changed(page, disclosure=DisclosureRule(5, "round")))
    shown = [part.items for part in rounded.parts if part.kind == "sentences"]
    assert all("see the numbers" in text for text in shown[0])
