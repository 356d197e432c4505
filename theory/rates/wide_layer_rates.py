"""`WideLayerRates` are the rates of groups of weights and of single layers as n -> infinity.

The readout's own step moves f by eta times |x|^2 (gradient descent), |x|_1 (sign descent) or |x|
(normalised steps) of its input.  The groups below it move f by E psi g each, always to the same
side, so that E[(Delta f)^2] of all groups is the square of a sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

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
from theory.infinite_width.streams.blocks import Movement, output_moved_by_stream
from theory.infinite_width.wide_update import QUICK, WideUpdate
from theory.infinite_width.wide_value import (
    at_named_width,
    at_width,
    checked_depths,
    in_floats,
    one_depth,
    other_sizes,
)
from theory.laws.criteria import LastLayer, bound_text
from theory.networks.mlp import MLP
from theory.networks.network import checked_network
from theory.networks.residual import Residual
from theory.networks.roles import ByRole, UpDown
from theory.networks.sizes import bound_sizes
from theory.public_names import PickledByFields, PublicNames, cached_property
from theory.solutions.arrays import columns
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


class _Rates(NamedTuple):
    """The rates of groups over the powers of n, and E[(Delta z)^2] of every layer over the bound if
    all groups train."""

    alone: dict[str, float]
    together: dict[str, float]
    moved: FloatArray


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
        self._check_depth("alone")
        return self._at_width(self._rates.alone)

    @cached_property
    def _rates(self) -> _Rates:
        with announced("layer rates"):
            squares = {name: self._moved_z({name: 1.0})[-1] for name in self._drawn_parts[:-1]}
            self._checked([*squares.values()])
            alone = {name: float(square) ** -0.5 for name, square in squares.items()}
            alone["readout"] = 1 / self._moved_by_readout()
            moved_z = self._moved_z(alone)
            largest = max(float(moved_z[-1]) ** 0.5, self._moved_f(alone) + 1)
            self._checked(largest)
        at_bound, joint = (
            {name: rate * float(self.bound) ** 0.5 / factor for name, rate in alone.items()}
            for factor in (1, largest)
        )
        self._checked([*at_bound.values(), *joint.values()])
        return _Rates(at_bound, joint, moved_z / largest**2)

    def _moved_z(self, rates: dict[str, float]) -> FloatArray:
        """E[(Delta z)^2] in every layer if the groups of ``rates`` train."""
        layers = self.update._layers(self.network.layers)
        return moved_in_every_layer(layers, self.update.optimiser, self._by_layer(rates))

    def _moved_f(self, rates: dict[str, float]) -> float:
        """|Delta f| if the groups of ``rates`` below the readout train."""
        layers = self.update._layers(self.network.layers)
        return output_moved_by_layers(layers, self.update.optimiser, self._by_layer(rates))

    def _by_layer(self, rates: dict[str, float]) -> FloatArray:
        """The rate of every layer."""
        first = self.update._multipliers(self.network.layers)
        first[1:] = 0
        return rates.get("first layer", 0.0) * first + rates.get("hidden layers", 0.0) * (1 - first)

    def _moved_by_readout(self) -> float:
        """|Delta f| of the readout's own step, which reads the input of one more layer."""
        deeper = self.update._layers(self.network.layers + 1)
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
        self._check_depth("together")
        return tuple(self._at_width(self._rates.together).values())

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
        self._check_depth("equal_shares")
        with announced("layer rates"):
            found = equal_shares(self.update._layers(self.network.layers), self.update.optimiser)
        rates = self._checked(found * float(self.bound) ** 0.5)
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
        depth = bound_sizes(self.open_sizes, value.network, sizes, rest, self._elsewhere).get(
            self._size
        )
        if depth is None:
            return value.together
        depths = checked_depths(value.network, depth)
        if isinstance(depths, int):
            return value.at(depths).together
        return columns([value.at(each).together for each in depths.tolist()])

    def latex(self) -> str:
        r"""The rates alone and together of a network with a depth, in LaTeX.

        >>> from theory import MLP, Tanh, layer_rates
        >>> print(layer_rates(MLP(depth=16, activation=Tanh())).latex().splitlines()[1])
        \eta_{\text{first layer, alone}} &\approx  5.18635 \\
        """
        self._check_depth("latex()")
        return formulas_latex(rate_lines(self._table, "≈"))

    def _repr_html_(self) -> str | None:
        """The rates as a table; None where they have no table."""
        return table_html(self._table) if "\n" in repr(self) else None

    @property
    def _elsewhere(self) -> str:
        return other_sizes(self.network, bool(self.open_sizes), has_width=True)

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        return ("first layer", *("hidden layers",) * (self.network.depth != 1), "readout")

    def _laws(self) -> tuple[Expr, ...]:
        return ()

    def _checked(self, rates: Any) -> FloatArray:
        """``rates``, or `NotSolved` where a rate is beyond the range of floats."""
        network = self.network
        return in_floats(rates, True, "a rate", network, network.layers, "give a smaller depth")

    def __repr__(self) -> str:
        network = self.update.network
        at = f"bound {bound_text(self.bound)} at the last {self._last}"
        steps = f"steps of {self.update._said_rule}"
        head = f"{type(self).__name__} of {network} as n → ∞, {at}, {steps}"
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
        moved = self._rates.moved
        return moved_farther(self._place(int(moved.argmax())), float(moved.max()), self.bound)

    def _place(self, index: int) -> str:
        """The layer of an index of `_moved`."""
        return f"layer {index + 1}"

    @property
    def _size(self) -> Symbol:
        return self.network._depth_symbol

    def _check_depth(self, name: str) -> None:
        one_depth(self.network, None, f"at({self._size}=64).{name}")

    @property
    def _table(self) -> Table:
        network = self.network
        rates = [self._rates.alone, self._rates.together]
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

    def _movement(self, rates: dict[str, float]) -> Movement:
        """Of the stream after blocks 0 to B."""
        roles = {role: Rational(rates.get(role, 0.0)) for role in ("input", "up", "down")}
        return replace(self.update, rates=ByRole(**roles))._movement(self.network.layers)

    def _moved_z(self, rates: dict[str, float]) -> FloatArray:
        return self._movement(rates).stream

    def _moved_f(self, rates: dict[str, float]) -> float:
        return self._movement(rates).output

    def _moved_by_readout(self) -> float:
        return output_moved_by_stream(
            self.update.network, self.update.inputs, self.update.optimiser
        )

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
