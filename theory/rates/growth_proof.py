"""`certainly_rises` proves that the update grows from layer to layer, at every width and depth.

The mean at layer l is c_l S k, where k >= 0 are the kernel words below it, S is the map of the
cell of layer l, and c_l >= 0 the coefficients of the words above.  One layer further up it is
c S' M k with c_l = c C', where M takes the kernel words through the cell of layer l, and C' the
words above through the cell of layer l + 1.  So if every entry of S' M - C' S is non-negative, per
neuron, the update rises from l to l + 1 whatever the depth.  The code certifies the entries in
their field, for all sizes at once.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, islice
from typing import Any

from sympy import sympify
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import certainly_at_least
from theory.errors import NotSolved
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.network import Network
from theory.networks.sites import Cell
from theory.words.shapes import cell_parameters, shape_of
from theory.words.word_maps import WordMaps

__all__ = ["certainly_rises", "rises_at_all_sizes"]

_MOST_CELLS = 64
"""Different neighbours that are compared."""


def certainly_rises(update: SquaredUpdate) -> bool:
    """Whether E[(Delta z)^2] is proven never to fall from a layer to the next, in the network, with
    the multipliers, and in the stream or the branches of ``update``, at any depth."""
    try:
        found = update.network._neighbours(update.derivations[0].rates)
        pairs = set(islice(dict.fromkeys(found), _MOST_CELLS + 1))
    except NotSolved:
        return False
    return len(pairs) <= _MOST_CELLS and all(
        _rises(derivation.word_maps, index, derivation.domain, pair)
        for derivation in update.derivations
        for pair in pairs
        for index in range(len(derivation.word_maps.terms))
    )


@lru_cache(maxsize=256)
def rises_at_all_sizes(network: Network, rates: Any) -> bool:
    """Whether networks like ``network``, of every width and depth, are proven to rise so."""
    try:
        opened, multipliers = network._opened(rates)
        return certainly_rises(squared_update(opened, rates=multipliers))
    except NotSolved:
        return False


@lru_cache(maxsize=256)
def _rises(word_maps: WordMaps, index: int, domain: Domain, pair: tuple[Cell, Cell]) -> bool:
    """Whether one term rises from a cell to the next.

    Below a cell that no equal one follows may be the input, whose kernel words are zero; they are
    certified all the same.
    """
    lower, upper = pair
    below, above = word_maps.cells[shape_of(lower)], word_maps.cells[shape_of(upper)]
    if not below.sources:
        return True
    here, there = cell_parameters(domain, lower), cell_parameters(domain, upper)
    wide = [domain.from_sympy(sympify(cell[-1][-1].width)) for cell in pair]
    step = above.sources[index].matrix(there) * below.kernel.matrix(here) * wide[0]
    step -= above.carried.matrix(there) * below.sources[index].matrix(here) * wide[1]
    entries = chain.from_iterable(step.to_list())
    return all(certainly_at_least(entry, domain.zero, domain) for entry in entries)
