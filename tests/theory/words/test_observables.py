"""The language of observables: an algebra over the rationals that knows its symmetries."""

from fractions import Fraction
from operator import add, matmul
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.strategies import generated, observables, spelled
from theory import MLP, derive
from theory.observables import D, K, Matrix, Observable, Vector, f, g, trace, x, z

letters = st.text("KD", min_size=1, max_size=4)
matrices = letters.map(spelled)
vectors = st.sampled_from([z, g, x, K @ z, D @ K @ g])
numbers = st.fractions(-3, 3, max_denominator=5)


@given(observables, observables, observables)
def test_sums_and_products_are_a_commutative_ring(
    p: Observable, q: Observable, r: Observable
) -> None:
    assert p + q == q + p
    assert p * q == q * p
    assert (p + q) + r == p + (q + r)
    assert (p * q) * r == p * (q * r)
    assert p * (q + r) == p * q + p * r
    assert p + 0 == p * 1 == p


@given(observables, numbers)
def test_numbers_are_observables(p: Observable, c: Fraction) -> None:
    assert p + c - c == p
    assert c - p == -(p - c)
    assert c * p == p * c
    assert (c + p) - (p + c) == p - p
    if c:
        assert (p * c) / c == p


@given(observables)
def test_powers_are_repeated_products(p: Observable) -> None:
    assert p**1 == p
    assert p**3 == p * p * p
    assert hash(p**2) == hash(p * p)


@given(matrices, matrices, vectors)
def test_matrices_associate(a: Matrix, b: Matrix, v: Vector) -> None:
    assert (a @ b) @ v == a @ (b @ v)
    assert (a + b) @ v == a @ v + b @ v
    assert (v @ a) @ b == v @ (a @ b)
    assert a**2 == a @ a


@given(matrices, matrices)
def test_the_trace_is_linear_and_cyclic(a: Matrix, b: Matrix) -> None:
    assert trace(a @ b) == trace(b @ a)
    assert trace(a + 2 * b) == trace(a) + 2 * trace(b)
    assert trace(a - b) == trace(a) - trace(b)


@given(letters, vectors, vectors)
def test_matrices_are_symmetric(word: str, u: Vector, v: Vector) -> None:
    # (M u).v = u.(M^T v), where the transpose of a product of K and D is the product reversed.
    forwards, backwards = spelled(word), spelled(word[::-1])
    assert u @ forwards @ v == v @ backwards @ u
    assert (u @ forwards) @ v == u @ (forwards @ v)
    assert trace(forwards) == trace(backwards)


@pytest.mark.parametrize(
    ("observable", "text"),
    [
        (trace(K), "tr(K)"),
        (trace(K @ K) / 2, "1/2·tr(K²)"),
        (f**2, "(gᵀz)²"),
        (x @ x, "zᵀD²z"),
        (z @ z + 3, "3 + |z|²"),
        (trace(K) - trace(K), "0"),
    ],
)
def test_observables_print_as_formulas(observable: Observable, text: str) -> None:
    assert repr(observable) == text


def test_matrices_and_vectors_print() -> None:
    assert repr(K @ D + K) == "K + KD"
    assert repr(x) == "Dz"
    assert repr(K - K) == repr(z - z) == "0"


@generated(20)
@given(letters)
def test_a_derivation_says_what_it_derives(word: str) -> None:
    observable = trace(spelled(word))
    text = repr(derive(observable, MLP(2, 1)))
    assert str(observable) in text
    assert "closed under the layer map" in text


@pytest.mark.parametrize(
    ("operation", "left", "right"),
    [
        (matmul, K, 3),
        (matmul, 3, K),
        (matmul, z, 3),
        (add, K, g),
        (add, K, 1),
        (matmul, trace(K), K),
        (matmul, K, trace(K)),
    ],
)
def test_kinds_do_not_mix(operation: Any, left: object, right: object) -> None:
    with pytest.raises(TypeError):
        operation(left, right)
