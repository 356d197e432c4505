"""The builder gives each rule of the grammar its meaning; it builds a product or sum at once.

A factor keeps its base and exponent apart until the product it stands in is known, so that
1/sqrt(x) is x**(-1/2) and 1/(2*(n + 1)) keeps its denominator factored, as they are printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lark import Token, Transformer, v_args
from sympy import Expr, Integer, Rational

from theory.formulas.bounds import (
    Part,
    Refused,
    exponential,
    leaf,
    logarithm,
    nested,
    power,
    product,
    total,
)
from theory.symbols import L, a, ell, eta, n, n_0, t

__all__ = ["FORMULA_SYMBOLS", "MAX_DIGITS", "FormulaBuilder", "Misplaced", "unknown_name"]

MAX_DIGITS = 1000
"""Digits of a number, written without an exponent of ten."""

FORMULA_SYMBOLS = {str(symbol): symbol for symbol in (n, L, ell, n_0, eta, t, a)}
"""The symbols of a formula by name."""

_SPELLINGS = FORMULA_SYMBOLS | {"l": ell, "ℓ": ell, "n0": n_0, "n₀": n_0, "η": eta}
_LISTED = ", ".join(FORMULA_SYMBOLS)
_ONE, _MINUS, _HALF = Integer(1), Integer(-1), Rational(1, 2)
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_MEANINGS = {
    "E": "write exp(1) for the base of natural logarithms",
    "e": "write exp(1) for the base of natural logarithms",
    "N": "write the width as n",
    "exp": "write its argument in brackets",
    "log": "write its argument in brackets",
    "sqrt": "write its argument in brackets",
}


class Misplaced(Exception):
    """What is wrong in a text, where, and what to write instead."""

    def __init__(self, position: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.position, self.what, self.fix = position, what, fix


@dataclass(frozen=True)
class _Factor:
    """A base and its exponent, not yet combined, and where they stand in the text."""

    base: Part
    exponent: Part
    position: int

    def part(self) -> Part:
        with _at(self.position):
            return power(self.base, self.exponent)

    def raised(self, exponent: Part, position: int) -> _Factor:
        if self.exponent.expression == 1:
            return _Factor(self.base, exponent, position)
        return _Factor(self.part(), exponent, position)

    def inverse(self, position: int) -> _Factor:
        number = self.exponent.expression
        negative = leaf(-number) if number.is_Rational else product([leaf(_MINUS), self.exponent])
        return _Factor(self.base, negative, position)


_Product = tuple[_Factor, ...]
"""Factors that are multiplied at once; a denominator is a negative exponent."""


@contextmanager
def _at(position: int) -> Iterator[None]:
    """Says where in the text an expression was refused."""
    try:
        yield
    except Refused as error:
        raise Misplaced(position, error.what, error.fix) from None


def _atom(part: Part, position: int) -> _Product:
    return (_Factor(part, leaf(_ONE), position),)


def _part(factors: _Product) -> Part:
    with _at(factors[0].position):
        return product([factor.part() for factor in factors])


def _negated(factors: _Product, position: int) -> _Product:
    with _at(position):
        sign = nested(leaf(_MINUS), max(factor.base.level for factor in factors))
    return (*_atom(sign, position), *factors)


@v_args(inline=True)
class FormulaBuilder(Transformer[Token, Any]):
    """What each rule of the grammar means, applied while the text is parsed.

    Raises `Misplaced` for names that are not known and for expressions that are refused.
    """

    def start(self, factors: _Product) -> Expr:
        """The whole formula."""
        return _part(factors).expression

    def sum(self, first: _Product, *rest: Any) -> _Product:
        """Products with their signs, added at once; one product alone stays factored."""
        if not rest:
            return first
        pairs = zip(rest[::2], rest[1::2], strict=True)
        terms = [_negated(f, s.start_pos) if s.type == "MINUS" else f for s, f in pairs]
        with _at(first[0].position):
            return _atom(total([_part(each) for each in (first, *terms)]), first[0].position)

    def product(self, first: _Product, *rest: Any) -> _Product:
        """Factors with their signs, not yet combined."""
        factors = list(first)
        for sign, more in zip(rest[::2], rest[1::2], strict=True):
            divided = sign.type == "OVER"
            factors += [f.inverse(sign.start_pos) for f in more] if divided else more
        return tuple(factors)

    def signed(self, sign: Token, factors: _Product) -> _Product:
        """A factor with a sign before it."""
        return _negated(factors, int(sign.start_pos or 0)) if sign.type == "MINUS" else factors

    def power(self, base: _Product, sign: Token, exponent: _Product) -> _Product:
        """A base, ``**`` or ``^``, and an exponent."""
        return self._raised(base, _part(exponent), int(sign.start_pos or 0))

    def superscript(self, base: _Product, digits: Token) -> _Product:
        """A base with a superscript integer."""
        position = int(digits.start_pos or 0)
        return self._raised(base, _number(digits.translate(_SUPERSCRIPTS), position), position)

    def _raised(self, base: _Product, exponent: Part, position: int) -> _Product:
        if exponent.expression.is_Integer or len(base) == 1:
            return tuple(factor.raised(exponent, position) for factor in base)
        return (_Factor(_part(base), exponent, position),)

    def bracket(self, factors: _Product) -> _Product:
        """What stands in brackets, still factored."""
        with _at(factors[0].position):
            return tuple(replace(f, base=nested(f.base, f.base.level)) for f in factors)

    def number(self, digits: Token) -> _Product:
        """A number."""
        position = int(digits.start_pos or 0)
        return _atom(_number(digits, position), position)

    def name(self, name: Token) -> _Product:
        """A symbol."""
        position = int(name.start_pos or 0)
        unknown = unknown_name(str(name))
        if unknown:
            raise Misplaced(position, *unknown)
        return _atom(leaf(_SPELLINGS[str(name)]), position)

    def call(self, name: Token, argument: _Product) -> _Product:
        """sqrt, exp or log of an argument."""
        position = int(name.start_pos or 0)
        if name in ("sqrt", "√"):
            return (_Factor(_part(argument), leaf(_HALF), position),)
        if name not in ("exp", "log"):
            raise Misplaced(position, *_unknown_function(str(name)))
        with _at(position):
            function = exponential if name == "exp" else logarithm
            return _atom(function(_part(argument)), position)


def _number(digits: str, position: int) -> Part:
    """An integer or a decimal, exactly."""
    mantissa, _, tens = digits.lower().partition("e")
    tens = tens.lstrip("+").replace("-0", "-").lstrip("0") or "0"
    size = len(mantissa) + (abs(int(tens)) if len(tens) <= 6 else MAX_DIGITS)
    if size > MAX_DIGITS:
        fix = "give a shorter one"
        raise Misplaced(position, f"a number of more than {MAX_DIGITS} digits", fix)
    whole, _, decimals = mantissa.partition(".")
    scale = int(tens) - len(decimals)
    number = Rational(int(whole + decimals)) * Rational(10) ** scale
    return leaf(number)


def unknown_name(name: str) -> tuple[str, str] | None:
    """Why a name is refused, and what to write instead; None where it is a symbol."""
    if name in _SPELLINGS:
        return None
    fix = _MEANINGS.get(name, f"the symbols are {_LISTED}")
    return f"{_quoted(name)} is not a symbol of these laws", fix


def _unknown_function(name: str) -> tuple[str, str]:
    if name in _SPELLINGS:
        return f"{name} is called like a function", f"write the product with *, as {name}*(...)"
    return f"{_quoted(name)} is not a function of these laws", "they are sqrt, exp and log"


def _quoted(name: str) -> str:
    return repr(name if len(name) <= 20 else name[:17] + "...")
