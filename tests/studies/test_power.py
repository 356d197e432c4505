"""The power study itself: its wrong laws, its predictions against simulation, its table."""

from fractions import Fraction
from math import log
from pathlib import Path

import numpy as np
import pytest
from sympy import Rational

from studies import power
from studies.power import Cell, Row, cell_of, cells_for, kept_rows, row_for
from studies.power_laws import EXPONENTS, WRONG_LAWS, WrongLaw
from studies.power_prediction import (
    CHANCE,
    GRID,
    expected_fit_samples,
    expected_samples,
    one_sample,
)
from studies.power_trials import Trial, fit_trials, ladder, least_samples, trials
from theory import MLP, InvalidArgument, squared_update
from verify import Gram, monte_carlo
from verify.inference.sample_means import NetworkMean
from verify.inference.verdict import Score
from verify.inference.weighted_means import WeightedMean
from verify.jobs.plan import Part
from verify.samplers.rare_events.sampler import RareEvents

BY_NAME = {law.name: law for law in WRONG_LAWS}
SMALL_GRID = [
    Part(Gram(), (MLP(64, 2), MLP(64, 4), MLP(64, 32))),
    Part(RareEvents(), (MLP(64, 8),)),
]
"""Gram's third cell does not decide."""


def assert_share(rejected: float, share: float, repetitions: int) -> None:
    """Within 4 standard errors of ``share``: a false alarm in 16,000 tests."""
    error = (share * (1 - share) / repetitions) ** 0.5
    assert abs(rejected - share) < 4 * error, f"{rejected=} {share=} {repetitions=}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no output part", Fraction(3 * 64 + 5, 64)),
        ("depth L-1 for L", Fraction(64**2 + 64 + 5, 2 * 64**2)),
    ],
)
def test_wrong_laws_at_depth_two_are_known_fractions(name: str, value: Fraction) -> None:
    exact = squared_update(MLP(64, 2)).per_eta2
    assert BY_NAME[name].ratio(MLP(64, 2)) == pytest.approx(float(value / Fraction(str(exact))))


def test_the_1_over_n_term_of_the_label_part_is_what_is_dropped() -> None:
    """At depth 2 the label part is 3 + 5/n."""
    exact = float(squared_update(MLP(64, 2)).per_eta2)
    assert BY_NAME["no 1/n term"].ratio(MLP(64, 2)) == pytest.approx(1 - 5 / 64 / exact)


def test_the_layer_below_is_that_of_the_same_network() -> None:
    below = monte_carlo(MLP(64, 4), samples=20_000, seed=3, layer=(3, 4)).total
    found = below.mean[0] / below.mean[1]
    assert BY_NAME["layer L-1 for L"].ratio(MLP(64, 4)) == pytest.approx(found, rel=0.05)


@pytest.mark.parametrize(("name", "exponent"), EXPONENTS.items())
def test_exponents_are_matched_at_the_least_depth(name: str, exponent: float) -> None:
    ratio = BY_NAME[name].ratio
    assert ratio(MLP(1024, 4)) == 1.0
    slope = log(ratio(MLP(1024, 64)) / ratio(MLP(1024, 16))) / log(4)
    assert slope == pytest.approx(exponent - 3)
    assert name.endswith(f"L^{-exponent / 2:g}")


def test_a_wrong_power_of_the_input_norm_is_half_where_the_norm_is_doubled() -> None:
    law = BY_NAME["|x|² for |x|⁴"]
    plain, doubled = squared_update(MLP(16, 3)), squared_update(law.network(16, 3))
    wrong = 2 * plain.label.per_eta2 + 4 * plain.output.per_eta2
    assert wrong / doubled.per_eta2 == Rational(1, 2)
    assert law.ratio(law.network(16, 3)) == 0.5


def normal_runs(law: float, spread: float, samples: int, repetitions: int) -> float:
    """The share of runs that reject a law if samples were normal."""
    draws = np.random.default_rng(5).normal(1.0, spread, (repetitions, samples))
    scores = (
        Score(
            NetworkMean(samples, float(x.mean()), spread / samples**0.5, np.log(x)), law, 0.0, True
        )
        for x in draws
    )
    return float(np.mean([abs(score.z) > score.critical(GRID) for score in scores]))


@pytest.mark.wide
@pytest.mark.parametrize("law", [0.9, 1.1])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_expected_number_is_right_for_normal_samples(law: float, share: float) -> None:
    samples = expected_samples(law, 0.19, share, networks=True)
    assert samples is not None
    assert_share(normal_runs(law, 0.19, samples, 2000), share, 2000)


@pytest.mark.parametrize("law", [0.1, 0.5, 2.0, 3.0])
def test_at_a_handful_of_samples_the_expected_number_is_the_least(law: float) -> None:
    """Where the influence is far from linear: enough with it, not with one less."""
    samples = expected_samples(law, 0.15, 0.95, networks=True)
    assert samples is not None
    assert 3 <= samples <= 20
    assert normal_runs(law, 0.15, samples, 500) > 0.92
    assert normal_runs(law, 0.15, samples - 1, 500) < 0.95


def test_half_of_all_runs_need_half_as_many_and_no_law_is_rejected_for_being_right() -> None:
    """For small errors, by (c/(c + q))² with the critical c and the quantile q."""
    half = expected_samples(1.001, 1.0, 0.5, networks=True)
    most = expected_samples(1.001, 1.0, 0.95, networks=True)
    assert half is not None
    assert most is not None
    critical = 2 - log(CHANCE) / 4
    assert half / most == pytest.approx((critical / (critical + 1.645)) ** 2, rel=2e-3)
    assert expected_samples(1.0, 1.0, 0.95, networks=True) is None


def test_weighted_samples_must_be_enough_to_hold_their_level() -> None:
    least = expected_samples(0.1, 0.5, 0.95, networks=False)
    assert least is not None
    assert WeightedMean(least, 1.0, 0.5).holds(CHANCE)
    assert not WeightedMean(least - 1, 1.0, 0.5).holds(CHANCE)


def simulated(name: str, trial: Trial, repetitions: int) -> tuple[Cell, list[float]]:
    """Shares that reject with half's number, the expected one and the proven one."""
    cell = cell_of(BY_NAME[name], trial)
    networks = trial.sampler.draws_networks
    half, most = (
        expected_samples(cell.ratio, cell.spread, share, networks=networks) for share in (0.5, 0.95)
    )
    sizes = [size for size in (half, most, cell.proven) if size is not None]
    return cell, list(trials(trial, cell.ratio, sizes, repetitions, 1))


@pytest.mark.slow
def test_networks_are_rejected_as_often_as_predicted() -> None:
    cell, (half, most, proven) = simulated("5 % too large", Trial(MLP(1024, 4), Gram()), 400)
    assert cell.proven is not None
    assert_share(half, 0.5, 400)
    assert_share(most, 0.95, 400)
    assert proven > 0.95


@pytest.mark.slow
def test_what_is_proven_holds_for_heavy_tails() -> None:
    for name in ("twice too large", "depth L-1 for L"):
        _, (_, _, proven) = simulated(name, Trial(MLP(64, 8), Gram()), 200)
        assert proven > 0.95


@pytest.mark.slow
def test_weighted_samples_are_rejected_as_often_as_predicted() -> None:
    _, (half, most, _) = simulated("no output part", Trial(MLP(64, 8), RareEvents()), 200)
    assert_share(half, 0.5, 200)
    assert_share(most, 0.95, 200)


def test_what_is_proven_solves_its_inequality() -> None:
    """R d - (R d)²/(2 N) ≥ R² + log(1/ε) + log(1/(1 - β)), as docs/budgets.md has it."""

    def enough(samples: int) -> bool:
        scaled = 4 * 0.05 * samples**0.5 / 0.8
        return scaled - scaled**2 / (2 * samples) >= 16 + log(1 / CHANCE) + log(20)

    proven = one_sample(0.8, networks=True).samples_for(0.05, CHANCE)
    assert proven is not None
    assert enough(proven)
    assert not enough(proven - 1)


@pytest.mark.slow
def test_an_exponent_is_found_wrong_as_often_as_predicted() -> None:
    cells = [Trial(MLP(1024, depth), Gram()) for depth in (4, 16)]
    spreads = [cell.spread for cell in cells if cell.spread is not None]
    half, most = (expected_fit_samples((4, 16), spreads, 0.05, share) for share in (0.5, 0.95))
    assert half is not None
    assert most is not None
    shares = fit_trials(cells, 0.05, [half, most], 150, 1)
    assert_share(shares[0], 0.5, 150)
    assert_share(shares[1], 0.95, 150)


def test_an_exponent_needs_fewer_networks_over_more_depth() -> None:
    """For small errors, by the squared error and the squared logarithm of the depths' ratio."""
    found = [
        expected_fit_samples(depths, (0.2, 0.5), error, 0.95)
        for depths, error in (((4, 16), 0.01), ((4, 64), 0.01), ((4, 16), 0.005))
    ]
    once, deeper, smaller = (each for each in found if each is not None)
    assert deeper == pytest.approx(once / 4, rel=0.02)
    assert smaller == pytest.approx(once * 4, rel=0.02)
    assert expected_fit_samples((4, 4), (0.2, 0.5), 0.1, 0.95) is None


def test_sizes_and_the_least_that_is_enough() -> None:
    assert ladder(64)[0] == 2
    assert ladder(64)[-1] == 64
    assert {16, 32} <= set(ladder(64))
    assert least_samples([2, 4, 8], [0.2, 0.96, 0.99]) == 4
    assert least_samples([2, 4, 8], [0.96, 0.2, 0.99]) == 8
    assert least_samples([2, 4, 8], [1.0, 1.0, 0.9]) is None
    assert least_samples([2, 4, 8], [0.5, 0.6, 0.9], 0.5) == 2


def test_only_cells_that_decide_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "planned_parts", lambda *arguments: SMALL_GRID)
    found = [
        (type(c.trial.sampler).__name__, c.trial.network.layers)
        for c in cells_for(BY_NAME["5 % too large"])
    ]
    assert found == [("Gram", 2), ("Gram", 4), ("RareEvents", 8)]


def test_a_right_law_is_refused() -> None:
    right = cell_of(WrongLaw("right", lambda network: 1.0), Trial(MLP(64, 2), Gram()))
    assert right.cost == float("inf")
    with pytest.raises(InvalidArgument, match="wrong enough"):
        row_for(right, cheapest=True)


def test_results_are_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "RESULTS", tmp_path / "power.json")
    monkeypatch.setattr(power, "planned_parts", lambda *arguments: SMALL_GRID)
    assert power.main([BY_NAME["twice too large"]], repetitions=20) == 0
    assert "gram 64, 2" in capsys.readouterr().out
    best, reference = kept_rows()
    assert (best.depths, best.cheapest) == ((2,), True)
    assert (reference.width, *reference.depths) == power.REFERENCE
    assert reference.repetitions == 20


def test_the_study_that_is_kept_has_every_law_and_agrees_with_the_predictions() -> None:
    rows = kept_rows()
    for law in WRONG_LAWS:
        assert [row.cheapest for row in rows if row.law == law.name] == [True, False]
    assert all(row.repetitions >= 100 and row.measured is not None for row in rows)
    assert all(as_predicted(row) for row in rows if row.ratio is not None)


def as_predicted(row: Row) -> bool:
    """Numbers of now's rules; a share of runs never needs more networks than are proven."""
    assert row.ratio is not None
    assert row.proven is not None
    assert row.measured is not None
    networks = row.sampler == "Gram"
    expected = expected_samples(row.ratio, row.spread, 0.95, networks=networks)
    proven = one_sample(row.spread, networks=networks).samples_for(abs(row.ratio - 1), CHANCE)
    return (expected, proven) == (row.expected, row.proven) and (
        not networks or row.measured <= row.proven
    )
