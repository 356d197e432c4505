"""Compiled passes carry norms and inner products of networks with leaky slopes, O(1) a layer.

docs/sampler-proofs.md has the proof; `verify.samplers.gram.relu_passes` is for ReLU.

The neurons of a layer fall into two blocks, active and inactive.  In each block every vector that
matters lies in the span of three orthogonal directions: z of the block; the part of g across it;
and the rest, of which only the length is kept.  Lengths of Gaussian vectors are drawn,
never formed by subtraction.  Magnitudes are natural logarithms; everything else is of order one:
in a layer without active neurons the slope, common to all of it, goes into the logarithm.

Several networks (lanes) go through a layer together, so that the arithmetic runs in vector lanes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.chi_squares import lengths
from verify.numerics.coins import CoinTables, coin_counts, coin_tables
from verify.numerics.compiled import Array, kernel, part
from verify.numerics.variates import Stream, normal_pairs, normals, turn_to
from verify.numerics.vector_math import exponential, logarithm, select
from verify.samplers.gram.groups import Asked, asked_layers, fields, write
from verify.samplers.problem import Problem

__all__ = ["leaky_scales", "leaky_updates", "leaky_workspace"]


LANES = 128
"""Networks that go through a layer together.  Fields are rows of one array, of this length and at
fixed places, so that the compiler knows that no two overlap."""
_ACTIVE = 0


class LeakyScales(NamedTuple):
    """The network: ``widths`` of layers 0 to L, logarithms of its scales (``log_sd`` of a weight
    and ``log_rates``, shape ``(L,)``), coin tables, and the requested layers."""

    widths: Array
    log_sd: Array
    log_rates: Array
    log_readout: float
    log_input: float
    slope: float
    log_slope: float
    coins: CoinTables
    asked: Asked


def leaky_scales(problem: Problem) -> LeakyScales:
    """A problem as the compiled passes take it."""
    with np.errstate(divide="ignore"):
        log_rates, log_slope = np.log(problem.rates), float(np.log(problem.slope))
    return LeakyScales(
        widths=problem.widths,
        log_sd=np.log(problem.weight_sd),
        log_rates=log_rates,
        log_readout=float(np.log(problem.readout_sd)),
        log_input=float(np.log(problem.input_norm)),
        slope=problem.slope,
        log_slope=log_slope,
        coins=coin_tables(problem.widths),
        asked=asked_layers(problem),
    )


class _Layer(NamedTuple):
    """The state after a layer, a number for each network.

    ``on``: active neurons.  ``z_on``, ``z_off``: lengths of the active and of the inactive neurons'
    z in units of sd |x below|.  ``log_x``, ``log_g``: logarithms of |x| and |g|.  ``cos``, ``sin``:
    the unit vector along x in the plane of the two z's.  ``xi``, ``xi_on``, ``xi_off``: the fresh
    part of the gradient on x across x in that plane, and across z in each block.  ``g_on``,
    ``gq_on``, ``g_off``, ``gq_off``: the unit vector along g: along z and across it, in each block.
    """

    on: Array
    z_on: Array
    log_x: Array
    log_g: Array
    xi_on: Array
    g_on: Array
    gq_on: Array
    z_off: Array
    cos: Array
    sin: Array
    xi: Array
    xi_off: Array
    g_off: Array
    gq_off: Array


class _Room(NamedTuple):
    """The state that passes carry from layer to layer, and room for draws, a number for each
    network.

    ``u_on``, ``uq_on``, ``ur_on``, ``u_off``, ``uq_off``, ``ur_off``: the unit vector along the
    update u of the layer below: along z, across it along g, and the rest, in each block; ``log_u``:
    log |u|.  ``a_on``, ``b_on``, ``r_on``, ``a_off``, ``b_off``, ``r_off``: draws in the same
    directions.  ``phi``: the gradient on x along x in units
    of exp(``log_scale``); ``log_f2``: log f^2; ``dead``: whether the network is; ``count``,
    ``first``, ``chances``: room.
    """

    u_on: Array
    uq_on: Array
    ur_on: Array
    u_off: Array
    uq_off: Array
    ur_off: Array
    log_u: Array
    a_on: Array
    b_on: Array
    r_on: Array
    a_off: Array
    b_off: Array
    r_off: Array
    phi: Array
    log_scale: Array
    log_f2: Array
    dead: Array
    count: Array
    first: Array
    chances: Array


_cut_layer = part(fields(_Layer, LANES))
_cut_room = part(fields(_Room, LANES))
_ROOM = len(_Room._fields) * LANES


def leaky_workspace(depth: int) -> Any:
    """Room for the fields of layers 0 to ``depth``."""
    return np.zeros((depth + 1, len(_Layer._fields) * LANES))


@part
def _chi(
    stream: Stream, room: _Room, here: _Layer, width: int, less: int, lanes: int, out: Array
) -> None:
    """Lengths of Gaussian vectors in as many dimensions as inactive neurons among ``width``, or
    as active neurons for ``_ACTIVE``, less ``less``."""
    sign = 1.0 if width == _ACTIVE else -1.0
    for j in range(lanes):
        room.count[j] = width + sign * here.on[j] - less
    lengths(stream, room.count[:lanes], room.first, room.chances, out)


@part
def _forward(
    stream: Stream, group: int, scales: LeakyScales, layers: Array, room: _Room, lanes: int
) -> None:
    """Blocks and lengths of z; which networks are dead."""
    slope = scales.slope
    input_layer = _cut_layer(layers[0], 0)
    input_layer.log_x[:lanes] = scales.log_input
    input_layer.cos[:lanes] = 1.0
    room.dead[:lanes] = 0.0
    for layer in range(1, scales.widths.size):
        turn_to(stream, group, 0, layer)
        width = scales.widths[layer]
        here, below = _cut_layer(layers[layer], 0), _cut_layer(layers[layer - 1], 0)
        coin_counts(stream, scales.coins, layer, here.on[:lanes])
        _chi(stream, room, here, _ACTIVE, 0, lanes, here.z_on[:lanes])
        _chi(stream, room, here, width, 0, lanes, here.z_off[:lanes])
        log_sd, log_slope = scales.log_sd[layer - 1], scales.log_slope
        for j in range(lanes):
            bare = here.on[j] == 0.0
            z_on, z_off = here.z_on[j], select(bare, 1.0, slope) * here.z_off[j]
            length = math.sqrt(z_on * z_on + z_off * z_off)
            gone = length == 0.0
            length = select(gone, 1.0, length)
            here.cos[j], here.sin[j] = z_on / length, z_off / length
            room.dead[j] = select(gone, 1.0, room.dead[j])
            step = log_sd + select(bare, log_slope, 0.0)
            here.log_x[j] = below.log_x[j] + step + logarithm(length)


@part
def _backward(
    stream: Stream, group: int, scales: LeakyScales, layers: Array, room: _Room, lanes: int
) -> None:
    """Gradients from the readout down, and log f^2.

    Given W x, the gradient on x is sd |g above| (phi x/|x| + xi) with phi = g.z/(sd |g| |x|) known
    and xi Gaussian across x; at the last layer it is the readout, whose phi is Gaussian too.
    """
    last, slope = scales.widths.size - 1, scales.slope
    turn_to(stream, group, 1, 0)
    normals(stream, room.phi[:lanes])
    log_x = _cut_layer(layers[last], 0).log_x
    for j in range(lanes):
        room.log_scale[j] = scales.log_readout
        log_phi = logarithm(abs(room.phi[j]))
        room.log_f2[j] = 2.0 * (scales.log_readout + log_x[j] + log_phi)
    for layer in range(last, 0, -1):
        turn_to(stream, group, 1, layer)
        here, width = _cut_layer(layers[layer], 0), scales.widths[layer]
        _chi(stream, room, here, _ACTIVE, 1, lanes, here.xi_on[:lanes])
        _chi(stream, room, here, width, 1, lanes, here.xi_off[:lanes])
        normals(stream, here.xi[:lanes])
        for j in range(lanes):
            mixed = (here.on[j] > 0.0) & (here.on[j] < width)
            here.xi[j] = select(mixed, here.xi[j], 0.0)
        log_sd, log_slope = scales.log_sd[layer - 1], scales.log_slope
        for j in range(lanes):
            bare = here.on[j] == 0.0
            factor, phi, xi = select(bare, 1.0, slope), room.phi[j], here.xi[j]
            cos, sin = here.cos[j], here.sin[j]
            g_on, gq_on = phi * cos + xi * sin, here.xi_on[j]
            g_off, gq_off = factor * (phi * sin - xi * cos), factor * here.xi_off[j]
            length = math.sqrt(g_on * g_on + gq_on * gq_on + g_off * g_off + gq_off * gq_off)
            g_on, g_off = g_on / length, g_off / length
            here.g_on[j], here.gq_on[j] = g_on, gq_on / length
            here.g_off[j], here.gq_off[j] = g_off, gq_off / length
            log_g = room.log_scale[j] + logarithm(length) + select(bare, log_slope, 0.0)
            here.log_g[j], room.log_scale[j] = log_g, log_g + log_sd
            room.phi[j] = g_on * here.z_on[j] + g_off * here.z_off[j]


@part
def _draw_update(
    stream: Stream, scales: LeakyScales, layer: int, here: _Layer, room: _Room, lanes: int
) -> None:
    """The fresh part of the update at ``layer``: along z, across it along g, and the rest."""
    width = scales.widths[layer]
    normal_pairs(stream, room.a_on, room.b_on)
    _chi(stream, room, here, _ACTIVE, 2, lanes, room.r_on[:lanes])
    for j in range(lanes):
        room.a_on[j] = select(here.on[j] > 0.0, room.a_on[j], 0.0)
        room.b_on[j] = select(here.on[j] > 1.0, room.b_on[j], 0.0)
    normals(stream, room.a_off[:lanes])
    _chi(stream, room, here, width, 2, lanes, room.r_off[:lanes])
    normals(stream, room.b_off[:lanes])
    for j in range(lanes):
        off = width - here.on[j]
        room.a_off[j] = select(off > 0.0, room.a_off[j], 0.0)
        room.b_off[j] = select(off > 1.0, room.b_off[j], 0.0)


@part
def _add_layer(
    scales: LeakyScales, layer: int, here: _Layer, below: _Layer, room: _Room, lanes: int
) -> None:
    """u = r |x below|^2 g + W y with y = D u of the layer below.

    Given W x and W^T g, with y_ the part of y across x and xi the fresh part of the gradient,

        W y/sd = z_unit (x.y)/|x| + g/|g| (xi . y_) + |y_| (I - g g^T/|g|^2) fresh.
    """
    slope, log_rate = scales.slope, scales.log_rates[layer - 1]
    log_sd, log_slope = scales.log_sd[layer - 1], scales.log_slope
    for j in range(lanes):
        bare = below.on[j] == 0.0
        factor, cos, sin = select(bare, 1.0, slope), below.cos[j], below.sin[j]
        y_on, yq_on, yr_on = room.u_on[j], room.uq_on[j], room.ur_on[j]
        y_off, yq_off, yr_off = room.u_off[j], room.uq_off[j], room.ur_off[j]
        y_off, yq_off, yr_off = factor * y_off, factor * yq_off, factor * yr_off
        along, turned = cos * y_on + sin * y_off, sin * y_on - cos * y_off
        across = math.sqrt(
            turned * turned + yq_on * yq_on + yq_off * yq_off + yr_on * yr_on + yr_off * yr_off
        )
        xi_y = below.xi[j] * turned + below.xi_on[j] * yq_on + below.xi_off[j] * yq_off
        log_own = 2.0 * below.log_x[j] + here.log_g[j] + log_rate
        log_carried = room.log_u[j] + log_sd + select(bare, log_slope, 0.0)
        larger = log_own > log_carried
        smaller = exponential(-abs(log_own - log_carried))
        own, carried = select(larger, 1.0, smaller), select(larger, smaller, 1.0)
        along, across, xi_y = carried * along, carried * across, carried * xi_y
        g_on, gq_on = here.g_on[j], here.gq_on[j]
        g_off, gq_off = here.g_off[j], here.gq_off[j]
        a_on, b_on, a_off, b_off = room.a_on[j], room.b_on[j], room.a_off[j], room.b_off[j]
        fresh = g_on * a_on + gq_on * b_on + g_off * a_off + gq_off * b_off
        pull = own + xi_y - across * fresh
        u_on = g_on * pull + here.z_on[j] * along + across * a_on
        u_off = g_off * pull + here.z_off[j] * along + across * a_off
        uq_on, uq_off = gq_on * pull + across * b_on, gq_off * pull + across * b_off
        ur_on, ur_off = across * room.r_on[j], across * room.r_off[j]
        square = u_on * u_on + uq_on * uq_on + ur_on * ur_on
        square += u_off * u_off + uq_off * uq_off + ur_off * ur_off
        scale = 1.0 / math.sqrt(square)
        room.u_on[j], room.uq_on[j], room.ur_on[j] = scale * u_on, scale * uq_on, scale * ur_on
        room.u_off[j], room.uq_off[j] = scale * u_off, scale * uq_off
        room.ur_off[j] = scale * ur_off
        room.log_u[j] = select(larger, log_own, log_carried) + 0.5 * logarithm(square)


@part
def _tangent(
    stream: Stream,
    group: int,
    scales: LeakyScales,
    layers: Array,
    room: _Room,
    lanes: int,
    logs: Array,
) -> None:
    """u of every layer, from the first that is trained up, and log(|u|^2/width) of the requested
    layers."""
    moving = False
    for field in (room.u_on, room.uq_on, room.ur_on, room.u_off, room.uq_off, room.ur_off):
        field[:] = 0.0
    room.log_u[:] = -math.inf
    for layer in range(1, scales.widths.size):
        moving |= scales.log_rates[layer - 1] > -math.inf
        if moving:
            turn_to(stream, group, 2, layer)
            here, below = _cut_layer(layers[layer], 0), _cut_layer(layers[layer - 1], 0)
            _draw_update(stream, scales, layer, here, room, lanes)
            _add_layer(scales, layer, here, below, room, lanes)
        row = scales.asked.rows[layer - 1]
        if row >= 0:
            log_width = math.log(float(scales.widths[layer]))
            for j in range(lanes):
                log_square = 2.0 * room.log_u[j] - log_width
                room.first[j] = select(room.dead[j] > 0.0, -math.inf, log_square)
            logs[row, :lanes] = room.first[:lanes]


@kernel
def leaky_updates(stream: Stream, scales: LeakyScales, layers: Array, out: Array) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks.

    ``layers``: room, from `leaky_workspace`.  ``out``: log of the label and the output part, shape
    ``(2, networks, layers)``; minus infinity for a dead network.
    """
    room = _cut_room(np.zeros(_ROOM), 0)
    logs = np.empty((scales.asked.layers.size, LANES))
    for start in range(0, out.shape[1], LANES):
        group, lanes = start // LANES, min(LANES, out.shape[1] - start)
        _forward(stream, group, scales, layers, room, lanes)
        _backward(stream, group, scales, layers, room, lanes)
        _tangent(stream, group, scales, layers, room, lanes, logs)
        write(scales.asked, start, logs, room.log_f2[:lanes], out)
