"""The named smooth activations; their formulas give all that is solved as n goes to infinity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Piecewise, exp, log, sqrt

from theory.activations.nonlinearity import FloatArray, Nonlinearity, erf_values, sigmoid, z
from theory.coverage import answered_class

__all__ = [
    "ELU",
    "GELU",
    "Arctan",
    "Erf",
    "Mish",
    "SiLU",
    "Sin",
    "Softplus",
    "Softsign",
    "Tanh",
]


@answered_class
@dataclass(frozen=True)
class Arctan(Nonlinearity):
    """The arc tangent of z.

    >>> from theory import MLP, Arctan
    >>> MLP(activation=Arctan())
    MLP(activation=Arctan())
    """

    formula = sympy.atan(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.arctan(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 1 / (1 + np.square(z))


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


@answered_class
@dataclass(frozen=True)
class Erf(Nonlinearity):
    """The error function erf(z).

    >>> from theory import MLP, Erf
    >>> MLP(activation=Erf())
    MLP(activation=Erf())
    """

    formula = sympy.erf(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return erf_values(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 2 / math.sqrt(math.pi) * np.exp(-np.square(z))


@answered_class
@dataclass(frozen=True)
class GELU(Nonlinearity):
    """z Phi(z) with the distribution function Phi of N(0, 1), the exact one.

    >>> from theory import MLP, GELU
    >>> MLP(activation=GELU())
    MLP(activation=GELU())
    """

    formula = z * (1 + sympy.erf(z / sqrt(2))) / 2

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z * _distribution(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return _distribution(z) + z * np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi)


def _distribution(z: FloatArray) -> FloatArray:
    """That of N(0, 1)."""
    return (1 + erf_values(z / math.sqrt(2))) / 2


@answered_class
@dataclass(frozen=True)
class Mish(Nonlinearity):
    """z tanh(log(1 + exp(z))).

    >>> from theory import MLP, Mish
    >>> MLP(activation=Mish())
    MLP(activation=Mish())
    """

    formula = z * sympy.tanh(log(1 + exp(z)))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z * np.tanh(np.logaddexp(0, z))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        hull = np.tanh(np.logaddexp(0, z))
        return hull + z * sigmoid(z) * (1 - np.square(hull))


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


@answered_class
@dataclass(frozen=True)
class Sin(Nonlinearity):
    """The sine of z.

    >>> from theory import MLP, Sin
    >>> MLP(activation=Sin())
    MLP(activation=Sin())
    """

    formula = sympy.sin(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.sin(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.cos(z)


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


@answered_class
@dataclass(frozen=True)
class Softsign(Nonlinearity):
    """z/(1 + |z|).

    >>> from theory import MLP, Softsign
    >>> MLP(activation=Softsign())
    MLP(activation=Softsign())
    """

    kinks = (0.0,)
    formula = z / (1 + sympy.Abs(z))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return z / (1 + np.abs(z))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 1 / (1 + np.abs(z)) ** 2


@answered_class
@dataclass(frozen=True)
class Tanh(Nonlinearity):
    """The hyperbolic tangent of z.

    >>> from theory import MLP, Tanh
    >>> MLP(activation=Tanh())
    MLP(activation=Tanh())
    """

    formula = sympy.tanh(z)

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.tanh(z)

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return 1 - np.tanh(z) ** 2
