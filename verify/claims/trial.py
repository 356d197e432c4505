"""A trial compares one claimed value with the mean over networks, at a stated level."""

from __future__ import annotations

from dataclasses import dataclass
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
from verify.runs.configuration import Configuration, configuration, problem_of
from verify.runs.simulation import monte_carlo
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler

__all__ = ["MOST_SAMPLES", "Plan", "Result", "Trial", "place", "rates_text"]

MOST_SAMPLES = 2**22
"""Networks of which every one is kept, which the test needs."""
_OF_OBSERVABLES = (Gram(), Conditioned(), Dense())
_TRIED = 10_000


def place(target: Target) -> str:
    """The layer, network, multipliers and part of a target in numbers.

    >>> from sympy import Rational
    >>> from theory.networks.mlp import MLP
    >>> place(Target(MLP(2, 2), layer=1, part="label", rates=(Rational(1), Rational(1, 2))))
    "layer 1 of MLP(width=2, depth=2) with rates=(1, '1/2'), label part"
    """
    part = "total" if target.part == "total" else f"{target.part} part"
    part = part if target.observable is None else f"E[{target.observable}]"
    return f"layer {target.layer} of {target.network!r}{rates_text(target, ' with ')}, {part}"


def rates_text(target: Target, before: str = ", ") -> str:
    """The multipliers as an argument, in code that reads back; nothing where they are all 1."""
    if target.rates is None:
        return ""
    texts = [written(rate) for rate in target.multipliers() or ()]
    return f"{before}rates=({', '.join(texts)}{',' * (len(texts) == 1)})"


class Plan(NamedTuple):
    """How many networks of which sampler notice an error; infinitely many where none do."""

    sampler: Sampler
    samples: float


class Result(NamedTuple):
    """A claimed value and the networks that were drawn.

    ``error``: the standard error of the measured mean, in units of the exact value.  ``z``: how far
    the networks are above the claimed value, in standard errors; infinite where that is no number,
    and where it is not 0 but nothing moves.  ``critical``: the |z| that rejects.
    """

    sampler: Sampler
    measured: Measurement
    error: float
    z: float
    critical: float

    @property
    def rejected(self) -> bool:
        """Whether the networks reject the claimed value."""
        return not abs(self.z) <= self.critical


@dataclass(frozen=True, eq=False)
class Trial:
    """A test of values that are claimed for a target in numbers, at eta = 1.

    A true value is rejected with at most the chance ``false_alarm``, and one that is wrong by the
    relative error ``notices`` with at least `verify.inference.evidence.POWER`.

    >>> from theory.networks.mlp import MLP
    >>> trial = Trial(Target(MLP(64, 1), layer=1, part="label"), notices=0.5, false_alarm=1e-6)
    >>> trial.plan()
    Plan(sampler=Gram(), samples=94)
    >>> [trial.run(mpf(claimed), seed=1).rejected for claimed in (0.5, 1.0)]
    [False, True]
    """

    target: Target
    notices: float
    false_alarm: float

    def plan(self, sampler: Sampler | None = None) -> Plan:
        """The networks with which ``notices`` is noticed: of ``sampler``, or for None of `Gram` or
        `RareEvents`, whichever is quicker; for an observable of one that draws it.

        `InvalidArgument` where no sampler can, naming the number or the sampler that would do.

        >>> from theory.networks.mlp import MLP
        >>> Trial(Target(MLP(8, 64), layer=64, part="label"), 0.1, 1e-6).plan().sampler
        RareEvents()
        """
        target = self.target
        samplers = (Gram(), RareEvents()) if target.observable is None else _OF_OBSERVABLES
        plans = [self._plan(each) for each in samplers]
        possible = [plan for plan in plans if plan.samples <= MOST_SAMPLES]
        if sampler is not None:
            self._configured(sampler)
            chosen = self._plan(sampler)
        elif possible:
            chosen = min(possible, key=self._seconds)
        else:
            chosen = min(plans, key=attrgetter("samples"))
        if chosen.samples > MOST_SAMPLES:
            raise InvalidArgument(self._too_many(chosen, possible))
        return chosen

    def run(
        self,
        claimed: mpf | None,
        *,
        seed: int,
        samples: int | None = None,
        sampler: Sampler | None = None,
    ) -> Result:
        """Draw the networks, as many as planned for ``samples=None``, and compare: ``claimed`` is
        None if it is no finite number.

        Weighted networks whose spread is larger than planned are drawn again, more of them.
        `InvalidArgument` for fewer than needed, or more than `MOST_SAMPLES`.
        """
        plan, where = self.plan(sampler), place(self.target)
        count = int(plan.samples) if samples is None else checked_samples(samples)
        if not plan.samples <= count <= MOST_SAMPLES:
            raise InvalidArgument(
                f"expected from {int(plan.samples):,} to {MOST_SAMPLES:,} samples of "
                f"sampler={plan.sampler!r}, to notice a relative error of {self.notices:g} at "
                f"{where}, got samples={count:,}; give {int(plan.samples)}, or leave it out"
            )
        while True:
            measured = self._drawn(plan.sampler, count, seed)
            if not self.target.number:
                agree = claimed == 0 and bool(np.isneginf(measured.log_mean))
                return Result(plan.sampler, measured, 0.0, 0.0 if agree else inf, 0.0)
            evidence = self._evidence(plan.sampler, measured)
            noticed = evidence.noticed(self._chance)
            if noticed <= self.notices:
                z = inf if claimed is None else evidence.z(float(claimed / self.target.number))
                critical = evidence.critical(self._chance)
                return Result(plan.sampler, measured, evidence.standard_error, z, critical)
            more = min(noticed, 10 * self.notices) / self.notices
            drawn, count = count, int(1.1 * count * more**2) + 1
            if samples is not None or count > MOST_SAMPLES:
                raise InvalidArgument(
                    f"expected samples that notice a relative error of {self.notices:g} at "
                    f"{where}, got {drawn:,} of sampler={plan.sampler!r}, which notice "
                    f"{noticed:.3g}; give samples={count}, or a larger notices"
                )

    @property
    def _chance(self) -> float:
        """The chance of a false alarm on one side."""
        return self.false_alarm / 2

    def _configured(self, sampler: Sampler) -> Configuration:
        target = self.target
        return configuration(
            target.network,
            layer=target.layer,
            rates=target.rates,
            sampler=sampler,
            observable=target.observable,
        )

    def _plan(self, sampler: Sampler) -> Plan:
        target = self.target
        if not target.number:
            return Plan(sampler, 1)
        try:
            asked = self._configured(sampler)
        except InvalidArgument:
            return Plan(sampler, inf)
        evidence: Evidence = WeightedMean(_TRIED, 1.0, RARE_SPREAD / _TRIED**0.5)
        if target.observable is not None:
            size = sampler.block_size(problem_of(asked))
            tuning = sharpest_tuning(self._chance)
            evidence = NetworkMean(
                1, 1.0, self.target.spread(), np.empty(0), tuning, np.array([size])
            )
        elif sampler.draws_networks:
            evidence = self._of_networks(np.zeros(1))
        return Plan(sampler, evidence.samples_for(self.notices, self._chance) or inf)

    def _seconds(self, plan: Plan) -> float:
        """Expected time on one core."""
        cost = plan.sampler.seconds
        return plan.samples * (cost.unit * plan.sampler.cost(self.target.network) + cost.network)

    def _too_many(self, plan: Plan, others: list[Plan]) -> str:
        size = f"{self.target.spread():.2g}" if isfinite(self.target.spread()) else "over 1e308"
        count = (
            f"{int(plan.samples):,}" if isfinite(plan.samples) else "more than any feasible number"
        )
        fix = "give a shallower or wider network, the label part alone, or a larger notices"
        if others:
            fix = f"give sampler={others[0].sampler!r}, which needs {int(others[0].samples):,}"
        return (
            f"expected a network for which at most {MOST_SAMPLES:,} samples suffice, got "
            f"{place(self.target)}, where sampler={plan.sampler!r} needs {count} to notice a "
            f"relative error of {self.notices:g}, since the standard deviation of one network "
            f"is {size} times the mean; {fix}"
        )

    def _drawn(self, sampler: Sampler, count: int, seed: int) -> Measurement:
        target = self.target
        estimate = monte_carlo(
            target.network,
            samples=count,
            seed=seed,
            sampler=sampler,
            layer=target.layer,
            rates=target.rates,
            observable=target.observable,
        )
        measured: Measurement = getattr(estimate, target.part)
        return measured

    def _evidence(self, sampler: Sampler, measured: Measurement) -> Evidence:
        """The mean over networks in units of the exact value: with its exact standard error, or
        for weighted networks with the standard error of the samples."""
        if self.target.observable is not None:
            return self._of_blocks(measured)
        log_exact = float(log(self.target.number))
        if sampler.draws_networks:
            return self._of_networks(np.asarray(measured.logs) - log_exact)
        ratio = float(np.exp(measured.log_mean - log_exact))
        error = ratio * float(measured.relative_standard_error)
        return WeightedMean(measured.samples, ratio, error)

    def _of_networks(self, logs: FloatArray) -> NetworkMean:
        """Samples, as logarithms in units of the exact value, with their exact standard error."""
        error = self.target.spread() / len(logs) ** 0.5
        return NetworkMean(len(logs), 1.0, error, logs, sharpest_tuning(self._chance))

    def _of_blocks(self, measured: Measurement) -> NetworkMean:
        """Means over blocks of an observable, in units of its exact mean, with their exact
        error."""
        number, count = self.target.number, measured.samples
        sign, unit = (1.0 if number > 0 else -1.0), float(log(abs(number)))
        return NetworkMean(
            count,
            sign * float(measured.sign) * float(np.exp(measured.log_mean - unit)),
            self.target.spread() / count**0.5,
            measured.block_log_means - unit,
            sharpest_tuning(self._chance),
            measured.block_samples,
            sign * measured.block_signs,
        )
