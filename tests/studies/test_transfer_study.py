"""The transfer study's statistics on losses with known answers, and the record that is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studies import transfer
from studies.transfer import carried_rates, kept_results
from studies.transfer_figure import best_rates_figure
from studies.transfer_record import Found, Transfer, Tuning, kept, write
from studies.transfer_report import print_best, print_exponents, print_ratios
from studies.transfer_settings import HIDDEN, RULES, SETTINGS, Setting, grid_rates, maximal_rate
from studies.transfer_statistics import (
    best_octave,
    best_octaves,
    exponent,
    final_loss,
    loss_ratio,
    paired_ratio,
    rule_exponent,
)
from theory import MLP, layer_rates, squared_update
from verify.numerics.arrays import FloatArray

OCTAVES = tuple(np.arange(-4.0, 8.0))
SETTING = Setting("made up", 64, 1, "half square", 9, OCTAVES, (10,), (2, 4, 8, 16))


def parabolas(best: float, rng: np.random.Generator) -> FloatArray:
    """Losses of 9 seeds about a least one at the octave ``best``, infinite far above it."""
    centres = best + rng.normal(0, 0.8, 9)
    loss = 0.1 + (np.array(OCTAVES) - centres[:, None]) ** 2
    return np.where(np.array(OCTAVES) > centres[:, None] + 4, np.inf, loss)[None]


def made_up(power: float, seed: int = 1) -> Found:
    """A study whose best rate is 2 max(2) (L/2)^power by construction."""
    rng, tuning, transfers = np.random.default_rng(seed), [], []
    for depth in SETTING.depths:
        rates = grid_rates(SETTING, depth)
        target = 2 * maximal_rate(64, 2) * (depth / 2) ** power
        loss = parabolas(np.log2(target / maximal_rate(64, depth)), rng)
        tuning.append(Tuning(depth, rates[:, HIDDEN], loss, np.ones_like(loss)))
    for each in tuning:
        for rule, (_, rate, *_) in carried_rates(SETTING, tuning[0], each, 10).items():
            off = abs(np.log2(rate / each.rates[0]) - 4) + 1
            losses = np.full(9, np.inf) if rule == "same rate" else off * np.linspace(1, 2, 9)
            transfers.append(Transfer(each.depth, 10, rule, rate, losses, np.ones(9)))
    return Found(SETTING, tuple(tuning), tuple(transfers))


@pytest.mark.parametrize("power", [-1.5, -0.5])
def test_an_exponent_that_is_put_in_is_found(power: float) -> None:
    found = exponent(made_up(power), 10)
    assert found.low <= power <= found.high
    assert found.high - found.low < 1.1
    assert found.value == pytest.approx(power, abs=0.3)


@pytest.mark.slow
def test_intervals_hold_the_best_rates() -> None:
    """95 % each, four depths, 25 studies: 5 misses are expected, 15 or more once in 10,000."""
    truth = [1 + np.log2(maximal_rate(64, 2) / maximal_rate(64, d) * 2 / d) for d in (2, 4, 8, 16)]
    misses = 0
    for seed in range(25):
        octaves = best_octaves(made_up(-1.0, seed), 10)
        misses += sum(not each.holds(t) for each, t in zip(octaves, truth, strict=True))
    assert misses < 15


def test_diverged_networks_count_as_infinite() -> None:
    loss = np.array([[1.0, 0.5, np.inf], [1.0, 0.5, np.inf], [1.0, np.inf, 0.1]])
    assert best_octave(loss, np.array([0.0, 1.0, 2.0])) == 1.0
    assert best_octave(loss[2:], np.array([0.0, 1.0, 2.0])) == 2.0
    found = made_up(-1.5)
    ratio = loss_ratio(found, 8, 10, "same rate")
    assert (ratio.low, ratio.value, ratio.high) == (np.inf,) * 3
    lost = replace(found.transfer(8, 10, None), loss=np.full(9, np.inf))
    ratio = loss_ratio(replace(found, transfers=(lost, *found.transfers)), 8, 10, "same rate")
    assert (ratio.low, ratio.value, ratio.high) == (1.0,) * 3


def test_a_rule_that_finds_the_best_rate_costs_nothing() -> None:
    found = made_up(-1.5)
    own = found.transfer(8, 10, None)
    assert own.rate in found.at(8).rates
    better = loss_ratio(found, 8, 10, "L^-3/2")
    carried = found.transfer(8, 10, "L^-3/2")
    assert better.value == pytest.approx(np.median(carried.loss) / np.median(own.loss))
    assert better.low <= better.value <= better.high


def test_rules_are_what_they_say() -> None:
    found = made_up(-1.5)
    assert rule_exponent(found, 10, "same rate") == pytest.approx(0, abs=1e-12)
    assert rule_exponent(found, 10, "L^-3/2") == pytest.approx(-1.5)
    update = squared_update(MLP(64, 8, input_width=64)).per_eta2
    assert maximal_rate(64, 8) == pytest.approx(float(update) ** -0.5)
    assert maximal_rate(64, 16) < RULES["typical network's rate"](64, 16)[HIDDEN]


@pytest.mark.slow
@pytest.mark.parametrize("depth", [4, 8, 32])
def test_rules_give_each_layer_its_rate(depth: int) -> None:
    rates = {name: rule(64, depth) for name, rule in RULES.items()}
    assert {len(each) for each in rates.values()} == {depth + 1}
    held = {name for name, each in rates.items() if each[-1] == 0}
    assert held == set(SETTINGS[0].rules)
    assert set(rates["one rate"]) == {1.0}
    exact = layer_rates(MLP(64, depth, input_width=64)).evaluate()
    first, *hidden, readout = rates["equal shares"]
    assert (first, hidden[-1], readout) == pytest.approx([float(each) for each in exact])
    at_4 = RULES["equal shares"](64, 4)
    assert rates["equal shares of depth 4"] == (at_4[0], *[at_4[1]] * (depth - 1), at_4[-1])


def test_at_the_smallest_depth_each_rule_gives_the_best_rate() -> None:
    found = made_up(-1.5)
    assert {found.transfer(2, 10, rule).rate for rule in SETTING.rules} == {
        found.transfer(2, 10, None).rate
    }
    assert loss_ratio(found, 2, 10, "same rate").value == 1.0
    own, loss = final_loss(found, 8, 10, None), found.transfer(8, 10, None).loss
    assert own.low <= own.value == np.median(loss) <= own.high


def test_results_are_kept_and_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = made_up(-1.5)
    write(tmp_path / "found.json", [found])
    assert "Infinity" not in (tmp_path / "found.json").read_text(encoding="utf-8")
    (again,) = kept(tmp_path / "found.json")
    assert again.setting == found.setting
    np.testing.assert_allclose(again.at(4).loss, found.at(4).loss, rtol=1e-4)
    assert again.transfer(8, 10, None).rate == pytest.approx(found.transfer(8, 10, None).rate, 1e-4)
    print_best([again])
    print_exponents([again])
    print_ratios([again])
    assert "∞ [∞, ∞]" in capsys.readouterr().out


@pytest.mark.slow
def test_the_kept_study_is_the_one_that_is_described() -> None:
    results = kept_results()
    assert tuple(found.setting for found in results) == SETTINGS
    for found in results:
        setting = found.setting
        assert max(setting.depths) == 32
        assert len(setting.depths) >= 4
        assert setting.seeds >= 5
        shape = (len(setting.horizons), setting.seeds, len(setting.octaves))
        for tuning in found.tuning:
            assert tuning.loss.shape == tuning.accuracy.shape == shape
            rates = grid_rates(setting, tuning.depth)[:, HIDDEN]
            np.testing.assert_allclose(tuning.rates, rates, rtol=1e-4)
        for each in found.transfers:
            asked = carried_rates(setting, found.tuning[0], found.at(each.depth), each.horizon)
            assert each.rate == pytest.approx(asked[each.rule][HIDDEN], rel=1e-4)


@pytest.mark.slow
def test_best_rates_lie_inside_the_grid() -> None:
    for found in kept_results():
        ends = found.setting.octaves[0], found.setting.octaves[-1]
        for horizon in found.setting.horizons:
            assert all(octave.value not in ends for octave in best_octaves(found, horizon))


def test_the_titles_of_the_first_figure_hold() -> None:
    """After 800 steps, each with its 95 % interval; what fails is on the page."""
    *_, shares, one = kept_results()
    for depth in shares.setting.depths:
        pair = one.transfer(depth, 800, "one rate"), shares.transfer(depth, 800, "equal shares")
        assert paired_ratio(*pair).low > 1
    factors, rates = (best_octaves(found, 800) for found in (shares, one))
    assert (factors[0].value, factors[-1].value) == (-2.5, -1.5)
    assert (rates[0].value, rates[-1].value) == (-6.0, -9.0)
    assert rates[-1].high < rates[0].low
    costs = [loss_ratio(shares, depth, 800, "equal shares") for depth in (8, 16, 32)]
    assert all(cost.low < 1 < cost.high for cost in costs)


def test_the_titles_of_the_panels_are_findings() -> None:
    """They come from the numbers, which the tables of the page show too."""
    main = next(found for found in kept_results() if found.setting.name == "main")
    titles = [axes.get_title("left") for axes in best_rates_figure(main, 800).axes]
    assert titles == [
        "a. The best rate at depth 2 is 22\ntimes the best rate at depth 32",
        "b. Over the exact rate, best rates differ by\na factor of 8, not of 22",
        "c. The best rate goes as $L^{-1.0}$\n(95 %: $L^{-1.5}$ to $L^{-0.8}$)",
    ]


@pytest.mark.slow
def test_the_figures_are_the_kept_ones(tmp_path: Path) -> None:
    transfer.draw(kept_results(), tmp_path)
    for name in transfer.FIGURES:
        drawn, kept = ((folder / name).stat().st_size for folder in (tmp_path, transfer.DOCS))
        assert drawn == pytest.approx(kept, rel=0.2)
