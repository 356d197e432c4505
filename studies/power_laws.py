"""This module lists wrong laws of the update, each as its ratio to the exact value of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from mpmath import mpf
from sympy import Expr

from theory import MLP, squared_update
from theory.symbols import L
from verify.comparison.exact_values import exact_law
from verify.jobs.plan import DEFAULT_GRID

__all__ = ["EXPONENTS", "WRONG_LAWS", "WrongLaw"]

EXPONENTS = {"rate ∝ L^-1.4": 2.8, "rate ∝ L^-1.45": 2.9}
"""Wrong exponents of E[(Δz)²] in depth, instead of 3, by the rate E^(-1/2) that goes with them."""


@dataclass(frozen=True)
class WrongLaw:
    """A wrong law, by its value at eta = 1 over the exact one.

    ``ratio``: a function of a network in numbers, for its last hidden layer.  ``input_scale``:
    |x|²/n_0 of the networks on which it is tried; at 1 a wrong power of |x|² cannot be seen.
    """

    name: str
    ratio: Callable[[MLP], float]
    input_scale: int = 1

    def network(self, width: int, depth: int) -> MLP:
        """The network of these sizes on which the law is tried."""
        if self.input_scale == 1:
            return MLP(width, depth)
        return MLP(width, depth, input_norm2=self.input_scale * width)


def _over_exact(law: Callable[[MLP], Any]) -> Callable[[MLP], float]:
    return lambda network: float(law(network) / exact_law(network, network.layers))


def _times(factor: float) -> Callable[[MLP], float]:
    return lambda network: factor


def _power(exponent: float) -> Callable[[MLP], float]:
    """Right at the least depth that the default grid has at this width, L^exponent for L³ above."""

    def ratio(network: MLP) -> float:
        matched = DEFAULT_GRID[int(network.widths[1])][0]
        return float((network.layers / matched) ** (exponent - 3))

    return ratio


def _without_output(network: MLP) -> mpf:
    return squared_update(network).label.evaluate(30)


@cache
def _first_correction() -> Expr:
    """The coefficient of 1/n in the label part, a polynomial in L."""
    return squared_update(MLP()).label.width_series(1)[1]


def _without_first_correction(network: MLP) -> mpf:
    correction = _first_correction().subs(L, network.layers) / int(network.widths[1])
    return exact_law(network, network.layers) - mpf(int(correction.p)) / int(correction.q)


def _one_layer_fewer(network: MLP) -> mpf:
    fewer = MLP(int(network.widths[1]), network.layers - 1)
    return exact_law(fewer, fewer.layers)


def _layer_below(network: MLP) -> mpf:
    return exact_law(network, network.layers - 1)


WRONG_LAWS = (
    WrongLaw("1 % too large", _times(1.01)),
    WrongLaw("5 % too large", _times(1.05)),
    WrongLaw("twice too large", _times(2.0)),
    *(WrongLaw(name, _power(exponent)) for name, exponent in EXPONENTS.items()),
    WrongLaw("no output part", _over_exact(_without_output)),
    WrongLaw("no 1/n term", _over_exact(_without_first_correction)),
    WrongLaw("depth L-1 for L", _over_exact(_one_layer_fewer)),
    WrongLaw("layer L-1 for L", _over_exact(_layer_below)),
    WrongLaw("|x|² for |x|⁴", _times(0.5), input_scale=2),
)
"""The last: |x|² too few in both parts, at |x|² = 2 n_0, is exactly half."""
