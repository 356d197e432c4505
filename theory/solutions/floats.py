"""This module turns numbers of mpmath into floats, and refuses numbers beyond float64."""

from __future__ import annotations

from collections.abc import Callable

from theory.errors import InvalidArgument
from theory.networks.sizes import Sizes
from theory.precision import mpf, workdps
from theory.validation import brief

__all__ = ["as_float", "as_log"]

_LEAST, _MOST = 2.2250738585072014e-308, 1.7976931348623157e308


def as_float(number: mpf, sizes: Sizes, call: Callable[[Sizes], str] | None = None) -> float:
    """``number`` in float64; `InvalidArgument`, with the exact ``call``, beyond its range."""
    value = float(number)
    if value == 0 == number or _LEAST <= abs(value) <= _MOST:
        return value
    with workdps(5) as context:
        size = context.nstr(number, 3)
    got = f"{_written(sizes)}, where it is {size}" if sizes else size
    raise InvalidArgument(
        f"expected a value that float64 can hold, got {got}; {(call or _call)(sizes)} gives the "
        f"value"
    )


def as_log(number: mpf, sizes: Sizes) -> float:
    """Natural logarithm of a number, minus infinity for 0; `InvalidArgument` for a negative one."""
    if number > 0:
        return float(number.context.log(number))
    if number == 0:
        return float("-inf")
    raise InvalidArgument(
        f"expected sizes where the value is positive, got {_written(sizes)}, where it is negative "
        f"and has no logarithm; {_call(sizes)} gives the value"
    )


def _written(sizes: Sizes) -> str:
    return ", ".join(f"{symbol}={brief(number)}" for symbol, number in sizes.items()) or "these"


def _call(sizes: Sizes) -> str:
    named = ", ".join(f"{symbol}={brief(number)}" for symbol, number in sizes.items())
    return f".at({named}).evaluate()" if named else "evaluate()"
