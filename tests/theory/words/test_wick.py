"""Wick's theorem on strings against the moments of explicit Gaussian vectors, entry by entry."""

from collections import Counter
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.strategies import Space, generated, spaces
from theory.words.wick import contract, row_letter
from theory.words.word import canonical_word, degree

ROWS = "01"
ends = st.sampled_from("01x")
strings = st.builds("{}{}{}".format, ends, st.text("AB", max_size=2), ends)
products = st.lists(strings, min_size=1, max_size=3).map(canonical_word)


def ends_at(word: tuple[str, ...], row: str) -> int:
    return sum(string.startswith(row) + string.endswith(row) for string in word)


def monomials(string: str, space: Space) -> list[tuple[int, tuple[tuple[str, int], ...]]]:
    """v^T M w as (coefficient, Gaussian entries): each entry is (row, coordinate)."""
    matrix = space.matrix(string[1:-1])
    terms = []
    for i, j in product(range(space.size), repeat=2):
        coefficient, entries = matrix[i][j], []
        for end, index in ((string[0], i), (string[-1], j)):
            if end in ROWS:
                entries.append((end, index))
            else:
                coefficient *= space.vectors[end][index]
        terms.append((coefficient, tuple(entries)))
    return terms


def gaussian_mean(word: tuple[str, ...], space: Space) -> int:
    """E of a product of strings, w_0 and w_1 standard Gaussian: E w^p = (p - 1)!! for even p."""
    total = 0
    for terms in product(*(monomials(string, space) for string in word)):
        powers = Counter(entry for _, entries in terms for entry in entries)
        if all(p % 2 == 0 for p in powers.values()):
            moment = prod(prod(range(1, p, 2)) for p in powers.values())
            total += moment * prod(coefficient for coefficient, _ in terms)
    return total


@generated(150)
@given(products, spaces(1) | spaces(2))
def test_contraction_is_the_gaussian_mean(word: tuple[str, ...], space: Space) -> None:
    contracted = contract(word)
    assert sum(count * space.word(w) for w, count in contracted.items()) == gaussian_mean(
        word, space
    )


@given(products)
def test_an_odd_number_of_equal_ends_gives_zero(word: tuple[str, ...]) -> None:
    if any(ends_at(word, row) % 2 for row in ROWS):
        assert contract(word) == {}


@given(products)
def test_coefficients_count_the_pairings(word: tuple[str, ...]) -> None:
    pairings = prod(
        0 if ends_at(word, row) % 2 else prod(range(1, ends_at(word, row), 2)) for row in ROWS
    )
    assert sum(contract(word).values()) == pairings


@given(st.lists(strings, min_size=1, max_size=3), st.data())
def test_contraction_is_invariant_under_order_and_transposition(
    word: list[str], data: st.DataObject
) -> None:
    shuffled = [data.draw(st.sampled_from([s, s[::-1]])) for s in data.draw(st.permutations(word))]
    spelled = [
        {canonical_word(w): count for w, count in contract(tuple(order)).items()}
        for order in (shuffled, word)
    ]
    assert spelled[0] == spelled[1]


@given(products)
def test_contraction_leaves_canonical_words_and_no_rows(word: tuple[str, ...]) -> None:
    for result in contract(word):
        assert result == canonical_word(result)
        assert not any(ends_at(result, row) for row in ROWS)
        letters = sum(map(len, word)) - sum(ends_at(word, row) for row in ROWS)
        assert sum(map(len, result)) == letters


@pytest.mark.parametrize("power", [1, 2, 3, 4, 5])
def test_moments_of_a_projection(power: int) -> None:
    # E (w.x)^{2k} = (2k - 1)!! |x|^{2k}.
    assert contract(("0x",) * (2 * power)) == {("xx",) * power: prod(range(1, 2 * power, 2))}


def test_the_fourth_moment_of_a_quadratic_form() -> None:
    # E (w^T A w)^2 = (tr A)^2 + 2 tr A^2, and the words have the degree of the product.
    assert contract(("0A0", "0A0")) == {("A", "A"): 1, ("AA",): 2}
    assert {degree(word) for word in contract(("0A0", "0A0"))} == {2}


def test_there_are_seventeen_rows() -> None:
    assert len({row_letter(index) for index in range(17)}) == 17
    for index in (-1, 17):
        with pytest.raises(ValueError, match=f"index={index}"):
            row_letter(index)
