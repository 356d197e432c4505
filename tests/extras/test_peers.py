"""PyTorch and JAX compute the literal network's update, and draw networks of its law."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from bench import jax_peer, torch_peer
from bench.contest import law_score
from bench.crew import Crew
from bench.libraries import library
from bench.literal import Literal
from bench.settings import Setting, candidates, residual_settings
from tests.roads.literal_network import Network, draw, forward, linearised_update

pytestmark = pytest.mark.filterwarnings(
    # Raised inside PyTorch: its forward mode uses what it has itself deprecated.
    "ignore:`torch.jit.script:DeprecationWarning"
)

TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


def networks(widths: tuple[int, ...], inputs: int, count: int = 2) -> list[Network]:
    """ReLU networks with all-one inputs and equal rates, from fixed seeds."""
    rates = (1.0,) * len(widths)
    return [
        draw(np.random.default_rng(seed), widths, np.ones(inputs), 0.0, rates)
        for seed in range(count)
    ]


def compare(found: tuple[Any, Any], network: Network, dtype: str) -> None:
    """A peer's (K g, f) against products of Jacobians formed explicitly."""
    expected = linearised_update(network, layer=len(network.weights))
    np.testing.assert_allclose(
        np.asarray(found[0]), expected, rtol=0, atol=TOLERANCE[dtype] * np.abs(expected).max()
    )
    size = float(np.abs(network.readout) @ np.abs(forward(network).activations[-1]))
    assert float(found[1]) == pytest.approx(forward(network).output, abs=TOLERANCE[dtype] * size)


def arrays(network: Network, make: Any) -> tuple[list[Any], Any, Any]:
    """Weights, readout and input as a library's arrays."""
    return [make(weight) for weight in network.weights], make(network.readout), make(network.x)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("widths", [(5,), (4, 3, 5), (6, 6, 6, 6, 6)], ids=str)
@pytest.mark.parametrize("form", torch_peer.FORMS)
def test_torch_update_is_the_literal_networks(
    form: str, widths: tuple[int, ...], dtype: str
) -> None:
    torch = library("torch")
    update = torch_peer.FORMS[form](Literal(5, len(widths)))
    for network in networks(widths, inputs=7):
        weights, readout, x = arrays(
            network, lambda array: torch.tensor(array, dtype=getattr(torch, dtype))
        )
        found = update(weights, readout, x)
        compare(found, network, dtype)
        assert str(found[0].dtype) == f"torch.{dtype}"


@pytest.fixture
def double_precision() -> Any:
    """JAX with float64, for one test."""
    jax = library("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("widths", [(5,), (4, 3, 5), (6, 6, 6, 6, 6)], ids=str)
@pytest.mark.parametrize("stacked", [False, True], ids=["list", "scan"])
def test_jax_update_is_the_literal_networks(
    stacked: bool, widths: tuple[int, ...], dtype: str, double_precision: Any
) -> None:
    jax = double_precision
    if stacked:
        widths = (widths[0],) * len(widths)
    inputs = widths[0] if stacked else 7
    for network in networks(widths, inputs):
        weights, readout, x = arrays(network, lambda array: jax.numpy.asarray(array, dtype))
        given = jax.numpy.stack(weights) if stacked else weights
        found = jax.jit(partial(jax_peer.linearised, Literal(5, len(widths))))(given, readout, x)
        compare(found, network, dtype)
        assert str(found[0].dtype) == dtype


def test_batches_are_the_same_networks_one_by_one(double_precision: Any) -> None:
    jax, torch, several = double_precision, library("torch"), networks((6, 6, 6), 6, count=3)
    stacks = [np.stack([network.weights[layer] for network in several]) for layer in range(3)]
    readouts = np.stack([network.readout for network in several])
    many = library("torch.func").vmap(torch_peer.FORMS["torch.func"](Literal(6, 3)), (0, 0, None))
    by_torch = many(
        [torch.tensor(w) for w in stacks], torch.tensor(readouts), torch.ones(6).double()
    )
    batched = jax.jit(jax.vmap(partial(jax_peer.linearised, Literal(6, 3)), (0, 0, None)))
    by_jax = batched([jax.numpy.asarray(w) for w in stacks], readouts, np.ones(6))
    for index, network in enumerate(several):
        compare((by_torch[0][index], by_torch[1][index]), network, "float64")
        compare((by_jax[0][index], by_jax[1][index]), network, "float64")


SETTINGS = [setting for settings in candidates(2).values() for setting in settings]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_setting_draws_networks_of_the_law(setting: Setting) -> None:
    """400 networks: a label part off by 20 % would be 5 standard errors away."""
    literal = Literal(width=32, depth=2)
    with Crew(setting, literal) as crew:
        values = crew(400)
        again = crew(crew.step)
    assert len(values) == 400
    assert len({label for label, _ in values + again}) == 400 + crew.step
    assert abs(law_score(values, literal)) < 4.5
    outputs = np.array([f for _, f in values])
    assert np.mean(outputs**2) * literal.width == pytest.approx(1.0, rel=0.5)


@pytest.mark.parametrize("setting", residual_settings(2), ids=str)
def test_peers_draw_residual_networks_of_the_law(setting: Setting) -> None:
    """600 networks; a multiplier left out doubles the label part and more."""
    literal = Literal(width=24, depth=2, residual=True)
    with Crew(setting, literal) as crew:
        values = crew(600)
    assert len(set(values)) == 600
    assert abs(law_score(values, literal)) < 4.5
    assert law_score([(1.25 * label, f) for label, f in values], literal) > 4.5
