"""Kernels draw standard normals in single precision by Box and Muller: never 0, below 6.67."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.numerics.compiled import Array, formula, kernel
from verify.numerics.philox import chosen_words
from verify.numerics.variates import Stream, next_words
from verify.numerics.vector_math import select, single_logarithm, single_rotation

__all__ = ["chosen_normals", "single_normals"]

_ONE, _BELOW_ONE = np.float32(2.0**31), np.float32(2.0**31 - 2.0**7)
"""One and the largest float32 below it, in units of 2^-31."""


@kernel
def single_normals(stream: Stream, out: Array) -> None:
    """Independent standard normals into ``out`` (float32)."""
    stream.calls[0] += np.uint64(1)
    for start in range(0, out.size, stream.words.size):
        here = out[start : start + stream.words.size]
        m = (here.size + 3) // 4
        next_words(stream, start // 4, m)
        _normals_of_words(stream.words, m, here)


@kernel
def chosen_normals(
    key: Any, first: Array, second: int, third: int, fourth: int, words: Array, out: Array
) -> None:
    """Standard normals that are a pure function of the key and the counters, into ``out``.

    So the same weights can be drawn again.  ``first``: first words of the counters, each of which
    gives entries j, m + j, 2 m + j and 3 m + j.  ``words``: room, uint32, at least as many as
    ``out``.
    """
    chosen_words(key, first, second, third, fourth, words)
    _normals_of_words(words, first.size, out)


@kernel
def _normals_of_words(words: Array, m: int, out: Array) -> None:
    """``out``, at most 4 m numbers, from the 4 m ``words``: radii and angles of the first half, and
    of the second."""
    for half in (0, 2 * m):
        radii, angles = words[half : half + m], words[half + m : half + 2 * m]
        left, right = out[half : half + m], out[half + m : half + 2 * m]
        for j in range(right.size):
            left[j], right[j] = _pair(radii[j], angles[j])
        for j in range(right.size, left.size):
            left[j] = _pair(radii[j], angles[j])[0]


@formula
def _pair(radius_bits: Any, angle_bits: Any) -> tuple[Any, Any]:
    """Two standard normals from two words."""
    unit = np.float32(np.int32(radius_bits >> np.uint32(1))) + np.float32(0.5)
    unit = select(unit < _ONE, unit, _BELOW_ONE) * np.float32(2.0**-31)
    radius = np.float32(math.sqrt(np.float32(-2.0) * single_logarithm(unit)))
    cosine, sine = single_rotation(angle_bits)
    return radius * cosine, radius * sine
