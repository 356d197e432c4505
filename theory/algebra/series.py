"""Closed forms have series in 1/n, term by term: at fixed depth, and at fixed L/n.

With e = 1/n and log lambda = c_1 e + c_2 e^2 + ..., a power is at fixed depth

    lambda^L = exp(c_1 L e + c_2 L e^2 + ...),

and at L = t/e

    lambda^L = exp(c_1 t) exp(c_2 t e + c_3 t e^2 + ...).

Coefficients are Laurent series, exact; their poles cancel, order by order.  A coefficient of such a
series is a polynomial, in the depth symbols or in t, over the field of what is left of the sizes
once n is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.rings import PolyRing

from theory.algebra.fields import field_of
from theory.algebra.power_sum import DEPTHS, PowerSum, affine
from theory.errors import NotSolved
from theory.public_names import cached_property
from theory.symbols import L, n, t

__all__ = ["ExpSum", "fixed_depth_series", "fixed_ratio_series"]


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


@dataclass(frozen=True)
class ExpSum:
    """sum_c exp(c t) p_c(t): ``terms[c]`` is a polynomial in t over the field of c, not zero."""

    terms: Mapping[Any, Any]

    def __bool__(self) -> bool:
        return bool(self.terms)


def fixed_depth_series(total: PowerSum, order: int) -> dict[int, Any]:
    """Coefficients of n^-k for k up to ``order``, from the first that is not zero: polynomials in
    the depth symbols."""
    _needs_width(total)
    lowest = -max((_growth(total, poly, 0) for poly in total.terms.values()), default=0)
    expansion = Expansion(total.ring.domain, DEPTHS, max(order - lowest, 0) + 1)
    pieces = []
    for key, poly in total.terms.items():
        exponent = [expansion.ring.zero] * (expansion.size - 1)
        for base, form in key:
            times = affine(expansion.ring, form)
            for k, log in enumerate(expansion.logarithm(base)):
                exponent[k] += times * log
        power = Laurent(0, exponential(expansion.ring, exponent))
        pieces += [series * power for series in _coefficients(expansion, poly)]
    return _collected(pieces, lowest, order)


def fixed_ratio_series(total: PowerSum, orders: int) -> dict[int, ExpSum]:
    """``orders`` coefficients of n^-k at L = t n, from the first that is not zero."""
    _needs_width(total)
    lowest = -max((_growth(total, poly, 1) for poly in total.terms.values()), default=0)
    size = orders
    while True:
        found = _ratio_series(total, lowest, size)
        first = min((k for k, value in found.items() if value), default=None)
        if first is not None and first + orders <= lowest + size:
            return {k: found[k] for k in range(first, first + orders)}
        if first is None and size > 40:
            return {}
        size = size + 4 if first is None else first + orders - lowest


def _ratio_series(total: PowerSum, lowest: int, size: int) -> dict[int, ExpSum]:
    expansion = Expansion(total.ring.domain, (t,), size)
    ratio = expansion.ring.gens[0]
    by_rate: dict[Any, list[Laurent]] = {}
    longer = Expansion(expansion.domain, (t,), size + 1)
    for base, poly in total.powers(L, "the joint limit is"):
        first, *logs = longer.logarithm(base)
        rate = first.coeff(1)
        exponent = [ratio * log.set_ring(expansion.ring) for log in logs]
        power = Laurent(0, exponential(expansion.ring, exponent))
        for series in _coefficients(expansion, poly, ratio):
            by_rate.setdefault(rate, []).append(series * power)
    orders: dict[int, dict[Any, Any]] = {k: {} for k in range(lowest, lowest + size)}
    for rate, pieces in by_rate.items():
        for k, value in _collected(pieces, lowest, lowest + size - 1).items():
            if value:
                orders[k][rate] = value
    return {k: ExpSum(terms) for k, terms in orders.items()}


def _coefficients(expansion: Expansion, poly: Any, ratio: Any = None) -> Iterator[Laurent]:
    """The terms of a polynomial in the depths as series, L being ``ratio``/e if that is given."""
    index = DEPTHS.index(L)
    for monomial, coefficient in poly.terms():
        series = expansion.rational(coefficient)
        if ratio is None:
            depth = expansion.ring.from_dict({monomial: expansion.field.one})
            yield Laurent(series.start, tuple(term * depth for term in series.terms))
        else:
            power = monomial[index]
            factor = ratio**power
            yield Laurent(series.start - power, tuple(term * factor for term in series.terms))


def _collected(pieces: list[Laurent], lowest: int, highest: int) -> dict[int, Any]:
    """The sum of series, by the power of e."""
    found: dict[int, Any] = {}
    for order in range(lowest, highest + 1):
        for piece in pieces:
            value = piece.at(order)
            found[order] = found[order] + value if order in found else value
    return found


def _growth(total: PowerSum, poly: Any, per_depth: int) -> int:
    """The largest power of n in a coefficient, each depth symbol counting ``per_depth``."""
    expansion = Expansion(total.ring.domain, DEPTHS, 1)
    return max(expansion.degree(c) + per_depth * sum(monomial) for monomial, c in poly.terms())


def _needs_width(total: PowerSum) -> None:
    symbols: tuple[Symbol, ...] = tuple(getattr(total.ring.domain, "symbols", ()))
    if n not in symbols:
        raise NotSolved("a limit of infinite width needs a symbolic width: leave width out")
