"""This module orders the blocks of several cells in shares that double, and keeps finished blocks.

After each share every cell has the same part of its blocks, 1/2^k of them, or its first block;
where all numbers of samples are planned for one relative standard error, the cells then share one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from verify.inference.estimate import Block
from verify.runs.sampling import Sampling

__all__ = [
    "BlockStore",
    "OpenStore",
    "Piece",
    "Turn",
    "in_doubling_shares",
    "in_memory",
]


class Piece(NamedTuple):
    """Block ``block`` of the cell with index ``cell``."""

    cell: int
    block: int


def in_doubling_shares(blocks: Sequence[int]) -> Iterator[Piece]:
    """All pieces of cells of ``blocks`` blocks each; the first block of each cell comes first.

    Law: a function of ``blocks`` alone; within a cell, blocks come in their order.

    >>> [(piece.cell, piece.block) for piece in in_doubling_shares([4, 1, 2])]
    [(0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (0, 3), (2, 1)]
    """
    done = [0] * len(blocks)
    for left in range(max(blocks, default=0).bit_length(), -1, -1):
        for cell, total in enumerate(blocks):
            goal = -(-total // 2**left)
            yield from (Piece(cell, block) for block in range(done[cell], goal))
            done[cell] = goal


class Turn(NamedTuple):
    """``news``: pieces that others have finished; ``granted``: pieces to draw now."""

    news: Collection[Piece]
    granted: Collection[Piece]


class BlockStore:
    """A store of the finished blocks of some cells, by piece; this store is in memory, and no other
    process shares it."""

    def __init__(self) -> None:
        self._blocks: dict[Piece, Block] = {}

    def turn(self, drawn: Mapping[Piece, Block], asked: Sequence[Piece]) -> Turn:
        """Keep the blocks ``drawn``, for good when this returns, and claim ``asked``.

        The news of the first turn are all finished blocks.  Pieces that are finished, or that
        others have claimed and still seem to draw, are not granted.
        """
        self._blocks.update(drawn)
        return Turn((), asked)

    def blocks(self, cell: int, count: int) -> list[Block]:
        """The first ``count`` blocks of a cell, all of which have been finished."""
        return [self._blocks[Piece(cell, block)] for block in range(count)]


OpenStore = Callable[[Sequence[Sampling]], AbstractContextManager[BlockStore]]
"""Opens a store for some cells."""


@contextmanager
def in_memory(_: Sequence[Sampling]) -> Iterator[BlockStore]:
    """An empty store of this process alone, gone when it ends."""
    yield BlockStore()
