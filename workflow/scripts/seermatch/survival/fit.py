"""A fitted hazard model, whichever estimator it comes from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seermatch.errors import StudyError
from seermatch.statistics.checks import (
    check_choice,
    check_matrix,
    check_number,
    check_numbers,
)
from seermatch.statistics.estimates import Estimate, LogRatio
from seermatch.statistics.tests import Test, wald_test

PROFILE = "profile"  # limits and test by the profile of the likelihood instead of a covariance


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model of p coefficients.

    Attributes
    ----------
    model : str
        Such as ``"Cox"``.
    names : tuple of str
        Of the columns: those of the frame given, otherwise ``x1``, ``x2``, ...
    coef : numpy.ndarray, shape (p,)
        Log hazard ratios (of the subdistribution in Fine-Gray models).
    covariance : dict of str to numpy.ndarray, shape (p, p)
        ``model``, the inverse information; ``robust``, the sandwich of patients; with clusters
        ``clustered``, the sandwich of their sums.
    loglik, loglik_null : float
        Log partial likelihood at `coef` and at 0.
    n, events : int
        Patients, and events of interest.
    converged : bool
        Whether a finite maximum was found. If not, the coefficients of separated columns and their
        covariances mean nothing (`seermatch.survival.separation` tells which they are); the others
        are near their limit.
    unclustered : str
        The variance to report where patients are independent: ``model`` in an unweighted Cox
        model, ``robust`` with weights and in Fine-Gray models, ``profile`` with Firth's penalty.
    baseline : tuple of numpy.ndarray
        Times and the cumulative hazard there with all covariates 0.
    curve : {"survival", "incidence"}
        What `predict` gives.
    """

    model: str
    names: tuple[str, ...]
    coef: np.ndarray
    covariance: dict[str, np.ndarray]
    loglik: float
    loglik_null: float
    n: int
    events: int
    converged: bool
    unclustered: str
    baseline: tuple[np.ndarray, np.ndarray]
    curve: str = "survival"
    profile: Callable[[int], LogRatio] | None = None

    @property
    def variance(self) -> str:
        """The variance used unless another is asked for: clustered where there are clusters."""
        return "clustered" if "clustered" in self.covariance else self.unclustered

    def _covariance(self, variance: str | None) -> np.ndarray:
        variance = self.variance if variance is None else variance
        if variance == PROFILE and self.profile is not None:
            variance = "model"
        return self.covariance[check_choice("variance", variance, self.covariance)]

    def se(self, variance: str | None = None) -> np.ndarray:
        """Take the standard errors (p,) from one of the covariances."""
        return np.sqrt(np.diag(self._covariance(variance)))

    def estimate(self, column: int | str | Sequence[float] = 0, variance: str | None = None):
        """Estimate a coefficient, or a contrast of them.

        Parameters
        ----------
        column : int, str or array_like, shape (p,)
            Number or name of a column, or the weights of all coefficients in the contrast.
        variance : {"model", "robust", "clustered", "profile"}, optional
            Default `Fit.variance`.

        Returns
        -------
        Estimate
            With limits by Wald; or by the profile of the penalized likelihood.
        """
        if self.profile is not None and variance in (None, PROFILE):
            return self.profile(self._index("column", [column])[0])
        covariance = self._covariance(variance)
        if np.ndim(column) == 0:
            j = self._index("column", [column])[0]
            return Estimate(float(self.coef[j]), float(np.sqrt(covariance[j, j])))
        vector = check_numbers("column", column, len(self.coef), like="the model")
        return Estimate(float(vector @ self.coef), float(np.sqrt(vector @ covariance @ vector)))

    def test(self, columns: Sequence[int | str] | None = None, variance: str | None = None) -> Test:
        """Test jointly that coefficients are 0, all or those of some columns (Wald)."""
        covariance = self._covariance(variance)
        alone = isinstance(columns, int | str)
        index = range(len(self.coef)) if columns is None else [columns] if alone else columns
        index = self._index("columns", index)
        return wald_test(self.coef[index], covariance[np.ix_(index, index)])

    def _index(self, argument: str, columns: Sequence[int | str]) -> list[int]:
        """Find columns by name or number."""
        found = []
        for column in columns:
            if isinstance(column, str):
                found.append(self.names.index(check_choice(argument, column, self.names)))
            else:
                last = len(self.names) - 1
                check_number(argument, column, 0, last, closed=True, whole=True)
                found.append(int(column))
        if len(set(found)) < len(found):
            raise StudyError(f"{argument}: a coefficient is named twice.")
        return found

    def summary(self, variance: str | None = None, confidence: float = 0.95) -> pd.DataFrame:
        """Tabulate the coefficients: coef, hr, se, low, high (of the hazard ratio), p."""
        rows, se = [], self.se(variance)
        for j, coef in enumerate(self.coef):
            estimate = self.estimate(j, variance)
            hr, low, high = estimate.ratio(confidence)
            rows.append((coef, hr, se[j], low, high, estimate.p_value))
        columns = ["coef", "hr", "se", "low", "high", "p"]
        return pd.DataFrame(rows, index=pd.Index(self.names), columns=columns)

    def __str__(self) -> str:
        """Print the model as a table."""
        ended = "" if self.converged else ", no finite maximum"
        head = f"{self.model}: {self.n:,} patients, {self.events:,} events{ended}"
        table = self.summary().to_string(float_format="{:.4g}".format)
        return f"{head}; variance: {self.variance}\n{table}"

    def predict(self, X: np.ndarray, times: Sequence[float]) -> pd.DataFrame:
        """Predict the curve of patients: survival, or cumulative incidence in Fine-Gray models.

        Parameters
        ----------
        X : array_like, shape (k, p)
            Covariates of k patients, coded as those of the fit.
        times : array_like, shape (m,)

        Returns
        -------
        pandas.DataFrame, shape (m, k)
            A row per time, a column per row of `X`: ``exp(-H(t) exp(x'b))`` for the cumulative
            baseline hazard H (Efron's or Breslow's), or 1 minus it.
        """
        labels = X.index if isinstance(X, pd.DataFrame) else None
        X = check_matrix("X", X)
        if X.shape[1] != len(self.coef):
            raise StudyError(f"X has {X.shape[1]} columns, but the model {len(self.coef)}.")
        times = check_numbers("times", times, low=0)
        at, hazard = self.baseline
        cumulative = np.append(0.0, hazard)[np.searchsorted(at, times, side="right")]
        curve = np.exp(-np.outer(cumulative, np.exp(X @ self.coef)))
        curve = 1 - curve if self.curve == "incidence" else curve
        return pd.DataFrame(curve, index=pd.Index(times, name="time"), columns=labels)
