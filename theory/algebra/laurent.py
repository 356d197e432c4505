"""Truncated Laurent series in e = 1/n, exact: of rational functions of n, and of their powers.

A coefficient is a polynomial, in the depth symbols or in t, over the field of what is left of the
sizes once n is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.rings import PolyRing

from theory.algebra.fields import field_of
from theory.public_names import cached_property
from theory.symbols import n

__all__ = ["Expansion", "Laurent", "exponential"]


@dataclass(frozen=True)
class Laurent:
    """e^start * (terms[0] + terms[1] e + ...), known to ``len(terms)`` terms."""

    start: int
    terms: tuple[Any, ...]

    def __mul__(self, other: Laurent) -> Laurent:
        size = min(len(self.terms), len(other.terms))
        product = []
        for k in range(size):
            total = self.terms[0] * other.terms[k]
            for i in range(1, k + 1):
                total += self.terms[i] * other.terms[k - i]
            product.append(total)
        return Laurent(self.start + other.start, tuple(product))

    def at(self, order: int) -> Any:
        """The coefficient of e^order, None beyond the terms known, and zero below the first."""
        index = order - self.start
        if index < 0:
            return self.terms[0] - self.terms[0]
        return self.terms[index] if index < len(self.terms) else None

    def shifted(self, steps: int) -> Laurent:
        """The series times e^steps."""
        return Laurent(self.start + steps, self.terms)


@dataclass(frozen=True)
class Expansion:
    """Series of elements of ``domain``, a field with n, over polynomials in ``symbols``."""

    domain: Domain
    symbols: tuple[Symbol, ...]
    size: int

    @cached_property
    def field(self) -> Domain:
        """The field of the coefficients: what ``domain`` holds besides n."""
        return field_of(frozenset(self.domain.symbols) - {n})

    @cached_property
    def ring(self) -> PolyRing:
        """The ring of the coefficients."""
        return PolyRing(self.symbols, self.field)

    def rational(self, element: Any) -> Laurent:
        """A rational function of n that is not zero."""
        top, bottom = self._descending(element.numer), self._descending(element.denom)
        start = len(bottom) - len(top)
        zero, inverse = self.field.zero, 1 / bottom[0]
        terms: list[Any] = []
        for k in range(self.size):
            value = top[k] if k < len(top) else zero
            for j in range(1, min(k, len(bottom) - 1) + 1):
                value -= bottom[j] * terms[k - j]
            terms.append(value * inverse)
        return Laurent(start, tuple(self.ring(term) for term in terms))

    def degree(self, element: Any) -> int:
        """The power of n with which a rational function grows."""
        return len(self._descending(element.numer)) - len(self._descending(element.denom))

    def logarithm(self, element: Any) -> list[Any]:
        """log of a rational function that tends to 1: the coefficients of e, e^2, ..."""
        series = self.rational(element)
        if series.start != 0 or series.terms[0] != 1:
            raise AssertionError("an eigenvalue of a layer map does not tend to 1 as n grows")
        terms = series.terms
        logs: list[Any] = []
        for k in range(1, len(terms)):
            value = terms[k] * k
            for j in range(1, k):
                value -= logs[j - 1] * j * terms[k - j]
            logs.append(value / k)
        return logs

    def _descending(self, poly: Any) -> list[Any]:
        """Coefficients of a polynomial by falling powers of n, in `field`."""
        index = poly.ring.symbols.index(n)
        parts: dict[int, dict[tuple[int, ...], Any]] = {}
        for monomial, coefficient in poly.terms():
            rest = (*monomial[:index], *monomial[index + 1 :])
            parts.setdefault(monomial[index], {})[rest] = coefficient
        return [self._element(parts.get(power, {})) for power in range(max(parts), -1, -1)]

    def _element(self, terms: dict[tuple[int, ...], Any]) -> Any:
        if self.field.is_QQ:
            return self.field(int(terms.get((), 0)))
        return self.field(self.field.field.ring.from_dict(terms))


def exponential(ring: PolyRing, exponent: Sequence[Any]) -> tuple[Any, ...]:
    """exp(x_1 e + x_2 e^2 + ...) to ``len(exponent)`` + 1 terms."""
    terms = [ring.one]
    for k in range(1, len(exponent) + 1):
        total = sum((exponent[j - 1] * j * terms[k - j] for j in range(1, k + 1)), ring.zero)
        terms.append(total / k)
    return tuple(terms)
