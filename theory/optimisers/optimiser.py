"""`Optimiser` is the base of all optimisers: the own part of a layer's movement, as four means.

One step changes W by -eta U, and U moves the pre-activation z = W x + b of its layer by U x, the
*own part*.  Let g be the gradient of f at z over 1/n, so that its entries g = phi'(z) h are of
order one as n -> infinity; h is Gaussian and independent of z.  The own part of a neuron is then a
function psi(g), odd in g, in a unit that is a power of n.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from sympy import Expr, Integer, Rational

from theory.errors import InvalidArgument, NotSolved
from theory.public_names import PublicNames
from theory.validation import call_it, typed

__all__ = ["GAUSSIAN_SIZE", "Along", "Layer", "Optimiser", "OwnPart", "checked_optimiser", "linear"]

GAUSSIAN_SIZE = 0.7978845608028654
"""E|h| = sqrt(2/pi) of a standard Gaussian number."""


class Along(NamedTuple):
    """The own part along the gradient, own.g/|g|^2, up to a power of n, as a monomial
    factor q^q (E |x|)^q1 (E |phi'|)^m1 (E phi'^2)^m2 / |n^2 g^2|^gradient, whose fields are the
    exponents; q = E x^2 and E |x| are those of the layer's input, and |n^2 g^2| is the mean over
    neurons."""

    factor: Expr
    q: Rational = Integer(0)
    q1: Rational = Integer(0)
    m1: Rational = Integer(0)
    m2: Rational = Integer(0)
    gradient: Rational = Integer(0)


class Layer(Protocol):
    """The means of one layer that an optimiser reads; numbers, or arrays over layers."""

    @property
    def fan_in(self) -> Any:
        """Fan-in over n: n_0/n in the first layer, else 1."""

    @property
    def square(self) -> Any:
        """E x^2 of the input x of the weights."""

    @property
    def size(self) -> Any:
        """E |x|."""

    @property
    def gradient(self) -> Any:
        """The standard deviation of h, in g = phi'(z) h."""

    def slope(self, power: int) -> Any:
        """E |phi'(z)|^power for 1 to 4; P(phi'(z) != 0) for 0."""

    def entrywise(self, entry: Callable[[Any], Any]) -> OwnPart:
        """The own part of a step whose weight (i, j) moves by ``entry(g_i x_j)``."""


@dataclass(frozen=True)
class OwnPart:
    """Means of the own part psi(g) with h = g/phi' in units of its standard deviation:
    ``square`` E psi^2, ``along`` E psi g, and with the slope, ``slope_square`` E phi'^2 psi^2 and
    ``slope_along`` E phi'^2 psi g."""

    square: Any
    along: Any
    slope_square: Any
    slope_along: Any


@dataclass(frozen=True)
class Optimiser(PublicNames, ABC):
    """The rule of one first step, W -> W - eta U.  Abstract: use `GradientDescent`, `SignDescent`,
    `Normalised`, `Momentum` or `WeightDecay`."""

    _shared: ClassVar[frozenset[str]] = frozenset(
        {"degree", "head", "head_power", "own_part", "width_power"}
    )
    degree: ClassVar[int] = 0
    """The own part is homogeneous in the gradient of this degree, if `is_homogeneous`."""
    width_power: ClassVar[int] = 0
    """The mean squared update is of order n to this power."""
    head_power: ClassVar[int] = 2
    """The mean squared update of the output by the readout's own step is of order n to this."""
    _along: ClassVar[Along]
    """`along` at the multiple 1."""

    @property
    def along(self) -> Along:
        """The own part along the gradient.

        >>> from theory import Momentum
        >>> Momentum("0.9", averaged=True).along
        Along(factor=1/10, q=1, q1=0, m1=0, m2=0, gradient=0)
        """
        if not self.unscaled.is_homogeneous:
            raise NotSolved(
                "terms beyond the leading one are not solved with an epsilon above 0: give "
                "epsilon=0, or take infinite_width(depth)"
            )
        along = self.unscaled._along
        return along._replace(factor=along.factor * self.multiple)

    def own_part(self, layer: Layer) -> OwnPart:
        """The means of the own part of ``layer``, for `unscaled`."""
        return self.unscaled.own_part(layer)

    def head(self, square: Any, size: Any) -> Any:
        """|Delta f| by the readout's own step at eta = 1 and the label +-1, over
        n^(head_power/2), from ``square`` E x^2 and ``size`` E |x| of the readout's input.

        >>> from theory import Momentum
        >>> Momentum("1/2", averaged=True).head(4, 1)
        2
        """
        return self.multiple * self.unscaled.head(square, size)

    @property
    def multiple(self) -> Expr:
        """The first step is this multiple of that of `unscaled`.

        >>> from theory import Momentum
        >>> Momentum("0.9", averaged=True).multiple
        1/10
        """
        return Integer(1)

    @property
    def unscaled(self) -> Optimiser:
        """The optimiser of whose first step this one takes a multiple.

        >>> from theory import Momentum
        >>> Momentum("0.9", averaged=True).unscaled
        GradientDescent()
        """
        return self

    @property
    def is_homogeneous(self) -> bool:
        """Whether the own part is homogeneous in the gradient.

        >>> from theory import SignDescent
        >>> SignDescent().is_homogeneous, SignDescent(epsilon=1).is_homogeneous
        (True, False)
        """
        return True

    @property
    def weight_decay(self) -> Expr:
        """The decoupled weight decay: U includes ``weight_decay`` times W.

        >>> from theory import SignDescent
        >>> SignDescent().weight_decay
        0
        """
        return Integer(0)


def linear(factor: Any, layer: Layer) -> OwnPart:
    """The own part ``factor * g``, for h in units of its standard deviation."""
    second, fourth = layer.slope(2), layer.slope(4)
    return OwnPart(factor**2 * second, factor * second, factor**2 * fourth, factor * fourth)


def checked_optimiser(optimiser: object) -> Optimiser:
    """``optimiser``, or `InvalidArgument` where it is none."""
    if isinstance(optimiser, Optimiser):
        return optimiser
    adam = "give SignDescent() for the first step of Adam, or " * ("adam" in str(optimiser).lower())
    fix = call_it(optimiser, Optimiser, f"{adam}leave it out for gradient descent")
    raise InvalidArgument(
        f"expected GradientDescent(), SignDescent(), Normalised(), Momentum(...) or "
        f"WeightDecay(...) for optimiser, got optimiser={typed(optimiser)}; {fix}"
    )
