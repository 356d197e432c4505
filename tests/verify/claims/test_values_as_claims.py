"""A value of theory is compared with its own law: network, layer, part, rates and criterion."""

from __future__ import annotations

from typing import Any

import pytest

from theory import (
    MLP,
    ByGroup,
    HiddenLayers,
    LastLayer,
    LeakyReLU,
    maximal_learning_rate,
    squared_update,
)
from theory.errors import InvalidArgument
from theory.symbols import ell
from verify import check, compare_law
from verify.testing import assert_close, assert_exact, assert_matches_networks

NET = MLP(8, 4)
OWN = [
    squared_update(NET, layer=2),
    squared_update(NET, rates=[1, 0, 0, 0]),
    squared_update(NET, rates=ByGroup(0, 1, 2)),
    squared_update(NET, 3).output,
    squared_update(MLP(), ell),
    squared_update(MLP(), ell, rates=ByGroup(first=0)).label,
    squared_update(MLP(depth=3, activation=LeakyReLU()), 2),
]
RATES = [
    maximal_learning_rate(NET, criterion=LastLayer("1/4")),
    maximal_learning_rate(NET, group=HiddenLayers()),
    maximal_learning_rate(NET, rates=[1, 0, 0, 0]),
    maximal_learning_rate(MLP(), group=HiddenLayers(), criterion=LastLayer(2)),
]


@pytest.mark.wide
@pytest.mark.parametrize("value", OWN, ids=str)
def test_an_update_is_its_own_law(value: Any) -> None:
    assert check(value, simulate=False).verdict.name == "CONSISTENT"


@pytest.mark.slow
@pytest.mark.parametrize("value", RATES, ids=str)
def test_a_rate_is_its_own_law(value: Any) -> None:
    assert check(value, quantity="rate", simulate=False).verdict.name == "CONSISTENT"


@pytest.mark.parametrize("value", OWN[:4], ids=str)
def test_assertions_take_the_law_from_the_value(value: Any) -> None:
    assert_exact(value, NET)
    assert_close(value, NET, tolerance=0)
    with pytest.raises(AssertionError):
        assert_exact(value.exact, NET)


def test_networks_are_drawn_for_the_law_of_the_value() -> None:
    assert_matches_networks(squared_update(NET, 1, rates=ByGroup(2, 1, 1)).label, NET, seed=1)
    found = compare_law(squared_update(NET, layer=2), networks=[NET], samples=1000, seed=1)
    assert [cell.layer for cell in found.cells] == [2]
    assert abs(found.cells[0].log_law - found.cells[0].log_exact) < 1e-12


@pytest.mark.parametrize(
    ("value", "given", "words"),
    [
        (OWN[0], {"layer": 4}, ["layer=2", "layer=4"]),
        (OWN[1], {"rates": (1, 1, 0, 0)}, ["rates=(1, 0, 0, 0)", "rates=(1, 1, 0, 0)"]),
        (OWN[3], {"part": "total"}, ["part='output'", "part='total'"]),
        (squared_update(NET), {"part": "label"}, ["part='total'", "part='label'"]),
        (squared_update(NET), {"rates": ByGroup(0)}, ["rates=None", "rates=ByGroup(first=0"]),
        (OWN[0], {"network": MLP(16, 4)}, [str(NET), str(MLP(16, 4))]),
        (OWN[0], {"network": MLP()}, [str(NET), "MLP()"]),
        (
            RATES[0],
            {"criterion": LastLayer(), "quantity": "rate"},
            ["criterion=LastLayer(bound='1/4')", "criterion=LastLayer()"],
        ),
    ],
    ids=str,
)
def test_a_value_beside_another_law_is_refused_with_both(
    value: Any, given: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check(value, simulate=False, **given)
    assert all(word in str(refused.value) for word in words)


def test_equal_arguments_stand_beside_a_value() -> None:
    given: dict[str, Any] = {"layer": 4, "rates": (0, 1, 1, 2), "part": "total", "network": NET}
    assert check(OWN[2], simulate=False, **given).verdict.name == "CONSISTENT"
    ones = check(squared_update(NET), rates=(1,) * 4, simulate=False)
    assert ones.verdict.name == "CONSISTENT"
    assert check(squared_update(MLP()), network=NET, simulate=False).verdict.name == "CONSISTENT"


def test_compare_law_and_assertions_refuse_another_network() -> None:
    other = squared_update(MLP(16, 4))
    calls: list[Any] = [
        lambda: compare_law(other, networks=[NET], samples=100, seed=1),
        lambda: assert_exact(other, NET),
        lambda: assert_exact(OWN[0], NET, layer=4),
        lambda: compare_law(OWN[0], networks=[NET], samples=100, seed=1, layer=4),
    ]
    for call in calls:
        with pytest.raises(InvalidArgument, match="of one law"):
            call()
    for partial in (OWN[1], OWN[3]):
        with pytest.raises(InvalidArgument, match=r"verify\.check"):
            compare_law(partial, networks=[NET], samples=100, seed=1)
