"""`contract` is Wick's theorem for independent standard Gaussian matrices, on words that hold them.

A factor alternates between two sides: ``j W s W' j' ...`` with junctions j on the side of the site
and letters s on the side of the source.  Pairing two W of one identity joins the junctions beside
them, whose neurons are then one neuron, and joins the letters beside them: the factors are cut at
both W and closed the other way.  Every expectation is therefore a sum of words without weights,
with non-negative integer coefficients; a closed loop of junctions alone is a neuron to be summed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from theory.words.letters import (
    is_junction,
    is_vector,
    is_weight,
    junction,
    masks_of,
    site_of,
    transposed,
)
from theory.words.word import Word, canonical_factor

__all__ = ["contract", "holds_weights", "tidy"]


@lru_cache(maxsize=1 << 16)
def holds_weights(factor: str) -> bool:
    """Whether a factor holds a letter of weights."""
    return any(map(is_weight, factor))


@cache
def contract(word: Word) -> Mapping[Word, int]:
    """E of ``word`` over all weights, as ``{word: coefficient}``.

    Law: pairing any one matrix with each of its partners and summing gives the whole expectation
    (Isserlis 1918), so the recursion may take the matrices in any order.  An odd number of equal
    matrices gives zero, the empty mapping.
    """
    first = next(filter(holds_weights, word), None)
    if first is None:
        return {word: 1}
    done = [factor for factor in word if not holds_weights(factor)]
    others = list(filter(holds_weights, word))[1:]
    total: Counter[Word] = Counter()
    for joined in _pairings(first, others):
        factors = [canonical_factor(tidy(factor)) for factor in joined]
        closed = [factor for factor in factors if not holds_weights(factor)]
        left = tuple(sorted(factor for factor in factors if holds_weights(factor)))
        for rest, count in contract(left).items():
            total[tuple(sorted((*rest, *closed, *done)))] += count
    return dict(total)


def _pairings(first: str, others: list[str]) -> Iterator[list[str]]:
    """All that results when the first weights of ``first`` are paired, each a list of factors."""
    before, letter, after = _cut(first)
    for joined in _with_itself(before, letter, after, is_vector(first[0])):
        yield [*joined, *others]
    for index, other in enumerate(others):
        remaining = others[:index] + others[index + 1 :]
        for turned in (other, transposed(other)):
            for place, each in enumerate(turned):
                if each == letter:
                    pair = turned[:place], turned[place + 1 :]
                    yield [*_joined((before, after), first, pair, turned), *remaining]


def _cut(factor: str) -> tuple[str, str, str]:
    """A factor as before, W, after, with the site's side of W on the left.  What is before a W in
    a trace may be moved behind it."""
    if not is_weight(factor[0]) and not is_vector(factor[0]):
        place = next(i for i, letter in enumerate(factor) if is_weight(letter))
        factor = factor[place:] + factor[:place]
    place = next(i for i, letter in enumerate(factor) if is_weight(letter))
    if ord(factor[place]) & 1:
        factor = transposed(factor)
        place = len(factor) - 1 - place
    if is_vector(factor[0]):
        return factor[:place], factor[place], factor[place + 1 :]
    return "", factor[place], factor[place + 1 :] + factor[:place]


def _with_itself(before: str, letter: str, after: str, form: bool) -> Iterator[list[str]]:
    """``before`` W ``after``, a form or a trace, with another W of the same factor."""
    back = transposed(letter)
    for place, each in enumerate(after):
        inner, outer = after[:place], after[place + 1 :]
        if each == back:
            yield [before + outer, inner]
        elif each == letter:
            yield [before + transposed(inner) + outer]
    for place, each in enumerate(before if form else ""):
        outer, inner = before[:place], before[place + 1 :]
        if each == back:
            yield [outer + after, inner]
        elif each == letter:
            yield [outer + transposed(inner) + after]


def _joined(one: tuple[str, str], first: str, two: tuple[str, str], second: str) -> tuple[str, ...]:
    """Two factors, each cut at W, closed the other way: one factor, two if both are forms."""
    (before, after), (before_2, after_2) = one, two
    if is_vector(first[0]) and is_vector(second[0]):
        return before + transposed(before_2), transposed(after) + after_2
    if is_vector(first[0]):
        return (before + transposed(after_2 + before_2) + after,)
    if is_vector(second[0]):
        return (before_2 + transposed(after + before) + after_2,)
    return (after + before + transposed(after_2 + before_2),)


@lru_cache(maxsize=1 << 16)
def tidy(factor: str) -> str:
    """Neighbouring junctions as one; a junction without masks beside no weights left out."""
    letters: list[str] = []
    for letter in factor:
        if letters and is_junction(letter) and is_junction(letters[-1]):
            letters[-1] = _merged(letters[-1], letter)
        else:
            letters.append(letter)
    if len(letters) > 1 and is_junction(letters[0]) and is_junction(letters[-1]):
        letters[0] = _merged(letters.pop(), letters[0])
    return "".join(letter for index, letter in enumerate(letters) if not _is_idle(letters, index))


def _merged(one: str, other: str) -> str:
    """Two junctions at one neuron.  Sites that share weights share their neurons too."""
    return junction(min(site_of(one), site_of(other)), masks_of(one) + masks_of(other))


def _is_idle(letters: list[str], index: int) -> bool:
    """Whether a letter is an identity between letters of the side of a source."""
    letter = letters[index]
    if not is_junction(letter) or masks_of(letter) or len(letters) == 1:
        return False
    return not is_weight(letters[index - 1]) and not is_weight(letters[(index + 1) % len(letters)])
