"""Arrays of random variates from a counter-based stream: normal, uniform, chi and coin counts."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.jit import double_of_bits, formula, kernel, ones
from verify.philox import random_words
from verify.vector_math import logarithm, rotation

__all__ = [
    "Stream",
    "coin_counts",
    "heads",
    "lengths",
    "new_stream",
    "normals",
    "turn_to",
    "uniforms",
]

Array = Any

_COLUMNS = 256
"""Counters worked on at a time: their words stay in the nearest cache."""
_HALF, _MANTISSA = np.uint64(32), np.uint64(12)
_ONE = np.uint64(0x3FF0000000000000)
_WORD = 32
_LAYERS, _CALLS = np.uint64(24), np.uint64(16)


class Stream(NamedTuple):
    """A key of 64 bits, the number of calls so far (shape ``(1,)``), and room for words.

    Every call that draws an array counts one up, and takes its words from counters of its own.
    `turn_to` sets the count, so that what is drawn at one place does not depend on what was drawn
    before it.
    """

    key: Any
    calls: Array
    words: Array


def new_stream(generator: np.random.Generator) -> Stream:
    """A stream whose key is drawn from ``generator``."""
    key = generator.integers(0, 2**64, dtype=np.uint64)
    return Stream(key, np.zeros(1, np.uint64), np.empty(4 * _COLUMNS, np.uint32))


@kernel
def turn_to(stream: Stream, network: int, stage: int, layer: int) -> None:
    """Begin what is drawn for a ``network`` (or a group) at a ``stage`` of 0 to 3 and a ``layer``:
    up to 65,536 calls, apart from those of every other place."""
    place = ((np.uint64(network) * np.uint64(4) + np.uint64(stage)) << _LAYERS) + np.uint64(layer)
    stream.calls[0] = place << _CALLS


@formula
def _unit(high: int, low: int) -> float:
    """A uniform double in (0, 1) from two words, to 52 bits."""
    bits = (np.uint64(high) << _HALF) | np.uint64(low)
    return float(double_of_bits((bits >> _MANTISSA) | _ONE) - (1.0 - 2.0**-53))


@kernel
def _next_words(stream: Stream, start: int, columns: int) -> None:
    """Words of the current call, from counter ``start`` on."""
    calls = stream.calls[0]
    random_words(stream.key, start, calls, calls >> _HALF, 0, columns, stream.words)


@kernel
def uniforms(stream: Stream, out: Array) -> None:
    """Independent uniforms in (0, 1) into ``out``."""
    stream.calls[0] += np.uint64(1)
    words = stream.words
    for start in range(0, out.size, 2 * _COLUMNS):
        m, pairs = _split(min(out.size - start, 2 * _COLUMNS))
        _next_words(stream, start // 2, m)
        for j in range(m):
            out[start + j] = _unit(words[j], words[m + j])
        for j in range(pairs):
            out[start + m + j] = _unit(words[2 * m + j], words[3 * m + j])


@kernel
def normals(stream: Stream, out: Array) -> None:
    """Independent standard normals into ``out``: Box and Muller, to 8.5 standard deviations."""
    stream.calls[0] += np.uint64(1)
    words = stream.words
    for start in range(0, out.size, 2 * _COLUMNS):
        m, pairs = _split(min(out.size - start, 2 * _COLUMNS))
        _next_words(stream, start // 2, m)
        left, right = out[start : start + m], out[start + m : start + m + pairs]
        for j in range(pairs):
            left[j], right[j] = _pair(words[j], words[m + j], words[2 * m + j], words[3 * m + j])
        if pairs < m:
            last = words[m - 1 : 4 * m : m]
            left[pairs] = _pair(last[0], last[1], last[2], last[3])[0]


@kernel
def _trials(stream: Stream, first: Array, chances: Array) -> None:
    """Standard normals into ``first`` and uniforms in (0, 1) into ``chances``, as many."""
    stream.calls[0] += np.uint64(1)
    words = stream.words
    for start in range(0, first.size, _COLUMNS):
        m, pairs = _split(min(first.size - start, _COLUMNS))
        _next_words(stream, start, 2 * m)
        a, b, c, d = words[: 2 * m], words[2 * m : 4 * m], words[4 * m : 6 * m], words[6 * m :]
        left, right = first[start : start + m], first[start + m : start + m + pairs]
        for j in range(pairs):
            left[j], right[j] = _pair(a[j], b[j], c[j], d[j])
        if pairs < m:
            left[pairs] = _pair(a[pairs], b[pairs], c[pairs], d[pairs])[0]
        left, right = chances[start : start + m], chances[start + m : start + m + pairs]
        a, b, c, d = a[m:], b[m:], c[m:], d[m:]
        for j in range(m):
            left[j] = _unit(a[j], b[j])
        for j in range(pairs):
            right[j] = _unit(c[j], d[j])


@formula
def _split(size: int) -> tuple[int, int]:
    """How many counters give ``size`` numbers, two each, and how many of them give both."""
    m = (size + 1) // 2
    return m, size - m


@formula
def _pair(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Two standard normals from four words."""
    radius = math.sqrt(-2.0 * logarithm(_unit(a, b)))
    cosine, sine = rotation((np.uint64(c) << _HALF) | np.uint64(d))
    return radius * cosine, radius * sine


_UNSURE = -1.0


@formula
def _first_look(dimensions: float, normal: float, uniform: float) -> float:
    """The length that a first trial of `_trial` gives, where a quick bound shows that it is kept;
    else ``_UNSURE``.  In one dimension the length is |normal|, in none 0."""
    wide = dimensions > 1.5
    shape = (0.5 * dimensions if wide else 1.0) - 1 / 3
    root = 1.0 + normal / math.sqrt(9.0 * shape)
    square = normal * normal
    kept = (uniform < 1.0 - 0.0331 * square * square) & (root > 0.0)
    length = math.sqrt(abs(2.0 * shape * root * root * root))
    line = abs(normal) if dimensions > 0.5 else 0.0
    return (length if kept else _UNSURE) if wide else line


@kernel
def _trial(dimensions: float, normal: float, uniform: float) -> float:
    """One trial of Marsaglia and Tsang for the length of a Gaussian vector; ``_UNSURE``: rejected.

    Source: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS
    26 (2000) 363-372, with its quick bound and its constant 0.0331.
    """
    shape = 0.5 * dimensions - 1 / 3
    root = 1.0 + normal / math.sqrt(9.0 * shape)
    if root <= 0.0:
        return _UNSURE
    cube = root * root * root
    bound = 0.5 * normal * normal + shape * (1.0 - cube + 3.0 * logarithm(root))
    return math.sqrt(2.0 * shape * cube) if logarithm(uniform) < bound else _UNSURE


@kernel
def lengths(stream: Stream, dimensions: Array, out: Array, spare: Array) -> None:
    """Lengths of standard Gaussian vectors of whole ``dimensions`` (0 where negative) into
    ``out``; ``spare``: room for twice as many."""
    size = out.size
    first, chances = spare[:size], spare[size : 2 * size]
    _trials(stream, first, chances)
    for j in range(size):
        out[j] = _first_look(dimensions[j], first[j], chances[j])
    for j in range(size):
        if out[j] < 0.0:
            out[j] = _trial(dimensions[j], first[j], chances[j])
            while out[j] < 0.0:
                _trials(stream, first[:1], chances[:1])
                out[j] = _trial(dimensions[j], first[0], chances[0])


@kernel
def coin_counts(stream: Stream, lowest: int, keep: Array, other: Array, out: Array) -> None:
    """Numbers of heads of fair coins into ``out``, by an alias table (see `verify.coins`)."""
    uniforms(stream, out)
    for j in range(out.size):
        place = out[j] * keep.size
        column = min(int(place), keep.size - 1)
        out[j] = lowest + (column if place - column < keep[column] else other[column])


@kernel
def heads(stream: Stream, coins: int) -> int:
    """The number of heads among fair ``coins``, one random bit each."""
    stream.calls[0] += np.uint64(1)
    words, total = stream.words, 0
    for start in range(0, coins, _WORD * words.size):
        here = min(coins - start, _WORD * words.size)
        count = (here + _WORD - 1) // _WORD
        m = (count + 3) // 4
        _next_words(stream, start // (4 * _WORD), m)
        words[count - 1] >>= np.uint32(_WORD * count - here)
        for j in range(count):
            total += ones(words[j])
    return total
