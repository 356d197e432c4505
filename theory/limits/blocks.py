"""This module takes limits of closed forms in the number of blocks B: n -> infinity and then B,
B -> infinity at fixed n, and both at fixed B/n.

A scale such as multiplier2 = 1/B makes every eigenvalue depend on B: base(B)^B tends to the
exponential of a generator, where base = 1 + rate/B + ....
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from operator import mul
from typing import Any

from sympy import Add, Expr, Integer, Symbol, exp, factor, simplify
from sympy.polys.domains.domain import Domain

from theory.algebra.factored_form import power_sum_expression
from theory.algebra.fields import certainly_at_least, field_of
from theory.algebra.power_sum import Key, PowerSum, depth_ring
from theory.algebra.series import (
    AT_LAST,
    ExpSum,
    Places,
    fixed_depth_series,
    fixed_ratio_series,
)
from theory.errors import NotSolved
from theory.limits.expansions import Weighted, summed
from theory.symbols import B, L, b, ell, n, t

__all__ = ["block_limit", "block_ratio_limit", "leading_in_blocks", "leading_variance"]

_RATIO = Symbol("B/n", positive=True)
_SHARE = Symbol("b/B", positive=True)
_AT_BLOCK = ((L, t), (ell, _SHARE))
"""At a block b, which grows with B; at the last block no sum holds ell."""
_DEPTHS = L, ell
_MOST_VANISHING = 8


def leading_in_blocks(sums: Sequence[Weighted]) -> tuple[int, Expr]:
    """Power of n and its coefficient: the leading term as n -> infinity, then as B grows, at fixed
    b/B."""
    for order in range(_MOST_VANISHING):
        series = [(w, fixed_depth_series(total, order)) for w, total in sums]
        first = min((k for _, each in series for k in each), default=None)
        if first is not None:
            found = [(weight, each[first]) for weight, each in series if first in each]
            return -first, _as_blocks_grow(found)
    raise NotSolved(
        f"the first {_MOST_VANISHING} coefficients of the series in 1/n vanish: give numbers"
    )


def leading_variance(second: Sequence[Weighted], first: Sequence[Weighted]) -> tuple[int, Expr]:
    """`leading_in_blocks` of a mean square less a squared mean."""
    squares = ((-w * v, _product(one, two)) for (w, one), (v, two) in product(first, repeat=2))
    return leading_in_blocks(summed([*second, *squares]))


def _product(one: PowerSum, two: PowerSum) -> PowerSum:
    """The product of two sums; each key holds a base to the power L and a base to the power ell, as
    the keys of a solved sum do, so that equal powers are equal keys."""
    terms: dict[Key, Any] = {}
    pairs = [total.powers("the variance is", *_DEPTHS) for total in (one, two)]
    for (left, p_left), (right, p_right) in product(*pairs):
        bases = zip(map(mul, left, right), _DEPTHS, strict=True)
        key = frozenset((base, depth) for base, depth in bases if base != one.ring.domain.one)
        terms[key] = terms.get(key, one.ring.zero) + p_left * p_right
    return PowerSum(one.ring, {key: poly for key, poly in terms.items() if poly})


def block_limit(sums: Sequence[Weighted]) -> Expr:
    """The leading term as B -> infinity at fixed width, and at fixed b/B."""
    return _as_blocks_grow(sums)


def block_ratio_limit(sums: Sequence[Weighted]) -> Expr:
    """The leading term as n -> infinity with B = t n."""
    moved = [(weight, _at_ratio(total)) for weight, total in sums]
    leading = _leading(moved, n, AT_LAST)
    return factor(simplify(leading.xreplace({_RATIO: t})))


def _as_blocks_grow(sums: Sequence[Weighted]) -> Expr:
    """The leading term as B -> infinity at fixed b/B."""
    if any(B in getattr(total.ring.domain, "symbols", ()) for _, total in sums):
        if any(B not in getattr(total.ring.domain, "symbols", ()) for _, total in sums):
            raise NotSolved(
                "the parts grow differently in the number of blocks: use label or output alone"
            )
        return _leading(sums, B, _AT_BLOCK).subs({t: 1, _SHARE: b / B})
    return Add(*(_largest_power(weight, total) for weight, total in sums))


def _leading(sums: Iterable[Weighted], large: Symbol, places: Places) -> Expr:
    """The leading term as ``large`` grows, L being t ``large``."""
    parts = [(weight, fixed_ratio_series(total, 1, large, places)) for weight, total in sums]
    first = min((k for _, series in parts for k in series), default=None)
    if first is None:
        return Integer(0)
    ratios = [ratio for _, ratio in places]
    kept = ((weight, series[first]) for weight, series in parts if first in series)
    return Add(*(weight * _written(total, ratios) for weight, total in kept)) * large**-first


def _written(total: ExpSum, ratios: Sequence[Symbol]) -> Expr:
    """A sum of exponentials in the ratios."""
    summands = []
    for rates, poly in total.terms.items():
        powers = (factor(poly.ring.domain.to_sympy(rate)) for rate in rates)
        summands.append(factor(poly.as_expr()) * exp(Add(*map(mul, powers, ratios))))
    return Add(*summands)


def _largest_power(weight: Expr, total: PowerSum) -> Expr:
    """The largest base and the highest power of L and ell beside it, as L -> infinity at fixed
    ell/L: the base that is largest at ell/L = 0 and at 1."""
    pairs = total.powers("growth in the blocks is", *_DEPTHS)
    ends = [(last, last * open_) for (last, open_), _ in pairs]
    for own, (key, poly) in zip(ends, total.terms.items(), strict=True):
        every = (pair for other in ends for pair in zip(own, other, strict=True))
        if all(certainly_at_least(*pair, total.ring.domain) for pair in every):
            top = max(map(sum, poly))
            kept = {m: c for m, c in poly.terms() if sum(m) == top}
            leading = PowerSum(total.ring, {key: total.ring.from_dict(kept)})
            return power_sum_expression(leading, weight).xreplace({L: B, ell: b})
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
