"""Compiled passes through a network whose weight matrices are never formed, O(width) a layer.

Per layer, G = W/sd is known through two products: G x^ = z (x^ the unit vector along x) and
G^T g^ = phi x^ + xi (g^ along the gradient).  Vectors are of order one; magnitudes are natural
logarithms, so nothing underflows.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.gaussian_matrix import dot, fill_normal, product
from verify.jit import kernel

__all__ = ["VectorScales", "conditioned_updates"]

Array = Any


class VectorScales(NamedTuple):
    """The network: where each layer begins in a flat array (``rows``), and its scales."""

    rows: Array
    weight_sd: Array
    readout_sd: float
    slope: float
    rates: Array
    input_norm: float


class _State(NamedTuple):
    """Flat vectors of all layers, each a matrix of one row, and magnitudes by layer.

    ``z``: pre-activations over sd |x below|.  ``x``, ``g``, ``u``: unit vectors along the
    activation, the gradient and the update.  ``h``: G^T g^ of the layer above, or the readout
    over its sd.
    """

    z: Array
    x: Array
    g: Array
    h: Array
    u: Array
    log_x: Array
    log_g: Array
    log_u: Array


@kernel
def _rows(scales: VectorScales, vectors: Array, layer: int) -> Array:
    return vectors[:, scales.rows[layer] : scales.rows[layer + 1]]


@kernel
def _mask(z: Array, slope: float, vector: Array) -> None:
    for i in range(z.size):
        if not z[i] > 0.0:
            vector[i] *= slope


@kernel
def _normalise(vector: Array) -> float:
    """Make ``vector`` a unit vector; the logarithm of its length, minus infinity for zero."""
    largest = 0.0
    for value in vector:
        largest = max(largest, abs(value))
    if largest == 0.0:
        return -math.inf
    for i in range(vector.size):
        vector[i] /= largest
    length = math.sqrt(dot(vector, vector))
    for i in range(vector.size):
        vector[i] /= length
    return math.log(largest) + math.log(length)


@kernel
def _forward(stream: Any, scales: VectorScales, state: _State) -> bool:
    """z, x and |x| of layers 1 to L; whether the network lives."""
    first = _rows(scales, state.x, 0)[0]
    first[:] = 1.0 / math.sqrt(first.size)
    state.log_x[0] = math.log(scales.input_norm)
    for layer in range(1, scales.rows.size - 1):
        z, x = _rows(scales, state.z, layer)[0], _rows(scales, state.x, layer)[0]
        fill_normal(stream, z)
        x[:] = z
        _mask(z, scales.slope, x)
        length = _normalise(x) + math.log(scales.weight_sd[layer - 1])
        state.log_x[layer] = state.log_x[layer - 1] + length
        if length == -math.inf:
            return False
    return True


@kernel
def _backward(stream: Any, scales: VectorScales, state: _State) -> float:
    """g and |g| of layers L to 1; returns f/(readout sd |x^(L)|)."""
    last, signal = scales.rows.size - 2, 0.0
    log_scale = math.log(scales.readout_sd)
    for layer in range(last, 0, -1):
        x, h = _rows(scales, state.x, layer), _rows(scales, state.h, layer)[0]
        fill_normal(stream, h)
        if layer == last:
            signal = dot(x[0], h)
        else:
            above, z_above = _rows(scales, state.g, layer + 1), _rows(scales, state.z, layer + 1)
            product(above[:0], x[:0], x, z_above, above[0], h)
        g = _rows(scales, state.g, layer)[0]
        g[:] = h
        _mask(_rows(scales, state.z, layer)[0], scales.slope, g)
        state.log_g[layer] = log_scale + _normalise(g)
        log_scale = state.log_g[layer] + math.log(scales.weight_sd[layer - 1])
    return signal


@kernel
def _activate_change(
    z: Array, log_z: float, slope: float, change: Array, log_change: float
) -> None:
    """change = sigma(z + change) - sigma(z), without cancellation where no sign changes."""
    top = max(log_z, log_change)
    ours, theirs, back = math.exp(log_z - top), math.exp(log_change - top), top - log_change
    for i in range(z.size):
        before = ours * z[i]
        after = before + theirs * change[i]
        if (before > 0.0) == (after > 0.0):
            change[i] *= 1.0 if before > 0.0 else slope
        else:
            upper = after if after > 0.0 else slope * after
            lower = before if before > 0.0 else slope * before
            change[i] = (upper - lower) * math.exp(back)


@kernel
def _through(
    stream: Any, scales: VectorScales, state: _State, layer: int, own: float, log_own: float
) -> None:
    """u of ``layer``: own exp(log_own) g^ + W y, where y stands in the u of the layer below."""
    below = layer - 1
    x, z = _rows(scales, state.x, below), _rows(scales, state.z, layer)
    g, h = _rows(scales, state.g, layer), _rows(scales, state.h, below)
    u = _rows(scales, state.u, layer)[0]
    log_carried = state.log_u[below] + math.log(scales.weight_sd[below])
    if own == 0.0:
        log_own = -math.inf
    top = max(log_own, log_carried)
    state.log_u[layer] = top
    if top == -math.inf:
        u[:] = 0.0
        return
    if log_carried > -math.inf:
        fill_normal(stream, u)
        product(x, z, g, h, _rows(scales, state.u, below)[0], u)
    else:
        u[:] = 0.0
    ours, theirs = own * math.exp(log_own - top), math.exp(log_carried - top)
    for i in range(u.size):
        u[i] = ours * g[0, i] + theirs * u[i]
    state.log_u[layer] = top + _normalise(u)


@kernel
def _tangent(stream: Any, scales: VectorScales, state: _State) -> None:
    """u = r |x below|^2 g + W D u below, for layers 1 to L."""
    for layer in range(1, scales.rows.size - 1):
        y = _rows(scales, state.u, layer - 1)[0]
        if layer > 1:
            _mask(_rows(scales, state.z, layer - 1)[0], scales.slope, y)
        log_own = 2.0 * state.log_x[layer - 1] + state.log_g[layer]
        _through(stream, scales, state, layer, scales.rates[layer - 1], log_own)


@kernel
def _step_through(stream: Any, scales: VectorScales, state: _State, pull: float) -> None:
    """Change u of z when every W becomes W - pull r g x^T: one more known product of each W."""
    for layer in range(1, scales.rows.size - 1):
        y, log_x = _rows(scales, state.u, layer - 1)[0], state.log_x[layer - 1]
        overlap = 1.0
        if layer > 1 and state.log_u[layer - 1] > -math.inf:
            log_z = math.log(scales.weight_sd[layer - 2]) + state.log_x[layer - 2]
            z = _rows(scales, state.z, layer - 1)[0]
            _activate_change(z, log_z, scales.slope, y, state.log_u[layer - 1])
            met = dot(_rows(scales, state.x, layer - 1)[0], y)
            overlap += met * math.exp(state.log_u[layer - 1] - log_x)
        own = -pull * scales.rates[layer - 1] * overlap
        _through(stream, scales, state, layer, own, 2.0 * log_x + state.log_g[layer])


@kernel
def _start(scales: VectorScales) -> _State:
    z, x, g, h, u = (
        np.zeros((1, scales.rows[-1])),
        np.zeros((1, scales.rows[-1])),
        np.zeros((1, scales.rows[-1])),
        np.zeros((1, scales.rows[-1])),
        np.zeros((1, scales.rows[-1])),
    )
    logs = np.full((3, scales.rows.size - 1), -math.inf)
    return _State(z, x, g, h, u, logs[0], logs[1], logs[2])


@kernel
def conditioned_updates(
    stream: Any, scales: VectorScales, step: float, labels: Array, wanted: Array, out: Array
) -> None:
    """Networks one after the other; ``step`` = 0 for the linearised update at eta = 1.

    ``labels``: +-1 for each network, used by a real step.  ``wanted``: 1-based layers.  ``out``:
    logarithms, shape ``(parts, networks, layers)``: label and output part, or the real step's
    mean square over the rate squared.
    """
    state, last = _start(scales), scales.rows.size - 2
    for k in range(out.shape[1]):
        if not _forward(stream, scales, state):
            out[:, k, :] = -math.inf
            continue
        signal = _backward(stream, scales, state)
        log_f = math.log(scales.readout_sd) + state.log_x[last]
        if step == 0.0:
            _tangent(stream, scales, state)
        else:
            pull = step * (signal * math.exp(log_f) - labels[k])
            _step_through(stream, scales, state, pull)
        for i in range(wanted.size):
            width = scales.rows[wanted[i] + 1] - scales.rows[wanted[i]]
            log_square = 2.0 * state.log_u[wanted[i]] - math.log(width)
            if step == 0.0:
                out[0, k, i] = log_square
                out[1, k, i] = log_square + 2.0 * (log_f + math.log(abs(signal)))
            else:
                out[0, k, i] = log_square - 2.0 * math.log(step)
