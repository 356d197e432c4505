"""`WideLayerRates` are the rates of groups of weights and of single layers as n -> infinity.

The readout's own step moves f by eta times |x|^2 (gradient descent), |x|_1 (sign descent) or |x|
(normalised steps) of its input.  The groups below it move f by E psi g each, always to the same
side, so that E[(Delta f)^2] of all groups is the square of a sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sympy import Expr, Rational, Symbol

from theory.activations.nonlinearity import FloatArray
from theory.coverage import NoOperators
from theory.errors import NotSolved
from theory.infinite_width.block_update import WideBlockUpdate, wide_update
from theory.infinite_width.recursion import (
    equal_shares,
    moved_in_every_layer,
    output_moved_by_layers,
    output_moved_by_readout,
)
from theory.infinite_width.streams.blocks import output_moved_by_stream
from theory.infinite_width.wide_update import QUICK, WideUpdate
from theory.infinite_width.wide_value import (
    at_named_width,
    at_width,
    by_column,
    in_floats,
    one_depth,
)
from theory.laws.criteria import LastLayer, bound_text
from theory.networks.mlp import MLP
from theory.networks.network import checked_network
from theory.networks.residual import Residual
from theory.networks.roles import ByRole, UpDown
from theory.networks.sizes import bound_sizes
from theory.public_names import PickledByFields, PublicNames
from theory.waiting import announced
from theory.writing.blocks import Line, Table
from theory.writing.notation import Math
from theory.writing.pictures import Drawable
from theory.writing.rendering import formulas_latex, table_html, table_text

__all__ = [
    "WideBlockLayerRates",
    "WideLayerRates",
    "moved_farther",
    "rate_lines",
    "wide_layer_rates",
]

_EQUAL = 1e-6


def moved_farther(place: str, moved: float, bound: Expr) -> str:
    """A sentence where joint rates move an earlier place by more than the last; ``moved``:
    E[(Delta z)^2] over the bound."""
    if moved <= 1 + _EQUAL:
        return ""
    return (
        f"together, {place} moves by {moved * float(bound):.3g} in mean square: rates divided by "
        f"{moved**0.5:.3g} keep every layer within the bound"
    )


def rate_lines(table: Table, sign: str) -> list[Line]:
    """The formulas of a table of rates: a row for each group, a column alone and together."""
    return [
        Line(
            Math("", rf"\eta_{{\text{{{name}, {column.partition(',')[0]}}}}}"),
            cell if isinstance(cell, Math) else Math.spelled(cell),
            sign,
        )
        for name, *cells in table.rows
        for column, cell in zip(table.header[1:], cells, strict=True)
    ]


@dataclass(frozen=True)
class WideLayerRates(NoOperators, Drawable, PickledByFields, PublicNames):
    """The largest rates, as n -> infinity, of first layer, hidden layers (2 to L) and readout under
    one ``bound`` of E[(Delta z)^2] in the last hidden layer and of E[(Delta f)^2], for linearised
    steps; the text says where an earlier layer moves farther.  Made by `layer_rates`.

    At an open width the table gives rates with their power of n: `alone`, `together` and
    `equal_shares` raise `InvalidArgument` there, and else give rates at the width of the network.

    >>> from theory import MLP, SignDescent, layer_rates
    >>> layer_rates(MLP(depth=8), optimiser=SignDescent())
    WideLayerRates of MLP(depth=8) as n → ∞, bound 1 at the last layer, steps of SignDescent()
                   alone       together
    first layer    0.441166/n  0.233172/n
    hidden layers  0.20346/n   0.107536/n
    readout        1.77245/n   0.936807/n
    """

    update: WideUpdate
    bound: Expr
    _drawn_as: ClassVar[str] = r"learning rate, trained together, as $n \to \infty$"
    _of_curves: ClassVar[str] = r"$n \to \infty$"
    _last: ClassVar[str] = "layer"
    _to_open = "depth"

    @property
    def alone(self) -> dict[str, float]:
        """The rate of each group trained alone, by the name of the group, to leading order in the
        width.

        >>> from theory import MLP, Normalised, layer_rates
        >>> rates = layer_rates(MLP(64, 16), optimiser=Normalised()).alone
        >>> {name: round(rate, 6) for name, rate in rates.items()}
        {'first layer': 0.179605, 'hidden layers': 0.021058, 'readout': 0.125}
        """
        with announced("layer rates"):
            return self._at_width(self._alone(self._depth("alone")))

    def _alone(self, depths: int) -> dict[str, float]:
        """`alone`, over the powers of n."""
        single = depths == 1 and self._last == "layer"  # there are no layers 2 to L
        names = self._drawn_parts[:1] if single else self._drawn_parts[:-1]
        squares = {name: float(self._moved({name: 1.0}, depths)[0][-1]) for name in names}
        self._checked([*squares.values()], depths)
        rates = {name: square**-0.5 for name, square in squares.items()}
        rates["readout"] = 1 / self._moved_by_readout(depths)
        return self._bounded(rates, depths)

    def _moved(self, rates: dict[str, float], depth: int) -> tuple[FloatArray, float]:
        """E[(Delta z)^2] in every layer and |Delta f| if the groups of ``rates`` train."""
        layers, optimiser = self.update._layers(depth), self.update.optimiser
        first = self.update._multipliers(depth)
        first[1:] = 0
        joint = rates.get("first layer", 0.0) * first
        joint += rates.get("hidden layers", 0.0) * (1 - first)
        moved_f = output_moved_by_layers(layers, optimiser, joint)
        return moved_in_every_layer(layers, optimiser, joint), moved_f

    def _moved_by_readout(self, depth: int) -> float:
        """|Delta f| of the readout's own step, which reads the input of one more layer."""
        deeper = self.update._layers(depth + 1)
        return float(output_moved_by_readout(deeper, self.update.optimiser, -1))

    @property
    def together(self) -> tuple[float, ...]:
        """The rates of all groups trained together, the readout last: the rates alone times one
        factor, at which z of the last layer or f reaches the bound.

        >>> from theory import MLP, Momentum, layer_rates
        >>> rates = layer_rates(MLP(64, 16), optimiser=Momentum("0.9", averaged=True))
        >>> [round(rate, 6) for rate in rates.together]
        [1.320129, 0.154783, 0.081209]
        """
        with announced("layer rates"):
            return tuple(self._at_width(self._together(self._depth("together"))).values())

    def _together(self, depths: int) -> dict[str, float]:
        """`together`, over the powers of n."""
        alone = self._alone(depths)
        moved_z, moved_f = self._moved(alone, depths)
        largest = max(float(moved_z[-1]) ** 0.5, moved_f + float(self.bound) ** 0.5)
        self._checked(largest, depths)
        return self._bounded({name: rate / largest for name, rate in alone.items()}, depths)

    @property
    def equal_shares(self) -> FloatArray:
        """One rate for each hidden layer at which each alone moves the last layer equally far, and
        all together move it by the bound; an array over layers.

        >>> from theory import MLP, SignDescent, layer_rates
        >>> layer_rates(MLP(100, 4), optimiser=SignDescent()).equal_shares.round(6)
        array([0.002002, 0.004086, 0.004976, 0.00808 ])
        """
        if not isinstance(self.network, MLP):
            raise NotSolved("equal shares of single blocks are not solved: take alone or together")
        depths = self._depth("equal_shares")
        with announced("layer rates"):
            found = equal_shares(self.update._layers(depths), self.update.optimiser)
        rates = self._checked(found * float(self.bound) ** 0.5, depths)
        return self._at_width({"layers": rates})["layers"]

    def at(self, *places: Any, **sizes: Any) -> WideLayerRates:
        """The rates of the network with numbers for its open depth or width, given as in a call.

        >>> from theory import MLP, Tanh, layer_rates
        >>> round(layer_rates(MLP(activation=Tanh())).at(16, n=64).alone["readout"], 6)
        0.481046
        """
        return replace(self, update=self.update.at(*places, **sizes))

    def _power(self, name: str) -> Rational:
        """The power of n of the rate of a group."""
        rule = self.update.optimiser.unscaled
        return -Rational(rule.head_power if name == "readout" else rule.width_power, 2)

    def _at_width(self, rates: dict[str, Any]) -> dict[str, Any]:
        """``rates`` over powers of n, at the width of the network."""
        instead = "print the table of a network with a depth, which writes powers of n"
        network = self.update.network
        return {
            name: at_width(rate, self._power(name), network, instead)
            for name, rate in rates.items()
        }

    @property
    def network(self) -> MLP | Residual:
        """The network of the rates.

        >>> from theory import MLP, Tanh, layer_rates
        >>> layer_rates(MLP(activation=Tanh())).network
        MLP(activation=Tanh())
        """
        return self.update.network

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The depth L, or the number of blocks B, if it is open.

        >>> from theory import MLP, Tanh, layer_rates
        >>> layer_rates(MLP(activation=Tanh())).open_sizes
        (L,)
        """
        return self.update.open_sizes

    def __call__(self, *sizes: object, **named: object) -> tuple[Any, ...]:
        """The rates of `together`, the readout last, at a number or several for the depth L or the
        number of blocks B, and at n=64 for an open width.

        >>> from theory import MLP, Tanh, layer_rates
        >>> [round(rate, 4) for rate in layer_rates(MLP(64, activation=Tanh()))(L=16)]
        [2.705, 0.4173, 0.2509]
        """
        value, rest = at_named_width(self, named)
        elsewhere = self.update._elsewhere
        depth = bound_sizes(self.open_sizes, value.network, sizes, rest, elsewhere).get(self._size)
        if isinstance(depth, Iterable):
            return by_column([list(value.at(each).together) for each in depth])
        return (value if depth is None else value.at(depth)).together

    def latex(self) -> str:
        r"""The rates alone and together of a network with a depth, in LaTeX.

        >>> from theory import MLP, Tanh, layer_rates
        >>> print(layer_rates(MLP(depth=16, activation=Tanh())).latex().splitlines()[1])
        \eta_{\text{first layer, alone}} &\approx  5.18635 \\
        """
        self._depth("latex()")
        return formulas_latex(rate_lines(self._table, "≈"))

    def _repr_html_(self) -> str | None:
        """The rates as a table; None where they have no table."""
        return table_html(self._table) if "\n" in repr(self) else None

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        return ("first layer", "hidden layers", "readout")

    def _laws(self) -> tuple[Expr, ...]:
        return ()

    def _bounded(self, rates: dict[str, float], depth: int) -> dict[str, float]:
        """``rates`` at the bound 1, at the bound."""
        found = {name: rate * float(self.bound) ** 0.5 for name, rate in rates.items()}
        self._checked([*found.values()], depth)
        return found

    def _checked(self, rates: Any, depth: int) -> FloatArray:
        """``rates``, or `NotSolved` where a rate is beyond the range of floats."""
        network = self.update.network
        return in_floats(rates, True, "a rate", network, depth, "give a smaller depth")

    def __repr__(self) -> str:
        network, optimiser = self.update.network, self.update.optimiser
        bound = bound_text(self.bound)
        at = f"bound {bound} at the last {self._last}"
        head = f"{type(self).__name__} of {network} as n → ∞, {at}, steps of {optimiser}"
        first = "" if isinstance(network.width, int) else "give a width and "
        if not isinstance(network.depth, int):
            return f"{head}: {first}take at({self._size}=64) for numbers"
        if network.depth > QUICK:
            return f"{head}: {first}take alone, together or equal_shares"
        try:
            return "\n".join([head, *table_text(self._table), *filter(None, [self._farther()])])
        except NotSolved:
            return f"{head}: no numbers at n = ∞; alone says why"

    def _farther(self) -> str:
        """Whether the rates together move an earlier layer by more than the last."""
        depth = self.network.layers
        moved = self._moved(self._together(depth), depth)[0] / float(self.bound)
        return moved_farther(self._place(int(moved.argmax())), float(moved.max()), self.bound)

    def _place(self, index: int) -> str:
        """The layer of an index of `_moved`."""
        return f"layer {index + 1}"

    @property
    def _size(self) -> Symbol:
        return self.network._depth_symbol

    def _depth(self, name: str) -> int:
        return one_depth(self.update.network, None, f"at({self._size}=64).{name}")

    @property
    def _table(self) -> Table:
        network = self.update.network
        rates = [self._alone(network.layers), self._together(network.layers)]
        units = {-1: "/n", Rational(-1, 2): "/sqrt(n)"}
        if isinstance(network.width, int):
            rates, units = [self._at_width(each) for each in rates], {}
        rows: Any = tuple(
            (name, *(f"{each[name]:.6g}{units.get(self._power(name), '')}" for each in rates))
            for name in rates[0]
        )
        return Table(("", "alone", "together"), rows)


@dataclass(frozen=True, repr=False)
class WideBlockLayerRates(WideLayerRates):
    """The largest rates, as n -> infinity, of the input, of the matrices of all branches by role,
    and of the readout of a `Residual`, under one ``bound`` of E[(Delta h)^2] after the last block
    and of E[(Delta f)^2].  Made by `layer_rates`.

    >>> from theory import Residual, Tanh, layer_rates
    >>> layer_rates(Residual(64, 8, activation=Tanh()))
    WideBlockLayerRates of Residual(width=64, blocks=8, activation=Tanh()) as n → ∞, bound 1 at \
the last block, steps of GradientDescent()
             alone      together
    input    0.481758   0.139825
    up       1.31951    0.382974
    down     1.76518    0.512324
    readout  0.0109762  0.00318571
    """

    update: WideBlockUpdate
    _last = "block"
    _to_open = "blocks"

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        down = ("down",) * isinstance(self.update.network.branch, UpDown)
        return ("input", "up", *down, "readout")

    def _moved(self, rates: dict[str, float], depth: int) -> tuple[FloatArray, float]:
        """E[(Delta h)^2] of the stream after blocks 0 to B, and |Delta f|."""
        roles = {role: Rational(rates.get(role, 0.0)) for role in ("input", "up", "down")}
        found = replace(self.update, rates=ByRole(**roles))._movement(depth)
        return found.stream, found.output

    def _moved_by_readout(self, depth: int) -> float:
        network = self.update.network._with(blocks=depth)
        return output_moved_by_stream(network, self.update.inputs, self.update.optimiser)

    def _place(self, index: int) -> str:
        return f"block {index}"


def wide_layer_rates(
    network: object, bound: object, inputs: object, optimiser: object
) -> WideLayerRates:
    """The `WideLayerRates` of arguments as those of `layer_rates`."""
    checked = checked_network(network)
    update = wide_update(checked, None, None, inputs=inputs, optimiser=optimiser)
    rule = update.optimiser
    if rule.weight_decay != 0 or not rule.unscaled.is_homogeneous:
        raise NotSolved(
            f"rates of groups are solved without weight decay and epsilon, got {rule}: leave them "
            f"out"
        )
    kind = WideBlockLayerRates if isinstance(checked, Residual) else WideLayerRates
    return kind(update, LastLayer(bound).bound)
