"""`word_maps` derives the words and layer maps of an observable, once for every network.

``derive(observable, network)`` averages, in this order, the readout (`theory.words.gradients`), the
cells above the observable (a layer map on the carried words), the observable's own cell, and
the cells below (a layer map on the kernel words).  Everything here is independent of the
network's sizes; `theory.exact.recursion` inserts the sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.words.closure import LayerMap, StepMap, chained, close, layer_map, through
from theory.words.coefficients import StepParameters
from theory.words.gradients import GradientTerm, gradient_terms
from theory.words.letters import INNER
from theory.words.observables import Observable
from theory.words.shapes import PLAIN, CellShape
from theory.words.word import Word

__all__ = ["CellMaps", "Source", "WordMaps", "word_maps"]


@dataclass(frozen=True, eq=False)
class Source:
    """One term of an observable over its own cell: carried words as shares of words in K, D and z
    (``shares``), and these as kernel words below (``steps``); over ``over`` powers of the width of
    the cell's last site, ``site``."""

    shares: tuple[Mapping[Word, Fraction], ...]
    steps: tuple[StepMap, ...]
    site: int
    over: int

    def matrix(self, cell: tuple[StepParameters, ...]) -> DomainMatrix:
        """The map with the numbers of a cell, shape ``(carried words, kernel words)``."""
        domain, words = cell[0].domain, self.steps[0].above
        entries = [[_number(domain, row.get(w)) for w in words] for row in self.shares]
        shares = DomainMatrix(entries, (len(entries), len(words)), domain)
        return shares * chained(self.steps, cell) * (1 / cell[-1].widths[self.site] ** self.over)


@dataclass(frozen=True, eq=False)
class CellMaps:
    """The maps of one shape of cell: ``kernel`` and ``carried`` words, and a source a term."""

    kernel: LayerMap
    carried: LayerMap
    sources: tuple[Source, ...]


@dataclass(frozen=True, eq=False)
class WordMaps:
    """An observable's derivation, before any size is known.

    ``terms[k]``: its k-th term; ``cells``: the maps of each shape of cell, the last of which is
    the cell that repeats; no sources where the observable is of a site that a cell does not have.
    """

    observable: Observable
    terms: tuple[GradientTerm, ...]
    cells: Mapping[CellShape, CellMaps]

    @property
    def _main(self) -> CellMaps:
        return list(self.cells.values())[-1]

    @property
    def kernel(self) -> LayerMap:
        """The layer map of the kernel words."""
        return self._main.kernel

    @property
    def carried(self) -> LayerMap:
        """The layer map of the words above the observable."""
        return self._main.carried

    def source(self, index: int, cell: tuple[StepParameters, ...]) -> DomainMatrix:
        """Term ``index`` over its own cell, one that repeats, shape ``(carried, kernel words)``."""
        return self._main.sources[index].matrix(cell)

    def mask_powers(self) -> set[int]:
        """All p whose mask moment E[D^p] enters a map of a cell that repeats."""
        maps: tuple[LayerMap | Source, ...] = (self.kernel, self.carried, *self._main.sources)
        steps = chain.from_iterable(each.steps for each in maps)
        return set().union(*(step.mask_powers() for step in steps))

    def __reduce__(self) -> tuple[Any, ...]:
        return word_maps, (self.observable, *self.cells)

    def __repr__(self) -> str:
        return f"WordMaps of {self.observable}: {self.kernel!r} below, {self.carried!r} above"


@lru_cache(maxsize=256)
def word_maps(observable: Observable, *shapes: CellShape) -> WordMaps:
    """Derive ``observable``: its words, and the maps that carry them through cells of ``shapes``;
    of a plain layer where none is given."""
    shapes = shapes or (PLAIN,)
    terms = gradient_terms(observable)
    carried = close(chain.from_iterable(term.top for term in terms), *shapes)
    spelled = [_unfolded(term, close(term.top, *shapes), carried) for term in terms]
    own = [shape for shape in shapes if len(shape) > 1 or not _is_inside(terms)]
    seeds = (through(_words(shares), shape)[-1].below for shares in spelled for shape in own)
    kernel, over = close(chain.from_iterable(seeds), *shapes), observable.over
    cells = {
        shape: CellMaps(
            kernel=layer_map(kernel, shape),
            carried=layer_map(carried, shape),
            sources=tuple(
                Source(shares, through(_words(shares), shape, kernel), shape[-1][-1].number, over)
                for shares in spelled
                if shape in own
            ),
        )
        for shape in shapes
    }
    return WordMaps(observable, terms, cells)


def _is_inside(terms: Iterable[GradientTerm]) -> bool:
    """Whether an observable is of a site inside a cell, which a cell of one site does not have."""
    texts = (chain(term.carried.values(), term.spectators) for term in terms)
    return any(letter in INNER for text in chain.from_iterable(texts) for letter in text)


def _unfolded(
    term: GradientTerm, own: Iterable[Word], carried: Iterable[Word]
) -> tuple[Mapping[Word, Fraction], ...]:
    """For each carried word, its spelling in K, D and z; empty for the words of other terms."""
    words = set(own)
    return tuple(term.unfold(word) if word in words else {} for word in carried)


def _words(shares: Iterable[Mapping[Word, Fraction]]) -> tuple[Word, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(shares)))


def _number(domain: Domain, share: Fraction | None) -> Any:
    return domain(share.numerator) / domain(share.denominator) if share else domain.zero
