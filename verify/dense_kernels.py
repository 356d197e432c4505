"""Compiled passes through one literal network: forward, gradient, tangent, and a real step.

Every vector is carried as an array times a power of two (`_rescale`), since typical norms
underflow with depth: multiplying by powers of two rounds nothing, so the scaled passes give the
digits of the unscaled ones.  A vector that is exactly zero has the exponent ``ZERO``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.jit import kernel

__all__ = ["Scales", "linearised", "offsets", "real_step"]

Array = Any
"""A one-dimensional array of float64 or int64, as the kernels take it."""


class Scales(NamedTuple):
    """What is not drawn: where each layer's weights (``at``) and neurons (``rows``) begin in
    flat arrays, see `offsets`, and the network's scales."""

    at: Array
    rows: Array
    weight_sd: Array
    readout_sd: float
    slope: float
    rates: Array
    input_norm: float


class _State(NamedTuple):
    """Vectors of all layers: z, x, gradients g, updates u, flat; exponents of x and g by layer."""

    z: Array
    x: Array
    g: Array
    u: Array
    x_exp: Array
    g_exp: Array


ZERO = -(2**40)
"""The exponent of an exactly zero vector, far below any other."""
LOG2 = math.log(2.0)


def offsets(sizes: Array) -> Array:
    """Where each of consecutive pieces of ``sizes`` begins in a flat array."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))


@kernel
def _power(exponent: int) -> float:
    """2^exponent, 0 below the range of float64 and infinite above it."""
    return math.ldexp(1.0, min(max(exponent, -1100), 1100))


@kernel
def _rescale(vector: Array, exponent: int) -> int:
    """Divide ``vector`` by a power of two near its largest entry; its exponent then."""
    largest = 0.0
    for value in vector:
        largest = max(largest, abs(value))
    if largest == 0.0:
        return ZERO
    shift = math.frexp(largest)[1]
    factor = _power(-shift)
    for i in range(vector.size):
        vector[i] *= factor
    return exponent + shift


@kernel
def _apply(weights: Array, vector: Array, sd: float, out: Array) -> None:
    """out = sd * W vector, W row by row in ``weights``."""
    columns = vector.size
    for i in range(out.size):
        row = weights[i * columns : (i + 1) * columns]
        out[i] = sd * _dot(row, vector)


@kernel
def _apply_transposed(weights: Array, vector: Array, sd: float, out: Array) -> None:
    """out = sd * W^T vector."""
    columns = out.size
    out[:] = 0.0
    for i in range(vector.size):
        row = weights[i * columns : (i + 1) * columns]
        scaled = sd * vector[i]
        for j in range(columns):
            out[j] += row[j] * scaled


@kernel
def _dot(left: Array, right: Array) -> float:
    total = 0.0
    for i in range(left.size):
        total += left[i] * right[i]
    return total


@kernel
def _add(vector: Array, exponent: int, factor: float, other: Array, other_exponent: int) -> int:
    """vector 2^exponent + factor other 2^other_exponent, into ``vector``; its exponent then."""
    if factor == 0.0 or other_exponent < ZERO // 2:
        return exponent
    top = max(exponent, other_exponent)
    ours, theirs = _power(exponent - top), factor * _power(other_exponent - top)
    for i in range(vector.size):
        vector[i] = ours * vector[i] + theirs * other[i]
    return _rescale(vector, top)


@kernel
def _layer(scales: Scales, vector: Array, layer: int) -> Array:
    return vector[scales.rows[layer] : scales.rows[layer + 1]]


@kernel
def _weights(scales: Scales, w: Array, layer: int) -> Array:
    return w[scales.at[layer - 1] : scales.at[layer]]


@kernel
def _mask(z: Array, slope: float, vector: Array) -> None:
    """vector = D vector."""
    for i in range(z.size):
        if not z[i] > 0.0:
            vector[i] *= slope


@kernel
def _start(scales: Scales) -> _State:
    z, x, g, u = np.zeros((4, scales.rows[-1]))
    x_exp, g_exp = np.zeros((2, scales.at.size), np.int64)
    return _State(z, x, g, u, x_exp, g_exp)


@kernel
def _forward(scales: Scales, w: Array, state: _State) -> None:
    """z of layers 1 to L, with the exponent of the layer below, and x of layers 0 to L."""
    below = _layer(scales, state.x, 0)
    below[:] = scales.input_norm / math.sqrt(below.size)
    state.x_exp[0] = _rescale(below, 0)
    for layer in range(1, scales.at.size):
        z, x = _layer(scales, state.z, layer), _layer(scales, state.x, layer)
        _apply(_weights(scales, w, layer), below, scales.weight_sd[layer - 1], z)
        x[:] = z
        _mask(z, scales.slope, x)
        state.x_exp[layer] = _rescale(x, state.x_exp[layer - 1])
        below = x


@kernel
def _backward(scales: Scales, w: Array, v: Array, state: _State) -> None:
    """g of layers L to 1."""
    last = scales.at.size - 1
    g, exponent = _layer(scales, state.g, last), 0
    g[:] = scales.readout_sd * v
    for layer in range(last, 0, -1):
        _mask(_layer(scales, state.z, layer), scales.slope, g)
        exponent = _rescale(g, exponent)
        state.g_exp[layer] = exponent
        below = _layer(scales, state.g, layer - 1)
        _apply_transposed(_weights(scales, w, layer), g, scales.weight_sd[layer - 1], below)
        g = below


@kernel
def _log_mean_square(vector: Array, exponent: int) -> float:
    """Natural logarithm of the mean of the squares; minus infinity for zero."""
    return math.log(_dot(vector, vector) / vector.size) + 2.0 * LOG2 * exponent


@kernel
def _tangent(scales: Scales, w: Array, state: _State, logs: Array) -> None:
    """u^(l) = K^(l) g^(l) = r_l |x^(l-1)|^2 g^(l) + W^(l) D u^(l-1), and the log of |u|^2/n."""
    exponent = ZERO
    for layer in range(1, scales.at.size):
        x, u = _layer(scales, state.x, layer - 1), _layer(scales, state.u, layer)
        below = _layer(scales, state.u, layer - 1)
        _mask(_layer(scales, state.z, layer - 1), scales.slope, below)
        _apply(_weights(scales, w, layer), below, scales.weight_sd[layer - 1], u)
        own, own_exp = scales.rates[layer - 1] * _dot(x, x), 2 * state.x_exp[layer - 1]
        g, g_exp = _layer(scales, state.g, layer), state.g_exp[layer]
        exponent = _add(u, exponent, own, g, own_exp + g_exp)
        logs[layer - 1] = _log_mean_square(u, exponent)


@kernel
def linearised(normals: Array, scales: Scales, layers: Array, out: Array) -> None:
    """The linearised update of a chunk of networks at eta = 1.

    ``normals``: standard normals, shape ``(networks, hidden weights + readout)``, weights row by
    row from the first layer up.  ``layers``: 1-based.  ``out``: log of the label and the output
    part, shape ``(2, networks, layers)``.
    """
    state, last = _start(scales), scales.at.size - 1
    logs = np.empty(last)
    for k in range(normals.shape[0]):
        w, v = normals[k, : scales.at[-1]], normals[k, scales.at[-1] :]
        _forward(scales, w, state)
        _backward(scales, w, v, state)
        _tangent(scales, w, state, logs)
        f = scales.readout_sd * _dot(v, _layer(scales, state.x, last))
        log_f2 = 2.0 * (math.log(abs(f)) + LOG2 * state.x_exp[last])
        for i in range(layers.size):
            out[0, k, i] = logs[layers[i] - 1]
            out[1, k, i] = logs[layers[i] - 1] + log_f2


@kernel
def _activate_change(z: Array, z_exp: int, slope: float, change: Array, exponent: int) -> None:
    """change = sigma(z + change) - sigma(z), without cancellation where no sign changes."""
    top = max(z_exp, exponent)
    ours, theirs, back = _power(z_exp - top), _power(exponent - top), _power(top - exponent)
    for i in range(z.size):
        before = ours * z[i]
        after = before + theirs * change[i]
        if (before > 0.0) == (after > 0.0):
            change[i] *= 1.0 if before > 0.0 else slope
        else:
            upper = after if after > 0.0 else slope * after
            lower = before if before > 0.0 else slope * before
            change[i] = (upper - lower) * back


@kernel
def _step_through(scales: Scales, w: Array, pull: float, state: _State, logs: Array) -> None:
    """Change u of z when every W becomes W - pull r g x^T, and the log of its mean square.

    With x' = x + dx the activations after the step, dz^(l) = W^(l) dx^(l-1) - pull r_l
    (x^(l-1) . x'^(l-1)) g^(l): nothing is linearised, and no difference of close numbers taken.
    """
    exponent = ZERO
    for layer in range(1, scales.at.size):
        x, x_exp = _layer(scales, state.x, layer - 1), state.x_exp[layer - 1]
        u, below = _layer(scales, state.u, layer), _layer(scales, state.u, layer - 1)
        if layer > 1:
            z = _layer(scales, state.z, layer - 1)
            _activate_change(z, state.x_exp[layer - 2], scales.slope, below, exponent)
        top = max(x_exp, exponent)
        overlap = _dot(x, x) * _power(x_exp - top) + _dot(x, below) * _power(exponent - top)
        _apply(_weights(scales, w, layer), below, scales.weight_sd[layer - 1], u)
        factor = -pull * scales.rates[layer - 1] * overlap
        g, g_exp = _layer(scales, state.g, layer), state.g_exp[layer]
        exponent = _add(u, exponent, factor, g, x_exp + top + g_exp)
        logs[layer - 1] = _log_mean_square(u, exponent)


@kernel
def real_step(
    normals: Array, labels: Array, scales: Scales, step: float, layers: Array, out: Array
) -> None:
    """A real gradient step of rate ``step`` of a chunk of networks, labels ``labels`` of +-1.

    ``out``: log of the mean squared change over the rate squared, shape
    ``(1, networks, layers)``; the rest as in `linearised`.
    """
    state, last = _start(scales), scales.at.size - 1
    logs = np.empty(last)
    for k in range(normals.shape[0]):
        w, v = normals[k, : scales.at[-1]], normals[k, scales.at[-1] :]
        _forward(scales, w, state)
        _backward(scales, w, v, state)
        f = scales.readout_sd * _dot(v, _layer(scales, state.x, last)) * _power(state.x_exp[last])
        _step_through(scales, w, step * (f - labels[k]), state, logs)
        for i in range(layers.size):
            out[0, k, i] = logs[layers[i] - 1] - 2.0 * math.log(step)
