"""This module bounds the time to average an observable by its number of neuron indices."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from theory.errors import InvalidArgument
from theory.validation import brief
from theory.words.observables import Observable
from theory.words.word import Word, is_odd, word_text

__all__ = ["is_slow", "refuse_long"]

_MOST_INDICES, _MOST_OF_VECTORS = 8, 11
"""Indices of neurons in a term with kernels, half a minute for tr K^8, and in one without."""
_QUICK_INDICES, _QUICK_OF_VECTORS = 6, 9
"""The same for a term that takes a second at most."""


def is_slow(observable: Observable) -> bool:
    """Whether the words of an observable take more than a second to average."""
    return any(each > quick for _, each, quick, _ in _sizes(observable))


def refuse_long(observable: Observable) -> None:
    """Raise `InvalidArgument` for an observable whose words take hours to average.

    A word of k neuron indices is a sum over the set partitions of them, and of kernels over the
    pairings of their rows too: each index more takes five to ten times as long.
    """
    for word, indices, _, most in _sizes(observable):
        if indices > most:
            raise InvalidArgument(
                f"expected at most {most} indices of neurons in each term of observable, got "
                f"{indices} in {brief(word_text(word), write=str)}, whose mean takes hours; give a "
                f"lower power, or simulate it"
            )


def _sizes(observable: Observable) -> Iterator[tuple[Word, int, int, int]]:
    """Each term, its indices of neurons, and how many are quick and how many are possible."""
    for word in (word for word, _ in observable.terms if not is_odd(word)):
        indices = ceil(sum(map(_indices, word)))
        if any("K" in factor for factor in word):
            yield word, indices, _QUICK_INDICES, _MOST_INDICES
        else:
            yield word, indices, _QUICK_OF_VECTORS, _MOST_OF_VECTORS


def _indices(factor: str) -> Fraction:
    """The sums over neurons that a factor holds; two f share one once the readout is averaged."""
    if factor == "gz":
        return Fraction(1, 2)
    return Fraction(max(1, factor.count("K") + (factor[:1] == "z")))
