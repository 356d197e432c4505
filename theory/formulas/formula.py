"""A `Formula` is a user's text, SymPy expression, number, or function of named sizes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from numbers import Integral, Real
from typing import Any

from sympy import Expr, Float, Integer, Rational, Symbol

from theory.errors import InvalidArgument
from theory.formulas.bounds import FORMULA_SYMBOLS as SYMBOLS
from theory.formulas.evaluation import DECIMALS, Number, Undefined, decimal, evaluate, mpf
from theory.formulas.grammar import read_formula
from theory.symbols import eta
from theory.validation import is_decimal, typed

__all__ = ["EXACT_TOLERANCE", "FLOAT_TOLERANCE", "NAMES", "Formula", "asked_by_name", "read"]

NAMES = (*SYMBOLS, "network", "layer", "rates")
"""Names that the parameters of a function may have."""
EXACT_TOLERANCE = mpf(10) ** -40
"""Relative, of values that are not rational: surds, exponentials, logarithms."""
FLOAT_TOLERANCE = mpf(10) ** -9
"""Relative, of values that a user's function gives as floats."""
_ROUNDED_DIGITS = 15
"""Significant digits from which a float counts as the rounding of another number, as of sqrt(3)."""


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula in n, L, ell, n_0, eta, t, a, B, b: an ``expression``, or a ``function``.

    ``names``: the `NAMES` that it contains or has as parameters.  ``has_floats``: whether it was
    given with floats; ``rounded``: whether one of them is the rounding of another number.
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
        """Whether it names eta."""
        return "eta" in self.names

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
        return _as_expression(result, read_formula(result, name=self.argument))

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
        if isinstance(result, Rational):
            return Fraction(int(result.p), int(result.q))
        if isinstance(result, Expr):
            per_rate = result / eta**2 if result.has(eta) and not self.has_rate else result
            without = {s: v for s, v in point.items() if s != eta or self.has_rate}
            value = evaluate(read_formula(per_rate), without)
            return decimal(value) if result.has(Float) else value
        if isinstance(result, Integral | Fraction | Decimal) and not isinstance(result, bool):
            return Fraction(result)
        if isinstance(result, Real | mpf) and not isinstance(result, bool):
            if DECIMALS.isfinite(mpf(result)):
                return mpf(result)
            raise Undefined("a value that is not finite")
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
        return _as_expression(value, read_formula(value, name=name))
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
        found = function(**{each: SYMBOLS[each] for each in names})
        return _as_expression(found, read_formula(found))
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


def _as_expression(given: object, expression: Expr) -> Formula:
    names = frozenset(symbol.name for symbol in expression.free_symbols)
    floats = _floats(given)
    rounded = any(_digits(each) >= _ROUNDED_DIGITS for each in floats)
    point = bool(floats) or (isinstance(given, str) and "." in given)
    return Formula(
        str(expression),
        names,
        expression,
        has_floats=bool(floats),
        rounded=rounded,
        has_decimals=point,
    )


def _floats(given: object) -> list[float]:
    atoms: set[Any] = given.atoms(Float) if isinstance(given, Expr) else {given}
    return [float(each) for each in atoms if isinstance(each, Float | float) or is_decimal(each)]


def _digits(value: float) -> int:
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


def _python_number(value: Any) -> Any:
    """A size as Python's own number."""
    if isinstance(value, Rational):
        return int(value) if isinstance(value, Integer) else float(value)
    return value


def _sizes(exact: Mapping[str, Rational]) -> str:
    return ", ".join(f"{name}={value}" for name, value in exact.items())
