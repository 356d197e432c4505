"""A user's own symbols stand for those of the package where they can mean one thing only."""

from typing import Any

import pytest
from sympy import Symbol

from theory import MLP, InvalidArgument, alignment, layer_rates, maximal_learning_rate
from theory import squared_update as update
from theory.symbols import L, ell, meant, n, n_0
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


@pytest.mark.parametrize("assumed", ASSUMED, ids=str)
def test_own_symbols_are_accepted(assumed: dict[str, Any]) -> None:
    own = {name: Symbol(name, **assumed) for name in ("n", "L", "ell", "n_0")}
    assert MLP(own["n"], own["L"], input_width=own["n_0"]) == MLP(input_width=n_0)
    assert update(MLP(), own["ell"]) == update(MLP(), ell)
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
