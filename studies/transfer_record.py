"""This module writes and reads the results of the transfer study as plain numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studies.transfer_settings import Setting
from verify.numerics.arrays import FloatArray

__all__ = ["Found", "Transfer", "Tuning", "kept", "write"]

_DIGITS = 5


@dataclass(frozen=True, eq=False)
class Tuning:
    """The grid at one depth: ``rates`` of layers 2 to L, shape ``(rates,)``; ``loss`` on the
    training set and held-out ``accuracy``, ``(horizons, seeds, rates)``, infinite and NaN where a
    network diverged."""

    depth: int
    rates: FloatArray
    loss: FloatArray
    accuracy: FloatArray


@dataclass(frozen=True, eq=False)
class Transfer:
    """Networks of new seeds, with ``rate`` in layers 2 to L: trained at the rates of ``rule``, or
    (None) the best of this depth's own grid.  ``loss``, ``accuracy``: shape ``(seeds,)``."""

    depth: int
    horizon: int
    rule: str | None
    rate: float
    loss: FloatArray
    accuracy: FloatArray


@dataclass(frozen=True, eq=False)
class Found:
    """One setting's results."""

    setting: Setting
    tuning: tuple[Tuning, ...]
    transfers: tuple[Transfer, ...]

    def at(self, depth: int) -> Tuning:
        """The grid of one depth."""
        return next(each for each in self.tuning if each.depth == depth)

    def transfer(self, depth: int, horizon: int, rule: str | None) -> Transfer:
        """The networks trained by one rule; at the smallest depth each gives that depth's best."""
        asked = (depth, horizon, None if depth == self.setting.depths[0] else rule)
        return next(t for t in self.transfers if (t.depth, t.horizon, t.rule) == asked)


def write(path: Path, found: Sequence[Found]) -> None:
    """Keep results; numbers to five digits, and null for numbers that are not finite."""
    text = json.dumps([_plain(asdict(each)) for each in found], separators=(",", ":"))
    path.write_text(text.replace('{"depth"', '\n{"depth"') + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
    return value


def kept(path: Path) -> list[Found]:
    """The results in ``path``."""
    return [_found(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def _found(record: dict[str, Any]) -> Found:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record["setting"].items()
    }
    return Found(
        Setting(**values),
        tuple(Tuning(**_arrays(each)) for each in record["tuning"]),
        tuple(Transfer(**_arrays(each)) for each in record["transfers"]),
    )


def _arrays(record: dict[str, Any]) -> dict[str, Any]:
    """Lists as arrays, null as infinite (a loss) or NaN (an accuracy)."""
    arrays = {n: np.array(v, dtype=float) for n, v in record.items() if isinstance(v, list)}
    if "loss" in arrays:
        arrays["loss"] = np.nan_to_num(arrays["loss"], nan=np.inf)
    return record | arrays
