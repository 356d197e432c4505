"""Compiled passes run through the parts of networks: forwards, backwards, and with the change.

Where they cannot go on, they return, the caller answers, and they go on from there.

A weight matrix W is known through W x, W^T g and W y alone.  With hats for unit vectors and an
underscore for the part of a vector across x,

    W x = |x| sd m
    W^T g = x^ (W x^ . g) + |g| sd n_
    W y = (x^.y) W x^ + g^ (h_.y_)/|g| + |y_| sd (k - g^ (g^.k)), with h = W^T g

and m, n and k standard normal vectors: docs/sampler-proofs.md has the proof.
"""

from __future__ import annotations

import math

from verify.numerics.compiled import Array, borrowing_kernel, formula, part
from verify.numerics.single_normals import single_normals
from verify.numerics.tables import change_looked_up, looked_up
from verify.numerics.variates import Stream, turn_to
from verify.samplers.layerwise.program import (
    ACTIVATION,
    ENTRYWISE,
    GRADIENT,
    NORM,
    NORMALISED,
    PRODUCT,
    SIGNS,
    Program,
)
from verify.samplers.layerwise.state import (
    ANSWERED,
    NETWORK,
    PART,
    STAGE,
    State,
    across,
    add_entrywise,
    add_scaled,
    dots_with,
    has_zero,
    moved_norm,
    multiply,
    multiply_and_dots,
    normed,
    product_of,
    pulled_through_norm,
    scale,
    sign,
    signs,
    sum_of_two,
)
from verify.samplers.vectors import dot

__all__ = ["BACKWARD", "CHANGE", "FORWARD", "READOUT", "run"]

FORWARD, BACKWARD, CHANGE, READOUT = range(4)
"""Stages, which draw from separate places of the stream."""
_SMALLEST = 1e-290
"""Squares below it have lost digits, or are about to vanish."""


@formula
def _over(number: float, divisor: float) -> float:
    """number/divisor, 0 over nothing."""
    return number / divisor if divisor > 0.0 else 0.0


@formula
def _place(begin: Array, vectors: Array, i: int) -> Array:
    """The vector at place i, of ``vectors`` that begin at ``begin``."""
    return vectors[begin[i] : begin[i + 1]]


@formula
def _elsewhere(starts: Array, vectors: Array, i: int, like: Array) -> Array:
    """The vector of part i that begins at ``starts[i]``, of the size of another."""
    return vectors[starts[i] : starts[i] + like.size]


@part
def _normals(stream: Stream, state: State, size: int) -> Array:
    """Fresh normals, which stay until the next."""
    fresh = state.draws[:size]
    single_normals(stream, fresh)
    return fresh


@part
def _forward(stream: Stream, program: Program, table: Array, state: State, i: int) -> bool:
    """Place i + 1; whether nothing is left to the caller."""
    kind = program.kinds[i]
    x, out = _place(program.begin, state.values, i), _place(program.begin, state.values, i + 1)
    if kind == PRODUCT:
        if i == 0 or program.kinds[i - 1] != ACTIVATION:
            state.squares[i] = dot(x, x)
        if program.given:
            return False
        turn_to(stream, state.now[NETWORK], FORWARD, i)
        wx = _elsewhere(program.products, state.values, i, out)
        size, deviation = program.sd[i] * math.sqrt(state.squares[i]), program.deviations[i]
        scale(size, _normals(stream, state, out.size), wx)
        if deviation > 0.0:
            add_scaled(wx, deviation, _normals(stream, state, out.size), out)
    elif kind == ACTIVATION:
        looked_up(table, x, out, _elsewhere(program.slopes, state.slopes, i, out))
        state.squares[i + 1] = dot(out, out)
        state.direct[i] = math.isnan(state.squares[i + 1])
        return not state.direct[i]
    elif kind == NORM:
        state.roots[i] = normed(program.centred[i], x, out)
    else:
        before = _place(program.begin, state.values, program.sources[i])
        sum_of_two(program.skips[i], before, program.factors[i], x, out)
    return True


@part
def _readout(stream: Stream, program: Program, state: State, label: float) -> None:
    """f and the residue, and the gradient at the last place, where the caller does not give it."""
    last = program.kinds.size
    x, g = _place(program.begin, state.values, last), _place(program.begin, state.gradients, last)
    if not program.given:
        turn_to(stream, state.now[NETWORK], READOUT, 0)
        scale(program.readout_sd, _normals(stream, state, g.size), g)
    state.numbers[0] = dot(g, x)
    state.numbers[1] = state.numbers[0] - label if program.whole else 1.0


@part
def _measures_g(program: Program, i: int) -> bool:
    """Whether part i, whose gradient is that at the output of a matrix, also takes its length."""
    if i == program.kinds.size or program.kinds[i] != ACTIVATION or program.joins[i] >= 0:
        return False
    return bool(program.kinds[i - 1] == PRODUCT)


@part
def _backward(stream: Stream, program: Program, state: State, i: int) -> bool:
    """The gradient at place i by way of part i; whether nothing is left to the caller."""
    kind = program.kinds[i]
    x, g = _place(program.begin, state.values, i), _place(program.begin, state.gradients, i + 1)
    out = _elsewhere(program.pulled, state.gradients, i, x)
    if kind == PRODUCT:
        if not _measures_g(program, i + 1):
            wx = _elsewhere(program.products, state.values, i, g)
            state.along[i], state.lengths[i] = dots_with(wx, g)
        if i == 0:
            return True
        if program.given:
            return False
        turn_to(stream, state.now[NETWORK], BACKWARD, i)
        fresh = _normals(stream, state, out.size)
        size = program.sd[i] * math.sqrt(state.lengths[i])
        along = _over(state.along[i] - size * dot(fresh, x), state.squares[i])
        sum_of_two(along, x, size, fresh, out)
    elif kind == ACTIVATION:
        slope = _elsewhere(program.slopes, state.slopes, i, g)
        if _measures_g(program, i):
            wx = _elsewhere(program.products, state.values, i - 1, x)
            state.along[i - 1], state.lengths[i - 1] = multiply_and_dots(slope, g, wx, out)
        else:
            multiply(slope, g, out)
    elif kind == NORM:
        value = _place(program.begin, state.values, i + 1)
        pulled_through_norm(program.centred[i], value, state.roots[i], g, out)
    else:
        scale(program.factors[i], g, out)
    return True


@part
def _add_skip(program: Program, state: State, i: int) -> None:
    """The gradient at place i, with what the skip of a block that begins there adds."""
    join = program.joins[i]
    if join >= 0:
        g = _place(program.begin, state.gradients, i)
        above = _place(program.begin, state.gradients, join + 1)
        by_part = _elsewhere(program.pulled, state.gradients, i, g)
        add_scaled(by_part, program.skips[join], above, g)


@formula
def _change_at(begin: Array, change: Array, i: int) -> Array:
    """The change at place i, or room for it, in one half of ``change``."""
    first = (i % 2) * (change.size // 2)
    return change[first : first + begin[i + 1] - begin[i]]


@part
def _along_g(program: Program, state: State, i: int, x_y: float) -> float:
    """What U times the input after the step has of g; ``x_y``: x.y."""
    after, factor = state.squares[i] - program.step * x_y, program.rates[i] * program.multiple
    if program.rule == GRADIENT:
        return float(factor * state.numbers[1] * after)
    if program.rule == NORMALISED:
        length = math.sqrt(state.lengths[i]) * math.sqrt(state.squares[i])
        return float(factor * sign(state.numbers[1]) * _over(after, length))
    return 0.0


@part
def _add_other_steps(program: Program, state: State, i: int, y: Array, out: Array) -> None:
    """Add U times the input after the step, where U is no multiple of g x^T, to ``out``."""
    x, g = _place(program.begin, state.values, i), _place(program.begin, state.gradients, i + 1)
    factor, residue = program.rates[i] * program.multiple, state.numbers[1]
    spare = state.spare[: x.size]
    if program.rule == SIGNS:
        signs(x, spare)
        length = dot(spare, x) - program.step * dot(spare, y)
        signs(g, state.spare[: g.size])
        add_scaled(out, factor * sign(residue) * length, state.spare[: g.size], out)
    elif program.rule == ENTRYWISE:
        add_scaled(x, -program.step, y, spare)
        add_entrywise(factor, residue, program.epsilon, g, x, spare, out)


@part
def _moved_product(stream: Stream, program: Program, state: State, i: int, given: bool) -> None:
    """The change behind a matrix, of which the caller has ``given`` W y."""
    y, out = (
        _change_at(program.begin, state.change, i),
        _change_at(program.begin, state.change, i + 1),
    )
    wx = _elsewhere(program.products, state.values, i, out)
    x, g = _place(program.begin, state.values, i), _place(program.begin, state.gradients, i + 1)
    held = program.rates[i] * program.decay
    kept = 1.0 - program.step * held
    if i == 0:
        y[:] = 0.0
        sum_of_two(held, wx, _along_g(program, state, i, 0.0), g, out)
    elif given:
        product_of(held, wx, kept, out, _along_g(program, state, i, dot(x, y)), g, out)
    else:
        turn_to(stream, state.now[NETWORK], CHANGE, i)
        fresh, x_y = _normals(stream, state, out.size), dot(x, y)
        along = _over(x_y, state.squares[i])
        h = _elsewhere(program.pulled, state.gradients, i, x)
        square, h_y = across(along, x, y, h)
        size = program.sd[i] * math.sqrt(square)
        of_g = kept * _over(h_y - size * dot(g, fresh), state.lengths[i])
        of_g += _along_g(program, state, i, x_y)
        product_of(kept * along + held, wx, kept * size, fresh, of_g, g, out)
    _add_other_steps(program, state, i, y, out)


@part
def _change(stream: Stream, program: Program, table: Array, state: State, i: int) -> bool:
    """The change at place i + 1 over -eta, to first order or of a real step, but for products;
    whether nothing is left to the caller."""
    kind, step = program.kinds[i], program.step
    y, out = (
        _change_at(program.begin, state.change, i),
        _change_at(program.begin, state.change, i + 1),
    )
    x, value = _place(program.begin, state.values, i), _place(program.begin, state.values, i + 1)
    if kind == PRODUCT:
        return i == 0 or not program.given
    if kind == ACTIVATION:
        if step == 0.0:
            multiply(_elsewhere(program.slopes, state.slopes, i, out), y, out)
        elif state.direct[i]:
            return False
        else:
            change_looked_up(table, x, value, y, step, out)
            return not math.isnan(dot(out, out))
    elif kind == NORM:
        centred, root = program.centred[i], state.roots[i]
        if step == 0.0:
            pulled_through_norm(centred, value, root, y, out)
        else:
            moved_norm(centred, x, value, y, step, state.spare[: x.size], out)
    else:
        sum_of_two(program.skips[i], state.stream[: y.size], program.factors[i], y, out)
    return True


@part
def _begin_block(program: Program, state: State, i: int) -> None:
    """Keep the change at the beginning of a block for its join."""
    if program.joins[i] >= 0:
        y = _change_at(program.begin, state.change, i)
        scale(1.0, y, state.stream[: y.size])


@part
def _measure(program: Program, state: State, i: int) -> None:
    """The mean squared change at place i + 1, if it is requested."""
    if program.sites[i] >= 0:
        out = _change_at(program.begin, state.change, i + 1)
        state.moved[program.sites[i]] = dot(out, out) / out.size


@part
def _underflows(program: Program, state: State) -> bool:
    """Whether a number is 0, or has lost digits, only because it is too small for a float."""
    for i in range(program.kinds.size):
        moved = state.moved[program.sites[i]] if program.sites[i] >= 0 else 1.0
        if 0.0 < moved < _SMALLEST:
            return True
        if program.kinds[i] == PRODUCT:
            square, length = state.squares[i], state.lengths[i]
            if 0.0 < square < _SMALLEST or 0.0 < length < _SMALLEST:
                return True
            if moved == 0.0 and program.rates[i] > 0.0 and square > 0.0 and length > 0.0:
                return True
    return program.rule == SIGNS and not program.flat and has_zero(state.slopes)


@part
def _write(program: Program, state: State, layers: Array, logs: Array) -> None:
    """The logarithms of one network, NaN if it underflows."""
    k, log_f = state.now[NETWORK], math.log(abs(state.numbers[0]))
    lost = math.nan if _underflows(program, state) else 0.0
    for j in range(layers.size):
        logs[0, k, j] = math.log(state.moved[layers[j]]) + lost
        if not program.whole:
            logs[1, k, j] = logs[0, k, j] + 2.0 * log_f


@borrowing_kernel
def _forwards(stream: Stream, program: Program, table: Array, state: State) -> bool:
    """All places, from the part of ``state.now`` on; whether nothing is left to the caller."""
    now = state.now
    while now[PART] < program.kinds.size:
        if not now[ANSWERED] and not _forward(stream, program, table, state, now[PART]):
            return False
        now[ANSWERED], now[PART] = 0, now[PART] + 1
    return True


@borrowing_kernel
def _backwards(stream: Stream, program: Program, state: State) -> bool:
    """All gradients, likewise."""
    now = state.now
    while now[PART] >= 0:
        if not now[ANSWERED] and not _backward(stream, program, state, now[PART]):
            return False
        _add_skip(program, state, now[PART])
        now[ANSWERED], now[PART] = 0, now[PART] - 1
    return True


@borrowing_kernel
def _changes(stream: Stream, program: Program, table: Array, state: State) -> bool:
    """The changes up to the last requested site, likewise."""
    now = state.now
    while now[PART] < program.parts:
        i = now[PART]
        if not now[ANSWERED]:
            _begin_block(program, state, i)
            if not _change(stream, program, table, state, i):
                return False
        if program.kinds[i] == PRODUCT:
            _moved_product(stream, program, state, i, bool(now[ANSWERED]))
        _measure(program, state, i)
        now[ANSWERED], now[PART] = 0, i + 1
    return True


@borrowing_kernel
def run(
    stream: Stream,
    program: Program,
    table: Array,
    state: State,
    labels: Array,
    layers: Array,
    logs: Array,
) -> bool:
    """Networks one after the other, from ``state.now`` on; whether all of them are finished.

    Else the caller answers for the stage and the part of ``state.now``, and calls again.
    ``labels``: +-1 for each network.  ``layers``: numbers of requested sites.  ``logs``: natural
    logarithms of mean squared changes, shape ``(parts, networks, layers)``.
    """
    now = state.now
    while now[NETWORK] < labels.size:
        if now[STAGE] == FORWARD:
            if not _forwards(stream, program, table, state):
                return False
            now[STAGE] = READOUT
        if now[STAGE] == READOUT:
            if program.given and not now[ANSWERED]:
                return False
            _readout(stream, program, state, labels[now[NETWORK]])
            now[ANSWERED], now[STAGE], now[PART] = 0, BACKWARD, program.kinds.size - 1
        if now[STAGE] == BACKWARD:
            if not _backwards(stream, program, state):
                return False
            now[STAGE], now[PART] = CHANGE, 0
        if not _changes(stream, program, table, state):
            return False
        _write(program, state, layers, logs)
        now[NETWORK], now[STAGE], now[PART] = now[NETWORK] + 1, FORWARD, 0
    return True
