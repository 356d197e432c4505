"""A trial compares one claimed value with the mean over networks, at a stated level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from theory.claims.target import Target
from theory.errors import InvalidArgument
from theory.precision import log, mpf
from theory.validation import written
from verify.comparison.sample_sizes import RARE_SPREAD
from verify.inference.evidence import Evidence
from verify.inference.measurement import Measurement
from verify.inference.sample_means import NetworkMean, sharpest_tuning
from verify.inference.weighted_means import WeightedMean
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import checked_samples
from verify.runs.configuration import configuration
from verify.runs.simulation import monte_carlo
from verify.samplers.gram.sampler import Gram
from verify.samplers.problem import numeric_problem
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler

__all__ = [
    "MOST_SAMPLES",
    "Plan",
    "Trial",
    "place",
    "planned",
    "rates_text",
    "simulated",
]

MOST_SAMPLES = 2**22
"""Networks of which every one is kept, which the test needs."""
_TRIED = 10_000
_SPREAD_DIGITS = 15


def place(target: Target) -> str:
    """The layer, network, multipliers and part of a target in numbers.

    >>> from sympy import Rational
    >>> from theory.networks.mlp import MLP
    >>> place(Target(MLP(2, 2), layer=1, part="label", rates=(Rational(1), Rational(1, 2))))
    "layer 1 of MLP(width=2, depth=2) with rates=(1, '1/2'), label part"
    """
    part = "total" if target.part == "total" else f"{target.part} part"
    return f"layer {target.layer} of {target.network!r}{rates_text(target, ' with ')}, {part}"


def rates_text(target: Target, before: str = ", ") -> str:
    """The multipliers as an argument, in code that reads back; nothing where they are all 1."""
    if target.rates is None:
        return ""
    texts = [written(rate) for rate in target.multipliers() or ()]
    return f"{before}rates=({', '.join(texts)}{',' * (len(texts) == 1)})"


@dataclass(frozen=True, eq=False)
class Trial:
    """A claimed value, and the networks with which it was compared.

    ``claimed``: at eta = 1; None if it is no finite number.  ``false_alarm``: the chance that a
    true value is rejected.  Made by `simulated`.

    >>> from theory.networks.mlp import MLP
    >>> target = Target(MLP(64, 1), layer=1, part="label")
    >>> plan = {"samples": None, "seed": 1, "notices": 0.5, "false_alarm": 1e-6, "sampler": None}
    >>> [simulated(target, mpf(claimed), **plan).rejected for claimed in (0.5, 1.0)]
    [False, True]
    """

    target: Target
    claimed: mpf | None
    measured: Measurement
    seed: int
    false_alarm: float
    sampler: Sampler

    @property
    def moves(self) -> bool:
        """Whether anything moves at all."""
        return bool(self.target.number)

    @cached_property
    def evidence(self) -> Evidence:
        """The mean over networks in units of the exact value: with its exact standard error, or
        for weighted networks with that of the samples."""
        if self.sampler.draws_networks:
            logs = np.asarray(self.measured.logs) - _log(self.target)
            return _of_networks(self.target, logs, self.false_alarm)
        ratio = float(np.exp(self.measured.log_mean - _log(self.target)))
        error = ratio * float(self.measured.relative_standard_error)
        return WeightedMean(self.measured.samples, ratio, error)

    @property
    def relative_error(self) -> float:
        """Standard error of the measured mean, in units of the exact value."""
        return self.evidence.standard_error if self.moves else 0.0

    @cached_property
    def z(self) -> float:
        """How far the networks are above the claimed value, in standard errors; infinite where that
        is no number, and where it is not 0 but nothing moves."""
        if self.claimed is None or not self.moves:
            agree = self.claimed == 0 and bool(np.isneginf(self.measured.log_mean))
            return 0.0 if agree else inf
        return self.evidence.z(float(self.claimed / self.target.number))

    @property
    def critical(self) -> float:
        """The |z| that rejects."""
        return self.evidence.critical(self.false_alarm / 2) if self.moves else 0.0

    @property
    def rejected(self) -> bool:
        """Whether the claimed value is."""
        return not abs(self.z) <= self.critical

    @property
    def noticed(self) -> float:
        """The relative error of a claimed value that is rejected with 95 % chance."""
        return self.evidence.noticed(self.false_alarm / 2) if self.moves else 0.0


def _log(target: Target) -> float:
    """Natural logarithm of the exact value; minus infinity where nothing moves."""
    return float(log(target.number)) if target.number else -inf


def _of_networks(target: Target, logs: FloatArray, false_alarm: float) -> NetworkMean:
    """Samples, as logarithms in units of the exact value, with their exact standard error."""
    count = max(len(logs), 1)
    error = target.spread(_SPREAD_DIGITS) / count**0.5
    return NetworkMean(count, 1.0, error, logs, sharpest_tuning(false_alarm / 2))


class Plan(NamedTuple):
    """How many networks of which sampler notice an error; infinitely many where none do."""

    sampler: Sampler
    samples: float

    @property
    def feasible(self) -> bool:
        """Whether so many networks can be drawn and kept."""
        return self.samples <= MOST_SAMPLES

    def seconds(self, target: Target) -> float:
        """Expected time on one core."""
        cost = self.sampler.seconds
        return self.samples * (cost.unit * self.sampler.cost(target.network) + cost.network)


def planned(target: Target, notices: float, false_alarm: float, sampler: Sampler | None) -> Plan:
    """The networks with which a relative error ``notices`` is noticed: of ``sampler``, or for None
    of `Gram` or `RareEvents`, whichever is quicker.

    `InvalidArgument` where no sampler can, naming the number or the sampler that would do.

    >>> from theory.networks.mlp import MLP
    >>> planned(Target(MLP(64, 1), layer=1, part="label"), 0.5, 1e-6, None)
    Plan(sampler=Gram(), samples=94)
    >>> planned(Target(MLP(8, 64), layer=64, part="label"), 0.1, 1e-6, None).sampler
    RareEvents()
    """
    plans = [_plan(target, each, notices, false_alarm) for each in (Gram(), RareEvents())]
    possible = [plan for plan in plans if plan.feasible]
    if sampler is not None:
        configuration(target.network, layer=target.layer, rates=target.rates, sampler=sampler)
        plan = _plan(target, sampler, notices, false_alarm)
        if not plan.feasible:
            raise InvalidArgument(_too_many(target, plan, notices, possible))
        return plan
    if not possible:
        raise InvalidArgument(_too_many(target, min(plans, key=attrgetter("samples")), notices, []))
    return min(possible, key=lambda plan: plan.seconds(target))


def _plan(target: Target, sampler: Sampler, notices: float, false_alarm: float) -> Plan:
    if not target.number:
        return Plan(sampler, 1)
    try:
        sampler.check(
            numeric_problem(target.network, layer=target.layer, rates=target.rates, step=None)
        )
    except InvalidArgument:
        return Plan(sampler, inf)
    evidence: Evidence = WeightedMean(_TRIED, 1.0, RARE_SPREAD / _TRIED**0.5)
    if sampler.draws_networks:
        evidence = _of_networks(target, np.empty(0), false_alarm)
    return Plan(sampler, evidence.samples_for(notices, false_alarm / 2) or inf)


def _too_many(target: Target, plan: Plan, notices: float, others: list[Plan]) -> str:
    spread = target.spread(_SPREAD_DIGITS)
    size = f"{spread:.2g}" if isfinite(spread) else "over 1e308"
    count = f"{int(plan.samples):,}" if isfinite(plan.samples) else "no feasible number"
    fix = "give a shallower or wider network, the label part alone, or a larger notices"
    if others:
        fix = f"give sampler={others[0].sampler!r}, of which {int(others[0].samples):,} do"
    return (
        f"expected at most {MOST_SAMPLES:,} networks to be needed, got {place(target)}, where "
        f"{count} of sampler={plan.sampler!r} notices a relative error of {notices:g}, since the "
        f"standard deviation of one network is {size} times the mean; {fix}"
    )


def simulated(
    target: Target,
    claimed: mpf | None,
    *,
    samples: int | None,
    seed: int,
    notices: float,
    false_alarm: float,
    sampler: Sampler | None,
) -> Trial:
    """Draw the networks, as many as `planned` for ``samples=None``: see `Trial`.

    Weighted networks whose spread is larger than planned are drawn again, more of them.
    `InvalidArgument` for fewer than needed, or more than `MOST_SAMPLES`.
    """
    plan = planned(target, notices, false_alarm, sampler)
    count = int(plan.samples) if samples is None else checked_samples(samples)
    if not plan.samples <= count <= MOST_SAMPLES:
        raise InvalidArgument(
            f"expected from {int(plan.samples):,} to {MOST_SAMPLES:,} samples of "
            f"sampler={plan.sampler!r}, to notice a relative error of {notices:g} at {place}, "
            f"got samples={count:,}; give {int(plan.samples)}, or leave it out"
        )
    trial = _drawn(target, claimed, count, seed, false_alarm, plan.sampler)
    while trial.noticed > notices:
        count = int(1.1 * count * (min(trial.noticed, 10 * notices) / notices) ** 2) + 1
        if samples is not None or count > MOST_SAMPLES:
            raise InvalidArgument(
                f"expected samples that notice a relative error of {notices:g} at {place(target)}, "
                f"got {trial.measured.samples:,} of sampler={plan.sampler!r}, which notice "
                f"{trial.noticed:.3g}; give samples={count}, or a larger notices"
            )
        trial = _drawn(target, claimed, count, seed, false_alarm, plan.sampler)
    return trial


def _drawn(
    target: Target,
    claimed: mpf | None,
    count: int,
    seed: int,
    false_alarm: float,
    sampler: Sampler,
) -> Trial:
    estimate = monte_carlo(
        target.network,
        samples=count,
        seed=seed,
        sampler=sampler,
        layer=target.layer,
        rates=target.rates,
    )
    measured = getattr(estimate, target.part)
    return Trial(target, claimed, measured, seed, false_alarm, sampler)
