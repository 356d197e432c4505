"""Closed forms as decimal numbers at real sizes, with enough digits for what cancels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mpmath import log10, mpf, workdps
from sympy import Expr

from theory.errors import InvalidArgument
from theory.power_sum import DEPTHS, PowerSum
from theory.symbols import L, n

__all__ = ["decimal_value"]


def decimal_value(
    sums: Iterable[tuple[Expr, PowerSum]], width: Any, depth: Any, digits: int = 30
) -> mpf:
    """The sum of closed forms at ``width`` and depth, numbers from 1 that need not be whole.

    Relative error below 10^-digits: the powers cancel at worst as (width/depth)^5, and the guard
    digits are eight for each digit of the width.  Raises `InvalidArgument` for other symbols.
    """
    with workdps(digits + 30):
        guard = 8 * int(log10(mpf(width)) + 1)
    with workdps(digits + 30 + guard):
        total = mpf(0)
        for weight, form in sums:
            if not weight.is_Rational:
                raise InvalidArgument(
                    f"expected a network with no symbols but n and L, got the factor {weight}: "
                    f"give its symbols values"
                )
            value = _value(form, mpf(width), mpf(depth))
            total += value * int(weight.p) / int(weight.q)
    with workdps(digits):
        return +total


def _value(form: PowerSum, width: mpf, depth: mpf) -> mpf:
    symbols = getattr(form.ring.domain, "symbols", ())
    if set(symbols) - {n}:
        raise InvalidArgument(
            f"expected a network with no symbols but n and L, got {', '.join(map(str, symbols))}: "
            f"give the others values"
        )
    index = DEPTHS.index(L)
    total = mpf(0)
    for key, poly in form.terms.items():
        power = mpf(1)
        for base, exponent in key:
            if base is None or exponent != L * exponent.coeff(L):
                raise InvalidArgument(
                    "expected the last layer of a network of symbolic depth, got another; leave "
                    "layer out"
                )
            power *= _rational(base, width) ** (int(exponent.coeff(L)) * depth)
        terms = (_rational(c, width) * depth ** m[index] for m, c in poly.terms())
        total += power * sum(terms, mpf(0))
    return total


def _rational(element: Any, width: mpf) -> mpf:
    if not hasattr(element, "numer"):
        return mpf(int(element.numerator)) / int(element.denominator)
    return _polynomial(element.numer, width) / _polynomial(element.denom, width)


def _polynomial(poly: Any, width: mpf) -> mpf:
    return sum((int(c) * width ** m[0] for m, c in poly.terms()), mpf(0))
