"""Which hidden layers move most, and so bind the maximal rate: compared only as far as needed."""

from __future__ import annotations

from typing import Any

from sympy import Expr

from theory.algebra.fields import field_of, largest
from theory.algebra.precision import workdps
from theory.errors import NotSolved
from theory.laws.update import squared_update
from theory.networks.mlp import MLP
from theory.networks.multipliers import Rates
from theory.rates.growth_proof import rises_at_all_sizes
from theory.solutions.evaluation import guard_digits

__all__ = ["COMPARABLE", "NOTHING_MOVES", "binding_layers", "last_is_largest", "likely_layers"]

COMPARABLE = 500
"""Layers that are compared in less than a second."""
NOTHING_MOVES = "expected at least one multiplier above 0 in rates, got only zeros; give one"
_DIGITS = 30
"""In which layers are compared before they are compared exactly."""
_DEEP = 64
"""From which depth on a proof is quicker than a comparison of all layers."""


def last_is_largest(network: MLP, rates: tuple[Expr, ...] | Rates) -> bool:
    """Whether the last layer of a deep network in numbers is proven to move most."""
    return network.layers > _DEEP and rises_at_all_sizes(network, rates)


def binding_layers(network: MLP, rates: tuple[Expr, ...] | Rates) -> dict[int, Any]:
    """E[(Delta z)^2]/eta^2 of the layers that may be the largest, as elements of the field of the
    symbols that a network of given depth holds.

    Raises `NotSolved` where nothing moves.
    """
    domain = field_of(network.free_symbols)
    layers = likely_layers(network, rates)
    kept = largest({k: squared_update(network, k, rates=rates).value for k in layers}, domain)
    if not any(kept.values()):
        raise NotSolved(NOTHING_MOVES)
    return kept


def likely_layers(network: MLP, rates: tuple[Expr, ...] | Rates) -> list[int]:
    """All layers, or of a network in numbers those that are largest to 30 digits."""
    if network.free_symbols:
        return list(range(1, network.layers + 1))
    if last_is_largest(network, rates):
        return [network.layers]
    with workdps(_DIGITS + guard_digits(network.layers)) as context:
        means = squared_update(network, rates=rates).layer_means(context)
        bar = max(means) * (1 - context.mpf(10) ** -_DIGITS)
        return [layer for layer, mean in enumerate(means, 1) if mean >= bar]
