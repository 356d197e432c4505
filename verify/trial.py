"""One claimed value against the mean over simulated networks, at a stated false-alarm chance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
from mpmath import mpf

from theory.network import InvalidArgument
from verify.estimate import Measurement
from verify.inference_networks import NetworkMean, sharpest_tuning
from verify.problem import FloatArray
from verify.questions import Question
from verify.samplers import Sampler
from verify.simulation import monte_carlo
from verify.streams import checked_samples

__all__ = ["MOST_SAMPLES", "Trial", "needed", "simulated"]

MOST_SAMPLES = 2**22
"""Networks of which every one is kept, which the test needs."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A claimed value, and the networks it was held against.

    ``claimed``: at eta = 1; None if it is no finite number.  ``false_alarm``: the chance that a
    true value is rejected.  Made by `simulated`.

    >>> from theory.network import MLP
    >>> from verify.gram import Gram
    >>> question = Question.of(MLP(64, 1), None, None, "label")
    >>> plan = {"samples": None, "seed": 1, "notices": 0.5, "false_alarm": 1e-6, "sampler": Gram()}
    >>> [simulated(question, mpf(claimed), **plan).rejected for claimed in (0.5, 1.0)]
    [False, True]
    """

    question: Question
    claimed: mpf | None
    measured: Measurement
    seed: int
    false_alarm: float
    sampler: Sampler

    @property
    def moves(self) -> bool:
        """Whether anything moves at all."""
        return bool(self.question.number)

    @property
    def relative_error(self) -> float:
        """Exact standard error of the measured mean, in units of the exact value."""
        return self.question.deviation / self.measured.samples**0.5 if self.moves else 0.0

    @cached_property
    def z(self) -> float:
        """How far the networks are above the claimed value, in exact standard errors; infinite
        where that is no number, and where it is not 0 but nothing moves."""
        if self.claimed is None or not self.moves:
            agree = self.claimed == 0 and bool(np.isneginf(self.measured.log_mean))
            return 0.0 if agree else float("inf")
        logs = np.asarray(self.measured.logs) - self.question.log
        claimed = float(self.claimed / self.question.number)
        return _evidence(self.question, logs, self.false_alarm).z(claimed)

    @property
    def critical(self) -> float:
        """The |z| that rejects: proven, for any tail of the distribution."""
        return critical_z(self.false_alarm)

    @property
    def rejected(self) -> bool:
        """Whether the claimed value is."""
        return not abs(self.z) <= self.critical


def critical_z(false_alarm: float) -> float:
    """The |z| that a true mean exceeds with at most the chance ``false_alarm``: the tuning constant
    itself, where it is the sharpest."""
    return sharpest_tuning(false_alarm / 2)


def _evidence(question: Question, logs: FloatArray, false_alarm: float) -> NetworkMean:
    """Samples, as logarithms in units of the exact value, with their exact standard error."""
    count = max(len(logs), 1)
    error = question.deviation / count**0.5
    return NetworkMean(count, 1.0, error, logs, critical_z(false_alarm))


def needed(question: Question, notices: float, false_alarm: float) -> int:
    """The networks with which a relative error ``notices`` is noticed; 1 where nothing moves.

    `InvalidArgument` where there is no such number below 2^62.

    >>> from theory.network import MLP
    >>> needed(Question.of(MLP(64, 1), None, None, "label"), 0.5, 1e-6)
    94
    """
    if not question.number:
        return 1
    evidence = _evidence(question, np.empty(0), false_alarm)
    found = evidence.samples_for(notices, false_alarm / 2)
    if found is None:
        spread = question.deviation
        size = f"{spread:.2g}" if isfinite(spread) else "over 1e308"
        raise InvalidArgument(
            f"expected networks whose mean a feasible number of them tests, got {question}, where "
            f"the exact standard deviation of one network is {size} times the mean; give a "
            f"shallower or wider network, or a larger notices than {notices:g}"
        )
    return found


def simulated(
    question: Question,
    claimed: mpf | None,
    *,
    samples: int | None,
    seed: int,
    notices: float,
    false_alarm: float,
    sampler: Sampler,
) -> Trial:
    """Draw the networks, as many as `needed` for ``samples=None``: see `Trial`.

    `InvalidArgument` for fewer than needed, or more than `MOST_SAMPLES`.
    """
    if isinstance(sampler, Sampler) and not sampler.draws_networks:
        raise InvalidArgument(
            f"expected a sampler that draws networks, got sampler={sampler!r}; the variance of "
            f"weighted means is not known exactly: use Gram(), Conditioned() or Dense()"
        )
    least = needed(question, notices, false_alarm)
    if least > MOST_SAMPLES:
        raise InvalidArgument(
            f"expected at most {MOST_SAMPLES:,} networks to be needed, got {question}, where "
            f"{least:,} are, to notice a relative error of {notices:g}; give a larger notices, or "
            f"networks that vary less: wider, less deep, or the label part alone"
        )
    count = least if samples is None else checked_samples(samples)
    if not least <= count <= MOST_SAMPLES:
        raise InvalidArgument(
            f"expected from {least:,} to {MOST_SAMPLES:,} samples, to notice a relative error of "
            f"{notices:g} at {question}, got samples={count:,}; give another number, or leave it "
            f"out"
        )
    estimate = monte_carlo(
        question.network,
        samples=count,
        seed=seed,
        sampler=sampler,
        layer=question.layer,
        rates=question.rates,
    )
    measured = estimate.parts[question.part]
    return Trial(question, claimed, measured, seed, false_alarm, sampler)
