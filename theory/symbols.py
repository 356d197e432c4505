"""This module defines the symbols of formulas; a size symbol may replace a size anywhere."""

from __future__ import annotations

from typing import Any

from sympy import Symbol

from theory.public_names import listed

__all__ = [
    "B",
    "L",
    "T",
    "a",
    "b",
    "c",
    "ell",
    "eta",
    "kappa",
    "n",
    "n_0",
    "n_in",
    "n_out",
    "p",
    "q",
    "r",
    "t",
]

n = Symbol("n", integer=True, positive=True)
"""Width of every hidden layer."""
L = Symbol("L", integer=True, positive=True)
"""Depth: the number of hidden layers."""
ell = Symbol("ell", integer=True, positive=True)
"""Index of a hidden layer, 1 to L."""
n_0 = Symbol("n_0", integer=True, positive=True)
"""Input width."""
B = Symbol("B", integer=True, positive=True)
"""Number of residual blocks."""
b = Symbol("b", integer=True, positive=True)
"""Index of a residual block, 1 to B."""
T = Symbol("T", positive=True)
"""B times the squared multiplier of a residual branch."""
eta = Symbol("eta", positive=True)
"""Learning rate."""
t = Symbol("t", positive=True)
"""Ratio of depth to width, L/n."""
a = Symbol("a", positive=True)
"""Slope of the activation on the negative half-line."""
kappa = Symbol("kappa", positive=True)
"""Kurtosis of the mask D, E[D^4]/E[D^2]^2: 2 for ReLU, 1 for a linear network."""
p = Symbol("p", integer=True, positive=True)
"""First trained layer, at least 2."""
q = Symbol("q", integer=True, positive=True)
"""Last trained layer."""

n_in = Symbol("n_in", integer=True, positive=True)
"""Fan-in of one layer."""
n_out = Symbol("n_out", integer=True, positive=True)
"""Fan-out of one layer."""
c = Symbol("c", positive=True)
"""Variance of a weight times its fan-in."""
r = Symbol("r", nonnegative=True)
"""Multiplier of the learning rate in one layer."""


def meant(value: object, *symbols: Symbol) -> Any:
    """The one of ``symbols`` that a user's own symbol of its name can stand for, where no
    assumption of the two contradicts; else ``value``.

    >>> meant(Symbol("L"), n, L) is L, meant(Symbol("L", negative=True), L) is L
    (True, False)
    """
    if isinstance(value, Symbol):
        for symbol in symbols:
            facts = symbol.assumptions0
            if symbol.name == value.name and all(
                facts.get(name, fact) == fact for name, fact in value.assumptions0.items()
            ):
                return symbol
    return value


def __dir__() -> list[str]:
    return listed(globals())
