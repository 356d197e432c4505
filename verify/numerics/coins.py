"""Alias tables give the number of heads among n fair coins from one word and one look-up a draw.

Source: A. J. Walker, ACM TOMS 3 (1977) 253-256; M. D. Vose, IEEE TSE 17 (1991) 972-975.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from verify.numerics.arrays import FloatArray, IntArray
from verify.numerics.compiled import Array, double_of_bits, kernel
from verify.numerics.variates import Stream, next_words, uniforms

__all__ = ["CoinTables", "coin_counts", "coin_tables"]

_REACH = 9.5
"""Standard deviations on either side of the mean: beyond lies less than 1e-20."""
_HALF, _LOW = np.uint64(32), np.uint64(2**32 - 1)
_INTEGER, _INTEGER_ZERO = np.uint64(0x4330000000000000), 2.0**52
_UNSURE = -1.0


class CoinTables(NamedTuple):
    """Tables of several numbers of coins, end to end.

    Column j of a table holds the count ``lowest + j`` with chance ``keep[j]``, else another one.
    ``columns``: both in one word, ``keep`` rounded down to 32 bits in its upper half, and in the
    lower half the other count less ``lowest``.  A table has 2^k columns: the first k bits of a
    random word choose one, and the others decide there.  By number of coins: ``lowest``, and where
    its piece of ``keep`` and ``columns`` begins and ends (``pieces``, shape ``(numbers, 2)``).
    """

    lowest: Array
    pieces: Array
    keep: Array
    columns: Array


def coin_tables(numbers: IntArray) -> CoinTables:
    """The tables of these ``numbers`` of fair coins, equal numbers once; chances are exact to about
    1e-16.

    Counts beyond 9.5 standard deviations, of less than 1e-20 together, are left out.
    """
    distinct, which = np.unique(numbers, return_inverse=True)
    lowest, keep, columns = zip(*(_table(int(coins)) for coins in distinct), strict=True)
    ends = np.cumsum([each.size for each in keep])
    return CoinTables(
        lowest=np.array(lowest, np.int64)[which],
        pieces=np.stack([np.concatenate(([0], ends[:-1]))[which], ends[which]], axis=1),
        keep=np.concatenate(keep),
        columns=np.concatenate(columns),
    )


@lru_cache(maxsize=64)
def _table(coins: int) -> tuple[int, FloatArray, npt.NDArray[np.uint64]]:
    """The lowest count, chances and columns for ``coins`` >= 0."""
    reach = int(_REACH * 0.5 * coins**0.5) + 1
    lowest, highest = max(coins // 2 - reach, 0), min(coins // 2 + reach, coins)
    size = 1 << (highest - lowest).bit_length()
    keep, other = np.zeros(size), np.empty(size, np.int64)
    _fill(coins, lowest, highest, keep, other)
    columns = np.minimum(keep * 2.0**32, 2.0**32 - 1.0).astype(np.uint64) << _HALF
    return lowest, keep, columns | other.astype(np.uint64)


@kernel
def coin_counts(stream: Stream, tables: CoinTables, index: int, out: Array) -> None:
    """Numbers of heads among the coins of one entry of ``tables`` into ``out``."""
    begin, end = tables.pieces[index]
    keep, columns = tables.keep[begin:end], tables.columns[begin:end]
    stream.calls[0] += np.uint64(1)
    words, bits = stream.words, np.uint64(0)
    while np.uint64(1) << bits < np.uint64(columns.size):
        bits += np.uint64(1)
    for start in range(0, out.size, words.size):
        size = min(out.size - start, words.size)
        next_words(stream, start // 4, (size + 3) // 4)
        _look_up(stream, tables.lowest[index], columns, keep, bits, out[start : start + size])


@kernel
def _look_up(
    stream: Stream, lowest: int, columns: Array, keep: Array, bits: Any, out: Array
) -> None:
    """Counts from the words of ``stream``, with more bits where theirs leave the answer open."""
    words, step, doubts = stream.words, np.uint64(1) << bits, 0
    for j in range(out.size):
        word = np.uint64(words[j]) << bits
        column, fraction = word >> _HALF, word & _LOW
        entry = columns[column]
        limit = entry >> _HALF
        place = column if fraction + step <= limit else entry & _LOW
        count = double_of_bits(place | _INTEGER) - _INTEGER_ZERO + lowest
        unsure = (fraction + step > limit) & (fraction <= limit)
        out[j] = _UNSURE if unsure else count
        doubts += unsure
    if doubts > 0:
        rest, room = np.empty(1), np.empty(4, np.uint32)
        others = Stream(stream.key, stream.calls, room, stream.radii, stream.angles)
        for j in range(out.size):
            if out[j] < 0.0:
                word = np.uint64(words[j]) << bits
                place = np.int64(word >> _HALF)
                uniforms(others, rest)
                chance = (float(word & _LOW) + rest[0] * float(step)) * 2.0**-32
                moved = np.int64(columns[place] & _LOW)
                out[j] = lowest + (place if chance < keep[place] else moved)


@kernel
def _fill(coins: int, lowest: int, highest: int, keep: FloatArray, other: IntArray) -> None:
    """Vose's method: columns of less than the mean chance are filled up from the others."""
    size, middle = keep.size, coins // 2 - lowest
    keep[middle] = 1.0
    for j in range(middle + 1, highest - lowest + 1):
        keep[j] = keep[j - 1] * (coins - lowest - j + 1) / (lowest + j)
    for j in range(middle - 1, -1, -1):
        keep[j] = keep[j + 1] * (lowest + j + 1) / (coins - lowest - j)
    keep *= size / np.sum(keep)
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    smalls = larges = 0
    for j in range(size):
        other[j] = j
        if keep[j] < 1.0:
            small[smalls] = j
            smalls += 1
        else:
            large[larges] = j
            larges += 1
    while smalls and larges:
        smalls -= 1
        low, high = small[smalls], large[larges - 1]
        other[low] = high
        keep[high] -= 1.0 - keep[low]
        if keep[high] < 1.0:
            larges -= 1
            small[smalls] = high
            smalls += 1
    for k in range(smalls):
        keep[small[k]] = 1.0
    for k in range(larges):
        keep[large[k]] = 1.0
