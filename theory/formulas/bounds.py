"""Expressions built from parts whose cost is bounded before SymPy is asked to combine them.

SymPy evaluates while it builds: it raises integers to powers, adds fractions and the exponents of
equal bases, and more.  So each part carries upper bounds, computed from the parts it is made of
and never from the result, and `Refused` is raised before anything large is built.

A sum or product is built from all its parts at once.  Built pair by pair, 2*(n + 1)*L would
become (2*n + 2)*L, because a number is multiplied into a sum that stands alone beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace

from sympy import Add, Expr, I, Integer, Mul, Pow, Rational, exp, log, nan, oo, zoo

__all__ = [
    "MAX_BUILT_WEIGHT",
    "MAX_EXPONENT",
    "MAX_NESTED_POWERS",
    "MAX_NESTING",
    "MAX_ROOT_SIZE",
    "MAX_TOWER",
    "MAX_WEIGHT",
    "Part",
    "Refused",
    "bits",
    "built",
    "checked",
    "deeper",
    "joined",
    "leaf",
    "limited",
    "nested",
    "product",
    "span",
    "total",
]

MAX_NESTING = 50
"""Brackets, signs, powers and functions inside one another."""
MAX_NESTED_POWERS = 4
"""Powers of sums inside one another: SymPy asks whether each term is infinite, at each level."""
MAX_EXPONENT = 1000
"""The largest number in an exponent, and in the denominator of one."""
MAX_ROOT_SIZE = 200
"""Numbers and symbols in functions and under exponents that are no integers, all together."""
MAX_TOWER = 2
"""Exponents with symbols above one another."""
MAX_WEIGHT = 2**14
"""Bits of all numbers plus the number of all symbols, were integer powers multiplied out."""
MAX_BUILT_WEIGHT = 2**17
"""The same of an expression that the user built, and that is checked rather than built."""

built: ContextVar[bool] = ContextVar("built", default=False)
"""Whether the parts are those of an expression that exists."""

_ZERO = Integer(0)


class Refused(Exception):
    """Why an expression is not built, and what to write instead."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


@dataclass(frozen=True)
class Part:
    """An expression with bounds on what it costs to combine it.

    ``weight`` counts the bits of numbers and one for each symbol, ``size`` one for each of both,
    integer powers multiplied out; ``roots`` is the size of all that stands in functions and under
    exponents that are no integers; ``nesting``, ``tower`` and ``powers`` are levels.
    """

    expression: Expr
    weight: int = 1
    size: int = 1
    roots: int = 0
    nesting: int = 0
    tower: int = 0
    powers: int = 0

    @property
    def constant(self) -> bool:
        """Whether it holds no symbols."""
        return bool(self.expression.is_number)


def leaf(atom: Expr) -> Part:
    """A symbol or a rational number.

    >>> leaf(Rational(5, 2)).weight
    4
    """
    return Part(atom, bits(atom) if atom.is_Rational else 1)


def nested(part: Part, level: int) -> Part:
    """The part as it stands one level above ``level``."""
    if level >= MAX_NESTING:
        raise Refused(f"more than {MAX_NESTING} levels of nesting", "write it flatter")
    return replace(part, nesting=level + 1)


def total(terms: Sequence[Part]) -> Part:
    """The sum of at least one term, built at once.

    >>> total([leaf(Integer(1)), leaf(Rational(1, 2))]).expression
    3/2
    """
    return joined(terms) if len(terms) == 1 else _combined(Add, terms)


def product(factors: Sequence[Part]) -> Part:
    """The product of at least one factor, built at once.

    >>> from theory.symbols import L, n
    >>> product([leaf(Integer(2)), total([leaf(n), leaf(Integer(1))]), leaf(L)]).expression
    2*L*(n + 1)
    """
    if any(factor.expression == 0 for factor in factors):
        return leaf(_ZERO)
    return joined(factors) if len(factors) == 1 else _combined(Mul, factors)


def _combined(operation: type[Expr], parts: Sequence[Part]) -> Part:
    bounds = deeper(limited(joined(parts)))
    return checked(operation(*(part.expression for part in parts)), bounds)


def joined(parts: Iterable[Part], growth: int = 1, tower: int = 0) -> Part:
    """The bounds of several parts together, with the expression of the first."""
    each = list(parts)
    return Part(
        each[0].expression,
        growth * sum(part.weight for part in each),
        growth * sum(part.size for part in each),
        sum(part.roots for part in each),
        max(part.nesting for part in each),
        max(tower, *(part.tower for part in each)),
        max(part.powers for part in each),
    )


def span(exponent: Expr) -> int:
    """The sum of the absolute numbers in the terms of an exponent, rounded up, at least 1."""
    largest = 0
    for term in Add.make_args(exponent):
        number, rest = term.as_coeff_Mul()
        if rest.is_number and rest != 1 and not _is_log_of_number(rest):
            raise Refused("an exponent that is no fraction and no symbol", "give a fraction")
        largest += -(-abs(int(number.p)) // int(number.q))
    if largest > MAX_EXPONENT:
        raise Refused(f"an exponent beyond {MAX_EXPONENT}", f"keep it within {MAX_EXPONENT}")
    return max(largest, 1)


def _is_log_of_number(value: Expr) -> bool:
    return isinstance(value, log) and bool(value.args[0].is_Rational)


def deeper(bounds: Part) -> Part:
    """The bounds one level up."""
    return nested(bounds, bounds.nesting)


def limited(bounds: Part) -> Part:
    """The same bounds, unless they are beyond the limits."""
    if bounds.weight > (MAX_BUILT_WEIGHT if built.get() else MAX_WEIGHT):
        raise Refused("numbers or powers too large to multiply out", "give a smaller formula")
    if bounds.roots > MAX_ROOT_SIZE:
        raise Refused(
            "too much in functions and under fractional exponents",
            f"keep the numbers and symbols there below {MAX_ROOT_SIZE}",
        )
    if bounds.powers > MAX_NESTED_POWERS:
        raise Refused(
            f"more than {MAX_NESTED_POWERS} powers of sums inside one another", "multiply some out"
        )
    if bounds.tower > MAX_TOWER:
        raise Refused(
            f"a tower of more than {MAX_TOWER} exponents with symbols", "give a lower one"
        )
    return bounds


def checked(expression: Expr, bounds: Part) -> Part:
    """The part, unless what SymPy made of it is undefined, complex, or grew in its exponents."""
    for factor in Mul.make_args(expression):
        if factor in (zoo, nan, oo, -oo):
            raise Refused("a value that is not finite", "give one that is")
        if factor is I or (
            isinstance(factor, Pow) and factor.base == -1 and not factor.exp.is_integer
        ):
            raise Refused("a root of a negative number, which is complex", "give a positive number")
        if isinstance(factor, exp | Pow):
            span(factor.exp)
    return replace(bounds, expression=expression)


def bits(number: Rational) -> int:
    """Binary digits of numerator and denominator together.

    >>> bits(Rational(8, 3))
    5
    """
    return int(number.p).bit_length() + int(number.q).bit_length() - 1
