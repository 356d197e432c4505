"""This module defines the settings of the transfer study and the rules that transfer a rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from theory import MLP, layer_rates, maximal_learning_rate
from verify import typical_learning_rate
from verify.numerics.arrays import FloatArray

__all__ = [
    "HIDDEN",
    "INPUTS",
    "RULES",
    "SETTINGS",
    "Rates",
    "Setting",
    "grid_rates",
    "maximal_rate",
]

Rates = tuple[float, ...]
"""Learning rates of layers 1 to L and of the readout."""
HIDDEN = 1
"""The index of the rate of layers 2 to L among them."""

INPUTS = 64
_HIDDEN_ONLY = ("same rate", "exact maximal rate", "L^-3/2", "typical network's rate")
_TYPICAL_SAMPLES = 20_000


@dataclass(frozen=True)
class Setting:
    """One way to train: ``octaves`` are the binary logarithms of the factors tried at each depth, a
    factor multiplies the rates that the rule ``grid`` gives; ``horizons``: numbers of steps after
    which losses are read; ``rules`` carry the best factor of the smallest depth to the others."""

    name: str
    width: int
    batch: int
    loss: str
    seeds: int
    octaves: tuple[float, ...]
    horizons: tuple[int, ...]
    depths: tuple[int, ...] = (2, 4, 8, 16, 32)
    grid: str = "exact maximal rate"
    rules: tuple[str, ...] = _HIDDEN_ONLY

    @property
    def resolution(self) -> float:
        """The grid's step in octaves."""
        return self.octaves[1] - self.octaves[0]


def _octaves(low: float, high: float, step: float) -> tuple[float, ...]:
    return tuple(float(each) for each in np.arange(low, high + step / 2, step))


@lru_cache(maxsize=64)
def maximal_rate(width: int, depth: int) -> float:
    """The exact maximal rate of all hidden weights."""
    return float(maximal_learning_rate(_network(width, depth)).evaluate())


@lru_cache(maxsize=64)
def _typical_rate(width: int, depth: int) -> float:
    """The rate at which half of all networks stay within the bound."""
    found = typical_learning_rate(_network(width, depth), samples=_TYPICAL_SAMPLES, seed=1)
    return float(found.rate)


@lru_cache(maxsize=64)
def _equal_shares(width: int, depth: int) -> Rates:
    """The rates of `verify.pytorch.EqualShares`, which needs PyTorch."""
    first, hidden, readout = map(float, layer_rates(_network(width, depth)).evaluate())
    return _by_layer(first, hidden, readout, depth)


def _network(width: int, depth: int) -> MLP:
    return MLP(width, depth, input_width=INPUTS)


def _by_layer(first: float, hidden: float, readout: float, depth: int) -> Rates:
    return (first, *[hidden] * (depth - 1), readout)


def _fixed_readout(rate: float, depth: int) -> Rates:
    return _by_layer(rate, rate, 0.0, depth)


def _shares_of_depth_4(width: int, depth: int) -> Rates:
    first, hidden, *_, readout = _equal_shares(width, 4)
    return _by_layer(first, hidden, readout, depth)


RULES: dict[str, Callable[[int, int], Rates]] = {
    "same rate": lambda width, depth: _fixed_readout(1.0, depth),
    "exact maximal rate": lambda width, depth: _fixed_readout(maximal_rate(width, depth), depth),
    "L^-3/2": lambda width, depth: _fixed_readout(depth**-1.5, depth),
    "typical network's rate": lambda width, depth: _fixed_readout(
        _typical_rate(width, depth), depth
    ),
    "equal shares": _equal_shares,
    "equal shares of depth 4": _shares_of_depth_4,
    "one rate": lambda width, depth: (1.0,) * (depth + 1),
}
"""Rules by which rates tuned at one depth are carried to another: the rates that each gives up to a
factor, by width and depth.  The first four hold the readout."""

SETTINGS = (
    Setting("main", 64, 1, "half square", 16, _octaves(-3, 4, 0.5), (200, 800, 3200)),
    Setting("wider", 128, 1, "half square", 10, _octaves(-3, 4, 1), (200, 800)),
    Setting("batches", 64, 16, "half square", 10, _octaves(-1, 6, 1), (200, 800)),
    Setting("logistic", 64, 1, "logistic", 10, _octaves(-2, 6, 1), (200, 800)),
    Setting(
        "equal shares",
        128,
        1,
        "half square",
        16,
        _octaves(-4.5, 1.5, 0.5),
        (200, 800),
        depths=(4, 8, 16, 32),
        grid="equal shares",
        rules=("equal shares", "equal shares of depth 4"),
    ),
    Setting(
        "one rate",
        128,
        1,
        "half square",
        16,
        _octaves(-10.5, -4.5, 0.5),
        (200, 800),
        depths=(4, 8, 16, 32),
        grid="one rate",
        rules=("one rate",),
    ),
)


def grid_rates(setting: Setting, depth: int) -> FloatArray:
    """The rates tried at one depth, shape ``(octaves, depth + 1)``."""
    return np.multiply.outer(np.exp2(setting.octaves), RULES[setting.grid](setting.width, depth))
