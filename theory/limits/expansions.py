"""This module expands closed forms: series in 1/n, joint limit, growth in depth, positive sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sympy import Add, Expr, Integer, Mul, Poly, Sum, Symbol, binomial, factor

from theory.algebra.factored_form import in_slope, power_sum_expression
from theory.algebra.fields import certainly_at_least
from theory.algebra.power_sum import DEPTHS, PowerSum
from theory.algebra.series import fixed_depth_series, fixed_ratio_series
from theory.algebra.two_powers import Rational, TwoPowers
from theory.errors import NotSolved
from theory.exact.closed_form import ClosedForm
from theory.limits.joint_limit import JointLaw
from theory.symbols import L, n

__all__ = [
    "Weighted",
    "growth",
    "highest_power",
    "joint_law",
    "over_width",
    "positive_sum",
    "summed",
    "width_series",
]

_MOST_VANISHING = 8

_I = Symbol("i", integer=True, nonnegative=True)

Weighted = tuple[Expr, PowerSum]
"""A factor in other symbols, and a sum of powers that it multiplies."""


def over_width(forms: Iterable[ClosedForm], width: Expr) -> list[Weighted]:
    """The sums of closed forms over the width, equal factors joined."""
    found: list[Weighted] = []
    for form in forms:
        inverse = 1 / form.unit.domain.from_sympy(width)
        scaled = (total.scaled(inverse) for total in form.sums)
        found += zip(form.factors, scaled, strict=True)
    return summed(found)


def summed(sums: Iterable[Weighted]) -> list[Weighted]:
    """The same sum, factors that are equal up to a number joined."""
    joined: dict[Expr, PowerSum] = {}
    for factor_, total in sums:
        number, weight = factor_.as_coeff_Mul()
        own = total.scaled(total.ring.domain.from_sympy(number))
        joined[weight] = joined[weight] + own if weight in joined else own
    return list(joined.items())


def width_series(
    sums: Sequence[Weighted], order: int, write: Callable[[Expr], Expr] = in_slope
) -> tuple[Expr, ...]:
    """Coefficients of n^0, n^-1, ..., n^-order: polynomials in the depth symbols, whose own
    coefficients ``write`` spells.

    Raises `NotSolved` where the width is a number, and where a positive power of n is left.
    """
    coefficients = [Integer(0)] * (order + 1)
    for weight, total in sums:
        for k, coefficient in fixed_depth_series(total, order).items():
            if k < 0:
                raise NotSolved("this grows with the width: there is no series in 1/n from n^0")
            if coefficient.terms.keys() <= {frozenset()}:
                coefficients[k] += Add(*_terms(coefficient.terms.get(frozenset()), weight, write))
            else:
                coefficients[k] += power_sum_expression(coefficient, weight)
    return tuple(coefficients)


def highest_power(sums: Sequence[Weighted]) -> int:
    """The power of n in the leading term at fixed depth; 0 for a sum of nothing."""
    for order in range(_MOST_VANISHING if sums else 0):
        found = (fixed_depth_series(total, order).items() for _, total in sums)
        powers = [-k for each in found for k, _ in each]
        if powers:
            return max(powers)
    return 0


def joint_law(sums: Sequence[Weighted], orders: int) -> JointLaw:
    """The limit n -> infinity with L = t n, to ``orders`` terms."""
    if any(weight.has(*DEPTHS) for weight, _ in sums):
        raise NotSolved(
            "away from the critical weight variance the update grows like a power of the gain in "
            "the depth, and has no joint limit: leave weight_variance out"
        )
    parts = ((weight, fixed_ratio_series(total, orders)) for weight, total in sums)
    return JointLaw.of(parts, orders)


def growth(sums: Sequence[Weighted]) -> Expr:
    """The leading term as L -> infinity at fixed width: the largest eigenvalue and the highest
    power of L with it.

    Raises `NotSolved` where no eigenvalue is proven to be largest at all sizes.
    """
    if len(sums) != 1:
        raise NotSolved(
            "growth at fixed width is solved where the parts share their factors: use the label "
            "or the output part, or leave weight_variance out"
        )
    (weight, total) = sums[0]
    bases = [base for (base,), _ in total.powers("growth in depth is", L)]
    for base, (key, poly) in zip(bases, total.terms.items(), strict=True):
        if all(certainly_at_least(base, other, total.ring.domain) for other in bases):
            index = DEPTHS.index(L)
            top = max(monomial[index] for monomial in poly)
            kept = {m: c for m, c in poly.terms() if m[index] == top}
            leading = PowerSum(total.ring, {key: total.ring.from_dict(kept)})
            return power_sum_expression(leading, weight)
    raise NotSolved("no eigenvalue is proven to be the largest at all sizes: give numbers")


def _terms(poly: Any, weight: Expr, write: Callable[[Expr], Expr]) -> Iterator[Expr]:
    """A polynomial in the depths times a factor, each coefficient factored."""
    domain = poly.ring.domain
    for monomial, coefficient in poly.terms():
        powers = (symbol**k for symbol, k in zip(DEPTHS, monomial, strict=True))
        yield Mul(factor(weight * write(domain.to_sympy(coefficient))), *powers)


def positive_sum(sums: Iterable[Weighted], times: Expr) -> Expr:
    """Closed forms times an expression, each as a sum over binomials whose terms are all
    non-negative (`theory.algebra.two_powers`).

    Raises `NotSolved` where such a form is not proven.
    """
    return Add(
        *(Mul(weight, times, _positive_terms(TwoPowers.of(total))) for weight, total in sums)
    )


def _positive_terms(form: TwoPowers) -> Expr:
    depth, start = L - form.shift, len(form.head)
    small = 1 + _over_width(form.beta_less_1)
    gap = factor(_over_width(form.ratio_less_1) * small)

    def term(i: Expr, weight: Expr) -> Expr:
        return binomial(depth, i) * small ** (depth - i) * gap**i * weight

    head = (term(Integer(i), factor(_over_width(q))) for i, q in enumerate(form.head))
    tail = (
        factor(_over_width(r)) * factor(binomial(_I - start, j).expand(func=True))
        for j, r in enumerate(form.tail)
    )
    return Add(*head, Sum(term(_I, Add(*tail)), (_I, start, depth)))


def _over_width(function: Rational) -> Expr:
    """A rational function, given by powers of n - 1, in n."""
    above, below = (_in_width(each) for each in (function.numerator, function.denominator))
    return above / below


def _in_width(coefficients: tuple[int, ...]) -> Expr:
    poly = Poly(list(reversed(coefficients)) or [Integer(0)], n).compose(Poly(n - 1, n))
    return factor(poly.as_expr())
