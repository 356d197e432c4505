"""Gaussian moments of an activation and of its derivative, under z ~ N(0, Q).

A moment is an analytic function of s = log Q in the strip |Im s| < pi/2, because exp(-z^2/(2Q))
still decays there.  Cells of width 1/4 in s hold each moment as a polynomial of degree 12, whose
truncation error is below 1e-15 of its size.  The 13 values in a cell come from Gauss-Legendre rules
on panels that end at 0, at kinks and where phi or phi' changes sign; all panels are halved until
two rules agree, and what they differ by is the error of the cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from theory.activations.nonlinearity import FloatArray, Nonlinearity, flat_pieces
from theory.activations.quadrature import legendre_rule
from theory.errors import NotSolved

__all__ = ["MomentTable", "Moments", "moment_table", "moments"]

_WIDTH = 0.25
_DEGREE = 12
_POINTS = 16
"""Nodes of a panel."""
_FARTHEST = 12.0
"""Standard deviations beyond which the density is left out, 1e-31 of it."""
_ROUNDING = 2e-15
_AGREED, _NEARLY = 1e-14, 1e-11
"""Differences of two rules: small, and so small that rounding may keep it from falling further."""
_SETTLED = 1e-7
"""Differences of the last two rules beyond which a singularity keeps them apart."""
_HALVINGS = 7
_MOST_PANELS = 2**14
"""Panels of a rule, which takes some tenths of a second."""
_PIECE = 128
"""Panels that are summed at once: few, so that BLAS starts no threads, which take longer."""
_CHEBYSHEV = np.cos((np.arange(_DEGREE + 1) + 0.5) * np.pi / (_DEGREE + 1))
_TO_SERIES = np.polynomial.chebyshev.chebvander(_CHEBYSHEV, _DEGREE).T * 2 / (_DEGREE + 1)
_TO_SERIES[0] /= 2
"""Chebyshev coefficients of a polynomial from its values."""
_TO_POWERS = np.zeros((_DEGREE + 1, _DEGREE + 1))
for _order in range(_DEGREE + 1):
    _TO_POWERS[: _order + 1, _order] = np.polynomial.chebyshev.cheb2poly([0] * _order + [1])


class Moments(NamedTuple):
    """Moments under z ~ N(0, Q): floats, or arrays of the shape of Q.

    ``q``: E phi^2; ``q1``: E |phi|; ``m1`` to ``m4``: E |phi'|^p; ``alive``: P(phi' != 0);
    ``mean``: E phi; ``slope``: dq/dQ; ``curvature``: d^2q/dQ^2, ``m2_slope``: dm2/dQ, and
    ``mean_slope``: dE phi/dQ, all three times Q.
    """

    q: Any
    q1: Any
    m1: Any
    m2: Any
    m3: Any
    m4: Any
    alive: Any
    mean: Any
    slope: Any
    curvature: Any
    m2_slope: Any
    mean_slope: Any


def moments(activation: Nonlinearity, variance: Any) -> Moments:
    """The moments at one variance Q > 0, or at an array of them.

    >>> from theory import Tanh
    >>> round(moments(Tanh(), 1.0).q, 12)
    0.394294490398
    """
    return moment_table(activation).at(variance)


@lru_cache(maxsize=64)
def moment_table(activation: Nonlinearity) -> MomentTable:
    """The table of an activation, which fills as it is read."""
    if activation.free_symbols:
        raise NotSolved(f"moments of {activation} need numbers: give LeakyReLU(0.1), say")
    return MomentTable(activation)


@dataclass(eq=False)
class MomentTable:
    """Moments of one activation at any variance.

    ``error``: the largest error of a moment read so far, relative to its size or to that of q and
    m2 where a moment may vanish.
    """

    activation: Nonlinearity
    error: float = 0.0
    _cells: dict[int, FloatArray] = field(default_factory=dict)
    _fast: dict[tuple[int, int], list[float]] = field(default_factory=dict)

    def at(self, variance: Any) -> Moments:
        """All moments at one variance, or at an array."""
        values = np.asarray(variance, dtype=np.float64)
        self._check_range(float(values.min()), float(values.max()))
        flat = np.log(values.ravel()) / _WIDTH
        index = np.floor(flat).astype(np.int64)
        x = 2 * (flat - index) - 1
        present, place = np.unique(index, return_inverse=True)
        cells = np.array([self._cell(int(each)) for each in present])
        found = []
        for moment in range(cells.shape[2]):
            total = cells[place, _DEGREE, moment]
            for power in range(_DEGREE - 1, -1, -1):
                total = total * x + cells[place, power, moment]
            found.append(total.reshape(values.shape))
        read = Moments(*found)
        q = values * read.q
        return _unwrapped(read._replace(q=q, q1=np.sqrt(values) * read.q1), values.ndim)

    def q(self, variance: float) -> float:
        """E phi^2 at one variance, in about a microsecond."""
        return variance * self._one(variance, 0)

    def slopes(self, variance: float) -> tuple[float, float]:
        """E phi'^2 and E phi'^4 at one variance, as fast."""
        second, fourth = (self._one(variance, Moments._fields.index(m)) for m in ("m2", "m4"))
        return second, fourth

    def mean(self, variance: float) -> float:
        """E phi at one variance, as fast."""
        return self._one(variance, Moments._fields.index("mean"))

    def centred_size(self, variance: float) -> float:
        """E |phi - E phi| at one variance, by rules that are split where phi is its mean.

        >>> from theory import Linear
        >>> round(moment_table(Linear()).centred_size(1.0), 12)
        0.797884560803
        """
        mean, edges = self.mean(variance), self._fine_edges(variance)
        edges = np.unique(np.concatenate([edges, self._crossings(mean, edges)]))
        z, weights = legendre_rule(edges, _POINTS)
        density = weights * np.exp(-(z**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        return float(density @ np.abs(self.activation.value(z) - mean))

    def crossings(self, level: float, variance: float) -> FloatArray:
        """The z within reach of the variance where phi crosses a ``level`` or phi' crosses 0.

        >>> from theory import GELU
        >>> moment_table(GELU()).crossings(0, 1).round(4).tolist()
        [0.0, -0.7518]
        """
        return self._crossings(level, self._fine_edges(variance))

    def _crossings(self, level: float, edges: FloatArray) -> FloatArray:
        def centred(z: FloatArray) -> FloatArray:
            return self.activation.value(z) - level

        changes = (_sign_changes(f, edges) for f in (centred, self.activation.derivative))
        return np.concatenate([_zeros(*each) for each in changes])

    def _fine_edges(self, variance: float) -> FloatArray:
        edges = self._edges(math.sqrt(variance))
        for _ in range(3):
            edges = _halved(edges)
        return edges

    def _one(self, variance: float, moment: int) -> float:
        self._check_range(variance, variance)
        scaled = math.log(variance) / _WIDTH
        index = math.floor(scaled)
        coefficients = self._fast.get((index, moment))
        if coefficients is None:
            coefficients = self._cell(index)[::-1, moment].tolist()
            self._fast[index, moment] = coefficients
        x = 2 * (scaled - index) - 1
        total = 0.0
        for each in coefficients:
            total = total * x + each
        return total

    def _check_range(self, least: float, most: float) -> None:
        if not 0 < least <= most < math.inf:
            raise NotSolved(
                f"the variance of {self.activation} leaves the range of numbers, at {least:g}: "
                f"give another weight variance, or a smaller depth"
            )

    def _cell(self, index: int) -> FloatArray:
        """Coefficients of powers of x in [-1, 1] in one cell, shape (degree + 1, moments)."""
        if index not in self._cells:
            logs = (index + (_CHEBYSHEV + 1) / 2) * _WIDTH
            if not abs(logs).max() < 300:
                change = "larger" if logs.max() < 0 else "smaller"
                raise NotSolved(
                    f"the variance of {self.activation} leaves the range of numbers, at "
                    f"exp({logs.max():.3g}): give a smaller depth or {change} variances"
                )
            values = self._integrated(np.exp(logs))
            series = _TO_SERIES @ values
            size = _sizes(values, np.exp(logs))
            cut = float((np.abs(series[-2:]) / size.min(axis=0)).max())
            self.error = max(self.error, cut, _ROUNDING)
            self._cells[index] = _TO_POWERS @ series
        return self._cells[index]

    def _integrated(self, variances: FloatArray) -> FloatArray:
        """Scaled moments at ``variances``, shape (variances, moments)."""
        edges = self._edges(math.sqrt(float(variances.max())))
        last, before, difference = _rule(self.activation, edges, variances), math.inf, math.inf
        for _ in range(_HALVINGS):
            edges = _halved(edges)
            self._check_panels(edges, variances)
            found = _rule(self.activation, edges, variances)
            if not np.isfinite(found).all():
                raise NotSolved(
                    f"a Gaussian moment of {self.activation} is no number, at a variance of "
                    f"{variances.max():.3g}: give an activation that grows no faster than exp(z)"
                )
            if not found[:, [0, 3]].all():
                raise NotSolved(
                    f"{self.activation} or its slope is 0 at almost every z at a variance of "
                    f"{variances.max():.3g}, so that nothing moves: give an activation with a slope"
                )
            size = _sizes(found, variances)
            difference = float((np.abs(found - last) / size).max())
            stalls = difference < _NEARLY and difference > before / 2
            if difference < _AGREED or stalls:
                break
            last, before = found, difference
        if difference > _SETTLED:
            raise NotSolved(
                f"a Gaussian moment of {self.activation} does not settle at a variance of "
                f"{variances.max():.3g}, as where the slope is infinite: give an activation of "
                f"bounded slope"
            )
        inner = edges[np.abs(edges) < 0.9 * edges[-1]]
        outside = np.abs(found - _rule(self.activation, inner, variances)) / size
        if outside.max() > _NEARLY:
            raise NotSolved(
                f"{self.activation} outgrows the Gaussian density at a variance of "
                f"{variances.max():.3g}: give a smaller variance"
            )
        self.error = max(self.error, difference)
        return found

    def _edges(self, deviation: float) -> FloatArray:
        """Ends of panels in z: graded towards 0, at kinks, and where phi or phi' changes sign."""
        far = _FARTHEST * deviation
        fine = min(0.25, 0.25 * deviation)
        graded = fine * 1.7 ** np.arange(math.ceil(math.log(far / fine) / math.log(1.7)))
        even = np.arange(1, _FARTHEST) * deviation
        right = np.concatenate([graded, even, [far]])
        kinks = [each for each in self.activation.kinks if abs(each) < far]
        graded = np.unique(np.concatenate([-right, [0.0], right, kinks]))
        edges: Any = graded
        count = 0
        while True:
            changes = [
                _sign_changes(function, edges)
                for function in (self.activation.value, self.activation.derivative)
            ]
            found = sum(len(each[0]) for each in changes)
            if edges is not graded and found <= count:
                return edges
            zeros = [_zeros(*each) for each in changes]
            edges, count = np.unique(np.concatenate([graded, *zeros])), found
            self._check_panels(edges, deviation**2)

    def _check_panels(self, edges: FloatArray, variances: Any) -> None:
        if len(edges) > _MOST_PANELS:
            raise NotSolved(
                f"{self.activation} oscillates too fast for its Gaussian moments at a variance of "
                f"{np.max(variances):.3g}: give a smaller variance"
            )


def _unwrapped(read: Moments, dimension: int) -> Moments:
    return read if dimension else Moments(*(float(each) for each in read))


def _halved(edges: FloatArray) -> FloatArray:
    """The ends of panels of half the length."""
    return np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))


def _rule(activation: Nonlinearity, edges: FloatArray, variances: FloatArray) -> FloatArray:
    """Moments by Gauss-Legendre rules, in the order of `Moments`: q over Q, q1 over sqrt(Q)."""
    firsts = range(0, len(edges) - 1, _PIECE)
    with np.errstate(over="ignore", invalid="ignore"):
        pieces = [_sums(activation, edges[k : k + _PIECE + 1], variances) for k in firsts]
        found = np.sum(pieces, axis=0)
    found[:, 0] /= variances
    found[:, 1] /= np.sqrt(variances)
    found[:, 8] /= variances
    return np.asarray(found)


def _sums(activation: Nonlinearity, edges: FloatArray, variances: FloatArray) -> FloatArray:
    """The part of the panels between ``edges``."""
    z, weights = legendre_rule(edges, _POINTS)
    phi, slope = activation.value(z), activation.derivative(z)
    alive = np.where(flat_pieces(activation)[np.searchsorted(activation.kinks, z)], 0.0, 1.0)
    size, steep = np.abs(phi), np.abs(slope)
    density = np.exp(-np.square(z) / (2 * variances[:, None])) * weights
    density /= np.sqrt(2 * np.pi * variances)[:, None]
    most, q, m2 = variances.max(), phi**2, steep**2
    scaled = np.square(z) / most
    columns = [q, size, steep, m2, steep**3, steep**4, alive, phi, phi * slope * z]
    scaled_columns = scaled * q, scaled**2 * q, scaled * m2
    sums = density @ np.array([*columns, *scaled_columns, slope * z]).T
    second, fourth, steep_second = sums[:, 9:12].T * (most / variances)
    curvature = (fourth * (most / variances) - 6 * second + 3 * sums[:, 0]) / (4 * variances)
    m2_slope, mean_slope = (steep_second - sums[:, 3]) / 2, sums[:, 12] / 2
    return np.column_stack([sums[:, :9], curvature, m2_slope, mean_slope])


def _sizes(found: FloatArray, variances: FloatArray) -> FloatArray:
    """What the error of every moment is relative to: q and m_2 at least, and of E phi and
    its slope E |phi| and E |phi'|."""
    size = np.maximum(np.abs(found), np.abs(found[:, [0]]) + np.abs(found[:, [3]]))
    mean = Moments._fields.index("mean")
    size[:, mean] = np.maximum(size[:, mean], found[:, 1] * np.sqrt(variances))
    size[:, -1] = np.maximum(size[:, -1], found[:, 2] * np.sqrt(variances))
    return size


def _sign_changes(function: Any, edges: FloatArray) -> tuple[FloatArray, FloatArray, Any]:
    """Neighbouring nodes, left and right, between which ``function`` changes sign, and it."""
    z, _ = legendre_rule(edges, _POINTS)
    signs = np.sign(function(z))
    where = np.flatnonzero(signs[1:] * signs[:-1] < 0)
    return z[where], z[where + 1], function


def _zeros(low: FloatArray, high: FloatArray, function: Any) -> FloatArray:
    """The points between ``low`` and ``high`` at which ``function`` changes sign, by bisection."""
    sign = np.sign(function(low))
    for _ in range(60):
        middle = (low + high) / 2
        same = np.sign(function(middle)) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (low + high) / 2
