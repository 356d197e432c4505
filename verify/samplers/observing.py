"""This module evaluates an observable in drawn networks from the words that a sampler holds.

A word is held as its sign and the natural logarithm of its size, since products of norms leave the
range of float64 in deep networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np

from theory.words.observables import Observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray

__all__ = ["Signed", "factors_of", "powers_in", "product_of", "sum_of_words", "words_of_updates"]


class Signed(NamedTuple):
    """Numbers by sign, -1, 0 or 1, and natural logarithm of their size."""

    signs: FloatArray
    logs: FloatArray


def factors_of(observable: Observable) -> tuple[str, ...]:
    """The different factors of an observable's words, sorted."""
    return tuple(sorted({factor for word, _ in observable.terms for factor in word}))


def product_of(word: Word, names: Sequence[str], factors: Signed) -> Signed:
    """A word in networks where its ``factors``, by ``names`` along the first axis, are known."""
    index = [names.index(factor) for factor in word]
    return Signed(factors.signs[index].prod(axis=0), factors.logs[index].sum(axis=0))


def sum_of_words(observable: Observable, widths: FloatArray, words: Sequence[Signed]) -> Signed:
    """The observable where its ``words``, one for each term, are known, shape ``(count, layers)``;
    ``widths``: of the layers."""
    coefficients = [c for _, c in observable.terms]
    signs = np.stack(
        [w.signs * (1 if c > 0 else -1) for w, c in zip(words, coefficients, strict=True)]
    )
    sizes = [log(abs(c.numerator)) - log(c.denominator) for c in coefficients]
    logs = np.stack([w.logs + size for w, size in zip(words, sizes, strict=True)])
    unit = logs.max(axis=0)
    unit = np.where(np.isneginf(unit), 0.0, unit)
    total = (signs * np.exp(logs - unit)).sum(axis=0)
    with np.errstate(divide="ignore"):
        size = np.log(np.abs(total)) + unit - observable.over * np.log(widths)
    return Signed(np.sign(total), size)


def powers_in(word: Word) -> tuple[int, int] | None:
    """The powers of g^T K K g and of f^2 in a word that is a product of these, and of n, with at
    least one g^T K K g; else None."""
    updates, outputs = word.count("gKKg"), word.count("gz")
    if updates == 0 or outputs % 2 or updates + outputs + word.count("") < len(word):
        return None
    return updates, outputs // 2


def words_of_updates(observable: Observable, widths: FloatArray, logs: FloatArray) -> list[Signed]:
    """Words with `powers_in`, from the logarithms of the two parts of the mean squared update,
    |K g|^2/n and f^2 |K g|^2/n, shape ``(2, count, layers)``."""
    log_width = np.log(widths)
    label, output = logs + log_width
    found = []
    for word, _ in observable.terms:
        updates, outputs = powers_in(word) or (0, 0)
        with np.errstate(invalid="ignore"):
            size = (updates - outputs) * label + outputs * output + word.count("") * log_width
        moves = np.isfinite(label) & np.isfinite(output) if outputs else np.isfinite(label)
        found.append(Signed(moves.astype(float), np.where(moves, size, -np.inf)))
    return found
