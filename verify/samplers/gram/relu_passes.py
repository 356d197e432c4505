"""Compiled passes carry norms and inner products of ReLU networks, O(1) a layer.

docs/sampler-proofs.md has the proof.

The gradient g lives on a layer's active neurons, in the span of z there and of one direction across
it; the rest of a Gaussian vector counts by its length alone.  g . z = f at every layer fixes
the length of g by its angle to z, so that magnitudes are products of norms, carried as doubles
times powers of two; logarithms are taken where a layer is requested.

Several networks (lanes) go through a layer together, so that the arithmetic runs in vector lanes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.chi_squares import chi_squares
from verify.numerics.coins import CoinTables, coin_counts, coin_tables
from verify.numerics.compiled import Array, kernel, part
from verify.numerics.variates import Stream, normals, trials, turn_to
from verify.numerics.vector_math import LOG2, exponent, logarithm, power_of_two, select
from verify.samplers.gram.groups import Asked, asked_layers, fields, write
from verify.samplers.problem import Problem

__all__ = ["lanes_at", "relu_scales", "relu_updates", "relu_workspace"]

_RESCALED = 8
"""Layers between two looks at the powers of two.  A layer changes a square by less than 2^113: no
normal is smaller than 1e-17."""


LANES = 256
"""The most networks that go through a layer together.  Fields are rows of one array, of this
length and at fixed places, so that the compiler knows that no two overlap."""
_HELD = 2**23
"""Layers of single networks held at a time: about 300 MB."""


class ReluScales(NamedTuple):
    """The network: ``widths`` of layers 0 to L, and coin tables.

    ``variances``: of a weight, shape ``(L,)``, without powers of two; ``norm_powers``: the powers
    of two in the product of all up to a layer, shape ``(L + 1,)``.  ``rates``: multipliers over
    variances, shape ``(L,)``, without powers of two; ``powers``: these powers of two.  ``most``:
    networks that go through a layer together, at most.  ``asked``: the requested layers.
    """

    widths: Array
    variances: Array
    norm_powers: Array
    rates: Array
    powers: Array
    log_readout: float
    log_input: float
    coins: CoinTables
    most: int
    asked: Asked


def relu_scales(problem: Problem) -> ReluScales:
    """A problem as the compiled passes take it."""
    rates, rate_powers = np.frexp(problem.rates)
    sds, sd_powers = np.frexp(problem.weight_sd)
    return ReluScales(
        widths=problem.widths,
        variances=sds**2,
        norm_powers=np.concatenate(([0.0], np.cumsum(2.0 * sd_powers))),
        rates=rates / sds**2,
        powers=rate_powers - 2.0 * sd_powers,
        log_readout=float(np.log(problem.readout_sd)),
        log_input=float(np.log(problem.input_norm)),
        coins=coin_tables(problem.widths),
        most=lanes_at(problem.rates.size),
        asked=asked_layers(problem),
    )


def lanes_at(depth: int) -> int:
    """Networks that go through a layer together: fewer in very deep networks, for room; a power of
    two."""
    return next(lanes for lanes in (LANES, 128, 64, 32) if lanes * depth <= _HELD or lanes == 32)


class _Layer(NamedTuple):
    """The state of the active neurons after a layer, a number for each network.

    ``z``: the squared length of z in units of sd |x below|; the backward pass puts the cosine of
    the angle from z to g over |z| in its place.  ``xi``: the length of the fresh part of the
    gradient on x across z.  ``turn``, ``rest``: of a standard normal vector across g, the
    coordinate in the plane of g and z, and the squared length of the rest.  ``slope``: the
    tangent of the angle from z to g.
    """

    z: Array
    xi: Array
    rest: Array
    turn: Array
    slope: Array


class _Room(NamedTuple):
    """The state that passes carry from layer to layer, and room for draws, a number for each
    network.

    ``along``, ``xi_y``, ``across``: the update of the layer below on its active neurons, in units
    of 2^unit f |x|: along z; the product of the part across z with the fresh part of the gradient;
    the squared length across z.  ``unit``: a power of two; ``own``: the share that an own part of
    order one has in this unit.  ``norm``, ``power``: |x|^2 as norm 2^(power + norm_powers).
    ``dead``: whether a network is dead.  ``steep``: 1/(gradient on x along x in units of its
    standard deviation).  ``log_f2``: log f^2.  ``on``: active (or inactive) neurons.  ``first``,
    ``second``, ``third``: normals; ``first_chance``, …: see `verify.numerics.variates.trials`.
    """

    along: Array
    xi_y: Array
    across: Array
    unit: Array
    own: Array
    norm: Array
    power: Array
    dead: Array
    steep: Array
    log_f2: Array
    on: Array
    first: Array
    second: Array
    third: Array
    first_chance: Array
    second_chance: Array
    third_chance: Array
    turn_chance: Array


_cut_layer = part(fields(_Layer, LANES))
_cut_room = part(fields(_Room, LANES))
_ROOM = len(_Room._fields) * LANES


def relu_workspace(depth: int) -> Any:
    """Fields of ``depth`` layers: rows of them, in each as many layers as there is room for."""
    return np.zeros((-(-depth // (LANES // lanes_at(depth))), len(_Layer._fields) * LANES))


@part
def _of_layer(scales: ReluScales, layers: Array, layer: int) -> _Layer:
    """The fields of a layer; rows hold as many layers as there is room for."""
    share = LANES // scales.most
    here: _Layer = _cut_layer(layers[(layer - 1) // share], (layer - 1) % share * scales.most)
    return here


@part
def _draw(
    stream: Stream, scales: ReluScales, layer: int, here: _Layer, room: _Room, lanes: int
) -> None:
    """All that a layer needs, of its active neurons: squared lengths of Gaussian vectors in as many
    dimensions, one and two less, and a normal."""
    on = room.on[:lanes]
    first, second, third = room.first[:lanes], room.second[:lanes], room.third[:lanes]
    first_chance, second_chance = room.first_chance[:lanes], room.second_chance[:lanes]
    third_chance, turn_chance = room.third_chance[:lanes], room.turn_chance[:lanes]
    coin_counts(stream, scales.coins, layer, on)
    trials(stream, first, second, first_chance, second_chance)
    trials(stream, third, here.turn[:lanes], third_chance, turn_chance)
    chi_squares(stream, on, 0.0, first, first_chance, here.z[:lanes])
    chi_squares(stream, on, 1.0, second, second_chance, here.xi[:lanes])
    chi_squares(stream, on, 2.0, third, third_chance, here.rest[:lanes])


@part
def _draw_inactive(stream: Stream, width: int, room: _Room, lanes: int, out: Array) -> None:
    """Squared lengths of Gaussian vectors in as many dimensions as inactive neurons."""
    off, first, chance = room.on[:lanes], room.first[:lanes], room.first_chance[:lanes]
    trials(stream, first, room.second[:lanes], chance, room.second_chance[:lanes])
    for j in range(lanes):
        room.on[j] = width - room.on[j]
    chi_squares(stream, off, 0.0, first, chance, out)


@part
def _forward(
    stream: Stream,
    group: int,
    scales: ReluScales,
    layers: Array,
    room: _Room,
    lanes: int,
    offs: Array,
    logs: Array,
) -> None:
    """Draws; norms of x; which networks are dead."""
    room.norm[:lanes] = 1.0
    room.power[:lanes] = 0.0
    room.dead[:lanes] = 0.0
    for layer in range(1, scales.widths.size):
        turn_to(stream, group, 0, layer)
        here, row = _of_layer(scales, layers, layer), scales.asked.rows[layer - 1]
        _draw(stream, scales, layer, here, room, lanes)
        variance = scales.variances[layer - 1]
        for j in range(lanes):
            on = room.on[j]
            square = select(on > 0.0, here.z[j], 1.0)
            here.z[j] = square
            here.xi[j] = math.sqrt(here.xi[j])
            here.turn[j] = select(on > 1.0, here.turn[j], 0.0)
            room.dead[j] = select(on > 0.0, room.dead[j], 1.0)
            room.norm[j] = room.norm[j] * (variance * square)
        if layer % _RESCALED == 0:
            for j in range(lanes):
                power = exponent(room.norm[j])
                room.norm[j] = room.norm[j] * power_of_two(-power)
                room.power[j] = room.power[j] + power
        if row >= 0:
            _draw_inactive(stream, scales.widths[layer], room, lanes, offs[row, :lanes])
            _log_norms(scales, layer, room, lanes, logs[row])


@part
def _log_norms(scales: ReluScales, layer: int, room: _Room, lanes: int, out: Array) -> None:
    """log |x|^2."""
    log_scale = 2.0 * scales.log_input + LOG2 * scales.norm_powers[layer]
    for j in range(lanes):
        room.first[j] = logarithm(room.norm[j]) + LOG2 * room.power[j] + log_scale
    out[:lanes] = room.first[:lanes]


@part
def _backward(
    stream: Stream, group: int, scales: ReluScales, layers: Array, room: _Room, lanes: int
) -> None:
    """Angles of the gradients from the readout down, and log f^2.

    Given W x, the gradient on x is sd |g above| (phi x/|x| + xi) with phi = g.z/(sd |g| |x|) known
    and xi Gaussian across x; at the last layer it is the readout, whose phi is Gaussian too.  With
    s = 1/phi the tangent of the angle of g to z is |xi| s, and one layer down
    phi^2 = |z|^2/(1 + tangent^2).  ``inverse`` is the cosine over |z|.  The sign of phi is of no
    consequence.
    """
    turn_to(stream, group, 1, 0)
    normals(stream, room.steep[:lanes])
    log_scale = 2.0 * (scales.log_readout + scales.log_input) + LOG2 * scales.norm_powers[-1]
    for j in range(lanes):
        square = room.steep[j] * room.steep[j]
        log_x = logarithm(room.norm[j]) + LOG2 * room.power[j]
        room.log_f2[j] = log_scale + log_x + logarithm(square)
        room.steep[j] = 1.0 / math.sqrt(square)
    for layer in range(scales.widths.size - 1, 0, -1):
        here = _of_layer(scales, layers, layer)
        for j in range(lanes):
            slope = here.xi[j] * room.steep[j]
            secant = 1.0 + slope * slope
            inverse = 1.0 / math.sqrt(here.z[j] * secant)
            here.slope[j], here.z[j] = slope, inverse
            room.steep[j] = secant * inverse


@part
def _rescale(room: _Room, power: float, trained: bool, lanes: int) -> None:
    """Choose a unit of the update in which it is of order one, but no smaller than the unit 2^power
    of the layer's own part, in a ``trained`` layer."""
    for j in range(lanes):
        unit = room.unit[j]
        square = room.along[j] * room.along[j] + room.across[j]
        carried = unit + exponent(math.sqrt(square))
        own = select(trained, power, carried)
        wanted = select(carried > own, carried, own)
        scale = power_of_two(unit - wanted)
        room.along[j], room.xi_y[j] = scale * room.along[j], scale * room.xi_y[j]
        room.across[j] = power_of_two(2.0 * (unit - wanted)) * room.across[j]
        room.unit[j], room.own[j] = wanted, power_of_two(power - wanted)


@part
def _add_layer(rate: float, here: _Layer, room: _Room, lanes: int) -> None:
    """u = r |x below|^2 g + W y with y = D u of the layer below.

    Given W x and W^T g, with y_ the part of y across x and xi the fresh part of the gradient,

        W y/sd = z_unit (x.y)/|x| + g/|g| (xi . y_) + |y_| (I - g g^T/|g|^2) fresh,

    of which the last part has one coordinate in the plane of z and g: ``turn``, along
    (-sine, cosine).
    """
    for j in range(lanes):
        slope, inverse, turn = here.slope[j], here.z[j], here.turn[j]
        along, across = room.along[j], room.across[j]
        per_square = (1.0 + slope * slope) * inverse * inverse
        pull = rate * room.own[j] * per_square + inverse * room.xi_y[j]
        turned = inverse * math.sqrt(across) * turn
        aside = slope * pull + turned
        room.along[j] = along + (pull - slope * turned)
        room.xi_y[j] = here.xi[j] * aside
        room.across[j] = aside * aside + across * here.rest[j] * per_square


@part
def _inactive(here: _Layer, room: _Room, lanes: int, off: Array) -> None:
    """The squared length of the update on inactive neurons, from the update below, in place of
    squared lengths ``off`` of Gaussian vectors: there z and the fresh part are fresh alike."""
    room.second[:lanes] = off
    for j in range(lanes):
        slope, inverse = here.slope[j], here.z[j]
        below = room.along[j] * room.along[j] + room.across[j]
        per_square = (1.0 + slope * slope) * inverse * inverse
        room.second[j] = below * per_square * room.second[j]


@part
def _ask(width: int, room: _Room, lanes: int, logs: Array) -> None:
    """log(|u|^2/width) in place of log |x|^2; minus infinity for a dead network."""
    log_width = math.log(float(width))
    room.first[:lanes] = logs
    for j in range(lanes):
        square = room.along[j] * room.along[j] + room.across[j] + room.second[j]
        log_scale = room.log_f2[j] + room.first[j] + 2.0 * LOG2 * room.unit[j]
        log_square = logarithm(square) + log_scale - log_width
        room.first[j] = select(room.dead[j] > 0.0, -math.inf, log_square)
    logs[:] = room.first[:lanes]


@part
def _tangent(
    scales: ReluScales, layers: Array, room: _Room, lanes: int, offs: Array, logs: Array
) -> None:
    """u of every layer, from the first that is trained to the last that is requested."""
    moving, power, since = False, 0.0, 0
    for field in (room.along, room.xi_y, room.across, room.unit):
        field[:] = 0.0
    for layer in range(1, scales.widths.size):
        here, rate = _of_layer(scales, layers, layer), scales.rates[layer - 1]
        row = scales.asked.rows[layer - 1]
        moving |= rate > 0.0
        if not moving:
            if row >= 0:
                logs[row, :lanes] = -math.inf
            continue
        since -= 1
        if since < 0 or (rate > 0.0 and scales.powers[layer - 1] != power):
            power, since = (scales.powers[layer - 1] if rate > 0.0 else power), _RESCALED
            _rescale(room, power, rate > 0.0, lanes)
        if row >= 0:
            _inactive(here, room, lanes, offs[row, :lanes])
        _add_layer(rate, here, room, lanes)
        if row >= 0:
            _ask(scales.widths[layer], room, lanes, logs[row, :lanes])


@kernel
def relu_updates(stream: Stream, scales: ReluScales, layers: Array, out: Array) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks.

    ``layers``: room, from `relu_workspace`.  ``out``: log of the label and the output part, shape
    ``(2, networks, layers)``; minus infinity for a dead network.
    """
    room, results = _cut_room(np.zeros(_ROOM), 0), scales.asked.layers.size
    logs, offs = np.empty((results, LANES)), np.empty((results, LANES))
    for start in range(0, out.shape[1], scales.most):
        group, lanes = start // scales.most, min(scales.most, out.shape[1] - start)
        _forward(stream, group, scales, layers, room, lanes, offs, logs)
        _backward(stream, group, scales, layers, room, lanes)
        _tangent(scales, layers, room, lanes, offs, logs)
        write(scales.asked, start, logs, room.log_f2[:lanes], out)
