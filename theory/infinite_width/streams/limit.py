"""The law of a residual network in the number B of blocks: the limit of many blocks at tau^2 = c/B.

At the place t = b/B the recursion of `theory.infinite_width.streams.blocks` becomes, with the
variance Q of h, E (gradient through a block)^2 = a P/B, and the own parts k along the gradient,

    Q' = c E branch^2,    P' = -a P,    alpha' = k + a alpha,    S = alpha^2 P + X,
    X' = a X + 2 a alpha^2 P + w,

where S is E (Delta h)^2.  Gradient descent has k of order 1/B in a block, so that S is a constant.
Normalised steps and signs have k of order B^(-1/2): alpha grows like B^(1/2) and S like B, and the
input's matrix does not count.  Signs add w = 2 times the integral over s < t of A_t A_s (2/pi)
(arcsin rho - rho), with rho^2 = P_t/P_s.  For W sigma(h), X has the sum over pairs of blocks.

All functions of t are analytic: they are polynomials at Chebyshev nodes, on which integrals are
matrices.  Piecewise linear activations in W sigma(U h) have closed forms in u = log Q/Q_0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebint, chebval, chebvander
from sympy import (
    Expr,
    Float,
    Integer,
    Symbol,
    asin,
    atanh,
    exp,
    expand,
    factor_terms,
    integrate,
    log,
    pi,
    simplify,
    sqrt,
    sympify,
)

from theory.activations.contact import half_line_moments, half_line_slopes
from theory.activations.moments import moment_table
from theory.activations.nonlinearity import FloatArray
from theory.activations.quadrature import legendre_rule
from theory.errors import NotSolved
from theory.infinite_width.streams.blocks import SlopePairs, branch_parts
from theory.infinite_width.streams.network import branch_ratio
from theory.networks.inputs import Inputs, fan_in_ratio
from theory.networks.norms import LayerNorm
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, UpDown
from theory.optimisers import GradientDescent, Normalised, Optimiser, SignDescent
from theory.optimisers.optimiser import GAUSSIAN_SIZE
from theory.symbols import B

__all__ = ["BlockLimit", "limit_of_blocks"]

_NODES, _INNER = (24, 36, 54, 80), 48
"""Chebyshev nodes of solutions, of which the last two differ by the error; nodes of a rule in s."""
_SETTLED, _ITERATIONS, _KNOWN, _AGREED = 1e-14, 200, 1e-4, 1e-12
_NO_MEAN = 1e-13
_u = Symbol("u", positive=True)


@dataclass(frozen=True)
class BlockLimit:
    """E (Delta h)^2 of the last stream and branch over B^``exponent``, with the relative ``error``,
    0 for a closed form; ``square``: E h^2 over B^``grown``."""

    stream: Expr
    branch: Expr
    exponent: Expr | int
    square: Expr
    grown: Expr | int
    error: float


@np.errstate(over="ignore", invalid="ignore")
def limit_of_blocks(network: Residual, inputs: Inputs, optimiser: Optimiser) -> BlockLimit | None:
    """The limit of an open number of blocks; None where tau^2 is no multiple of 1/B, where skips
    have a factor, means add up, or weight decay is of the order of the other movement."""
    c = simplify(sympify(1 / B if network.multiplier2 is None else network.multiplier2) * B)
    variances = network.variances
    scales = [c, network.s, variances.input, variances.up, variances.down]
    decays = optimiser.weight_decay != 0
    of_one_order = decays and optimiser.unscaled.degree
    if network.skip2 != 1 or of_one_order or not all(x.is_number for x in scales):
        return None
    closed = _closed(network, inputs, optimiser, *scales)
    if closed is not None:
        return closed
    one, error = None, inf
    for nodes in _NODES:
        two = _Limit(network, inputs, optimiser, scales, nodes)
        if two.has_none or (decays and two.grown):
            return None
        if one is not None:
            error = abs(two.stream / one.stream - 1) + two.error
        if error < _AGREED:
            break
        one = two
    if not error < _KNOWN:
        raise NotSolved(
            f"the limit of many blocks of {network} is known to a relative {error:.0e} alone: take "
            f"infinite_width(blocks)"
        )
    return BlockLimit(
        Float(two.stream),
        Float(two.branch),
        0 if optimiser.unscaled.degree else 1,
        Float(two.last_square),
        two.grown,
        max(error, _AGREED),
    )


class _Limit:
    """The functions of t at Chebyshev nodes, and their integrals."""

    def __init__(
        self, network: Residual, inputs: Inputs, optimiser: Optimiser, scales: Any, nodes: int
    ) -> None:
        self.network, self.inputs, self.optimiser = network, inputs, optimiser
        self.c, self.readout, self.first, self.up, self.down = map(float, scales)
        self.kind, self.two = network.branch, isinstance(network.branch, UpDown)
        self.reads_stream = isinstance(network.branch, ActivatedThenWeights)
        self.ratio, self.table = branch_ratio(network), moment_table(network.activation)
        x = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
        self.t, self._inverse = (x + 1) / 2, np.linalg.inv(chebvander(x, nodes - 1))
        self.start = self.first * float(self.inputs.square)
        self._solve()

    def at(self, values: FloatArray, t: Any) -> Any:
        """A function, or several in columns, with these ``values`` at the nodes, at other t."""
        return chebvander(2 * t - 1, len(self.t) - 1) @ (self._inverse @ values)

    def integral(self, values: FloatArray, t: Any = None) -> Any:
        """The integral of a function from 0 to t, or to the nodes."""
        series = chebint(self._inverse @ values, lbnd=-1) / 2
        return chebval(2 * (self.t if t is None else t) - 1, series)

    def pairs(self, of: Callable[[Any, Any, int], Any], ways: tuple[int, ...]) -> float:
        """The integral over t and s of a function of s, t and the way: s < t for -1, s > t for 1.
        It may have roots of s - t, t and 1 - t, since nodes are denser there."""
        v, weights = legendre_rule([0, 1], _INNER)
        t, total = ((1 - np.cos(np.pi * v)) / 2)[:, None], 0.0
        outer = weights * np.pi / 2 * np.sin(np.pi * v)
        for way in ways:
            length = t if way < 0 else 1 - t
            s = t + way * length * v**2
            total += float(outer @ ((of(s, t, way) * 2 * length * v) @ weights))
        return total

    def _solve(self) -> None:
        normed, start = self.network.norm is not None, self.start
        out = self.c * (self.down if self.two else self.up if self.reads_stream else 1.0)
        q = np.full(self.t.size, start)
        for _ in range(_ITERATIONS):
            entry = np.ones_like(q) if normed else q
            seen = (
                entry if self.reads_stream else self.up * entry + float(self.network.bias_variance)
            )
            moments = self.table.at(seen)
            centred = isinstance(self.network.norm, LayerNorm) and not (
                self.two or self.reads_stream
            )
            self.growth = out * (moments.q - moments.mean**2 * centred) / q
            exponent = self.integral(self.growth)
            before, q = q, start * np.exp(exponent)
            rounding = _SETTLED * (1 + np.abs(exponent).max())
            settled = np.abs(q - before).max() < rounding * q.max()
            if settled:
                break
        inside = not (self.two or self.reads_stream)
        self.moments, self.entry, self.seen, self.squares = moments, entry, seen, q
        shift = np.abs(moments.mean).max() > _NO_MEAN * moments.q1.max()
        self.has_none = bool(not settled or (inside and shift and not centred))
        self.scale2 = q if normed else np.ones_like(q)
        self.a = self.c * self.up * moments.m2 / self.scale2 * (self.down if self.two else 1.0)
        self.last = float(self.integral(self.a, 1.0))
        self.passed = self.integral(self.a)
        self.p = self.readout * np.exp(self.last - self.passed)
        mean = float(self.integral(moments.mean, 1.0)) * self.c**0.5 if inside and shift else 0.0
        self.grown = 1 if mean else 0
        self.variance = start * float(np.exp(self.integral(self.growth, 1.0)))
        self.last_square = mean**2 if mean else self.variance
        self.error = 9 * self.table.error
        if not self.has_none:
            self._move()

    def _move(self) -> None:
        along, alpha0 = self._own(), 0.0
        if self.optimiser.unscaled.degree:
            fan_in, square = float(fan_in_ratio(self.network)), float(self.inputs.square)
            alpha0 = float(self.optimiser.multiple) * fan_in * square
        grown = np.exp(self.passed)
        self.alpha = grown * (alpha0 + self.integral(along / grown))
        at_end = np.exp(self.last) * (alpha0 + self.integral(along / grown, 1.0))
        left = self.last - self.passed
        source = self.a * self.alpha**2 * self.p
        if self.reads_stream:
            single = source + self.c * self.up * self._last_slope * np.exp(left)
            rest = self.integral(single, 1.0) + self._masked()
        else:
            rest = self.integral(2 * source * np.exp(left), 1.0) + self._signs()
        self.stream = float(at_end**2 * self.readout + rest)
        divisor = 1.0 if self.network.norm is None else self.variance
        self.branch = self.up * self.stream / divisor

    def _own(self) -> FloatArray:
        """k, of the matrices of a block: of order tau^2, or tau for steps of degree 0."""
        rule, sizes = self.optimiser.unscaled, (float(self.optimiser.multiple),) * 2
        entries = self.entry, GAUSSIAN_SIZE * self.entry**0.5
        parts = branch_parts(self, rule, self.moments, entries, self.c * self.p, sizes)
        signed = isinstance(rule, SignDescent) and not self.reads_stream
        self.signed = self.c**0.5 * parts.signs * signed
        found = np.zeros_like(self.p)
        if parts.behind is not None:
            found = parts.behind.along / self.p
        if parts.before is not None:
            found = found + (self.ratio if self.two else 1.0) * parts.before.along / self.p
        return np.asarray(found)

    def _signs(self) -> float:
        """The integral of w, times the growth of X above t."""
        if not self.signed.any():
            return 0.0

        def of(s: Any, t: Any, way: int) -> Any:
            passed = self.integral(self.a, t)
            fallen = (passed - self.integral(self.a, s)) / 2
            angle = np.pi / 2 - 2 * np.arcsin(np.sqrt(-np.expm1(-fallen) / 2))
            signs = self.at(self.signed, s) * self.at(self.signed, t)
            return signs * (angle - np.exp(-fallen)) * np.exp(self.last - passed)

        return 4 / np.pi * self.pairs(of, (-1,))

    @property
    def _last_slope(self) -> FloatArray:
        """Of the gradient that the readout sends, in W sigma(h)."""
        return np.asarray(self.moments.m2 / self.scale2 * self.alpha**2 * self.readout)

    def _masked(self) -> float:
        """Of W sigma(h): the pairs of blocks at s and t with alpha at the lower."""
        known = SlopePairs(self.network.activation)
        series = known.series(self.seen).T

        def of(s: Any, t: Any, way: int) -> Any:
            one, other = (self.integral(self.growth, each) for each in (s, t))
            correlation = np.exp(-np.abs(one - other) / 2)
            left, right = (np.moveaxis(self.at(series, each), -1, 0) for each in (s, t))
            slopes = known.of(correlation, left, right)
            slopes = slopes / self.at(self.scale2, s) / self.at(self.scale2, t)
            passed = [self.integral(self.a, each) for each in (s, t)]
            lower = self.at(self.alpha * np.exp(-self.passed), s if way < 0 else t)
            grown = np.exp(2 * self.last - passed[0] - passed[1])
            alpha2 = lower**2 * np.exp(2 * passed[0 if way < 0 else 1])
            return self.readout * alpha2 * slopes * grown

        return float((self.c * self.up) ** 2 * self.pairs(of, (-1, 1)))


def _closed(
    network: Residual, inputs: Inputs, optimiser: Optimiser, c: Expr, s: Expr, *scales: Expr
) -> BlockLimit | None:
    """Of W sigma(U h) with two slopes: with alpha = Q beta, S = s Q_1^2 (beta^2 + 2 times the
    integral of beta^2) in u = log Q/Q_0, and w.  None where no closed form is known."""
    slopes, rule = half_line_slopes(network.activation), optimiser.unscaled
    first, up, down = scales
    ratio, normed = sympify(network.inner_width) / network.width, network.norm is not None
    kept = isinstance(network.branch, UpDown) and network.bias_variance == 0
    if slopes is None or not kept or not ratio.is_number or any(x.has(Float) for x in scales):
        return None
    m1, m2, _ = half_line_moments(slopes)
    gain, start, size = c * up * down * m2, first * inputs.square, optimiser.multiple
    last = start + gain if normed else start * exp(gain)
    added: Expr = Integer(0)
    if rule == GradientDescent():
        begin = size * fan_in_ratio(network) * inputs.square / start
        beta = begin + size * c * m2 * (down + ratio * up) / gain * _u
    elif rule == Normalised():
        own = size * sqrt(c * m2 / (s * last)) * (sqrt(down) + sqrt(ratio * up)) / gain
        beta = 2 * own * sqrt(start) * (exp(_u / 2) - 1) if normed else own * _u
    elif rule == SignDescent() and not normed:
        own = 2 / pi * m1 * size * sqrt(c / (s * last))
        beta = own * (sqrt(ratio * down) + ratio * sqrt(up)) / gain * _u
        added = 8 / pi**2 * size**2 * c * (ratio * m1) ** 2 * up * last * _pairs(gain)
    else:
        return None
    end, square = log(last / start) if normed else gain, expand(beta**2)
    moved = square.subs(_u, end) + 2 * integrate(square, (_u, 0, end))
    stream = factor_terms(expand(s * last**2 * moved + added))
    branch = up * stream / (last if normed else 1)
    return BlockLimit(stream, branch, 0 if rule.degree else 1, last, 0, 0.0)


def _pairs(a: Expr) -> Expr:
    """The integral of (1 - x) y (arcsin y - y) over x from 0 to 1, with y = exp(-a x/2)."""
    y = exp(-a / 2)
    rest = sqrt(1 - y**2)
    twice = 2 / a * (pi / 2 - y * asin(y) - 2 * rest + atanh(rest))
    return 2 / a * (pi / 2 - twice) - 1 / a + (1 - exp(-a)) / a**2
