"""This module lists the sizes of the benchmark: reported sizes, and small sizes to try the code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Plan"]


@dataclass(frozen=True)
class Plan:
    """``width``, ``depth``: of the literal networks.  ``rounds``, ``trial_rounds``: of a contest,
    and of each setting tried.  ``seconds``: of one timing.  ``widths``: of Gram() at ``depth``;
    ``depths``: of Gram() at ``width``.  ``plain``, ``rare``: (width, depth, relative standard
    error) of the precision runs with Gram() and with RareEvents()."""

    width: int = 1024
    depth: int = 32
    rounds: int = 7
    trial_rounds: int = 2
    seconds: float = 0.5
    widths: tuple[int, ...] = (64, 1024, 10**6, 10**9)
    depths: tuple[int, ...] = (32, 320, 3200, 10_000)
    plain: tuple[int, int, float] = (1024, 64, 1e-3)
    rare: tuple[int, int, float] = (1024, 512, 1e-2)


FULL = Plan()
QUICK = Plan(
    width=64,
    depth=4,
    rounds=2,
    trial_rounds=1,
    seconds=0.02,
    widths=(64, 10**6),
    depths=(4, 40),
    plain=(64, 4, 1e-2),
    rare=(32, 16, 1e-1),
)
