"""Gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Integer

from theory.coverage import answered_class
from theory.optimisers.optimiser import Along, Layer, Optimiser, OwnPart, linear

__all__ = ["GradientDescent"]


@answered_class
@dataclass(frozen=True)
class GradientDescent(Optimiser):
    """U is the gradient of the loss with respect to W.

    The weights W of a layer move z = W x by -eta U x, and U x (the *own part*) is |x|^2 times the
    gradient with respect to z.

    >>> from theory import GradientDescent
    >>> GradientDescent()
    GradientDescent()
    """

    degree: ClassVar[int] = 1
    _along = Along(Integer(1), q=Integer(1))

    def own_part(self, layer: Layer) -> OwnPart:
        """n E x^2 times the gradient of order 1/n."""
        return linear(layer.fan_in * layer.square, layer)

    def head(self, square: Any, size: Any) -> Any:
        """|x|^2, in units of n."""
        return square
