"""`gradient_terms` averages the readout: from observables in g to words in x and B, C, ....

At the last site of a cell, with h = df/dx the gradient on the activation, g = D h and f = h . x.  A
matrix M of the cell enters an observable through g^T M g = h^T B h with B = D (M + M^T)/2 D.
Averaged over everything above, an observable is a combination of words in x and B, C, ...:

* at the last cell h is the readout v: f is a site of width 1, whose step gives them;
* one cell further down, B is carried through the cell as a kernel without own share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

from theory.errors import InvalidArgument
from theory.words.coefficients import Term
from theory.words.letters import MASKED, kernel, post, transposed, vector
from theory.words.observables import Observable
from theory.words.shapes import EdgeShape, SiteShape
from theory.words.step import word_below
from theory.words.word import Word, canonical_word, word_text

__all__ = ["GradientTerm", "gradient_terms"]

CARRIED = MASKED[1:]
"""The matrices without own share, which the gradients of an observable carry up."""
_READOUT = (SiteShape(1, False, (EdgeShape(0, post(0)),)),)
"""The step of f, one neuron without a mask."""


@dataclass(frozen=True)
class GradientTerm:
    """One term of an observable, its gradients set apart.

    ``top``: words in x and the carried matrices after averaging the readout, with integer
    coefficients.  ``pairs``: factors of the readout variance that each of them carries.
    ``carried``: the pre-activation matrix M that each carried letter stands for, as letters.
    ``spectators``: the factors without a gradient.
    """

    coefficient: Fraction
    top: Mapping[Word, int]
    pairs: int
    carried: Mapping[str, str]
    spectators: Word

    def unfold(self, word: Word) -> Mapping[Word, Fraction]:
        """A word in x and the carried matrices, times the spectators, in K, D and z."""
        spellings = [self._spellings(factor) for factor in word]
        share = Fraction(1, prod(len(ways) for ways in spellings))
        unfolded: dict[Word, Fraction] = {}
        for factors in product(*spellings):
            spelled = canonical_word((*factors, *self.spectators))
            unfolded[spelled] = unfolded.get(spelled, Fraction(0)) + share
        return unfolded

    def _spellings(self, factor: str) -> list[str]:
        """``factor`` with each carried letter written as D (M + M^T)/2 D."""
        spellings = [""]
        for letter in factor:
            matrix = self.carried.get(letter)
            ways = {letter} if matrix is None else {matrix, transposed(matrix)}
            spelled = sorted(way if matrix is None else f"D{way}D" for way in ways)
            spellings = [before + way for before in spellings for way in spelled]
        return spellings


def gradient_terms(observable: Observable) -> tuple[GradientTerm, ...]:
    """The terms of ``observable`` with the readout averaged.

    Raises `InvalidArgument` for a factor g^T M z with M other than the identity, and for more
    different matrices between gradients than there are letters to carry them.
    """
    return tuple(_gradient_term(word, c) for word, c in observable.terms)


def _gradient_term(word: Word, coefficient: Fraction) -> GradientTerm:
    carried: dict[str, str] = {}
    strings = [_carried_letter(f, carried) for f in word if "g" in f and f != "gz"]
    outputs = word.count("gz")
    forms = [vector(post(1)) * 2] * (outputs // 2)
    return GradientTerm(
        coefficient=coefficient,
        top={} if outputs % 2 else _over_readout(canonical_word((*strings, *forms))),
        pairs=len(strings) + outputs // 2,
        carried={letter: matrix for matrix, letter in carried.items()},
        spectators=tuple(factor for factor in word if "g" not in factor),
    )


def _over_readout(word: Word) -> Mapping[Word, int]:
    """The expectation over a readout of variance 1: all loops run through its one neuron."""
    return {
        below: sum(int(count) for term, count in terms.items() if _is_one_neuron(term))
        for below, terms in word_below(word, _READOUT).items()
    }


def _is_one_neuron(term: Term) -> bool:
    return all(neurons == 1 for _, neurons, _ in term.coins)


def _carried_letter(factor: str, carried: dict[str, str]) -> str:
    """A factor g^T M g as the carried letter of M between the output's face."""
    if factor[0] != factor[-1]:
        raise InvalidArgument(
            f"expected each g of an observable in g @ z or in g @ M @ g with M built from K and "
            f"D, got the factor {word_text((factor,))}; no other product with g is derived"
        )
    matrix = min(factor[1:-1], transposed(factor[1:-1]))
    if matrix not in carried and len(carried) == len(CARRIED):
        raise InvalidArgument(
            f"expected at most {len(CARRIED)} different matrices between gradients in one "
            f"product, got {len(carried) + 1}; take the product apart"
        )
    letter = carried.setdefault(matrix, CARRIED[len(carried) % len(CARRIED)])
    return kernel(MASKED.index(letter), post(1), post(1))
