"""Wishart moments and Fuss-Catalan numbers, against closed forms and the weight polynomials."""

from __future__ import annotations

from fractions import Fraction
from math import comb, prod

import pytest

from tests.roads.weight_polynomial import expectation
from tests.roads.wishart import fuss_catalan, wishart_moment


@pytest.mark.parametrize(("p", "n"), [(1, 1), (2, 3), (3, 2), (5, 4)])
def test_wishart_closed_forms(p: int, n: int) -> None:
    def moment(*partition: int) -> int:
        return wishart_moment(partition, rows=p, columns=n)

    assert moment(1) == p * n
    assert moment(2) == p * n * (p + n + 1)
    assert moment(1, 1) == p * n * (p * n + 2)
    assert moment(3) == p * n * (p**2 + n**2 + 3 * p * n + 3 * p + 3 * n + 4)


def test_wishart_of_one_row_is_chi_square() -> None:
    for k in range(1, 6):
        assert wishart_moment((k,), rows=1, columns=3) == prod(range(3, 3 + 2 * k, 2))
        assert wishart_moment((1,) * k, rows=2, columns=3) == prod(range(6, 6 + 2 * k, 2))


@pytest.mark.parametrize("partition", [(1,), (2,), (1, 1), (2, 1), (3,)])
@pytest.mark.parametrize(("p", "n"), [(2, 2), (2, 3), (1, 3)])
def test_wishart_is_the_brute_force_kernel(partition: tuple[int, ...], p: int, n: int) -> None:
    # Masks off and only layer 1 trained: K^(2) = W W^T with standard normal W.
    brute = expectation(
        tuple(("trace", "K" * k) for k in partition),
        widths=(n, p),
        x=(Fraction(1),),
        slope=Fraction(1),
        rates=(Fraction(1), Fraction(0)),
        layer=2,
        weight_variance=Fraction(n),
    )
    assert brute == wishart_moment(partition, rows=p, columns=n)


def test_fuss_catalan_numbers() -> None:
    assert [fuss_catalan(1, k) for k in range(6)] == [comb(2 * k, k) // (k + 1) for k in range(6)]
    assert [fuss_catalan(2, k) for k in range(5)] == [1, 1, 3, 12, 55]
    assert [fuss_catalan(3, k) for k in range(4)] == [1, 1, 4, 22]
    assert all(fuss_catalan(s, 1) == 1 and fuss_catalan(s, 2) == s + 1 for s in range(6))


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_fuss_catalan_leads_the_square_wishart_moment(k: int) -> None:
    n = 10**9
    scaled = Fraction(wishart_moment((k,), rows=n, columns=n), n ** (k + 1))
    assert abs(scaled - fuss_catalan(1, k)) < Fraction(1, 10**6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fuss_catalan_leads_the_product_of_two(n: int) -> None:
    # E tr (P P^T)^2 = 3 n^5 + 3 n^4 + 3 n^3 for P = G_2 G_1: condition on A = G_1 G_1^T, then
    # E tr (G A G^T)^2 = n (tr A)^2 + (n^2 + n) tr A^2.
    brute = expectation(
        (("trace", "KK"),),
        widths=(n, n, n),
        x=(Fraction(1),),
        slope=Fraction(1),
        rates=(Fraction(1), Fraction(0), Fraction(0)),
        layer=3,
        weight_variance=Fraction(n),
    )
    moments = [wishart_moment(p, rows=n, columns=n) for p in ((1, 1), (2,))]
    assert brute == n * moments[0] + (n**2 + n) * moments[1]
    assert brute == fuss_catalan(2, 2) * n**5 + 3 * n**4 + 3 * n**3
