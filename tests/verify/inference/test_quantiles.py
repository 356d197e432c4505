"""Quantiles of the update over networks, and their intervals."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from theory import MLP, InvalidArgument
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.inference.quantiles import quantile_of
from verify.samplers.sampler import Sampler


@pytest.mark.slow
def test_the_median_is_a_sample_and_its_interval_holds_its_level() -> None:
    """Coverage of 95 % intervals for the quartiles of 1,000 samples of 41 numbers: below nominal
    only by chance, at 1 % over the three (binomial, seed fixed)."""
    draws = np.random.default_rng(3).exponential(size=(1000, 41))
    for chance in (0.25, 0.5, 0.75):
        true = -math.log1p(-chance)
        found = [quantile_of(sample, chance, 0.95) for sample in draws]
        covered = sum(float(q.log_low) <= true <= float(q.log_high) for q in found)
        assert covered >= binom.ppf(0.01 / 3, 1000, 0.95)
        assert float(found[0].log_value) in draws[0]


def test_too_few_samples_bound_nothing() -> None:
    ends = quantile_of(np.array([1.0, 2.0]), 0.99, 0.95)
    assert np.isposinf(ends.log_high)
    assert ends.high == np.inf


@pytest.mark.parametrize("chance", [0.0, 1.0, -1.0, float("nan"), True, "0.5", 1])
def test_a_chance_outside_0_1_is_refused(chance: object) -> None:
    with pytest.raises(InvalidArgument, match="chance"):
        quantile_of(np.zeros(3), chance, 0.95)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Dense(), Conditioned(), Gram()], ids=str)
def test_all_samplers_agree_on_the_typical_network(sampler: Sampler) -> None:
    """At (16, 16) the median network moves a twentieth of the mean; intervals at 99.9 % overlap."""
    network = MLP(16, 16)
    one = monte_carlo(network, samples=2000, seed=4, sampler=sampler).total
    reference = monte_carlo(network, samples=200_000, seed=5).total
    for chance in (0.25, 0.5, 0.75):
        found, true = one.quantile(chance, 0.999), reference.quantile(chance, 0.999)
        assert found.low < true.high
        assert true.low < found.high
    assert reference.median.value < 0.1 * reference.mean


def test_quantiles_come_by_layer_and_part() -> None:
    estimate = monte_carlo(MLP(8, 4), samples=3000, seed=1, layer=(1, 4))
    assert estimate.label.median.value.shape == (2,)
    assert "median " in repr(estimate.output.median)
    dead = monte_carlo(MLP(1, 6), samples=500, seed=1).label.median
    assert dead.value == 0.0
    assert np.isneginf(dead.log_value)


@pytest.mark.slow
def test_more_samples_than_are_kept_say_so() -> None:
    estimate = monte_carlo(MLP(4, 4), samples=2**20 + 1, seed=1, layer=range(1, 5))
    with pytest.raises(InvalidArgument, match=r"of 4 layers are too many.*at most 1,048,576 samp"):
        _ = estimate.total.median
    weighted = monte_carlo(MLP(4, 4), samples=100, seed=1, sampler=RareEvents())
    with pytest.raises(InvalidArgument, match="weighted"):
        _ = weighted.total.median
