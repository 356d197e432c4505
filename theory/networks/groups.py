"""This module defines groups of weights with separate rates: first layer, hidden layers,
readout."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.multipliers import ByGroup, TrainedLayers
from theory.networks.network import Network
from theory.networks.roles import ByRole
from theory.public_names import PlainText
from theory.validation import typed

__all__ = [
    "FirstLayer",
    "Group",
    "HiddenLayers",
    "Readout",
    "checked_group",
    "group_rates",
    "inner_groups",
    "joined",
]


@answered_class
@dataclass(frozen=True)
class FirstLayer(PlainText):
    """The weights of layer 1, of fan-in n_0; a step leaves all other weights fixed.

    >>> from theory import MLP, FirstLayer, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), group=FirstLayer()).leading()
    1/sqrt(L)
    """


@answered_class
@dataclass(frozen=True)
class HiddenLayers(PlainText):
    """The weights of layers 2 to L; a step leaves all other weights fixed.

    >>> from theory import MLP, HiddenLayers, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), group=HiddenLayers()).leading()
    sqrt(3)/L**(3/2)
    """


@answered_class
@dataclass(frozen=True)
class Readout(PlainText):
    """The readout v; a step leaves all other weights fixed.

    >>> from theory import MLP, Readout, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), group=Readout()).leading()
    1/n
    """


Group: TypeAlias = FirstLayer | HiddenLayers | Readout


def group_rates(network: Network, group: FirstLayer | HiddenLayers) -> Any:
    """The multipliers that train ``group`` alone, as `squared_update` takes them."""
    first = isinstance(group, FirstLayer)
    if not network._is_chain:
        return ByRole(int(first), int(not first), int(not first))
    if network.depth == 1:
        if first:
            return None
        raise InvalidArgument(
            "expected a depth of at least 2 for group=HiddenLayers(), which are layers 2 to L, got "
            "depth=1; give FirstLayer()"
        )
    return ByGroup(int(first), int(not first), int(not first))


def inner_groups(network: Network) -> dict[str, Any]:
    """The groups of weights below the readout, by name, each with the multipliers that train it
    alone; None trains all, where there is one group.

    >>> from theory import MLP
    >>> inner_groups(MLP(4, 1))
    {'first layer': None}
    >>> inner_groups(MLP())["hidden layers"]
    ByGroup(first=0, hidden=1, last=1)
    """
    if not network._is_chain:
        return {"input": ByRole(1, 0, 0), "up": ByRole(0, 1, 0), "down": ByRole(0, 0, 1)}
    groups: list[tuple[str, FirstLayer | HiddenLayers]]
    groups = [("first layer", FirstLayer()), ("hidden layers", HiddenLayers())]
    held = groups[:1] if network.depth == 1 else groups
    return {name: group_rates(network, group) for name, group in held}


def joined(one: Any, other: Any) -> Any:
    """The multipliers that train two of `inner_groups` at once; None trains all."""
    values = {
        each.name: getattr(one, each.name) + getattr(other, each.name) for each in fields(one)
    }
    return type(one)(**values) if 0 in values.values() else None


def _instead_of(group: object) -> str:
    if isinstance(group, ByGroup | ByRole | TrainedLayers):
        return f"multipliers are rates: give rates={group!r}"
    return "None trains all hidden weights"


def checked_group(group: object, rates: object) -> Group | None:
    """``group``, or None for all hidden weights; not both a group and multipliers."""
    if group is None:
        return None
    if not isinstance(group, FirstLayer | HiddenLayers | Readout):
        raise InvalidArgument(
            f"expected FirstLayer(), HiddenLayers(), Readout() or None for group, got "
            f"group={typed(group)}; {_instead_of(group)}"
        )
    if rates is not None:
        raise InvalidArgument(
            f"expected either group or rates, got group={group!r} and rates={typed(rates)}; a "
            f"group sets the multipliers itself"
        )
    return group
