"""Tokens are the words of a formula, as Python, LaTeX, Mathematica and papers spell them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from theory.formulas.bounds import FORMULA_SYMBOLS
from theory.symbols import ell, eta, n_0

__all__ = ["FUNCTIONS", "SPELLINGS", "Foreign", "Token", "on_the_line", "tokens"]

SPELLINGS = FORMULA_SYMBOLS | {
    **dict.fromkeys(("l", "ℓ", r"\ell"), ell),
    **dict.fromkeys(("n0", "n₀", "n_{0}"), n_0),
    **dict.fromkeys(("η", r"\eta", r"\[Eta]"), eta),
}
"""The symbols by all their spellings."""
FUNCTIONS = {
    **dict.fromkeys(("sqrt", "Sqrt"), "sqrt"),
    **dict.fromkeys(("exp", "Exp"), "exp"),
    **dict.fromkeys(("log", "ln", "Log"), "log"),
    **dict.fromkeys(("binomial", "binom", "Binomial", "comb"), "binomial"),
    **dict.fromkeys(("Sum", "sum", "summation"), "Sum"),
}
"""The functions by all their spellings."""
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᐟⁿᴸᵗ", "0123456789+-()/nLt")
_OTHER_WORDS = re.compile("nan|tan|ln", re.IGNORECASE)
"""Letters that spell another word than a product of symbols."""

_TOKEN = re.compile(
    rf"""(?P<SPACE>(?:[ \t\r\n]|\\[,;:!]|\\q?quad(?![A-Za-z]))+)
    |(?P<NUMBER>([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)
    |(?P<FRACTION>[{_FRACTIONS}])
    |(?P<RAISED>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᐟⁿᴸᵗ]+)
    |(?P<FRAC>\\[dt]?frac(?![A-Za-z]))
    |(?P<SERIES>(?:\\sum(?:\\limits)?|[∑Σ]|sum)[ ]?_(?=\{{))
    |(?P<OPEN>(?:\\left|\\[bB]igg?l?)[ ]?[(\[]|[(\[{{])
    |(?P<CLOSE>(?:\\right|\\[bB]igg?r?)[ ]?[)\]]|[)\]}}])
    |(?P<POWER>\*\*|\^)
    |(?P<TIMES>[*×·⋅]|\\(?:cdot|times)(?![A-Za-z]))
    |(?P<OVER>[/⁄])|(?P<PLUS>\+)|(?P<MINUS>[-−])|(?P<ROOT>√)|(?P<COMMA>,)|(?P<EQUALS>=)
    |(?P<NAME>\\\[Eta\]|n_\{{0\}}|\\[A-Za-z]+|ℓ|η
        |(?:(?:np|numpy|math|sp|sympy|jnp|torch)\.(?=[a-z]))?[A-Za-z_][A-Za-z_0-9]*₀?)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A word of a formula, where it stands, and whether white space stands before it."""

    kind: str
    text: str
    start: int
    end: int
    spaced: bool

    @property
    def function(self) -> str | None:
        """The function that a name spells."""
        return FUNCTIONS.get(self.text.rpartition(".")[2].lstrip("\\"))


class Foreign(Exception):
    """A character that belongs to no formula, and its position."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def on_the_line(text: str) -> str:
    """The text with superscripts on the line.

    >>> on_the_line("ⁿ⁻¹")
    'n-1'
    """
    return text.translate(_RAISED)


def tokens(text: str, offset: int = 0) -> Iterator[Token]:
    """The tokens of a text in order, an END after them; superscripts are powers of a bracket.

    >>> [token.text for token in tokens("ηL²")]
    ['η', 'L', '^', '(', '2', ')', '']
    """
    delimited = re.fullmatch(r"\s*(\$\$?)(?P<formula>.*?)\1\s*", text, re.DOTALL)
    first, last = delimited.span("formula") if delimited else (0, len(text))
    yield from _between(text, first, last, offset)
    yield Token("END", "", len(text), len(text), spaced=True)


def _between(text: str, position: int, last: int, offset: int) -> Iterator[Token]:
    spaced = False
    while position < last:
        found = _TOKEN.match(text, position, last)
        if not found:
            raise Foreign(position)
        kind, written = str(found.lastgroup), found.group()
        start, position = position + offset, found.end()
        token = Token(kind, written, start, position + offset, spaced)
        spaced = kind == "SPACE"
        if kind == "RAISED":
            yield Token("POWER", "^", start, start, spaced=False)
            yield Token("OPEN", "(", start, start, spaced=False)
            yield from _between(on_the_line(written), 0, len(written), start)
            yield Token("CLOSE", ")", token.end, token.end, spaced=False)
        elif kind == "NAME":
            yield from _symbols(token)
        elif not spaced:
            yield token


def _symbols(name: Token) -> Iterator[Token]:
    """A name, or the different symbols whose product it spells: nL is n L."""
    parts = re.findall("ell|eta|n_0|n0|[nLtaB]", name.text)
    spells = "".join(parts) == name.text and len(set(parts)) == len(parts)
    if name.text in SPELLINGS or not spells or _OTHER_WORDS.search(name.text):
        parts = [name.text]
    start, spaced = name.start, name.spaced
    for part in parts:
        yield Token("NAME", part, start, start + len(part), spaced)
        start, spaced = start + len(part), False
