"""`Gram` and `Conditioned` draw residual networks: literal laws, exact means, scales."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

from tests.roads.literal_residual import literal_updates
from tests.tools.laws import draws, smallest_p
from theory import (
    ActivatedThenWeights,
    InvalidArgument,
    LeakyReLU,
    Linear,
    RMSNorm,
    Tanh,
    squared_update,
)
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from verify import Conditioned, Gram, RareEvents, monte_carlo
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.samplers.blocks import blocks_of
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.sampler import Sampler

pytestmark = pytest.mark.slow
"""The passes of these samplers compile for a minute."""

BUDGET = 0.01
"""Chance that right samplers fail this file, half of it over laws and half over means; seeds are
fixed."""
SAMPLES = 20_000
CASES: list[tuple[Residual, Any]] = [
    (Residual(1, 2), None),
    (Residual(1, 3, multiplier2=1, activation=LeakyReLU("0.3")), ByRole(0, 1, "1/2")),
    (Residual(2, 2), None),
    (Residual(2, 3, branch_width=5, multiplier2=1, activation=LeakyReLU("0.3")), ByRole(1, 0, 2)),
    (Residual(3, 3, branch_width=1), None),
    (Residual(3, 2, branch_width=2, activation=LeakyReLU("1/2")), None),
    (Residual(4, 3, branch_width=3, multiplier2=2, skip2="1/3"), ByRole(0, 0, 1)),
    (Residual(5, 3, multiplier2=2), ByRole(0, 1, 0)),
    (
        Residual(4, 3, activation=LeakyReLU("0.7"), multiplier2=3, input_width=9),
        (ByRole(1, 1, 0), ByRole(1, 0, 1), ByRole(1, 2, 3)),
    ),
    (Residual(6, 2, activation=Linear(), multiplier2=1), None),
    (Residual(8, 4, branch_width=16, multiplier2=1, readout_variance=3, input_norm2=2), None),
]
RUNS: list[tuple[Sampler, float | None]] = [
    (Gram(), None),
    (Conditioned(), None),
    (Conditioned(), 0.5),
]


def problem_of(network: Residual, rates: Any = None, step: float | None = None) -> Problem:
    """Of every stream and then of every branch."""
    blocks = network.layers
    places = (*range(blocks + 1), *(Branch(block) for block in range(1, blocks + 1)))
    return numeric_problem(network, layer=places, rates=rates, step=step)


def without_ties(logs: FloatArray) -> FloatArray:
    """Rounded: a dead branch leaves the stream's update as it is, to rounding."""
    return logs.round(7)


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "step"), RUNS, ids=str)
@pytest.mark.parametrize(
    ("network", "rates"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (number % 2))
        for number, case in enumerate(CASES)
    ],
    ids=lambda value: repr(value)[:60],
)
def test_distributions_and_joints_are_those_of_literal_networks(
    network: Residual, rates: Any, sampler: Sampler, step: float | None
) -> None:
    problem = problem_of(network, rates, step)
    numbers = np.random.default_rng(21)
    literal = literal_updates(blocks_of(problem), numbers, SAMPLES, step or 0.0)
    found = draws(sampler, problem, 22, SAMPLES)
    p = smallest_p(without_ties(literal), without_ties(found))
    assert p > BUDGET / 2 / (len(CASES) * len(RUNS) + 2), (
        f"{sampler} at {network}, {rates}: p = {p}"
    )


@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 40])
def test_streams_alone_are_those_of_the_same_networks(width: int, blocks: int) -> None:
    """Without branches Gram() leaves out what inactive neurons meet, and nothing else."""
    network = Residual(width, blocks, branch_width=3)
    whole = Gram().sample(problem_of(network), block_stream(5, 0), 500)
    streams = numeric_problem(network, layer=range(blocks + 1), rates=None, step=None)
    alone = Gram().sample(streams, block_stream(5, 0), 500)
    assert alone == pytest.approx(whole[:, :, : blocks + 1], abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0, "0.3"])
def test_in_wide_networks_the_samplers_have_one_law(slope: Any) -> None:
    problem = problem_of(Residual(150, 6, branch_width=90, activation=LeakyReLU(slope)))
    p = smallest_p(*(draws(sampler, problem, 23, 4000) for sampler in (Gram(), Conditioned())))
    assert p > BUDGET / 2 / (len(CASES) * len(RUNS) + 2)


MEANS: list[tuple[Residual, Any, Sampler, int]] = [
    (Residual(3, 2, multiplier2="1/2"), None, Gram(), 400_000),
    (
        Residual(
            5,
            2,
            branch_width=3,
            multiplier2="1/8",
            activation=LeakyReLU("1/2"),
            weight_variance=ByRole("1/2", "8/5", 2),
            readout_variance=3,
        ),
        ByRole(down=2),
        Gram(),
        400_000,
    ),
    (Residual(16, 4), None, Gram(), 100_000),
    (Residual(32, 3, branch_width=8, multiplier2=1), ByRole(0, 1, 3), Gram(), 100_000),
    (Residual(1000, 8), None, Gram(), 20_000),
    (Residual(10**6, 16, activation=LeakyReLU("0.2")), None, Gram(), 10_000),
    (Residual(10**9, 3, multiplier2=1), None, Gram(), 10_000),
    (Residual(40, 3, branch_width=30, skip2="1/2", multiplier2="1/2"), None, Gram(), 100_000),
    (Residual(30, 3, multiplier2=1), tuple(ByRole(1, b, 2 - b) for b in range(3)), Gram(), 10**5),
    (Residual(16, 4, activation=Linear()), None, Conditioned(), 40_000),
    (Residual(64, 4), ByRole(1, 1, 0), Conditioned(), 20_000),
    (Residual(48, 3, branch_width=100, multiplier2=1, input_width=7), None, Conditioned(), 20_000),
]
_HEAVY = 10
"""At narrower streams f^2 has tails that make its normal intervals too short."""
COMPARISONS = sum(2 * (2 * network.layers + 1) for network, *_ in MEANS)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("network", "rates", "sampler", "samples"), MEANS, ids=lambda v: repr(v)[:60]
)
def test_means_are_exact_in_every_stream_and_branch(
    network: Residual, rates: Any, sampler: Sampler, samples: int
) -> None:
    blocks = network.layers
    places = (*range(blocks + 1), *(Branch(block) for block in range(1, blocks + 1)))
    estimate = monte_carlo(
        network, samples=samples, seed=8, layer=places, rates=rates, sampler=sampler
    )
    for i, place in enumerate(places):
        for part in (
            ("label", "output")
            if blocks_of(numeric_problem(network, layer=0, rates=None, step=None)).width > _HEAVY
            else ("label",)
        ):
            exact = float(getattr(squared_update(network, place, rates=rates), part).per_eta2)
            measured = getattr(estimate, part)
            mean, error = measured.mean[i], measured.standard_error[i]
            if exact == 0:
                assert mean != mean
                continue
            critical = -stdtrit(measured.samples - 1, BUDGET / 2 / (2 * COMPARISONS))
            z = (mean - exact) / error
            assert abs(z) < critical, f"{part} of {place}: {mean} ± {error}, exact {exact}, z {z}"


@pytest.mark.parametrize("sampler", [Gram(), Conditioned()], ids=str)
@pytest.mark.parametrize("slope", [0, "0.3"])
@pytest.mark.parametrize("factor", ["1e-100", "1e100"])
def test_no_magnitude_overflows_in_100_blocks(factor: str, slope: Any, sampler: Sampler) -> None:
    """Skips and branches that are larger or smaller by the same factor, and multipliers that make
    up for it: each block scales h, g and the carried update by the square root of the factor."""

    def logs(each: str) -> Any:
        network = Residual(
            6, 100, skip2=each, multiplier2=each, activation=LeakyReLU(slope), branch_width=5
        )
        problem = numeric_problem(
            network, layer=(0, 50, 100, Branch(50)), rates=ByRole(1, 0, 0), step=None
        )
        return draws(sampler, problem, 6, 40)

    found, ordinary = logs(factor), logs("1")
    label = 100 + np.array([0, 50, 100, 49])
    shift = np.array([label, label + 100])[:, None, :] * math.log(float(factor))
    assert np.isfinite(ordinary).all()
    assert np.abs(found - shift - ordinary).max() < 1e-6


@pytest.mark.parametrize("sampler", [Gram(), Conditioned()], ids=str)
def test_multipliers_of_any_size_only_scale_the_update(sampler: Sampler) -> None:
    def log_means(role: str, rate: Any) -> Any:
        rates = ByRole(**{"input": 0, "up": 0, "down": 0, role: rate})
        network, places = Residual(8, 3, multiplier2=1), (0, 2, 3, Branch(1), Branch(2))
        return monte_carlo(
            network, samples=200, seed=1, layer=places, rates=rates, sampler=sampler
        ).label.log_mean

    for role, unmoved in (("input", []), ("up", [0]), ("down", [0, 3])):
        tiny, ordinary = log_means(role, "1e-200"), log_means(role, 1)
        still = np.isneginf(ordinary)
        assert np.flatnonzero(still).tolist() == unmoved
        assert (np.isneginf(tiny) == still).all()
        assert tiny[~still] - 2 * math.log(1e-200) == pytest.approx(ordinary[~still], abs=1e-6)


@pytest.mark.parametrize("sampler", [Gram(), Conditioned()], ids=str)
def test_what_is_not_asked_for_changes_nothing(sampler: Sampler) -> None:
    network = Residual(7, 4, multiplier2=1)
    every = draws(sampler, problem_of(network), 3, 300)
    for places, columns in (((4, 1), [4, 1]), ((Branch(4), Branch(4), 0), [8, 8, 0])):
        some = numeric_problem(network, layer=places, rates=None, step=None)
        found, expected = draws(sampler, some, 3, 300), every[:, :, columns]
        assert found == pytest.approx(expected, rel=1e-13, abs=1e-13)
        assert any(isinstance(each, Branch) for each in places) <= np.array_equal(found, expected)


def test_refusals_name_a_sampler_that_draws_the_network() -> None:
    with pytest.raises(InvalidArgument, match=r"RareEvents\(\) draws.*sampler=Gram\(\)"):
        monte_carlo(Residual(4, 2), samples=10, seed=1, sampler=RareEvents())
    with pytest.raises(InvalidArgument, match=r"step=None for sampler=Gram\(\).*Conditioned"):
        monte_carlo(Residual(4, 2), samples=10, seed=1, step=0.1)
    with pytest.raises(InvalidArgument, match=r"blocks of at most .* got blocks=100,000"):
        monte_carlo(Residual(4, 10**5), samples=10, seed=1)
    with pytest.raises(InvalidArgument, match="expected an MLP for network"):
        Conditioned().neurons(Residual(4, 2), samples=10, seed=1)


@pytest.mark.parametrize("sampler", [Gram(), RareEvents()], ids=repr)
@pytest.mark.parametrize(
    "network",
    [
        Residual(16, 4, activation=Tanh()),
        Residual(16, 4, norm=RMSNorm()),
        Residual(16, 4, branch=ActivatedThenWeights()),
        Residual(16, 4, bias_variance=1),
    ],
    ids=repr,
)
def test_samplers_of_inner_products_refuse_other_residual_networks(
    sampler: Sampler, network: Residual
) -> None:
    with pytest.raises(InvalidArgument, match=r"give sampler=Conditioned\(\), which draws it"):
        monte_carlo(network, samples=10, seed=1, sampler=sampler)
