"""Formulas as sums of rational functions times powers, in which equal formulas look the same.

A term is a rational function of the sizes times powers that are not: p^x for an irreducible
polynomial, a prime or e, where x is affine in L, ell (times t, for e) or a fraction between 0 and
1.  Different products of such powers are linearly independent over rational functions of the
sizes: as functions of L at a width where the bases differ, and as radicals of distinct
irreducibles.  So a difference of two formulas is zero if and only if it has no term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import comb
from typing import Any

from sympy import QQ, Add, Expr, Integer, Mul, Pow, Rational, exp, factorint
from sympy.polys.rings import PolyElement

from theory.numerals import InverseSquareRoot
from theory.symbols import L, a, ell, n, n_0, t

__all__ = ["NORMAL_FIELD", "NormalForm", "NotNormal", "Powers", "normal_form", "powers_text"]

SIZES = (L, ell, t, n, n_0, a)
NORMAL_FIELD = QQ.frac_field(*SIZES)
"""The field of the coefficients."""
_EXPONENTS = (L, ell)
_LARGEST_POWER = 64
_MOST_TERMS = 2000
_MOST_PAIRS = 50_000
_FACTORED_BITS = 64

Powers = frozenset[tuple[Expr, Expr]]
"""Pairs of base and exponent, none of them rational together."""


class NotNormal(Exception):
    """The formula is not of this form, or too large to be brought to it."""


@dataclass(frozen=True)
class NormalForm:
    """``terms[powers]``: the rational function that a product of powers is multiplied with."""

    terms: Mapping[Powers, Any]

    def __add__(self, other: NormalForm) -> NormalForm:
        terms = dict(self.terms)
        for key, value in other.terms.items():
            terms[key] = terms.get(key, NORMAL_FIELD.zero) + value
        return _kept(terms)

    def __sub__(self, other: NormalForm) -> NormalForm:
        minus = {key: -value for key, value in other.terms.items()}
        return self + NormalForm(minus)

    def __mul__(self, other: NormalForm) -> NormalForm:
        _check_work(self, other)
        terms: dict[Powers, Any] = {}
        for one, left in self.terms.items():
            for two, right in other.terms.items():
                key, factor = _joined(one, two)
                value = left * right * factor
                terms[key] = terms.get(key, NORMAL_FIELD.zero) + value
        return _kept(terms)

    def __pow__(self, exponent: int) -> NormalForm:
        base = self if exponent >= 0 else self.inverse()
        times = abs(exponent)
        if times > _LARGEST_POWER:
            raise NotNormal
        if len(base.terms) == 1:
            ((key, value),) = base.terms.items()
            if max(comb(len(each) + times - 1, times) for each in _sides(value)) > _MOST_TERMS:
                raise NotNormal
            powers, factor = _split((each, power * times) for each, power in key)
            return _kept({powers: factor * value**times})
        result = _ONE_FORM
        for _ in range(times):
            result = result * base
        return result

    def inverse(self) -> NormalForm:
        """One over it, where it is a single term."""
        if len(self.terms) != 1:
            raise NotNormal
        ((key, value),) = self.terms.items()
        inverted = ((base, -exponent) for base, exponent in key)
        powers, factor = _split(inverted)
        return NormalForm({powers: factor / value})

    def __bool__(self) -> bool:
        return bool(self.terms)

    @cached_property
    def expression(self) -> Expr:
        """The sum as an expression."""
        pairs = self.terms.items()
        return Add(*(NORMAL_FIELD.to_sympy(value) * powers_text(key) for key, value in pairs))


_ONE_FORM = NormalForm({frozenset(): NORMAL_FIELD.one})


def powers_text(powers: Powers) -> Expr:
    """A product of powers as an expression."""
    return Mul(*(base**exponent for base, exponent in powers))


def normal_form(expression: Expr) -> NormalForm:
    """The normal form of an expression; raises `NotNormal` where there is none.

    >>> from sympy import sqrt
    >>> one = normal_form((1 + 5 / n) ** L * sqrt(12))
    >>> two = normal_form(2 * sqrt(3) * (n + 5) ** (L - 1) * n ** (-L) * (n + 5))
    >>> bool(one - two)
    False
    """
    if expression.is_Rational or expression in SIZES:
        return _of_field(NORMAL_FIELD.from_sympy(expression))
    if isinstance(expression, Add):
        return reduce(lambda x, y: x + y, map(normal_form, expression.args))
    if isinstance(expression, Mul):
        return reduce(lambda x, y: x * y, map(normal_form, expression.args))
    if isinstance(expression, InverseSquareRoot):
        return _power(expression.args[0], Rational(-1, 2))
    if isinstance(expression, exp):
        return _exponential(expression.args[0])
    if isinstance(expression, Pow):
        return _power(*expression.args)
    raise NotNormal


def _of_field(value: Any) -> NormalForm:
    return NormalForm({frozenset(): value} if value else {})


def _sides(value: Any) -> tuple[Any, Any]:
    return value.numer, value.denom


def _check_work(one: NormalForm, two: NormalForm) -> None:
    """Refuse a product of more than so many pairs of terms."""
    sizes = [
        sum(len(side) for value in form.terms.values() for side in _sides(value))
        for form in (one, two)
    ]
    if sizes[0] * sizes[1] > _MOST_PAIRS:
        raise NotNormal


def _kept(terms: dict[Powers, Any]) -> NormalForm:
    kept = {key: value for key, value in terms.items() if value}
    if sum(len(side) for value in kept.values() for side in _sides(value)) > _MOST_TERMS:
        raise NotNormal
    return NormalForm(kept)


def _exponential(argument: Expr) -> NormalForm:
    """exp of a linear form in t, with coefficients in the slope."""
    form = normal_form(argument)
    if set(form.terms) - {frozenset()}:
        raise NotNormal
    exponent = form.expression
    if exponent == 0:
        return _ONE_FORM
    if exponent.free_symbols - {t, a} or exponent.subs(t, 0) != 0:
        raise NotNormal
    return NormalForm({frozenset({(exp(Integer(1)), exponent)}): NORMAL_FIELD.one})


def _power(base: Expr, exponent: Expr) -> NormalForm:
    form = normal_form(base)
    if exponent.is_Integer:
        return form ** int(exponent)
    if len(form.terms) != 1:
        raise NotNormal
    ((key, value),) = form.terms.items()
    inner = [(each, (power * exponent).expand()) for each, power in key]
    powers, factor = _split([*inner, *((p, k * exponent) for p, k in _factored(value))])
    return NormalForm({powers: factor})


def _factored(value: Any) -> list[tuple[Expr, int]]:
    """A positive element of the field as powers of primes and irreducible polynomials."""
    found = []
    for sign, poly in ((1, value.numer), (-1, value.denom)):
        content, parts = _factor_list(poly)
        found += [(base, sign * times) for base, times in (*_primes(content), *parts)]
    return found


def _factor_list(poly: PolyElement) -> tuple[Rational, list[tuple[Expr, int]]]:
    if len(poly) > 60 or max(map(sum, poly), default=0) > 24:
        raise NotNormal
    content, parts = poly.factor_list()
    number = Rational(int(content.numerator), int(content.denominator))
    if number <= 0:
        raise NotNormal
    return number, [(part.as_expr(), times) for part, times in parts]


def _primes(number: Rational) -> list[tuple[Expr, int]]:
    found = []
    for sign, integer in ((1, int(number.p)), (-1, int(number.q))):
        if integer.bit_length() > _FACTORED_BITS:
            raise NotNormal
        if integer > 1:
            found += [(Integer(p), sign * k) for p, k in factorint(integer).items()]
    return found


def _joined(one: Powers, two: Powers) -> tuple[Powers, Any]:
    """The product of two products of powers, and the rational factor that it leaves."""
    if not one or not two:
        return one | two, NORMAL_FIELD.one
    return _split((*one, *two))


def _split(pairs: Any) -> tuple[Powers, Any]:
    """A product of powers: what is rational of it apart."""
    exponents: dict[Expr, Expr] = {}
    for base, exponent in pairs:
        exponents[base] = exponents.get(base, Integer(0)) + exponent
    factor, kept = NORMAL_FIELD.one, []
    for base, exponent in exponents.items():
        whole, rest = _whole_part(base, exponent)
        if whole:
            factor *= NORMAL_FIELD.from_sympy(base) ** whole
        if rest != 0:
            kept.append((base, rest))
    return frozenset(kept), factor


def _whole_part(base: Expr, exponent: Expr) -> tuple[int, Expr]:
    """An exponent as an integer and a rest, whose constant lies between 0 and 1."""
    exponent = exponent.expand()
    if base == exp(Integer(1)):
        return 0, exponent
    constant, rest = exponent.as_coeff_Add()
    if rest != 0:
        linear = all((rest.coeff(s)).is_Rational for s in _EXPONENTS)
        left = rest - sum(rest.coeff(s) * s for s in _EXPONENTS)
        if not linear or left.expand() != 0 or base.has(L, ell, t):
            raise NotNormal
    if not constant.is_Rational:
        raise NotNormal
    whole = int(Fraction(int(constant.p), int(constant.q)).__floor__())
    if abs(whole) > _LARGEST_POWER:
        raise NotNormal
    return whole, rest + constant - whole
