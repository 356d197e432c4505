"""A comparison as a JSON record: every number, seed and version, enough to repeat any cell."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from verify.compare import Cell, Comparison
from verify.estimate import Measurement
from verify.inference_fit import PowerFit
from verify.verdict import FAMILY_BUDGET

__all__ = ["comparison_record"]

FORMAT = 2


def comparison_record(comparison: Comparison, law: str) -> dict[str, Any]:
    """Plain dictionaries, lists, numbers and text; what is undefined is None."""
    verdict = comparison.verdict
    return {
        "format": FORMAT,
        "law": law,
        "quantity": "E[(Δz)²]/η² per neuron",
        "step": comparison.step,
        "seed": comparison.seed,
        "family_budget": FAMILY_BUDGET,
        "outcome": verdict.outcome.name.lower(),
        "worst_cell": verdict.worst,
        "noticed_relative_error": _finite(verdict.noticed),
        "noticed_relative_error_in_all": _finite(verdict.noticed_in_all),
        "critical_z": _finite(verdict.critical),
        "cells": [_cell(cell) for cell in comparison.cells],
        "wanted_samples": [{"cell": want.cell, "samples": want.samples} for want in verdict.wants],
        "fits": [_fit(width, fit) for width, fit in comparison.fits.items()],
        "versions": _versions(),
        "platform": {"machine": platform.machine(), "system": platform.platform()},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "network": repr(cell.network),
        "width": cell.width,
        "depth": cell.depth,
        "layer": cell.layer,
        "sampler": repr(cell.sampler),
        "samples": cell.estimate.samples,
        "seed": cell.estimate.seed,
        "log_law": cell.log_law,
        "log_exact": cell.log_exact,
        "measured": {name: _measured(part) for name, part in cell.estimate.parts.items()},
        "evidence": type(cell.score.evidence).__name__,
        "relative_standard_error": _finite(cell.score.evidence.standard_error),
        "z": _finite(cell.score.z),
        "decides": cell.score.decides,
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


def _measured(part: Measurement) -> dict[str, float | None]:
    return {
        "mean": _finite(part.mean),
        "standard_error": _finite(part.standard_error),
        "log_mean": _finite(float(part.log_mean)),
        "relative_standard_error": _finite(float(part.relative_standard_error)),
        "effective_samples": _finite(part.effective_samples),
        "largest_share": _finite(part.largest_share),
        "median": None if part.logs is None else _finite(part.median.value),
    }


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
