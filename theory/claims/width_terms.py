"""Differences of limits: a limit in place of the law, and terms in 1/n dropped or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from sympy import Expr, Integer, Rational, Symbol

from theory.claims.monomial import Function
from theory.claims.search import Difference, Search, evaluated, excess_text
from theory.claims.target import Claim, Quantity, Target
from theory.claims.variants import Kind
from theory.errors import InvalidArgument, NotSolved
from theory.symbols import L, n, t

__all__ = ["limit_difference", "width_term_difference"]

_ORDERS = 4
"""Terms of the series in 1/n that are looked at, beyond the first."""


def limit_difference(search: Search) -> Difference | None:
    """A limit of the law in place of the law."""
    for sentence, kind, expression in _limits(search.target, search.claim):
        if search.agrees(evaluated(expression)):
            return Difference(kind, sentence)
    return None


def _limits(target: Target, claim: Claim) -> Iterator[tuple[str, Kind, Expr]]:
    if claim is Claim.JOINT:
        law = target.leading().xreplace({L: t * n})
        yield "it is the law for n -> infinity first, in which L/n is small", Kind.LIMIT, law
        return
    if claim is Claim.LEADING:
        return
    try:
        law = target.leading()
        yield "it is the leading law, claimed as exact", Kind.LIMIT, law
        series = _series(target)
        for order in range(len(series)):
            total = sum((c * n**-k for k, c in enumerate(series[: order + 1])), Integer(0))
            sentence = f"it is the series in 1/n: the terms from 1/n^{order + 1} on are dropped"
            yield sentence, Kind.WIDTH_TERM, total
        yield (
            "it is the limit n -> infinity with L = t n, claimed as exact",
            Kind.LIMIT,
            target.joint(),
        )
    except (NotSolved, InvalidArgument):
        return


def _series(target: Target) -> tuple[Expr, ...]:
    return replace(target, quantity=Quantity.UPDATE).update.width_series(_ORDERS)


def width_term_difference(search: Search) -> Difference | None:
    """One term in 1/n^k, whatever its coefficient in the other sizes."""
    if search.claim is not Claim.EXACT or n not in search.target.coordinates:
        return None
    truth = search.view(search.target)
    for order in range(_ORDERS + 1):
        excess = _coefficients(search, truth, order)
        if excess is not None:
            return _named_term(search.target, order, excess)
    return None


Excess = Mapping[frozenset[tuple[Symbol, Rational]], Fraction]


def _coefficients(search: Search, truth: Function, order: int) -> Excess | None:
    """By the other sizes: what the formula has too much of n^-order, at every width."""
    found: dict[frozenset[tuple[Symbol, Rational]], Fraction] = {}
    for point in search.points:
        one, two = search.yours(point), truth(point)
        if not (isinstance(one, Fraction) and isinstance(two, Fraction)):
            return None
        rest = frozenset((s, v) for s, v in point.items() if s != n)
        excess = (one - two) * int(point[n]) ** order
        if found.setdefault(rest, excess) != excess:
            return None
    return found


def _named_term(target: Target, order: int, excess: Excess) -> Difference:
    term = f"the term in 1/n^{order}" if order else "the term without 1/n"
    try:
        coefficient = _series(target)[order]
        law = evaluated(coefficient)
        dropped = all(law(dict(rest)) == -value for rest, value in excess.items())
    except NotSolved:
        dropped = False
    if dropped:
        return Difference(Kind.WIDTH_TERM, f"{term} is dropped, which is ({coefficient})/n^{order}")
    rest, value = next(iter(excess.items()))
    at = ", ".join(f"{s} = {v}" for s, v in sorted(rest, key=str))
    more = f"{term} is wrong: its coefficient is {excess_text(value)}"
    return Difference(Kind.WIDTH_TERM, f"{more} at {at}" if at else more)
