"""Arguments are checked here, once, by name: the value that fails, and the fix, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from fractions import Fraction
from numbers import Integral
from typing import Any

from sympy import QQ, Expr, Float, Rational, sstr
from sympy.polys.polyerrors import CoercionFailed

from theory.errors import InvalidArgument

__all__ = [
    "exact_number",
    "index_in",
    "non_negative_rates",
    "non_negative_value",
    "positive_int",
    "positive_value",
    "shown",
    "tolerance_value",
    "written",
]


def shown(value: object) -> str:
    """A short ``repr`` of any value, with its type."""
    try:
        text = repr(value)
    except Exception:
        text = "<unprintable>"
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"{text} ({type(value).__name__})"


def written(value: object) -> str:
    """``repr`` of an argument such that it reads back: a fraction as text, and in an expression as
    a quotient of SymPy's ``S(1)``."""
    if isinstance(value, Rational | Fraction) and value.denominator != 1:
        return repr(str(value))
    return str(sstr(value, sympy_integers=True)) if _has_fractions(value) else repr(value)


def _has_fractions(value: object) -> bool:
    if not isinstance(value, Expr) or value.is_Rational:
        return False
    return any(not number.is_Integer for number in value.atoms(Rational))


def positive_int(name: str, value: object) -> int:
    """``value`` as a positive int; a bool, a float or text is refused."""
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0:
        return int(value)
    raise InvalidArgument(
        f"expected a positive int for {name}, got {name}={shown(value)}; "
        f"give a whole number of at least 1"
    )


def index_in(name: str, value: object, largest: int, what: str) -> int:
    """``value`` as an int from 1 to ``largest``; ``what`` says what it counts."""
    index = positive_int(name, value)
    if index > largest:
        raise InvalidArgument(
            f"expected {name} from 1 to {largest}, got {name}={index}; the network has "
            f"{largest} {what}"
        )
    return index


def exact_number(name: str, value: object) -> Rational:
    """``value`` as an exact rational: int, Fraction, Rational, decimal text, or a float read
    as its shortest decimal (``0.1`` is 1/10)."""
    fraction = _as_fraction(value)
    if fraction is None:
        raise InvalidArgument(
            f"expected a finite number for {name}, got {name}={shown(value)}; give an int, a "
            f"Fraction, a sympy Rational, a float, or decimal text such as '0.25'"
        )
    return Rational(fraction.numerator, fraction.denominator)


def _as_fraction(value: object) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, Integral | Fraction):
        return Fraction(value)
    if isinstance(value, float | Float):
        value = repr(float(value))
    if isinstance(value, str) and len(value) <= 1000:
        return _decimal_text(value)
    return None


def _decimal_text(text: str) -> Fraction | None:
    exponent = text.lower().partition("e")[2]
    if len(exponent.lstrip("+-")) > 4:
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


def positive_value(name: str, value: object, *, zero: bool = False) -> Expr:
    """``value`` as an exact positive number (or zero, with ``zero``), or a sympy expression in
    positive symbols, unchanged."""
    if isinstance(value, Expr) and not value.is_Number:
        return _positive_expression(name, value)
    number = exact_number(name, value)
    if number > 0 or (zero and number == 0):
        return number
    bound = "a non-negative" if zero else "a positive"
    raise InvalidArgument(
        f"expected {bound} number for {name}, got {name}={shown(value)}; leave it out for the "
        f"usual scale"
    )


def _positive_expression(name: str, value: Expr) -> Expr:
    if not value.is_positive:
        raise InvalidArgument(
            f"expected a positive expression for {name}, got {name}={shown(value)}; use symbols "
            f"that sympy knows to be positive, such as those of theory.symbols"
        )
    if not _is_rational(value):
        raise InvalidArgument(
            f"expected a rational expression for {name}, got {name}={shown(value)}; "
            f"give an exact number or a rational function of symbols"
        )
    return value


def _is_rational(value: Expr) -> bool:
    """Whether ``value`` is a rational function of its symbols with rational coefficients."""
    symbols = sorted(value.free_symbols, key=str)
    try:
        return bool(symbols) and QQ.frac_field(*symbols).from_sympy(value) is not None
    except (CoercionFailed, ValueError):
        return False


def non_negative_rates(rates: object, depth: int) -> tuple[Rational, ...]:
    """``rates`` as one exact non-negative multiplier of eta per hidden layer."""
    if isinstance(rates, str | bytes | Set | Mapping) or not isinstance(rates, Iterable):
        raise InvalidArgument(
            f"expected one multiplier of eta per layer for rates, got rates={shown(rates)}; "
            f"give a sequence of {depth} numbers"
        )
    values: tuple[Any, ...] = tuple(rates)
    if len(values) != depth:
        raise InvalidArgument(
            f"expected {depth} multipliers in rates, got {len(values)}; give one for each of "
            f"the {depth} hidden layers (0 leaves a layer untrained)"
        )
    return tuple(non_negative_value(f"rates[{index}]", value) for index, value in enumerate(values))


def non_negative_value(name: str, value: object) -> Rational:
    """``value`` as one exact non-negative multiplier of eta."""
    number = exact_number(name, value)
    if number < 0:
        raise InvalidArgument(
            f"expected a non-negative number for {name}, got {name}={shown(value)}; "
            f"0 leaves the layer untrained"
        )
    return number


def tolerance_value(tolerance: object) -> Rational:
    """A relative tolerance, an exact number between 0 and 1."""
    number = exact_number("tolerance", tolerance)
    if not 0 < number < 1:
        raise InvalidArgument(
            f"expected a tolerance between 0 and 1, got tolerance={shown(tolerance)}; 0.1 is ten "
            f"per cent"
        )
    return number
