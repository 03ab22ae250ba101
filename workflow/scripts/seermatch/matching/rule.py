"""The rule of a study's match: the settings `matching`, and the match that follows from them."""

from typing import TYPE_CHECKING

import numpy as np

from seermatch.matching.distance import matching_distance
from seermatch.matching.nearest import Match, exact_codes, match
from seermatch.settings.keys import section
from seermatch.settings.study import Matching

if TYPE_CHECKING:
    import pandas as pd


@section
class MatchingRule(Matching):
    """How exposed patients find their controls; `dataclasses.replace` makes another rule of it.

    The attributes are the keys of `seermatch.settings.study.Matching`, with their defaults.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import pandas as pd
    >>> cohort = pd.DataFrame({"patient_id": list("abcdef"), "group": [1, 1, 0, 0, 0, 0]})
    >>> score = np.array([0.9, 0.1, 0.8, 0.5, 0.2, -0.2])
    >>> rule = MatchingRule(ratio=1, caliper=0.5)
    >>> rule.match(cohort, score).matched_set.tolist()
    [1, 2, 1, 0, 2, 0]
    >>> replace(rule, ratio=2, caliper=None).match(cohort, score).matched_set.tolist()
    [1, 2, 1, 1, 2, 2]
    """

    def distance(self, linear_predictor: np.ndarray) -> np.ndarray:
        """Give what patients are matched on (`seermatch.matching.distance.matching_distance`)."""
        return matching_distance(linear_predictor, self.link)

    def match(self, cohort: "pd.DataFrame", linear_predictor: np.ndarray) -> Match:
        """Match the exposed patients of a cohort.

        Parameters
        ----------
        cohort : pandas.DataFrame
            One row per patient: patient_id, group (0 reference, 1 exposed), and the columns that
            `exact` names.
        linear_predictor : ndarray, shape (n,)
            Log odds of being exposed, of the propensity model.

        Returns
        -------
        seermatch.matching.nearest.Match

        Raises
        ------
        StudyError
            As `seermatch.matching.nearest.match`.
        """
        return match(
            self.distance(linear_predictor),
            cohort["group"].to_numpy() == 1,
            ratio=self.ratio,
            caliper=self.caliper,
            order=self.order,
            ties=self.ties,
            seed=self.seed,
            patient_id=cohort["patient_id"].to_numpy(),
            exact=exact_codes(cohort, self.exact),
        )
