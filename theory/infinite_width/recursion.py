"""The mean squared update of every layer as n -> infinity, by a recursion of a few numbers a layer.

With u = -Delta z/eta at the label +-1, W ~ N(0, sigma_w^2/n), x = phi(z), the gradient g = D h over
1/n, D = phi'(z), and h Gaussian of variance tau^2, independent of z:

    u = psi(g) + a g + xi,            E = E psi^2 + 2 a E psi g + a^2 E g^2 + s,

where psi is the own part of the layer (`theory.optimisers`), and a g + xi is W D u of the layer
below.  W sends h = W^T g back along g, and the rest of D u to fresh Gaussian numbers:

    a E g^2 = sum over the layers below of E psi g,
    s = sigma_w^2 E (D u)^2 = sigma_w^2 (E D^2 psi^2 + 2 a E D^2 psi g + a^2 E D^2 g^2 + s E D^2),

the right side at the layer below.  Numbers are in units of tau here, so that one pass gives the
last layer of every depth.  Weight decay moves z by a field that is even in h and adds its square:
c W x + rest, with c and the variance of the rest from layer to layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from theory.activations.nonlinearity import FloatArray
from theory.errors import NotSolved
from theory.infinite_width.layers import Layers
from theory.optimisers import Optimiser, OwnPart

__all__ = [
    "equal_shares",
    "gradients",
    "moved_at_top",
    "moved_by_each_layer",
    "moved_in_every_layer",
    "output_moved_by_layers",
    "output_moved_by_readout",
]


def gradients(layers: Layers) -> FloatArray:
    """tau^2 of every layer: E h^2 over 1/n^2, from the readout down; infinite beyond float64."""
    with np.errstate(over="ignore", under="ignore"):
        falling = np.concatenate([layers.gain[:0:-1].cumprod()[::-1], [1.0]])
        return np.asarray(layers.wide.readout * falling)


@np.errstate(over="ignore", invalid="ignore")
def moved_in_every_layer(layers: Layers, optimiser: Optimiser, rates: FloatArray) -> FloatArray:
    """E (Delta z)^2 of every layer of one network whose layers move by ``rates`` times eta, at
    eta = 1 and over n^width_power."""
    rule, tau2 = optimiser.unscaled, gradients(layers)
    seen = replace(layers, gradient=np.sqrt(tau2))
    moved = _moved(seen, rule.own_part(seen), rule.degree, rates) * tau2**rule.degree
    return float(optimiser.multiple) ** 2 * moved + _decayed(layers, optimiser, rates)


@np.errstate(over="ignore", invalid="ignore")
def moved_at_top(layers: Layers, optimiser: Optimiser) -> FloatArray:
    """The same of the last layer of every depth, all layers at one rate; for rules whose step is
    homogeneous in the gradient."""
    rule, ones = optimiser.unscaled, np.ones(len(layers))
    moved = _moved(layers, rule.own_part(layers), rule.degree, ones)
    scale = float(optimiser.multiple) ** 2 * layers.wide.readout**rule.degree
    return scale * moved + _decayed(layers, optimiser, ones)


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def moved_by_each_layer(layers: Layers, optimiser: Optimiser) -> FloatArray:
    """E (Delta z)^2 of the last layer if one layer alone moves, at eta = 1, by this layer.

    Layer l aligns every later layer with its gradient by P_l = E psi g over E g^2, and later layers
    scatter that part as the whole does; so P_l^2 multiplies one sum over the layers above l.
    """
    rule, tau2 = optimiser.unscaled, gradients(layers)
    own = rule.own_part(replace(layers, gradient=np.sqrt(tau2)))
    second, chi, weight = layers.slope(2), layers.gain, layers.wide.weight_variance
    # from the rest at one layer to that at the last: the product of chi strictly between
    onwards = np.concatenate([chi[-2:0:-1].cumprod()[::-1], [1.0, 0.0]])[-len(layers) :]
    scattered = weight * onwards * layers.slope(4) / (second**2 * tau2)
    above = np.concatenate([scattered[::-1].cumsum()[::-1][1:], [0.0]])
    aligned = _aligned(own, rule, tau2) ** 2 * (1 / (second[-1] * tau2[-1]) + above)
    alone = aligned + weight * onwards * own.slope_square * tau2**rule.degree
    alone[-1] = own.square[-1] * tau2[-1] ** rule.degree
    return np.asarray(float(optimiser.multiple) ** 2 * alone)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def equal_shares(layers: Layers, optimiser: Optimiser) -> FloatArray:
    """Rates at which each layer alone moves the last one equally far, and all move it by 1."""
    alone = moved_by_each_layer(layers, optimiser) ** -0.5
    return np.asarray(alone * moved_in_every_layer(layers, optimiser, alone)[-1] ** -0.5)


@np.errstate(over="ignore", invalid="ignore")
def output_moved_by_layers(layers: Layers, optimiser: Optimiser, rates: FloatArray) -> float:
    """|Delta f| by the steps of all layers: the sum of rate times E psi g, always to one side."""
    rule, tau2 = optimiser.unscaled, gradients(layers)
    own = rule.own_part(replace(layers, gradient=np.sqrt(tau2)))
    return float(optimiser.multiple) * float(_aligned(own, rule, tau2) @ rates)


def output_moved_by_readout(layers: Layers, optimiser: Optimiser, places: Any) -> FloatArray:
    """|Delta f| by the own step of a readout of the inputs of the layers at ``places``, at eta = 1
    and over n^(head_power/2)."""
    square = layers.square[places]
    size = layers.size[places] if optimiser.unscaled.width_power else 0 * square
    return np.asarray(optimiser.head(square, size), dtype=np.float64)


def _aligned(own: OwnPart, rule: Optimiser, tau2: FloatArray) -> FloatArray:
    return np.asarray(own.along * tau2 ** ((1 + rule.degree) / 2))


def _moved(layers: Layers, own: OwnPart, degree: int, rates: FloatArray) -> FloatArray:
    """E/tau^(2 degree) of every layer."""
    second, fourth, gain = layers.slope(2), layers.slope(4), layers.gain
    columns = (
        rates**2 * own.square,
        rates * own.along,
        rates**2 * own.slope_square,
        rates * own.slope_along,
        second,
        fourth,
        gain,
    )
    weight_variance, half = layers.wide.weight_variance, (1 + degree) / 2
    aligned = fresh = along = scattered = 0.0
    found = []
    for square, p, slope_square, slope_p, m2, m4, chi in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        aligned = (aligned + along) * chi**half
        fresh = weight_variance * scattered * chi**degree
        a = aligned / m2
        found.append(square + 2 * a * p + a * aligned + fresh)
        along, scattered = p, slope_square + 2 * a * slope_p + a * a * m4 + m2 * fresh
    return np.array(found)


def _decayed(layers: Layers, optimiser: Optimiser, rates: FloatArray) -> Any:
    """E of the movement of z by weight decay: of c W x + rest, squared."""
    decay = float(optimiser.weight_decay)
    if not decay:
        return 0.0
    if layers.wide.norm is not None:
        raise NotSolved("weight decay behind a norm is not solved: leave the norm out")
    moments, variances = layers.moments, layers.variances
    kept = layers.wide.weight_variance * layers.square
    part = kept / variances
    # of y = D (c W x + rest): E x y over c, E (D W x)^2 and E D^2
    along = kept * moments.slope
    masked = layers.slope(2)
    spread = part**2 * variances * (masked + 2 * moments.m2_slope) + kept * (1 - part) * masked
    squares = np.concatenate([layers.square[1:], [1.0]])
    c, rest, found = 0.0, 0.0, []
    columns = (kept, along, spread, masked, squares, decay * rates)
    for variance, xy, yy, m2, q, own in zip(*(each.tolist() for each in columns), strict=True):
        c += own
        found.append(c * c * variance + rest)
        square = c * c * yy + m2 * rest
        c = c * xy / q
        rest = max(layers.wide.weight_variance * (square - c * c * q), 0.0)
    return np.array(found)
