"""This module writes limits of E[(Delta z)^2] in the mask's kurtosis rather than in the slope.

At the critical weight variance a slope a enters through two numbers only: m_2 = E[D^2], as a factor
in front, and the kurtosis kappa = E[D^4]/m_2^2 of the mask, which is 2 for ReLU and 1 for a linear
network (`theory.exact.rescaled_network`).
"""

from __future__ import annotations

from sympy import Expr, Rational, Symbol, factor

from theory.activations import LeakyReLU
from theory.errors import NotSolved
from theory.laws.mean import Mean
from theory.limits.expansions import Weighted, width_series
from theory.limits.joint_limit import JointLaw
from theory.symbols import a, n
from theory.validation import series_order

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
    order = series_order(order)
    return tuple(m_2 * each for each in width_series(_sums(update), order, _in_kurtosis))


def joint_limit_in_kurtosis(update: Mean) -> Expr:
    """`Mean.joint_limit` at eta = 1, for any slope.

    >>> from theory import MLP, LeakyReLU, squared_update
    >>> update = squared_update(MLP(activation=LeakyReLU()))
    >>> print(joint_limit_in_kurtosis(update.label))  # doctest: +NORMALIZE_WHITESPACE
    m_2*n**3*(2*(2*kappa*t + 1)*exp(-t)
    + (3*kappa**2*t**2 + 2*kappa*t - 2)*exp(t*(3*kappa - 1)))/(27*kappa**2)
    """
    _check(update)
    law = update.joint_law(1)
    numbers = JointLaw(law.power, law.orders, tuple((_number(w), each) for w, each in law.parts))
    return m_2 * n**law.power * numbers.coefficient(0, _in_kurtosis)


def _in_kurtosis(expression: Expr) -> Expr:
    return expression


def _sums(update: Mean) -> list[Weighted]:
    _check(update)
    return [(_number(weight), total) for weight, total in update.sums]


def _check(update: Mean) -> None:
    if update.network.activation != LeakyReLU(a) or update.network.width != n:
        raise NotSolved(
            f"a form in the kurtosis needs the slope and the width as symbols, got "
            f"{update.network}: give MLP(activation=LeakyReLU())"
        )


def _number(weight: Expr) -> Rational:
    """A factor over m_2."""
    number = factor(2 * weight / (1 + a**2))
    if not number.is_Rational:
        raise NotSolved(
            "a form in the kurtosis is for the critical weight variance and the default scales: "
            "leave weight_variance, readout_variance and input_norm2 out"
        )
    return number
