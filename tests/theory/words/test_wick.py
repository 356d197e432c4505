"""Wick's theorem on words with weights against explicit Gaussian matrices, entry by entry."""

from collections import Counter
from functools import reduce
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.roads.polynomial import GaussianMeasure, Polynomial, dot, total
from tests.tools.strategies import Space, generated, spaces
from theory import MLP, InvalidArgument, derive
from theory.observables import D, K, trace
from theory.words.letters import (
    is_junction,
    is_vector,
    is_weight,
    junction,
    masks_of,
    site_of,
    transposed,
    weight,
    weight_index,
)
from theory.words.wick import contract, holds_weights, tidy
from theory.words.word import Word, canonical_word, degree

SITE, MASK = 1, (2, -1)
"""The site of all junctions, and its mask: two neurons with integers in the place of coins."""
W, J = weight(0), junction(SITE, 0)
BACK = transposed(W)
Matrix = list[list[Polynomial]]

junctions = st.integers(0, 2).map(lambda power: junction(SITE, power))
weights = st.integers(0, 1).map(weight)
between = st.text("AB", min_size=1, max_size=2)


@st.composite
def through_the_site(draw: st.DrawFn) -> str:
    """W^T D^p W, from the side of the source to itself."""
    return transposed(draw(weights)) + draw(junctions) + draw(weights)


loops = st.builds("{}{}".format, between, through_the_site())
traces = st.lists(loops, min_size=1, max_size=2).map("".join)
ends = st.text("AB", max_size=1)
forms = st.builds("x{}{}{}{}x".format, ends, through_the_site(), ends | loops, ends)
words = st.lists(traces | forms | junctions, min_size=1, max_size=2).map(canonical_word)


def matrix(letter: str, space: Space) -> Matrix:
    """A letter as a matrix of polynomials in the entries of the weights."""
    if is_junction(letter):
        numbers = [
            [d ** masks_of(letter) * (i == j) for j, _ in enumerate(MASK)]
            for i, d in enumerate(MASK)
        ]
    elif is_weight(letter):
        first = weight_index(letter) * len(MASK) * space.size
        entries = [
            [Polynomial.indeterminate(first + i * space.size + j) for j in range(space.size)]
            for i, _ in enumerate(MASK)
        ]
        return (
            entries
            if letter == weight(weight_index(letter))
            else list(map(list, zip(*entries, strict=True)))
        )
    elif is_vector(letter):
        numbers = [[entry] for entry in space.vectors[letter]]
    else:
        numbers = [list(row) for row in space.matrices[letter]]
    return [[Polynomial.constant(entry) for entry in row] for row in numbers]


def multiply(left: Matrix, right: Matrix) -> Matrix:
    columns = list(map(list, zip(*right, strict=True)))
    return [[dot(row, column) for column in columns] for row in left]


def factor_value(factor: str, space: Space) -> Polynomial:
    """The trace of a factor; a form is that of its left vector transposed."""
    matrices = [matrix(letter, space) for letter in factor]
    if is_vector(factor[0]):
        matrices[0] = list(map(list, zip(*matrices[0], strict=True)))
    whole = reduce(multiply, matrices)
    return total(row[i] for i, row in enumerate(whole))


def word_value(word: Word, space: Space) -> Polynomial:
    values = (factor_value(factor, space) for factor in word)
    return reduce(Polynomial.__mul__, values, Polynomial.constant(1))


def numbers_of_weights(word: Word) -> Counter[int]:
    return Counter(
        weight_index(letter) for factor in word for letter in factor if is_weight(letter)
    )


@generated(100)
@given(words, spaces(1) | spaces(2))
def test_contraction_is_the_gaussian_mean(word: Word, space: Space) -> None:
    measure = GaussianMeasure([1] * (2 * len(MASK) * space.size))  # type: ignore[list-item]
    one = Polynomial.constant(1)
    contracted = total(word_value(w, space).scaled(n) for w, n in contract(word).items())
    mean = measure.expectation_of_product(word_value(word, space), one)
    assert mean == measure.expectation_of_product(contracted, one)


@given(words)
def test_coefficients_count_the_pairings(word: Word) -> None:
    """(2m - 1)!! of each matrix, and none of a matrix that stands an odd number of times."""
    pairings = prod(
        0 if count % 2 else prod(range(1, count, 2)) for count in numbers_of_weights(word).values()
    )
    assert sum(contract(word).values()) == pairings


@given(st.lists(traces | forms, min_size=1, max_size=2), st.data())
def test_contraction_is_invariant_under_order_and_spelling(
    word: list[str], data: st.DataObject
) -> None:
    def spelled(factor: str) -> str:
        turned = data.draw(st.sampled_from([factor, transposed(factor)]))
        cut = 0 if is_vector(factor[0]) else data.draw(st.integers(0, len(factor) - 1))
        return turned[cut:] + turned[:cut]

    shuffled = tuple(map(spelled, data.draw(st.permutations(word))))
    assert contract(shuffled) == contract(tuple(word))


@given(words)
def test_contraction_leaves_canonical_words_without_weights(word: Word) -> None:
    matrices = Counter(letter for factor in word for letter in factor if letter in "AB")
    for result in contract(word):
        assert result == canonical_word(result)
        assert not any(map(holds_weights, result))
        assert all(len(factor) == 1 for factor in result if is_junction(factor[0]))
        assert (
            Counter(letter for factor in result for letter in factor if letter in "AB") == matrices
        )


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_moments_of_a_projection(power: int) -> None:
    """E |W x|^(2k) over one neuron is (2k - 1)!! |x|^(2k): all loops may run through it."""
    results = contract((f"x{BACK}{J}{W}x",) * power)
    counts: Counter[Word] = Counter()
    for result, count in results.items():
        counts[tuple(factor for factor in result if factor != J)] += count
    assert counts == {("xx",) * power: prod(range(1, 2 * power, 2))}


def test_the_square_of_a_trace_over_neurons() -> None:
    """E tr(W A W^T)^2 = N^2 (tr A)^2 + 2 N tr A^2 for N neurons: a loop is a sum over them."""
    results = contract((f"A{BACK}{J}{W}",) * 2)
    assert results == {("A", "A", J, J): 1, ("AA", J): 2}
    assert {degree(word) for word in results} == {2}


@given(st.lists(st.integers(0, 2), min_size=1, max_size=4))
def test_neighbouring_masks_are_one_junction(powers: list[int]) -> None:
    letters = "".join(junction(SITE, power) for power in powers)
    assert tidy(letters) == junction(SITE, sum(powers))
    assert tidy(f"{W}A{BACK}{letters}") == f"{W}A{BACK}{junction(SITE, sum(powers))}"


def test_sites_that_share_weights_share_neurons() -> None:
    """Junctions of two positions of a convolution meet in one loop, of the lower number."""
    loop = f"A{BACK}{junction(3, 0)}{junction(2, 0)}{W}"
    assert contract((tidy(loop),)) == {("A", junction(2, 0)): 1}


def test_letters_between_sources_hold_no_idle_junction() -> None:
    assert [tidy(text) for text in (f"x{J}x", f"xA{J}Ax", f"A{J}")] == ["xx", "xAAx", "A"]
    kept = list(product((W, "A"), repeat=2))
    assert [J in tidy(f"x{left}{J}{right}x") for left, right in kept] == [True, True, True, False]


def test_a_junction_holds_its_masks_and_refuses_more() -> None:
    """A power beyond its bits would turn into another site."""
    assert [(site_of(j), masks_of(j)) for j in (junction(127, 511), junction(1, 64))] == [
        (127, 511),
        (1, 64),
    ]
    with pytest.raises(InvalidArgument, match="got 512"):
        junction(1, 512)


@pytest.mark.parametrize("power", [1, 63, 64, 200])
def test_powers_of_a_mask_of_zeros_and_ones_are_the_mask(power: int) -> None:
    masks = reduce(lambda left, right: left @ right, [D] * power)
    assert derive(trace(K @ masks), MLP(2, 2)).exact == 4
