"""Compiled passes measure forms D^k between z, g and K g, and traces of D^k, of drawn neurons."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from verify.numerics.arrays import IntArray
from verify.numerics.compiled import Array, kernel, part
from verify.numerics.variates import Stream
from verify.samplers.conditioned.passes import coefficients, inactive, run
from verify.samplers.conditioned.state import State, combined, draws_of
from verify.samplers.vectors import Scales

__all__ = ["conditioned_factors", "in_codes", "is_held"]

_FORM = re.compile("(z|gK|g)(D*)(z|Kg|g)")
_CODES = {"z": 0, "g": 1, "gK": 2, "Kg": 2, "": 3}
_Z, _G, _U, _ONES = 0, 1, 2, 3


def is_held(factor: str) -> bool:
    """Whether a trace or form is one of the vectors and masks of a layer."""
    return bool(_FORM.fullmatch(factor)) or not factor.strip("D")


def in_codes(names: Sequence[str]) -> IntArray:
    """Each factor's left vector, number of masks and right vector, shape ``(factors, 3)``."""
    found = (_FORM.fullmatch(name) for name in names)
    parts = [
        each.groups() if each else ("", name, "") for each, name in zip(found, names, strict=True)
    ]
    return np.array([(_CODES[p], len(d), _CODES[q]) for p, d, q in parts], np.int64).reshape(-1, 3)


@part
def _vectors(
    stream: Stream, network: int, scales: Scales, state: State, layer: int, out: Array
) -> int:
    """z, g, K g and ones into the rows of ``out``, in units of their own, and how many neurons
    are active: they come first."""
    active, others = draws_of(state, layer, 0), inactive(stream, network, scales, state, layer)
    on, end = active[0].size, scales.widths[layer]
    for block in range(2):
        draws, first, last = (active, 0, on) if block == 0 else (others, on, end)
        m = state.mask[layer, block]
        out[_Z, first:last] = draws[0]
        combined(
            (m * m * state.tilt[layer] / state.length[layer], m / state.length[layer], 0.0),
            draws,
            out[_G, first:last],
        )
        combined(coefficients(state, layer, block), draws, out[_U, first:last])
    out[_ONES, :end] = 1.0
    return int(on)


@kernel
def conditioned_factors(
    stream: Stream,
    scales: Scales,
    state: State,
    codes: Array,
    layers: Array,
    signs: Array,
    logs: Array,
) -> None:
    """The factors of ``codes`` of networks one after the other at ``layers``, 1-based; signs and
    logarithms of sizes, shape ``(factors, networks, layers)``."""
    vectors, units, top = np.zeros((4, np.max(scales.widths))), np.zeros(4), np.max(layers)
    for k in range(logs.shape[1]):
        log_f, _ = run(stream, k, scales, state, 0.0, 1.0, top)
        for i in range(layers.size):
            layer = layers[i]
            width = scales.widths[layer]
            on = _vectors(stream, k, scales, state, layer, vectors)
            units[_Z] = state.log_x[layer - 1] + math.log(scales.weight_sd[layer - 1])
            units[_G], units[_U] = state.log_g[layer], state.log_u[layer]
            if log_f == -math.inf:
                units[_G] = units[_U] = -math.inf
            for j in range(codes.shape[0]):
                left, masks, right = codes[j]
                ours = vectors[left, :on] * vectors[right, :on]
                theirs = vectors[left, on:width] * vectors[right, on:width]
                value = np.sum(ours) + scales.slope**masks * np.sum(theirs)
                unit = units[left] + units[right]
                dead = unit == -math.inf or (units[_Z] == -math.inf and masks > 0)
                if dead:
                    value = 0.0  # the vectors of a dead layer are not numbers
                signs[j, k, i] = np.sign(value)
                logs[j, k, i] = math.log(abs(value)) + unit
