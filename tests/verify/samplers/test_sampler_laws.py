"""`Conditioned` and `Gram` have the law of literal networks: distributions, joints, means."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

from tests.tools.laws import draws, smallest_p
from theory import MLP, InvalidArgument, LeakyReLU, Linear, squared_update
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.samplers.problem import numeric_problem
from verify.samplers.sampler import Sampler

SAMPLES = 20_000
BUDGET = 1e-3
"""Chance that equal laws fail this file, over all its comparisons; seeds are fixed."""

LEAKY = LeakyReLU("0.3")
CASES: list[tuple[MLP, Any]] = [
    (MLP(1, 3), None),
    (MLP(1, 3, activation=LEAKY), None),
    (MLP(2, 3), None),
    (MLP(2, 4, activation=LEAKY), (0, 1, 0, 0)),
    (MLP(3, 3, input_width=1), (0, 1, 2)),
    (MLP(3, 3, activation=Linear()), None),
    (MLP((5, 2, 4, 1, 3), input_width=2, activation=LeakyReLU("0.5")), (1, 0, 2, 1, "0.5")),
    (MLP((5, 2, 4, 3), input_width=2, readout_variance=3, input_norm2="0.1"), None),
    (MLP(8, 5, weight_variance=3), None),
    (MLP(24, 4), None),
    (MLP(6, 1, input_width=2), None),
]
MARKED = [
    pytest.param(*case, marks=[pytest.mark.slow] * (number % 2))
    for number, case in enumerate(CASES)
]
RUNS: list[tuple[float | None, list[Sampler]]] = [
    (None, [Gram(), Conditioned()]),
    (0.3, [Conditioned()]),
]
COMPARED = len(CASES) * sum(len(samplers) for _, samplers in RUNS)


@pytest.mark.wide
@pytest.mark.parametrize(("step", "samplers"), RUNS, ids=str)
@pytest.mark.parametrize(("network", "rates"), MARKED, ids=lambda value: repr(value)[:60])
def test_distributions_and_joints_are_those_of_literal_networks(
    network: MLP, rates: Any, samplers: list[Sampler], step: float | None
) -> None:
    problem = numeric_problem(network, layer=range(1, network.layers + 1), rates=rates, step=step)
    literal = draws(Dense(), problem, 21, SAMPLES)
    for sampler in samplers:
        p = smallest_p(literal, draws(sampler, problem, 22, SAMPLES))
        assert p > BUDGET / COMPARED, f"{sampler} at {network}, rates {rates}: p = {p}"


SOME_LAYERS: list[tuple[MLP, Any]] = [
    (MLP(1, 3), None),
    (MLP(4, 4), None),
    (MLP(4, 4), 2),
    (MLP((5, 2, 4, 3), input_width=2), (1, 3)),
    (MLP(4, 4, activation=LEAKY), 3),
]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "layer"), SOME_LAYERS, ids=repr)
def test_what_is_not_asked_for_changes_nothing(network: MLP, layer: Any) -> None:
    """Neurons that only unwanted layers have are not drawn; the law stays that of all layers."""
    problem = numeric_problem(network, layer=layer, rates=None, step=None)
    every = numeric_problem(network, layer=range(1, network.layers + 1), rates=None, step=None)
    literal = draws(Dense(), every, 23, SAMPLES)[:, :, problem.layers - 1]
    assert np.array_equal(draws(Dense(), problem, 23, SAMPLES), literal)
    for sampler in (Conditioned(), Gram()):
        p = smallest_p(literal, draws(sampler, problem, 24, SAMPLES))
        message = f"{sampler} at {network}, layer {layer}: p = {p}"
        assert p > BUDGET / (2 * len(SOME_LAYERS)), message


MEANS = [
    (MLP(64, 4), None, 40_000),
    (MLP(1000, 32), None, 20_000),
    (MLP(10**6, 64), None, 10_000),
    (MLP(10**9, 8, activation=LEAKY), None, 5_000),
    (MLP((40, 9, 30), activation=LeakyReLU("0.5"), input_width=7), (0, "0.5", 3), 40_000),
    (MLP(48, 4, input_width=10**6), None, 20_000),
]
COMPARISONS = sum(2 * network.layers for network, _, _ in MEANS)


@pytest.mark.wide
@pytest.mark.parametrize(("network", "rates", "samples"), MEANS, ids=lambda v: repr(v)[:60])
def test_gram_means_are_exact_at_every_layer(network: MLP, rates: Any, samples: int) -> None:
    layers = range(1, network.layers + 1)
    estimate = monte_carlo(network, samples=samples, seed=8, layer=layers, rates=rates)
    for layer in layers:
        for part in ("label", "output"):
            exact = float(getattr(squared_update(network, layer, rates=rates), part).per_eta2)
            measured = getattr(estimate, part)
            mean, error = measured.mean[layer - 1], measured.standard_error[layer - 1]
            if exact == 0:
                assert mean != mean
                continue
            z = (mean - exact) / error
            critical = -stdtrit(measured.samples - 1, BUDGET / (2 * COMPARISONS))
            assert abs(z) < critical, f"{part}, layer {layer}: {mean} ± {error}, exact {exact}"


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Dense(), Conditioned(), Gram(), RareEvents()], ids=str)
@pytest.mark.parametrize("slope", [0, "0.3"])
@pytest.mark.parametrize("factor", ["1e-100", "1e100"])
def test_weight_variances_of_any_size_only_scale_the_update(
    factor: str, slope: Any, sampler: Sampler
) -> None:
    """Weights of variance c give label parts like c^(2 L - 2), output parts like c^(3 L - 2)."""

    def log_means(variance: str) -> tuple[Any, Any]:
        network = MLP(6, 12, activation=LeakyReLU(slope), weight_variance=variance)
        estimate = monte_carlo(network, samples=64, seed=1, sampler=sampler)
        return estimate.label.log_mean, estimate.output.log_mean

    (label, output), (one_label, one_output) = log_means(factor), log_means("1")
    assert label - 22 * math.log(float(factor)) == pytest.approx(one_label, abs=1e-8)
    assert output - 34 * math.log(float(factor)) == pytest.approx(one_output, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Dense(), Conditioned(), Gram()], ids=str)
@pytest.mark.parametrize("slope", [0, "0.3"])
@pytest.mark.parametrize("factor", ["1e-100", "1e100"])
def test_no_magnitude_overflows_in_200_layers(factor: str, slope: Any, sampler: Sampler) -> None:
    """Weight variances and multipliers of 1e100 or 1e-100 in each of 200 layers: |x|^2 is about
    10^(20,000) or its inverse, and the draws are those of ordinary networks."""

    def logs(each: str) -> Any:
        network = MLP(24, 200, activation=LeakyReLU(slope), weight_variance=each)
        problem = numeric_problem(network, layer=(1, 100, 200), rates=(each,) * 200, step=None)
        return draws(sampler, problem, 6, 40)

    found, ordinary, layers = logs(factor), logs("1"), np.array([1, 100, 200])
    powers = np.array([200 + layers, 400 + layers])
    shift = (powers * math.log(float(factor)))[:, None, :]
    alive = np.isfinite(ordinary)
    assert alive.any()
    assert np.array_equal(np.isfinite(found), alive)
    assert np.abs((found - shift - ordinary)[alive]).max() < 1e-7


@pytest.mark.slow
def test_very_deep_networks_are_an_ordinary_case() -> None:
    for activation in (LeakyReLU("0.2"), Linear()):
        network = MLP(16, 50_000, activation=activation)
        estimate = monte_carlo(network, samples=4, seed=1, layer=(1, 25_000, 50_000))
        assert (estimate.label.log_mean[1:] < -1000).all()
        assert estimate.label.undefined is not None
    relu = monte_carlo(MLP(64, 100_000), samples=4, seed=1)
    assert relu.label.log_mean < -500


def test_gram_refuses_real_steps_in_one_sentence() -> None:
    with pytest.raises(InvalidArgument, match=r"step=None for sampler=Gram\(\).*Conditioned"):
        monte_carlo(MLP(4, 2), samples=10, seed=1, step=0.1)


class TwoEdges(MLP):
    """A network whose layers read two others."""

    def _cells(self, rates: Any) -> Any:
        for ((site,),), count in super()._cells(rates):
            yield ((replace(site, edges=2 * site.edges),),), count


def test_networks_that_a_sampler_does_not_draw_are_refused_by_the_name_of_another() -> None:
    chain, branching = MLP(8, 3), TwoEdges(8, 3)
    for sampler in (Gram(), Conditioned(), RareEvents()):
        with pytest.raises(InvalidArgument, match=r"give sampler=Dense\(\), which draws it"):
            monte_carlo(branching, samples=10, seed=1, sampler=sampler)
        assert monte_carlo(chain, samples=10, seed=1, sampler=sampler).samples == 10
    assert monte_carlo(branching, samples=10, seed=1, sampler=Dense()).samples == 10


def test_dense_refuses_more_weights_than_an_integer_of_64_bits_counts() -> None:
    with pytest.raises(InvalidArgument, match=r"got 10,000,000,000,000,000,000; .*Conditioned"):
        monte_carlo(MLP(10**9, 10), samples=10, seed=1, sampler=Dense())


@pytest.mark.parametrize("sampler", [Dense(), Conditioned(), Gram()], ids=str)
def test_every_sampler_stops_at_a_dead_layer_everywhere(sampler: Sampler) -> None:
    problem = numeric_problem(MLP(1, 9), layer=(1, 9), rates=None, step=None)
    logs = draws(sampler, problem, 3, 4000)
    dead = logs[0] == -float("inf")
    assert (dead[:, 0] == dead[:, 1]).all()
    assert 0.9 < dead[:, 0].mean() < 1.0


def test_multipliers_of_any_size_only_scale_the_update() -> None:
    """Multipliers r give r^2 times the update, however small they are or unlike each other."""

    def log_means(*rates: float) -> Any:
        network, layers = MLP(8, 3), (1, 2, 3)
        return monte_carlo(network, samples=2000, seed=1, layer=layers, rates=rates).label.log_mean

    shift = 2 * math.log(1e-200)
    assert log_means(1e-200, 0, 1e-200) - shift == pytest.approx(log_means(1, 0, 1))
    uneven, last = log_means(1e-200, 0, 1), log_means(0, 0, 1)
    assert uneven[:2] - shift == pytest.approx(log_means(1, 0, 0)[:2])
    assert uneven[2] == pytest.approx(last[2])
    assert log_means(1, 0, 1e-200) == pytest.approx(log_means(1, 0, 0))
