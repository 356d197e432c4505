"""What passes through a conditioned ReLU network carry, and their sweeps over a layer's neurons.

Of a layer's active neurons three vectors are drawn, z, xi and zeta, and all else is known by
coordinates in a frame of its own: e_1 along z (and x), e_2 along the part of xi across e_1, e_3
along the part of zeta across both.  Lengths are those of vectors, none is a difference of squares.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import formula, kernel, part
from verify.numerics.lanes import LANES, fused_lanes, lanes_at, no_lanes, sum_of_lanes
from verify.samplers.vectors import Array, Scales, dot

__all__ = [
    "ReluState",
    "combined",
    "coordinates",
    "made_negative",
    "made_positive",
    "new_state",
    "of_active",
    "over",
    "square_across",
]


class ReluState(NamedTuple):
    """What a pass leaves of the layers, each entry by layer, and room for draws.

    ``begin``: where a layer's active neurons begin in ``z`` (pre-activations over sd |x below|),
    ``xi`` and ``zeta``, draws of all layers.  ``norm``: |z| on them.  ``lean``: what xi has of z.
    ``phi``, ``across``: G^T g^ of the layer above (or the readout over its sd) along e_1 and e_2.
    ``u``: coordinates of the unit vector along the update, shape ``(layers, 3)``.  ``with_z``,
    ``with_zeta``: in units of the length of that, what an inactive neuron's update has of its z
    and of its zeta.  ``log_x``, ``log_g``, ``log_u``: magnitudes.  ``inactive``: room for the z
    and the zeta of a layer's inactive neurons, ``inactive_u`` for their update.
    """

    begin: Array
    z: Array
    xi: Array
    zeta: Array
    norm: Array
    lean: Array
    phi: Array
    across: Array
    u: Array
    with_z: Array
    with_zeta: Array
    log_x: Array
    log_g: Array
    log_u: Array
    inactive: Array
    inactive_u: Array


@kernel
def new_state(scales: Scales) -> ReluState:
    """Room for one network."""
    size, layers, widest = scales.rows[-1], scales.rows.size - 1, np.max(np.diff(scales.rows))
    begin, draws = np.zeros(layers + 1, np.int64), np.zeros((3, size - scales.rows[1]), np.float32)
    at, logs, u = np.zeros((6, layers)), np.full((3, layers), -math.inf), np.zeros((layers, 3))
    return ReluState(
        begin=begin,
        z=draws[0],
        xi=draws[1],
        zeta=draws[2],
        norm=at[0],
        lean=at[1],
        phi=at[2],
        across=at[3],
        u=u,
        with_z=at[4],
        with_zeta=at[5],
        log_x=logs[0],
        log_g=logs[1],
        log_u=logs[2],
        inactive=np.empty((2, widest), np.float32),
        inactive_u=np.empty(widest),
    )


@part
def of_active(state: ReluState, vector: Array, layer: int) -> Array:
    """The active neurons of ``layer`` in z, xi or zeta."""
    return vector[state.begin[layer] : state.begin[layer + 1]]


@kernel
def made_positive(z: Array) -> float:
    """z = |z|; its squared length."""
    for i in range(z.size):
        z[i] = abs(z[i])
    return dot(z, z)


@kernel
def square_across(xi: Array, lean: float, z: Array) -> float:
    """|xi - lean z|^2."""
    square = no_lanes()
    for i in range(0, z.size, LANES):
        left = fused_lanes(-lean, lanes_at(z, i), lanes_at(xi, i))
        square = fused_lanes(left, left, square)
    return float(sum_of_lanes(square))


@kernel
def coordinates(
    z: Array, norm: float, xi: Array, lean: float, across: float, zeta: Array
) -> tuple[float, float, float]:
    """zeta in the layer's frame.

    One neuron has no e_2.  Two have no e_3: what rounding leaves of it is close to 0.
    """
    first, second, square = no_lanes(), no_lanes(), no_lanes()
    for i in range(0, z.size, LANES):
        here, fresh = lanes_at(z, i), lanes_at(zeta, i)
        first = fused_lanes(here, fresh, first)
        turned = fused_lanes(-lean, here, lanes_at(xi, i))
        second = fused_lanes(turned, fresh, second)
    one, two = sum_of_lanes(first), sum_of_lanes(second)
    one, two = one / norm, over(two, across)
    of_xi = over(two, across)
    of_z = one / norm - of_xi * lean
    for i in range(0, z.size, LANES):
        left = fused_lanes(-of_z, lanes_at(z, i), lanes_at(zeta, i))
        left = fused_lanes(-of_xi, lanes_at(xi, i), left)
        square = fused_lanes(left, left, square)
    return one, two, math.sqrt(sum_of_lanes(square))


@kernel
def combined(
    of_z: float, z: Array, of_xi: float, xi: Array, of_zeta: float, zeta: Array, out: Array
) -> None:
    """of_z z + of_xi xi + of_zeta zeta into ``out``."""
    for i in range(out.size):
        out[i] = of_z * z[i] + of_xi * xi[i] + of_zeta * zeta[i]


@kernel
def made_negative(z: Array, with_z: float, zeta: Array, with_zeta: float, out: Array) -> float:
    """z = -|z|, and with_z z + with_zeta zeta into ``out``; the squared length of that."""
    for i in range(z.size):
        z[i] = -abs(z[i])
        out[i] = with_z * np.float64(z[i]) + with_zeta * np.float64(zeta[i])
    return dot(out, out)


@formula
def over(value: float, length: float) -> float:
    """value/length; 0 for the length of a vector that is not there."""
    return value / length if length > 0.0 else 0.0
