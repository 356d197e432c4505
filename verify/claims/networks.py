"""This module chooses the networks for a claim, and compares the claim with their simulation.

An exact claim's value at a network, and a limit's leading term there, is compared with the measured
mean itself.  A limit decides on networks that are near it.  Theory plans these networks:
the exact value lies within `CORRECTION` of the law's leading term, which is granted to the claim.
Exact values also plan the number of samples, and give the variance of one network, by which errors
are judged, and the unit in which means are kept; none of them stands in for the claim's value or
for the measured one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, expm1
from typing import Any

from sympy import Expr, Integer, Rational

from theory.claims.reading import Reading
from theory.claims.target import Claim, Quantity, Target, is_of, sizes
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.evaluation import decimal, value_at
from theory.laws.criteria import MeanOverLayers
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.precision import log
from theory.symbols import L, a, ell, n, n_0
from theory.validation import typed
from verify.comparison.cells import PlannedCell
from verify.comparison.compare import Comparison, measure_announced
from verify.comparison.exact_values import LARGEST_SPREAD
from verify.comparison.sample_sizes import RARE_SPREAD, networks_for
from verify.numerics.streams import checked_samples, checked_seed, derived_seed
from verify.runs.configuration import configuration
from verify.runs.execution import Execution
from verify.runs.sampling import Sampling
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler

__all__ = [
    "CORRECTION",
    "NotMeasured",
    "checked_grid",
    "default_grids",
    "measure",
    "network_of",
]

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


_EXACT = ((4, 1), (8, 2), (16, 3), (64, 8))
_LEADING = ((10**9, 256), (10**9, 1024), (10**9, 4096))
_LEADING_BY_NEURONS = ((2**15, 16), (2**15, 32))
_JOINT = ((10**5, 1000), (16_000, 1000), (8192, 1024))
_JOINT_BY_NEURONS = ((2048, 128),)
_GRIDS = {
    Claim.EXACT: (_EXACT,),
    Claim.LEADING: (_LEADING, _LEADING_BY_NEURONS),
    Claim.JOINT: (_JOINT, _JOINT_BY_NEURONS),
}
"""Sizes (width, depth) by claim: for a limit, sizes near it for samplers of norms and inner
products, and smaller sizes for samplers of neurons and weights."""
_SIZES = {n_0: Integer(3), a: Rational(1, 2)}


class NotMeasured(Exception):
    """The reason why networks cannot decide."""


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
    term.  Networks are of the target's kind, see `checked_grid`; None for default networks.

    ``samples``: networks per cell; None plans them from the exact variance of one network, for the
    relative standard error ``precision``, or where that is None for 0.5 % within bounds, a limit's
    1 %.  Raises `NotMeasured` where there is nothing to compare, or no network can decide.
    """
    if isinstance(reading.target.criterion, MeanOverLayers):
        raise NotMeasured("a mean over layers is not measured")
    if not reading.target.network._is_chain:
        raise NotMeasured("formulas in blocks are decided by theory alone")
    if claim is not Claim.EXACT and leading is None:
        raise NotMeasured("the formula's leading term is not known")
    plan = _Plan(reading, claim, leading, samples, precision, checked_seed(seed), sampler)
    planned = plan.default() if grid is None else plan.cells(grid)
    if claim is not Claim.EXACT and not any(each.decides for each in planned):
        raise NotMeasured(plan.obstacle(planned))
    return measure_announced(planned, seed=plan.root, execution=execution)


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
    """The networks drawn for a claim, and the values of its formula there."""

    reading: Reading
    claim: Claim
    leading: Expr | None
    samples: int | None
    precision: float | None
    root: int
    sampler: Sampler

    def default(self) -> list[PlannedCell]:
        """The default networks; for a limit the networks that can decide, of the first sizes that
        the sampler draws in bounded time."""
        if self.claim is Claim.EXACT:
            return self._small()
        for grid in default_grids(self.reading.target, self.claim):
            planned = self.cells([network for network in grid if self._is_quick(network)])
            if planned:
                return [each for each in planned if each.decides] or planned
        raise NotMeasured(
            f"{self.sampler!r} draws no networks near the limit in bounded time: {self._other()}"
        )

    def _small(self) -> list[PlannedCell]:
        """The default networks of an identity; all drawn in bounded time without ``samples``."""
        planned = self.cells(next(default_grids(self.reading.target, self.claim)))
        if self.samples is not None or self.precision is not None:
            return planned
        quick = [each for each in planned if self._is_quick(each.network)]
        if planned and not quick:
            raise NotMeasured(
                f"{self.sampler!r} draws {_FEWEST[self.claim]:,} networks like "
                f"{planned[0].network} in no bounded time: give samples=100"
            )
        if quick and all((each.spread or 0) > LARGEST_SPREAD for each in quick):
            raise NotMeasured(
                f"rare networks set the mean of {planned[0].network} and of other networks of its "
                f"depth: give {self._rare(planned[0].network)}wider networks in grid"
            )
        return quick

    def _rare(self, network: Network) -> str:
        """The name of the sampler of rare networks, where it draws the measured quantity."""
        fits = replace(self, sampler=RareEvents())._is_quick(network)
        return "sampler=RareEvents(), or " if fits else ""

    def _other(self) -> str:
        """The sampler that draws networks near the limit in bounded time, if there is one."""
        for sampler in (Gram(), Conditioned()):
            other = replace(self, sampler=sampler)
            grids = default_grids(self.reading.target, self.claim)
            if any(other._is_quick(network) for grid in grids for network in grid):
                return f"give sampler={sampler!r}"
        observable = self.reading.target.observable
        fits = observable is None or self.sampler.can_draw(observable)
        return f"give {'' if fits else 'sampler=Conditioned() and '}networks in grid, and samples"

    def _is_quick(self, network: Network) -> bool:
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
                f"rare networks set the mean wherever the limit is near enough: give "
                f"{self._rare(planned[0].network)}simulate=False"
            )
        at = self.reading.target
        least = min(
            self._correction(replace(at, network=each.network, layer=each.layer), each.log_exact)
            for each in planned
        )
        return (
            f"no network is near enough to the limit: the exact value is {least:.2g} or more from "
            f"its leading term in each, and {CORRECTION:g} is granted: give wider, deeper networks"
        )

    def _cell(self, target: Target) -> PlannedCell:
        of_rate = target.quantity is Quantity.RATE
        layer: Any = (target.rate.layer if of_rate else target.layer) or target.network.layers
        moved = replace(target, quantity=Quantity.UPDATE, layer=layer)
        if moved.number == 0:
            raise NotMeasured(
                f"the mean is 0 at {target.network}, where no relative error can be judged: check "
                f"the square of the observable, or measure the mean with monte_carlo"
            )
        if moved.number < 0:
            raise NotMeasured(f"the mean is negative at {target.network}: monte_carlo measures it")
        log_exact = float(log(moved.number))
        spread = moved.spread(_SPREAD_DIGITS)
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
        most = _MOST[self.claim]
        wanted = ceil(min((spread / _ERROR[self.claim]) ** 2, most))
        return max(wanted, _FEWEST[self.claim])

    def _log_claimed(self, target: Target) -> float:
        """The logarithm of E that the formula, or its leading term, implies."""
        if self.leading is None or self.claim is Claim.EXACT:
            value = target.implied(replace(self.reading, target=target).value({}))
        else:
            value = value_at(self.leading, sizes(target))
        if value is None or value <= 0:
            raise NotMeasured(f"the formula has no positive value at {target.network}")
        return float(log(decimal(value)))

    def _correction(self, target: Target, log_exact: float) -> float:
        """How far the exact value is from the law's own leading term, relatively."""
        if self.claim is Claim.EXACT:
            return 0.0
        try:
            law = value_at(self.reading.target.law(self.claim), sizes(target))
        except NotSolved as reason:
            raise NotMeasured(f"no networks near the limit are known: {reason}") from reason
        if law is None:
            raise NotMeasured("the law's leading term has no value there")
        return abs(expm1(log_exact - float(log(decimal(law)))))


# The choice of networks


def network_of(network: MLP, width: int, depth: int) -> MLP:
    """The network in numbers: of this width and depth where they are open, and small numbers for
    the other open sizes."""
    values = {n: Integer(width), L: Integer(depth), **_SIZES}
    found: MLP = Target(network).at({s: values[s] for s in network.free_symbols}).network
    return found


def default_grids(target: Target, claim: Claim) -> Iterator[list[MLP]]:
    """The networks that test a claim about a target, in order of preference: small networks for an
    identity, with depths from the layer on; wide and deep networks for a limit."""
    least = target.layer if isinstance(target.layer, int) else 1
    for pairs in _GRIDS[claim]:
        sizes_ = dict.fromkeys((width, max(depth, least)) for width, depth in pairs)
        grid = dict.fromkeys(network_of(target.network, *pair) for pair in sizes_)
        yield [network for network in grid if replace(target, network=network).exists({})]


def checked_grid(target: Target, grid: object) -> list[MLP]:
    """The networks that a user gives, in numbers; each equals the target's network at its sizes.

    Raises `InvalidArgument` for none, for a value that is not a network and for a network of
    another kind.

    >>> checked_grid(Target(MLP()), (MLP(8, 2), MLP(16, 3)))
    [MLP(width=8, depth=2), MLP(width=16, depth=3)]
    """
    networks = list(grid) if isinstance(grid, Iterable) else []
    if not networks or not all(isinstance(each, MLP) for each in networks):
        raise InvalidArgument(
            f"expected networks in numbers for grid, got grid={typed(grid)}; give a list such as "
            f"[MLP(8, 2), MLP(32, 4)], or leave it out"
        )
    for network in networks:
        if network.free_symbols or not network._is_exact or not is_of(target.network, network):
            raise InvalidArgument(
                f"expected networks like {target.network} with numbers for its sizes in grid, got "
                f"{network}; give such networks, or the other kind as network"
            )
    return networks
