"""Masks off and one layer trained: moments of Wishart matrices and of Gaussian products."""

from fractions import Fraction
from itertools import pairwise
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr

from tests.roads.wishart import fuss_catalan, wishart_moment
from tests.tools.strategies import fraction, generated, rational
from theory import MLP, Linear, derive
from theory.observables import K, Observable, trace
from theory.symbols import n

PARTITIONS = [
    (1,),
    (2,),
    (1, 1),
    (3,),
    (2, 1),
    (1, 1, 1),
    (4,),
    (3, 1),
    (2, 2),
    (2, 1, 1),
    (1,) * 4,
]


def powers(partition: tuple[int, ...]) -> Observable:
    """prod_k tr K^k over the parts of a partition."""
    factors = [trace(K**k) for k in partition]
    return prod(factors[1:], start=factors[0])


def product_moment(partition: tuple[int, ...], network: MLP) -> Expr:
    """E prod_k tr K^k with only layer 1 trained: K = |x|^2 P P^T, P = W^(L) ... W^(2)."""
    rates = (1, *[0] * (network.layers - 1))
    return derive(powers(partition), network, rates=rates).exact


@generated(50)
@given(st.sampled_from(PARTITIONS), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))
def test_two_layers_are_a_wishart_matrix(
    partition: tuple[int, ...], rows: int, columns: int, norm2: int
) -> None:
    network = MLP((columns, rows), activation=Linear(), input_norm2=norm2)
    scale = Fraction(norm2, columns) ** sum(partition)
    moment = product_moment(partition, network)
    assert fraction(moment) == scale * wishart_moment(partition, rows=rows, columns=columns)


@generated(20)
@given(st.sampled_from(PARTITIONS), st.integers(1, 12), st.integers(1, 5))
def test_the_input_width_plays_no_part_in_a_product(
    partition: tuple[int, ...], width: int, input_width: int
) -> None:
    network = MLP(width, 2, input_width=input_width, activation=Linear(), input_norm2=1)
    scale = Fraction(1, width) ** sum(partition)
    moment = product_moment(partition, network)
    assert fraction(moment) == scale * wishart_moment(partition, rows=width, columns=width)


@generated(30)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6).map(tuple), st.sampled_from([1, 5]))
def test_second_moments_of_a_rectangular_product(widths: tuple[int, ...], c: int) -> None:
    # With B = G A G^T and N rows: E tr B = N tr A, E (tr B)^2 = N^2 (tr A)^2 + 2 N tr A^2 and
    # E tr B^2 = N (tr A)^2 + N (N + 1) tr A^2.
    one, squared, of_square = Fraction(widths[0]), Fraction(widths[0] ** 2), Fraction(widths[0])
    for down, up in pairwise(widths):
        gain = Fraction(c, down)
        one = gain * up * one
        squared, of_square = (
            gain**2 * (up**2 * squared + 2 * up * of_square),
            gain**2 * (up * squared + up * (up + 1) * of_square),
        )
    network = MLP(widths, activation=Linear(), weight_variance=c, input_norm2=1)
    moments = [fraction(product_moment(p, network)) for p in ((1,), (1, 1), (2,))]
    assert moments == [one, squared, of_square]


ORDERS = [
    (0, 4),
    (1, 1),
    (1, 2),
    (1, 3),
    (1, 4),
    (2, 2),
    (2, 3),
    (2, 4),
    (3, 2),
    (3, 3),
    (4, 2),
    (5, 3),
]


@pytest.mark.parametrize(("order", "power"), ORDERS)
def test_fuss_catalan_numbers_as_the_width_grows(order: int, power: int) -> None:
    network = MLP(depth=order + 1, activation=Linear(), input_norm2=1)
    moment = product_moment((power,), network)
    numerator, denominator = moment.as_numer_denom()
    top = numerator.as_poly(n), denominator.as_poly(n)
    assert top[0].degree() - top[1].degree() == 1
    assert top[0].LC() / top[1].LC() == rational(fuss_catalan(order, power))


@pytest.mark.parametrize(("order", "power"), ORDERS)
def test_leading_is_the_fuss_catalan_number(order: int, power: int) -> None:
    network = MLP(depth=order + 1, activation=Linear(), input_norm2=1)
    rates = (1, *[0] * order)
    derivation = derive(trace(K**power), network, rates=rates)
    assert derivation.leading() == n * rational(fuss_catalan(order, power))


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_symbolic_width_is_a_square_wishart_matrix(partition: tuple[int, ...]) -> None:
    network = MLP(depth=2, activation=Linear(), input_norm2=1)
    moment = product_moment(partition, network)
    for width in (1, 2, 5):
        expected = wishart_moment(partition, rows=width, columns=width)
        assert moment.subs(n, width) * width ** sum(partition) == expected
