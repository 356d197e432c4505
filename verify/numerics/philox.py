"""The generator Philox4x32-10 makes random words a pure function of a key and a counter.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC 2011, doi 10.1145/2063384.2063405.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.numerics.compiled import formula, kernel

__all__ = ["chosen_words", "random_words"]

_ROUNDS = 10
_MULTIPLIER_A, _MULTIPLIER_B = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_A, _WEYL_B = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@formula
def philox(key: Any, first: int, second: int, third: int, fourth: int) -> tuple[Any, Any, Any, Any]:
    """The four 32-bit words of one counter, each in 64 bits; only the lower half counts.

    ``key``: 64 bits, the low half first.  The counter's words: 32 bits each.
    """
    a, b, c, d = np.uint64(first), np.uint64(second), np.uint64(third), np.uint64(fourth)
    one, two = np.uint64(key) & _LOW, np.uint64(key) >> _HALF
    for _ in range(_ROUNDS):
        p, q = (a & _LOW) * _MULTIPLIER_A, (c & _LOW) * _MULTIPLIER_B
        a, b, c, d = (q >> _HALF) ^ b ^ one, q, (p >> _HALF) ^ d ^ two, p
        one, two = (one + _WEYL_A) & _LOW, (two + _WEYL_B) & _LOW
    return a, b, c, d


@kernel
def random_words(
    key: Any, first: int, second: int, third: int, fourth: int, m: int, out: Any
) -> None:
    """Words of ``m`` consecutive counters, ``first`` counting up, into ``out`` (uint32): entries j,
    m + j, 2 m + j and 3 m + j are the words of one counter."""
    for j in range(m):
        a, b, c, d = philox(key, first + j, second, third, fourth)
        out[j], out[m + j], out[2 * m + j], out[3 * m + j] = a, b, c, d


@kernel
def chosen_words(key: Any, first: Any, second: int, third: int, fourth: int, out: Any) -> None:
    """The same for the counters whose first words are ``first``, non-negative integers."""
    m = first.size
    for j in range(m):
        a, b, c, d = philox(key, first[j], second, third, fourth)
        out[j], out[m + j], out[2 * m + j], out[3 * m + j] = a, b, c, d
