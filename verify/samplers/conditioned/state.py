"""What passes through a conditioned network carry: its neurons layer by layer, and magnitudes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import kernel, part
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream
from verify.samplers.vectors import Array, Scales, dot

__all__ = [
    "State",
    "copy",
    "fresh_normals",
    "held",
    "new_state",
    "normalise",
]


class State(NamedTuple):
    """What a pass leaves of the layers, and room for what it works with.

    ``z``: pre-activations over sd |x below|, all layers, flat.  ``h``: G^T g^ of the layer above,
    or the readout over its sd, the same.  ``x``, ``g``, ``u``: room for the unit vectors along
    activation, gradient and update of two neighbouring layers.  ``fresh``: room for a layer's
    draws.  ``log_x``, ``log_g``, ``log_u``: magnitudes by layer.
    """

    z: Array
    h: Array
    x: Array
    g: Array
    u: Array
    fresh: Array
    log_x: Array
    log_g: Array
    log_u: Array


@part
def held(scales: Scales, vector: Array, layer: int) -> Array:
    """The neurons of ``layer`` in x, g or u, until two layers on."""
    start = layer % 2 * (vector.size // 2)
    return vector[start : start + scales.rows[layer + 1] - scales.rows[layer]]


@part
def fresh_normals(stream: Stream, state: State, size: int) -> Array:
    """``size`` standard normals; they last until the next call."""
    single_normals(stream, state.fresh[:size])
    return state.fresh[:size]


@kernel
def _scale(factor: float, vector: Array) -> None:
    for i in range(vector.size):
        vector[i] *= factor


@kernel
def normalise(vector: Array) -> float:
    """Make ``vector`` a unit vector; the logarithm of its length, minus infinity for zero."""
    square, log_scale = dot(vector, vector), 0.0
    if not 1e-200 < square < 1e200:
        largest = 0.0
        for value in vector:
            largest = max(largest, abs(value))
        if largest == 0.0:
            return -math.inf
        log_scale = math.log(largest)
        for i in range(vector.size):
            vector[i] /= largest
        square = dot(vector, vector)
    _scale(1.0 / math.sqrt(square), vector)
    return log_scale + 0.5 * math.log(square)


@kernel
def copy(vector: Array, out: Array) -> None:
    """``vector`` into ``out``."""
    for i in range(out.size):
        out[i] = vector[i]


@kernel
def new_state(scales: Scales) -> State:
    """Room for one network."""
    size, layers, widest = scales.rows[-1], scales.rows.size - 1, np.max(np.diff(scales.rows))
    x, g, u = np.zeros(2 * widest), np.zeros(2 * widest), np.zeros(2 * widest)
    logs, fresh = np.full((3, layers), -math.inf), np.empty(widest, np.float32)
    z, h = np.zeros(size), np.zeros(size)
    return State(z, h, x, g, u, fresh, logs[0], logs[1], logs[2])
