"""This module kills ``python -m verify`` at a random instant, and resumes it with ``--resume``."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from studies.faults_trials import Struck
from studies.store_text import canonical_text
from verify.jobs.folder import CSV, RESULTS, STORE, has_begun

__all__ = ["COMMAND", "Whole", "command_reference", "command_trial"]

COMMAND = "kill of the command"
_CELLS = ["--width", "16", "64", "--depth", "4", "32", "--samples"]
_SAMPLES = 500_000
_LOOK = 0.002
"""Seconds between two looks for the store of a run that has just been started."""


@dataclass(frozen=True)
class Whole:
    """A run that nothing disturbed: its files, its store as text, seconds from the store's first
    byte to the end, and the options that define it."""

    files: tuple[bytes, ...]
    lines: tuple[str, ...]
    seconds: float
    options: tuple[str, ...]


def command_reference(samples: int = _SAMPLES) -> Whole:
    """The run undisturbed, of so many samples a cell."""
    options = (*_CELLS, str(samples))
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        run = Path(folder) / "run"
        process = _start("--out", run, *options)
        _await_store(process, run)
        start = time.monotonic()
        process.wait()
        return Whole(_files(run), _lines(run), time.monotonic() - start, options)


def command_trial(seed: int, whole: Whole) -> Struck:
    """Kill the command once, check the files that it leaves, and resume it."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        run = Path(folder) / "run"
        process = _start("--out", run, *whole.options)
        _await_store(process, run)
        time.sleep(chance.uniform(0.0, whole.seconds))
        process.kill()
        landed = process.wait() < 0
        begun = has_begun(run)
        there = _lines(run) if begun else ()
        (_start("--resume", run) if begun else _start("--out", run, *whole.options)).wait()
        after = _lines(run)
        return Struck(
            COMMAND,
            landed,
            kept=len(there),
            there=len(there),
            lost=len(set(there) - set(after)),
            doubled=len(after) - len(whole.lines),
            equal=after == whole.lines and _files(run) == whole.files,
        )


def _start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "verify", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _await_store(process: subprocess.Popen[bytes], run: Path) -> None:
    while process.poll() is None and not (run / STORE).exists():
        time.sleep(_LOOK)


def _files(run: Path) -> tuple[bytes, ...]:
    paths = (run / name for name in (RESULTS, CSV))
    return tuple(path.read_bytes() if path.exists() else b"" for path in paths)


def _lines(run: Path) -> tuple[str, ...]:
    return tuple(canonical_text(run / STORE))
