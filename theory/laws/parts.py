"""`MeanWithParts`: the mean of (f - y)^2 times an observable, its label and output parts apart."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sympy import Expr, Integer, Symbol

from theory.errors import NotSolved
from theory.networks.mlp import MLP
from theory.networks.sizes import Sizes
from theory.solutions.derivation import Derivation
from theory.solutions.value import Number
from theory.symbols import eta, n
from theory.words.observables import Observable

__all__ = ["MeanWithParts"]


@dataclass(frozen=True)
class MeanWithParts(Number):
    """The sum of several observables' means: of the 1 and of the f^2 of E_y (f - y)^2 = 1 + f^2."""

    derivations: tuple[Derivation, ...]
    _shared: ClassVar[frozenset[str]] = frozenset(
        {"derivations", "in_numbers", "leading_term", "parts", "width_here"}
    )

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, Observable]:
        """The observables of the label part and of the output part."""

    @property
    def network(self) -> MLP:
        """The network it was derived for.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(depth=2)).network
        MLP(depth=2)
        """
        return self.derivations[0].network

    @property
    def in_numbers(self) -> bool:
        """Whether depth, layer and multipliers are numbers; the width may be a symbol."""
        return all(derivation.in_numbers for derivation in self.derivations)

    @property
    def width_here(self) -> Expr:
        """What the means are divided by."""
        return Integer(1)

    @property
    def label(self) -> Self:
        """The part from the label, which exists alone while the output is zero.

        Raises `NotSolved` for a part, which has none.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP(depth=2)).label.exact
        eta**2*(3*n + 5)/n
        >>> readout_update(MLP()).label.exact
        eta**2*n**2*(1 + 5/n)**L
        """
        return self._part("label")

    @property
    def output(self) -> Self:
        """The part from the network's output.

        Raises `NotSolved` for a part, which has none.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP()).output.leading()
        L**3*eta**2/(3*n)
        >>> readout_update(MLP()).output.leading()
        eta**2*n
        """
        return self._part("output")

    def _part(self, name: str) -> Self:
        derived = tuple(d for d in self.derivations if d.observable == self.parts[name])
        if not derived:
            raise NotSolved(
                f"this is one part already, without a part {name}: ask the whole for it"
            )
        return type(self)(derived)

    def _part_name(self) -> str:
        """The name of a part, empty for the whole."""
        derived = {d.observable for d in self.derivations}
        names = [name for name, observable in self.parts.items() if observable in derived]
        return names[0] if len(names) == 1 else ""

    def _symbols(self) -> frozenset[Symbol]:
        return self.derivations[0]._symbols()

    def _at(self, sizes: Sizes) -> Self:
        return type(self)(tuple(derivation._at(sizes) for derivation in self.derivations))

    def _number(self, context: Any) -> Any:
        total = sum((each._number(context) for each in self.derivations), context.zero)
        return total / int(self.width_here)

    def leading_term(self) -> tuple[int, Expr]:
        """Power of n and its coefficient as n -> infinity, then as the depth grows, at eta = 1."""
        terms = [derivation.leading_term() for derivation in self.derivations]
        top = max(power for power, _ in terms)
        return top, sum((c for power, c in terms if power == top), Integer(0))

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth (and ``ell``) grows.

        With a depth in numbers, the first limit alone.  Raises `NotSolved` for a width in
        numbers, and for a numbered layer of a network of symbolic depth.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).leading()
        L**3*eta**2/3
        """
        power, coefficient = self.leading_term()
        return coefficient * n**power * eta**2
