"""The symbols that formulas are written in; a size symbol may stand wherever a size is asked."""

from __future__ import annotations

from sympy import Symbol

__all__ = ["L", "a", "c", "ell", "eta", "n", "n_0", "n_in", "n_out", "r", "t"]

n = Symbol("n", integer=True, positive=True)
"""Width of every hidden layer."""
L = Symbol("L", integer=True, positive=True)
"""Depth: the number of hidden layers."""
ell = Symbol("ell", integer=True, positive=True)
"""Index of a hidden layer, 1 to L."""
n_0 = Symbol("n_0", integer=True, positive=True)
"""Input width."""
eta = Symbol("eta", positive=True)
"""Learning rate."""
t = Symbol("t", positive=True)
"""Ratio of depth to width, L/n."""
a = Symbol("a", positive=True)
"""Slope of the activation on the negative half-line."""

n_in = Symbol("n_in", integer=True, positive=True)
"""Fan-in of one layer."""
n_out = Symbol("n_out", integer=True, positive=True)
"""Fan-out of one layer."""
c = Symbol("c", positive=True)
"""Variance of a weight times its fan-in."""
r = Symbol("r", nonnegative=True)
"""Multiplier of the learning rate in one layer."""
