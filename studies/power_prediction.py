"""This module predicts how many samples reject a wrong law.

A law is a number in units of the exact mean, as in `verify.inference.evidence`; ``spread`` is the
standard deviation of one sample in the same units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, sqrt

import numpy as np
from scipy.special import ndtri

from verify.inference.evidence import Evidence
from verify.inference.sample_means import TUNING, NetworkMean, catoni_influence
from verify.inference.verdict import FAMILY_BUDGET
from verify.inference.weighted_means import WeightedMean

__all__ = ["CHANCE", "FIT_LEVEL", "GRID", "expected_fit_samples", "expected_samples", "one_sample"]

GRID = 20
"""Deciding cells of a run of the main job, over which the budget is split."""
CHANCE = FAMILY_BUDGET / (2 * GRID)
FIT_LEVEL = 1 - FAMILY_BUDGET
"""The level of the intervals for constant and exponent that reject an exponent."""
_MOST_SAMPLES = 2**62
_NODES, _DENSITIES = np.polynomial.hermite_e.hermegauss(48)
_NODE_WEIGHTS = _DENSITIES / _DENSITIES.sum()


def one_sample(spread: float, *, networks: bool) -> Evidence:
    """Evidence of the right kind from which `Evidence.samples_for` predicts: of one sample."""
    if networks:
        return NetworkMean(1, 1.0, spread, np.zeros(1))
    return WeightedMean(1, 1.0, spread)


def expected_samples(law: float, spread: float, share: float, *, networks: bool) -> int | None:
    """The least number of samples of which a ``share`` of all runs reject ``law``, if samples
    are normal; None where there is none.

    The z of `NetworkMean` is a sum over samples; its mean and variance follow from the influence
    function of a normal sample, by Gauss-Hermite quadrature.
    """
    if law == 1.0:
        return None
    margin = _network_margin if networks else _weighted_margin
    quantile = float(ndtri(share))
    return _least(lambda count: margin(abs(law - 1.0), spread, quantile, count) >= 0)


def _network_margin(error: float, spread: float, quantile: float, count: int) -> float:
    """The z that a share of runs exceeds, less the critical z."""
    middle, variance = _influence(error / spread, 1.0, count)
    return middle - quantile * sqrt(variance) - (TUNING / 2 - log(CHANCE) / TUNING)


def _influence(distance: float, weight: float, count: int) -> tuple[float, float]:
    """Mean and variance of `NetworkMean.influence` for normal samples of a mean that is
    ``distance`` standard deviations of one sample above the law."""
    scale = TUNING * weight / sqrt(count)
    values = catoni_influence(scale * (distance + _NODES)) / TUNING
    middle = float(_NODE_WEIGHTS @ values)
    return count * middle, count * float(_NODE_WEIGHTS @ (values - middle) ** 2)


def _weighted_margin(error: float, spread: float, quantile: float, count: int) -> float:
    evidence = WeightedMean(count, 1.0, spread / sqrt(count))
    if not evidence.holds(CHANCE):
        return -1.0
    return error / evidence.standard_error - quantile - evidence.critical(CHANCE)


def expected_fit_samples(
    depths: Sequence[int], spreads: Sequence[float], error: float, share: float
) -> int | None:
    """The least number of networks in each cell of which a ``share`` of runs find an exponent that
    is off by ``error`` outside its interval, the constant being free, if samples are normal.

    Decided by the second estimating equation of `verify.inference.fit` alone, with the constant
    matched at the mean depth, which is right for a thousand networks and more: below, the first
    equation widens the interval.  None where there is no such number.
    """
    if len(set(depths)) < 2:
        return None
    errors = np.asarray(spreads, dtype=np.float64)
    logs = np.log(np.asarray(depths, dtype=np.float64))
    logs -= np.average(logs, weights=errors**-2)
    weights = logs / errors / np.sqrt(np.sum((logs / errors) ** 2))
    distances = (1.0 - np.exp(-error * logs)) / errors
    critical = TUNING / 2 - log((1.0 - FIT_LEVEL) / 4) / TUNING
    quantile = float(ndtri(share))

    def enough(count: int) -> bool:
        pairs = zip(distances, weights, strict=True)
        moments = [_influence(float(d), float(w), count) for d, w in pairs]
        middle, variance = map(sum, zip(*moments, strict=True))
        return middle - quantile * sqrt(variance) >= critical

    return _least(enough)


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least number from 2 with ``enough``, which holds for all larger ones; None beyond
    2^62."""
    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST_SAMPLES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
