"""Compiled passes through a network whose weight matrices are never formed, O(width) a layer.

Per layer, G = W/sd is known through two products: G x^ = z (x^ the unit vector along x) and
G^T g^ = phi x^ + xi (g^ along the gradient).  Vectors are of order one; magnitudes are natural
logarithms, so nothing underflows.
"""

from __future__ import annotations

import math

import numpy as np

from verify.numerics.compiled import kernel, part
from verify.numerics.variates import Stream, turn_to
from verify.samplers.conditioned.gaussian_matrix import product
from verify.samplers.conditioned.state import State, copy, fresh_normals, held, new_state, normalise
from verify.samplers.vectors import Array, Scales, activate_change, dot, mask, of_layer

__all__ = ["conditioned_neurons", "conditioned_updates"]


@part
def _unit(scales: Scales, state: State, layer: int, vector: Array, unit: Array) -> float:
    """D ``vector`` over its length into ``unit``; the length's logarithm."""
    copy(vector, unit)
    mask(of_layer(scales, state.z, layer), scales.slope, unit)
    return normalise(unit)


@part
def _unit_x(scales: Scales, state: State, layer: int) -> float:
    """The unit vector along x of ``layer``, and log |x|/(sd |x below|)."""
    z = of_layer(scales, state.z, layer)
    return _unit(scales, state, layer, z, held(scales, state.x, layer))


@part
def _unit_g(scales: Scales, state: State, layer: int) -> float:
    """The unit vector along g of ``layer``, and log |g|/(sd |g above|)."""
    h = of_layer(scales, state.h, layer)
    return _unit(scales, state, layer, h, held(scales, state.g, layer))


@part
def _forward(stream: Stream, scales: Scales, state: State) -> bool:
    """z and |x| of layers 1 to L; whether the network lives."""
    of_layer(scales, state.z, 0)[:] = 1.0
    state.log_x[0] = math.log(scales.input_norm)
    for layer in range(1, scales.rows.size - 1):
        z = of_layer(scales, state.z, layer)
        copy(fresh_normals(stream, state, z.size), z)
        length = _unit_x(scales, state, layer) + math.log(scales.weight_sd[layer - 1])
        state.log_x[layer] = state.log_x[layer - 1] + length
        if length == -math.inf:
            state.log_x[layer:] = -math.inf
            return False
    return True


@part
def _backward(stream: Stream, scales: Scales, state: State) -> float:
    """h and |g| of layers L to 1; returns f/(readout sd |x^(L)|)."""
    last, signal = scales.rows.size - 2, 0.0
    log_scale = math.log(scales.readout_sd)
    for layer in range(last, 0, -1):
        _unit_x(scales, state, layer)
        x, h = held(scales, state.x, layer), of_layer(scales, state.h, layer)
        fresh = fresh_normals(stream, state, h.size)
        if layer == last:
            copy(fresh, h)
            signal = dot(x, h)
        else:
            above = held(scales, state.g, layer + 1)
            z_above = of_layer(scales, state.z, layer + 1)
            product(above[:0], x[:0], x, z_above, above, fresh, h)
        state.log_g[layer] = log_scale + _unit_g(scales, state, layer)
        log_scale = state.log_g[layer] + math.log(scales.weight_sd[layer - 1])
    return signal


@part
def _through(
    stream: Stream, scales: Scales, state: State, layer: int, own: float, log_own: float
) -> None:
    """u of ``layer``: own exp(log_own) g^ + W y, where y stands in the u of the layer below, and
    the unit vector along x of that layer in its x."""
    below = layer - 1
    z, h = of_layer(scales, state.z, layer), of_layer(scales, state.h, below)
    g, u = held(scales, state.g, layer), held(scales, state.u, layer)
    log_carried = state.log_u[below] + math.log(scales.weight_sd[below])
    if own == 0.0:
        log_own = -math.inf
    top = max(log_own, log_carried)
    state.log_u[layer] = top
    if top == -math.inf:
        u[:] = 0.0
        return
    _unit_g(scales, state, layer)
    if log_carried > -math.inf:
        x, y = held(scales, state.x, below), held(scales, state.u, below)
        product(x, z, g, h, y, fresh_normals(stream, state, u.size), u)
    else:
        u[:] = 0.0
    ours, theirs = own * math.exp(log_own - top), math.exp(log_carried - top)
    for i in range(u.size):
        u[i] = ours * g[i] + theirs * u[i]
    state.log_u[layer] = top + normalise(u)


@part
def _tangent(stream: Stream, scales: Scales, state: State, top: int) -> None:
    """u = r |x below|^2 g + W D u below, for layers 1 to ``top``."""
    for layer in range(1, top + 1):
        y = held(scales, state.u, layer - 1)
        mask(of_layer(scales, state.z, layer - 1), scales.slope, y)
        _unit_x(scales, state, layer - 1)
        log_own = 2.0 * state.log_x[layer - 1] + state.log_g[layer]
        _through(stream, scales, state, layer, scales.rates[layer - 1], log_own)


@part
def _step_through(stream: Stream, scales: Scales, state: State, pull: float, top: int) -> None:
    """Change u of z, layers 1 to ``top``, when every W becomes W - pull r g x^T: one more known
    product of each W."""
    for layer in range(1, top + 1):
        y, log_x, overlap = held(scales, state.u, layer - 1), state.log_x[layer - 1], 1.0
        _unit_x(scales, state, layer - 1)
        if layer > 1 and state.log_u[layer - 1] > -math.inf:
            log_z = math.log(scales.weight_sd[layer - 2]) + state.log_x[layer - 2]
            larger = max(log_z, state.log_u[layer - 1])
            ours, theirs = math.exp(log_z - larger), math.exp(state.log_u[layer - 1] - larger)
            z = of_layer(scales, state.z, layer - 1)
            back = math.exp(larger - state.log_u[layer - 1])
            activate_change(z, ours, y, theirs, back, scales.slope)
            met = dot(held(scales, state.x, layer - 1), y)
            overlap += met * math.exp(state.log_u[layer - 1] - log_x)
        own = -pull * scales.rates[layer - 1] * overlap
        _through(stream, scales, state, layer, own, 2.0 * log_x + state.log_g[layer])


@kernel
def _run(
    stream: Stream,
    network: int,
    scales: Scales,
    state: State,
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
    state = new_state(scales)
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
    state = new_state(scales)
    for k in range(outputs.size):
        of_layer(scales, state.z, layer)[:] = 0.0
        log_f, f = _run(stream, k, scales, state, step, labels[k], layer)
        outputs[k] = f
        log_z = state.log_x[layer - 1] + math.log(scales.weight_sd[layer - 1])
        z[k] = math.exp(log_z) * of_layer(scales, state.z, layer)
        factor = labels[k] - f if step == 0.0 else 1.0
        length = 0.0 if log_f == -math.inf else factor * math.exp(state.log_u[layer])
        change[k] = length * held(scales, state.u, layer)
