"""The cross terms of groups of weights that train together, exact and to leading order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from sympy import Expr, Integer, Poly, powsimp, sqrt

from theory.algebra.power_sum import DEPTHS
from theory.errors import NotSolved
from theory.laws.update import squared_update
from theory.limits.blocks import leading_in_blocks
from theory.limits.expansions import summed
from theory.limits.infinite_width import highest_degree
from theory.networks.groups import joined
from theory.networks.network import Network
from theory.symbols import B
from theory.words.observables import K, Observable, f, g, x

__all__ = ["aligned_blocks", "aligned_layers", "moved_layer", "moved_output", "root_of_limit"]

_ORDERS = 2


def moved_layer(
    update: Callable[[object], Any], groups: Sequence[object], alone: Sequence[Any], bound: Any
) -> Any:
    """E[(Delta z)^2] over ``bound`` with each of the ``groups``, given by its multipliers, at its
    rate ``alone``; ``update``: the mean by multipliers."""
    return len(groups) + _crosses(update, groups, alone) / bound


def moved_output(
    mean: Callable[[Observable, object], Any],
    groups: Sequence[object],
    alone: Sequence[Any],
    bound: Any,
) -> Any:
    """E[(Delta f)^2] over ``bound`` with the ``groups`` and the readout, last in ``alone``, each at
    its rate; ``mean``: of an observable by multipliers."""

    def whole(observable: Observable, rates: object) -> Any:
        return mean(observable, rates) + mean(f**2 * observable, rates)

    kernel, norm, (*inner, readout) = g @ K @ g, x @ x, alone
    moved = _crosses(lambda rates: whole(kernel**2, rates), groups, inner)
    for rates, own in zip(groups, inner, strict=True):
        moved += whole(kernel**2, rates) * own**2 + 2 * readout * own * whole(norm * kernel, rates)
    return 1 + moved / bound


def _crosses(
    square: Callable[[object], Any], groups: Sequence[object], alone: Sequence[Any]
) -> Any:
    """The cross terms of a mean square of groups, each at its rate ``alone``."""
    pairs = combinations(zip(groups, alone, strict=True), 2)
    return sum(
        (square(joined(a, b)) - square(a) - square(b)) * one * other
        for (a, one), (b, other) in pairs
    )


def aligned_layers(network: Network, one: object, other: object) -> Expr:
    """The cross term of two groups over the root of both squares, to leading order."""
    cases = (joined(one, other), one, other)
    series = [squared_update(network, rates=rates).solved_series(_ORDERS) for rates in cases]
    cross = [both - left - right for both, left, right in zip(*series, strict=True)]
    (i, both), (j, left), (k, right) = (_leading(each) for each in (cross, *series[1:]))
    if 2 * i != j + k:
        raise NotSolved("the groups' updates are not aligned to leading order: give numbers")
    return both / sqrt(left * right)


def aligned_blocks(network: Network, one: object, other: object) -> Expr:
    """The same in blocks: 0 where the cross term is of a lower order."""
    both, *shares = (squared_update(network, rates=r) for r in (joined(one, other), one, other))
    cross = list(both.sums)
    for share in shares:
        cross += [(-weight, total) for weight, total in share.sums]
    (i, top), (j, left), (k, right) = (
        leading_in_blocks(sums) for sums in (summed(cross), *(share.sums for share in shares))
    )
    if 2 * i < j + k:
        return Integer(0)
    return root_of_limit(top**2 / (left * right))


def root_of_limit(square: Expr) -> Expr:
    """The root of the limit of a bounded monomial in B."""
    number, power = powsimp(square).as_coeff_exponent(B)
    if power > 0 or number.has(B):
        raise NotSolved("the shares have no limit in the number of blocks: give numbers")
    return sqrt(number) if power == 0 else Integer(0)


def _leading(series: Sequence[Expr]) -> tuple[int, Expr]:
    """The first order in 1/n that does not vanish, and its highest power of the depth."""
    for order, coefficient in enumerate(series):
        if not coefficient.is_polynomial(*DEPTHS):
            raise NotSolved(
                "the limit of the share is solved at the critical weight variance: give numbers"
            )
        if not Poly(coefficient, *DEPTHS).is_zero:
            return order, highest_degree(coefficient, *DEPTHS)
    raise NotSolved(
        f"the first {len(series)} coefficients of the series in 1/n vanish: give sizes as numbers"
    )
