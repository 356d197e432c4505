"""`Composite` is a value that is made of other values."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import chain
from typing import Any, Self

from sympy import Symbol

from theory.networks.network import Network
from theory.networks.sizes import Sizes
from theory.solutions.value import Value

__all__ = ["Composite"]


class Composite(Value):
    """A value made of other values, which are fields of its dataclass, or tuples of them."""

    @property
    def network(self) -> Network:
        """The network of this value.

        >>> from theory import MLP, alignment, squared_update, tangent_kernel
        >>> network = MLP(depth=2)
        >>> [law(network).network for law in (squared_update, alignment, tangent_kernel)]
        [MLP(depth=2), MLP(depth=2), MLP(depth=2)]
        """
        return self._values()[-1].network

    @property
    def layer(self) -> Any:
        """The hidden layer, 1 to L; None where the value belongs to no single layer.

        >>> from theory import MLP, alignment, squared_update
        >>> network = MLP(width=8, depth=3)
        >>> squared_update(network, layer=2).layer, alignment(network).layer
        (2, 3)
        """
        return self._values()[-1].layer

    def _symbols(self) -> frozenset[Symbol]:
        return self._values()[-1]._symbols()

    def _at(self, sizes: Sizes) -> Self:
        return replace(self, **{name: _placed(held, sizes) for name, held in self._held()})  # type: ignore[type-var]

    def _values(self) -> list[Value]:
        """The values, in the order of the fields."""
        held = (each if isinstance(each, tuple) else (each,) for _, each in self._held())
        return [each for each in chain.from_iterable(held) if isinstance(each, Value)]

    def _held(self) -> list[tuple[str, Any]]:
        """The fields by name."""
        return [(each.name, getattr(self, each.name)) for each in fields(self)]  # type: ignore[arg-type]


def _placed(held: Any, sizes: Sizes) -> Any:
    """A field of a `Composite` with numbers in the place of symbols."""
    if isinstance(held, tuple):
        return tuple(_placed(each, sizes) for each in held)
    return held._at(sizes) if isinstance(held, Value) else held
