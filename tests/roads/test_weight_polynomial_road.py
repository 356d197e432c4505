"""`derive` and `squared_update` against one polynomial in all the weights, exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.roads.weight_polynomial import Factors, expectation, update_parts
from tests.tools.strategies import (
    SmallNetwork,
    fraction,
    generated,
    kernel_factors,
    observable,
    rational,
    small_networks,
)
from theory import MLP, LeakyReLU, derive, squared_update

TINY = ((1,), (2,), (3,), (1, 1), (2, 1), (1, 2), (1, 1, 1))
SMALL = ((3,), (2, 2), (3, 2), (2, 3), (1, 2, 1), (2, 1, 2))
WITH_LAYERS_ABOVE = ((1, 1), (2, 1), (1, 2), (2, 2), (1, 1, 1), (1, 2, 1), (2, 1, 1))


# Observables of the kernel, the masks and the pre-activation


@generated(120)
@given(kernel_factors(4), small_networks(TINY, largest_input=3))
def test_means_up_to_degree_four(factors: Factors, network: SmallNetwork) -> None:
    mean = derive(observable(factors), network.mlp, **network.here).exact
    assert fraction(mean) == expectation(factors, **network.road)


@generated(60)
@given(kernel_factors(2), small_networks(SMALL))
def test_means_up_to_degree_two_in_wider_networks(factors: Factors, network: SmallNetwork) -> None:
    mean = derive(observable(factors), network.mlp, **network.here).exact
    assert fraction(mean) == expectation(factors, **network.road)


@pytest.mark.parametrize(
    "factors",
    [
        (("trace", "KKKK"),),
        (("trace", "KDKD"), ("trace", "KK")),
        (("form", "KKK"),),
        (("form", "DK"), ("form", "KD")),
        (("trace", "D"), ("trace", "DD"), ("form", "K")),
        (("form", ""),) * 4,
    ],
)
def test_chosen_means_at_width_two(factors: Factors) -> None:
    network = SmallNetwork(
        (2, 2), (Fraction(1), Fraction(-2)), Fraction(1, 3), (Fraction(3), Fraction(1, 2)), 2
    )
    mean = derive(observable(factors), network.mlp, **network.here).exact
    assert fraction(mean) == expectation(factors, **network.road)


@generated(40)
@given(kernel_factors(3), small_networks(((2, 1, 3), (1, 2, 2))))
def test_layers_above_play_no_part_without_a_gradient(
    factors: Factors, network: SmallNetwork
) -> None:
    cut = network.mlp.width[: network.layer]  # type: ignore[index]
    norm2 = rational(network.norm2)
    activation = LeakyReLU(rational(network.slope))
    alone = MLP(cut, input_width=len(network.x), input_norm2=norm2, activation=activation)
    whole = derive(observable(factors), network.mlp, **network.here)
    rates = network.rates[: network.layer]
    assert whole.exact == derive(observable(factors), alone, rates=rates).exact


# The squared update


@generated(40)
@given(small_networks((*WITH_LAYERS_ABOVE, (3,), (3, 2), (2, 3), (2, 2, 1), (1, 2, 2))))
def test_both_parts_of_the_update(network: SmallNetwork) -> None:
    update = squared_update(network.mlp, **network.here)
    parts = update_parts(**network.road)
    assert (fraction(update.label.per_eta2), fraction(update.output.per_eta2)) == parts
    assert fraction(update.per_eta2) == sum(parts)


@pytest.mark.wide
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_both_parts_at_every_layer_of_a_deeper_network(layer: int) -> None:
    rates = (Fraction(1), Fraction(1, 2), Fraction(2))
    network = SmallNetwork((2, 2, 2), (Fraction(2),), Fraction(1, 3), rates, layer)
    update = squared_update(network.mlp, **network.here)
    parts = update_parts(**network.road)
    assert (fraction(update.label.per_eta2), fraction(update.output.per_eta2)) == parts


@generated(20)
@given(
    small_networks(((2, 2), (1, 2), (3,))),
    st.sampled_from([Fraction(1, 2), Fraction(3)]),
    st.sampled_from([Fraction(1, 5), Fraction(2)]),
)
def test_both_parts_at_any_variance_of_weights_and_readout(
    network: SmallNetwork, c: Fraction, s: Fraction
) -> None:
    mlp = MLP(
        network.widths,
        input_width=len(network.x),
        activation=LeakyReLU(rational(network.slope)),
        input_norm2=rational(network.norm2),
        weight_variance=rational(c),
        readout_variance=rational(s),
    )
    update = squared_update(mlp, **network.here)
    parts = update_parts(**network.road, weight_variance=c, readout_variance=s)
    assert (fraction(update.label.per_eta2), fraction(update.output.per_eta2)) == parts
