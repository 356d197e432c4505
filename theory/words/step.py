"""`word_below` averages one step exactly: from a word of its sites to words of the sites below.

A step has Gaussian weights W, and each of its sites p has the neurons

    x_p = D_p z_p,   z_p = sum over edges of W x_source + sum over links of c x_source,

and the tangent kernel K_pq between two of its faces: the kernels of the sources carried through W
and links, and an own share |x_source|^2 of the weights that both sites read by.  The expectation of
a word, given the layers below, is found in three steps:

1. *Rows.*  Every letter of the step's sites is written in weights and letters below, and Wick's
   theorem pairs the weights (`theory.words.wick`).  The results are words below, and loops: neuron
   indices of a site to be summed, each with a number of masks.
2. *Coins.*  Flipping the sign of one neuron's row of W, and of the column of the weights that
   leave it, flips its pre-activation and leaves the law and every word alone, since a word holds
   every neuron twice.  So its mask averages on its own to E[D^p], p the number of its masks.
   Should x below vanish the masks are not coins, but then so do all words on the right that hold
   an x, and the masks that made x vanish made the kernels vanish too: both sides are zero.
3. *Coincidences.*  Loops of one site may run through one neuron: the sum over neurons splits by
   which loops do (a set partition), and r distinct neurons can be chosen in
   (N)_r = N (N-1) ... (N-r+1) ways.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache, reduce
from itertools import chain, product
from math import prod
from operator import xor
from typing import NamedTuple

from theory.words.coefficients import Coefficient, Coin, Powers, Term
from theory.words.letters import (
    FIRST_INPUT,
    is_junction,
    is_vector,
    is_weight,
    junction,
    kernel,
    kernel_parts,
    masks_of,
    post,
    site_of,
    transposed,
    vector,
    vector_face,
    weight,
    weight_index,
)
from theory.words.shapes import SiteShape, StepShape
from theory.words.wick import contract, tidy
from theory.words.word import Word, canonical_factor

__all__ = ["summands", "word_below"]

_OWN_SHARE = 0
"""The kind of kernel that has an own share."""


class _Part(NamedTuple):
    """One summand of a letter: a text, the identity and form of an own share, links, the weights
    in the text, and a bit for each weight and link that it holds an odd number of times."""

    text: str
    own: tuple[int, ...]
    form: tuple[str, ...]
    links: tuple[int, ...]
    weights: tuple[int, ...]
    odd: int


def _part(
    text: str,
    own: tuple[int, ...] = (),
    form: tuple[str, ...] = (),
    links: tuple[int, ...] = (),
) -> _Part:
    weights = tuple(weight_index(letter) for letter in text if is_weight(letter))
    bits = (1 << bit for bit in (*(2 * weight for weight in weights), *(2 * k + 1 for k in links)))
    return _Part(text, own, form, links, weights, reduce(xor, bits, 0))


@cache
def word_below(word: Word, step: StepShape) -> Mapping[Word, Coefficient]:
    """E[``word``] over the step, given the layers below: ``{word below: coefficient}``."""
    total: defaultdict[Word, Counter[Term]] = defaultdict(Counter)
    for (written, pairs, own, links), number in _written(word, step).items():
        for closed, count in contract(written).items():
            below, loops = _split(closed)
            for coins, ways in _coincidences(loops).items():
                total[below][Term(coins, pairs, own, links)] += number * count * ways
    return {below: dict(terms) for below, terms in total.items()}


def summands(word: Word, step: StepShape) -> int:
    """How many products of weights and letters below `word_below` averages."""
    return prod(len(_parts(letter, step)) for factor in word for letter in factor)


def _written(word: Word, step: StepShape) -> Counter[tuple[Word, Powers, Powers, Powers]]:
    """``word`` in weights and letters below: how often each product arises, with the powers of
    variances, own shares and squared links; words odd in weights or links average to zero."""
    total: Counter[tuple[Word, Powers, Powers, Powers]] = Counter()
    for parts in product(*(_factor_parts(factor, step) for factor in word)):
        if reduce(xor, [part.odd for part, _ in parts], 0):
            continue
        pairs = _halved(tuple(part.weights for part, _ in parts))
        links = _halved(tuple(part.links for part, _ in parts))
        own = _powers(tuple(part.own for part, _ in parts))
        factors = [part.text for part, _ in parts]
        factors += [form for part, _ in parts for form in part.form]
        total[tuple(sorted(factors)), pairs, own, links] += prod(count for _, count in parts)
    return total


@cache
def _factor_parts(factor: str, step: StepShape) -> tuple[tuple[_Part, int], ...]:
    """The summands of a factor, in canonical spelling, and how often each arises."""
    total: Counter[_Part] = Counter()
    for parts in product(*(_parts(letter, step) for letter in factor)):
        total[
            _Part(
                canonical_factor(_factor(factor, parts)),
                tuple(sorted(chain.from_iterable(part.own for part in parts))),
                tuple(sorted(canonical_factor(form) for part in parts for form in part.form)),
                tuple(sorted(chain.from_iterable(part.links for part in parts))),
                tuple(sorted(chain.from_iterable(part.weights for part in parts))),
                reduce(xor, [part.odd for part in parts], 0),
            )
        ] += 1
    return tuple(total.items())


@lru_cache(maxsize=1 << 16)
def _powers(held: tuple[tuple[int, ...], ...]) -> Powers:
    return tuple(sorted(Counter(chain(*held)).items()))


def _halved(held: tuple[tuple[int, ...], ...]) -> Powers:
    return tuple((k, count // 2) for k, count in _powers(held))


def _factor(factor: str, parts: Sequence[_Part]) -> str:
    """A factor with a part for each letter; the left vector of a form is written from the right."""
    texts = [part.text for part in parts]
    if factor and is_vector(factor[0]):
        texts[0] = transposed(texts[0])
    return tidy("".join(texts))


@cache
def _parts(letter: str, step: StepShape) -> tuple[_Part, ...]:
    """The summands of a letter in weights and letters below."""
    if (faces := kernel_parts(letter)) is not None:
        return tuple(chain(_kernel_parts(*faces, step), _own_shares(*faces, step)))
    if (face := vector_face(letter)) is not None:
        return tuple(
            _part(text + vector(source), links=links) for text, source, links in _read(face, step)
        )
    return (_part(letter),)


def _kernel_parts(kind: int, left: int, right: int, step: StepShape) -> Iterator[_Part]:
    for (before, p, links), (after, q, others) in product(_read(left, step), _read(right, step)):
        if max(p, q) < post(FIRST_INPUT):
            yield _part(before + kernel(kind, p, q) + transposed(after), links=links + others)


def _own_shares(kind: int, left: int, right: int, step: StepShape) -> Iterator[_Part]:
    """The shares of the weights by which the sites of both faces read."""
    p, q = _site(left, step), _site(right, step)
    if kind != _OWN_SHARE or p is None or q is None:
        return
    masks = _masks(p, left) + _masks(q, right)
    for one, other in product(p.edges, q.edges):
        if one.weights == other.weights:
            form = vector(one.source) + vector(other.source)
            yield _part(junction(min(p.number, q.number), masks), (one.weights,), (form,))


def _read(face: int, step: StepShape) -> list[tuple[str, int, tuple[int, ...]]]:
    """What a face reads: weights or nothing before a face below, with the link read by.  A face
    that is not of this step stays."""
    site = _site(face, step)
    if site is None:
        return [("", face, ())]
    start = junction(site.number, _masks(site, face))
    edges = [(start + weight(edge.weights), edge.source, ()) for edge in site.edges]
    return edges + [("", source, (link,)) for link, source in enumerate(site.links)]


def _site(face: int, step: StepShape) -> SiteShape | None:
    return next((site for site in step if site.number == face >> 1), None)


def _masks(site: SiteShape, face: int) -> int:
    """Masks of a face: one after the mask of a site that has one."""
    return int(site.masked and face % 2 == 0)


@cache
def _split(closed: Word) -> tuple[Word, Word]:
    """The words below, and the loops."""
    loops = [is_junction(factor[0]) for factor in closed]
    below = tuple(factor for factor, loop in zip(closed, loops, strict=True) if not loop)
    return below, tuple(factor for factor, loop in zip(closed, loops, strict=True) if loop)


@cache
def _coincidences(loops: Word) -> Mapping[tuple[Coin, ...], int]:
    """How often loops fall on neurons: for each site, distinct neurons and their masks."""
    by_site: defaultdict[int, list[int]] = defaultdict(list)
    for loop in loops:
        by_site[site_of(loop)].append(masks_of(loop))
    ways = [_on_neurons(site, powers).items() for site, powers in sorted(by_site.items())]
    return {
        tuple(coin for coin, _ in each): prod(count for _, count in each) for each in product(*ways)
    }


def _on_neurons(site: int, powers: list[int]) -> Mapping[Coin, int]:
    """How many set partitions of loops with ``powers`` of the mask leave each set of neurons.

    Loops are added one by one, each to a new neuron or to an earlier neuron: neurons with
    the same masks are alike, so that few cases are kept of the many set partitions.
    """
    ways: Counter[tuple[int, ...]] = Counter({(): 1})
    for power in powers:
        longer: Counter[tuple[int, ...]] = Counter()
        for masks, count in ways.items():
            longer[tuple(sorted((*masks, power)))] += count
            for place, mask in enumerate(masks):
                joined = (*masks[:place], mask + power, *masks[place + 1 :])
                longer[tuple(sorted(joined))] += count
        ways = longer
    return {(site, len(masks), tuple(filter(None, masks))): n for masks, n in ways.items()}
