"""`PowerSum` is an exact sum of polynomials times powers, sum_i p_i(L, ...) lambda_i^(affine form).

The bases lambda_i are elements of a field and the p_i polynomials in the depth symbols over it.
Powers of different bases are linearly independent over polynomials, so that two sums are equal if
and only if their terms are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial
from operator import mul
from typing import Any

from sympy import Expr, Integer, Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.rings import PolyRing

from theory.algebra.pickled_rings import PickledRings
from theory.errors import NotSolved
from theory.symbols import L, ell, p, q

__all__ = ["DEPTHS", "Key", "PowerSum", "affine", "binomial", "depth_ring", "merged", "power_key"]

DEPTHS = (L, ell, p, q)
"""The symbols that exponents and polynomials are written in."""

Key = frozenset[tuple[Any, Expr]]
"""One product of powers: pairs (base, exponent without its constant); the base None stands for
0 to a power, which is 1 where the exponent, constant included, is 0, and 0 elsewhere."""


def depth_ring(domain: Domain) -> PolyRing:
    """Polynomials in the depth symbols over the field ``domain``."""
    return PolyRing(DEPTHS, domain)


def affine(ring: PolyRing, form: Expr) -> Any:
    """An affine form with integer coefficients as a polynomial."""
    constant, _ = form.as_coeff_Add()
    total = ring(int(constant))
    for symbol, generator in zip(DEPTHS, ring.gens, strict=True):
        total += generator * int(form.coeff(symbol))
    return total


def binomial(ring: PolyRing, form: Expr, k: int) -> Any:
    """binom(form, k) as a polynomial."""
    top, total = affine(ring, form), ring.one
    for i in range(k):
        total *= top - i
    return total * (ring.domain.one / ring.domain(factorial(k)))


def power_key(base: Any, exponent: Expr, domain: Domain) -> tuple[Key, Any]:
    """base^exponent as a key and the constant factor that it leaves."""
    constant, rest = exponent.as_coeff_Add()
    if not base:
        return (frozenset({(None, exponent)}), domain.one)
    factor = base ** int(constant)
    if rest == 0 or base == domain.one:
        return frozenset(), factor
    return frozenset({(base, rest)}), factor


@dataclass(frozen=True)
class PowerSum(PickledRings):
    """``terms[key]``: the polynomial that the product of powers ``key`` is multiplied with."""

    ring: PolyRing
    terms: Mapping[Key, Any]

    @classmethod
    def zero(cls, domain: Domain) -> PowerSum:
        """The sum of nothing."""
        return cls(depth_ring(domain), {})

    def __add__(self, other: PowerSum) -> PowerSum:
        terms = dict(self.terms)
        for key, poly in other.terms.items():
            terms[key] = terms.get(key, self.ring.zero) + poly
        return PowerSum(self.ring, {key: poly for key, poly in terms.items() if poly})

    def scaled(self, factor: Any) -> PowerSum:
        """The sum times a polynomial or an element of the field."""
        return PowerSum(self.ring, {key: poly * factor for key, poly in self.terms.items()})

    def at(self, values: Mapping[Expr, Expr]) -> PowerSum:
        """The sum with depth symbols replaced by affine forms in them, or by ints."""
        forms = [Integer(0) + values.get(symbol, symbol) for symbol in DEPTHS]
        generators = [affine(self.ring, form) for form in forms]
        moved = dict(zip(DEPTHS, forms, strict=True))
        total = PowerSum(self.ring, {})
        for key, poly in self.terms.items():
            term = PowerSum(self.ring, {frozenset(): _composed(self.ring, poly, generators)})
            for base, exponent in key:
                term = term.times_power(base, exponent.xreplace(moved))
            total += term
        return total

    def times_power(self, base: Any, exponent: Expr) -> PowerSum:
        """The sum times base^exponent; a base of zero or None is the indicator of exponent 0."""
        if not base and exponent.is_Integer:
            return self if exponent == 0 else PowerSum(self.ring, {})
        key, factor = power_key(base, exponent, self.ring.domain)
        terms: dict[Key, Any] = {}
        for old, poly in self.terms.items():
            new = merged(old, key)
            terms[new] = terms.get(new, self.ring.zero) + poly * factor
        return PowerSum(self.ring, terms)

    def powers(self, what: str, *symbols: Symbol) -> list[tuple[tuple[Any, ...], Any]]:
        """The terms as pairs (bases, polynomial), a base to the power of each of ``symbols``.

        Raises `NotSolved` where an exponent holds anything else; ``what`` begins the message.
        """
        pairs = []
        for key, poly in self.terms.items():
            bases = [self.ring.domain.one] * len(symbols)
            for each, exponent in key:
                times = [exponent.coeff(symbol) for symbol in symbols]
                if each is None or exponent != sum(map(mul, symbols, times)):
                    raise NotSolved(f"{what} solved at the last layer: leave layer out")
                bases = [base * each ** int(k) for base, k in zip(bases, times, strict=True)]
            pairs.append((tuple(bases), poly))
        return pairs

    def value(self, **depths: int) -> Any:
        """The sum at numbers for its depth symbols, an element of the field."""
        total = self.at({s: Integer(depths[s.name]) for s in DEPTHS if s.name in depths})
        poly = total.terms.get(frozenset(), self.ring.zero)
        if set(total.terms) - {frozenset()} or (poly and any(map(any, poly))):
            raise ValueError("expected a number for every depth symbol of the sum")
        return poly.coeff(1)


def merged(one: Key, two: Key) -> Key:
    """The product of two keys; equal bases join, and the indicators stay apart."""
    exponents: dict[Any, Expr] = {}
    marks = {pair for pair in (*one, *two) if pair[0] is None}
    for base, exponent in (*one, *two):
        if base is not None:
            exponents[base] = exponents.get(base, Integer(0)) + exponent
    pairs = {(base, exponent) for base, exponent in exponents.items() if exponent != 0}
    return frozenset(pairs | marks)


def _composed(ring: PolyRing, poly: Any, generators: list[Any]) -> Any:
    """A polynomial with its generators replaced."""
    total = ring.zero
    for monomial, coefficient in poly.terms():
        term = ring(coefficient)
        for generator, power in zip(generators, monomial, strict=True):
            term *= generator**power if power else ring.one
        total += term
    return total
