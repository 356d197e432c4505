"""An arithmetic evaluates an expression node by node, to a number, a normal form or a series."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from functools import reduce
from typing import Any, Generic, TypeVar

from sympy import Add, Expr, Mul, Pow, Rational, exp

from theory.algebra.numerals import InverseSquareRoot

__all__ = ["Arithmetic", "collected"]

Element = TypeVar("Element")
Key = TypeVar("Key", bound=Hashable)


class Arithmetic(ABC, Generic[Element]):
    """How values of one kind are added, multiplied and raised to powers."""

    def of(self, node: Expr) -> Element:
        """The value of an expression."""
        if isinstance(node, Add):
            return reduce(self.plus, map(self.of, node.args))
        if isinstance(node, Mul):
            return reduce(self.times, map(self.of, node.args))
        if isinstance(node, InverseSquareRoot):
            return self.power(self.of(node.args[0]), Rational(-1, 2))
        if isinstance(node, exp):
            return self.exponential(self.of(node.args[0]))
        if isinstance(node, Pow):
            return self.power(self.of(node.base), node.exp)
        return self.atom(node)

    def plus(self, one: Element, two: Element) -> Element:
        """The sum."""
        return one + two  # type: ignore[operator]

    def times(self, one: Element, two: Element) -> Element:
        """The product."""
        return one * two  # type: ignore[operator]

    @abstractmethod
    def power(self, base: Element, exponent: Expr) -> Element:
        """A power, whose exponent is an expression."""

    @abstractmethod
    def exponential(self, argument: Element) -> Element:
        """e to a value."""

    @abstractmethod
    def atom(self, node: Expr) -> Element:
        """The value of a number, of a symbol, or of any other function."""


def collected(pairs: Iterable[tuple[Key, Any]]) -> dict[Key, Any]:
    """The sum of the values of each key.

    >>> collected([("x", 1), ("y", 2), ("x", 3)])
    {'x': 4, 'y': 2}
    """
    sums: dict[Key, Any] = {}
    for key, value in pairs:
        sums[key] = sums[key] + value if key in sums else value
    return sums
