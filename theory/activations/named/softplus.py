"""`Softplus`: log(1 + exp(z))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import exp, log

from theory.activations.nonlinearity import FloatArray, Nonlinearity, sigmoid, z
from theory.coverage import answered_class

__all__ = ["Softplus"]


@answered_class
@dataclass(frozen=True)
class Softplus(Nonlinearity):
    """log(1 + exp(z)).

    >>> from theory import MLP, Softplus
    >>> MLP(activation=Softplus())
    MLP(activation=Softplus())
    """

    formula = log(1 + exp(z))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.logaddexp(0, z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return sigmoid(z)
