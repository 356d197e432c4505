"""The main job derives, plans, draws, compares, keeps and shows, in its folder."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from verify.comparison.cells import PlannedCell
from verify.comparison.compare import comparison_record, measure_cells, plan_cells
from verify.comparison.exact_values import exact_law, leading_laws, leading_power
from verify.comparison.record import RunRecord
from verify.comparison.table import cell_table, print_table
from verify.comparison.verdict_in_words import conclusion, law_lines, slope_lines
from verify.jobs.folder import keep, write_tables, write_whole
from verify.jobs.paper import TABLE, VECTORS, write_paper_files
from verify.jobs.plan import planned_parts
from verify.numerics.streams import checked_seed
from verify.runs.execution import Execution

__all__ = ["FIGURE", "SEED", "left_lines", "run_job"]

FIGURE = "rate.png"
SEED = 1
"""Where none is given."""


def run_job(
    options: argparse.Namespace, console: Console, execution: Execution, folder: Path
) -> int:
    """Measure the cells that ``options`` ask for, keep what was found in ``folder``, and show it;
    the exit code."""
    seed = checked_seed(SEED if options.seed is None else options.seed)
    update, rate = leading_laws()
    console.print("derived, as n → ∞ and then L → ∞:")
    console.print(f"  E[(Δz)²] ~ {update},  maximal learning rate ~ {rate}", soft_wrap=True)
    measured = measure_cells(_planned(options, seed), seed=seed, execution=execution)
    comparison = replace(measured, leading=leading_power())
    record = comparison_record(comparison, law="exact")
    figures = (
        [VECTORS, FIGURE]
        if any(cell.is_of_the_law and cell.defined for cell in record.cells)
        else []
    )
    to_draw = keep(folder, record, [TABLE, *figures])
    write_tables(folder, record, parquet=options.parquet)
    print_table(console, cell_table(record))
    for line in left_lines(record):
        console.print(line, soft_wrap=True)
    console.print(f"figure and numbers: {folder}", soft_wrap=True)
    for line in (*law_lines(record), *slope_lines(record), conclusion(record)):
        console.print(line, soft_wrap=True)
    if to_draw:
        _draw(folder, record)
    return int(comparison.verdict.outcome.value)


def _planned(options: argparse.Namespace, seed: int) -> list[PlannedCell]:
    """The cells of all parts, to be judged as one family."""
    free = options.samples is None and options.precision is None
    return [
        cell
        for part in planned_parts(options.width, options.depth, options.sampler, options.step)
        for cell in plan_cells(
            exact_law,
            networks=part.networks,
            seed=seed,
            samples=part.planned_samples if free else options.samples,
            precision=options.precision,
            sampler=part.sampler,
            layer=options.layer,
            step=options.step,
        )
    ]


def _draw(folder: Path, record: RunRecord) -> None:
    from verify.comparison.figure import rate_image  # Matplotlib takes as long to load as all else

    write_paper_files(folder, record)
    image = rate_image(record, "png")
    if image is not None:
        write_whole(folder / FIGURE, image)


def left_lines(record: RunRecord) -> list[str]:
    """Where time was up: how far the run has come."""
    drawn, planned = record.drawn, record.planned
    if drawn == planned:
        return []
    return [f"time was up: {drawn:,} of {planned:,} networks drawn; --resume goes on with the rest"]
