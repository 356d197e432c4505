"""Values of every kind that `theory` returns, by the name of the kind: what tests of all kinds do
with each of them."""

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
    transfer_learning_rate,
)
from theory.observables import K, f, g, trace, x

__all__ = ["SEVERAL", "SINGLE", "TRANSFER", "VALUES"]

SINGLE: dict[str, Callable[[MLP], Any]] = {
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
    "odd": lambda network: derive(f, network),
    "a constant": lambda network: derive(x @ x - 5, network),
}
"""Values of a network that are one number, or a formula of it."""

SEVERAL: dict[str, Callable[[MLP], Any]] = {"layer rates": layer_rates, "kernel": tangent_kernel}
"""Values of a network that are several numbers."""

TRANSFER = transfer_learning_rate("0.05", MLP(256, 8), MLP(1024, 32))
"""The value of two networks."""

VALUES: dict[str, Callable[[MLP], Any]] = {
    **SINGLE,
    **SEVERAL,
    "spread": lambda network: squared_update(network).label.spread,
}
"""All values of one network."""
