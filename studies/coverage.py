"""Coverage study: how often intervals and tests of `verify` miss the truth, cell by cell.

``make coverage`` or ``python -m studies.coverage``: every cell is simulated many times over at a
fixed number of samples; the exact mean must lie in the interval, and the exact law must pass the
test, as often as stated.  Prints a table and keeps the numbers in studies/coverage.json.  The exit
code is 1 where some coverage is below nominal, at 1 % for all cells and levels together.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import log
from rich import box
from rich.console import Console
from rich.table import Table
from scipy.special import ndtri
from scipy.stats import binom

from theory import MLP
from verify.compare import STEP_ALLOWANCE, exact_law, known_spread
from verify.conditioned import Conditioned
from verify.dense import Dense
from verify.estimate import merge, sum_block
from verify.gram import Gram
from verify.inference import Interval
from verify.inference_evidence import evidence_of
from verify.problem import FloatArray, Problem, numeric_problem
from verify.rare_events import RareEvents
from verify.samplers import Sampler
from verify.streams import block_stream, derived_seed
from verify.verdict import NOTICEABLE, Score

__all__ = ["CELLS", "Coverage", "StudyCell", "failures", "main", "study"]

LEVEL = 0.95
"""Of the intervals."""
TEST_CHANCE = 0.01
"""Two-sided chance of a false alarm of the tests, beside that of a grid's."""
GRID = 20
"""Deciding cells of the grid whose tests are tried too: a run of the main job."""
BUDGET = 0.01
"""Chance that a study of true levels fails anywhere."""
REPETITIONS = 2000
SEED = 20
_AT_ONCE = 2**18
RESULTS = Path(__file__).with_name("coverage.json")


@dataclass(frozen=True)
class StudyCell:
    """A network, its sampler, and the samples of one repetition; ``step``: rate of a real step."""

    sampler: Sampler
    width: int
    depth: int
    samples: int
    step: float | None = None


CELLS = (
    StudyCell(Dense(), 16, 2, 100),
    StudyCell(Gram(), 64, 2, 30),
    StudyCell(Gram(), 10**6, 64, 200),
    StudyCell(Gram(), 64, 8, 30),
    StudyCell(Gram(), 64, 8, 300),
    StudyCell(Gram(), 64, 8, 3000),
    StudyCell(Gram(), 64, 16, 100),
    StudyCell(Gram(), 64, 16, 4000),
    StudyCell(Gram(), 16, 4, 3000),
    StudyCell(Gram(), 64, 32, 1000),
    StudyCell(Gram(), 8, 8, 3000),
    StudyCell(Gram(), 64, 64, 1000),
    StudyCell(RareEvents(), 32, 16, 100),
    StudyCell(RareEvents(), 32, 16, 3000),
    StudyCell(RareEvents(), 32, 32, 500),
    StudyCell(RareEvents(), 32, 32, 3000),
    StudyCell(RareEvents(), 32, 64, 3000),
    StudyCell(Conditioned(), 32, 4, 2000, step=1e-3),
)


@dataclass(frozen=True)
class Coverage:
    """One cell's results over ``repetitions``.

    ``spread``: relative standard deviation of a sample, exact or (weighted samples) measured.
    ``covered``: shares of intervals at `LEVEL` that hold the truth; ``naive``: of those from the
    sample's standard deviation and normal quantiles.  ``missed``, ``alarms``, ``grid_alarms``:
    numbers of misses and of false alarms at `TEST_CHANCE` and at a grid's level; None where the
    cell declares that it cannot hold it.  ``width``: of the interval over that of an oracle.
    ``noticed``: relative error that one repetition notices in a grid; None if it cannot.
    """

    sampler: str
    width_of_network: int
    depth: int
    samples: int
    step: float | None
    spread: float
    repetitions: int
    missed: int | None
    covered: float
    naive: float
    alarms: int | None
    grid_alarms: int | None
    width: float
    naive_width: float
    noticed: float | None


@dataclass(frozen=True)
class _Repetition:
    mean: float
    interval: Interval
    naive: Interval
    score: Score


def study(cell: StudyCell, repetitions: int, seed: int) -> Coverage:
    """Simulate one cell ``repetitions`` times and count."""
    network = MLP(cell.width, cell.depth)
    problem = numeric_problem(network, layer=None, rates=None, step=cell.step)
    rare = cell.sampler.meets_rare_networks
    spread = None if rare else known_spread(network, cell.depth, cell.step)
    log_exact = float(log(exact_law(network, cell.depth)))
    run = partial(_block, cell, problem, log_exact, spread, seed)
    each = max(1, min(_AT_ONCE // cell.samples, repetitions))
    sizes = [min(each, repetitions - start) for start in range(0, repetitions, each)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = [r for block in pool.map(run, range(len(sizes)), sizes) for r in block]
    return _count(cell, spread, done)


def _block(
    cell: StudyCell,
    problem: Problem,
    log_exact: float,
    spread: float | None,
    seed: int,
    block: int,
    count: int,
) -> list[_Repetition]:
    stream = block_stream(derived_seed(seed, cell.width, cell.depth, cell.samples), block)
    logs = cell.sampler.sample(problem, stream, count * cell.samples)
    parts = np.split(logs, count, axis=1)
    return [_repetition(cell, problem, each, log_exact, spread) for each in parts]


def _repetition(
    cell: StudyCell, problem: Problem, logs: FloatArray, log_exact: float, spread: float | None
) -> _Repetition:
    block = sum_block(logs, keep=cell.sampler.draws_networks)
    total = merge([block], problem.parts, scalar=True)["total"]
    evidence = evidence_of(total, log_exact, spread)
    half = -float(ndtri((1 - LEVEL) / 2)) * evidence.ratio * float(total.relative_standard_error)
    return _Repetition(
        mean=evidence.ratio,
        interval=evidence.interval(LEVEL),
        naive=Interval(max(evidence.ratio - half, 0.0), evidence.ratio, evidence.ratio + half),
        score=Score(evidence, 1.0, _allowance(cell), decides=True),
    )


def _allowance(cell: StudyCell) -> float:
    return 0.0 if cell.step is None else STEP_ALLOWANCE


def _count(cell: StudyCell, spread: float | None, done: Sequence[_Repetition]) -> Coverage:
    granted, first = _allowance(cell), done[0].score
    means = np.array([r.mean for r in done])
    covered = [_meets(r.interval, granted) for r in done]
    noticed = first.noticed(GRID)
    return Coverage(
        sampler=type(cell.sampler).__name__,
        width_of_network=cell.width,
        depth=cell.depth,
        samples=cell.samples,
        step=cell.step,
        spread=float(np.std(means) * cell.samples**0.5) if spread is None else spread,
        repetitions=len(done),
        missed=covered.count(False) if first.evidence.holds((1 - LEVEL) / 2) else None,
        covered=float(np.mean(covered)),
        naive=float(np.mean([_meets(r.naive, granted) for r in done])),
        alarms=_alarms(done, TEST_CHANCE / 2),
        grid_alarms=_alarms(done, 0.01 / (2 * GRID)),
        width=_mean_width([r.interval for r in done]) / _oracle_width(means),
        naive_width=_mean_width([r.naive for r in done]) / _oracle_width(means),
        noticed=noticed if np.isfinite(noticed) else None,
    )


def _meets(interval: Interval, allowance: float) -> bool:
    return interval.low <= 1 + allowance and interval.high >= 1 - allowance


def _alarms(done: Sequence[_Repetition], chance: float) -> int | None:
    if not done[0].score.evidence.holds(chance):
        return None
    critical = done[0].score.evidence.critical(chance)
    return sum(abs(r.score.z) > critical for r in done)


def _mean_width(intervals: Sequence[Interval]) -> float:
    return float(np.mean([each.high - each.low for each in intervals]))


def _oracle_width(means: FloatArray) -> float:
    """Of the interval of one who knows the distribution of the mean: X - (q - 1) at both ends, not
    below 0."""
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    ends = np.maximum(means - (high - 1.0), 0.0), means + (1.0 - low)
    return float(np.mean(ends[1] - ends[0]))


def failures(results: Sequence[Coverage]) -> list[str]:
    """Cells whose coverage is below nominal: binomial tests at `BUDGET` for all together."""
    tests = [
        (each, name, misses, chance)
        for each in results
        for name, misses, chance in (
            ("interval", each.missed, 1 - LEVEL),
            ("test", each.alarms, TEST_CHANCE),
            ("grid test", each.grid_alarms, 0.01 / GRID),
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
        f"{LEVEL:.0%} intervals and tests of the exact law; naive: sample s.d., normal quantiles\n"
        f"alarms: at {TEST_CHANCE:.0%}, and at a grid's 1 % over {GRID} cells; -: declared "
        f"undecidable; *: real steps\n"
        f"widths: over the interval of an oracle; noticed: in one of {GRID} cells"
    )
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1))
    names = "sampler width depth samples s.d. covered naive alarms grid width naive noticed"
    for name in names.split():
        table.add_column(name, justify="right", no_wrap=True)
    for row in results:
        table.add_row(*_cells(row))
    return table


def _cells(row: Coverage) -> tuple[str, ...]:
    able = row.noticed is not None and row.noticed <= 1 - 1 / NOTICEABLE
    return (
        row.sampler + ("*" if row.step else ""),
        f"{row.width_of_network:,}",
        f"{row.depth}",
        f"{row.samples:,}",
        _short(row.spread),
        f"{row.covered:.4f}" if row.missed is not None else f"({row.covered:.4f})",
        f"{row.naive:.3f}",
        "-" if row.alarms is None else str(row.alarms),
        "-" if row.grid_alarms is None else str(row.grid_alarms),
        _short(row.width),
        _short(row.naive_width),
        f"{row.noticed:.1%}" if row.noticed is not None and able else "undecided",
    )


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 100 else f"{number:.0e}"


def main(repetitions: int = REPETITIONS, cells: Sequence[StudyCell] = CELLS) -> int:
    """Run the study; the exit code."""
    console = Console(highlight=False, width=116)
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
