"""A word is a product of traces and quadratic forms, as a plain sorted tuple of text.

A factor is a text of letters (`theory.words.letters`): ``"AA"`` is tr(A A) and ``"xAx"`` is
x^T A x.  A word is the sorted tuple of its factors; the empty tuple is the number 1.  Factors are
canonical: a trace is the least of the rotations of itself and of its transpose, a form the lesser
of itself and its transpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

from theory.words.letters import is_junction, is_vector, transposed

__all__ = [
    "Word",
    "canonical_factor",
    "canonical_word",
    "degree",
    "is_odd",
    "is_trace",
    "letters_text",
    "word_text",
]

Word = tuple[str, ...]


def is_trace(factor: str) -> bool:
    """Whether ``factor`` is a trace (of matrices only) rather than a form between vectors."""
    return not factor or not is_vector(factor[0])


@lru_cache(maxsize=1 << 16)
def canonical_factor(factor: str) -> str:
    """The one spelling of a factor among all that name the same number."""
    backwards = transposed(factor)
    if not is_trace(factor):
        return min(factor, backwards)
    turns = range(max(1, len(factor)))
    return min(s[k:] + s[:k] for s in (factor, backwards) for k in turns)


def canonical_word(factors: Iterable[str]) -> Word:
    """The word that is the product of ``factors``."""
    return tuple(sorted(canonical_factor(factor) for factor in factors))


def degree(word: Word) -> int:
    """Number of kernels plus number of forms, which a step conserves, since the own share trades
    one kernel for one |x|^2.  Masks do not count."""
    return sum(map(_factor_degree, word))


@lru_cache(maxsize=1 << 16)
def _factor_degree(factor: str) -> int:
    counted = sum(letter != "D" and not is_junction(letter) for letter in factor)
    return counted - (not is_trace(factor))


def word_text(word: Word) -> str:
    """Plain text for people: ``tr(A²)·xᵀAx``, equal factors as powers."""
    return "·".join(_factor_power(f, word.count(f)) for f in sorted(set(word))) or "1"


def _factor_power(factor: str, exponent: int) -> str:
    if is_trace(factor):
        name = f"tr({letters_text(factor)})" if factor else "n"
        return f"{name}{_superscript(exponent)}"
    left, letters, right = factor[0], factor[1:-1], factor[-1]
    if left == right and not letters:
        return f"|{left}|{_superscript(2 * exponent)}"
    form = f"{left}ᵀ{letters_text(letters)}{right}"
    return form if exponent == 1 else f"({form}){_superscript(exponent)}"


def letters_text(letters: str) -> str:
    """A product of matrices, its runs of equal letters as powers."""
    runs = ((letter, len(list(run))) for letter, run in groupby(letters))
    return "".join(letter + _superscript(count) for letter, count in runs)


def _superscript(exponent: int) -> str:
    digits = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    return "" if exponent == 1 else str(exponent).translate(digits)


def is_odd(word: Word) -> bool:
    """Whether a word holds an odd number of g, which turns its sign with the readout."""
    return sum(factor.count("g") for factor in word) % 2 == 1
