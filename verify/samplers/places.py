"""`Places` give the meaning of a network's ``layer`` and ``rates``: which pre-activations are
measured, and the multipliers of eta, in the spelling that keys and records hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from theory.errors import InvalidArgument
from theory.networks.convolution import Convolution
from theory.networks.graph import Graph
from theory.networks.network import Network, numeric_layers, numeric_rates
from theory.networks.residual import Residual
from theory.networks.roles import ALL_ONE, ActivatedThenWeights, Branch
from theory.validation import count_between, index_in, typed
from verify.samplers.sites import Sites, lowered, ordinary_number

__all__ = ["Place", "Places", "moved_letters", "places_of"]

Place: TypeAlias = Any
"""A layer of an MLP, a block (its stream) or `Branch`, a vertex's name, or (layer, position)."""
N = TypeVar("N", bound=Network)
_STREAM = "stream"


@dataclass(frozen=True)
class Places(ABC, Generic[N]):
    """The places of a network in numbers."""

    network: N

    def asked(self, layer: object) -> tuple[Place, ...]:
        """The places that ``layer`` names: None the last, one, or a sequence of several."""
        if layer is None:
            return (self._last(),)
        if self.is_one(layer) or not isinstance(layer, tuple | range | list):
            return (self._place(layer),)
        if not layer:
            raise InvalidArgument("expected at least one layer, got an empty layer; give layer=1")
        return tuple(self._place(each) for each in layer)

    def is_one(self, layer: object) -> bool:
        """Whether ``layer`` names one place, not a sequence."""
        return not isinstance(layer, tuple | range | list)

    @abstractmethod
    def site(self, place: Place) -> int:
        """Its number in `Sites`."""

    @abstractmethod
    def name(self, place: Place) -> str:
        """The name of ``place`` in tables and sentences."""

    @abstractmethod
    def rates(self, rates: object) -> Any:
        """Checked multipliers of eta, equal for equal networks; None where all are 1."""

    def sites(self, rates: Any) -> Sites:
        """The network's sites at multipliers from `rates`."""
        return lowered(self.network, rates)

    @abstractmethod
    def _last(self) -> Place: ...

    @abstractmethod
    def _place(self, value: object) -> Place: ...


class _Layers(Places[Network]):
    """The places of a chain of layers: numbers from 1."""

    def asked(self, layer: object) -> tuple[Place, ...]:
        return numeric_layers(self.network, layer)

    def site(self, place: Place) -> int:
        return int(place)

    def name(self, place: Place) -> str:
        return f"layer {place}"

    def rates(self, rates: object) -> Any:
        exact = None if rates is None else numeric_rates(self.network, rates)
        return None if set(exact or ()) <= {1} else exact

    def sites(self, rates: Any) -> Sites:
        """Every different multiplier is read once, since SymPy is slow at a million."""
        sites = lowered(self.network, None)
        if rates is None:
            return sites
        known = {each: ordinary_number("rates", each) for each in set(rates)}
        return replace(sites, rates=np.array([*(known[each] for each in rates), 0.0]))

    def _last(self) -> Place:
        return self.network.layers

    def _place(self, value: object) -> Place:
        return index_in("layer", value, self.network.layers, "hidden layers")


class _Blocks(Places[Residual]):
    """The places of residual blocks: the stream after block 0 to B, and `Branch`."""

    def site(self, place: Place) -> int:
        return 2 * place.block if isinstance(place, Branch) else 2 * int(place) + 1

    def name(self, place: Place) -> str:
        return f"branch {place.block}" if isinstance(place, Branch) else f"{_STREAM} {place}"

    def rates(self, rates: object) -> Any:
        given = self.network._asked_rates(rates)
        every = given if isinstance(given, tuple) else (given,)
        numbers = {each: self.network._numbered_rates(each) for each in set(every)}
        filled, distinct = [numbers[each] for each in every], set(numbers.values())
        # W_in has one rate, the rate of the first block
        alike = {each: replace(each, input=filled[0].input) for each in distinct}
        if set(alike.values()) == {ALL_ONE}:
            return None
        return alike[filled[0]] if len(set(alike.values())) == 1 else tuple(map(alike.get, filled))

    def _last(self) -> Place:
        return self.network.layers

    def _place(self, value: object) -> Place:
        place = self.network._asked_layer(value)
        if isinstance(place, Branch) and isinstance(self.network.branch, ActivatedThenWeights):
            raise InvalidArgument(
                f"expected a block for layer, since no weights are before the activation in "
                f"W sigma(h), got layer={typed(value)}; leave it out for the last stream"
            )
        block = place.block if isinstance(place, Branch) else place
        if isinstance(block, int):
            return place
        raise InvalidArgument(
            f"expected a block in numbers for layer, got layer={typed(value)}; give "
            f"layer={self.network.layers}, say"
        )


class _Vertices(Places[Graph]):
    """The places of a graph: the names of its vertices."""

    def is_one(self, layer: object) -> bool:
        return not isinstance(layer, tuple | list) or layer in self._names

    def site(self, place: Place) -> int:
        return 1 + self._names.index(place)

    def name(self, place: Place) -> str:
        return f"vertex {place}"

    def rates(self, rates: object) -> Any:
        given = dict(rates) if isinstance(rates, tuple) else rates
        read = self.network._asked_rates(given) or ()
        return tuple(sorted(((k, v) for k, v in read if v != 1), key=str)) or None

    def sites(self, rates: Any) -> Sites:
        return lowered(self.network, None if rates is None else dict(rates))

    @property
    def _names(self) -> list[Any]:
        return [name for name, _ in self.network.vertices]

    def _last(self) -> Place:
        if len(self.network.readout) == 1:
            return self.network.readout[0]
        raise InvalidArgument(
            f"expected the name of a vertex for layer where several are read out, got layer=None; "
            f"give layer={self.network.readout[0]!r}, say"
        )

    def _place(self, value: object) -> Place:
        if value in self._names:
            return value
        raise InvalidArgument(
            f"expected the name of a vertex for layer, got layer={typed(value)}; give one such "
            f"as {self._names[-1]!r}"
        )


class _Positions(_Layers):
    """The places of a convolution: (layer, position), layers from 1 and positions from 0."""

    network: Convolution

    def sites(self, rates: Any) -> Sites:
        return lowered(self.network, rates)

    def asked(self, layer: object) -> tuple[Place, ...]:
        return Places.asked(self, layer)

    def is_one(self, layer: object) -> bool:
        return not isinstance(layer, tuple | list) or not any(
            isinstance(each, tuple | list) for each in layer
        )

    def site(self, place: Place) -> int:
        layer, position = place
        return int(layer * self.network.positions + position)

    def name(self, place: Place) -> str:
        return f"({place[0]}, {place[1]})"

    def _last(self) -> Place:
        return self.network.layers, 0

    def _place(self, value: object) -> Place:
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise InvalidArgument(
                f"expected (layer, position) for layer, got layer={typed(value)}; give "
                f"layer=({self.network.layers}, 0), say"
            )
        layer = index_in("the layer", value[0], self.network.layers, "layers")
        return layer, count_between("the position", value[1], 0, self.network.positions - 1)


def moved_letters(names: Iterable[object]) -> str:
    """The letters that a step moves at places by their names: h for streams, z elsewhere, hz for
    both.

    >>> moved_letters([]), moved_letters(["stream 1", "branch 2"])
    ('z', 'hz')
    """
    return "".join(sorted({"h" if str(name).startswith(_STREAM) else "z" for name in names})) or "z"


def places_of(network: Network) -> Places[Any]:
    """The places of a network without symbols."""
    if isinstance(network, Residual):
        return _Blocks(network)
    if isinstance(network, Graph):
        return _Vertices(network)
    return _Positions(network) if isinstance(network, Convolution) else _Layers(network)
