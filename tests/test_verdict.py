"""The three answers, and wrong laws that must be rejected at the same budget as right ones."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verify.slope import fit_slope

from theory import MLP, InvalidArgument, squared_update
from verify import Dense
from verify.compare import Law, check, exact_law
from verify.verdict import FAMILY_BUDGET, Outcome, decide, score

GRID = [MLP(width, depth) for width in (32, 64) for depth in (1, 2, 4)]
SAMPLES = 3000
DENSE = Dense()
SEED = 4


def outcome(law: Law, networks: list[MLP], samples: int = SAMPLES) -> Outcome:
    return check(law, networks=networks, samples=samples, seed=SEED).verdict.outcome


def test_the_exact_law_is_consistent() -> None:
    comparison = check(networks=GRID, samples=SAMPLES, seed=SEED)
    verdict = comparison.verdict
    assert verdict.outcome is Outcome.CONSISTENT
    assert max(abs(cell.score.z) for cell in comparison.cells) < verdict.critical
    assert verdict.noticed < 1 / 3


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
    comparison = check(
        lambda n, layer: 100 * exact_law(n, layer), networks=[MLP(8, 8)], samples=500, seed=1
    )
    assert comparison.verdict.outcome is Outcome.UNDECIDED
    assert not comparison.cells[0].score.decides


def test_real_steps_decide_only_where_they_follow_the_law() -> None:
    small = check(networks=[MLP(32, 2)], samples=4000, seed=2, step=1e-3, sampler=DENSE)
    large = check(networks=[MLP(32, 2)], samples=400, seed=2, step=1.0, sampler=DENSE)
    assert small.verdict.outcome is Outcome.CONSISTENT
    assert small.cells[0].score.allowance == 0.02
    assert large.verdict.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), None, "x", 1j])
def test_a_law_without_a_positive_value_is_refused_by_network(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="MLP"):
        check(lambda n, layer: value, networks=[MLP(8, 1)], samples=100, seed=1)


@given(st.floats(0.5, 2.0), st.floats(0.001, 0.2))
def test_z_is_measured_less_law_over_error(ratio: float, error: float) -> None:
    measured = score(math.log(ratio), error, 100, 0.0, allowance=0.0, decides=True)
    assert measured.z == pytest.approx((ratio - 1) / (error * ratio), rel=1e-9, abs=1e-9)


@given(st.floats(0.5, 2.0), st.floats(0.0, 0.1))
def test_an_allowance_only_forgives(ratio: float, allowance: float) -> None:
    strict = score(math.log(ratio), 0.01, 50, 0.0, allowance=0.0, decides=True)
    lenient = score(math.log(ratio), 0.01, 50, 0.0, allowance=allowance, decides=True)
    assert abs(lenient.z) <= abs(strict.z)
    if abs(ratio - 1) <= allowance:
        assert lenient.z == 0


def test_means_far_outside_float64_have_a_score() -> None:
    huge = score(5000.0, 0.01, 100, 5000.01, allowance=0.0, decides=True)
    assert huge.z == pytest.approx(-1.005, rel=1e-3)
    absurd = score(5000.0, 0.01, 100, 0.0, allowance=0.0, decides=True)
    assert decide([absurd]).outcome is Outcome.REJECTED


def test_undefined_cells_never_make_a_grid_consistent() -> None:
    good = score(0.0, 0.01, 100, 0.0, allowance=0.0, decides=True)
    dead = score(float("-inf"), float("nan"), 100, 0.0, allowance=0.0, decides=True)
    assert decide([good]).outcome is Outcome.CONSISTENT
    assert decide([good, dead]).outcome is Outcome.UNDECIDED
    assert decide([dead]).outcome is Outcome.UNDECIDED
    assert decide([]).outcome is Outcome.UNDECIDED


def test_the_budget_is_split_over_the_cells() -> None:
    """With m cells of true laws and normal errors, the chance of a rejection is the budget."""
    one = score(0.0, 0.01, 10**6, 0.0, allowance=0.0, decides=True)
    tail = 0.5 * math.erfc(one.critical(20) / math.sqrt(2))
    assert 20 * 2 * tail == pytest.approx(FAMILY_BUDGET, rel=1e-3)


@given(st.floats(-3, 3), st.floats(-5, 5))
def test_a_straight_line_is_fitted_exactly(slope: float, level: float) -> None:
    depths = [2, 4, 8, 16]
    line = [level + slope * math.log(depth) for depth in depths]
    fitted = fit_slope(depths, line, [0.1, 0.2, 0.1, 0.3], line)
    assert fitted is not None
    assert fitted.measured == pytest.approx(slope, abs=1e-9)
    assert fitted.z == pytest.approx(0, abs=1e-6)


def test_one_depth_or_an_undefined_error_has_no_slope() -> None:
    assert fit_slope([4, 4], [0.0, 0.0], [0.1, 0.1], [0.0, 0.0]) is None
    assert fit_slope([2, 4], [0.0, 1.0], [0.1, float("nan")], [0.0, 1.0]) is None
