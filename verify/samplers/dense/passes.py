"""Compiled passes run one literal network: forward, gradient, tangent, and a real step.

Every vector is carried as an array times a power of two (`rescale`), since typical norms
underflow with depth: multiplying by powers of two rounds nothing, so the scaled passes give the
digits of the unscaled ones.  A vector that is exactly zero has the exponent ``ZERO``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel, part
from verify.numerics.vector_math import LOG2
from verify.samplers.dense.weights import (
    Weights,
    begin_columns,
    pre_activations,
    products,
    row_group,
    transposed_product,
)
from verify.samplers.vectors import Scales, activate_change, dot, mask, of_layer

__all__ = [
    "ZERO",
    "State",
    "add_scaled",
    "backward",
    "dense_updates",
    "forward",
    "log_mean_square",
    "new_state",
    "power_of_two",
    "rescale",
]


class State(NamedTuple):
    """Flat vectors of all layers: z, x, gradients g, updates u; exponents of x and g by layer; the
    readout; whether every weight is drawn (``whole``); by layer, whether it is requested, whether
    every row of its weights matters, not those of active neurons alone, and log(|u|^2/width)."""

    z: Array
    x: Array
    g: Array
    u: Array
    x_exp: Array
    g_exp: Array
    v: Array
    whole: bool
    asked: Array
    every: Array
    logs: Array


ZERO = -(2**40)
"""The exponent of an exactly zero vector, far below any other."""


@kernel
def power_of_two(exponent: int) -> float:
    """2^exponent, 0 below the range of float64 and infinite above it."""
    return math.ldexp(1.0, min(max(exponent, -1100), 1100))


@kernel
def rescale(vector: Array, exponent: int) -> int:
    """Divide ``vector`` by a power of two near its largest entry; its exponent then."""
    largest = 0.0
    for value in vector:
        largest = max(largest, abs(value))
    if largest == 0.0:
        return ZERO
    shift = math.frexp(largest)[1]
    factor = power_of_two(-shift)
    for i in range(vector.size):
        vector[i] *= factor
    return exponent + shift


@kernel
def add_scaled(
    vector: Array, exponent: int, factor: float, other: Array, other_exponent: int
) -> int:
    """vector 2^exponent + factor other 2^other_exponent, into ``vector``; its exponent then."""
    if factor == 0.0 or other_exponent < ZERO // 2:
        return exponent
    top = max(exponent, other_exponent)
    ours, theirs = power_of_two(exponent - top), factor * power_of_two(other_exponent - top)
    for i in range(vector.size):
        vector[i] = ours * vector[i] + theirs * other[i]
    return rescale(vector, top)


@part
def new_state(scales: Scales, whole: bool, layers: Array) -> State:
    """Room for one network, of which ``layers`` are asked for."""
    size, last = scales.rows[-1], scales.widths.size - 1
    z, x, g, u = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    x_exp, g_exp = np.zeros(last + 1, np.int64), np.zeros(last + 1, np.int64)
    asked, every = np.zeros(last + 1, np.bool_), np.full(last + 1, whole or scales.slope > 0.0)
    for layer in layers:
        asked[layer] = every[layer] = True
    v, logs = np.zeros(scales.widths[last]), np.empty(last + 1)
    return State(z, x, g, u, x_exp, g_exp, v, whole, asked, every, logs)


@part
def _columns(scales: Scales, weights: Weights, state: State, layer: int) -> None:
    """Find the columns of ``layer`` that matter: every one of layer 1, and for the ``whole``."""
    z = of_layer(scales, state.z, layer - 1)
    begin_columns(weights, z, scales.slope, state.whole or layer == 1)


@part
def forward(scales: Scales, weights: Weights, network: int, state: State) -> None:
    """z of layers 1 to L, with the exponent of the layer below, x of layers 0 to L, the readout."""
    weights.now.network, weights.now.used = network, 0
    below, last = of_layer(scales, state.x, 0), scales.widths.size - 1
    below[:] = scales.input_norm / math.sqrt(below.size)
    state.x_exp[0] = rescale(below, 0)
    for layer in range(1, last + 1):
        z, x = of_layer(scales, state.z, layer), of_layer(scales, state.x, layer)
        _columns(scales, weights, state, layer)
        pre_activations(weights, layer, below, scales.weight_sd[layer - 1], state.every[layer], z)
        x[:] = z
        mask(z, scales.slope, x)
        state.x_exp[layer] = rescale(x, state.x_exp[layer - 1])
        below = x
    begin_columns(weights, below, scales.slope, True)
    row_group(weights, last + 1, 0)
    state.v[:] = weights.group[: state.v.size]


@part
def backward(scales: Scales, weights: Weights, state: State) -> None:
    """g of layers L to 1."""
    last = scales.widths.size - 1
    g, exponent = of_layer(scales, state.g, last), 0
    g[:] = scales.readout_sd * state.v
    for layer in range(last, 0, -1):
        z = of_layer(scales, state.z, layer)
        mask(z, scales.slope, g)
        exponent = rescale(g, exponent)
        state.g_exp[layer] = exponent
        below = of_layer(scales, state.g, layer - 1)
        if layer > 1:
            _columns(scales, weights, state, layer)
            sd, every = scales.weight_sd[layer - 1], state.every[layer]
            transposed_product(weights, layer, g, sd, z, every, below)
        g = below


@kernel
def log_mean_square(vector: Array, exponent: int) -> float:
    """Natural logarithm of the mean of the squares; minus infinity for zero.

    Of mantissa and exponent apart, so that powers of two change nothing but the exponent.
    """
    mantissa, power = math.frexp(dot(vector, vector) / vector.size)
    return math.log(mantissa) + LOG2 * (power + 2.0 * exponent)


@part
def _tangent(scales: Scales, weights: Weights, state: State) -> None:
    """u^(l) = K^(l) g^(l) = r_l |x^(l-1)|^2 g^(l) + W^(l) D u^(l-1), and the log of |u|^2/n.

    Of a layer that is not asked for only D u matters: the active rows alone where the slope is 0.
    """
    exponent, last = ZERO, scales.widths.size - 1
    for layer in range(1, last + 1):
        x, u = of_layer(scales, state.x, layer - 1), of_layer(scales, state.u, layer)
        z, below = of_layer(scales, state.z, layer), of_layer(scales, state.u, layer - 1)
        mask(of_layer(scales, state.z, layer - 1), scales.slope, below)
        u[:] = 0.0
        if exponent > ZERO // 2:
            _columns(scales, weights, state, layer)
            sd, every = scales.weight_sd[layer - 1], state.every[layer]
            products(weights, layer, below, sd, z, every, u)
        own, own_exp = scales.rates[layer - 1] * dot(x, x), 2 * state.x_exp[layer - 1]
        g, g_exp = of_layer(scales, state.g, layer), state.g_exp[layer]
        exponent = add_scaled(u, exponent, own, g, own_exp + g_exp)
        if state.asked[layer]:
            state.logs[layer] = log_mean_square(u, exponent)
        if not np.any(state.asked[layer + 1 :]):
            return


@part
def _step_through(scales: Scales, weights: Weights, pull: float, state: State) -> None:
    """Change u of z when every W becomes W - pull r g x^T, and the log of its mean square.

    With x' = x + dx the activations after the step, dz^(l) = W^(l) dx^(l-1) - pull r_l
    (x^(l-1) . x'^(l-1)) g^(l): nothing is linearised, and no difference of close numbers taken.
    """
    exponent = ZERO
    for layer in range(1, scales.widths.size):
        x, x_exp = of_layer(scales, state.x, layer - 1), state.x_exp[layer - 1]
        u, below = of_layer(scales, state.u, layer), of_layer(scales, state.u, layer - 1)
        if layer > 1:
            z, z_exp = of_layer(scales, state.z, layer - 1), state.x_exp[layer - 2]
            top = max(z_exp, exponent)
            ours, theirs, back = (
                power_of_two(z_exp - top),
                power_of_two(exponent - top),
                power_of_two(top - exponent),
            )
            activate_change(z, ours, below, theirs, back, scales.slope)
        top = max(x_exp, exponent)
        overlap = dot(x, x) * power_of_two(x_exp - top) + dot(x, below) * power_of_two(
            exponent - top
        )
        _columns(scales, weights, state, layer)
        z, sd = of_layer(scales, state.z, layer), scales.weight_sd[layer - 1]
        products(weights, layer, below, sd, z, state.every[layer], u)
        factor = -pull * scales.rates[layer - 1] * overlap
        g, g_exp = of_layer(scales, state.g, layer), state.g_exp[layer]
        exponent = add_scaled(u, exponent, factor, g, x_exp + top + g_exp)
        state.logs[layer] = log_mean_square(u, exponent)


@kernel
def dense_updates(
    scales: Scales, weights: Weights, labels: Array, step: float, layers: Array, out: Array
) -> None:
    """The networks of ``weights``; ``step`` = 0 for the linearised update at eta = 1.

    ``labels``: +-1 for each network, used by a real step.  ``layers``: 1-based.  ``out``:
    logarithms, shape ``(parts, networks, layers)``: label and output part, or the real step's mean
    square over the rate squared.
    """
    state, last = new_state(scales, step != 0.0, layers), scales.widths.size - 1
    for k in range(out.shape[1]):
        forward(scales, weights, k, state)
        backward(scales, weights, state)
        f = scales.readout_sd * dot(state.v, of_layer(scales, state.x, last))
        if step == 0.0:
            _tangent(scales, weights, state)
        else:
            pull = step * (f * power_of_two(state.x_exp[last]) - labels[k])
            _step_through(scales, weights, pull, state)
        for i in range(layers.size):
            log_square = state.logs[layers[i]]
            if step == 0.0:
                out[0, k, i] = log_square
                out[1, k, i] = log_square + 2.0 * (math.log(abs(f)) + LOG2 * state.x_exp[last])
            else:
                out[0, k, i] = log_square - 2.0 * math.log(step)
