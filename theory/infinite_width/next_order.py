"""The next order of a law in the depth: E ~ leading * (1 + correction) as the depth grows.

Let p_j be the own part of layer j times the gradient, P its limit beside l^(d - 1), and S_l the sum
of p_j over the layers j up to l.  With tau = 1 at the last layer, kappa = m_4/m_2^2, and rho the
ratio of E phi'^2 psi g to m_2 E psi g,

    E m_2 = S_L^2 + sum over l < L of (kappa S_l^2 + 2 (rho - kappa) S_l p_l) + order L^(2 d - 1).

Where E z^2 keeps or approaches a value, or grows with biases, S_l ~ (P/d) (l + y)^d, and

    correction = (2 d + 1) (y - 1/2 + (1 + rho - kappa)/kappa)/L.

Where E z^2 vanishes, with u = Q^(k/2) and 1/s = k/2, let c q/Q = 1 - a u + b u^2 and chi =
1 - f u + h u^2.  Then t = 1/u takes t <- t + A + B/t, with A = a k/2 and
B = A^2 (1 + 2/k)/2 - b k/2, so that t = A (l + beta log l) with beta = B/A^2, and
tau^2 ~ t^p (1 + (p A - omega)/t) with omega = (f^2/2 - h - p (B - A^2/2))/A.  Together
p_j ~ t^(d - 1) (1 + w/t) gives S_l ~ l^d (1 + nu log l/l), with nu = d beta for d > 1, and
nu = w/A for d = 1:

    correction = (nu (2 d + 1)/d - 2 p (1 - gamma) beta) log(L)/L.
"""

from __future__ import annotations

import numpy as np
from sympy import Expr, Float, Integer, Rational, log, sqrt

from theory.activations.contact import absolute_moment, half_line_slopes, moment_series, taylor
from theory.activations.nonlinearity import Nonlinearity
from theory.errors import NotSolved
from theory.infinite_width.expansion import DeepLayers
from theory.infinite_width.layers import Layers, wide_network
from theory.networks.inputs import Inputs, fan_in_ratio
from theory.networks.mlp import MLP
from theory.optimisers import Optimiser
from theory.optimisers.optimiser import Along
from theory.symbols import L

__all__ = ["correction"]

_DEEPEST, _SHALLOWEST = 2**14, 64
_NOISE, _ZERO, _AGREED = 1e-13, 1e-10, 1e-6


def correction(network: MLP, optimiser: Optimiser, inputs: Inputs, deep: DeepLayers) -> Expr:
    """The next order of the law of the last layer, over the leading one; `NotSolved` where it is
    no power and no log(L)/L."""
    point, own = deep.fixed_point, optimiser.along
    if optimiser.weight_decay != 0:
        raise NotSolved("the next order is solved without weight decay: leave the decay out")
    if not deep.is_critical:
        raise NotSolved(
            f"the next order is solved where gradients neither grow nor fade, got {deep.where}: "
            f"take infinite_width(depth)"
        )
    if point.power == 0 and point.gradient != 0:
        raise NotSolved(
            "beside a half-stable point the next order depends on the first layers: take "
            "infinite_width(depth)"
        )
    if point.power > 0:
        return _vanishing(network.activation, own, point.gradient, point.power)
    rise = -point.power * (own.q + own.q1 / 2)
    shift = _offset(network, optimiser, inputs) if not rise else inputs.square / point.constant
    shift -= Rational(1, 2) * (1 if rise else 0)
    rho = _ratio(network, optimiser, inputs) if own.q1 else point.kurtosis
    first = shift - Rational(1, 2) + (1 + rho - point.kurtosis) / point.kurtosis
    if abs(first) > _ZERO:
        return _rounded((3 + 2 * rise) * first) / L
    if rise or own.q1:
        raise NotSolved("the next order, of 1/L, is 0 here: take infinite_width(depth)")
    second = 2 * shift + point.kurtosis * (shift**2 - shift + Rational(1, 6))
    return _rounded(3 * second / point.kurtosis) / L**2


def _rounded(value: Expr) -> Expr:
    return Float(float(value), 6) if value.has(Float) else value.simplify()


def _offset(network: MLP, optimiser: Optimiser, inputs: Inputs) -> Expr:
    """y where S_l tends to P (l + y)."""
    own, slopes = optimiser.along, half_line_slopes(network.activation)
    if slopes is not None and network.norm is None:
        (up, down), fan_in = slopes, fan_in_ratio(network)
        spread = (abs(up) + abs(down)) / sqrt(up**2 + down**2) * absolute_moment(1) / sqrt(2)
        size = inputs.size / (spread * sqrt(inputs.square))
        return fan_in ** (own.q + own.q1) * size**own.q1 - 1
    wide = wide_network(network, inputs)
    depth, last = _SHALLOWEST, np.inf
    while depth <= _DEEPEST:
        found = _excess(wide.layers(depth), optimiser)
        if abs(found - last) < _AGREED * max(1.0, abs(found)):
            return Integer(0) if abs(found) < _ZERO else Float(found)
        depth, last = 2 * depth, found
    raise NotSolved(
        f"the first layers matter for more than {_DEEPEST:,} layers: take infinite_width(depth)"
    )


def _excess(layers: Layers, optimiser: Optimiser) -> float:
    """The sum of p_j/P - 1."""
    gains = np.log(layers.gain / layers.gain[-1])
    gains[np.abs(gains) < _NOISE] = 0
    above = gains.sum() - np.cumsum(gains)
    own = np.asarray(optimiser.own_part(layers).along)
    shares = own / own[-1] * np.exp(above * float(1 - optimiser.along.gradient))
    shares[np.abs(shares - 1) < _NOISE] = 1
    return float((shares - 1).sum())


def _ratio(network: MLP, optimiser: Optimiser, inputs: Inputs) -> Expr:
    """rho = m_3/(m_1 m_2) of a sign, deep in the network."""
    slopes = half_line_slopes(network.activation)
    if slopes is not None:
        m1, m2, m3 = (sum(abs(each) ** power for each in slopes) / 2 for power in (1, 2, 3))
        return m3 / (m1 * m2)
    layers = wide_network(network, inputs).layers(_DEEPEST)
    own = optimiser.own_part(layers)
    return Float(float(own.slope_along[-1] / (layers.slope(2)[-1] * own.along[-1])))


def _vanishing(activation: Nonlinearity, own: Along, gradient: Expr, power: Expr) -> Expr:
    k, p, gamma = 2 / power, gradient, own.gradient
    order = int(k)
    series = moment_series(activation, 2 * order)
    m2 = series.m2[0]
    size, steep = _absolute_series(activation, order)
    between = [*series.q[order + 1 : -1], *series.m2[order + 1 : -1]]
    if own.q1:
        between += [*size[1:order], *steep[1:order]]
    if any(between):
        raise NotSolved(
            f"{activation} leaves 0 by powers whose next order is no log(L)/L: take "
            f"infinite_width(depth)"
        )
    a, b = -series.q[order] / m2, series.q[-1] / m2
    f, h = -series.m2[order] / m2, series.m2[-1] / m2
    first = a * k / 2
    second = first**2 * (1 + 2 / k) / 2 - b * k / 2
    beta = second / first**2
    omega = (f**2 / 2 - h - p * (second - first**2 / 2)) / first
    d = 1 + p * (1 - gamma) - power * (own.q + own.q1 / 2)
    if d < 1:
        raise NotSolved(
            "the next order of this law depends on the first layers: take infinite_width(depth)"
        )
    w = (1 - gamma) * (p * first - omega) - f * (1 + own.m2 - gamma)
    if own.q1:
        w += own.q1 * (size[order] / size[0] + a / 2) + own.m1 * steep[order] / steep[0]
    nu = d * beta if d > 1 else w / first
    return (nu * (2 * d + 1) / d - 2 * p * (1 - gamma) * beta).simplify() * log(L) / L


def _absolute_series(activation: Nonlinearity, order: int) -> tuple[list[Expr], list[Expr]]:
    """E |phi| over Q^(1/2), and E |phi'|, up to Q^(order/2)."""
    sides = [_positive(taylor(activation, sign, order + 1)) for sign in (1, -1)]
    halves = [sum(side) / 2 for side in zip(*sides, strict=True)][1:]
    sizes = [half * absolute_moment(j + 1) for j, half in enumerate(halves)]
    return sizes, [half * (j + 1) * absolute_moment(j) for j, half in enumerate(halves)]


def _positive(side: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Coefficients of |phi|, or of |phi'| integrated, next to 0."""
    first = next((each for each in side if each), Integer(1))
    return side if first > 0 else tuple(-each for each in side)
