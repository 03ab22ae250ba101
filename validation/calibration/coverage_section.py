"""The section "Calibration by simulation" of docs/validation.md."""

import numpy as np
import pandas as pd
from seermatch.variables.printed import ALL_CAUSES

from validation.calibration.cohorts import SCENARIOS
from validation.calibration.printing import percent, row_of, span
from validation.calibration.repetitions import BREAST, CLUSTERED, EQUALITY, UNCLUSTERED
from validation.calibration.targets import CAUSE_SPECIFIC, HR, SUBDISTRIBUTION

MODELS = {HR: "death, Cox", CAUSE_SPECIFIC: "breast cancer death, cause-specific Cox"}
MODELS |= {SUBDISTRIBUTION: "breast cancer death, Fine–Gray"}
MEASURES = {"cumulative incidence": 100, "restricted mean survival": 1}

INTRODUCTION = """\
## Calibration by simulation

`make calibration` draws {repetitions:,} cohorts in each of {n_scenarios} scenarios with known
effects (seed {seed}), runs this library's own steps on each (propensity score, 1:2 match within
0.2 standard deviations, estimators), and writes this section. It keeps every
number in `results/calibration/`; on a cluster `snakemake -s validation/calibration/Snakefile`
shares the repetitions by `--set-scatter calibration=50`, with the same result.

**Cohorts.** Age in bands of five years, rounded tumor sizes, grade, T and N stage and receptors;
the exposure and both causes of death depend on them, so that the groups differ before matching.
Given the covariates both hazards are constant. Diagnoses are even over five years, at whose end
follow-up ends; months are completed ones, with ties and month 0. The score's model is right, and
there is no unmeasured confounding: what is tested is the estimators, not the study's assumptions.

**Truth** is what matching estimates, the effect in the exposed, not the coefficient given the
covariates: the exposed are compared with themselves unexposed, under the same censoring and with
two reference patients each. Hazard ratios are least-false ones (the Cox or Fine–Gray coefficient
that fits such a population best), incidence and restricted means are those of completed months.
Computed from 1,000,000 draws of the covariates with exact probabilities of every month and event,
truth is known at least {precision:.0f} times as precisely as the bias beside it.

| scenario | HR, breast cancer death | HR, other death | exposed, matched | reference, matched \
| deaths | of breast cancer | crude log HR off by |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

READING = """
HRs are given the covariates; numbers are means. The last column is the bias of the cause-specific
Cox model before matching. Sets were incomplete in {incomplete} of the cohorts (one or two
patients too few); these are weighted, as the study does it, and log-rank and Gray's test are left
out.

"Unclustered" is the variance of Tables 3 and 4 (Cox: information, or the robust one with weights;
Fine–Gray: sandwich), "by set" the one clustered by matched set. Bias has its Monte Carlo standard
error in brackets; a right 95 % interval covers {inner} in nineteen of twenty rows, a right test
rejects {inner_size} where nothing is there.

### Hazard ratios

| scenario | model | true log HR | bias | SD | mean SE | by set | coverage | by set | rejected \
| by set |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

DIFFERENCES = """
### Differences of incidence and restricted mean

Incidence of breast cancer death in percentage points, restricted mean survival in months.

| scenario | difference | truth | bias | SD | mean SE | by set | coverage | by set |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

TESTS = """
### Tests at 5 %

| scenario | log-rank | score test by set, death | Gray | score test by set, breast cancer death |
| --- | ---: | ---: | ---: | ---: |
"""

FIRTH = """
### Firth's intervals with few events

In the rare scenarios breast cancer deaths are few and other deaths many. {separated}
There the group's maximum likelihood estimate is infinite. "If infinite" is Firth's estimate where
there is no finite other one, else maximum likelihood, here with its interval by set: what Tables 3
and 4 show from 20 events on; "where infinite" are the former cohorts alone. "Receptors" is the
coefficient of negative hormone receptors beside the group's.

| scenario | estimator | estimates | true log HR | bias | SD | coverage | Monte Carlo interval \
| rejected |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

SHOWN = """
![Coverage of every interval in every scenario, with its Monte Carlo interval](calibration.png)

### What it shows

With the study's numbers of patients and deaths (first four scenarios):

- **Bias.** No log hazard ratio after matching is off by more than {bias} of its standard deviation;
  before matching the cause-specific one is off by {crude}.
- **Clustered or not** hardly matters: standard errors by set are {narrower} smaller. Intervals of
  hazard ratios cover {plain_ratio} unclustered and {set_ratio} by set, those of differences
  {plain_difference} and {set_difference}.
- **Tests.** Where there is no effect, log-rank and Gray's test reject {size_plain}, the score
  tests by set {size_set}. The latter are weaker: with HR 1.5 for breast cancer death they reject
  {power_set}, log-rank and Gray's test {power_plain}.

Where deaths are frequent, clustering matters: patients of one set are alike in what predicts death,
and their outcomes hang together. Standard errors by set are {narrower_frequent} smaller; intervals
cover {plain_frequent} unclustered, too often, and {set_frequent} by set; the hazard ratio of death
is significant in {power_plain_frequent} and {power_set_frequent} of the cohorts.
So many deaths also show a bias that is hidden elsewhere, {bias_frequent} in log hazard ratios, or
up to {share_frequent} of their standard deviation: a match on one score within a caliper leaves
small differences.

With about {events} breast cancer deaths (rare scenarios):

- **Wald intervals** of maximum likelihood, where it is finite, cover {wald}: too often. Those of
  the difference in incidence cover {incidence}: with so few events the estimate is far from normal.
  The score test by set rejects {score} without an effect.
- **Firth's profile intervals {verdict}** over all cohorts: {firth_fine_gray} in
  Fine–Gray models and {firth_cox} in Cox models, for the group and for the receptors. That they
  ignore the matched sets and take the weights of competing events as known does no harm here.
  Used only if the other estimate is infinite, coverage is {rule}. It is another in the
  cohorts with an infinite estimate taken alone: {alone}.
  With a strong effect those are cohorts in which chance works against it, which a reader of such an
  interval should bear in mind. The estimates are off by up to {firth_bias} of their standard
  deviation.

Not tried: a wrong or incomplete score, unmeasured confounding, censoring that depends on the
exposure (as where the exposed are diagnosed in other years), adjusted models other than that of the
receptors, and weighting in place of matching.
"""


def both_variances(table: pd.DataFrame) -> pd.DataFrame:
    """Set the clustered columns beside the unclustered ones."""
    names = ["scenario", "outcome", "quantity", "month", "estimator"]
    plain = table[table["variance"] == UNCLUSTERED]
    clustered = table[table["variance"] == CLUSTERED]
    return plain.merge(clustered, on=names, suffixes=("", "_set"), how="left")


def scenario_rows(table: pd.DataFrame) -> str:
    """Describe the scenarios."""
    text = ""
    for scenario in SCENARIOS:
        rows = table[table["scenario"] == scenario.name]
        counts = rows[rows["quantity"] == "count"].set_index("outcome")["mean"]
        crude = rows[rows["estimator"] == "Cox, before matching"].set_index("quantity")["bias"]
        text += row_of(
            scenario.name,
            *(f"{ratio:.2g}" for ratio in scenario.hazard_ratios),
            f"{counts['matched exposed patients']:.0f}",
            f"{counts['matched reference patients']:,.0f}",
            f"{counts['deaths after matching']:.1f}",
            f"{counts['breast cancer deaths after matching']:.1f}",
            f"{crude[CAUSE_SPECIFIC]:+.2f}",
        )
    return text


def ratio_rows(wide: pd.DataFrame) -> str:
    """Print the hazard ratios of the group by maximum likelihood."""
    text = ""
    for row in wide[wide["quantity"].isin(MODELS)].itertuples():
        if row.estimator in ("Cox", "Fine-Gray"):
            text += row_of(
                row.scenario,
                MODELS[row.quantity],
                f"{row.target:.3f}",
                f"{row.bias:+.3f} ({row.bias_se:.3f})",
                *(f"{value:.3f}" for value in (row.sd, row.mean_se, row.mean_se_set)),
                *(percent(value) for value in (row.coverage, row.coverage_set)),
                *(percent(value) for value in (row.rejected, row.rejected_set)),
            )
    return text


def difference_rows(wide: pd.DataFrame) -> str:
    """Print the differences of incidence and restricted mean."""
    shown = {(BREAST, "cumulative incidence"), (ALL_CAUSES, "restricted mean survival")}
    text = ""
    for row in wide.sort_values(["quantity", "month"], kind="stable").itertuples():
        if (row.outcome, row.quantity) in shown:
            unit = MEASURES[row.quantity]
            text += row_of(
                row.scenario,
                f"{row.quantity.removesuffix(' survival')} at {row.month:g} months",
                f"{unit * row.target:.2f}",
                f"{unit * row.bias:+.3f} ({unit * row.bias_se:.3f})",
                *(f"{unit * value:.3f}" for value in (row.sd, row.mean_se, row.mean_se_set)),
                *(percent(value) for value in (row.coverage, row.coverage_set)),
            )
    return text


def test_rows(table: pd.DataFrame) -> str:
    """Print how often each test rejects."""
    tests = table[table["quantity"] == EQUALITY]
    wide = tests.pivot_table(
        "rejected", "scenario", ["outcome", "estimator"], sort=False, dropna=False
    )
    columns = [(ALL_CAUSES, "log-rank test"), (ALL_CAUSES, "score test")]
    columns += [(BREAST, "Gray's test"), (BREAST, "score test")]
    return "".join(
        row_of(scenario, *(percent(share) for share in row))
        for scenario, row in wide[columns].iterrows()
    )


def firth_rows(table: pd.DataFrame) -> str:
    """Print Firth's estimates, those of the rare scenarios last."""
    text = ""
    for row in table[table["estimator"].str.contains("Firth")].itertuples():
        name = row.estimator.replace("Cox", "cause-specific Cox").replace("-Gray", "–Gray")
        receptors = ", receptors" if row.quantity.endswith("receptors") else ""
        text += row_of(
            row.scenario,
            name + receptors,
            f"{row.estimated:,}",
            f"{row.target:.3f}",
            f"{row.bias:+.3f} ({row.bias_se:.3f})",
            f"{row.sd:.3f}",
            percent(row.coverage),
            f"{100 * row.coverage_low:.1f}–{100 * row.coverage_high:.1f} %",
            percent(row.rejected),
        )
    return text


def narrower(rows: pd.DataFrame) -> str:
    """Print how much smaller standard errors by set are."""
    less = 100 * (1 - rows["mean_se_set"] / rows["mean_se"])
    return f"{less.min():.1f} to {less.max():.1f} %"


def separation(table: pd.DataFrame) -> str:
    """Say how often estimates are infinite."""
    counts = table[table["outcome"] == "breast cancer deaths in one arm only"]
    shares = counts.set_index("scenario")["mean"]
    words = [f"{percent(shares[s.name], 0)} ({s.name})" for s in SCENARIOS if s.rare]
    return f"They are all in one arm in {' and '.join(words)} of the cohorts."


def findings(table: pd.DataFrame, wide: pd.DataFrame) -> str:
    """Say in words what the tables show."""
    rare = {scenario.name for scenario in SCENARIOS if scenario.rare}
    usual = {scenario.name for scenario in SCENARIOS if scenario.hazard_scale == (1.0, 1.0)}
    few, many = table[table["scenario"].isin(rare)], table[table["scenario"].isin(usual)]
    matched = wide[wide["estimator"].isin(["Cox", "Fine-Gray", "Aalen-Johansen"])]
    matched = matched[matched["quantity"].isin([*MODELS, *MEASURES])]
    frequent = matched[~matched["scenario"].isin(rare | usual)]
    frequent_ratios = frequent[frequent["quantity"].isin(MODELS)]
    of_death = frequent[frequent["quantity"] == HR].iloc[0]
    matched = matched[matched["scenario"].isin(usual)]
    ratios = matched[matched["quantity"].isin(MODELS)]
    differences = matched[matched["quantity"].isin(MEASURES)]
    crude = many[many["estimator"] == "Cox, before matching"]
    crude = crude[crude["quantity"] == CAUSE_SPECIFIC]["bias"]
    tests = table[table["quantity"] == EQUALITY]
    plain, by_set = (
        tests[tests["variance"] == variance].set_index("scenario")
        for variance in (UNCLUSTERED, CLUSTERED)
    )
    counts = few[few["outcome"] == "breast cancer deaths after matching"]["mean"]
    cause = few[few["outcome"] == BREAST]
    wald = cause[cause["quantity"].isin(MODELS) & cause["estimator"].isin(["Cox", "Fine-Gray"])]
    firth = cause[cause["estimator"].str.endswith("Firth")]
    alone = cause[cause["estimator"] == "Fine-Gray, Firth where infinite"]
    score = by_set[by_set["outcome"] == BREAST].loc["rare, no effect", "rejected"]
    holds = (firth["coverage_high"] >= 0.95).all()
    return SHOWN.format(
        bias=f"{(ratios['bias'] / ratios['sd']).abs().max():.2f}",
        crude=f"{crude.min():.2f} to {crude.max():.2f}",
        narrower=narrower(matched),
        plain_ratio=span(ratios, "coverage"),
        set_ratio=span(ratios, "coverage_set"),
        plain_difference=span(differences, "coverage"),
        set_difference=span(differences, "coverage_set"),
        size_plain=span(plain.loc["no effect"], "rejected"),
        size_set=span(by_set.loc["no effect"], "rejected"),
        power_plain=span(plain.loc["HR 1.5"], "rejected"),
        power_set=span(by_set.loc["HR 1.5"], "rejected"),
        narrower_frequent=narrower(frequent),
        bias_frequent=f"{frequent_ratios['bias'].min():.3f} to {frequent_ratios['bias'].max():.3f}",
        share_frequent=f"{(frequent_ratios['bias'] / frequent_ratios['sd']).max():.2f}",
        plain_frequent=span(frequent, "coverage"),
        set_frequent=span(frequent, "coverage_set"),
        power_plain_frequent=percent(of_death["rejected"]),
        power_set_frequent=percent(of_death["rejected_set"]),
        events=f"{counts.min():.0f} to {counts.max():.0f}",
        wald=span(wald, "coverage"),
        incidence=span(cause[cause["quantity"] == "cumulative incidence"], "coverage"),
        score=percent(score),
        verdict="hold their level" if holds else "fall short of their level in part",
        firth_fine_gray=span(firth[firth["estimator"] == "Fine-Gray, Firth"], "coverage"),
        firth_cox=span(firth[firth["estimator"] == "Cox, Firth"], "coverage"),
        rule=span(cause[cause["estimator"].str.endswith("if infinite")], "coverage"),
        alone=" and ".join(
            f"{percent(row.coverage, 0)} of {row.estimated} ({row.scenario})"
            for row in alone.itertuples()
        ),
        firth_bias=f"{(firth['bias'] / firth['sd']).abs().max():.2f}",
    )


def coverage_section(table: pd.DataFrame, seed: int) -> str:
    """Compose the section from `calibration.tsv`."""
    repetitions = int(table["repetitions"].iloc[0])
    estimated = table[table["target_se"] > 0]
    wide = both_variances(table)
    complete = table[table["outcome"] == "incomplete sets"]
    half = {p: 1.96 * np.sqrt(p * (1 - p) / repetitions) for p in (0.95, 0.05)}
    text = INTRODUCTION.format(
        repetitions=repetitions,
        n_scenarios=len(SCENARIOS),
        seed=seed,
        precision=np.floor((estimated["bias_se"] / estimated["target_se"]).min()),
    )
    text += scenario_rows(table)
    text += READING.format(
        incomplete=f"{100 * complete['mean'].min():.0f} to {100 * complete['mean'].max():.0f} %",
        inner=f"{100 * (0.95 - half[0.95]):.1f} to {100 * (0.95 + half[0.95]):.1f} %",
        inner_size=f"{100 * (0.05 - half[0.05]):.1f} to {100 * (0.05 + half[0.05]):.1f} %",
    )
    text += ratio_rows(wide) + DIFFERENCES + difference_rows(wide) + TESTS + test_rows(table)
    text += FIRTH.format(separated=separation(table)) + firth_rows(table)
    return text + findings(table, wide)
