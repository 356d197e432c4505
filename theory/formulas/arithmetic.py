"""An arithmetic gives every expression a value, node by node: a number, a form or a series."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import reduce
from typing import Generic, TypeVar

from sympy import Add, Expr, Mul, Pow, Rational, exp

from theory.algebra.numerals import InverseSquareRoot

__all__ = ["Arithmetic"]

Element = TypeVar("Element")


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

    @abstractmethod
    def plus(self, one: Element, two: Element) -> Element:
        """The sum."""

    @abstractmethod
    def times(self, one: Element, two: Element) -> Element:
        """The product."""

    @abstractmethod
    def power(self, base: Element, exponent: Expr) -> Element:
        """A power, whose exponent is an expression."""

    @abstractmethod
    def exponential(self, argument: Element) -> Element:
        """e to a value."""

    @abstractmethod
    def atom(self, node: Expr) -> Element:
        """The value of a number, of a symbol, or of any other function."""
