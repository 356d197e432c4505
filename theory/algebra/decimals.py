"""`decimal_value` evaluates closed forms at real sizes, with enough digits for what cancels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mpmath import mpf
from sympy import Expr

from theory.algebra.power_sum import DEPTHS, PowerSum
from theory.errors import InvalidArgument
from theory.precision import published, workdps
from theory.symbols import L, n

__all__ = ["decimal_value"]


def decimal_value(
    sums: Iterable[tuple[Expr, PowerSum]], width: Any, depth: Any, digits: int = 30
) -> mpf:
    """The sum of closed forms at ``width`` and depth, numbers from 1 that need not be whole.

    Relative error below 10^-digits: the powers cancel at worst as (width/depth)^5, and the guard
    digits are eight for each digit of the width.  Raises `InvalidArgument` for other symbols.
    """
    with workdps(digits + 30) as context:
        guard = 8 * int(context.log10(_mpf(context, width)) + 1)
    with workdps(digits + 30 + guard) as context:
        total = context.zero
        for weight, form in sums:
            if not weight.is_Rational:
                raise InvalidArgument(
                    f"expected a network with no symbols but n and L, got the factor {weight}: "
                    f"give its symbols values"
                )
            value = _value(context, form, _mpf(context, width), _mpf(context, depth))
            total += value * int(weight.p) / int(weight.q)
        return published(total, digits)


def _mpf(context: Any, number: Any) -> Any:
    """A number or decimal text, of any context or none."""
    return context.make_mpf(number._mpf_) if hasattr(number, "_mpf_") else context.mpf(number)


def _value(context: Any, form: PowerSum, width: Any, depth: Any) -> Any:
    symbols = getattr(form.ring.domain, "symbols", ())
    if set(symbols) - {n}:
        raise InvalidArgument(
            f"expected a network with no symbols but n and L, got {', '.join(map(str, symbols))}: "
            f"give the others values"
        )
    index = DEPTHS.index(L)
    total = context.zero
    for key, poly in form.terms.items():
        power = context.one
        for base, exponent in key:
            if base is None or exponent != L * exponent.coeff(L):
                raise InvalidArgument(
                    "expected the last layer of a network of symbolic depth, got another; leave "
                    "layer out"
                )
            power *= _rational(context, base, width) ** (int(exponent.coeff(L)) * depth)
        terms = (_rational(context, c, width) * depth ** m[index] for m, c in poly.terms())
        total += power * sum(terms, context.zero)
    return total


def _rational(context: Any, element: Any, width: Any) -> Any:
    if not hasattr(element, "numer"):
        return context.mpf(int(element.numerator)) / int(element.denominator)
    return _polynomial(context, element.numer, width) / _polynomial(context, element.denom, width)


def _polynomial(context: Any, poly: Any, width: Any) -> Any:
    return sum((int(c) * width ** m[0] for m, c in poly.terms()), context.zero)
