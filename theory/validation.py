"""This module checks arguments by name: a refusal gives the failing value and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import MISSING, fields
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from math import inf, ulp
from numbers import Integral, Real
from typing import Any, cast

from mpmath.libmp import numeral, prec_to_dps
from sympy import QQ, Expr, Float, Rational, Symbol, sstr, sympify
from sympy.polys.polyerrors import CoercionFailed

from theory.errors import InvalidArgument
from theory.precision import DECIMALS, workdps
from theory.symbols import B, L, b, ell, meant, n, n_0

__all__ = [
    "LARGEST",
    "brief",
    "count_between",
    "digits_wanted",
    "exact_int",
    "exact_number",
    "in_range",
    "index_in",
    "is_decimal",
    "non_negative_rates",
    "non_negative_value",
    "number_between",
    "positive_int",
    "positive_value",
    "scale_value",
    "series_order",
    "tolerance_value",
    "typed",
    "whole_number",
    "written",
]

LARGEST = 10**100
"""The largest size or count: values at larger depths take seconds to write."""
_LONG_BITS, _MOST_BITS = 66, 4096
"""Bits from which a whole number is written without its zeros, and by its first digits alone."""
_LISTED = 8
"""Items of a tuple that are listed one by one."""
_HIGHEST_ORDER, _MOST_DIGITS = 200, 100_000
"""Coefficients of a series, and digits of a number, that take at most minutes."""
_FIXES = {
    "bias_variance": "0 draws no biases",
    "decay": "0 is no decay",
    "epsilon": "0 is no epsilon",
    "norm1": "leave it out for inputs whose entries have one size",
    "step": "leave it out for a linearised step",
    "weight_variance": "leave it out for the critical variance",
    **dict.fromkeys(
        ("input", "up", "down"),
        "leave it out for the default, a rate of 1 or the critical variance",
    ),
}
"""The end of a refusal of a number that is too small, by the name of the argument."""
_TAKEN = {"eta": "the learning rate", "t": "the depth over the width"}
"""Symbols that results hold besides those of the network."""
_DEPTHS = (L, ell, B, b)
"""Symbols that count layers or blocks."""
_LONGEST_TEXT = 100_000
"""Characters of a number that is given as text."""


def typed(value: object) -> str:
    """A short text of any value, with its type."""
    kind = "class" if isinstance(value, type) else type(value).__name__
    return f"{brief(value, write=repr)} ({kind})"


def call_it(value: object, kind: Any, otherwise: str) -> str:
    """The fix for a dataclass of ``kind`` in the place of its instance; else ``otherwise``."""
    if not (isinstance(value, type) and issubclass(value, kind)):
        return otherwise
    needs = any(each.default is each.default_factory is MISSING for each in fields(value))
    return f"call it, as in {value.__name__}({'...' * needs})"


def brief(value: object, most: int = 60, write: Callable[[object], str] | None = None) -> str:
    """`written`, or the text of ``write``, in one line and cut to ``most`` characters; a whole
    number of very many digits as a decimal.

    >>> brief(10**5000), brief((3,) * 10**6), brief(7**30), brief("x" * 99, 9)
    ('1.0e+5000', '(3,)*1000000', '22539340290692258087863249', "'xxxxx...")
    """
    try:
        text = _decimal(value) if _is_whole(value, _MOST_BITS) else (write or written)(value)
    except Exception:
        text = "<unprintable>"
    if "\n" in text:
        text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


def written(value: object) -> str:
    """``repr`` of an argument such that it reads back: a fraction as text, and in an expression as
    a quotient of SymPy's ``S(1)``; runs of equal items, and zeros at the end of a long whole
    number, in short.

    >>> written((3,) * 500 + (4,)), written(-7 * 10**30), written(Fraction(1, 3))
    ('(3,)*500 + (4,)', '-7*10**30', "'1/3'")
    """
    if type(value) is tuple:
        return _items(value)
    if _is_whole(value, _LONG_BITS):
        number = int(value)  # type: ignore[call-overload]
        digits = numeral(abs(number), 10, number.bit_length() * 3 // 10 + 1)
        return ("-" if number < 0 else "") + _without_zeros(digits)
    if isinstance(value, Rational | Fraction) and value.denominator != 1:
        return repr(str(value))
    return str(sstr(value, sympy_integers=True)) if _has_fractions(value) else repr(value)


def _is_whole(value: object, bits: int) -> bool:
    """Whether ``value`` is a whole number, of any type but bool, that has more than ``bits``."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and abs(int(value)).bit_length() > bits  # type: ignore[call-overload]


def _decimal(value: Any) -> str:
    with workdps(6) as context:
        return str(context.nstr(context.mpf(int(value)), 3))


def _without_zeros(digits: str) -> str:
    front = digits.rstrip("0")
    zeros = len(digits) - len(front)
    if zeros < len(digits) // 2:
        return digits
    return f"10**{zeros}" if front == "1" else f"{front}*10**{zeros}"


def _items(values: tuple[object, ...]) -> str:
    """A tuple's items; from `_LISTED` on, as a sum of runs where that is shorter."""
    if len(values) > _LISTED:
        runs = [(each, len(list(run))) for each, run in groupby(values)]
        if len(runs) <= len(values) // 2:
            return " + ".join(f"({written(e)},)" + f"*{k}" * (k > 1) for e, k in runs)
    return f"({', '.join(map(written, values))}{',' * (len(values) == 1)})"


def _has_fractions(value: object) -> bool:
    if not isinstance(value, Expr) or value.is_Rational:
        return False
    return any(not number.is_Integer for number in value.atoms(Rational))


def positive_int(name: str, value: object) -> int:
    """``value`` as a positive int; a bool, a float or text is refused.

    Numbers of exact types that are whole are read: ints of Python, NumPy and SymPy, and fractions.
    """
    whole = exact_int(value)
    if whole is None or whole < 1:
        raise InvalidArgument(
            f"expected a positive int for {name}, got {name}={typed(value)}; "
            f"give a whole number of at least 1"
        )
    return in_range(name, whole)


def count_between(name: str, value: object, least: int, most: int) -> int:
    """``value`` as an int from ``least`` to ``most``."""
    whole = exact_int(value)
    if whole is None or not least <= whole <= most:
        raise InvalidArgument(
            f"expected a whole number from {least} to {brief(most)} for {name}, got "
            f"{name}={typed(value)}; give one in that range"
        )
    return whole


def series_order(order: object) -> int:
    """The requested order of a series in 1/n."""
    return count_between("order", order, 0, _HIGHEST_ORDER)


def digits_wanted(digits: object) -> int:
    """A number of significant digits."""
    return count_between("digits", digits, 1, _MOST_DIGITS)


def in_range(name: str, whole: int) -> int:
    """A size or a count; `InvalidArgument` beyond `LARGEST`, where texts and digits become long."""
    if whole <= LARGEST:
        return whole
    raise InvalidArgument(
        f"expected at most 10**100 for {name}, got {name}={typed(whole)}; give less, or leave it "
        f"out and take a limit, as in .leading()"
    )


def whole_number(value: object) -> int | None:
    """``value`` as an int where it is a number, of any type, that is whole; else None.

    >>> whole_number(64.0), whole_number(Fraction(64)), whole_number(2.5), whole_number("64")
    (64, 64, None, None)
    """
    number = None if isinstance(value, str) else _as_fraction(value)
    return int(number) if number is not None and number.denominator == 1 else None


def exact_int(value: object) -> int | None:
    """``value`` as an int where it is a whole number of an exact type: of Python, NumPy or SymPy,
    or a fraction; else None."""
    if type(value) is int:
        return value
    exact = isinstance(_unwrapped(value), Integral | Fraction)
    return whole_number(value) if exact else None


def _unwrapped(value: Any) -> Any:
    """The entry of a NumPy array without dimensions."""
    return value[()] if getattr(value, "shape", None) == () else value


def index_in(name: str, value: object, largest: int, what: str) -> int:
    """``value`` as an int from 1 to ``largest``; ``what`` names the counted things."""
    index = positive_int(name, value)
    if index > largest:
        raise InvalidArgument(
            f"expected {name} from 1 to {brief(largest)}, got {name}={brief(index)}; the network "
            f"has {brief(largest)} {what}"
        )
    return index


def exact_number(name: str, value: object) -> Rational:
    """``value`` as an exact rational: a number of any exact type, decimal text, or a float of
    any precision, read as its shortest decimal (``0.1`` is 1/10)."""
    fraction = _as_fraction(value)
    if fraction is None and isinstance(value, Expr) and value.is_number and value.is_real:
        raise InvalidArgument(
            f"expected a rational number for {name}, got {name}={typed(value)}; give "
            f"float({brief(value, 30, repr)})"
        )
    if fraction is None:
        raise InvalidArgument(
            f"expected a finite number for {name}, got {name}={typed(value)}; give an int, a "
            f"Fraction, a sympy Rational, a float, or decimal text such as '0.25'"
        )
    return Rational(fraction.numerator, fraction.denominator)


def _as_fraction(value: object) -> Fraction | None:
    value = _unwrapped(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, Integral | Fraction):
        return Fraction(value)
    if isinstance(value, float):
        value = repr(float(value))
    elif isinstance(value, Float) or is_decimal(value):
        value = _shortest(value)
    elif isinstance(value, Real | Decimal):
        value = str(value)
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return _decimal_text(value)
    return None


def _shortest(value: Any) -> str:
    """A number of SymPy or mpmath as a decimal of as many digits as its bits hold; no text for a
    number whose exponent is out of reach."""
    if abs(value._mpf_[2]) > _LONGEST_TEXT:
        return ""
    if float(value) == value:
        return repr(float(value))
    number = DECIMALS.make_mpf(value._mpf_)
    with workdps(prec_to_dps(max(value._mpf_[3], 53))) as context:
        return str(context.nstr(number, context.dps))


def _decimal_text(text: str) -> Fraction | None:
    exponent = text.lower().partition("e")[2]
    if len(exponent.lstrip("+-")) > 4:
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


def number_between(name: str, value: object, fix: str, largest: float = inf) -> float:
    """``value`` as a float above 0 and below ``largest``; ``fix`` ends the refusal."""
    fraction = _as_fraction(value)
    try:
        number = 0.0 if fraction is None else float(fraction) or ulp(0.0) * (fraction > 0)
    except OverflowError:
        number = inf
    if 0 < number < largest:
        return number
    wanted = "a positive number" if largest == inf else f"a number between 0 and {largest:g}"
    raise InvalidArgument(f"expected {wanted} for {name}, got {name}={typed(value)}; {fix}")


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
        f"expected {bound} number for {name}, got {name}={typed(value)}; "
        f"{_FIXES.get(name, 'leave it out for the default')}"
    )


def scale_value(
    name: str, value: object, sizes: Mapping[Symbol, Any], *, times_fan_in: bool = False
) -> Expr:
    """`positive_value` of a scale of a network: a symbol named like one of ``sizes`` becomes that
    size, and a user's other symbols are read as positive.  ``times_fan_in``: refuse widths.

    >>> scale_value("readout_variance", n / 2, {n: 64})
    32
    """
    if not isinstance(value, Expr):
        return positive_value(name, value)
    letters = {each: meant(each, n, n_0, L, ell, *sizes) for each in value.free_symbols}
    for letter in sorted(letters.values(), key=str):
        if times_fan_in and letter in {n, n_0, *sizes} and letter not in _DEPTHS:
            raise InvalidArgument(
                f"expected {name} without {letter}, got {name}={typed(value)}; {name} is the "
                f"variance of one weight times its fan-in: give {_as_number(value * letter)}, say"
            )
        _refuse_missing(letter, name, value, sizes)
        if name == "readout_variance" and letter in {n, n_0, *sizes} - {*_DEPTHS}:
            _refuse_falling(letter, value)
    read = value.xreplace(letters)
    if not read.is_positive:
        unknown = (each for each in read.free_symbols if not each.is_positive)
        positive = {each: Symbol(each.name, positive=True) for each in unknown}
        read = read.xreplace({each: meant(each, symbol) for each, symbol in positive.items()})
    read = positive_value(name, read)
    return read.xreplace({letter: sympify(size) for letter, size in sizes.items()})


def _refuse_falling(letter: Symbol, value: Expr) -> None:
    """`InvalidArgument` for a number over a power of the width as readout variance: it may be meant
    over n^2 or not."""
    own, *others = value.free_symbols
    top, bottom = value.as_numer_denom()
    if not others and top.is_number and bottom.is_polynomial(own):
        raise InvalidArgument(
            f"expected readout_variance in units of 1/{letter}^2, got readout_variance="
            f"{typed(value)}; a readout weight has the variance readout_variance/{letter}^2: give "
            f"{value * own**2} for a weight of variance {value}"
        )


def _refuse_missing(letter: Symbol, name: str, value: Expr, sizes: Mapping[Symbol, Any]) -> None:
    """`InvalidArgument` for the letter of a size that this network does not have."""
    if letter in sizes or letter not in (n, n_0, L, ell):
        return
    if letter in (L, ell):
        raise InvalidArgument(
            f"expected {name} to be independent of the depth, got {name}={typed(value)}; give a "
            f"number, or an expression without the symbols L and ell"
        )
    raise InvalidArgument(
        f"expected {name} without {letter}, which is no width of a network whose layers have "
        f"separate widths, got {name}={typed(value)}; give a number, or a symbol of a layer's width"
    )


def _as_number(value: Expr) -> Expr | int:
    """``value`` where it is a number; else 2."""
    return value if value.is_Rational else 2


def _positive_expression(name: str, value: Expr) -> Expr:
    for taken in {symbol.name for symbol in value.free_symbols} & _TAKEN.keys():
        raise InvalidArgument(
            f"expected no symbol called {taken}, which is {_TAKEN[taken]}, in {name}, got "
            f"{name}={typed(value)}; give another name, as in Symbol('s', positive=True)"
        )
    if not value.is_positive:
        raise InvalidArgument(
            f"expected a positive expression for {name}, got {name}={typed(value)}; use symbols "
            f"that sympy knows to be positive, such as the symbols of theory.symbols"
        )
    if not _is_rational(value):
        raise InvalidArgument(
            f"expected a rational expression for {name}, got {name}={typed(value)}; "
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
    sequence = isinstance(rates, Iterable) and not isinstance(rates, Iterator)
    if isinstance(rates, str | bytes | Set | Mapping) or not sequence:
        raise InvalidArgument(
            f"expected one multiplier of eta per layer for rates, got rates={typed(rates)}; "
            f"give a sequence of {depth} numbers"
        )
    values: tuple[Any, ...] = tuple(cast(Iterable[Any], rates))
    if len(values) != depth:
        raise InvalidArgument(
            f"expected {depth} multipliers in rates, got {len(values)}; give one for each of "
            f"the {depth} hidden layers (0 leaves a layer untrained)"
        )
    return tuple(non_negative_value(f"rates[{index}]", value) for index, value in enumerate(values))


def non_negative_value(name: str, value: object) -> Rational:
    """``value`` as one exact non-negative number, a multiplier of eta by default."""
    number = exact_number(name, value)
    if number < 0:
        raise InvalidArgument(
            f"expected a non-negative number for {name}, got {name}={typed(value)}; "
            f"{_FIXES.get(name, '0 leaves the layer untrained')}"
        )
    return number


def tolerance_value(tolerance: object) -> Rational:
    """A relative tolerance, an exact number between 0 and 1."""
    number = exact_number("tolerance", tolerance)
    if not 0 < number < 1:
        raise InvalidArgument(
            f"expected a tolerance between 0 and 1, got tolerance={typed(tolerance)}; 0.1 is ten "
            f"per cent"
        )
    return number


def is_decimal(value: object) -> bool:
    """Whether ``value`` is a real number of mpmath, of any context."""
    return hasattr(value, "_mpf_")
