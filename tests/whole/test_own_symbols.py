"""A user's own symbols stand for those of the package where they can mean one thing only."""

from collections.abc import Callable
from typing import Any

import pytest
from sympy import Symbol, symbols

from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    Residual,
    TrainedLayers,
    alignment,
    layer_rates,
    maximal_learning_rate,
)
from theory import squared_update as update
from theory.symbols import L, a, b, ell, meant, n, n_0, p, q
from verify import check

ASSUMED: list[dict[str, Any]] = [
    {},
    {"positive": True},
    {"integer": True},
    {"real": True},
    {"integer": True, "positive": True},
    {"nonnegative": True},
]
AGAINST: list[dict[str, Any]] = [
    {"negative": True},
    {"integer": False},
    {"zero": True},
    {"imaginary": True},
]


def test_the_arguments_of_a_network_name_its_sizes() -> None:
    value, blocks = update(MLP(input_width=n_0)), update(Residual(), b)
    given = {"width": 8, "depth": 3, "input_width": 5}
    assert value(**given) == value(8, 3, 5) == value.lambdify()(**given) == value(given)
    assert value.at(**given) == value.at(n=8, L=3, n_0=5)
    assert value.at(width=8).open_sizes == (L, n_0)
    assert blocks(width=8, blocks=4, block=2) == blocks(width=8, blocks=4, layer=2)
    assert blocks(width=8, blocks=4, block=2) == blocks(n=8, B=4, b=2)
    assert update(MLP(), ell)(width=8, depth=4, layer=3) == update(MLP(), ell)(8, 4, 3)


@pytest.mark.wide
@pytest.mark.parametrize("assumed", ASSUMED, ids=str)
def test_own_symbols_are_accepted(assumed: dict[str, Any]) -> None:
    own = {name: Symbol(name, **assumed) for name in ("n", "L", "ell", "n_0")}
    assert MLP(own["n"], own["L"], input_width=own["n_0"]) == MLP(input_width=n_0)
    assert update(MLP(), own["ell"]) == update(MLP(), ell)
    assert update(MLP(), own["L"]) == update(MLP())
    assert MLP((own["n"], own["n"], 8)) == MLP((n, n, 8))
    assert MLP(input_width=n_0, input_norm2=own["n_0"] / 2).input_norm2 == n_0 / 2
    assert MLP(readout_variance=2 * own["n"]) == MLP(readout_variance=2 * n)
    for value in (
        update(MLP()),
        maximal_learning_rate(MLP()),
        alignment(MLP()),
        layer_rates(MLP()),
    ):
        given = {own["n"]: 64, own["L"]: 10}
        assert value(given) == value(64, 10) == value({own["n"]: 64}, L=10)
        assert value.at(given) == value.at(n=64, L=10)
        assert value.lambdify()(given) == value(64, 10)
    assert check(own["L"] ** 3 / 3, claim="leading", simulate=False).verdict.name == "CONSISTENT"
    assert check(own["L"] ** 2 / 3, claim="leading", simulate=False).verdict.name == "REJECTED"


@pytest.mark.parametrize("assumed", ASSUMED, ids=str)
def test_a_slope_and_ends_of_trained_layers_are_accepted(assumed: dict[str, Any]) -> None:
    own = {name: Symbol(name, **assumed) for name in "apq"}
    assert LeakyReLU(own["a"]).slope is a
    assert TrainedLayers(own["p"], own["q"]) == TrainedLayers(p, q)


def test_own_symbols_of_widths_and_scales_mean_positive_numbers() -> None:
    """By numbers: the mean with symbols, then numbers, is that of the network with numbers."""
    first, second, sigma = symbols("n1 n2 sigma")
    network = MLP((first, second), weight_variance=sigma**2, readout_variance=first / 7)
    assert all(each.is_positive for each in network.free_symbols)
    given = {first: 8, second: 16, sigma: "3/2"}
    numbers = MLP((8, 16), weight_variance="9/4", readout_variance="8/7")
    assert update(network).at(given) == update(numbers)
    assert update(network)(given) == pytest.approx(update(numbers)(), rel=1e-14)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: MLP(weight_variance=2 / Symbol("L")), "independent of the depth"),
        (lambda: MLP(weight_variance=2 / Symbol("L", positive=True)), "independent of the depth"),
        (lambda: MLP(weight_variance=2 / Symbol("ell")), "independent of the depth"),
        (lambda: MLP(weight_variance=Symbol("s", negative=True)), "positive expression"),
        (lambda: MLP((Symbol("L"), 8)), r"give Symbol\('n_1'\), which may be a positive integer"),
        (lambda: MLP((n, n / 2)), r"give Symbol\('n_2'\), and put the expression"),
        (lambda: MLP(2 * n), r"give width=n, and put the expression into the result, as in .exact"),
        (lambda: MLP(Symbol("N")), r"give width=n, and put another symbol into the result"),
        (lambda: MLP(depth=Symbol("L") - 1), r"as in .exact.subs\(L, L - 1\)"),
        (lambda: MLP((Symbol("a"), 8), activation=LeakyReLU()), "got 2 called a"),
        (lambda: LeakyReLU(Symbol("alpha")), "or the symbol theory.symbols.a"),
        (lambda: TrainedLayers(Symbol("k")), r"give first=p, and put another symbol"),
        (lambda: update(MLP(depth=8), Symbol("L")), "the depth is 8: leave layer out"),
        (lambda: update(MLP(), Symbol("k")), r"as in .exact.subs\(ell, k\)"),
        (lambda: update(MLP()).at(L=Symbol("m")), r"as in .exact.subs\(L, m\)"),
        (lambda: update(MLP()).at(n=2 * L), r"as in .exact.subs\(n, 2\*L\)"),
        (lambda: update(MLP()).at(N=64), "got N=64; give n=64"),
    ],
)
def test_other_symbols_are_refused_with_what_to_write(call: Callable[[], Any], why: str) -> None:
    with pytest.raises(InvalidArgument, match=why) as refusal:
        call()
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_a_size_put_in_for_itself_stays_open() -> None:
    value = update(MLP())
    assert value.at(L=Symbol("L"), n=n) == value
    assert value.at(Symbol("n", positive=True), 4) == value.at(L=4)


@pytest.mark.parametrize("against", AGAINST, ids=str)
def test_symbols_that_contradict_are_refused(against: dict[str, Any]) -> None:
    own = {name: Symbol(name, **against) for name in ("n", "L", "ell")}
    assert meant(own["L"], n, L) is own["L"]
    for call in (
        lambda: MLP(own["n"]),
        lambda: MLP(depth=own["L"]),
        lambda: update(MLP(), own["ell"]),
        lambda: update(MLP())({own["n"]: 64, own["L"]: 10}),
        lambda: update(MLP()).at({own["L"]: 10}),
    ):
        with pytest.raises(InvalidArgument, match=r"^expected "):
            call()


@pytest.mark.parametrize(
    "given", [{Symbol("k"): 3}, {Symbol("ell"): 3}, {1: 2}, {n: 3, Symbol("n"): 3}, {L + 1: 3}]
)
def test_a_mapping_is_never_ignored(given: dict[Any, Any]) -> None:
    with pytest.raises(InvalidArgument, match=r"^expected "):
        update(MLP()).at(given)
    with pytest.raises(InvalidArgument, match="each size once"):
        update(MLP()).at({Symbol("n"): 3}, n=3)
