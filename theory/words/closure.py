"""`close` follows words down until no new word arises, and finds the finite layer map on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sympy.polys.matrices import DomainMatrix

from theory.waiting import announced
from theory.words.coefficients import Coefficient, LayerParameters, evaluate
from theory.words.layer import masked, word_below
from theory.words.word import Word, degree, word_text

__all__ = ["LayerMap", "close", "coefficient_matrix"]


@dataclass(frozen=True)
class LayerMap:
    """The linear map by which one layer takes expectations of words to those of words below.

    ``words``: the closed set, sorted.  ``rows[i][word]``: the coefficient of ``word``, below the
    layer, in the expectation of ``words[i]`` above it.

    Invariants, checked when built: every word of a row is in ``words``, and has its row's degree.
    """

    words: tuple[Word, ...]
    rows: tuple[Mapping[Word, Coefficient], ...]

    def __post_init__(self) -> None:
        for word, row in zip(self.words, self.rows, strict=True):
            strays = [w for w in row if w not in self.words or degree(w) != degree(word)]
            if strays:
                raise AssertionError(f"the layer map of {word} leaves its words: {strays}")

    def __repr__(self) -> str:
        return f"LayerMap on {', '.join(map(word_text, self.words)) or 'no words'}"

    def matrix(self, layer: LayerParameters) -> DomainMatrix:
        """The map of one layer, shape (words, words): rows above the layer, columns below."""
        return coefficient_matrix(self.rows, self.words, layer)

    def mask_powers(self) -> int:
        """The largest p whose mask moment E[D^p] enters the map."""
        terms = (term for row in self.rows for coefficient in row.values() for term in coefficient)
        return max((power for term in terms for power in term.masks), default=0)


def coefficient_matrix(
    rows: Iterable[Mapping[Word, Coefficient]], words: tuple[Word, ...], layer: LayerParameters
) -> DomainMatrix:
    """``rows`` of coefficients on ``words``, for one layer, shape (rows, words)."""
    entries = [[evaluate(row.get(word, {}), layer) for word in words] for row in rows]
    return DomainMatrix(entries, (len(entries), len(words)), layer.domain)


def close(seeds: Iterable[Word]) -> LayerMap:
    """Follow ``seeds`` down layer by layer until no new word arises.

    It ends: a layer conserves the degree, and there are finitely many words of each degree.
    """
    rows: dict[Word, Mapping[Word, Coefficient]] = {}
    pending = list(seeds)
    most = sum(map(_kernel_words, set(map(degree, pending))))
    with announced("derivation") as done:
        while pending:
            word = pending.pop()
            if word not in rows:
                rows[word] = word_below(masked(word))
                pending.extend(rows[word])
                done(min(1.0, len(rows) / most))
    words = tuple(sorted(rows, key=lambda word: (degree(word), len(word), word)))
    return LayerMap(words, tuple(rows[word] for word in words))


def _kernel_words(size: int) -> int:
    """How many words of one degree A and x have: products of tr(A^k), of degree k, and of
    x^T A^(k-1) x, of degree k too."""
    ways = [1] + [0] * size
    for part in (part for part in range(1, size + 1) for _ in ("trace", "form")):
        for total in range(part, size + 1):
            ways[total] += ways[total - part]
    return ways[size]
