"""This module prints, compares and takes roots of exact numbers of any length, and factors none."""

from __future__ import annotations

import math
import sys
from typing import Any

from mpmath import mpf, nstr
from mpmath.libmp import numeral, prec_to_dps
from sympy import Add, Expr, Float, Function, Mul, Rational, sqrt
from sympy.printing.str import StrPrinter

from theory.errors import NotSolved
from theory.precision import real_number, workdps

__all__ = [
    "FEW_LAYERS",
    "digit_count",
    "formula_text",
    "full_text",
    "inverse_square_root",
    "magnitude_latex",
    "number_text",
    "printable",
    "rate_text",
    "real_text",
]

FEW_LAYERS = 64
"""Depths up to which exact numbers are quick to make for a line of text."""
_LONG = 40
_LONG_SUM = 8
_HUGE_BITS = 1 << 13
"""Bits of a number from which on SymPy takes seconds and more to find the squares in it."""


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


def printable(exact: Expr) -> Expr:
    """``exact``; `NotSolved` where a number in it has more digits than Python prints.

    SymPy prints, reads and shows such a number through the integers of Python, which refuse texts
    of more than ``sys.get_int_max_str_digits()`` digits; a package must not change that limit.

    >>> printable(Rational(7, 2))
    7/2
    >>> try:
    ...     printable(Rational(10**6000))
    ... except NotSolved as error:
    ...     print(error)  # doctest: +NORMALIZE_WHITESPACE
    the exact number has 6,001 digits, and Python prints at most 4,300: use evaluate(digits), or
    call sys.set_int_max_str_digits(0) first
    """
    most = sys.get_int_max_str_digits()
    parts = (abs(int(part)) for each in exact.atoms(Rational) for part in (each.p, each.q))
    longest = digit_count(max(parts, default=1) or 1)
    if not most or longest <= most:
        return exact
    raise NotSolved(
        f"the exact number has {longest:,} digits, and Python prints at most {most:,}: use "
        f"evaluate(digits), or call sys.set_int_max_str_digits(0) first"
    )


class _Printer(StrPrinter):
    """SymPy's text, with exp(1) for E, which is also the name of a mean."""

    def _print_Exp1(self, _: object) -> str:
        return "exp(1)"


def formula_text(expression: Expr) -> str:
    """A formula for a line of text, which `verify.check` reads.

    >>> from sympy import exp
    >>> formula_text(5 * exp(1) / 2), formula_text(exp(2))
    ('5*exp(1)/2', 'exp(2)')
    """
    return str(_Printer().doprint(expression))


def full_text(number: Rational) -> str:
    """All digits of ``number``, as many as there are: Python itself refuses to print an integer of
    more than 4,300 digits unless the interpreter's limit is raised.

    >>> full_text(Rational(-7, 2)), len(full_text(Rational(10**6000)))
    ('-7/2', 6001)
    """
    numerator, denominator = (
        numeral(i, 10, digit_count(i)) if i else "0" for i in (abs(int(number.p)), int(number.q))
    )
    sign, below = "-" if number < 0 else "", f"/{denominator}" if number.q != 1 else ""
    return f"{sign}{numerator}{below}"


def decimal_text(number: Rational, digits: int = 10) -> str:
    """``number`` as a decimal of ``digits`` significant digits, whatever its size."""
    with workdps(digits + 5) as context:
        return str(context.nstr(context.mpf(int(number.p)) / int(number.q), digits))


def real_text(number: Expr | mpf) -> str:
    """A real number in six digits.

    >>> real_text(sqrt(2))
    '1.41421'
    """
    return str(nstr(number if isinstance(number, mpf) else real_number(number, 12), 6))


def rate_text(rate: Expr) -> str:
    """A rate for a line of text: in six digits, with its exact form where that is short.

    >>> rate_text(sqrt(2) / 3)
    '0.471405 = sqrt(2)/3'
    """
    if not rate.is_number or rate.is_Integer:
        return formula_text(rate)
    exact, decimal = formula_text(rate), real_text(rate)
    return f"{decimal} = {exact}" if len(exact) <= _LONG else decimal


def magnitude_latex(value: mpf, digits: int = 5) -> str:
    r"""A positive number to some significant digits in LaTeX, with a power of ten where it is far
    from 1.

    >>> print(magnitude_latex(mpf("1234567")), magnitude_latex(mpf("0.25")))
    1.2346 \times 10^{6} 0.25000
    """
    text = str(nstr(value, digits, min_fixed=-4, max_fixed=5, strip_zeros=False))
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


class InverseSquareRoot(Function):
    """1/sqrt(q) of one long positive q, a rational or a rational function, as an atom.

    For formulas that users type, on which arithmetic must be quick: SymPy factors the base of a
    numeric power whenever it is multiplied, and determines the sign of a polynomial under a root.
    This atom stays unchanged, evaluates to any precision, and squares exactly.  It turns into an
    ordinary root once q is short.  Results that the package returns are made by
    `inverse_square_root`.
    """

    nargs = 1
    is_positive = True
    is_finite = True

    @classmethod
    def eval(cls, square: Expr) -> Expr | None:
        """The ordinary form of a short q; None, unevaluated, for a long one."""
        return None if _is_long(square) else _short_root(square)

    def fdiff(self, argindex: int = 1) -> Expr:
        """-(1/2) q^(-3/2)."""
        return -(self**3) / 2

    def _eval_evalf(self, prec: int) -> Expr | None:
        (square,) = self.args
        if not square.is_Rational:
            return None
        with workdps(prec_to_dps(prec) + 5) as context:
            root = 1 / context.sqrt(context.mpf(square.p) / square.q)
            return Float._new(root._mpf_, prec)

    def _eval_power(self, exponent: Expr) -> Expr | None:
        even = exponent.is_Integer and exponent % 2 == 0
        return self.args[0] ** (-exponent / 2) if even else None

    def _latex(self, printer: Any, exp: str = "1") -> str:
        (square,) = self.args
        inside = decimal_text(square) if square.is_Rational else printer.doprint(square)
        return rf"\left({inside}\right)^{{-{exp}/2}}"

    def _sympystr(self, printer: Any) -> str:
        (square,) = self.args
        inside = number_text(square) if square.is_Rational else printer.doprint(square)
        return f"(1/sqrt({inside}))"


class InverseRootOfHuge(InverseSquareRoot):
    """1/sqrt(q) of a rational of thousands of digits that the package returns: quick to multiply,
    and in full in its texts, which SymPy reads as an ordinary power of the same value."""

    @classmethod
    def eval(cls, square: Expr) -> Expr | None:
        """None: always unevaluated."""
        return None

    def _sympystr(self, printer: Any) -> str:
        return f"(1/sqrt({full_text(self.args[0])}))"

    def _sympyrepr(self, printer: Any) -> str:
        number = full_text(self.args[0]).replace("/", ", ")
        return f"Pow(Rational({number}), Rational(-1, 2))"


def inverse_square_root(square: Expr) -> Expr:
    """1/sqrt(``square``), ``square`` positive, in simplest terms, of SymPy's own powers.

    The factors of a product that are plainly positive are taken apart first: of a product SymPy
    would determine the sign of every factor, which takes minutes for a long polynomial.

    >>> inverse_square_root(Rational(1, 2))
    sqrt(2)
    """
    if square.is_Rational:
        huge = max(square.p, square.q).bit_length() > _HUGE_BITS
        return InverseRootOfHuge(square) if huge else _short_root(square)
    apart: list[Expr] = []
    rest: list[Expr] = []
    for factor in Mul.make_args(square):
        (apart if _is_plainly_positive(factor) else rest).append(factor)
    return Mul(*(1 / sqrt(factor) for factor in apart), 1 / sqrt(Mul(*rest)))


def _is_plainly_positive(factor: Expr) -> bool:
    """Whether a number, a symbol, a sum of positive monomials, or a power of them is positive."""
    base, _ = factor.as_base_exp()
    if not isinstance(base, Add):
        return bool(base.is_Atom and base.is_positive)
    factors = (each for monomial in base.args for each in Mul.make_args(monomial))
    return all(each.as_base_exp()[0].is_positive for each in factors)


def _is_long(square: Expr) -> bool:
    if square.is_Rational:
        return bool(max(square.p, square.q).bit_length() > 64 and _perfect_root(square) is None)
    return any(len(each.args) > _LONG_SUM for each in square.atoms(Add))


def _short_root(square: Expr) -> Expr:
    root = _perfect_root(square) if square.is_Rational else None
    return 1 / sqrt(square) if root is None else 1 / root


def _perfect_root(square: Rational) -> Rational | None:
    if square < 0:
        return None
    roots = math.isqrt(square.p), math.isqrt(square.q)
    exact = roots[0] ** 2 == square.p and roots[1] ** 2 == square.q
    return Rational(*roots) if exact and roots[0] else None
