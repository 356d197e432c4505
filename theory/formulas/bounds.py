"""This module builds expressions from parts whose cost is bounded before SymPy combines them.

SymPy evaluates while it builds: it raises integers to powers, adds fractions and the exponents of
equal bases, and needs the signs of expressions under a root.  So each part carries upper bounds,
one budget counts all nodes whose properties SymPy determines in one formula, and the module raises
`Refused` before it builds anything large.

A sum or product is built from all its parts at once.  Built pair by pair, 2*(n + 1)*L would
become (2*n + 2)*L, because a number is multiplied into a sum that is its only other factor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import islice

from sympy import (
    Add,
    Expr,
    I,
    Integer,
    Mul,
    Pow,
    Rational,
    exp,
    log,
    nan,
    oo,
    preorder_traversal,
    zoo,
)

from theory.algebra.numerals import InverseSquareRoot
from theory.symbols import B, L, a, b, ell, eta, n, n_0, t

__all__ = [
    "FORMULA_SYMBOLS",
    "MAX_BITS",
    "MOST_LEVELS",
    "Part",
    "Refused",
    "bounded",
    "exponential",
    "leaf",
    "logarithm",
    "nested",
    "nodes",
    "power",
    "product",
    "spend",
    "total",
]

MOST_LEVELS = 50
"""Brackets, signs, powers and functions inside one another."""
_LARGEST_EXPONENT = 1000
"""The largest number in an exponent, and in the denominator of one."""
_MOST_EXPONENTS = 2
"""Exponents with symbols above one another."""
_MOST_POWERS = 4
"""Powers of sums inside one another: SymPy determines whether each term is infinite, at each
level."""
_MOST_WEIGHT, _MOST_BUILT_WEIGHT = 2**14, 2**17
"""Bits of all numbers plus the number of all symbols, were integer powers multiplied out: of a
text, and of an expression that exists."""
_MOST_QUESTIONS, _MOST_IN_A_ROOT, _MOST_IN_A_SUM = 600, 200, 150
"""Nodes whose properties SymPy determines, in functions, under exponents that are no integers, and
in sums of two terms under a power: the most in a formula, in a root, and counted in one such
sum."""
MAX_BITS = 2**15
"""Bits of a number in an expression that exists."""
_LONG_SUM, _LONG_BITS = 8, 256
"""A root of more terms, or of a number of more bits, is not left to SymPy."""
FORMULA_SYMBOLS = {str(symbol): symbol for symbol in (n, L, ell, n_0, eta, t, a, B, b)}
"""The symbols of a formula by name."""

_HALF, _ONE, _ZERO = Rational(1, 2), Integer(1), Integer(0)


class Refused(Exception):
    """The reason why an expression is not built, and the fix."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


@dataclass
class _Budget:
    """The largest weight of a part, and the questions spent so far."""

    weight: int = _MOST_WEIGHT
    spent: int = 0


_budget: ContextVar[_Budget] = ContextVar("budget")


@contextmanager
def bounded(*, exists: bool = False) -> Iterator[None]:
    """A context that builds the parts of one formula; ``exists``: of a given SymPy expression.

    >>> with bounded():
    ...     power(leaf(Integer(3)), leaf(Integer(2))).expression
    9
    """
    token = _budget.set(_Budget(_MOST_BUILT_WEIGHT if exists else _MOST_WEIGHT))
    try:
        yield
    finally:
        _budget.reset(token)


def spend(questions: int, what: str = "powers of sums that hold powers of sums") -> None:
    """Count work against the budget of the formula that is being built."""
    budget = _budget.get()
    budget.spent += questions
    if budget.spent > _MOST_QUESTIONS:
        raise Refused(f"too many {what}", "multiply some out")


@dataclass(frozen=True)
class Part:
    """An expression with bounds on the cost of combining it.

    ``weight`` counts the bits of numbers and one for each symbol, integer powers multiplied out;
    ``level`` the levels of nesting, ``tower`` the levels of exponents with symbols, ``powers`` the
    levels of powers of sums.
    """

    expression: Expr
    weight: int = 1
    level: int = 0
    tower: int = 0
    powers: int = 0


def leaf(atom: Expr) -> Part:
    """A symbol or a rational number.

    >>> leaf(Rational(5, 2)).weight
    4
    """
    return Part(atom, _bits(atom) if atom.is_Rational else 1)


def nested(part: Part, level: int) -> Part:
    """The part as it stands one level above ``level``."""
    if level >= MOST_LEVELS:
        raise Refused(f"more than {MOST_LEVELS} levels of nesting", "write it flatter")
    return replace(part, level=level + 1)


def total(terms: Sequence[Part]) -> Part:
    """The sum of at least one term, built at once."""
    return terms[0] if len(terms) == 1 else _combined(Add, terms)


def product(factors: Sequence[Part]) -> Part:
    """The product of at least one factor, built at once.

    >>> with bounded():
    ...     product([leaf(Integer(2)), total([leaf(n), leaf(Integer(1))]), leaf(L)]).expression
    2*L*(n + 1)
    """
    if any(factor.expression == 0 for factor in factors):
        return leaf(_ZERO)
    return factors[0] if len(factors) == 1 else _combined(Mul, factors)


def _combined(operation: type[Expr], parts: Sequence[Part]) -> Part:
    bounds = _bounds(parts, sum(part.weight for part in parts))
    return _checked(operation(*(part.expression for part in parts)), bounds)


def power(base: Part, exponent: Part) -> Part:
    """base**exponent; a long square root as the atom that is never factored.

    Raises `Refused` for 0**0 and division by zero, for values that are complex, for exponents that
    are too large, for towers, and where the result would be too large.
    """
    number, e = base.expression, exponent.expression
    if e == 1:
        return base
    tower = exponent.tower + bool(e.free_symbols)
    weight = base.weight * _span(e) + exponent.weight
    of_more = not (number.is_Symbol or number.is_Rational)
    bounds = _bounds([base, exponent], weight, tower, of_more)
    if number == 0:
        return _power_of_zero(e)
    if number == 1:
        return leaf(_ONE)
    if e.is_Rational and e.q == 2 and _is_long(number):
        return _checked(Mul(Pow(number, e + _HALF), InverseSquareRoot(number)), bounds)
    if not (e.is_integer or number.is_Symbol):
        _ask(number, e)
    _check_sign(number, e)
    _ask_of_two_terms(number)
    return _checked(Pow(number, e), bounds)


def exponential(argument: Part) -> Part:
    """exp(argument)."""
    value = argument.expression
    growth = _span(value) if value.has(log) else 1
    tower = argument.tower + bool(value.free_symbols)
    bounds = _bounds([argument], growth * argument.weight, tower)
    if not value.is_Rational:
        _ask(value)
    _span(value)
    return _checked(exp(value), bounds)


def logarithm(argument: Part) -> Part:
    """The natural logarithm; of a number only where it is a positive fraction."""
    value = argument.expression
    if not value.free_symbols and not (value.is_Rational and value > 0):
        raise Refused(
            "a logarithm of a number that is not a positive fraction", "give a positive one"
        )
    bounds = _bounds([argument], argument.weight)
    if not value.is_Rational:
        _ask(value)
        if value.is_negative:
            raise Refused(
                "a logarithm of a negative value, which is complex", "give a positive one"
            )
    return _checked(log(value), bounds)


def _bounds(parts: Sequence[Part], weight: int, tower: int = 0, powers: int = 0) -> Part:
    """The bounds of a combination of parts, one level up."""
    if weight > _budget.get().weight:
        raise Refused("numbers or powers too large to multiply out", "give a smaller formula")
    tower = max(tower, *(part.tower for part in parts), 0)
    if tower > _MOST_EXPONENTS:
        raise Refused(
            f"a tower of more than {_MOST_EXPONENTS} exponents with symbols", "give a lower one"
        )
    powers += max(part.powers for part in parts)
    if powers > _MOST_POWERS:
        raise Refused(
            f"more than {_MOST_POWERS} powers of sums inside one another", "multiply some out"
        )
    level = max(part.level for part in parts)
    return nested(Part(_ZERO, weight, level, tower, powers), level)


def _checked(expression: Expr, bounds: Part) -> Part:
    """The part, unless SymPy's result is undefined, complex, or has grown exponents."""
    for factor in Mul.make_args(expression):
        if factor in (zoo, nan, oo, -oo):
            raise Refused("a value that is not finite", "give one that is")
        if factor is I or (
            isinstance(factor, Pow) and factor.base == -1 and not factor.exp.is_integer
        ):
            raise Refused("a root of a negative number, which is complex", "give a positive number")
        if isinstance(factor, exp | Pow):
            _span(factor.exp)
    return replace(bounds, expression=expression)


def _span(exponent: Expr) -> int:
    """The sum of the absolute numbers in the terms of an exponent, rounded up, at least 1."""
    largest = 0
    for term in Add.make_args(exponent):
        number, rest = term.as_coeff_Mul()
        of_log = isinstance(rest, log) and rest.args[0].is_Rational
        if rest.is_number and rest != 1 and not of_log:
            raise Refused("an exponent that is no fraction and no symbol", "give a fraction")
        largest += -(-abs(int(number.p)) // int(number.q))
    if largest > _LARGEST_EXPONENT:
        raise Refused(
            f"an exponent beyond {_LARGEST_EXPONENT}", f"keep it within {_LARGEST_EXPONENT}"
        )
    return max(largest, 1)


def _power_of_zero(exponent: Expr) -> Part:
    if exponent.is_Rational and exponent > 0:
        return leaf(_ZERO)
    if exponent.is_Rational and exponent < 0:
        raise Refused("a division by zero", "give a denominator that is not zero")
    raise Refused("a power of zero without a value", "leave it out")


def _check_sign(number: Expr, e: Expr) -> None:
    """Refuse a value that is not distinguished from zero, and a negative value under a root."""
    if e.is_number and not (e.is_Rational and e.q <= _LARGEST_EXPONENT):
        raise Refused("an exponent that is no short fraction", "give a fraction such as 3/2")
    if number.is_number and not number.is_Rational and not number.is_comparable:
        raise Refused("a number that cannot be distinguished from zero", "write its value")
    if not e.is_integer and number.is_extended_negative:
        raise Refused("a root of a negative value, which is complex", "give a positive one")


def _is_long(square: Expr) -> bool:
    """Whether a square root must not be left to SymPy."""
    if square.is_Rational:
        return _bits(square) > _LONG_BITS
    return any(len(each.args) > _LONG_SUM for each in square.atoms(Add))


def _ask(*values: Expr) -> None:
    """Count the nodes in a function or under a root."""
    asked = sum(nodes(value, _MOST_IN_A_ROOT + 1) for value in values)
    if asked > _MOST_IN_A_ROOT or _bits(values[0].as_coeff_Mul()[0]) > _LONG_BITS:
        raise Refused(
            "too many numbers and symbols in functions and under fractional exponents",
            f"keep them below {_MOST_IN_A_ROOT}",
        )
    spend(asked)


def _ask_of_two_terms(number: Expr) -> None:
    """Count a sum of two terms: under a power, SymPy determines whether one of them is infinite."""
    for each in Mul.make_args(number):
        if each.is_Add and len(each.args) == 2:
            spend(nodes(each, _MOST_IN_A_SUM))


def nodes(value: Expr, most: int) -> int:
    """The nodes of an expression, counted up to a number.

    >>> nodes(n + 1, 10), nodes(n + 1, 2)
    (3, 2)
    """
    return sum(1 for _ in islice(preorder_traversal(value), most))


def _bits(number: Rational) -> int:
    """Binary digits of numerator and denominator together."""
    return int(number.p).bit_length() + int(number.q).bit_length() - 1
