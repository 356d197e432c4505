"""`numbers` evaluates a formula of this package, with enough digits to make up for cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from sympy import (
    Add,
    Expr,
    Float,
    KroneckerDelta,
    Max,
    Mul,
    NumberSymbol,
    Pow,
    Rational,
    Symbol,
    exp,
    log,
    sympify,
)

from theory.algebra.numerals import InverseSquareRoot
from theory.errors import InvalidArgument, NotSolved
from theory.precision import workdps
from theory.solutions.arrays import over_arrays
from theory.solutions.floats import as_float
from theory.symbols import eta
from theory.validation import brief, typed

__all__ = ["numbers", "value_at"]

_DIGITS = 17
_FIRST, _MOST = 33, 13_000
"""Digits worked with, at first and at most."""


def numbers(expression: Expr, **sizes: Any) -> Any:
    """Evaluate a SymPy expression, such as a limit or a variance, at given sizes to 12 digits.

    Terms of an expression that this package returns may nearly cancel, so do not put floats into
    it.  ``sizes``: numbers by the symbols' names, arrays broadcast; eta is 1 unless given.
    The function adds digits until two results agree.  Raises `InvalidArgument` for symbols
    without a number, for parts that are infinite or complex, and for a value beyond the range of
    float64.

    >>> from theory import MLP, alignment, numbers, squared_update
    >>> numbers(squared_update(MLP()).label.joint_limit(), n=1, t=1e-6)
    3.3333416666806668e-19
    >>> numbers(alignment(MLP()).exact, n=10**7, L=[2, 8])
    array([0.66666676, 0.18604668])
    """
    if not isinstance(expression, Expr):
        raise InvalidArgument(
            f"expected a SymPy expression, got expression={typed(expression)}; give one such as "
            f"squared_update(MLP()).joint_limit()"
        )
    free = {symbol.name: symbol for symbol in expression.free_symbols}
    unknown = [name for name in sizes if name not in free and name != "eta"]
    given = {free[name]: value for name, value in sizes.items() if name in free}
    missing = [symbol for symbol in free.values() if symbol not in given and symbol != eta]
    if unknown or missing:
        wanted = f"expected numbers for {', '.join(sorted(free))}" if free else "expected no sizes"
        names = ", ".join(sorted(map(str, missing)))
        raise InvalidArgument(
            f"{wanted}, got one for {unknown[0]}; leave it out"
            if unknown
            else f"{wanted}, got none for {names}; give all of them"
        )
    return over_arrays(
        lambda point: as_float(value_at(expression, point, _DIGITS), point, _call), given
    )


def _call(point: Mapping[Symbol, Any]) -> str:
    """The call that has the value of an expression at ``point`` at any size."""
    values = ", ".join(f"{symbol}: {brief(number)}" for symbol, number in point.items())
    return f"expression.subs({{{values}}}).evalf(), with symbols of theory.symbols,"


def value_at(expression: Expr, point: Mapping[Symbol, Any], digits: int) -> Any:
    """The value to ``digits``, in the thread's context, at rationals or real numbers for the
    symbols; 0 where it shrinks with the precision to the last.

    Raises `NotSolved` where terms cancel in more digits than are worked with.
    """
    before, used = None, _FIRST + digits
    while used <= _MOST:
        with workdps(used) as context:
            evaluation = _Evaluation(point, context)
            value = evaluation.of(expression)
            if before is not None:
                error = abs(value - before) * context.mpf(10) ** digits
                if value and error <= abs(value):
                    return value
                vanishes = abs(value) <= abs(before) * context.mpf(10) ** (-used // 4)
        before, used = value, 2 * used
    if vanishes:
        return context.zero
    raise NotSolved(
        f"the terms of the formula cancel in more than {_MOST:,} digits at these sizes: give sizes "
        f"nearer to 1"
    )


class _Evaluation:
    """The nodes of an expression at one point, each computed once."""

    def __init__(self, point: Mapping[Symbol, Any], context: Any) -> None:
        self.context, self.point = context, point
        self.known: dict[Expr, Any] = {eta: context.one}
        for symbol, number in point.items():
            self.known[symbol] = self._real(number)

    def _real(self, number: Any) -> Any:
        """A rational, or a real number of any context or none."""
        if isinstance(number, Rational):
            return self.context.mpf(int(number.p)) / int(number.q)
        known = hasattr(number, "_mpf_")
        return self.context.make_mpf(number._mpf_) if known else self.context.mpf(number)

    def of(self, node: Expr) -> Any:
        """The value of one node."""
        if node not in self.known:
            try:
                found = self._computed(node)
            except ZeroDivisionError:
                found = self.context.inf
            if not hasattr(found, "_mpf_") or not self.context.isfinite(found):
                self._refuse(node)
            self.known[node] = found
        return self.known[node]

    def _refuse(self, node: Expr) -> NoReturn:
        """`InvalidArgument` for a part that is infinite or complex."""
        at = ", ".join(
            f"{symbol}={brief(number)}"
            for symbol, number in self.point.items()
            if symbol in node.free_symbols
        )
        raise InvalidArgument(
            f"expected an expression of finite real numbers, got {brief(node, write=str)}"
            f"{at and f' at {at}'}; give other sizes"
        )

    def _computed(self, node: Expr) -> Any:
        context = self.context
        if node.is_Rational:
            return self._real(node)
        if isinstance(node, Float | NumberSymbol):
            return self._real(node.evalf(context.dps))
        arguments = [self.of(sympify(each)) for each in node.args]
        if isinstance(node, Add):
            return context.fsum(arguments)
        if isinstance(node, Mul):
            return context.fprod(arguments)
        if isinstance(node, Pow):
            base, exponent = arguments
            return base ** int(exponent) if context.isint(exponent) else base**exponent
        if isinstance(node, exp | log):
            return context.exp(*arguments) if isinstance(node, exp) else context.log(*arguments)
        if isinstance(node, InverseSquareRoot):
            return 1 / context.sqrt(*arguments)
        if isinstance(node, Max):
            return max(arguments)
        if isinstance(node, KroneckerDelta):
            return context.mpf(arguments[0] == arguments[1])
        raise NotSolved(
            f"numbers are solved for sums, products, powers, exp and log, got {type(node).__name__}"
            f": call the value itself, as in squared_update(MLP())(64, 10)"
        )
