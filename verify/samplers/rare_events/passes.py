"""Compiled passes sample by importance: tilted forward draws, weighted conditional means."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel
from verify.samplers.rare_events.conditional_means import Words, moved, next_words
from verify.samplers.rare_events.tilts import draw, moment
from verify.samplers.vectors import Scales

__all__ = ["rare_updates"]

_PHASES = ((2, 0), (1, 1), (0, 2))
"""Powers of T and V that tilt a layer, for the label part; for the output part one T more."""
_TILTED_SHARE, _UNTILTED_SHARE = 0.4375, 0.125
"""Shares of the networks drawn for the label part, as many for the output part, and untilted."""
_LARGE, _SHRINK = 1e60, 1e-30


class _Plan(NamedTuple):
    """The numbers that all networks share, by layer 0 to L.

    ``top``: the highest requested layer.  ``asked``: whether a layer is requested.  ``own``:
    multipliers of the rates over sd^2.  ``scale``: one over the mean of T^i V^j by phase, shape
    ``(L + 1, 2, 3)``, with one T more at index 1.  ``turn``, ``back``: chances, before a layer, to
    go on in a phase chosen at random, and else to go back to the first.  ``log_label``,
    ``log_output``: logarithms of s and p over the width, where the gradient h on x of a layer has
    E[h h^T] = s 1 and E[f^2 h h^T] = p (|x|^2 1 + 2 x x^T) given x.
    """

    top: int
    asked: Array
    own: Array
    scale: Array
    turn: float
    back: Array
    log_label: Array
    log_output: Array


@kernel
def _plan(scales: Scales, wanted: Array) -> _Plan:
    size, top = scales.widths.size, wanted[0]
    asked, own, back = np.zeros(size, np.bool_), np.empty(size), np.empty(size)
    for layer in wanted:
        asked[layer] = True
        top = max(top, layer)
    scale, log_label, log_output = np.empty((size, 2, 3)), np.empty(size), np.empty(size)
    log_s = 2.0 * math.log(scales.readout_sd)
    log_p = 2.0 * log_s
    for layer in range(size - 1, 0, -1):
        width, variance = scales.widths[layer], scales.weight_sd[layer - 1] ** 2
        for phase in range(3):
            i, j = _PHASES[phase]
            for extra in range(2):
                scale[layer, extra, phase] = 1.0 / moment(i + extra, j, width, scales.slope)
        own[layer] = scales.rates[layer - 1] / variance
        back[layer] = 1.0 - scale[layer, 0, 0] / scale[layer, 0, 1]
        log_label[layer], log_output[layer] = log_s - math.log(width), log_p - math.log(width)
        log_s += math.log(variance * 0.5 * (1.0 + scales.slope**2) * width)
        log_p += math.log(variance**2 / scale[layer, 0, 0])
    return _Plan(top, asked, own, scale, 3.0 / (top + 2.0), back, log_label, log_output)


@kernel
def _extend(plan: _Plan, layer: int, t: float, v: float, sums: Array, logs: Array) -> None:
    """Likelihood ratios of both tilts to the untilted law, one more layer's T and V given.

    ``sums``: by phase of that layer, shape ``(2, 3)``, each row in units of ``exp(logs)``.
    """
    back, turn, factor = plan.back[layer], plan.turn, 1.0
    for extra in range(2):
        first, second, third = sums[extra]
        total = first + second + third
        stay, anew = (1.0 - turn) * (1.0 - back), turn * total / 3.0
        first = (stay * first + anew + (1.0 - turn) * back * total) * (factor * t * t)
        second, third = (stay * second + anew) * (factor * t * v), (stay * third + anew) * v * v
        first, second = first * plan.scale[layer, extra, 0], second * plan.scale[layer, extra, 1]
        third *= factor * plan.scale[layer, extra, 2]
        total = first + second + third
        if not 1e-100 < total < 1e100:
            first, second, third = first / total, second / total, third / total
            logs[extra] += math.log(total)
        sums[extra, 0], sums[extra, 1], sums[extra, 2] = first, second, third
        factor = t


@kernel
def _log_weight(sums: Array, logs: Array) -> float:
    """Logarithm of the untilted law's density over the density of the sampled mixture."""
    log_label = logs[0] + math.log(sums[0, 0] + sums[0, 1] + sums[0, 2])
    log_output = logs[1] + math.log(sums[1, 0] + sums[1, 1] + sums[1, 2])
    top = max(log_label, log_output, 0.0)
    tilted = math.exp(log_label - top) + math.exp(log_output - top)
    return float(-top - math.log(_TILTED_SHARE * tilted + _UNTILTED_SHARE * math.exp(-top)))


@kernel
def _shrunk(words: Words) -> Words:
    one, two = _SHRINK, _SHRINK**2
    return Words(
        one * words.unit,
        one * words.along,
        one * words.across,
        two * words.along2,
        two * words.along_across,
        two * words.across2,
        two * words.mixed,
        two * words.squares,
    )


@kernel
def _network(
    stream: np.random.Generator, scales: Scales, plan: _Plan, ratios: Array, out: Array
) -> None:
    """One network; ``out``: logarithms of the label and the output part by layer, shape
    ``(2, L + 1)``; ``ratios``: room, shape ``(2, 4)``."""
    sums, logs = ratios[:, :3], ratios[:, 3]
    for extra in range(2):
        logs[extra] = 0.0
        for phase in range(3):
            sums[extra, phase] = 1.0 / 3.0
        for layer in range(plan.top + 1):
            out[extra, layer] = -math.inf
    slope, u, phase = scales.slope, stream.random(), int(3.0 * stream.random())
    untilted, more = u < _UNTILTED_SHARE, int(u >= _UNTILTED_SHARE + _TILTED_SHARE)
    words, log_unit = Words(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.0
    x2, log_x2 = 1.0, 2.0 * math.log(scales.input_norm)
    for layer in range(1, plan.top + 1):
        width, own = scales.widths[layer], plan.own[layer]
        variance = scales.weight_sd[layer - 1] ** 2
        i = j = 0
        if not untilted:
            u = stream.random()
            if u < plan.turn:
                phase = min(int(3.0 * u / plan.turn), 2)
            elif u < plan.turn + (1.0 - plan.turn) * plan.back[layer]:
                phase = 0
            i, j = _PHASES[phase]
            i += more
        draws = draw(stream, i, j, width, slope)
        if draws.t == 0.0:
            return
        _extend(plan, layer, draws.t, draws.v, sums, logs)
        if plan.asked[layer]:
            label, output = moved(words, draws, own, width, slope)
            log_below = log_x2 + math.log(x2 * variance)
            log_scale = 2.0 * (log_below + log_unit) + _log_weight(sums, logs)
            out[0, layer] = math.log(label) + log_scale + plan.log_label[layer]
            log_scale += log_below + math.log(draws.t)
            out[1, layer] = math.log(output) + log_scale + plan.log_output[layer]
        words = next_words(words, draws, own, width, slope)
        while words.along2 + words.across2 + words.mixed + words.squares > _LARGE:
            words = _shrunk(words)
            log_unit -= math.log(_SHRINK)
        x2 *= variance * draws.t
        if not 1e-100 < x2 < 1e100:
            x2, log_x2 = 1.0, log_x2 + math.log(x2)


@kernel
def rare_updates(stream: np.random.Generator, scales: Scales, wanted: Array, out: Array) -> None:
    """The linearised update at eta = 1 of ``out.shape[1]`` networks, each times its weight.

    ``wanted``: 1-based layers.  ``out``: log of the label and the output part, shape
    ``(2, networks, layers)``; minus infinity where a part is exactly zero.
    """
    plan = _plan(scales, wanted)
    ratios, logs = np.empty((2, 4)), np.empty((2, scales.widths.size))
    for k in range(out.shape[1]):
        _network(stream, scales, plan, ratios, logs)
        for index in range(wanted.size):
            out[0, k, index] = logs[0, wanted[index]]
            out[1, k, index] = logs[1, wanted[index]]
