"""Levels by simulation, planning by trying, and known truths for the fit."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, t

from tests.tools.strategies import generated
from theory import MLP, squared_update
from verify import Gram, monte_carlo
from verify.comparison.exact_values import STEP_SPREAD, known_spread
from verify.inference.evidence import POWER, Evidence, Interval
from verify.inference.evidence_kinds import evidence_of
from verify.inference.fit import fit_power
from verify.inference.sample_means import TUNING, NetworkMean, catoni_influence
from verify.inference.weighted_means import SKEWNESS, WeightedMean
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import LARGEST_BLOCK
from verify.runs.configuration import configuration, problem_of
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler

FALSE_ALARM = 1e-4
"""Chance that one statistical test here fails though all is right."""
REPETITIONS = 2000
Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


def two_points(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Mean 1, variance 99: 100 with chance 1/100, else 0."""
    return np.where(generator.random(shape) < 0.01, 100.0, 0.0)


def exponential(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return generator.exponential(size=shape)


def pareto(generator: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Tail index 2.1: a variance, 4.76, and no third moment."""
    index = 2.1
    return (generator.pareto(index, shape) + 1.0) * (index - 1.0) / index


SPREADS: dict[Draw, float] = {
    two_points: math.sqrt(99.0),
    exponential: 1.0,
    pareto: 1.0 / math.sqrt(2.1 * 0.1),
}


def network_mean(values: FloatArray, spread: float) -> NetworkMean:
    with np.errstate(divide="ignore"):
        logs = np.log(values)
    count = values.size
    return NetworkMean(count, float(values.mean()), spread / math.sqrt(count), logs)


def simulate(draw: Draw, samples: int, repetitions: int = REPETITIONS) -> list[NetworkMean]:
    rows = draw(np.random.default_rng([7, samples]), (repetitions, samples))
    return [network_mean(row, SPREADS[draw]) for row in rows]


def assert_at_most(events: int, chance: float, trials: int, what: str) -> None:
    p = float(binom.sf(events - 1, trials, chance))
    assert p > FALSE_ALARM, f"{what}: {events} of {trials} where {chance:g} is allowed, p = {p:.1e}"


# Catoni's test of a mean


@given(st.floats(-1e6, 1e6))
def test_the_influence_lies_between_both_logarithms(x: float) -> None:
    found = float(catoni_influence(np.array([x]))[0])
    slack = 1e-12 * (1 + abs(found))
    assert found <= math.log1p(x + x * x / 2) + slack
    assert found >= -math.log1p(-x + x * x / 2) - slack


@pytest.mark.slow
@pytest.mark.parametrize("samples", [20, 200, 1000])
@pytest.mark.parametrize("draw", SPREADS)
def test_the_level_holds_for_any_tail_and_any_number_of_samples(draw: Draw, samples: int) -> None:
    cells = simulate(draw, samples)
    for chance in (0.1, 0.02):
        for sign in (1, -1):
            alarms = sum(sign * cell.z(1.0) > cell.critical(chance) for cell in cells)
            assert_at_most(alarms, chance, len(cells), f"{draw.__name__}, side {sign}")
    missed = sum(not cell.interval(0.8).holds(1.0) for cell in cells[:500])
    assert_at_most(missed, 0.2, 500, f"{draw.__name__}, interval")


def block_means(cell: NetworkMean, size: int) -> NetworkMean:
    """The same samples where only the means of blocks are left, the last of fewer."""
    blocks = np.split(np.exp(cell.logs), range(size, cell.samples, size))
    with np.errstate(divide="ignore"):
        logs = np.log([block.mean() for block in blocks])
    counts = np.array([float(block.size) for block in blocks])
    return replace(cell, logs=logs, counts=counts)


@pytest.mark.slow
@pytest.mark.parametrize("size", [30, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("draw", SPREADS)
def test_the_level_holds_for_means_of_blocks(draw: Draw, size: int) -> None:
    cells = [block_means(cell, size) for cell in simulate(draw, 1000)]
    for sign in (1, -1):
        alarms = sum(sign * cell.z(1.0) > cell.critical(0.02) for cell in cells)
        assert_at_most(alarms, 0.02, len(cells), f"{draw.__name__}, side {sign}")
    missed = sum(not cell.interval(0.8).holds(1.0) for cell in cells[:500])
    assert_at_most(missed, 0.2, 500, f"{draw.__name__}, interval")


@pytest.mark.slow
@pytest.mark.parametrize("draw", SPREADS)
def test_what_means_of_blocks_would_notice_is_noticed(draw: Draw) -> None:
    cells = [block_means(cell, 10) for cell in simulate(draw, 2000, repetitions=500)]
    error = cells[0].noticed(0.005)
    assert cells[0].needed(0.005) > replace(cells[0], counts=None).needed(0.005)
    for law in (1 + error, 1 - error):
        missed = sum(abs(cell.z(law)) <= cell.critical(0.005) for cell in cells)
        assert_at_most(missed, 1 - POWER, len(cells), f"{draw.__name__}, law {law}")


@pytest.mark.parametrize("spread", [0.5, 20.0])
def test_more_networks_than_are_kept_notice_hardly_less(spread: float) -> None:
    kept = NetworkMean(100, 1.0, spread / 10, np.zeros(100))
    below, above = (kept.noticed(2.5e-4, 2**22 + more) for more in (0, 1))
    assert below < above < 1.05 * below
    assert kept.noticed(2.5e-4, 2**24) < 0.55 * below


@pytest.mark.parametrize("sampler", [Dense(), Conditioned(), Gram(), RareEvents()], ids=repr)
def test_no_block_is_larger_than_is_planned_with(sampler: Sampler) -> None:
    smallest = problem_of(configuration(MLP(1, 1, input_width=1), sampler=sampler))
    assert sampler.block_size(smallest) <= LARGEST_BLOCK


def test_where_a_naive_interval_fails() -> None:
    """20 samples of which each is 0 with chance 0.99: the naive interval mostly has no width."""
    rows = two_points(np.random.default_rng(1), (REPETITIONS, 20))
    error = rows.std(axis=1, ddof=1) / math.sqrt(20)
    naive = np.abs(rows.mean(axis=1) - 1) <= t.ppf(0.975, 19) * error
    assert naive.mean() < 0.3


def test_the_level_is_not_vacuous_in_the_far_tail() -> None:
    """With normal samples z is that of the mean, and the critical value close to theirs."""
    rng = np.random.default_rng(3)
    rows = 10.0 + rng.standard_normal((200, 4000))
    for row in rows:
        cell = network_mean(row / 10.0, 0.1)
        plain = (cell.ratio - 1.0) / cell.standard_error
        assert cell.z(1.0) == pytest.approx(plain, abs=0.1)
    assert NetworkMean(10, 1.0, 0.1, np.zeros(10)).critical(2.5e-4) < 1.2 * 3.481


@given(st.floats(1e-9, 0.5))
def test_the_critical_value_is_near_the_least_that_chernoff_gives(chance: float) -> None:
    critical = NetworkMean(10, 1.0, 0.1, np.zeros(10)).critical(chance)
    best = math.sqrt(2 * math.log(1 / chance))
    assert best <= critical * (1 + 1e-12)
    if 1e-6 < chance < 1e-2:
        assert critical < 1.1 * best


@generated(20)
@given(st.integers(0, 10**6), st.sampled_from([0.8, 0.95, 0.999]))
def test_the_interval_is_where_the_influence_is_within_its_bound(seed: int, level: float) -> None:
    values = np.random.default_rng(seed).exponential(size=50)
    cell = network_mean(values, 1.0)
    found = cell.interval(level)
    tuning = math.sqrt(2 * math.log(2 / (1 - level)))
    for end, height in ((found.low, tuning), (found.value, 0.0), (found.high, -tuning)):
        scale = tuning / (50 * cell.standard_error)
        total = catoni_influence(scale * (values - end)).sum() / tuning
        assert total == pytest.approx(height, abs=1e-4) or (end == 0.0 and total < height)


@pytest.mark.slow
@pytest.mark.parametrize("draw", SPREADS)
def test_what_would_be_noticed_is_noticed(draw: Draw) -> None:
    chance, samples = 0.005, 1000
    cells = simulate(draw, samples)
    error = cells[0].noticed(chance)
    for law in (1 + error, 1 - error):
        missed = sum(abs(cell.z(law)) <= cell.critical(chance) for cell in cells)
        assert_at_most(missed, 1 - POWER, len(cells), f"{draw.__name__}, law {law}")


@given(st.floats(0.01, 0.5), st.floats(0.05, 40.0), st.floats(1e-6, 0.1))
def test_the_samples_wanted_are_the_fewest(error: float, spread: float, chance: float) -> None:
    kinds: list[Evidence] = [
        NetworkMean(100, 1.0, spread / 10, np.zeros(100)),
        NetworkMean(100, 1.0, spread / 10, np.zeros(10), counts=np.full(10, 10.0)),
        WeightedMean(100, 1.0, spread / 10),
    ]
    for cell in kinds:
        wanted = cell.samples_for(error, chance)
        assert wanted is not None
        assert cell.noticed(chance, wanted) <= error
        assert wanted == 1 or cell.noticed(chance, wanted - 1) > error


# Other kinds of evidence


def test_student_with_skewness_holds_for_gamma_samples() -> None:
    """Gamma samples of skewness 2/sqrt(shape), at the most that is allowed for."""
    shape, chance = (2 / SKEWNESS) ** 2, 0.005
    samples = next(n for n in range(30, 10**5) if WeightedMean(n, 1.0, 0.1).holds(chance))
    rng, alarms, repetitions = np.random.default_rng(11), 0, 8000
    for _ in range(8):
        rows = rng.gamma(shape, 1 / shape, (repetitions // 8, samples))
        errors = rows.std(axis=1, ddof=1) / math.sqrt(samples)
        critical = WeightedMean(samples, 1.0, 0.1).critical(chance)
        alarms += int(np.sum(np.abs(rows.mean(axis=1) - 1) / errors > critical))
    assert_at_most(alarms, 2 * chance, repetitions, "Student with skewness")


@given(st.integers(30, 10**6), st.floats(1e-8, 0.1))
def test_what_holds_keeps_holding_with_more_samples(samples: int, chance: float) -> None:
    cell = WeightedMean(samples, 1.0, 0.1)
    if cell.holds(chance):
        assert cell.holds(chance, 2 * samples)
        assert cell.critical(chance) >= cell.critical(chance, 2 * samples)
    assert cell.critical(chance) > t.isf(chance, samples - 1)


def test_cells_that_cannot_hold_their_level_do_not_enter_a_fit() -> None:
    few, many = WeightedMean(100, 1.0, 0.05), WeightedMean(3000, 1.0, 0.01)
    assert not few.holds(0.0125)
    assert fit_power([2, 4], [few, many]) is None
    fit = fit_power([2, 4, 8], [few, many, many])
    assert fit is not None
    assert fit.cells == 2


# Which kind, and with which variance


def test_kept_networks_get_the_exact_variance() -> None:
    estimate = monte_carlo(MLP(8, 2), samples=400, seed=1)
    found = evidence_of(estimate.total, 0.0, 2.0)
    assert isinstance(found, NetworkMean)
    assert found.standard_error == 0.1
    assert found.ratio == pytest.approx(estimate.mean)


def test_weighted_samples_get_their_own() -> None:
    estimate = monte_carlo(MLP(8, 2), samples=400, seed=1, sampler=RareEvents())
    found = evidence_of(estimate.total, math.log(2.0), None)
    assert isinstance(found, WeightedMean)
    assert found.ratio == pytest.approx(estimate.mean / 2)
    assert found.standard_error == pytest.approx(estimate.standard_error / 2)


def test_undefined_measurements_are_undefined_evidence() -> None:
    one = monte_carlo(MLP(8, 2), samples=1, seed=1)
    found = evidence_of(one.total, 0.0, 2.0)
    assert not found.defined
    assert found.noticed(0.01) == math.inf
    assert found.samples_for(0.3, 0.01) is None


def test_the_spread_known_is_that_of_the_theory_and_of_networks() -> None:
    network = MLP(16, 2)
    exact = known_spread(network, 2)
    assert exact == pytest.approx(
        float(squared_update(network).relative_standard_deviation()), rel=1e-4
    )
    logs = monte_carlo(network, samples=200_000, seed=3).total.logs
    assert logs is not None
    values = np.exp(logs)
    assert values.std() / values.mean() == pytest.approx(exact, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "depth", "rate"), [(16, 1, 1e-2), (64, 2, 2e-3)])
def test_real_steps_are_spread_as_their_bound_says(width: int, depth: int, rate: float) -> None:
    network = MLP(width, depth)
    bound = known_spread(network, depth, rate)
    assert bound > STEP_SPREAD * known_spread(network, depth)
    steps = monte_carlo(network, samples=100_000, seed=5, step=rate, sampler=Conditioned()).total
    assert steps.logs is not None
    values = np.exp(steps.logs)
    assert 0.88 * bound < values.std() / values.mean() < bound


# Constant and exponent


def grid(depths: list[int], factor: float, exponent: float, seed: int) -> list[Evidence]:
    """Exponential networks whose mean is factor * depth^exponent of the exact one."""
    rng, samples = np.random.default_rng(seed), 400
    means = [factor * depth**exponent for depth in depths]
    return [network_mean(rng.exponential(size=samples) * mean, 1.0) for mean in means]


def test_a_known_law_is_fitted() -> None:
    depths = [2, 4, 8, 16]
    cells: list[Evidence] = [WeightedMean(10**6, 1.3 * d**-0.4, 1e-3) for d in depths]
    fit = fit_power(depths, cells)
    assert fit is not None
    assert fit.factor.value == pytest.approx(1.3)
    assert fit.exponent.value == pytest.approx(-0.4)
    assert fit.rate_factor.value == pytest.approx(1.3**-0.5)
    assert fit.rate_exponent.value == pytest.approx(0.2)
    assert fit.rate_exponent.low < 0.2 < fit.rate_exponent.high
    assert fit.middle.value == pytest.approx(1.3 * fit.depth**-0.4)


@pytest.mark.slow
def test_the_intervals_of_constant_and_exponent_hold_together() -> None:
    depths, missed, repetitions = [2, 4, 8], 0, 60
    for seed in range(repetitions):
        fit = fit_power(depths, grid(depths, 1.0, 0.0, seed), level=0.8)
        assert fit is not None
        assert fit.factor.low < fit.factor.value < fit.factor.high
        missed += not (fit.factor.holds(1.0) and fit.exponent.holds(0.0))
    assert_at_most(missed, 0.2, repetitions, "constant and exponent")


@pytest.mark.parametrize(("factor", "exponent"), [(1.5, 0.0), (1.0, 0.3), (0.6, -0.1)])
def test_a_wrong_constant_or_exponent_is_outside(factor: float, exponent: float) -> None:
    depths = [2, 4, 8, 16, 32, 64]
    fit = fit_power(depths, grid(depths, factor, exponent, 1))
    assert fit is not None
    assert fit.factor.holds(factor)
    assert fit.exponent.holds(exponent)
    assert not (fit.middle.holds(1.0) and fit.exponent.holds(0.0))


def test_what_is_too_uncertain_does_not_enter() -> None:
    good: list[Evidence] = [WeightedMean(10**4, 1.0, 0.01), WeightedMean(10**4, 1.0, 0.01)]
    bad: list[Evidence] = [
        WeightedMean(10**4, 1.0, 0.3),
        WeightedMean(1, math.nan, math.nan),
    ]
    fit = fit_power([2, 4, 16, 32], good + bad)
    assert fit is not None
    assert fit.cells == 2
    assert fit_power([2, 2], good) is None
    assert fit_power([2, 16, 32], good[:1] + bad) is None


@generated(10)
@given(st.floats(0.2, 5.0), st.floats(-2.0, 2.0))
def test_the_fit_is_that_of_weighted_least_squares(factor: float, exponent: float) -> None:
    depths = [1, 3, 9, 27]
    errors = [0.001, 0.002, 0.001, 0.004]
    noise = [1.001, 0.998, 1.0005, 1.003]
    ratios = [factor * d**exponent * e for d, e in zip(depths, noise, strict=True)]
    cells: list[Evidence] = [
        WeightedMean(10**6, r, s * r) for r, s in zip(ratios, errors, strict=True)
    ]
    fit = fit_power(depths, cells)
    line = np.polyfit(np.log(depths), np.log(ratios), 1, w=1 / np.array(errors))
    assert fit is not None
    assert fit.exponent.value == pytest.approx(line[0], abs=1e-4)
    assert math.log(fit.factor.value) == pytest.approx(line[1], abs=1e-4)


def test_an_interval_knows_what_it_holds() -> None:
    assert Interval(1.0, 2.0, 3.0).holds(3.0)
    assert not Interval(1.0, 2.0, 3.0).holds(3.1)


def test_one_repetition_of_rare_networks() -> None:
    """At (64, 16), where the sample's own error is too small three times in four, the verdict's is
    exact."""
    estimate = monte_carlo(MLP(64, 16), samples=2000, seed=9, sampler=Gram())
    found = evidence_of(estimate.total, 0.0, known_spread(MLP(64, 16), 16))
    assert found.standard_error == pytest.approx(11.76 / math.sqrt(2000), rel=1e-3)
    assert TUNING == 4.0
