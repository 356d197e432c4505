"""The largest rate of a real step in the depth: why a deep ReLU network bears L^(-5/6).

At the critical variance c of slopes s above 0 and t below, let theta be the angle between z and z',
V = E z'^2, and B the alignment of `theory.infinite_width.real_steps`.  For small theta one layer
takes

    B     <- (1 - k theta) B + eta E x x',      k = (s - t)^2/(pi (s^2 + t^2)),
    theta^2 <- theta^2 - (2 k/3) theta^3 + m B^2/V,   V <- V + m B^2,   m = (s^4 + t^4)/(s^2 + t^2),

with E x x' = sqrt(q V/c) and q = |x|^2/n.  As L grows, theta follows its balance, of order
L^(-1/3): B = eta sqrt(q V/c)/(k theta), and (2 k/3) theta^5 = m eta^2 q/(c k^2).  The directions
thus stay close while the norm grows, by ln V <- ln V + (2 k/3) theta^3, and the movement is
(sqrt V - sqrt(c q))^2.  It reaches the bound b in the last layer where

    L (2 k/3) (3 m eta^2 q/(2 c k^3))^(3/5) = 2 ln(1 + sqrt(b/(c q))).

Elsewhere one layer binds at every depth: its rate follows the gradient's norm from the readout down
to this layer, since all below depends on eta times this norm alone.
"""

from __future__ import annotations

import numpy as np
from sympy import Expr, Float, Rational, log, pi, sqrt, sympify

from theory.infinite_width.layers import Wide
from theory.infinite_width.recursion import gradients
from theory.symbols import L

__all__ = ["one_layer_rate", "piecewise_linear_rate"]

_DEPTHS = (2**13, 2**15, 2**17)
"""Depths from which the gradient's norm is extrapolated."""


def piecewise_linear_rate(
    slopes: tuple[Expr, Expr], square: Expr, relative_bound: Expr, readout_variance: Expr
) -> Expr:
    """The rate at which a real step of a deep network at the critical variance moves the last layer
    by ``relative_bound`` times E z^2, to leading order in L.

    ``slopes``: two that differ, above and below 0; ``square``: q.

    >>> piecewise_linear_rate((1, 0), 1, Rational(1, 2), 1).subs(L, 1).evalf(6)
    0.798234
    """
    s, t, square = sympify((*slopes, square))
    k = (s - t) ** 2 / (pi * (s**2 + t**2))
    m = (s**4 + t**4) / (s**2 + t**2)
    c = 2 / (s**2 + t**2)
    balance = Rational(3, 2) * m * square / (c * k**3)
    growth = 3 * log(1 + sqrt(relative_bound)) / (k * balance ** Rational(3, 5))
    return (growth / L) ** Rational(5, 6) / sqrt(readout_variance)


def one_layer_rate(wide: Wide, rate: float, depth: int, layer: int, gradient: Expr) -> Expr:
    """The law of a rate that ``layer`` binds at every depth, from ``rate`` at one ``depth``.

    ``gradient``: p in chi ~ 1 - p/l, so that the gradient's norm at the layer falls as L^(-p/2).
    """
    power = gradient / 2

    def norm(layers: int) -> float:
        found = gradients(wide.layers(layers))[layer - 1] ** 0.5
        return float(found * layers ** float(power))

    # corrections of order log(L)/L and 1/L
    logs = np.array([[1.0, np.log(each) / each, 1 / each] for each in _DEPTHS])
    norms = np.array([norm(each) for each in _DEPTHS])
    limit = float(np.linalg.solve(logs, norms)[0])
    error = abs(float(np.linalg.solve(logs[1:, :2], norms[1:])[0]) / limit - 1)
    digits = max(3, min(12, int(-np.log10(error + 1e-12)) - 1))
    at_one = rate * norm(depth) / depth ** float(power)
    return Float(at_one / limit, digits) * L**power
