"""How an activation leaves 0: one-sided Taylor series, and the moments that follow for small Q."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy import Expr, Integer, Rational, Symbol, factorial, gamma, pi, sqrt

from theory.activations.activation import Activation
from theory.activations.nonlinearity import Nonlinearity, z
from theory.activations.piecewise_linear import LeakyReLU, Linear, ReLU

__all__ = [
    "absolute_moment",
    "half_line_moments",
    "half_line_slopes",
    "moment_series",
    "recognised",
    "taylor",
]

_NEAR = Rational(1, 10**4)
"""Where a branch of a formula is read off that holds next to 0."""
_PROBES = (0.7, 1.9)
"""Where a second derivative is looked at before SymPy simplifies it."""
_t = Symbol("t", positive=True)


def absolute_moment(power: int) -> Expr:
    """E |N|^power for N ~ N(0, 1).

    >>> absolute_moment(1), absolute_moment(4)
    (sqrt(2)/sqrt(pi), 3)
    """
    if power % 2 == 0:
        return sympy.factorial2(power - 1) if power else Integer(1)
    return sqrt(2) ** power * gamma(Rational(power + 1, 2)) / sqrt(pi)


def taylor(activation: Nonlinearity, sign: int, order: int) -> tuple[Expr, ...]:
    """Coefficients of t^0 to t^order of phi(sign * t) as t falls to 0.

    >>> from theory import Softsign
    >>> taylor(Softsign(), -1, 3)
    (0, -1, 1, -1)
    """
    return tuple(_coefficient(activation, sign, power) for power in range(order + 1))


@lru_cache(maxsize=64)
def half_line_slopes(activation: Nonlinearity) -> tuple[Expr, Expr] | None:
    """The slopes above and below 0 of what is linear on both half-lines, else None.

    >>> from theory import Activation, Tanh
    >>> half_line_slopes(Activation("abs(z)")), half_line_slopes(Tanh())
    ((1, -1), None)
    """
    if any(activation.kinks):
        return None
    if any(_bends(_derivative(activation, sign, 2)) for sign in (1, -1)):
        return None
    (above, up), (below, down) = (taylor(activation, sign, 1) for sign in (1, -1))
    return (up, -down) if above == below == 0 else None


def _bends(second: Expr) -> bool:
    """Whether a second derivative on a half-line is not 0."""
    looked_at = (second.subs(_t, each).evalf() for each in _PROBES)
    if any(each.is_number and abs(each) > 1e-6 for each in looked_at):
        return True
    return bool(sympy.simplify(second) != 0)


def half_line_moments(slopes: tuple[Expr, Expr]) -> tuple[Expr, Expr, Expr]:
    """E |phi'|, E phi'^2 and E phi'^4 of an activation with these slopes above and below 0.

    >>> half_line_moments((Integer(1), Integer(0)))
    (1/2, 1/2, 1/2)
    """
    m1, m2, m4 = (sum(abs(each) ** power for each in slopes) / 2 for power in (1, 2, 4))
    return m1, m2, m4


def recognised(activation: Any) -> Any:
    """`ReLU`, `LeakyReLU` or `Linear` in the place of a formula that equals it, which networks then
    solve at finite width too; every other value as it is.

    >>> from theory import Activation
    >>> recognised(Activation("max(z, 0)")), recognised(Activation("abs(z)"))
    (ReLU(), Activation('abs(z)'))
    """
    if not isinstance(activation, Activation):
        return activation
    up, slope = half_line_slopes(activation) or (Integer(0), Integer(0))
    if up != 1 or not (slope.is_Rational and 0 <= slope <= 1):
        return activation
    named = {0: ReLU(), 1: Linear()}
    return named[int(slope)] if slope in named else LeakyReLU(slope)


@lru_cache(maxsize=512)
def _coefficient(activation: Nonlinearity, sign: int, power: int) -> Expr:
    derivative = _derivative(activation, sign, power)
    value = derivative.subs(_t, 0)
    if not value.is_finite:
        value = sympy.limit(derivative, _t, 0, "+")
    return sympy.simplify(value.rewrite(sympy.exp)) / factorial(power)


@lru_cache(maxsize=512)
def _derivative(activation: Nonlinearity, sign: int, power: int) -> Expr:
    if power == 0:
        return _branch(activation.formula.subs(z, sign * _t))
    return _derivative(activation, sign, power - 1).diff(_t)


def _branch(formula: Expr) -> Expr:
    """``formula`` with every choice made as it is next to 0."""

    def chosen(choice: Expr) -> Expr:
        if isinstance(choice, sympy.Piecewise):
            return next(each for each, when in choice.args if when.subs(_t, _NEAR) == sympy.true)
        if isinstance(choice, sympy.Abs | sympy.sign | sympy.Heaviside):
            inner = choice.args[0]
            positive = inner.subs(_t, _NEAR) > 0
            if isinstance(choice, sympy.Abs):
                return inner if positive else -inner
            return Integer(1 if positive else -1 if isinstance(choice, sympy.sign) else 0)
        pick = max if isinstance(choice, sympy.Max) else min
        return pick(choice.args, key=lambda each: each.subs(_t, _NEAR).evalf())

    kinds = (sympy.Piecewise, sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min)
    return formula.replace(lambda each: isinstance(each, kinds), chosen)


@dataclass(frozen=True)
class Contact:
    """Series of moments in Q^(1/2) as Q falls to 0, coefficient j belonging to Q^(j/2)."""

    q: tuple[Expr, ...]
    m2: tuple[Expr, ...]


def moment_series(activation: Nonlinearity, order: int) -> Contact:
    """E phi^2 over Q, and E phi'^2, up to Q^(order/2); phi(0) = 0.

    >>> from theory import Tanh
    >>> moment_series(Tanh(), 2)
    Contact(q=(1, 0, -2), m2=(1, 0, -2))
    """
    q, m2 = [Integer(0)] * (order + 1), [Integer(0)] * (order + 1)
    for sign in (1, -1):
        a = taylor(activation, sign, order + 1)
        for i in range(1, order + 2):
            for j in range(1, order + 3 - i):
                power = i + j - 2
                q[power] += a[i] * a[j] * absolute_moment(i + j) / 2
                m2[power] += i * j * a[i] * a[j] * absolute_moment(power) / 2
    return Contact(*(tuple(sympy.simplify(each) for each in series) for series in (q, m2)))
