"""A nonlinearity is the function of one pre-activation that follows every layer of weights."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol

from theory.errors import InvalidArgument
from theory.public_names import PublicNames
from theory.validation import typed

__all__ = [
    "FloatArray",
    "Nonlinearity",
    "checked_nonlinearity",
    "erf_values",
    "flat_pieces",
    "instead",
    "is_flat_somewhere",
    "sigmoid",
    "z",
]

_EXAMPLES = {"LeakyReLU": "0.1", "Activation": "'z/(1 + z**2)'"}
"""Arguments of activations that are given as classes."""

FloatArray: TypeAlias = NDArray[np.float64]
z = Symbol("z", real=True)
"""The pre-activation in formulas of activations."""


@dataclass(frozen=True)
class Nonlinearity(PublicNames, ABC):
    """A function phi of the pre-activation z.  Abstract: use `ReLU`, `Tanh`, ... or `Activation`.

    ``kinks``: the z at which phi or its derivative is not smooth.
    """

    kinks: ClassVar[tuple[float, ...]] = ()
    _shared = frozenset({"derivative", "kinks", "value"})

    @property
    @abstractmethod
    def formula(self) -> Expr:
        """phi(z), in the real symbol z.

        >>> from theory import GELU
        >>> GELU().formula
        z*(erf(sqrt(2)*z/2) + 1)/2
        """

    @abstractmethod
    def value(self, z: FloatArray) -> FloatArray:
        """phi(z) of every entry of ``z``, in double precision.

        >>> from theory import Tanh
        >>> float(Tanh().value(0.5).round(6))
        0.462117
        """

    @abstractmethod
    def derivative(self, z: FloatArray) -> FloatArray:
        """phi'(z) of every entry of ``z``, in double precision.

        >>> from theory import Tanh
        >>> float(Tanh().derivative(0.5).round(6))
        0.786448
        """

    @property
    def free_symbols(self) -> frozenset[Symbol]:
        """The symbols of the formula beside z.

        >>> from theory import LeakyReLU
        >>> LeakyReLU().free_symbols
        frozenset({a})
        """
        return frozenset(self.formula.free_symbols) - {z}


_SPACING, _ORDER, _END = 16, 12, 6.0


def _taylor_of_erf() -> FloatArray:
    """Taylor coefficients of erf at 0, 1/16, 2/16, ..., 6; shape (points, order + 1)."""
    points = np.arange(int(_END) * _SPACING + 1) / _SPACING
    rows = [np.array([math.erf(each) for each in points.tolist()])]
    before, now = 0 * points, 2 / math.sqrt(math.pi) * np.exp(-np.square(points))
    for power in range(1, _ORDER + 1):
        rows.append(now / math.factorial(power))
        before, now = now, -2 * points * now - 2 * (power - 1) * before
    return np.column_stack(rows)


_ERF = _taylor_of_erf()


def erf_values(values: FloatArray) -> FloatArray:
    """The error function of every entry, to an absolute 2e-16; NaN of NaN."""
    size = np.fmin(np.abs(values), _END)
    nearest = np.rint(size * _SPACING).astype(np.int64)
    away, total = size - nearest / _SPACING, _ERF[nearest, _ORDER]
    for power in range(_ORDER - 1, -1, -1):
        total = total * away + _ERF[nearest, power]
    return np.copysign(np.where(np.isnan(values), values, total), values)


def sigmoid(values: FloatArray) -> FloatArray:
    """1/(1 + exp(-z)), without an overflow."""
    tail = np.exp(-np.abs(values))
    return np.where(np.asarray(values) < 0, tail, 1.0) / (1 + tail)


@lru_cache(maxsize=64)
def flat_pieces(activation: Nonlinearity) -> NDArray[np.bool_]:
    """Whether the slope is 0 on each piece: below the kinks, between them and above."""
    kinks = np.array(activation.kinks or (0.0,))
    ends = np.concatenate((kinks[:1] - 1, kinks, kinks[-1:] + 1))
    inside = ends[:-1, None] + np.diff(ends)[:, None] * np.linspace(0.05, 0.95, 19)
    flat = (activation.derivative(inside) == 0).all(axis=1)
    return np.asarray(flat if activation.kinks else flat[:1] & flat[1:])


def is_flat_somewhere(activation: Nonlinearity) -> bool:
    """Whether the slope is 0 between two kinks, or beyond them.

    >>> from theory import ReLU, Tanh
    >>> is_flat_somewhere(ReLU()), is_flat_somewhere(Tanh())
    (True, False)
    """
    return bool(flat_pieces(activation).any())


def checked_nonlinearity(activation: object) -> None:
    """Raise `InvalidArgument` for what is no activation."""
    if not isinstance(activation, Nonlinearity):
        raise InvalidArgument(
            f"expected an activation such as ReLU(), Tanh() or Activation('z/(1 + z**2)') for "
            f"activation, got activation={typed(activation)}; {instead(activation)}"
        )


def instead(activation: object) -> str:
    """What to give in the place of what is no activation: a class is to be called, and a name is
    that of a class."""
    if isinstance(activation, type) and issubclass(activation, Nonlinearity):
        return f"call it, as in {_called(activation)}"
    asked = activation.lower().replace("_", "") if isinstance(activation, str) else ""
    meant = (each for each in _kinds(Nonlinearity) if each.__name__.lower() == asked)
    return next((f"give {_called(each)}" for each in meant), "give ReLU(), say")


def _called(activation: type[Nonlinearity]) -> str:
    return f"{activation.__name__}({_EXAMPLES.get(activation.__name__, '')})"


def _kinds(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)
