"""Observables whose mean is not derived are refused here, each in one sentence."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import chain
from math import ceil
from typing import Any

from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network
from theory.networks.roles import Branch
from theory.validation import brief
from theory.words.letters import INNER
from theory.words.observables import Observable
from theory.words.word import Word, word_text

__all__ = ["is_odd", "refuse_bare_masks", "refuse_in_blocks", "refuse_long"]

_MOST_INDICES, _MOST_OF_VECTORS = 8, 11
"""Indices of neurons in a term with kernels, which then takes ten minutes, and in one without."""


def is_odd(word: Word) -> bool:
    """Whether a term is odd in the readout v, so that its mean is 0."""
    return sum(factor.count("g") for factor in word) % 2 == 1


def refuse_long(observable: Observable) -> None:
    """Raise `InvalidArgument` for an observable whose words take hours to average.

    A word of k neuron indices is a sum over the set partitions of them, and of kernels over the
    pairings of their rows too: each index more takes five to ten times as long.
    """
    for word in (word for word, _ in observable.terms if not is_odd(word)):
        most = _MOST_INDICES if any("K" in factor for factor in word) else _MOST_OF_VECTORS
        indices = ceil(sum(map(_indices, word)))
        if indices > most:
            raise InvalidArgument(
                f"expected at most {most} indices of neurons in each term of observable, got "
                f"{indices} in {brief(word_text(word), write=str)}, whose mean takes hours; give a "
                f"lower power, or simulate it"
            )


def _indices(factor: str) -> Fraction:
    """The sums over neurons that a factor holds; two f share one once the readout is averaged."""
    if factor == "gz":
        return Fraction(1, 2)
    return Fraction(max(1, factor.count("K") + (factor[:1] == "z")))


def refuse_in_blocks(observable: Observable, network: Network, layer: Any) -> None:
    """Refuse what a residual network does not have: masks of the stream, on which x is z, and
    observables inside a branch other than its movement."""
    factors = list(chain.from_iterable(word for word, _ in observable.terms))
    if isinstance(layer, Branch) and not set("".join(factors)) & set(INNER):
        raise NotSolved(
            f"observables inside a branch are not solved: ask squared_update(network, {layer}) for "
            f"its movement, or give layer={layer.block} for the stream"
        )
    if network._depths and any("D" in re.sub("^zD*|D*z$", "", factor) for factor in factors):
        raise InvalidArgument(
            f"expected an observable without D for {network}, got observable={observable}; the "
            f"stream has no activation, so that x is z there: leave D out"
        )


def refuse_bare_masks(observable: Observable, network: Network, layer: Any) -> None:
    """Refuse terms of masks and gradients alone above another ReLU layer.

    Where a layer below is inactive as a whole, the masks here are 0 and no fair coins, and in such
    a term nothing else vanishes with them: |g|^2 has the mean of fair coins times the chance that
    no layer below is inactive, the product of 1 - 2^-n over them, which is not rational in n.
    """
    bare = [word for word, _ in observable.terms if set() < set("".join(word)) <= {"D", "g"}]
    if bare and network.activation.slope == 0 and layer != 1 and network.depth != 1:
        raise InvalidArgument(
            f"expected g and D of ReLU layers above the first in products with K or z, got the "
            f"term {word_text(bare[0])} of observable={observable}: where a whole layer below is "
            f"inactive the masks are no fair coins, and the mean is not rational in the width; "
            f"give layer=1, a leaky slope, or a product such as trace(D) * (z @ z)"
        )
