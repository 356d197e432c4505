"""`Softsign`: z/(1 + |z|)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import Abs

from theory.activations.nonlinearity import FloatArray, Nonlinearity, z
from theory.coverage import answered_class

__all__ = ["Softsign"]


@answered_class
@dataclass(frozen=True)
class Softsign(Nonlinearity):
    """z/(1 + |z|).

    >>> from theory import MLP, Softsign
    >>> MLP(activation=Softsign())
    MLP(activation=Softsign())
    """

    kinks = (0.0,)
    formula = z / (1 + Abs(z))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z / (1 + np.abs(z))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 1 / (1 + np.abs(z)) ** 2
