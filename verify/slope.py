"""The exponent of a power law in depth, by weighted least squares on logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Slope", "fit_slope"]


@dataclass(frozen=True)
class Slope:
    """The slope d log(rate)/d log(depth) of measured points, and of exact ones with the same
    weights.

    On a finite grid the exact slope is not -3/2; ``z`` compares the two on equal terms.
    """

    measured: float
    standard_error: float
    exact: float

    @property
    def z(self) -> float:
        """(measured - exact)/standard error."""
        return (self.measured - self.exact) / self.standard_error


def fit_slope(
    depths: Sequence[int],
    log_measured: Sequence[float],
    standard_errors: Sequence[float],
    log_exact: Sequence[float],
) -> Slope | None:
    """Fit both slopes; None for fewer than two depths or undefined errors.

    ``standard_errors``: of ``log_measured``; all sequences of shape ``(depths,)``.
    """
    errors = np.asarray(standard_errors, dtype=np.float64)
    if len(set(depths)) < 2 or not np.all(np.isfinite(errors) & (errors > 0)):
        return None
    x = np.log(np.asarray(depths, dtype=np.float64))
    weights = 1.0 / errors
    line, covariance = np.polyfit(x, np.asarray(log_measured), 1, w=weights, cov="unscaled")
    exact = np.polyfit(x, np.asarray(log_exact), 1, w=weights)
    return Slope(float(line[0]), float(np.sqrt(covariance[0, 0])), float(exact[0]))
