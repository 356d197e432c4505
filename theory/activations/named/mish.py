"""`Mish`: z tanh(log(1 + exp(z)))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import exp, log, tanh

from theory.activations.nonlinearity import FloatArray, Nonlinearity, sigmoid, z
from theory.coverage import answered_class

__all__ = ["Mish"]


@answered_class
@dataclass(frozen=True)
class Mish(Nonlinearity):
    """z tanh(log(1 + exp(z))).

    >>> from theory import MLP, Mish
    >>> MLP(activation=Mish())
    MLP(activation=Mish())
    """

    formula = z * tanh(log(1 + exp(z)))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z * np.tanh(np.logaddexp(0, z))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        hull = np.tanh(np.logaddexp(0, z))
        return hull + z * sigmoid(z) * (1 - np.square(hull))
