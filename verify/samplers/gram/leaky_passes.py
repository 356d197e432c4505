"""Compiled passes that carry only norms and inner products of networks with leaky slopes, O(1) a
layer: see docs/conditioning.md, and `verify.samplers.gram.relu_passes` for ReLU.

The neurons of a layer fall into two blocks, active and inactive.  In each block every vector that
matters lies in the span of three orthogonal directions: z of the block; the part of g across it;
and whatever is left, of which only the length is kept.  Lengths of Gaussian vectors are drawn,
never formed by subtraction.  Magnitudes are natural logarithms; everything else is of order one:
in a layer without active neurons the slope, common to all of it, goes into the logarithm.

Several networks (lanes) go through a layer together, so that the arithmetic runs in vector lanes.
Arrays are rows of fields, see `verify.samplers.gram.leaky_state`: ``here`` and ``below`` of a layer and of the one
below, ``there`` and ``under`` of their inactive neurons, and ``room`` for the rest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.numerics.chi_squares import lengths
from verify.numerics.compiled import kernel, part
from verify.numerics.variates import Stream, normals, turn_to
from verify.numerics.vector_math import exponential, logarithm, select
from verify.samplers.gram import leaky_state as at
from verify.samplers.gram.coin_pieces import active_neurons
from verify.samplers.gram.leaky_state import GramScales

__all__ = ["gram_updates"]

Array = Any


_ACTIVE = 0


@part
def _chi(
    stream: Stream, room: Array, here: Array, width: int, less: int, lanes: int, out: Array
) -> None:
    """Lengths of Gaussian vectors in as many dimensions as inactive neurons among ``width``, or
    as active neurons for ``_ACTIVE``, less ``less``."""
    sign = 1.0 if width == _ACTIVE else -1.0
    for j in range(lanes):
        room[at.COUNT + j] = width + sign * here[at.ON + j] - less
    lengths(stream, room[at.COUNT : at.COUNT + lanes], out, room[at.SPARE : at.SPARE + 4 * lanes])


@part
def _forward(
    stream: Stream,
    group: int,
    scales: GramScales,
    layers: Array,
    others: Array,
    room: Array,
    lanes: int,
) -> None:
    """Blocks and lengths of z; which networks are dead."""
    slope = scales.slope
    layers[0, at.LOG_X : at.LOG_X + lanes] = scales.log_input
    room[at.DEAD : at.DEAD + lanes] = 0.0
    for layer in range(1, scales.widths.size):
        turn_to(stream, group, 0, layer)
        width = scales.widths[layer]
        here, below, there = layers[layer], layers[layer - 1], others[layer]
        active_neurons(stream, scales.coins, layer, here[at.ON : at.ON + lanes])
        _chi(stream, room, here, _ACTIVE, 0, lanes, here[at.Z_ON : at.Z_ON + lanes])
        _chi(stream, room, here, width, 0, lanes, there[at.Z_OFF : at.Z_OFF + lanes])
        log_sd, log_slope = scales.log_sd[layer - 1], scales.log_slope
        for j in range(lanes):
            bare = here[at.ON + j] == 0.0
            z_on, z_off = here[at.Z_ON + j], select(bare, 1.0, slope) * there[at.Z_OFF + j]
            length = math.sqrt(z_on * z_on + z_off * z_off)
            gone = length == 0.0
            length = select(gone, 1.0, length)
            there[at.COS + j], there[at.SIN + j] = z_on / length, z_off / length
            room[at.DEAD + j] = select(gone, 1.0, room[at.DEAD + j])
            step = log_sd + select(bare, log_slope, 0.0)
            here[at.LOG_X + j] = below[at.LOG_X + j] + step + logarithm(length)


@part
def _backward(
    stream: Stream,
    group: int,
    scales: GramScales,
    layers: Array,
    others: Array,
    room: Array,
    lanes: int,
) -> None:
    """Gradients from the readout down, and log |f|.

    Given W x, the gradient on x is sd |g above| (phi x/|x| + xi) with phi = g.z/(sd |g| |x|) known
    and xi Gaussian across x; at the last layer it is the readout, whose phi is Gaussian too.
    """
    last, slope = scales.widths.size - 1, scales.slope
    turn_to(stream, group, 1, 0)
    normals(stream, room[at.PHI : at.PHI + lanes])
    for j in range(lanes):
        room[at.LOG_SCALE + j] = scales.log_readout
        log_phi = logarithm(abs(room[at.PHI + j]))
        room[at.LOG_F + j] = scales.log_readout + layers[last, at.LOG_X + j] + log_phi
    for layer in range(last, 0, -1):
        turn_to(stream, group, 1, layer)
        here, there, width = layers[layer], others[layer], scales.widths[layer]
        _chi(stream, room, here, _ACTIVE, 1, lanes, here[at.XI_ON : at.XI_ON + lanes])
        _chi(stream, room, here, width, 1, lanes, there[at.XI_OFF : at.XI_OFF + lanes])
        normals(stream, there[at.XI : at.XI + lanes])
        for j in range(lanes):
            mixed = (here[at.ON + j] > 0.0) & (here[at.ON + j] < width)
            there[at.XI + j] = select(mixed, there[at.XI + j], 0.0)
        log_sd, log_slope = scales.log_sd[layer - 1], scales.log_slope
        for j in range(lanes):
            bare = here[at.ON + j] == 0.0
            factor, phi, xi = select(bare, 1.0, slope), room[at.PHI + j], there[at.XI + j]
            cos, sin = there[at.COS + j], there[at.SIN + j]
            g_on, gq_on = phi * cos + xi * sin, here[at.XI_ON + j]
            g_off, gq_off = factor * (phi * sin - xi * cos), factor * there[at.XI_OFF + j]
            length = math.sqrt(g_on * g_on + gq_on * gq_on + g_off * g_off + gq_off * gq_off)
            g_on, g_off = g_on / length, g_off / length
            here[at.G_ON + j], here[at.GQ_ON + j] = g_on, gq_on / length
            there[at.G_OFF + j], there[at.GQ_OFF + j] = g_off, gq_off / length
            log_g = room[at.LOG_SCALE + j] + logarithm(length) + select(bare, log_slope, 0.0)
            here[at.LOG_G + j], room[at.LOG_SCALE + j] = log_g, log_g + log_sd
            room[at.PHI + j] = g_on * here[at.Z_ON + j] + g_off * there[at.Z_OFF + j]


@part
def _draw_update(
    stream: Stream,
    scales: GramScales,
    layer: int,
    here: Array,
    room: Array,
    lanes: int,
) -> None:
    """The fresh part of the update at ``layer``: along z, across it along g, and what is left."""
    width = scales.widths[layer]
    normals(stream, room[at.A_ON : at.B_ON + at.LANES])
    _chi(stream, room, here, _ACTIVE, 2, lanes, room[at.R_ON : at.R_ON + lanes])
    for j in range(lanes):
        room[at.A_ON + j] = select(here[at.ON + j] > 0.0, room[at.A_ON + j], 0.0)
        room[at.B_ON + j] = select(here[at.ON + j] > 1.0, room[at.B_ON + j], 0.0)
    normals(stream, room[at.A_OFF : at.A_OFF + lanes])
    _chi(stream, room, here, width, 2, lanes, room[at.R_OFF : at.R_OFF + lanes])
    normals(stream, room[at.B_OFF : at.B_OFF + lanes])
    for j in range(lanes):
        off = width - here[at.ON + j]
        room[at.A_OFF + j] = select(off > 0.0, room[at.A_OFF + j], 0.0)
        room[at.B_OFF + j] = select(off > 1.0, room[at.B_OFF + j], 0.0)


@part
def _add_layer(
    scales: GramScales,
    layer: int,
    here: Array,
    there: Array,
    below: Array,
    under: Array,
    room: Array,
    lanes: int,
) -> None:
    """u = r |x below|^2 g + W y with y = D u of the layer below.

    Given W x and W^T g, with y_ the part of y across x and xi the fresh part of the gradient,

        W y/sd = z_unit (x.y)/|x| + g/|g| (xi . y_) + |y_| (I - g g^T/|g|^2) fresh.
    """
    slope, log_rate = scales.slope, scales.log_rates[layer - 1]
    log_sd, log_slope = scales.log_sd[layer - 1], scales.log_slope
    for j in range(lanes):
        bare = below[at.ON + j] == 0.0
        factor, cos, sin = select(bare, 1.0, slope), under[at.COS + j], under[at.SIN + j]
        y_on, yq_on, yr_on = room[at.U_ON + j], room[at.UQ_ON + j], room[at.UR_ON + j]
        y_off, yq_off, yr_off = room[at.U_OFF + j], room[at.UQ_OFF + j], room[at.UR_OFF + j]
        y_off, yq_off, yr_off = factor * y_off, factor * yq_off, factor * yr_off
        along, turned = cos * y_on + sin * y_off, sin * y_on - cos * y_off
        across = math.sqrt(
            turned * turned + yq_on * yq_on + yq_off * yq_off + yr_on * yr_on + yr_off * yr_off
        )
        met = (
            under[at.XI + j] * turned + below[at.XI_ON + j] * yq_on + under[at.XI_OFF + j] * yq_off
        )
        log_own = 2.0 * below[at.LOG_X + j] + here[at.LOG_G + j] + log_rate
        log_carried = room[at.LOG_U + j] + log_sd + select(bare, log_slope, 0.0)
        larger = log_own > log_carried
        smaller = exponential(-abs(log_own - log_carried))
        own, carried = select(larger, 1.0, smaller), select(larger, smaller, 1.0)
        along, across, met = carried * along, carried * across, carried * met
        g_on, gq_on = here[at.G_ON + j], here[at.GQ_ON + j]
        g_off, gq_off = there[at.G_OFF + j], there[at.GQ_OFF + j]
        a_on, b_on, a_off, b_off = (
            room[at.A_ON + j],
            room[at.B_ON + j],
            room[at.A_OFF + j],
            room[at.B_OFF + j],
        )
        fresh = g_on * a_on + gq_on * b_on + g_off * a_off + gq_off * b_off
        pull = own + met - across * fresh
        u_on = g_on * pull + here[at.Z_ON + j] * along + across * a_on
        u_off = g_off * pull + there[at.Z_OFF + j] * along + across * a_off
        uq_on, uq_off = gq_on * pull + across * b_on, gq_off * pull + across * b_off
        ur_on, ur_off = across * room[at.R_ON + j], across * room[at.R_OFF + j]
        square = u_on * u_on + uq_on * uq_on + ur_on * ur_on
        square += u_off * u_off + uq_off * uq_off + ur_off * ur_off
        scale = 1.0 / math.sqrt(square)
        room[at.U_ON + j], room[at.UQ_ON + j], room[at.UR_ON + j] = (
            scale * u_on,
            scale * uq_on,
            scale * ur_on,
        )
        room[at.U_OFF + j], room[at.UQ_OFF + j] = scale * u_off, scale * uq_off
        room[at.UR_OFF + j] = scale * ur_off
        room[at.LOG_U + j] = select(larger, log_own, log_carried) + 0.5 * logarithm(square)


@part
def _tangent(
    stream: Stream,
    group: int,
    scales: GramScales,
    layers: Array,
    others: Array,
    room: Array,
    lanes: int,
    asked: Array,
    logs: Array,
) -> None:
    """u of every layer, from the first that is trained up, and log(|u|^2/width) where asked."""
    moving = False
    room[at.U_ON : at.LOG_U + at.LANES] = 0.0
    room[at.LOG_U : at.LOG_U + at.LANES] = -math.inf
    for layer in range(1, scales.widths.size):
        moving |= scales.log_rates[layer - 1] > -math.inf
        if moving:
            turn_to(stream, group, 2, layer)
            here, there = layers[layer], others[layer]
            below, under = layers[layer - 1], others[layer - 1]
            _draw_update(stream, scales, layer, here, room, lanes)
            _add_layer(scales, layer, here, there, below, under, room, lanes)
        if asked[layer - 1]:
            log_width = math.log(float(scales.widths[layer]))
            for j in range(lanes):
                log_square = 2.0 * room[at.LOG_U + j] - log_width
                room[at.SPARE + j] = select(room[at.DEAD + j] > 0.0, -math.inf, log_square)
            logs[layer - 1, :lanes] = room[at.SPARE : at.SPARE + lanes]


@kernel
def gram_updates(
    stream: Stream, scales: GramScales, layers: Array, others: Array, wanted: Array, out: Array
) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks.

    ``layers``, ``others``: room for their fields, from `verify.samplers.gram.leaky_state.workspace`.  ``wanted``:
    1-based layers.  ``out``: log of the label and the output part, shape
    ``(2, networks, layers)``; minus infinity for a dead network.
    """
    depth, room = scales.widths.size - 1, np.zeros(at.ROOM)
    logs, asked = np.empty((depth, at.LANES)), np.zeros(depth, np.bool_)
    for layer in wanted:
        asked[layer - 1] = True
    for start in range(0, out.shape[1], at.LANES):
        lanes = min(at.LANES, out.shape[1] - start)
        _forward(stream, start // at.LANES, scales, layers, others, room, lanes)
        _backward(stream, start // at.LANES, scales, layers, others, room, lanes)
        _tangent(stream, start // at.LANES, scales, layers, others, room, lanes, asked, logs)
        for i in range(wanted.size):
            log_f, log_square = room[at.LOG_F : at.LOG_F + lanes], logs[wanted[i] - 1, :lanes]
            out[0, start : start + lanes, i] = log_square
            out[1, start : start + lanes, i] = log_square + 2.0 * log_f
