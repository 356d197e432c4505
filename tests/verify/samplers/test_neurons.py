"""The vectors that `Conditioned` draws: functions of z and its change, against literal networks."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from tests.roads.literal_network import Network, forward, linearised_update, real_step
from theory import MLP, InvalidArgument, LeakyReLU, squared_update
from verify import Conditioned, monte_carlo

SAMPLES = 4000
BUDGET = 1e-3
NETWORK = MLP((4, 3, 5), input_width=2, activation=LeakyReLU("0.25"))


def features(z: np.ndarray, change: np.ndarray, output: np.ndarray, label: np.ndarray) -> list[Any]:
    """Functions of single neurons and of pairs, of z and change together, of f and y."""
    return [
        z[:, 0],
        change[:, 1],
        z[:, 0] * change[:, 0],
        z[:, 0] * change[:, 1],
        z[:, 0] * z[:, 1],
        change[:, 0] * change[:, 1],
        np.max(np.abs(change), axis=1) - np.abs(z[:, 2]),
        np.sum((z > 0) * change, axis=1),
        output * label,
        output * np.sum(z * change, axis=1),
        label * change[:, 2],
    ]


def literal(layer: int, step: float | None) -> list[Any]:
    """The same of networks drawn and run by plain NumPy."""
    generator, widths = np.random.default_rng(6), (2, 4, 3, 5)
    rows = []
    for _ in range(SAMPLES):
        variance = 2 / (1 + 0.25**2)
        weights = [
            (variance / fan_in) ** 0.5 * generator.standard_normal((width, fan_in))
            for fan_in, width in itertools.pairwise(widths)
        ]
        readout = generator.standard_normal(5) / 5
        network = Network(weights, readout, np.ones(2), 0.25, (1.0, 1.0, 1.0))
        label = 2.0 * generator.integers(0, 2) - 1.0
        run = forward(network)
        if step is None:
            change = (label - run.output) * linearised_update(network, layer=layer)
        else:
            change = real_step(network, rate=step, label=label, layer=layer)
        rows.append((run.pre_activations[layer - 1], change, run.output, label))
    return features(*(np.array(column) for column in zip(*rows, strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("step", [None, 0.5])
@pytest.mark.parametrize("layer", [2, 3])
def test_joint_functions_of_the_neurons_are_those_of_literal_networks(
    layer: int, step: float | None
) -> None:
    drawn = Conditioned().neurons(NETWORK, samples=SAMPLES, seed=9, layer=layer, step=step)
    ours = features(drawn.z, drawn.change, drawn.output, drawn.label)
    theirs = literal(layer, step)
    ps = [ks_2samp(a, b).pvalue for a, b in zip(ours, theirs, strict=True)]
    assert min(ps) * len(ps) * 4 > BUDGET, int(np.argmin(ps))


@pytest.mark.parametrize("step", [None, 0.1])
def test_they_are_the_networks_of_monte_carlo(step: float | None) -> None:
    for layer in (1, 3):
        arguments: dict[str, Any] = {"samples": 300, "seed": 4, "layer": layer, "step": step}
        drawn = Conditioned().neurons(NETWORK, **arguments)
        estimate = monte_carlo(NETWORK, sampler=Conditioned(), **arguments)
        square = np.mean(drawn.change**2, axis=1)
        if step is None:
            square *= (1 + drawn.output**2) / (drawn.label - drawn.output) ** 2
        assert np.mean(square) / (step or 1) ** 2 == pytest.approx(estimate.mean, rel=1e-9)


def test_the_mean_squared_change_is_the_exact_one_at_width_1000() -> None:
    network = MLP(1000, 8)
    drawn = Conditioned().neurons(network, samples=400, seed=2)
    each = np.mean(drawn.change**2, axis=1)
    exact = float(squared_update(network).per_eta2)
    assert abs(np.mean(each) - exact) < 4 * np.std(each) / 20
    assert np.mean(drawn.z**2) == pytest.approx(2.0, rel=0.05)


def test_dead_networks_stand_still() -> None:
    drawn = Conditioned().neurons(MLP(1, 6), samples=300, seed=1)
    dead = drawn.output == 0
    assert 0.9 < dead.mean() < 1
    assert (drawn.change[dead] == 0).all()
    assert (drawn.change[~dead] != 0).all()


def test_one_layer_at_a_time() -> None:
    with pytest.raises(InvalidArgument, match="layer"):
        Conditioned().neurons(NETWORK, samples=3, seed=1, layer=(1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("network", "samples", "sentence"),
    [
        (MLP(10**6, 2), 10_000, "134,217,728 neurons, of all samples together, got samples=10,000"),
        (MLP(32, 2), 10**10, "samples=10,000,000,000 of a layer of width 32; give fewer samples"),
        (MLP(10**9, 2), 1, "at most 134,217,728 neurons in a network"),
    ],
)
def test_neurons_that_no_memory_holds_are_refused(
    network: MLP, samples: int, sentence: str
) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        Conditioned().neurons(network, samples=samples, seed=1)
