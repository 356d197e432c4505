"""Values of every kind, by name: each a function of a network."""

from collections.abc import Callable
from typing import Any

from theory import (
    MLP,
    FirstLayer,
    HiddenLayers,
    LastLayer,
    MeanOverLayers,
    Readout,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    readout_update,
    squared_update,
    tangent_kernel,
)
from theory.observables import K, f, g, trace, x

__all__ = ["NUMBERS", "VALUES"]

NUMBERS: dict[str, Callable[[MLP], Any]] = {
    "update": squared_update,
    "label": lambda network: squared_update(network).label,
    "output": lambda network: squared_update(network).output,
    "rate": maximal_learning_rate,
    "rate of the last layer": lambda m: maximal_learning_rate(m, criterion=LastLayer("1/3")),
    "rate of the mean": lambda m: maximal_learning_rate(m, criterion=MeanOverLayers()),
    "first layer": lambda m: maximal_learning_rate(m, group=FirstLayer()),
    "hidden layers": lambda m: maximal_learning_rate(m, group=HiddenLayers()),
    "readout rate": lambda m: maximal_learning_rate(m, group=Readout()),
    "readout": readout_update,
    "readout label": lambda network: readout_update(network).label,
    "alignment": alignment,
    "alignment label": lambda network: alignment(network).label,
    "observable": lambda network: derive(trace(K) ** 2 * (g @ K @ g) * f**2, network),
    "mixed signs": lambda network: derive(trace(K) ** 2 - trace(K @ K), network),
    "a constant": lambda network: derive(x @ x - 5, network),
}
"""Values of every kind that are one number."""
VALUES: dict[str, Callable[[MLP], Any]] = {
    **NUMBERS,
    "tangent kernel": tangent_kernel,
    "spread": lambda network: squared_update(network).label.spread,
    "layer rates": layer_rates,
    "nothing": lambda network: derive(f, network),
}
"""The same, and those of several numbers."""
