"""`Erf`: The error function erf(z)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sympy import erf

from theory.activations.nonlinearity import FloatArray, Nonlinearity, erf_values, z
from theory.coverage import answered_class

__all__ = ["Erf"]


@answered_class
@dataclass(frozen=True)
class Erf(Nonlinearity):
    """The error function erf(z).

    >>> from theory import MLP, Erf
    >>> MLP(activation=Erf())
    MLP(activation=Erf())
    """

    formula = erf(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return erf_values(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 2 / math.sqrt(math.pi) * np.exp(-np.square(z))
