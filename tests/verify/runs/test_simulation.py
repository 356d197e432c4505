"""`monte_carlo` against exact theory, and the same bits however it is run."""

import itertools
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    Linear,
    maximal_learning_rate,
    squared_update,
)
from verify import Conditioned, Dense, Estimate, Gram, compare_law, monte_carlo
from verify.comparison.exact_values import largest_step
from verify.errors import UnusableFolder
from verify.inference.sample_means import NetworkMean
from verify.numerics.streams import block_stream, derived_seed
from verify.samplers.sampler import Sampler

SAMPLERS: list[Sampler] = [Dense(), Conditioned(), Gram()]
BUDGET = 1e-3
"""Chance that a true law fails this file, over all its comparisons; seeds are fixed."""

NETWORKS = [
    (MLP(1, 1), None),
    (MLP(1, 2, input_width=3), None),
    (MLP(2, 1, input_width=1), None),
    (MLP(3, 2, activation=LeakyReLU("0.3")), (1, "0.5")),
    (MLP((12, 4, 9), input_width=5), (0, 2, 1)),
    (MLP(16, 3, readout_variance=2, input_norm2=4), None),
    (MLP(16, 2, activation=Linear(), weight_variance="0.8"), None),
    (MLP(48, 4), (1, 1, 0, 1)),
]
COMPARISONS = sum(2 * network.layers for network, _ in NETWORKS)


def same(left: Estimate, right: Estimate) -> bool:
    """Whether two estimates agree in every bit."""
    return all(
        np.array_equal(left.parts[name].log_mean, right.parts[name].log_mean)
        and np.array_equal(
            left.parts[name].relative_standard_error, right.parts[name].relative_standard_error
        )
        for name in left.parts
    )


@pytest.mark.wide
@pytest.mark.parametrize(("network", "rates"), NETWORKS, ids=lambda value: repr(value)[:40])
def test_both_parts_at_every_layer_agree_with_theory(network: MLP, rates: Any) -> None:
    layers = range(1, network.layers + 1)
    estimate = monte_carlo(
        network, samples=24_000, seed=11, layer=layers, rates=rates, sampler=Dense()
    )
    for layer, part in itertools.product(layers, ("label", "output")):
        update = getattr(squared_update(network, layer, rates=rates), part)
        measured = getattr(estimate, part)
        if update.per_eta2 == 0:
            assert np.isnan(measured.mean[layer - 1]), "an untrained stack does not move"
            continue
        logs = measured.logs[:, layer - 1] - np.log(float(update.per_eta2))
        spread = float(update.relative_standard_deviation()) / len(logs) ** 0.5
        evidence = NetworkMean(len(logs), float(np.exp(logs).mean()), spread, logs)
        z, critical = evidence.z(1.0), evidence.critical(BUDGET / (2 * COMPARISONS))
        assert abs(z) < critical, (
            f"{part} at layer {layer}: {evidence.ratio} ± {spread} of the exact value, z = {z:.2f} "
            f"of {critical:.2f}, {estimate.samples} samples, seed {estimate.seed}"
        )


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Dense(), Conditioned()], ids=str)
def test_a_small_real_step_follows_the_law_within_2_percent(
    sampler: Sampler,
) -> None:
    network = MLP(32, 4)
    law = float(squared_update(network).per_eta2)
    rate = 0.01 / law**0.5
    real = monte_carlo(network, samples=8000, seed=3, step=rate, sampler=sampler)
    linear = monte_carlo(network, samples=8000, seed=3, sampler=sampler)
    assert abs(real.mean - law) < 0.02 * law + 4 * real.standard_error
    assert abs(real.mean - linear.mean) < 4 * real.standard_error
    with pytest.raises(AttributeError, match="step=None"):
        _ = real.label


def real_over_linearised(network: MLP, part: float, samples: int) -> tuple[float, float]:
    """The ratio of means at ``part`` of the maximal rate on the same networks, and its error."""
    rate = float(maximal_learning_rate(network).evaluate())
    real, tiny = (
        monte_carlo(network, samples=samples, seed=3, step=step, sampler=Conditioned()).total.logs
        for step in (part * rate, 1e-9 * rate)
    )
    assert real is not None
    assert tiny is not None
    real, tiny = np.exp(real), np.exp(tiny)
    ratio = float(real.mean() / tiny.mean())
    return ratio, float(np.std(real - ratio * tiny) / tiny.mean() / samples**0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network", [MLP(2048, 16), pytest.param(MLP(1024, 64), marks=pytest.mark.slow)]
)
def test_a_deep_network_leaves_the_linearised_law_in_proportion_to_depth_times_rate(
    network: MLP,
) -> None:
    samples = 2000
    hundredth, error = real_over_linearised(network, 0.01, samples)
    assert hundredth == pytest.approx(1 - 0.001 * network.layers, abs=0.006 + 4 * error)
    part = largest_step(network) / float(maximal_learning_rate(network).evaluate())
    largest, error = real_over_linearised(network, part, samples)
    assert largest == pytest.approx(0.99, abs=0.005 + 4 * error)


def test_a_step_at_the_maximal_rate_is_not_the_linearised_one() -> None:
    network = MLP(32, 8)
    rate = 1 / float(squared_update(network).per_eta2) ** 0.5
    real = monte_carlo(network, samples=2000, seed=3, step=rate, sampler=Conditioned())
    assert real.mean < 0.9 / rate**2


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@pytest.mark.parametrize("workers", [1, 3])
def test_same_bits_for_any_number_of_threads(workers: int, sampler: Sampler) -> None:
    arguments: dict[str, Any] = {"samples": 1700, "seed": 5, "layer": (1, 3), "sampler": sampler}
    reference = monte_carlo(MLP(9, 3), **arguments)
    with ThreadPoolExecutor(workers) as pool:
        assert same(reference, monte_carlo(MLP(9, 3), executor=pool, **arguments))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_same_bits_in_other_processes(sampler: Sampler) -> None:
    arguments: dict[str, Any] = {"samples": 600, "seed": 5, "sampler": sampler}
    reference = monte_carlo(MLP(9, 3), **arguments)
    with ProcessPoolExecutor(1) as pool:
        assert same(reference, monte_carlo(MLP(9, 3), executor=pool, **arguments))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_layers_of_one_pass_are_those_asked_one_at_a_time(sampler: Sampler) -> None:
    together = monte_carlo(MLP(6, 4), samples=300, seed=2, layer=(4, 2), sampler=sampler)
    for index, layer in enumerate((4, 2)):
        alone = monte_carlo(MLP(6, 4), samples=300, seed=2, layer=layer, sampler=sampler)
        assert alone.label.log_mean == pytest.approx(together.label.log_mean[index], rel=1e-12)
    last = monte_carlo(MLP(6, 4), samples=300, seed=2, sampler=sampler)
    assert last.label.log_mean == pytest.approx(together.label.log_mean[0], rel=1e-12)
    assert isinstance(last.mean, float)
    assert together.mean.shape == (2,)


def test_seeds_and_blocks_give_different_streams() -> None:
    draws = {block_stream(seed, block).random() for seed in range(20) for block in range(20)}
    assert len(draws) == 400
    assert len({derived_seed(1, width, depth) for width in range(30) for depth in range(30)}) == 900


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_deep_narrow_networks_are_counted_not_lost(sampler: Sampler) -> None:
    """A ReLU network of width 1 lives through depth 8 with chance 2^-8; all others are zero."""
    estimate = monte_carlo(MLP(1, 8), samples=64 * 400, seed=9, sampler=sampler)
    assert estimate.label.undefined is None
    silent = monte_carlo(MLP(1, 400), samples=640, seed=9, sampler=sampler)
    assert "dead" in str(silent.label.undefined)
    deep = MLP(2, 4000, activation=LeakyReLU("0.05"))
    leaky = monte_carlo(deep, samples=192, seed=9, sampler=sampler)
    assert np.isfinite(leaky.label.log_mean)
    assert leaky.label.log_mean < -800


def test_progress_counts_every_network() -> None:
    done: list[int] = []
    monte_carlo(MLP(4, 2), samples=150, seed=1, progress=done.append)
    assert sum(done) == 150


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"samples": 0}, ["samples", "0"]),
        ({"samples": 2.5}, ["samples", "2.5"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": None}, ["seed", "None"]),
        ({"sampler": "dense"}, ["sampler", "'dense'", "Dense()"]),
        ({"layer": 3}, ["layer", "3"]),
        ({"layer": ()}, ["layer"]),
        ({"rates": (1,)}, ["rates", "2"]),
        ({"step": 0}, ["step", "0"]),
        ({"step": 0.1}, ["step", "0.1", "Gram()"]),
        ({"step": float("nan")}, ["step", "nan"]),
        ({"step": "fast"}, ["step", "'fast'"]),
        ({"network": MLP(4)}, ["network", "L"]),
        ({"network": 4}, ["network", "4"]),
        (
            {"network": MLP(100_000, 2), "sampler": Dense()},
            ["Dense()", "20,000,000,000", "smaller"],
        ),
        ({"network": MLP(10**10, 2)}, ["at most 1,000,000,000", "width=10000000000"]),
    ],
)
def test_bad_arguments_are_named_with_their_value(
    changes: dict[str, Any], words: list[str]
) -> None:
    arguments: dict[str, Any] = {"network": MLP(4, 2), "samples": 10, "seed": 1} | changes
    with pytest.raises(InvalidArgument) as raised:
        monte_carlo(arguments.pop("network"), **arguments)
    assert all(word in str(raised.value) for word in words)


def test_samplers_are_plain_values() -> None:
    assert [repr(sampler) for sampler in SAMPLERS] == ["Dense()", "Conditioned()", "Gram()"]
    assert [Dense(), Conditioned(), Gram()] == SAMPLERS


def test_arguments_of_another_kind_are_refused_in_a_sentence() -> None:
    wrong: list[dict[str, Any]] = [
        {"executor": 5},
        {"store": 5},
        {"samples": 10**13},
        {"samples": 0},
        {"sampler": "gram"},
    ]
    for arguments in wrong:
        (name,) = arguments
        with pytest.raises(InvalidArgument, match=f"got {name}="):
            monte_carlo(MLP(4, 2), **{"samples": 10, "seed": 1} | arguments)
    grids: list[Any] = [[3], MLP(4, 2), [], 5]
    for networks in grids:
        with pytest.raises(InvalidArgument, match="got networks="):
            compare_law(networks=networks, samples=10, seed=1)
    with pytest.raises(InvalidArgument, match="got execution=3"):
        compare_law(networks=[MLP(4, 2)], samples=10, seed=1, execution=3)  # type: ignore[arg-type]


def test_a_store_in_no_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnusableFolder, match="its folder is not there"):
        monte_carlo(MLP(4, 2), samples=10, seed=1, store=tmp_path / "none" / "blocks.sqlite")
