"""Words: products of traces and quadratic forms, as plain sorted tuples of text.

A factor is a string.  Upper case is a symmetric matrix, lower case a vector: ``"AA"`` is
tr(A A) and ``"xAx"`` is x^T A x.  A word is the sorted tuple of its factors; the empty tuple is
the number 1.  Factors are canonical: a trace is the least of its rotations and reversals, a form
the lesser of itself and its transpose.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Word", "canonical_factor", "canonical_word", "degree", "is_trace", "word_text"]

Word = tuple[str, ...]


def is_trace(factor: str) -> bool:
    """Whether ``factor`` is a trace (of matrices only) rather than a form between vectors."""
    return not factor or factor[0].isupper()


def canonical_factor(factor: str) -> str:
    """The one spelling of a factor among all that name the same number."""
    backwards = factor[::-1]
    if not is_trace(factor):
        return min(factor, backwards)
    turns = range(max(1, len(factor)))
    return min(s[k:] + s[:k] for s in (factor, backwards) for k in turns)


def canonical_word(factors: Iterable[str]) -> Word:
    """The word that is the product of ``factors``."""
    return tuple(sorted(canonical_factor(factor) for factor in factors))


def degree(word: Word) -> int:
    """Number of matrices plus number of forms: what a layer conserves, since the own share
    trades one matrix for one |x|^2."""
    return sum(len(factor) if is_trace(factor) else len(factor) - 1 for factor in word)


def word_text(word: Word) -> str:
    """Plain text for people: ``tr(A²)·xᵀAx``, equal factors as powers."""
    parts = [_power(_factor_text(factor), word.count(factor)) for factor in sorted(set(word))]
    return "·".join(parts) or "1"


def _factor_text(factor: str) -> str:
    if is_trace(factor):
        return (
            f"tr({_letters_text(factor)})"
            if len(set(factor)) > 1 or len(factor) > 1
            else (f"tr({factor or 'I'})")
        )
    left, letters, right = factor[0], factor[1:-1], factor[-1]
    return (
        f"|{left}|²"
        if not letters and left == right
        else (f"{left}ᵀ{_letters_text(letters)}{right}")
    )


def _letters_text(letters: str) -> str:
    runs: list[tuple[str, int]] = []
    for letter in letters:
        if runs and runs[-1][0] == letter:
            runs[-1] = (letter, runs[-1][1] + 1)
        else:
            runs.append((letter, 1))
    return "".join(_power(letter, count) for letter, count in runs)


def _power(text: str, exponent: int) -> str:
    if exponent == 1:
        return text
    superscript = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    if text.startswith("|") and text.endswith("²"):
        return (
            f"{text[:-1]}{str(2 * exponent).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
        )
    return f"({text}){superscript}" if "ᵀ" in text or text.startswith("tr") else text + superscript
