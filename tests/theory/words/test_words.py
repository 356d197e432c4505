"""Words: one spelling for every number, and the degree that a layer conserves."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.strategies import Space, factors, forms, spaces, traces
from theory.words.word import Word, canonical_factor, canonical_word, degree, is_trace, word_text


@given(traces, st.integers(0, 5), st.booleans())
def test_a_trace_is_invariant_under_rotation_and_reversal(
    trace: str, turn: int, backwards: bool
) -> None:
    turn %= len(trace)
    turned = trace[turn:] + trace[:turn]
    assert canonical_factor(turned[::-1] if backwards else turned) == canonical_factor(trace)


@given(st.tuples(st.sampled_from("xyz"), st.text("AB", max_size=4), st.sampled_from("xyz")))
def test_a_form_is_its_transpose(parts: tuple[str, str, str]) -> None:
    form = "".join(parts)
    assert canonical_factor(form) == canonical_factor(form[::-1])


@given(st.lists(factors, max_size=4).flatmap(lambda f: st.tuples(st.just(f), st.permutations(f))))
def test_a_word_is_invariant_under_the_order_of_its_factors(
    orders: tuple[list[str], list[str]],
) -> None:
    assert canonical_word(orders[0]) == canonical_word(orders[1])


@given(st.lists(factors, max_size=4))
def test_canonical_words_are_fixed_points(word: list[str]) -> None:
    assert canonical_word(canonical_word(word)) == canonical_word(word)


@given(st.lists(factors, max_size=3), spaces(2) | spaces(3))
def test_the_canonical_spelling_names_the_same_number(word: list[str], space: Space) -> None:
    assert space.word(canonical_word(word)) == space.word(tuple(word))


@pytest.mark.parametrize(("length", "bracelets"), [(1, 2), (2, 3), (3, 4), (4, 6), (5, 8), (6, 13)])
def test_canonical_traces_are_the_binary_bracelets(length: int, bracelets: int) -> None:
    spellings = map("".join, product("AB", repeat=length))
    assert len({canonical_factor(trace) for trace in spellings}) == bracelets


@given(traces, forms)
def test_the_degree_counts_matrices_and_forms(trace: str, form: str) -> None:
    assert degree((trace,)) == len(trace)
    assert degree((form,)) == form.count("A") + form.count("B") + 1
    assert degree(()) == 0


@given(st.lists(factors, max_size=3), st.lists(factors, max_size=3))
def test_the_degree_is_additive_and_one_for_all_spellings(p: list[str], q: list[str]) -> None:
    assert degree(canonical_word(p + q)) == degree(tuple(p)) + degree(tuple(q))


@given(factors)
def test_traces_are_upper_case_throughout(factor: str) -> None:
    assert is_trace(factor) == ("x" not in factor)


@given(st.lists(factors, max_size=3), st.lists(factors, max_size=3))
def test_different_words_read_differently(p: list[str], q: list[str]) -> None:
    words = canonical_word(p), canonical_word(q)
    assert (word_text(words[0]) == word_text(words[1])) == (words[0] == words[1])


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ((), "1"),
        (("",), "n"),
        (("A",), "tr(A)"),
        (("AAB",), "tr(A²B)"),
        (("A", "A"), "tr(A)²"),
        (("xx",), "|x|²"),
        (("xx",) * 6, "|x|¹²"),
        (("xAAx", "xx"), "xᵀA²x·|x|²"),
        (("xAx", "xAx"), "(xᵀAx)²"),
        (("xy",), "xᵀy"),
    ],
)
def test_words_in_plain_text(word: Word, text: str) -> None:
    assert word_text(word) == text
