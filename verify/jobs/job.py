"""This module runs a job: it derives, plans, draws, compares, stores and shows, in a folder.

`run_job` measures a grid of networks; `run_formula` checks a user's formula.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

from rich.console import Console

from theory.claims.reading import default_network
from theory.claims.target import Claim, Quantity
from theory.errors import InvalidArgument
from theory.formulas.formula import read
from theory.networks.mlp import MLP
from theory.networks.roles import Branch
from theory.validation import typed
from verify.claims.check import check
from verify.claims.networks import network_of
from verify.claims.record import check_record
from verify.comparison.cells import PlannedCell
from verify.comparison.compare import comparison_record, measure_cells, plan_cells
from verify.comparison.exact_values import exact_law, leading_laws, leading_power
from verify.comparison.record import RunRecord
from verify.comparison.table import cell_table, print_table, run_latex
from verify.comparison.verdict_in_words import sentences
from verify.jobs.folder import keep, write_tables, write_whole
from verify.jobs.plan import Part, planned_parts, residual_parts
from verify.jobs.stored_job import Job
from verify.numerics.streams import checked_seed
from verify.runs.execution import Execution
from verify.samplers.catalogue import SAMPLERS
from verify.samplers.gram.sampler import Gram

__all__ = ["run_formula", "run_job", "write_pictures"]

_TABLE, _VECTORS, _FIGURE = "results.tex", "rate.pdf", "rate.png"
_WIDTHS, _DEPTHS = (16, 64), (2, 4)
"""The sizes of networks for a formula, where a user gives only widths or only depths."""


def run_job(
    job: Job, console: Console, execution: Execution, folder: Path, *, parquet: bool
) -> int:
    """Measure the cells of ``job``, keep the results in ``folder``, and show them; return the
    exit code."""
    seed = checked_seed(job.root)
    planned = _planned(job, seed)
    residual = job.network == "residual"
    update, rate = leading_laws(blocks=residual)
    regime = "B → ∞, for the stream after the last block" if residual else "L → ∞"
    console.print(f"derived, as n → ∞ and then {regime}:")
    console.print(f"  E[(Δ{'h' if residual else 'z'})²] ~ {update}")
    console.print(f"  maximal learning rate ~ {rate} (linearised step)")
    measured = measure_cells(planned, seed=seed, execution=execution)
    comparison = replace(measured, leading=leading_power())
    record = comparison_record(comparison, law="exact")
    drawn = any(cell.is_of_the_law and cell.defined for cell in record.cells)
    to_draw = keep(folder, record, [_TABLE, *([_VECTORS, _FIGURE] if drawn else [])])
    _show_table(record, console, folder, parquet=parquet)
    console.print(f"figure and numbers: {folder}", soft_wrap=True)
    for line in sentences(record):
        console.print(line, markup=False)
    if to_draw:
        write_pictures(folder, record)
    return int(comparison.verdict.outcome.value)


def run_formula(
    job: Job, console: Console, execution: Execution, folder: Path, *, parquet: bool
) -> int:
    """Check the formula of ``job``, with networks of its sizes, keep the answer in ``folder``, and
    show it; the exit code."""
    found = check(
        job.formula,
        claim=job.claim or Claim.EXACT.value,
        quantity=job.quantity or Quantity.UPDATE.value,
        layer=job.layer,
        grid=_grid(job),
        samples=job.samples,
        precision=job.precision,
        seed=job.root,
        sampler=SAMPLERS[job.sampler] if job.sampler else Gram(),
        execution=execution,
    )
    record = check_record(found)
    keep(folder, record)
    if record.networks is not None:
        _show_table(record.networks, console, folder, parquet=parquet, tried=record.tried)
    console.print(f"numbers: {folder}", soft_wrap=True)
    console.print(str(found), soft_wrap=True, markup=False)
    return int(found.verdict.value)


def _planned(job: Job, seed: int) -> list[PlannedCell]:
    """The cells of all parts, to be judged as one family."""
    free = job.samples is None and job.precision is None
    return [
        cell
        for part in _parts(job)
        for cell in plan_cells(
            exact_law,
            networks=part.networks,
            seed=seed,
            samples=part.planned_samples if free else job.samples,
            precision=job.precision,
            sampler=part.sampler,
            layer=job.layer if job.branch is None else Branch(job.branch),
            step=job.step,
        )
    ]


def _parts(job: Job) -> list[Part]:
    if job.network == "residual":
        return residual_parts(job.width, job.blocks, job.branch_width, job.sampler)
    return planned_parts(job.width, job.depth, job.sampler, job.step)


def _grid(job: Job) -> list[MLP] | None:
    """The requested networks; None without sizes."""
    if job.width is None and job.depth is None:
        return None
    network = default_network(read(job.formula))
    if not isinstance(network, MLP):
        raise InvalidArgument(
            f"expected a formula in n and L where widths and depths are given, got "
            f"formula={typed(job.formula)} in blocks; leave them out, theory decides it"
        )
    sizes = product(job.width or _WIDTHS, job.depth or _DEPTHS)
    return [network_of(network, width, depth) for width, depth in dict.fromkeys(sizes)]


def _show_table(
    record: RunRecord, console: Console, folder: Path, *, parquet: bool, tried: str | None = None
) -> None:
    """Keep the tables of a run and print them; where time was up, print the progress of the run."""
    write_tables(folder, record, parquet=parquet)
    print_table(console, cell_table(record, tried))
    drawn, planned = record.drawn, record.planned
    if drawn != planned:
        console.print(
            f"time was up: {drawn:,} of {planned:,} networks drawn; --resume draws the rest"
        )


def write_pictures(folder: Path, record: RunRecord) -> None:
    """Write ``results.tex``, a table to be read by a LaTeX document with ``booktabs``, and the
    figure of the run, in vectors and in pixels, to ``folder``."""
    from verify.comparison.figure import rate_image  # Matplotlib takes as long to load as all else

    write_whole(folder / _TABLE, run_latex(record) + "\n")
    for name, kind in ((_VECTORS, "pdf"), (_FIGURE, "png")):
        image = rate_image(record, kind)
        if image is not None:
            write_whole(folder / name, image)
