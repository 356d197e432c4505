"""`word_maps` derives the words and layer maps of an observable, once for every network.

``derive(observable, network)`` averages, in this order, the readout (`theory.words.gradients`), the
layers above the observable (a layer map on the carried words), the observable's own layer, and
the layers below (a layer map on the kernel words).  Everything here is independent of the
network's sizes; `theory.solutions.recursion` puts them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain

from sympy.polys.matrices import DomainMatrix

from theory.words.closure import LayerMap, close, coefficient_matrix
from theory.words.coefficients import LayerParameters, Term
from theory.words.gradients import GradientTerm, gradient_terms
from theory.words.layer import word_below
from theory.words.observables import Observable
from theory.words.word import Word

__all__ = ["WordMaps", "word_maps"]

Source = Mapping[Word, Mapping[Term, Fraction]]
"""One observable's expectation over its own layer: ``{kernel word below: coefficient}``."""


@dataclass(frozen=True, eq=False)
class WordMaps:
    """An observable's derivation, before any size is known.

    ``terms[k]``: its k-th term; ``carried``: the layer map of the words above the observable;
    ``sources[k][word]``: for each carried word, the term's expansion in kernel words below;
    ``kernel``: the layer map of the kernel words.
    """

    observable: Observable
    terms: tuple[GradientTerm, ...]
    carried: LayerMap
    sources: tuple[Mapping[Word, Source], ...]
    kernel: LayerMap

    def source(self, index: int, layer: LayerParameters) -> DomainMatrix:
        """Term ``index`` over its own layer, shape ``(carried words, kernel words)``."""
        rows = [self.sources[index].get(word, {}) for word in self.carried.words]
        source = coefficient_matrix(rows, self.kernel.words, layer)
        return source * (1 / layer.fan_out**self.observable.over)

    def __repr__(self) -> str:
        return f"WordMaps of {self.observable}: {self.kernel!r} below, {self.carried!r} above"


@lru_cache(maxsize=256)
def word_maps(observable: Observable) -> WordMaps:
    """Derive ``observable``: its words, and the maps that carry them through the layers."""
    terms = gradient_terms(observable)
    carried = close(chain.from_iterable(term.top for term in terms))
    sources = tuple(_sources(term) for term in terms)
    seeds = (word for by_word in sources for source in by_word.values() for word in source)
    return WordMaps(observable, terms, carried, sources, close(seeds))


def _sources(term: GradientTerm) -> Mapping[Word, Source]:
    return {word: _source(term.unfold(word)) for word in close(term.top).words}


def _source(unfolded: Mapping[Word, Fraction]) -> Source:
    total: dict[Word, dict[Term, Fraction]] = {}
    for word, share in unfolded.items():
        for below, coefficient in word_below(word).items():
            terms = total.setdefault(below, {})
            for term, count in coefficient.items():
                terms[term] = terms.get(term, Fraction(0)) + share * count
    return total
