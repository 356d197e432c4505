"""This module repeats runs of a cell to find the least samples with which 95 % reject a law."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from mpmath import log

from studies.power_prediction import FIT_LEVEL, GRID
from theory import MLP
from verify.comparison.exact_values import exact_law, known_spread
from verify.inference.estimate import merge, sum_block
from verify.inference.evidence import POWER, Evidence
from verify.inference.evidence_kinds import evidence_of
from verify.inference.fit import fit_power
from verify.inference.verdict import Score
from verify.numerics.arrays import FloatArray, sum_of_parts
from verify.numerics.streams import block_stream, derived_seed
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.sampler import Sampler

__all__ = ["Trial", "fit_trials", "ladder", "least_samples", "trials"]

_RUNGS, _RUNGS_PER_DOUBLING = 20, 4


@dataclass(frozen=True)
class Trial:
    """One network and the sampler that draws it in a run."""

    network: MLP
    sampler: Sampler

    @cached_property
    def problem(self) -> Problem:
        """Plain numbers for the kernels."""
        return numeric_problem(self.network, layer=None, rates=None, step=None)

    @cached_property
    def spread(self) -> float | None:
        """The exact relative standard deviation of one sample; None for weighted samples."""
        if self.sampler.meets_rare_networks:
            return None
        return known_spread(self.network, self.network.layers)

    @cached_property
    def log_exact(self) -> float:
        """Natural logarithm of the exact mean at eta = 1."""
        return float(log(exact_law(self.network, self.network.layers)))

    def draw(self, samples: int, seed: int, repetition: int) -> FloatArray:
        """Logarithms of the total, shape ``(1, samples, 1)``."""
        sizes = [int(width) for width in self.network.widths]
        stream = block_stream(derived_seed(seed, *sizes[:2], len(sizes), samples), repetition)
        return sum_of_parts(self.sampler.sample(self.problem, stream, samples))[None]

    def evidence(self, logs: FloatArray) -> Evidence:
        """The evidence of drawn samples, as in the main job."""
        block = sum_block(logs, keep=self.sampler.draws_networks)
        total = merge([block], ("total",), scalar=True)["total"]
        return evidence_of(total, self.log_exact, self.spread)


def ladder(largest: int) -> list[int]:
    """Sample sizes four to a doubling, from ``largest``/32 to ``largest``, at least 2."""
    rungs = np.arange(-_RUNGS, 1) / _RUNGS_PER_DOUBLING
    return sorted({max(2, round(largest * 2.0**rung)) for rung in rungs})


def trials(
    trial: Trial, law: float, sizes: Sequence[int], repetitions: int, seed: int
) -> FloatArray:
    """The share of repetitions that reject ``law``, by number of samples; shape ``(sizes,)``.

    A repetition's smaller samples are the first of its larger ones.
    """

    def run(repetition: int) -> list[bool]:
        logs = trial.draw(max(sizes), seed, repetition)
        return [_rejects(trial.evidence(logs[:, :size]), law) for size in sizes]

    return _shares(run, repetitions)


def _rejects(evidence: Evidence, law: float) -> bool:
    score = Score(evidence, law, 0.0, decides=True)
    return score.holds(GRID) and abs(score.z) > score.critical(GRID)


def fit_trials(
    cells: Sequence[Trial], error: float, sizes: Sequence[int], repetitions: int, seed: int
) -> FloatArray:
    """The share of repetitions in which the fit over ``cells`` finds that the exponent of
    measured/law in depth is not 0, where the law's is ``error`` too small, whatever its constant.

    By number of samples in each cell, shape ``(sizes,)``.
    """
    depths = [cell.network.layers for cell in cells]

    def run(repetition: int) -> list[bool]:
        drawn = [cell.draw(max(sizes), seed, repetition) for cell in cells]
        return [_fit_rejects(depths, _evidences(cells, drawn, size), -error) for size in sizes]

    return _shares(run, repetitions)


def _evidences(cells: Sequence[Trial], drawn: Sequence[FloatArray], size: int) -> list[Evidence]:
    pairs = zip(cells, drawn, strict=True)
    return [cell.evidence(logs[:, :size]) for cell, logs in pairs]


def _fit_rejects(depths: Sequence[int], cells: Sequence[Evidence], exponent: float) -> bool:
    fit = fit_power(depths, cells, FIT_LEVEL)
    return fit is not None and not fit.exponent.holds(exponent)


def _shares(run: Callable[[int], list[bool]], repetitions: int) -> FloatArray:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rejected = list(pool.map(run, range(repetitions)))
    shares: FloatArray = np.mean(rejected, axis=0)
    return shares


def least_samples(
    sizes: Sequence[int], shares: Sequence[float] | FloatArray, share: float = POWER
) -> int | None:
    """The least of ``sizes`` from which on at least ``share`` reject; None where the last does
    not."""
    low = [index for index, each in enumerate(shares) if each < share]
    first = low[-1] + 1 if low else 0
    return sizes[first] if first < len(sizes) else None
