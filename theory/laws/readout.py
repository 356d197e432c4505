"""`readout_update` derives how far a step of the readout alone moves the output f.

The gradient of the loss (f - y)^2/2 with respect to v is (f - y) x^(L), so a gradient step of the
readout alone changes the output, exactly and not only to first order, by

    Delta f = -eta (f - y) |x^(L)|^2,    E[(Delta f)^2] = eta^2 E[(1 + f^2) |x^(L)|^4].

As n -> infinity f tends to 0 and |x^(L)|^2/n to its mean, so that |Delta f| tends to eta times
|x|^2 (gradient descent), |x|_1 (sign descent) or |x| (normalised steps).  Weight decay adds
eta times the decay times f, which vanishes beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, overload

from sympy import Expr, Float, sqrt

from theory.activations.contact import half_line_slopes
from theory.activations.nonlinearity import FloatArray
from theory.coverage import answered
from theory.errors import NotSolved
from theory.infinite_width.block_update import power_of_blocks
from theory.infinite_width.expansion import deep_layers
from theory.infinite_width.layers import wide_network
from theory.infinite_width.recursion import output_moved_by_readout
from theory.infinite_width.streams.blocks import output_moved_by_stream
from theory.infinite_width.wide_update import wide_chain
from theory.infinite_width.wide_value import WideValue
from theory.laws.mean import PartOfMean
from theory.networks.inputs import Inputs, asked_inputs
from theory.networks.network import Network, checked_network, repeating_network
from theory.networks.residual import Residual
from theory.optimisers import GradientDescent, Optimiser, checked_optimiser
from theory.symbols import L, eta, n
from theory.words.observables import x
from theory.writing.blocks import Line
from theory.writing.notation import Math

__all__ = ["ReadoutUpdate", "WideReadoutUpdate", "readout_update"]

_BLOCKS = [64, 128, 256, 512]
"""Numbers of blocks from which a law is read."""


@dataclass(frozen=True)
class ReadoutUpdate(PartOfMean):
    """E[(Delta f)^2] for one gradient step of the readout alone.

    Made by `readout_update`; `label` and `output` are values of the same type.

    >>> from theory import MLP, readout_update
    >>> readout_update(MLP())
    ReadoutUpdate, E[(Δf)²] of MLP(): eta**2*n**2 to leading order
    """

    unit_of_step: ClassVar[Expr] = eta**2
    _drawn_as: ClassVar[str] = r"$E[(\Delta f)^2]/\eta^2$"
    highest_power: ClassVar[int] = 2

    def __repr__(self) -> str:
        return f"ReadoutUpdate, E[(Δf)²] of {self.network}: {self._headline(' * eta**2')}"

    def _lines(self) -> list[Line]:
        return [Line(Math.spelled("E[(Δf)²]"), Math.of(self._exact))]


@dataclass(frozen=True)
class WideReadoutUpdate(WideValue):
    """E[(Delta f)^2] of one step of ``optimiser`` of the readout alone, at eta = 1, as
    n -> infinity.  `infinite_width` gives the value divided by n^2 (by n for normalised steps);
    float() and `value` multiply by this power.  Made by `readout_update`.

    The law of a residual network is numerical.  An `MLP` in which E z^2 grows or falls
    exponentially has a law only with a piecewise linear activation and without biases.

    >>> from theory import MLP, Normalised, Tanh, readout_update
    >>> readout_update(MLP(depth=16, activation=Tanh()), optimiser=Normalised())
    WideReadoutUpdate, E[(Δf)²] of MLP(depth=16, activation=Tanh()): 0.0324813 * n at n = ∞; step \
of Normalised()
    """

    network: Any
    inputs: Inputs
    optimiser: Optimiser
    _drawn_as: ClassVar[str] = r"$E[(\Delta f)^2]/\eta^2$ as $n \to \infty$"
    _unit = eta**2
    _symbol = Math.spelled("E[(Δf)²]")

    @property
    def _width_power(self) -> int:
        return self.optimiser.unscaled.head_power

    def _one(self, depth: int) -> float:
        if not isinstance(self.network, Residual):
            return float(self._of_layers(depth, depth))
        network = self.network._with(blocks=depth)
        return output_moved_by_stream(network, self.inputs, self.optimiser) ** 2

    def _at_each(self, depths: FloatArray) -> FloatArray:
        if isinstance(self.network, Residual):
            return super()._at_each(depths)
        return self._of_layers(depths, int(depths[-1]))

    def _of_layers(self, depths: Any, deepest: int) -> FloatArray:
        layers = wide_network(self.network, self.inputs).layers(deepest + 1)
        return output_moved_by_readout(layers, self.optimiser, depths) ** 2

    def _law(self) -> Expr:
        units = n**self._width_power * eta**2
        if isinstance(self.network, Residual):
            constant, exponent, _ = power_of_blocks(_BLOCKS, [self._one(each) for each in _BLOCKS])
            return Float(constant, 5) * self._depth_symbol**exponent * units
        deep = deep_layers(self.network, self.inputs.square)
        point = deep.fixed_point
        square = point.constant * L**-point.power
        if deep.falls_with:
            if half_line_slopes(self.network.activation) is None or self.network.bias_variance:
                raise NotSolved(
                    "the constant of a readout's input that falls or grows exponentially is not "
                    "solved: take infinite_width(depth)"
                )
            square = self.inputs.square * deep.gain**L
        return self.optimiser.head(square, point.spread * sqrt(square)) ** 2 * units

    def _said_value(self) -> str:
        return f"{self.infinite_width():.6g} * {n**self._width_power} at n = ∞"

    def __repr__(self) -> str:
        name = f"{type(self).__name__}, E[(Δf)²] of {self.network}"
        return f"{name}: {self._headline()}; step of {self.optimiser}"


@overload
def readout_update(network: Network) -> ReadoutUpdate: ...
@overload
def readout_update(
    network: Network, *, inputs: Inputs | None = None, optimiser: Optimiser | None = None
) -> Any: ...
@answered
def readout_update(
    network: Network, *, inputs: Inputs | None = None, optimiser: Optimiser | None = None
) -> ReadoutUpdate | WideReadoutUpdate:
    """Derive E[(Delta f)^2] for one step of the readout weights alone.

    A linearised and a real step give the same value.  The function returns a `WideReadoutUpdate`,
    solved as n -> infinity, if you give ``inputs`` or an ``optimiser`` other than gradient descent,
    and for activations, biases, norms and branches that are not exact at finite width.

    >>> from theory import MLP, SignDescent, readout_update
    >>> readout_update(MLP(4, 2)).exact
    306*eta**2
    >>> readout_update(MLP(), optimiser=SignDescent()).leading()
    eta**2*n**2/pi
    """
    rule = GradientDescent() if optimiser is None else checked_optimiser(optimiser)
    plain = inputs is None and rule == GradientDescent()
    known = checked_network(network)
    if plain and (known._is_exact or known._whole):
        repeating_network(network)
        return ReadoutUpdate.derived((x @ x) ** 2, network, None, None)
    chain = known if isinstance(known, Residual) else wide_chain(known)
    return WideReadoutUpdate(chain, asked_inputs(chain, inputs), rule)
