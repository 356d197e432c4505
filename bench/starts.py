"""This module times cold starts: processes until they print a law or a number, and a bare
import."""

from __future__ import annotations

import subprocess
import sys
from itertools import takewhile

from bench.plan import Plan
from bench.rows import Row, Section, Wanted
from bench.timing import Run, alternate

__all__ = ["cold_starts"]

_LAW = "python -m theory"
_NUMBERS = "python -m theory --width 1000 --depth 1000"
_IMPORT = "import sympy"
_BLOCKS = "squared_update(Residual()).exact"
_RATIONAL = "squared_update(Residual(1000, 500)).exact"
_ALL_DIGITS = "import sys; sys.set_int_max_str_digits(0)"
_COMMANDS = {
    _IMPORT: ("-c", "import sympy"),
    _LAW: ("-m", "theory"),
    _NUMBERS: ("-m", "theory", "--width", "1000", "--depth", "1000"),
    _BLOCKS: ("-c", f"from theory import *; print({_BLOCKS})"),
    _RATIONAL: ("-c", f"{_ALL_DIGITS}; from theory import *; {_RATIONAL}"),
}
_WANTED = {_BLOCKS: Wanted(5), _RATIONAL: Wanted(3)}
"""Seconds, with the imports."""


def _process(arguments: tuple[str, ...]) -> Run:
    """A process until its first paragraph is there, or until its end where it prints nothing."""

    def run(times: int) -> None:
        for _ in range(times):
            command = [sys.executable, *arguments]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                printed = bool(list(takewhile(str.strip, process.stdout)))
                if printed:
                    process.kill()
            if not printed and process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command)

    return run


def cold_starts(plan: Plan) -> Section:
    """Seconds to a process's first paragraph, over the import that every process needs."""
    runs = {name: (_process(arguments), 1) for name, arguments in _COMMANDS.items()}
    timings = alternate(runs, plan.rounds)
    bare = timings[_IMPORT]
    rows = tuple(
        Row(name, "", timing, "s", wanted=_WANTED[name])
        if name in _WANTED
        else Row(name, "", timing, "s", timing.over(bare))
        for name, timing in timings.items()
    )
    return Section("cold start", _IMPORT, rows)
