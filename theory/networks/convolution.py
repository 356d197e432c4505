"""`Convolution` is a circular convolutional network with mean pooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, ClassVar

from sympy import Expr, Integer, Symbol, sympify

from theory.activations import Linear, PiecewiseLinear, ReLU, checked_activation
from theory.activations.contact import recognised
from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.network import Network, Size, numeric_rates, size_value
from theory.networks.sites import Cell, Edge, Site, Step
from theory.symbols import L, n, n_0
from theory.validation import (
    count_between,
    exact_number,
    index_in,
    positive_int,
    scale_value,
    typed,
)

__all__ = ["Convolution"]

Gram = Sequence[Sequence[Any]]
_ROUNDING = 1e-11


@answered_class
@dataclass(frozen=True, repr=False)
class Convolution(Network):
    """A random circular convolutional network; position s reads s, ..., s + kernel - 1 below.

    z^(l)_s = sum_k W^(l)_k x^(l-1)_(s+k), weights of variance weight_variance/(kernel fan-in),
    f = v . the mean of x^(L)_s over the positions, v_j ~ N(0, readout_variance/channels^2).

    ``channels``: int or the symbol ``n``.  ``positions``, ``kernel``, ``depth``: ints.
    ``input_channels``: int, the symbol ``n_0``, or the channels (None).
    ``shared``: False gives each position separate weights.  The readout then also has separate
    weights, each of variance readout_variance/(channels^2 positions).
    ``gram``: inner products of the input's positions over input_channels, a square of numbers; None
    is the identity, and a square that is not positive semidefinite is refused.
    In ``readout_variance`` n, n_0 and L stand for the sizes, and become numbers where these are
    numbers; ``weight_variance`` is refused where it depends on a width.

    With shared filters, only `Linear` has exact values.

    >>> from theory import Linear
    >>> Convolution(2, 3, 2, 2, activation=Linear())
    Convolution(channels=2, positions=3, kernel=2, depth=2, activation=Linear())
    """

    channels: Size
    positions: int
    kernel: int
    depth: int
    input_channels: Size | None = field(default=None, kw_only=True)
    shared: bool = field(default=True, kw_only=True)
    activation: PiecewiseLinear = field(default_factory=ReLU, kw_only=True)
    weight_variance: Expr | None = field(default=None, kw_only=True)
    readout_variance: Expr | None = field(default=None, kw_only=True)
    gram: Gram | None = field(default=None, kw_only=True)
    _whole: ClassVar[bool] = True
    _unsaid: ClassVar[Mapping[str, object]] = {"shared": True, "activation": ReLU()}

    def __post_init__(self) -> None:
        self._set("activation", recognised(self.activation))
        checked_activation(self.activation)
        self._set("channels", size_value("channels", self.channels, n))
        for name in ("positions", "kernel", "depth"):
            self._set(name, positive_int(name, getattr(self, name)))
        if self.kernel > self.positions:
            raise InvalidArgument(
                f"expected kernel of at most positions={self.positions}, got kernel={self.kernel}; "
                f"a wider kernel reads a position twice"
            )
        if self.input_channels is not None:
            self._set("input_channels", size_value("input_channels", self.input_channels, n_0, n))
        if not isinstance(self.shared, bool):
            raise InvalidArgument(
                f"expected True or False for shared, got shared={typed(self.shared)}; False gives "
                f"each position separate weights"
            )
        letters = self._letters({L: self.depth})
        for name in ("weight_variance", "readout_variance"):
            if getattr(self, name) is not None:
                fan_in = name == "weight_variance"
                scale = scale_value(name, getattr(self, name), letters, times_fan_in=fan_in)
                self._set(name, scale)
        if self.gram is not None:
            self._set("gram", _gram(self.gram, self.positions))

    @property
    def width(self) -> Any:
        """The channels, as the width of other networks.

        >>> Convolution(8, 3, 2, 2, input_channels=4).width
        8
        """
        return self.channels

    @property
    def input_width(self) -> Any:
        """The input channels, as the input width of other networks.

        >>> Convolution(8, 3, 2, 2, input_channels=4).input_width
        4
        """
        return self.input_channels

    @property
    def input_norm2(self) -> Any:  # type: ignore[override]
        """None: `gram` takes the place of the input's norm.

        >>> Convolution(8, 3, 2, 2, input_channels=4).input_norm2 is None
        True
        """
        return None

    @property
    def free_symbols(self) -> frozenset[Symbol]:
        """The open symbols of this network.

        >>> Convolution(8, 3, 2, 2).free_symbols
        frozenset()
        """
        values = [sympify(self.channels), sympify(self.first_fan_in), self.s, self.c]
        values += [self.activation.slope, *(each for row in self.gram or () for each in row)]
        return frozenset().union(*(value.free_symbols for value in values))

    def _gram(self) -> dict[tuple[str, str], Expr]:
        size, places = sympify(self.first_fan_in), range(self.positions)
        gram = self.gram or [[Integer(s == t) for t in places] for s in places]
        return {(_name(0, s), _name(0, t)): gram[s][t] * size for s in places for t in places}

    def _cells(self, rates: Any) -> Iterator[tuple[Cell, int]]:
        """One cell: a step of all positions for each layer; a step for each position where these
        have weights of their own."""
        layers = (
            self._positions(layer, rate) for layer, rate in enumerate(self._asked_rates(rates), 1)
        )
        yield tuple(step for steps in layers for step in steps), 1

    def _asked_layer(self, layer: object) -> Any:
        """(layer, position); None is position 0 of the last layer."""
        if layer is None:
            return self.depth, 0
        if not isinstance(layer, tuple) or len(layer) != 2:
            raise InvalidArgument(
                f"expected (layer, position) for layer, got layer={typed(layer)}; give layer="
                f"({self.depth}, 0) for the first position of the last layer"
            )
        found = index_in("layer", layer[0], self.depth, "layers")
        return found, count_between("position", layer[1], 0, self.positions - 1)

    def _site_name(self, layer: Any) -> str:
        return _name(*layer)

    def _asked_rates(self, rates: object) -> tuple[Expr, ...]:
        return numeric_rates(self, rates)

    def _positions(self, layer: int, rate: Expr) -> list[Step]:
        fan_in = self.first_fan_in if layer == 1 else self.channels
        variance = self.c / (self.kernel * sympify(fan_in))
        sites = []
        for s in range(self.positions):
            edges = []
            for k in range(self.kernel):
                source = _name(layer - 1, (s + k) % self.positions)
                weights = f"{layer}.{k}" if self.shared else ""
                edges.append(Edge(source, fan_in, variance, rate, weights))
            sites.append(Site(_name(layer, s), self.channels, self.activation, tuple(edges)))
        return [tuple(sites)] if self.shared else [(site,) for site in sites]

    def _readout(self) -> Site:
        share = self.positions**2 if self.shared else self.positions
        variance = self.s / (sympify(self.channels) ** 2 * share)
        weights = "v" if self.shared else ""
        names = (_name(self.depth, s) for s in range(self.positions))
        edges = (Edge(name, self.channels, variance, Integer(0), weights) for name in names)
        return Site("f", 1, Linear(), tuple(edges))


def _name(layer: int, position: int) -> str:
    return f"{layer}.{position}"


def _gram(gram: Any, positions: int) -> Gram:
    try:
        rows = tuple(tuple(exact_number("gram", each) for each in row) for row in gram)
    except TypeError:
        rows = ()
    square = len(rows) == positions and all(len(row) == positions for row in rows)
    if not square or any(rows[s][t] != rows[t][s] for s in range(positions) for t in range(s)):
        raise InvalidArgument(
            f"expected a symmetric square of {positions} rows of numbers for gram, got "
            f"gram={typed(gram)}; give the inner products of the input's positions over "
            f"input_channels"
        )
    if not _are_inner_products(rows):
        raise InvalidArgument(
            f"expected inner products of vectors for gram, a positive semidefinite square that is "
            f"not 0, got gram={typed(gram)}; give X @ X.T / input_channels"
        )
    return rows


def _are_inner_products(rows: Gram) -> bool:
    """Whether a symmetric square is positive semidefinite, within the rounding of inner products
    in floats, and not 0: by Cholesky's method for the correlations, which no scale changes."""
    norms = [row[s] for s, row in enumerate(rows)]
    kept = [s for s, norm2 in enumerate(norms) if norm2 > 0]
    silent = (row for row, norm2 in zip(rows, norms, strict=True) if not norm2)
    if min(norms) < 0 or not kept or any(any(row) for row in silent):
        return False
    left = [[_correlation(rows[s][t], norms[s] * norms[t]) for t in kept] for s in kept]
    while left:
        pivot = max(range(len(left)), key=lambda s: left[s][s])
        if left[pivot][pivot] < _ROUNDING:
            return all(abs(each) < _ROUNDING for row in left for each in row)
        row = left.pop(pivot)
        largest = row.pop(pivot)
        across = [each.pop(pivot) for each in left]
        left = [
            [old - x * y / largest for old, y in zip(each, row, strict=True)]
            for each, x in zip(left, across, strict=True)
        ]
    return True


def _correlation(product: Any, squares: Any) -> float:
    """``product`` over the root of ``squares``, any above 1 as 2."""
    square = min(product**2 / squares, 4)
    return sqrt(square) if product > 0 else -sqrt(square)
