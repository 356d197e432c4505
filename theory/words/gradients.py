"""`gradient_terms` averages the layers above: from observables in g to words in x and B, C, ....

At layer l, with h = df/dx^(l) the gradient on the activation, g = D h and f = h . x.  A matrix M
of the layer enters an observable through g^T M g = h^T B h with B = D (M + M^T)/2 D.  Averaged
over everything above layer l, an observable is a combination of words in x and B, C, ...:

* at the last layer h is the readout v, Gaussian, and Wick's theorem over its one row gives them;
* one layer further down, h = W^T g, so B is replaced by D W B W^T D: the kernel's own layer map
  without own share (`theory.words.layer`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

from theory.errors import InvalidArgument
from theory.words.layer import BELOW, CARRIED, masked
from theory.words.observables import Observable
from theory.words.wick import contract, row_letter
from theory.words.word import Word, canonical_word, word_text

__all__ = ["GradientTerm", "gradient_terms"]

READOUT = row_letter(0)
"""The readout, as the one Gaussian row of Wick's theorem at the top."""


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
        spellings = [self._spellings(factor) for factor in masked(word)]
        share = Fraction(1, prod(len(ways) for ways in spellings))
        unfolded: dict[Word, Fraction] = {}
        for factors in product(*spellings):
            spelled = canonical_word((*factors, *self.spectators))
            unfolded[spelled] = unfolded.get(spelled, Fraction(0)) + share
        return unfolded

    def _spellings(self, factor: str) -> list[str]:
        """``factor`` with each carried letter written as (M + M^T)/2."""
        spellings = [""]
        for letter in factor:
            matrix = self.carried.get(letter, letter)
            ways = {matrix, matrix[::-1]}
            spellings = [spelled + way for spelled in spellings for way in sorted(ways)]
        return spellings


def gradient_terms(observable: Observable) -> tuple[GradientTerm, ...]:
    """The terms of ``observable`` with the readout averaged.

    Raises `InvalidArgument` for a factor g^T M z with M other than the identity, and for more
    different matrices between gradients than there are letters to carry them.
    """
    return tuple(_gradient_term(word, c) for word, c in observable.terms)


def _gradient_term(word: Word, coefficient: Fraction) -> GradientTerm:
    carried: dict[str, str] = {}
    strings = [_open_string(factor, carried) for factor in word if "g" in factor]
    return GradientTerm(
        coefficient=coefficient,
        top=contract(canonical_word(strings)),
        pairs=sum(string.count(READOUT) for string in strings) // 2,
        carried={letter: matrix for matrix, letter in carried.items()},
        spectators=tuple(factor for factor in word if "g" not in factor),
    )


def _open_string(factor: str, carried: dict[str, str]) -> str:
    """A factor with gradients as a string in the readout row: f = h . x, g^T M g = h^T B h."""
    if factor == "gz":
        return f"{READOUT}x"
    if factor[0] != factor[-1]:
        raise InvalidArgument(
            f"expected each g of an observable in g @ z or in g @ M @ g with M built from K and "
            f"D, got the factor {word_text((factor,))}; put g on both of its ends"
        )
    matrix = min(factor[1:-1], factor[-2:0:-1])
    if matrix not in carried and len(carried) == len(CARRIED):
        raise InvalidArgument(
            f"expected at most {len(CARRIED)} different matrices between gradients in one "
            f"product, got {len(carried) + 1}; take the product apart"
        )
    letter = carried.setdefault(matrix, CARRIED[len(carried) % len(CARRIED)])
    return f"{READOUT}{BELOW[letter]}{READOUT}"
