"""This module parses formulas by a grammar of our own, and never evaluates text.

    sum:      products, added and subtracted        product:  factors, multiplied and divided
    factor:   a power with any signs before it      power:    an atom, ``**`` or ``^``, a factor
    atom:     a number, a symbol, (sum), sqrt(sum), exp(sum), log(sum)

A sign binds less tightly than a power, and powers group from the right, as in Python.  What is
typeset may be pasted: η, ℓ and n₀ for eta, ell and n_0, · and × for *, − for -, √ for sqrt, and
superscript integers.  Everything else is refused, an omitted * included.

A product or sum is built at once.  A factor keeps its base and exponent apart until the product it
stands in is known, so that 1/sqrt(x) is x**(-1/2) and 1/(2*(n + 1)) keeps its denominator factored,
as they are printed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from numbers import Real
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from mpmath.libmp import to_rational
from sympy import Expr, Integer, Rational

from theory.errors import InvalidArgument
from theory.formulas.bounds import (
    FORMULA_SYMBOLS,
    Part,
    Refused,
    bounded,
    exponential,
    leaf,
    logarithm,
    nested,
    power,
    product,
    read_expression,
    total,
)
from theory.precision import isfinite
from theory.symbols import ell, eta, n_0
from theory.validation import exact_number, is_decimal, typed

__all__ = ["MAX_LENGTH", "parse_formula", "read_formula"]

MAX_LENGTH = 4000
"""Characters of a formula."""

MAX_DIGITS = 1000
"""Digits of a number, written without an exponent of ten."""

_SPELLINGS = FORMULA_SYMBOLS | {"l": ell, "ℓ": ell, "n0": n_0, "n₀": n_0, "η": eta}
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
_LISTED = ", ".join(FORMULA_SYMBOLS)
_OPENING = ("NUMBER", "NAME", "ROOT", "LPAR")
_CHARACTERS = {
    ",": "write decimals with a point",
    "=": "give the right-hand side alone",
}

_GRAMMAR = r"""
start: sum
sum: product (_sum_sign product)*
product: factor (_product_sign factor)*
_sum_sign: PLUS | MINUS
_product_sign: TIMES | OVER
?factor: (PLUS | MINUS) factor -> signed
       | power
?power: atom
      | atom POWER factor -> power
      | atom SUPERSCRIPT -> superscript
?atom: leaf
     | "(" sum ")" -> bracket
     | NAME "(" sum ")" -> call
     | ROOT "(" sum ")" -> call
     | ROOT leaf -> call
?leaf: NUMBER -> number
     | NAME -> name

PLUS: "+"
MINUS: /[-−]/
POWER.2: "**" | "^"
TIMES: /[*×·⋅]/
OVER: "/"
ROOT: "√"
SUPERSCRIPT: /⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+/
NUMBER: /([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
NAME: /[A-Za-z_][A-Za-z_0-9]*₀?|ℓ|η/
%ignore /[ \t\r\n]+/
"""


def parse_formula(text: str, *, name: str = "formula") -> Expr:
    """The expression that ``text`` spells, in the symbols of `theory.symbols`.

    Decimals are exact.  Raises `InvalidArgument`, with the place in the text, for anything but a
    formula of bounded size in `FORMULA_SYMBOLS` with sqrt, exp and log, and for values that are
    not finite or not real whatever the symbols.  ``name`` is the argument's name in the message.

    >>> parse_formula("η²·L^3/3")
    L**3*eta**2/3
    >>> parse_formula("2.5e-1*(1 + 5/n)^(L - 1)")
    (1 + 5/n)**(L - 1)/4
    """
    _check_text(text, name)
    try:
        with bounded():
            return _parser().parse(text)
    except _Misplaced as error:
        misplaced = error
    except UnexpectedToken as error:
        misplaced = _misplaced_token(error, text)
    except UnexpectedInput as error:
        misplaced = _foreign_character(error, text)
    place = f"at character {misplaced.position + 1}"
    raise _refused(text, name, f"{place}, {misplaced.what}", misplaced.fix)


def read_formula(value: Any, *, name: str = "formula") -> Expr:
    """A formula from text, a SymPy expression or a number, in the symbols of `theory.symbols`.

    Text is parsed by `parse_formula`.  In an expression, symbols of the right names with other
    assumptions are replaced by ours, and a Float is read as its shortest decimal; a number of
    mpmath is exact.  Raises
    `InvalidArgument` for what `parse_formula` would refuse, and for anything else.

    >>> from sympy import Symbol
    >>> read_formula(Symbol("eta") ** 2 * Symbol("L") ** 3 * 0.5)
    L**3*eta**2/2
    >>> read_formula(0.1)
    1/10
    """
    if isinstance(value, str):
        return parse_formula(value, name=name)
    if not isinstance(value, Expr) and (isinstance(value, Real | Decimal) or is_decimal(value)):
        value = exact_number(name, value)
    elif not isinstance(value, Expr) and is_decimal(value) and isfinite(value):
        value = Rational(*to_rational(value._mpf_))
    if not isinstance(value, Expr):
        raise InvalidArgument(
            f"expected a formula in {_LISTED} for {name}, got an object of type "
            f"{type(value).__name__}; give text, a sympy expression or a number"
        )
    try:
        return read_expression(value)
    except Refused as error:
        raise InvalidArgument(
            f"expected a formula in {_LISTED} for {name}, got an expression with {error.what}; "
            f"{error.fix}"
        ) from None


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_FormulaBuilder())


def _check_text(text: object, name: str) -> None:
    if not isinstance(text, str):
        raise InvalidArgument(
            f"expected text for {name}, got {name}={typed(text)}; give a formula in {_LISTED}"
        )
    if len(text) > MAX_LENGTH:
        raise _refused(
            text, name, f"which has {len(text)} characters", f"give at most {MAX_LENGTH}"
        )
    if not text.strip():
        raise _refused(text, name, "which is empty", "give a formula such as 'eta**2*L**3/3'")


def _refused(text: str, name: str, what: str, fix: str) -> InvalidArgument:
    return InvalidArgument(
        f"expected a formula in {_LISTED} for {name}, got {name}={typed(text[:80])}, {what}; {fix}"
    )


def _misplaced_token(error: UnexpectedToken, text: str) -> _Misplaced:
    """What a token that does not fit means, such as a product without a sign."""
    token = error.token
    if token.type == "$END":
        return _Misplaced(
            len(text), "the formula ends too early", "complete it, or close a bracket"
        )
    position, written = error.pos_in_stream or 0, repr(str(token)[:20])
    if token.type in _OPENING and error.expected & {"OVER", "PLUS"}:
        before = error.token_history[-1] if error.token_history else token
        unknown = _unknown_name(str(before)) if before.type == "NAME" else None
        if unknown:
            return _Misplaced(before.start_pos or 0, *unknown)
        return _Misplaced(
            position, f"{written} follows without an operator", "write products with *"
        )
    if token.type == "RPAR" and "$END" in error.expected:
        return _Misplaced(position, "a bracket closes that was not opened", "leave it out")
    return _Misplaced(position, f"{written} does not fit", "give a number, a symbol or a bracket")


def _foreign_character(error: UnexpectedInput, text: str) -> _Misplaced:
    position = error.pos_in_stream or 0
    character = text[position]
    named = unicodedata.name(character, "a control character")
    what = f"the character U+{ord(character):04X} ({named}) is not part of a formula"
    fix = f"write it with {_LISTED}, digits and + - * / ^ ( )"
    return _Misplaced(position, what, _CHARACTERS.get(character, fix))


# What each rule of the grammar means


class _Misplaced(Exception):
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
        raise _Misplaced(position, error.what, error.fix) from None


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
class _FormulaBuilder(Transformer[Token, Any]):
    """What each rule of the grammar means, applied while the text is parsed.

    Raises `_Misplaced` for names that are not known and for expressions that are refused.
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
        unknown = _unknown_name(str(name))
        if unknown:
            raise _Misplaced(position, *unknown)
        return _atom(leaf(_SPELLINGS[str(name)]), position)

    def call(self, name: Token, argument: _Product) -> _Product:
        """sqrt, exp or log of an argument."""
        position = int(name.start_pos or 0)
        if name in ("sqrt", "√"):
            return (_Factor(_part(argument), leaf(_HALF), position),)
        if name not in ("exp", "log"):
            raise _Misplaced(position, *_unknown_function(str(name)))
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
        raise _Misplaced(position, f"a number of more than {MAX_DIGITS} digits", fix)
    whole, _, decimals = mantissa.partition(".")
    scale = int(tens) - len(decimals)
    number = Rational(int(whole + decimals)) * Rational(10) ** scale
    return leaf(number)


def _unknown_name(name: str) -> tuple[str, str] | None:
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
