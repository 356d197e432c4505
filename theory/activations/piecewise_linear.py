"""A piecewise linear activation is linear on each half-line, and described by its slope at negative
input."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from sympy import Expr, Integer, Piecewise

from theory.activations.nonlinearity import FloatArray, Nonlinearity, instead, z
from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.symbols import a as slope_symbol
from theory.symbols import meant
from theory.validation import exact_number, typed, written

__all__ = ["LeakyReLU", "Linear", "PiecewiseLinear", "ReLU", "checked_activation", "slope_value"]


@dataclass(frozen=True)
class PiecewiseLinear(Nonlinearity):
    """sigma(z) = z for z > 0 and slope * z otherwise; sigma'(0) = slope.  Abstract: use
    `ReLU`, `LeakyReLU` or `Linear`."""

    @property
    @abstractmethod
    def slope(self) -> Expr:
        """Slope on the negative half-line, an exact number in [0, 1] or the symbol ``a``.

        >>> from theory import ReLU
        >>> ReLU().slope
        0
        """

    kinks = (0.0,)

    @property
    def formula(self) -> Expr:
        """The formula in z.

        >>> from theory import LeakyReLU
        >>> LeakyReLU("1/2").formula
        Piecewise((z, z > 0), (z/2, True))
        """
        return Piecewise((z, z > 0), (self.slope * z, True))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.where(np.asarray(z) > 0, z, float(self.slope) * np.asarray(z))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return np.where(np.asarray(z) > 0, 1.0, float(self.slope))

    def mask_moment(self, power: int) -> Expr:
        """E[D^power] of the mask D = sigma'(z), a fair coin between 1 and the slope.

        >>> from theory import LeakyReLU
        >>> LeakyReLU("1/2").mask_moment(2)
        5/8
        """
        return (1 + self.slope**power) / 2 if power else Integer(1)

    def critical_variance(self) -> Expr:
        """The c in W ~ N(0, c/fan_in) that keeps E|x|^2 per neuron constant: 1/E[D^2].

        >>> from theory import LeakyReLU
        >>> LeakyReLU("1/2").critical_variance()
        8/5
        """
        return 1 / self.mask_moment(2)


@answered_class
@dataclass(frozen=True)
class ReLU(PiecewiseLinear):
    """max(z, 0).

    >>> from theory import MLP, ReLU
    >>> MLP(activation=ReLU()).c
    2
    """

    slope = Integer(0)


@answered_class
@dataclass(frozen=True)
class Linear(PiecewiseLinear):
    """The identity: all masks are 1.

    >>> from theory import MLP, Linear
    >>> MLP(activation=Linear()).c
    1
    """

    slope = Integer(1)


@answered_class
@dataclass(frozen=True)
class LeakyReLU(PiecewiseLinear):
    """z for z > 0 and ``negative_slope * z`` otherwise.

    ``negative_slope``: an exact number in [0, 1], or the symbol ``theory.symbols.a`` (default).
    Raises `InvalidArgument` for anything else.

    >>> from theory import MLP, LeakyReLU
    >>> MLP(activation=LeakyReLU("1/2")).c
    8/5
    """

    negative_slope: Expr = slope_symbol

    def __post_init__(self) -> None:
        slope = slope_value("negative_slope", self.negative_slope)
        object.__setattr__(self, "negative_slope", slope)

    def __repr__(self) -> str:
        return f"LeakyReLU({written(self.negative_slope)})"

    @property
    def slope(self) -> Expr:
        """The negative slope.

        >>> from theory import LeakyReLU
        >>> LeakyReLU("0.1").slope
        1/10
        """
        return self.negative_slope


def slope_value(name: str, value: object) -> Expr:
    """``value`` as a slope: an exact number in [0, 1], or the symbol ``theory.symbols.a``."""
    if meant(value, slope_symbol) is slope_symbol:
        return slope_symbol
    if isinstance(value, Expr) and not value.is_Number:
        raise InvalidArgument(
            f"expected a number in [0, 1] or the symbol theory.symbols.a for {name}, "
            f"got {name}={typed(value)}; give 0.1, or leave it out for the symbol"
        )
    number = exact_number(name, value)
    if not 0 <= number <= 1:
        raise InvalidArgument(
            f"expected a number in [0, 1] for {name}, got {name}={typed(value)}; "
            f"0 is ReLU(), 1 is Linear()"
        )
    return number


def checked_activation(activation: object) -> None:
    """Raise `InvalidArgument` for a value that is not an activation."""
    if not isinstance(activation, PiecewiseLinear):
        raise InvalidArgument(
            f"expected ReLU(), LeakyReLU(slope) or Linear() for activation, "
            f"got activation={typed(activation)}; {instead(activation)}"
        )
