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

from sympy import Expr, Float, Symbol, sqrt

from theory.activations.contact import half_line_slopes
from theory.algebra.numerals import formula_text
from theory.coverage import ReadAsNumber, answered
from theory.errors import NotSolved
from theory.infinite_width.block_update import power_of_blocks
from theory.infinite_width.blocks import output_moved_by_stream
from theory.infinite_width.expansion import deep_layers
from theory.infinite_width.layers import wide_network, with_width
from theory.infinite_width.recursion import output_moved_by_readout
from theory.infinite_width.wide_update import checked_depths, wide_chain
from theory.laws.mean import PartOfMean
from theory.networks.inputs import Inputs, asked_inputs
from theory.networks.network import Network, checked_network, repeating_network
from theory.networks.residual import Residual
from theory.optimisers import GradientDescent, Optimiser, checked_optimiser
from theory.public_names import PickledByFields, PublicNames
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
class WideReadoutUpdate(ReadAsNumber, PickledByFields, PublicNames):
    """E[(Delta f)^2] of one step of ``optimiser`` of the readout alone, at eta = 1, as
    n -> infinity.  `infinite_width` is over n^2, or over n for normalised steps; float() and
    `value` multiply by it.  Made by `readout_update`.

    >>> from theory import MLP, Normalised, Tanh, readout_update
    >>> readout_update(MLP(depth=16, activation=Tanh()), optimiser=Normalised())
    WideReadoutUpdate, E[(Δf)²] of MLP(depth=16, activation=Tanh()): 0.0324813 * n at n = ∞; step \
of Normalised()
    """

    network: Any
    inputs: Inputs
    optimiser: Optimiser

    def infinite_width(self, depth: object = None) -> Any:
        """The value at a number of layers or blocks; an array for several numbers; None takes the
        depth of the network.

        >>> from theory import MLP, SignDescent, readout_update
        >>> update = readout_update(MLP(), optimiser=SignDescent())
        >>> round(update.infinite_width(16), 6)
        0.31831
        """
        depths = checked_depths(self.network, depth)
        one = isinstance(depths, int)
        if not isinstance(self.network, Residual):
            deepest = depths if one else int(depths.max())
            layers = wide_network(self.network, self.inputs).layers(deepest + 1)
            moved = output_moved_by_readout(layers, self.optimiser, depths) ** 2
            return float(moved) if one else moved
        if one:
            return self._of_blocks(depths)
        found = depths.astype(float)
        found[:] = [self._of_blocks(int(each)) for each in depths]
        return found

    def _of_blocks(self, blocks: int) -> float:
        network = self.network._with(blocks=blocks)
        return output_moved_by_stream(network, self.inputs, self.optimiser) ** 2

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth or the number of blocks grows; that
        of residual networks is numerical.

        Raises `NotSolved` where E z^2 falls or grows exponentially from a smooth activation.

        >>> from theory import MLP, Tanh, readout_update
        >>> readout_update(MLP(activation=Tanh())).leading()
        eta**2*n**2/(4*L**2)
        """
        units = n**self.optimiser.unscaled.head_power * eta**2
        if not self.open_sizes:
            return Float(self.infinite_width()) * units
        if isinstance(self.network, Residual):
            constant, exponent, _ = power_of_blocks(_BLOCKS, [self._of_blocks(b) for b in _BLOCKS])
            return Float(constant, 5) * self.open_sizes[0] ** exponent * units
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
        size = point.spread * sqrt(square)
        return self.optimiser.head(square, size) ** 2 * units

    @property
    def value(self) -> Any:
        """The value of a network with depth and width in numbers.

        >>> from theory import MLP, Tanh, readout_update
        >>> round(readout_update(MLP(64, 16, activation=Tanh())).value, 6)
        4.321422
        """
        power = self.optimiser.unscaled.head_power
        return with_width(self.infinite_width(), self.network, power)

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The depth L, or the number of blocks B, if it is open.

        >>> from theory import MLP, Tanh, readout_update
        >>> readout_update(MLP(activation=Tanh())).open_sizes
        (L,)
        """
        return () if isinstance(self.network.depth, int) else (self.network._depth_symbol,)

    def __repr__(self) -> str:
        power = self.optimiser.unscaled.head_power
        try:
            if self.open_sizes:
                (depth,) = self.open_sizes
                found = f"{formula_text(self.leading())} as n → ∞, then as {depth} grows"
            else:
                found = f"{self.infinite_width():.6g} * {n**power} at n = ∞"
        except NotSolved:
            found = "call infinite_width(depth) for its value at n = ∞"
        return f"{type(self).__name__}, E[(Δf)²] of {self.network}: {found}; step of " + repr(
            self.optimiser
        )


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
    """Derive E[(Delta f)^2] for one step of the readout of ``network`` alone, which is the same
    linearised and real.

    A `WideReadoutUpdate`, which is solved as n -> infinity, answers where ``inputs`` or an
    ``optimiser`` other than gradient descent is given, and for activations, biases, norms and
    branches that are not exact at finite width.

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
