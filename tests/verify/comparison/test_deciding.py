"""Which cells decide: weighted samples only where their skewness was studied."""

import math

import pytest
from numpy import exp, logaddexp

from theory import MLP, LeakyReLU, Linear
from verify import check, compare_law
from verify.comparison.compare import comparison_record
from verify.comparison.deciding import has_studied_skewness, may_decide
from verify.comparison.exact_values import LARGEST_SPREAD
from verify.comparison.table import cell_table
from verify.comparison.verdict_in_words import conclusion
from verify.inference.weighted_means import SKEWNESS
from verify.numerics.streams import block_stream
from verify.runs.configuration import configuration, problem_of
from verify.samplers.rare_events.sampler import RareEvents

RARE = RareEvents()
SKEWED = [
    (MLP(16, 16), [1] + [0] * 15),
    (MLP(16, 16), [0] * 15 + [1]),
    (MLP(16, 16), [1, 0, 0, 0] * 4),
    (MLP(16, 16), [3] + [1] * 15),
    (MLP(16, 16, input_width=10**6), None),
    (MLP((16, 16, 40, 16)), None),
    (MLP(15, 16), None),
    (MLP((16, 16, 12, 16)), None),
    (MLP(1, 8, activation=LeakyReLU("0.1")), None),
    (MLP(31, 8, activation=LeakyReLU("0.5")), None),
]
STUDIED = [
    (MLP(16, 8), [1] * 4 + [2] * 4),
    (MLP(16, 8, input_width=32), None),
    (MLP((16, 24, 32, 16)), None),
    (MLP(16, 16, activation=Linear()), None),
    (MLP(32, 32, activation=LeakyReLU("0.1")), None),
    (MLP(32, 32, activation=LeakyReLU("0.9")), [2] + [1] * 31),
    (MLP(16, 8, weight_variance=5, readout_variance="0.001"), [3] * 8),
]


@pytest.mark.parametrize(("network", "rates"), SKEWED)
def test_networks_of_unstudied_skewness_do_not_decide(
    network: MLP, rates: list[int] | None
) -> None:
    asked = configuration(network, rates=rates, sampler=RARE)
    assert not has_studied_skewness(problem_of(asked))
    assert not may_decide(asked, None)


@pytest.mark.wide
@pytest.mark.parametrize(("network", "rates"), STUDIED)
def test_the_skewness_that_was_studied_is_within_what_is_allowed_for(
    network: MLP, rates: list[int] | None
) -> None:
    """Label, output and total; the sample skewness of 60,000 samples is 2.8 at most."""
    problem = problem_of(configuration(network, rates=rates, sampler=RARE))
    assert has_studied_skewness(problem)
    label, output = RARE.sample(problem, block_stream(5, 0), 60_000)[:, :, 0]
    for logs in (label, output, logaddexp(label, output)):
        values = exp(logs - logs.max())
        centred = values - values.mean()
        assert abs((centred**3).mean() / (centred**2).mean() ** 1.5) < SKEWNESS


def test_a_spread_decides_for_networks() -> None:
    asked = configuration(MLP(16, 16), rates=[1] + [0] * 15)
    assert may_decide(asked, LARGEST_SPREAD)
    assert not may_decide(asked, LARGEST_SPREAD + 1)


def test_weighted_samples_outside_the_range_are_undecided_and_say_why() -> None:
    far, near = MLP(16, 8, input_width=10**6), MLP(16, 8)
    found = compare_law(networks=[far], samples=3000, seed=1, sampler=RARE)
    assert found.verdict.outcome.name == "UNDECIDED"
    assert found.fits == {}
    said = conclusion(comparison_record(found))
    assert said.startswith("UNDECIDED: no cell can decide: weighted samples decide where")
    assert "give such networks, or another sampler" in said
    both = compare_law(networks=[far, near], samples=3000, seed=1, sampler=RARE)
    assert both.verdict.outcome.name == "CONSISTENT"
    assert [cell.score.decides for cell in both.cells] == [False, True]
    caption = str(cell_table(comparison_record(both)).caption)
    assert "skewness was studied" in caption
    assert "standard deviation" not in caption
    assert "standard error of weighted samples" in caption


def test_a_wrong_law_is_not_rejected_by_weighted_samples_outside_the_range() -> None:
    found = check(
        "eta**2*L**3", network=MLP(1, 8, activation=LeakyReLU("0.1")), samples=3000, seed=1,
        sampler=RARE,
    )  # fmt: skip
    assert found.evidence is not None
    assert found.evidence.verdict.outcome.name == "UNDECIDED"


def test_multipliers_with_zeros_reach_the_networks_of_a_claim() -> None:
    found = check(
        "eta**2*L**3", network=MLP(16, 4), rates=[1, 0, 0, 0], samples=3000, seed=1, sampler=RARE
    )
    assert found.evidence is not None
    assert not found.evidence.cells[0].score.decides
    assert math.isnan(found.evidence.verdict.critical)
