"""`ELU`: z for z > 0 and exp(z) - 1 otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sympy import Piecewise, exp

from theory.activations.nonlinearity import FloatArray, Nonlinearity, z
from theory.coverage import answered_class

__all__ = ["ELU"]


@answered_class
@dataclass(frozen=True)
class ELU(Nonlinearity):
    """z for z > 0 and exp(z) - 1 otherwise.

    >>> from theory import MLP, ELU
    >>> MLP(activation=ELU())
    MLP(activation=ELU())
    """

    kinks = (0.0,)
    formula = Piecewise((z, z > 0), (exp(z) - 1, True))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.where(np.asarray(z) > 0, z, np.expm1(np.minimum(z, 0)))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.exp(np.minimum(z, 0))
