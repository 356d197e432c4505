"""`fit_power` fits a factor and an exponent of the depth to measured means, with joint intervals.

A slope fitted on a small grid is biased; a slope fitted to measured over exact values is not: if
the theory is right, these ratios are 1 at every width and depth.  So a comparison fits
measured/exact = factor * depth^exponent, and infers how far factor and exponent can be from 1 and
0.  `verify.comparison.measured_law` fits the means themselves, of networks so wide and deep that
the bias is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from msgspec import Struct, field

from verify.inference.evidence import Evidence, Interval
from verify.inference.numbers_in_text import level_in_words
from verify.numerics.arrays import FloatArray
from verify.untrusted import Chance, Size

__all__ = ["LARGEST_ERROR", "PowerFit", "fit_power"]

LARGEST_ERROR = 0.2
"""Relative standard error above which a cell does not enter the fit of factor and exponent."""
_CLOSE = 1e-4
"""In standard errors."""
_MOST_STEPS = 100


class PowerFit(Struct, frozen=True):
    """measured/exact = factor * depth^exponent, with intervals that hold together at ``level``.

    ``width``: of the cells; None: all widths.  ``factor``: at depth 1.  ``middle``: at the depth
    ``depth``, where it does not depend on the exponent.  ``cells``: number of cells.

    >>> from theory import MLP
    >>> from verify import compare_law
    >>> networks = [MLP(32, depth) for depth in (1, 2, 4)]
    >>> fit = compare_law(networks=networks, samples=4000, seed=1).fits[32]
    >>> fit.rate_factor.holds(1.0), fit.rate_exponent.holds(0.0)
    (True, True)
    """

    width: Size | None
    factor: Interval
    exponent: Interval
    middle: Interval
    depth: float = field(name="middle_depth")
    level: Chance
    cells: Size

    def __post_init__(self) -> None:
        if min(self.factor.low, self.factor.value, self.factor.high) <= 0:
            raise ValueError("a factor is not positive")

    def __repr__(self) -> str:
        factor, exponent = self.factor, self.exponent
        return (
            f"PowerFit: measured/exact = c depth^β, c = {factor}, β = {exponent} "
            f"({level_in_words(self.level)} confidence, {self.cells} cells)"
        )

    @property
    def rate_factor(self) -> Interval:
        """The same factor for the rate E^(-1/2)."""
        ends = (self.factor.high, self.factor.value, self.factor.low)
        return Interval(*(end**-0.5 for end in ends))

    @property
    def rate_exponent(self) -> Interval:
        """The same exponent for the rate E^(-1/2)."""
        ends = (self.exponent.high, self.exponent.value, self.exponent.low)
        return Interval(*(-end / 2 for end in ends))


def fit_power(
    depths: Sequence[int],
    cells: Sequence[Evidence],
    level: float = 0.95,
    width: int | None = None,
) -> PowerFit | None:
    """Fit factor and exponent to independent ``cells``, one for each of ``depths``; None where
    fewer than two depths are left, or where no ends are found.

    Cells with a standard error above `LARGEST_ERROR`, or whose critical value cannot be relied on,
    do not enter.

    The two weighted sums of influences of weighted least squares must both stay within their
    critical values; the intervals span the region of (factor, exponent) where they do.

    >>> from verify.inference.weighted_means import WeightedMean
    >>> cells = [WeightedMean(10**6, 1.1 * depth**0.2, 1e-3) for depth in (2, 4, 8)]
    >>> fit = fit_power([2, 4, 8], cells)
    >>> round(fit.factor.value, 6), round(fit.exponent.value, 6)
    (1.1, 0.2)
    """
    chance = (1.0 - level) / 4
    entering = [
        (depth, cell)
        for depth, cell in zip(depths, cells, strict=True)
        if cell.defined and cell.standard_error <= LARGEST_ERROR * cell.ratio and cell.holds(chance)
    ]
    if len({depth for depth, _ in entering}) < 2:
        return None
    depths, cells = zip(*entering, strict=True)
    fit = _EstimatingEquations.of(depths, cells)
    limit = max(cell.critical(chance) for cell in cells)
    heights = [(0.0, 0.0), *((i * limit, j * limit) for i in (1, -1) for j in (1, -1))]
    found = [fit.solve(np.array(height)) for height in heights]
    if any(point is None for point in found):
        return None
    points = np.array(found)
    at_one = points[:, 0] - fit.centre * points[:, 1]
    return PowerFit(
        width=width,
        factor=_span(np.exp(at_one)),
        exponent=_span(points[:, 1]),
        middle=_span(np.exp(points[:, 0])),
        depth=exp(fit.centre),
        level=level,
        cells=len(cells),
    )


def _span(values: FloatArray) -> Interval:
    return Interval(float(values.min()), float(values[0]), float(values.max()))


@dataclass(frozen=True, eq=False)
class _EstimatingEquations:
    """Two sums of influences as functions of (log factor at the centre, exponent).

    ``weights``: shape ``(2, cells)``, each row of squared sum 1; in the second the factor's effect
    cancels.  ``logs``: of the depths, less ``centre``, shape ``(cells,)``.
    """

    cells: Sequence[Evidence]
    logs: FloatArray
    centre: float
    weights: FloatArray

    @classmethod
    def of(cls, depths: Sequence[int], cells: Sequence[Evidence]) -> _EstimatingEquations:
        errors = np.array([cell.standard_error / cell.ratio for cell in cells])
        logs = np.log(np.asarray(depths, dtype=np.float64))
        centre = float(np.average(logs, weights=errors**-2))
        rows = np.stack((1.0 / errors, (logs - centre) / errors))
        return cls(cells, logs - centre, centre, rows / np.sqrt((rows**2).sum(1))[:, None])

    def at(self, point: FloatArray) -> FloatArray:
        """Both sums at (log factor, exponent), shape ``(2,)``."""
        laws = np.exp(np.clip(point[0] + point[1] * self.logs, -50.0, 50.0))
        sums = np.zeros(2)
        for cell, law, weights in zip(self.cells, laws, self.weights.T, strict=True):
            sums += [cell.influence(float(law), float(weight)) for weight in weights]
        return sums

    def solve(self, height: FloatArray) -> FloatArray | None:
        """The point at which the sums are ``height``, by Newton's method with the slopes of small
        deviations; None where that does not converge."""
        ratios = np.array([cell.ratio for cell in self.cells])
        errors = np.array([cell.standard_error for cell in self.cells]) / ratios
        slope, level = np.polyfit(self.logs, np.log(ratios), 1, w=1.0 / errors)
        slopes = self.weights @ np.stack((1.0 / errors, self.logs / errors)).T
        point = np.array([level, slope]) - np.linalg.solve(slopes, height)
        for _ in range(_MOST_STEPS):
            excess = self.at(point) - height
            if np.max(np.abs(excess)) < _CLOSE:
                return point
            point = point + np.linalg.solve(slopes, excess)
        return None
