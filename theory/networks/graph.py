"""`Graph` is a feed-forward network on a directed graph with a ReLU at every vertex."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sympy import Expr, Integer, Symbol, sympify

from theory.activations import Linear, PiecewiseLinear, ReLU, checked_activation
from theory.activations.contact import recognised
from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.network import Network, Size, size_value
from theory.networks.sites import BELOW, Cell, Edge, Site
from theory.symbols import n, n_0
from theory.validation import brief, non_negative_value, scale_value, typed

__all__ = ["Graph"]

_INPUT = "x"
"""The name of the input among the sources of a vertex."""
Table = tuple[tuple[Any, Any], ...]

_LONGEST = 200
"""Characters of the vertices within a sentence."""


@answered_class
@dataclass(frozen=True, repr=False)
class Graph(Network):
    """A random feed-forward network on a directed graph, with a weight matrix on every edge.

    ``vertices``: a mapping of names to the names of sources; "x" is the input.  A vertex computes
    z = sum over its sources of W sigma(z_source), where the source "x" gives W x; f = v . sum over
    ``readout`` of sigma(z).  ``readout``: one name, or a tuple; v_j of each has the variance
    readout_variance/(width^2 times their number).
    ``width``: of every vertex, an int or the symbol ``n`` (None).  ``input_width``: an int, the
    symbol ``n_0``, or the width (None).  ``variances``: a mapping of (source, name) to variances
    times fan-in, free of widths; None is critical, c over the number of sources.  In the other
    scales n and n_0 stand for the widths, and become numbers where these are numbers.

    >>> Graph({"a": ("x",), "b": ("x", "a")}, readout="b", width=8)
    Graph({'a': ('x',), 'b': ('x', 'a')}, readout='b', width=8)
    """

    vertices: Table
    readout: tuple[str, ...] = field(kw_only=True)
    width: Size | None = field(default=None, kw_only=True)
    input_width: Size | None = field(default=None, kw_only=True)
    activation: PiecewiseLinear = field(default_factory=ReLU, kw_only=True)
    variances: Table | None = field(default=None, kw_only=True)
    readout_variance: Expr | None = field(default=None, kw_only=True)
    input_norm2: Expr | None = field(default=None, kw_only=True)
    _whole: ClassVar[bool] = True
    _unsaid: ClassVar[Mapping[str, object]] = {"width": n, "activation": ReLU()}

    def __init__(
        self,
        vertices: Any,
        *,
        readout: Any,
        width: Any = None,
        input_width: Any = None,
        activation: PiecewiseLinear | None = None,
        variances: Any = None,
        readout_variance: Any = None,
        input_norm2: Any = None,
    ) -> None:
        activation = ReLU() if activation is None else recognised(activation)
        checked_activation(activation)
        self._set("activation", activation)
        self._set("vertices", _vertices(vertices))
        self._set("readout", _readout(readout, tuple(dict(self.vertices))))
        self._set("width", n if width is None else size_value("width", width, n))
        inside = None if input_width is None else size_value("input_width", input_width, n_0, n)
        self._set("input_width", inside)
        self._set("variances", None if variances is None else self._edge_values(variances))
        scales = {"readout_variance": readout_variance, "input_norm2": input_norm2}
        for name, value in scales.items():
            self._set(name, None if value is None else scale_value(name, value, self._letters({})))

    def _edge_values(self, values: Any) -> Table:
        pairs = values.items() if isinstance(values, Mapping) else values
        read = {}
        for edge, value in pairs:
            self._checked_edge("variances", edge)
            name = f"variances[{edge!r}]"
            read[edge] = scale_value(name, value, self._letters({}), times_fan_in=True)
        return tuple(read.items())

    def _checked_edge(self, name: str, edge: Any) -> None:
        if edge not in self._edges():
            raise InvalidArgument(
                f"expected edges (source, vertex) of the graph for {name}, got {edge!r}; its edges "
                f"are {brief(tuple(self._edges()), _LONGEST, write=_listed)}"
            )

    def _edges(self) -> list[tuple[str, str]]:
        return [(source, vertex) for vertex, sources in self.vertices for source in sources]

    def _text(self, write: Callable[[object], str]) -> str:
        vertices = dict(self.vertices)
        said = [repr(vertices) if len(repr(vertices)) <= _LONGEST else write(vertices)]
        readout: Any = self.readout[0] if len(self.readout) == 1 else self.readout
        said.append(f"readout={write(readout)}")
        names = ("width", "input_width", "activation", "readout_variance", "input_norm2")
        values = {name: getattr(self, name) for name in names}
        said += [
            f"{k}={write(v)}" for k, v in values.items() if v not in (None, self._unsaid.get(k))
        ]
        if self.variances is not None:
            pairs = ", ".join(f"{edge!r}: {write(value)}" for edge, value in self.variances)
            said.append(f"variances={{{pairs}}}")
        return f"Graph({', '.join(said)})"

    @property
    def depth(self) -> int:
        """The number of vertices.

        >>> Graph({"a": ("x",), "b": ("a",)}, readout="b").depth
        2
        """
        return len(self.vertices)

    @property
    def free_symbols(self) -> frozenset[Symbol]:
        """The open symbols of this network.

        >>> Graph({"a": ("x",)}, readout="a").free_symbols
        frozenset({n})
        """
        values = [sympify(self.width), sympify(self.first_fan_in), self.s, self.norm2]
        values += [self.activation.slope, *(value for _, value in self.variances or ())]
        return frozenset().union(*(value.free_symbols for value in values))

    def _cells(self, rates: Any) -> Iterator[tuple[Cell, int]]:
        """One cell: a step for each vertex."""
        read = dict(self._asked_rates(rates) or ())
        yield tuple((self._vertex(name, sources, read),) for name, sources in self.vertices), 1

    def _asked_layer(self, layer: object) -> Any:
        """The name of a vertex; None is the first of the readout."""
        if layer is None:
            return self.readout[0]
        names = tuple(dict(self.vertices))
        if layer not in names:
            raise InvalidArgument(
                f"expected the name of a vertex for layer, got layer={typed(layer)}; the vertices "
                f"are {brief(names, _LONGEST, write=_listed)}"
            )
        return layer

    def _site_name(self, layer: Any) -> str:
        return str(layer)

    def _asked_rates(self, rates: object) -> Table | None:
        """Pairs of edges and multipliers of eta, from one for all edges or a mapping of some."""
        if rates is None:
            return None
        if not isinstance(rates, Mapping | tuple):
            if isinstance(rates, Iterable) and not isinstance(rates, str):
                raise InvalidArgument(
                    f"expected a mapping of edges or one number for rates, got "
                    f"rates={typed(rates)}; give one such as {{{self._edges()[0]}: 2}}"
                )
            every = non_negative_value("rates", rates)
            return tuple((edge, every) for edge in self._edges())
        given = dict(rates)
        for edge in given:
            self._checked_edge("rates", edge)
        return tuple((edge, non_negative_value(f"rates[{edge!r}]", v)) for edge, v in given.items())

    def _vertex(self, name: str, sources: Any, rates: dict[Any, Expr]) -> Site:
        usual = self.activation.critical_variance() / len(sources)
        given = dict(self.variances or ())
        edges = []
        for source in sources:
            fan_in = self.first_fan_in if source == _INPUT else self.width
            variance = given.get((source, name), usual) / fan_in
            rate = rates.get((source, name), Integer(1))
            edges.append(Edge(BELOW if source == _INPUT else source, fan_in, variance, rate))
        return Site(name, self.width, self.activation, tuple(edges))

    def _readout(self) -> Site:
        variance = self.s / (sympify(self.width) ** 2 * len(self.readout))
        edges = (Edge(name, self.width, variance, Integer(0)) for name in self.readout)
        return Site("f", 1, Linear(), tuple(edges))


def _vertices(vertices: Any) -> Table:
    """Names with their sources, in an order in which every source comes before its readers."""
    pairs = vertices.items() if isinstance(vertices, Mapping) else vertices
    try:
        given = {name: _names(sources) for name, sources in pairs}
    except (TypeError, ValueError):
        given = {}
    if not given:
        raise InvalidArgument(
            f"expected a mapping of names to sources for vertices, got vertices={typed(vertices)}; "
            f"give one such as {{'a': ('x',), 'b': ('x', 'a')}}"
        )
    edges = vertices if isinstance(vertices, list | tuple) else ()
    if edges and _INPUT in given and all(isinstance(vertex, str) for _, vertex in edges):
        read: dict[str, tuple[str, ...]] = {}
        for source, vertex in edges:
            read[vertex] = (*read.get(vertex, ()), source)
        raise InvalidArgument(
            f"expected a mapping of names to sources for vertices, got the edges "
            f"vertices={typed(vertices)}; give {brief(read, _LONGEST)}"
        )
    for name, sources in given.items():
        if not isinstance(name, str):
            raise InvalidArgument(
                f"expected names of vertices in text for vertices, got {typed(name)}; give "
                f"{str(name)!r}"
            )
        strange = [each for each in sources if each != _INPUT and each not in given]
        if strange or not sources or name in (_INPUT, BELOW) or len(set(sources)) < len(sources):
            raise InvalidArgument(
                f"expected sources of {name!r} that are vertices of this graph or the input 'x', "
                f"each once, got {sources!r}; the vertices are "
                f"{brief(tuple(given), _LONGEST, write=_listed)}; no vertex may be called 'x'"
            )
    ordered: dict[str, tuple[str, ...]] = {}
    while len(ordered) < len(given):
        ready = [
            name
            for name, sources in given.items()
            if name not in ordered and all(s == _INPUT or s in ordered for s in sources)
        ]
        if not ready:
            raise InvalidArgument(
                f"expected a graph without cycles for vertices, got {dict(given)}; leave out an "
                f"edge of each cycle"
            )
        ordered |= {name: given[name] for name in ready}
    return tuple(ordered.items())


def _names(sources: Any) -> tuple[str, ...]:
    return (sources,) if isinstance(sources, str) else tuple(sources)


def _listed(values: Any) -> str:
    return ", ".join(map(repr, values))


def _readout(readout: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    wanted = _names(readout) if isinstance(readout, str | tuple | list) else ()
    if not wanted or set(wanted) - set(names) or len(set(wanted)) < len(wanted):
        raise InvalidArgument(
            f"expected vertices of this graph for readout, each once, got readout="
            f"{typed(readout)}; the vertices are {brief(names, _LONGEST, write=_listed)}"
        )
    return wanted
