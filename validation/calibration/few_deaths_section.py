"""The section "Few deaths" of docs/validation.md."""

import numpy as np
import pandas as pd

from validation.calibration.cohorts import RATIO
from validation.calibration.few_deaths import (
    COX_FIRTH,
    COX_SCORE,
    COX_WALD,
    FINE_GRAY_FIRTH,
    FINE_GRAY_SCORE,
    GRAY,
    KINDS,
    LOG_RANK,
    N_SETS,
    OTHER_DEATHS,
    POISSON_BINOMIAL,
)
from validation.calibration.printing import percent, row_of, span

FEW_DEATHS = """\
## Few deaths

Which test of the groups holds its level with few deaths: {cohorts:,} cohorts of each kind without
any effect, drawn as they are after matching ({sets} sets of one exposed and {ratio} reference
patients, who share a risk), with a fixed number of deaths of the cause of interest and up to
{others} of another one. Follow-up is uniform over 60 months, in the exposed over 30 where it is
unequal; where sets are incomplete, 20 % of them lack a reference patient, and patients are
weighted. `make calibration` makes this too.

Rejected at 5 %, uncertain by up to {half:.1f} points (95 %). "By set": clustered by matched set.
"One group": cohorts in which all deaths of the cause are in one group.

| deaths | follow-up | sets | one group | score by set, Cox | Wald by set, Cox | log-rank \
| Poisson-binomial | **Firth, Cox** | score by set, Fine–Gray | Gray | **Firth, Fine–Gray** |
| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

FEW_DEATHS_SHOWN = """
With fewer than 20 deaths the score test by set rejects {score} (Cox) and {score_fine_gray}
(Fine–Gray): sets with a death are too few for a normal approximation. Firth's penalized
likelihood-ratio test rejects {firth} (Cox) and {firth_fine_gray} (Fine–Gray), and it agrees
with the interval that is printed beside it. With 20 deaths and more the score tests reject
{score_many} and {score_fine_gray_many}, Firth's {firth_many} and {firth_fine_gray_many}. So
below 20 events, or with none in one group, every effect of the group has Firth's estimate, interval
and test, in Fine–Gray models too. The Poisson-binomial test, which knows only who of a set was at
risk at its deaths, is exact and therefore cautious: {exact} below 20 deaths. The Wald test by set
cannot be made where one group has all deaths (counted as not rejecting).
"""
FEW_COLUMNS = (
    *(COX_SCORE, COX_WALD, LOG_RANK, POISSON_BINOMIAL, COX_FIRTH),
    *(FINE_GRAY_SCORE, GRAY, FINE_GRAY_FIRTH),
)


def few_deaths_section(table: pd.DataFrame) -> str:
    """Compose the section from `few_deaths.tsv`."""
    text = FEW_DEATHS.format(
        cohorts=int(table["cohorts"].min()),
        sets=N_SETS,
        ratio=RATIO,
        others=OTHER_DEATHS,
        half=50 * (table["rejected_high"] - table["rejected_low"]).max(),
    )
    for (deaths, follow_up, sets), part in table.groupby(list(KINDS), sort=False):
        rejected = part.set_index("test")["rejected"]
        cells = [percent(rejected.get(test, np.nan)) or "–" for test in FEW_COLUMNS]
        alone = percent(part["one_group"].iloc[0], 0)
        text += row_of(str(deaths), follow_up, sets, alone, *cells)
    few, many = table[table["deaths"] < 20], table[table["deaths"] >= 20]

    def size(rows, test):
        return span(rows[rows["test"] == test], "rejected")

    return text + FEW_DEATHS_SHOWN.format(
        score=size(few, COX_SCORE),
        score_fine_gray=size(few, FINE_GRAY_SCORE),
        firth=size(few, COX_FIRTH),
        firth_fine_gray=size(few, FINE_GRAY_FIRTH),
        score_many=size(many, COX_SCORE),
        score_fine_gray_many=size(many, FINE_GRAY_SCORE),
        firth_many=size(many, COX_FIRTH),
        firth_fine_gray_many=size(many, FINE_GRAY_FIRTH),
        exact=size(few, POISSON_BINOMIAL),
    )
