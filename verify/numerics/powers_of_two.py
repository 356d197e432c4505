"""Magnitudes as doubles times powers of two, so that products of any length stay in range."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.numerics.compiled import bits_of_double, double_of_bits, formula

__all__ = ["LOG2", "exponent", "power_of_two"]

LOG2 = 0.6931471805599453
"""Natural logarithm of 2."""
_EXPONENT, _BIAS = np.uint64(52), np.uint64(1023)
_SHIFTER = 1.5 * 2.0**52
_EXPONENT_OF_ZERO, _INTEGER_ZERO = np.uint64(0x4330000000000000), 2.0**52 + 1023.0
_LEAST, _MOST = -1022.0, 1023.0


@formula
def exponent(x: float) -> Any:
    """The whole number e, as a double, with 2^e <= x < 2^(e + 1), of a positive normal x.

    >>> exponent(0.75), exponent(8.0)
    (-1.0, 3.0)
    """
    return double_of_bits((bits_of_double(x) >> _EXPONENT) | _EXPONENT_OF_ZERO) - _INTEGER_ZERO


@formula
def power_of_two(e: float) -> Any:
    """2^e of a whole number e <= 1023; 0 below -1022.

    >>> power_of_two(-3.0), power_of_two(-2000.0)
    (0.125, 0.0)
    """
    shifted = min(max(e, _LEAST), _MOST) + _SHIFTER
    power = double_of_bits((bits_of_double(shifted) + _BIAS) << _EXPONENT)
    return power if e >= _LEAST else 0.0
