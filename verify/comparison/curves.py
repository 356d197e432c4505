"""What a figure of rates is made of: measured points, exact curves, and the law in the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LawCurve", "RatePoints"]


@dataclass(frozen=True)
class RatePoints:
    """The measured rates of one width: depth, rate, its standard error, whether it decides; and
    the exact curve over ``curve_depths``."""

    width: int
    depths: Sequence[int]
    rates: Sequence[float]
    errors: Sequence[float]
    decides: Sequence[bool]
    curve_depths: Sequence[int]
    curve: Sequence[float]


@dataclass(frozen=True)
class LawCurve:
    """The law in the limit: its LaTeX, and its values over ``depths``."""

    latex: str
    depths: Sequence[int]
    rates: Sequence[float]
