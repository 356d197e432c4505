"""Proof that the mean squared update grows from layer to layer, at every width and depth.

Put L = l + p, so that layer l lies p layers below the last.  Each part of the update is a sum of
powers and polynomials in l, times a power of p; its step, from layer l to layer l + 1 of the same
network, is again one, y(l) = sum_k binom(l, k) (A_k alpha^(l-k) + B_k beta^(l-k)) with
alpha >= beta >= 0.  By the binomial theorem, with delta = alpha - beta and deg the last k of B,

    y(l) = sum_i binom(l, i) beta^(l-i) delta^i q_i,
    q_i = sum_k binom(i, k) A_k/delta^k + [i <= deg] B_i/delta^i,

and from i = deg + 1 on q is a polynomial in i.  If q_0, ..., q_deg and the forward differences of
that polynomial at deg + 1 are non-negative in the field, so is every step.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from math import comb
from typing import Any

from sympy import Expr, Integer

from theory.errors import NotSolved
from theory.network import MLP
from theory.order import certainly_at_least
from theory.power_sum import DEPTHS, PowerSum
from theory.schedule import ByGroup, Rates
from theory.symbols import L, ell, p
from theory.update import SquaredUpdate, squared_update

__all__ = ["certainly_non_negative", "certainly_rises", "rises_at_all_sizes"]

_SHIFTS = 4


def certainly_rises(update: SquaredUpdate) -> bool:
    """Whether E[(Delta z)^2] is proven never to fall from a layer to the next, for all 1 <= l < L
    and all sizes.

    ``update``: at the layer ``ell`` of a network of symbolic depth.
    """
    forms = [derivation.closed_form for derivation in update.derivations]
    if any(form.conditions for form in forms):
        return False
    parts = [part for form in forms for part in zip(form.factors, form.sums, strict=True)]
    return all(not factor.has(*DEPTHS) and _rises(total) for factor, total in parts)


@lru_cache(maxsize=64)
def rises_at_all_sizes(network: MLP, rates: tuple[Expr, ...] | Rates) -> bool:
    """Whether networks like ``network``, of every width and depth, are proven to rise so.

    False for widths that differ, and for multipliers that differ above layer 1.
    """
    if isinstance(rates, tuple):
        if len(set(rates[1:])) > 1:
            return False
        rates = ByGroup(rates[0], rates[-1], rates[-1])
    if isinstance(network.width, tuple):
        return False
    try:
        return certainly_rises(
            squared_update(replace(network, width=None, depth=None), ell, rates=rates)
        )
    except NotSolved:
        return False


def _rises(total: PowerSum) -> bool:
    """Whether one sum in ell and L never falls as ell grows."""
    here = total.at({L: ell + p})
    step = here.at({ell: ell + 1, p: p - 1}) + here.scaled(-total.ring.domain.one)
    by_distance: dict[Any, PowerSum] = {}
    for key, poly in step.terms.items():
        own, above = set(), set()
        for base, exponent in key:
            if base is None:
                return False
            if not certainly_at_least(base, total.ring.domain.zero, total.ring.domain):
                return False
            own.add((base, exponent.coeff(ell) * ell))
            above.add((base, exponent.coeff(p) * p))
        if any(monomial[DEPTHS.index(p)] for monomial in poly):
            return False
        distance = frozenset(pair for pair in above if pair[1] != 0)
        inner = PowerSum(total.ring, {frozenset(pair for pair in own if pair[1] != 0): poly})
        seen = by_distance.get(distance)
        by_distance[distance] = inner if seen is None else seen + inner
    return all(certainly_non_negative(inner) for inner in by_distance.values())


def certainly_non_negative(total: PowerSum) -> bool:
    """Whether a sum of at most two powers of ell is proven non-negative at every ell >= 1.

    Its first values are certified one by one, and the rest as in this module's formula.
    """
    domain = total.ring.domain
    for shift in range(_SHIFTS):
        moved = total.at({ell: ell + shift})
        if shift and not certainly_at_least(total.value(ell=shift), domain.zero, domain):
            return False
        if _all_weights_non_negative(moved):
            return True
    return False


def _all_weights_non_negative(total: PowerSum) -> bool:
    """Whether every weight q_i of the module's formula is certified."""
    domain, found = total.ring.domain, []
    for key, poly in total.terms.items():
        base = domain.one
        for each, exponent in key:
            base *= each ** int(exponent / ell)
        found.append((base, poly))
    if len(found) > 2:
        return False
    if len(found) < 2:
        return all(
            certainly_at_least(each, domain.zero, domain)
            for base, poly in found
            for each in _binomial_basis(poly, base)
        )
    (one, _), (two, _) = found
    if not certainly_at_least(two, one, domain):
        found.reverse()
    (beta, low), (alpha, high) = found
    if not certainly_at_least(alpha, beta, domain):
        return False
    gap = alpha - beta
    a_terms, b_terms = _binomial_basis(high, alpha), _binomial_basis(low, beta)
    start = len(b_terms)

    def weight(i: int) -> Any:
        value = sum((a * comb(i, k) / gap**k for k, a in enumerate(a_terms)), domain.zero)
        return value + b_terms[i] / gap**i if i < start else value

    head = [weight(i) for i in range(start)]
    tail = _differences([weight(start + j) for j in range(len(a_terms))])
    return all(certainly_at_least(each, domain.zero, domain) for each in (*head, *tail))


def _binomial_basis(poly: Any, base: Any) -> list[Any]:
    """The c_k of p(l) base^l = sum_k c_k binom(l, k) base^(l-k)."""
    index, domain = DEPTHS.index(ell), poly.ring.domain
    degree = max(monomial[index] for monomial in poly)
    values = [
        sum((c * int(Integer(i) ** m[index]) for m, c in poly.terms()), domain.zero)
        for i in range(degree + 1)
    ]
    return [difference * base**k for k, difference in enumerate(_differences(values))]


def _differences(values: list[Any]) -> list[Any]:
    """The forward differences of a polynomial at 0, from its first values."""
    found = []
    while values:
        found.append(values[0])
        values = [after - before for before, after in pairwise(values)]
    return found
