"""This module tests means of weighted samples by Student's t with an allowance for skewness.

Importance sampling with bounded weights has no tail to hide, so that the sample's own standard
error serves; the remaining effect of the skewness is the leading error of Student's t.  Source: P.
Hall, "The Bootstrap and Edgeworth Expansion", section 2.6: P(t < -z) exceeds Student's tail by
skewness (2 z^2 + 1) phi(z)/(6 sqrt(N)), and P(t > z) falls short by as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, pi, sqrt
from statistics import NormalDist

from verify.inference.evidence import POWER, Evidence, Interval
from verify.inference.roots import root_between

__all__ = ["SKEWNESS", "WeightedMean"]

SKEWNESS = 3.0
"""The skewness of one weighted sample that is allowed for; the study `studies.skewness` found less
for all networks that decide (docs/budgets.md)."""
_LEAST_SAMPLES = 30
_LARGEST_Z = 200.0


@dataclass(frozen=True, eq=False)
class WeightedMean(Evidence):
    """The mean of weighted samples, with the samples' own standard error.

    It assumes a skewness of at most `SKEWNESS`, and enough samples for the leading effect alone.  A
    cell in which this effect would more than double the tail cannot hold its level.

    >>> mean = WeightedMean(20_000, 1.01, 0.01)
    >>> mean.holds(1e-3), WeightedMean(100, 1.01, 0.1).holds(1e-3)
    (True, False)
    """

    def influence(self, law: float, weight: float) -> float:
        """See `Evidence.influence`; not bounded."""
        return weight * (self.ratio - law) / self.standard_error

    def critical(self, chance: float, samples: int | None = None) -> float:
        """See `Evidence.critical`; the larger of both sides."""
        count = max(self.samples if samples is None else samples, 2)

        def excess(z: float) -> float:
            return _student_tail(z, count - 1) + _skew_tail(z, count) - chance

        return root_between(excess, 0.0, _LARGEST_Z) if excess(_LARGEST_Z) < 0 else _LARGEST_Z

    def needed(self, chance: float, samples: int | None = None) -> float:
        """See `Evidence.needed`; the normal quantile of `POWER` above the critical value."""
        return self.critical(chance, samples) + NormalDist().inv_cdf(POWER)

    def interval(self, level: float) -> Interval:
        """See `Evidence.interval`."""
        half = self.critical((1.0 - level) / 2) * self.standard_error
        return Interval(max(self.ratio - half, 0.0), self.ratio, self.ratio + half)

    def holds(self, chance: float, samples: int | None = None) -> bool:
        """See `Evidence.holds`: whether skewness adds at most as much again to a normal tail.

        Law: true for all larger numbers of samples where it is for one.
        """
        count = self.samples if samples is None else samples
        enough = _skew_tail(-NormalDist().inv_cdf(chance), count) <= chance
        return enough and count >= _LEAST_SAMPLES


def _student_tail(z: float, freedom: int) -> float:
    from scipy.special import stdtr  # as long to load as NumPy, and only verdicts need it

    return float(stdtr(freedom, -z))


def _skew_tail(z: float, samples: int) -> float:
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return SKEWNESS * (2 * z * z + 1) * density / (6 * sqrt(samples))
