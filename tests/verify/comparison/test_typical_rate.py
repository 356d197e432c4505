"""The rate of the median network: its definition, its interval, and the mean beside it."""

import math
from typing import Any

import numpy as np
import pytest

from tests.tools.literal_groups import literal_step
from theory import MLP, Branch, InvalidArgument, Residual, layer_rates, maximal_learning_rate
from theory.symbols import a
from verify import Dense, Gram, RareEvents, monte_carlo, typical_learning_rate


def moves(network: MLP, samples: int, seed: int) -> Any:
    """Each simulated network's mean squared update at the last layer, at eta = 1."""
    logs = monte_carlo(network, samples=samples, seed=seed).total.logs
    assert logs is not None
    return np.exp(logs)


@pytest.mark.parametrize("network", [MLP(32, 4), MLP(16, 32)], ids=repr)
def test_at_the_rate_half_of_all_networks_are_within_the_bound(network: MLP) -> None:
    """On other networks than those it was found on: within 5 standard errors of both samples."""
    found = typical_learning_rate(network, samples=20_000, seed=1, bound=0.25)
    share = np.mean(moves(network, 20_000, seed=2) * found.rate**2 <= 0.25)
    assert abs(share - 0.5) < 5 * math.sqrt(2 * 0.25 / 20_000)


@pytest.mark.parametrize("chance", [0.1, 0.9])
def test_other_shares_of_the_networks(chance: float) -> None:
    network = MLP(16, 8)
    found = typical_learning_rate(network, samples=20_000, seed=1, chance=chance)
    share = np.mean(moves(network, 20_000, seed=2) * found.rate**2 <= 1)
    assert abs(share - chance) < 5 * math.sqrt(2 * chance * (1 - chance) / 20_000)


@pytest.mark.slow
def test_the_rate_against_literal_networks() -> None:
    """Backpropagation of its own, with the readout untrained: intervals at 99.9 % overlap."""
    typical = typical_learning_rate(MLP(8, 6, input_width=5), samples=20_000, seed=3, level=0.999)
    literal = literal_step(networks=20_000, inputs=5, width=8, depth=6, seed=4)
    updates = np.sort(literal.mean_squares((1.0, 1.0, 0.0))[0])
    half = 3.3 * math.sqrt(20_000) / 2
    ends = updates[int(10_000 + half)] ** -0.5, updates[int(10_000 - half)] ** -0.5
    low, high = typical.interval
    assert low < ends[1]
    assert ends[0] < high
    assert low < typical.rate < high


@pytest.mark.slow
def test_the_interval_holds_its_level() -> None:
    """Of 200 intervals at 90 % from 200 networks each, at least 165 hold the rate that 400,000
    networks give; fewer would be below the 0.2 % quantile of the binomial law."""
    network = MLP(8, 8)
    true = typical_learning_rate(network, samples=400_000, seed=0).rate
    found = [
        typical_learning_rate(network, samples=200, seed=seed, level=0.9).interval
        for seed in range(1, 201)
    ]
    assert sum(low <= true <= high for low, high in found) >= 165


def test_several_layers_bind_by_the_largest_median() -> None:
    network = MLP(16, 4)
    found = typical_learning_rate(network, samples=5000, seed=1, layer=range(1, 5))
    one = [typical_learning_rate(network, samples=5000, seed=1, layer=k) for k in range(1, 5)]
    assert found.rate == pytest.approx(min(each.rate for each in one), rel=1e-12)
    assert found.layer == 1 + min(range(4), key=lambda k: one[k].rate)
    assert found.quantile.level == pytest.approx(1 - 0.05 / 4)
    last = typical_learning_rate(network, samples=5000, seed=1)
    assert last.rate == one[-1].rate
    assert last.layer == 4


def test_mean_and_median_part_as_depth_grows_over_width() -> None:
    """The mean allows less than the typical network takes: by a tenth or so at L/n = 1/16, by a
    factor above 50 at L/n = 1; the law without width errs to the other side of the mean's rate."""
    ratios = []
    for depth in (4, 16, 64):
        network = MLP(64, depth)
        typical = typical_learning_rate(network, samples=20_000, seed=1)
        exact = float(maximal_learning_rate(network).evaluate())
        law = math.sqrt(3) / depth**1.5
        assert typical.rate > exact
        ratios.append(typical.rate / exact)
        if depth >= 16:
            assert exact < law < typical.rate
    assert ratios[0] < 1.3
    assert 1.5 < ratios[1] < ratios[2]
    assert ratios[2] > 50


def test_where_the_law_holds_the_mean_rates_agree() -> None:
    network = MLP(256, 4)
    typical = typical_learning_rate(network, samples=20_000, seed=1)
    exact = float(maximal_learning_rate(network).evaluate())
    assert typical.mean_rate == pytest.approx(exact, rel=0.02)
    assert typical.rate == pytest.approx(exact, rel=0.1)


def test_the_typical_rate_says_what_it_is() -> None:
    network = MLP(8, 2)
    found = typical_learning_rate(network, samples=100, seed=5, rates=(0, 2), sampler=Dense())
    again = typical_learning_rate(network, samples=100, seed=5, rates=(0, 2), sampler=Dense())
    assert found.rate == again.rate
    assert found.interval == again.interval
    assert "0.95 confidence" in repr(found)
    assert repr(found).endswith("binds. This is the rate of a linearised step.")
    assert "typical, linearised step" in found._repr_latex_()
    assert found.network == network
    assert found.estimate.samples == 100


@pytest.mark.slow
def test_a_rate_above_that_of_a_real_step_says_so() -> None:
    """From L = n on: the printed call gives the printed number; no text recommends such a rate."""
    found = typical_learning_rate(MLP(64, 1000), samples=20, seed=1)
    assert repr(found).endswith(
        "the rate of a linearised step. It exceeds 0.00257, the largest rate of a real step as n → "
        "∞, which maximal_learning_rate(MLP(depth=1000), linearised=False) computes."
    )
    real = maximal_learning_rate(MLP(depth=1000), linearised=False)
    assert f"{float(real.infinite_width()):.3g}" == "0.00257"
    bounded = typical_learning_rate(MLP(8, 32), samples=20, seed=1, bound=0.25)
    assert "criterion=EveryHiddenLayer(bound='1/4'))" in repr(bounded)
    for hint in (maximal_learning_rate(MLP(64, 1000)), layer_rates(MLP(64, 1000))):
        assert "typical_learning_rate" not in repr(hint)
        assert "maximal_learning_rate(MLP(depth=1000), linearised=False)" in repr(hint)


@pytest.mark.slow
def test_in_a_residual_network_a_block_binds() -> None:
    found = typical_learning_rate(Residual(8, 4), samples=20, seed=1, layer=(2, 4))
    assert "; block 4 binds" in repr(found)
    axes = found.plot()
    assert "block 4 binds" in axes.get_title().replace("\n", " ")
    assert axes.get_xlabel() == "block $b$"
    branch = typical_learning_rate(Residual(8, 4), samples=20, seed=1, layer=(Branch(1), Branch(3)))
    assert "; branch 3 binds" in repr(branch)
    assert branch.layer == Branch(3)
    assert branch.plot().get_xlabel() == "branch 1, branch 3"


def test_dead_networks_and_few_samples_have_no_finite_rate() -> None:
    """Of width 1 half of the networks die at every layer."""
    dead = typical_learning_rate(MLP(1, 8), samples=1000, seed=1)
    assert dead.rate == math.inf
    few = typical_learning_rate(MLP(16, 2), samples=2, seed=1)
    assert few.interval == (0.0, math.inf)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"network": MLP()}, "symbols L, n"),
        ({"network": MLP(4, 2, input_norm2=a)}, "symbols a"),
        ({"network": 4}, "network=4"),
        ({"bound": 0}, "bound=0"),
        ({"bound": math.inf}, "bound=inf"),
        ({"bound": math.nan}, "bound=nan"),
        ({"bound": "x"}, "bound='x'"),
        ({"bound": True}, "bound=True"),
        ({"chance": 1}, "chance=1"),
        ({"level": 0.0}, "level=0.0"),
        ({"layer": 9}, "layer"),
        ({"samples": 0}, "samples"),
        ({"rates": (1,)}, "rates"),
        ({"sampler": RareEvents()}, "RareEvents"),
        ({"sampler": "dense"}, "sampler='dense'"),
    ],
)
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    values = {"network": MLP(8, 2), "samples": 10, "seed": 1, "sampler": Gram()} | changed
    network = values.pop("network")
    with pytest.raises(InvalidArgument, match=message):
        typical_learning_rate(network, **values)  # type: ignore[arg-type]
