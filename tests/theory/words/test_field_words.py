"""Observables as theorists write them: read where they have one meaning, else refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import Rational, Symbol, exp, simplify, sqrt

from theory import MLP, InvalidArgument, LeakyReLU, derive, observables, tangent_kernel
from theory.observables import f, trace
from theory.symbols import L, ell, n

D: Any
K: Any
g: Any
z: Any
D, K, g, z = observables.D, observables.K, observables.g, observables.z
"""Without their types, which refuse much of this before it runs."""
ACCEPTED = [
    ((z @ z) ** 0, "1"),
    (trace(K) / n, "tr(K)/n"),
    (n * trace(K), "n·tr(K)"),
    (trace(K) * Symbol("n"), "n·tr(K)"),
    ((trace(K) - n) / n**2, "(-n + tr(K))/n²"),
    (n * (trace(K) / n), "tr(K)"),
    (trace(K) / n - trace(K) / n, "0"),
    (trace(K / n), "tr(K)/n"),
    (K / n**2, "(K)/n²"),
    (n * z, "n·(z)"),
    (trace(2 * n * K / 3), "2/3·n·tr(K)"),
    ((z / n) @ K @ (n**2 * z), "n·zᵀKz"),
    ((z @ (K / n)) @ (g - g / 2 * 1), "1/2·gᵀKz/n"),
    (trace((K / n) @ (K / n).T - K**2 / n**2), "0"),
    (trace((K / n) ** 2), "tr(K²)/n²"),
    (1 / n + f**2, "(1 + n·(gᵀz)²)/n"),
    (z.T @ z, "|z|²"),
    (z @ (K @ D).T @ z, "zᵀDKz"),
    (np.float64(2) * trace(K), "2·tr(K)"),
    (trace(K) * np.float64(0.5), "1/2·tr(K)"),
]
REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: trace(K * K), "write K @ K for the matrix product"),
    (lambda: K * z, "write K @ K for the matrix product"),
    (lambda: g * z, "write z @ g for the inner product"),
    (lambda: K[0, 0], "E K₁₁ equals the mean of trace(K)/n"),
    (lambda: z[0] ** 2, "E z₁² the mean of z @ z/n"),
    (lambda: list(z), "E z₁² the mean of z @ z/n"),
    (lambda: 1 / (z @ z), "polynomials"),
    (lambda: trace(K @ K) / trace(K), "polynomials"),
    (lambda: (z @ z) ** 0.5, "polynomials"),
    (lambda: trace(K) ** -1, "polynomials"),
    (lambda: K**-1, "polynomials"),
    (lambda: abs(f), "take a square, as in z @ z, f**2"),
    (lambda: K[0, 1], "the mean of such an entry is 0"),
    (lambda: np.linalg.norm(z), "z @ z for the square of a norm"),
    (lambda: np.trace(K), "write trace(K)"),
    (lambda: trace(K) + K, "take trace(K) of a matrix"),
    (lambda: trace(K) * L, "other sizes and rates multiply the derived mean"),
    (lambda: trace(K) / (n + 1), "or n, the width of the layer"),
    (lambda: trace(K) * n**65, "powers up to 64"),
    (lambda: K / n + K, "add numbers built from them, as in trace(K)/n + trace(D)"),
    (lambda: K * (n + 1), "as in trace(K)*(n + 1)"),
    (lambda: K / L, "other sizes and rates multiply the derived mean"),
    (lambda: trace(K) / 0, "non-zero divisor"),
    (lambda: z**2, "write z @ z for the square of its norm"),
    (lambda: exp(z), "apply other functions to the mean"),
    (lambda: sqrt(z @ z), "apply other functions to the mean"),
    (lambda: derive("trace(K)", MLP()), "from theory.observables import K, trace"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("observable", "text"), ACCEPTED, ids=lambda value: str(value))
def test_what_has_one_meaning_is_read(observable: Any, text: str) -> None:
    assert repr(observable) == text


@pytest.mark.parametrize(("written", "fix"), REFUSED, ids=[fix for _, fix in REFUSED])
def test_what_has_not_says_what_to_write(written: Callable[[], Any], fix: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        written()
    assert fix in str(refusal.value)


@pytest.mark.slow
@pytest.mark.parametrize("observable", [trace(K), g @ K @ K @ g, z @ z, trace(K @ K) * f**2])
def test_n_is_the_width_of_the_layer(observable: Any) -> None:
    plain = derive(observable, MLP())
    for power in (1, 2):
        scaled = derive(observable / n**power, MLP())
        assert simplify(scaled.exact * n**power - plain.exact) == 0
        assert simplify(scaled.leading() * n**power - plain.leading()) == 0
        assert scaled.at(8, 3).exact == plain.at(8, 3).exact * Rational(1, 8**power)
        assert scaled(64, 10) == pytest.approx(plain(64, 10) / 64**power, rel=1e-12)
    assert derive(n * observable, MLP(depth=3)).exact.equals(n * plain.at(L=3).exact)
    uneven = MLP((4, 5, 6))
    here, there = (derive(each, uneven, layer=2) for each in (observable / n, observable))
    assert here.exact == there.exact / 5
    inner = derive(observable / n, MLP(), layer=ell)
    assert simplify(inner.exact.subs(ell, L) - plain.exact / n) == 0


def test_the_variance_of_a_derivation_is_that_of_its_spread() -> None:
    kernel = derive(g @ K @ g, MLP())
    assert simplify(kernel.variance() - tangent_kernel(MLP()).variance()) == 0
    assert derive(g @ K @ g, MLP(8, 1)).variance() == Rational(5, 32)
    assert derive(f, MLP()).variance() == 1 / n
    assert derive(f**2 - f**2, MLP(8, 2)).variance() == 0
    assert derive(trace(K) / n + 7, MLP(8, 2)).variance() == Rational(4352, 64)


@pytest.mark.parametrize("observable", [g @ g, trace(D), 3 + trace(D) ** 2 * n, z @ z + g @ D @ g])
def test_masks_that_no_factor_vanishes_with_are_refused_above_a_relu_layer(observable: Any) -> None:
    # At width 1 and depth 2, g = D v, and D is 1 with chance 1/4: where the first layer is active.
    for network, layer in ((MLP(), None), (MLP(1, 2), 2), (MLP(), ell)):
        with pytest.raises(InvalidArgument, match="give layer=1, a leaky slope, or a product"):
            derive(observable, network, layer=layer)
    assert derive(observable, MLP(4, 2), layer=1).exact > 0
    assert derive(observable, MLP(4, 2, activation=LeakyReLU("0.1"))).exact > 0
    assert derive(observable * (z @ z), MLP(4, 2)).exact > 0
