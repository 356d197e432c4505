"""Where finished blocks are put while a run lasts: what a shelf is, and one in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import NamedTuple

from verify.inference.estimate import Block
from verify.numerics.software import Software
from verify.runs.block_order import Piece
from verify.runs.sampling import Sampling

__all__ = ["Drawn", "OpenShelf", "Shelf", "Turn", "in_memory"]


class Drawn(NamedTuple):
    """A finished block, and what made it."""

    piece: Piece
    block: Block
    software: Software


class Turn(NamedTuple):
    """``news``: pieces that others have finished; ``granted``: pieces to draw now."""

    news: Collection[Piece]
    granted: Collection[Piece]


class Shelf(ABC):
    """Blocks of some cells, by piece; perhaps shared with other processes."""

    @abstractmethod
    def turn(self, drawn: Sequence[Drawn], asked: Sequence[Piece]) -> Turn:
        """Put ``drawn`` on the shelf, for good when this returns, and claim ``asked``.

        The first turn's news are all that is there.  Pieces that are finished, or that others have
        claimed and still seem to draw, are not granted.
        """

    @abstractmethod
    def blocks(self, cell: int, count: int) -> list[Block]:
        """The first ``count`` blocks of a cell, all of which have been finished, each with the
        software that drew it."""


OpenShelf = Callable[[Sequence[Sampling]], AbstractContextManager[Shelf]]
"""What opens a shelf for some cells."""


class _Memory(Shelf):
    def __init__(self) -> None:
        self._blocks: dict[Piece, Block] = {}

    def turn(self, drawn: Sequence[Drawn], asked: Sequence[Piece]) -> Turn:
        for piece, block, software in drawn:
            self._blocks[piece] = replace(block, software=software)
        return Turn((), asked)

    def blocks(self, cell: int, count: int) -> list[Block]:
        return [self._blocks[Piece(cell, block)] for block in range(count)]


@contextmanager
def in_memory(_: Sequence[Sampling]) -> Iterator[Shelf]:
    """An empty shelf of this process alone, gone when it ends."""
    yield _Memory()
