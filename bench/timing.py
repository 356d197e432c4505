"""This module times contestants in alternating rounds, so that all see the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

__all__ = ["Run", "Timing", "alternate", "seconds_of", "sized"]

Run = Callable[[int], object]
"""Work of a given number of units."""


@dataclass(frozen=True)
class Timing:
    """One figure by round: seconds of a unit of work, or a ratio of two."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure that is quoted."""
        return median(self.rounds)

    @property
    def lowest(self) -> float:
        """The least of all rounds."""
        return min(self.rounds)

    @property
    def highest(self) -> float:
        """The greatest of all rounds."""
        return max(self.rounds)

    def over(self, other: Timing) -> Timing:
        """The ratio to ``other``, round by round."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return Timing(tuple(ours / theirs for ours, theirs in pairs))

    def times(self, factor: float) -> Timing:
        """The same in a unit ``factor`` times as small."""
        return Timing(tuple(factor * value for value in self.rounds))

    def record(self) -> dict[str, float]:
        """Median and range, for the result file."""
        return {"median": self.median, "lowest": self.lowest, "highest": self.highest}


def seconds_of(run: Run, units: int) -> float:
    """Seconds that one call takes, by the wall clock."""
    start = time.perf_counter()
    run(units)
    return time.perf_counter() - start


def sized(run: Run, step: int, seconds: float) -> int:
    """Units, a multiple of ``step``, that take about ``seconds``; also warms up."""
    run(step)
    units = step
    while (taken := seconds_of(run, units)) < seconds / 8:
        units *= 4
    return step * max(1, round(units / step * seconds / taken))


def alternate(runs: Mapping[str, tuple[Run, int]], rounds: int) -> dict[str, Timing]:
    """Seconds per unit of each (run, units), all in turn, ``rounds`` times.

    Every other round goes backwards, so that no contestant always follows the same one.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for index in range(rounds):
        for name in list(runs) if index % 2 == 0 else reversed(list(runs)):
            run, units = runs[name]
            found[name].append(seconds_of(run, units) / units)
    return {name: Timing(tuple(values)) for name, values in found.items()}
