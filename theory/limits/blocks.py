"""Closed forms in the number of blocks B have limits: n -> infinity and then B, B -> infinity at
fixed n, and both at fixed B/n.

A scale such as multiplier2 = 1/B makes every eigenvalue depend on B: base(B)^B tends to the
exponential of a generator, where base = 1 + rate/B + ....
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sympy import Add, Expr, Integer, Symbol, exp, factor, simplify
from sympy.polys.domains.domain import Domain

from theory.algebra.factored_form import power_sum_expression
from theory.algebra.fields import certainly_at_least, field_of
from theory.algebra.power_sum import DEPTHS, PowerSum, depth_ring
from theory.algebra.series import ExpSum, fixed_depth_series, fixed_ratio_series
from theory.errors import NotSolved
from theory.limits.expansions import Weighted
from theory.networks.roles import Branch
from theory.symbols import B, L, b, n, t

__all__ = ["block_limit", "block_ratio_limit", "leading_in_blocks", "refuse_open_block"]

_RATIO = Symbol("B/n", positive=True)
_MOST_VANISHING = 8


def refuse_open_block(layer: Any) -> None:
    """Raise `NotSolved` for the symbol of a block, which no limit is taken of."""
    if (layer.block if isinstance(layer, Branch) else layer) == b:
        raise NotSolved(
            "the leading term at an open block b is not solved: give layer=B or Branch(B), the "
            "last block, or a number for b"
        )


def leading_in_blocks(sums: Sequence[Weighted]) -> tuple[int, Expr]:
    """Power of n and its coefficient: the leading term as n -> infinity, then as B grows."""
    for order in range(_MOST_VANISHING):
        series = [(w, fixed_depth_series(total, order)) for w, total in sums]
        first = min((k for _, each in series for k in each), default=None)
        if first is not None:
            found = [(weight, each[first]) for weight, each in series if first in each]
            return -first, _as_blocks_grow(found)
    raise NotSolved(
        f"the first {_MOST_VANISHING} coefficients of the series in 1/n vanish: give numbers"
    )


def block_limit(sums: Sequence[Weighted]) -> Expr:
    """The leading term as B -> infinity at fixed width."""
    return _as_blocks_grow(sums)


def block_ratio_limit(sums: Sequence[Weighted]) -> Expr:
    """The leading term as n -> infinity with B = t n."""
    moved = [(weight, _at_ratio(total)) for weight, total in sums]
    leading = _leading(moved, n)
    return factor(simplify(leading.xreplace({_RATIO: t})))


def _as_blocks_grow(sums: Sequence[Weighted]) -> Expr:
    """The leading term as B -> infinity of sums at the last block."""
    if any(B in getattr(total.ring.domain, "symbols", ()) for _, total in sums):
        if any(B not in getattr(total.ring.domain, "symbols", ()) for _, total in sums):
            raise NotSolved(
                "the parts grow differently in the number of blocks: use label or output alone"
            )
        return _leading(sums, B).subs(t, 1)
    return Add(*(_largest_power(weight, total) for weight, total in sums))


def _leading(sums: Iterable[Weighted], large: Symbol) -> Expr:
    """The leading term as ``large`` grows, L being t ``large``."""
    parts = [(weight, fixed_ratio_series(total, 1, large)) for weight, total in sums]
    first = min((k for _, series in parts for k in series), default=None)
    if first is None:
        return Integer(0)
    kept = ((weight, series[first]) for weight, series in parts if first in series)
    return Add(*(weight * _written(total) for weight, total in kept)) * large**-first


def _written(total: ExpSum) -> Expr:
    """A sum of exponentials in t."""
    summands = []
    for rate, poly in total.terms.items():
        to_sympy = poly.ring.domain.to_sympy
        coefficients = (to_sympy(c) * t**k for (k,), c in poly.terms())
        summands.append(factor(Add(*coefficients)) * exp(factor(to_sympy(rate)) * t))
    return Add(*summands)


def _largest_power(weight: Expr, total: PowerSum) -> Expr:
    """The largest base and the highest power of L with it, as L -> infinity."""
    pairs = total.powers(L, "growth in the blocks is")
    for (base, _), (key, poly) in zip(pairs, total.terms.items(), strict=True):
        if all(certainly_at_least(base, other, total.ring.domain) for other, _ in pairs):
            index = DEPTHS.index(L)
            top = max(monomial[index] for monomial in poly)
            kept = {m: c for m, c in poly.terms() if m[index] == top}
            leading = PowerSum(total.ring, {key: total.ring.from_dict(kept)})
            return power_sum_expression(leading, weight).xreplace({L: B})
    raise NotSolved("no eigenvalue is proven to be the largest at all sizes: give numbers")


def _at_ratio(total: PowerSum) -> PowerSum:
    """A sum with B written as the ratio B/n times n."""
    domain = total.ring.domain
    if B not in getattr(domain, "symbols", ()):
        return total
    field = field_of(frozenset(domain.symbols) - {B} | {_RATIO, n})
    ring = depth_ring(field)
    terms = {
        frozenset((_moved(base, domain, field), form) for base, form in key): ring.from_dict(
            {m: _moved(c, domain, field) for m, c in poly.terms()}
        )
        for key, poly in total.terms.items()
    }
    return PowerSum(ring, terms)


def _moved(element: Any, domain: Domain, field: Domain) -> Any:
    return field.from_sympy(domain.to_sympy(element).xreplace({B: _RATIO * n}))
