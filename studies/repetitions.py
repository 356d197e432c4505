"""This module simulates one cell of the coverage study many times over, and counts misses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
from mpmath import log
from scipy.special import ndtri

from theory import MLP, LeakyReLU, SquaredUpdate, squared_update
from verify.comparison.deciding import may_decide
from verify.comparison.exact_values import SPREAD_DIGITS, STEP_ALLOWANCE, known_spread
from verify.inference.estimate import merge, sum_block
from verify.inference.evidence import Interval
from verify.inference.evidence_kinds import evidence_of
from verify.inference.sample_means import NetworkMean
from verify.inference.verdict import FAMILY_BUDGET, Score
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream, derived_seed
from verify.runs.configuration import Configuration, configuration, problem_of
from verify.samplers.problem import Problem
from verify.samplers.sampler import Sampler

__all__ = ["GRID", "LEVEL", "TEST_CHANCE", "Coverage", "StudyCell", "study"]

LEVEL = 0.95
"""The level of the intervals."""
TEST_CHANCE = 0.01
"""Two-sided chance of a false alarm of the tests, beside that of a grid's."""
GRID = 20
"""Deciding cells of the grid whose tests are tried too: a run of the main job."""
_AT_ONCE = 2**18


@dataclass(frozen=True)
class StudyCell:
    """A network, its sampler, and the samples of one repetition; ``step``: rate of a real step.

    ``ratio``: of the input width to the others.  ``rates``: multipliers of the first layers and, as
    the last entry, of all others.  ``readout``: variance, at a small one the label makes the total.
    """

    sampler: Sampler
    width: int
    depth: int
    samples: int
    step: float | None = None
    slope: str = "0"
    ratio: int = 1
    rates: tuple[int, ...] = (1,)
    readout: str = "1"

    @property
    def network(self) -> MLP:
        """The network, in numbers."""
        return MLP(
            self.width,
            self.depth,
            input_width=self.ratio * self.width,
            activation=LeakyReLU(self.slope),
            readout_variance=self.readout,
        )

    @property
    def multipliers(self) -> tuple[int, ...]:
        """The multipliers of eta for each hidden layer."""
        first, rest = self.rates[:-1], self.rates[-1]
        return (*first, *(rest,) * self.depth)[: self.depth]

    @property
    def configuration(self) -> Configuration:
        """The configuration of the drawn networks."""
        return configuration(
            self.network, rates=self.multipliers, step=self.step, sampler=self.sampler
        )

    @property
    def kind(self) -> str:
        """All that is not as usual, in words."""
        said = {
            f"slope {self.slope}": self.slope != "0",
            f"input {self.ratio:,}x": self.ratio != 1,
            f"rates {_rates(self.rates)}": self.rates != (1,),
            f"readout {self.readout}": self.readout != "1",
            "real steps": self.step is not None,
        }
        return ", ".join(words for words, unusual in said.items() if unusual)


def _rates(rates: Sequence[int]) -> str:
    """Runs of equal multipliers, as in 0^15 1..."""
    runs = [(rate, len(list(run))) for rate, run in groupby(rates)]
    return " ".join(f"{rate}^{size}" if size > 1 else f"{rate}" for rate, size in runs) + "..."


@dataclass(frozen=True)
class Coverage:
    """One cell's results over ``repetitions``.

    ``spread``: relative standard deviation of a sample, exact or (weighted samples) measured.
    ``covered``: shares of intervals at `LEVEL` that hold the truth; ``naive``: shares of the
    intervals from the sample's standard deviation and normal quantiles.  ``missed``, ``alarms``,
    ``grid_alarms``: numbers of misses and of false alarms at `TEST_CHANCE` and at a grid's level;
    None where the cell does not decide, or declares that it cannot hold the level.  ``width``: of
    the interval over that of an oracle.  ``noticed``: relative error that one repetition notices in
    a grid; None if it cannot.
    """

    sampler: str
    width_of_network: int
    depth: int
    kind: str
    samples: int
    step: float | None
    spread: float
    repetitions: int
    missed: int | None
    covered: float
    naive: float
    alarms: int | None
    grid_alarms: int | None
    width: float
    naive_width: float
    noticed: float | None


@dataclass(frozen=True)
class _Repetition:
    mean: float
    interval: Interval
    naive: Interval
    score: Score


def study(cell: StudyCell, repetitions: int, seed: int) -> Coverage:
    """Simulate one cell ``repetitions`` times and count."""
    asked = cell.configuration
    update = squared_update(cell.network, rates=cell.multipliers)
    spread = _known_spread(cell, update)
    log_exact = float(log(update.evaluate(30)))
    run = partial(_block, cell, log_exact, spread, derived_seed(seed, asked.key, cell.samples))
    each = max(1, min(_AT_ONCE // cell.samples, repetitions))
    sizes = [min(each, repetitions - start) for start in range(0, repetitions, each)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = [r for block in pool.map(run, range(len(sizes)), sizes) for r in block]
    return _count(cell, spread, done)


def _known_spread(cell: StudyCell, update: SquaredUpdate) -> float | None:
    """The spread as in the main job; None for weighted samples."""
    if cell.sampler.meets_rare_networks:
        return None
    if cell.step is not None:
        return known_spread(cell.network, cell.depth, cell.step)
    return float(update.relative_standard_deviation(SPREAD_DIGITS))


def _block(
    cell: StudyCell, log_exact: float, spread: float | None, seed: int, block: int, count: int
) -> list[_Repetition]:
    problem = problem_of(cell.configuration)
    logs = cell.sampler.sample(problem, block_stream(seed, block), count * cell.samples)
    parts = np.split(logs, count, axis=1)
    return [_repetition(cell, problem, each, log_exact, spread) for each in parts]


def _repetition(
    cell: StudyCell, problem: Problem, logs: FloatArray, log_exact: float, spread: float | None
) -> _Repetition:
    block = sum_block(logs, keep=cell.sampler.draws_networks)
    total = merge([block], problem.parts, scalar=True)["total"]
    evidence = evidence_of(total, log_exact, spread)
    half = -float(ndtri((1 - LEVEL) / 2)) * evidence.ratio * float(total.relative_standard_error)
    return _Repetition(
        mean=evidence.ratio,
        interval=evidence.interval(LEVEL),
        naive=Interval(max(evidence.ratio - half, 0.0), evidence.ratio, evidence.ratio + half),
        score=Score(evidence, 1.0, _allowance(cell), may_decide(cell.configuration, spread)),
    )


def _allowance(cell: StudyCell) -> float:
    return 0.0 if cell.step is None else STEP_ALLOWANCE


def _count(cell: StudyCell, spread: float | None, done: Sequence[_Repetition]) -> Coverage:
    granted, first = _allowance(cell), done[0].score
    means = np.array([r.mean for r in done])
    covered = [_meets(r.interval, granted) for r in done]
    noticed = first.noticed(GRID)
    return Coverage(
        sampler=type(cell.sampler).__name__,
        width_of_network=cell.width,
        depth=cell.depth,
        kind=cell.kind,
        samples=cell.samples,
        step=cell.step,
        spread=float(np.std(means) * cell.samples**0.5) if spread is None else spread,
        repetitions=len(done),
        missed=covered.count(False) if _holds(first, (1 - LEVEL) / 2) else None,
        covered=float(np.mean(covered)),
        naive=float(np.mean([_meets(r.naive, granted) for r in done])),
        alarms=_alarms(done, TEST_CHANCE / 2),
        grid_alarms=_alarms(done, FAMILY_BUDGET / (2 * GRID)),
        width=_mean_width([r.interval for r in done]) / _oracle_width(means),
        naive_width=_mean_width([r.naive for r in done]) / _oracle_width(means),
        noticed=noticed if first.decides and np.isfinite(noticed) else None,
    )


def _meets(interval: Interval, allowance: float) -> bool:
    return interval.low <= 1 + allowance and interval.high >= 1 - allowance


def _holds(score: Score, chance: float) -> bool:
    """Whether the level is claimed at all; for any spread of networks it is, as it is proven."""
    claimed = score.decides or isinstance(score.evidence, NetworkMean)
    return claimed and score.evidence.holds(chance)


def _alarms(done: Sequence[_Repetition], chance: float) -> int | None:
    if not _holds(done[0].score, chance):
        return None
    critical = done[0].score.evidence.critical(chance)
    return sum(abs(r.score.z) > critical for r in done)


def _mean_width(intervals: Sequence[Interval]) -> float:
    return float(np.mean([each.high - each.low for each in intervals]))


def _oracle_width(means: FloatArray) -> float:
    """The width of the interval from the known distribution of the mean: X - (q - 1) at both ends,
    not below 0."""
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    ends = np.maximum(means - (high - 1.0), 0.0), means + (1.0 - low)
    return float(np.mean(ends[1] - ends[0]))
