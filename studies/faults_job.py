"""This module runs the job whose process is killed: dozens of blocks of three cells into one store.

Importing this module draws a block of each cell, so that a process forked from one that has
imported it begins to work at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from studies.faulty_disk import Fault, faulty
from theory import MLP
from verify.inference.estimate import Block
from verify.runs.blocks import Piece
from verify.runs.configuration import configuration
from verify.runs.execution import Execution, Watch
from verify.runs.sampling import Sampling, draw_blocks
from verify.runs.store import kept_in
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents

__all__ = ["CELLS", "PIECES", "SAID", "work"]

CELLS = (
    Sampling(configuration(MLP(8, 3), sampler=Dense()), seed=1, samples=64 * 12 - 5),
    Sampling(configuration(MLP(16, 128), sampler=Gram()), seed=2, samples=1024 * 10),
    Sampling(
        configuration(MLP(2, 3), layer=(1, 3), sampler=RareEvents()), seed=3, samples=2**13 + 1
    ),
)
PIECES = frozenset(Piece(cell, k) for cell, s in enumerate(CELLS) for k in range(s.blocks))
SAID = ("found", "kept", "operation", "whole")
"""The messages of a working process: a piece that was there, a piece that it has kept, the number
of operations on its disk, and its merged results."""

for _cell in CELLS:
    draw_blocks(_cell.configuration, _cell.seed, {0: _cell.count(0)}, _cell.keep)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Tell(Watch):
    """Says each block once it is on the disk."""

    to: Connection

    def found(self, cell: int, samples: int) -> None:
        self.to.send(("found", cell))

    def advance(self, cell: int, samples: int) -> None:
        self.to.send(("kept", cell))


def work(path: Path, to: Connection, fault: Fault | None = None) -> None:
    """Draw the blocks that the store at ``path`` lacks, two at a time, on a disk with a ``fault``,
    and report each."""
    with faulty(fault) as disk:
        blocks = Execution(store=kept_in(path), watch=_Tell(to=to), ahead=3).run(CELLS)
        to.send(("operation", disk.operations))
    to.send(("whole", results(blocks)))
    to.close()


def results(blocks: Sequence[list[Block]]) -> tuple[str, ...]:
    """The merged results in hexadecimal digits."""
    estimates = [
        cell.estimate(drawn, scalar=False) for cell, drawn in zip(CELLS, blocks, strict=True)
    ]
    return tuple(
        array.tobytes().hex()
        for each in estimates
        for part in each.parts.values()
        for array in (part.log_mean, part.relative_standard_error)
    )
