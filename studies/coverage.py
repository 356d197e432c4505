"""This study measures how often intervals and tests of `verify` miss the truth, cell by cell.

``make coverage`` or ``python -m studies.coverage`` simulates every cell many times over at a fixed
number of samples; the exact mean must lie in the interval, and the exact value must pass the test,
as often as stated.  It prints a table and keeps the numbers in studies/coverage.json.  The exit
code is 1 where some coverage is below nominal, at 1 % for all cells and levels together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from scipy.stats import binom

from studies.printing import print_uncoloured
from studies.repetitions import GRID, LEVEL, TEST_CHANCE, Coverage, StudyCell, study
from verify.inference.verdict import FAMILY_BUDGET, NOTICEABLE
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents

__all__ = ["CELLS", "coverage_table", "failures", "main"]

BUDGET = 0.01
"""Chance that a study of true levels fails anywhere."""
REPETITIONS = 2000
SEED = 20
RESULTS = Path(__file__).with_name("coverage.json")

CELLS = (
    StudyCell(Dense(), 16, 2, 100),
    StudyCell(Gram(), 64, 2, 30),
    StudyCell(Gram(), 10**6, 64, 200),
    StudyCell(Gram(), 64, 8, 30),
    StudyCell(Gram(), 64, 8, 300),
    StudyCell(Gram(), 64, 8, 3000),
    StudyCell(Gram(), 64, 8, 20_000),
    StudyCell(Gram(), 64, 16, 100),
    StudyCell(Gram(), 64, 16, 4000),
    StudyCell(Gram(), 64, 16, 20_000),
    StudyCell(Gram(), 16, 4, 3000),
    StudyCell(Gram(), 64, 32, 1000),
    StudyCell(Gram(), 8, 8, 3000),
    StudyCell(Gram(), 64, 64, 1000),
    StudyCell(RareEvents(), 32, 16, 100),
    StudyCell(RareEvents(), 32, 16, 3000),
    StudyCell(RareEvents(), 32, 32, 500),
    StudyCell(RareEvents(), 32, 32, 3000),
    StudyCell(RareEvents(), 32, 64, 3000),
    StudyCell(RareEvents(), 64, 64, 3000),
    StudyCell(RareEvents(), 16, 8, 3000, rates=(1, 1, 1, 1, 2), readout="1e-6"),
    StudyCell(RareEvents(), 16, 16, 3000, rates=(*[1] * 8, 2)),
    StudyCell(RareEvents(), 16, 48, 3000),
    StudyCell(RareEvents(), 16, 12, 3000, ratio=2, readout="1e-6"),
    StudyCell(RareEvents(), 16, 32, 3000, slope="1"),
    StudyCell(RareEvents(), 32, 32, 3000, slope="0.1", readout="1e-6"),
    StudyCell(RareEvents(), 16, 16, 3000, rates=(1, 0)),
    StudyCell(RareEvents(), 8, 40, 3000, rates=(1, 0)),
    StudyCell(RareEvents(), 8, 40, 3000, ratio=1_000_000),
    StudyCell(RareEvents(), 16, 16, 3000, rates=(*[0] * 15, 1)),
    StudyCell(RareEvents(), 16, 16, 3000, rates=(1, 0, 0, 0, 1, 0)),
    StudyCell(RareEvents(), 1, 8, 3000, slope="0.1", readout="1e-6"),
    StudyCell(RareEvents(), 1, 8, 3000, slope="0.5", readout="1e-6"),
    StudyCell(Gram(), 16, 8, 1000, rates=(1, 0)),
    StudyCell(Gram(), 16, 8, 1000, rates=(0, 0, 0, 1, 0)),
    StudyCell(Gram(), 1, 2, 3000, slope="0.1"),
    StudyCell(Conditioned(), 32, 4, 3000, step=1e-3),
)


def failures(results: Sequence[Coverage]) -> list[str]:
    """Cells whose coverage is below nominal: binomial tests at `BUDGET` for all together."""
    tests = [
        (each, name, misses, chance)
        for each in results
        for name, misses, chance in (
            ("interval", each.missed, 1 - LEVEL),
            ("test", each.alarms, TEST_CHANCE),
            ("grid test", each.grid_alarms, FAMILY_BUDGET / GRID),
        )
        if misses is not None
    ]
    return [
        f"{name}: {misses} misses of {each.repetitions} at {chance:g} in {each}"
        for each, name, misses, chance in tests
        if binom.sf(misses - 1, each.repetitions, chance) < BUDGET / len(tests)
    ]


def coverage_table(results: Sequence[Coverage]) -> Table:
    """One row per cell."""
    title = (
        f"{LEVEL:.0%} intervals and tests of exact values; naive: sample s.d., normal quantiles\n"
        f"alarms: at {TEST_CHANCE:.0%}, and at a grid's 1 % over {GRID} cells; -: declared "
        f"undecidable\n"
        f"widths: over the interval of an oracle; noticed: in one of {GRID} cells"
    )
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1))
    names = "sampler width depth kind samples s.d. covered naive alarms grid width naive noticed"
    for name in names.split():
        table.add_column(name, justify="right", no_wrap=True)
    for row in results:
        table.add_row(*_cells(row))
    return table


def _cells(row: Coverage) -> tuple[str, ...]:
    able = row.noticed is not None and row.noticed <= 1 - 1 / NOTICEABLE
    return (
        row.sampler,
        f"{row.width_of_network:,}",
        f"{row.depth}",
        row.kind,
        f"{row.samples:,}",
        _short(row.spread),
        f"{row.covered:.4f}" if row.missed is not None else f"({row.covered:.4f})",
        f"{row.naive:.3f}",
        "-" if row.alarms is None else str(row.alarms),
        "-" if row.grid_alarms is None else str(row.grid_alarms),
        _short(row.width),
        _short(row.naive_width),
        f"{row.noticed:.1%}" if row.noticed is not None and able else "-",
    )


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 100 else f"{number:.0e}"


def print_table(results: Sequence[Coverage]) -> None:
    """Print the table as plain text, without trailing blanks."""
    print_uncoloured(coverage_table(results), 156)


def kept_results() -> list[Coverage]:
    """The rows of the last study, from `RESULTS`."""
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [Coverage(**each) for each in record["cells"]]


def main(repetitions: int = REPETITIONS, cells: Sequence[StudyCell] = CELLS) -> int:
    """Run the study; the exit code."""
    console = Console(highlight=False, width=156)
    results = []
    for cell in cells:
        results.append(study(cell, repetitions, SEED))
        print(".", end="", file=sys.stderr, flush=True)
    console.print(coverage_table(results))
    failed = failures(results)
    for line in failed or ["coverage is nowhere below nominal, at 1 % for all cells and levels"]:
        console.print(line, soft_wrap=True)
    record: dict[str, Any] = {"level": LEVEL, "budget": BUDGET, "grid": GRID, "seed": SEED}
    record |= {"failures": failed, "cells": [asdict(each) for each in results]}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
