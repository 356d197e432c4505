"""Findings at the prompt: numbers of every type are read alike, texts are short, work is cheap."""

import re
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from sympy import Float, Integer, Rational, Symbol, srepr, sympify

from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    MeanOverLayers,
    NotSolved,
    Readout,
    Residual,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    numbers,
    readout_update,
    tangent_kernel,
    transfer_learning_rate,
)
from theory import squared_update as update
from theory.observables import K, trace
from theory.symbols import eta, n, n_0
from theory.validation import brief, written
from verify import check, monte_carlo
from verify.comparison.sample_sizes import networks_for
from verify.samplers.problem import numeric_problem
from verify.testing import assert_close

U = update(MLP())
TENTHS = [
    *(0.1, "0.1", "1/10", Fraction(1, 10), Decimal("0.1"), Rational(1, 10), mpmath.mpf(0.1)),
    *(Float(0.1), Float("0.1", 40), np.float16(0.1), np.float32(0.1), np.float64(0.1)),
    *(np.longdouble("0.1"), np.array(0.1), np.array("0.1")),
]
EXACT = [64, Integer(64), np.int8(64), np.int64(64), np.uint16(64), np.array(64), Fraction(64)]
WHOLE = [*EXACT, 64.0, Float(64), np.float32(64), np.float64(64), Decimal(64), mpmath.mpf(64)]


@pytest.mark.wide
@pytest.mark.parametrize("tenth", TENTHS, ids=lambda each: type(each).__name__)
def test_a_rational_is_read_alike_everywhere(tenth: Any) -> None:
    exact = Rational(1, 10)
    assert LeakyReLU(tenth).slope == MLP(input_norm2=tenth).norm2 == exact
    assert update(MLP(2, 1), rates=(tenth,)) == update(MLP(2, 1), rates=(exact,))
    leaky = update(MLP(activation=LeakyReLU()))
    assert leaky(64, 3, tenth) == leaky(64, 3, "0.1") == leaky.at(a=tenth)(64, 3)
    assert networks_for(3.0, tenth) == 900
    assert numeric_problem(MLP(2, 1), layer=None, rates=None, step=tenth).step == 0.1


def test_small_floats_in_arrays_are_their_shortest_decimals() -> None:
    leaky = update(MLP(activation=LeakyReLU()))
    assert leaky(64, 3, np.array([0.1], dtype=np.float32)) == leaky(64, 3, [0.1])


@pytest.mark.parametrize("size", WHOLE, ids=lambda each: type(each).__name__)
def test_a_size_is_read_alike_everywhere(size: Any) -> None:
    """Networks take exact types alone; a call reads whole floats too."""
    assert U.at(n=size) == U.at(n=64)
    assert U(size, 3) == U(n=size, L=3) == U(64, 3) == pytest.approx(U([size], 3)[0], rel=1e-12)
    if any(size is each for each in EXACT):
        assert MLP(size, 3) == MLP(64, 3)
        assert MLP((size, 3), input_width=size) == MLP((64, 3), input_width=64)
        assert type(MLP(size).width) is int
        assert monte_carlo(MLP(2, 1), samples=size, seed=size).samples == 64
    else:
        with pytest.raises(InvalidArgument, match="positive int for width"):
            MLP(size)


def test_widths_in_an_array() -> None:
    assert MLP(np.array([8, 16])) == MLP((8, 16))
    with pytest.raises(InvalidArgument, match=r"width\[0\]"):
        MLP(np.array([8.5, 16]))


HUGE: list[Callable[[Any], Any]] = [
    MLP,
    lambda size: MLP(5, size),
    lambda size: MLP((5, size)),
    lambda size: MLP(input_width=size),
    lambda size: U(size, 5),
    lambda size: U(5, size),
    lambda size: U([5], size),
    lambda size: U.at(L=size),
    lambda size: U.lambdify().log(64, size),
    lambda size: U.lambdify().log(size, [5, 6]),
    lambda size: maximal_learning_rate(MLP())(64, size),
    lambda size: update(MLP(5, 3), size),
    lambda size: monte_carlo(MLP(2, 1), samples=size, seed=1),
]


@pytest.mark.parametrize("call", HUGE)
@pytest.mark.parametrize("size", [10**309, 10**5000, -(10**3000), 7**9999], ids=brief)
def test_sizes_of_very_many_digits_are_refused_in_a_sentence(
    call: Callable[[Any], Any], size: int
) -> None:
    begun = time.thread_time()
    with pytest.raises(InvalidArgument, match=r"10\*\*100|positive|10\^12") as refusal:
        call(size)
    assert len(str(refusal.value)) < 250
    assert time.thread_time() - begun < 2


LARGE = MLP(10**100 - 7, 10**99 + 3, input_width=10**98 + 9, input_norm2=Fraction(7**300, 3**300))


@pytest.mark.wide
@pytest.mark.parametrize("kind", [update, maximal_learning_rate, lambda m: update(m).spread])
def test_the_largest_values_print_in_short(kind: Callable[[MLP], Any]) -> None:
    assert len(repr(kind(LARGE))) <= 600
    assert 0 < U.lambdify().log(10**100, 10**100) < float("inf")


LONG = MLP(10**99 + 3, 64)
PRINTED: dict[str, Callable[[MLP], Any]] = {
    "update": lambda m: update(m).exact,
    "per_eta2": lambda m: update(m).per_eta2,
    "label": lambda m: update(m).label.exact,
    "output": lambda m: update(m).output.per_eta2,
    "rate": lambda m: maximal_learning_rate(m).exact,
    "readout": lambda m: readout_update(m).exact,
    "readout rate": lambda m: maximal_learning_rate(m, group=Readout()).exact,
    "observable": lambda m: derive(trace(K**2), m).exact,
    "mean": lambda m: update(m).spread.mean,
    "second moment": lambda m: tangent_kernel(m).second_moment(),
    "alignment": lambda m: alignment(m).exact,
    "along": lambda m: alignment(m).along,
    "whole": lambda m: alignment(m).whole,
    "share": lambda m: layer_rates(m).share,
    "moved layer": lambda m: layer_rates(m).moved_layer,
    "moved output": lambda m: layer_rates(m).moved_output,
    "together": lambda m: layer_rates(m).together,
    "ratio": lambda m: transfer_learning_rate("0.1", MLP(64, 8), m, tolerance="0.99").ratio,
    "transfer": lambda m: transfer_learning_rate("0.1", MLP(64, 8), m, tolerance="0.99").exact,
}
"""Every public call that returns a SymPy expression of a network in numbers."""


@pytest.mark.wide
@pytest.mark.filterwarnings("ignore::theory.OutsideValidity")
@pytest.mark.parametrize("name", PRINTED)
def test_an_expression_prints_or_is_refused_with_the_call_that_works(name: str) -> None:
    with pytest.raises(NotSolved, match=r"Python prints at most 4,300: use evaluate\(digits\)"):
        PRINTED[name](LONG)
    found = PRINTED[name](MLP(30, 20))
    for each in found if isinstance(found, tuple) else (found,):
        assert each == sympify(str(each), locals={"eta": eta}) == sympify(srepr(each))


@pytest.mark.parametrize(
    "network",
    [
        LARGE,
        MLP((3,) * 10**5),
        MLP((3,) * 500 + (4,) * 500 + (5,)),
        MLP((3, 4) * 50),
        MLP(10**100, 10**30),
        MLP(input_norm2=10**5000),
        MLP(weight_variance=Fraction(10**3000 + 1, 3**5000)),
    ],
    ids=brief,
)
def test_the_repr_of_a_long_network_evaluates_to_it(network: MLP) -> None:
    assert eval(repr(network)) == network
    assert len(str(network)) < 400


def test_numbers_and_runs_are_written_in_short() -> None:
    assert repr(MLP((3,) * 10**6)) == "MLP(width=(3,)*1000000, depth=1000000)"
    for value in [(), (1,), (1, 2), (5,) * 9, (1, 1, 2) * 9, 10**19, 10**20, -(10**21) + 1]:
        assert eval(written(value)) == value


def test_a_deep_network_of_equal_layers_is_cheap_to_describe() -> None:
    begun = time.thread_time()
    numeric_problem(MLP(64, 10**6), layer=None, rates=None, step=None)
    assert_close(lambda L: L**3 / 3, MLP(10**9, 10**4), tolerance="0.01")
    assert time.thread_time() - begun < 2


@pytest.mark.wide
@pytest.mark.parametrize("network", [MLP(), MLP(8, 3), MLP((2, 3))], ids=str)
def test_a_value_is_a_claim_about_its_network(network: MLP) -> None:
    assert check(update(network), simulate=False).verdict.name == "CONSISTENT"
    assert check(update(network).label, simulate=False).verdict.name == "CONSISTENT"
    wrong = check(update(network).label.exact, network=network, simulate=False)
    assert wrong.verdict.name == "REJECTED"
    with pytest.raises(InvalidArgument, match="for formula"):
        check(layer_rates(network), simulate=False)


def test_numbers_refuses_a_value_below_the_range_of_floats() -> None:
    limit = U.joint_limit()
    with pytest.raises(InvalidArgument, match=r"3\.33e-901"):
        numbers(limit, n=1, t=1e-300)
    assert numbers(limit - limit.expand(), n=1, t=2) == 0


@pytest.mark.wide
@pytest.mark.parametrize(
    "sizes",
    [
        *([[1, 2], [3]], [1, [2]], [[1], 2], ([1, 2], (3,)), [[[1]], [2]], [[1, 2], [3, [4]]]),
        *([1, "2"], [1, None], [{}], [object()], [[1, 2], [3, None]], {1, 2}, {}, [b"1"]),
        *([1 + 2j], [True], np.array([1, None]), np.array(["1"]), iter([1]), [n, 2], [U]),
    ],
    ids=lambda sizes: re.sub(" at 0x[0-9a-f]+", "", brief(sizes)),
)
def test_lists_that_are_no_arrays_of_sizes_are_refused_in_a_sentence(sizes: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: U(sizes, 4),
        lambda: U([4], sizes),
        lambda: U.lambdify().log(sizes, 4),
        lambda: numbers(U.exact, n=sizes, L=4),
        lambda: U.at(n=sizes),
    ]
    for call in calls:
        with pytest.raises(InvalidArgument, match=r"^expected a .* for [nL], got [nL]=") as refusal:
            call()
        assert len(str(refusal.value)) < 300
        assert "\n" not in str(refusal.value)


def test_a_symbol_of_other_assumptions_is_taken_for_the_size() -> None:
    """SymPy itself leaves its expression alone, which the help of exact says."""
    for other in (Symbol("n"), Symbol("n", integer=True), Symbol("n", positive=True), "n"):
        assert U.at({other: 64}) == U.at(n=64)
        assert U({other: 64, "L": 3}) == U(64, 3)
    assert U.exact.subs({Symbol("n", integer=True): 64}) == U.exact
    assert "leaves the expression as it is" in str(type(U).exact.__doc__)
    for wrong in ({Symbol("m"): 64}, {Symbol("eta"): 2}):
        with pytest.raises(InvalidArgument, match="expected"):
            U.at(wrong)
    with pytest.raises(AttributeError, match=r"its expression has, exact\.subs"):
        U.subs(n, 64)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "network",
    [MLP(), MLP(8), MLP(depth=3), MLP(activation=LeakyReLU()), MLP(input_width=n_0), Residual()],
    ids=str,
)
def test_the_call_that_an_open_value_names_works(network: Any) -> None:
    value = update(network)
    for call in (float, complex, type(value).evaluate):
        with pytest.raises(InvalidArgument, match=r"as in \.at\(.*\)\.evaluate\(\)") as refusal:
            call(value)
        named = str(refusal.value).split("as in .at(")[1].split(")")[0]
        sizes = dict(each.split("=") for each in named.split(", "))
        given = {name: Rational(text.strip("'")) for name, text in sizes.items()}
        assert value.at(**given).evaluate() > 0


def test_a_masked_array_is_no_array_of_sizes() -> None:
    with pytest.raises(InvalidArgument, match="masked array"):
        U(np.ma.array([64, 65], mask=[False, True]), 10)


@pytest.mark.parametrize("value", [maximal_learning_rate(MLP()), alignment(MLP())])
def test_a_value_is_checked_as_the_quantity_that_it_is(value: object) -> None:
    with pytest.raises(InvalidArgument, match="expected a formula of the update"):
        check(value, simulate=False)


def test_half_a_rate_that_bounds_a_mean_over_layers_is_no_part() -> None:
    found = check(
        "sqrt(3)/L**(3/2)",
        claim="leading",
        quantity="rate",
        criterion=MeanOverLayers(),
        simulate=False,
    )
    assert str(found.difference) == "it is 1/2 times the law"
