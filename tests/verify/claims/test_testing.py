"""The assertions for users' derivations: true ones pass, wrong ones fail where they should."""

import importlib.util
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Float, I, Integer, Rational, Symbol, oo, sqrt, zoo

from tests.tools.paths import ROOT
from tests.tools.strategies import generated
from theory import MLP, InvalidArgument, LeakyReLU, NotSolved, squared_update
from theory.symbols import L, a, ell, eta, n, n_0, t
from verify import Gram, RareEvents
from verify.inference.sample_means import NetworkMean, sharpest_tuning
from verify.strategies import Point, activations, networks, points
from verify.testing import assert_close, assert_exact, assert_matches_networks, samples_needed

EXAMPLES = ROOT / "docs" / "examples" / "test_my_derivation.py"
PARTS = st.sampled_from(["total", "label", "output"])
BUDGET = 1e-3
"""Chance that a true value fails `test_levels_hold_for_heavy_tails`."""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXAMPLE = load(EXAMPLES)
TESTS = {name: test for name, test in vars(EXAMPLE).items() if name.startswith("test_")}


def expected_to_fail(test: Any) -> bool:
    """Whether pytest wants this test to fail, with an AssertionError and nothing else."""
    strictly = pytest.mark.xfail(raises=AssertionError, strict=True).mark
    return strictly in getattr(test, "pytestmark", ())


RIGHT = [name for name, test in TESTS.items() if not expected_to_fail(test)]
SMALLEST = {
    "test_without_the_terms_in_1_over_n": Point(MLP(1, 2), 2),
    "test_one_layer_too_low": Point(MLP(1, 1), 1),
    "test_last_layer_taken_for_every_layer": Point(MLP(2, 2), 1),
    "test_without_the_output_part": Point(MLP(1, 1), 1),
    "test_norm_squared_for_its_fourth_power": Point(MLP(2, 1), 1),
    "test_second_moment_of_the_mask_for_its_fourth": Point(
        MLP(1, 2, activation=LeakyReLU("1/2")), 2
    ),
    "test_fan_out_for_fan_in": Point(MLP((1, 2)), 2),
    "test_a_multiplier_squared": Point(MLP(1, 1), 1, (2,)),
    "test_infinite_width_against_simulated_networks": Point(MLP(4, 2), 2),
}


def said(point: Point) -> str:
    rates = "" if point.rates is None else f" with rates=({point.rates[0]},)"
    return f"at layer {point.layer} of {point.network}{rates}, "


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_right_derivations_pass(name: str) -> None:
    TESTS[name]()


def test_every_wrong_derivation_has_its_smallest_network() -> None:
    assert sorted(RIGHT + list(SMALLEST)) == sorted(TESTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_wrong_derivations_shrink_to_the_smallest_network(name: str) -> None:
    with pytest.raises(AssertionError) as failed:
        TESTS[name]()
    message = str(failed.value)
    assert said(SMALLEST[name]) in message
    assert "  derivation  " in message
    assert f"({SMALLEST[name].network!r}, " in message


def smaller(point: Point) -> Iterator[Point]:
    """All points of networks of one width that come before: by depth, then width, then layer."""
    for depth, width, layer in product(range(1, 3), range(1, 7), range(1, 3)):
        rates = None if point.rates is None else (1,) * depth
        if (depth, MLP(width, depth), layer) == (point.network.layers, *point[:2]):
            return
        if layer <= depth:
            yield Point(MLP(width, depth), layer, rates)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SMALLEST)[:8])
def test_no_smaller_network_shows_it(name: str) -> None:
    """Every smaller network passes, asked one by one."""
    least, inner = SMALLEST[name], TESTS[name].hypothesis.inner_test
    takes_network = "network" in inner.__annotations__
    for each in smaller(least):
        last_only, wide_only = takes_network, name == "test_last_layer_taken_for_every_layer"
        if last_only and each.layer < each.network.layers:
            continue
        if wide_only and int(each.network.widths[1]) == 1:
            continue
        inner(each.network if takes_network else each)
    with pytest.raises(AssertionError):
        inner(least.network if takes_network else least)


@generated(30)
@given(points(networks(equal_widths=False, activations=activations()), rates=True), PARTS)
def test_the_exact_value_passes_and_its_neighbours_fail(point: Point, part: str) -> None:
    network, layer, rates = point
    update = squared_update(network, layer, rates=rates)
    value = (update if part == "total" else getattr(update, part)).per_eta2
    for right in (value, value * eta**2, Fraction(int(value.p), int(value.q)), lambda: value):
        assert_exact(right, *point, part=part)
    others = (value * eta, value * eta**3, value * sqrt(2)) if value else ()
    for wrong in (value + 1, -value - 1, *others):
        with pytest.raises(AssertionError):
            assert_exact(wrong, *point, part=part)
    assert_close(float(value), *point, tolerance=1e-12, part=part)
    if value:
        with pytest.raises(AssertionError):
            assert_close(value * Rational(101, 100), *point, tolerance="0.0099", part=part)


@pytest.mark.slow
def test_expressions_and_callables_are_read_alike() -> None:
    network = MLP(3, 4, input_width=5, activation=LeakyReLU("1/3"))
    values = {n: 3, L: 4, ell: 2, n_0: 5, a: Rational(1, 3), t: Rational(4, 3)}
    callables = (
        lambda n: n,
        lambda L: L,
        lambda ell: ell,
        lambda n_0: n_0,
        lambda a: a,
        lambda t: t,
    )
    for (symbol, value), asked in zip(values.items(), callables, strict=True):
        for derivation in (symbol, Symbol(symbol.name), asked):
            with pytest.raises(AssertionError, match=rf"derivation  {value}\n"):
                assert_exact(derivation, network, 2)
    seen: dict[str, Any] = {}

    def keep(network: Any, layer: Any, rates: Any, eta: Any, spare: int = 3) -> Any:
        seen.update(network=network, layer=layer, rates=rates)
        return squared_update(network, layer, rates=rates).exact

    assert_exact(keep, network, 2, (1, "1/2", 0, 3))
    assert seen == {"network": network, "layer": 2, "rates": (1, Rational(1, 2), 0, 3)}


def test_values_without_a_number_fail_where_they_arise() -> None:
    """A formula without a value there fails; what no formula is, is refused by name."""
    without = [(1 / (n - 1), AssertionError), (lambda n: 1 / (int(n) - 1), AssertionError)]
    for value, kind in [*without, *((each, InvalidArgument) for each in (oo, zoo, I, sqrt(-n)))]:
        with pytest.raises(kind, match="derivation"):
            assert_exact(value, MLP(1, 1))
        with pytest.raises(kind, match="derivation"):
            assert_close(value, MLP(1, 1), tolerance=1)
        with pytest.raises(kind, match="derivation"):
            assert_matches_networks(value, MLP(1, 1), part="label", seed=1)


def test_roots_that_cancel_are_equal() -> None:
    assert_exact((sqrt(2) + 1) * (sqrt(2) - 1) / 2, MLP(4, 1), part="label")
    assert_exact(1 / (sqrt(2) - 1) - sqrt(2) - Rational(1, 2), MLP(4, 1), part="label")


def test_any_depth_is_close_quickly() -> None:
    network = MLP(10**6, 10**4)
    exact = squared_update(network).evaluate(30)
    assert_close(exact, network, tolerance="1e-25")
    with mpmath.workdps(40), pytest.raises(AssertionError, match=r"evaluate\(30\)"):
        assert_close(exact * (1 + mpmath.mpf(10) ** -20), network, tolerance="1e-21")


@pytest.mark.wide
@pytest.mark.parametrize("part", ["total", "label", "output"])
@pytest.mark.parametrize("factor", [0.9, 1, 1.1])
def test_networks_accept_the_truth_and_notice_what_they_promise(part: str, factor: float) -> None:
    network = MLP(24, 2, input_width=7)
    update = squared_update(network)
    exact = update if part == "total" else getattr(update, part)
    claimed = factor * float(exact.per_eta2)

    def asserted() -> None:
        assert_matches_networks(claimed, network, part=part, seed=3)

    if factor == 1:
        asserted()
        return
    with pytest.raises(AssertionError) as first:
        asserted()
    with pytest.raises(AssertionError) as again:
        asserted()
    assert str(first.value) == str(again.value)
    assert f"samples={samples_needed(network, part=part)}, seed=3" in str(first.value)


@pytest.mark.slow
def test_the_promised_noticing_is_kept() -> None:
    """Of 200 seeds, at least 95 % notice; 179 or fewer have a chance of 1e-3 at 95 %."""
    network, caught = MLP(4, 2), 0
    wrong = squared_update(network).label.per_eta2 * Rational(3, 4)
    for seed in range(200):
        try:
            assert_matches_networks(
                wrong, network, part="label", seed=seed, notices=0.25, false_alarm=0.01
            )
        except AssertionError:
            caught += 1
    assert caught >= 180


def test_levels_hold_for_heavy_tails() -> None:
    """50 values, each 1000 with chance 1/1000 and else 0: in 5 % of trials one is not 0, and the
    plain z is 4.2.  At a level of 0.001, four or more alarms in 400 trials have a chance below
    `BUDGET`."""
    rng = np.random.default_rng(5)
    values = np.where(rng.random((400, 50)) < 1e-3, 1000.0, 0.0)
    deviation = 1000.0 * (1e-3 * (1 - 1e-3)) ** 0.5
    with np.errstate(divide="ignore"):
        logs, critical = np.log(values), sharpest_tuning(5e-4)
    means = [NetworkMean(50, 1.0, deviation / 50**0.5, row, critical) for row in logs]
    zs = np.array([mean.z(1.0) for mean in means])
    plain = (values.mean(axis=1) - 1.0) / (deviation / 50**0.5)
    assert np.sum(np.abs(zs) > critical) <= 3
    assert np.sum(np.abs(plain) > critical) >= 8


def test_fewer_samples_notice_larger_errors() -> None:
    sizes = [samples_needed(MLP(8, 2), notices=notices) for notices in (0.1, 0.2, 0.4)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(4 * sizes[1], rel=0.01)


def test_what_does_not_move_is_zero() -> None:
    still = {"network": MLP(3, 2), "layer": 1, "rates": (0, 1)}
    assert samples_needed(**still) == 1  # type: ignore[arg-type]
    assert_exact(0, **still)  # type: ignore[arg-type]
    assert_close(0, tolerance=0, **still)  # type: ignore[arg-type]
    assert_matches_networks(0, seed=1, **still)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="derivation  1"):
        assert_matches_networks(1, seed=1, **still)  # type: ignore[arg-type]
    with pytest.raises(NotSolved):
        squared_update(MLP(3, 2), 1, rates=(0, 1)).relative_standard_deviation()


def test_explicit_samples_reproduce() -> None:
    arguments: dict[str, Any] = {"part": "label", "seed": 2, "sampler": Gram()}
    assert_matches_networks(Rational(1, 2), MLP(16, 1), samples=2400, **arguments)
    with pytest.raises(AssertionError, match=r"samples=2400, seed=2, sampler=Gram\(\)\).label"):
        assert_matches_networks(Integer(1), MLP(16, 1), samples=2400, **arguments)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assert_exact(0.5, MLP(1, 1)), "assert_close"),
        (lambda: assert_exact(Float(1) * n, MLP(1, 1)), "exact value"),
        (lambda: assert_exact("n(n+1)", MLP(1, 1)), r"derivation='n\(n\+1\)'"),
        (lambda: assert_exact(lambda: None, MLP(1, 1)), "None"),
        (lambda: assert_exact(True, MLP(1, 1)), "True"),
        (lambda: assert_exact(lambda m: m, MLP(1, 1)), "'m'"),
        (lambda: assert_exact(Symbol("q"), MLP(1, 1)), "'q'"),
        (lambda: assert_exact(n, MLP((1, 2))), "widths differ"),
        (lambda: assert_exact(t, MLP((1, 2))), "widths differ"),
        (lambda: assert_exact(1, MLP(depth=1)), "in numbers"),
        (lambda: assert_exact(1, 3), "network=3"),  # type: ignore[arg-type]
        (lambda: assert_exact(1, MLP(1, 1), 2), "layer=2"),
        (lambda: assert_exact(1, MLP(1, 1), (1,)), "one layer"),  # type: ignore[arg-type]
        (lambda: assert_exact(1, MLP(1, 1), rates=(1, 2)), "multipliers"),
        (lambda: assert_exact(1, MLP(1, 1), part="both"), "part='both'"),
        (lambda: assert_close(1, MLP(1, 1), tolerance=-1), "tolerance=-1"),
        (lambda: assert_close(1, MLP(1, 1), tolerance=oo), "for tolerance"),
        (lambda: samples_needed(MLP(1, 1), notices=0), "notices=0"),
        (lambda: samples_needed(MLP(1, 1), false_alarm=1), "false_alarm=1"),
        (lambda: assert_matches_networks(1, MLP(1, 1), seed=-1), "seed=-1"),
        (lambda: assert_matches_networks(1, MLP(1, 1), seed=1, samples=0), "samples=0"),
        (lambda: assert_matches_networks(1, MLP(1, 1), seed=1, samples=9), "samples=9"),
        (lambda: assert_matches_networks(1, MLP(2, 9), seed=1, notices="0.0001"), "wider network"),
        (
            lambda: assert_matches_networks(L, MLP(8, 64), seed=1, sampler=Gram()),
            r"e\+\d+ times the mean; give sampler=RareEvents\(\), which needs 17,811",
        ),
        (lambda: samples_needed(MLP(2, 2000), sampler=Gram()), "over 1e308 times"),
        (lambda: samples_needed(MLP(10**10, 8), sampler=RareEvents()), "at most 1,000,000,000"),
        (lambda: samples_needed(MLP(16, 2), sampler="gram"), "give Gram"),  # type: ignore[arg-type]
        (
            lambda: assert_matches_networks(1, MLP(64, 8), seed=1, samples=100),
            r"from 24,502 .* got samples=100; give 24502",
        ),
        (lambda: assert_matches_networks(1, MLP(1, 1), seed=1, sampler=3), "sampler"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(call: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_the_issue_a_wrong_constant_is_noticed_by_default() -> None:
    """An error of one half, and one of a tenth, at the first size of the issue."""
    for wrong in (L**3 / 2, squared_update(MLP(64, 8)).per_eta2 * Rational(11, 10)):
        with pytest.raises(AssertionError, match=r"beyond 5\.39"):
            assert_matches_networks(wrong, MLP(64, 8), seed=1)
    assert_matches_networks(squared_update(MLP(64, 8)).per_eta2, MLP(64, 8), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("network", [MLP(8, 64), MLP(2, 30), MLP(3, 12, input_width=40)], ids=repr)
@pytest.mark.parametrize("part", ["total", "label"])
def test_rare_events_take_over_where_networks_vary(network: MLP, part: str) -> None:
    update = squared_update(network)
    exact = (update if part == "total" else update.label).evaluate(30)
    assert_matches_networks(exact, network, part=part, seed=5)
    for factor in (0.9, 1.1):
        with pytest.raises(AssertionError, match=r"sampler=RareEvents\(\)"):
            assert_matches_networks(exact * factor, network, part=part, seed=5)


@pytest.mark.slow
def test_weighted_networks_that_vary_more_than_planned_are_drawn_again() -> None:
    """With the first of many layers trained alone the weights are not made for the update."""
    network, rates = MLP(16, 40), (1,) + (0,) * 39
    exact = squared_update(network, rates=rates).label.evaluate(30)
    arguments: dict[str, Any] = {"part": "label", "seed": 1, "rates": rates}
    arguments["sampler"] = RareEvents()
    assert_matches_networks(exact, network, **arguments)
    with pytest.raises(AssertionError, match="not the mean"):
        assert_matches_networks(exact * 1.1, network, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [4, pytest.param(12, marks=pytest.mark.slow)])
def test_the_level_of_weighted_networks(depth: int) -> None:
    """Of 150 seeds at a false alarm of 0.01, 7 or more rejections have a chance below 1e-3."""
    network = MLP(6, depth)
    exact = squared_update(network).evaluate(30)
    wrong = 0
    for seed in range(150):
        try:
            assert_matches_networks(
                exact, network, seed=seed, false_alarm=0.01, notices=0.4, sampler=RareEvents()
            )
        except AssertionError:
            wrong += 1
    assert wrong < 7
