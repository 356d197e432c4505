"""`WideUpdate` is E[(Delta z)^2] of one step as n -> infinity, for any activation and optimiser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import log, nan
from typing import Any, ClassVar

import numpy as np
from sympy import Expr, Float, Symbol

from theory.activations.nonlinearity import FloatArray
from theory.coverage import ReadAsNumber
from theory.errors import InvalidArgument, NotSolved
from theory.infinite_width.laws import DepthLaw, depth_law
from theory.infinite_width.layers import Layers, Wide, sizes_elsewhere, wide_network, with_width
from theory.infinite_width.real_steps import first_zero, moved_by_step
from theory.infinite_width.recursion import moved_at_top, moved_in_every_layer
from theory.networks.inputs import Inputs, asked_inputs
from theory.networks.mlp import MLP
from theory.networks.multipliers import Rates, as_multipliers
from theory.networks.network import Network, asked_layer, asked_rates, checked_network
from theory.networks.sizes import bound_sizes, refuse_open_depth
from theory.optimisers import GradientDescent, Optimiser, checked_optimiser
from theory.public_names import PickledByFields, PublicNames, cached_property
from theory.symbols import L, ell, eta, n
from theory.validation import (
    brief,
    exact_number,
    positive_value,
    tolerance_value,
    typed,
    whole_number,
)
from theory.waiting import announced
from theory.writing.blocks import Line
from theory.writing.notation import Math, escaped
from theory.writing.pictures import Drawable
from theory.writing.rendering import formulas_latex

__all__ = [
    "DEEPEST",
    "QUICK",
    "QUICK_STEPS",
    "WideUpdate",
    "checked_depths",
    "in_floats",
    "one_depth",
    "wide_update",
]

DEEPEST = 10**6
"""Layers of a recursion; they take some seconds."""
QUICK, QUICK_STEPS, _QUICK_EPSILON = 10**5, 10**4, 50
"""Layers of a recursion, of a real step, and of sign descent with an epsilon that take some tenths
of a second."""
_SEARCHED, _LARGEST_LOG = 10**5, 250.0
"""Layers, and a logarithm of E, up to which a law is compared with the recursion."""
_LEAST = float(np.finfo(np.float64).tiny)
"""Below this, floats lose digits."""


@dataclass(frozen=True)
class WideUpdate(ReadAsNumber, Drawable, PickledByFields, PublicNames):
    """E[(Delta z_i)^2] of a neuron in one hidden layer as n -> infinity, for the first step of
    ``optimiser``: linearised in eta and over eta^2, or a real step at the rate ``step``, over the
    square of ``step``.  Made by `squared_update`.

    ``rates``: multipliers of eta of the layers, all 1 for None; ``inputs``: the input of the step.
    For sign descent `infinite_width` gives the value over n^2; float(), `value` and calls put n in.

    >>> from theory import MLP, Tanh, squared_update
    >>> squared_update(MLP(depth=16, activation=Tanh(), weight_variance="1.5"))
    WideUpdate at layer 16 of MLP(depth=16, activation=Tanh(), weight_variance='3/2'): 115.129 at \
n = ∞; linearised step of GradientDescent()
    """

    network: MLP
    layer: int | Symbol
    rates: tuple[Expr, ...] | Rates
    inputs: Inputs
    optimiser: Optimiser
    step: Expr | None
    _drawn_as: ClassVar[str] = r"$E[(\Delta z)^2]/\eta^2$ as $n \to \infty$"
    _to_open = "depth or layer"

    def infinite_width(self, depth: object = None) -> float | FloatArray:
        """The value at eta = 1 and n = infinity of a network of ``depth`` layers, to a relative
        error of 1e-8, or 2e-5 for a real step through 10^5 layers; an array for a range of depths;
        None for the depth of the network.

        At the layer ``ell`` the value is an array over all layers of one depth.  Raises
        `InvalidArgument` for another depth than that of the network, and beyond 10^6 layers;
        `NotSolved` for a value beyond the range of floats.

        >>> from theory import MLP, Normalised, Tanh, squared_update
        >>> update = squared_update(MLP(activation=Tanh()), optimiser=Normalised())
        >>> round(update.infinite_width(16), 6), update.infinite_width([1, 2, 4]).round(3)
        (56.810278, array([1.   , 2.45 , 6.174]))
        """
        if self.layer == ell:
            one = one_depth(self.network, depth)
            return self._in_floats(self._every_layer(one), one)
        depths = checked_depths(self.network, depth)
        if not np.ndim(depths):
            return self._one(int(depths))
        several = np.unique(depths)
        values = self._at_top(several) if self._one_pass else self._one_by_one(several)
        return np.asarray(values, dtype=np.float64)[np.searchsorted(several, depths)]

    def __call__(self, *sizes: Any, **named: Any) -> Any:
        """The value at eta = 1 at a number or several for the depth L, or for the number of blocks
        B: `infinite_width`, times n^2 of sign descent.

        >>> from theory import MLP, Tanh, squared_update
        >>> round(squared_update(MLP(activation=Tanh()))(L=12), 6)
        1.649215
        """
        given = bound_sizes(self.open_sizes, self.network, sizes, named, self._elsewhere)
        return self._with_width(self.infinite_width(given.get(self._depth_symbol)))

    @property
    def _elsewhere(self) -> str:
        return sizes_elsewhere(self.network, self.optimiser.unscaled.width_power)

    def _with_width(self, found: Any) -> Any:
        return with_width(found, self.network, self.optimiser.unscaled.width_power)

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The depth L, or the number of blocks B, if it is open.

        >>> from theory import MLP, Tanh, squared_update
        >>> squared_update(MLP(activation=Tanh())).open_sizes
        (L,)
        """
        return () if isinstance(self.network.depth, int) else (self._depth_symbol,)

    @property
    def _drawn_sizes(self) -> tuple[Symbol, ...]:
        return (*self.open_sizes, *[ell] * (self.layer == ell))

    def _drawn_curves(self, axis: Symbol, grid: Any, point: dict[Symbol, Any]) -> Any:
        depth = point.get(self._depth_symbol)
        if axis == ell:
            replace(self, layer=int(grid[-1]))._place_of(one_depth(self.network, depth))
            found = np.asarray(self.infinite_width(depth))[np.array(grid, dtype=int) - 1]
        else:
            found = replace(self, layer=int(point.get(ell, 0)) or self.layer).infinite_width(grid)
        return (self._with_width(found),)

    @property
    def _depth_symbol(self) -> Symbol:
        return self.network._depth_symbol

    @property
    def value(self) -> Any:
        """The value at eta = 1 of a network with depth, and for sign descent width, in numbers.

        >>> from theory import MLP, SignDescent, Tanh, squared_update
        >>> round(squared_update(MLP(depth=12, activation=Tanh(), weight_variance=1)).value, 6)
        1.649215
        >>> update = squared_update(MLP(64, 8), optimiser=SignDescent())
        >>> float(update) == 64**2 * update.infinite_width()
        True
        """
        return self._with_width(self.infinite_width())

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows; of sign descent with n^2.  A
        network with a depth in numbers has its value.  `depth_law` has the error of a constant
        without a closed form.

        Raises `NotSolved` for real steps, multipliers, and layers below the last.

        >>> from theory import MLP, Tanh, squared_update
        >>> squared_update(MLP(activation=Tanh())).leading()
        L*eta**2/12
        """
        power = n**self.optimiser.unscaled.width_power
        if isinstance(self.network.depth, int):
            return Float(self.infinite_width()) * power * eta**2
        law = self.depth_law
        return law.leading.subs(law.size, self._depth_symbol) * eta**2

    @property
    def depth_law(self) -> DepthLaw:
        """The law of the last layer in the depth: exponent, constant and regime.

        >>> from theory import MLP, Tanh, squared_update
        >>> squared_update(MLP(activation=Tanh())).depth_law.exponent
        1
        """
        if self.step is not None:
            raise NotSolved(
                "a real step at one rate has no law in the depth: leave step out, or ask for "
                "maximal_learning_rate(network, linearised=False)"
            )
        if self.rates is not None or self.layer != L:
            raise NotSolved(
                "the law in the depth is solved at the last layer of networks of any depth, all "
                "layers at one rate: leave layer, rates and depth out"
            )
        return depth_law(self.network, self.optimiser, self.inputs)

    @property
    def law(self) -> Any:
        """A closed form in ell and L at n = infinity: `NotSolved`, since only piecewise linear
        activations without biases and norms have one; `depth_law` is the law in the depth.

        >>> from theory import MLP, NotSolved, Tanh, squared_update
        >>> try:
        ...     squared_update(MLP(activation=Tanh())).law
        ... except NotSolved as error:
        ...     print(str(error)[:52])
        a closed form in ell and L is solved for gradient de
        """
        raise NotSolved(
            "a closed form in ell and L is solved for gradient descent with piecewise linear "
            "activations alone: ask for leading(), depth_law or infinite_width(depth)"
        )

    def law_holds_from(self, tolerance: object) -> int:
        """The least depth from which on `leading` is within a relative ``tolerance`` of
        `infinite_width`, up to 10^5 layers; up to some hundred where E is exponential.

        >>> from theory import MLP, Tanh, squared_update
        >>> squared_update(MLP(activation=Tanh())).law_holds_from("0.1")
        105
        """
        allowed = float(tolerance_value(tolerance))
        law = self.depth_law
        slope = log(float(law.base))
        deepest = min(_SEARCHED, int(_LARGEST_LOG / (abs(slope) + 1e-9)))
        depths = np.arange(1, deepest + 1)
        power = float(law.exponent) * np.log(depths)
        limits = log(float(law.constant)) + slope * depths + power
        off = ~(np.abs(np.expm1(np.log(self.infinite_width(depths)) - limits)) <= allowed)
        if off[-1]:
            raise NotSolved(
                f"the law is not within {allowed:g} of the recursion at {deepest:,} layers: give "
                f"a larger tolerance, or take infinite_width(depth)"
            )
        return int(depths[off][-1]) + 1 if off.any() else 1

    @announced("range of rates")
    def linearised_up_to(self, tolerance: object, depth: object = None) -> float:
        """The rate of a real step up to which the linearised value of the layer is within a
        relative ``tolerance`` of the real one, at n = infinity and ``depth`` layers.

        >>> from theory import MLP, Tanh, squared_update
        >>> round(squared_update(MLP(activation=Tanh())).linearised_up_to("0.1", 16), 4)
        0.0887
        """
        if self.step is not None or self.layer == ell:
            raise NotSolved(
                "the range of rates is solved at one layer of one depth: leave step out"
            )
        allowed = float(tolerance_value(tolerance))
        depths = one_depth(self.network, depth)
        linearised = self._one(depths)
        layers, rates = self._layers(depths), self._multipliers(depths)
        place = self._place_of(depths)

        def off(rate: float) -> float:
            real = moved_by_step(layers, rate * self._factor * rates)[place] / rate**2
            return abs(float(real) / linearised - 1) - allowed

        return first_zero(off, linearised**-0.5)

    def _one(self, depth: int) -> float:
        """The value of one depth."""
        found = self._every_layer(depth)[[self._place_of(depth)]]
        return float(self._in_floats(found, depth, self._moves(depth))[0])

    @announced("recursions")
    def _one_by_one(self, depths: FloatArray) -> list[float]:
        """The values of several depths that share no recursion."""
        return [self._one(int(depth)) for depth in depths]

    def _in_floats(self, found: FloatArray, depths: Any, moves: bool = False) -> FloatArray:
        """``found``, at one depth or several, or `NotSolved` beyond the range of floats."""
        return in_floats(found, moves, "the value", self.network, depths, self._instead)

    @property
    def _instead(self) -> str:
        """The fix in a refusal of a value beyond the range of floats."""
        law = self.step is None and self.rates is None and self.layer == self._depth_symbol
        return "give a smaller depth, or call leading()" if law else "give a smaller depth"

    def _moves(self, depth: int) -> bool:
        """Whether the rates move the layer, so that its value is above 0."""
        return bool(self._multipliers(depth)[: self._place_of(depth) + 1].any())

    @announced("recursion")
    def _every_layer(self, depth: int) -> FloatArray:
        """The values of all layers of one depth."""
        layers, rates = self._layers(depth), self._multipliers(depth)
        if self.step is None:
            return moved_in_every_layer(layers, self.optimiser, rates)
        step = float(self.step)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                moved = moved_by_step(layers, step * self._factor * rates) / step / step
        except (OverflowError, ValueError):
            moved = np.array([nan])
        if not np.isfinite(moved).all():
            raise NotSolved(
                f"a real step at eta = {self._said_rate} leaves the range of numbers within "
                f"{depth:,} layers: give a smaller step or depth"
            )
        return moved

    @announced("recursion")
    def _at_top(self, depths: Any) -> FloatArray:
        """The values of the last layers of several depths."""
        found = moved_at_top(self._layers(int(depths[-1])), self.optimiser)[depths - 1]
        return self._in_floats(found, depths, moves=True)

    @property
    def _one_pass(self) -> bool:
        """Whether one recursion gives the last layer of every depth."""
        linear = self.step is None and self.optimiser.unscaled.is_homogeneous
        return linear and self.rates is None and self.layer == L

    def _place_of(self, depth: int) -> int:
        """The index of the layer in an array over ``depth`` layers."""
        layer = depth if isinstance(self.layer, Symbol) else self.layer
        if layer > depth:
            raise InvalidArgument(
                f"expected a depth of at least {layer}, got depth={depth}; the layer asked for is "
                f"layer {layer}"
            )
        return layer - 1

    @property
    def _factor(self) -> float:
        """The real step over gradient descent's."""
        if self.optimiser.unscaled != GradientDescent() or self.optimiser.weight_decay != 0:
            raise NotSolved(
                f"real steps are solved for gradient descent and momentum, got "
                f"{self.optimiser}: leave step or optimiser out"
            )
        return float(self.optimiser.multiple)

    def _layers(self, depth: int) -> Layers:
        return self._wide.layers(depth)

    @cached_property
    def _wide(self) -> Wide:
        return wide_network(self.network, self.inputs)

    def _multipliers(self, depth: int) -> FloatArray:
        if self.rates is None:
            return np.ones(depth)
        return np.array([float(each) for each in as_multipliers(self.rates, depth)])

    def latex(self) -> str:
        r"""The value, or its leading term, in LaTeX; notebooks show it.

        >>> from theory import MLP, Tanh, squared_update
        >>> print(squared_update(MLP(activation=Tanh())).latex())
        \begin{aligned}
        \mathbb{E}\bigl[(\Delta z^{(L)}_i)^2\bigr] &\sim  \frac{L \eta^{2}}{12}
        \end{aligned}
        """
        moved = rf"\mathbb{{E}}\bigl[(\Delta {self.network._moved(self.layer)})^2\bigr]"
        sign = "≈" if isinstance(self.network.depth, int) else "~"
        return formulas_latex([Line(Math("", moved), Math.of(self.leading()), sign)])

    def _repr_latex_(self) -> str:
        try:
            return f"$\\displaystyle {self.latex()}$"
        except NotSolved:
            return rf"$\text{{{escaped(repr(self))}}}$"

    @property
    def _said_rate(self) -> str:
        return brief(self.step).strip("'")

    @property
    def _said_step(self) -> str:
        """Which step it is, in words."""
        if self.step is None:
            return f"linearised step of {self.optimiser}"
        return f"real step at eta = {self._said_rate} of {self.optimiser}, over eta^2"

    def __repr__(self) -> str:
        where = f"{self.network._place(self.layer)} of {self.network}"
        return f"{type(self).__name__} {where}: {self._headline()}; {self._said_step}"

    @property
    def _quick_depth(self) -> int:
        """Layers whose value takes some tenths of a second."""
        if not self.optimiser.unscaled.is_homogeneous:
            return _QUICK_EPSILON
        return QUICK if self.step is None else QUICK_STEPS

    def _headline(self) -> str:
        scale = f" * {n**power}" if (power := self.optimiser.unscaled.width_power) else ""
        try:
            if self.layer == ell:
                return "call infinite_width(depth) for the values of all layers"
            if isinstance(self.network.depth, int):
                if self.network.depth > self._quick_depth:
                    return "call infinite_width() for its value at n = ∞"
                return f"{self.infinite_width():.6g}{scale} at n = ∞"
            return f"{self.depth_law._said(eta**2)}; {self.depth_law.regime}"
        except NotSolved:
            if isinstance(self.network.depth, int):
                return "no number at n = ∞; infinite_width() says why"
            return "call infinite_width(depth) for its value at n = ∞"


def wide_update(
    network: object,
    layer: object = None,
    rates: object = None,
    *,
    inputs: object = None,
    optimiser: object = None,
    step: object = None,
) -> WideUpdate:
    """The `WideUpdate` of arguments as those of `squared_update`."""
    known = wide_chain(network)
    asked = GradientDescent() if optimiser is None else checked_optimiser(optimiser)
    real = None if step is None else positive_value("step", exact_number("step", step))
    update = WideUpdate(
        known,
        asked_layer(known, layer),
        asked_rates(known, rates),
        asked_inputs(known, inputs),
        asked,
        real,
    )
    update._wide  # noqa: B018, which refuses what is not solved
    if real is not None:
        update._factor  # noqa: B018
    return update


def wide_chain(network: object) -> MLP:
    """``network``, or `NotSolved` where its infinite width is not solved."""
    checked: Network = checked_network(network)
    if not isinstance(checked, MLP):
        raise NotSolved(
            f"inputs, optimisers and real steps are solved as n goes to infinity for an MLP, got "
            f"{brief(checked)}: give an MLP"
        )
    return checked


def checked_depths(network: Network, depth: object) -> Any:
    """The depth, or an array of depths, that a call gives; that of ``network`` for None."""
    known = network.depth if isinstance(network.depth, int) else None
    if depth is None and known is not None:
        if known > DEEPEST:
            raise InvalidArgument(f"expected at most {DEEPEST:,} layers, got {network}; give fewer")
        return known
    if depth is None:
        refuse_open_depth(network)
    several = isinstance(depth, Iterable) and not isinstance(depth, str)
    listed = list(depth) if isinstance(depth, Iterable) and several else [depth]
    whole = [whole_number(each) for each in listed]
    if not whole or any(each is None or not 1 <= each <= DEEPEST for each in whole):
        raise InvalidArgument(
            f"expected a depth from 1 to {DEEPEST:,}, or several, got depth={typed(depth)}; give "
            f"depth=64, say"
        )
    if known is not None and set(whole) != {known}:
        raise InvalidArgument(
            f"expected the depth {known} of the network, got depth={typed(depth)}; leave it out"
        )
    return np.array(whole) if several else whole[0]


def one_depth(network: Network, depth: object) -> int:
    """The one depth that a call gives; that of ``network`` for None."""
    depths = checked_depths(network, depth)
    if not isinstance(depths, int):
        raise InvalidArgument(f"expected one depth, got depth={typed(depth)}; give an int")
    return depths


def in_floats(
    found: Any, moves: bool, what: str, network: Network, depths: Any, instead: str
) -> FloatArray:
    """``found``, at one depth or at each of ``depths``, or `NotSolved` where a number is infinite,
    or 0 or nearly so although the layer ``moves``; ``what`` names the number."""
    found = np.asarray(found)
    off = ~np.isfinite(found) | (moves & (np.abs(found) < _LEAST))
    if off.any():
        depth = np.broadcast_to(depths, found.shape)[off][0]
        raise NotSolved(
            f"{what} of {brief(network)} at {depth:,} layers is beyond the range of floats: "
            f"{instead}"
        )
    return found
