"""This module parses formulas by a grammar of our own, and never evaluates text.

    sum:      products, added and subtracted        product:  factors, multiplied and divided
    factor:   a power with any signs before it      power:    an atom, ``**`` or ``^``, a factor
    atom:     a number, a symbol, (sum), sqrt(sum), exp(sum), log(sum)

A sign binds less tightly than a power, and powers group from the right, as in Python.  What is
typeset may be pasted: η, ℓ and n₀ for eta, ell and n_0, · and × for *, − for -, √ for sqrt, and
superscript integers.  Everything else is refused, an omitted * included.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from functools import cache
from numbers import Real
from typing import Any

from lark import Lark, UnexpectedInput, UnexpectedToken
from mpmath.libmp import to_rational
from sympy import Expr, Rational

from theory.errors import InvalidArgument
from theory.formulas.bounds import Refused, bounded
from theory.formulas.builder import FORMULA_SYMBOLS, FormulaBuilder, Misplaced, unknown_name
from theory.formulas.expressions import read_expression
from theory.precision import isfinite
from theory.validation import exact_number, is_decimal, typed

__all__ = ["MAX_LENGTH", "parse_formula", "read_formula"]

MAX_LENGTH = 4000
"""Characters of a formula."""

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
    except Misplaced as error:
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
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=FormulaBuilder())


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


def _misplaced_token(error: UnexpectedToken, text: str) -> Misplaced:
    """What a token that does not fit means, such as a product without a sign."""
    token = error.token
    if token.type == "$END":
        return Misplaced(len(text), "the formula ends too early", "complete it, or close a bracket")
    position, written = error.pos_in_stream or 0, repr(str(token)[:20])
    if token.type in _OPENING and error.expected & {"OVER", "PLUS"}:
        before = error.token_history[-1] if error.token_history else token
        unknown = unknown_name(str(before)) if before.type == "NAME" else None
        if unknown:
            return Misplaced(before.start_pos or 0, *unknown)
        return Misplaced(
            position, f"{written} follows without an operator", "write products with *"
        )
    if token.type == "RPAR" and "$END" in error.expected:
        return Misplaced(position, "a bracket closes that was not opened", "leave it out")
    return Misplaced(position, f"{written} does not fit", "give a number, a symbol or a bracket")


def _foreign_character(error: UnexpectedInput, text: str) -> Misplaced:
    position = error.pos_in_stream or 0
    character = text[position]
    named = unicodedata.name(character, "a control character")
    what = f"the character U+{ord(character):04X} ({named}) is not part of a formula"
    fix = f"write it with {_LISTED}, digits and + - * / ^ ( )"
    return Misplaced(position, what, _CHARACTERS.get(character, fix))
