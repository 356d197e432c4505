"""A deep network with an open width: what a prompt prints of it is short, quick and right."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sympy import Rational, expand, sqrt

from tests.tools.values import VALUES
from theory import (
    MLP,
    ByGroup,
    LeakyReLU,
    MeanOverLayers,
    NotSolved,
    TrainedLayers,
    alignment,
    derive,
    maximal_learning_rate,
    squared_update,
    tangent_kernel,
)
from theory.__main__ import main
from theory.observables import K, f, trace, z
from theory.symbols import L, a, ell, eta, n
from verify import check

DEEP = MLP(depth=1000)
QUICK: dict[str, Callable[[], Any]] = {
    "leading": lambda: squared_update(DEEP).leading(),
    "series": lambda: squared_update(DEEP).width_series(1),
    "exact": lambda: squared_update(DEEP).exact,
    "layer": lambda: squared_update(DEEP, 500).exact,
    "open layer": lambda: squared_update(DEEP, ell).exact,
    "deepest": lambda: squared_update(MLP(depth=10**8)).exact,
    "slope": lambda: squared_update(MLP(depth=1000, activation=LeakyReLU())).leading(),
    "slope alone": lambda: squared_update(MLP(8, 1000, activation=LeakyReLU())).exact,
    "rate": lambda: maximal_learning_rate(DEEP).exact,
    "layer of the rate": lambda: maximal_learning_rate(DEEP).layer,
    "alignment": lambda: alignment(DEEP).exact,
    "kernel": lambda: tangent_kernel(DEEP).exact,
    "variance": lambda: derive(trace(K), DEEP).variance(),
    "claim": lambda: check("L**3/3", network=DEEP, claim="leading", simulate=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_deep_network_is_quick(name: str) -> None:
    squared_update(MLP()).exact, alignment(MLP()).exact
    begun = time.thread_time()
    text = str(QUICK[name]())
    assert time.thread_time() - begun < 4
    assert len(text) < 8000


@pytest.mark.parametrize("kind", VALUES)
def test_every_repr_of_a_deep_network_is_short(kind: str) -> None:
    value = VALUES[kind](DEEP)
    begun = time.thread_time()
    assert len(repr(value)) <= 600
    assert time.thread_time() - begun < 4


def test_the_leading_term_is_that_of_the_law() -> None:
    for depth in (16, 17, 40, 1000):
        expected = Rational(2 * depth**3 + depth, 6)
        assert squared_update(MLP(depth=depth)).leading() == expected * eta**2
        assert maximal_learning_rate(MLP(depth=depth)).leading() == 1 / sqrt(expected)


@pytest.mark.wide
@pytest.mark.parametrize("layer", [1, 2, 16, 17, 20, None])
@pytest.mark.parametrize(
    "rates",
    [None, ByGroup(0, 1, 2), TrainedLayers(3), TrainedLayers(2, 5), [2] + [3] * 18 + [5]],
    ids=str,
)
def test_a_closed_form_at_a_depth_is_what_the_recursion_gives(layer: Any, rates: Any) -> None:
    """At depth 20 the closed form, with numbers put in, against layers one by one."""
    found = squared_update(MLP(depth=20), layer, rates=rates).exact.subs(n, 3)
    assert found == squared_update(MLP(3, 20), layer, rates=rates).exact


@pytest.mark.slow
def test_other_open_sizes_are_put_in_too() -> None:
    network, numbers = MLP(4, 18, activation=LeakyReLU()), MLP(4, 18, activation=LeakyReLU("1/3"))
    found = squared_update(network).exact.subs(a, Rational(1, 3))
    assert found == squared_update(numbers).exact
    opened = squared_update(MLP(depth=20), ell).exact.subs({ell: 7, n: 3})
    assert opened == squared_update(MLP(3, 20), 7).exact


@pytest.mark.slow
def test_a_high_layer_below_an_open_depth_is_quick() -> None:
    assert squared_update(MLP(), 999).width_series(0) == (Rational(2 * 999**3 + 999, 6),)
    found = squared_update(MLP(), 20).exact.subs({n: 3, L: 22})
    assert found == squared_update(MLP(3, 22), 20).exact
    with pytest.raises(NotSolved, match=r"more than 10\*\*300 networks"):
        squared_update(MLP(8, 10**5)).spread.samples("0.1")


def test_series_of_a_deep_network_are_those_of_the_symbol() -> None:
    wanted = squared_update(MLP()).width_series(2)
    assert squared_update(DEEP).width_series(2) == tuple(w.subs(L, 1000) for w in wanted)
    observable = trace(K) ** 2 - trace(K @ K)
    law = derive(observable, MLP(depth=18))
    assert law.leading() == 324 * n**4
    assert derive(trace(K) * 0, DEEP).leading() == 0
    assert squared_update(DEEP, rates=[0] * 1000).leading() == 0
    assert expand(tangent_kernel(DEEP).mean) == 500


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: squared_update(DEEP, rates=[0, 1] * 500).exact,
            r"too long: put numbers in, as in \.at\(n=64\), or leave depth out .* leading\(\)",
        ),
        (
            lambda: maximal_learning_rate(DEEP, criterion=MeanOverLayers()).leading(),
            r"too many to compare: give criterion=LastLayer\(\)",
        ),
        (
            lambda: squared_update(MLP(depth=10**9, weight_variance=3)).exact,
            r"too many digits at this depth: .* evaluate\(\)",
        ),
    ],
)
def test_what_stays_long_is_refused_at_once(call: Callable[[], Any], words: str) -> None:
    begun = time.thread_time()
    with pytest.raises(NotSolved, match=words):
        call()
    assert time.thread_time() - begun < 2


@pytest.mark.slow
def test_the_command_prints_a_deep_network(capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.thread_time()
    assert main(["--depth", "3000"]) == 0
    assert time.thread_time() - begun < 6
    text = capsys.readouterr().out
    assert "9000000500*eta**2" in text
    assert "layer 3000" in text


def test_a_closed_form_of_a_width_says_that_it_cancels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--width", "1000000000"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "squared_update(MLP(width=1000000000))(L=10)`, keeps all digits" in text
    value = squared_update(MLP(10**9))(L=10)
    assert value == float(squared_update(MLP(10**9, 10)))


def test_a_slow_derivation_is_not_made_for_a_repr() -> None:
    begun = time.thread_time()
    for observable in (trace(K) ** 7, trace(K @ K) ** 3 * (z @ z) ** 2, f**20):
        assert "its words take seconds to minutes" in repr(derive(observable, MLP(8, 3)))
    assert time.thread_time() - begun < 1
