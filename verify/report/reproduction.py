"""How to repeat a run: its command, and one of its cells in Python.

A run's folder keeps what the run was asked for, and the command says that again.  A record without
its folder, or of a run that a time budget cut short, has its command read off its cells.  Commands
are put together from checked fields and quoted, so that they can be pasted; no text of a folder is
shown as one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from verify.errors import UnusableFolder
from verify.jobs.folder import STORE
from verify.jobs.plan import planned_parts
from verify.jobs.stored_job import read_job, words_of
from verify.report.records import Cell, FormulaRun, Run
from verify.runs.store import fact
from verify.samplers.catalogue import SAMPLERS
from verify.untrusted import plain_json

__all__ = ["cell_code", "command", "kept_job"]

_PROGRAM = ("python", "-m", "verify")
_NAMES = {type(sampler).__name__: name for name, sampler in SAMPLERS.items()}
_SETTING = ("gram", "conditioned")
"""The samplers that are taken without being named, without a step and with one."""

Plan = list[tuple[str, int, int, int]]
"""Sampler, width, depth and samples of each cell, in order."""


def command(run: Run | FormulaRun, job: Mapping[str, Any] | None = None) -> str | None:
    """A command whose networks are those of ``run``; None where none is known to give this grid.

    ``job``: what the run was asked for, as `kept_job` gives it; None where it is not known.
    """
    if job is not None:
        return shlex.join([*_PROGRAM, *words_of(job)])
    if isinstance(run, FormulaRun):
        options = _formula(run)
        return None if options is None else shlex.join([*_PROGRAM, *options])
    options = _grid(run)
    return None if options is None else shlex.join([*_PROGRAM, *options, *_seed(run)])


def kept_job(folder: Path, run: Run | FormulaRun) -> dict[str, Any] | None:
    """What the run in ``folder`` was asked for, as its store keeps it.

    None where none is kept or it is no job, and where not all networks that were planned have been
    drawn.
    """
    networks = run.networks if isinstance(run, FormulaRun) else run
    try:
        job, plan = (fact(folder / STORE, name) for name in ("job", "plan"))
        if networks is None or job is None or plan is None:
            return None
        planned = [samples for _, _, samples in plain_json(plan)]
        drawn = [cell.samples for cell in networks.cells]
        return read_job(job) if planned == drawn else None
    except (ValueError, TypeError, UnusableFolder):
        return None


def cell_code(cell: Cell, step: float | None) -> str:
    """Lines of Python that repeat one cell bit for bit."""
    arguments = [
        cell.network,
        f"samples={cell.samples}",
        f"seed={cell.seed}",
        f"sampler={cell.sampler}()",
    ]
    if cell.layer != cell.depth:
        arguments.append(f"layer={cell.layer}")
    if step is not None:
        arguments.append(f"step={step!r}")
    names = [name for name in ("MLP", "LeakyReLU", "Linear") if f"{name}(" in cell.network]
    inside = "".join(f"    {argument},\n" for argument in arguments)
    return (
        f"from theory import {', '.join(names)}\nfrom verify import {cell.sampler}, monte_carlo\n\n"
        f"monte_carlo(\n{inside})"
    )


def _formula(run: FormulaRun) -> list[str] | None:
    said = {"formula": run.formula, "claim": run.claim, "quantity": run.quantity}
    options = words_of(said)
    asked = re.search(r" in layer (\d+) of ", run.subject)
    options += [] if asked is None else ["--layer", asked[1]]
    if run.networks is None:
        return options
    cells = run.networks.cells
    names, samples = {_NAMES.get(cell.sampler) for cell in cells}, _same_samples(cells)
    if len(names) != 1 or None in names or not samples:
        return None
    name = str(names.pop())
    sampler = [] if name == "gram" else ["--sampler", name]
    return options + (_product(cells) or []) + samples + sampler + _seed(run.networks)


def _grid(run: Run) -> list[str] | None:
    """The options that give the cells of ``run``, in the fewest words."""
    if not run.cells or not all(cell.sampler in _NAMES for cell in run.cells):
        return None
    layers = {cell.layer for cell in run.cells if cell.layer != cell.depth}
    rest = [] if not layers else ["--layer", str(min(layers))]
    rest += [] if run.step is None else ["--step", repr(run.step)]
    seen = [(c.sampler, c.width, c.depth, c.samples) for c in run.cells]
    if run.step is None and seen == _planned(None, None, None, None):
        return rest
    name = _NAMES[run.cells[0].sampler]
    sizes = _product(run.cells)
    if sizes is None or any(_NAMES[cell.sampler] != name for cell in run.cells):
        return None
    sampler = [] if name == _SETTING[run.step is not None] else ["--sampler", name]
    widths, depths = ({c.width for c in run.cells}, {c.depth for c in run.cells})
    if seen == _planned(sorted(widths), sorted(depths), name, run.step):
        return sizes + sampler + rest
    samples = _same_samples(run.cells)
    return sizes + sampler + samples + rest if samples else None


def _planned(
    widths: Sequence[int] | None, depths: Sequence[int] | None, sampler: str | None, step: object
) -> Plan:
    """What the main job would simulate."""
    try:
        parts = planned_parts(widths, depths, sampler, None if step is None else float(str(step)))
    except InvalidArgument:
        return []
    return [
        (type(part.sampler).__name__, _width(net), net.layers, part.planned_samples(net))
        for part in parts
        for net in part.networks
    ]


def _width(network: MLP) -> int:
    return int(network.widths[1])


def _product(cells: Sequence[Cell]) -> list[str] | None:
    """Options for widths and depths, where the cells are every pair of both, in order."""
    widths, depths = sorted({c.width for c in cells}), sorted({c.depth for c in cells})
    if list(dict.fromkeys((c.width, c.depth) for c in cells)) != list(product(widths, depths)):
        return None
    return ["--width", *map(str, widths), "--depth", *map(str, depths)]


def _same_samples(cells: Sequence[Cell]) -> list[str]:
    counts = {cell.samples for cell in cells}
    return ["--samples", str(counts.pop())] if len(counts) == 1 else []


def _seed(run: Run) -> list[str]:
    return [] if run.seed == 1 else ["--seed", str(run.seed)]
