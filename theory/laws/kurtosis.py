"""What the activation does to E[(Delta z)^2]: limits in the mask's kurtosis rather than its slope.

At the critical weight variance a slope a enters through two numbers only: m_2 = E[D^2], as a factor
in front, and the kurtosis kappa = E[D^4]/m_2^2 of the mask, which is 2 for ReLU and 1 for a linear
network (`theory.solutions.units`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy import Add, Expr, Mul, Rational, Symbol, exp, factor

from theory.algebra.power_sum import DEPTHS, PowerSum
from theory.algebra.series import ExpSum, fixed_depth_series
from theory.errors import NotSolved
from theory.laws.mean import Mean
from theory.networks.activations import LeakyReLU
from theory.symbols import a, n, t
from theory.validation import positive_int

__all__ = ["joint_limit_in_kurtosis", "m_2", "width_series_in_kurtosis"]

m_2 = Symbol("m_2", positive=True)
"""E[D^2] = (1 + a^2)/2, the inverse of the critical weight variance."""


def width_series_in_kurtosis(update: Mean, order: int) -> tuple[Expr, ...]:
    """`SquaredUpdate.width_series` for any slope: coefficients of n^0, ..., n^-order at eta = 1.

    ``update``: of a network with the slope as a symbol, at symbolic width and depth.

    >>> from theory import MLP, LeakyReLU, squared_update
    >>> update = squared_update(MLP(activation=LeakyReLU()))
    >>> width_series_in_kurtosis(update.label, 0)
    (m_2*(L**3*kappa/3 - L**2*(kappa - 2)/2 + L*kappa/6),)
    """
    order = positive_int("order", order) if order else 0
    found = [Rational(0)] * (order + 1)
    for number, total in _sums(update):
        for k, poly in fixed_depth_series(total, order).items():
            if k >= 0:
                found[k] += Add(*_terms(poly, number))
    return tuple(m_2 * each for each in found)


def joint_limit_in_kurtosis(update: Mean) -> Expr:
    """`Mean.joint_limit` at eta = 1, for any slope.

    >>> from theory import MLP, LeakyReLU, squared_update
    >>> update = squared_update(MLP(activation=LeakyReLU()))
    >>> print(joint_limit_in_kurtosis(update.label))  # doctest: +NORMALIZE_WHITESPACE
    m_2*n**3*(2*(2*kappa*t + 1)*exp(-t)/(27*kappa**2)
    + (3*kappa**2*t**2 + 2*kappa*t - 2)*exp(t*(3*kappa - 1))/(27*kappa**2))
    """
    _sums(update)
    law = update.joint_law(1)
    terms = []
    for weight, series in law.parts:
        for rate, poly in series.get(-law.power, ExpSum({})).terms.items():
            domain = poly.ring.domain
            whole = Add(*(domain.to_sympy(c) * t**k for (k,), c in poly.terms()))
            terms.append(factor(whole * _number(weight)) * exp(domain.to_sympy(rate) * t))
    return m_2 * n**law.power * Add(*terms)


def _sums(update: Mean) -> list[tuple[Rational, PowerSum]]:
    if update.network.activation != LeakyReLU(a) or update.network.width != n:
        raise NotSolved(
            f"a form in the kurtosis needs the slope and the width as symbols, got "
            f"{update.network!r}: give MLP(activation=LeakyReLU())"
        )
    return [(_number(weight), total) for weight, total in update.sums]


def _number(weight: Expr) -> Rational:
    """A factor over m_2."""
    number = factor(2 * weight / (1 + a**2))
    if not number.is_Rational:
        raise NotSolved(
            "a form in the kurtosis is for the critical weight variance and the default scales: "
            "leave weight_variance, readout_variance and input_norm2 out"
        )
    return number


def _terms(poly: Any, number: Rational) -> Iterator[Expr]:
    domain = poly.ring.domain
    for monomial, coefficient in poly.terms():
        powers = (symbol**k for symbol, k in zip(DEPTHS, monomial, strict=True))
        yield Mul(factor(number * domain.to_sympy(coefficient)), *powers)
