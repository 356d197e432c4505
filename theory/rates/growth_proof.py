"""`certainly_rises` proves that the update grows from layer to layer, at every width and depth.

Put L = l + p, so that layer l lies p layers below the last.  Each part of the update is a sum of
powers and polynomials in l, times a power of p; its step, from layer l to layer l + 1 of the same
network, is again a sum of at most two powers, y(l) = p alpha^l + q beta^l with
alpha >= beta >= 0.  If its `theory.algebra.binomial_weights` are non-negative in
the field, so is every step.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sympy import Expr

from theory.algebra.binomial_weights import binomial_basis, certified_weights
from theory.algebra.fields import certainly_at_least
from theory.algebra.power_sum import DEPTHS, PowerSum
from theory.errors import NotSolved
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.multipliers import ByGroup, Rates
from theory.networks.network import Network
from theory.symbols import L, ell, p

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
def rises_at_all_sizes(network: Network, rates: tuple[Expr, ...] | Rates) -> bool:
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
            squared_update(network._with(width=None, depth=None), ell, rates=rates)
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

    Its first values are certified one by one, and the rest by `theory.algebra.binomial_weights`.
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
    """Whether every weight over binomials is certified."""
    domain, found = total.ring.domain, total.powers(ell, "growth from layer to layer is")
    if len(found) > 2:
        return False
    if len(found) < 2:
        return all(
            certainly_at_least(each, domain.zero, domain)
            for base, poly in found
            for each in binomial_basis(poly, base, ell)
        )
    return certified_weights(found, ell, domain) is not None
