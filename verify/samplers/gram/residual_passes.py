"""Compiled passes carry norms and inner products of residual networks, O(1) a block.

docs/sampler-proofs.md has the proof.

The vectors of the stream that a block joins are h and g below it, h and g above it, U^T delta and W
a.  They span a frame of four directions: h below; W a across it, so that h above lies in the first
two; g above across these; U^T delta across all three.  An update that comes from below has a fifth
direction, drawn at the block.  A branch is a masked layer, stored as in
`verify.samplers.gram.leaky_passes`: for its active and for its inactive neurons the directions
along the pre-activations, along delta across these, and the length of the rest.

Only the update of the branch itself depends on the pre-activations of a ReLU's inactive neurons:
where no branch is requested, constants replace these draws, which come last at each block, so that
the network is the same.

Lengths of Gaussian vectors are drawn, never formed by subtraction.  Magnitudes are natural
logarithms; everything else is of order one.  Several networks (lanes) go through a block together,
so that the arithmetic runs in vector lanes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.numerics.chi_squares import lengths
from verify.numerics.coins import coin_counts
from verify.numerics.compiled import Array, formula, kernel, part
from verify.numerics.variates import Stream, normal_pairs, normals, turn_to
from verify.numerics.vector_math import exponential, logarithm, select
from verify.samplers.gram.groups import write
from verify.samplers.gram.residual_state import (
    LANES,
    NONE,
    ROOM,
    Block,
    ResidualScales,
    Room,
    cut_block,
    cut_room,
)

__all__ = ["residual_updates"]

_ACTIVE = 0
_FAR = 1e3
"""exp(-_FAR) is 0."""


@formula
def _shares(one: float, other: float) -> tuple[float, float, float]:
    """Two sizes given by logarithms in units of the larger, and its logarithm."""
    larger, smaller = one > other, exponential(-abs(one - other))
    return select(larger, 1.0, smaller), select(larger, smaller, 1.0), select(larger, one, other)


@formula
def _over(length: float) -> Any:
    """1/length; of nothing, 1."""
    return 1.0 / select(length > 0.0, length, 1.0)


@formula
def _on_sphere(one: float, other: float, dimensions: int) -> tuple[float, float]:
    """For a uniform point on the unit sphere in ``dimensions`` dimensions, the factor that turns
    the normals ``one`` and ``other`` into two of its coordinates, and the length of the rest.

    The squared length of two coordinates is 1 - U^(2/(dimensions - 2)) with U uniform, and
    exp(-square/2) is uniform and independent of the angle.  In one dimension ``other`` is 0.
    """
    square = one * one + other * other
    exponent = select(dimensions > 2, square / (dimensions - 2), _FAR)
    left = exponential(-exponent)
    series = exponent * (1.0 - exponent * (0.5 - exponent * (1 / 6 - exponent / 24)))
    ours = select(exponent < 1e-3, series, 1.0 - left)
    return math.sqrt(ours / select(square > 0.0, square, 1.0)), math.sqrt(left)


@part
def _chi(
    stream: Stream, room: Room, here: Block, neurons: int, less: int, lanes: int, out: Array
) -> None:
    """Lengths of Gaussian vectors in as many dimensions as inactive neurons among ``neurons``, or
    as active neurons for ``_ACTIVE``, less ``less``."""
    sign = 1.0 if neurons == _ACTIVE else -1.0
    for j in range(lanes):
        room.count[j] = neurons + sign * here.on[j] - less
    lengths(stream, room.count[:lanes], room.first, room.chances, out)


@part
def _length(stream: Stream, room: Room, dimensions: int, lanes: int, out: Array) -> None:
    """Lengths of Gaussian vectors in ``dimensions`` dimensions."""
    room.count[:lanes] = dimensions
    lengths(stream, room.count[:lanes], room.first, room.chances, out)


@kernel
def _forward(
    stream: Stream, group: int, scales: ResidualScales, blocks: Array, row: Array, lanes: int
) -> None:
    """Lengths of h, of the pre-activations and of sigma of these."""
    room, width = cut_room(row, 0), scales.width
    turn_to(stream, group, 0, 0)
    _length(stream, room, width, lanes, room.second[:lanes])
    for j in range(lanes):
        room.log_h[j] = scales.log_input + logarithm(room.second[j])
    for block in range(1, blocks.shape[0] + 1):
        turn_to(stream, group, 0, block)
        here = cut_block(blocks[block - 1], 0)
        coin_counts(stream, scales.coins, 0, here.on[:lanes])
        _chi(stream, room, here, _ACTIVE, 0, lanes, here.z_on[:lanes])
        normals(stream, here.q_1[:lanes])
        _length(stream, room, width - 1, lanes, here.q_2[:lanes])
        if scales.active_alone:
            here.z_off[:lanes] = 1.0
        else:
            _chi(stream, room, here, scales.branch_width, 0, lanes, here.z_off[:lanes])
        for j in range(lanes):
            bare = here.on[j] == 0.0
            z_on, z_off = here.z_on[j], select(bare, 1.0, scales.slope) * here.z_off[j]
            length = math.sqrt(z_on * z_on + z_off * z_off)
            here.cos[j], here.sin[j] = z_on / length, z_off / length
            log_a = scales.log_up_sd + logarithm(length) + select(bare, scales.log_slope, 0.0)
            skip, fresh, unit = _shares(scales.log_skip, log_a + scales.log_down_sd)
            h_1, h_2 = skip + fresh * here.q_1[j], fresh * here.q_2[j]
            length = math.sqrt(h_1 * h_1 + h_2 * h_2)
            here.cos_h[j], here.sin_h[j] = h_1 / length, h_2 / length
            log_h = room.log_h[j]
            here.log_h[j], here.log_a[j] = log_h, log_h + log_a
            room.log_h[j] = log_h + unit + logarithm(length)


@kernel
def _readout(stream: Stream, group: int, scales: ResidualScales, row: Array, lanes: int) -> None:
    """g above the last block, which is the readout, and log f^2."""
    room = cut_room(row, 0)
    turn_to(stream, group, 1, 0)
    normals(stream, room.second[:lanes])
    _length(stream, room, scales.width - 1, lanes, room.third[:lanes])
    for j in range(lanes):
        along, across = room.second[j], room.third[j]
        length = math.sqrt(along * along + across * across)
        room.along_h[j], room.along_g[j] = along / length, across / length
        room.log_u[j] = scales.log_readout + logarithm(length)
        log_f = scales.log_readout + room.log_h[j] + logarithm(abs(along))
        room.log_f2[j] = 2.0 * log_f


@part
def _draw_gradient(
    stream: Stream, scales: ResidualScales, here: Block, room: Room, lanes: int
) -> None:
    """The fresh parts of g above, of W^T g and of U^T delta."""
    width = scales.width
    normal_pairs(stream, room.second, room.third)
    normal_pairs(stream, here.x_2, here.x_3)
    _length(stream, room, width - 3, lanes, here.x_4[:lanes])
    _chi(stream, room, here, _ACTIVE, 1, lanes, here.xi_on[:lanes])
    if scales.active_alone:
        here.xi[:lanes], here.xi_off[:lanes] = 0.0, 1.0
    else:
        normals(stream, here.xi[:lanes])
        _chi(stream, room, here, scales.branch_width, 1, lanes, here.xi_off[:lanes])
    for j in range(lanes):
        mixed = (here.on[j] > 0.0) & (here.on[j] < scales.branch_width)
        here.xi[j] = select(mixed, here.xi[j], 0.0)
        here.x_2[j] = select(width > 1, here.x_2[j], 0.0)
        here.x_3[j] = select(width > 2, here.x_3[j], 0.0)
        along, across = room.second[j], select(width > 2, room.third[j], 0.0)
        scale, left = _on_sphere(along, across, width - 1)
        here.turn[j] = scale * along
        here.lift[j] = math.sqrt(scale * across * scale * across + left * left)


@part
def _enter_above(here: Block, room: Room, lanes: int) -> None:
    """g above a block, and the unit vector along it in the frame of the block."""
    for j in range(lanes):
        cos_g, sin_g = room.along_h[j], room.along_g[j]
        here.cos_g[j], here.sin_g[j], here.log_g[j] = cos_g, sin_g, room.log_u[j]
        cos, sin, aside = here.cos_h[j], here.sin_h[j], sin_g * here.turn[j]
        room.u_2[j], room.u_3[j] = cos_g * cos - aside * sin, cos_g * sin + aside * cos
        room.u_4[j] = sin_g * here.lift[j]
        room.products[j] = here.q_1[j] * room.u_2[j] + here.q_2[j] * room.u_3[j]


@part
def _mask_gradient(scales: ResidualScales, here: Block, room: Room, lanes: int) -> None:
    """delta, and z.delta/|delta|."""
    for j in range(lanes):
        bare, phi, xi = here.on[j] == 0.0, room.products[j], here.xi[j]
        factor, cos, sin = select(bare, 1.0, scales.slope), here.cos[j], here.sin[j]
        d_on, dq_on = phi * cos + xi * sin, here.xi_on[j]
        d_off, dq_off = factor * (phi * sin - xi * cos), factor * here.xi_off[j]
        length = math.sqrt(d_on * d_on + dq_on * dq_on + d_off * d_off + dq_off * dq_off)
        scale = 1.0 / length
        here.d_on[j], here.dq_on[j] = scale * d_on, scale * dq_on
        here.d_off[j], here.dq_off[j] = scale * d_off, scale * dq_off
        room.along[j] = scale * (d_on * here.z_on[j] + d_off * here.z_off[j])
        log_d = scales.log_down_sd + logarithm(length) + select(bare, scales.log_slope, 0.0)
        here.log_d[j], room.log_w[j] = room.log_u[j] + log_d, log_d


@part
def _leave_below(scales: ResidualScales, here: Block, room: Room, lanes: int) -> None:
    """g below a block."""
    for j in range(lanes):
        skip, fresh, unit = _shares(scales.log_skip, room.log_w[j] + scales.log_up_sd)
        b_1 = skip * room.u_2[j] + fresh * room.along[j]
        b_2, b_3 = (
            skip * room.u_3[j] + fresh * here.x_2[j],
            skip * room.u_4[j] + fresh * here.x_3[j],
        )
        b_4 = fresh * here.x_4[j]
        across = math.sqrt(b_2 * b_2 + b_3 * b_3 + b_4 * b_4)
        length = math.sqrt(b_1 * b_1 + across * across)
        room.along_h[j], room.along_g[j] = b_1 / length, across / length
        room.log_u[j] = room.log_u[j] + unit + logarithm(length)
        scale = _over(across)
        here.e_2[j], here.e_3[j], here.e_4[j] = scale * b_2, scale * b_3, scale * b_4


@kernel
def _backward(
    stream: Stream, group: int, scales: ResidualScales, blocks: Array, row: Array, lanes: int
) -> None:
    """Gradients from the readout down.

    Given h above, the part of g across it points anywhere across it.  Given W a, W^T g is
    sd |g| (phi a/|a| + xi) with phi = g.(W a)/(sd |g| |a|), and U^T delta alike, given U h.
    """
    room = cut_room(row, 0)
    for block in range(blocks.shape[0], 0, -1):
        turn_to(stream, group, 1, block)
        here = cut_block(blocks[block - 1], 0)
        _draw_gradient(stream, scales, here, room, lanes)
        _enter_above(here, room, lanes)
        _mask_gradient(scales, here, room, lanes)
        _leave_below(scales, here, room, lanes)


@part
def _enter(stream: Stream, width: int, here: Block, room: Room, lanes: int) -> None:
    """u below a block in its frame, and the input of U from it.

    The part of u across h and g has a uniform direction across these: it lies along two directions
    of the frame across e, and along a fifth.
    """
    normal_pairs(stream, room.second, room.third)
    for j in range(lanes):
        e_2, e_3, e_4 = here.e_2[j], here.e_3[j], here.e_4[j]
        s_1, s_2 = select(width > 2, room.second[j], 0.0), select(width > 3, room.third[j], 0.0)
        scale, left = _on_sphere(s_1, s_2, width - 2)
        scale, s_3 = room.rest[j] * scale, room.rest[j] * left
        plane = math.sqrt(e_2 * e_2 + e_3 * e_3)
        cos, sin = e_2 * _over(plane), e_3 * _over(plane)
        s_1, s_2, ours = scale * s_1, scale * s_2, room.along_g[j]
        u_2 = ours * e_2 - s_1 * sin + s_2 * e_4 * cos
        u_3 = ours * e_3 + s_1 * cos + s_2 * e_4 * sin
        u_4 = ours * e_4 - s_2 * plane
        room.u_2[j], room.u_3[j], room.u_4[j], room.u_5[j] = u_2, u_3, u_4, s_3
        room.along[j] = room.along_h[j]
        room.across[j] = math.sqrt(ours * ours + room.rest[j] * room.rest[j])
        room.products[j] = here.x_2[j] * u_2 + here.x_3[j] * u_3 + here.x_4[j] * u_4


@part
def _draw_fresh(
    stream: Stream, scales: ResidualScales, here: Block, room: Room, lanes: int
) -> None:
    """The fresh parts of U u, along z, across it along delta, and the rest, and of W y: across g in
    the plane of h and g, along the rest of u, and the rest."""
    neurons = scales.branch_width
    normal_pairs(stream, room.w_on, room.wq_on)
    _chi(stream, room, here, _ACTIVE, 2, lanes, room.wr_on[:lanes])
    normal_pairs(stream, room.second, room.third)
    _length(stream, room, scales.width - 3, lanes, room.fourth[:lanes])
    if scales.active_alone:
        room.w_off[:lanes], room.wq_off[:lanes], room.wr_off[:lanes] = 0.0, 0.0, 0.0
    else:
        normal_pairs(stream, room.w_off, room.wq_off)
        _chi(stream, room, here, neurons, 2, lanes, room.wr_off[:lanes])
    for j in range(lanes):
        on, off = here.on[j], neurons - here.on[j]
        room.w_on[j] = select(on > 0.0, room.w_on[j], 0.0)
        room.wq_on[j] = select(on > 1.0, room.wq_on[j], 0.0)
        room.w_off[j] = select(off > 0.0, room.w_off[j], 0.0)
        room.wq_off[j] = select(off > 1.0, room.wq_off[j], 0.0)


@part
def _add_branch(
    scales: ResidualScales, log_rate: float, here: Block, room: Room, lanes: int
) -> None:
    """w = r |h|^2 delta + U u, with h and u of the stream below.

    Given U h and U^T delta, with u_ the part of u across h and x the fresh part of U^T delta,

        U u/sd = z (h.u)/|h| + delta/|delta| (x . u_) + |u_| (I - delta delta^T/|delta|^2) fresh.
    """
    for j in range(lanes):
        log_own = 2.0 * here.log_h[j] + here.log_d[j] + log_rate
        own, carried, unit = _shares(log_own, room.log_u[j] + scales.log_up_sd)
        along, across = carried * room.along[j], carried * room.across[j]
        d_on, dq_on, d_off, dq_off = here.d_on[j], here.dq_on[j], here.d_off[j], here.dq_off[j]
        a_on, b_on, a_off, b_off = room.w_on[j], room.wq_on[j], room.w_off[j], room.wq_off[j]
        fresh = d_on * a_on + dq_on * b_on + d_off * a_off + dq_off * b_off
        pull = own + carried * room.products[j] - across * fresh
        w_on = d_on * pull + here.z_on[j] * along + across * a_on
        w_off = d_off * pull + here.z_off[j] * along + across * a_off
        wq_on, wq_off = dq_on * pull + across * b_on, dq_off * pull + across * b_off
        wr_on, wr_off = across * room.wr_on[j], across * room.wr_off[j]
        square = w_on * w_on + wq_on * wq_on + wr_on * wr_on
        square += w_off * w_off + wq_off * wq_off + wr_off * wr_off
        length = math.sqrt(square)
        scale = 1.0 / length
        room.w_on[j], room.wq_on[j], room.wr_on[j] = scale * w_on, scale * wq_on, scale * wr_on
        room.w_off[j], room.wq_off[j] = scale * w_off, scale * wq_off
        room.wr_off[j] = scale * wr_off
        room.log_w[j] = unit + logarithm(length)


@part
def _mask(scales: ResidualScales, here: Block, room: Room, lanes: int) -> None:
    """The input of W from y = D w."""
    for j in range(lanes):
        bare = here.on[j] == 0.0
        factor, cos, sin = select(bare, 1.0, scales.slope), here.cos[j], here.sin[j]
        y_on, yq_on, yr_on = room.w_on[j], room.wq_on[j], room.wr_on[j]
        y_off, yq_off, yr_off = room.w_off[j], room.wq_off[j], room.wr_off[j]
        y_off, yq_off, yr_off = factor * y_off, factor * yq_off, factor * yr_off
        turned = sin * y_on - cos * y_off
        square = turned * turned + yq_on * yq_on + yq_off * yq_off + yr_on * yr_on + yr_off * yr_off
        room.along[j], room.across[j] = cos * y_on + sin * y_off, math.sqrt(square)
        room.products[j] = here.xi[j] * turned + here.xi_on[j] * yq_on + here.xi_off[j] * yq_off
        room.log_w[j] += select(bare, scales.log_slope, 0.0)


@part
def _leave(scales: ResidualScales, log_rate: float, here: Block, room: Room, lanes: int) -> None:
    """u = skip u below + r |a|^2 g + W y, along h and g above; W y as U u in `_add_branch`."""
    for j in range(lanes):
        log_own = 2.0 * here.log_a[j] + here.log_g[j] + log_rate
        log_skip = scales.log_skip + room.log_u[j]
        own, skip, unit = _shares(log_own, log_skip)
        both, carried, unit = _shares(unit, room.log_w[j] + scales.log_down_sd)
        own, skip = both * own, both * skip
        along, across = carried * room.along[j], carried * room.across[j]
        u_1 = skip * room.along_h[j] + along * here.q_1[j]
        u_2 = skip * room.u_2[j] + along * here.q_2[j]
        room.u_3[j], room.u_4[j] = skip * room.u_3[j], skip * room.u_4[j]
        room.u_5[j] = skip * room.u_5[j]
        room.along_h[j] = here.cos_h[j] * u_1 + here.sin_h[j] * u_2
        room.u_2[j] = here.cos_h[j] * u_2 - here.sin_h[j] * u_1
        room.products[j] = own + carried * room.products[j]
        room.across[j], room.log_u[j] = across, unit
    _turn(scales.width, here, room, lanes)


@part
def _turn(width: int, here: Block, room: Room, lanes: int) -> None:
    """u along h and g above, from its coordinates along h, across h in the plane of the first two
    directions, and along the others, and from its part along g (``products``)."""
    for j in range(lanes):
        turn, lift, aside, across = here.turn[j], here.lift[j], room.u_2[j], room.across[j]
        cos, sin, pull = here.cos_g[j], here.sin_g[j], room.products[j]
        left, u_4, u_5 = turn * room.u_3[j] - lift * aside, room.u_4[j], room.u_5[j]
        fresh = across * select(width > 1, room.second[j], 0.0)
        along_h = room.along_h[j] + cos * pull - sin * fresh
        along_g = turn * aside + lift * room.u_3[j] + sin * pull + cos * fresh
        rest = math.sqrt(left * left + u_4 * u_4 + u_5 * u_5)
        rest += across * select(width > 2, room.third[j], 0.0)
        beyond = across * room.fourth[j]
        rest2 = rest * rest + beyond * beyond
        length = math.sqrt(along_h * along_h + along_g * along_g + rest2)
        scale = 1.0 / length
        room.along_h[j], room.along_g[j] = scale * along_h, scale * along_g
        room.rest[j] = scale * math.sqrt(rest2)
        room.log_u[j] = room.log_u[j] + logarithm(length)


@part
def _ask(log_length: Array, neurons: int, room: Room, lanes: int, logs: Array) -> None:
    """log(|u|^2/neurons), minus infinity where nothing moves."""
    log_width = math.log(float(neurons))
    for j in range(lanes):
        moves = log_length[j] > NONE
        room.first[j] = select(moves, 2.0 * log_length[j] - log_width, -math.inf)
    logs[:lanes] = room.first[:lanes]


@kernel
def _tangent(
    stream: Stream,
    group: int,
    scales: ResidualScales,
    blocks: Array,
    row: Array,
    lanes: int,
    logs: Array,
) -> None:
    """Updates from the input up, and the mean squares of the requested updates."""
    room, width, rows = cut_room(row, 0), scales.width, scales.asked.rows
    for j in range(lanes):
        room.rest[j] = 0.0
        room.log_u[j] = scales.log_input_rate + room.log_u[j]
    if rows[0] >= 0:
        _ask(room.log_u, width, room, lanes, logs[rows[0]])
    for block in range(1, blocks.shape[0] + 1):
        turn_to(stream, group, 2, block)
        here = cut_block(blocks[block - 1], 0)
        _enter(stream, width, here, room, lanes)
        _draw_fresh(stream, scales, here, room, lanes)
        _add_branch(scales, scales.log_ups[block - 1], here, room, lanes)
        at, above = rows[2 * block - 1], rows[2 * block]
        if at >= 0:
            _ask(room.log_w, scales.branch_width, room, lanes, logs[at])
        _mask(scales, here, room, lanes)
        _leave(scales, scales.log_downs[block - 1], here, room, lanes)
        if above >= 0:
            _ask(room.log_u, width, room, lanes, logs[above])


@kernel
def residual_updates(stream: Stream, scales: ResidualScales, blocks: Array, out: Array) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks.

    ``blocks``: room, from `residual_workspace`.  ``out``: log of the label and the output part,
    shape ``(2, networks, results)``; minus infinity where nothing moves.
    """
    row, logs = np.zeros(ROOM), np.empty((out.shape[2], LANES))
    for start in range(0, out.shape[1], LANES):
        group, lanes = start // LANES, min(LANES, out.shape[1] - start)
        _forward(stream, group, scales, blocks, row, lanes)
        _readout(stream, group, scales, row, lanes)
        _backward(stream, group, scales, blocks, row, lanes)
        _tangent(stream, group, scales, blocks, row, lanes, logs)
        write(scales.asked, start, logs, cut_room(row, 0).log_f2[:lanes], out)
