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

from sympy import Expr

from theory import MLP, MeanOverLayers
from theory.precision import log, workdps
from theory.symbols import ell, eta
from verify.claims.evaluation import DIGITS, Number, Undefined, decimal, evaluate, quotient
from verify.claims.reading import Reading
from verify.claims.target import Quantity, Target, sizes
from verify.compare import Cell, Comparison
from verify.configuration import configuration
from verify.estimate import Block
from verify.exact_values import LARGEST_SPREAD
from verify.execution import Execution
from verify.inference_evidence import evidence_of
from verify.precision import RARE_SPREAD, networks_for
from verify.samplers import Sampler
from verify.sampling import Sampling
from verify.streams import checked_samples, checked_seed, derived_seed
from verify.verdict import Score

__all__ = ["NotMeasured", "measure"]

_ERROR = 0.005
"""Relative standard error that is planned for."""
_FEWEST, _MOST = 4_000, 500_000
_SPREAD_DIGITS = 6


class NotMeasured(Exception):
    """Why networks cannot tell."""


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
    of formula and law.  Its networks are of the target's kind, see `verify.claims.grid`.

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
    at = replace(target, network=network)
    if target.layer != ell:
        yield at
        return
    for layer in dict.fromkeys((ceil(network.layers / 2), network.layers)):
        yield replace(at, layer=layer)


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
            estimate=replace(estimate, parts={"total": measured}),
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
