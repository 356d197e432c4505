"""``python -m bench`` times our samplers and their peers in one run, and keeps the ratios."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from rich.console import Console

from bench.contest import contest, residual_contest, smooth_contest
from bench.libraries import MissingLibrary, require
from bench.limits import cores
from bench.machine import machine
from bench.plan import FULL, QUICK, Plan
from bench.precision import precision_runs
from bench.report import print_table, write_results
from bench.rows import Section
from bench.scaling import by_blocks, by_depth, by_width, by_width_of_blocks
from bench.starts import cold_starts
from bench.trials import best_settings

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results.json"


def studies(plan: Plan) -> list[Section]:
    """The sections in turn; first the settings, since the best settings enter the contest."""
    best, tried = best_settings(plan, cores())
    return [
        contest(plan, best),
        tried,
        residual_contest(plan),
        smooth_contest(plan),
        by_width(plan),
        by_depth(plan),
        by_width_of_blocks(plan),
        by_blocks(plan),
        precision_runs(plan),
        cold_starts(plan),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run everything; exit code 2 where a library is missing."""
    parser = ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the code")
    parser.add_argument("--out", type=Path, help=f"result file (default {RESULTS.name} in bench/)")
    options = parser.parse_args(arguments)
    try:
        require()
    except MissingLibrary as error:
        print(error, file=sys.stderr)
        return 2
    sections = studies(QUICK if options.quick else FULL)
    print_table(sections, Console(width=None if sys.stdout.isatty() else 160))
    out = options.out or (None if options.quick else RESULTS)
    if out is not None:
        write_results(out, machine(), sections)
    return 0


if __name__ == "__main__":
    sys.exit(main())
