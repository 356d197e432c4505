"""Limits of a closed form, by series in 1/n of every term: at fixed depth, and at fixed L/n.

With e = 1/n and log lambda = c_1 e + c_2 e^2 + ..., a power is at fixed depth

    lambda^L = exp(c_1 L e + c_2 L e^2 + ...),

and at L = t/e

    lambda^L = exp(c_1 t) exp(c_2 t e + c_3 t e^2 + ...).

Coefficients are Laurent series; their poles cancel exactly, order by order, in the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Symbol

from theory.algebra.laurent import Expansion, Laurent, exponential
from theory.algebra.power_sum import DEPTHS, PowerSum
from theory.errors import NotSolved
from theory.symbols import L, n, t

__all__ = ["ExpSum", "fixed_depth_series", "fixed_ratio_series"]


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
            affine = _affine(expansion, form)
            for k, log in enumerate(expansion.logarithm(base)):
                exponent[k] += affine * log
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
    for key, poly in total.terms.items():
        rate, exponent = expansion.field.zero, [expansion.ring.zero] * (size - 1)
        for base, form in key:
            times = int(form.coeff(L))
            if form != times * L:
                raise NotSolved("the joint limit is solved at the last layer: leave layer out")
            longer = Expansion(expansion.domain, (t,), size + 1)
            first, *logs = longer.logarithm(base)
            rate += first.coeff(1) * times
            for k, log in enumerate(logs):
                exponent[k] += ratio * log.set_ring(expansion.ring) * times
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


def _affine(expansion: Expansion, form: Expr) -> Any:
    return sum(
        (g * int(form.coeff(s)) for s, g in zip(DEPTHS, expansion.ring.gens, strict=True)),
        expansion.ring.zero,
    )


def _needs_width(total: PowerSum) -> None:
    symbols: tuple[Symbol, ...] = tuple(getattr(total.ring.domain, "symbols", ()))
    if n not in symbols:
        raise NotSolved("a limit of infinite width needs a symbolic width: leave width out")
