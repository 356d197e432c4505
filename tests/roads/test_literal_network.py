"""The literal network against finite differences, and against identities."""

from __future__ import annotations

import numpy as np
import pytest

from tests.roads.literal_network import Network, draw

from . import literal_network


@pytest.fixture(params=[0.0, 0.3])
def literal(request: pytest.FixtureRequest) -> Network:
    return draw(
        np.random.default_rng(11),
        (4, 3, 5),
        np.array([1.0, -2.0, 0.5]),
        request.param,
        (2.0, 1 / 3, 2.5),
    )


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
