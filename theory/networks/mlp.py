"""`MLP` is a fully connected network: sizes, activation and scales, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby, repeat
from typing import Any, ClassVar, cast

from sympy import Expr, Integer, Symbol

from theory.activations import PiecewiseLinear, ReLU, checked_nonlinearity
from theory.activations.contact import recognised
from theory.coverage import answered_class
from theory.errors import InvalidArgument, NotSolved
from theory.networks.multipliers import ByGroup, TrainedLayers, multiplier_runs, schedule
from theory.networks.network import Network, Size, size_value
from theory.networks.norms import Norm, checked_norm
from theory.networks.sites import BELOW, Cell, Edge, Plan, Site
from theory.symbols import B, L, b, ell, eta, meant, n, n_0, n_in, n_out, p, q, t
from theory.validation import (
    brief,
    non_negative_value,
    positive_int,
    scale_value,
    typed,
)

__all__ = ["MLP"]

_TAKEN = (eta, t, B, b, ell, p, q, L)
"""Symbols with a meaning of their own in results, which no width may have."""


@answered_class
@dataclass(frozen=True, repr=False)
class MLP(Network):
    """A random fully connected network at mean-field initialisation.

    With x^(0) = x, z^(l) = W^(l) x^(l-1), x^(l) = sigma(z^(l)) for l = 1..L and f = v . x^(L),
    the weights are independent, W^(l)_ij ~ N(0, weight_variance/fan_in) and
    v_j ~ N(0, readout_variance/n_L^2).

    ``width``: int, or the symbol ``n`` (None); or a tuple with one width per layer, each an int or
    your own symbol, read as a positive integer.
    ``depth``: int, or the symbol ``L`` (None); a tuple of widths sets it.
    ``input_width``: int, the symbol ``n_0``, or the first width (None).
    ``activation``: `ReLU` (None), or any other; biases, ``norm`` and activations that are not
    piecewise linear are solved as n goes to infinity alone.
    ``weight_variance``: None is critical, 2/(1 + slope^2): 2 for ReLU; for any activation see
    `theory.critical`.
    ``bias_variance``: of biases b_i ~ N(0, bias_variance), drawn and not trained; z = W x + b.
    ``norm``: `RMSNorm` or `LayerNorm`, or None.
    ``readout_variance``: in units of 1/n_L^2; None is 1.
    ``input_norm2``: |x|^2; None is the input width.

    Scales may hold symbols: n, n_0 and L stand for the sizes of this network, and become numbers
    where a size is a number; your own symbols are read as positive.  ``weight_variance`` is
    refused where it depends on a width, since it is the variance of one weight *times* its fan-in:
    Kaiming's 2/fan_in is weight_variance=2.

    Numbers are exact: int, Fraction, sympy Rational or decimal text; a float is read as its
    shortest decimal.  The constructor validates its arguments (`InvalidArgument`); it derives
    nothing and samples nothing.

    >>> MLP(width=64, depth=3)
    MLP(width=64, depth=3)
    >>> MLP(width=(8, 16, 8), input_norm2="2.5").depth
    3
    >>> from sympy import symbols
    >>> MLP(width=symbols("n_1 n_2"))
    MLP(width=(n_1, n_2), depth=2)
    """

    width: Size | tuple[Size, ...] | None = None
    depth: Size | None = None
    input_width: Size | None = field(default=None, kw_only=True)
    activation: Any = field(default_factory=ReLU, kw_only=True)
    weight_variance: Expr | None = field(default=None, kw_only=True)
    readout_variance: Expr | None = field(default=None, kw_only=True)
    input_norm2: Expr | None = field(default=None, kw_only=True)
    bias_variance: Expr = field(default=Integer(0), kw_only=True)
    norm: Norm | None = field(default=None, kw_only=True)
    _is_chain: ClassVar[bool] = True
    _unsaid: ClassVar[Mapping[str, object]] = {
        "width": n,
        "depth": L,
        "activation": ReLU(),
        "bias_variance": 0,
    }

    def __post_init__(self) -> None:
        checked_nonlinearity(self.activation)
        self._set("activation", recognised(self.activation))
        width, depth = _sizes(self.width, self.depth)
        self._set("width", width)
        self._set("depth", depth)
        if self.input_width is not None:
            self._set("input_width", size_value("input_width", self.input_width, n_0, n))
        letters = self._letters({L: depth} if isinstance(depth, int) else {})
        for name in ("weight_variance", "readout_variance", "input_norm2"):
            value = getattr(self, name)
            if value is not None and not self._is_given_constant(value):
                fan_in = name == "weight_variance"
                self._set(name, scale_value(name, value, letters, times_fan_in=fan_in))
        self._set("bias_variance", non_negative_value("bias_variance", self.bias_variance))
        checked_norm(self.norm)
        if isinstance(width, tuple):
            _refuse_namesakes(self.free_symbols)

    def _is_given_constant(self, value: object) -> bool:
        """Whether ``value`` is a positive number such as pi/4, which no exact engine reads."""
        smooth = not isinstance(self.activation, PiecewiseLinear)
        return smooth and isinstance(value, Expr) and value.is_number and bool(value.is_positive)

    def _cells(self, rates: Any) -> Iterator[tuple[Cell, int]]:
        """The hidden layers; equal neighbours are one run."""
        runs = multiplier_runs(rates, self.layers)
        if isinstance(self.width, tuple):
            each = chain.from_iterable(repeat(rate, count) for rate, count in runs)
            sizes = zip(self.widths, self.widths[1:], each, strict=False)
            yield from ((self._layer(*key), len(list(same))) for key, same in groupby(sizes))
            return
        (first, count), *others = runs
        yield self._layer(self.first_fan_in, self.width, first), 1
        for rate, number in ((first, count - 1), *others):
            if number:
                yield self._layer(self.width, self.width, rate), number

    def _kinds(self) -> tuple[Cell, ...]:
        return (self._layer(n_in, n_out, Integer(1)),)

    def _neighbours(self, rates: Any) -> Iterator[tuple[Cell, Cell]]:
        if isinstance(self.depth, int):
            yield from super()._neighbours(rates)
        elif isinstance(rates, TrainedLayers):
            raise NotSolved("the neighbours of trained layers depend on the depth: give numbers")
        else:
            for depth in (2, 3, 4):
                yield from self._with(depth=depth)._neighbours(rates)

    def _opened(self, rates: Any) -> tuple[Network, Any]:
        if isinstance(self.width, tuple):
            return self, rates
        if isinstance(rates, tuple):
            if len(set(rates[1:])) > 1:
                return self, rates
            rates = ByGroup(rates[0], rates[-1], rates[-1])
        return self._with(width=None, depth=None), rates

    def _plan(self, rates: Any, layer: Expr, depth: Expr) -> Plan:
        plan = schedule(rates, layer, depth)
        first = self.first_fan_in if plan.first is None else self.width
        own = self._layer(first, self.width, plan.own)
        runs = [(self._layer(self.width, self.width, run.rate), run.count) for run in plan.runs]
        if plan.first is not None:
            bottom = self._layer(self.first_fan_in, self.width, plan.first)
            if runs and runs[0][0] == bottom:
                runs[0] = (bottom, runs[0][1] + 1)
            else:
                runs.insert(0, (bottom, Integer(1)))
        above = self._layer(self.width, self.width, Integer(1)), depth - layer
        counts = tuple(run.count for run in plan.runs)
        return Plan(plan.layer, tuple(runs), own, above, counts, plan.before)

    def _layer(self, fan_in: Any, width: Any, rate: Expr) -> Cell:
        """One layer: the cell of one site with one edge."""
        edge = Edge(BELOW, fan_in, self.c / fan_in, rate)
        return ((Site("z", width, self.activation, (edge,)),),)


def _refuse_namesakes(symbols: Iterable[Symbol]) -> None:
    for name, several in Counter(symbol.name for symbol in symbols).items():
        if several > 1:
            raise InvalidArgument(
                f"expected one symbol of each name in a network, got {several} called {name}, of "
                f"width and of a scale or slope; give the width another name, as in Symbol('n_1')"
            )


def _sizes(width: object, depth: object) -> tuple[Size | tuple[Size, ...], Size]:
    if getattr(width, "ndim", 0) == 1:
        width = tuple(width)  # type: ignore[arg-type]
    if not isinstance(width, tuple | list):
        return (
            n if width is None else size_value("width", width, n),
            L if depth is None else size_value("depth", depth, L),
        )
    if not width:
        raise InvalidArgument("expected at least one width, got width=(); give width=(64, 64)")
    widths = tuple(_layer_width(i, each) for i, each in enumerate(width))
    if depth is not None and (type(depth) is not int or depth != len(widths)):
        raise InvalidArgument(
            f"expected depth={len(widths)} with {len(widths)} widths, got depth={typed(depth)}; "
            f"leave depth out, the widths set it"
        )
    return widths, len(widths)


def _layer_width(index: int, value: object) -> Size:
    name = f"width[{index}]"
    if isinstance(value, Expr) and value.free_symbols and not isinstance(value, Symbol):
        raise InvalidArgument(
            f"expected a positive int or a symbol for {name}, got {name}={typed(value)}; give "
            f"Symbol('n_{index + 1}'), and put the expression into the result, as in "
            f".exact.subs(n_{index + 1}, {brief(value)})"
        )
    if not isinstance(value, Symbol):
        return positive_int(name, value)
    width = meant(value, n, n_0, *_TAKEN, Symbol(value.name, integer=True, positive=True))
    if width.is_integer and width.is_positive and width.name not in map(str, _TAKEN):
        return cast(Symbol, width)
    raise InvalidArgument(
        f"expected a positive int or a symbol of a width for {name}, got {name}={typed(value)}; "
        f"give Symbol('n_{index + 1}'), which may be a positive integer and is not called "
        f"{', '.join(map(str, _TAKEN[:-1]))} or L"
    )
