"""A `Formula` is a user's text, SymPy expression, number, or function of named sizes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import exp
from numbers import Rational as RationalNumber
from numbers import Real
from typing import Any

from sympy import Expr, Float, Integer, Rational, Symbol, nan, oo, zoo

from theory.errors import InvalidArgument
from theory.formulas.bounds import FORMULA_SYMBOLS as SYMBOLS
from theory.formulas.evaluation import DECIMALS, Number, Undefined, decimal, evaluate, mpf
from theory.formulas.grammar import read_formula
from theory.symbols import eta
from theory.validation import is_decimal, typed

__all__ = ["NAMES", "Formula", "asked_by_name", "read"]

NAMES = (*SYMBOLS, "network", "layer", "rates")
"""Names that the parameters of a function may have."""
_DIGITS = 9
"""Significant digits up to which a float is exactly its decimal, as 0.5 is, and not the rounding of
another number, as of sqrt(3)."""
_MOVE = 1e-9
"""How far floats are moved, to see how much their rounding changes a formula."""
_TOO_FEW_BITS = 32
"""Bits of a number of fewer than nine digits, of which NumPy's float32 has 24 in a word of 32."""


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula in n, L, ell, n_0, eta, t, a, B, b: an ``expression``, or a ``function``.

    ``names``: the `NAMES` that it contains or has as parameters.  ``has_floats``: whether it was
    given with floats; ``rounded``: whether one of them is the rounding of another number.
    ``moved``: the formula with these floats moved in the ninth digit, where it exists.
    ``has_decimals``: whether a number in it is written with a decimal point.
    ``traced``: the formula that the function returned for symbols, where it returned one.  Branches
    on sizes vanish from it, so it counts only where the function's own values agree with it.
    ``argument``: the name under which a call gave the function.

    >>> from theory.symbols import L, n
    >>> sizes = {n: Fraction(2), L: Fraction(3), eta: Fraction(1)}
    >>> read("eta**2*L**3/3").value(sizes)
    Fraction(9, 1)
    >>> read(lambda n, L: sum(k**2 for k in range(L)) / n).value(sizes)
    Fraction(5, 2)
    """

    source: str
    names: frozenset[str]
    expression: Expr | None
    function: Callable[..., Any] | None = None
    has_floats: bool = False
    rounded: bool = False
    moved: Formula | None = None
    has_decimals: bool = False
    traced: Formula | None = None
    argument: str = "formula"

    @property
    def symbols(self) -> frozenset[Symbol]:
        """The sizes that it contains or has as parameters, and eta."""
        return frozenset(SYMBOLS[name] for name in self.names if name in SYMBOLS)

    @property
    def in_floats(self) -> bool:
        """Whether its values are right to nine digits at most."""
        return self.expression is None or self.rounded

    @property
    def has_rate(self) -> bool:
        """Whether it names eta, or the function returns a formula that does."""
        return "eta" in self.names or (self.traced is not None and self.traced.has_rate)

    def value(self, point: Mapping[Symbol, Fraction], **others: object) -> Number | None:
        """The value at a point, exact where it is rational; None where it has none.

        Sizes other than the formula's own are left aside.  ``others``: network, layer and rates,
        for a function with these parameters.
        """
        try:
            return self._defined(point, others)
        except Undefined:
            return None

    def obstacle(self, point: Mapping[Symbol, Fraction], **others: object) -> str:
        """Why `value` is None at a point, as a division by zero; empty where it is not."""
        try:
            self._defined(point, others)
        except Undefined as reason:
            return str(reason)
        return ""

    def _defined(self, point: Mapping[Symbol, Fraction], others: Mapping[str, object]) -> Number:
        if self.expression is None:
            return self._number(self._result(point, others), point)
        value = evaluate(self.expression, point)
        return decimal(value) if self.rounded else value

    def called(self, point: Mapping[Symbol, Fraction], **others: object) -> Formula | None:
        """The formula that a function returns at a point, exactly; None where it returns none.  An
        expression is its own.

        A function that names eta is called with the symbol.
        """
        if self.expression is not None:
            return self
        try:
            result = self._result({s: v for s, v in point.items() if s != eta}, others)
        except Undefined:
            return None
        if isinstance(result, str | bool):
            raise self._no_number(result, point)
        return _as_expression(result, self.argument)

    def _result(self, point: Mapping[Symbol, Fraction], others: Mapping[str, object]) -> Any:
        """The value of the function; raises `Undefined` for a division by zero and the like."""
        assert self.function is not None
        exact = {s.name: Rational(v.numerator, v.denominator) for s, v in point.items()}
        given: dict[str, Any] = {"eta": eta, **exact, **others}
        asked = {name: given[name] for name in self.names}
        try:
            try:
                return self.function(**asked)
            except (TypeError, AttributeError):
                return self.function(
                    **{name: _python_number(value) for name, value in asked.items()}
                )
        except (ZeroDivisionError, OverflowError) as error:
            raise Undefined(f"{type(error).__name__}: {error}") from error
        except InvalidArgument:
            raise
        except Exception as error:
            raise InvalidArgument(
                f"expected a number from {self.argument} at {_sizes(exact)}, got "
                f"{type(error).__name__}: {str(error)[:80]}; the function must take every size"
            ) from error

    def _number(self, result: object, point: Mapping[Symbol, Fraction]) -> Number:
        """The value of a function's result, which may be an expression in the sizes; one in eta is
        read per eta**2 where the function has no parameter eta."""
        if isinstance(result, RationalNumber) and not isinstance(result, bool):
            return Fraction(int(result.numerator), int(result.denominator))
        floats = _floats(result, self.argument)
        if isinstance(result, Expr):
            if result.has(nan, oo, -oo, zoo):
                raise Undefined("a value that is not finite")
            per_rate = result / eta**2 if result.has(eta) and not self.has_rate else result
            without = {s: v for s, v in point.items() if s != eta or self.has_rate}
            value = evaluate(read_formula(per_rate), without)
            return decimal(value) if floats else value
        if floats:
            return _float_value(result)
        raise self._no_number(result, point)

    def _no_number(self, result: object, point: Mapping[Symbol, Fraction]) -> InvalidArgument:
        sizes = _sizes({s.name: Rational(v.numerator, v.denominator) for s, v in point.items()})
        return InvalidArgument(
            f"expected a number from {self.argument} at {sizes}, got {typed(result)}; return an "
            f"int, a Fraction, a sympy number or a float"
        )

    def __repr__(self) -> str:
        return self.source


def read(value: object, name: str = "formula") -> Formula:
    """The formula that text, a SymPy expression, a number or a function of named sizes gives.

    Raises `InvalidArgument` for a value that cannot be read.
    """
    if isinstance(value, str | Expr) or not callable(value):
        return _as_expression(value, name)
    names = _parameters(value, name)
    source = f"{getattr(value, '__name__', 'function')}({', '.join(names)})"
    traced = _traced(value, names)
    return Formula(source, frozenset(names), None, cache(value), traced=traced, argument=name)


def asked_by_name(function: Callable[..., Any]) -> bool:
    """Whether a function takes numbers by the names of `NAMES`, and not a network, of any name, and
    a layer by place.

    >>> asked_by_name(lambda n, L: L**3 / n), asked_by_name(lambda network: 25)
    (True, True)
    >>> asked_by_name(lambda network, layer: layer), asked_by_name(lambda net, at: at)
    (False, False)
    """
    parameters = _signature(function)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return False
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    named = all(name in NAMES for name in needed) and needed[1:] != ["layer"]
    return named or len(needed) != 2


def _signature(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of a function; None where Python does not know them."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def _traced(function: Callable[..., Any], names: tuple[str, ...]) -> Formula | None:
    """The formula that a function returns for symbols; None where it raises anything at all."""
    try:
        return _as_expression(function(**{each: SYMBOLS[each] for each in names}), "formula")
    except Exception:
        return None


def _parameters(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    """The parameters without a default, and parameters named like sizes; each is one of `NAMES`."""
    parameters = _signature(function)
    if parameters is None:
        raise InvalidArgument(
            f"expected a function whose parameters have names for {name}, got "
            f"{name}={typed(function)}; wrap it in a lambda n, L: ..."
        )
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    asked = [p for p in named if p.default is p.empty or p.name in NAMES]
    unnamed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    refused = [p.name for p in asked if p.name not in NAMES or p.kind in unnamed]
    if refused:
        raise InvalidArgument(
            f"expected a function of {', '.join(NAMES)} for {name}, got {name}={typed(function)} "
            f"with {refused[0]!r}; name its parameters so, as in lambda n, L: L**3/3"
        )
    return tuple(p.name for p in asked)


def _as_expression(given: Any, name: str) -> Formula:
    expression = read_formula(given, name=name)
    floats = _floats(given, name)
    rounded = [each for each in floats if _digits(each) > _DIGITS]
    return Formula(
        str(expression),
        _names(expression),
        expression,
        has_floats=bool(floats),
        rounded=bool(rounded),
        moved=_moved(given, rounded) if rounded else None,
        has_decimals=bool(floats) or (isinstance(given, str) and "." in given),
    )


def _names(expression: Expr) -> frozenset[str]:
    return frozenset(symbol.name for symbol in expression.free_symbols)


def _moved(given: Any, rounded: list[Any]) -> Formula | None:
    """The formula with each rounded float moved; None where it has no value.

    A float near 0 may be left of numbers that cancelled, so it moves as far as 1 does.  No sum of
    the moves with algebraic coefficients vanishes (Lindemann and Weierstrass).
    """
    moves = {
        each: Float(float(each) + _MOVE * (1 + abs(float(each))) * exp(1 / place))
        for place, each in enumerate(sorted(rounded, key=float), 1)
    }
    try:
        moved = read_formula(given.xreplace(moves) if isinstance(given, Expr) else moves[given])
    except InvalidArgument:
        return None
    return Formula(str(moved), _names(moved), moved)


def _floats(given: Any, name: str) -> list[Any]:
    """The numbers in a value that may be rounded.  Raises `InvalidArgument` for numbers of fewer
    than nine digits, such as NumPy's float32."""
    atoms = given.atoms(Float) if isinstance(given, Expr) else (given,)
    found = [
        each
        for each in atoms
        if is_decimal(each)
        or (isinstance(each, Real | Decimal) and not isinstance(each, RationalNumber))
    ]
    for each in found:
        bits = each._prec if isinstance(each, Float) else 8 * getattr(each, "itemsize", 8)
        if bits <= _TOO_FEW_BITS:
            raise InvalidArgument(
                f"expected numbers of nine digits or more in {name}, got {typed(each)}; give a "
                f"float or a Fraction"
            )
    return found


def _float_value(result: Any) -> Any:
    """A float of Python, NumPy, mpmath or `decimal` as a decimal."""
    try:
        if isinstance(result, float) or is_decimal(result):
            value = mpf(result)
        else:
            value = decimal(Fraction(*result.as_integer_ratio()))
    except (ValueError, OverflowError):
        value = DECIMALS.nan
    if not DECIMALS.isfinite(value):
        raise Undefined("a value that is not finite")
    return value


def _digits(value: Any) -> int:
    return len(Decimal(repr(float(value))).normalize().as_tuple().digits)


def _python_number(value: Any) -> Any:
    """A size as Python's own number."""
    if isinstance(value, Rational):
        return int(value) if isinstance(value, Integer) else float(value)
    return value


def _sizes(exact: Mapping[str, Rational]) -> str:
    return ", ".join(f"{name}={value}" for name, value in exact.items())
