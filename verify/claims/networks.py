"""A claim held against simulated networks, whatever theory says of it.

A limit is not tried as it stands, since no finite network is at it: the formula's leading term
over the law's own, times the exact value, is what networks would show if its constant and powers
were right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from mpmath import log, workdps
from sympy import Expr, Integer, Rational

from theory import MLP, InvalidArgument, MeanOverLayers
from theory.symbols import L, a, ell, eta, n, n_0
from verify.claims.evaluation import DIGITS, Number, Undefined, decimal, evaluate, quotient
from verify.claims.reading import Reading
from verify.claims.target import Quantity, Target, sizes
from verify.compare import Cell, Comparison
from verify.configuration import configuration
from verify.estimate import Block, Estimate
from verify.exact_values import LARGEST_SPREAD
from verify.execution import Execution
from verify.inference_evidence import evidence_of
from verify.precision import RARE_SPREAD, networks_for
from verify.samplers import Sampler
from verify.sampling import Sampling
from verify.streams import checked_samples, checked_seed, derived_seed
from verify.verdict import Score

__all__ = ["NotMeasured", "default_grid", "measure", "network_of"]

_GRID = ((4, 1), (8, 2), (16, 3), (64, 8))
_SIZES = {n_0: Integer(3), a: Rational(1, 2)}
_ERROR = 0.005
"""Relative standard error that is planned for."""
_FEWEST, _MOST = 4_000, 500_000
_SPREAD_DIGITS = 6


class NotMeasured(Exception):
    """Why networks cannot tell."""


def network_of(network: MLP, width: int, depth: int) -> MLP:
    """The network in numbers: of this width and depth where they are open, and small sizes for
    what else is."""
    values = {n: Integer(width), L: Integer(depth), **_SIZES}
    return Target(network).at({s: values[s] for s in network.free_symbols}).network


def default_grid(target: Target) -> list[MLP]:
    """Small networks of a target, with depths from its layer on."""
    least = target.layer if isinstance(target.layer, int) else 1
    sizes_ = dict.fromkeys((width, max(depth, least)) for width, depth in _GRID)
    grid = (network_of(target.network, width, depth) for width, depth in sizes_)
    return [network for network in dict.fromkeys(grid) if _possible(target, network)]


def _possible(target: Target, network: MLP) -> bool:
    try:
        replace(target, network=network).multipliers()
    except InvalidArgument:
        return False
    return True


def measure(
    reading: Reading,
    terms: tuple[Expr, Expr] | None,
    grid: Iterable[MLP],
    *,
    samples: int | None,
    precision: float | None,
    seed: int,
    sampler: Sampler,
    execution: Execution,
) -> Comparison:
    """Simulate ``grid`` and compare with the formula; for limits with ``terms``, the leading terms
    of formula and law.

    ``samples``: networks per cell; None plans them from the exact variance of one network, for the
    relative standard error ``precision``, or where that is None for 0.5 % within bounds.
    Raises `NotMeasured` where there is nothing to compare.
    """
    if isinstance(reading.target.criterion, MeanOverLayers):
        raise NotMeasured("a mean over layers is not measured")
    root = checked_seed(seed)
    planned = [
        _plan(reading, terms, target, samples, precision, root, sampler)
        for network in grid
        for target in _layers(reading.target, network)
    ]
    blocks = execution.run([each.sampling for each in planned])
    cells = [each.measured(drawn) for each, drawn in zip(planned, blocks, strict=True)]
    return Comparison(tuple(cells), root, None)


def _layers(target: Target, network: MLP) -> Iterator[Target]:
    """The target at a network; where the layer is open, at its middle and last layer."""
    at = replace(target, network=_checked(target, network))
    if target.layer != ell:
        yield at
        return
    for layer in dict.fromkeys((ceil(network.layers / 2), network.layers)):
        yield replace(at, layer=layer)


def _checked(target: Target, network: MLP) -> MLP:
    """A network of numbers that is one of the target's."""
    values = sizes(Target(network))
    point = {s: values[s] for s in target.network.free_symbols if s in values}
    if network.free_symbols or Target(target.network).at(point).network.widths != network.widths:
        raise InvalidArgument(
            f"expected networks like {target.network} with numbers for its sizes in grid, got "
            f"{network}; give width, depth and what else is open"
        )
    return network


@dataclass(frozen=True, eq=False)
class _Planned:
    """A cell before it is measured; ``ratio``: what the formula says over the exact value."""

    target: Target
    sampling: Sampling
    exact: Number
    ratio: float
    spread: float

    def measured(self, blocks: list[Block]) -> Cell:
        estimate = self.sampling.estimate(blocks, scalar=True)
        measured, log_exact = estimate.parts[self.target.part], float(log(self.exact))
        sampler = self.sampling.configuration.sampler
        known = None if sampler.meets_rare_networks else self.spread
        score = Score(
            evidence=evidence_of(measured, log_exact, known),
            law=self.ratio,
            allowance=0.0,
            decides=known is None or known <= LARGEST_SPREAD,
        )
        return Cell(
            network=self.target.network,
            layer=self.sampling.configuration.layers[0],
            sampler=sampler,
            log_law=log_exact + float(log(self.ratio)),
            log_exact=log_exact,
            estimate=Estimate({"total": measured}, estimate.samples, estimate.seed),
            score=score,
            sampling=self.sampling,
            part=self.target.part,
        )


def _plan(
    reading: Reading,
    terms: tuple[Expr, Expr] | None,
    target: Target,
    samples: int | None,
    precision: float | None,
    root: int,
    sampler: Sampler,
) -> _Planned:
    network, layer = target.network, _measured_layer(target)
    update = replace(target, quantity=Quantity.UPDATE, layer=layer).update
    exact = update.evaluate(30)
    ratio = _ratio(reading, terms, target, exact)
    spread = float(update.relative_standard_deviation(_SPREAD_DIGITS))
    asked = configuration(network, layer=layer, rates=target.multipliers(), sampler=sampler)
    seed = derived_seed(root, layer, *map(int, network.widths))
    count = checked_samples(_planned(spread, precision, sampler) if samples is None else samples)
    return _Planned(target, Sampling(asked, seed, count), exact, ratio, spread)


def _measured_layer(target: Target) -> int:
    """The layer asked for; for a rate, the one that binds."""
    if target.quantity is Quantity.RATE:
        return int(target.rate.layer or target.network.layers)
    return target.network.layers if target.layer is None else int(target.layer)


def _planned(spread: float, precision: float | None, sampler: Sampler) -> int:
    if precision is not None:
        return networks_for(RARE_SPREAD if sampler.meets_rare_networks else spread, precision)
    return min(max(ceil((spread / _ERROR) ** 2), _FEWEST), _MOST)


def _ratio(
    reading: Reading, terms: tuple[Expr, Expr] | None, target: Target, exact: Number
) -> float:
    """What the formula says over the exact value, between e^-600 and e^600."""
    values = {s: Fraction(int(v.p), int(v.q)) for s, v in sizes(target).items()}
    try:
        if terms is None:
            value = target.lifted(reading.formula.value(values | {eta: Fraction(1)}))
            ratio = None if value is None else quotient(value, exact)
        else:
            ratio = quotient(*(evaluate(term, values) for term in terms))
    except Undefined:
        ratio = None
    if ratio is None or ratio <= 0:
        raise NotMeasured(f"the formula has no positive value at {target.network}")
    with workdps(DIGITS):
        return float(min(max(decimal(ratio), decimal(Fraction(1, 10**250))), 10**250))
