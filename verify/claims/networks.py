"""A claim held against simulated networks, whatever theory says of it.

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
from fractions import Fraction
from functools import lru_cache
from math import ceil

from sympy import Expr, Symbol

from theory.algebra.precision import log
from theory.claims.reading import Reading
from theory.claims.target import Claim, Quantity, Target, sizes
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.evaluation import Number, Undefined, decimal, evaluate, quotient
from theory.laws.criteria import MeanOverLayers
from theory.networks.mlp import MLP
from theory.symbols import ell, eta
from verify.claims.grid import default_grids
from verify.comparison.cells import Cell
from verify.comparison.compare import Comparison
from verify.comparison.deciding import may_decide
from verify.comparison.sample_sizes import RARE_SPREAD, networks_for
from verify.inference.estimate import Block
from verify.inference.evidence_kinds import evidence_of
from verify.inference.verdict import Score
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
    blocks = execution.run([each.sampling for each in planned])
    cells = [each.measured(drawn) for each, drawn in zip(planned, blocks, strict=True)]
    return Comparison(tuple(cells), plan.root, None)


def _layers(target: Target, network: MLP) -> Iterator[Target]:
    """The target at a network; where the layer is open, at its middle and last layer."""
    at = replace(target, network=network)
    if target.layer != ell:
        yield at
        return
    for layer in dict.fromkeys((ceil(network.layers / 2), network.layers)):
        yield replace(at, layer=layer)


@dataclass(frozen=True, eq=False)
class _Planned:
    """A cell before it is measured; ``ratio``: what the formula says over the exact value.

    ``correction``: planned relative difference of exact value and limit; 0 for an exact claim.
    """

    target: Target
    sampling: Sampling
    exact: Number
    ratio: float
    spread: float
    correction: float
    allowance: float

    @property
    def near(self) -> bool:
        """Whether it is near enough to its limit."""
        return self.correction <= CORRECTION

    @property
    def known_spread(self) -> float | None:
        """Of one network; None where samples are weighted."""
        return None if self.sampling.configuration.sampler.meets_rare_networks else self.spread

    @property
    def decides(self) -> bool:
        """Whether it may decide."""
        return self.near and may_decide(self.sampling.configuration, self.known_spread)

    def measured(self, blocks: list[Block]) -> Cell:
        estimate = self.sampling.estimate(blocks, scalar=True)
        measured, log_exact = estimate.parts[self.target.part], float(log(self.exact))
        score = Score(
            evidence=evidence_of(measured, log_exact, self.known_spread),
            law=self.ratio,
            allowance=self.allowance,
            decides=self.decides,
        )
        return Cell(
            network=self.target.network,
            layer=self.sampling.configuration.layers[0],
            sampler=self.sampling.configuration.sampler,
            log_law=log_exact + float(log(self.ratio)),
            log_exact=log_exact,
            estimate=replace(estimate, parts={"total": measured}),
            score=score,
            sampling=self.sampling,
            part=self.target.part,
        )


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

    def default(self) -> list[_Planned]:
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
            asked = configuration(network, sampler=self.sampler)
        except InvalidArgument:
            return False
        return _FEWEST[self.claim] * asked.seconds <= _LONGEST

    def cells(self, grid: Sequence[MLP]) -> list[_Planned]:
        """A cell for each network, and where the layer is open for its middle and last layer."""
        return [
            self._cell(target)
            for network in grid
            for target in _layers(self.reading.target, network)
        ]

    def obstacle(self, planned: Sequence[_Planned]) -> str:
        """Why none of the cells can decide a limit."""
        if any(each.near for each in planned):
            return (
                "rare networks set the mean wherever the limit is near enough: give "
                "sampler=RareEvents()"
            )
        least = min((each.correction for each in planned), default=float("inf"))
        return (
            f"no network is near enough to the limit: the exact value is {least:.2g} or more from "
            f"its leading term in each, and {CORRECTION:g} is granted: give wider and deeper ones"
        )

    def _cell(self, target: Target) -> _Planned:
        network, layer = target.network, _measured_layer(target)
        moved = replace(target, quantity=Quantity.UPDATE, layer=layer)
        exact = moved.update.evaluate(30)
        ratio = self._ratio(target, exact)
        correction = self._correction(target, exact)
        spread = _spread(moved)
        rates = target.multipliers()
        asked = configuration(network, layer=layer, rates=rates, sampler=self.sampler)
        seed = derived_seed(self.root, asked.key)
        count = checked_samples(self._planned(spread) if self.samples is None else self.samples)
        allowance = 0.0 if self.claim is Claim.EXACT else CORRECTION
        sampling = Sampling(asked, seed, count)
        return _Planned(target, sampling, exact, ratio, spread, correction, allowance)

    def _planned(self, spread: float) -> int:
        if self.precision is not None:
            rare = self.sampler.meets_rare_networks
            return networks_for(RARE_SPREAD if rare else spread, self.precision)
        wanted = ceil((spread / _ERROR[self.claim]) ** 2)
        return min(max(wanted, _FEWEST[self.claim]), _MOST[self.claim])

    def _ratio(self, target: Target, exact: Number) -> float:
        """What the formula says over the exact value, between e^-600 and e^600."""
        values = _values(target)
        try:
            if self.leading is None or self.claim is Claim.EXACT:
                value = target.lifted(self.reading.formula.value(values | {eta: Fraction(1)}))
            else:
                value = evaluate(self.leading, values)
            ratio = None if value is None else quotient(value, exact)
        except Undefined:
            ratio = None
        if ratio is None or ratio <= 0:
            raise NotMeasured(f"the formula has no positive value at {target.network}")
        return float(min(max(decimal(ratio), decimal(Fraction(1, 10**250))), 10**250))

    def _correction(self, target: Target, exact: Number) -> float:
        """How far the exact value is from the law's own leading term, relatively."""
        if self.claim is Claim.EXACT:
            return 0.0
        whole = self.reading.target
        try:
            law = whole.leading() if self.claim is Claim.LEADING else whole.joint()
            return abs(float(quotient(exact, evaluate(law, _values(target)))) - 1.0)
        except (NotSolved, Undefined) as reason:
            raise NotMeasured(f"no networks near the limit are known: {reason}") from reason


@lru_cache(maxsize=256)
def _spread(target: Target) -> float:
    """The exact relative standard deviation of one network's update."""
    return float(target.update.relative_standard_deviation(_SPREAD_DIGITS))


def _values(target: Target) -> dict[Symbol, Fraction]:
    return {s: Fraction(int(v.p), int(v.q)) for s, v in sizes(target).items()}


def _measured_layer(target: Target) -> int:
    """The layer asked for; for a rate, the one that binds."""
    if target.quantity is Quantity.RATE:
        return int(target.rate.layer or target.network.layers)
    return target.network.layers if target.layer is None else int(target.layer)
