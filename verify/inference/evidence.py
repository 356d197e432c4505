"""Evidence tests a law against a measured mean, at a stated chance of a false alarm.

All quantities are in units of the exact mean, so that 1 is the truth where theory and sampler
agree.  docs/budgets.md separates assumptions, proofs and measurements.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf, isfinite, sqrt

from verify.inference.roots import root_between

__all__ = ["POWER", "Evidence", "Interval"]

POWER = 0.95
"""The chance of detection from which an error counts as noticed."""
_MOST_SAMPLES = 2**62


@dataclass(frozen=True)
class Interval:
    """An estimate between the ends of its confidence interval.

    >>> Interval(0.9, 1.0, 1.2).holds(1.1)
    True
    """

    low: float
    value: float
    high: float

    def __repr__(self) -> str:
        return f"{self.value:.4g} in [{self.low:.4g}, {self.high:.4g}]"

    def holds(self, truth: float) -> bool:
        """Whether ``truth`` lies in the interval."""
        return self.low <= truth <= self.high


@dataclass(frozen=True, eq=False)
class Evidence(ABC):
    """A mean of independent samples, in units of the exact mean.

    ``samples``: their number.  ``ratio``: their plain mean.  ``standard_error``: of that mean;
    each kind of evidence defines its source.  A law is a number in the same units.  Chances are
    one-sided: of a z beyond the critical z on one given side although the law is true.

    >>> from verify.inference.weighted_means import WeightedMean
    >>> mean = WeightedMean(samples=10**7, ratio=1.02, standard_error=0.01)
    >>> mean.z(1.0) > mean.critical(0.01), mean.z(0.8) > mean.critical(0.01)
    (False, True)
    """

    samples: int
    ratio: float
    standard_error: float

    def z(self, law: float) -> float:
        """How far the measured mean is above ``law``, in standard errors."""
        return self.influence(law, 1.0)

    @abstractmethod
    def influence(self, law: float, weight: float) -> float:
        """``weight`` times `z`, for small deviations; large samples may count for less.

        Influences of several cells with weights of squared sum 1, of either sign, add up to one z
        with the largest of their critical values.
        """

    @abstractmethod
    def critical(self, chance: float, samples: int | None = None) -> float:
        """The z that is exceeded with at most ``chance`` under a true law; for ``samples`` of the
        same kind, if given."""

    @abstractmethod
    def needed(self, chance: float, samples: int | None = None) -> float:
        """The distance of a wrong law, in standard errors, that is rejected with `POWER`."""

    @abstractmethod
    def interval(self, level: float) -> Interval:
        """The laws that are not rejected at chance (1 - level)/2 on each side."""

    def holds(self, chance: float, samples: int | None = None) -> bool:
        """Whether `critical` can be relied on at this number of samples."""
        return True

    def noticed(self, chance: float, samples: int | None = None) -> float:
        """The relative error of a law, up or down, that is rejected with `POWER`."""
        count = samples or self.samples
        if not (self.defined and self.holds(chance, count)):
            return inf
        return self.needed(chance, count) * self.standard_error * sqrt(self.samples / count)

    def samples_for(self, error: float, chance: float) -> int | None:
        """The number of samples with which ``error`` is noticed; None where there is none.

        Law: `noticed` is at most ``error`` with it, and larger with one sample less.
        """
        if not self.defined or error <= 0:
            return None
        low, high = 0, 1
        while self.noticed(chance, high) > error:
            low, high = high, 2 * high
            if high > _MOST_SAMPLES:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.noticed(chance, middle) <= error else (middle, high)
        return high

    @property
    def defined(self) -> bool:
        """Whether the mean and its error are numbers."""
        return isfinite(self.ratio) and isfinite(self.standard_error) and self.standard_error > 0

    def crossing(self, weight: float, height: float) -> float:
        """The law at which `influence` over ``weight`` falls to ``height``; it falls everywhere."""

        def excess(law: float) -> float:
            return self.influence(law, weight) / weight - height

        step = self.standard_error * (abs(height) + 1.0)
        low, high = self.ratio - step, self.ratio + step
        while excess(low) < 0:
            low -= step
            step *= 2.0
        while excess(high) > 0:
            high += step
            step *= 2.0
        return root_between(excess, low, high, within=1e-6 * self.standard_error)
