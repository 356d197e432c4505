"""A comparison as a JSON record: every number, seed and version, enough to repeat any cell."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from verify.comparison.cells import Cell
from verify.comparison.compare import Comparison
from verify.comparison.law_words import law_records
from verify.inference.fit import PowerFit
from verify.inference.measurement import Measurement
from verify.inference.verdict import FAMILY_BUDGET
from verify.numerics.software import this_software

__all__ = ["FORMAT", "MEASURED", "comparison_record", "measured_record"]

FORMAT = 4
MEASURED = (
    *("mean", "standard_error", "log_mean", "relative_standard_error"),
    *("effective_samples", "largest_share", "median"),
)
"""Numbers of each part in a record, the median last."""


def comparison_record(comparison: Comparison, law: str | None) -> dict[str, Any]:
    """Plain dictionaries, lists, numbers and text; what is undefined is None.  Seeds are text,
    since many readers of JSON round a number of 64 bits.

    ``law``: which was tried, in words or as a formula.  ``software`` is what drew the blocks, and
    ``other_software`` what drew some of them, on another kind of processor; ``versions`` are of
    the process that compared.
    """
    verdict = comparison.verdict
    found = {maker for cell in comparison.cells for maker in cell.estimate.software}
    makers = sorted(found, key=lambda each: each.text) or [this_software()]
    return {
        "format": FORMAT,
        "law": law,
        "quantity": "E[(Δz)²]/η² per neuron",
        "step": comparison.step,
        "seed": str(comparison.seed),
        "family_budget": FAMILY_BUDGET,
        "outcome": verdict.outcome.name.lower(),
        "worst_cell": verdict.worst,
        "noticed_relative_error": _finite(verdict.noticed),
        "noticed_relative_error_in_all": _finite(verdict.noticed_in_all),
        "critical_z": _finite(verdict.critical),
        "cells": [_cell(cell) for cell in comparison.cells],
        "wanted_samples": [{"cell": want.cell, "samples": want.samples} for want in verdict.wants],
        "measured_laws": law_records(comparison),
        "fits": [_fit(width, fit) for width, fit in comparison.fits.items()],
        "versions": _versions(),
        "software": asdict(makers[0]),
        "other_software": [asdict(each) for each in makers[1:]],
        "platform": {"machine": platform.machine(), "system": platform.platform()},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "network": repr(cell.network),
        "width": cell.width,
        "depth": cell.depth,
        "layer": cell.layer,
        "sampler": repr(cell.sampler),
        "part": cell.part,
        "samples": cell.estimate.samples,
        "planned_samples": cell.sampling.samples,
        "blocks": -(-cell.estimate.samples // cell.sampling.block_size),
        "seed": str(cell.estimate.seed),
        "log_law": cell.log_law,
        "log_exact": cell.log_exact,
        "measured": {name: measured_record(part) for name, part in cell.estimate.parts.items()},
        "evidence": type(cell.score.evidence).__name__,
        "relative_standard_error": _finite(cell.score.evidence.standard_error),
        "z": _finite(cell.score.z),
        "allowance": cell.score.allowance,
        "decides": cell.score.decides,
        "configuration": json.loads(cell.sampling.configuration.text),
    }


def _fit(width: int | None, fit: PowerFit) -> dict[str, Any]:
    """Measured over exact update as factor * depth^exponent; ``width`` None: all widths."""
    return {
        "width": width,
        "factor": asdict(fit.factor),
        "exponent": asdict(fit.exponent),
        "middle": asdict(fit.middle),
        "middle_depth": fit.depth,
        "level": fit.level,
        "cells": fit.cells,
    }


def measured_record(part: Measurement) -> dict[str, float | None]:
    """A part's numbers at one layer."""
    numbers = {name: _finite(float(getattr(part, name))) for name in MEASURED[:-1]}
    return numbers | {"median": None if part.logs is None else _finite(part.median.value)}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _versions() -> dict[str, str]:
    names = ("mup-depth", "numpy", "numba", "scipy", "sympy", "mpmath")
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
