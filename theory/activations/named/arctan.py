"""`Arctan`: The arc tangent of z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import atan

from theory.activations.nonlinearity import FloatArray, Nonlinearity, z
from theory.coverage import answered_class

__all__ = ["Arctan"]


@answered_class
@dataclass(frozen=True)
class Arctan(Nonlinearity):
    """The arc tangent of z.

    >>> from theory import MLP, Arctan
    >>> MLP(activation=Arctan())
    MLP(activation=Arctan())
    """

    formula = atan(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.arctan(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 1 / (1 + np.square(z))
