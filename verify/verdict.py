"""From measured ratios to one of three answers, at a stated false-alarm budget."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

__all__ = ["FAMILY_BUDGET", "NOTICEABLE", "POWER", "Outcome", "Score", "Verdict", "decide", "score"]

FAMILY_BUDGET = 0.01
"""Chance that a true law is rejected anywhere on a grid, split evenly over its deciding cells."""
NOTICEABLE = 1.5
"""A run that could not have noticed an error of this factor, either way, decides nothing."""
POWER = 0.95
"""Chance with which an error counts as noticed."""


class Outcome(enum.Enum):
    """The three answers, each with the exit code that a program gives for it."""

    CONSISTENT = 0
    REJECTED = 1
    UNDECIDED = 3


@dataclass(frozen=True)
class Score:
    """One measured mean against one law.

    ``ratio``: measured over law.  ``relative_standard_error``: of the measured mean, from
    ``samples`` independent samples; NaN where undefined.  ``allowance``: relative difference that
    is granted before anything counts.  ``decides``: whether the cell may decide.
    """

    ratio: float
    relative_standard_error: float
    samples: int
    allowance: float
    decides: bool

    @property
    def defined(self) -> bool:
        """Whether the cell has a z at all."""
        return bool(np.isfinite(self.relative_standard_error) and self.ratio > 0)

    @property
    def z(self) -> float:
        """(measured - law)/standard error, less the allowance; NaN where undefined."""
        if not self.defined:
            return float("nan")
        excess = 1.0 - 1.0 / self.ratio
        granted = min(self.allowance / self.ratio, abs(excess))
        return float(np.copysign(abs(excess) - granted, excess) / self.relative_standard_error)

    def critical(self, cells: int) -> float:
        """The |z| that rejects, one of ``cells`` deciding cells: Student's t, two-sided."""
        return float(-stdtrit(max(self.samples - 1, 1), FAMILY_BUDGET / (2 * cells)))

    def noticed(self, cells: int) -> float:
        """The relative error of a law that this cell would have rejected with `POWER`."""
        if not self.defined:
            return float("inf")
        needed = self.critical(cells) + float(ndtri(POWER))
        return needed * self.relative_standard_error + self.allowance


@dataclass(frozen=True)
class Verdict:
    """The answer for a grid: ``worst`` is the index of the cell that says it, if there is one.

    ``noticed``: the relative error that every deciding cell would have noticed.
    ``critical``: the |z| that would have rejected the worst cell.
    """

    outcome: Outcome
    worst: int | None
    noticed: float
    critical: float


def score(
    log_mean: float,
    relative_standard_error: float,
    samples: int,
    log_law: float,
    *,
    allowance: float,
    decides: bool,
) -> Score:
    """One cell's score, from natural logarithms of the measured mean and of the law."""
    difference = float(np.clip(log_mean - log_law, -700.0, 700.0))
    ratio = 0.0 if np.isneginf(log_mean) else float(np.exp(difference))
    return Score(ratio, float(relative_standard_error), samples, allowance, decides)


def decide(scores: Sequence[Score]) -> Verdict:
    """Rejected if any deciding cell is; else undecided if one could not have noticed a factor
    `NOTICEABLE`, or if none decides; else consistent."""
    deciding = [(index, s) for index, s in enumerate(scores) if s.decides]
    cells = len(deciding)
    if not deciding:
        return Verdict(Outcome.UNDECIDED, None, float("inf"), float("nan"))
    noticed = max(s.noticed(cells) for _, s in deciding)
    defined = [(index, s) for index, s in deciding if s.defined]
    if not defined:
        return Verdict(Outcome.UNDECIDED, deciding[0][0], noticed, float("nan"))
    worst, extreme = max(defined, key=lambda pair: abs(pair[1].z) / pair[1].critical(cells))
    critical = extreme.critical(cells)
    if abs(extreme.z) > critical:
        return Verdict(Outcome.REJECTED, worst, noticed, critical)
    if not noticed <= 1.0 - 1.0 / NOTICEABLE:
        weakest, _ = max(deciding, key=lambda pair: pair[1].noticed(cells))
        return Verdict(Outcome.UNDECIDED, weakest, noticed, critical)
    return Verdict(Outcome.CONSISTENT, worst, noticed, critical)
