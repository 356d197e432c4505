"""Compiled passes run a residual network whose weight matrices are never formed, O(width) a block.

The branches are the layers of `verify.samplers.conditioned.passes`, of which each reads the
stream: their draws z, xi and zeta make U h, W^T g and U u.  Three normal vectors of the stream, q,
x and one that is not kept, make W a, U^T delta and W y in the same way: with G = W/sd, a hat for a
unit vector and an underscore for the part of a vector across a,

    G a^ = q
    G^T g^ = a^ (q.g^) + xi_
    G y = q (a^.y) + g^ (xi.y_) + |y_| (fresh - g^ (g^.fresh))

and of U alike, where the first product is z and the second is x.  Magnitudes are natural
logarithms, so nothing underflows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel, part
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream, turn_to
from verify.samplers.blocks import Blocks
from verify.samplers.conditioned.passes import (
    Change,
    activate,
    add_layer,
    draw_masks,
    fresh_along,
    log_mean_square,
    mask_gradient,
    masked,
    measured,
    over,
    stepped,
)
from verify.samplers.conditioned.state import (
    State,
    combined,
    dots,
    new_state,
    square_of_sum,
)
from verify.samplers.vectors import Scales, dot

__all__ = ["Residuals", "new_residuals", "residual_updates"]


class Residuals(NamedTuple):
    """The scales of a residual network, and room for one: its ``branches`` as layers 1 to B, with
    ``log_x`` of the stream, and the vectors of the stream after blocks 0 to B, shape
    ``(B + 1, n)``.

    ``h``, ``g``: in units of their own, with lengths ``h_length``, ``g_length``; ``log_g``:
    logarithm of the length of g.  ``q``, ``x``: normals, those of h^0 and W a, and of U^T delta and
    the readout; ``h_x``: h.x.  ``u``: the update, ``log_v``: logarithms of its lengths; ``fresh``:
    room.
    """

    scales: Scales
    branches: State
    down_sd: float
    skip: float
    log_input: float
    input_rate: float
    down_rates: Array
    q: Array
    x: Array
    fresh: Array
    h: Array
    g: Array
    u: Array
    h_length: Array
    g_length: Array
    h_x: Array
    log_g: Array
    log_v: Array


def new_residuals(blocks: Blocks, step: float) -> Residuals:
    """Scales and room for one network."""
    count, n = blocks.up_rates.size, blocks.width
    widths = np.array([n] + [blocks.branch_width] * count)
    scales = Scales(
        widths=widths,
        rows=np.concatenate((np.zeros(1, np.int64), np.cumsum(widths))),
        weight_sd=np.full(count, blocks.up_sd),
        readout_sd=blocks.readout_sd,
        slope=blocks.slope,
        rates=blocks.up_rates,
        input_norm=blocks.input_norm,
    )
    arrays = (
        *np.zeros((2, count + 1, n), np.float32),  # q and x
        np.zeros(n, np.float32),
        *np.zeros((2, count + 1, n)),  # h and g
        np.zeros(n),
        *np.zeros((5, count + 1)),  # h_length to log_v
    )
    log_input = math.log(blocks.input_sd) + math.log(blocks.input_norm)
    own = blocks.down_sd, blocks.skip, log_input, blocks.input_rate, blocks.down_rates
    return Residuals(scales, new_state(scales, step), *own, *arrays)


@part
def _shares(one: float, other: float) -> tuple[float, float, float]:
    """Two sizes given by logarithms in units of the larger, and its logarithm."""
    unit = max(one, other)
    return math.exp(one - unit), math.exp(other - unit), unit


@part
def _log_a(net: Residuals, block: int) -> float:
    """log |a| of the branch over |h|."""
    log_sd, log_mask = math.log(net.scales.weight_sd[block - 1]), net.branches.log_mask[block]
    return float(log_sd + math.log(net.branches.norm[block]) + log_mask)


@part
def _forward(stream: Stream, net: Residuals) -> None:
    """h of the stream and D z of the branches."""
    state = net.branches
    draw_masks(stream, net.scales, state)
    single_normals(stream, net.q.reshape(net.q.size))
    net.h[0] = net.q[0]
    net.h_length[0] = math.sqrt(dot(net.h[0], net.h[0]))
    state.log_x[0] = net.log_input + math.log(net.h_length[0])
    for block in range(1, net.scales.widths.size):
        activate(net.scales, state, block)
        log_fresh = _log_a(net, block) + math.log(net.down_sd)
        skip, fresh, unit = _shares(math.log(net.skip), log_fresh)
        q, h = net.q[block], net.h[block]
        combined((skip / net.h_length[block - 1], fresh, 0.0), (net.h[block - 1], q, q), h)
        net.h_length[block] = math.sqrt(dot(h, h))
        state.log_x[block] = state.log_x[block - 1] + unit + math.log(net.h_length[block])


@part
def _backward(stream: Stream, net: Residuals) -> float:
    """delta of the branches and g of the stream; returns f/(readout sd |h^B|)."""
    scales, state, last = net.scales, net.branches, net.scales.widths.size - 1
    single_normals(stream, state.xi[: state.begin[last + 1, 0]])
    single_normals(stream, net.x.reshape(net.x.size))
    net.g[last] = net.x[last]
    net.g_length[last] = math.sqrt(dot(net.g[last], net.g[last]))
    net.log_g[last] = math.log(scales.readout_sd) + math.log(net.g_length[last])
    for block in range(last, 0, -1):
        x, h, g = net.x[block - 1], net.h[block - 1], net.g[block]
        phi = dot(net.q[block], g) / net.g_length[block]
        phi = mask_gradient(state, block, phi, fresh_along(state, block))
        log_d = math.log(net.down_sd) + math.log(state.length[block]) + state.log_mask[block]
        state.log_g[block] = net.log_g[block] + log_d
        log_fresh = log_d + math.log(scales.weight_sd[block - 1])
        skip, fresh, unit = _shares(math.log(net.skip), log_fresh)
        length, net.h_x[block - 1] = net.h_length[block - 1], dot(h, x)
        along = fresh * (phi - net.h_x[block - 1] / length) / length
        combined((skip / net.g_length[block], along, fresh), (g, h, x), net.g[block - 1])
        net.g_length[block - 1] = math.sqrt(dot(net.g[block - 1], net.g[block - 1]))
        net.log_g[block - 1] = net.log_g[block] + unit + math.log(net.g_length[block - 1])
    return float(dot(net.h[last], net.g[last]) / net.h_length[last])


@part
def _met_by_up(net: Residuals, block: int, length: float) -> Change:
    """The input of U of ``block`` from u, whose stored vector has this ``length``."""
    h, x, u = net.h[block - 1], net.x[block - 1], net.u
    h_u, x_u = dots(h, x, u)
    left = h_u / net.h_length[block - 1] ** 2
    across, xi_y = math.sqrt(square_of_sum(-left, h, u)), x_u - left * net.h_x[block - 1]
    along = h_u / net.h_length[block - 1]
    log_unit = net.log_v[block - 1] - math.log(length) if length > 0.0 else -math.inf
    return measured(log_unit, along, across, xi_y)


@kernel
def _add_three(
    first: float, u: Array, second: float, g: Array, third: float, q: Array, last: float, x: Array
) -> None:
    """u = first u + second g + third q + last x."""
    for i in range(u.size):
        u[i] = first * u[i] + second * g[i] + third * q[i] + last * x[i]


@part
def _add_block(net: Residuals, block: int, own: float, change: Change, length: float) -> float:
    """u = skip u + own |a|^2 g + W y, with y the ``change`` of a; the length of the vector."""
    g, q, fresh, u = net.g[block], net.q[block], net.fresh, net.u
    log_a = net.branches.log_x[block - 1] + _log_a(net, block)
    log_own = 2.0 * log_a + net.log_g[block] + math.log(abs(own))
    log_skip = math.log(net.skip) + net.log_v[block - 1]
    log_carried = change.log + math.log(net.down_sd)
    unit = max(log_own, log_skip, log_carried)
    if unit == -math.inf:
        net.log_v[block] = unit
        return 0.0
    carried, pull = math.exp(log_carried - unit), math.copysign(math.exp(log_own - unit), own)
    across = carried * change.across
    turned = across * dot(g, fresh) / net.g_length[block]
    along_g = (pull + carried * change.xi_y - turned) / net.g_length[block]
    kept = over(math.exp(log_skip - unit), length)
    _add_three(kept, u, along_g, g, carried * change.along, q, across, fresh)
    length = math.sqrt(dot(u, u))
    net.log_v[block] = unit + math.log(length)
    return length


@part
def _moved(own: float, change: Change, log_before: float, step: bool) -> float:
    """``own`` times (x.x after)/(x.x before) of what moved by ``change``, in a real ``step``."""
    if step and log_before > -math.inf:
        return own * (1.0 + change.along * math.exp(change.log - log_before))
    return own


@part
def _tangent(
    stream: Stream, network: int, net: Residuals, step: bool, factor: float, top: int
) -> None:
    """u up to the site ``top`` when every W moves by ``factor`` times its rate times g x^T."""
    scales, state, own = net.scales, net.branches, factor * net.input_rate
    turn_to(stream, network, 1, 0)
    single_normals(stream, state.zeta[: state.begin[-1, 0]])
    log_moved = math.log(abs(own)) + 2.0 * math.log(scales.input_norm)
    net.log_v[0], length = net.log_g[0] + log_moved, 1.0 if own != 0.0 else 0.0
    sign = math.copysign(length, own) / net.g_length[0]
    for i in range(net.u.size):
        net.u[i] = sign * net.g[0, i]
    for block in range(1, top // 2 + 1):
        turn_to(stream, network, 1, block)
        log_h, change = state.log_x[block - 1], _met_by_up(net, block, length)
        own = _moved(factor * scales.rates[block - 1], change, log_h, step)
        add_layer(scales, state, block, own, 2.0 * log_h + state.log_g[block], change)
        if top > 2 * block:
            change = stepped(scales, state, block) if step else masked(state, block)
            log_a = log_h + _log_a(net, block)
            own = _moved(factor * net.down_rates[block - 1], change, log_a, step)
            single_normals(stream, net.fresh)
            length = _add_block(net, block, own, change, length)


@kernel
def _run(
    stream: Stream, network: int, net: Residuals, step: float, label: float, top: int
) -> tuple[float, float]:
    """One network, by its number, up to u of the site ``top``; log |f| and f itself."""
    turn_to(stream, network, 0, 0)
    _forward(stream, net)
    signal = _backward(stream, net)
    log_f = math.log(net.scales.readout_sd) + net.branches.log_x[-1] + math.log(abs(signal))
    f = math.copysign(math.exp(log_f), signal)
    factor = 1.0 if step == 0.0 else step * (label - f)
    _tangent(stream, network, net, step != 0.0, factor, top)
    return log_f, f


@part
def _log_square(stream: Stream, network: int, net: Residuals, site: int) -> float:
    """log(|u|^2/width) of a site: 2 b is the branch of block b, 2 b + 1 the stream after it."""
    block = site // 2
    if site % 2 == 0:
        return float(log_mean_square(stream, network, net.scales, net.branches, block))
    return float(2.0 * net.log_v[block] - math.log(net.u.size))


@kernel
def residual_updates(
    stream: Stream, net: Residuals, step: float, labels: Array, wanted: Array, out: Array
) -> None:
    """As `verify.samplers.conditioned.passes.conditioned_updates`; ``wanted``: sites."""
    top = np.max(wanted)
    for k in range(out.shape[1]):
        log_f, _ = _run(stream, k, net, step, labels[k], top)
        for i in range(wanted.size):
            log_square = _log_square(stream, k, net, wanted[i])
            if step == 0.0:
                out[0, k, i], out[1, k, i] = log_square, log_square + 2.0 * log_f
            else:
                out[0, k, i] = log_square - 2.0 * math.log(step)
