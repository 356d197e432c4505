"""This module strikes a job with one fault, checks the files that it leaves, and resumes the
job."""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from studies.faults_job import CELLS, PIECES, work
from studies.faulty_disk import Fault
from studies.store_text import canonical_text
from verify.runs.store import kept_in

__all__ = ["KINDS", "Reference", "Struck", "reference", "trial"]

KINDS = ("kill", "kill of one of two", "kill of both", "killed", "torn", "fsync", "full")
"""SIGKILL at a random instant, of a process alone, of one of two or of both on one store; a process
killed before a random write or sync of the store, or halfway through one; a disk whose syncs fail,
or that is full, from a random operation on."""
_LONGEST = 300.0


@dataclass(frozen=True)
class Reference:
    """The job undisturbed: its store as text, its results, operations, and seconds to a block."""

    text: str
    results: tuple[str, ...]
    operations: int
    gap: float


@dataclass(frozen=True)
class Struck:
    """The effect of a fault.  ``landed``: whether the job was still at work; ``kept``: blocks that
    it had reported as kept; ``there``: blocks in the store afterwards; ``lost``: kept but not
    there; ``doubled``: drawn again though there; ``equal``: whether store and results of the
    resumed job equal the undisturbed ones, byte for byte."""

    kind: str
    landed: bool
    kept: int
    there: int
    lost: int
    doubled: int
    equal: bool

    @property
    def sound(self) -> bool:
        """Whether nothing was lost or doubled, and all is equal."""
        return self.equal and not self.lost and not self.doubled


@dataclass
class _Job:
    """A working process, and its messages."""

    process: BaseProcess
    ear: Connection
    said: Counter[tuple[str, Any]] = field(default_factory=Counter)
    open: bool = True

    def hear(self, timeout: float) -> bool:
        """Whether something was said within ``timeout`` seconds."""
        try:
            if not self.ear.poll(timeout):
                return False
            self.said[self.ear.recv()] += 1
        except (EOFError, OSError):
            self.open = False
        return True

    def heard(self, what: str) -> int:
        """The number of messages ``what``."""
        return sum(count for (said, _), count in self.said.items() if said == what)

    def value(self, what: str) -> Any:
        """The value that it said last."""
        return next((value for said, value in self.said if said == what), None)

    def finish(self) -> None:
        """Hear it out."""
        end = time.monotonic() + _LONGEST
        while self.open and time.monotonic() < end:
            self.hear(1.0)
        self.process.join(_LONGEST)


def _begin(path: Path, fault: Fault | None = None) -> _Job:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["studies.faults_job"])
    ear, mouth = context.Pipe(duplex=False)
    process = context.Process(target=_quiet, args=(path, mouth, fault), daemon=True)
    process.start()
    mouth.close()
    return _Job(process, ear)


def _quiet(path: Path, to: Connection, fault: Fault | None) -> None:
    """The job; disks that fail end it without a traceback."""
    with suppress(OSError):
        work(path, to, fault)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        yield Path(folder) / "blocks.sqlite"


def reference() -> Reference:
    """The job undisturbed."""
    with _folder() as path:
        job = _begin(path)
        while not job.heard("kept"):
            job.hear(1.0)
        start = time.monotonic()
        job.finish()
        gap = (time.monotonic() - start) / len(PIECES)
        return Reference(_text(path), job.value("whole"), job.value("operation"), gap)


def trial(kind: str, seed: int, undisturbed: Reference) -> Struck:
    """Strike the job once, check the files that it leaves, and resume it."""
    chance = random.Random(seed)
    with _folder() as path:
        jobs = _strike(kind, path, chance, undisturbed)
        kept = Counter(cell for job in jobs for said, cell in job.said.elements() if said == "kept")
        there = _there(path)
        landed = any(job.value("whole") is None for job in jobs)
        again = _begin(path)
        again.finish()
        found = Counter(cell for said, cell in again.said.elements() if said == "found")
        return Struck(
            kind,
            landed,
            kept=sum(kept.values()),
            there=sum(there.values()),
            lost=_lost(jobs, there),
            doubled=again.heard("kept") + sum(there.values()) - len(PIECES),
            equal=found == there
            and again.value("whole") == undisturbed.results
            and _text(path) == undisturbed.text,
        )


def _lost(jobs: list[_Job], there: Counter[int]) -> int:
    """Blocks that one of the jobs had said were kept, by itself or by the other, and are not."""
    said = [
        Counter(cell for what, cell in job.said.elements() if what in ("found", "kept"))
        for job in jobs
    ]
    return sum((each - there).total() for each in said)


def _strike(kind: str, path: Path, chance: random.Random, undisturbed: Reference) -> list[_Job]:
    """The jobs of a trial, after one or all of them were struck and have ended."""
    if not kind.startswith("kill") or kind == "killed":
        fault = Fault(kind, chance.randint(1, undisturbed.operations))
        job = _begin(path, fault)
        job.finish()
        return [job]
    jobs = [_begin(path) for _ in range(1 if kind == "kill" else 2)]
    _await(jobs, chance.randrange(len(PIECES)))
    time.sleep(chance.uniform(0.0, 2.0 * undisturbed.gap))
    victims = jobs[:1] if kind == "kill of one of two" else jobs
    for job in victims:
        job.process.kill()
    for job in jobs:
        job.finish()
    return jobs


def _await(jobs: list[_Job], blocks: int) -> None:
    """Until so many blocks are kept, or all jobs have ended."""
    while any(job.open for job in jobs) and max(job.heard("kept") for job in jobs) < blocks:
        ready = wait([job.ear for job in jobs if job.open], timeout=1.0)
        for job in jobs:
            if job.ear in ready:
                job.hear(0.0)


def _there(path: Path) -> Counter[int]:
    """Blocks in the store by cell, each one read and checked."""
    if not path.exists():
        return Counter()
    with kept_in(path, new=False)(CELLS) as stored:
        news = list(stored.turn({}, ()).news)
        for cell in range(len(CELLS)):
            mine = sorted(piece.block for piece in news if piece.cell == cell)
            prefix = next((k for k, block in enumerate(mine) if k != block), len(mine))
            stored.blocks(cell, prefix)
        return Counter(piece.cell for piece in news)


def _text(path: Path) -> str:
    return "".join(canonical_text(path))
