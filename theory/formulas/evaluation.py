"""This module evaluates formulas as exact rationals, or else as intervals that hold the value.

The contexts belong to this module and their precision never changes, so any number of threads may
evaluate at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from mpmath.ctx_iv import MPIntervalContext
from sympy import Expr, Float, Symbol, integer_nthroot, log

from theory.formulas.arithmetic import Arithmetic
from theory.precision import fixed_decimals

__all__ = [
    "DECIMALS",
    "DIGITS",
    "EXACT_TOLERANCE",
    "FLOAT_TOLERANCE",
    "Number",
    "Undefined",
    "bits_of",
    "close",
    "decimal",
    "differ",
    "enclosure",
    "evaluate",
    "mpf",
    "quotient",
    "value_at",
]

DIGITS = 60
"""Decimal digits of a value that is not rational."""
_LONGEST = 100_000
"""The most bits of a rational number; longer numbers become intervals."""
_LARGEST_LOG = 2**60
"""The largest logarithm of a number."""

DECIMALS = fixed_decimals(DIGITS + 15)
"""Arithmetic in decimals, with 15 digits to spare."""
_INTERVALS = MPIntervalContext()
_INTERVALS.dps = DIGITS + 15
mpf: Any = DECIMALS.mpf
EXACT_TOLERANCE = mpf(10) ** -40
"""Relative, of values that are not rational: surds, exponentials, logarithms."""
FLOAT_TOLERANCE = mpf(10) ** -9
"""Relative, of values in floats."""

Number: TypeAlias = Any
"""A `Fraction`, exact, or a decimal of `DECIMALS`."""


class Undefined(Exception):
    """The formula has no finite real value there, or no value that can be distinguished from
    none."""


def evaluate(expression: Expr, values: Mapping[Symbol, Fraction]) -> Number:
    """The value of ``expression`` at rational ``values`` of its symbols: the middle of its
    `enclosure`.

    >>> from theory.symbols import L, n
    >>> evaluate((1 + 5 / n) ** (L - 1), {n: Fraction(10), L: Fraction(3)})
    Fraction(9, 4)
    """
    held = enclosure(expression, values)
    return held if isinstance(held, Fraction) else DECIMALS.make_mpf(held.mid._mpi_[0])


def value_at(expression: Expr, point: Mapping[Symbol, Expr]) -> Number | None:
    """The value at a point of SymPy's rationals; None where it has none.

    >>> from sympy import Integer
    >>> from theory.symbols import n
    >>> value_at(1 / n, {n: Integer(2)}), value_at(1 / (n - 2), {n: Integer(2)})
    (Fraction(1, 2), None)
    """
    try:
        return evaluate(expression, {s: Fraction(int(v.p), int(v.q)) for s, v in point.items()})
    except Undefined:
        return None


def enclosure(expression: Expr, values: Mapping[Symbol, Fraction]) -> Any:
    """The value as a `Fraction`, or an interval that holds it, by proof.

    Raises `Undefined` where it is not a real number, or one beyond exp(2^60), and where an interval
    does not fix the sign that a root depends on.

    >>> from theory.symbols import L
    >>> held = enclosure(L ** (Fraction(1, 2)), {L: Fraction(2)})
    >>> bool(held.a < 1.4142135623730951 < held.b), bool(held.delta < 1e-70)
    (False, True)
    """
    return _Enclosures(dict(values)).of(expression)


def differ(one: Any, two: Any) -> bool:
    """Whether two enclosed values are certainly not equal."""
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one != two
    excess = _interval(one) - _interval(two)
    return bool(excess.a > 0 or excess.b < 0)


def decimal(number: Number) -> Any:
    """The number as a decimal."""
    if isinstance(number, Fraction):
        return mpf(number.numerator) / number.denominator
    return mpf(number)


def quotient(one: Number, two: Number) -> Number:
    """One over two, two not zero, at full precision."""
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one / two
    return decimal(one) / decimal(two)


def close(one: Number, two: Number, tolerance: Any) -> bool:
    """Whether two numbers agree to a relative tolerance; exactly, where both are rational."""
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one == two
    return bool(abs(decimal(one) - decimal(two)) <= tolerance * abs(decimal(two)))


def _sign(number: Any) -> int:
    if isinstance(number, Fraction):
        return (number > 0) - (number < 0)
    if number.a > 0 or number.b < 0:
        return 1 if number.a > 0 else -1
    if number.a == number.b == 0:
        return 0
    raise Undefined("a value that is not distinguished from zero")


def _interval(number: Any) -> Any:
    if isinstance(number, Fraction):
        return _INTERVALS.mpf(number.numerator) / number.denominator
    return number


def _alike(one: Any, two: Any) -> tuple[Any, Any]:
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one, two
    return _interval(one), _interval(two)


@dataclass(frozen=True)
class _Enclosures(Arithmetic[Any]):
    """Enclosures of the nodes of an expression, each computed once."""

    known: dict[Expr, Any]

    def of(self, node: Expr) -> Any:
        if node not in self.known:
            value = super().of(node)
            long = isinstance(value, Fraction) and bits_of(value) > _LONGEST
            self.known[node] = _interval(value) if long else value
        return self.known[node]

    def atom(self, node: Expr) -> Any:
        if node.is_Rational:
            return Fraction(int(node.p), int(node.q))
        if isinstance(node, Float):
            return Fraction(str(node))
        if isinstance(node, log):
            argument = self.of(node.args[0])
            if _sign(argument) <= 0:
                raise Undefined("a logarithm of a number that is not positive")
            return Fraction(0) if argument == 1 else _INTERVALS.log(_interval(argument))
        if str(node) != "E":
            raise Undefined(f"{node} has no value")
        return _INTERVALS.exp(1)

    def plus(self, one: Any, two: Any) -> Any:
        one, two = _alike(one, two)
        return one + two

    def times(self, one: Any, two: Any) -> Any:
        one, two = _alike(one, two)
        return one * two

    def power(self, base: Any, exponent: Expr) -> Any:
        power, sign = self.of(exponent), _sign(base)
        if sign == 0:
            of_power = _sign(power)
            if of_power < 0:
                raise Undefined("a division by zero")
            return Fraction(int(of_power == 0))
        if isinstance(power, Fraction) and power.denominator == 1:
            return self._integer_power(base, int(power))
        if sign < 0:
            raise Undefined("a root of a negative number")
        if isinstance(base, Fraction) and isinstance(power, Fraction):
            root = _exact_root(base, power.denominator)
            if root is not None:
                return self._integer_power(root, power.numerator)
        return self.exponential(_interval(power) * _INTERVALS.log(_interval(base)))

    def _integer_power(self, base: Any, exponent: int) -> Any:
        if isinstance(base, Fraction) and bits_of(base) * abs(exponent) <= _LONGEST:
            return base**exponent
        size = self.exponential(exponent * _INTERVALS.log(_interval(abs(base))))
        return -_interval(size) if _sign(base) < 0 and exponent % 2 else size

    def exponential(self, argument: Any) -> Any:
        if argument == 0:
            return Fraction(1)
        argument = _interval(argument)
        if not (abs(argument) < _LARGEST_LOG):
            raise Undefined("a number too large or too small")
        return _INTERVALS.exp(argument)


def _exact_root(base: Fraction, degree: int) -> Fraction | None:
    if degree > bits_of(base):
        return None
    top, exact = integer_nthroot(base.numerator, degree)
    bottom, also = integer_nthroot(base.denominator, degree)
    return Fraction(int(top), int(bottom)) if exact and also else None


def bits_of(number: Fraction) -> int:
    """Binary digits of numerator and denominator together."""
    return abs(number.numerator).bit_length() + number.denominator.bit_length()
