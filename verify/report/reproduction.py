"""This module writes the command that repeats a run, and the Python code that repeats a cell.

A run's folder keeps the options of the run, and the command repeats them.  For a record without its
folder, or of a run that a time budget cut short, the cells give the command.  Commands are composed
of checked fields and quoted, so that users can paste them; no text of a folder is shown as a
command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from theory.errors import InvalidArgument
from theory.networks.residual import Residual
from theory.networks.roles import Branch
from verify.claims.record import CheckRecord
from verify.comparison.record import CellRecord, RunRecord
from verify.errors import UnusableFolder
from verify.jobs.folder import STORE
from verify.jobs.plan import planned_parts, residual_parts
from verify.jobs.stored_job import Job
from verify.runs.network_records import record_of
from verify.runs.store import fact
from verify.samplers.catalogue import SAMPLERS
from verify.untrusted import structured, whole_seed

__all__ = ["cell_code", "command", "kept_job"]

_NAMES = {repr(sampler): name for name, sampler in SAMPLERS.items()}
_USUAL = {True: "gram", False: "conditioned"}
"""The samplers that are taken without being named, by whether the update is linearised."""

Plan = list[tuple[str, str, int, int, int]]
"""Sampler, width, depth and samples of each cell, in order."""


def command(run: RunRecord | CheckRecord, job: Job | None = None) -> str | None:
    """A command with the networks of ``run``; None where no command is known to give this grid.

    ``job``: the options of the run, as `kept_job` gives them; None where they are unknown.
    """
    job = job or _job_of(run)
    return None if job is None else shlex.join(["python", "-m", "verify", *job.words])


def kept_job(folder: Path, run: RunRecord | CheckRecord) -> Job | None:
    """The options of the run in ``folder``, as its store keeps them.

    None where none is kept or it is no job, and where not all networks that were planned have been
    drawn.
    """
    networks = run.networks if isinstance(run, CheckRecord) else run
    try:
        job, plan = (fact(folder / STORE, name) for name in ("job", "plan"))
        if networks is None or job is None or plan is None:
            return None
        planned = [cell[2] for cell in structured(plan, list[tuple[str, str, int]])]
        return Job.read(job) if planned == [cell.samples for cell in networks.cells] else None
    except (ValueError, UnusableFolder):
        return None


_OF_THEORY = (
    *("MLP", "Residual", "Graph", "Convolution"),
    *("LeakyReLU", "Linear", "ByRole", "Branch"),
)


def cell_code(cell: CellRecord, step: float | None) -> str:
    """Lines of Python that repeat one cell bit for bit."""
    network, sampler = cell.configuration.network.code, cell.asked.sampler
    arguments = [
        network,
        f"samples={cell.samples}",
        f"seed={whole_seed(cell.seed)}",
        f"sampler={sampler!r}",
    ]
    if not cell.is_last:
        arguments.append(f"layer={cell.asked.layers[0]!r}")
    if step is not None:
        arguments.append(f"step={step!r}")
    said = network + arguments[-1]
    names = [name for name in _OF_THEORY if f"{name}(" in said]
    inside = "".join(f"    {argument},\n" for argument in arguments)
    return (
        f"from theory import {', '.join(names)}\n"
        f"from verify import {type(sampler).__name__}, monte_carlo\n\n"
        f"monte_carlo(\n{inside})"
    )


def _job_of(run: RunRecord | CheckRecord) -> Job | None:
    """The job that gives the cells of ``run``, in the fewest options."""
    networks = run.networks if isinstance(run, CheckRecord) else run
    said = _claim(run) if isinstance(run, CheckRecord) else _setting(run)
    if networks is None:
        return Job(**said)
    cells, names = networks.cells, {_NAMES.get(cell.sampler) for cell in networks.cells}
    if None in names or not cells:
        return None
    seed = whole_seed(networks.seed)
    said["seed"] = None if seed == 1 else str(seed)
    seen = [(c.choices, c.sampler, c.width, c.depth, c.samples) for c in cells]
    grid = networks is run
    if grid and networks.step is None and seen == _planned(None, None, None, None):
        return Job(**said)
    if not any(cell.asked.network._is_chain for cell in cells):
        return _residual_job(networks, said["seed"])
    sizes, (name, *others) = _product(cells), names
    if others or (grid and sizes is None):
        return None
    said |= (sizes or {}) | {"sampler": None if name == _USUAL[networks.step is None] else name}
    if grid and seen == _planned(said["width"], said["depth"], name, networks.step):
        return Job(**said)
    counts = {cell.samples for cell in cells}
    return Job(**said, samples=counts.pop()) if len(counts) == 1 else None


def _residual_job(run: RunRecord, seed: str | None) -> Job | None:
    """The job of a run on residual networks of one shape."""
    cells, sizes = run.cells, _product(run.cells)
    branch_widths = {getattr(cell.asked.network, "branch_width", None) for cell in cells}
    names = {_NAMES[cell.sampler] for cell in cells}
    places = {None if cell.is_last else cell.asked.layers[0] for cell in cells}
    (branch_width, *more), (name, *others), (place, *rest) = branch_widths, names, places
    usual = [Residual(c.width, c.depth, branch_width=branch_width) for c in cells]
    alike = not (more or others or rest) and [cell.asked.network for cell in cells] == usual
    if sizes is None or not alike:
        return None
    said: dict[str, Any] = {"layer": place}
    if isinstance(place, Branch):
        said = {"branch": place.block}
    said |= {"network": "residual", "width": sizes["width"], "blocks": sizes["depth"], "seed": seed}
    said |= {"branch_width": branch_width, "sampler": None if name == _USUAL[True] else name}
    planned = residual_parts(said["width"], said["blocks"], branch_width, name)
    counts = [cell.samples for cell in cells]
    if counts == [part.planned_samples(each) for part in planned for each in part.networks]:
        return Job(**said)
    return Job(**said, samples=counts[0]) if len(set(counts)) == 1 else None


def _claim(run: CheckRecord) -> dict[str, Any]:
    asked = re.search(r" in layer (\d{1,12}) of ", run.subject)
    return {
        "formula": run.formula,
        "claim": run.claim.value,
        "quantity": run.quantity.value,
        "layer": None if asked is None else int(asked[1]),
    }


def _setting(run: RunRecord) -> dict[str, Any]:
    below = (cell.layer for cell in run.cells if not cell.is_last)
    return {
        "layer": min((each for each in below if isinstance(each, int)), default=None),
        "step": run.step,
    }


def _planned(
    widths: Sequence[int] | None,
    depths: Sequence[int] | None,
    sampler: str | None,
    step: float | None,
) -> Plan:
    """The networks that the main job would simulate."""
    try:
        parts = planned_parts(widths, depths, sampler, step)
    except InvalidArgument:
        return []
    return [
        (
            record_of(net).in_words,
            repr(part.sampler),
            int(net.widths[1]),
            net.layers,
            part.planned_samples(net),
        )
        for part in parts
        for net in part.networks
    ]


def _product(cells: Sequence[CellRecord]) -> dict[str, tuple[int, ...]] | None:
    """Widths and depths, where the cells are every pair of both, in order."""
    widths, depths = (tuple(sorted({getattr(c, n) for c in cells})) for n in ("width", "depth"))
    if list(dict.fromkeys((c.width, c.depth) for c in cells)) != list(product(widths, depths)):
        return None
    return {"width": widths, "depth": depths}
