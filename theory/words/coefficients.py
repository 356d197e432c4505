"""A coefficient of a step's map is an integer combination of the few numbers of a step.

A step enters an expectation only through the widths of its sites (as falling factorials, one factor
for each distinct neuron), the variances of single weights, the multipliers of own shares, the
squared factors of links, and the moments of its masks.  A `Term` is the exponent of each; a
coefficient is ``{Term: integer}``, and it is evaluated in the exact domain of the sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from sympy.polys.domains.domain import Domain

__all__ = ["Coefficient", "Coin", "Powers", "StepParameters", "Term", "evaluate"]

Coin = tuple[int, int, tuple[int, ...]]
"""Site, neurons and masks: (width)_neurons * prod_p E[D^p] over ``masks``."""
Powers = tuple[tuple[int, int], ...]
"""Exponents by index."""


class Term(NamedTuple):
    """A product over a step.

    ``coins``: one `Coin` for each site.
    ``pairs``: (weights, k) for variance^k.  ``own``: (weights, k) for rate^k.  ``links``:
    (link, k) for the squared factor to the power k.
    """

    coins: tuple[Coin, ...]
    pairs: Powers
    own: Powers
    links: Powers


Coefficient = Mapping[Term, int | Fraction]


@dataclass(frozen=True)
class StepParameters:
    """The numbers of one step, as elements of the exact field ``domain``.

    By site: ``widths``, and ``mask_moments``, functions that give E[D^p].  By weights:
    ``variances`` of one weight, c/fan_in, and ``rates``, multipliers of the own share.  By link:
    ``links``, its squared factor.
    """

    domain: Domain
    widths: Mapping[int, Any]
    mask_moments: Mapping[int, Callable[[int], Any]]
    variances: Mapping[int, Any]
    rates: Mapping[int, Any]
    links: Mapping[int, Any]

    @cached_property
    def _products(self) -> dict[Term, Any]:
        return {}

    def product(self, term: Term) -> Any:
        """The value of one term, kept: most terms stand in many coefficients."""
        if term not in self._products:
            value = self.domain.one
            for site, neurons, masks in term.coins:
                for power in masks:
                    value *= self.mask_moments[site](power)
                for chosen in range(neurons):
                    value *= self.widths[site] - self.domain(chosen)
            for numbers, powers in self._powers(term):
                for index, power in powers:
                    value *= numbers[index] ** power
            self._products[term] = value
        return self._products[term]

    def _powers(self, term: Term) -> tuple[tuple[Mapping[int, Any], Powers], ...]:
        return (self.variances, term.pairs), (self.rates, term.own), (self.links, term.links)


def evaluate(coefficient: Coefficient, step: StepParameters) -> Any:
    """The coefficient's value for one step, in the step's domain."""
    total = step.domain.zero
    for term, count in coefficient.items():
        value = step.product(term) * count.numerator
        total += value if count.denominator == 1 else value / step.domain(count.denominator)
    return total
