"""`State` holds the layers of a conditioned network; kernels sweep over the neurons of a layer."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel, part
from verify.numerics.lanes import LANES, fused_lanes, lanes_at, no_lanes, sum_of_lanes
from verify.samplers.vectors import Scales, dot

__all__ = [
    "Draws",
    "Factors",
    "State",
    "combined",
    "dots",
    "draws_of",
    "new_state",
    "scaled",
    "signed",
    "square_and_dot",
    "square_of_sum",
]

Factors = tuple[float, float, float]
"""Of z, xi and zeta in a combination of the three."""
Draws = tuple[Array, Array, Array]
"""z, xi and zeta of some neurons."""


class State(NamedTuple):
    """The draws of all layers, the sums over the neurons of each layer, and room.

    A layer's neurons stand in two blocks, the active ones (block 0) and the inactive ones (block
    1), of which the passes hold ``blocks``.  Entry [layer, block] of ``begin`` says where a block
    begins in the draws ``z`` (pre-activations over sd |x below|), ``xi`` and ``zeta``, of ``mask``
    the factor D, in units of exp(``log_mask``) of the layer, and of ``z_z``, ``z_xi`` and
    ``z_zeta`` the inner products of the block's draws.

    By layer: ``norm``, |D z|; ``tilt``, with D (tilt D z + xi) along the gradient; ``length``, the
    length of that; ``along``, ``own``, ``fresh``, what the update has of z, of that and of zeta, in
    units of exp(``log_u``); ``log_x``, ``log_g``, logarithms of lengths.

    ``room``, ``change``: room for the draws of inactive neurons and for a layer's change.
    """

    blocks: int
    begin: Array
    z: Array
    xi: Array
    zeta: Array
    mask: Array
    z_z: Array
    z_xi: Array
    z_zeta: Array
    norm: Array
    tilt: Array
    length: Array
    along: Array
    own: Array
    fresh: Array
    log_mask: Array
    log_x: Array
    log_g: Array
    log_u: Array
    room: Array
    change: Array


def new_state(scales: Scales, step: float) -> State:
    """Room for one network, both blocks where inactive neurons pass something on: where they have a
    slope, or get one in a real ``step``."""
    layers, neurons = scales.widths.size, scales.rows[-1] - scales.rows[1]
    widest = np.max(scales.widths)
    blocks = 2 if step != 0.0 or scales.slope > 0.0 else 1
    arrays = (
        np.zeros((layers + 1, 2), np.int64),
        *np.zeros((3, neurons), np.float32),  # z to zeta
        *np.ones((4, layers, 2)),  # mask to z_zeta
        *np.zeros((6, layers)),  # norm to fresh
        *np.full((4, layers), -math.inf),  # log_mask to log_u
        np.zeros(2 * widest, np.float32),
        np.empty(widest),
    )
    return State(blocks, *arrays)


@part
def draws_of(state: State, layer: int, block: int) -> Draws:
    """z, xi and zeta of a ``block`` of ``layer``."""
    begin = state.begin[layer, block]
    end = state.begin[layer, 1] if block == 0 else state.begin[layer + 1, 0]
    return state.z[begin:end], state.xi[begin:end], state.zeta[begin:end]


@kernel
def signed(sign: float, z: Array) -> float:
    """z = sign |z|; its squared length."""
    factor = np.float32(sign)
    for i in range(z.size):
        z[i] = factor * abs(z[i])
    return dot(z, z)


@kernel
def dots(z: Array, xi: Array, vector: Array) -> tuple[float, float]:
    """z . vector and xi . vector."""
    first, second = no_lanes(), no_lanes()
    for i in range(0, z.size, LANES):
        entries = lanes_at(vector, i)
        first = fused_lanes(lanes_at(z, i), entries, first)
        second = fused_lanes(lanes_at(xi, i), entries, second)
    return float(sum_of_lanes(first)), float(sum_of_lanes(second))


@kernel
def square_of_sum(factor: float, z: Array, vector: Array) -> float:
    """|factor z + vector|^2."""
    square = no_lanes()
    for i in range(0, z.size, LANES):
        entries = fused_lanes(factor, lanes_at(z, i), lanes_at(vector, i))
        square = fused_lanes(entries, entries, square)
    return float(sum_of_lanes(square))


@kernel
def square_and_dot(factors: Factors, draws: Draws) -> tuple[float, float]:
    """|w|^2 and xi . w of the combination w of z, xi and zeta with three ``factors``."""
    (of_z, of_xi, of_zeta), (z, xi, zeta) = factors, draws
    square, product = no_lanes(), no_lanes()
    for i in range(0, z.size, LANES):
        here = lanes_at(xi, i)
        entries = fused_lanes(of_zeta, lanes_at(zeta, i), no_lanes())
        entries = fused_lanes(of_xi, here, entries)
        entries = fused_lanes(of_z, lanes_at(z, i), entries)
        square = fused_lanes(entries, entries, square)
        product = fused_lanes(here, entries, product)
    return float(sum_of_lanes(square)), float(sum_of_lanes(product))


@kernel
def combined(factors: Factors, draws: Draws, out: Array) -> None:
    """The combination of three vectors with three ``factors`` into ``out``."""
    (of_z, of_xi, of_zeta), (z, xi, zeta) = factors, draws
    for i in range(out.size):
        out[i] = of_z * z[i] + of_xi * xi[i] + of_zeta * zeta[i]


@kernel
def scaled(vector: Array) -> float:
    """The largest entry of ``vector``, by which it is divided unless that is 0."""
    largest = 0.0
    for i in range(vector.size):
        largest = max(largest, abs(vector[i]))
    if largest > 0.0:
        for i in range(vector.size):
            vector[i] /= largest
    return largest
