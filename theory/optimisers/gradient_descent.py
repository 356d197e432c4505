"""Gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from theory.coverage import answered_class
from theory.optimisers.optimiser import Layer, Optimiser, OwnPart, linear

__all__ = ["GradientDescent"]


@answered_class
@dataclass(frozen=True)
class GradientDescent(Optimiser):
    """U = dE/dW: the own part is |x|^2 times the gradient.

    >>> from theory import GradientDescent
    >>> GradientDescent()
    GradientDescent()
    """

    degree: ClassVar[int] = 1

    def own_part(self, layer: Layer) -> OwnPart:
        """n E x^2 times the gradient of order 1/n."""
        return linear(layer.fan_in * layer.square, layer)
