"""The three answers, and wrong laws that must be rejected at the same budget as right ones."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from theory import (
    MLP,
    InvalidArgument,
    NotSolved,
    Tanh,
    maximal_learning_rate,
    squared_update,
)
from theory.observables import K, trace
from theory.outcome import Outcome
from verify import Conditioned, Dense, Gram, cli, monte_carlo
from verify.comparison import verdict_in_words
from verify.comparison.compare import Comparison, compare_law, comparison_record
from verify.comparison.exact_values import (
    LARGEST_SPREAD,
    Law,
    exact_law,
    known_spread,
    largest_step,
)
from verify.comparison.table import cell_row, cell_table
from verify.inference.numbers_in_text import value_and_error
from verify.inference.sample_means import NetworkMean
from verify.inference.verdict import FAMILY_BUDGET, Score, decide
from verify.inference.weighted_means import WeightedMean
from verify.jobs.folder import RESULTS
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler


def conclusion(comparison: Comparison) -> str:
    return verdict_in_words.conclusion(comparison_record(comparison))


GRID = [MLP(width, depth) for width in (32, 64) for depth in (1, 2, 4)]
SAMPLES = 3000
DENSE = Dense()
SEED = 4


def outcome(law: Law, networks: list[MLP], samples: int = SAMPLES) -> Outcome:
    return compare_law(law, networks=networks, samples=samples, seed=SEED).verdict.outcome


@pytest.mark.slow
def test_the_exact_law_is_consistent() -> None:
    comparison = compare_law(networks=GRID, samples=SAMPLES, seed=SEED)
    verdict = comparison.verdict
    assert verdict.outcome is Outcome.CONSISTENT
    assert max(abs(cell.score.z) for cell in comparison.cells) < verdict.critical
    assert verdict.noticed < 1 / 3


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.5, 1 / 1.5])
def test_a_wrong_constant_is_rejected(factor: float) -> None:
    assert outcome(lambda n, layer: factor * exact_law(n, layer), GRID) is Outcome.REJECTED


def test_a_missing_output_part_is_rejected_where_it_is_20_percent() -> None:
    network = MLP(8, 1, input_width=12)
    update = squared_update(network)
    share = float(update.output.per_eta2 / update.per_eta2)
    assert 0.15 < share < 0.25
    assert outcome(exact_law, [network], 20_000) is Outcome.CONSISTENT

    def without_output(n: MLP, layer: int) -> Any:
        return squared_update(n, layer).label.per_eta2

    assert outcome(without_output, [network], 20_000) is Outcome.REJECTED


def test_a_wrong_power_of_depth_is_rejected() -> None:
    def milder(n: MLP, layer: int) -> Any:
        return exact_law(n, layer) * n.layers**-0.2

    assert outcome(milder, GRID) is Outcome.REJECTED


def test_a_layer_off_by_one_is_rejected() -> None:
    assert outcome(lambda n, layer: exact_law(n, max(1, layer - 1)), GRID) is Outcome.REJECTED


def test_too_few_samples_are_undecided_not_consistent() -> None:
    assert outcome(exact_law, [MLP(64, 8)], 64) is Outcome.UNDECIDED


def test_cells_set_by_rare_networks_do_not_decide() -> None:
    comparison = compare_law(
        lambda n, layer: 100 * exact_law(n, layer), networks=[MLP(8, 8)], samples=500, seed=1
    )
    assert comparison.verdict.outcome is Outcome.UNDECIDED
    assert not comparison.cells[0].score.decides


@pytest.mark.slow
def test_real_steps_decide_only_where_they_follow_the_law() -> None:
    small = compare_law(networks=[MLP(32, 2)], samples=4000, seed=2, step=1e-3, sampler=DENSE)
    assert small.verdict.outcome is Outcome.CONSISTENT
    assert small.cells[0].score.allowance == 0.02
    falling = [MLP(32, 2, weight_variance=1)]
    other = compare_law(networks=falling, samples=400, seed=2, step=1e-3, sampler=DENSE)
    assert other.verdict.outcome is Outcome.UNDECIDED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("networks", "part", "largest"),
    [
        ([MLP(1024, 64)], 101, "4.8e-06"),
        ([MLP(32, 4)], 50, "0.0018"),
        ([MLP(32, 2), MLP(64, 16)], 300, "0.00011"),
    ],
)
def test_a_step_too_large_for_the_linearised_law_is_refused_and_simulated(
    networks: list[MLP], part: int, largest: str
) -> None:
    rate = float(maximal_learning_rate(networks[0]).evaluate()) / part
    with pytest.raises(InvalidArgument, match=f"at most {largest}, above which a real step of"):
        compare_law(networks=networks, step=rate, sampler=Conditioned(), samples=20_000, seed=3)
    assert monte_carlo(networks[0], samples=4, seed=3, step=rate, sampler=Conditioned()).mean > 0


def test_the_largest_step_is_accepted() -> None:
    step = largest_step(MLP(64, 8))
    found = compare_law(
        networks=[MLP(64, 8)], step=step, sampler=Conditioned(), samples=8_000, seed=3
    )
    assert found.verdict.outcome is Outcome.CONSISTENT


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), None, "x", 1j])
def test_a_law_without_a_positive_value_is_refused_by_network(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="MLP"):
        compare_law(lambda n, layer: value, networks=[MLP(8, 1)], samples=100, seed=1)


def weighted(
    ratio: float, error: float, samples: int = 10_000, law: float = 1.0, allowance: float = 0.0
) -> Score:
    return Score(WeightedMean(samples, ratio, error), law, allowance, decides=True)


@given(st.floats(0.5, 2.0), st.floats(0.001, 0.2))
def test_z_is_measured_less_law_over_error(ratio: float, error: float) -> None:
    assert weighted(ratio, error).z == pytest.approx((ratio - 1) / error, rel=1e-9, abs=1e-9)


@given(st.floats(0.5, 2.0), st.floats(0.0, 0.1))
def test_an_allowance_only_forgives(ratio: float, allowance: float) -> None:
    strict, lenient = weighted(ratio, 0.01), weighted(ratio, 0.01, allowance=allowance)
    assert abs(lenient.z) <= abs(strict.z)
    assert lenient.noticed(5) >= strict.noticed(5)
    if abs(ratio - 1) < allowance:
        assert lenient.z == 0


@pytest.mark.parametrize("factor", [sympy.Integer(10) ** 400, sympy.Rational(1, 10**400)])
def test_laws_far_outside_float64_are_rejected(factor: sympy.Rational) -> None:
    def absurd(network: MLP, layer: int) -> Any:
        return factor * squared_update(network, layer).per_eta2

    assert outcome(absurd, GRID[:1]) is Outcome.REJECTED


def test_undefined_cells_never_make_a_grid_consistent() -> None:
    good, dead = weighted(1.0, 0.01), weighted(math.nan, math.nan)
    assert decide([good]).outcome is Outcome.CONSISTENT
    assert decide([good, dead]).outcome is Outcome.UNDECIDED
    assert decide([dead]).outcome is Outcome.UNDECIDED
    assert decide([]).outcome is Outcome.UNDECIDED


def test_the_budget_is_split_over_the_cells() -> None:
    """With m cells of true laws and normal errors, the chance of a rejection is the budget."""
    one = weighted(1.0, 0.01, 10**12)
    tail = 0.5 * math.erfc(one.critical(20) / math.sqrt(2))
    assert 20 * 2 * tail == pytest.approx(FAMILY_BUDGET, rel=1e-3)


# Undecided, and what would decide


def test_a_cell_that_cannot_hold_its_level_neither_rejects_nor_confirms() -> None:
    few = weighted(2.0, 0.01, 50)
    assert abs(few.z) > few.critical(1)
    assert not few.holds(1)
    verdict = decide([few, weighted(1.0, 0.01)])
    assert verdict.outcome is Outcome.UNDECIDED
    assert [want.cell for want in verdict.wants] == [0]


def test_a_rejection_beats_an_undecided_cell() -> None:
    few, wrong = weighted(1.0, 0.5, 100), weighted(1.2, 0.01)
    verdict = decide([few, wrong])
    assert verdict.outcome is Outcome.REJECTED
    assert verdict.worst == 1


def test_the_errors_noticed_are_those_of_the_weakest_and_of_the_strongest_cell() -> None:
    scores = [weighted(1.0, error) for error in (0.01, 0.02, 0.04)]
    verdict = decide(scores)
    assert verdict.noticed == scores[2].noticed(3)
    assert verdict.noticed_in_all == scores[0].noticed(3)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [40, 2000])
def test_the_number_of_samples_of_an_observable_said_to_decide_does(samples: int) -> None:
    """Of an observable a block of samples is one mean, and the proof needs many means."""
    asked: Any = {"networks": [MLP(16, 3)], "observable": trace(K), "seed": 1, "sampler": Dense()}
    first = compare_law(samples=samples, **asked)
    assert first.verdict.outcome is Outcome.UNDECIDED
    (want,) = first.verdict.wants
    assert want.samples is not None
    assert ("too few blocks of networks prove" in conclusion(first)) is (samples == 2000)
    assert compare_law(samples=want.samples, **asked).verdict.outcome is Outcome.CONSISTENT
    less = compare_law(samples=want.samples - 1, **asked)
    assert less.verdict.outcome is Outcome.UNDECIDED
    assert less.verdict.wants == (want,)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "sampler", "step"),
    [
        (MLP(64, 16), Gram(), None),
        (MLP(16, 4), Gram(), None),
        (MLP(32, 32), RareEvents(), None),
        (MLP(32, 2), Conditioned(), 1e-3),
    ],
)
def test_the_number_of_samples_said_to_decide_does(
    network: MLP, sampler: Sampler, step: float | None
) -> None:
    first = compare_law(networks=[network], samples=40, seed=SEED, sampler=sampler, step=step)
    assert first.verdict.outcome is Outcome.UNDECIDED
    (want,) = first.verdict.wants
    assert want.samples is not None
    assert f"{want.samples:,} samples would decide" in conclusion(first)
    again = compare_law(
        networks=[network], samples=want.samples, seed=SEED, sampler=sampler, step=step
    )
    assert again.verdict.outcome is Outcome.CONSISTENT
    assert not again.verdict.wants
    for factor in (1.5, 1 / 1.5):
        wrong = compare_law(
            lambda n, layer, by=factor: by * exact_law(n, layer),
            networks=[network],
            samples=want.samples,
            seed=SEED,
            sampler=sampler,
            step=step,
        )
        assert wrong.verdict.outcome is Outcome.REJECTED


@pytest.mark.slow
def test_cells_beyond_the_stated_spread_are_shown_and_do_not_decide() -> None:
    comparison = compare_law(networks=[MLP(64, 2), MLP(64, 32)], samples=1000, seed=SEED)
    near, far = comparison.cells
    assert known_spread(far.network, 32) > LARGEST_SPREAD > known_spread(near.network, 2)
    assert near.score.decides
    assert not far.score.decides
    assert math.isfinite(far.score.z)
    assert comparison.verdict.worst == 0
    assert [cell.score.decides for cell in comparison.cells] == [True, False]


@pytest.mark.slow
def test_more_networks_than_are_kept_still_hold_a_level() -> None:
    logs = compare_law(networks=[MLP(64, 2)], samples=2**22 + 1, seed=SEED)
    (cell,) = logs.cells
    evidence = cell.score.evidence
    assert isinstance(evidence, NetworkMean)
    assert evidence.counts is not None
    assert evidence.counts.sum() == 2**22 + 1
    assert evidence.z(1.0) == pytest.approx((evidence.ratio - 1) / evidence.standard_error, abs=0.1)
    assert logs.verdict.outcome is Outcome.CONSISTENT
    fewer = compare_law(networks=[MLP(64, 2)], samples=2**20, seed=SEED)
    assert logs.verdict.noticed < 0.55 * fewer.verdict.noticed


def test_the_answers_in_words() -> None:
    grid = GRID[:2]
    consistent = conclusion(compare_law(networks=grid, samples=SAMPLES, seed=SEED))
    wrong = compare_law(
        lambda n, layer: 2 * exact_law(n, layer), networks=grid, samples=3000, seed=SEED
    )
    none = compare_law(networks=[MLP(64, 32)], samples=100, seed=SEED)
    for words in ("CONSISTENT", "family-wise 1%", "in a single cell", "95 times in 100"):
        assert words in consistent
    for words in ("REJECTED", f"z = {wrong.cells[wrong.verdict.worst or 0].score.z:+.2f}", "width"):
        assert words in conclusion(wrong)
    assert "no cell can decide: the exact standard deviation" in conclusion(none)
    assert "sampler rare-events" in conclusion(none)
    one = conclusion(compare_law(networks=grid[:1], samples=SAMPLES, seed=SEED))
    assert "over the one cell that decides" in one
    assert "in a single cell" not in one


@pytest.mark.parametrize(
    ("network", "step", "words"),
    [
        (MLP(8, 4), 1e-4, "widths of at least 16 and depths of at most a quarter"),
    ],
)
def test_why_real_steps_cannot_decide(network: MLP, step: float, words: str) -> None:
    found = compare_law(networks=[network], samples=20, seed=SEED, step=step, sampler=Conditioned())
    assert found.verdict.outcome is Outcome.UNDECIDED
    assert words in conclusion(found)
    assert "rare-events" not in conclusion(found)


def test_a_table_of_real_steps_says_what_its_z_is() -> None:
    grid = [MLP(16, 2)]
    real = compare_law(networks=grid, samples=50, seed=SEED, step=1e-3, sampler=Conditioned())
    assert "beyond the 2%" in str(cell_table(comparison_record(real)).caption)
    linear = comparison_record(compare_law(networks=grid, samples=50, seed=SEED))
    assert "beyond" not in str(cell_table(linear).caption)


def test_a_cell_without_an_error_keeps_its_column_narrow() -> None:
    found = compare_law(networks=[MLP(8, 2)], samples=1, seed=SEED)
    assert cell_row(comparison_record(found).cells[0])["measured ± s.e."] == "undefined"
    assert "one sample has no standard error" in conclusion(found)


@pytest.mark.slow
def test_an_undecided_run_has_its_own_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--width", "64", "--depth", "16", "--samples", "2000"]
    assert cli.main([*sizes, "--out", str(tmp_path / "run")]) == 3
    assert "samples would decide" in " ".join(capsys.readouterr().out.split())
    record = json.loads((tmp_path / "run" / RESULTS).read_text(encoding="utf-8"))
    assert record["wanted_samples"][0]["cell"] == 0
    assert record["wanted_samples"][0]["samples"] > 2000


@pytest.mark.parametrize(
    ("log_mean", "error", "text"),
    [
        (0.0, 0.01, "1.000 ± 0.010"),
        (math.log(2.6e8), 2e5, "3e+08 ± 5e+13"),
        (math.log(9.7e5), 1.0, "1e+06 ± 1e+06"),
    ],
)
def test_errors_beyond_the_mean_are_short(log_mean: float, error: float, text: str) -> None:
    assert value_and_error(log_mean, error) == text


# The family's level


@pytest.mark.slow
@pytest.mark.parametrize("samples", [10, 100])
def test_a_grid_of_true_laws_with_heavy_tails_is_rejected_once_in_a_hundred(samples: int) -> None:
    """2,000 grids of 5 cells, each network 50 with chance 1/50 and else 0."""
    grids, cells, rng = 2000, 5, np.random.default_rng(2)
    values = np.where(rng.random((grids, cells, samples)) < 0.02, 50.0, 1e-300)
    rejected = 0
    for grid in values:
        means = [
            NetworkMean(samples, float(v.mean()), 7.0 / math.sqrt(samples), np.log(v)) for v in grid
        ]
        scores = [Score(mean, 1.0, 0.0, decides=True) for mean in means]
        rejected += decide(scores).outcome is Outcome.REJECTED
    assert binom.sf(rejected - 1, grids, FAMILY_BUDGET) > 1e-4, rejected


# Constant and exponent of real networks


def test_the_fit_of_networks_holds_the_exact_surface() -> None:
    comparison = compare_law(networks=GRID, samples=SAMPLES, seed=SEED)
    assert set(comparison.fits) == {None, 32, 64}
    for fit in comparison.fits.values():
        assert fit.factor.holds(1.0)
        assert fit.exponent.holds(0.0)
    whole = comparison.fits[None]
    assert whole.cells == 6
    assert whole.exponent.high - whole.exponent.low < 0.2


def test_networks_without_an_exact_law_are_refused_in_one_sentence() -> None:
    with pytest.raises(NotSolved, match="a theory only as n → ∞"):
        compare_law(
            networks=[MLP(8, 2, activation=Tanh())], samples=10, seed=1, sampler=Conditioned()
        )
