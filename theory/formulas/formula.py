"""A formula that a user gives: text, an expression, a number, or a function of named sizes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

from sympy import Expr, Float, Integer, Rational, Symbol

from theory.errors import InvalidArgument
from theory.formulas.builder import FORMULA_SYMBOLS as SYMBOLS
from theory.formulas.evaluation import DECIMALS, Number, Undefined, decimal, evaluate, mpf
from theory.formulas.grammar import read_formula
from theory.solutions.value import Number as ExactNumber
from theory.symbols import eta
from theory.validation import shown

__all__ = ["EXACT_TOLERANCE", "FLOAT_TOLERANCE", "Formula", "read"]

EXACT_TOLERANCE = mpf(10) ** -40
"""Relative, of values that are not rational: surds, exponentials, logarithms."""
FLOAT_TOLERANCE = mpf(10) ** -9
"""Relative, of values that a user's function gives as floats."""
_ROUNDED_DIGITS = 15
"""A float of so many significant digits stands for a number that it is not, such as sqrt(3)."""


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula in n, L, ell, n_0, eta, t, a: an ``expression``, or a ``function`` of numbers.

    ``rounded``: whether the expression holds a float that is the rounding of another number.
    ``traced``: the formula that the function returned for symbols, where it returned one.  Branches
    on sizes vanish from it, so it counts only where the function's own values agree with it.

    >>> read("eta**2*L**3/3").at(L=3, eta=1)
    Fraction(9, 1)
    >>> read(lambda n, L: sum(k**2 for k in range(L)) / n).at(n=2, L=3)
    Fraction(5, 2)
    """

    source: str
    symbols: frozenset[Symbol]
    expression: Expr | None
    function: Callable[..., Any] | None = None
    rounded: bool = False
    traced: Formula | None = None

    @property
    def in_floats(self) -> bool:
        """Whether its values are right to nine digits at most."""
        return self.expression is None or self.rounded

    @property
    def has_rate(self) -> bool:
        """Whether it names eta."""
        return eta in self.symbols

    def at(self, **sizes: object) -> Number | None:
        """The value at sizes given by name, exact where it is rational; None where it has none.

        Raises `InvalidArgument` for a size that is missing.
        """
        return self.value({SYMBOLS[name]: Fraction(str(size)) for name, size in sizes.items()})

    def value(self, point: Mapping[Symbol, Fraction]) -> Number | None:
        """The same at a point by symbols; others than the formula's own are left aside."""
        missing = sorted(symbol.name for symbol in self.symbols - set(point))
        if missing:
            raise InvalidArgument(
                f"expected a value for {', '.join(missing)}, which the formula holds, got none; "
                f"give one"
            )
        if self.expression is None:
            return self._called({s: point[s] for s in self.symbols})
        try:
            value = evaluate(self.expression, point)
        except Undefined:
            return None
        return decimal(value) if self.rounded else value

    def _called(self, point: Mapping[Symbol, Fraction]) -> Number | None:
        assert self.function is not None
        exact = {s.name: Rational(v.numerator, v.denominator) for s, v in point.items()}
        try:
            try:
                result = self.function(**exact)
            except (TypeError, AttributeError):
                result = self.function(**{name: _plain(value) for name, value in exact.items()})
            return _number(result, exact)
        except (ZeroDivisionError, OverflowError, Undefined):
            return None
        except InvalidArgument:
            raise
        except Exception as error:
            raise InvalidArgument(
                f"expected a number from formula at {_sizes(exact)}, got "
                f"{type(error).__name__}: {str(error)[:80]}; the function must take every size"
            ) from error

    def __repr__(self) -> str:
        return self.source


def read(value: object, name: str = "formula") -> Formula:
    """The formula that text, a SymPy expression, a number, a function of named sizes, or the
    closed form of a value of `theory` gives.

    Raises `InvalidArgument` for a value that cannot be read.
    """
    value = value.exact if isinstance(value, ExactNumber) else value
    if isinstance(value, str | Expr) or not callable(value):
        return _as_expression(value, read_formula(value, name=name))
    names = _parameters(value, name)
    source = f"{getattr(value, '__name__', 'function')}({', '.join(names)})"
    symbols = frozenset(SYMBOLS[each] for each in names)
    return Formula(source, symbols, None, value, traced=_traced(value, names))


def _traced(function: Callable[..., Any], names: tuple[str, ...]) -> Formula | None:
    """The formula that a function returns for symbols; None where it raises anything at all."""
    try:
        found = function(**{each: SYMBOLS[each] for each in names})
        return _as_expression(found, read_formula(found))
    except Exception:
        return None


def _parameters(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    """The parameters without a default, all named like sizes."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = tuple(p.name for p in parameters if p.name in SYMBOLS)
    others = [p for p in parameters if p.name not in SYMBOLS and p.default is p.empty]
    unnamed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    if others or not names or any(p.kind in unnamed for p in parameters):
        raise InvalidArgument(
            f"expected a function of {', '.join(SYMBOLS)} for {name}, got {name}={shown(function)}"
            f"; name its parameters so, as in lambda n, L: L**3/3"
        )
    return names


def _as_expression(given: object, expression: Expr) -> Formula:
    symbols = frozenset(expression.free_symbols)
    return Formula(str(expression), symbols, expression, rounded=_is_rounded(given))


def _is_rounded(given: object) -> bool:
    floats = given.atoms(Float) if isinstance(given, Expr) else {given}
    return any(
        len(Decimal(repr(float(each))).normalize().as_tuple().digits) >= _ROUNDED_DIGITS
        for each in floats
        if isinstance(each, Float | float)
    )


def _plain(value: Rational) -> int | float:
    return int(value) if isinstance(value, Integer) else float(value)


def _sizes(exact: Mapping[str, Rational]) -> str:
    return ", ".join(f"{name}={value}" for name, value in exact.items())


def _number(result: object, exact: Mapping[str, Rational]) -> Number:
    if isinstance(result, Rational):
        return Fraction(int(result.p), int(result.q))
    if isinstance(result, Expr):
        value = evaluate(read_formula(result), {})
        return decimal(value) if result.has(Float) else value
    if isinstance(result, Integral | Fraction | Decimal) and not isinstance(result, bool):
        return Fraction(result)
    if isinstance(result, Real | mpf) and not isinstance(result, bool):
        if DECIMALS.isfinite(mpf(result)):
            return mpf(result)
        raise Undefined("a value that is not finite")
    raise InvalidArgument(
        f"expected a number from formula at {_sizes(exact)}, got {shown(result)}; return an int, "
        f"a Fraction, a sympy number or a float"
    )
