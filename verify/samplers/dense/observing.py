"""Compiled passes measure traces and forms of K, D, z and g in literal networks.

The kernel matrix follows its recursion, K^(l) = r_l |x^(l-1)|^2 I + W^(l) D K^(l-1) D W^(l)^T, as
an array times a power of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel, part
from verify.numerics.vector_math import LOG2
from verify.samplers.dense.passes import (
    ZERO,
    State,
    backward,
    forward,
    new_state,
    power_of_two,
    rescale,
)
from verify.samplers.dense.weights import Weights, begin_columns, weight_matrix
from verify.samplers.vectors import Scales, dot, mask, of_layer

__all__ = ["Factors", "Matrices", "dense_factors", "factors_in_codes", "matrices"]

_K, _D, _Z = ord("K"), ord("D"), ord("z")


class Matrices(NamedTuple):
    """Room for a layer's ``weight`` and ``kernel`` matrix, their ``product``, and two ``vectors``;
    ``wanted``: whether kernel matrices are."""

    weight: Array
    kernel: Array
    product: Array
    vectors: Array
    wanted: bool


class Factors(NamedTuple):
    """Traces and forms by their letters' ``codes``; factor i has those from ``begin[i]`` on."""

    codes: Array
    begin: Array


def matrices(widest: int, wanted: bool) -> Matrices:
    """Room for layers up to the ``widest``, 20 bytes for each of its weights."""
    size = widest * widest if wanted else 0
    weight, kernel, product = (np.empty(size, kind) for kind in (np.float32, float, float))
    return Matrices(weight, kernel, product, np.empty(2 * widest), wanted)


def factors_in_codes(names: Sequence[str]) -> Factors:
    """Factors of words as arrays."""
    codes = np.frombuffer("".join(names).encode(), np.uint8).astype(np.int64)
    return Factors(codes, np.cumsum([0, *map(len, names)]))


@part
def _square(room: Array, rows: int, columns: int) -> Array:
    return room[: rows * columns].reshape(rows, columns)


@kernel
def _next_kernel(
    scales: Scales, weights: Weights, state: State, layer: int, exponent: int, room: Matrices
) -> int:
    """The kernel matrix of ``layer`` in the place of that of the layer below, which has this
    ``exponent``; its exponent then."""
    rows, columns = scales.widths[layer], scales.widths[layer - 1]
    here = _square(room.kernel, rows, rows)
    if layer > 1:
        z = of_layer(scales, state.z, layer - 1)
        weight, below = (
            _square(room.weight, rows, columns),
            _square(room.kernel, columns, columns),
        )
        product, sd = _square(room.product, rows, columns), scales.weight_sd[layer - 1]
        for j in range(columns):
            mask(z, scales.slope, below[j])
            if not z[j] > 0.0:
                below[j] *= scales.slope
        begin_columns(weights, z, scales.slope, True)
        weight_matrix(weights, layer, weight)
        for i in range(rows):
            for j in range(columns):
                product[i, j] = sd * sd * dot(weight[i], below[j])
        for i in range(rows):
            for j in range(i + 1):
                here[i, j] = here[j, i] = dot(product[i], weight[j])
    else:
        here[:] = 0.0
        exponent = ZERO
    x, own_exp = of_layer(scales, state.x, layer - 1), 2 * state.x_exp[layer - 1]
    own = scales.rates[layer - 1] * dot(x, x)
    if own > 0.0:
        top = max(exponent, own_exp)
        here *= power_of_two(exponent - top)
        for i in range(rows):
            here[i, i] += own * power_of_two(own_exp - top)
        exponent = top
    return rescale(room.kernel[: rows * rows], exponent)


@part
def _apply(code: int, matrix: Array, z: Array, slope: float, vector: Array, room: Array) -> None:
    """vector = K vector, or D vector."""
    if code == _D:
        mask(z, slope, vector)
        return
    for i in range(vector.size):
        room[i] = dot(matrix[i], vector)
    vector[:] = room[: vector.size]


@kernel
def _factor(codes: Array, matrix: Array, z: Array, g: Array, slope: float, room: Array) -> float:
    """A trace or form, by its letters."""
    width, size = z.size, codes.size
    if size == 0:
        return float(width)
    vector, other = room[:width], room[width:]
    if codes[0] != _K and codes[0] != _D:
        vector[:] = z if codes[size - 1] == _Z else g
        for k in range(size - 2, 0, -1):
            _apply(codes[k], matrix, z, slope, vector, other)
        return dot(z if codes[0] == _Z else g, vector)
    total = 0.0
    for i in range(width):
        if codes[size - 1] == _K:
            vector[:] = matrix[i]
        else:
            vector[:] = 0.0
            vector[i] = 1.0 if z[i] > 0.0 else slope
        for k in range(size - 2, 0, -1):
            _apply(codes[k], matrix, z, slope, vector, other)
        if size == 1:
            total += vector[i]
        elif codes[0] == _K:
            total += dot(matrix[i], vector)
        else:
            total += vector[i] * (1.0 if z[i] > 0.0 else slope)
    return total


@part
def _exponent(codes: Array, of_kernel: int, of_z: int, of_g: int) -> int:
    """Of a factor of letters with these exponents."""
    total = 0
    for code in codes:
        if code != _D:
            total += of_kernel if code == _K else of_z if code == _Z else of_g
    return total


@kernel
def dense_factors(
    scales: Scales,
    weights: Weights,
    factors: Factors,
    layers: Array,
    room: Matrices,
    signs: Array,
    logs: Array,
) -> None:
    """Each of ``factors`` of the networks of ``weights`` at ``layers``, 1-based; signs and
    logarithms of sizes, shape ``(factors, networks, layers)``."""
    state = new_state(scales, True, layers)
    for k in range(logs.shape[1]):
        forward(scales, weights, k, state)
        backward(scales, weights, state)
        exponent = ZERO
        for layer in range(1, np.max(layers) + 1):
            if room.wanted:
                exponent = _next_kernel(scales, weights, state, layer, exponent, room)
            width = scales.widths[layer]
            z, g = of_layer(scales, state.z, layer), of_layer(scales, state.g, layer)
            of_z, of_g = state.x_exp[layer - 1], state.g_exp[layer]
            size = width if room.wanted else 0
            matrix = _square(room.kernel, size, size)
            for i in range(layers.size):
                if layers[i] != layer:
                    continue
                for j in range(logs.shape[0]):
                    codes = factors.codes[factors.begin[j] : factors.begin[j + 1]]
                    value = _factor(codes, matrix, z, g, scales.slope, room.vectors)
                    power = _exponent(codes, exponent, of_z, of_g)
                    signs[j, k, i] = np.sign(value)
                    logs[j, k, i] = math.log(abs(value)) + LOG2 * power
