"""Compiled passes that carry only norms and inner products of ReLU networks, O(1) a layer: see
docs/conditioning.md.

The gradient g lives on a layer's active neurons, in the span of z there and of one direction across
it; what is left of a Gaussian vector counts by its length alone.  g . z = f at every layer fixes
the length of g by its angle to z, so that magnitudes are products of norms, carried as doubles
times powers of two; logarithms are taken where a layer is asked for.

Several networks (lanes) go through a layer together, so that the arithmetic runs in vector lanes.
Arrays are rows of fields, see `verify.samplers.gram.relu_state`: ``here`` of a layer, ``room`` for the rest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.numerics.chi_squares import chi_squares
from verify.numerics.compiled import kernel, part
from verify.numerics.powers_of_two import LOG2, exponent, power_of_two
from verify.numerics.variates import Stream, normals, trials, turn_to
from verify.numerics.vector_math import logarithm, select
from verify.samplers.gram import relu_state as at
from verify.samplers.gram.coin_pieces import active_neurons
from verify.samplers.gram.relu_state import ReluScales

__all__ = ["relu_updates"]

Array = Any

_RESCALED = 8
"""Layers between two looks at the powers of two.  A layer changes a square by less than 2^113: no
normal is smaller than 1e-17."""


@part
def _of_layer(layers: Array, layer: int, most: int) -> Array:
    """The fields of a layer, of ``most`` lanes; rows hold as many layers as there is room for."""
    share = at.LANES // most
    return layers[(layer - 1) // share * at.LAYER + (layer - 1) % share * most :]


@part
def _draw(
    stream: Stream, scales: ReluScales, layer: int, here: Array, room: Array, lanes: int
) -> None:
    """All that a layer needs, of its active neurons: squared lengths of Gaussian vectors in as many
    dimensions, one and two less, and a normal."""
    on = room[at.ON : at.ON + lanes]
    first, second = room[at.FIRST : at.FIRST + lanes], room[at.SECOND : at.SECOND + lanes]
    third, turn = room[at.THIRD : at.THIRD + lanes], here[at.TURN : at.TURN + lanes]
    chance_1 = room[at.CHANCE_1 : at.CHANCE_1 + lanes]
    chance_2 = room[at.CHANCE_2 : at.CHANCE_2 + lanes]
    chance_3 = room[at.CHANCE_3 : at.CHANCE_3 + lanes]
    chance_4 = room[at.CHANCE_4 : at.CHANCE_4 + lanes]
    active_neurons(stream, scales.coins, layer, on)
    trials(stream, first, second, chance_1, chance_2)
    trials(stream, third, turn, chance_3, chance_4)
    chi_squares(stream, on, 0.0, first, chance_1, here[at.SQUARE : at.SQUARE + lanes])
    chi_squares(stream, on, 1.0, second, chance_2, here[at.XI : at.XI + lanes])
    chi_squares(stream, on, 2.0, third, chance_3, here[at.REST : at.REST + lanes])


@part
def _draw_inactive(stream: Stream, width: int, room: Array, lanes: int, out: Array) -> None:
    """Squared lengths of Gaussian vectors in as many dimensions as inactive neurons."""
    off, first = room[at.ON : at.ON + lanes], room[at.FIRST : at.FIRST + lanes]
    chance_1 = room[at.CHANCE_1 : at.CHANCE_1 + lanes]
    second, chance_2 = room[at.SECOND : at.SECOND + lanes], room[at.CHANCE_2 : at.CHANCE_2 + lanes]
    trials(stream, first, second, chance_1, chance_2)
    for j in range(lanes):
        room[at.ON + j] = width - room[at.ON + j]
    chi_squares(stream, off, 0.0, first, chance_1, out)


@part
def _forward(
    stream: Stream,
    group: int,
    scales: ReluScales,
    layers: Array,
    rows: Array,
    room: Array,
    most: int,
    lanes: int,
    offs: Array,
    logs: Array,
) -> None:
    """Draws; norms of x; which networks are dead."""
    room[at.NORM : at.NORM + lanes] = 1.0
    room[at.POWER : at.POWER + lanes] = 0.0
    room[at.DEAD : at.DEAD + lanes] = 0.0
    for layer in range(1, scales.widths.size):
        turn_to(stream, group, 0, layer)
        here, variance, row = (
            _of_layer(layers, layer, most),
            scales.variances[layer - 1],
            rows[layer - 1],
        )
        _draw(stream, scales, layer, here, room, lanes)
        for j in range(lanes):
            on = room[at.ON + j]
            square = select(on > 0.0, here[at.SQUARE + j], 1.0)
            here[at.SQUARE + j] = square
            here[at.XI + j] = math.sqrt(here[at.XI + j])
            here[at.TURN + j] = select(on > 1.0, here[at.TURN + j], 0.0)
            room[at.DEAD + j] = select(on > 0.0, room[at.DEAD + j], 1.0)
            room[at.NORM + j] = room[at.NORM + j] * (variance * square)
        if layer % _RESCALED == 0:
            for j in range(lanes):
                power = exponent(room[at.NORM + j])
                room[at.NORM + j] = room[at.NORM + j] * power_of_two(-power)
                room[at.POWER + j] = room[at.POWER + j] + power
        if row >= 0:
            _draw_inactive(stream, scales.widths[layer], room, lanes, offs[row, :lanes])
            _log_norms(scales, layer, room, lanes, logs[row])


@part
def _log_norms(scales: ReluScales, layer: int, room: Array, lanes: int, out: Array) -> None:
    """log |x|^2."""
    log_scale = 2.0 * scales.log_input + LOG2 * scales.norm_powers[layer]
    for j in range(lanes):
        room[at.FIRST + j] = logarithm(room[at.NORM + j]) + LOG2 * room[at.POWER + j] + log_scale
    out[:lanes] = room[at.FIRST : at.FIRST + lanes]


@part
def _backward(
    stream: Stream,
    group: int,
    scales: ReluScales,
    layers: Array,
    room: Array,
    most: int,
    lanes: int,
) -> None:
    """Angles of the gradients from the readout down, and log f^2.

    Given W x, the gradient on x is sd |g above| (phi x/|x| + xi) with phi = g.z/(sd |g| |x|) known
    and xi Gaussian across x; at the last layer it is the readout, whose phi is Gaussian too.  With
    s = 1/phi the tangent of the angle of g to z is |xi| s, and one layer down
    phi^2 = |z|^2/(1 + tangent^2).  INVERSE is the cosine over |z|.  The sign of phi is of no
    consequence.
    """
    turn_to(stream, group, 1, 0)
    normals(stream, room[at.STEEP : at.STEEP + lanes])
    log_scale = 2.0 * (scales.log_readout + scales.log_input) + LOG2 * scales.norm_powers[-1]
    for j in range(lanes):
        square = room[at.STEEP + j] * room[at.STEEP + j]
        log_x = logarithm(room[at.NORM + j]) + LOG2 * room[at.POWER + j]
        room[at.LOG_F + j] = log_scale + log_x + logarithm(square)
        room[at.STEEP + j] = 1.0 / math.sqrt(square)
    for layer in range(scales.widths.size - 1, 0, -1):
        here = _of_layer(layers, layer, most)
        for j in range(lanes):
            slope = here[at.XI + j] * room[at.STEEP + j]
            secant = 1.0 + slope * slope
            inverse = 1.0 / math.sqrt(here[at.SQUARE + j] * secant)
            here[at.SLOPE + j], here[at.INVERSE + j] = slope, inverse
            room[at.STEEP + j] = secant * inverse


@part
def _rescale(room: Array, power: float, trained: bool, lanes: int) -> None:
    """A unit of the update in which it is of order one, but no smaller than that of its own part,
    2^power, in a ``trained`` layer."""
    for j in range(lanes):
        unit = room[at.UNIT + j]
        square = room[at.ALONG + j] * room[at.ALONG + j] + room[at.ACROSS + j]
        carried = unit + exponent(math.sqrt(square))
        own = select(trained, power, carried)
        wanted = select(carried > own, carried, own)
        scale = power_of_two(unit - wanted)
        room[at.ALONG + j], room[at.MET + j] = scale * room[at.ALONG + j], scale * room[at.MET + j]
        room[at.ACROSS + j] = power_of_two(2.0 * (unit - wanted)) * room[at.ACROSS + j]
        room[at.UNIT + j], room[at.OWN + j] = wanted, power_of_two(power - wanted)


@part
def _add_layer(rate: float, here: Array, room: Array, lanes: int) -> None:
    """u = r |x below|^2 g + W y with y = D u of the layer below.

    Given W x and W^T g, with y_ the part of y across x and xi the fresh part of the gradient,

        W y/sd = z_unit (x.y)/|x| + g/|g| (xi . y_) + |y_| (I - g g^T/|g|^2) fresh,

    of which the last part has one coordinate in the plane of z and g: ``turn``, along
    (-sine, cosine).
    """
    for j in range(lanes):
        slope, inverse, turn = here[at.SLOPE + j], here[at.INVERSE + j], here[at.TURN + j]
        along, across = room[at.ALONG + j], room[at.ACROSS + j]
        per_square = (1.0 + slope * slope) * inverse * inverse
        pull = rate * room[at.OWN + j] * per_square + inverse * room[at.MET + j]
        turned = inverse * math.sqrt(across) * turn
        aside = slope * pull + turned
        room[at.ALONG + j] = along + (pull - slope * turned)
        room[at.MET + j] = here[at.XI + j] * aside
        room[at.ACROSS + j] = aside * aside + across * here[at.REST + j] * per_square


@part
def _inactive(here: Array, room: Array, lanes: int, off: Array) -> None:
    """The squared length of the update on inactive neurons, from the update below, in place of
    squared lengths ``off`` of Gaussian vectors: there z and the fresh part are fresh alike."""
    room[at.SECOND : at.SECOND + lanes] = off
    for j in range(lanes):
        slope, inverse = here[at.SLOPE + j], here[at.INVERSE + j]
        below = room[at.ALONG + j] * room[at.ALONG + j] + room[at.ACROSS + j]
        per_square = (1.0 + slope * slope) * inverse * inverse
        room[at.SECOND + j] = below * per_square * room[at.SECOND + j]


@part
def _ask(width: int, room: Array, lanes: int, logs: Array) -> None:
    """log(|u|^2/width) in place of log |x|^2; minus infinity for a dead network."""
    log_width = math.log(float(width))
    room[at.FIRST : at.FIRST + lanes] = logs
    for j in range(lanes):
        square = room[at.ALONG + j] * room[at.ALONG + j] + room[at.ACROSS + j] + room[at.SECOND + j]
        log_scale = room[at.LOG_F + j] + room[at.FIRST + j] + 2.0 * LOG2 * room[at.UNIT + j]
        log_square = logarithm(square) + log_scale - log_width
        room[at.FIRST + j] = select(room[at.DEAD + j] > 0.0, -math.inf, log_square)
    logs[:] = room[at.FIRST : at.FIRST + lanes]


@part
def _tangent(
    scales: ReluScales,
    layers: Array,
    rows: Array,
    room: Array,
    most: int,
    lanes: int,
    offs: Array,
    logs: Array,
) -> None:
    """u of every layer, from the first that is trained to the last that is asked for."""
    moving, power, since = False, 0.0, 0
    room[at.ALONG : at.ACROSS + at.LANES] = 0.0
    room[at.UNIT : at.UNIT + lanes] = 0.0
    for layer in range(1, scales.widths.size):
        here, rate, row = _of_layer(layers, layer, most), scales.rates[layer - 1], rows[layer - 1]
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
def relu_updates(
    stream: Stream, scales: ReluScales, layers: Array, most: int, wanted: Array, out: Array
) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks.

    ``layers``: room for fields of ``most`` networks, see `verify.samplers.gram.relu_state`.  ``wanted``:
    1-based layers.  ``out``: log of the label and the output part, shape
    ``(2, networks, layers)``; minus infinity for a dead network.
    """
    room, rows = np.zeros(at.ROOM), np.full(scales.widths.size - 1, -1)
    logs, offs = np.empty((wanted.size, at.LANES)), np.empty((wanted.size, at.LANES))
    for i in range(wanted.size):
        rows[wanted[i] - 1] = i
    for start in range(0, out.shape[1], most):
        lanes, group = min(most, out.shape[1] - start), start // most
        _forward(stream, group, scales, layers, rows, room, most, lanes, offs, logs)
        _backward(stream, group, scales, layers, room, most, lanes)
        _tangent(scales, layers, rows, room, most, lanes, offs, logs)
        for i in range(wanted.size):
            log_square = logs[rows[wanted[i] - 1], :lanes]
            out[0, start : start + lanes, i] = log_square
            out[1, start : start + lanes, i] = log_square + room[at.LOG_F : at.LOG_F + lanes]
