"""What the layers deep in a network tend to as n -> infinity: where its variances lead.

Beside a fixed point E x^2 = q ~ C l^(-s) and the gradient's factor chi ~ 1 - p/l (`FixedPoint`);
elsewhere q is C rho^l with chi = rho, or settles where chi is not 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Expr, Float, Integer, pi, sqrt

from theory.activations.contact import half_line_moments, half_line_slopes
from theory.activations.critical import (
    CriticalPoint,
    FixedPoint,
    critical,
    critical_weight_variance,
    edge_point,
    vanishing_point,
)
from theory.activations.moments import moment_table
from theory.activations.nonlinearity import Nonlinearity
from theory.errors import InvalidArgument, NotSolved
from theory.networks.mlp import MLP
from theory.networks.norms import LayerNorm
from theory.symbols import L

__all__ = ["DeepLayers", "deep_layers"]

_CRITICAL = 1e-9
"""|chi - 1| up to which a network is critical: weight variances are given to 12 digits."""
_STEPS = 20_000
_SETTLED = 1e-14
_SEEN = 1e5
"""Depth beyond which no recursion confirms a law."""
_SMALLEST, _LARGEST, _GROWN = 1e-60, 1e60, 1e3


@dataclass(frozen=True)
class DeepLayers:
    """The numbers of the layers deep in a network, ``fixed_point``, the factor ``gain`` of the
    gradient from layer to layer, 1 in critical networks, and whether E x^2 ``falls_with`` it.

    ``where``: the phase, in words; ``variance``: E z^2 of layer L to leading order, None where it
    is a constant times gain^L.
    """

    fixed_point: FixedPoint
    gain: Expr
    falls_with: bool
    where: str
    variance: Expr | None
    off_critical: float = 0.0

    @property
    def is_critical(self) -> bool:
        """Whether gradients neither grow nor fade exponentially."""
        return bool(self.gain == 1)


def deep_layers(network: MLP, square: Expr) -> DeepLayers:
    """The deep layers of ``network`` whose input has |x|^2 = ``square`` n_0."""
    weight, bias = network.c, network.bias_variance
    if network.norm is not None:
        return _normalised(network, weight, bias)
    if half_line_slopes(network.activation):
        return _piecewise_linear(network.activation, weight, bias, square)
    return _smooth(network.activation, weight, bias, float(square))


def _piecewise_linear(
    activation: Nonlinearity, weight: Expr, bias: Expr, square: Expr
) -> DeepLayers:
    gain = weight / critical_weight_variance(activation, Integer(0))
    (point,) = critical(activation, bias if gain == 1 else 0).points
    numbers = point.fixed_point
    if gain == 1:
        where = "scale invariant: E z^2 keeps its value"
        if bias:
            where = "E z^2 grows with the biases layer by layer"
            return DeepLayers(numbers, gain, False, where, bias * L)
        return DeepLayers(replace(numbers, constant=square), gain, False, where, weight * square)
    if bias and gain < 1:
        constant = numbers.m2 * bias / (1 - gain)
        numbers, variance = replace(numbers, constant=constant), bias / (1 - gain)
        return DeepLayers(numbers, gain, False, _phase(gain), variance)
    return DeepLayers(numbers, gain, True, _phase(gain), None)


@lru_cache(maxsize=256)
def _smooth(activation: Nonlinearity, weight: Expr, bias: Expr, square: float) -> DeepLayers:
    table, c, b = moment_table(activation), float(weight), float(bias)
    variance, settled, first = c * square + b, False, c * square + b
    for _ in range(_STEPS):
        after = c * table.q(variance) + b
        settled = abs(after - variance) < _SETTLED * variance
        variance = after
        if settled or not _SMALLEST < variance < _LARGEST:
            break
    if variance > _GROWN * max(first, 1.0) and not settled:
        raise NotSolved(
            f"E z^2 of {activation} grows to {variance:.3g} within {_STEPS:,} layers at weight "
            f"variance {c:.6g} and bias variance {b:.6g}: give smaller variances"
        )
    at_zero = None if b else vanishing_point(activation)
    if at_zero is not None and variance < first and not settled:
        near = abs(c * float(at_zero.fixed_point.m2) - 1)
        if near < _CRITICAL:
            return _vanishing(activation, at_zero, near)
        if variance <= _SMALLEST:
            gain = _simplified(weight * at_zero.fixed_point.m2)
            return DeepLayers(at_zero.fixed_point, gain, True, _phase(gain), None)
    for point in () if settled else _half_stable(activation):
        away = abs(c / float(point.weight_variance) - 1) + abs(b - float(point.bias_variance))
        gap, at_first = variance - float(point.variance), first - float(point.variance)
        if away < _CRITICAL and 0 < gap / at_first < 1:
            where = _beside(point, _STEPS * gap / (at_first - gap))
            numbers, near = point.fixed_point, point.variance
            return DeepLayers(numbers, Integer(1), False, where, near, away)
    if not settled:
        raise NotSolved(
            f"E z^2 of {activation} has not settled after {_STEPS:,} layers, at {variance:.6g}: "
            f"ask for infinite_width(depth)"
        )
    return _settled(activation, weight, variance)


def _settled(activation: Nonlinearity, weight: Expr, variance: float) -> DeepLayers:
    gain = float(weight) * moment_table(activation).at(variance).m2
    point = edge_point(activation, variance)
    slope = float(weight) * moment_table(activation).at(variance).slope
    off = 2 * _SETTLED * variance / max(1 - slope, _CRITICAL)
    numbers = _with_error(point.fixed_point, edge_point(activation, variance + off).fixed_point)
    if abs(gain - 1) < _CRITICAL:
        where = f"the {point.kind} edge, where E z^2 settles at {variance:.6g}"
        return DeepLayers(numbers, Integer(1), False, where, point.variance, abs(gain - 1))
    return DeepLayers(numbers, Float(repr(gain)), False, _phase(gain), point.variance)


def _with_error(found: FixedPoint, moved: FixedPoint) -> FixedPoint:
    """With the error of a law, a monomial of at most the ninth degree in these numbers, where the
    error of Q* moves them to those of ``moved``."""
    pairs = [(found.constant, moved.constant), (found.spread, moved.spread)]
    pairs += [(found.m1, moved.m1), (found.m2, moved.m2), (found.kurtosis, moved.kurtosis)]
    off = max(abs(float(a) / float(b) - 1) for a, b in pairs)
    return replace(found, error=9 * (off + found.error))


def _vanishing(activation: Nonlinearity, point: CriticalPoint, near: float) -> DeepLayers:
    if point.kind == "flat":
        raise NotSolved(
            f"{activation} leaves its tangent at 0 by no power, so that E z^2 falls like "
            f"1/log(L): ask for infinite_width(depth)"
        )
    power = point.fixed_point.power
    where = f"E z^2 vanishes like {'1/l' if power == 1 else f'l^(-{power})'} at layer l"
    variance = point.weight_variance * point.fixed_point.constant * L**-power
    return DeepLayers(point.fixed_point, Integer(1), False, where, variance, near)


def _half_stable(activation: Nonlinearity) -> tuple[CriticalPoint, ...]:
    try:
        return tuple(each for each in critical(activation).points if each.kind == "half-stable")
    except InvalidArgument:
        return ()


def _beside(point: CriticalPoint, start: float) -> str:
    """``start``: the l_0 of a distance to Q* that falls like 1/(l + l_0)."""
    speed = float(point.fixed_point.gradient)
    if abs(speed) * start > _SEEN:
        raise NotSolved(
            f"beside the half-stable point chi ~ 1 {'-' if speed > 0 else '+'} {abs(speed):.4g}/"
            f"(l + {start:.2g}), so that a law holds at best for L far above "
            f"{abs(speed) * start:.0e}: move to the stable edge, critical(...).edge(Q)"
        )
    return (
        f"the stable side of a half-stable point, with chi ~ 1 {'-' if speed > 0 else '+'} "
        f"{abs(speed):.4g}/(l + {start:.2g}), so that it holds for L far above "
        f"{abs(speed) * start:.0e}"
    )


def _normalised(network: MLP, weight: Expr, bias: Expr) -> DeepLayers:
    """Behind a norm every layer but the first is alike."""
    norm, activation = network.norm, network.activation
    assert norm is not None
    if norm.before == "activation":
        q, q1, m1, m2, m4, _ = _means(activation, Integer(1))
        variance = weight * q + bias
        divisor, square, size = variance, q, q1
    else:
        variance = weight + bias
        q, q1, m1, m2, m4, mean = _means(activation, variance)
        divisor = q - mean**2 if isinstance(norm, LayerNorm) else q
        if isinstance(norm, LayerNorm):
            q1 = Float(moment_table(activation).centred_size(float(variance)))
        square, size = Integer(1), q1 / sqrt(divisor)
    gain = _simplified(weight * m2 / divisor)
    numbers = FixedPoint(
        _simplified(square),
        Integer(0),
        Integer(0),
        m1 / sqrt(divisor),
        _simplified(m2 / divisor),
        _simplified(m4 / m2**2),
        _simplified(size / sqrt(square)),
        0.0 if half_line_slopes(activation) else 10 * moment_table(activation).error,
    )
    if abs(float(gain) - 1) < _CRITICAL:
        off = abs(float(gain) - 1)
        return DeepLayers(numbers, Integer(1), False, f"{norm} keeps E x^2", variance, off)
    return DeepLayers(numbers, gain, False, f"behind {norm}, {_phase(gain)}", variance)


def _means(activation: Nonlinearity, variance: Expr) -> tuple[Expr, ...]:
    """E phi^2, E |phi|, E |phi'|, E phi'^2, E phi'^4 and E phi; closed for slopes."""
    slopes = half_line_slopes(activation)
    if slopes is not None:
        m1, m2, m4 = half_line_moments(slopes)
        half = sqrt(variance / (2 * pi))
        return m2 * variance, 2 * m1 * half, m1, m2, m4, (slopes[0] - slopes[1]) * half
    found = moment_table(activation).at(float(variance))
    read = (found.q, found.q1, found.m1, found.m2, found.m4, found.mean)
    return tuple(Float(repr(each)) for each in read)


def _phase(gain: Expr) -> str:
    name, way = ("ordered", "shrink") if gain < 1 else ("chaotic", "grow")
    return f"the {name} phase: gradients {way} by the factor {float(gain):.6g} in each layer"


def _simplified(value: Expr) -> Expr:
    return value if value.has(Float) else value.simplify()
