"""This module draws blocks of several cells on any executor, and stores each once it is finished.

Invariants: a piece is stored at most once, in whichever process it was drawn, and its bits are the
bits of `draw_blocks`; hence the result depends on which pieces are there, not on how they came to
be.  At most ``ahead`` tasks exist at once, so that memory is bounded, and little is
lost or drawn twice when a process ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from itertools import groupby, islice
from math import inf

from theory.errors import InvalidArgument
from verify.errors import LostWorkers
from verify.inference.estimate import Block
from verify.numerics.compiled import compiling
from verify.numerics.software import this_software
from verify.numerics.streams import MOST_BLOCKS
from verify.runs.blocks import (
    BlockStore,
    OpenStore,
    Piece,
    in_doubling_shares,
    in_memory,
)
from verify.runs.sampling import Sampling, draw_blocks

__all__ = ["Execution", "Watch", "checked_execution", "checked_progress"]

_AHEAD_PER_THREAD = 4
_AHEAD = 256
"""Tasks given to an executor at once, where its number of workers is unknown."""
_LOOK = 1.0
"""Seconds between two checks whether the workers are still there."""
_SHORT = 0.1
"""Seconds between two checks whether the blocks that had been begun are finished."""

Task = tuple[Piece, ...]
"""Pieces of one cell that are drawn in one go."""


@dataclass(frozen=True, eq=False)
class Watch:
    """A watch is called for every finished block; this watch calls ``progress`` with the index of
    the cell and the number of samples."""

    progress: Callable[[int, int], object] = lambda cell, samples: None

    def begin(self, samplings: Sequence[Sampling]) -> None:
        """A run of ``samplings`` begins."""

    def found(self, cell: int, samples: int) -> None:
        """A block of ``samples`` samples was finished before this run."""
        self.advance(cell, samples)

    def advance(self, cell: int, samples: int) -> None:
        """A block of ``samples`` samples is finished, here or by a process on the same store."""
        self.progress(cell, samples)


@dataclass(frozen=True, eq=False)
class Execution:
    """The settings for running blocks; the bits of blocks do not depend on it.

    ``executor``: any `concurrent.futures.Executor`; None for a thread per core.  ``ahead``: tasks
    given to it at once.  ``store``: where finished blocks go.  ``seconds``: after which no block is
    begun beyond the first of each cell; None for all.  ``alive``: raises where the workers are
    lost.  ``task``: expected seconds of work that are given to the executor in one go, in which
    several small blocks of a cell are drawn.
    """

    executor: Executor | None = None
    ahead: int | None = None
    store: OpenStore = in_memory
    watch: Watch = field(default_factory=Watch, repr=False)
    seconds: float | None = None
    alive: Callable[[], None] = lambda: None
    task: float = 0.0

    def __repr__(self) -> str:
        """The settings that are given, as code; help() shows it as a default."""
        shown = [(each, getattr(self, each.name)) for each in fields(self) if each.repr]
        given = (f"{each.name}={value!r}" for each, value in shown if value is not each.default)
        return f"Execution({', '.join(given)})"

    def run(self, samplings: Sequence[Sampling]) -> list[list[Block]]:
        """The blocks of each cell in order: all of them, or where time was up the longest run of
        finished blocks from the first on, at least one.

        Raises `InvalidArgument` for too many blocks, `LostWorkers` where the executor broke down;
        blocks finished before are stored then, and on a `KeyboardInterrupt` the blocks that
        had been begun too, but for those that wait for a compilation, which goes on in its thread.
        """
        blocks = sum(sampling.blocks for sampling in samplings)
        if blocks > MOST_BLOCKS:
            raise InvalidArgument(
                f"expected samples of {MOST_BLOCKS:,} blocks together at most, got "
                f"samples={max(sampling.samples for sampling in samplings)}, which makes "
                f"{blocks:,}; give fewer samples"
            )
        with self.store(samplings) as store:
            self.watch.begin(samplings)
            work = _Work(self, samplings, store)
            with self._pool() as pool:
                work.finish(pool)
            return [store.blocks(cell, count) for cell, count in enumerate(work.counts())]

    @contextmanager
    def _pool(self) -> Iterator[Executor]:
        if self.executor is not None:
            yield self.executor
            return
        pool, waits = ThreadPoolExecutor(os.cpu_count()), True
        try:
            yield pool
        except KeyboardInterrupt:
            waits = False  # `_Work.finish` waited for all but a compilation
            raise
        finally:
            pool.shutdown(wait=waits)

    @property
    def room(self) -> int:
        """Tasks given to the executor at once."""
        own = _AHEAD_PER_THREAD * (os.cpu_count() or 1)
        return self.ahead or (own if self.executor is None else _AHEAD)


def checked_execution(execution: object) -> Execution:
    """``execution``; `InvalidArgument` for a value that cannot run blocks."""
    if isinstance(execution, Execution):
        return execution
    raise InvalidArgument(
        f"expected an Execution for execution, got execution={execution!r}; give "
        f"Execution(executor), or leave it out for a thread per core"
    )


def checked_progress(progress: object) -> None:
    """Raise `InvalidArgument` for a value that is neither a function nor None."""
    if progress is not None and not callable(progress):
        raise InvalidArgument(
            f"expected a function for progress, got progress={progress!r}; give print, or leave it "
            f"out"
        )


class _Work:
    """The finished, the running and the remaining pieces."""

    def __init__(self, how: Execution, samplings: Sequence[Sampling], store: BlockStore) -> None:
        self._how, self._samplings, self._store = how, samplings, store
        self._end = inf if how.seconds is None else time.monotonic() + how.seconds
        blocks = [sampling.blocks for sampling in samplings]
        self._done = [bytearray(count) for count in blocks]
        self._ahead = self._tasks(in_doubling_shares(blocks))
        self._claimed: list[Piece] = []
        self._running: dict[Future[list[Block]], Task] = {}
        self._drawn: dict[Piece, Block] = {}

    def counts(self) -> list[int]:
        """Finished blocks of each cell, up to the first that is not."""
        prefixes = (done.find(0) for done in self._done)
        return [len(d) if p < 0 else p for d, p in zip(self._done, prefixes, strict=True)]

    def finish(self, pool: Executor) -> None:
        """Draw until all is finished or time is up."""
        try:
            self._note(self._store.turn({}, ()).news, self._how.watch.found)
            while self._begin(pool) or self._running:
                self._wait()
        except (KeyboardInterrupt, LostWorkers, BrokenExecutor, CancelledError) as error:
            if isinstance(error, KeyboardInterrupt):
                begun = [future for future in self._running if not future.cancel()]
                while not compiling() and wait(begun, timeout=_SHORT).not_done:
                    pass
            self._rescue()
            if isinstance(error, BrokenExecutor | CancelledError):
                raise LostWorkers(f"the workers were lost in mid-run: {error!r}") from error
            raise
        finally:
            for future in self._running:
                future.cancel()

    def _begin(self, pool: Executor) -> bool:
        """Store the drawn pieces, and begin as many tasks as there is room for; returns whether
        there was a task left to begin."""
        tasks = list(islice(self._ahead, self._how.room - len(self._running)))
        asked = [piece for task in tasks for piece in task]
        mine = set(self._turn(asked))
        self._claimed += [piece for piece in asked if piece not in mine]
        stolen = [] if asked or self._running else self._steal()
        begun = [tuple(piece for piece in task if piece in mine) for task in tasks]
        for task in (*filter(None, begun), *((piece,) for piece in stolen)):
            self._running[self._submit(pool, task)] = task
        return bool(asked)

    def _turn(self, asked: Sequence[Piece]) -> Collection[Piece]:
        """The pieces granted."""
        news, granted = self._store.turn(self._drawn, asked)
        self._note([*self._drawn, *news], self._how.watch.advance)
        self._drawn = {}
        return granted

    def _tasks(self, ahead: Iterator[Piece]) -> Iterator[Task]:
        """Pieces not finished, in order; once time is up only the first of each cell."""
        wanted = (
            piece
            for piece in ahead
            if not self._finished(piece) and not (piece.block and self._late())
        )
        for cell, pieces in groupby(wanted, key=lambda piece: piece.cell):
            while task := tuple(islice(pieces, self._pieces_of_a_task(cell))):
                yield task

    def _pieces_of_a_task(self, cell: int) -> int:
        sampling = self._samplings[cell]
        seconds = sampling.configuration.seconds * sampling.block_size
        return max(1, int(self._how.task / seconds))

    def _steal(self) -> list[Piece]:
        """A few pieces that others have claimed and not finished, from the last on."""
        left = [p for p in self._claimed if not self._finished(p)]
        left = [p for p in left if not (p.block and self._late())]
        few = max(1, self._how.room // _AHEAD_PER_THREAD)
        self._claimed, taken = left[:-few], left[-few:]
        return taken[::-1]

    def _finished(self, piece: Piece) -> bool:
        return bool(self._done[piece.cell][piece.block])

    def _late(self) -> bool:
        return time.monotonic() >= self._end

    def _submit(self, pool: Executor, task: Task) -> Future[list[Block]]:
        sampling = self._samplings[task[0].cell]
        counts = {piece.block: sampling.count(piece.block) for piece in task}
        return pool.submit(
            draw_blocks, sampling.configuration, sampling.seed, counts, sampling.keep
        )

    def _wait(self) -> None:
        """Wait until a task is finished."""
        if self._late():
            self._drop()
        while self._running:
            finished, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in finished:
                self._take(future)
            if finished:
                return
            self._how.alive()

    def _take(self, future: Future[list[Block]]) -> None:
        task = self._running.pop(future)
        blocks = future.result()
        maker = blocks[0].software or this_software()
        difference = maker.difference(this_software(), processor=False)
        if difference:
            raise LostWorkers(
                f"expected workers with the software of this process, got a worker with "
                f"{difference}; install the same versions on all machines"
            )
        self._drawn |= zip(task, blocks, strict=True)

    def _drop(self) -> None:
        """Cancel the tasks that have not begun, except first blocks."""
        for future, task in list(self._running.items()):
            if task[0].block and future.cancel():
                del self._running[future]

    def _rescue(self) -> None:
        """Store the finished pieces."""
        for future in [each for each in self._running if each.done()]:
            with suppress(Exception, CancelledError):
                self._take(future)
        self._turn(())

    def _note(self, pieces: Collection[Piece], tell: Callable[[int, int], None]) -> None:
        for piece in pieces:
            if not self._finished(piece):
                self._done[piece.cell][piece.block] = 1
                tell(piece.cell, self._samplings[piece.cell].count(piece.block))
