"""`close` follows words down until no new word arises, and finds their finite layer map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from itertools import chain
from operator import mul

from sympy.polys.matrices import DomainMatrix

from theory.waiting import announced
from theory.words.coefficients import Coefficient, StepParameters, evaluate
from theory.words.letters import BARE, MASKED, carried_face, junction
from theory.words.shapes import CellShape
from theory.words.step import word_below
from theory.words.word import Word, canonical_word, degree, word_text

__all__ = ["LayerMap", "StepMap", "chained", "close", "entered", "layer_map", "through"]


@dataclass(frozen=True)
class StepMap:
    """The expectation of words ``above`` a step as rows of coefficients on words ``below``.

    Invariants, checked when built: every word of a row is below, and has its row's degree.
    """

    above: tuple[Word, ...]
    below: tuple[Word, ...]
    rows: tuple[Mapping[Word, Coefficient], ...]

    def __post_init__(self) -> None:
        known = {word: degree(word) for word in self.below}
        for word, row in zip(self.above, self.rows, strict=True):
            own = degree(word)
            strays = [w for w in row if known.get(w) != own]
            if strays:
                raise AssertionError(f"the layer map of {word} leaves its words: {strays}")

    def matrix(self, step: StepParameters) -> DomainMatrix:
        """The map with the numbers of a step, shape (above, below)."""
        entries = [[evaluate(row.get(word, {}), step) for word in self.below] for row in self.rows]
        return DomainMatrix(entries, (len(self.above), len(self.below)), step.domain)

    def mask_powers(self) -> set[int]:
        """All p whose mask moment E[D^p] enters the map."""
        terms = (term for row in self.rows for coefficient in row.values() for term in coefficient)
        coins = (coin for term in terms for coin in term.coins)
        return {power for _, _, masks in coins for power in masks}


@dataclass(frozen=True)
class LayerMap:
    """The linear map by which a cell takes expectations of words to expectations of words below.

    ``words``: the closed set, sorted, as rows and columns.  ``steps``: the maps of the cell's steps
    from the top down, whose product it is.
    """

    words: tuple[Word, ...]
    steps: tuple[StepMap, ...]

    def __repr__(self) -> str:
        return f"LayerMap on {', '.join(map(word_text, self.words)) or 'no words'}"

    def matrix(self, cell: tuple[StepParameters, ...]) -> DomainMatrix:
        """The map of one cell, shape (words, words): rows above the cell, columns below."""
        return chained(self.steps, cell)

    def mask_powers(self) -> set[int]:
        """All p whose mask moment E[D^p] enters the map."""
        return set().union(*(step.mask_powers() for step in self.steps))


def chained(steps: Iterable[StepMap], cell: tuple[StepParameters, ...]) -> DomainMatrix:
    """The product of step maps from the top down, with the numbers of a cell from below up."""
    matrices = (step.matrix(numbers) for step, numbers in zip(steps, cell[::-1], strict=True))
    return reduce(mul, (matrix.to_sparse() for matrix in matrices)).to_dense()


def layer_map(words: tuple[Word, ...], cell: CellShape) -> LayerMap:
    """The map of a cell on closed ``words``."""
    return LayerMap(words, through(words, cell, words))


def close(seeds: Iterable[Word], *cells: CellShape) -> tuple[Word, ...]:
    """Follow ``seeds`` down through ``cells`` of any order until no new word arises, sorted.

    It ends: a cell conserves the degree, and there are finitely many words of each degree.
    """
    words: set[Word] = set()
    pending = list(seeds)
    with announced("derivation") as named:
        named(0)
        while pending:
            word = pending.pop()
            if word not in words:
                words.add(word)
                found = (through((word,), cell)[-1].below for cell in cells)
                pending.extend(chain.from_iterable(found))
    return in_order(words)


def through(
    words: Iterable[Word], cell: CellShape, below: tuple[Word, ...] | None = None
) -> tuple[StepMap, ...]:
    """The maps of the steps of ``cell`` from the top down, on the words that arise from ``words``
    above it; the last on the words ``below``."""
    maps: list[StepMap] = []
    above = tuple(words)
    spelled = tuple(entered(word, cell) for word in above)
    for number, step in enumerate(reversed(cell), 1):
        rows = tuple(word_below(word, step) for word in spelled)
        found = in_order({word for row in rows for word in row})
        if below is not None and number == len(cell):
            found = below
        maps.append(StepMap(above, found, rows))
        above = spelled = found
    return tuple(maps)


def in_order(words: Iterable[Word]) -> tuple[Word, ...]:
    """Words sorted by degree, number of factors and letters."""
    return tuple(sorted(words, key=lambda word: (degree(word), len(word), word)))


def entered(word: Word, cell: CellShape) -> Word:
    """A word of the last face of a cell, in the letters of the cell."""
    table, width = _table(cell)
    return canonical_word(factor.translate(table) or width for factor in word)


@cache
def _table(cell: CellShape) -> tuple[dict[int, str], str]:
    last = cell[-1][-1]
    inner = cell[0][0].number if len(cell) > 1 else None
    table = carried_face(last.number, inner)
    if not last.masked:
        pairs = zip(BARE + "z", MASKED + "x", strict=True)
        bare = {ord(before): table[ord(after)] for before, after in pairs}
        table = table | bare | {ord("D"): junction(last.number, 0)}
    return table, junction(last.number, 0)
