"""Means and errors from blocks, in logarithms, and what is undefined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import (
    ELU,
    MLP,
    Activation,
    Erf,
    InvalidArgument,
    Linear,
    Normalised,
    Residual,
    SignDescent,
    SiLU,
    Tanh,
    squared_update,
)
from theory.activations import Nonlinearity
from theory.networks.network import Network
from theory.optimisers import Optimiser
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo, typical_learning_rate
from verify.inference.estimate import Block, merge, sum_block
from verify.samplers.sampler import Sampler

values = st.lists(st.floats(1e-3, 1e3), min_size=4, max_size=40)


def blocks_of(samples: np.ndarray, size: int) -> list[Block]:
    """Samples of shape ``(parts, samples, layers)`` cut into blocks."""
    pieces = range(0, samples.shape[1], size)
    with np.errstate(divide="ignore"):
        return [sum_block(np.log(samples[:, start : start + size])) for start in pieces]


@given(values, st.integers(1, 3))
def test_mean_and_error_are_those_of_the_samples(sample: list[float], size: int) -> None:
    data = np.array(sample)[None, :, None]
    total = merge(blocks_of(data, size), ("total",), scalar=True)["total"]
    assert total.mean == pytest.approx(np.mean(sample), rel=1e-12)
    if np.std(sample) > 1e-6:
        expected = np.std(sample, ddof=1) / len(sample) ** 0.5
        assert total.standard_error == pytest.approx(expected, rel=1e-6)


@given(values, values, st.integers(1, 5))
def test_total_is_label_plus_output(label: list[float], output: list[float], size: int) -> None:
    length = min(len(label), len(output))
    data = np.array([label[:length], output[:length]])[:, :, None]
    parts = merge(blocks_of(data, size), ("label", "output"), scalar=True)
    assert parts["total"].mean == pytest.approx(parts["label"].mean + parts["output"].mean)


def test_a_scale_outside_float64_changes_only_the_logarithm() -> None:
    logs = np.log(np.random.default_rng(1).exponential(size=(1, 64, 1)))
    near = merge([sum_block(logs[:, i : i + 8]) for i in range(0, 64, 8)], ("total",), scalar=True)
    far = merge(
        [sum_block(logs[:, i : i + 8] + 3000.0) for i in range(0, 64, 8)], ("total",), scalar=True
    )
    assert far["total"].log_mean == pytest.approx(near["total"].log_mean + 3000.0, rel=1e-12)
    assert far["total"].relative_standard_error == pytest.approx(
        near["total"].relative_standard_error, rel=1e-9
    )
    assert np.isnan(far["total"].mean)
    assert "log_mean" in str(far["total"].undefined)


@pytest.mark.parametrize(
    ("samples", "size", "reason"),
    [
        (np.zeros((1, 8, 1)), 2, "dead"),
        (np.ones((1, 8, 1)), 2, "do not vary"),
        (np.ones((1, 1, 1)), 1, "one sample"),
        (np.full((1, 8, 1), np.inf), 2, "too large or too small"),
        (np.full((1, 8, 1), np.nan), 2, "too large or too small"),
    ],
)
def test_what_is_undefined_says_so(samples: np.ndarray, size: int, reason: str) -> None:
    total = merge(blocks_of(samples, size), ("total",), scalar=True)["total"]
    assert reason in str(total.undefined)
    assert np.isnan(total.standard_error)
    assert "undefined" in repr(total)


@pytest.mark.slow
def test_standard_error_is_the_spread_of_repeated_means() -> None:
    """z of 2,000 repetitions has variance 1: its chi-square, 1 % two-sided, seed fixed."""
    draws = np.random.default_rng(5).exponential(size=(2000, 1, 256, 1))
    repeated = [merge(blocks_of(d, 64), ("total",), scalar=True)["total"] for d in draws]
    scores = np.array([(m.mean - 1.0) / m.standard_error for m in repeated])
    assert np.var(scores) * 253 / 255 == pytest.approx(1.0, abs=2.58 * (2 / 2000) ** 0.5 + 0.02)


def test_effective_samples_and_the_largest_share_show_a_heavy_tail() -> None:
    even = merge(blocks_of(np.ones((1, 100, 1)), 7), ("total",), scalar=True)["total"]
    assert even.effective_samples == pytest.approx(100)
    assert even.largest_share == pytest.approx(0.01)
    one = np.full((1, 100, 1), 1e-9)
    one[0, 40] = 1.0
    rare = merge(blocks_of(one, 7), ("total",), scalar=True)["total"]
    assert rare.effective_samples == pytest.approx(1.0, rel=1e-5)
    assert rare.largest_share == pytest.approx(1.0, rel=1e-5)


def test_samples_that_hardly_vary_keep_their_error() -> None:
    """No cancellation: a relative spread of 1e-9 about a mean of 1 is seen to eight digits."""
    sample = 1.0 + 1e-9 * np.random.default_rng(2).standard_normal(1000)
    total = merge(blocks_of(sample[None, :, None], 64), ("total",), scalar=True)["total"]
    expected = np.std(sample, ddof=1) / 1000**0.5
    assert total.standard_error == pytest.approx(expected, rel=1e-5)


def test_an_estimate_names_what_it_is_of() -> None:
    plain = monte_carlo(MLP(8, 2), samples=200, seed=1)
    real = monte_carlo(MLP(8, 2), samples=200, seed=1, step=0.01, sampler=Conditioned())
    rare = monte_carlo(MLP(8, 2), samples=200, seed=1, sampler=RareEvents())
    assert repr(plain).startswith("E[(Δz)²]/η² over 200 samples, seed 1")
    assert repr(real).startswith("E[(Δz)²]/η² of real steps of rate 0.01 over 200 samples")
    assert repr(rare).startswith("E[(Δz)²]/η² over 200 weighted samples")
    assert (plain.step, real.step, rare.weighted) == (None, 0.01, True)
    below = monte_carlo(
        MLP(8, 3),
        samples=200,
        seed=1,
        layer=2,
        rates=(1, 2, 3),
        sampler=Conditioned(),
        optimiser=SignDescent(),
    )
    said = "E[(Δz)²]/η² at layer 2 of SignDescent() at rates=(1, 2, 3) over 200 samples,\nseed 1"
    assert repr(below).startswith(said)
    assert len(plain.software) == 1


def test_several_layers_have_a_row_each_and_no_index() -> None:
    several = monte_carlo(MLP(8, 8), samples=200, seed=1, layer=range(1, 9))
    lines = repr(several).splitlines()
    assert lines[1].split() == ["label", "output", "total"]
    assert [line.split("  ")[0] for line in lines[2:10]] == [f"layer {k}" for k in range(1, 9)]
    assert max(map(len, lines[:10])) <= 80
    assert several.label.values()[2] in lines[4]
    assert "<th>label</th>" in several._repr_html_()
    for value in (several, several.total):
        with pytest.raises(InvalidArgument, match=r"no index \[3\].*write value\.mean\[0\]"):
            value[3]
    with pytest.raises(InvalidArgument, match=r"no index \[3\].*float\(value\)"):
        monte_carlo(MLP(8, 2), samples=200, seed=1)[3]


def test_a_mean_that_a_few_networks_make_is_not_trusted() -> None:
    """The exact mean is more than 10,000 times what is measured."""
    doubtful = monte_carlo(MLP(32, 64), samples=100_000, seed=1)
    assert doubtful.mean < squared_update(MLP(32, 64)).evaluate() / 10_000
    for text in (repr(doubtful), doubtful._repr_html_()):
        assert "the mean of 2.7 equally weighted networks" in text
        assert "RareEvents()" in text
    assert "RareEvents()" not in repr(monte_carlo(MLP(32, 4), samples=2000, seed=1))
    rare = monte_carlo(MLP(32, 64), samples=2000, seed=1, sampler=RareEvents())
    assert "equally weighted" not in repr(rare)


def test_what_is_undefined_shows_in_a_notebook_too() -> None:
    one = monte_carlo(MLP(8, 3), samples=1, seed=1, layer=(1, 3))
    assert r"\pm \text{undefined}" in one.total._repr_latex_()
    typical = typical_learning_rate(MLP(8, 3), samples=1, seed=1)
    assert typical._repr_latex_().endswith(r"\in [0, \infty]$")
    assert "in [0, ∞]" in repr(typical)


def test_ten_networks_of_a_deep_grid_are_called_few() -> None:
    few = repr(monte_carlo(MLP(64, 300), samples=10, seed=1))
    assert "a few networks dominate this mean" in few
    assert "a few networks" not in repr(monte_carlo(MLP(10**6, 8), samples=10, seed=1))


GROWING = MLP(16, 3, activation=Activation("exp(z)"), weight_variance=1)


@pytest.mark.wide
@pytest.mark.parametrize("sampler", [Conditioned(), Dense()], ids=repr)
@pytest.mark.parametrize("step", [None, 0.1])
def test_an_overflow_is_a_sentence_and_no_warning(sampler: Sampler, step: float | None) -> None:
    found = monte_carlo(GROWING, samples=300, seed=1, sampler=sampler, step=step)
    assert "a sample is too large or too small for float64: give a smaller depth" in str(found)


SMALL = MLP(32, 2000, activation=Tanh(), weight_variance="1/2")


@pytest.mark.wide
@pytest.mark.parametrize("sampler", [Conditioned(), Dense()], ids=repr)
@pytest.mark.parametrize(
    ("network", "optimiser"),
    [
        (SMALL, Normalised()),
        (MLP(32, 2000, weight_variance="1/2"), Normalised()),
        (MLP(16, 1, activation=Erf(), weight_variance=100), SignDescent()),
        (MLP(16, 1, activation=Tanh(), weight_variance=10**6), SignDescent()),
    ],
    ids=repr,
)
def test_an_underflow_is_no_dead_network(
    network: MLP, optimiser: Optimiser, sampler: Sampler
) -> None:
    found = monte_carlo(network, samples=20, seed=1, sampler=sampler, optimiser=optimiser)
    assert "too small for float64" in str(found)


@pytest.mark.parametrize("sampler", [Conditioned(), Dense()], ids=repr)
@pytest.mark.parametrize("activation", [Tanh(), ELU(), SiLU()], ids=repr)
def test_small_slopes_keep_their_signs(activation: Nonlinearity, sampler: Sampler) -> None:
    network = MLP(16, 1, activation=activation, weight_variance=100)
    found = monte_carlo(network, samples=200, seed=1, sampler=sampler, optimiser=SignDescent())
    assert found.mean == pytest.approx(16**2, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "sampler", "advised"),
    [
        (MLP(4, 60), Gram(), True),
        (MLP(4, 60, activation=Linear()), Gram(), True),
        (MLP(16, 2, activation=Activation("z**3"), weight_variance=3), Conditioned(), False),
        (Residual(4, 60, multiplier2=1), Gram(), False),
    ],
    ids=repr,
)
def test_a_sampler_that_is_advised_draws_the_network(
    network: Network, sampler: Sampler, advised: bool
) -> None:
    found = monte_carlo(network, samples=300, seed=1, sampler=sampler)
    assert ("a few networks" in str(found)) or ("dead" in str(found))
    assert ("RareEvents()" in str(found)) is advised
    if advised:
        monte_carlo(network, samples=10, seed=1, sampler=RareEvents())
    else:
        assert "draw more samples" in str(found)
        with pytest.raises(InvalidArgument, match="expected a network that RareEvents"):
            monte_carlo(network, samples=10, seed=1, sampler=RareEvents())


def test_two_or_three_networks_are_too_few_for_a_standard_error() -> None:
    found = monte_carlo(MLP(32, 2), samples=3, seed=1)
    assert "3 networks are too few for a standard error: draw more samples" in str(found)
