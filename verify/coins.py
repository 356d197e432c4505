"""Alias tables for the number of heads among n fair coins: one uniform and one look a draw.

Source: A. J. Walker, ACM TOMS 3 (1977) 253-256; M. D. Vose, IEEE TSE 17 (1991) 972-975.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from verify.jit import kernel
from verify.problem import FloatArray, IntArray

__all__ = ["CoinTable", "coin_table"]

_REACH = 9.5
"""Standard deviations on either side of the mean: beyond lies less than 1e-20."""


class CoinTable(NamedTuple):
    """Column j holds the count ``lowest + j`` with chance ``keep[j]``, else ``other[j]``."""

    lowest: int
    keep: FloatArray
    other: IntArray


@lru_cache(maxsize=64)
def coin_table(coins: int) -> CoinTable:
    """The table for ``coins`` >= 0 fair coins; its chances are exact to about 1e-16.

    Counts beyond 9.5 standard deviations, of less than 1e-20 together, are left out.
    """
    reach = int(_REACH * 0.5 * coins**0.5) + 1
    lowest, highest = max(coins // 2 - reach, 0), min(coins // 2 + reach, coins)
    keep, other = np.empty(highest - lowest + 1), np.empty(highest - lowest + 1, np.int64)
    _fill(coins, lowest, keep, other)
    return CoinTable(lowest, keep, other)


@kernel
def _fill(coins: int, lowest: int, keep: FloatArray, other: IntArray) -> None:
    """Vose's method: columns of less than the mean chance are filled up from the others."""
    size, middle = keep.size, coins // 2 - lowest
    keep[middle] = 1.0
    for j in range(middle + 1, size):
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
