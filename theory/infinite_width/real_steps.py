"""One real step of gradient descent as n -> infinity: E (z' - z)^2 of every layer, at any rate.

After a step at rate eta, z' = zeta + B g with zeta = z + d jointly Gaussian with z, and g = D h as
in `theory.infinite_width.recursion`.  Four numbers pass from layer to layer: kappa = Cov(z, d),
delta = Var d, the alignment B, and tau^2 = E h^2, which comes down from the readout:

    kappa <- sigma_w^2 E x (x' - x),   delta <- sigma_w^2 E (x' - x)^2,
    B     <- eta r E x x' + sigma_w^2 B E phi'(z) phi'(z'),

since E h x' = B tau^2 E phi'(z) phi'(z') (Stein).  The movement is delta + B^2 tau^2 E phi'^2.  No
difference of nearly equal numbers occurs, so that small steps keep their digits.

A norm divides x and z, or x' and z' after the step, by their own sizes, which are means over
neurons.  Its derivative also projects gradients, by a mean of x h over neurons, of relative order
n^(-1/2); this moves z' only through the mean's square.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import asinh, atan2, cos, exp, inf, log, pi, sin, sinh, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np

from theory.activations import Nonlinearity
from theory.activations.contact import half_line_slopes
from theory.activations.moments import MomentTable
from theory.activations.nonlinearity import FloatArray
from theory.activations.quadrature import gaussian_rule
from theory.errors import NotSolved
from theory.infinite_width.layers import Layers
from theory.infinite_width.recursion import gradients
from theory.networks.norms import LayerNorm

__all__ = ["Step", "first_zero", "moved_by_step", "rate_that_moves"]

_LARGEST_RISE, _LONGEST_RISE, _RELATIVE = log(4), 30.0, 1e-11
"""Logarithms of the factors by which a search for a rate rises at once and in all, and its relative
error."""
_SMALL = 0.05
"""Angles below which the two functions of an angle are series."""


class Step(NamedTuple):
    """E x (x' - x), E (x' - x)^2, E phi'(z) phi'(z') and E (x' - x) of one layer."""

    along: float
    square: float
    slopes: float
    shift: float


Pair: TypeAlias = Callable[[float, float, float, float], Step]
"""A `Step` from Q = Var z, kappa, delta and B^2 tau^2."""


def moved_by_step(layers: Layers, rates: FloatArray) -> FloatArray:
    """E (z' - z)^2 of every layer after one real step at the rate of each layer."""
    pair, wide = _normed_pair(layers), layers.wide
    columns = (layers.variances, layers.square, layers.fan_in, layers.slope(2), gradients(layers))
    kappa = delta = aligned = along = 0.0
    found = []
    for rate, variance, square, fan_in, m2, tau2 in zip(
        rates.tolist(), *(column.tolist() for column in columns), strict=True
    ):
        b = rate * fan_in * (square + along) + aligned
        found.append(delta + b * b * m2 * tau2)
        step = pair(variance, kappa, delta, b * b * tau2)
        along = step.along
        kappa, delta = wide.weight_variance * along, wide.weight_variance * step.square
        aligned = wide.weight_variance * b * step.slopes
    return np.array(found)


def pair_of(layers: Layers) -> Pair:
    """The `Step` of one layer without a norm as a function of four numbers."""
    activation = layers.wide.moments.activation
    slopes = half_line_slopes(activation)
    if slopes is not None:
        above, below = map(float, slopes)
        return lambda q, kappa, delta, spread: _halves(q, kappa, delta, spread, above, below)
    return _Followed(_Quadrature(activation, layers.wide.moments))


def _normed_pair(layers: Layers) -> Pair:
    """The `Step` with the norm of the network, whose slopes include its divisors."""
    pair, wide = pair_of(layers), layers.wide
    if wide.norm is None:
        return pair
    if wide.norm.before == "activation":
        unit = float(layers.moments.m2[-1])
        return lambda q, kappa, delta, spread: _of_unit(pair, unit, q, kappa, delta, spread)
    centred = isinstance(wide.norm, LayerNorm)

    def divided(q: float, kappa: float, delta: float, spread: float) -> Step:
        mean = wide.moments.mean(q) if centred else 0.0
        divisor2 = wide.moments.q(q) - mean**2
        step = pair(q, kappa, delta, spread / divisor2)
        shift = step.shift if centred else 0.0
        along = (step.along - mean * shift) / divisor2
        square = (step.square - shift**2) / divisor2
        # (1 + along)/grown - 1, where grown is the new divisor over the old one
        grown = sqrt(1 + 2 * along + square)
        turned = (along**2 - square) / (grown * (1 + along + grown))
        return Step(turned, -2 * turned, step.slopes / (divisor2 * grown), 0.0)

    return divided


def _of_unit(
    pair: Pair, slope2: float, q: float, kappa: float, delta: float, spread: float
) -> Step:
    """The `Step` where z and z' are divided by their root mean squares; ``slope2``: E phi'^2 at a
    unit variance."""
    added = 2 * kappa + delta + spread * slope2 / q
    after = q + added
    both = sqrt(q * after)
    shrunk = -added / (sqrt(after) * (sqrt(q) + sqrt(after)))
    turned = kappa / both + shrunk
    moved = delta / after + 2 * shrunk * kappa / both + shrunk**2
    step = pair(1.0, turned, moved, spread / (q * after))
    return step._replace(slopes=step.slopes / both)


def _halves(
    q: float, kappa: float, delta: float, spread: float, above: float, below: float
) -> Step:
    """In closed form, for the slopes ``above`` and ``below`` 0: z' crosses to the other side at the
    angle theta between z and z'."""
    along = square = slopes = shift = 0.0
    for side, s, t in ((1, above, below), (-1, below, above)):
        moved = delta + s * s * spread
        after = q + 2 * kappa + moved
        theta = atan2(sqrt(max(q * moved - kappa * kappa, 0.0)), q + kappa)
        sector, cross = _sector(theta)
        crossed = after * sector / (2 * pi)
        crossed_both = -sqrt(q * after) * cross / (2 * pi)
        along += s * s * kappa / 2 + s * (t - s) * crossed_both
        square += (
            s * s * moved / 2 + 2 * s * (t - s) * (crossed - crossed_both) + (t - s) ** 2 * crossed
        )
        slopes += s * s / 2 + s * (t - s) * theta / (2 * pi)
        root, root_after = sqrt(q), sqrt(after)
        risen = (2 * kappa + moved) / (root_after + root)
        turned = (moved * root - kappa * risen) / (root * (root_after + root))
        shift += side * (s * (risen + kappa / root) - t * turned) / sqrt(8 * pi)
    return Step(along, square, slopes, shift)


def _sector(theta: float) -> tuple[float, float]:
    """theta - sin theta cos theta, and sin theta - theta cos theta."""
    if theta > _SMALL:
        s, c = sin(theta), cos(theta)
        return theta - s * c, s - theta * c
    cube, square = theta**3, theta**2
    return (
        cube * (2 / 3 - square * (2 / 15 - square * 4 / 315)),
        cube * (1 / 3 - square * (1 / 30 - square / 840)),
    )


_FARTHEST, _NODES, _RESOLVED, _FINEST = 8.5, 10, 1e-10, 32
"""The range of the rules in standard deviations, points of a panel, the relative error at which a
rule over z has the means of one layer, and the finest rule, in parts of the steps below."""
_OUTER, _INNER = 1 / 6, 1 / 3
"""Steps of the trapezoidal rules over z and over z' given z, in standard deviations."""
_PANELS = 6
"""Panels of z' given z between kinks."""
_AGREES, _WIDER = 1e-8, 1.25
"""The relative change of a `Step` at half the steps below which a rule holds, and up to how many
times the width for which this was measured."""
_BESIDE = 1e-9
"""Where one-sided slopes at a kink are read."""
_EDGES = (1.0, 4.0, 12.0)
"""Panels of z end at this many standard deviations of z' from a kink."""


@dataclass
class _Quadrature:
    """A `Step` by quadrature over z, and over z' given z: trapezoidal rules, which converge
    geometrically, where phi is analytic, else Gauss-Legendre rules between kinks.

    ``finer``: parts of the usual steps, as many as the means of one layer needed so far.
    ``widest``: the standard deviation of z' given z up to which a rule with half the steps agreed.
    """

    activation: Nonlinearity
    moments: MomentTable
    finer: int = 1
    widest: float = 0.0

    def __call__(self, q: float, kappa: float, delta: float, spread: float) -> Step:
        found, width = self._at(q, kappa, delta, spread)
        # the rule over z, at the same step, resolves z' up to this width
        while width > max(self.widest, sqrt(q) * _OUTER / _INNER):
            if self.finer >= _FINEST:
                raise self._too_fast(width**2)
            self.finer *= 2
            again, _ = self._at(q, kappa, delta, spread)
            if all(abs(a - f) <= _AGREES * abs(a) for f, a in zip(found[:3], again, strict=False)):
                self.finer //= 2
                self.widest = _WIDER * width
            else:
                found = again
        return found

    def _at(self, q: float, kappa: float, delta: float, spread: float) -> tuple[Step, float]:
        """The `Step` by the rule at hand, and the largest standard deviation of z' given z."""
        phi, dphi = self.activation.value, self.activation.derivative
        kinks = np.array(self.activation.kinks)
        own = max(delta - kappa * kappa / q, 0.0)
        if kinks.size:
            steepest = np.maximum(*(np.abs(dphi(kinks + each)) for each in (-_BESIDE, _BESIDE)))
            kink_widths = np.sqrt(own + spread * steepest**2)
        while True:
            if kinks.size:
                z, weights = _split(kinks, kink_widths, sqrt(q), self.finer)
            else:
                z, weights = _even(_OUTER / self.finer)
                z = z * sqrt(q)
            slope, before = dphi(z), phi(z)
            if self._resolves(q, *(float(weights @ e) for e in (before**2, slope**2, slope**4))):
                break
            self.finer *= 2
        mean, width = z * (kappa / q), np.sqrt(own + spread * slope**2)
        if kinks.size:
            t, inner = _split_each(
                (kinks - (z + mean)[:, None]) / np.maximum(width, 1e-300)[:, None], self.finer
            )
        else:
            t, inner = _even(_INNER / self.finer)
        after = (z + mean)[:, None] + width[:, None] * t
        moved = phi(after) - before[:, None]
        step = Step(
            float(weights @ (before * (moved * inner).sum(axis=1))),
            float(weights @ (moved**2 * inner).sum(axis=1)),
            float(weights @ (slope * (dphi(after) * inner).sum(axis=1))),
            float(weights @ (moved * inner).sum(axis=1)),
        )
        return step, float(width.max())

    def _resolves(self, variance: float, *found: float) -> bool:
        """Whether a rule over z has the means of one layer; `NotSolved` if the finest has not."""
        exact = self.moments.q(variance), *self.moments.slopes(variance)
        if all(abs(f / e - 1) < _RESOLVED for f, e in zip(found, exact, strict=True)):
            return True
        if self.finer < _FINEST:
            return False
        raise self._too_fast(variance)

    def _too_fast(self, variance: float) -> NotSolved:
        return NotSolved(
            f"{self.activation} varies too fast for a real step at a variance of "
            f"{variance:.3g}: give smaller variances or a smaller step, or leave step out"
        )


_DEGREE, _OVERSAMPLED, _RADIX = 7, 1.5, (2, 3, 5, 7)
_DEGREES = np.arange(_DEGREE + 1.0)
_WIDEST, _AHEAD, _NARROWEST = 0.4, 0.85, 0.1
"""Half a box along the fastest coordinate, the share of it that lies ahead, and the least share of
another coordinate."""
_ROUNDED, _TOLERATED, _QUADRATURE, _PAUSE = 1e-9, 5e-10, 2e-13, 1000
"""Shares of Var d across z that are rounding, errors of a polynomial relative to the path's step
and of a rule, and calls without another box."""


@dataclass
class _Followed:
    """A `Step` along a slow path of its four numbers, as deep in a network: polynomials in boxes,
    each fitted to ``pair`` once the path stays within it for more calls than the fit takes.

    A box spans log Q, the logarithms over Q of the variances of d across z and of B h, and asinh of
    Cov(z, d) over the root of Q times their sum.  The fit's largest residual must lie far below the
    step of the path, or the box shrinks.  Against the rule alone, 10^5 layers differ by a relative
    2e-5 at most.
    """

    pair: Pair
    _before: FloatArray | None = None
    _half: float = _WIDEST
    _box: tuple[FloatArray, FloatArray, FloatArray] | None = None
    _wait: int = 0

    def __call__(self, q: float, kappa: float, delta: float, spread: float) -> Step:
        own = delta - kappa * kappa / q
        if not (own > _ROUNDED * delta and spread > 0):
            return self.pair(q, kappa, delta, spread)
        turned = asinh(kappa / sqrt(q * (own + spread)))
        u = np.array([log(q), turned, log(own / q), log(spread / q)])
        if self._box is None or np.abs((u - self._box[0]) / self._box[1]).max() > 1:
            self._box = self._fitted(u)
        if self._box is None:
            return self.pair(q, kappa, delta, spread)
        center, halves, found = self._box
        for polynomials in _chebyshev((u - center) / halves):
            found = polynomials @ found.reshape(_DEGREE + 1, -1)
        along, square, slopes, shift = found.tolist()
        moved = delta + spread
        return Step(along * sqrt(q * moved), square * moved, slopes, shift * sqrt(moved))

    def _fitted(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        before, self._before = self._before, u
        self._wait -= 1
        if before is None or self._wait > 0:
            return None
        nodes, inverse, matrix = _design()
        steps = u - before
        speed = float(np.abs(steps).max())
        while 2 * self._half * _AHEAD > 1.5 * len(nodes) * speed:
            halves = self._half * np.clip(1.5 * np.abs(steps) / (speed or 1.0), _NARROWEST, 1)
            center = u + _AHEAD * halves * np.sign(steps)
            values = np.array([self._at(center + halves * each) for each in nodes])
            coefficients = inverse @ values
            off = float(np.abs(matrix @ coefficients - values).max())
            if off < _QUADRATURE + _TOLERATED * speed:
                self._half = min(1.2 * self._half, _WIDEST)
                dense = np.zeros((_DEGREE + 1,) * 4 + (4,))
                dense[tuple(_powers())] = coefficients
                return center, halves, dense.reshape(_DEGREE + 1, -1)
            self._half *= 0.6
        self._half, self._wait = min(2 * self._half, _WIDEST), _PAUSE
        return None

    def _at(self, u: FloatArray) -> tuple[float, ...]:
        log_q, turned, *logs = u.tolist()
        q = exp(log_q)
        own, spread = (q * exp(each) for each in logs)
        kappa = sinh(turned) * sqrt(q * (own + spread))
        delta = own + kappa * kappa / q
        found, moved = self.pair(q, kappa, delta, spread), delta + spread
        return (
            found.along / sqrt(q * moved),
            found.square / moved,
            found.slopes,
            found.shift / sqrt(moved),
        )


@lru_cache
def _powers() -> FloatArray:
    """Degrees of the Chebyshev polynomials of every product, of shape (4, products)."""
    grid = np.indices((_DEGREE + 1,) * 4).reshape(4, -1)
    return np.asarray(grid[:, grid.sum(axis=0) <= _DEGREE])


def _chebyshev(x: FloatArray) -> FloatArray:
    """The Chebyshev polynomials of four numbers, a row each."""
    return np.asarray(np.cos(np.arccos(x)[:, None] * _DEGREES))


@lru_cache
def _design() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points of [-1, 1]^4 (Halton's, denser at the faces), the least squares from values there, and
    the products of polynomials there."""
    count = int(_OVERSAMPLED * _powers().shape[1])
    columns = [[_halton(k, base) for k in range(1, count + 1)] for base in _RADIX]
    points = np.cos(np.pi * np.array(columns).T)
    rows = np.arange(4)[:, None]
    matrix = np.array([_chebyshev(each)[rows, _powers()].prod(axis=0) for each in points])
    return points, np.linalg.pinv(matrix), matrix


def _halton(k: int, base: int) -> float:
    found, digit = 0.0, 1.0 / base
    while k:
        k, last = divmod(k, base)
        found, digit = found + last * digit, digit / base
    return found


@lru_cache
def _even(step: float) -> tuple[FloatArray, FloatArray]:
    """The trapezoidal rule of a standard Gaussian number."""
    count = round(_FARTHEST / step)
    t: FloatArray = step * np.arange(-count, count + 1, dtype=np.float64)
    return t, step * np.exp(-(t**2) / 2) / sqrt(2 * pi)


def _split(
    kinks: FloatArray, widths: FloatArray, deviation: float, finer: int
) -> tuple[FloatArray, FloatArray]:
    """A rule for N(0, deviation^2) whose panels end at kinks, and close to them."""
    near = np.multiply.outer(widths, np.array([0.0, *_EDGES, *(-each for each in _EDGES)]))
    ends = np.concatenate(
        [(kinks[:, None] + near).ravel() / deviation, np.linspace(-9, 9, 12 * finer + 1)]
    )
    ends = np.unique(np.clip(ends, -9, 9))
    t, weights = gaussian_rule(ends, _NODES)
    return t * deviation, weights


def _split_each(kinks: FloatArray, finer: int) -> tuple[FloatArray, FloatArray]:
    """For every row of ``kinks`` a rule of a standard Gaussian number that is split there."""
    rows = len(kinks)
    ends = np.sort(np.clip(kinks, -9, 9), axis=1)
    ends = np.concatenate([np.full((rows, 1), -9.0), ends, np.full((rows, 1), 9.0)], axis=1)
    parts = np.linspace(0, 1, _PANELS * finer + 1)
    edges = ends[:, :-1, None] + np.diff(ends, axis=1)[:, :, None] * parts
    t, weights = gaussian_rule(edges, _NODES)
    return t.reshape(rows, -1), weights.reshape(rows, -1)


def rate_that_moves(excess: Callable[[float], float], start: float) -> float:
    """The smallest rate at which ``excess``, a positive function of the rate, reaches 1; the search
    rises from ``start``, or falls to where the function is below 1, by factors of at most 4."""

    def height(log_rate: float) -> float:
        return log(excess(exp(log_rate)))

    low = log(start)
    below = height(low)
    while below >= 0:
        low -= log(2)
        below = height(low)
    high, above, slope = low, below, 2.0
    while above < 0:
        low, below, high = high, above, high + min(_LARGEST_RISE, 0.02 - above / slope)
        above = height(high)
        slope = max((above - below) / (high - low), 0.1)
        if high > log(start) + _LONGEST_RISE:
            raise NotSolved(
                "no layer reaches the bound at any rate of a real step: give a smaller bound"
            )
    return exp(_root(height, low, below, high, above))


def first_zero(off: Callable[[float], float], start: float) -> float:
    """The smallest rate at which ``off`` rises above 0, searched upwards in small steps."""
    low = start
    while off(low) > 0:
        low /= 4
    high = low
    while off(high) <= 0:
        low, high = high, 1.25 * high
        if high > 1e9 * start:
            return inf
    while high / low > 1 + 1e-10:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if off(middle) <= 0 else (low, middle)
    return low


def _root(
    f: Callable[[float], float], low: float, below: float, high: float, above: float
) -> float:
    """The zero between ``low`` and ``high`` by false position; an end that stays twice counts half
    (Illinois)."""
    side = 0
    while high - low > _RELATIVE:
        middle = (low * above - high * below) / (above - below)
        found = f(middle)
        if abs(found) < _RELATIVE:
            return middle
        if found < 0:
            low, below, above = middle, found, above / 2 if side < 0 else above
        else:
            high, above, below = middle, found, below / 2 if side > 0 else below
        side = -1 if found < 0 else 1
    return (low + high) / 2
