"""Answers at the prompt that once waited, contradicted themselves or were raw errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import log
from pathlib import Path
from typing import Any

import pytest

from theory import (
    MLP,
    HiddenLayers,
    OutsideValidity,
    Readout,
    derive,
    maximal_learning_rate,
    squared_update,
    tangent_kernel,
    transfer_learning_rate,
)
from theory.__main__ import main
from theory.errors import InvalidArgument, NotSolved
from theory.observables import D, K, f, g, trace, z
from theory.words.observables import Observable
from verify import Conditioned, RareEvents, check, compare_law, monte_carlo, typical_learning_rate
from verify.comparison.compare import comparison_record
from verify.comparison.table import cell_row, cell_table, run_latex
from verify.errors import UnusableFolder

NET = MLP(8, 4)
GRID: dict[str, Any] = {"networks": [NET], "samples": 200, "seed": 1}


def test_layers_that_nothing_below_trains_say_so() -> None:
    estimate = monte_carlo(NET, samples=10, seed=1, rates=[0, 0, 1, 1], layer=(1, 2, 3))
    assert "no layer up to layer 1, 2 is trained: the update is 0" in repr(estimate)
    assert "no layer up to this layer is trained, or" in repr(estimate.total)
    weighted = monte_carlo(NET, samples=10, seed=1, rates=[0] * 4, sampler=RareEvents())
    assert "no layer up to layer 4 is trained" in repr(weighted)
    assert "dead" not in repr(weighted)


def test_dead_networks_name_the_sampler_that_draws_living_ones() -> None:
    dead = monte_carlo(MLP(2, 1000), samples=1000, seed=1)
    assert "every sampled network was dead: give sampler=RareEvents()" in repr(dead)
    assert "undefined" not in repr(
        monte_carlo(MLP(2, 1000), samples=10, seed=1, sampler=RareEvents())
    )
    few = monte_carlo(MLP(4, 64), samples=100, seed=1, step=1e-6, sampler=Conditioned())
    assert "with step=None, RareEvents()" in repr(few)


@pytest.mark.parametrize("given", [{"rates": [0] * 4}, {"rates": [0, 0, 0, 1], "layer": 3}])
def test_no_rate_is_typical_where_nothing_moves(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=r"trained weights up to layer \d, got rates="):
        typical_learning_rate(NET, samples=100, seed=1, **given)


def test_samples_for_a_median_are_refused_before_they_are_drawn() -> None:
    with pytest.raises(InvalidArgument, match="expected at most 1,048,576 samples"):
        typical_learning_rate(NET, samples=10**11, seed=1, layer=(1, 2, 3, 4))


def test_a_level_close_to_1_is_not_1() -> None:
    typical = typical_learning_rate(NET, samples=100, seed=1, level=0.9999999)
    assert "(0.9999999 confidence)" in repr(typical)


@pytest.mark.parametrize(
    ("law", "value"),
    [
        (lambda network: 25, 25),
        (lambda network, n: n, 8),
        (lambda layer: layer, 4),
        (lambda rates: sum(rates), 4),
        (lambda net, at: at, 4),
    ],
)
def test_a_law_may_ask_for_what_check_gives(law: Any, value: int) -> None:
    assert compare_law(law, **GRID).cells[0].log_law == pytest.approx(log(value))


@pytest.mark.parametrize(
    "observable", [f**40, trace(K) ** 10, trace(K**9), (z @ z) ** 12, trace(D) ** 30, f**24 + 1]
)
def test_means_that_take_hours_are_refused(observable: Observable) -> None:
    with pytest.raises(InvalidArgument, match=r"indices of neurons in each term"):
        derive(observable, NET)


@pytest.mark.parametrize("observable", [f**41, (g @ K @ K @ g * f**2) ** 2, trace(K**8), f**20])
def test_means_that_take_minutes_are_derived(observable: Observable) -> None:
    assert derive(observable, NET).observable == observable


def test_the_repr_of_a_rate_compares_no_large_rational_functions() -> None:
    begun = time.thread_time()
    rate = maximal_learning_rate(MLP(depth=6, weight_variance=1))
    assert "long; call it with numbers for n" in repr(rate)
    assert time.thread_time() - begun < 2
    assert "layer 4 binds" in repr(maximal_learning_rate(MLP(depth=4, weight_variance=1)))


def test_a_comparison_says_beforehand_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    shares: list[float] = []

    @contextmanager
    def announced(what: str) -> Iterator[Any]:
        said.append(what)
        yield shares.append

    monkeypatch.setattr("verify.comparison.compare.announced", announced)
    heard: list[int] = []
    compare_law(**GRID, progress=lambda network, drawn: heard.append(drawn))
    check("L/2", part="label", grid=[MLP(8, 2), MLP(8, 1)], samples=100)
    assert [each.split(",")[0] for each in said] == [
        "simulation of 200 networks",
        "simulation of 200 networks",
    ]
    assert "of one core" in said[0]
    assert sum(heard) == 200
    assert shares[0] == pytest.approx(1)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare_law(lambda net: 1, **GRID), "with 'net'"),
        (lambda: compare_law("eta*L**3/3", **GRID), "not proportional to eta"),
        (lambda: compare_law("1/(L-4)", **GRID), "value per eta"),
        (lambda: compare_law(**GRID, progress=5), "a function for progress"),  # type: ignore[arg-type]
        (lambda: monte_carlo(NET, samples=9, seed=1, progress=5), "function for progress"),  # type: ignore[arg-type]
        (lambda: check("L**3/3", simulate="no"), "expected True or False for simulate"),  # type: ignore[arg-type]
        (lambda: squared_update(MLP()).evaluate(n=64), r"got n=64; .* \.at\(n=64, L=4\)\.evaluate"),  # type: ignore[call-arg]
        (lambda: squared_update(MLP()).evaluate(64, 10), "expected no sizes for evaluate, got 10"),  # type: ignore[call-arg]
        (lambda: check(derive(g @ K @ g, MLP())), r"give sampler=Conditioned\(\), which draws it"),
        (lambda: check(tangent_kernel(MLP())), "expected one number for formula"),
    ],
)
def test_arguments_of_another_kind_are_refused_in_a_sentence(call: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        call()


def test_a_rate_whose_growth_is_not_proven_names_no_layer_that_binds() -> None:
    text = repr(maximal_learning_rate(MLP(weight_variance=1)))
    assert text.endswith("no closed form, and exact says why; call it with numbers for n, L")
    assert "binds" not in text


@pytest.mark.parametrize(
    "rate",
    [
        maximal_learning_rate(MLP(), group=HiddenLayers()),
        maximal_learning_rate(MLP(depth=4), group=HiddenLayers()),
        maximal_learning_rate(MLP(depth=4)),
        maximal_learning_rate(MLP(64)),
    ],
    ids=str,
)
def test_validity_says_at_once_all_that_it_needs(rate: Any) -> None:
    with pytest.raises(NotSolved, match="symbolic width and depth with all hidden weights trained"):
        rate.validity("0.1")


def test_a_warning_names_a_call_that_there_is_for_the_group() -> None:
    with pytest.warns(OutsideValidity) as seen:
        transfer_learning_rate(0.1, MLP(64, 4), MLP(64, 64), group=Readout())
    assert not any("typical" in str(each.message) for each in seen)
    with pytest.warns(OutsideValidity, match=r"\(MLP\(depth=64\), linearised=False\)$"):
        transfer_learning_rate(0.1, MLP(64, 2), MLP(8, 64))


@pytest.mark.slow
def test_rows_of_different_networks_differ() -> None:
    networks = [
        MLP(8, 2),
        MLP((8, 16)),
        MLP(8, 2, weight_variance=1),
        MLP(8, 2, input_width=3),
    ]
    found = comparison_record(compare_law(networks=networks, samples=200, seed=1))
    rows = [cell_row(cell) for cell in found.cells]
    said = [(row["width"], row["depth"], row["network"]) for row in rows]
    assert said[0] == ("8", "2", "")
    assert [each[2] for each in said[1:]] == [
        "widths=(8, 16)",
        "weight_variance=1",
        "input_norm2=3, input_width=3",
    ]
    assert "weight_variance=1" in str(compare_law(networks=networks, samples=200, seed=1))
    assert r"weight\_variance=1" in run_latex(found)
    plain = cell_table(comparison_record(compare_law(**GRID)))
    assert "network" not in [column.header for column in plain.columns]


def test_a_factor_of_floats_is_about_what_it_is() -> None:
    wide, update = MLP(64, 4), float(squared_update(MLP(64, 4)))

    def off(factor: float) -> str:
        found = check(lambda n: float(n) / 64 * update * factor, network=wide, simulate=False)
        return str(found.difference)

    assert off(0.01348678228) == "it is about 0.0134868 times the exact value"
    assert off(1 / 3) == "it is 1/3 times the exact value"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: monte_carlo(MLP(8, 2, weight_variance="9.999999e-301"), samples=9, seed=1),
            r"weight_variance=9\.99999\d*e-301;",
        ),
        (
            lambda: squared_update(NET, rates=(1 for _ in range(4))),
            "for rates, got rates=<generator",
        ),
        (
            lambda: monte_carlo(NET, samples=9, seed=1, rates=iter([1, 1, 1, 1])),
            "give a sequence of 4 numbers",
        ),
    ],
)
def test_what_a_refusal_shows_is_outside_the_range(call: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        call()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(UnusableFolder, match=r"cannot be used \(no ordinary file\)"):
        monte_carlo(NET, samples=9, seed=1, store=tmp_path)


def test_one_form_of_the_derivation_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--latex", "--bibtex"])
    assert "not allowed with" in capsys.readouterr().err


def test_a_mean_of_0_by_symmetry_is_no_matter_of_rare_networks() -> None:
    drawn = monte_carlo(NET, samples=1000, seed=1, observable=f, sampler=Conditioned())
    assert "odd in the readout v" in repr(drawn)
    assert "RareEvents" not in repr(drawn)
    nothing = monte_carlo(NET, samples=1000, seed=1, observable=f - f)
    assert "dead" not in repr(nothing)
    assert repr(nothing).endswith("the observable is 0: measure another")
    asked = check("0", network=NET, observable=f, sampler=Conditioned())
    assert "the mean is 0 at" in repr(asked)
    assert "check the square of the observable" in repr(asked)


def test_the_sampler_that_a_check_advises_draws_the_observable() -> None:
    found = check("L/2", observable=g @ K @ g, claim="leading")
    assert repr(found).endswith("in bounded time: give sampler=Conditioned()")
    found = check("L*n**2", observable=trace(K), claim="leading")
    assert "give sampler=Conditioned() and networks in grid, and samples" in repr(found)


@pytest.mark.slow
def test_a_check_draws_no_networks_whose_mean_rare_ones_set() -> None:
    found = check("L**3/3", network=MLP(depth=10**4))
    assert "rare networks set the mean of MLP(width=4, depth=10000)" in repr(found)


def test_cells_that_do_not_vary_say_so() -> None:
    sampler = Conditioned()
    found = compare_law(
        networks=[MLP(8, 1)], samples=100, seed=1, observable=f * 0 + 1, sampler=sampler
    )
    assert "no cell can decide: the samples do not vary" in " ".join(str(found).split())
    assert "50 times" not in str(found)


def test_the_picture_of_a_mean_of_0_divides_by_nothing() -> None:
    title = derive(f, MLP()).plot().get_title()
    assert "equals its law" in title
