"""Elementary functions have no branches here, so that loops over them run in vector lanes.

They are series with exact coefficients: the logarithm by artanh, sine and cosine within an eighth
of a turn, the exponential within half a doubling.  Errors are a few units in the last place in
double precision, and about 1e-7 in single precision.  Nothing here depends on a mathematics
library, so neither do results.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.numerics.compiled import (
    bits_of_double,
    bits_of_single,
    double_of_bits,
    formula,
    fused,
    single_of_bits,
)

__all__ = [
    "LOG2",
    "exponent",
    "exponential",
    "logarithm",
    "power_of_two",
    "rotation",
    "select",
    "single_logarithm",
    "single_rotation",
]

LOG2 = math.log(2.0)
_LOG2_HIGH = 0.6931471803691238
"""ln 2 with its last 21 bits zero, so that multiples of it by small integers are exact."""
_LOG2_LOW = 1.9082149292705877e-10
_SHIFTER = 1.5 * 2.0**52
"""Added to a double of less than 2^51, leaves it rounded to an integer in the lowest bits."""
_EXPONENT_OF_ZERO = np.uint64(0x4330000000000000)
_INTEGER_ZERO = 2.0**52 + 1023.0
_HALF_ROOT = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
"""Moves the boundary between two exponents from 1 to the root of one half."""
_MANTISSA, _EXPONENT = np.uint64(2**52 - 1), np.uint64(52)
_ROOT_OF_HALF = np.uint64(0x3FE6A09E667F3BCD)
_SIGN = np.uint64(2**63)
_SMALLEST = -708.0
_LEAST_EXPONENT, _MOST_EXPONENT = -1022.0, 1023.0
_f = np.float32


@formula
def select(condition: Any, yes: Any, no: Any) -> Any:
    """``yes`` where ``condition``, else ``no``."""
    return yes if condition else no


@formula
def logarithm(x: float) -> Any:
    """ln x of a positive normal double."""
    moved = bits_of_double(x) + _HALF_ROOT
    power = double_of_bits((moved >> _EXPONENT) | _EXPONENT_OF_ZERO) - _INTEGER_ZERO
    m = double_of_bits((moved & _MANTISSA) + _ROOT_OF_HALF)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    q2 = q * q
    low = fused(q2, fused(q, 1 / 9, 1 / 7), fused(q, 1 / 5, 1 / 3))
    high = fused(q2, 1 / 19, fused(q, 1 / 17, 1 / 15))
    high = fused(q2, high, fused(q, 1 / 13, 1 / 11))
    tail = q * fused(q2 * q2, high, low)
    small = fused(2.0 * s, tail, power * _LOG2_LOW)
    return fused(power, _LOG2_HIGH, fused(2.0, s, small))


@formula
def exponential(x: float) -> Any:
    """e^x of x <= 0; 0 below -708."""
    held = max(x, _SMALLEST)
    shifted = fused(held, 1.0 / LOG2, _SHIFTER)
    power = shifted - _SHIFTER
    r = fused(power, -_LOG2_LOW, fused(power, -_LOG2_HIGH, held))
    tail = fused(r, fused(r, 1 / 6227020800, 1 / 479001600), 1 / 39916800)
    tail = fused(r, fused(r, fused(r, tail, 1 / 3628800), 1 / 362880), 1 / 40320)
    tail = fused(r, fused(r, fused(r, tail, 1 / 5040), 1 / 720), 1 / 120)
    value = fused(r, fused(r, fused(r, fused(r, fused(r, tail, 1 / 24), 1 / 6), 1 / 2), 1.0), 1.0)
    scale = double_of_bits((bits_of_double(shifted) + np.uint64(1023)) << _EXPONENT)
    return value * scale if x > _SMALLEST else 0.0


@formula
def rotation(bits: Any) -> tuple[Any, Any]:
    """Cosine and sine of an angle uniform over the circle, from 64 random bits.

    54 bits count: two choose the quarter turn, the lowest 52 the angle within it.
    """
    bits = np.uint64(bits)
    unit = double_of_bits((bits & _MANTISSA) | np.uint64(0x3FF0000000000000))
    t = (unit - (1.5 - 2.0**-53)) * (0.5 * math.pi)
    q = t * t
    q2 = q * q
    q4 = q2 * q2
    low = fused(q2, fused(q, -1 / 362880, 1 / 5040), fused(q, -1 / 120, 1 / 6))
    high = fused(q2, 1 / 1307674368000, fused(q, -1 / 6227020800, 1 / 39916800))
    sine = fused(-t * q, fused(q4, high, low), t)
    low = fused(q2, fused(q, -1 / 40320, 1 / 720), fused(q, -1 / 24, 1 / 2))
    high = fused(q, -1 / 479001600, 1 / 3628800)
    high = fused(q2, fused(q, -1 / 20922789888000, 1 / 87178291200), high)
    cosine = fused(-q, fused(q4, high, low), 1.0)
    turned = (bits >> np.uint64(62)) & np.uint64(1) != np.uint64(0)
    sign, first, second = bits & _SIGN, sine if turned else cosine, cosine if turned else sine
    first_bits, second_bits = bits_of_double(first) ^ sign, bits_of_double(second) ^ sign
    return double_of_bits(first_bits), double_of_bits(second_bits)


@formula
def single_logarithm(x: Any) -> Any:
    """ln x of a positive normal float32."""
    power = np.int32(np.int32(bits_of_single(x) - np.int32(0x3F3504F3)) >> np.int32(23))
    m = single_of_bits(np.int32(bits_of_single(x) - np.int32(power << np.int32(23))))
    s = (m - _f(1)) / (m + _f(1))
    q, twice = s * s, s + s
    tail = q * fused(q, fused(q, _f(1 / 7), _f(1 / 5)), _f(1 / 3))
    return fused(_f(power), _f(LOG2), fused(twice, tail, twice))


@formula
def single_rotation(bits: Any) -> tuple[Any, Any]:
    """Cosine and sine, neither of them 0, of an angle uniform over the circle, from 32 random bits:
    one for the sign, one for the quarter turn, 30 for the angle within it."""
    t = _f(np.int32((bits << np.uint32(2)) | np.uint32(2))) * _f(0.5 * math.pi * 2.0**-32)
    q = t * t
    tail = fused(q, fused(q, _f(1 / 362880), _f(-1 / 5040)), _f(1 / 120))
    sine = fused(t * q, fused(q, tail, _f(-1 / 6)), t)
    tail = fused(q, fused(q, _f(1 / 40320), _f(-1 / 720)), _f(1 / 24))
    cosine = fused(q, fused(q, tail, _f(-1 / 2)), _f(1))
    turned = (bits >> np.uint32(30)) & np.uint32(1) != np.uint32(0)
    sign = np.int32(bits & np.uint32(0x80000000))
    one, other = sine if turned else cosine, cosine if turned else sine
    return _with_sign(one, sign), _with_sign(other, sign)


@formula
def _with_sign(x: Any, sign: Any) -> Any:
    """x, negated where the highest bit of ``sign``, its only one, is set."""
    return single_of_bits(np.int32(bits_of_single(x) ^ sign))


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
    shifted = min(max(e, _LEAST_EXPONENT), _MOST_EXPONENT) + _SHIFTER
    power = double_of_bits((bits_of_double(shifted) + np.uint64(1023)) << _EXPONENT)
    return power if e >= _LEAST_EXPONENT else 0.0
