"""Compiled passes through a network whose weight matrices are never formed, O(width) a layer.

Per layer, G = W/sd is known through two products: G x^ = z (x^ the unit vector along x) and
G^T g^ = phi x^ + xi (g^ along the gradient).  Vectors are of order one; magnitudes are natural
logarithms, so nothing underflows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.draws import Stream, short_normals, turn_to
from verify.gaussian_matrix import product
from verify.jit import kernel, part
from verify.vectors import Array, Scales, activate_change, dot, mask, of_layer

__all__ = ["conditioned_neurons", "conditioned_updates"]


class _State(NamedTuple):
    """Flat vectors of all layers, and magnitudes by layer.

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
def _normalise(vector: Array) -> float:
    """Make ``vector`` a unit vector; the logarithm of its length, minus infinity for zero."""
    square, log_scale = dot(vector, vector), 0.0
    if not 1e-200 < square < 1e200:
        largest = np.max(np.abs(vector))
        if largest == 0.0:
            return -math.inf
        log_scale = math.log(largest)
        vector /= largest
        square = dot(vector, vector)
    vector *= 1.0 / math.sqrt(square)
    return log_scale + 0.5 * math.log(square)


@part
def _forward(stream: Stream, scales: Scales, state: _State) -> bool:
    """z, x and |x| of layers 1 to L; whether the network lives."""
    first = of_layer(scales, state.x, 0)
    first[:] = 1.0 / math.sqrt(first.size)
    state.log_x[0] = math.log(scales.input_norm)
    for layer in range(1, scales.rows.size - 1):
        z, x = of_layer(scales, state.z, layer), of_layer(scales, state.x, layer)
        short_normals(stream, z)
        x[:] = z
        mask(z, scales.slope, x)
        length = _normalise(x) + math.log(scales.weight_sd[layer - 1])
        state.log_x[layer] = state.log_x[layer - 1] + length
        if length == -math.inf:
            state.log_x[layer:] = -math.inf
            return False
    return True


@part
def _backward(stream: Stream, scales: Scales, state: _State) -> float:
    """g and |g| of layers L to 1; returns f/(readout sd |x^(L)|)."""
    last, signal = scales.rows.size - 2, 0.0
    log_scale = math.log(scales.readout_sd)
    for layer in range(last, 0, -1):
        x, h = of_layer(scales, state.x, layer), of_layer(scales, state.h, layer)
        short_normals(stream, h)
        if layer == last:
            signal = dot(x, h)
        else:
            above, z_above = (
                of_layer(scales, state.g, layer + 1),
                of_layer(scales, state.z, layer + 1),
            )
            product(above[:0], x[:0], x, z_above, above, h)
        g = of_layer(scales, state.g, layer)
        g[:] = h
        mask(of_layer(scales, state.z, layer), scales.slope, g)
        state.log_g[layer] = log_scale + _normalise(g)
        log_scale = state.log_g[layer] + math.log(scales.weight_sd[layer - 1])
    return signal


@part
def _through(
    stream: Stream, scales: Scales, state: _State, layer: int, own: float, log_own: float
) -> None:
    """u of ``layer``: own exp(log_own) g^ + W y, where y stands in the u of the layer below."""
    below = layer - 1
    x, z = of_layer(scales, state.x, below), of_layer(scales, state.z, layer)
    g, h = of_layer(scales, state.g, layer), of_layer(scales, state.h, below)
    u = of_layer(scales, state.u, layer)
    log_carried = state.log_u[below] + math.log(scales.weight_sd[below])
    if own == 0.0:
        log_own = -math.inf
    top = max(log_own, log_carried)
    state.log_u[layer] = top
    if top == -math.inf:
        u[:] = 0.0
        return
    if log_carried > -math.inf:
        short_normals(stream, u)
        product(x, z, g, h, of_layer(scales, state.u, below), u)
    else:
        u[:] = 0.0
    ours, theirs = own * math.exp(log_own - top), math.exp(log_carried - top)
    for i in range(u.size):
        u[i] = ours * g[i] + theirs * u[i]
    state.log_u[layer] = top + _normalise(u)


@part
def _tangent(stream: Stream, scales: Scales, state: _State, top: int) -> None:
    """u = r |x below|^2 g + W D u below, for layers 1 to ``top``."""
    for layer in range(1, top + 1):
        y = of_layer(scales, state.u, layer - 1)
        if layer > 1:
            mask(of_layer(scales, state.z, layer - 1), scales.slope, y)
        log_own = 2.0 * state.log_x[layer - 1] + state.log_g[layer]
        _through(stream, scales, state, layer, scales.rates[layer - 1], log_own)


@part
def _step_through(stream: Stream, scales: Scales, state: _State, pull: float, top: int) -> None:
    """Change u of z, layers 1 to ``top``, when every W becomes W - pull r g x^T: one more known
    product of each W."""
    for layer in range(1, top + 1):
        y, log_x = of_layer(scales, state.u, layer - 1), state.log_x[layer - 1]
        overlap = 1.0
        if layer > 1 and state.log_u[layer - 1] > -math.inf:
            log_z = math.log(scales.weight_sd[layer - 2]) + state.log_x[layer - 2]
            top = max(log_z, state.log_u[layer - 1])
            ours, theirs = math.exp(log_z - top), math.exp(state.log_u[layer - 1] - top)
            z, back = of_layer(scales, state.z, layer - 1), math.exp(top - state.log_u[layer - 1])
            activate_change(z, ours, y, theirs, back, scales.slope)
            met = dot(of_layer(scales, state.x, layer - 1), y)
            overlap += met * math.exp(state.log_u[layer - 1] - log_x)
        own = -pull * scales.rates[layer - 1] * overlap
        _through(stream, scales, state, layer, own, 2.0 * log_x + state.log_g[layer])


@kernel
def _start(scales: Scales) -> _State:
    size = scales.rows[-1]
    z, x, g, h, u = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    logs = np.full((3, scales.rows.size - 1), -math.inf)
    return _State(z, x, g, h, u, logs[0], logs[1], logs[2])


@kernel
def _run(
    stream: Stream,
    network: int,
    scales: Scales,
    state: _State,
    step: float,
    label: float,
    top: int,
) -> tuple[float, float]:
    """One network, by its number, up to u of layer ``top``; log |f|, minus infinity if it is dead,
    and f itself."""
    last = scales.rows.size - 2
    turn_to(stream, network, 0, 0)
    if not _forward(stream, scales, state):
        return -math.inf, 0.0
    signal = _backward(stream, scales, state)
    log_f = math.log(scales.readout_sd) + state.log_x[last] + math.log(abs(signal))
    f = math.copysign(math.exp(log_f), signal)
    turn_to(stream, network, 1, 0)
    if step == 0.0:
        _tangent(stream, scales, state, top)
    else:
        _step_through(stream, scales, state, step * (f - label), top)
    return log_f, f


@kernel
def conditioned_updates(
    stream: Stream, scales: Scales, step: float, labels: Array, wanted: Array, out: Array
) -> None:
    """Networks one after the other; ``step`` = 0 for the linearised update at eta = 1.

    ``labels``: +-1 for each network, used by a real step.  ``wanted``: 1-based layers.  ``out``:
    logarithms, shape ``(parts, networks, layers)``: label and output part, or the real step's
    mean square over the rate squared.
    """
    state = _start(scales)
    for k in range(out.shape[1]):
        log_f, _ = _run(stream, k, scales, state, step, labels[k], np.max(wanted))
        for i in range(wanted.size):
            width = scales.rows[wanted[i] + 1] - scales.rows[wanted[i]]
            log_square = 2.0 * state.log_u[wanted[i]] - math.log(width)
            if log_f == -math.inf:
                out[:, k, i] = -math.inf
            elif step == 0.0:
                out[0, k, i], out[1, k, i] = log_square, log_square + 2.0 * log_f
            else:
                out[0, k, i] = log_square - 2.0 * math.log(step)


@kernel
def conditioned_neurons(
    stream: Stream,
    scales: Scales,
    step: float,
    labels: Array,
    layer: int,
    z: Array,
    change: Array,
    outputs: Array,
) -> None:
    """The neurons of one layer: pre-activations into ``z`` and their change into ``change``, shape
    ``(networks, width)``, linearised at eta = 1 (``step`` = 0) or of a real step; f into
    ``outputs``."""
    state = _start(scales)
    for k in range(outputs.size):
        state.z[:] = 0.0
        log_f, f = _run(stream, k, scales, state, step, labels[k], layer)
        outputs[k] = f
        log_z = state.log_x[layer - 1] + math.log(scales.weight_sd[layer - 1])
        z[k] = math.exp(log_z) * of_layer(scales, state.z, layer)
        factor = labels[k] - f if step == 0.0 else 1.0
        length = 0.0 if log_f == -math.inf else factor * math.exp(state.log_u[layer])
        change[k] = length * of_layer(scales, state.u, layer)
