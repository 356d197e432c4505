r"""This module parses formulas by a grammar of our own, and never evaluates text.

    sum:      products, added and subtracted        product:  factors, multiplied and divided
    factor:   a power with any signs before it      power:    an atom, ``**`` or ``^``, a factor
    atom:     a number, a symbol, (sum), \frac{sum}{sum}, and sqrt, exp, log, binomial and Sum

A sign binds less tightly than a power, as in Python.  Factors may stand side by side where the text
has one reading: η² L³/3 and 3(n + 1).  A text with two readings (1/2L, n(n + 1), 2^3^L) is refused,
and the message writes both out.  `theory.formulas.text.tokens` lists the spellings.

A product or sum is built at once.  A factor keeps its base and exponent apart until the product it
stands in is known, so that 1/sqrt(x) is x**(-1/2) and 1/(2*(n + 1)) keeps its denominator factored,
as they are printed.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from numbers import Real
from typing import Any

from mpmath.libmp import to_rational
from sympy import Expr, Rational

from theory.errors import InvalidArgument
from theory.formulas.bounds import FORMULA_SYMBOLS, Refused, bounded
from theory.formulas.expressions import read_expression
from theory.formulas.text.refusals import Ambiguous, Misplaced, meant
from theory.formulas.text.rules import Parser
from theory.formulas.text.tokens import Foreign
from theory.precision import isfinite
from theory.validation import exact_number, is_decimal, typed

__all__ = ["MAX_LENGTH", "parse_formula", "read_formula"]

MAX_LENGTH = 4000
"""Characters of a formula."""

_LISTED = ", ".join(FORMULA_SYMBOLS)
_LONGEST_OFFER = 80
"""Characters of a text for which the message offers a correction."""
_CORRECTIONS = (
    (
        r"\s*(?:[-+−±]|\\pm)\s*(?:[OoΘΩ]|\\?Theta|\\?Omega|\\mathcal{O})"
        r"\((?:[^()]|\([^()]*\))*\)(?=\s*(?:$|[-+)]))",
        "",
    ),
    (
        r"\bsum\(\[?(.+?) for (\w+) in range\((\w+), ?([^(),]+?) ?\+ ?1\)\]?\)",
        r"Sum(\1, (\2, \3, \4))",
    ),
    (r"^[^=]*[^=<>!]=(?!=)", ""),
    (r"[–—‐]", "-"),
    (r"[÷∕⁄／]|//", "/"),
    (r"[∗•＊]", "*"),
    (r"[\u00a0\u2009\u202f\u3000~]", " "),
    (r"\b(?:Rational|Fraction)\((\d+), ?(\d+)\)", r"(\1/\2)"),
    (r"\b(?:np\.)?(?:pow|power|Power)[\[(]([^,()]+), *([^,()]+)[\])]", r"(\1)**(\2)"),
    (r"(?<=\d),(?=\d{1,2}(?!\d))", "."),
    (r"[\[{]", "("),
    (r"[\]}]", ")"),
    (r"\b(?:N|width)\b", "n"),
    (r"\b(?:depth|layers)\b", "L"),
    (r"\b(?:lr|ETA|Eta)\b", "eta"),
    (r"\b(?:alpha|slope)\b|α", "a"),
    (r"\bE(?=\s*(?:\^|\*\*))", "e"),
    (r"\bEXP\b", "exp"),
    (r"\b(?:LOG|LN|Ln)(?=\()", "log"),
    (r"\bsqrt(\d+)\b", r"sqrt(\1)"),
    (r"\b(ell|eta|n_0|[nLtaB])(sqrt|exp|log|ln)(?=\()", r"\1*\2"),
    (r"\b(Sum)\(([^,]+),\s*(\w+),([^,]+),([^,()]+)\)", r"\1(\2, (\3,\4,\5))"),
    (r"\bSQRT\b", "sqrt"),
    (r"\b(sqrt|exp|log)\s*-\s*(\w+)", r"\1(-\2)"),
    (r"[.,;\s]+$", ""),
)
"""Patterns that belong to no formula, with the probable meaning."""


def parse_formula(text: str, *, name: str = "formula") -> Expr:
    """The expression that ``text`` spells, in the symbols of `theory.symbols`.

    Decimals are exact.  Raises `InvalidArgument`, with the place in the text, for anything but a
    formula of bounded size in `FORMULA_SYMBOLS` with sqrt, exp, log, and sums and binomial
    coefficients with closed forms; for a text with two readings, with both; and for values that are
    not finite or not real for any values of the symbols.  ``name`` is the argument's name in the
    message.

    >>> parse_formula("η² L^3/3")
    L**3*eta**2/3
    >>> parse_formula("2.5e-1*(1 + 5/n)^(L - 1)")
    (1 + 5/n)**(L - 1)/4
    """
    _check_text(text, name)
    try:
        return _parsed(text)
    except Misplaced as error:
        place = f"at character {error.position + 1}"
        offer = "" if isinstance(error, Ambiguous) else _correction(text)
        raise _refused(text, name, f": {place}, {error.what}", error.fix + offer) from None


def read_formula(value: Any, *, name: str = "formula") -> Expr:
    """A formula from text, a SymPy expression or a number, in the symbols of `theory.symbols`.

    Text is parsed by `parse_formula`.  In an expression, symbols of the right names with other
    assumptions are replaced by ours, and a Float is read as its shortest decimal; a number of
    mpmath is exact.  Raises
    `InvalidArgument` for a text that `parse_formula` refuses, and for other values.

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


def _check_text(text: object, name: str) -> None:
    if not isinstance(text, str):
        raise InvalidArgument(
            f"expected text for {name}, got {name}={typed(text)}; give a formula in {_LISTED}"
        )
    if len(text) > MAX_LENGTH:
        raise _refused(
            text, name, f", which has {len(text)} characters", f"give at most {MAX_LENGTH}"
        )
    if not text.strip():
        raise _refused(text, name, ", which is empty", "give a formula such as 'eta**2*L**3/3'")


def _refused(text: str, name: str, what: str, fix: str) -> InvalidArgument:
    return InvalidArgument(
        f"expected a formula in {_LISTED} for {name}, got {name}={typed(text[:80])}{what}; {fix}"
    )


def _parsed(text: str) -> Expr:
    try:
        with bounded():
            return Parser(text).formula()
    except Foreign as error:
        raise _foreign_character(text, error.position) from None


def _correction(text: str) -> str:
    """The formula that a refused text probably means; empty where none is known."""
    if len(text) > _LONGEST_OFFER:
        return ""
    corrected = text
    for pattern, replacement in _CORRECTIONS:
        corrected = re.sub(pattern, replacement, corrected)
    missing = corrected.count("(") - corrected.count(")")
    corrected = corrected.strip() + ")" * missing if missing >= 0 else corrected[:missing].strip()
    try:
        _parsed(corrected)
    except Misplaced:
        return ""
    return f"; perhaps you mean {corrected!r}"


def _foreign_character(text: str, position: int) -> Misplaced:
    character = text[position]
    named = unicodedata.name(character, "a control character")
    what = f"the character U+{ord(character):04X} ({named}) is not part of a formula"
    fix = meant(text[position:].lstrip("\\")[:1])
    return Misplaced(position, what, fix or f"write it with {_LISTED}, digits and + - * / ^ ( )")
