"""`WideLearningRate` is the largest rate of one step as n -> infinity, linearised or real."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import nan
from typing import Any, ClassVar

from sympy import Expr, Float, Integer, Symbol, sqrt

from theory.activations.contact import half_line_slopes
from theory.activations.critical import CriticalPoint, critical, critical_weight_variance
from theory.activations.nonlinearity import FloatArray
from theory.algebra.numerals import formula_text
from theory.coverage import ReadAsNumber
from theory.errors import InvalidArgument, NotSolved
from theory.infinite_width.layers import sizes_elsewhere, with_width
from theory.infinite_width.real_laws import one_layer_rate, piecewise_linear_rate
from theory.infinite_width.real_steps import moved_by_step, rate_that_moves
from theory.infinite_width.wide_update import (
    QUICK_STEPS,
    WideUpdate,
    checked_depths,
    in_floats,
    one_depth,
    wide_update,
)
from theory.laws.criteria import Criterion, LastLayer, MeanOverLayers, Relative, wide_criterion
from theory.networks.mlp import MLP
from theory.networks.sizes import bound_sizes
from theory.public_names import PickledByFields, PublicNames
from theory.rates.learning_rate import RATE
from theory.symbols import ell, n
from theory.validation import brief, typed
from theory.waiting import announced
from theory.writing.blocks import Line
from theory.writing.notation import Math, escaped
from theory.writing.pictures import Drawable
from theory.writing.rendering import formulas_latex

__all__ = ["WideLearningRate", "wide_rate"]

_QUICK_QUADRATURE = 500
_COMPARED, _COMPARED_REAL, _SAME = ((256, 1024), (64, 256), (16, 64)), (64, 512), 1e-10
"""Depths at which the layer that binds is looked up before a law is read at the last one; smaller
depths where values grow beyond the range of floats."""


@dataclass(frozen=True)
class WideLearningRate(ReadAsNumber, Drawable, PickledByFields, PublicNames):
    """The largest rate at which one step meets ``criterion`` as n -> infinity: from the linearised
    update, or with ``linearised`` False from E[(z' - z)^2] of a real step.  Made by
    `maximal_learning_rate`.

    ``update``: of every layer.  For sign descent `infinite_width` gives the rate times n; float(),
    `value` and a call divide by n.

    >>> from theory import MLP, maximal_learning_rate
    >>> maximal_learning_rate(MLP(depth=64), linearised=False)
    WideLearningRate of MLP(depth=64): 0.0245898 at n = ∞; layer 64 binds; real step of \
GradientDescent()
    """

    update: WideUpdate
    criterion: Criterion | Relative
    linearised: bool
    _drawn_as: ClassVar[str] = r"maximal learning rate as $n \to \infty$"
    _to_open = "depth"

    @property
    def network(self) -> MLP:
        """The network.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP(), linearised=False).network
        MLP()
        """
        return self.update.network

    @property
    def _width_power(self) -> int:
        """Rates are of order n to this power."""
        return -(self.update.optimiser.unscaled.width_power // 2)

    def infinite_width(self, depth: object = None) -> float | FloatArray:
        """The rate at n = infinity of a network of ``depth`` layers; an array for several depths;
        None for the depth of the network.

        >>> from theory import MLP, maximal_learning_rate
        >>> rate = maximal_learning_rate(MLP(), linearised=False)
        >>> round(rate.infinite_width(16), 6)
        0.06732
        """
        depths = checked_depths(self.network, depth)
        if isinstance(depths, int):
            return self._one(depths)
        found: FloatArray = depths.astype(float)
        with announced("learning rates") as done:
            for place, each in enumerate(depths.tolist()):
                found[place] = self._one(each)
                done((place + 1) / len(found))
        return found

    def binding_layer(self, depth: object = None) -> int | None:
        """The layer that reaches its bound at `infinite_width`; None for the mean over layers.

        >>> from theory import MLP, Tanh, maximal_learning_rate
        >>> rate = maximal_learning_rate(MLP(activation=Tanh()), linearised=False)
        >>> rate.binding_layer(16)
        2
        """
        depths = one_depth(self.network, depth)
        if isinstance(self.criterion, MeanOverLayers | LastLayer):
            return self._binding(depths, nan)
        with announced("learning rate"):
            return self._binding(depths, self._one(depths))

    def _binding(self, depth: int, rate: float) -> int | None:
        """The layer that reaches its bound at its ``rate``."""
        if isinstance(self.criterion, MeanOverLayers):
            return None
        if isinstance(self.criterion, LastLayer):
            return depth
        return int(self._moved(depth, rate).argmax()) + 1

    @announced("learning rate")
    def _one(self, depth: int) -> float:
        """The rate at one depth."""
        linear = self._largest(self._linearised(depth))
        if not self.update._multipliers(depth).any():
            raise NotSolved("no layer moves: give at least one multiplier above 0 in rates")
        self._check_floats(linear, depth)
        if self.linearised:
            return float(linear**-0.5)
        return rate_that_moves(
            lambda rate: self._largest(self._moved(depth, rate)), float(linear**-0.5)
        )

    def _check_floats(self, linear: float, depth: int) -> None:
        """Refuse a squared rate beyond the range of floats."""
        law = self.linearised and self.update.rates is None
        first = "leave depth out and " * isinstance(self.network.depth, int)
        instead = "give a smaller depth" + f", or {first}call leading()" * law
        in_floats(linear, True, "the rate", self.network, depth, instead)

    def _moved(self, depth: int, rate: float) -> FloatArray:
        """The movement of every layer over its bound, at one rate."""
        if self.linearised:
            return rate**2 * self._linearised(depth)
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

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows, with 1/n of sign descent.  A
        network with a depth in numbers has its value.

        Raises `NotSolved` where no law is known, and where another layer than the last binds.

        >>> import theory.symbols
        >>> from theory import MLP, Tanh, maximal_learning_rate
        >>> maximal_learning_rate(MLP(activation=Tanh())).leading()
        2*sqrt(3)/sqrt(L)
        >>> law = maximal_learning_rate(MLP(), linearised=False).leading()
        >>> constant, exponent = law.as_coeff_exponent(theory.symbols.L)
        >>> exponent, round(float(constant), 6)
        (-5/6, 0.798234)
        """
        if isinstance(self.network.depth, int):
            return Float(self.infinite_width()) * n**self._width_power
        if not self.linearised:
            return self._real_law()
        if isinstance(self.criterion, MeanOverLayers):
            raise NotSolved(
                "the law of the mean over layers is not solved as n goes to infinity: give "
                "criterion=LastLayer(), or take infinite_width(depth)"
            )
        self._check_last_binds()
        law = self._at_last.depth_law
        bound = self.criterion.bound
        if isinstance(self.criterion, Relative):
            bound = bound * law.square
        return sqrt(bound / law.leading)

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

    def _check_last_binds(self) -> None:
        for depth, binding in self._compared():
            if binding != depth:
                raise NotSolved(
                    f"layer {binding} binds at {depth} layers, and laws are known at the last "
                    f"layer alone: give criterion=LastLayer(), or take infinite_width(depth)"
                )

    def _compared(self) -> list[tuple[int, int | None]]:
        """The layers that bind at two depths whose values are within the range of floats."""
        for depths in _COMPARED:
            with suppress(NotSolved):
                return [(depth, self.binding_layer(depth)) for depth in depths]
        raise NotSolved(
            f"values at {depths[0]} layers are beyond the range of floats, so which layer binds is "
            f"not known: give criterion=LastLayer()"
        )

    @property
    def _at_last(self) -> WideUpdate:
        update = self.update
        return wide_update(
            update.network, None, update.rates, inputs=update.inputs, optimiser=update.optimiser
        )

    @property
    def value(self) -> Any:
        """The rate of a network with a depth in numbers, and for sign descent with a width in
        numbers.

        >>> from theory import MLP, maximal_learning_rate
        >>> round(maximal_learning_rate(MLP(depth=16), linearised=False).value, 6)
        0.06732
        """
        return with_width(self.infinite_width(), self.network, self._width_power)

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The depth L, if it is open.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP(), linearised=False).open_sizes
        (L,)
        """
        return self.update.open_sizes

    @property
    def _elsewhere(self) -> str:
        return sizes_elsewhere(self.network, self._width_power)

    def __call__(self, *sizes: Any, **named: Any) -> Any:
        """The rate at a number or several for the depth L, or for the number of blocks B:
        `infinite_width`, over n of sign descent.

        >>> from theory import MLP, maximal_learning_rate
        >>> round(maximal_learning_rate(MLP(), linearised=False)(64), 6)
        0.02459
        """
        given = bound_sizes(self.open_sizes, self.network, sizes, named, self._elsewhere)
        found = self.infinite_width(given.get(self.update._depth_symbol))
        return with_width(found, self.network, self._width_power)

    def latex(self) -> str:
        r"""The rate, or its leading term, in LaTeX; notebooks show it.

        >>> from theory import MLP, Tanh, maximal_learning_rate
        >>> print(maximal_learning_rate(MLP(activation=Tanh())).latex())
        \begin{aligned}
        \eta_{\max} &\sim  \frac{2 \sqrt{3}}{\sqrt{L}}
        \end{aligned}
        """
        sign = "≈" if isinstance(self.network.depth, int) else "~"
        return formulas_latex([Line(RATE, Math.of(self.leading()), sign)])

    def _repr_latex_(self) -> str:
        try:
            return f"$\\displaystyle {self.latex()}$"
        except NotSolved:
            return rf"$\text{{{escaped(repr(self))}}}$"

    def __repr__(self) -> str:
        kind = "linearised" if self.linearised else "real"
        step = f"{kind} step of {self.update.optimiser}"
        usual = repr(self.criterion) in ("EveryHiddenLayer()", "Stream()")
        criterion = "" if usual else f"; {brief(self.criterion)}"
        return f"{type(self).__name__} of {self.network}: {self._headline()}; {step}{criterion}"

    def _headline(self) -> str:
        per = "/n" if self._width_power else ""
        try:
            depth = self.network.depth
            if isinstance(depth, int):
                if depth > self._quick_depth:
                    return "call infinite_width() for the rate at n = ∞"
                rate = self._one(depth)
                binds = self._binding(depth, rate)
                who = "the mean over the layers" if binds is None else f"layer {binds}"
                return f"{rate:.6g}{per} at n = ∞; {who} binds"
            return f"{formula_text(self.leading())} as n → ∞, then as L grows"
        except NotSolved:
            if isinstance(self.network.depth, int):
                return "no number at n = ∞; infinite_width() says why"
            return "call infinite_width(depth) for the rate at n = ∞"

    @property
    def _quick_depth(self) -> int:
        """Layers whose rate takes some tenths of a second."""
        if self.linearised:
            return self.update._quick_depth
        bent = half_line_slopes(self.network.activation) is not None
        return QUICK_STEPS if bent else _QUICK_QUADRATURE


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
    update = wide_update(network, ell, rates, inputs=inputs, optimiser=optimiser)
    if not linearised:
        update._factor  # noqa: B018, which refuses other optimisers
    return WideLearningRate(update, wide_criterion(criterion), linearised)
