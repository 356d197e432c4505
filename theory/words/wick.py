"""`contract` is Wick's theorem for independent standard Gaussian rows, on strings with open ends.

A string such as ``"0A1"`` is the number w_0^T A w_1, and ``"0x"`` is w_0^T x, where w_0, w_1, ...
are independent standard Gaussian vectors.  Wick's theorem sums over all ways to pair the open
ends that carry the same row; a pair joins two strings into one, or closes one string into a
trace.  Every expectation is therefore a sum of words with non-negative integer coefficients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache

from theory.words.word import Word, canonical_word

__all__ = ["contract", "row_letter"]

_FIRST_ROW = ord("0")
_ROWS = ord("A") - _FIRST_ROW


def row_letter(index: int) -> str:
    """The letter of Gaussian row ``index``; there are 17 of them."""
    if not 0 <= index < _ROWS:
        raise ValueError(f"expected a row index below {_ROWS}, got index={index}")
    return chr(_FIRST_ROW + index)


@cache
def contract(strings: Word) -> Mapping[Word, int]:
    """E of the product of ``strings`` over all rows, as ``{word: coefficient}``.

    Law: pairing any one open end with each of its partners and summing gives the whole
    expectation (Isserlis 1918), so the recursion may take the ends in any order.  An odd number
    of equal ends gives zero, the empty mapping.
    """
    open_strings = [s for s in strings if _is_row(s[:1]) or _is_row(s[-1:])]
    if not open_strings:
        return {strings: 1}
    closed = [s for s in strings if s not in open_strings]
    first, *others = open_strings
    total: Counter[Word] = Counter()
    for joined in _pairings(first if _is_row(first[0]) else first[::-1], others):
        for word, count in contract(canonical_word(joined)).items():
            total[canonical_word((*word, *closed))] += count
    return dict(total)


def _is_row(end: str) -> bool:
    return end != "" and _FIRST_ROW <= ord(end) < _FIRST_ROW + _ROWS


def _pairings(first: str, others: list[str]) -> list[list[str]]:
    """All that results when the left end of ``first`` is paired, each a list of strings."""
    row, rest = first[0], first[1:]
    results = [[rest[:-1], *others]] if rest[-1] == row else []
    for index, other in enumerate(others):
        remaining = others[:index] + others[index + 1 :]
        for string in (other, other[::-1]):
            if string[0] == row:
                results.append([rest[::-1] + string[1:], *remaining])
    return results
