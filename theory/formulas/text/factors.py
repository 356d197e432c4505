"""Factors keep bases and exponents apart until the product in which they stand is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sympy import Integer, Rational

from theory.formulas.bounds import Part, leaf, nested, power, product
from theory.formulas.text.refusals import Misplaced, at

__all__ = [
    "Factor",
    "Product",
    "atom",
    "bracketed",
    "inverse",
    "negated",
    "number",
    "part",
    "raised",
]

MAX_DIGITS = 1000
"""Digits of a number, written without an exponent of ten."""

_ONE, _MINUS = Integer(1), Integer(-1)


@dataclass(frozen=True)
class Factor:
    """A base and its exponent, not yet combined, and where they stand in the text."""

    base: Part
    exponent: Part
    position: int

    def part(self) -> Part:
        """The power."""
        with at(self.position):
            return power(self.base, self.exponent)

    def raised(self, exponent: Part, position: int) -> Factor:
        """The factor to a power."""
        if self.exponent.expression == 1:
            return Factor(self.base, exponent, position)
        return Factor(self.part(), exponent, position)

    def inverse(self, position: int) -> Factor:
        """One over the factor."""
        e = self.exponent.expression
        negative = leaf(-e) if e.is_Rational else product([leaf(_MINUS), self.exponent])
        return Factor(self.base, negative, position)


Product = tuple[Factor, ...]
"""Factors that are multiplied at once; a denominator is a negative exponent."""


def atom(part: Part, position: int) -> Product:
    """A product of one factor without an exponent."""
    return (Factor(part, leaf(_ONE), position),)


def part(factors: Product) -> Part:
    """The product, built at once."""
    with at(factors[0].position):
        return product([factor.part() for factor in factors])


def negated(factors: Product, position: int) -> Product:
    """The product with a sign before it."""
    with at(position):
        sign = nested(leaf(_MINUS), max(factor.base.level for factor in factors))
    return (*atom(sign, position), *factors)


def inverse(factors: Product, position: int) -> Product:
    """One over the product."""
    return tuple(factor.inverse(position) for factor in factors)


def raised(base: Product, exponent: Part, position: int) -> Product:
    """The product to a power; an integer power raises each factor."""
    if exponent.expression.is_Integer or len(base) == 1:
        return tuple(factor.raised(exponent, position) for factor in base)
    return (Factor(part(base), exponent, position),)


def bracketed(factors: Product) -> Product:
    """The product in brackets, one level of nesting up."""
    with at(factors[0].position):
        return tuple(replace(f, base=nested(f.base, f.base.level)) for f in factors)


def number(digits: str, position: int) -> Part:
    """An integer or a decimal, exactly."""
    mantissa, _, tens = digits.lower().partition("e")
    tens = tens.lstrip("+").replace("-0", "-").lstrip("0") or "0"
    size = len(mantissa) + (abs(int(tens)) if len(tens) <= 6 else MAX_DIGITS)
    if size > MAX_DIGITS:
        fix = "give a shorter one"
        raise Misplaced(position, f"a number of more than {MAX_DIGITS} digits", fix)
    whole, _, decimals = mantissa.partition(".")
    scale = int(tens) - len(decimals)
    return leaf(Rational(int(whole + decimals)) * Rational(10) ** scale)
