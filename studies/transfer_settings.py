"""What the transfer study trains: settings, rules by which a rate is transferred, their rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from theory import MLP, maximal_learning_rate
from verify import typical_learning_rate
from verify.numerics.arrays import FloatArray

__all__ = ["INPUTS", "RULES", "SETTINGS", "Setting", "grid_rates", "maximal_rate"]

INPUTS = 64
_TYPICAL_SAMPLES = 20_000


@dataclass(frozen=True)
class Setting:
    """One way to train: ``octaves`` are the binary logarithms of the rates tried at each depth, in
    units of the exact maximal rate; ``horizons``: numbers of steps after which losses are read."""

    name: str
    width: int
    batch: int
    loss: str
    seeds: int
    octaves: tuple[float, ...]
    horizons: tuple[int, ...]
    depths: tuple[int, ...] = (2, 4, 8, 16, 32)

    @property
    def resolution(self) -> float:
        """The grid's step in octaves."""
        return self.octaves[1] - self.octaves[0]


def _octaves(low: float, high: float, step: float) -> tuple[float, ...]:
    return tuple(float(each) for each in np.arange(low, high + step / 2, step))


SETTINGS = (
    Setting("main", 64, 1, "half square", 16, _octaves(-3, 4, 0.5), (200, 800, 3200)),
    Setting("wider", 128, 1, "half square", 10, _octaves(-3, 4, 1), (200, 800)),
    Setting("batches", 64, 16, "half square", 10, _octaves(-1, 6, 1), (200, 800)),
    Setting("logistic", 64, 1, "logistic", 10, _octaves(-2, 6, 1), (200, 800)),
)


@lru_cache(maxsize=64)
def maximal_rate(width: int, depth: int) -> float:
    """The exact maximal rate of all hidden weights."""
    network = MLP(width, depth, input_width=INPUTS)
    return float(maximal_learning_rate(network).evaluate())


@lru_cache(maxsize=64)
def _typical_rate(width: int, depth: int) -> float:
    """The rate at which half of all networks stay within the bound."""
    network = MLP(width, depth, input_width=INPUTS)
    return float(typical_learning_rate(network, samples=_TYPICAL_SAMPLES, seed=1).rate)


RULES: dict[str, Callable[[int, int], float]] = {
    "same rate": lambda width, depth: 1.0,
    "exact maximal rate": maximal_rate,
    "L^-3/2": lambda width, depth: depth**-1.5,
    "typical network's rate": _typical_rate,
}
"""Rules by which a rate tuned at one depth is carried to another: what it is proportional to, by
width and depth."""


def grid_rates(setting: Setting, depth: int) -> FloatArray:
    """The rates tried at one depth, shape ``(octaves,)``."""
    return maximal_rate(setting.width, depth) * np.exp2(setting.octaves)
