"""A coefficient of a layer's map is an integer combination of the few numbers of a layer.

A layer enters an expectation only through its fan-out N (as falling factorials, one factor per
distinct neuron), the variance of one weight, the multiplier of its own share, and the moments of
its masks.  A `Term` is the exponent of each; a coefficient is ``{Term: integer}``, and it is
evaluated in whatever exact domain the sizes live in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
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

    @cached_property
    def _products(self) -> dict[Term, Any]:
        return {}

    def product(self, term: Term) -> Any:
        """The value of one term, kept: most terms stand in many coefficients."""
        if term not in self._products:
            value = self.domain.one
            for power in term.masks:
                value *= self.mask_moments(power)
            for chosen in range(term.neurons):
                value *= self.fan_out - self.domain(chosen)
            value *= self.variance**term.pairs
            self._products[term] = value * self.rate**term.own if term.own else value
        return self._products[term]


def evaluate(coefficient: Coefficient, layer: LayerParameters) -> Any:
    """The coefficient's value for one layer, in the layer's domain."""
    domain = layer.domain
    total = domain.zero
    for term, count in coefficient.items():
        number = domain(count.numerator) / domain(count.denominator)
        total += number * layer.product(term)
    return total
