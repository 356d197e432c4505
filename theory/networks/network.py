"""`Network` is the description of a random network that everything outside this folder reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Self, TypeAlias

from sympy import Expr, Integer, Symbol, latex, sympify

from theory.activations import Linear, PiecewiseLinear
from theory.activations.critical import critical_weight_variance
from theory.errors import InvalidArgument, NotSolved
from theory.networks.multipliers import ByGroup, Rates, TrainedLayers, multiplier_runs, open_ends
from theory.networks.roles import Branch
from theory.networks.sites import BELOW, Cell, Edge, Plan, Site
from theory.public_names import PlainText
from theory.symbols import L, ell, meant, n, n_0
from theory.validation import (
    brief,
    index_in,
    non_negative_rates,
    positive_int,
    typed,
    written,
)

__all__ = [
    "Network",
    "Size",
    "asked_layer",
    "asked_rates",
    "checked_network",
    "exact_network",
    "numeric_depth",
    "numeric_layers",
    "numeric_rates",
    "repeating_network",
    "size_value",
]

Size: TypeAlias = int | Symbol
_DEEPEST = 10_000
"""The deepest layer whose formula, a polynomial of that degree, is written out."""
_LONGEST_TEXT = 40
"""Characters of an argument of a network within a sentence."""
_LONGEST = 200
"""Characters of a network within a sentence."""
_MOST_LISTED = 10**7
"""Layers whose widths are listed one by one."""


class Network(PlainText, ABC):
    """A frozen description of a random network, which lowers to sites.  Abstract: use `MLP`.

    ``width``: of the hidden layers, or a tuple with one for each; ``depth``: their number;
    ``input_width``: None for the first width; ``activation``: of each.  Sizes are ints or symbols.
    """

    width: Any
    depth: Any
    input_width: Any
    activation: Any
    weight_variance: Expr | None
    readout_variance: Expr | None
    input_norm2: Expr | None
    bias_variance: Expr = Integer(0)
    norm: Any = None
    _whole: ClassVar[bool] = False
    """Whether a network is derived as a whole, since it has no cells that repeat."""

    _is_chain: ClassVar[bool] = False
    """Whether the cells are layers that keep the norm up to one gain, so that units can be
    rescaled."""
    _depths: ClassVar[Mapping[Symbol, Symbol]] = {}
    """The symbols of depth and layer in the place of L and ell."""
    _unsaid: ClassVar[Mapping[str, object]] = {}
    """The values that the text of a network leaves out, by name."""

    @property
    def _depth_symbol(self) -> Symbol:
        """The symbol of an open number of cells, such as L or B."""
        return self._depths.get(L, L)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return self._text(written)

    def __str__(self) -> str:
        """``repr``, with long values, and a long whole, cut short."""
        text = self._text(lambda value: brief(value, _LONGEST_TEXT))
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

    def _text(self, write: Callable[[object], str]) -> str:
        values = ((each.name, getattr(self, each.name)) for each in fields(self))  # type: ignore[arg-type]
        said = [f"{k}={write(v)}" for k, v in values if v is not None and v != self._unsaid.get(k)]
        return f"{type(self).__name__}({', '.join(said)})"

    @property
    def widths(self) -> tuple[Size, ...]:
        """Widths of the layers 0 (input) to L, shape ``(L + 1,)``; needs a depth in numbers.

        >>> from theory import MLP
        >>> MLP(width=(8, 16), input_width=4).widths
        (4, 8, 16)
        """
        if isinstance(self.width, tuple):
            return (self.first_fan_in, *self.width)
        if self.layers > _MOST_LISTED:
            raise InvalidArgument(
                f"expected a depth of at most {_MOST_LISTED:,} where layers are listed, got "
                f"depth={self.layers}; give a smaller depth"
            )
        return (self.first_fan_in, *(self.width,) * self.layers)

    @property
    def first_fan_in(self) -> Size:
        """Input width: as given, or the first hidden width.

        >>> from theory import MLP
        >>> MLP(width=8).first_fan_in
        8
        """
        if self.input_width is not None:
            return self.input_width
        return self.width[0] if isinstance(self.width, tuple) else self.width

    @property
    def last_width(self) -> Size:
        """Width of the last hidden layer.

        >>> from theory import MLP
        >>> MLP(width=(8, 16)).last_width
        16
        """
        return self.width[-1] if isinstance(self.width, tuple) else self.width

    @property
    def layers(self) -> int:
        """The depth as an int; `NotSolved` where it is the symbol L.

        >>> from theory import MLP
        >>> MLP(width=8, depth=3).layers
        3
        """
        if isinstance(self.depth, int):
            return self.depth
        raise NotSolved(
            "this needs a depth in numbers, got depth=L: give a number, as in MLP(depth=4)"
        )

    @property
    def c(self) -> Expr:
        """The weight variance times fan-in: as given, or critical at the bias variance;
        `InvalidArgument` where no critical point attracts.

        >>> from theory import MLP
        >>> MLP().c
        2
        """
        if self.weight_variance is not None:
            return self.weight_variance
        try:
            return critical_weight_variance(self.activation, self.bias_variance)
        except InvalidArgument:
            if self.norm is None:
                raise
        raise InvalidArgument(
            f"expected weight_variance for {self.activation} with {self.norm}, got none; give "
            f"weight_variance=1, say: behind a norm E z^2 stays constant at every weight variance"
        )

    @property
    def _is_exact(self) -> bool:
        """Whether this network is solved at finite width."""
        plain = self.norm is None and not self.bias_variance
        return plain and isinstance(self.activation, PiecewiseLinear)

    @property
    def s(self) -> Expr:
        """The readout variance in units of 1/n_L^2.

        >>> from theory import MLP
        >>> MLP(readout_variance="0.5").s
        1/2
        """
        return Integer(1) if self.readout_variance is None else self.readout_variance

    @property
    def norm2(self) -> Expr:
        """|x|^2 of the input.

        >>> from theory import MLP
        >>> MLP().norm2
        n
        """
        if self.input_norm2 is not None:
            return self.input_norm2
        size = self.first_fan_in
        return Integer(size) if isinstance(size, int) else size

    @property
    def free_symbols(self) -> frozenset[Symbol]:
        """The open symbols of this network.

        >>> from theory import MLP
        >>> sorted(map(str, MLP().free_symbols))
        ['L', 'n']
        """
        widths = self.width if isinstance(self.width, tuple) else (self.width,)
        sizes = [s for s in (self.depth, self.first_fan_in, *widths) if isinstance(s, Symbol)]
        given = (self.weight_variance, self.readout_variance, self.input_norm2)
        values = [self.activation, *(each for each in given if each is not None)]
        return frozenset(sizes).union(*(value.free_symbols for value in values))

    def _letters(self, depth: Mapping[Symbol, Any], *others: Any) -> dict[Symbol, Any]:
        """The sizes by the symbols that stand for them in scales, so that n is the number of a
        width in numbers; ``depth``: the same for the depth; ``others``: more widths."""
        widths = self.width if isinstance(self.width, tuple) else (self.width,)
        each = (*widths, self.first_fan_in, *others)
        held = {size: size for size in each if isinstance(size, Symbol)}
        same = {n: widths[0]} if len(set(widths)) == 1 else {}
        return {**same, n_0: self.first_fan_in, **depth, **held}

    @abstractmethod
    def _cells(self, rates: Any) -> Iterator[tuple[Cell, int]]:
        """The cells from the input up: each with the number of neighbours that are equal to it."""

    def _kinds(self) -> tuple[Cell, ...]:
        """One cell of each shape, of any sizes; the one that repeats last."""
        raise NotImplementedError

    def _neighbours(self, rates: Any) -> Iterator[tuple[Cell, Cell]]:
        """Every pair of cells that are neighbours in this network, some of them twice; with an
        open depth, the pairs of all depths.  The lower one of the first pair reads the input."""
        runs = list(self._cells(rates))
        for index, (cell, count) in enumerate(runs):
            if count > 1:
                yield cell, cell
            if index + 1 < len(runs):
                yield cell, runs[index + 1][0]

    def _opened(self, rates: Any) -> tuple[Network, Any]:
        """This network with all sizes open, where it has such a form, and its multipliers."""
        return self, rates

    def _opened_blocks(self) -> Network | None:
        """This network with width and number of blocks open, where its scales are defined for any
        number of blocks."""
        return None

    def _layer(self, fan_in: Any, width: Any, rate: Expr) -> Cell:
        """One layer of a chain, of any sizes."""
        raise NotSolved(f"{type(self).__name__} is no chain of layers: give MLP()")

    def _plan(self, rates: Any, layer: Expr, depth: Expr) -> Plan:
        """The cells below, at and above ``layer``, in the symbols L and ell of the depth."""
        raise NotSolved(f"{type(self).__name__} has no closed form in the depth: give numbers")

    def _cell_of(self, layer: Any) -> int:
        """The cell, counted from 1 at the input, that holds ``layer``, a number."""
        return int(layer)

    def _site_name(self, layer: Any) -> str:
        """The name of the site that ``layer`` names, of a network that is derived as a whole."""
        raise NotImplementedError

    def _field_symbols(self, rates: Any) -> frozenset[Symbol]:
        """The symbols of an exact value at a depth in numbers with these multipliers."""
        return self.free_symbols

    def _width_at(self, layer: Any) -> Expr:
        """The width of ``layer``."""
        index = layer - 1 if isinstance(layer, int) else 0
        return sympify(self.width[index] if isinstance(self.width, tuple) else self.width)

    @property
    def _open_width(self) -> str:
        """The fix that leaves the width open, in words."""
        if self._whole:
            return "give theory.symbols.n as the width"
        size = "blocks" if self._depths else "depth"
        return f"leave width out, as in {type(self).__name__}({size}=4)"

    @property
    def _open_sizes(self) -> str:
        """The fix that leaves width and depth open, in words."""
        if self._whole:
            return "its layers do not repeat, so that no depth is open; give MLP() or Residual()"
        size = "blocks" if self._depths else "depth"
        return f"leave the width and the {size} out, as in {type(self).__name__}()"

    def _place(self, layer: Any) -> str:
        """The place of ``layer``, in words."""
        return f"at layer {brief(layer)}"

    def _moved(self, layer: Any) -> str:
        """The pre-activation of a neuron there, which a step moves, in LaTeX."""
        return f"z^{{({latex(layer) if isinstance(layer, Symbol) else layer})}}_i"

    def _asked_layer(self, layer: object) -> Any:
        """The layer that a call names."""
        return _hidden_layer(self, layer)

    def _asked_rates(self, rates: object) -> Any:
        """The multipliers of eta that a call gives."""
        return _layer_rates(self, rates)

    def _gram(self) -> dict[tuple[str, str], Expr]:
        """The inner products of the inputs, by their names."""
        return {(BELOW, BELOW): self.norm2}

    def _readout(self) -> Site:
        """The output f as a site of width 1; its weights are not trained."""
        width = self.last_width
        edge = Edge(BELOW, width, self.s / sympify(width) ** 2, Integer(0))
        return Site("f", 1, Linear(), (edge,))

    def _with(self, **changes: Any) -> Self:
        """The same network with other sizes."""
        return replace(self, **changes)  # type: ignore[type-var]


def size_value(name: str, value: object, *symbols: Symbol) -> Size:
    """``value`` as a positive int, or as one of ``symbols``."""
    value = meant(value, *symbols)
    if isinstance(value, Expr) and value.free_symbols and not isinstance(value, Symbol):
        raise InvalidArgument(
            f"expected an int or the symbol {symbols[0]} for {name}, got {name}={typed(value)}; "
            f"give {name}={symbols[0]}, and put the expression into the result, as in "
            f".exact.subs({symbols[0]}, {brief(value)})"
        )
    if not isinstance(value, Symbol):
        return positive_int(name, value)
    if value in symbols:
        return value
    own = " or ".join(f"theory.symbols.{symbol}" for symbol in symbols)
    raise InvalidArgument(
        f"expected an int or the symbol {own} for {name}, got {name}={typed(value)}; give "
        f"{name}={symbols[0]}, and put another symbol into the result, as in "
        f".exact.subs({symbols[0]}, {value.name})"
    )


def checked_network(
    network: object, name: str = "network", give: str = "MLP() or MLP(64, 4)"
) -> Network:
    """``network``, or `InvalidArgument` where it is none."""
    if isinstance(network, Network):
        return network
    raise InvalidArgument(
        f"expected a network for {name}, got {name}={typed(network)}; give {give}"
    )


def exact_network(network: object) -> Network:
    """``network``, or `NotSolved` where it is not solved at finite width."""
    checked = checked_network(network)
    if not checked._is_exact:
        raise NotSolved(
            f"{brief(checked)} is solved as n goes to infinity alone, since only piecewise linear "
            f"activations without biases and norms are exact at finite width: squared_update, "
            f"readout_update, maximal_learning_rate and layer_rates have its values as n → ∞"
        )
    return checked


def repeating_network(network: object) -> Network:
    """``network``, or `NotSolved` where it is derived as a whole, or not exact."""
    checked = exact_network(network)
    if checked._whole:
        raise NotSolved(
            f"a {type(checked).__name__} has exact means of squared_update alone: use its exact, "
            f"label, output or evaluate(), 1/sqrt of which is the rate at which the layer moves by "
            f"1, or give a network whose layers repeat, such as MLP(64, 4)"
        )
    return checked


def numeric_layers(network: Network, layer: object = None) -> tuple[int, ...]:
    """The layers that ``layer`` names: None the last, an int, or a tuple or range of ints."""
    depth = numeric_depth(network)
    _refuse_branch(layer)
    if layer is None:
        return (depth,)
    if isinstance(layer, tuple | range | list):
        if not layer:
            raise InvalidArgument("expected at least one layer, got an empty layer; give layer=1")
        return tuple(index_in("layer", each, depth, "hidden layers") for each in layer)
    if isinstance(layer, str | Symbol):
        raise InvalidArgument(
            f"expected an int or several for layer, got layer={typed(layer)}; give "
            f"layer=range(1, {depth + 1}) for every hidden layer"
        )
    return (index_in("layer", layer, depth, "hidden layers"),)


def numeric_rates(network: Network, rates: object = None) -> tuple[Expr, ...]:
    """One multiplier of eta per hidden layer, all 1 for None."""
    if rates is None:
        return (Integer(1),) * numeric_depth(network)
    return non_negative_rates(rates, numeric_depth(network))


def numeric_depth(network: Network) -> int:
    """The depth of an argument; `InvalidArgument` where it is the symbol L."""
    if isinstance(network.depth, int):
        return network.depth
    size, kind = ("blocks", "Residual") if network._depths else ("depth", "MLP")
    raise InvalidArgument(
        f"expected a number for {size}, got {size}={network.depth}; give numbers, as in "
        f"{kind}(width=64, {size}=4)"
    )


def asked_rates(network: Network, rates: object) -> Any:
    """The multipliers of eta that a call gives: for an MLP one for each layer, or `ByGroup` or
    `TrainedLayers`, or None for all 1."""
    return network._asked_rates(rates)


def asked_layer(network: Network, layer: object) -> Any:
    """The requested layer: the last for None; for an MLP an int, or the symbol ell."""
    return network._asked_layer(layer)


def _layer_rates(network: Network, rates: object) -> tuple[Expr, ...] | Rates:
    """One multiplier per layer, or `ByGroup` or `TrainedLayers`, or None for all 1."""
    depth = network.depth
    if isinstance(rates, ByGroup | TrainedLayers):
        if isinstance(depth, int) and not open_ends(rates):
            multiplier_runs(rates, depth)
        return rates
    if rates is None:
        return None
    if not isinstance(depth, int):
        raise InvalidArgument(
            f"expected ByGroup(...) or TrainedLayers(...) for rates where the depth is a symbol, "
            f"got rates={typed(rates)}; or give depth as a number, one multiplier for each layer"
        )
    return numeric_rates(network, rates)


def _refuse_branch(layer: object) -> None:
    """Refuse a branch of a residual network as a layer of another network."""
    if isinstance(layer, Branch):
        raise InvalidArgument(
            f"expected a positive int for layer, got layer={typed(layer)}; Branch is for residual "
            f"networks: give a whole number of at least 1"
        )


def _hidden_layer(network: Network, layer: object) -> int | Symbol:
    """The requested layer: the last for None, an int, or the symbol ell."""
    _refuse_branch(layer)
    layer = meant(layer, ell, L)
    if layer is None or layer == network.depth == L:
        return network.depth
    if isinstance(layer, Symbol) and layer != ell:
        fix = (
            f"the depth is {brief(network.depth)}: leave layer out for the last hidden layer"
            if layer == L
            else f"give ell, and put another symbol into the result, as in .exact.subs(ell, "
            f"{layer.name})"
        )
        raise InvalidArgument(
            f"expected an int, None or the symbol theory.symbols.ell for layer, got "
            f"layer={typed(layer)}; {fix}"
        )
    if isinstance(layer, Expr) and layer.free_symbols and layer != ell:
        raise InvalidArgument(
            f"expected an int, None or the symbol theory.symbols.ell for layer, got "
            f"layer={typed(layer)}; give ell, and put the layer into the result, as in "
            f".exact.subs(ell, {layer})"
        )
    if isinstance(layer, str):
        raise InvalidArgument(
            f"expected an int, None or the symbol theory.symbols.ell for layer, got "
            f"layer={typed(layer)}; give layer=ell, with from theory.symbols import ell"
        )
    if isinstance(layer, tuple | list | range):
        raise InvalidArgument(
            f"expected one layer, got layer={typed(layer)}; give one layer at a time"
        )
    if isinstance(layer, Symbol):
        return ell
    if isinstance(network.depth, int):
        return numeric_layers(network, layer)[0]
    number = positive_int("layer", layer)
    if number > _DEEPEST:
        raise InvalidArgument(
            f"expected a layer of at most {_DEEPEST:,} below a depth that is a symbol, got "
            f"layer={number}; give the depth as a number too"
        )
    return number
