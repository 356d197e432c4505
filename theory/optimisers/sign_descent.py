"""Sign descent, which Adam's first step is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Expr, Integer, Rational, pi, sqrt

from theory.activations.nonlinearity import is_flat_somewhere
from theory.coverage import answered_class
from theory.errors import NotSolved
from theory.optimisers.optimiser import GAUSSIAN_SIZE, Along, Layer, Optimiser, OwnPart
from theory.validation import non_negative_value, written

__all__ = ["SignDescent", "refuse_lost_signs"]

_ZERO, _HALF, _ONE = Integer(0), Rational(1, 2), Integer(1)


@answered_class
@dataclass(frozen=True, repr=False)
class SignDescent(Optimiser):
    """U = G/(|G| + epsilon/n) in every entry of the gradient G, with 0 for G = 0.

    It is the first step of Adam, whose ``epsilon`` competes with gradients of order 1/n and is
    given in units of 1/n: Adam's own epsilon times the width.  With ReLU half of G is 0 in the
    first layer, and three quarters in every later hidden layer.  The first layer moves by |x|_1,
    which is n for the entries +-1 that are assumed unless ``Inputs(norm1=)`` is given.

    >>> from theory import SignDescent
    >>> SignDescent(), SignDescent(epsilon="1e-3")
    (SignDescent(), SignDescent(epsilon='1/1000'))
    """

    epsilon: Expr = _ZERO
    width_power: ClassVar[int] = 2
    _along = Along(sqrt(2 / pi), q1=_ONE, m1=_ONE, m2=-_HALF, gradient=_HALF)

    def __post_init__(self) -> None:
        epsilon = non_negative_value("epsilon", self.epsilon)
        object.__setattr__(self, "epsilon", epsilon)

    def __repr__(self) -> str:
        return f"SignDescent({'' if self.epsilon == 0 else f'epsilon={written(self.epsilon)}'})"

    @property
    def is_homogeneous(self) -> bool:
        """Whether epsilon is 0.

        >>> from theory import SignDescent
        >>> SignDescent(epsilon=1).is_homogeneous
        False
        """
        return bool(self.epsilon == 0)

    def own_part(self, layer: Layer) -> OwnPart:
        """|x|_1 sign(g), in units of n."""
        if self.epsilon != 0:
            epsilon = float(self.epsilon)
            return layer.entrywise(lambda gradient: gradient / (abs(gradient) + epsilon))
        own = layer.fan_in * layer.size
        return OwnPart(
            own**2 * layer.slope(0),
            own * layer.slope(1) * GAUSSIAN_SIZE,
            own**2 * layer.slope(2),
            own * layer.slope(3) * GAUSSIAN_SIZE,
        )

    def head(self, square: Any, size: Any) -> Any:
        """|x|_1, in units of n: the readout's gradients are of order 1, far above epsilon/n."""
        return size


def refuse_lost_signs(optimiser: Optimiser, network: Any) -> None:
    """Raise `NotSolved` for signs of gradients that only a norm makes other than 0.

    The derivative of a norm before the activation gives a neuron of slope 0 a gradient that is
    smaller than the gradients of other neurons by the root of the width, or that is 0 but for
    rounding; its sign moves the neuron as far as others.
    """
    norm, rule = network.norm, optimiser.unscaled
    if not (isinstance(rule, SignDescent) and rule.is_homogeneous):
        return
    if norm is None or norm.before != "activation":
        return
    if is_flat_somewhere(network.activation):
        raise NotSolved(
            f"sign descent with {norm!r} and {network.activation}, which is flat on an interval, "
            f"has no solution here, since the norm makes the signs of neurons of slope 0: give "
            f"SignDescent(epsilon='1e-3'), {type(norm).__name__}() or another activation"
        )
