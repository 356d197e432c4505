"""This module writes the rows of a layer map as equations, and combinations of words as sums."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Expr, Matrix, factor

from theory.words.word import Word, word_text
from theory.writing.blocks import Formulas, Line
from theory.writing.notation import Math

__all__ = ["combination", "map_lines"]


def map_lines(names: Sequence[str], words: Sequence[Word], rows: Matrix) -> Formulas:
    """One equation per row of a layer map: the mean of a word over the layer, in words below."""
    return Formulas(
        tuple(
            Line(Math.spelled(f"E {name}"), combination(list(map(factor, row)), words))
            for name, row in zip(names, rows.tolist(), strict=True)
        )
    )


def combination(coefficients: Sequence[Expr], words: Sequence[Word]) -> Math:
    """A combination of words, as a sum."""
    terms = [
        _term(c, Math.spelled(word_text(word)))
        for c, word in zip(coefficients, words, strict=True)
        if c != 0
    ]
    total = terms[0]
    for each in terms[1:]:
        negative = each.text.startswith("-")
        sign = Math(" - ", " - ") if negative else Math(" + ", " + ")
        tail = Math(each.text[1:], each.latex.lstrip()[1:].lstrip()) if negative else each
        total = total + sign + tail
    return total


def _term(coefficient: Expr, word: Math) -> Math:
    if coefficient == 1:
        return word
    if coefficient == -1:
        return Math("-", "- ") + word
    number = Math.of(coefficient)
    if isinstance(coefficient, Add):
        if coefficient.could_extract_minus_sign():
            return Math("-", "- ") + _term(-coefficient, word)
        number = Math(f"({number.text})", rf"\left({number.latex}\right)")
    return number + Math(" ", r"\,") + word
