"""Powers, roots, exponentials and logarithms of bounded parts.

SymPy asks for the signs of a product's factors under a root, and of a power's base under another
power; for a long polynomial that takes forever, or all of Python's stack.  Nothing is asked where
a sum stands alone under a fraction, so what is plainly positive is taken out first; what remains
counts towards `MAX_ROOT_SIZE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from sympy import Add, Expr, Integer, Mul, Pow, Rational, exp, log
from sympy.utilities.iterables import sift

from theory.algebra.numerals import InverseSquareRoot
from theory.formulas.bounds import (
    MAX_EXPONENT,
    MAX_ROOT_SIZE,
    Part,
    Refused,
    bits,
    checked,
    deeper,
    joined,
    leaf,
    limited,
    span,
)

__all__ = ["MAX_WORK", "bounded_work", "exponential", "inverse_root", "logarithm", "power"]

MAX_WORK = 600
"""The size of all about which SymPy asks: in functions, under exponents that are no integers, and
in sums of two terms under a power (each at most 150)."""

_spent: ContextVar[list[int] | None] = ContextVar("spent", default=None)
_HALF = Rational(1, 2)
_ONE, _ZERO, _LONG_SUM = Integer(1), Integer(0), 8
_COSTLY_BITS, _LONGEST_BITS, _MOST_ASKED = 64, 256, 150


@contextmanager
def bounded_work() -> Iterator[None]:
    """Within it, powers are refused once their cost together is beyond `MAX_WORK`.

    The bounds of a `Part` hold for what it is made of; this holds for all parts of one formula,
    while they are built and before they meet.

    >>> with bounded_work():
    ...     power(leaf(Integer(3)), leaf(Integer(2))).expression
    9
    """
    token = _spent.set([0])
    try:
        yield
    finally:
        _spent.reset(token)


def power(base: Part, exponent: Part) -> Part:
    """base**exponent; a long square root as the atom that is never factored.

    Raises `Refused` for 0**0 and division by zero, for values that are complex, for exponents
    beyond `MAX_EXPONENT`, for towers, and where the result would be too large.

    >>> power(leaf(Integer(2)), leaf(Integer(10))).expression
    1024
    """
    if exponent.expression == 1:
        return base
    bounds = _power_bounds(base, exponent)
    number, e = base.expression, exponent.expression
    if number == 0:
        return _power_of_zero(e)
    if number == 1:
        return leaf(_ONE)
    _check_sign(base, exponent)
    _ask_of_terms(base)
    if e.is_Rational and e.q == 2 and _is_long(number):
        return checked(_long_root(number, e), bounds)
    if e.is_integer or number.is_Symbol:
        return checked(Pow(number, e), bounds)
    return _fractional_power(base, exponent, bounds)


def inverse_root(square: Part) -> Part:
    """1/sqrt(square).

    >>> inverse_root(leaf(Integer(4))).expression
    1/2
    """
    return power(square, leaf(-_HALF))


def exponential(argument: Part) -> Part:
    """exp(argument).

    >>> from theory.symbols import t
    >>> exponential(leaf(t)).expression
    exp(t)
    """
    value = argument.expression
    growth = span(value) if value.has(log) else 1
    bounds = limited(joined([argument], growth, argument.tower + (not argument.constant)))
    if not value.is_Rational:
        bounds = _under_root(bounds, argument.size)
    span(value)
    return checked(exp(value), deeper(bounds))


def logarithm(argument: Part) -> Part:
    """The natural logarithm; of a number only where it is a positive fraction.

    >>> logarithm(leaf(_ONE)).expression
    0
    """
    value = argument.expression
    if argument.constant and not (value.is_Rational and value > 0):
        raise Refused(
            "a logarithm of a number that is not a positive fraction", "give a positive one"
        )
    if not argument.constant and _is_plainly_negative(value):
        raise Refused("a logarithm of a negative value, which is complex", "give a positive one")
    bounds = joined([argument]) if value.is_Rational else _under_root(argument, argument.size)
    return checked(log(value), deeper(bounds))


def _fractional_power(base: Part, exponent: Part, bounds: Part) -> Part:
    """A power for which SymPy may ask signs, or look for factors of a number.

    It asks nothing of a sum that stands alone, so factors that are plainly positive go before it.
    """
    number, e = base.expression, exponent.expression
    length = bits(number.as_coeff_Mul()[0])
    if e.is_Rational and length > _LONGEST_BITS:
        raise Refused("a number too long for such a root", "give the value of the root")
    plain, rest = sift(Mul.make_args(number), _is_plainly_positive, binary=True)
    if (
        e.is_Rational
        and length <= _COSTLY_BITS
        and (not rest or (len(rest) == 1 and rest[0].is_Add))
    ):
        return checked(Mul(*(Pow(each, e) for each in (*plain, *rest))), bounds)
    bounds = _under_root(bounds, base.size + exponent.size)
    return checked(Pow(number, e), bounds)


def _power_bounds(base: Part, exponent: Part) -> Part:
    """The bounds of a power: its weight grows by the largest number in the exponent."""
    growth = span(exponent.expression)
    tower = exponent.tower + (not exponent.constant)
    weight = base.weight * growth + exponent.weight
    size = base.size * growth + exponent.size
    of_more = not (base.expression.is_Symbol or base.expression.is_Rational)
    both = joined([base, exponent], 1, tower)
    if not exponent.constant and exponent.size > MAX_ROOT_SIZE:
        raise Refused(
            "an exponent this long", f"keep its numbers and symbols below {MAX_ROOT_SIZE}"
        )
    return deeper(limited(replace(both, weight=weight, size=size, powers=both.powers + of_more)))


def _power_of_zero(exponent: Expr) -> Part:
    if exponent.is_Rational and exponent > 0:
        return leaf(_ZERO)
    if exponent.is_Rational and exponent < 0:
        raise Refused("a division by zero", "give a denominator that is not zero")
    raise Refused("a power of zero without a value", "leave it out")


def _check_sign(base: Part, exponent: Part) -> None:
    """Constants: told from zero, and not negative under a root."""
    number, e = base.expression, exponent.expression
    if exponent.constant and not (e.is_Rational and e.q <= MAX_EXPONENT):
        raise Refused("an exponent that is no short fraction", "give a fraction such as 3/2")
    if not base.constant:
        if not e.is_integer and _is_plainly_negative(number):
            raise Refused("a root of a negative value, which is complex", "give a positive one")
        return
    if not number.is_Rational and not number.is_comparable:
        raise Refused("a number that cannot be told from zero", "write its value")
    if number.is_extended_negative and not e.is_integer:
        raise Refused("a root of a negative number, which is complex", "give a positive number")


def _is_long(square: Expr) -> bool:
    """Whether a square root must not be left to SymPy."""
    if square.is_Rational:
        return bits(square) > _LONGEST_BITS
    return any(len(each.args) > _LONG_SUM for each in square.atoms(Add))


def _long_root(square: Expr, exponent: Rational) -> Expr:
    """square**exponent for a half-integer exponent."""
    return Mul(Pow(square, exponent + _HALF), InverseSquareRoot(square))


def _is_plainly_positive(value: Expr) -> bool:
    """Whether it is positive for positive symbols, seen without any calculation."""
    if value.is_Symbol or value.is_Rational:
        return bool(value.is_Symbol or value > 0)
    if isinstance(value, Pow) and value.exp.is_Integer:
        return value.base.is_Symbol or _is_plainly_positive_sum(value.base)
    return _is_plainly_positive_sum(value)


def _is_plainly_negative(value: Expr) -> bool:
    return all(_is_plainly_positive(factor) for factor in Mul.make_args(-value))


def _is_plainly_positive_sum(value: Expr) -> bool:
    if not value.is_Add:
        return False
    factors = (factor for term in value.args for factor in Mul.make_args(term))
    return all(
        factor.is_Symbol
        or (factor.is_Rational and factor > 0)
        or (isinstance(factor, Pow) and factor.base.is_Symbol and bool(factor.exp.is_Rational))
        for factor in factors
    )


def _under_root(bounds: Part, size: int) -> Part:
    _spend(size)
    return limited(replace(bounds, roots=bounds.roots + size))


def _ask_of_terms(base: Part) -> None:
    """Count a sum of two terms: under a power, SymPy asks whether one of them is infinite."""
    sums = (each.args for each in Mul.make_args(base.expression) if each.is_Add)
    if any(len(terms) == 2 and not all(map(_is_monomial, terms)) for terms in sums):
        _spend(min(base.size, _MOST_ASKED))


def _spend(work: int) -> None:
    spent = _spent.get()
    if spent is None:
        return
    spent[0] += work
    if spent[0] > MAX_WORK:
        raise Refused("too many powers of sums that hold powers of sums", "multiply some out")


def _is_monomial(term: Expr) -> bool:
    """A product of numbers, symbols and powers of symbols."""
    return all(
        factor.is_Rational
        or factor.is_Symbol
        or (isinstance(factor, Pow) and factor.base.is_Symbol)
        for factor in Mul.make_args(term)
    )
