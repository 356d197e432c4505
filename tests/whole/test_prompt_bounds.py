"""What is requested beyond its bounds is refused in one sentence; long tables are short."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sympy import Float

from theory import (
    MLP,
    ByRole,
    InvalidArgument,
    LastLayer,
    LayerNorm,
    LeakyReLU,
    MupDepthError,
    Residual,
    SignDescent,
    Tanh,
    WideLearningRate,
    derive,
    layer_rates,
    maximal_learning_rate,
    numbers,
    squared_update,
    transfer_learning_rate,
)
from theory.observables import D, K, f, trace
from theory.symbols import L, ell, n
from verify import check, compare_law, monte_carlo

U = squared_update(MLP())
DECAYING = MLP(64, 10**6, weight_variance=1)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "series below": (lambda: U.width_series(-1), "whole number from 0 to 200 for order"),
    "series": (lambda: U.width_series(10**6), "whole number from 0 to 200 for order"),
    "joint orders": (lambda: U.label.joint_law(10**6), "from 1 to 50 for orders"),
    "digits": (lambda: squared_update(MLP(4, 2)).evaluate(10**9), "to 100000 for digits"),
    "power": (lambda: trace(K) ** 10**9, "from 0 to 64 for exponent"),
    "terms": (lambda: (K + D) ** 30, "at most 4096 terms, got 8192"),
    "layers": (lambda: maximal_learning_rate(DECAYING).layer, r"give criterion=LastLayer\(\)"),
    "rate": (lambda: maximal_learning_rate(DECAYING).evaluate(), "too many to compare"),
    "room": (
        lambda: monte_carlo(MLP(64, 10**6), samples=10, seed=1),
        r"depth of at most 629,145 for Gram\(\).*1\.2 GB",
    ),
    "leaky room": (
        lambda: monte_carlo(MLP(8, 10**5, activation=LeakyReLU("0.1")), samples=10, seed=1),
        r"depth of at most 52,428 for Gram\(\)",
    ),
    "float": (
        lambda: float(squared_update(MLP(4, 10**5))),
        r"can hold, got 4\.82e\+87514; evaluate\(\) gives the value",
    ),
    "numbers": (
        lambda: numbers(U.exact, n=4, L=10**5),
        r"expression\.subs\({n: 4, L: 100000}\)\.evalf\(\)",
    ),
    "matrix": (lambda: derive(K, MLP()), "a matrix; take its trace or a form"),  # type: ignore[arg-type]
    "places": (lambda: U(64, 10, 3), r"got 64, 10, 3; MLP\(\) has no other"),
    "places at": (lambda: U.at(64, 10, 3), r"got 64, 10, 3; MLP\(\) has no other"),
}


CHAOTIC = MLP(activation=Tanh(), weight_variance=2)
FADING = MLP(activation=Tanh(), weight_variance="1/2", bias_variance="0.1")
RATE: Any = maximal_learning_rate(CHAOTIC)
REAL: Any = maximal_learning_rate(CHAOTIC, linearised=False)
GROUPS: Any = layer_rates(CHAOTIC)
FADING_GROUPS: Any = layer_rates(FADING)
REFUSED |= {
    "chaos": (
        lambda: squared_update(CHAOTIC).infinite_width(10**5),
        r"at 100,000 layers is beyond the range of floats: give a smaller depth, or call leading",
    ),
    "chaos at several depths": (
        lambda: squared_update(CHAOTIC).infinite_width([10, 10**4]),
        "at 10,000 layers is beyond the range of floats",
    ),
    "chaos at every layer": (
        lambda: squared_update(CHAOTIC, ell).infinite_width(10**4),
        "at 10,000 layers is beyond the range of floats: give a smaller depth$",
    ),
    "a first layer that fades": (
        lambda: squared_update(FADING, 1).infinite_width(10**4),
        "at 10,000 layers is beyond the range of floats: give a smaller depth$",
    ),
    "a rate in chaos": (
        lambda: RATE.infinite_width(10**5),
        r"the rate of .* is beyond the range of floats: give a smaller depth, or call leading",
    ),
    "a rate in chaos of a depth in numbers": (
        lambda: maximal_learning_rate(MLP(depth=10**5, norm=LayerNorm())).leading(),
        r"the rate of .* is beyond the range of floats: .*, or leave depth out and call leading",
    ),
    "a real rate in chaos": (
        lambda: REAL.infinite_width(10**5),
        "the rate of .* is beyond the range of floats: give a smaller depth$",
    ),
    "rates of layers in chaos": (
        lambda: GROUPS.at(L=10**4).alone,
        "a rate of .* is beyond the range of floats",
    ),
    "rates together in chaos": (
        lambda: GROUPS.at(L=10**4).together,
        "a rate of .* is beyond the range of floats",
    ),
    "shares in chaos": (
        lambda: GROUPS.at(L=10**4).equal_shares,
        "a rate of .* is beyond the range of floats",
    ),
    "rates of layers that fade": (
        lambda: FADING_GROUPS.at(L=10**4).alone,
        "a rate of .* is beyond the range of floats",
    ),
    "growing blocks": (
        lambda: squared_update(
            Residual(
                activation=Tanh(),
                multiplier2=1,
                weight_variance=ByRole(input=1, up=3, down=3),
            )
        ).leading(),
        "no power of B",
    ),
    "fading variances": (
        lambda: squared_update(MLP(activation=Tanh(), weight_variance="1/8")).infinite_width(900),
        r"exp\(-302\): give a smaller depth or larger variances",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_requests_beyond_a_bound_are_refused_at_once(name: str) -> None:
    call, sentence = REFUSED[name]
    begun = time.thread_time()
    with pytest.raises(MupDepthError, match=sentence) as refusal:
        call()
    assert time.thread_time() - begun < 2
    assert len(str(refusal.value)) < 300


@pytest.mark.slow
def test_the_call_that_numbers_names_has_the_value() -> None:
    found = U.per_eta2.subs({n: 4, L: 10**5}).evalf()
    exact = U.at(n=4, L=10**5).evaluate()
    assert abs(found / Float._new(exact._mpf_, 53) - 1) < 1e-12


def test_a_value_takes_sizes_by_place_as_a_call_does() -> None:
    assert U.at(64, 2) == U.at(n=64, L=2)
    assert U.at(64) == U.at(n=64)
    with pytest.raises(InvalidArgument, match="expected n once"):
        U.at(64, n=3)


def test_the_whole_is_a_positive_sum_too() -> None:
    assert U.positive_sum().subs({n: 6, L: 4}).doit() == squared_update(MLP(6, 4)).exact


@pytest.mark.filterwarnings("ignore::theory.OutsideValidity")
def test_a_rate_beyond_the_range_of_floats_is_transferred() -> None:
    found = transfer_learning_rate(1, MLP(4, 4000), MLP(4, 2))
    assert found.evaluate() > 10**1000
    with pytest.raises(InvalidArgument, match=r"e\+1752; evaluate\(\) gives the value"):
        float(found)


@pytest.mark.parametrize("claim", ["exact", "leading"])
def test_a_function_that_raises_everywhere_says_why(claim: str) -> None:
    never = check(lambda n, L: 1 / 0, claim=claim, simulate=False)
    assert "at any of" in repr(never)
    assert "ZeroDivisionError: division by zero" in repr(never)


def test_a_long_factor_is_given_in_decimals() -> None:
    found = check(f"L**3/3*{7**45}/{3**40}", claim="leading", simulate=False)
    assert str(found.difference) == "it is about 8.8016e+18 times the law"


def test_one_word_is_one_word() -> None:
    assert "; 1 word, closed" in repr(derive(f**2, MLP()))


@pytest.mark.slow
def test_a_long_table_is_printed_on_demand() -> None:
    networks = [MLP(16, depth) for depth in range(1, 9)]
    found = compare_law(networks=networks, samples=200, seed=1)
    assert repr(found).startswith("Comparison of 8 cells")
    assert len(str(found)) > 600 >= len(repr(found))


def test_a_rate_beyond_the_range_of_floats_has_its_law() -> None:
    rate = maximal_learning_rate(MLP(norm=LayerNorm())).leading()
    last = maximal_learning_rate(MLP(norm=LayerNorm()), criterion=LastLayer()).leading()
    assert rate == last


def test_a_law_with_epsilon_looks_up_few_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(WideLearningRate, "binding_layer", lambda _, depth: asked.append(depth))
    for optimiser, deepest in ((SignDescent(epsilon="1e-8"), 64), (SignDescent(), 1024)):
        asked.clear()
        rate = maximal_learning_rate(MLP(), optimiser=optimiser)
        rate._places()
        assert max(asked) == deepest
