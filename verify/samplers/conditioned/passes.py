"""Compiled passes run a network whose weight matrices are never formed, O(width) a layer.

A layer takes three standard normal vectors z, xi and zeta; every other vector is a combination of
these three.  With G = W/sd, z in units of sd |x below|, D the masks, a hat for a unit vector and an
underscore for the part of a vector across x of its layer, the lemma of docs/sampler-proofs.md gives

    x = D z
    h = G^T g^ = phi x^ + xi_, phi = z.g^, with z and g of the layer above (the readout: h = xi)
    g = D h
    u = own g^ + z (x^.y) + g^ (xi.y_) + |y_| (zeta - g^ (g^.zeta)), with x, xi, y from below

where y is D u, or the change of x in a real step.  Magnitudes are natural logarithms, so nothing
underflows.  Neurons whose masks are 0 pass nothing on while nothing changes a mask: of linearised
ReLU networks they are drawn only in layers that are requested.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, borrowing_kernel, kernel, part
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream, heads, turn_to, uniforms
from verify.samplers.conditioned.state import (
    Draws,
    Factors,
    State,
    combined,
    dots,
    draws_of,
    scaled,
    signed,
    square_and_dot,
    square_of_sum,
)
from verify.samplers.vectors import Scales, activate_change, dot

__all__ = [
    "Change",
    "activate",
    "add_layer",
    "coefficients",
    "conditioned_neurons",
    "conditioned_updates",
    "draw_masks",
    "fresh_along",
    "inactive",
    "log_mean_square",
    "mask_gradient",
    "masked",
    "measured",
    "over",
    "run",
    "stepped",
]


class Change(NamedTuple):
    """A layer's vector y, of length exp(``log``); in units of this length ``along`` = x^.y,
    ``across`` = |y_|, and ``xi_y`` = xi.y_."""

    log: float
    along: float
    across: float
    xi_y: float


@part
def over(number: float, length: float) -> float:
    """number/length, 0 over nothing."""
    return number / length if length > 0.0 else 0.0


@part
def draw_masks(stream: Stream, scales: Scales, state: State) -> None:
    """How many neurons are active, and z of layers 1 to L."""
    last, begin = scales.widths.size - 1, state.begin
    for layer in range(1, last + 1):
        width = scales.widths[layer]
        begin[layer, 1] = begin[layer, 0] + heads(stream, width)
        begin[layer + 1, 0] = begin[layer, 0] + width if state.blocks == 2 else begin[layer, 1]
    single_normals(stream, state.z[: begin[last + 1, 0]])


@part
def activate(scales: Scales, state: State, layer: int) -> None:
    """D and |D z| of ``layer``."""
    bare = state.begin[layer, 1] == state.begin[layer, 0] and scales.slope > 0.0
    state.log_mask[layer] = math.log(scales.slope) if bare else 0.0
    state.mask[layer, 1] = 1.0 if bare else scales.slope
    norm2 = 0.0
    for block in range(state.blocks):
        (z, _, _), mask = draws_of(state, layer, block), state.mask[layer, block]
        state.z_z[layer, block] = signed(1.0 - 2.0 * block, z)
        norm2 += mask * mask * state.z_z[layer, block]
    state.norm[layer] = math.sqrt(norm2)


@part
def _forward(stream: Stream, scales: Scales, state: State) -> bool:
    """z and |x| of layers 1 to L; whether the network lives."""
    last = scales.widths.size - 1
    draw_masks(stream, scales, state)
    state.log_x[0] = math.log(scales.input_norm)
    for layer in range(1, last + 1):
        activate(scales, state, layer)
        length = math.log(scales.weight_sd[layer - 1] * state.norm[layer]) + state.log_mask[layer]
        state.log_x[layer] = state.log_x[layer - 1] + length
    return bool(state.log_x[last] > -math.inf)


@part
def fresh_along(state: State, layer: int) -> float:
    """x^.xi of ``layer``."""
    along = 0.0
    for block in range(state.blocks):
        z, xi, _ = draws_of(state, layer, block)
        state.z_xi[layer, block] = dot(z, xi)
        along += over(state.mask[layer, block] * state.z_xi[layer, block], state.norm[layer])
    return along


@part
def mask_gradient(state: State, layer: int, phi: float, along: float) -> float:
    """g = D h of ``layer``, with ``along`` = x^.xi; z.g^ is returned."""
    square_of_h, tilt = 0.0, over(phi - along, state.norm[layer])
    for block in range(state.blocks):
        z, xi, _ = draws_of(state, layer, block)
        mask = state.mask[layer, block]
        square_of_h += mask * mask * square_of_sum(tilt * mask, z, xi)
    length = math.sqrt(square_of_h)
    state.tilt[layer], state.length[layer] = tilt, length
    return phi * over(state.norm[layer], length)


@part
def _backward(stream: Stream, scales: Scales, state: State) -> float:
    """|g| of layers L to 1; returns f/(readout sd |x^(L)|)."""
    last, phi, signal = scales.widths.size - 1, 0.0, 0.0
    single_normals(stream, state.xi[: state.begin[last + 1, 0]])
    log_scale = math.log(scales.readout_sd)
    for layer in range(last, 0, -1):
        along = fresh_along(state, layer)
        if layer == last:
            phi, signal = along, along
        phi = mask_gradient(state, layer, phi, along)
        state.log_g[layer] = log_scale + math.log(state.length[layer]) + state.log_mask[layer]
        log_scale = state.log_g[layer] + math.log(scales.weight_sd[layer - 1])
    return signal


@part
def add_layer(
    scales: Scales, state: State, layer: int, own: float, log_own: float, below: Change
) -> None:
    """u of ``layer``: own exp(log_own) g^ + W y, with y of the layer ``below``."""
    log_carried = below.log + math.log(scales.weight_sd[layer - 1])
    log_own += math.log(abs(own))
    unit = max(log_own, log_carried)
    along, pull, fresh, turned = 0.0, 0.0, 0.0, 0.0
    if log_own > -math.inf:
        pull = math.copysign(math.exp(log_own - unit), own)
    if log_carried > -math.inf:
        carried = math.exp(log_carried - unit)
        along, fresh = carried * below.along, carried * below.across
        for block in range(state.blocks):
            (z, xi, zeta), mask = draws_of(state, layer, block), state.mask[layer, block]
            z_zeta, xi_zeta = dots(z, xi, zeta)
            state.z_zeta[layer, block] = z_zeta
            turned += mask * (state.tilt[layer] * mask * z_zeta + xi_zeta)
        pull += carried * below.xi_y - over(fresh * turned, state.length[layer])
    state.along[layer], state.fresh[layer], state.log_u[layer] = along, fresh, unit
    state.own[layer] = over(pull, state.length[layer])


@part
def coefficients(state: State, layer: int, block: int) -> Factors:
    """What u of the neurons of a ``block`` has of z, xi and zeta, in units of exp(log_u)."""
    mask = state.mask[layer, block]
    own = state.own[layer] * mask
    return state.along[layer] + own * mask * state.tilt[layer], own, state.fresh[layer]


@part
def measured(log_unit: float, along: float, across: float, xi_y: float) -> Change:
    """y from its parts in units of exp(log_unit)."""
    length = math.sqrt(along * along + across * across)
    if length == 0.0:
        return Change(-math.inf, 0.0, 0.0, 0.0)
    return Change(log_unit + math.log(length), along / length, across / length, xi_y / length)


@part
def masked(state: State, layer: int) -> Change:
    """y = D u of ``layer``."""
    x_y, xi_y, square_across, norm = 0.0, 0.0, 0.0, state.norm[layer]
    for block in range(state.blocks):
        (of_z, of_xi, of_zeta), mask = coefficients(state, layer, block), state.mask[layer, block]
        product = of_z * state.z_z[layer, block] + of_xi * state.z_xi[layer, block]
        x_y += mask * mask * (product + of_zeta * state.z_zeta[layer, block])
    left = over(x_y, norm * norm)
    for block in range(state.blocks):
        (of_z, of_xi, of_zeta), mask = coefficients(state, layer, block), state.mask[layer, block]
        factors = of_z - left, of_xi, of_zeta
        square, product = square_and_dot(factors, draws_of(state, layer, block))
        square_across, xi_y = square_across + mask * mask * square, xi_y + mask * product
    log_unit = state.log_u[layer] + state.log_mask[layer]
    return measured(log_unit, over(x_y, norm), math.sqrt(square_across), xi_y)


@part
def stepped(scales: Scales, state: State, layer: int) -> Change:
    """y = sigma(z + u) - sigma(z) of ``layer``, without cancellation."""
    begin, end, norm = state.begin[layer, 0], state.begin[layer + 1, 0], state.norm[layer]
    on, y, log_u = state.begin[layer, 1] - begin, state.change[: end - begin], state.log_u[layer]
    parts, x_y, xi_y, square_across = (y[:on], y[on:]), 0.0, 0.0, 0.0
    for block in range(2):
        combined(coefficients(state, layer, block), draws_of(state, layer, block), parts[block])
    log_z = math.log(scales.weight_sd[layer - 1]) + state.log_x[layer - 1]
    unit = max(log_z, log_u)
    ours, theirs, back = math.exp(log_z - unit), math.exp(log_u - unit), math.exp(unit - log_u)
    activate_change(state.z[begin:end], ours, y, theirs, back, scales.slope)
    log_unit = log_u + math.log(scaled(y))
    for block in range(2):
        z, xi, _ = draws_of(state, layer, block)
        z_y, product = dots(z, xi, parts[block])
        x_y, xi_y = x_y + state.mask[layer, block] * z_y, xi_y + product
    left = over(x_y, norm * norm)
    for block in range(2):
        of_z = -state.mask[layer, block] * left
        square_across += square_of_sum(of_z, draws_of(state, layer, block)[0], parts[block])
        xi_y += of_z * state.z_xi[layer, block]
    return measured(log_unit, over(x_y, norm), math.sqrt(square_across), xi_y)


@part
def _tangent(
    stream: Stream, scales: Scales, state: State, step: bool, factor: float, top: int
) -> None:
    """u of layers 1 to ``top`` when every W moves by ``factor`` times its rate times g x^T, g and x
    before the ``step``: to first order, or altogether.

    The draws cover all layers: a network is the same for every choice of requested layers.
    """
    single_normals(stream, state.zeta[state.begin[2, 0] : state.begin[-1, 0]])
    below = Change(-math.inf, 0.0, 0.0, 0.0)
    for layer in range(1, top + 1):
        log_x, own = state.log_x[layer - 1], factor * scales.rates[layer - 1]
        if step:
            own *= 1.0 + below.along * math.exp(below.log - log_x)
        add_layer(scales, state, layer, own, 2.0 * log_x + state.log_g[layer], below)
        if layer < top:
            below = stepped(scales, state, layer) if step else masked(state, layer)


@borrowing_kernel
def run(
    stream: Stream, network: int, scales: Scales, state: State, step: float, label: float, top: int
) -> tuple[float, float]:
    """One network, by its number, up to u of layer ``top``; log |f|, minus infinity if it is dead,
    and f itself."""
    turn_to(stream, network, 0, 0)
    if not _forward(stream, scales, state):
        return -math.inf, 0.0
    signal = _backward(stream, scales, state)
    log_f = math.log(scales.readout_sd) + state.log_x[-1] + math.log(abs(signal))
    f = math.copysign(math.exp(log_f), signal)
    turn_to(stream, network, 1, 0)
    factor = 1.0 if step == 0.0 else step * (label - f)
    _tangent(stream, scales, state, step != 0.0, factor, top)
    return log_f, f


@part
def inactive(stream: Stream, network: int, scales: Scales, state: State, layer: int) -> Draws:
    """z, xi and zeta of the inactive neurons of ``layer``: drawn now, where no pass holds them (xi
    then counts for nothing)."""
    if state.blocks == 2:
        return draws_of(state, layer, 1)
    off = scales.widths[layer] - draws_of(state, layer, 0)[0].size
    z, zeta = state.room[:off], state.room[off : 2 * off]
    turn_to(stream, network, 2, layer)
    single_normals(stream, z)
    single_normals(stream, zeta)
    signed(-1.0, z)
    return z, zeta, zeta


@borrowing_kernel
def log_mean_square(
    stream: Stream, network: int, scales: Scales, state: State, layer: int
) -> float:
    """log(|u|^2/width) of ``layer``."""
    others = inactive(stream, network, scales, state, layer)
    square, _ = square_and_dot(coefficients(state, layer, 0), draws_of(state, layer, 0))
    square += square_and_dot(coefficients(state, layer, 1), others)[0]
    width = scales.widths[layer]
    return float(2.0 * state.log_u[layer] + math.log(square / width))


@kernel
def conditioned_updates(
    stream: Stream,
    scales: Scales,
    state: State,
    step: float,
    labels: Array,
    wanted: Array,
    out: Array,
) -> None:
    """Networks one after the other; ``step`` = 0 for the linearised update at eta = 1.

    ``labels``: +-1 for each network, used by a real step.  ``wanted``: 1-based layers.  ``out``:
    logarithms, shape ``(parts, networks, layers)``: label and output part, or the real step's
    mean square over the rate squared.
    """
    top = np.max(wanted)
    for k in range(out.shape[1]):
        log_f, _ = run(stream, k, scales, state, step, labels[k], top)
        for i in range(wanted.size):
            log_square = -math.inf
            if log_f > -math.inf:
                log_square = log_mean_square(stream, k, scales, state, wanted[i])
            if step == 0.0:
                out[0, k, i], out[1, k, i] = log_square, log_square + 2.0 * log_f
            else:
                out[0, k, i] = log_square - 2.0 * math.log(step)


@kernel
def conditioned_neurons(
    stream: Stream,
    scales: Scales,
    state: State,
    step: float,
    labels: Array,
    layer: int,
    z: Array,
    change: Array,
    outputs: Array,
) -> None:
    """The neurons of one layer: pre-activations into ``z`` and their change into ``change``, shape
    ``(networks, width)``, linearised at eta = 1 (``step`` = 0) or of a real step; f into
    ``outputs``."""
    for k in range(outputs.size):
        log_f, outputs[k] = run(stream, k, scales, state, step, labels[k], layer)
        active, others = draws_of(state, layer, 0), inactive(stream, k, scales, state, layer)
        on = active[0].size
        z[k, :on], z[k, on:] = active[0], others[0]
        combined(coefficients(state, layer, 0), active, change[k, :on])
        combined(coefficients(state, layer, 1), others, change[k, on:])
        z[k] *= math.exp(state.log_x[layer - 1] + math.log(scales.weight_sd[layer - 1]))
        factor = labels[k] - outputs[k] if step == 0.0 else 1.0
        change[k] *= 0.0 if log_f == -math.inf else factor * math.exp(state.log_u[layer])
        turn_to(stream, k, 3, 0)
        _shuffle(stream, z[k], change[k])


@kernel
def _shuffle(stream: Stream, one: Array, other: Array) -> None:
    """Both arrays in the same random order."""
    chances = np.empty(one.size)
    uniforms(stream, chances)
    for i in range(one.size - 1, 0, -1):
        j = int(chances[i] * (i + 1))
        one[i], one[j] = one[j], one[i]
        other[i], other[j] = other[j], other[i]
