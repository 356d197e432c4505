"""This module compares a claim with simulated networks, whatever theory says of it.

An exact claim's value at a network, and a limit's leading term there, is compared with the measured
mean itself.  A limit decides on networks that are near it.  Which are is planned by theory: where
the exact value is within `CORRECTION` of the law's leading term, which is granted to the claim.
Exact values also plan the number of samples, and give the variance of one network, by which errors
are judged, and the unit in which means are kept; none of them stands in for the claim's value or
for the measured one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, expm1

from sympy import Expr

from theory.claims.reading import Reading
from theory.claims.target import Claim, Quantity, Target, sizes
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.evaluation import Number, decimal, value_at
from theory.laws.criteria import MeanOverLayers
from theory.networks.mlp import MLP
from theory.precision import log
from theory.symbols import ell
from verify.claims.grid import default_grids
from verify.comparison.cells import PlannedCell
from verify.comparison.compare import Comparison, measure_cells
from verify.comparison.sample_sizes import RARE_SPREAD, networks_for
from verify.numerics.streams import checked_samples, checked_seed, derived_seed
from verify.runs.configuration import configuration
from verify.runs.execution import Execution
from verify.runs.sampling import Sampling
from verify.samplers.sampler import Sampler

__all__ = ["CORRECTION", "NotMeasured", "measure"]

CORRECTION = 0.005
"""The largest relative difference of exact value and leading term on networks that decide a limit;
so much is granted to the claim."""
_ERROR = {Claim.EXACT: 0.005, Claim.LEADING: 0.01, Claim.JOINT: 0.01}
"""Relative standard error that is planned for."""
_FEWEST = {Claim.EXACT: 4_000, Claim.LEADING: 1_000, Claim.JOINT: 1_000}
_MOST = {Claim.EXACT: 500_000, Claim.LEADING: 100_000, Claim.JOINT: 100_000}
_SPREAD_DIGITS = 6
_LONGEST = 60.0
"""Seconds of a core, at most, for the fewest samples of a default network."""


class NotMeasured(Exception):
    """Why networks cannot tell."""


def measure(
    reading: Reading,
    claim: Claim,
    leading: Expr | None,
    grid: Sequence[MLP] | None,
    *,
    samples: int | None,
    precision: float | None,
    seed: int,
    sampler: Sampler,
    execution: Execution,
) -> Comparison:
    """Simulate ``grid`` and compare with the formula; for a limit with ``leading``, its leading
    term.  Networks are of the target's kind, see `verify.claims.grid`; None for the default ones.

    ``samples``: networks per cell; None plans them from the exact variance of one network, for the
    relative standard error ``precision``, or where that is None for 0.5 % within bounds, a limit's
    1 %.  Raises `NotMeasured` where there is nothing to compare, or no network that can decide.
    """
    if isinstance(reading.target.criterion, MeanOverLayers):
        raise NotMeasured("a mean over layers is not measured")
    if claim is not Claim.EXACT and leading is None:
        raise NotMeasured("the formula's leading term is not known")
    plan = _Plan(reading, claim, leading, samples, precision, checked_seed(seed), sampler)
    planned = plan.default() if grid is None else plan.cells(grid)
    if claim is not Claim.EXACT and not any(each.decides for each in planned):
        raise NotMeasured(plan.obstacle(planned))
    return measure_cells(planned, seed=plan.root, execution=execution)


def _layers(target: Target, network: MLP) -> Iterator[Target]:
    """The target at a network; where the layer is open, at its middle and last layer."""
    at = replace(target, network=network)
    if target.layer != ell:
        yield at
        return
    for layer in dict.fromkeys((ceil(network.layers / 2), network.layers)):
        yield replace(at, layer=layer)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is drawn for a claim, and what its formula says there."""

    reading: Reading
    claim: Claim
    leading: Expr | None
    samples: int | None
    precision: float | None
    root: int
    sampler: Sampler

    def default(self) -> list[PlannedCell]:
        """The default networks; for a limit those that can decide, of the first sizes that the
        sampler draws in bounded time."""
        grids = default_grids(self.reading.target, self.claim)
        if self.claim is Claim.EXACT:
            return self.cells(next(grids))
        for grid in grids:
            planned = self.cells([network for network in grid if self._is_quick(network)])
            if planned:
                return [each for each in planned if each.decides] or planned
        raise NotMeasured(
            f"{self.sampler!r} draws no networks near the limit in bounded time: give "
            f"sampler=Gram()"
        )

    def _is_quick(self, network: MLP) -> bool:
        """Whether the sampler draws the fewest networks in bounded time."""
        try:
            observable = self.reading.target.observable
            asked = configuration(network, sampler=self.sampler, observable=observable)
        except InvalidArgument:
            return False
        return _FEWEST[self.claim] * asked.seconds <= _LONGEST

    def cells(self, grid: Sequence[MLP]) -> list[PlannedCell]:
        """A cell for each network, and where the layer is open for its middle and last layer."""
        return [
            self._cell(target)
            for network in grid
            for target in _layers(self.reading.target, network)
        ]

    def obstacle(self, planned: Sequence[PlannedCell]) -> str:
        """Why none of the cells can decide a limit."""
        if any(each.suited for each in planned):
            return (
                "rare networks set the mean wherever the limit is near enough: give "
                "sampler=RareEvents()"
            )
        at = self.reading.target
        least = min(
            self._correction(replace(at, network=each.network, layer=each.layer), each.log_exact)
            for each in planned
        )
        return (
            f"no network is near enough to the limit: the exact value is {least:.2g} or more from "
            f"its leading term in each, and {CORRECTION:g} is granted: give wider and deeper ones"
        )

    def _cell(self, target: Target) -> PlannedCell:
        layer = _measured_layer(target)
        moved = replace(target, quantity=Quantity.UPDATE, layer=layer)
        if moved.number <= 0:
            raise NotMeasured(
                f"the mean is not positive at {target.network}: monte_carlo measures it"
            )
        log_exact, spread = float(log(moved.number)), moved.spread(_SPREAD_DIGITS)
        log_law = self._log_claimed(target)
        correction = self._correction(target, log_exact)
        rates = target.multipliers()
        asked = configuration(
            target.network,
            layer=layer,
            rates=rates,
            sampler=self.sampler,
            observable=target.observable,
        )
        seed = derived_seed(self.root, asked.key)
        count = checked_samples(self._planned(spread) if self.samples is None else self.samples)
        return PlannedCell(
            Sampling(asked, seed, count),
            log_law,
            log_exact,
            None if self.sampler.meets_rare_networks else spread,
            allowance=0.0 if self.claim is Claim.EXACT else CORRECTION,
            suited=correction <= CORRECTION,
            part=target.part,
        )

    def _planned(self, spread: float) -> int:
        if self.precision is not None:
            rare = self.sampler.meets_rare_networks
            return networks_for(RARE_SPREAD if rare else spread, self.precision)
        wanted = ceil((spread / _ERROR[self.claim]) ** 2)
        return min(max(wanted, _FEWEST[self.claim]), _MOST[self.claim])

    def _log_claimed(self, target: Target) -> float:
        """The logarithm of E that the formula, or its leading term, implies."""
        if self.leading is None or self.claim is Claim.EXACT:
            value = replace(self.reading, target=target).value({})
        else:
            value = _value(self.leading, target)
        if value is None or value <= 0:
            raise NotMeasured(f"the formula has no positive value at {target.network}")
        return float(log(decimal(value)))

    def _correction(self, target: Target, log_exact: float) -> float:
        """How far the exact value is from the law's own leading term, relatively."""
        if self.claim is Claim.EXACT:
            return 0.0
        try:
            law = _value(self.reading.target.law(self.claim), target)
        except NotSolved as reason:
            raise NotMeasured(f"no networks near the limit are known: {reason}") from reason
        if law is None:
            raise NotMeasured("the law's leading term has no value there")
        return abs(expm1(log_exact - float(log(decimal(law)))))


def _value(expression: Expr, target: Target) -> Number | None:
    """The value of an expression at the sizes of a target in numbers."""
    return value_at(expression, sizes(target))


def _measured_layer(target: Target) -> int:
    """The layer asked for; for a rate, the one that binds."""
    if target.quantity is Quantity.RATE:
        return int(target.rate.layer or target.network.layers)
    return target.network.layers if target.layer is None else int(target.layer)
