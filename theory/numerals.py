"""Exact numbers of any length: printed, compared and put under a root without being factored."""

from __future__ import annotations

import math
import sys

from mpmath import mpf, nstr, workdps, workprec
from mpmath import sqrt as mp_sqrt
from sympy import Expr, Float, Function, Rational, sqrt

__all__ = ["allow_long_numerals", "digit_count", "inverse_square_root", "number_text"]

_LONG = 40
_LONGEST = 1_000_000


def allow_long_numerals() -> None:
    """Let Python write integers of up to a million digits.

    Python refuses to print more than 4,300 digits by default, to keep servers from stalling on
    hostile input; exact answers at depth 1000 have more.  The limit is raised, never removed.
    """
    limit = sys.get_int_max_str_digits()
    if 0 < limit < _LONGEST:
        sys.set_int_max_str_digits(_LONGEST)


def digit_count(value: int) -> int:
    """Decimal digits of a positive integer, without writing it out."""
    guess = max(1, int(value.bit_length() * math.log10(2)))
    return guess + (value >= 10**guess)


def number_text(number: Rational, digits: int = 10) -> str:
    """``number`` itself where it is short, else a decimal with the length of the exact value.

    >>> number_text(Rational(7, 2))
    '7/2'
    >>> number_text(Rational(2**400 + 1, 3**200))
    '9.72181431e+24 (exact: 121 digits over 96)'
    """
    numerator, denominator = abs(int(number.p)), int(number.q)
    lengths = digit_count(numerator) if numerator else 1, digit_count(denominator)
    if sum(lengths) <= _LONG:
        return str(number)
    below = f" over {lengths[1]}" if denominator > 1 else ""
    return f"{decimal_text(number, digits)} (exact: {lengths[0]} digits{below})"


def decimal_text(number: Rational, digits: int = 10) -> str:
    """``number`` as a decimal of ``digits`` significant digits, whatever its size."""
    with workdps(digits + 5):
        return str(nstr(mpf(int(number.p)) / int(number.q), digits))


class InverseSquareRoot(Function):
    """1/sqrt(q) of one long positive rational q, as an atom.

    SymPy factors the base of a numeric power whenever it is multiplied, which for thousands of
    digits takes forever; this stays as it is, evaluates to any precision, and squares exactly.
    """

    nargs = 1
    is_positive = True
    is_finite = True

    @classmethod
    def eval(cls, square: Expr) -> None:
        """Stay unevaluated."""

    def _eval_evalf(self, prec: int) -> Expr:
        (square,) = self.args
        with workprec(prec + 10):
            return Float(1 / mp_sqrt(mpf(square.p) / square.q), precision=prec)

    def _eval_power(self, exponent: Expr) -> Expr | None:
        even = exponent.is_Integer and exponent % 2 == 0
        return self.args[0] ** (-exponent / 2) if even else None

    def _sympystr(self, printer: object) -> str:
        return f"(1/sqrt({number_text(self.args[0])}))"


def inverse_square_root(square: Expr) -> Expr:
    """1/sqrt(``square``), in simplest terms where the number is short; never factored if long.

    >>> inverse_square_root(Rational(1, 2))
    sqrt(2)
    """
    if not square.is_Rational or max(square.p, square.q).bit_length() <= 64:
        return 1 / sqrt(square)
    roots = math.isqrt(square.p), math.isqrt(square.q)
    if roots[0] ** 2 == square.p and roots[1] ** 2 == square.q:
        return Rational(roots[1], roots[0])
    return InverseSquareRoot(square)
