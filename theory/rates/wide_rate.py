"""`WideLearningRate` is the largest rate of one step as n -> infinity, linearised or real."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from sympy import Expr, Integer, sqrt

from theory.activations.contact import half_line_slopes
from theory.activations.critical import CriticalPoint, critical, critical_weight_variance
from theory.activations.nonlinearity import FloatArray
from theory.errors import InvalidArgument, NotSolved
from theory.infinite_width.block_update import WideBlockUpdate, wide_update
from theory.infinite_width.real_laws import one_layer_rate, piecewise_linear_rate
from theory.infinite_width.real_steps import moved_by_step, rate_that_moves
from theory.infinite_width.wide_update import QUICK_STEPS, WideUpdate
from theory.infinite_width.wide_value import WideValue, in_floats, one_depth
from theory.laws.criteria import (
    BlockCriterion,
    Branches,
    Criterion,
    LastLayer,
    MeanOverLayers,
    Relative,
    StreamAndBranches,
    block_criterion,
    wide_criterion,
)
from theory.networks.mlp import MLP
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, Branch, block_of
from theory.networks.sizes import Sizes
from theory.rates.learning_rate import RATE
from theory.symbols import ell
from theory.validation import brief, typed
from theory.waiting import announced

__all__ = ["WideBlockLearningRate", "WideLearningRate", "wide_rate"]

_QUICK_QUADRATURE = 500
_COMPARED_REAL, _SAME = (64, 512), 1e-10
"""Depths at which the layer that binds is looked up before a law is read there."""
_COMPARED_QUICK = ((16, 64),)
"""The same for linearised steps whose own part is integrated at every layer."""


@dataclass(frozen=True)
class WideLearningRate(WideValue):
    """The largest rate at which one step keeps the bound of ``criterion`` as n -> infinity.

    The movement is the linearised update, or E[(z' - z)^2] of a real step with ``linearised``
    False.  Made by `maximal_learning_rate`.

    ``update``: the mean squared movement of every layer.  For sign descent `infinite_width` gives
    the rate times n; float(), `value` and a call divide by n.

    >>> import theory.symbols
    >>> from theory import MLP, maximal_learning_rate
    >>> maximal_learning_rate(MLP(depth=64), linearised=False)
    WideLearningRate of MLP(depth=64): 0.0245898 at n = ∞; layer 64 binds; real step of \
GradientDescent()
    >>> law = maximal_learning_rate(MLP(), linearised=False).leading()
    >>> constant, exponent = law.as_coeff_exponent(theory.symbols.L)
    >>> exponent, round(float(constant), 6)
    (-5/6, 0.798234)
    """

    update: WideUpdate
    criterion: Criterion | BlockCriterion | Relative
    linearised: bool
    _drawn_as: ClassVar[str] = r"maximal learning rate as $n \to \infty$"
    _to_open = "depth"
    _called = "the rate"
    _symbol = RATE
    _compared: ClassVar[tuple[tuple[int, int], ...]] = ((256, 1024), (64, 256), (16, 64))
    """Depths at which the layer that binds is looked up before a law is read at the last one;
    smaller depths where values grow beyond the range of floats, or take long."""

    @property
    def network(self) -> Any:
        """The network.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP(), linearised=False).network
        MLP()
        """
        return self.update.network

    def _at(self, sizes: Sizes) -> Self:
        return replace(self, update=self.update._at(sizes))

    @property
    def _width_power(self) -> int:
        return -(self.update._width_power // 2)

    def binding_layer(self, depth: object = None) -> Any:
        """The layer that reaches its bound at `infinite_width`, or the block whose stream, or the
        `Branch`; None for the mean over layers.

        >>> from theory import MLP, Residual, Tanh, maximal_learning_rate
        >>> rate = maximal_learning_rate(MLP(activation=Tanh()), linearised=False)
        >>> rate.binding_layer(16)
        2
        >>> maximal_learning_rate(Residual(activation=Tanh())).binding_layer(16)
        16
        """
        depths = one_depth(self.network, depth, "binding_layer(64)")
        if isinstance(self.criterion, MeanOverLayers | LastLayer):
            return self._binding(depths, 0.0)
        with announced("learning rate"):
            return self._binding(depths, self._one(depths))

    def _binding(self, depth: int, rate: float) -> Any:
        """The layer that reaches its bound at its ``rate``."""
        if isinstance(self.criterion, MeanOverLayers):
            return None
        if isinstance(self.criterion, LastLayer):
            return depth
        moved = self._linearised(depth) if self.linearised else self._moved(depth, rate)
        return self._place(int(moved.argmax()), depth)

    def _place(self, index: int, depth: int) -> Any:
        """The layer of an index of `_linearised`."""
        return index + 1

    @announced("learning rate")
    def _one(self, depth: int) -> float:
        linear = self._largest(self._linearised(depth))
        if linear == 0 and not self.update._moves(depth):
            raise NotSolved("nothing moves: give at least one multiplier above 0 in rates")
        law = self.linearised and self.update.rates is None
        first = "leave depth out and " * isinstance(self.network.depth, int)
        instead = f"{self.update._instead}{f', or {first}call leading()' * law}"
        start = float(in_floats(linear, True, "the rate", self.network, depth, instead)) ** -0.5
        if self.linearised:
            return start
        return rate_that_moves(lambda rate: self._largest(self._moved(depth, rate)), start)

    def _moved(self, depth: int, rate: float) -> FloatArray:
        """The movement of every layer over its bound, by a real step."""
        factor = rate * self.update._factor * self.update._multipliers(depth)
        return moved_by_step(self.update._layers(depth), factor) / self._bounds(depth)

    def _linearised(self, depth: int) -> FloatArray:
        """The linearised movement at eta = 1 of every layer, over its bound."""
        return self.update._every_layer(depth) / self._bounds(depth)

    def _bounds(self, depth: int) -> Any:
        """What the movement of every layer is compared with."""
        bound = float(self.criterion.bound)
        if isinstance(self.criterion, Relative):
            return bound * self.update._layers(depth).variances
        return bound

    def _largest(self, moved: FloatArray) -> float:
        """Of the movements over their bounds, the number that the criterion bounds by 1."""
        if isinstance(self.criterion, LastLayer):
            return float(moved[-1])
        return float(moved.mean() if isinstance(self.criterion, MeanOverLayers) else moved.max())

    def _law(self) -> Expr:
        if not self.linearised:
            return self._real_law()
        if isinstance(self.criterion, MeanOverLayers):
            raise NotSolved(
                "the law of the mean over layers is not solved as n goes to infinity: give "
                "criterion=LastLayer(), or take infinite_width(depth)"
            )
        for depth, place in self._places():
            if block_of(place) != depth:
                raise NotSolved(
                    f"{self._said(place)} binds at {self._size}={depth}, and laws are known at the "
                    f"last place alone: give criterion=LastLayer(), or take "
                    f"infinite_width({self._size})"
                )
        last: Any = self._depth_symbol
        at_last = Branch(last) if isinstance(place, Branch) else last
        law = replace(self.update, layer=at_last).depth_law
        square = law.square if isinstance(self.criterion, Relative) else 1
        return sqrt(self.criterion.bound * square / law.leading)

    def _places(self) -> list[tuple[int, Any]]:
        """The layers that bind at two depths whose values are within the range of floats."""
        quick = self.update.optimiser.unscaled.is_homogeneous
        for depths in self._compared if quick else _COMPARED_QUICK:
            with suppress(NotSolved):
                return [(depth, self.binding_layer(depth)) for depth in depths]
        raise NotSolved(
            f"values at {self._size}={depths[0]} are beyond the range of floats, so which layer "
            f"binds is not known: give criterion=LastLayer()"
        )

    @announced("law of a real step")
    def _real_law(self) -> Expr:
        """The law of a real step: derived for ReLU and leaky slopes, else where one layer binds at
        every depth."""
        network, update = self.network, self.update
        if update.rates is not None or isinstance(self.criterion, MeanOverLayers):
            raise NotSolved(
                "the law of a real step is solved for layers at one rate that are bounded one by "
                "one: leave rates and criterion out, or take infinite_width(depth)"
            )
        slopes = half_line_slopes(network.activation)
        if slopes is not None:
            return self._piecewise_linear_law(slopes) / update.optimiser.multiple
        point = _critical_point(network)
        first, second = (self.binding_layer(depth) for depth in _COMPARED_REAL)
        if point is None or first is None or first != second:
            raise NotSolved(
                f"the law of a real step is solved at critical points where one layer binds at "
                f"every depth, got layers {first} and {second} at depths {_COMPARED_REAL[0]} and "
                f"{_COMPARED_REAL[1]} of {network}: take infinite_width(depth)"
            )
        depth = _COMPARED_REAL[0]
        gradient = point.fixed_point.gradient
        return one_layer_rate(update._wide, self._one(depth), depth, first, gradient)

    def _piecewise_linear_law(self, slopes: tuple[Expr, Expr]) -> Expr:
        network, square = self.network, self.update.inputs.square
        plain = network.norm is None and not network.bias_variance
        critical_one = critical_weight_variance(network.activation, Integer(0))
        if not plain or network.c != critical_one or slopes[0] == slopes[1]:
            raise NotSolved(
                f"the law of a real step is derived for two different slopes at the critical "
                f"variance without biases, got {network}: take infinite_width(depth)"
            )
        relative = isinstance(self.criterion, Relative)
        bound = self.criterion.bound / (1 if relative else network.c * square)
        return piecewise_linear_rate(slopes, square, bound, network.s)

    def __repr__(self) -> str:
        kind = "linearised" if self.linearised else "real"
        step = f"{kind} step of {self.update.optimiser}"
        usual = repr(self.criterion) in ("EveryHiddenLayer()", "Stream()")
        criterion = "" if usual else f"; {brief(self.criterion)}"
        return f"{type(self).__name__} of {self.network}: {self._headline()}; {step}{criterion}"

    def _said_value(self) -> str:
        depth = self.network.layers
        rate = self._one(depth)
        binds = self._binding(depth, rate)
        who = "the mean over the layers" if binds is None else self._said(binds)
        return f"{self._said_number(rate)}; {who} binds"

    def _said(self, place: Any) -> str:
        return f"layer {place}"

    @property
    def _quick_depth(self) -> int:
        if self.linearised:
            return self.update._quick_depth
        bent = half_line_slopes(self.network.activation) is not None
        return QUICK_STEPS if bent else _QUICK_QUADRATURE


@dataclass(frozen=True, repr=False)
class WideBlockLearningRate(WideLearningRate):
    """The largest rate at which one linearised step of a `Residual` keeps the bound of
    ``criterion`` as n -> infinity.  Made by `maximal_learning_rate`.

    ``update``: the mean squared movement of the last stream.  For sign descent `infinite_width`
    gives the rate times n; float(), `value` and a call divide by n.

    >>> from theory import Residual, Tanh, maximal_learning_rate
    >>> maximal_learning_rate(Residual(blocks=16, activation=Tanh()))
    WideBlockLearningRate of Residual(blocks=16, activation=Tanh()): 0.299525 at n = ∞; block 16 \
binds; linearised step of GradientDescent()
    """

    update: WideBlockUpdate
    _compared = ((64, 256),)

    def _linearised(self, depth: int) -> FloatArray:
        """Of the streams after blocks 0 to B, or of the branches of blocks 1 to B, or of both."""
        found, bound = self.update._movement(depth), float(self.criterion.bound)
        if isinstance(self.criterion, Relative):
            return found.stream / found.squares / bound
        inside = isinstance(self.criterion, Branches | StreamAndBranches)
        stream = not isinstance(self.criterion, Branches)
        return found.parts(stream=stream, branch=inside) / bound

    def _place(self, index: int, depth: int) -> Any:
        first = 0 if isinstance(self.criterion, Branches) else depth + 1
        return index if index < first else Branch(index - first + 1)

    def _law(self) -> Expr:
        if isinstance(self.criterion, Relative):
            raise NotSolved("laws relative to E h^2 are not solved: take infinite_width(blocks)")
        return super()._law()

    def _said_law(self) -> str:
        return f"{self.leading().evalf(6)} as n → ∞, then as B grows"

    def _said(self, place: Any) -> str:
        return str(place) if isinstance(place, Branch) else f"block {place}"


def _critical_point(network: MLP) -> CriticalPoint | None:
    """The critical point at which a network without norm stands, if it does."""
    if network.norm is not None:
        return None
    for point in critical(network.activation, network.bias_variance).points:
        if abs(float(point.weight_variance / network.c) - 1) < _SAME:
            return point
    return None


def wide_rate(
    network: object,
    *,
    criterion: object,
    rates: object,
    inputs: object,
    optimiser: object,
    linearised: object,
) -> WideLearningRate:
    """The `WideLearningRate` of arguments as those of `maximal_learning_rate`."""
    if not isinstance(linearised, bool):
        raise InvalidArgument(
            f"expected True or False for linearised, got linearised={typed(linearised)}; False is "
            f"a real step"
        )
    of_blocks = isinstance(network, Residual)
    bounded = _block_criterion(network, criterion) if of_blocks else wide_criterion(criterion)
    place = None if of_blocks else ell
    update = wide_update(network, place, rates, inputs=inputs, optimiser=optimiser)
    if not linearised:
        update._factor  # noqa: B018, which refuses what has no real step
    kind = WideBlockLearningRate if of_blocks else WideLearningRate
    return kind(update, bounded, linearised)


def _block_criterion(network: Any, criterion: object) -> BlockCriterion | Relative:
    bounded = criterion if isinstance(criterion, Relative) else block_criterion(criterion)
    inside = isinstance(bounded, Branches | StreamAndBranches)
    if inside and isinstance(network.branch, ActivatedThenWeights):
        raise InvalidArgument(
            f"expected Stream(), LastLayer() or Relative() for criterion of branches W sigma(h), "
            f"got criterion={bounded}; leave it out for the stream"
        )
    return bounded
