"""This module tests mutants, each in a copy of the project and in a separate process."""

from __future__ import annotations

import math
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from studies.mutation_mutants import Mutant

__all__ = ["MEMORY", "Outcome", "Run", "enter_copy", "run_mutant", "run_tests"]

MEMORY = 12 * 2**30
"""Bytes that a mutant may ask for, so that one that counts for ever does not take the machine."""
PATIENCE = 30
"""Seconds by the clock for each second of processor time, before a run is taken to hang."""
LEFT_OUT = shutil.ignore_patterns(".*", "build", "runs", "dist", "__pycache__", "*.egg-info")
PRELOADED = ("hypothesis", "mpmath", "numba", "pytest", "scipy.stats", "sympy")
"""Libraries that every run would import anew: loaded once, before the process divides."""
OPTIONS = (
    *("-x", "-q", "-n", "0", "--tb=line", "-rfE", "-p", "no:cacheprovider"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """Whether the tests passed, the first that did not (or why none is named), and seconds."""

    passed: bool
    by: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """A mutant, its tests, and the seconds after which they count as failed."""

    mutant: Mutant
    tests: tuple[str, ...]
    limit: float


def enter_copy(project: Path, room: Path) -> None:
    """Go to a fresh copy of ``project`` in ``room``, without compiled files, for good."""
    folder = Path(tempfile.mkdtemp(dir=room)) / "project"
    shutil.copytree(project, folder, ignore=LEFT_OUT)
    os.chdir(folder)
    sys.dont_write_bytecode = True
    sys.path[:] = ["", *(path for path in sys.path if Path(path).resolve() != project.resolve())]
    os.environ |= {"NUMBA_CACHE_DIR": str(folder / "cache"), "OPENBLAS_NUM_THREADS": "1"}
    for library in PRELOADED:
        import_module(library)
    _warm_compiler()


def _warm_compiler() -> None:
    """Compile the array code that Numba itself needs, with the options of a pass
    (`verify.numerics.compiled`), so that no run compiles it anew: three of the eleven seconds that
    a pass takes."""
    numpy, compiled = import_module("numpy"), import_module("numba").njit

    def piece(given: Any) -> Any:
        out, flags = numpy.empty(given.size), numpy.ones(given.size, numpy.bool_)
        part = out[1:]
        part[:] = given[1:]
        part[:] = 0.0
        out[:] = given
        return numpy.zeros(given.size) if numpy.any(flags[1:]) else given

    compiled(error_model="numpy", nogil=True)(piece)(numpy.zeros(3))


def run_mutant(run: Run) -> Outcome:
    """Change the module in the working folder, run the tests, and put the module back."""
    path = Path(run.mutant.module)
    source = path.read_text(encoding="utf-8")
    path.write_text(run.mutant.of(source), encoding="utf-8")
    try:
        return run_tests(run.tests, run.limit)
    finally:
        path.write_text(source, encoding="utf-8")


def run_tests(tests: Sequence[str], limit: float = math.inf) -> Outcome:
    """The tests in the working folder, up to the first failure, for at most ``limit`` seconds of
    processor time, so that a busy machine, or a pause, kills no mutant."""
    with tempfile.TemporaryFile() as log:
        start = time.monotonic()
        process = os.fork()
        if process == 0:
            _child(tests, log.fileno(), limit)
        code = _wait(process, start + PATIENCE * limit)
        log.seek(0)
        text = log.read().decode("utf-8", "replace")
    named = FAILED.search(text)
    by = "timeout" if code is None else named[1] if named else f"exit code {code}: {text[-500:]}"
    return Outcome(code == 0, "" if code == 0 else by, time.monotonic() - start)


def _child(tests: Sequence[str], log: int, limit: float) -> None:
    """Become a separate process that runs the tests, writes to ``log`` and ends."""
    code = 70
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(log, stream)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        if limit < math.inf:
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit)))
        code = int(import_module("pytest").main([*OPTIONS, *tests]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(process: int, end: float) -> int | None:
    """The exit code of a child, or None if it had to be ended with all that it started."""
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return None if code in (-signal.SIGXCPU, -signal.SIGKILL) else code
        time.sleep(0.05)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None
