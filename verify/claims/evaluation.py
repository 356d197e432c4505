"""Formulas at numbers: exact rationals as far as they go, else decimals, in bounded time."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from sympy import Add, Expr, Mul, Pow, Symbol, exp, integer_nthroot, log

from theory.numerals import InverseSquareRoot
from theory.precision import DECIMALS, mpf, workdps
from theory.precision import exp as mp_exp
from theory.precision import log as mp_log

__all__ = ["DIGITS", "Number", "Undefined", "close", "decimal", "evaluate", "quotient"]

DIGITS = 60
"""Decimal digits of what is not rational."""
_LONGEST = 100_000
"""Bits of a rational number; longer ones become decimals."""
_LARGEST_LOG = 2**60
"""Of a number's logarithm."""
_HALF = Fraction(1, 2)

Number: TypeAlias = Fraction | mpf
"""An exact rational, or a decimal of `DIGITS` digits."""


class Undefined(Exception):
    """The formula has no finite real value there."""


def evaluate(expression: Expr, values: Mapping[Symbol, Fraction]) -> Number:
    """The value of ``expression`` at rational ``values`` of its symbols.

    Raises `Undefined` where it is not a real number, or one beyond exp(2^60).

    >>> from theory.symbols import L, n
    >>> evaluate((1 + 5 / n) ** (L - 1), {n: Fraction(10), L: Fraction(3)})
    Fraction(9, 4)
    """
    known: dict[Expr, Number] = dict(values)
    with workdps(DIGITS + 15):
        return _value(expression, known)


def decimal(number: Number) -> mpf:
    """The number as a decimal of the working precision."""
    if isinstance(number, Fraction):
        return mpf(number.numerator) / number.denominator
    return DECIMALS.convert(number)


def quotient(one: Number, two: Number) -> Number:
    """One over two, two not zero, at full precision."""
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one / two
    with workdps(DIGITS + 15):
        return decimal(one) / decimal(two)


def close(one: Number, two: Number, tolerance: mpf) -> bool:
    """Whether two numbers agree to a relative tolerance; exactly, where both are rational."""
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one == two
    with workdps(DIGITS + 15):
        return bool(abs(decimal(one) - decimal(two)) <= tolerance * abs(decimal(two)))


def _value(node: Expr, known: dict[Expr, Number]) -> Number:
    if node not in known:
        known[node] = _shortened(_computed(node, known))
    return known[node]


def _computed(node: Expr, known: dict[Expr, Number]) -> Number:
    if node.is_Rational:
        return Fraction(int(node.p), int(node.q))
    arguments = [_value(each, known) for each in node.args]
    if isinstance(node, Add | Mul):
        total, *rest = arguments
        for each in rest:
            total = _combined(total, each, isinstance(node, Mul))
        return total
    if isinstance(node, Pow):
        return _power(*arguments)
    if isinstance(node, InverseSquareRoot):
        return _power(arguments[0], -_HALF)
    if isinstance(node, exp):
        return _exponential(arguments[0])
    if isinstance(node, log):
        return _logarithm(arguments[0])
    return _constant(node)


def _constant(node: Expr) -> Number:
    """A number that SymPy names, such as e."""
    if not node.is_number or node.is_real is False:
        raise Undefined(f"{node} has no value")
    value = node.evalf(DIGITS + 15)
    if not value.is_Float:
        raise Undefined(f"{node} has no value")
    return mpf(value)


def _combined(one: Number, two: Number, product: bool) -> Number:
    if not (isinstance(one, Fraction) and isinstance(two, Fraction)):
        one, two = decimal(one), decimal(two)
    return one * two if product else one + two


def _power(base: Number, exponent: Number) -> Number:
    if base == 0:
        if exponent <= 0 and exponent != 0:
            raise Undefined("a division by zero")
        return Fraction(int(exponent == 0))
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return _integer_power(base, int(exponent))
    if base < 0:
        raise Undefined("a root of a negative number")
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        root = _exact_root(base, exponent.denominator)
        if root is not None:
            return _integer_power(root, exponent.numerator)
    return _exponential(decimal(exponent) * mp_log(decimal(base)))


def _integer_power(base: Number, exponent: int) -> Number:
    if isinstance(base, Fraction) and _bits(base) * abs(exponent) <= _LONGEST:
        return base**exponent
    sign = -1 if base < 0 and exponent % 2 else 1
    return sign * decimal(_exponential(exponent * mp_log(abs(decimal(base)))))


def _exact_root(base: Fraction, degree: int) -> Fraction | None:
    if degree > _bits(base):
        return None
    top, exact = integer_nthroot(base.numerator, degree)
    bottom, also = integer_nthroot(base.denominator, degree)
    return Fraction(int(top), int(bottom)) if exact and also else None


def _exponential(argument: Number) -> Number:
    if argument == 0:
        return Fraction(1)
    if abs(argument) > _LARGEST_LOG:
        raise Undefined("a number too large or too small")
    return mp_exp(decimal(argument))


def _logarithm(argument: Number) -> Number:
    if argument <= 0:
        raise Undefined("a logarithm of a number that is not positive")
    return Fraction(0) if argument == 1 else mp_log(decimal(argument))


def _bits(number: Fraction) -> int:
    return abs(number.numerator).bit_length() + number.denominator.bit_length()


def _shortened(number: Number) -> Number:
    long = isinstance(number, Fraction) and _bits(number) > _LONGEST
    return decimal(number) if long else number
