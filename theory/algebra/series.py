"""This module expands closed forms in 1/n, term by term: at fixed depth, and at fixed L/n.

With e = 1/n and log lambda = c_1 e + c_2 e^2 + ..., a power is at fixed depth

    lambda^L = exp(c_1 L e + c_2 L e^2 + ...),

and at L = t/e

    lambda^L = exp(c_1 t) exp(c_2 t e + c_3 t e^2 + ...).

The coefficients are exact Laurent series, whose poles cancel order by order.  SymPy's `ring_series`
expands each.  A coefficient of a Laurent series is a polynomial in the depth symbols or in t, over
the field of the sizes other than n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from math import prod
from typing import Any

from sympy import Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.ring_series import rs_exp, rs_log, rs_mul, rs_series_inversion
from sympy.polys.rings import PolyRing

from theory.algebra.fields import field_of
from theory.algebra.pickled_rings import PickledRings
from theory.algebra.power_sum import DEPTHS, Key, PowerSum, depth_ring, merged, power_key
from theory.errors import NotSolved
from theory.public_names import cached_property
from theory.symbols import L, n, t

__all__ = ["AT_LAST", "ExpSum", "Places", "fixed_depth_series", "fixed_ratio_series"]

Places = tuple[tuple[Symbol, Symbol], ...]
"""Depth symbols, and the ratio of each to the size that grows."""
AT_LAST: Places = ((L, t),)

_E = Symbol("1/n")
"""The generator e."""
_NO_POWERS: Key = frozenset()


@dataclass(frozen=True)
class Expansion:
    """Series of elements of ``domain``, a field with n, over polynomials in ``symbols``, to
    ``size`` terms: polynomials of `ring`, whose first generator is e.

    ``large``: the symbol that grows in place of n, so that e = 1/large.
    """

    domain: Domain
    symbols: tuple[Symbol, ...]
    size: int
    large: Symbol = n

    @cached_property
    def field(self) -> Domain:
        """The field of the coefficients: ``domain`` without ``large``."""
        return field_of(frozenset(self.domain.symbols) - {self.large})

    @cached_property
    def ring(self) -> PolyRing:
        """The ring of the series."""
        return PolyRing((_E, *self.symbols), self.field)

    def rational(self, element: Any) -> tuple[int, Any]:
        """A rational function of n that is not zero, as e^start times a series."""
        e = self.ring.gens[0]
        top, bottom = self._descending(element.numer), self._descending(element.denom)
        above, below = (
            sum((e**k * c for k, c in enumerate(poly[: self.size])), self.ring.zero)
            for poly in (top, bottom)
        )
        inverse = rs_series_inversion(below, e, self.size)
        return len(bottom) - len(top), rs_mul(above, inverse, e, self.size)

    def degree(self, element: Any) -> int:
        """The power of n with which a rational function grows."""
        return len(self._descending(element.numer)) - len(self._descending(element.denom))

    def logarithm(self, element: Any) -> tuple[Any, Any]:
        """The limit of a rational function that tends to a positive number, and the logarithm of
        their quotient."""
        start, series = self.rational(element)
        limit = series.coeff(1)
        if start != 0 or not limit:
            raise NotSolved("an eigenvalue of a layer map has no positive limit: give numbers")
        return limit, rs_log(series * (1 / limit), self.ring.gens[0], self.size)

    def product(self, one: Any, two: Any) -> Any:
        """The product of two series."""
        return rs_mul(one, two, self.ring.gens[0], self.size)

    def exponential(self, exponent: Any) -> Any:
        """exp of a series that begins with e."""
        return rs_exp(exponent, self.ring.gens[0], self.size)

    def by_order(self, series: Any) -> dict[int, Any]:
        """The coefficients of e^0, e^1, ... that are not zero, polynomials in ``symbols``."""
        found: dict[int, dict[tuple[int, ...], Any]] = {}
        for (power, *rest), coefficient in series.terms():
            found.setdefault(power, {})[tuple(rest)] = coefficient
        ring = PolyRing(self.symbols, self.field)
        return {power: ring.from_dict(terms) for power, terms in found.items()}

    def _descending(self, poly: Any) -> list[Any]:
        """Coefficients of a polynomial by falling powers of n, in `field`."""
        index = poly.ring.symbols.index(self.large)
        parts: dict[int, dict[tuple[int, ...], Any]] = {}
        for monomial, coefficient in poly.terms():
            rest = (*monomial[:index], *monomial[index + 1 :])
            parts.setdefault(monomial[index], {})[rest] = coefficient
        return [self._element(parts.get(power, {})) for power in range(max(parts), -1, -1)]

    def _element(self, terms: dict[tuple[int, ...], Any]) -> Any:
        if self.field.is_QQ:
            return self.field(int(terms.get((), 0)))
        return self.field(self.field.field.ring.from_dict(terms))


@dataclass(frozen=True)
class ExpSum(PickledRings):
    """sum_c exp(c . t) p_c(t): ``terms[c]``, with c a tuple of a rate for each ratio t, is a
    polynomial in the ratios over the field of the rates, not zero."""

    terms: Mapping[Any, Any]

    def __bool__(self) -> bool:
        return bool(self.terms)


def fixed_depth_series(total: PowerSum, order: int) -> dict[int, PowerSum]:
    """Coefficients of n^-k for k up to ``order``, as far as they are not zero: polynomials in the
    depth symbols, times powers of the bases' limits where these are not 1."""
    return _depth_series(total.ring, tuple(total.terms.items()), order)


@lru_cache(maxsize=64)
def _depth_series(
    ring: PolyRing, terms: tuple[tuple[Key, Any], ...], order: int
) -> dict[int, PowerSum]:
    """`fixed_depth_series` of a sum; the rates of groups of weights need each sum several times."""
    total = PowerSum(ring, dict(terms))
    _needs(total, n)
    lowest = -max((_growth(total, poly, 0, n) for poly in total.terms.values()), default=0)
    expansion = Expansion(ring.domain, DEPTHS, max(order - lowest, 0) + 1)
    e, *depths = expansion.ring.gens
    by_limit: dict[Key, Any] = {}
    for key, poly in total.terms.items():
        exponent, limits = expansion.ring.zero, []
        for base, form in key:
            limit, logarithm = expansion.logarithm(base)
            times = sum((d * int(form.coeff(s)) for s, d in zip(DEPTHS, depths, strict=True)), 0)
            exponent += logarithm * times
            limits.append(power_key(limit, form, expansion.field)[0])
        kept, power = reduce(merged, limits, _NO_POWERS), expansion.exponential(exponent)
        for monomial, coefficient in poly.terms():
            start, value = expansion.rational(coefficient)
            value *= e ** (start - lowest) * prod(
                d**k for d, k in zip(depths, monomial, strict=True)
            )
            product = expansion.product(value, power)
            by_limit[kept] = by_limit.get(kept, expansion.ring.zero) + product
    orders: dict[int, dict[Key, Any]] = {}
    for kept, series in by_limit.items():
        for k, poly in expansion.by_order(series).items():
            if poly and k + lowest <= order:
                orders.setdefault(k + lowest, {})[kept] = poly
    found = depth_ring(expansion.field)
    return {k: PowerSum(found, each) for k, each in orders.items()}


def fixed_ratio_series(
    total: PowerSum, orders: int, large: Symbol = n, places: Places = AT_LAST
) -> dict[int, ExpSum]:
    """``orders`` coefficients of n^-k at L = t n, from the first that is not zero; of ``large`` in
    the place of n, and at other ``places``."""
    _needs(total, large)
    lowest = -max((_growth(total, poly, 1, large) for poly in total.terms.values()), default=0)
    size = orders
    while True:
        found = _ratio_series(total, lowest, size, large, places)
        first = min((k for k, value in found.items() if value), default=None)
        if first is not None and first + orders <= lowest + size:
            return {k: found[k] for k in range(first, first + orders)}
        if first is None and size > 40:
            return {}
        size = size + 4 if first is None else first + orders - lowest


def _ratio_series(
    total: PowerSum, lowest: int, size: int, large: Symbol, places: Places
) -> dict[int, ExpSum]:
    """Coefficients of n^-k for ``size`` numbers k from ``lowest``."""
    depths, symbols = zip(*places, strict=True)
    expansion = Expansion(total.ring.domain, symbols, size + 1, large)
    e, *ratios = expansion.ring.gens
    by_rate: dict[Any, Any] = {}
    for bases, poly in total.powers("the joint limit is", *depths):
        exponents = [_exponent(expansion, base) for base in bases]
        rates = tuple(each.coeff(1) for each in exponents)
        beyond = zip(exponents, rates, ratios, strict=True)
        power = expansion.exponential(sum((c - rate) * ratio for c, rate, ratio in beyond))
        for monomial, coefficient in poly.terms():
            start, value = expansion.rational(coefficient)
            times = [monomial[DEPTHS.index(depth)] for depth in depths]
            value *= e ** (start - sum(times) - lowest) * prod(map(pow, ratios, times))
            product = expansion.product(value, power)
            by_rate[rates] = by_rate.get(rates, expansion.ring.zero) + product
    orders: dict[int, dict[Any, Any]] = {k: {} for k in range(lowest, lowest + size)}
    for rates, series in by_rate.items():
        for k, value in expansion.by_order(series).items():
            if k < size:
                orders[k + lowest][rates] = value
    return {k: ExpSum(terms) for k, terms in orders.items()}


def _exponent(expansion: Expansion, base: Any) -> Any:
    """The logarithm of a base over e."""
    limit, logarithm = expansion.logarithm(base)
    if limit != 1:
        raise NotSolved(
            f"this grows or falls exponentially in the depth as {expansion.large} grows: give "
            f"numbers"
        )
    return logarithm.quo(expansion.ring.gens[0])


def _growth(total: PowerSum, poly: Any, per_depth: int, large: Symbol) -> int:
    """The largest power of n in a coefficient, each depth symbol counting ``per_depth``."""
    expansion = Expansion(total.ring.domain, DEPTHS, 1, large)
    return max(expansion.degree(c) + per_depth * sum(monomial) for monomial, c in poly.terms())


def _needs(total: PowerSum, large: Symbol) -> None:
    symbols: tuple[Symbol, ...] = tuple(getattr(total.ring.domain, "symbols", ()))
    if large not in symbols:
        raise NotSolved("a limit of infinite width needs a symbolic width: leave width out")
