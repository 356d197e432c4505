"""Numbers as a page sets them: grouped digits, powers of ten, a true minus sign."""

from __future__ import annotations

import re
from math import exp, floor, log

from verify.inference.numbers_in_text import value_and_error

__all__ = [
    "count",
    "decimal",
    "from_log",
    "interval",
    "percent",
    "plus_minus",
    "signed",
    "small",
    "with_error",
]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def count(value: int) -> str:
    """A whole number, its digits in groups of three.

    >>> count(1_000_000)
    '1,000,000'
    """
    return f"{value:,}"


def signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign; a word where there is none.

    >>> signed(-1.2345), signed(None), signed(-12345.0)
    ('−1.23', 'undefined', '−1.23 × 10⁴')
    """
    if value is None:
        return "undefined"
    text = f"{value:+.{digits}f}" if abs(value) < 1000 else f"{value:+.{digits}e}"
    return _powers(text).replace("-", "−")


def decimal(value: float | None, digits: int = 4) -> str:
    """A positive number in so many digits.

    >>> decimal(0.00123456), decimal(1.5e-9), decimal(0.0)
    ('0.001235', '1.500 × 10⁻⁹', '0')
    """
    if value is None:
        return "undefined"
    return from_log(log(value), digits) if value > 0 else "0"


def from_log(logarithm: float | None, digits: int = 4) -> str:
    """exp(logarithm) in so many digits, also where a float cannot hold it.

    >>> from_log(1.0), from_log(10_000.0)
    ('2.718', '8.807 × 10⁴³⁴²')
    """
    if logarithm is None:
        return "undefined"
    exponent = floor(logarithm / log(10))
    mantissa = f"{exp(logarithm - exponent * log(10)):.{digits - 1}f}"
    if mantissa.startswith("10"):
        exponent, mantissa = exponent + 1, f"{1:.{digits - 1}f}"
    if -4 <= exponent <= 5:
        return _grouped(f"{exp(logarithm):.{max(0, digits - 1 - exponent)}f}")
    return f"{mantissa} × 10{str(exponent).translate(_RAISED)}"


def with_error(log_mean: float, relative_error: float) -> str:
    """exp(log_mean) ± its error.

    >>> with_error(20.0, 0.01)
    '(4.852 ± 0.049) × 10⁸'
    """
    return _powers(_grouped(value_and_error(log_mean, relative_error)))


def percent(value: float, digits: int = 1) -> str:
    """A fraction in per cent.

    >>> percent(0.108)
    '10.8\u202f%'
    """
    return f"{100 * value:.{digits}f}\N{NARROW NO-BREAK SPACE}%"


def interval(ends: tuple[float, float], digits: int = 4) -> str:
    """Both ends of an interval.

    >>> interval((-1.5015, -1.4989))
    '−1.5015 to −1.4989'
    """
    low, high = (f"{end:.{digits}f}".replace("-", "−") for end in ends)
    return f"{low} to {high}"


def plus_minus(value: tuple[float, float]) -> str:
    """A value and its error, to two digits of the error.

    >>> plus_minus((-1.49998, 0.00026))
    '−1.49998 ± 0.00026'
    """
    number, error = value
    places = max(0, 1 - floor(log(error) / log(10))) if error > 0 else 6
    return f"{number:.{places}f} ± {error:.{places}f}".replace("-", "−")


def small(value: float) -> str:
    """A small positive number to one digit.

    >>> small(0.0000612), small(0.004)
    ('6 × 10⁻⁵', '0.004')
    """
    return _powers(f"{value:.1g}")


def _grouped(text: str) -> str:
    """Whole parts of five digits and more, in groups of three."""
    return re.sub(r"(?<![\d.])\d{5,}", lambda found: f"{int(found[0]):,}", text)


def _powers(text: str) -> str:
    """e+08 as a power of ten."""
    return re.sub(r"e([+-]\d+)", lambda found: _power(int(found[1])), text)


def _power(exponent: int) -> str:
    return f" × 10{str(exponent).translate(_RAISED)}" if exponent else ""
