"""Proportionality of subdistribution hazards: covariates times a function of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import check_choice, check_matrix, check_names, check_number
from seermatch.statistics.newton import Rule, invert, maximize, sandwich, sum_by_cluster
from seermatch.statistics.tests import Test
from seermatch.survival.event_times import EventTimes
from seermatch.survival.fine_gray import fit_fine_gray
from seermatch.survival.fit import Fit
from seermatch.survival.subdistribution import SubdistributionLikelihood

TRANSFORMS = {"identity": np.asarray, "log": np.log1p}
MAX_STEPS = 25


def proportionality_test(
    data: EventTimes, X: np.ndarray, terms: Sequence[str], *, transform: str = "identity"
) -> pd.DataFrame:
    """Test whether subdistribution hazard ratios change with time.

    Parameters
    ----------
    data, X
        As in `seermatch.survival.fine_gray.fit_fine_gray`.
    terms : sequence of str (p,)
        Term of each column of X; columns of one term are tested jointly.
    transform : {"identity", "log"}
        g(t): time, or log(1 + time).

    Returns
    -------
    DataFrame
        term, statistic, df, p_value; one row per term, the last ``GLOBAL``. Statistic and p-value
        are missing where an interaction has no finite estimate.

    Raises
    ------
    StudyError
        As `seermatch.survival.fine_gray.fit_fine_gray`, or if `terms` are not those of the columns.

    Notes
    -----
    Wald test of the coefficients of column × g(t), with the sandwich that allows for the estimated
    censoring distribution, and for matched sets where there are clusters; all other columns stay in
    the model. It is what R's ``cmprsk::crr`` gives with ``cov2`` and ``tf``.

    References
    ----------
    J. P. Fine and R. J. Gray. A proportional hazards model for the subdistribution of a competing
    risk. Journal of the American Statistical Association 94 (1999) 496–509.

    Examples
    --------
    >>> data = EventTimes([1, 2, 2, 3, 4, 5, 6, 7], [1, 2, 1, 0, 1, 2, 1, 0])
    >>> x = np.array([[0, 1, 1, 0, 0, 1, 0, 1.0]]).T
    >>> proportionality_test(data, x, ["group"]).round(4).to_dict("list")
    {'term': ['group', 'GLOBAL'], 'statistic': [3.6057, 3.6057], 'df': [1, 1], \
'p_value': [0.0576, 0.0576]}
    """
    X = check_matrix("X", X)
    terms = check_names("terms", terms, X.shape[1])
    rows = []
    for term in [*dict.fromkeys(terms), "GLOBAL"]:
        tested = [j for j in range(len(terms)) if term in (terms[j], "GLOBAL")]
        fit = fit_time_interaction(data, X, tested, transform=transform)
        test = Test()
        if fit.converged:
            test = fit.test(range(len(terms), len(terms) + len(tested)))
        rows.append((term, test.statistic, len(tested), test.p_value))
    return pd.DataFrame(rows, columns=["term", "statistic", "df", "p_value"])


def fit_time_interaction(
    data: EventTimes, X: np.ndarray, columns: Sequence[int], *, transform: str = "identity"
) -> Fit:
    """Fit a Fine–Gray model in which some columns also act in proportion to g(t).

    The cost is that of patients times distinct event times, so linear in patients for months.

    Parameters
    ----------
    data, X
        As in `seermatch.survival.fine_gray.fit_fine_gray`.
    columns : sequence of int (q,)
        Columns of X that are multiplied by g(t) too.
    transform : {"identity", "log"}
        g(t): time, or log(1 + time).

    Returns
    -------
    Fit
        Of p + q coefficients: log subdistribution hazard ratios at g(t) = 0, then their change per
        unit of g(t). It predicts no curve.

    Raises
    ------
    StudyError
        As `seermatch.survival.fine_gray.fit_fine_gray`, or if `columns` are not those of X.

    Examples
    --------
    >>> data = EventTimes([1, 2, 2, 3, 4, 5, 6, 7], [1, 2, 1, 0, 1, 2, 1, 0])
    >>> fit = fit_time_interaction(data, np.array([[0, 1, 1, 0, 0, 1, 0, 1.0]]).T, [0])
    >>> fit.converged, fit.coef.round(4)
    (True, array([ 0.6037, -0.738 ]))
    """
    check_choice("transform", transform, TRANSFORMS)
    p = check_matrix("X", X).shape[1]
    columns = _column_numbers(columns, p)
    proportional = fit_fine_gray(data, X, max_steps=MAX_STEPS)
    likelihood = SubdistributionLikelihood(data, X)
    model = _TimeInteraction(likelihood, columns, TRANSFORMS[transform])
    start = np.append(proportional.coef, np.zeros(len(columns)))
    found = maximize(model.evaluate, start, Rule(), MAX_STEPS)
    inverse = invert(found.at.information)
    residuals = model.residuals(found.coef).T
    # back from g(t) about its mean to g(t)
    back = np.eye(len(start))
    back[columns, p + np.arange(len(columns))] = -model.mean_g
    contributions = {"robust": residuals}
    if data.clusters is not None:
        index = data.cluster_index(likelihood.rows)
        contributions["clustered"] = sum_by_cluster(residuals, index)
    covariance = {name: sandwich(inverse, sums) for name, sums in contributions.items()}
    names = proportional.names
    return Fit(
        model="Fine–Gray with time",
        names=(*names, *(f"{names[j]} × {transform}(t)" for j in columns)),
        coef=back @ found.coef,
        covariance={name: back @ matrix @ back.T for name, matrix in covariance.items()},
        loglik=found.at.loglik,
        loglik_null=proportional.loglik_null,
        n=proportional.n,
        events=proportional.events,
        converged=found.converged and proportional.converged,
        unclustered="robust",
        baseline=(np.empty(0), np.empty(0)),
        curve="incidence",
    )


def _column_numbers(columns: Sequence[int], p: int) -> np.ndarray:
    """Return numbers of columns as an array, or refuse one that is not there or given twice."""
    for j in np.atleast_1d(columns):
        check_number("columns", j, 0, p - 1, closed=True, whole=True)
    if len(set(columns)) < len(columns):
        raise StudyError("columns: a column is named twice.")
    return np.asarray(columns).astype(np.int64)


@dataclass(frozen=True)
class _Evaluation:
    loglik: float
    score: np.ndarray
    information: np.ndarray


class _TimeInteraction:
    """Partial likelihood with columns (x, x_c g(t)); loops over the distinct event times.

    g is taken about its mean over events, which changes neither its coefficients nor their test.
    """

    def __init__(self, likelihood: SubdistributionLikelihood, columns, transform):
        self.likelihood = likelihood
        self.columns = columns
        self.failing = np.flatnonzero(likelihood.events)
        events = likelihood.events[self.failing]
        g = transform(likelihood.times[self.failing])
        self.mean_g = float(events @ g / events.sum())
        self.g = g - self.mean_g
        self.powers = self.g[:, None] ** np.arange(3)
        n_times = len(likelihood.times)
        kinds = np.broadcast_to(np.arange(3), (n_times, 3))
        self.kind = likelihood.spread(kinds)
        self.index = likelihood.spread(np.broadcast_to(np.arange(n_times)[:, None], (n_times, 3)))
        self.first = np.searchsorted(self.index, self.failing)  # rows are in the order of time
        # of patients with a competing event, weight / G(T-): later times multiply it by G(t-)
        g_before = likelihood.uncensored_before
        self.kept = np.where(self.kind == 2, likelihood.weights / g_before[self.index], 0.0)
        # the tested columns' own events, at their times
        happened = self.kind == 1
        place = np.searchsorted(self.failing, self.index[happened])
        own = likelihood.X[:, happened]
        self.events_x = own, likelihood.weights[happened], place, np.flatnonzero(happened)
        self.event_sum = self._expand(own, self.g[place]) @ likelihood.weights[happened]

    def _expand(self, x, g):
        """Columns x and x_c g, at the times of g."""
        return np.concatenate([x, x[self.columns] * g])

    def _at_event_times(self, beta):
        """Yield place, log of the scale, and risk of every patient at each event time."""
        likelihood = self.likelihood
        linear = beta[: likelihood.p] @ likelihood.X
        slope = beta[likelihood.p :] @ likelihood.X[self.columns]
        for k, t in enumerate(self.failing):
            first = self.first[k]
            weight = likelihood.uncensored_before[t] * self.kept
            weight[first:] = likelihood.weights[first:]
            exponent = linear + self.g[k] * slope
            exponent[weight == 0] = -np.inf
            shift = exponent.max()
            yield k, shift, weight * np.exp(exponent - shift)

    def evaluate(self, beta: np.ndarray) -> _Evaluation:
        """Log-likelihood, score and information at `beta`."""
        likelihood, p, c = self.likelihood, self.likelihood.p, self.columns
        X, events = likelihood.X, likelihood.events[self.failing]
        loglik = float(beta @ self.event_sum)
        means = np.empty((p, len(events)))
        spreads = np.zeros((3, p, p))  # sums over events, times g to the power of 0, 1, 2
        for k, shift, risk in self._at_event_times(beta):
            total = risk.sum()
            means[:, k] = mean = X @ risk / total
            loglik -= events[k] * (shift + np.log(total))
            spread = (X * risk) @ X.T / total - mean[:, None] * mean
            spreads += (events[k] * self.powers[k])[:, None, None] * spread
        score = self.event_sum - self._expand(means, self.g) @ events
        mixed = spreads[1][:, c]
        information = np.block([[spreads[0], mixed], [mixed.T, spreads[2][np.ix_(c, c)]]])
        return _Evaluation(loglik, score, information)

    def residuals(self, beta: np.ndarray) -> np.ndarray:
        """Weighted contributions to the score, (p + q, n), in the order of the likelihood."""
        likelihood, p = self.likelihood, self.likelihood.p
        X, n_times = likelihood.X, len(likelihood.times)
        result = np.zeros((len(beta), likelihood.n))
        q = np.zeros((len(beta), n_times))
        means = np.empty((p, len(self.failing)))
        for k, _, risk in self._at_event_times(beta):
            total = risk.sum()
            means[:, k] = X @ risk / total
            jump = likelihood.events[self.failing[k]] / total * risk
            part = self._expand((X - means[:, k, None]) * jump, self.g[k])
            result -= part
            # q(u), u up to now, takes those whose competing event was before u
            now = self.failing[k] + 1
            gone = np.searchsorted(self.index, now - 1)
            competing = self.kind[:gone] == 2
            for j, values in enumerate(part):
                sums = np.bincount(
                    self.index[:gone][competing], values[:gone][competing], minlength=now
                )
                q[j, 1:now] += np.cumsum(sums)[: now - 1]
        own, weight, place, rows = self.events_x
        result[:, rows] += self._expand(own - means[:, place], self.g[place]) * weight
        constant = np.empty((len(q), n_times, 3))
        censored, at_risk = likelihood.censored, likelihood.at_risk
        constant[:] = -np.cumsum(q * censored / at_risk**2, axis=1)[:, :, None]
        constant[:, :, 0] += q / at_risk
        return result + likelihood.spread(constant) * likelihood.weights
