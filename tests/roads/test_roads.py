"""The roads against each other, against identities, and against known numbers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import comb, prod

import mpmath  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import pytest
import sympy  # type: ignore[import-untyped, unused-ignore]

from . import half_spaces, literal_network, weight_polynomial
from .literal_network import Array, Network
from .polynomial import GaussianMeasure, Polynomial, dot, gaussian_integral, monomial_exponents
from .weight_polynomial import expectation, label_part, update_parts
from .wishart import fuss_catalan, wishart_moment

X = (Fraction(1), Fraction(-2))
RATES = (Fraction(2), Fraction(1, 3), Fraction(5, 2))
ONES = (Fraction(1),) * 3
SLOPES = (Fraction(0), Fraction(1, 3), Fraction(1))
LAYERS_TO_THREE = [(depth, layer) for depth in (1, 2, 3) for layer in range(1, depth + 1)]


def _network(widths: tuple[int, ...], x: Array, slope: float, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    return _draw(rng, widths, x, slope, (2.0, 1 / 3, 2.5)[: len(widths)])


def _draw(
    rng: np.random.Generator,
    widths: tuple[int, ...],
    x: Array,
    slope: float,
    rates: tuple[float, ...],
) -> Network:
    c = 2 / (1 + slope**2)
    sizes = (len(x), *widths)
    shapes = zip(widths, sizes, strict=False)
    weights = [rng.normal(0, np.sqrt(c / fan_in), (rows, fan_in)) for rows, fan_in in shapes]
    readout = rng.normal(0, 1 / widths[-1], widths[-1])
    return Network(weights, readout, x, slope, rates)


# Polynomials


def test_polynomial_agrees_with_sympy_ring() -> None:
    ring, a, b = sympy.ring("a, b", sympy.QQ)
    ours = [Polynomial.indeterminate(k) for k in range(2)]
    half = Fraction(1, 2)
    p = ours[0] * ours[0].scaled(half) + ours[1] * ours[0] + Polynomial.constant(Fraction(-2, 3))
    q = (p * p * p).derivative(0)
    reference = ((a**2 / 2 + a * b - ring(sympy.QQ(2, 3))) ** 3).diff(a)
    got = {}
    for monomial, coefficient in q.terms.items():
        powers = dict(monomial_exponents(monomial))
        got[powers.get(0, 0), powers.get(1, 0)] = Fraction(coefficient, q.denominator)
    assert got == {m: Fraction(int(c.numerator), int(c.denominator)) for m, c in reference.terms()}


def test_gaussian_expectations_agree() -> None:
    variances = [Fraction(2), Fraction(1, 3)]
    measure = GaussianMeasure(variances)
    u, v = (Polynomial.indeterminate(k) for k in range(2))
    p, q = u * u + u * v, u * v * v + v * v + u
    assert measure.expectation_of_product(p, q) == measure.expectation(p * q)
    # E p^2 = E u^4 + E u^2 v^2 = 3 * 4 + 2/3.
    assert measure.expectation(p * p) == 12 + Fraction(2, 3)
    inner = gaussian_integral(p * q, {0: variances[0]})
    assert measure.expectation(inner) == measure.expectation(p * q)


# Weight polynomials


@pytest.mark.parametrize("slope", [0.0, 0.25])
def test_polynomials_at_given_weights_are_the_literal_network(slope: float) -> None:
    widths, x = (3, 2, 2), np.array([1.0, -2.0])
    literal = _network(widths, x, slope, seed=5)
    state = literal_network.forward(literal)
    masks = tuple(tuple(Fraction(d) for d in mask) for mask in state.masks)
    symbolic = weight_polynomial._network(widths, X, Fraction(slope), None, Fraction(1))
    flat = np.concatenate([*(w.ravel() for w in literal.weights), literal.readout])

    def value(p: Polynomial) -> float:
        terms = ((c, monomial_exponents(m)) for m, c in p.terms.items())
        return float(sum(c * prod(flat[k] ** e for k, e in m) for c, m in terms) / p.denominator)

    for layer in (1, 2, 3):
        z = weight_polynomial._pre_activation(symbolic, masks[: layer - 1], layer)
        kernel = weight_polynomial._kernel_matrix(symbolic, z, RATES, layer)
        g = weight_polynomial._gradient(symbolic, masks[layer - 1 :], layer)
        f = weight_polynomial._output(symbolic, z, masks[layer - 1 :], layer)
        assert [value(p) for p in z] == pytest.approx(state.pre_activations[layer - 1])
        assert [value(p) for p in g] == pytest.approx(
            literal_network.gradient(literal, layer=layer)
        )
        assert value(f) == pytest.approx(state.output)
        expected = literal_network.kernel_matrix(literal, layer=layer)
        assert np.array([[value(p) for p in row] for row in kernel]) == pytest.approx(expected)
        euler = dot(g, z)
        assert (euler.terms, euler.denominator) == (f.terms, f.denominator)


def test_mask_classes_are_the_full_enumeration() -> None:
    widths, slope = (2, 3), Fraction(1, 3)
    classes: dict[tuple[int, ...], Fraction] = {}
    for masks, probability in weight_polynomial._mask_patterns(widths, slope):
        classes[tuple(layer.count(slope) for layer in masks)] = probability
    full: dict[tuple[int, ...], Fraction] = {}
    for bits in product((0, 1), repeat=5):
        key = (sum(bits[:2]), sum(bits[2:]))
        full[key] = full.get(key, Fraction(0)) + Fraction(1, 32)
    assert classes == full


def test_single_factors_of_known_expectation() -> None:
    n, norm2 = 3, Fraction(5)

    def mean(kind: str, word: str) -> Fraction:
        return expectation(
            ((kind, word),), widths=(n, 2), x=X, slope=Fraction(1, 3), rates=RATES, layer=2
        )

    assert mean("trace", "") == 2
    assert mean("trace", "D") == 2 * Fraction(2, 3)
    # E|z^(l)|^2/n_l = c |x|^2/n_0 at every layer; of the critical K, layer 1 keeps its share
    # r_1 |x|^2, and E|x^(1)|^2 = n |x|^2/n_0.
    c = 2 / (1 + Fraction(1, 9))
    assert mean("form", "") == 2 * c * norm2 / 2
    assert mean("trace", "K") == 2 * (RATES[0] * norm2 + RATES[1] * n * norm2 / 2)


def test_products_of_factors() -> None:
    factors = (("trace", "KD"), ("form", "DK"), ("trace", "D"))
    single = expectation(factors, widths=(1, 1), x=X, slope=Fraction(0), rates=ONES, layer=2)
    word = (("form", "KDKD"),)  # width 1, D^2 = D: all letters commute
    assert single == expectation(word, widths=(1, 1), x=X, slope=Fraction(0), rates=ONES, layer=2)
    assert expectation((), widths=(1,), x=X, slope=Fraction(0), rates=ONES, layer=1) == 1


def test_readout_and_weight_variance_scale() -> None:
    def parts(weight_variance: Fraction, readout_variance: Fraction) -> tuple[Fraction, Fraction]:
        return update_parts(
            widths=(2, 2),
            x=X,
            slope=Fraction(0),
            rates=(Fraction(0), Fraction(1)),
            layer=2,
            weight_variance=weight_variance,
            readout_variance=readout_variance,
        )

    label, output = parts(Fraction(2), Fraction(1))
    assert (label, output) == update_parts(
        widths=(2, 2), x=X, slope=Fraction(0), rates=(Fraction(0), Fraction(1)), layer=2
    )
    # K = |x^(1)|^2 I has degree 1 in c, f^2 degree 2.
    assert parts(Fraction(6), Fraction(5)) == (label * 9 * 5, output * 81 * 25)


@pytest.mark.parametrize("depth, value", [(1, Fraction(1, 2)), (2, Fraction(7, 2))])
def test_reference_label_parts_at_width_ten(depth: int, value: Fraction) -> None:
    x = (Fraction(1), Fraction(3)) + (Fraction(0),) * 8  # |x|^2 = n_0 = 10
    slope = Fraction(0)
    assert value == label_part(widths=(10,) * depth, x=x, slope=slope, rates=ONES, layer=depth)


# Half-spaces


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("depth, layer", LAYERS_TO_THREE)
def test_width_one_needs_no_fair_coins(depth: int, layer: int, slope: Fraction) -> None:
    coins = update_parts(widths=(1,) * depth, x=X, slope=slope, rates=RATES, layer=layer)
    assert coins == half_spaces.width_one(
        depth=depth,
        layer=layer,
        input_width=2,
        input_norm2=Fraction(5),
        slope=slope,
        rates=RATES,
    )


@pytest.mark.parametrize("slope", [*SLOPES, Fraction(1, 50)])
@pytest.mark.parametrize("depth, layer", [(1, 1), (2, 1), (2, 2)])
def test_width_two_needs_no_fair_coins(depth: int, layer: int, slope: Fraction) -> None:
    coins = update_parts(widths=(2,) * depth, x=X, slope=slope, rates=RATES, layer=layer)
    parts = half_spaces.width_two(
        depth=depth,
        layer=layer,
        input_width=2,
        input_norm2=Fraction(5),
        slope=slope,
        rates=RATES,
    )
    with mpmath.workdps(40):
        for got, value in zip(parts, coins, strict=True):
            exact = mpmath.mpf(value.numerator) / value.denominator
            assert abs(got / exact - 1) < mpmath.mpf(10) ** -29


# Wishart


@pytest.mark.parametrize("p, n", [(1, 1), (2, 3), (3, 2), (5, 4)])
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
@pytest.mark.parametrize("p, n", [(2, 2), (2, 3), (1, 3)])
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


# One literal network


@pytest.fixture(params=[0.0, 0.3])
def literal(request: pytest.FixtureRequest) -> Iterator[Network]:
    yield _network((4, 3, 5), np.array([1.0, -2.0, 0.5]), request.param, seed=11)


def test_kernel_definition_satisfies_the_recursion(literal: Network) -> None:
    state = literal_network.forward(literal)
    kernel = literal.rates[0] * (literal.x @ literal.x) * np.eye(4)
    for layer in (1, 2, 3):
        assert literal_network.kernel_matrix(literal, layer=layer) == pytest.approx(kernel)
        if layer < 3:
            wd = literal.weights[layer] * state.masks[layer - 1]
            own = literal.rates[layer] * state.activations[layer] @ state.activations[layer]
            kernel = own * np.eye(len(wd)) + wd @ kernel @ wd.T


def test_gradient_pairs_with_the_pre_activation_to_the_output(literal: Network) -> None:
    state = literal_network.forward(literal)
    for layer in (1, 2, 3):
        g = literal_network.gradient(literal, layer=layer)
        assert g @ state.pre_activations[layer - 1] == pytest.approx(state.output)


def _bumped(network: Network, layer: int, index: tuple[int, ...], step: float) -> Network:
    weights = [weight.copy() for weight in network.weights]
    weights[layer][index] += step
    return Network(weights, network.readout, network.x, network.slope, network.rates)


def test_weight_gradients_are_central_differences(literal: Network) -> None:
    label, step = 1.0, 1e-6
    slopes = literal_network.loss_gradients(literal, label=label)

    def loss(network: Network) -> float:
        return 0.5 * (literal_network.forward(network).output - label) ** 2

    for layer, slope in enumerate(slopes):
        for index in np.ndindex(*slope.shape):
            sides = [loss(_bumped(literal, layer, index, sign * step)) for sign in (1, -1)]
            assert slope[index] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-7)


def test_jacobians_are_central_differences(literal: Network) -> None:
    step = 1e-6
    for k, jacobian in enumerate(literal_network.jacobians(literal, layer=3)):
        for index in np.ndindex(*literal.weights[k].shape):
            plus, minus = (
                literal_network.forward(_bumped(literal, k, index, s * step)).pre_activations[2]
                for s in (1, -1)
            )
            expected = (plus - minus) / (2 * step)
            assert jacobian[:, *index] == pytest.approx(expected, abs=1e-7)


def test_small_real_step_is_the_linearised_update(literal: Network) -> None:
    rate, label = 1e-7, -1.0
    residual = literal_network.forward(literal).output - label
    for layer in (1, 2, 3):
        moved = literal_network.real_step(literal, rate=rate, label=label, layer=layer)
        linear = -residual * literal_network.linearised_update(literal, layer=layer)
        assert moved / rate == pytest.approx(linear, rel=1e-4, abs=1e-6)


def test_real_step_at_layer_one_is_exactly_linear(literal: Network) -> None:
    residual = literal_network.forward(literal).output - 1.0
    moved = literal_network.real_step(literal, rate=0.5, label=1.0, layer=1)
    linear = -0.5 * residual * literal_network.linearised_update(literal, layer=1)
    assert moved == pytest.approx(linear)


def _samples(networks: Iterator[Network]) -> Iterator[tuple[float, ...]]:
    """Label and output part at layer 2, and tr(KDK), z^T K D z, of every network."""
    for network in networks:
        state = literal_network.forward(network)
        k = literal_network.kernel_matrix(network, layer=2)
        d, z = state.masks[1], state.pre_activations[1]
        update = k @ literal_network.gradient(network, layer=2)
        square = float(update @ update) / len(z)
        trace, form = float(np.trace(k @ np.diag(d) @ k)), float(z @ k @ (d * z))
        yield square, state.output**2 * square, trace, form


def test_simulation_of_literal_networks() -> None:
    # False-alarm budget: 4 two-sided comparisons at z = 5, in all below 1e-5 for normal
    # means; the widths keep the fourth moments (and the skewness of the means) small.
    widths, samples, seed = (5, 4), 20_000, 1
    slope, rates = Fraction(1, 4), (Fraction(1), Fraction(1, 2))
    x = (Fraction(1), Fraction(-1))
    rng = np.random.default_rng(seed)
    draws = (_draw(rng, widths, np.array([1.0, -1.0]), 0.25, (1.0, 0.5)) for _ in range(samples))
    values = np.array(list(_samples(draws)))
    words = ((("trace", "KDK"),), (("form", "KD"),))
    exact = [
        *update_parts(widths=widths, x=x, slope=slope, rates=rates, layer=2),
        *(expectation(w, widths=widths, x=x, slope=slope, rates=rates, layer=2) for w in words),
    ]
    error = values.std(axis=0, ddof=1) / np.sqrt(samples)
    z = (values.mean(axis=0) - np.array([float(e) for e in exact])) / error
    assert np.all(np.abs(z) < 5), (values.mean(axis=0), exact, error, z, samples, seed)
