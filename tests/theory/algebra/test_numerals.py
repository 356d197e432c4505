"""Exact numbers of thousands of digits: counted, printed, and put under a root."""

import pickle
import subprocess
import sys
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import Expr, Integer, Rational, sqrt, srepr

from theory import MLP, maximal_learning_rate, readout_update, squared_update
from theory.algebra.numerals import (
    InverseSquareRoot,
    digit_count,
    full_text,
    inverse_square_root,
    number_text,
)
from theory.exposition.narrative import derivation_text
from theory.symbols import eta, n

LONG = Rational(10**3000 + 7, 3**6000)
"""A rational whose 3,000 digits no one factors."""

long_rationals = st.builds(
    lambda p, q, k: Rational(p * 10**k + 1, q * 7**k),
    st.integers(1, 10**30),
    st.integers(1, 10**30),
    st.integers(40, 400),
)


@given(st.integers(1, 10**40) | st.integers(0, 500).map(lambda k: 10**k))
@example(1)
@example(9)
@example(10)
@example(10**1000 - 1)
@example(2**3000)
def test_digit_count_is_the_length_of_the_text(value: int) -> None:
    assert digit_count(value) == len(str(value))


@given(st.fractions(max_denominator=10**15).filter(lambda q: abs(q) < 10**15))
def test_short_numbers_are_printed_in_full(number: Fraction) -> None:
    text = number_text(Rational(number.numerator, number.denominator))
    assert Fraction(text) == number


@given(long_rationals, st.booleans())
def test_long_numbers_are_printed_as_a_decimal_with_their_lengths(
    number: Rational, negative: bool
) -> None:
    text = number_text(-number if negative else number)
    assert text.startswith("-") == negative
    decimal, _, lengths = text.partition(" (exact: ")
    with mpmath.workdps(20):
        exact = mpmath.mpf(int(number.p)) / int(number.q)
        assert abs(abs(mpmath.mpf(decimal)) / exact - 1) < mpmath.mpf(10) ** -9
    digits = len(str(number.p)), len(str(number.q))
    assert lengths == f"{digits[0]} digits over {digits[1]})"


def test_a_long_integer_has_no_denominator_to_print() -> None:
    assert number_text(Integer(7**100)) == "3.23447651e+84 (exact: 85 digits)"
    assert number_text(Integer(0)) == "0"


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**9), st.integers(0, 9000))
@example(0, 1, 0)
@example(-1, 10**9, 9000)
def test_numbers_of_any_length_can_be_printed_in_full(p: int, q: int, power: int) -> None:
    number = Rational(p * 7**power, q)
    text = full_text(number)
    numerator, _, denominator = text.partition("/")
    parts = int_of(numerator.lstrip("-")), int_of(denominator or "1")
    assert (-parts[0] if text.startswith("-") else parts[0], parts[1]) == (number.p, number.q)


def int_of(text: str) -> int:
    """An integer of any length, 1,000 digits at a time."""
    value = 0
    for start in range(0, len(text), 1000):
        piece = text[start : start + 1000]
        value = value * 10 ** len(piece) + int(piece)
    return value


@pytest.mark.slow
def test_importing_the_packages_leaves_the_interpreter_as_it_was() -> None:
    code = "import sys; before = sys.get_int_max_str_digits(); import theory, verify; "
    code += "sys.exit(sys.get_int_max_str_digits() != before)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_values_with_very_long_numbers_print_and_display_without_them() -> None:
    update, rate = squared_update(MLP(10**6 + 3, 800)), maximal_learning_rate(MLP(10**6 + 3, 800))
    for value in (update, update.label, rate, readout_update(MLP(10**9, 64))):
        assert len(repr(value)) < 300
        assert len(value._repr_latex_()) < 1000
    (paragraph, *_) = derivation_text(MLP(10**6 + 3, 800))
    assert "digits over" in paragraph


@pytest.mark.usefixtures("unlimited_digits")
def test_very_long_numbers_print_where_the_user_lifts_the_limit() -> None:
    network = MLP(10**6 + 3, 800)
    update, rate = squared_update(network), maximal_learning_rate(network).exact
    assert digit_count(int(update.label.per_eta2.p)) > 4300
    assert len(str(update.exact)) > 4300
    assert len(srepr(rate)) > len(str(rate)) > 10_000


# One over the root of a number


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_root_of_a_short_number_is_in_simplest_terms(p: int, q: int) -> None:
    root = inverse_square_root(Rational(p, q))
    assert root == 1 / sqrt(Rational(p, q))
    assert root**2 == Rational(q, p)


@given(st.integers(10**30, 10**60), st.integers(1, 10**60))
def test_the_root_of_a_long_square_is_rational(p: int, q: int) -> None:
    assert inverse_square_root(Rational(p, q) ** 2) == Rational(q, p)


@given(long_rationals, st.sampled_from([InverseSquareRoot, inverse_square_root]))
def test_the_root_of_a_long_number_squares_exactly(number: Rational, root_of: Any) -> None:
    root = root_of(number)
    assert root**2 == root * root == 1 / number
    assert root**-2 == (1 / root) ** 2 == number
    assert root**4 == 1 / number**2
    assert (root * eta) ** 2 == eta**2 / number


@given(
    long_rationals, st.integers(10, 60), st.sampled_from([InverseSquareRoot, inverse_square_root])
)
def test_the_root_has_as_many_digits_as_are_asked(
    number: Rational, digits: int, root_of: Any
) -> None:
    root = root_of(number)
    with mpmath.workdps(digits + 10):
        exact = 1 / mpmath.sqrt(mpmath.mpf(int(number.p)) / int(number.q))
        for value, expected in ((root, exact), (1 / root, 1 / exact), (root**3, exact**3)):
            error = abs(mpmath.mpf(str(value.evalf(digits + 5))) / expected - 1)
            assert error < mpmath.mpf(10) ** (2 - digits)


def test_arithmetic_with_a_long_root_in_a_formula_does_not_factor() -> None:
    root = InverseSquareRoot(LONG)
    product = 3 * root * eta / n
    assert product.subs({eta: 2, n: 3}) == 2 * root
    assert (root + root) == 2 * root
    assert product.diff(eta) == 3 * root / n
    assert (product**2).subs({eta: n}) == 9 / LONG
    assert root == InverseSquareRoot(LONG)
    assert root != InverseSquareRoot(LONG + 1)
    assert hash(root) == hash(InverseSquareRoot(LONG))


@pytest.mark.parametrize("root_of", [InverseSquareRoot, inverse_square_root])
def test_a_long_root_is_a_positive_number(root_of: Any) -> None:
    root = root_of(LONG)
    assert root.is_positive
    assert root.is_finite
    assert root.is_number
    assert not root.free_symbols
    assert (root < 1) == (LONG > 1)
    assert float(root) == float(root.evalf(30))
    assert pickle.loads(pickle.dumps(root)) == root


def test_a_long_root_in_a_formula_prints_short() -> None:
    root = InverseSquareRoot(LONG)
    assert str(root) == f"(1/sqrt({number_text(LONG)}))"
    assert len(str(eta * root)) < 100


# The largest networks


@pytest.fixture(scope="module")
def deep() -> MLP:
    return MLP(width=1000, depth=1000)


@pytest.mark.usefixtures("unlimited_digits")
def test_a_network_of_a_thousand_layers(deep: MLP) -> None:
    update = squared_update(deep)
    for part in (update.label, update.output, update):
        value: Expr = part.per_eta2
        assert value.is_Rational
        assert digit_count(int(value.p)) > 3000
        assert len(full_text(value)) > 6000
        assert len(repr(part)) < 200
    assert update.per_eta2 == update.label.per_eta2 + update.output.per_eta2


@pytest.mark.usefixtures("unlimited_digits")
def test_the_rate_of_a_thousand_layers(deep: MLP) -> None:
    rate = maximal_learning_rate(deep)
    value = squared_update(deep).per_eta2
    assert rate.layer == 1000
    assert rate.exact**-2 == value
    with mpmath.workdps(20):
        exact = 1 / mpmath.sqrt(mpmath.mpf(int(value.p)) / int(value.q))
        assert abs(mpmath.mpf(str(rate.exact.evalf(18))) / exact - 1) < 1e-15
    assert len(repr(rate)) < 300
