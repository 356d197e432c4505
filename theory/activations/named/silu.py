"""`SiLU`: z/(1 + exp(-z)), also called swish."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import exp

from theory.activations.nonlinearity import FloatArray, Nonlinearity, sigmoid, z
from theory.coverage import answered_class

__all__ = ["SiLU"]


@answered_class
@dataclass(frozen=True)
class SiLU(Nonlinearity):
    """z/(1 + exp(-z)), also called swish.

    >>> from theory import MLP, SiLU
    >>> MLP(activation=SiLU())
    MLP(activation=SiLU())
    """

    formula = z / (1 + exp(-z))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z * sigmoid(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return sigmoid(z) * (1 + z * sigmoid(-np.asarray(z)))
