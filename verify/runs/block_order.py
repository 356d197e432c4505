"""The order in which the blocks of several cells are drawn: rounds that double, all cells together.

After each round every cell has the same share of its blocks, 1/2^k of them, or its first one; where
numbers of samples were planned for one relative standard error, all cells have the same one then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Piece", "in_rounds"]


class Piece(NamedTuple):
    """Block ``block`` of the cell with index ``cell``."""

    cell: int
    block: int


def in_rounds(blocks: Sequence[int]) -> Iterator[Piece]:
    """All pieces of cells of so many ``blocks`` each; the first block of each cell comes first.

    Law: a function of ``blocks`` alone; within a cell, blocks come in their order.

    >>> [(piece.cell, piece.block) for piece in in_rounds([4, 1, 2])]
    [(0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (0, 3), (2, 1)]
    """
    rounds = max(blocks, default=0).bit_length()
    done = [0] * len(blocks)
    for left in range(rounds, -1, -1):
        for cell, total in enumerate(blocks):
            goal = -(-total // 2**left)
            yield from (Piece(cell, block) for block in range(done[cell], goal))
            done[cell] = goal
