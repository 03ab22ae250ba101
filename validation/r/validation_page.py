"""The section "Agreement with R" of docs/validation.md."""

from pathlib import Path

import numpy as np
from draw import KINDS
from quantities import CONVENTIONS, FROM_A_THOUSANDTH, FROM_ONE, QUANTITIES

from validation.sections import put_section as write_section

BEGIN = "<!-- begin: agreement with R, written by `make validation` -->"
END = "<!-- end: agreement with R -->"

INTRODUCTION = """\
## Agreement with R

{n_sets:,} random data sets (seed {seed}), on each of which R and this library computed everything
below; `make test-r` does the same on 204 others, `make validation` writes this section.
{versions}.

The data are of {n_kinds} kinds in turn: {kinds}. Months are tied and begin at 0 (except for "no
ties"); two to four groups; matched sets of two or three; weights; strata and rho of Gray's test
vary. Columns that are aliased, or have no finite estimate (in {n_separated:,} data sets), are left
out on both sides, and the rest is compared.

A difference is divided by R's value, where marked ¹ (²) only if that is above 1 (0.001); those of
coefficients are divided by their standard error. "Definition, in R" is Fine and Gray's formula
written out in R, each patient at each event time, since no package has it with sets and weights.
R's iterations end early, hence the tolerance of 1e-6 for what is iterated; all else is compared at
1e-10.

| | R | data sets | values | largest difference | tolerance |
| --- | --- | ---: | ---: | ---: | ---: |
"""

MEANT = """
### Where conventions differ

Differences of the coefficients in standard errors, in data sets with 100 patients or more.

| Fine–Gray here against | data sets | median | largest | accepted median | accepted largest |
| --- | ---: | ---: | ---: | ---: | ---: |
"""

NOTES = """
- **Month 0 in `crr`.** The weight of a patient with a competing event at month 0 is taken from the
  censoring distribution after its jump there; here it is the left limit everywhere. On time + 1
  `crr` has the left limit too, and that is what the table above compares with.
- **Ties in `finegray`.** It lets events go before censorings at the same time, so that they are not
  at risk of censoring any more; here, as in `crr`, they still are. With events moved a fifth of a
  step ahead both agree, which is how they are compared in "censoring distribution as known".
- **Weights.** Here they enter the censoring distribution as they enter the numbers at risk;
  `finegray` leaves it unweighted. With the unweighted one both agree (same place).
- **Estimated censoring distribution.** `finegray` with `coxph` takes it as known; here and in `crr`
  the sandwich has the term of its estimation, summed within matched sets as the rest is.
- **Ties in Cox.** Efron, as `coxph` does by default. The score test by matched sets takes Breslow's
  score residuals at zero (`coxph(ties = "breslow", cluster)`, its `robscore`), because their sum is
  the log-rank test's observed minus expected deaths; without ties Efron's are the same.
- **Cumulative incidence.** Unweighted, the variance is that of `cuminc`; weighted, that of
  `survfit`. The two differ a little.
- **Gray's test.** If nobody of a group is at risk at any event of the cause, the variance is
  singular. `cuminc` gives up (-1); here such a group costs a degree of freedom ({gray} tests).
- **Restricted mean before the first death.** Its interval is Wilson's here, of which no standard
  error can be taken; `survfit` says 0.
- **Kaplan–Meier, weighted.** Where survival has fallen to 0 the standard error is missing here, as
  it is in `survfit` without weights; with weights `survfit` says 0.
- **`cox.zph` with few deaths.** It stops as a whole if one of its tests is singular; here that test
  is missing and the others are given.
- **Many patients in cmprsk.** Whole numbers of 32 bits overflow in it. `crr` squares the number at
  risk, so that with more than 46,340 at risk its sandwich is wrong: by 0.4% for one of 11 terms
  with 284,088 patients, and without a number at all where just 65,536 are at risk. `cuminc`
  multiplies a group's number at risk by the events of a month, so that Gray's statistic is
  meaningless beyond a product of 2,147,483,647: 200 million instead of 6.4 with 3 million
  patients. `test_many_patients.py` gets the numbers of both by letting the products overflow in
  the same way, and those here without.
- **Infinite interactions.** `crr` reports a Wald statistic where the interaction with time has no
  finite estimate; here it is missing. The log-likelihoods of both agree there too.
- **Covariates far from zero in `crr`.** Its columns are centred for the comparison, which leaves
  its model as it is. Otherwise, with a calendar year among columns that interact with time,
  rounding makes the sandwich of `crr` wrong by factors (3 to 94 in one data set), with
  `converged = TRUE`.
- **Chi-square and Fisher.** Which test is used depends on the expected counts, so each is compared
  where it is used. Monte-Carlo p-values are not compared, their chi-square is.
"""


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.0e}"


def section(result, versions: str) -> str:
    """Write the section from the outcome of `validate.compare`."""
    text = INTRODUCTION.format(
        n_sets=result.n_sets,
        seed=result.seed,
        versions=versions,
        n_kinds=len(KINDS),
        kinds=", ".join(KINDS),
        n_separated=result.n_separated,
    )
    shown = ""
    for name, quantity in QUANTITIES.items():
        if quantity.section != shown:
            shown = quantity.section
            text += f"| **{shown}** | | | | | |\n"
        found = result.compared[name]
        mark = {FROM_ONE: "¹", FROM_A_THOUSANDTH: "²"}.get(quantity.scale, "")
        counts = f"{found.n_sets:,} | {found.n_values:,}"
        numbers = f"{_number(found.largest)} | {_number(quantity.tolerance)}"
        reference = quantity.reference
        text += f"| {quantity.label}{mark} | {reference} | {counts} | {numbers} |\n"
    text += MEANT
    for label, convention in CONVENTIONS.items():
        values = result.meant[label]
        text += (
            f"| {label} | {len(values):,} | {np.median(values):.4f} | {values.max():.2f} "
            f"| {convention.median:g} | {convention.largest:g} |\n"
        )
    return text + NOTES.format(gray=result.gave_up.get("gray statistic", 0))


def put_section(path: Path, text: str):
    """Put the section between its marks, or at the end of the page."""
    write_section(path, BEGIN, END, text)
