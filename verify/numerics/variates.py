"""A counter-based stream gives arrays of normal and uniform variates, and fair coins."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.compiled import Array, double_of_bits, formula, kernel, ones
from verify.numerics.philox import philox, random_words
from verify.numerics.vector_math import logarithm, rotation

__all__ = [
    "Stream",
    "heads",
    "new_stream",
    "next_words",
    "normal_pairs",
    "normals",
    "trials",
    "turn_to",
    "uniforms",
]

_COLUMNS = 256
"""Counters worked on at a time: their words stay in the nearest cache."""
_HALF, _MANTISSA = np.uint64(32), np.uint64(12)
_LOW, _TEN = np.uint64(2**32 - 1), np.uint64(2**10 - 1)
_MIDDLE, _SHIFT = np.uint64(52), np.uint64(42)
_ONE = np.uint64(0x3FF0000000000000)
_WORD = 32
_LAYERS, _CALLS = np.uint64(24), np.uint64(16)


class Stream(NamedTuple):
    """A key of 64 bits, the number of calls so far (shape ``(1,)``), and room for words, of 32 bits
    and (``radii``, ``angles``) of 64.

    Every call that draws an array counts one up, and takes its words from separate counters.
    `turn_to` sets the count, so that the draws at one place do not depend on the draws before
    them.
    """

    key: Any
    calls: Array
    words: Array
    radii: Array
    angles: Array


def new_stream(generator: np.random.Generator) -> Stream:
    """A stream whose key is drawn from ``generator``."""
    key = generator.integers(0, 2**64, dtype=np.uint64)
    radii, angles = np.empty(_COLUMNS, np.uint64), np.empty(_COLUMNS, np.uint64)
    return Stream(key, np.zeros(1, np.uint64), np.empty(4 * _COLUMNS, np.uint32), radii, angles)


@kernel
def turn_to(stream: Stream, network: int, stage: int, layer: int) -> None:
    """Begin the draws for a ``network`` (or a group) at a ``stage`` of 0 to 3 and a ``layer``: up
    to 65,536 calls, which share no counter with any other place."""
    place = ((np.uint64(network) * np.uint64(4) + np.uint64(stage)) << _LAYERS) + np.uint64(layer)
    stream.calls[0] = place << _CALLS


@formula
def _joined(high: int, low: int) -> Any:
    """64 bits from two words."""
    return (np.uint64(high) << _HALF) | np.uint64(low)


@formula
def _unit(bits: Any) -> float:
    """A uniform double in (0, 1) from 64 bits, of which the upper 52 count."""
    return float(double_of_bits((bits >> _MANTISSA) | _ONE) - (1.0 - 2.0**-53))


@kernel
def next_words(stream: Stream, start: int, counters: int) -> None:
    """Words of the current call, from counter ``start`` on: four rows of ``counters`` words."""
    calls = stream.calls[0]
    random_words(stream.key, start, calls, calls >> _HALF, 0, counters, stream.words)


@kernel
def uniforms(stream: Stream, out: Array) -> None:
    """Independent uniforms in (0, 1) into ``out``."""
    stream.calls[0] += np.uint64(1)
    words = stream.words
    for start in range(0, out.size, 2 * _COLUMNS):
        here = out[start : start + 2 * _COLUMNS]
        m = (here.size + 1) // 2
        next_words(stream, start // 2, m)
        for j in range(m):
            here[j] = _unit(_joined(words[j], words[m + j]))
        for j in range(m, here.size):
            here[j] = _unit(_joined(words[m + j], words[2 * m + j]))


@kernel
def normals(stream: Stream, out: Array) -> None:
    """Independent standard normals into ``out``: Box and Muller, to 8.5 standard deviations."""
    stream.calls[0] += np.uint64(1)
    for start in range(0, out.size, 2 * _COLUMNS):
        here = out[start : start + 2 * _COLUMNS]
        m = (here.size + 1) // 2
        _next_pairs(stream, start // 2, here[:m], here[m:])


@kernel
def normal_pairs(stream: Stream, left: Array, right: Array) -> None:
    """Independent standard normals into ``left`` and ``right``, of one size."""
    stream.calls[0] += np.uint64(1)
    for start in range(0, left.size, _COLUMNS):
        here = slice(start, start + _COLUMNS)
        _next_pairs(stream, start, left[here], right[here])


@kernel
def _next_pairs(stream: Stream, start: int, left: Array, right: Array) -> None:
    """Normals of the current call from counter ``start`` on; ``right`` may be one shorter."""
    m, words = left.size, stream.words
    next_words(stream, start, m)
    for j in range(right.size):
        left[j], right[j] = _pair(words[j], words[m + j], words[2 * m + j], words[3 * m + j])
    for j in range(right.size, m):
        left[j] = _pair(words[j], words[m + j], words[2 * m + j], words[3 * m + j])[0]


@kernel
def trials(
    stream: Stream, left: Array, right: Array, left_chances: Array, right_chances: Array
) -> None:
    """Independent standard normals into ``left`` and ``right``, and beside each the first ten bits
    of a uniform in (0, 1), a multiple of 2^-10 in [0, 1): the bits that Box and Muller leave."""
    stream.calls[0] += np.uint64(1)
    if left.size <= _COLUMNS:
        _next_trials(stream, 0, left, right, left_chances, right_chances)
        return
    for start in range(0, left.size, _COLUMNS):
        here = slice(start, min(start + _COLUMNS, left.size))
        chances = left_chances[here], right_chances[here]
        _next_trials(stream, start, left[here], right[here], *chances)


@kernel
def _next_trials(
    stream: Stream, start: int, left: Array, right: Array, left_chances: Array, right_chances: Array
) -> None:
    """`trials` from counter ``start`` of the current call on, at most ``_COLUMNS`` of them."""
    calls, radii, angles = stream.calls[0], stream.radii, stream.angles
    for j in range(left.size):
        a, b, c, d = philox(stream.key, start + j, calls, calls >> _HALF, 0)
        radii[j], angles[j] = _joined(a, b & _LOW), _joined(c, d & _LOW)
    for j in range(left.size):
        left[j] = _radius(radii[j])
        left_chances[j] = double_of_bits((radii[j] & _TEN) << _SHIFT | _ONE) - 1.0
    for j in range(left.size):
        radius, (cosine, sine) = left[j], rotation(angles[j])
        left[j], right[j] = radius * cosine, radius * sine
        right_chances[j] = double_of_bits((angles[j] >> _MIDDLE & _TEN) << _SHIFT | _ONE) - 1.0


@formula
def _pair(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Two standard normals from four words."""
    radius = _radius(_joined(a, b))
    cosine, sine = rotation(_joined(c, d))
    return radius * cosine, radius * sine


@formula
def _radius(bits: Any) -> float:
    """The distance from 0 of two standard normals, from 64 bits, of which the upper 52 count."""
    return math.sqrt(-2.0 * logarithm(_unit(bits)))


@kernel
def heads(stream: Stream, coins: int) -> int:
    """The number of heads among fair ``coins``, one random bit each."""
    stream.calls[0] += np.uint64(1)
    words, total = stream.words, 0
    for start in range(0, coins, _WORD * words.size):
        here = min(coins - start, _WORD * words.size)
        count = (here + _WORD - 1) // _WORD
        m = (count + 3) // 4
        next_words(stream, start // (4 * _WORD), m)
        words[count - 1] >>= np.uint32(_WORD * count - here)
        for j in range(count):
            total += ones(words[j])
    return total
