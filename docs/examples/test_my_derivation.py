"""Derivations of E[(Δz)²], right and wrong, compared with exact values and simulated networks.

Run it with ``pytest docs/examples``; with ``--runxfail`` the wrong derivations show how they fail.
Each docstring names the smallest failing network.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from sympy import Integer, Rational

from theory import MLP
from theory.symbols import L, ell, n
from verify.strategies import Point, activations, networks, points, scales
from verify.testing import assert_close, assert_exact, assert_matches_networks

no_explaining = set(Phase) - {Phase.explain}
thorough = settings(deadline=None, derandomize=True, max_examples=100, phases=no_explaining)
simulated = settings(thorough, max_examples=20)
wrong = pytest.mark.xfail(raises=AssertionError, strict=True)

anything = points(
    networks(
        equal_widths=False,
        activations=activations(),
        weight_variances=scales(),
        readout_variances=scales(),
        input_norms2=scales(),
    ),
    rates=True,
)


def label_part(
    network: MLP,
    layer: int,
    rates: tuple[Any, ...],
    *,
    moment: Callable[[MLP, int], Any] = lambda network, power: network.activation.mask_moment(
        power
    ),
    fan_in: Callable[[MLP, int], int] = lambda network, layer: int(network.widths[layer - 1]),
    own_share: Callable[[Any], Any] = lambda rate: rate,
    norm2: Callable[[MLP], Any] = lambda network: network.norm2,
) -> Any:
    """E|K g|²/n by hand: five words of A = DKD and x, carried from the input to the layer.

    The words are |x|⁴, |x|² tr A, (tr A)², tr A² and xᵀAx; at the input, A is zero.  In each layer
    K = r |x|² 1 + W A Wᵀ, whose rows are Gaussian, and D is a fair coin for each neuron.  The last
    four arguments are the steps that the wrong derivations below get wrong.
    """
    m2, m4 = moment(network, 2), moment(network, 4)
    c, s = network.c, network.s
    x4, xq, qq, q2, h = norm2(network) ** 2, *[Integer(0)] * 4
    for at in range(1, layer + 1):
        r, v, N = own_share(rates[at - 1]), c / fan_in(network, at), int(network.widths[at])
        square = r**2 * x4 + 2 * r * v * xq + v**2 * (qq + 2 * q2)  # E K_aa²
        square_apart = r**2 * x4 + 2 * r * v * xq + v**2 * qq  # E K_aa K_bb
        with_z = r * v * x4 + v**2 * (xq + 2 * h)  # E z_a² K_aa
        with_z_apart = r * v * x4 + v**2 * xq  # E z_a² K_bb
        trace_k2 = N * square + N * (N - 1) * v**2 * q2
        same, apart = N * m4, N * (N - 1) * m2**2
        x4, xq, qq, q2, h = (
            (3 * same + apart) * v**2 * x4,
            same * with_z + apart * with_z_apart,
            same * square + apart * square_apart,
            same * square + apart * v**2 * q2,
            same * with_z + apart * v**2 * h,
        )
    here, last = int(network.widths[layer]), int(network.widths[-1])
    above = (c * m2) ** (network.layers - layer) * s / (last * here)  # E g_a² over E D_a²
    return above * m2 * trace_k2 / here


# Right derivations


@thorough
@given(anything)
def test_label_part_of_any_network(point: Point) -> None:
    """Exact for all widths, slopes, scales, multipliers and layers."""
    assert_exact(label_part, *point, part="label")


@thorough
@given(networks(max_depth=1, max_width=50))
def test_one_layer(network: MLP) -> None:
    """Both parts of one hidden layer, as a formula in n."""
    assert_exact((n**2 + n + 5) / (2 * n**2), network)


@thorough
@given(points(networks(max_width=1, max_depth=8)))
def test_width_one(point: Point) -> None:
    """A chain of single neurons, at every layer."""
    assert_exact(6**ell * ell * (ell + 2) / 36, *point, part="label")


@thorough
@given(networks(min_width=10**4, max_width=10**9, min_depth=10, max_depth=100))
def test_leading_law(network: MLP) -> None:
    """A limit, with a bound on the terms that it leaves out."""
    assert_close(L**3 / 3, network, tolerance=1 / L + 4 * L / n)


@simulated
@given(points(networks(equal_widths=False, max_depth=3), rates=True))
def test_label_part_of_simulated_networks(point: Point) -> None:
    """The same derivation against networks: no exact value is needed."""
    assert_matches_networks(label_part, *point, part="label", seed=1)


# Wrong derivations


@wrong
@thorough
@given(networks())
def test_without_the_terms_in_1_over_n(network: MLP) -> None:
    """Right at depth 1; fails at MLP(1, 2)."""
    assert_exact(L**3 / 3 + L / 6, network, part="label")


@wrong
@thorough
@given(points())
def test_one_layer_too_low(point: Point) -> None:
    """The value of layer ell - 1; fails at MLP(1, 1), where that is zero."""

    def below(network: MLP, layer: int, rates: tuple[Any, ...]) -> Any:
        return label_part(network, layer - 1, rates) if layer > 1 else 0

    assert_exact(below, *point, part="label")


@wrong
@thorough
@given(points(networks(min_width=2)))
def test_last_layer_taken_for_every_layer(point: Point) -> None:
    """Right at the last layer; fails at layer 1 of MLP(2, 2)."""

    def last(network: MLP, rates: tuple[Any, ...]) -> Any:
        return label_part(network, network.layers, rates)

    assert_exact(last, *point, part="label")


@wrong
@thorough
@given(points())
def test_without_the_output_part(point: Point) -> None:
    """Fails at MLP(1, 1), where that part is six sevenths of the total."""
    assert_exact(label_part, *point)


@wrong
@thorough
@given(points())
def test_norm_squared_for_its_fourth_power(point: Point) -> None:
    """Right where |x|² = 1; fails at MLP(2, 1)."""

    def root(network: MLP, layer: int, rates: tuple[Any, ...]) -> Any:
        return label_part(
            network, layer, rates, norm2=lambda network: network.norm2 ** Rational(1, 2)
        )

    assert_exact(root, *point, part="label")


@wrong
@thorough
@given(points(networks(activations=activations())))
def test_second_moment_of_the_mask_for_its_fourth(point: Point) -> None:
    """Right for ReLU, linear networks, and one layer; fails at MLP(1, 2) with slope 1/2."""

    def idempotent(network: MLP, layer: int, rates: tuple[Any, ...]) -> Any:
        def moment(network: MLP, power: int) -> Any:
            return network.activation.mask_moment(2)

        return label_part(network, layer, rates, moment=moment)

    assert_exact(idempotent, *point, part="label")


@wrong
@thorough
@given(points(networks(equal_widths=False)))
def test_fan_out_for_fan_in(point: Point) -> None:
    """Right where all widths are equal; fails at MLP((1, 2))."""

    def swapped(network: MLP, layer: int, rates: tuple[Any, ...]) -> Any:
        def fan_out(network: MLP, layer: int) -> int:
            return int(network.widths[layer])

        return label_part(network, layer, rates, fan_in=fan_out)

    assert_exact(swapped, *point, part="label")


@wrong
@thorough
@given(points(rates=True))
def test_a_multiplier_squared(point: Point) -> None:
    """Right for multipliers 0 and 1; fails at MLP(1, 1) with multiplier 2."""

    def squared(network: MLP, layer: int, rates: tuple[Any, ...]) -> Any:
        return label_part(network, layer, rates, own_share=lambda rate: rate**2)

    assert_exact(squared, *point, part="label")


@wrong
@simulated
@given(networks(min_width=4, max_width=16, max_depth=3))
def test_infinite_width_against_simulated_networks(network: MLP) -> None:
    """No exact value is needed to see it fail, at MLP(4, 2)."""
    assert_matches_networks(L**3 / 3 + L / 6, network, part="label", notices=0.2, seed=1)
