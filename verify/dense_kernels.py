"""Compiled passes through one literal network: forward, gradient, tangent, and a real step.

Every vector is carried as an array times a power of two (`_rescale`), since typical norms
underflow with depth: multiplying by powers of two rounds nothing, so the scaled passes give the
digits of the unscaled ones.  A vector that is exactly zero has the exponent ``ZERO``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.jit import kernel

__all__ = ["linearised", "offsets", "real_step"]

Array = Any
"""A one-dimensional array of float64 or int64, as the kernels take it."""

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
def _forward(
    w: Array, at: Array, rows: Array, sd: Array, slope: float, z: Array, x: Array, x_exp: Array
) -> None:
    """z of layers 1 to L, with the exponent of the layer below, and x of layers 0 to L."""
    x_exp[0] = _rescale(x[rows[0] : rows[1]], 0)
    for layer in range(1, at.size):
        here, above = z[rows[layer] : rows[layer + 1]], x[rows[layer] : rows[layer + 1]]
        below = x[rows[layer - 1] : rows[layer]]
        _apply(w[at[layer - 1] : at[layer]], below, sd[layer - 1], here)
        for i in range(here.size):
            above[i] = here[i] if here[i] > 0.0 else slope * here[i]
        x_exp[layer] = _rescale(above, x_exp[layer - 1])


@kernel
def _mask(z: Array, slope: float, vector: Array) -> None:
    """vector = D vector."""
    for i in range(z.size):
        if not z[i] > 0.0:
            vector[i] *= slope


@kernel
def _backward(
    w: Array, at: Array, rows: Array, sd: Array, slope: float, z: Array, g: Array, g_exp: Array
) -> None:
    """g of layers L - 1 to 1 from the gradient on x^(L), which stands in the last rows of g."""
    last = at.size - 1
    _mask(z[rows[last] : rows[last + 1]], slope, g[rows[last] : rows[last + 1]])
    g_exp[last] = _rescale(g[rows[last] : rows[last + 1]], 0)
    for layer in range(last - 1, 0, -1):
        here, above = g[rows[layer] : rows[layer + 1]], g[rows[layer + 1] : rows[layer + 2]]
        _apply_transposed(w[at[layer] : at[layer + 1]], above, sd[layer], here)
        _mask(z[rows[layer] : rows[layer + 1]], slope, here)
        g_exp[layer] = _rescale(here, g_exp[layer + 1])


@kernel
def _log_mean_square(vector: Array, exponent: int) -> float:
    """Natural logarithm of the mean of the squares; minus infinity for zero."""
    return math.log(_dot(vector, vector) / vector.size) + 2.0 * LOG2 * exponent


@kernel
def _tangent(
    w: Array, at: Array, rows: Array, sd: Array, slope: float, rates: Array,
    z: Array, x: Array, x_exp: Array, g: Array, g_exp: Array, u: Array, logs: Array,
) -> None:
    """u^(l) = K^(l) g^(l) = r_l |x^(l-1)|^2 g^(l) + W^(l) D u^(l-1), and the log of |u|^2/n."""
    exponent = ZERO
    for layer in range(1, at.size):
        here, below = u[rows[layer] : rows[layer + 1]], u[rows[layer - 1] : rows[layer]]
        source = x[rows[layer - 1] : rows[layer]]
        if layer == 1:
            here[:] = 0.0
        else:
            _mask(z[rows[layer - 1] : rows[layer]], slope, below)
            _apply(w[at[layer - 1] : at[layer]], below, sd[layer - 1], here)
        own = rates[layer - 1] * _dot(source, source)
        share = g[rows[layer] : rows[layer + 1]]
        exponent = _add(here, exponent, own, share, 2 * x_exp[layer - 1] + g_exp[layer])
        logs[layer - 1] = _log_mean_square(here, exponent)


@kernel
def _log_square(value: float, exponent: int) -> float:
    return 2.0 * (math.log(abs(value)) + LOG2 * exponent)


@kernel
def linearised(
    normals: Array, at: Array, rows: Array, sd: Array, readout_sd: float, slope: float,
    rates: Array, input_norm: float, layers: Array, out: Array,
) -> None:
    """The linearised update of a chunk of networks at eta = 1.

    ``normals``: standard normals, shape ``(networks, hidden weights + readout)``, weights row by
    row from the first layer up.  ``at``, ``rows``: `offsets` of the weights and the neurons.
    ``out``: log of the label and the output part, shape ``(2, networks, layers)``.
    """
    depth = at.size - 1
    z, x, g, u = np.zeros((4, rows[-1]))
    x_exp, g_exp = np.zeros(depth + 1, np.int64), np.zeros(depth + 1, np.int64)
    logs = np.empty(depth)
    for k in range(normals.shape[0]):
        w, v = normals[k, : at[-1]], normals[k, at[-1] :]
        x[: rows[1]] = input_norm / math.sqrt(rows[1])
        _forward(w, at, rows, sd, slope, z, x, x_exp)
        g[rows[depth] :] = readout_sd * v
        f = readout_sd * _dot(v, x[rows[depth] :])
        _backward(w, at, rows, sd, slope, z, g, g_exp)
        _tangent(w, at, rows, sd, slope, rates, z, x, x_exp, g, g_exp, u, logs)
        for i in range(layers.size):
            out[0, k, i] = logs[layers[i] - 1]
            out[1, k, i] = logs[layers[i] - 1] + _log_square(f, x_exp[depth])


@kernel
def _activate_change(
    z: Array, z_exp: int, slope: float, change: Array, exponent: int
) -> None:
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
def _step_through(
    w: Array, at: Array, rows: Array, sd: Array, slope: float, rates: Array, pull: float,
    z: Array, x: Array, x_exp: Array, g: Array, g_exp: Array, u: Array, logs: Array,
) -> None:
    """Change of z when every W is replaced by W - pull r g x^T, and the log of its mean square.

    With x' = x + dx the activations after the step, dz^(l) = W^(l) dx^(l-1) - pull r_l
    (x^(l-1) . x'^(l-1)) g^(l): nothing is linearised, and no difference of close numbers taken.
    """
    exponent = ZERO
    for layer in range(1, at.size):
        here, below = u[rows[layer] : rows[layer + 1]], u[rows[layer - 1] : rows[layer]]
        source = x[rows[layer - 1] : rows[layer]]
        overlap, scale = _dot(source, source), x_exp[layer - 1]
        if layer == 1:
            here[:] = 0.0
        else:
            z_below = z[rows[layer - 1] : rows[layer]]
            _activate_change(z_below, x_exp[layer - 2], slope, below, exponent)
            top = max(scale, exponent)
            overlap = overlap * _power(scale - top) + _dot(source, below) * _power(exponent - top)
            _apply(w[at[layer - 1] : at[layer]], below, sd[layer - 1], here)
            scale = top
        share = g[rows[layer] : rows[layer + 1]]
        factor = -pull * rates[layer - 1] * overlap
        exponent = _add(
            here, exponent, factor, share, x_exp[layer - 1] + scale + g_exp[layer]
        )
        logs[layer - 1] = _log_mean_square(here, exponent)


@kernel
def real_step(
    normals: Array, labels: Array, at: Array, rows: Array, sd: Array, readout_sd: float,
    slope: float, rates: Array, input_norm: float, step: float, layers: Array, out: Array,
) -> None:
    """A real gradient step of rate ``step`` of a chunk of networks, labels ``labels`` of +-1.

    ``out``: log of the mean squared change over the rate squared, shape
    ``(1, networks, layers)``; the rest as in `linearised`.
    """
    depth = at.size - 1
    z, x, g, u = np.zeros((4, rows[-1]))
    x_exp, g_exp = np.zeros(depth + 1, np.int64), np.zeros(depth + 1, np.int64)
    logs = np.empty(depth)
    for k in range(normals.shape[0]):
        w, v = normals[k, : at[-1]], normals[k, at[-1] :]
        x[: rows[1]] = input_norm / math.sqrt(rows[1])
        _forward(w, at, rows, sd, slope, z, x, x_exp)
        g[rows[depth] :] = readout_sd * v
        f = readout_sd * _dot(v, x[rows[depth] :]) * _power(x_exp[depth])
        _backward(w, at, rows, sd, slope, z, g, g_exp)
        pull = step * (f - labels[k])
        _step_through(
            w, at, rows, sd, slope, rates, pull, z, x, x_exp, g, g_exp, u, logs
        )
        for i in range(layers.size):
            out[0, k, i] = logs[layers[i] - 1] - 2.0 * math.log(step)
