"""This module writes closed forms for readers, with few powers and short factors, without trial and
error.

Every base of a power is factored once and written as 1 + b/n.  A coefficient is a product of
polynomials and their inverses; an inverse that is also a base goes into its exponent, so that a
formula has no removable pole there, and the common factor of all terms stands in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache, reduce
from math import gcd, lcm
from typing import Any

from sympy import ZZ, Add, Expr, Integer, KroneckerDelta, Mul, Rational, Symbol, factor
from sympy.polys.rings import PolyElement, PolyRing

from theory.algebra.power_sum import DEPTHS, Key, PowerSum
from theory.symbols import a, kappa, n

__all__ = ["in_slope", "power_sum_expression"]

_ONE = Integer(1)
_KAPPA = 2 * (1 + a**4) / (1 + a**2) ** 2
"""The kurtosis of the mask in the slope."""

Factors = dict[PolyElement, int]
"""Irreducible polynomials and their exponents; a product, with a rational factor."""


def in_slope(expression: Expr) -> Expr:
    """An expression with the kurtosis written in the slope."""
    return expression.xreplace({kappa: _KAPPA})


def power_sum_expression(total: PowerSum, times: Expr = _ONE) -> Expr:
    """A sum of powers, times an expression."""
    writer = _Writer(total)
    terms = [writer.term(key, poly) for key, poly in total.terms.items()]
    if not terms:
        return Integer(0)
    shared = _shared_factors([factors for _, factors, _ in terms])
    number = _shared_number([number for number, _, _ in terms])
    summands = []
    for own, factors, powers in terms:
        rest = {f: e - shared.get(f, 0) for f, e in factors.items()}
        summands.append(_product(own / number, rest) * powers)
    return Mul(_product(number, shared), *Mul.make_args(times), Add(*summands))


class _Writer:
    """The polynomials of one sum, in one ring over the integers."""

    def __init__(self, total: PowerSum) -> None:
        self.field = total.ring.domain
        self.symbols = tuple(getattr(self.field, "symbols", ()))
        self.ring = PolyRing((*DEPTHS, *self.symbols), ZZ)

    def term(self, key: Key, poly: Any) -> tuple[Rational, Factors, Expr]:
        """One product of powers: a number, factors, and the powers with symbolic exponents."""
        number, factors = self._coefficient(poly)
        exponents: dict[PolyElement, Expr] = {}
        powers = Integer(1)
        for base, exponent in key:
            if base is None:
                constant, rest = exponent.as_coeff_Add()
                powers *= KroneckerDelta(rest, -constant)
                continue
            constant, bases = self._element(base)
            powers *= constant**exponent
            for each, times in bases.items():
                exponents[each] = exponents.get(each, Integer(0)) + times * exponent
        for each in exponents:
            if factors.get(each, 0) < 0:
                exponents[each] += factors.pop(each)
        written, width = self._powers(exponents)
        if width and n in self.symbols:
            generator = self.ring.gens[self.ring.symbols.index(n)]
            constant, rest = width.as_coeff_Add()
            factors[generator] = factors.get(generator, 0) + int(constant)
            powers *= n**rest
        if kappa in self.symbols:
            number, factors = self._in_slope(number, factors)
        return number, factors, powers * written

    def _powers(self, exponents: Mapping[PolyElement, Expr]) -> tuple[Expr, Expr]:
        """The product of powers, each base over its power of n, and the exponent of n left."""
        written, width = Integer(1), Integer(0)
        for base, exponent in exponents.items():
            degree = (
                base.degree(self.ring.gens[self.ring.symbols.index(n)]) if n in self.symbols else 0
            )
            width += degree * exponent
            if base.as_expr() != n:
                written *= _over_width(base.as_expr(), degree) ** exponent
        return written, width

    def _coefficient(self, poly: Any) -> tuple[Rational, Factors]:
        """A polynomial in the depths over the field as a product."""
        denominators = [self._parts(c)[1] for c in poly.coeffs()]
        common = reduce(lambda x, y: x.lcm(y), denominators, self.ring.one)
        depths = self.ring.gens[: len(DEPTHS)]
        numerator = self.ring.zero
        for monomial, coefficient in poly.terms():
            top, bottom = self._parts(coefficient)
            term = top * common.exquo(bottom)
            for generator, power in zip(depths, monomial, strict=True):
                term *= generator**power
            numerator += term
        return _quotient(numerator, common)

    def _element(self, element: Any) -> tuple[Rational, Factors]:
        """An element of the field as a product."""
        return _quotient(*self._parts(element))

    def _parts(self, element: Any) -> tuple[PolyElement, PolyElement]:
        """Numerator and denominator of an element of the field, in the ring."""
        if not self.symbols:
            number = Rational(int(element.numerator), int(element.denominator))
            return self.ring(int(number.p)), self.ring(int(number.q))
        return self._lifted(element.numer), self._lifted(element.denom)

    def _lifted(self, poly: PolyElement) -> PolyElement:
        head = (0,) * len(DEPTHS)
        return self.ring.from_dict({(*head, *m): ZZ(int(c)) for m, c in poly.terms()})

    def _in_slope(self, number: Rational, factors: Factors) -> tuple[Rational, Factors]:
        """A product with kappa replaced by its value in the slope."""
        replaced: Factors = {}
        for each, times in factors.items():
            constant, parts = _slope_factors(each)
            number *= constant**times
            for part, power in parts.items():
                replaced[part] = replaced.get(part, 0) + power * times
        return number, {each: times for each, times in replaced.items() if times}


@lru_cache(maxsize=1024)
def _slope_factors(poly: PolyElement) -> tuple[Rational, Factors]:
    """A polynomial in kappa as a product in the slope."""
    symbols = poly.ring.symbols
    target = PolyRing([a if s == kappa else s for s in symbols], ZZ)
    index = symbols.index(kappa)
    slope = target.gens[index]
    top, bottom = 2 + 2 * slope**4, (1 + slope**2) ** 2
    degree = poly.degree(poly.ring.gens[index])
    total = target.zero
    for monomial, coefficient in poly.terms():
        power = monomial[index]
        rest = (*monomial[:index], 0, *monomial[index + 1 :])
        total += target.from_dict({rest: coefficient}) * top**power * bottom ** (degree - power)
    return _quotient(total, bottom**degree)


def _quotient(numerator: PolyElement, denominator: PolyElement) -> tuple[Rational, Factors]:
    top, above = numerator.factor_list()
    bottom, below = denominator.factor_list()
    factors: Factors = {}
    for sign, side in ((1, above), (-1, below)):
        for each, times in side:
            factors[each] = factors.get(each, 0) + sign * times
    return Rational(int(top), int(bottom)), {f: e for f, e in factors.items() if e}


def _shared_factors(terms: Iterable[Factors]) -> Factors:
    """The common factor of all numerators, or of all denominators."""
    shared: Factors = {}
    each = list(terms)
    for candidate in each[0]:
        powers = [factors.get(candidate, 0) for factors in each]
        if min(powers) > 0:
            shared[candidate] = min(powers)
        elif max(powers) < 0:
            shared[candidate] = max(powers)
    return shared


def _shared_number(numbers: list[Rational]) -> Rational:
    return Rational(gcd(*(int(c.p) for c in numbers)), lcm(*(int(c.q) for c in numbers)))


def _product(number: Rational, factors: Factors) -> Expr:
    return Mul(number, *(_polynomial(f) ** e for f, e in factors.items() if e))


def _polynomial(poly: PolyElement) -> Expr:
    """A polynomial by powers of the depths, and by powers of the sizes where it holds the slope,
    each coefficient factored."""
    symbols = poly.ring.symbols
    sizes = [s for s in symbols if s not in DEPTHS and s != a] if a in symbols else []
    return _grouped(poly, [list(DEPTHS), sizes])


def _grouped(poly: PolyElement, groups: list[list[Symbol]]) -> Expr:
    """A polynomial by powers of the first group's symbols, its coefficients by the others'."""
    if not groups:
        return poly.as_expr()
    ring = poly.ring
    kept = [symbol in groups[0] for symbol in ring.symbols]
    parts: dict[tuple[int, ...], Any] = {}
    for monomial, coefficient in poly.terms():
        outer = tuple(power * keep for power, keep in zip(monomial, kept, strict=True))
        inner = tuple(power - up for power, up in zip(monomial, outer, strict=True))
        parts[outer] = parts.get(outer, ring.zero) + ring.from_dict({inner: coefficient})
    if len(parts) == 1 and not any(next(iter(parts))):
        return _grouped(poly, groups[1:])
    terms = []
    for outer, part in parts.items():
        powers = (symbol**k for symbol, k in zip(ring.symbols, outer, strict=True))
        number, factors = _quotient(part, ring.one)
        inner_terms = (_grouped(f, groups[1:]) ** e for f, e in factors.items())
        terms.append(Mul(number, *powers, *inner_terms))
    return Add(*terms)


def _over_width(base: Expr, degree: int) -> Expr:
    """A polynomial over its power of n, as a sum of powers of 1/n, kappa written in the slope."""
    if not degree:
        return in_slope(base)
    by_power = base.as_poly(n)
    terms = (
        factor(in_slope(coefficient)) * n ** (power - degree)
        for (power,), coefficient in by_power.terms()
    )
    return Add(*terms)
