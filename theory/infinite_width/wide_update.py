"""`WideUpdate` is E[(Delta z)^2] of one step as n -> infinity, for any activation and optimiser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, nan
from typing import Any, ClassVar, Self

import numpy as np
from sympy import Expr, Symbol

from theory.activations.nonlinearity import FloatArray
from theory.errors import InvalidArgument, NotSolved
from theory.infinite_width.laws import DepthLaw, depth_law
from theory.infinite_width.layers import Layers, Wide, wide_network
from theory.infinite_width.real_steps import first_zero, moved_by_step
from theory.infinite_width.recursion import moved_at_top, moved_in_every_layer
from theory.infinite_width.wide_value import WideValue, in_floats, one_depth
from theory.networks.inputs import Inputs
from theory.networks.mlp import MLP
from theory.networks.multipliers import Rates, as_multipliers
from theory.networks.network import Network, asked_layer, checked_network
from theory.networks.roles import block_of
from theory.networks.sizes import Sizes, layer_at, network_at, rates_at
from theory.optimisers import GradientDescent, Optimiser
from theory.public_names import cached_property
from theory.symbols import L, ell, eta
from theory.validation import brief, tolerance_value
from theory.waiting import announced
from theory.writing.notation import Math

__all__ = ["QUICK", "QUICK_STEPS", "WideUpdate", "wide_chain"]

QUICK, QUICK_STEPS, _QUICK_EPSILON = 10**5, 10**4, 50
"""Layers of a recursion, of a real step, and of sign descent with an epsilon that take some tenths
of a second."""
_SEARCHED, _LARGEST_LOG = 10**5, 250.0
_CLOSE, _QUICK_LAW = 0.1, 1000
"""Layers, and a logarithm of E, up to which a law is compared with the recursion."""


@dataclass(frozen=True)
class WideUpdate(WideValue):
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
    _unit = eta**2

    @property
    def _width_power(self) -> int:
        return self.optimiser.unscaled.width_power

    @property
    def _drawn_sizes(self) -> tuple[Symbol, ...]:
        return (*self.open_sizes, *[ell] * (self.layer == ell))

    def _drawn_curves(self, axis: Symbol, grid: Any, point: dict[Symbol, Any]) -> Any:
        depth = point.get(self._depth_symbol)
        if axis == ell:
            replace(self, layer=int(grid[-1]))._place_of(
                one_depth(self.network, depth, "plot(L=64)")
            )
            found = np.asarray(self.infinite_width(depth))[np.array(grid, dtype=int) - 1]
        else:
            found = replace(self, layer=int(point.get(ell, 0)) or self.layer).infinite_width(grid)
        return (self._in_drawn_units(found),)

    def _at(self, sizes: Sizes) -> Self:
        network: Any = network_at(self.network, sizes)
        layer = asked_layer(network, layer_at(self.layer, sizes))
        rates: Any = rates_at(self.rates, sizes)
        return replace(self, network=network, layer=layer, rates=rates)

    def _law(self) -> Expr:
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
            "activations alone: use leading(), depth_law or infinite_width(depth)"
        )

    def law_holds_from(self, tolerance: object) -> int:
        """The least depth from which on `infinite_width` is within a relative ``tolerance``
        of `leading`, up to 10^5 layers; up to some hundred where E is exponential.

        >>> from theory import MLP, Tanh, squared_update
        >>> squared_update(MLP(activation=Tanh())).law_holds_from("0.1")
        105
        """
        if self._size == "blocks":
            raise NotSolved(
                "the number of blocks from which a law holds is not solved: compare leading() with "
                "infinite_width(blocks)"
            )
        allowed = float(tolerance_value(tolerance))
        least, deepest = self._law_holds(allowed, _SEARCHED)
        if least > deepest:
            raise NotSolved(
                f"the law is not within {allowed:g} of the recursion at {deepest:,} layers: give "
                f"a larger tolerance, or take infinite_width(depth)"
            )
        return least

    def _law_holds(self, allowed: float, most: int) -> tuple[int, int]:
        """The least depth from which the law is within ``allowed`` up to the deepest depth that is
        looked at, at most ``most``, and the latter."""
        law = self.depth_law
        slope = log(float(law.base))
        deepest = min(most, int(_LARGEST_LOG / (abs(slope) + 1e-9)))
        depths = np.arange(1, deepest + 1)
        power = float(law.exponent) * np.log(depths)
        limits = log(float(law.constant)) + slope * depths + power
        off = ~(np.abs(np.expm1(np.log(self.infinite_width(depths)) - limits)) <= allowed)
        return int(depths[off][-1]) + 1 if off.any() else 1, deepest

    @announced("range of rates")
    def linearised_up_to(self, tolerance: object, depth: object = None) -> float:
        """The rate of a real step up to which the real value of the layer is within a relative
        ``tolerance`` of the linearised value, at n = infinity and ``depth`` layers.

        >>> from theory import MLP, Tanh, squared_update
        >>> round(squared_update(MLP(activation=Tanh())).linearised_up_to("0.1", 16), 4)
        0.0887
        """
        if self.step is not None or self.layer == ell:
            raise NotSolved(
                "the range of rates is solved at one layer of one depth: leave step out"
            )
        factor, allowed = self._factor, float(tolerance_value(tolerance))
        depths = one_depth(self.network, depth, f"linearised_up_to({brief(tolerance)}, 64)")
        linearised, place = self._one(depths), self._place_of(depths)
        layers, factors = self._layers(depths), factor * self._multipliers(depths)

        def off(rate: float) -> float:
            real = moved_by_step(layers, rate * factors)[place] / rate**2
            return abs(float(real) / linearised - 1) - allowed

        return first_zero(off, linearised**-0.5)

    def _one(self, depth: int) -> Any:
        """The value of one depth; an array over its layers at the layer ``ell``."""
        if self.layer == ell:
            return self._in_floats(self._every_layer(depth), depth)
        found = self._every_layer(depth)[[self._place_of(depth)]]
        return float(self._in_floats(found, depth, self._moves(depth))[0])

    def _at_each(self, depths: FloatArray) -> FloatArray:
        if self.layer == ell:
            one_depth(self.network, depths, "infinite_width(64)")
        if not self._one_pass:
            return super()._at_each(depths)
        with announced("recursion"):
            found = moved_at_top(self._layers(int(depths[-1])), self.optimiser)[depths - 1]
        return self._in_floats(found, depths, moves=True)

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

    @property
    def _one_pass(self) -> bool:
        """Whether one recursion gives the last layer of every depth."""
        linear = self.step is None and self.optimiser.unscaled.is_homogeneous
        return linear and self.rates is None and self.layer == L

    def _place_of(self, depth: int) -> int:
        """The index of the layer in an array over `_lowest` to ``depth``."""
        place = block_of(self.layer)
        place = depth if isinstance(place, Symbol) else int(place)
        if place > depth:
            raise InvalidArgument(
                f"expected a {self._size} of at least {place}, got {self._size}={depth}; the value "
                f"asked for is {self.network._place(self.layer)}"
            )
        return place - self._lowest

    @property
    def _lowest(self) -> int:
        """The number of the first layer of the array."""
        return 1

    @property
    def _factor(self) -> float:
        """The real step over gradient descent's."""
        if self.optimiser.unscaled != GradientDescent() or self.optimiser.weight_decay != 0:
            raise NotSolved(
                f"real steps are solved for gradient descent and momentum, got "
                f"{self.optimiser}: leave step or optimiser out"
            )
        return float(self.optimiser.multiple)

    def _refuse_unsolved(self) -> None:
        """Raise `NotSolved` before a value is asked for."""
        self._wide  # noqa: B018
        if self.step is not None:
            self._factor  # noqa: B018

    def _layers(self, depth: int) -> Layers:
        return self._wide.layers(depth)

    @cached_property
    def _wide(self) -> Wide:
        return wide_network(self.network, self.inputs)

    def _multipliers(self, depth: int) -> FloatArray:
        if self.rates is None:
            return np.ones(depth)
        return np.array([float(each) for each in as_multipliers(self.rates, depth)])

    @property
    def _symbol(self) -> Math:
        return Math("", rf"\mathbb{{E}}\bigl[(\Delta {self.network._moved(self.layer)})^2\bigr]")

    @property
    def _said_rate(self) -> str:
        return brief(self.step).strip("'")

    @property
    def _said_step(self) -> str:
        """Which step it is, in words."""
        if self.step is None:
            return f"linearised step of {self._said_rule}"
        return f"real step at eta = {self._said_rate} of {self._said_rule}, over eta^2"

    @property
    def _said_rule(self) -> str:
        """The optimiser, and the inputs where they are given."""
        return f"{self.optimiser}" + f" on {self.inputs}" * (self.inputs != Inputs())

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
        if self.layer == ell:
            return "call infinite_width(depth) for the values of all layers"
        return super()._headline()

    def _said_value(self) -> str:
        return self._said_number(self.infinite_width())

    def _said_law(self) -> str:
        said = f"{self.depth_law._said(eta**2)}; {self.depth_law.regime}"
        if self._size == "blocks" or not self.optimiser.unscaled.is_homogeneous:
            return said
        least, deepest = self._law_holds(_CLOSE, _QUICK_LAW)
        if least > deepest:
            return f"{said}; more than {_CLOSE:.0%} off at depth {deepest:,}"
        return f"{said}; within {_CLOSE:.0%} from depth {least} to {deepest:,} at least"


def wide_chain(network: object) -> MLP:
    """``network``, or `NotSolved` where its infinite width is not solved."""
    checked: Network = checked_network(network)
    if not isinstance(checked, MLP):
        raise NotSolved(
            f"inputs, optimisers and real steps are solved as n goes to infinity for an MLP, got "
            f"{brief(checked)}: give an MLP"
        )
    return checked
