"""`Sin`: The sine of z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import sin

from theory.activations.nonlinearity import FloatArray, Nonlinearity, z
from theory.coverage import answered_class

__all__ = ["Sin"]


@answered_class
@dataclass(frozen=True)
class Sin(Nonlinearity):
    """The sine of z.

    >>> from theory import MLP, Sin
    >>> MLP(activation=Sin())
    MLP(activation=Sin())
    """

    formula = sin(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.sin(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.cos(z)
