"""Compiled passes that carry only norms and inner products, O(1) a layer: see docs/conditioning.md.

The neurons of a layer fall into two blocks, active and inactive.  In each block every vector that
matters lies in the span of three orthogonal directions: z of the block; the part of g across it;
and whatever is left, of which only the length is kept.  Lengths of Gaussian vectors are drawn,
never formed by subtraction.  Magnitudes are natural logarithms; everything else is of order one.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.jit import kernel

__all__ = ["GramScales", "gram_updates"]

Array = Any


class GramScales(NamedTuple):
    """The network: ``widths`` of layers 0 to L, and the scales of its draws, shape ``(L,)``."""

    widths: Array
    weight_sd: Array
    readout_sd: float
    slope: float
    rates: Array
    input_norm: float


class _Layers(NamedTuple):
    """What the forward and backward passes leave, one entry per layer 0 to L.

    ``on``, ``off``: neurons in each block.  ``z_on``, ``z_off``: lengths of z in units of
    sd |x below|.  ``cos``, ``sin``: the unit vector along x in the plane of the two z's.
    ``log_x``, ``log_g``: logarithms of |x| and |g|.  ``xi``, ``xi_on``, ``xi_off``: the fresh part
    of the gradient on x: across x in that plane, and across z in each block.  ``g_on``, ``gq_on``,
    ``g_off``, ``gq_off``: the unit vector along g: along z and across it, in each block.
    """

    on: Array
    off: Array
    z_on: Array
    z_off: Array
    cos: Array
    sin: Array
    log_x: Array
    log_g: Array
    xi: Array
    xi_on: Array
    xi_off: Array
    g_on: Array
    gq_on: Array
    g_off: Array
    gq_off: Array


@kernel
def _length(stream: np.random.Generator, dimensions: float) -> float:
    """The length of a standard Gaussian vector; 0 in no dimension."""
    if dimensions <= 0.0:
        return 0.0
    return math.sqrt(2.0 * stream.standard_gamma(0.5 * dimensions))


@kernel
def _normal_if(stream: np.random.Generator, present: bool) -> float:
    return float(stream.standard_normal()) if present else 0.0


@kernel
def _forward(stream: np.random.Generator, scales: GramScales, layers: _Layers) -> bool:
    """Blocks and lengths of z; whether the network lives."""
    layers.log_x[0] = math.log(scales.input_norm)
    for layer in range(1, scales.widths.size):
        width = scales.widths[layer]
        on = stream.binomial(width, 0.5)
        layers.on[layer], layers.off[layer] = on, width - on
        z_on = layers.z_on[layer] = _length(stream, on)
        z_off = layers.z_off[layer] = _length(stream, width - on) if scales.slope > 0.0 else 0.0
        length = math.hypot(z_on, scales.slope * z_off)
        if length == 0.0:
            return False
        layers.cos[layer], layers.sin[layer] = z_on / length, scales.slope * z_off / length
        layers.log_x[layer] = layers.log_x[layer - 1] + math.log(
            scales.weight_sd[layer - 1] * length
        )
    return True


@kernel
def _backward(stream: np.random.Generator, scales: GramScales, layers: _Layers) -> float:
    """Gradients from the readout down; returns log |f|.

    Given W x, the gradient on x is sd |g above| (phi x/|x| + xi) with phi = g.z/(sd |g| |x|) known
    and xi Gaussian across x; at the last layer it is the readout, whose phi is Gaussian too.
    """
    last, slope = scales.widths.size - 1, scales.slope
    phi, log_scale = stream.standard_normal(), math.log(scales.readout_sd)
    log_f: float = log_scale + layers.log_x[last] + math.log(abs(phi))
    for layer in range(last, 0, -1):
        on, off, cos, sin = (
            layers.on[layer],
            layers.off[layer],
            layers.cos[layer],
            layers.sin[layer],
        )
        leaky = slope > 0.0
        xi = layers.xi[layer] = _normal_if(stream, leaky and on > 0 and off > 0)
        xi_on = layers.xi_on[layer] = _length(stream, on - 1)
        xi_off = layers.xi_off[layer] = _length(stream, off - 1) if leaky else 0.0
        g_on, g_off = phi * cos + xi * sin, slope * (phi * sin - xi * cos)
        gq_on, gq_off = xi_on, slope * xi_off
        length = math.hypot(math.hypot(g_on, gq_on), math.hypot(g_off, gq_off))
        layers.g_on[layer], layers.gq_on[layer] = g_on / length, gq_on / length
        layers.g_off[layer], layers.gq_off[layer] = g_off / length, gq_off / length
        layers.log_g[layer] = log_scale + math.log(length)
        log_scale = layers.log_g[layer] + math.log(scales.weight_sd[layer - 1])
        phi = layers.g_on[layer] * layers.z_on[layer] + layers.g_off[layer] * layers.z_off[layer]
    return log_f


@kernel
def _tangent(
    stream: np.random.Generator, scales: GramScales, layers: _Layers, asked: Array, logs: Array
) -> None:
    """u = r |x below|^2 g + W y with y = D u of the layer below, from the first layer up.

    Given W x and W^T g, with y_ the part of y across x and xi the fresh part of the gradient,

        W y/sd = z_unit (x.y)/|x| + g/|g| (xi . y_) + |y_| (I - g g^T/|g|^2) fresh.
    """
    slope, leaky = scales.slope, scales.slope > 0.0
    u_on = uq_on = ur_on = u_off = uq_off = ur_off = 0.0
    log_u = -math.inf
    for layer in range(1, scales.widths.size):
        below = layer - 1
        cos, sin = layers.cos[below], layers.sin[below]
        y_off, yq_off, yr_off = slope * u_off, slope * uq_off, slope * ur_off
        along = cos * u_on + sin * y_off
        turned = sin * u_on - cos * y_off
        across = math.sqrt(turned**2 + uq_on**2 + yq_off**2 + ur_on**2 + yr_off**2)
        met = (
            layers.xi[below] * turned + layers.xi_on[below] * uq_on + layers.xi_off[below] * yq_off
        )
        rate = scales.rates[below]
        log_own = 2.0 * layers.log_x[below] + layers.log_g[layer] + math.log(rate)
        log_carried = log_u + math.log(scales.weight_sd[below])
        top = max(log_own, log_carried)
        if top == -math.inf:
            logs[below] = -math.inf
            continue
        own, carried = math.exp(log_own - top), math.exp(log_carried - top)
        along, across, met = carried * along, carried * across, carried * met
        on, off = layers.on[layer], layers.off[layer]
        a_on, b_on = _normal_if(stream, on > 0), _normal_if(stream, on > 1)
        wanted = leaky or asked[below]
        a_off = _normal_if(stream, wanted and off > 0)
        b_off = _normal_if(stream, leaky and off > 1)
        g_on, gq_on = layers.g_on[layer], layers.gq_on[layer]
        g_off, gq_off = layers.g_off[layer], layers.gq_off[layer]
        fresh = g_on * a_on + gq_on * b_on + g_off * a_off + gq_off * b_off
        pull = own + met - across * fresh
        z_off = layers.z_off[layer]
        if asked[below] and not leaky:
            z_off = _length(stream, off)
        u_on = g_on * pull + layers.z_on[layer] * along + across * a_on
        u_off = g_off * pull + z_off * along + across * a_off
        uq_on, uq_off = gq_on * pull + across * b_on, gq_off * pull + across * b_off
        ur_on = across * _length(stream, on - 2)
        ur_off = across * _length(stream, off - (2 if leaky else 1)) if wanted else 0.0
        square = u_on**2 + uq_on**2 + ur_on**2
        square_off = u_off**2 + uq_off**2 + ur_off**2
        logs[below] = 2.0 * top + math.log((square + square_off) / scales.widths[layer])
        scale = 1.0 / math.sqrt(square + square_off)
        u_on, uq_on, ur_on = scale * u_on, scale * uq_on, scale * ur_on
        u_off, uq_off, ur_off = scale * u_off, scale * uq_off, scale * ur_off
        log_u = top - math.log(scale)


@kernel
def _workspace(depth: int) -> _Layers:
    w = np.zeros((15, depth + 1))
    return _Layers(
        w[0],
        w[1],
        w[2],
        w[3],
        w[4],
        w[5],
        w[6],
        w[7],
        w[8],
        w[9],
        w[10],
        w[11],
        w[12],
        w[13],
        w[14],
    )


@kernel
def gram_updates(
    stream: np.random.Generator, scales: GramScales, wanted: Array, out: Array
) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks.

    ``wanted``: 1-based layers.  ``out``: log of the label and the output part, shape
    ``(2, networks, layers)``; minus infinity for a dead network.
    """
    depth = scales.widths.size - 1
    layers, logs, asked = _workspace(depth), np.empty(depth), np.zeros(depth, np.bool_)
    for layer in wanted:
        asked[layer - 1] = True
    for k in range(out.shape[1]):
        log_f = 0.0
        if _forward(stream, scales, layers):
            log_f = _backward(stream, scales, layers)
            _tangent(stream, scales, layers, asked, logs)
        else:
            logs[:] = -math.inf
        for i in range(wanted.size):
            out[0, k, i] = logs[wanted[i] - 1]
            out[1, k, i] = logs[wanted[i] - 1] + 2.0 * log_f
