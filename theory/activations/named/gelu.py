"""`GELU`: z Phi(z) with the distribution function Phi of N(0, 1), the exact one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sympy import erf, sqrt

from theory.activations.nonlinearity import FloatArray, Nonlinearity, erf_values, z
from theory.coverage import answered_class

__all__ = ["GELU"]


@answered_class
@dataclass(frozen=True)
class GELU(Nonlinearity):
    """z Phi(z) with the distribution function Phi of N(0, 1), the exact one.

    >>> from theory import MLP, GELU
    >>> MLP(activation=GELU())
    MLP(activation=GELU())
    """

    formula = z * (1 + erf(z / sqrt(2))) / 2

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z * _distribution(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return _distribution(z) + z * np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi)


def _distribution(z: FloatArray) -> FloatArray:
    """That of N(0, 1)."""
    return (1 + erf_values(z / math.sqrt(2))) / 2
