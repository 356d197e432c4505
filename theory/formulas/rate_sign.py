"""This module proves the sign of a formula for a rate, whose square alone does not show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, Expr, Integer, Mul, Pow, Rational, exp

from theory.algebra.numerals import InverseSquareRoot
from theory.formulas.leading_terms import LeadingTerm, is_somewhere_odd
from theory.formulas.normal_form import NOT_DECIDED, NormalForm, normal_form
from theory.formulas.positivity import EVERYWHERE

__all__ = ["sign_everywhere", "sign_far_out"]


def sign_everywhere(formula: Expr) -> int | None:
    """The sign of a rate at all sizes, given that its square is positive; None where not proven.

    >>> from theory.symbols import L, n
    >>> sign_everywhere(-1 / (n + L)), sign_everywhere(n - L)
    (-1, None)
    """
    return _sign(formula, lambda each, _: _sign_of_form(normal_form(each)))


def sign_far_out(formula: Expr, term: Callable[[Expr], LeadingTerm]) -> int | None:
    """The sign of a rate from some size on; -1 where it alternates."""
    parities: list[Expr] = []

    def sign_of_sum(each: Expr, exponent: Rational) -> int | None:
        leading = term(each)
        parity = dict(leading.growth).get(Integer(-1))
        if parity is not None and not exponent.is_Integer:
            return None
        if parity is not None and exponent % 2:
            parities.append(parity)
        return _sign_of_form(leading.coefficient)

    sign = _sign(formula, sign_of_sum)
    return sign if sign is None or not is_somewhere_odd(Add(*parities)) else -1


def _sign(formula: Expr, sign_of_sum: Callable[[Expr, Rational], int | None]) -> int | None:
    """The product of the signs of factors.

    At most one root may have a base without a proven sign: the square of the whole is positive, so
    that base is positive as well.
    """
    total, open_roots = 1, 0
    for factor in Mul.make_args(formula):
        if isinstance(factor, exp):
            continue
        base, exponent = _base_and_exponent(factor)
        try:
            sign = sign_of_sum(base, exponent)
        except NOT_DECIDED:
            sign = None
        if not exponent.is_Integer:
            open_roots += sign != 1
        elif exponent % 2:
            if sign is None:
                return None
            total *= sign
    return total if open_roots <= 1 else None


def _base_and_exponent(factor: Expr) -> tuple[Expr, Rational]:
    """A factor as a power; a factor whose exponent is no number, as its first power."""
    if isinstance(factor, InverseSquareRoot):
        return factor.args[0], Rational(-1, 2)
    if isinstance(factor, Pow) and factor.exp.is_Rational:
        return factor.base, factor.exp
    return factor, Integer(1)


def _sign_of_form(form: NormalForm) -> int | None:
    """The common sign of all terms of a sum, or None."""
    signs = {_sign_of_value(value) for value in form.terms.values()}
    alternating = any(base.is_negative for powers in form.terms for base, _ in powers)
    return signs.pop() if len(signs) == 1 and not alternating else None


def _sign_of_value(value: Any) -> int | None:
    above, below = EVERYWHERE.sign(value.numer), EVERYWHERE.sign(value.denom)
    return None if above is None or below is None else above * below
