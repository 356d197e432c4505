"""Observables in g = df/dz and f against weight polynomials, and against chains of gains."""

from fractions import Fraction
from itertools import pairwise
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from tests.roads import weight_polynomial
from tests.roads.polynomial import Polynomial
from tests.roads.weight_polynomial import Factors, expectation
from tests.tools.strategies import (
    SmallNetwork,
    fraction,
    generated,
    gradient_factors,
    letters_of,
    mlps,
    observable,
    small_networks,
)
from theory import MLP, InvalidArgument, derive
from theory.observables import D, K, Observable, f, g, trace, x, z

WITH_LAYERS_ABOVE = ((1, 1), (2, 1), (1, 2), (2, 2), (1, 1, 1), (1, 2, 1), (2, 1, 1))


def gradient_expectation(factors: Factors, network: SmallNetwork) -> Fraction:
    """E of a product that may hold the kinds "gradient", g^T word g, and "output", f, monomial by
    monomial: `weight_polynomial.expectation` with the layers above.
    """
    road = weight_polynomial
    drawn = road._network(network.widths, network.x, network.slope, None, Fraction(1))
    result, at = Fraction(0), network.layer
    for below, weight in road._mask_patterns(network.widths[: at - 1], network.slope):
        pre_activation = road._pre_activation(drawn, below, at)
        kernel = road._kernel_matrix(drawn, pre_activation, network.rates, at)
        for above, share in road._mask_patterns(network.widths[at - 1 :], network.slope):
            gradient = road._gradient(drawn, above, at)
            value = Polynomial.constant(1)
            for kind, word in factors:
                if kind == "output":
                    value = value * road._output(drawn, pre_activation, above, at)
                else:
                    vector = gradient if kind == "gradient" else pre_activation
                    shape = "form" if kind == "gradient" else kind
                    value = value * road._factor(shape, word, vector, kernel, above[0])
            result += weight * share * drawn.measure.expectation(value)
    return result


@pytest.mark.slow
@generated(80)
@given(gradient_factors(), small_networks(WITH_LAYERS_ABOVE))
def test_means_with_gradients_at_every_layer(factors: Factors, network: SmallNetwork) -> None:
    mean = derive(observable(factors), network.mlp, **network.here).exact
    assert fraction(mean) == gradient_expectation(factors, network)


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize(
    "factors",
    [
        (("gradient", "K"), ("gradient", "K")),
        (("gradient", "DK"), ("gradient", "KD")),
        (("gradient", "DK"), ("gradient", ""), ("output", ""), ("output", "")),
        (("gradient", "KK"), ("trace", "K")),
    ],
)
def test_chosen_means_with_gradients(factors: Factors, layer: int) -> None:
    network = SmallNetwork(
        (2, 2), (Fraction(1),), Fraction(1, 3), (Fraction(3), Fraction(1, 2)), layer
    )
    mean = derive(observable(factors), network.mlp, **network.here).exact
    assert fraction(mean) == gradient_expectation(factors, network)


@pytest.mark.slow
@generated(25)
@given(letters_of(1) | letters_of(2), small_networks(((2,), (2, 2), (1, 3)), largest_input=1))
def test_the_readout_alone_stands_above_the_last_layer(word: str, network: SmallNetwork) -> None:
    # g = D v: E g^T M g = E tr(D M D)/n_L^2 and, with M symmetrised,
    # E (g^T M g)^2 = E [tr(D M D)^2 + tr(D M D D M D) + tr(D M D D M^T D)]/n_L^4.
    def mean(*words: str) -> Fraction:
        return expectation(tuple(("trace", w) for w in words), **last)

    last = {**network.road, "layer": len(network.widths)}
    n, masked, flipped = network.widths[-1], f"D{word}D", f"D{word[::-1]}D"
    moments = [
        derive(observable((("gradient", word),) * k), network.mlp, rates=network.rates).exact
        for k in (1, 2)
    ]
    assert fraction(moments[0]) == mean(masked) / n**2
    pairs = mean(masked, masked) + mean(masked + masked) + mean(masked + flipped)
    assert fraction(moments[1]) == pairs / n**4


def test_the_output_is_the_gradient_on_the_pre_activation() -> None:
    assert f == g @ z
    assert f**2 == (g @ z) * (z @ g)
    assert x == D @ z


def gains(network: MLP) -> list[Rational]:
    """c E[D^2] n_l/n_(l-1) for l = 1..L, the factors of E|x^(l)|^2."""
    widths, m2 = network.widths, network.activation.mask_moment(2)
    return [network.c * m2 * up / down for down, up in pairwise(widths)]


@generated(40)
@given(mlps, st.data())
def test_the_output_has_the_variance_of_the_product_of_gains(
    network: MLP, data: st.DataObject
) -> None:
    layer = data.draw(st.integers(1, network.layers))
    expected = network.s / network.widths[-1] ** 2 * network.norm2 * prod(gains(network))
    assert derive(f**2, network, layer=layer).exact == expected


@generated(40)
@given(mlps, st.data())
def test_the_fourth_moment_of_the_output_is_a_product_over_layers(
    network: MLP, data: st.DataObject
) -> None:
    # E f^4 = 3 (s/n_L^2)^2 E|x^(L)|^4, where one layer takes E|x|^4 to
    # (c/n_in)^2 [3 m_4 n_out + m_2^2 n_out (n_out - 1)] E|x|^4.
    layer = data.draw(st.integers(1, network.layers))
    m2, m4 = (network.activation.mask_moment(p) for p in (2, 4))
    widths = network.widths
    expected = 3 * (network.s / widths[-1] ** 2) ** 2 * network.norm2**2
    for down, up in pairwise(widths):
        expected *= (network.c / down) ** 2 * (3 * m4 * up + m2**2 * up * (up - 1))
    assert derive(f**4, network, layer=layer).exact == expected


@generated(40)
@given(mlps, st.data())
def test_the_kernel_between_gradients_is_two_chains(network: MLP, data: st.DataObject) -> None:
    # E tr K^(l) climbs from the input, E|g^(l)|^2 descends from the readout, and
    # E g^T K g = E|g^(l)|^2 E tr K^(l) / n_l.
    layer = data.draw(st.integers(1, network.layers))
    widths, m2 = network.widths, network.activation.mask_moment(2)
    norm2, trace_below, kernel_trace = network.norm2, Rational(0), Rational(0)
    for down, up in pairwise(widths[: layer + 1]):
        kernel_trace = up * (norm2 + network.c / down * trace_below)
        trace_below = m2 * kernel_trace
        norm2 *= network.c * m2 * up / down
    gradient = network.s * m2 / widths[-1]
    for _ in widths[layer + 1 :]:
        gradient *= network.c * m2
    if layer == 1 or network.activation.slope:
        assert derive(g @ g, network, layer=layer).exact == gradient
    assert derive(trace(K), network, layer=layer).exact == kernel_trace
    expected = gradient * kernel_trace / widths[layer]
    assert derive(g @ K @ g, network, layer=layer).exact == expected


@pytest.mark.parametrize("broken", [(g @ K @ z) * f, (g @ x) * f, (g @ D @ z) * f])
def test_a_gradient_meets_the_pre_activation_only_in_the_output(broken: Observable) -> None:
    with pytest.raises(InvalidArgument, match="expected each g of an observable in g @ z"):
        derive(broken, MLP(2, 2)).words  # noqa: B018


def test_four_matrices_can_stand_between_gradients_and_no_fifth() -> None:
    four = (g @ g) * (g @ K @ g) * (g @ D @ g) * (g @ D @ K @ D @ g)
    with pytest.raises(InvalidArgument, match=r"expected at most 4 different matrices.*got 5;"):
        derive(four * (g @ K @ K @ g), MLP(1, 1)).words  # noqa: B018
    # At width and depth 1: g = D v, K = 1, and D is 0 or 1.
    assert derive(four, MLP(1, 1)).exact == Rational(105, 2)
