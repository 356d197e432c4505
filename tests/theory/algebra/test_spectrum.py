"""Powers by spectrum against repeated multiplication, and sums of powers against their values."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import QQ, Integer, Rational
from sympy.polys.matrices import DomainMatrix

from tests.tools.strategies import generated
from theory import NotSolved
from theory.algebra.power_sum import PowerSum, binomial, depth_ring, merged, power_key
from theory.algebra.spectrum import Spectrum
from theory.exact.closed_form import closed_form
from theory.laws.update import PARTS
from theory.networks.mlp import MLP
from theory.symbols import L, ell, p
from theory.words.word_maps import word_maps

numbers = st.integers(-3, 3)


@st.composite
def jordan_matrices(draw: st.DrawFn) -> DomainMatrix:
    """Rational matrices with rational eigenvalues and Jordan blocks: S J S^-1."""
    size = draw(st.integers(1, 5))
    values = sorted(draw(st.lists(numbers, min_size=size, max_size=size)))
    jordan = [[QQ(0)] * size for _ in range(size)]
    for i, value in enumerate(values):
        jordan[i][i] = QQ(value)
        if i and values[i - 1] == value:
            jordan[i - 1][i] = QQ(draw(st.integers(0, 1)))
    entries = [[QQ(draw(numbers)) for _ in range(size)] for _ in range(size)]
    change = DomainMatrix(entries, (size, size), QQ)
    assume(change.det() != 0)
    return change * DomainMatrix(jordan, (size, size), QQ) * change.inv()


@generated(60)
@given(jordan_matrices(), st.data(), st.integers(0, 9))
def test_components_give_every_power(
    matrix: DomainMatrix, data: st.DataObject, exponent: int
) -> None:
    size = matrix.shape[0]
    vector = DomainMatrix([[QQ(data.draw(numbers))] for _ in range(size)], (size, 1), QQ)
    ring = depth_ring(QQ)
    total = vector - vector
    for part in Spectrum.of(matrix).components(vector):
        for k, link in enumerate(part.chain):
            key, factor = power_key(part.eigenvalue, L - k, QQ)
            ways = binomial(ring, L, k) if part.eigenvalue else ring.one
            total += link * PowerSum(ring, {key: ways * factor}).value(L=exponent)
    assert total == matrix**exponent * vector


@generated(40)
@given(jordan_matrices(), st.data())
def test_components_between_rows(matrix: DomainMatrix, data: st.DataObject) -> None:
    size, count = matrix.shape[0], data.draw(st.integers(1, 3))
    thirds = [[QQ(data.draw(numbers), 3) for _ in range(size)] for _ in range(count + 1)]
    rows = DomainMatrix(thirds[1:], (count, size), QQ)
    vector = DomainMatrix(thirds[:1], (1, size), QQ).transpose()
    orbit = Spectrum.of(matrix).orbit(vector)
    whole = {part.eigenvalue: part.chain for part in orbit.spectrum.components(vector)}
    between = {part.eigenvalue: part.chain for part in orbit.components(rows)}
    assert between.keys() <= whole.keys()
    for eigenvalue, chain in whole.items():
        nilpotent = matrix - DomainMatrix.eye(size, QQ) * eigenvalue
        assert [nilpotent * each for each in chain[:-1]] == list(chain[1:])
        assert (nilpotent * chain[-1]).is_zero_matrix
        kept = between.get(eigenvalue, ())
        for k, link in enumerate(chain):
            value = rows * link
            assert kept[k] == value if k < len(kept) else value.is_zero_matrix


def test_rows_that_see_a_vector_only_after_one_step() -> None:
    """(1, 0) M^j (0, 1)^T = j for one Jordan block M of eigenvalue 1; (1, 0) (0, 0)^T = 0."""
    matrix = DomainMatrix([[QQ(1), QQ(1)], [QQ(0), QQ(1)]], (2, 2), QQ)
    vector = DomainMatrix([[QQ(0)], [QQ(1)]], (2, 1), QQ)
    rows = vector.transpose() * DomainMatrix([[QQ(0), QQ(1)], [QQ(1), QQ(0)]], (2, 2), QQ)
    (part,) = Spectrum.of(matrix).orbit(vector).components(rows)
    assert part.eigenvalue == 1
    assert [link[0, 0].element for link in part.chain] == [0, 1]
    assert not Spectrum.of(matrix).orbit(vector - vector).components(rows)
    (whole,) = Spectrum.of(matrix).components(rows.transpose())
    assert len(whole.chain) == 1, "an eigenvector has no second link"


def test_an_irrational_eigenvalue_is_refused() -> None:
    fibonacci = DomainMatrix([[QQ(1), QQ(1)], [QQ(1), QQ(0)]], (2, 2), QQ)
    with pytest.raises(NotSolved, match="rational function"):
        Spectrum.of(fibonacci)


def test_a_wrong_eigenvalue_is_noticed() -> None:
    matrix = DomainMatrix([[QQ(1), QQ(1)], [QQ(0), QQ(1)]], (2, 2), QQ)
    vector = DomainMatrix([[QQ(0)], [QQ(1)]], (2, 1), QQ)
    for wrong in (((QQ(1), 1),), ((QQ(2), 2),), ((QQ(1), 1), (QQ(2), 1))):
        with pytest.raises(AssertionError):
            Spectrum(matrix, wrong).components(vector)


# Sums of powers


def power_sum(terms: list[tuple[int, int, int]]) -> PowerSum:
    """sum c binom(L, k) b^(2 L - ell - 1)."""
    ring = depth_ring(QQ)
    total = PowerSum.zero(QQ)
    for coefficient, k, base in terms:
        poly = binomial(ring, L, k) * QQ(coefficient)
        total += PowerSum(ring, {frozenset(): poly}).times_power(QQ(base), 2 * L - ell - 1)
    return total


TERMS = st.lists(st.tuples(numbers, st.integers(0, 3), st.integers(1, 3)), max_size=3)


@given(TERMS, TERMS, st.integers(1, 6), st.integers(1, 6))
def test_sums_substitutions_and_values(
    one: list[tuple[int, int, int]], two: list[tuple[int, int, int]], depth: int, layer: int
) -> None:
    def value(terms: list[tuple[int, int, int]], at: int, below: int) -> Rational:
        return sum(
            (
                Integer(c) * _binomial(at, k) * Rational(b) ** (2 * at - below - 1)
                for c, k, b in terms
            ),
            Rational(0),
        )

    left, right = power_sum(one), power_sum(two)
    both = QQ.to_sympy((left + right).value(L=depth, ell=layer))
    assert both == value(one, depth, layer) + value(two, depth, layer)
    moved = left.at({L: ell + p, ell: Integer(2)})
    assert QQ.to_sympy(moved.value(ell=depth, p=layer)) == value(one, depth + layer, 2)


def _binomial(top: int, k: int) -> Rational:
    total = Rational(1)
    for i in range(k):
        total *= Rational(top - i, i + 1)
    return total


def test_powers_of_zero_are_indicators_in_products_too() -> None:
    """0^(L - 2) 2^L in both orders, and 0^(L - 2) 0^(ell - 1) 2^L, at numbers."""
    one = PowerSum(depth_ring(QQ), {frozenset(): depth_ring(QQ).one})
    products = [
        one.times_power(QQ(0), L - 2).times_power(QQ(2), L),
        one.times_power(QQ(2), L).times_power(QQ(0), L - 2),
    ]
    for each in products:
        assert [each.value(L=depth) for depth in (1, 2, 3)] == [0, 4, 0]
    both = products[0].times_power(QQ(0), ell - 1)
    assert [both.value(L=2, ell=layer) for layer in (1, 2)] == [4, 0]
    assert both.value(L=3, ell=1) == 0
    assert merged(*(power_key(QQ(0), form, QQ)[0] for form in (L, ell))) == {(None, L), (None, ell)}


def test_powers_that_are_numbers_leave_no_key() -> None:
    """2^3 = 8, 1^(L + 1) = 1, 2^(L + 1) 2^(1 - L) = 4, and 2^L 3^L 2^(-L) = 3^L."""
    one = PowerSum(depth_ring(QQ), {frozenset(): depth_ring(QQ).one})
    assert power_key(QQ(2), Integer(3), QQ) == (frozenset(), QQ(8))
    assert power_key(QQ(1), L + 1, QQ) == (frozenset(), QQ(1))
    assert one.times_power(QQ(2), L + 1).times_power(QQ(2), 1 - L).terms == one.scaled(QQ(4)).terms
    three = one.times_power(QQ(3), L)
    assert three.times_power(QQ(2), L).times_power(QQ(2), -L).terms == three.terms


def test_a_value_needs_every_depth() -> None:
    with pytest.raises(ValueError, match="every depth symbol"):
        power_sum([(1, 1, 2)]).value(L=3)


def test_equal_sums_have_equal_terms() -> None:
    one = closed_form(word_maps(PARTS["label"]), MLP(), L, None).sums[0]
    two = closed_form(word_maps(PARTS["label"]), MLP(), ell, None).sums[0]
    assert two.at({ell: L}).terms == one.terms
    assert two.terms != one.terms
