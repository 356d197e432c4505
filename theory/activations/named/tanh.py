"""`Tanh`: The hyperbolic tangent of z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import tanh

from theory.activations.nonlinearity import FloatArray, Nonlinearity, z
from theory.coverage import answered_class

__all__ = ["Tanh"]


@answered_class
@dataclass(frozen=True)
class Tanh(Nonlinearity):
    """The hyperbolic tangent of z.

    >>> from theory import MLP, Tanh
    >>> MLP(activation=Tanh())
    MLP(activation=Tanh())
    """

    formula = tanh(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.tanh(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        tail = np.exp(-2 * np.abs(z))
        return 4 * tail / np.square(1 + tail)
