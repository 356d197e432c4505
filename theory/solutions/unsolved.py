"""This module refuses observables whose mean is not solved at a layer, and gives the reason."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

from sympy import Symbol

from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network
from theory.networks.roles import Branch
from theory.validation import brief
from theory.words.letters import INNER
from theory.words.observables import Observable, checked_observable
from theory.words.word import word_text

__all__ = ["given_observable", "refuse_unsolved"]


def given_observable(observable: object) -> Observable:
    """``observable``, or `InvalidArgument` for a network in its place and for other values."""
    if isinstance(observable, Network):
        raise InvalidArgument(
            f"expected an observable before the network, got observable={brief(observable)}; give "
            f"derive(trace(K), {brief(observable)})"
        )
    return checked_observable(observable)


def refuse_unsolved(observable: Observable, network: Network, layer: Any) -> None:
    """Raise `InvalidArgument` or `NotSolved` where the mean of ``observable`` is not solved at
    ``layer`` of ``network``."""
    _refuse_bare_masks(observable, network, layer)
    _refuse_in_blocks(observable, network, layer)


def _refuse_in_blocks(observable: Observable, network: Network, layer: Any) -> None:
    """Refuse observables that a residual network does not have: masks of the stream, on which x is
    z, and observables inside a branch other than its movement."""
    factors = list(chain.from_iterable(word for word, _ in observable.terms))
    if isinstance(layer, Branch) and not set("".join(factors)) & set(INNER):
        raise NotSolved(
            f"observables inside a branch are not solved: use squared_update(network, {layer}) "
            f"for the movement of the branch, or give layer={layer.block} for the stream"
        )
    if network._depths and any("D" in re.sub("^zD*|D*z$", "", factor) for factor in factors):
        raise InvalidArgument(
            f"expected an observable without D for {network}, got observable={observable}; the "
            f"stream has no activation, so that x is z there: leave D out"
        )


def _refuse_bare_masks(observable: Observable, network: Network, layer: int | Symbol) -> None:
    """Refuse terms of masks and gradients alone above another ReLU layer.  A stream never dies.

    Where a layer below is inactive as a whole, the masks here are 0 and no fair coins, and in such
    a term nothing else vanishes with them: |g|^2 has the mean of fair coins times the chance that
    no layer below is inactive, the product of 1 - 2^-n over them, which is not rational in n.
    """
    bare = [word for word, _ in observable.terms if set() < set("".join(word)) <= {"D", "g"}]
    above = network._is_chain and layer != 1 and network.depth != 1
    if bare and above and network.activation.slope == 0:
        raise InvalidArgument(
            f"expected g and D of ReLU layers above the first in products with K or z, got the "
            f"term {word_text(bare[0])} of observable={observable}: where a whole layer below is "
            f"inactive the masks are no fair coins, and the mean is not rational in the width; "
            f"give layer=1, a leaky slope, or a product such as trace(D) * (z @ z)"
        )
