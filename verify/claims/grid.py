"""This module chooses the networks for a claim: the default networks, or a user's grid, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sympy import Integer, Rational

from theory.claims.target import Claim, Target, sizes
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.symbols import L, a, n, n_0
from theory.validation import typed

__all__ = ["checked_grid", "default_grids", "network_of"]

_EXACT = ((4, 1), (8, 2), (16, 3), (64, 8))
_LEADING = ((10**9, 256), (10**9, 1024), (10**9, 4096))
_LEADING_BY_NEURONS = ((2**15, 16), (2**15, 32))
_JOINT = ((10**5, 1000), (16_000, 1000), (8192, 1024))
_JOINT_BY_NEURONS = ((2048, 128),)
_GRIDS = {
    Claim.EXACT: (_EXACT,),
    Claim.LEADING: (_LEADING, _LEADING_BY_NEURONS),
    Claim.JOINT: (_JOINT, _JOINT_BY_NEURONS),
}
"""Sizes (width, depth) by claim: for a limit those of networks near it, by norms and inner products
alone, and smaller ones for samplers of neurons and weights."""
_SIZES = {n_0: Integer(3), a: Rational(1, 2)}


def network_of(network: MLP, width: int, depth: int) -> MLP:
    """The network in numbers: of this width and depth where they are open, and small sizes for
    what else is."""
    values = {n: Integer(width), L: Integer(depth), **_SIZES}
    found: MLP = Target(network).at({s: values[s] for s in network.free_symbols}).network
    return found


def default_grids(target: Target, claim: Claim) -> Iterator[list[MLP]]:
    """The networks of a target that a claim is tried on, in order of preference: small ones for an
    identity, with depths from the layer on; wide and deep ones for a limit."""
    least = target.layer if isinstance(target.layer, int) else 1
    for pairs in _GRIDS[claim]:
        sizes_ = dict.fromkeys((width, max(depth, least)) for width, depth in pairs)
        grid = (network_of(target.network, width, depth) for width, depth in sizes_)
        yield [network for network in dict.fromkeys(grid) if _possible(target, network)]


def _possible(target: Target, network: MLP) -> bool:
    try:
        replace(target, network=network).multipliers()
    except InvalidArgument:
        return False
    return True


def checked_grid(target: Target, grid: object) -> list[MLP]:
    """The networks that a user gives, in numbers, each what the target's is at their sizes.

    Raises `InvalidArgument` for none, for what is no network and for a network of another kind.

    >>> checked_grid(Target(MLP()), (MLP(8, 2), MLP(16, 3)))
    [MLP(width=8, depth=2), MLP(width=16, depth=3)]
    """
    networks = list(grid) if isinstance(grid, Iterable) else []
    if not networks or not all(isinstance(each, MLP) for each in networks):
        raise InvalidArgument(
            f"expected networks in numbers for grid, got grid={typed(grid)}; give a list such as "
            f"[MLP(8, 2), MLP(32, 4)], or leave it out"
        )
    for network in networks:
        if network.free_symbols or not _is_of(target, network):
            raise InvalidArgument(
                f"expected networks like {target.network} with numbers for its sizes in grid, got "
                f"{network}; leave out what is not open there, or give the other kind as network"
            )
    return networks


def _is_of(target: Target, network: MLP) -> bool:
    """Whether a network of numbers is what the target's is at its sizes."""
    values = sizes(Target(network))
    point = {s: values[s] for s in target.network.free_symbols if s in values}
    there = Target(target.network).at(point).network
    return not there.free_symbols and _law_of(there) == _law_of(network)


def _law_of(network: MLP) -> tuple[Any, ...]:
    """All that the law of a network in numbers depends on, given or by default."""
    return network.widths, network.activation.slope, network.c, network.s, network.norm2
