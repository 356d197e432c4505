"""How far z and f move when several groups of weights train at once, in any arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from theory.words.observables import K, Observable, f, g, x

__all__ = ["moved_layer", "moved_output"]


def moved_layer(
    update: Callable[[object], Any], groups: Sequence[object], alone: Sequence[Any], bound: Any
) -> Any:
    """E[(Delta z)^2] over ``bound`` with each of the ``groups``, given by its multipliers, at its
    rate ``alone``; ``update``: the mean by multipliers, None for all groups.

    A cross term is the whole less the shares: K is linear in the multipliers.
    """
    shares = [update(rates) for rates in groups]
    cross = update(None) - sum(shares[1:], start=shares[0])
    return len(shares) + cross * prod(alone) / bound


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
    squares = [whole(kernel**2, rates) for rates in groups]
    moved = (whole(kernel**2, None) - sum(squares[1:], start=squares[0])) * prod(inner)
    for square, rates, own in zip(squares, groups, inner, strict=True):
        moved += square * own**2 + 2 * readout * own * whole(norm * kernel, rates)
    return 1 + moved / bound
