"""Cold starts: whole processes of the command line, beside a bare import of SymPy."""

from __future__ import annotations

import subprocess
import sys

from bench.plan import Plan
from bench.rounds import Run, alternate
from bench.rows import Row, Section

__all__ = ["cold_starts"]

_LAW = "python -m theory"
_NUMBERS = "python -m theory --width 1000 --depth 1000"
_IMPORT = "import sympy"
_COMMANDS = {
    _IMPORT: ("-c", "import sympy"),
    _LAW: ("-m", "theory"),
    _NUMBERS: ("-m", "theory", "--width", "1000", "--depth", "1000"),
}


def _process(arguments: tuple[str, ...]) -> Run:
    def run(times: int) -> None:
        for _ in range(times):
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run


def cold_starts(plan: Plan) -> Section:
    """Seconds of a process, against the import that none of them can do without."""
    runs = {name: (_process(arguments), 1) for name, arguments in _COMMANDS.items()}
    timings = alternate(runs, plan.rounds)
    bare = timings[_IMPORT]
    rows = (Row(name, "", timing, "s", timing.over(bare)) for name, timing in timings.items())
    return Section("cold start", _IMPORT, tuple(rows))
