"""Where formula and measurement meet: a law, a grid of networks, and a verdict.

The only module of ``verify`` that asks ``theory`` for a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp
from typing import Any

import numpy as np
from mpmath import isfinite as mp_isfinite
from mpmath import log as mp_log
from mpmath import mpf
from sympy import Rational, latex

from theory import MLP, InvalidArgument, maximal_learning_rate, squared_update
from theory.symbols import L
from verify.curves import LawCurve, RatePoints
from verify.estimate import Estimate
from verify.gram import Gram
from verify.samplers import Sampler
from verify.simulation import monte_carlo
from verify.slope import Slope, fit_slope
from verify.streams import checked_seed, derived_seed
from verify.verdict import Score, Verdict, decide, score

__all__ = [
    "Cell",
    "Comparison",
    "Law",
    "check",
    "exact_law",
    "leading_laws",
    "rate_points",
]

Law = Callable[[MLP, int], Any]
"""A law to be tried: E[(Delta z)^2] at eta = 1 of a network in numbers, at a hidden layer."""

DECIDING_RATIO = Rational(1, 8)
"""Cells with depth/width above this are shown but do not decide, unless the sampler meets rare
networks: beyond it they set the mean, and the error of a plain sample no longer tells (exact
relative standard deviation of one network's total: 2.0 at (128, 16), 11.8 at (64, 16))."""
STEP_ALLOWANCE = 0.02
"""How far a real step at a hundredth of the maximal rate may be from the linearised law, where
the width is at least 16 and the depth at most a quarter of it."""


def exact_law(network: MLP, layer: int) -> Any:
    """Our own law: the exact E[(Delta z)^2] at eta = 1, to 30 digits at any size."""
    return squared_update(network, layer).evaluate(30)


@dataclass(frozen=True, eq=False)
class Cell:
    """One network of a grid, measured and compared.

    ``log_law``, ``log_exact``: natural logarithms of the law tried and of the exact value, at
    eta = 1.  ``estimate``: of scalar shape, at ``layer``.
    """

    network: MLP
    layer: int
    sampler: Sampler
    log_law: float
    log_exact: float
    estimate: Estimate
    score: Score

    @property
    def width(self) -> int:
        """Width of the hidden layers."""
        return int(self.network.widths[1])

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.network.layers


@dataclass(frozen=True, eq=False)
class Comparison:
    """A law held against a grid of networks."""

    cells: tuple[Cell, ...]
    seed: int
    step: float | None

    @cached_property
    def verdict(self) -> Verdict:
        """Consistent, rejected or undecided, for the whole grid."""
        return decide([cell.score for cell in self.cells])

    @cached_property
    def slopes(self) -> dict[tuple[int, Sampler], Slope]:
        """By width and sampler: the exponent in depth of the measured maximal rate E^(-1/2),
        beside the exact one, over the deciding cells at the last layer."""
        slopes = {}
        for width, sampler in dict.fromkeys((c.width, c.sampler) for c in self.cells):
            cells = [c for c in self.cells if c.width == width and c.sampler == sampler]
            slope = _slope([c for c in cells if c.layer == c.depth and c.score.decides])
            if slope is not None:
                slopes[width, sampler] = slope
        return slopes

    def joined(self, other: Comparison) -> Comparison:
        """The cells of both, judged as one family; seed and step are those of this one."""
        return Comparison(self.cells + other.cells, self.seed, self.step)


def _slope(cells: Sequence[Cell]) -> Slope | None:
    return fit_slope(
        [cell.depth for cell in cells],
        [-float(cell.estimate.total.log_mean) / 2 for cell in cells],
        [cell.score.relative_standard_error / 2 for cell in cells],
        [-cell.log_exact / 2 for cell in cells],
    )


def check(
    law: Law = exact_law,
    *,
    networks: Iterable[MLP],
    seed: int,
    samples: int | Callable[[MLP], int] | None = None,
    sampler: Sampler = Gram(),
    layer: int | None = None,
    step: float | None = None,
    progress: Callable[[MLP, int], None] | None = None,
) -> Comparison:
    """Hold ``law`` against simulated ``networks``, at the last hidden layer or at ``layer``.

    ``samples``: networks drawn for each cell, or a function of the network; None plans them by
    cost.  Each cell has a seed of its own, derived from ``seed`` and its sizes.  ``step``: None
    for the linearised update, else the rate of a real gradient step.  ``progress`` is called with
    a cell's network and the number of samples just finished.

    >>> from theory import MLP
    >>> grid = [MLP(16, 1), MLP(16, 2)]
    >>> check(networks=grid, samples=4000, seed=1).verdict.outcome.name
    'CONSISTENT'
    >>> twice = lambda network, layer: 2 * exact_law(network, layer)
    >>> check(twice, networks=grid, samples=4000, seed=1).verdict.outcome.name
    'REJECTED'
    """
    root, grid = checked_seed(seed), list(networks)
    layers = [network.layers if layer is None else layer for network in grid]
    pairs = list(zip(grid, layers, strict=True))
    laws = [_log(law(network, at), network) for network, at in pairs]
    cells = []
    for (network, at), log_law in zip(pairs, laws, strict=True):
        estimate = monte_carlo(
            network,
            samples=_samples(samples, sampler, network),
            seed=derived_seed(root, *map(int, network.widths)),
            sampler=sampler,
            layer=at,
            step=step,
            progress=_bind(progress, network),
        )
        log_exact = _log(exact_law(network, at), network)
        scored = _score(estimate, log_law, network, step, sampler)
        cells.append(Cell(network, at, sampler, log_law, log_exact, estimate, scored))
    return Comparison(tuple(cells), root, step)


def _score(
    estimate: Estimate, log_law: float, network: MLP, step: float | None, sampler: Sampler
) -> Score:
    total = estimate.total
    return score(
        float(total.log_mean),
        float(total.relative_standard_error),
        total.samples,
        log_law,
        allowance=0.0 if step is None else STEP_ALLOWANCE,
        decides=sampler.meets_rare_networks or _decides(network, step),
    )


def _decides(network: MLP, step: float | None) -> bool:
    widths, depth = network.widths[1:], network.layers
    narrowest = min(int(width) for width in widths)
    if depth > DECIDING_RATIO * narrowest:
        return False
    if step is None:
        return True
    small = 100 * step <= exp(-_log(exact_law(network, network.layers), network) / 2)
    return small and narrowest >= 16


def _samples(samples: int | Callable[[MLP], int] | None, sampler: Sampler, network: MLP) -> int:
    if samples is None:
        return sampler.planned_samples(network)
    return samples(network) if callable(samples) else samples


def _bind(
    progress: Callable[[MLP, int], None] | None, network: MLP
) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(network, done)


def _log(value: Any, network: MLP) -> float:
    """Natural logarithm of a law's positive value, of any size."""
    try:
        number = mpf(value) if isinstance(value, float | mpf) else _ratio(Rational(value))
        logarithm = mp_log(number) if number > 0 and mp_isfinite(number) else None
    except (TypeError, ValueError, AttributeError):
        logarithm = None
    if logarithm is None:
        raise InvalidArgument(
            f"expected a positive number from the law at {network}, got {value!r}; a law gives "
            f"E[(Δz)²] at eta = 1"
        )
    return float(logarithm)


def leading_laws() -> tuple[str, str]:
    """The laws of the update and of the maximal rate, derived, as text in n, L and eta."""
    return str(squared_update(MLP()).leading()), str(maximal_learning_rate(MLP()).leading())


def _ratio(value: Rational) -> mpf:
    return mpf(int(value.p)) / int(value.q)


def rate_points(comparison: Comparison) -> tuple[list[RatePoints], LawCurve]:
    """For the figure: measured rates and exact curves by width, and the law over their depths.

    Only cells at the last layer, which is the one that binds, with a defined error.
    """
    cells = [c for c in comparison.cells if c.score.defined and c.layer == c.depth]
    widths = sorted({cell.width for cell in cells})
    points = [_points([cell for cell in cells if cell.width == width]) for width in widths]
    depths = sorted({depth for each in points for depth in each.curve_depths})
    leading = maximal_learning_rate(MLP()).leading()
    rates = [float(leading.subs(L, depth)) for depth in depths]
    return points, LawCurve(latex(leading, fold_frac_powers=True), depths, rates)


def _points(cells: Sequence[Cell]) -> RatePoints:
    """One width's points, and the exact curve through all depths between them (32 at most)."""
    depths = [cell.depth for cell in cells]
    rates = [exp(-float(cell.estimate.total.log_mean) / 2) for cell in cells]
    halves = [cell.score.relative_standard_error / 2 for cell in cells]
    curve = sorted({*depths, *(round(d) for d in np.geomspace(min(depths), max(depths), 32))})
    laws = [_log(exact_law(MLP(cells[0].width, depth), depth), cells[0].network) for depth in curve]
    exact = [exp(-law / 2) for law in laws]
    errors = [rate * half for rate, half in zip(rates, halves, strict=True)]
    decides = [cell.score.decides for cell in cells]
    return RatePoints(cells[0].width, depths, rates, errors, decides, curve, exact)
