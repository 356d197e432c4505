"""`verify.samplers.conditioned.passes` for the linearised update of ReLU networks, in three sweeps a layer.

Inactive neurons pass nothing on: they are drawn only where a layer is asked for.  Of the active
ones z, xi and zeta are drawn, the same that the general passes draw, and the lemma of
`verify.samplers.conditioned.gaussian_matrix` is applied to their coordinates (`verify.samplers.conditioned.relu_state`):

    x^ = e_1
    h = phi e_1 + across e_2, and g^ = cosine e_1 + sine e_2 is the unit vector along it
    u = own g^ + z (x^.y) + g^ (h.y_) + |y_| (zeta - g^ (g^.zeta))

with y the unit vector along u of the layer below, in its own frame.
"""

from __future__ import annotations

import math

import numpy as np

from verify.numerics.compiled import kernel, part
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream, heads, turn_to, uniforms
from verify.samplers.conditioned.relu_state import (
    ReluState,
    combined,
    coordinates,
    made_negative,
    made_positive,
    new_state,
    of_active,
    over,
    square_across,
)
from verify.samplers.vectors import Array, Scales, dot

__all__ = ["conditioned_relu_neurons", "conditioned_relu_updates"]


@part
def _forward(stream: Stream, scales: Scales, state: ReluState) -> bool:
    """z and |x| of layers 1 to L; whether the network lives."""
    last, begin = scales.rows.size - 2, state.begin
    for layer in range(1, last + 1):
        width = scales.rows[layer + 1] - scales.rows[layer]
        begin[layer + 1] = begin[layer] + heads(stream, width)
    single_normals(stream, state.z[: begin[last + 1]])
    state.log_x[0] = math.log(scales.input_norm)
    for layer in range(1, last + 1):
        state.norm[layer] = math.sqrt(made_positive(of_active(state, state.z, layer)))
        length = math.log(scales.weight_sd[layer - 1] * state.norm[layer])
        state.log_x[layer] = state.log_x[layer - 1] + length
    return bool(state.log_x[last] > -math.inf)


@part
def _backward(stream: Stream, scales: Scales, state: ReluState) -> float:
    """h and |g| of layers L to 1; returns f/(readout sd |x^(L)|)."""
    last, begin = scales.rows.size - 2, state.begin
    single_normals(stream, state.xi[: begin[last + 1]])
    log_scale = math.log(scales.readout_sd)
    for layer in range(last, 0, -1):
        z, xi = of_active(state, state.z, layer), of_active(state, state.xi, layer)
        along = dot(z, xi) / state.norm[layer]
        state.lean[layer] = along / state.norm[layer]
        square = square_across(xi, state.lean[layer], z)
        state.across[layer] = math.sqrt(square) if z.size > 1 else 0.0
        if layer == last:
            state.phi[layer] = along
        else:
            cosine, _ = _direction(state, layer + 1)
            state.phi[layer] = state.norm[layer + 1] * cosine
        length = math.hypot(state.phi[layer], state.across[layer])
        state.log_g[layer] = log_scale + math.log(length)
        log_scale = state.log_g[layer] + math.log(scales.weight_sd[layer - 1])
    return float(state.phi[last])


@part
def _direction(state: ReluState, layer: int) -> tuple[float, float]:
    """Cosine and sine of the angle from z to g of ``layer``: g^ in its frame."""
    length = math.hypot(state.phi[layer], state.across[layer])
    return state.phi[layer] / length, state.across[layer] / length


@part
def _through(state: ReluState, layer: int, ours: float, theirs: float) -> float:
    """u of ``layer``: ours g^ + theirs W y; its length."""
    cosine, sine = _direction(state, layer)
    one, two, three, with_z, with_zeta = ours * cosine, ours * sine, 0.0, 0.0, 0.0
    if theirs > 0.0:
        y, norm = state.u[layer - 1], state.norm[layer]
        z, xi = of_active(state, state.z, layer), of_active(state, state.xi, layer)
        zeta = of_active(state, state.zeta, layer)
        first, second, third = coordinates(
            z, norm, xi, state.lean[layer], state.across[layer], zeta
        )
        with_z, with_zeta = theirs * y[0], theirs * math.hypot(y[1], y[2])
        known = theirs * state.across[layer - 1] * y[1]
        turned = with_zeta * (second * cosine - first * sine)
        one += with_z * norm + known * cosine - turned * sine
        two += known * sine + turned * cosine
        three = with_zeta * third
    length = math.sqrt(one * one + two * two + three * three)
    u = state.u[layer]
    u[0], u[1], u[2] = over(one, length), over(two, length), over(three, length)
    state.with_z[layer], state.with_zeta[layer] = over(with_z, length), over(with_zeta, length)
    return length


@part
def _tangent(stream: Stream, scales: Scales, state: ReluState, top: int) -> None:
    """u = r |x below|^2 g + W D u below, for layers 1 to ``top``.

    The draws are those of all layers: a network is the same whichever of them is asked for.
    """
    single_normals(stream, state.zeta[state.begin[2] : state.begin[-1]])
    for layer in range(1, top + 1):
        own, log_own = scales.rates[layer - 1], 2.0 * state.log_x[layer - 1] + state.log_g[layer]
        log_carried = state.log_u[layer - 1] + math.log(scales.weight_sd[layer - 1])
        if own == 0.0:
            log_own = -math.inf
        unit = max(log_own, log_carried)
        state.log_u[layer] = unit
        if unit > -math.inf:
            ours, theirs = own * math.exp(log_own - unit), math.exp(log_carried - unit)
            state.log_u[layer] = unit + math.log(_through(state, layer, ours, theirs))


@kernel
def _run(
    stream: Stream, network: int, scales: Scales, state: ReluState, top: int
) -> tuple[float, float]:
    """One network, by its number, up to u of layer ``top``; log |f|, minus infinity if it is dead,
    and f itself."""
    turn_to(stream, network, 0, 0)
    if not _forward(stream, scales, state):
        return -math.inf, 0.0
    signal = _backward(stream, scales, state)
    turn_to(stream, network, 1, 0)
    _tangent(stream, scales, state, top)
    log_f = math.log(scales.readout_sd) + state.log_x[-1] + math.log(abs(signal))
    return log_f, math.copysign(math.exp(log_f), signal)


@kernel
def _inactive(stream: Stream, network: int, scales: Scales, state: ReluState, layer: int) -> float:
    """z of the inactive neurons of ``layer`` and their update over |u|; its squared length."""
    on = state.begin[layer + 1] - state.begin[layer]
    off = scales.rows[layer + 1] - scales.rows[layer] - on
    z, zeta, u = state.inactive[0, :off], state.inactive[1, :off], state.inactive_u[:off]
    turn_to(stream, network, 2, layer)
    single_normals(stream, z)
    single_normals(stream, zeta)
    return made_negative(z, state.with_z[layer], zeta, state.with_zeta[layer], u)


@kernel
def conditioned_relu_updates(stream: Stream, scales: Scales, wanted: Array, out: Array) -> None:
    """Networks one after the other: the linearised update at eta = 1 of the ``wanted`` layers,
    1-based.  ``out``: logarithms of label and output part, shape ``(2, networks, layers)``."""
    state, top = new_state(scales), np.max(wanted)
    for k in range(out.shape[1]):
        log_f, _ = _run(stream, k, scales, state, top)
        for i in range(wanted.size):
            layer, log_square = wanted[i], -math.inf
            if log_f > -math.inf and state.log_u[layer] > -math.inf:
                width = scales.rows[layer + 1] - scales.rows[layer]
                square = 1.0 + _inactive(stream, k, scales, state, layer)
                log_square = 2.0 * state.log_u[layer] + math.log(square / width)
            out[0, k, i], out[1, k, i] = log_square, log_square + 2.0 * log_f


@kernel
def conditioned_relu_neurons(
    stream: Stream,
    scales: Scales,
    labels: Array,
    layer: int,
    z: Array,
    change: Array,
    outputs: Array,
) -> None:
    """The neurons of one layer: pre-activations into ``z`` and their change, linearised at eta = 1,
    into ``change``, shape ``(networks, width)``; f into ``outputs``."""
    state = new_state(scales)
    for k in range(outputs.size):
        log_f, outputs[k] = _run(stream, k, scales, state, layer)
        _inactive(stream, k, scales, state, layer)
        _pre_activations(scales, state, layer, z[k])
        change[k] = 0.0
        if log_f > -math.inf and state.log_u[layer] > -math.inf:
            _update(state, layer, change[k])
            change[k] *= (labels[k] - outputs[k]) * math.exp(state.log_u[layer])
        turn_to(stream, k, 3, 0)
        _shuffle(stream, z[k], change[k])


@kernel
def _pre_activations(scales: Scales, state: ReluState, layer: int, out: Array) -> None:
    """z of ``layer``, the active neurons before the inactive ones."""
    active = of_active(state, state.z, layer)
    out[: active.size], out[active.size :] = active, state.inactive[0, : out.size - active.size]
    out *= math.exp(state.log_x[layer - 1] + math.log(scales.weight_sd[layer - 1]))


@kernel
def _update(state: ReluState, layer: int, out: Array) -> None:
    """u/|u| of ``layer``, in the same order."""
    z, xi = of_active(state, state.z, layer), of_active(state, state.xi, layer)
    zeta, u, norm = of_active(state, state.zeta, layer), state.u[layer], state.norm[layer]
    lean, across = state.lean[layer], state.across[layer]
    one, two, three = coordinates(z, norm, xi, lean, across, zeta)
    of_zeta = over(u[2], three)
    of_xi = over(u[1] - of_zeta * two, across)
    of_z = (u[0] - of_zeta * one) / norm - of_xi * lean
    combined(of_z, z, of_xi, xi, of_zeta, zeta, out[: z.size])
    out[z.size :] = state.inactive_u[: out.size - z.size]


@kernel
def _shuffle(stream: Stream, one: Array, other: Array) -> None:
    """Both arrays in the same random order."""
    chances = np.empty(one.size)
    uniforms(stream, chances)
    for i in range(one.size - 1, 0, -1):
        j = int(chances[i] * (i + 1))
        one[i], one[j] = one[j], one[i]
        other[i], other[j] = other[j], other[i]
