"""This module tests means over networks of known exact variance, for any tail and number of
samples.

A sample mean of heavy-tailed values is a bad estimator.  Catoni's estimator is a good one: its
deviations are sub-Gaussian for any distribution of known variance, at any number of samples.
Source: O. Catoni, "Challenging the empirical mean and empirical variance: a deviation study",
Ann. Inst. H. Poincare Probab. Statist. 48 (2012) 1148-1185, section 2; used here as a test of a
given mean, for which its two lines of proof are in docs/budgets.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, log, sqrt

import numpy as np

from verify.inference.evidence import POWER, Evidence, Interval
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import KEPT_SAMPLES, LARGEST_BLOCK

__all__ = ["TUNING", "NetworkMean", "catoni_influence", "sharpest_tuning"]

TUNING = 4.0
"""Tuning constant of a grid's cells: sharpest for a chance of 3e-4 on each side."""
_LARGEST = 1e150
"""Beyond it x^2 overflows; the influence of 1e150 is 345."""


def catoni_influence(x: FloatArray) -> FloatArray:
    """Catoni's influence function: log(1 + x + x^2/2) for x >= 0, and odd.

    Between -log(1 - x + x^2/2) and log(1 + x + x^2/2) everywhere, on which the proof rests.

    >>> bool(catoni_influence(np.array([1e-6]))[0] < 1e-6)
    True
    """
    size = np.minimum(np.abs(x), _LARGEST)
    return np.copysign(np.log1p(size * (1.0 + 0.5 * size)), x)


def sharpest_tuning(chance: float) -> float:
    """The tuning constant with the least critical value for a one-sided ``chance``; both are equal.

    >>> round(sharpest_tuning(5e-7), 2)
    5.39
    """
    return sqrt(-2.0 * log(chance))


@dataclass(frozen=True, eq=False)
class NetworkMean(Evidence):
    """The mean over networks by Catoni's influence function.

    ``standard_error``: from the exact variance of one network, not from the samples.  ``logs``:
    natural logarithms of the samples in units of the exact mean, or of means over ``counts`` of
    the samples, where there were too many to keep; ``signs``: of the same
    numbers; ``block``: the samples of a mean, where the means are fewer than one full block.
    ``tuning``: Catoni's constant, the z at which tests are sharpest.
    Law: under the true mean, P(z > critical(chance)) <= chance, for any distribution with this
    variance and any number of samples; so too for weighted sums of influences.

    >>> logs = np.log(np.random.default_rng(1).exponential(size=1000))
    >>> mean = NetworkMean(1000, float(np.exp(logs).mean()), 1000**-0.5, logs)
    >>> mean.interval(0.99).holds(1.0)
    True
    """

    logs: FloatArray
    tuning: float = TUNING
    counts: FloatArray | None = None
    signs: FloatArray | float = 1.0
    block: int | None = None

    @cached_property
    def _values(self) -> FloatArray:
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(self.signs * np.exp(self.logs))

    def influence(self, law: float, weight: float) -> float:
        """See `Evidence.influence`: the influence of all samples, or of all means of them."""
        scale = weight * self.tuning / (self.samples * self.standard_error)
        alike = scale if self.counts is None else scale * self.counts
        return float(np.sum(catoni_influence(alike * (self._values - law)))) / self.tuning

    def critical(self, chance: float, samples: int | None = None) -> float:
        """See `Evidence.critical`: tuning/2 + log(1/chance)/tuning."""
        return self.tuning / 2 - log(chance) / self.tuning

    def needed(self, chance: float, samples: int | None = None) -> float:
        """See `Evidence.needed`; proven as `critical` is, for samples of the exact variance.

        The smaller root d of T d - (T d)^2/(2 N) = T^2 + log(1/chance) + log(1/(1 - POWER)) with
        T the tuning constant and N the number of samples, or of equal means of them; infinite
        where there is none.
        """
        total = self.tuning**2 - log(chance) - log(1.0 - POWER)
        root = 1.0 - 2.0 * total / self._apart(self.samples if samples is None else samples)
        return 2.0 * total / (1.0 + sqrt(root)) / self.tuning if root >= 0 else inf

    def _apart(self, samples: int) -> float:
        """The number of independent values from ``samples`` samples: all, or means over blocks, the
        last of which may be smaller."""
        if self.counts is not None:
            block = self.block or float(self.counts.max())
            whole, rest = divmod(samples, block)
            return float(samples**2 / (whole * block**2 + rest**2))
        return samples if samples <= KEPT_SAMPLES else samples / LARGEST_BLOCK

    def interval(self, level: float) -> Interval:
        """See `Evidence.interval`; with the tuning constant that is sharpest for ``level``.

        ``value`` is Catoni's estimate.  The lower end is at least 0.
        """
        sharp = replace(self, tuning=sharpest_tuning((1.0 - level) / 2))
        heights = (sharp.tuning, 0.0, -sharp.tuning)
        low, value, high = (sharp.crossing(1.0, height) for height in heights)
        return Interval(max(low, 0.0), max(value, 0.0), high)
