"""This module computes best rates, their exponent in the depth, and losses of the transfer study,
with 95 % intervals from the bootstrap over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from studies.transfer_record import Found, Transfer
from verify.inference.evidence import Interval
from verify.numerics.arrays import FloatArray

__all__ = [
    "best_octave",
    "best_octaves",
    "carried",
    "exponent",
    "final_loss",
    "loss_ratio",
    "paired_ratio",
    "rule_exponent",
    "unit_rates",
]

RESAMPLES = 2000
LEVEL = 0.95
_SEED = 11


def best_octave(loss: FloatArray, octaves: FloatArray) -> FloatArray:
    """The octave whose median loss over seeds is least; a loss that is infinite counts as such.

    ``loss``: shape ``(..., seeds, rates)``; ``octaves``: ``(rates,)``; the result ``(...)``.
    """
    best: FloatArray = np.asarray(octaves)[np.argmin(np.median(loss, axis=-2), axis=-1)]
    return best


def best_octaves(found: Found, horizon: int) -> list[Interval]:
    """At each depth, the binary logarithm of the best factor.

    The ends lie half a grid step further out than the bootstrap's ends.
    """
    half = found.setting.resolution / 2
    best, resampled = _octaves(found, horizon)
    return [
        Interval(float(low) - half, float(value), float(high) + half)
        for value, (low, high) in zip(best, map(_ends, resampled), strict=True)
    ]


def exponent(found: Found, horizon: int) -> Interval:
    """The slope of the best rate in depth, in logarithms, by least squares over all depths.

    Each resampled best rate is moved by up to half a grid step either way, at random, since the
    grid tells no more.
    """
    depths = np.array(found.setting.depths)
    unit = unit_rates(found)
    best, resampled = _octaves(found, horizon)
    half = found.setting.resolution / 2
    moved = resampled + np.random.default_rng(_SEED).uniform(-half, half, resampled.shape)
    slopes = _slope(depths, np.log2(unit) + moved.T)
    low, high = _ends(slopes)
    return Interval(low, float(_slope(depths, np.log2(unit) + best)), high)


def unit_rates(found: Found) -> FloatArray:
    """The rates of layers 2 to L at the factor 1, shape ``(depths,)``."""
    lowest = np.array([each.rates[0] for each in found.tuning])
    unit: FloatArray = lowest / 2.0 ** found.setting.octaves[0]
    return unit


def rule_exponent(found: Found, horizon: int, rule: str) -> float:
    """The same slope of the rates that a rule carried over from the smallest depth."""
    rates = carried(found, horizon, rule)
    return float(_slope(np.array(found.setting.depths), np.log2(rates)))


def carried(found: Found, horizon: int, rule: str) -> FloatArray:
    """The smallest depth's best rate, and the rates that a rule derives from it, shape
    ``(depths,)``."""
    return np.array([found.transfer(depth, horizon, rule).rate for depth in found.setting.depths])


def final_loss(found: Found, depth: int, horizon: int, rule: str | None) -> Interval:
    """Median loss of the new seeds at one rule's rates; infinite where most networks diverged."""
    loss = found.transfer(depth, horizon, rule).loss
    low, high = _ends(np.median(loss[_resamples(len(loss), depth)], axis=-1))
    return Interval(low, float(np.median(loss)), high)


def loss_ratio(found: Found, depth: int, horizon: int, rule: str) -> Interval:
    """Median loss at the transferred rate over median loss at the depth's own best rate."""
    return paired_ratio(*(found.transfer(depth, horizon, each) for each in (rule, None)))


def paired_ratio(one: Transfer, other: Transfer) -> Interval:
    """Median loss of ``one`` over that of ``other``, of the same depth and seeds.

    Seeds are resampled together; infinite where most networks diverged, 1 where most diverged in
    both.
    """

    def ratio(index: Any) -> FloatArray:
        above, below = (np.median(each.loss[index], axis=-1) for each in (one, other))
        lost = np.isinf(above) & np.isinf(below)
        return np.where(lost, 1.0, above / np.where(lost, 1.0, below))

    low, high = _ends(ratio(_resamples(len(one.loss), one.depth)))
    return Interval(low, float(ratio(np.arange(len(one.loss)))), high)


def _octaves(found: Found, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Best octaves by depth, ``(depths,)``, and of resampled seeds, ``(depths, resamples)``."""
    at, octaves = found.setting.horizons.index(horizon), np.array(found.setting.octaves)
    losses = [each.loss[at] for each in found.tuning]
    best = np.array([best_octave(loss, octaves) for loss in losses])
    resampled = [
        best_octave(loss[_resamples(len(loss), tuning.depth)], octaves)
        for loss, tuning in zip(losses, found.tuning, strict=True)
    ]
    return best, np.array(resampled)


def _resamples(seeds: int, depth: int) -> Any:
    """Indices of seeds drawn with replacement, shape ``(resamples, seeds)``."""
    return np.random.default_rng([_SEED, depth]).integers(seeds, size=(RESAMPLES, seeds))


def _ends(values: FloatArray) -> tuple[float, float]:
    """Ends of the central interval; order statistics, so that infinite values may be among them."""
    tail = (1.0 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1.0 - tail], method="nearest")
    return float(low), float(high)


def _slope(depths: FloatArray, logs: FloatArray) -> FloatArray:
    """Least squares over the last axis of ``logs``, binary logarithms."""
    x = np.log2(depths) - np.mean(np.log2(depths))
    slope: FloatArray = logs @ x / (x @ x)
    return slope
