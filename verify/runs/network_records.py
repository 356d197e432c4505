"""Records hold networks, the places measured in them and their rates in plain numbers and text."""

from __future__ import annotations

import ast
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import asdict

from theory import activations, optimisers
from theory.activations import LeakyReLU, Linear, PiecewiseLinear, ReLU
from theory.errors import InvalidArgument
from theory.networks.convolution import Convolution
from theory.networks.graph import Graph
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.norms import LayerNorm, RMSNorm
from theory.networks.residual import Residual
from theory.networks.roles import (
    ActivatedThenWeights,
    Branch,
    ByRole,
    UpDown,
    WeightsThenActivated,
)
from theory.validation import brief, typed
from verify.samplers.places import Place

__all__ = [
    "NetworkRecord",
    "OtherRecord",
    "place_in_text",
    "place_of_text",
    "rates_in_text",
    "rates_of_text",
    "record_of",
    "value_of_code",
]

_MADE = {
    name: getattr(module, name)
    for module, names in ((activations, activations.__all__), (optimisers, optimisers.__all__))
    for name in names
    if name[0].isupper() and name not in ("Nonlinearity", "PiecewiseLinear", "Layer", "OwnPart")
} | {
    kind.__name__: kind
    for kind in (RMSNorm, LayerNorm, UpDown, ActivatedThenWeights, WeightsThenActivated)
}
"""The classes that records build from code, by name."""
_MOST_WIDTHS = 10_000
"""The most different widths of a network that is read from a file."""


class NetworkRecord(Struct, frozen=True, omit_defaults=True):
    """An MLP in numbers, exact rationals as text; ``width``: all where they differ.

    ``slope``: of the activation on negative numbers, or the code of an activation that has none,
    whose ``weight_variance`` is None where it is critical; ``norm``: its code.
    """

    depth: int
    input_norm2: str
    input_width: int
    readout_variance: str
    slope: str
    weight_variance: str | None
    width: int | tuple[int, ...]
    bias_variance: str = "0"
    norm: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.width, tuple) and len(self.width) > _MOST_WIDTHS:
            raise ValueError(f"{len(self.width):,} widths, where {_MOST_WIDTHS:,} at most are read")

    @classmethod
    def of(cls, network: MLP) -> NetworkRecord:
        """The numbers of ``network``."""
        widths = tuple(int(width) for width in network.widths[1:])
        bent = isinstance(network.activation, PiecewiseLinear)
        variance = network.c if bent else network.weight_variance
        return cls(
            depth=network.layers,
            input_norm2=str(network.norm2),
            input_width=int(network.first_fan_in),
            readout_variance=str(network.s),
            slope=_in_text(network.activation),
            weight_variance=None if variance is None else str(variance),
            width=widths[0] if len(set(widths)) == 1 else widths,
            bias_variance=str(network.bias_variance),
            norm=None if network.norm is None else repr(network.norm),
        )

    @property
    def network(self) -> MLP:
        """The network; `InvalidArgument` where there is none of such numbers."""
        given = asdict(self)
        slope, norm = given.pop("slope"), given.pop("norm")
        given["norm"] = None if norm is None else value_of_code(norm)
        return MLP(**given, activation=_activation(slope))

    @property
    def chosen(self) -> dict[str, Any]:
        """The sizes, and every other field that differs from its default for sizes and
        activation."""
        usual = asdict(
            NetworkRecord.of(MLP(self.width, self.depth, activation=self.network.activation))
        )
        usual |= {"width": None, "depth": None, "slope": "0"}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def in_words(self) -> str:
        """The choices other than one width and a depth, as text; empty for none."""
        chosen = self.chosen
        widths = chosen.pop("width")
        chosen.pop("depth")
        if isinstance(widths, tuple):
            chosen["widths"] = brief(widths)
        return ", ".join(f"{name}={value}" for name, value in chosen.items())

    @property
    def code(self) -> str:
        """Python that makes the network, without arguments at their defaults.

        >>> NetworkRecord.of(MLP((8, 8), input_width=8, weight_variance=2)).code
        'MLP(width=8, depth=2)'
        """
        given = self.chosen | {"activation": self.network.activation}
        given.pop("slope", None)
        given["norm"] = self.network.norm
        usual = self.input_norm2 == str(self.input_width)
        return repr(MLP(**given | {"input_norm2": None if usual else self.input_norm2}))


class _Other(Struct, frozen=True):
    """A network that is no MLP: every field is present, exact rationals as text."""

    input_width: int
    readout_variance: str
    slope: str

    @property
    def chosen(self) -> dict[str, Any]:
        """Its kind and every field."""
        return {"network": self}

    @property
    def in_words(self) -> str:
        """Its kind, and its choices other than width and depth."""
        return type(self).__name__.removesuffix("Record").lower()

    @property
    def code(self) -> str:
        """Python that makes the network."""
        return repr(self.network)

    @property
    def network(self) -> Network:
        """The network; `InvalidArgument` where there is none of such numbers."""
        raise NotImplementedError

    def _given(self) -> dict[str, Any]:
        given = asdict(self)
        return {"activation": _activation(given.pop("slope"))} | given


class ResidualRecord(_Other, frozen=True, omit_defaults=True, tag="Residual"):
    """A residual network; ``weight_variance``: of input, up and down; ``branch``, ``norm``: their
    codes."""

    width: int
    blocks: int
    branch_width: int
    multiplier2: str
    skip2: str
    weight_variance: tuple[str, str, str]
    input_norm2: str
    bias_variance: str = "0"
    branch: str = "UpDown()"
    norm: str | None = None

    @property
    def in_words(self) -> str:
        slope = {} if self.slope == "0" else {"slope": self.slope}
        said = slope | self._unusual
        return ", ".join(["residual", *(f"{name}={value}" for name, value in said.items())])

    @property
    def _unusual(self) -> dict[str, Any]:
        """The fields that sizes and activation alone do not make."""
        activation = _activation(self.slope)
        # critical weights of other activations need the biases, if there are such weights
        up = None if isinstance(activation, PiecewiseLinear) else ByRole(up=1)
        plain = Residual(self.width, self.blocks, activation=activation, weight_variance=up)
        usual = asdict(record_of(plain))
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def network(self) -> Network:
        given, activation = self._unusual, _activation(self.slope)
        for name in {"branch", "norm"} & set(given):
            given[name] = value_of_code(given[name])
        if "weight_variance" in given or not isinstance(activation, PiecewiseLinear):
            roles = 2 if "branch" in given else 3
            given["weight_variance"] = ByRole(*self.weight_variance[:roles])
        return Residual(self.width, self.blocks, activation=activation, **given)


class GraphRecord(_Other, frozen=True, tag="Graph"):
    """A graph; ``variances``: (source, vertex, variance times fan-in)."""

    width: int
    vertices: tuple[tuple[str, tuple[str, ...]], ...]
    readout: tuple[str, ...]
    variances: tuple[tuple[str, str, str], ...]
    input_norm2: str

    @property
    def network(self) -> Network:
        given = self._given()
        variances = {(source, vertex): value for source, vertex, value in self.variances}
        return Graph(**given | {"vertices": dict(self.vertices), "variances": variances})


class ConvolutionRecord(_Other, frozen=True, tag="Convolution"):
    """A convolution; ``gram``: the rows of inner products over ``input_channels``."""

    channels: int
    positions: int
    kernel: int
    depth: int
    shared: bool
    weight_variance: str
    gram: tuple[tuple[str, ...], ...]

    @property
    def network(self) -> Network:
        given = self._given()
        return Convolution(input_channels=given.pop("input_width"), **given)


OtherRecord = ResidualRecord | GraphRecord | ConvolutionRecord


def record_of(network: Network) -> NetworkRecord | OtherRecord:
    """The numbers of ``network``; equal for equal networks, however they were spelled."""
    if isinstance(network, MLP):
        return NetworkRecord.of(network)
    size: Any = network.first_fan_in
    scales: dict[str, Any] = {
        "input_width": int(size),
        "readout_variance": str(network.s),
        "slope": _in_text(network.activation),
    }
    if isinstance(network, Residual):
        variances = network.variances._mapped(network._in_blocks)
        return ResidualRecord(
            **scales,
            width=int(cast(int, network.width)),
            blocks=network.layers,
            branch_width=int(network.inner_width),
            multiplier2=str(network.tau2),
            skip2=str(network._in_blocks(network.skip2)),
            weight_variance=(str(variances.input), str(variances.up), str(variances.down)),
            input_norm2=str(network.norm2),
            bias_variance=str(network.bias_variance),
            branch=repr(network.branch),
            norm=None if network.norm is None else repr(network.norm),
        )
    if isinstance(network, Graph):
        sites = [site for (site,) in next(network._cells(None))[0]]
        return GraphRecord(
            **scales,
            width=int(cast(int, network.width)),
            vertices=_with_text_names(network),
            readout=network.readout,
            variances=tuple(
                (source, vertex, str(edge.variance * edge.fan_in))
                for (vertex, sources), site in zip(network.vertices, sites, strict=True)
                for source, edge in zip(sources, site.edges, strict=True)
            ),
            input_norm2=str(network.norm2),
        )
    network = cast(Convolution, network)
    places = range(network.positions)
    products = list(network._gram().values())
    rows = [products[network.positions * s : network.positions * (s + 1)] for s in places]
    return ConvolutionRecord(
        **scales,
        channels=int(cast(int, network.channels)),
        positions=network.positions,
        kernel=network.kernel,
        depth=network.depth,
        shared=network.shared,
        weight_variance=str(network.c),
        gram=tuple(tuple(str(each / size) for each in row) for row in rows),
    )


def _with_text_names(network: Graph) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The vertices; `InvalidArgument` where a name is no text, which records cannot hold."""
    for name, _ in network.vertices:
        if not isinstance(name, str):
            raise InvalidArgument(
                f"expected names of vertices as text where blocks are kept, got {typed(name)}; "
                f"give {str(name)!r}"
            )
    return network.vertices


def place_in_text(place: Place) -> Any:
    """A place as records hold it."""
    return f"branch {place.block}" if isinstance(place, Branch) else place


def place_of_text(network: Network, text: Any) -> Place:
    """The place of a record; `ValueError` for a name of no place."""
    if isinstance(network, Residual) and isinstance(text, str):
        return Branch(int(text.removeprefix("branch ")))
    return text


def rates_in_text(rates: Any) -> tuple[str | tuple[str, ...], ...] | None:
    """Multipliers, as `Places.rates` has them, as records hold them."""
    if rates is None:
        return None
    each = (rates,) if isinstance(rates, ByRole) else rates
    return tuple(map(_rate_in_text, each))


def _rate_in_text(rate: Any) -> str | tuple[str, ...]:
    if isinstance(rate, ByRole):
        return str(rate.input), str(rate.up), str(rate.down)
    if isinstance(rate, tuple):
        (source, vertex), number = rate
        return source, vertex, str(number)
    return str(rate)


def rates_of_text(network: Network, texts: Any) -> Any:
    """The multipliers of a record."""
    if texts is None:
        return None
    if isinstance(network, Residual):
        blocks = tuple(ByRole(*each) for each in texts)
        return blocks[0] if len(blocks) == 1 else blocks
    if isinstance(network, Graph):
        return {(source, vertex): number for source, vertex, number in texts}
    return texts


def _in_text(activation: Any) -> str:
    """The slope on negative numbers, or the code of an activation that has none."""
    bent = isinstance(activation, PiecewiseLinear)
    return str(activation.slope) if bent else repr(activation)


def _activation(slope: str) -> Any:
    if slope.endswith(")"):
        return value_of_code(slope)
    return {"0": ReLU(), "1": Linear()}.get(slope) or LeakyReLU(slope)


def value_of_code(code: str) -> Any:
    """The activation, norm or optimiser that ``code``, a ``repr``, makes: its text is read, never
    evaluated.  `ValueError` for any other text."""
    try:
        return _value(ast.parse(code, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("no code of an activation, a norm or an optimiser") from None


def _value(node: ast.AST) -> Any:
    match node:
        case ast.Constant(value=str() | int()):
            return node.value
        case ast.Call(func=ast.Name(id=name)) if name in _MADE:
            given = {each.arg: _value(each.value) for each in node.keywords if each.arg is not None}
            return _MADE[name](*map(_value, node.args), **given)
    raise ValueError("no code of an activation, a norm or an optimiser")
