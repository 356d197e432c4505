"""Where formula and measurement meet: a law, a grid of networks, and a verdict.

Formulas of a user's own are held against both in ``verify.claims``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp, sqrt
from typing import Any

import numpy as np
from mpmath import isfinite as mp_isfinite
from mpmath import log as mp_log
from mpmath import mpf
from sympy import Rational, latex

from theory import MLP, InvalidArgument, derive, maximal_learning_rate, squared_update
from theory.observables import K, f, g
from theory.symbols import L
from verify.curves import LawCurve, RatePoints
from verify.estimate import Estimate
from verify.gram import Gram
from verify.inference_evidence import evidence_of
from verify.inference_fit import PowerFit, fit_power
from verify.samplers import Sampler
from verify.shown import ShownCell, ShownComparison
from verify.simulation import monte_carlo
from verify.streams import checked_seed, derived_seed
from verify.verdict import Score, Verdict, decide

__all__ = [
    "Cell",
    "Comparison",
    "Law",
    "compare_law",
    "exact_law",
    "follows_law",
    "known_spread",
    "leading_laws",
    "rate_points",
]

Law = Callable[[MLP, int], Any]
"""A law to be tried: E[(Delta z)^2] at eta = 1 of a network in numbers, at a hidden layer."""

LARGEST_SPREAD = 50
"""Cells whose exact relative standard deviation of one network is above this are shown but do not
decide, unless the sampler meets rare networks: a million networks would be needed."""
SPREAD_DIGITS = 4
STEP_SPREAD = 1.1
"""Bound on the standard deviation of a real step over that of the linearised one with a drawn
label, in the same range; 1.05 is the most that was measured."""
STEP_ALLOWANCE = 0.02
"""How far a real step at a hundredth of the maximal rate may be from the linearised law, where
the width is at least 16 and the depth at most a quarter of it."""


def exact_law(network: MLP, layer: int) -> Any:
    """Our own law: the exact E[(Delta z)^2] at eta = 1, to 30 digits at any size."""
    return squared_update(network, layer).evaluate(30)


@dataclass(frozen=True, eq=False, repr=False)
class Cell(ShownCell):
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


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ShownComparison):
    """A law held against a grid of networks.

    >>> len(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).cells)
    2
    """

    cells: tuple[Cell, ...]
    seed: int
    step: float | None

    @cached_property
    def verdict(self) -> Verdict:
        """Consistent, rejected or undecided, for the whole grid.

        >>> compare_law(networks=[MLP(16, 1)], samples=4000, seed=1).verdict.outcome.name
        'CONSISTENT'
        """
        return decide([cell.score for cell in self.cells])

    @cached_property
    def fits(self) -> dict[int | None, PowerFit]:
        """Constant and exponent in depth, measured over exact, of the deciding cells at the last
        layer: of all widths together under None, and of each width with two depths.

        >>> list(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).fits)
        [None, 16]
        """
        cells = [c for c in self.cells if c.layer == c.depth and c.score.decides]
        widths = sorted({cell.width for cell in cells})
        groups = {None: cells} | {width: [c for c in cells if c.width == width] for width in widths}
        fits = {
            width: fit_power([c.depth for c in group], [c.score.evidence for c in group])
            for width, group in groups.items()
        }
        return {width: fit for width, fit in fits.items() if fit is not None}

    def joined(self, other: Comparison) -> Comparison:
        """The cells of both, judged as one family; seed and step are those of this one.

        >>> found = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1)
        >>> len(found.joined(found).cells)
        4
        """
        return Comparison(self.cells + other.cells, self.seed, self.step)


def compare_law(
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
    >>> compare_law(networks=grid, samples=4000, seed=1).verdict.outcome.name
    'CONSISTENT'
    >>> twice = lambda network, layer: 2 * exact_law(network, layer)
    >>> compare_law(twice, networks=grid, samples=4000, seed=1).verdict.outcome.name
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
        scored = _score(estimate, (log_law, log_exact), network, at, step, sampler)
        cells.append(Cell(network, at, sampler, log_law, log_exact, estimate, scored))
    return Comparison(tuple(cells), root, step)


def _score(
    estimate: Estimate,
    logs: tuple[float, float],
    network: MLP,
    layer: int,
    step: float | None,
    sampler: Sampler,
) -> Score:
    """``logs``: natural logarithms of the law tried and of the exact value."""
    log_law, log_exact = logs
    spread = None if sampler.meets_rare_networks else known_spread(network, layer, step)
    return Score(
        evidence=evidence_of(estimate.total, log_exact, spread),
        law=exp(min(max(log_law - log_exact, -700.0), 700.0)),
        allowance=0.0 if step is None else STEP_ALLOWANCE,
        decides=spread is None or (spread <= LARGEST_SPREAD and follows_law(network, step)),
    )


@lru_cache(maxsize=1024)
def known_spread(network: MLP, layer: int, step: float | None = None) -> float:
    """The standard deviation of one sample over the exact mean: exact for the linearised update
    (``step`` None), a bound for real steps, `STEP_SPREAD` times that with a drawn label.

    Since E_y (f - y)^4 = 1 + 6 f^2 + f^4, where the label's average has 1 + 2 f^2 + f^4.

    >>> from theory import MLP
    >>> round(known_spread(MLP(64, 16), 16), 2)
    11.76
    """
    update = squared_update(network, layer)
    averaged = float(update.relative_standard_deviation(SPREAD_DIGITS))
    if step is None:
        return averaged
    mixed = derive(f**2 * (g @ K @ K @ g) ** 2, network, layer=layer).evaluate(SPREAD_DIGITS)
    scale = update.evaluate(SPREAD_DIGITS) * int(update.width_here)
    return STEP_SPREAD * sqrt(averaged**2 + 4 * float(mixed / scale**2))


def follows_law(network: MLP, step: float | None) -> bool:
    """Whether a real step is small, and the network wide, enough for `STEP_ALLOWANCE`.

    >>> from theory import MLP
    >>> [follows_law(MLP(64, depth), step) for depth, step in [(16, 1e-4), (16, 0.1), (17, 1e-4)]]
    [True, False, False]
    """
    if step is None:
        return True
    narrowest = min(int(width) for width in network.widths[1:])
    small = 100 * step <= exp(-_log(exact_law(network, network.layers), network) / 2)
    return small and narrowest >= 16 and 4 * network.layers <= narrowest


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
    """For the figure: measured rates and exact curves by width, and the law over their depths, of
    cells at the last layer, which is the one that binds, with a defined error."""
    cells = [c for c in comparison.cells if c.score.defined and c.layer == c.depth]
    widths = sorted({cell.width for cell in cells})
    points = [_points([cell for cell in cells if cell.width == width]) for width in widths]
    depths = sorted({depth for each in points for depth in each.curve_depths})
    leading = maximal_learning_rate(MLP()).leading()
    rates = [float(leading.subs(L, depth)) for depth in depths]
    return points, LawCurve(
        latex(leading, fold_frac_powers=True, fold_short_frac=True), depths, rates
    )


def _points(cells: Sequence[Cell]) -> RatePoints:
    """One width's points, and the exact curve through all depths between them (32 at most)."""
    depths = [cell.depth for cell in cells]
    rates = [exp(-float(cell.estimate.total.log_mean) / 2) for cell in cells]
    halves = [_drawn_error(cell.score) / 2 for cell in cells]
    curve = sorted({*depths, *(round(d) for d in np.geomspace(min(depths), max(depths), 32))})
    laws = [_log(exact_law(MLP(cells[0].width, depth), depth), cells[0].network) for depth in curve]
    exact = [exp(-law / 2) for law in laws]
    errors = [rate * half for rate, half in zip(rates, halves, strict=True)]
    decides = [cell.score.decides for cell in cells]
    return RatePoints(cells[0].width, depths, rates, errors, decides, curve, exact)


def _drawn_error(score: Score) -> float:
    """Of a mark in the figure; none for those that do not decide."""
    return min(score.relative_standard_error, 0.5) if score.decides else 0.0
