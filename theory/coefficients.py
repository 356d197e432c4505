"""Coefficients of a layer's map: integer combinations of the few numbers a layer is made of.

A layer enters an expectation only through its fan-out N (as falling factorials, one factor per
distinct neuron), the variance of one weight, the multiplier of its own share, and the moments of
its masks.  A `Term` is the exponent of each; a coefficient is ``{Term: integer}``, and it is
evaluated in whatever exact domain the sizes live in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from sympy.polys.domains.domain import Domain

__all__ = ["Coefficient", "LayerParameters", "Term", "evaluate"]


class Term(NamedTuple):
    """(fan_out)_neurons * variance^pairs * rate^own * prod_p E[D^p] over ``masks``."""

    neurons: int
    pairs: int
    own: int
    masks: tuple[int, ...]


Coefficient = Mapping[Term, int | Fraction]


@dataclass(frozen=True)
class LayerParameters:
    """The numbers of one layer, as elements of the exact field ``domain``.

    ``variance`` is that of one weight, c/fan_in; ``rate`` the multiplier of the layer's own
    share; ``mask_moments(p)`` is E[D^p].
    """

    domain: Domain
    fan_out: Any
    variance: Any
    rate: Any
    mask_moments: Callable[[int], Any]


def evaluate(coefficient: Coefficient, layer: LayerParameters) -> Any:
    """The coefficient's value for one layer, in the layer's domain."""
    domain = layer.domain
    total = domain.zero
    for term, count in coefficient.items():
        value = domain(count.numerator) / domain(count.denominator)
        for power in term.masks:
            value *= layer.mask_moments(power)
        for chosen in range(term.neurons):
            value *= layer.fan_out - domain(chosen)
        value *= layer.variance**term.pairs
        total += value * layer.rate**term.own if term.own else value
    return total
