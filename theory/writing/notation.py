"""`Math` is a formula written once, as plain text, and rendered for a terminal or for LaTeX.

A sentence holds its formulas between dollar signs, spelled as in a terminal:
``$E (f - y)² = 1 + f²$``.  Plain text drops the dollar signs; LaTeX spells the formula between
them its own way.  Code stands between backticks; LaTeX sets it in typewriter letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Rational, latex

from theory.algebra.numerals import decimal_text, digit_count, formula_text, number_text
from theory.symbols import n_in, n_out

__all__ = ["Math", "escaped", "expression_latex", "math_latex", "prose_latex", "prose_text"]

_LONGEST = 25
"""Digits that a number is written with in full in LaTeX."""
_LONGEST_FACTOR = 2000
"""Digits of a number in front of a formula that is written in full."""

_SIGNS = {
    "Δ": r"\Delta ",
    "α": r"\alpha ",
    "τ": r"\tau ",
    "η": r"\eta ",
    "σ": r"\sigma ",
    "λ": r"\lambda ",
    "μ": r"\mu ",
    "β": r"\beta ",
    "ℓ": r"\ell ",
    "½": r"\tfrac{1}{2}",
    "·": r"\,",
    "→": r"\to ",
    "∞": r"\infty ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "±": r"\pm ",
    "∂": r"\partial ",
    "Σ": r"\sum ",
    "~": r"\sim ",
    "≈": r"\approx ",
    "ᵀ": r"^{\mathsf T}",
    "|": r"\vert ",
    "%": r"\%",
}
_NAMES = {
    "E": r"\mathbb{E}",
    "N": r"\mathcal{N}",
    "tr": r"\operatorname{tr}",
    "ell": r"\ell ",
    "eta": r"\eta ",
    "df": r"\mathrm{d}f",
    "dz": r"\mathrm{d}z",
}
_PRINTER = {
    "long_frac_ratio": 2,
    "fold_frac_powers": True,
    "symbol_names": {n_in: r"n_{\mathrm{in}}", n_out: r"n_{\mathrm{out}}"},
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(
    r"(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)|\^\((?P<upper>[^()]*)\)(?P<across>ᵀ?)|_(?P<lower>[A-Za-z0-9]+)"
    r"|(?<=\d)e(?P<ten>[+-]?\d+)|\*\*(?P<exponent>\w+)|(?P<times>\*)|(?P<name>[A-Za-z]+)|(?P<sign>.)"
)
_SPAN = re.compile(r"\$(?P<formula>[^$]*)\$|`(?P<code>[^`]*)`|(?P<words>[^$`]+)")


@dataclass(frozen=True)
class Math:
    """One formula in both spellings."""

    text: str
    latex: str

    @classmethod
    def of(cls, expression: Expr) -> Math:
        r"""A SymPy expression; a long number is given as a decimal with the length of the exact
        one.

        >>> from theory.symbols import L
        >>> Math.of(L**3 / 3)
        Math(text='L**3/3', latex='\\frac{L^{3}}{3}')
        """
        if expression.is_Rational:
            return cls(number_text(expression), _number(expression))
        number, rest = expression.as_coeff_Mul()
        if number.is_Rational and _digits(number) > _LONGEST_FACTOR:
            return cls.of(number) + cls("*", r"\,") + cls.of(rest)
        return cls(formula_text(expression), expression_latex(expression, **_PRINTER))

    @classmethod
    def spelled(cls, text: str) -> Math:
        """A formula spelled for a terminal."""
        return cls(text, math_latex(text))

    def __add__(self, other: Math) -> Math:
        return Math(self.text + other.text, self.latex + other.latex)


def expression_latex(expression: Expr, **options: Any) -> str:
    r"""LaTeX of an expression, with a dot between a number and the power of another number.

    >>> from sympy import Float, Symbol
    >>> print(expression_latex(Float("2.5") * Float("1.5") ** Symbol("L")))
    2.5 \cdot {1.5}^{L}
    """
    return re.sub(r"(?<=\d) (?=\{\d)", r" \\cdot ", latex(expression, **options))


def math_latex(text: str) -> str:
    r"""A formula spelled for a terminal, in LaTeX.

    >>> print(math_latex("E tr(A²) ≤ |x|⁴"))
    \mathbb{E} \operatorname{tr}(A^{2}) \le  \vert x\vert ^{4}
    >>> print(math_latex("1.5e-12"))
    1.5 \times 10^{-12}
    """
    return _TOKEN.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    found = match.groupdict()
    if found["power"]:
        return f"^{{{found['power'].translate(_RAISED)}}}"
    if found["upper"]:
        across = r"\mathsf T" if found["across"] else ""
        return f"^{{({math_latex(found['upper'])}){across}}}"
    if found["lower"]:
        lower = found["lower"]
        return rf"_{{\mathrm{{{lower}}}}}" if lower in ("in", "out") else f"_{{{lower}}}"
    if found["exponent"]:
        return f"^{{{found['exponent']}}}"
    if found["ten"]:
        return rf" \times 10^{{{int(found['ten'])}}}"
    if found["times"]:
        return " "
    if found["name"]:
        return _NAMES.get(found["name"], found["name"])
    return _SIGNS.get(found["sign"], found["sign"])


def prose_text(prose: str) -> str:
    """A sentence for a terminal.

    >>> prose_text("one step moves $z$ by $Δz$")
    'one step moves z by Δz'
    """
    return prose.replace("$", "")


def prose_latex(prose: str) -> str:
    r"""A sentence in LaTeX; code between backticks may break after a bracket.

    >>> print(prose_latex("one step moves $z$ by $Δz$, in 2 % of cases"))
    one step moves $z$ by $\Delta z$, in 2 \% of cases
    >>> print(prose_latex("`squared_update(MLP(width=64))` is long"))
    \texttt{squared\_update(\allowbreak MLP(\allowbreak width=64))} is long
    """
    return _SPAN.sub(_span_latex, prose)


def _span_latex(match: re.Match[str]) -> str:
    if match["formula"] is not None:
        return f"${math_latex(match['formula'])}$"
    if match["code"] is not None:
        code = escaped(match["code"]).replace("(", r"(\allowbreak ")
        return rf"\texttt{{{code}}}"
    return escaped(match["words"])


def escaped(text: str) -> str:
    """Plain text with the characters escaped that LaTeX reads as commands."""
    spelled = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(spelled.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)


def _number(number: Rational) -> str:
    if _digits(number) <= _LONGEST:
        return str(latex(number))
    mantissa, _, exponent = decimal_text(number).partition("e")
    written = rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa
    return rf"{written}\ldots"


def _digits(number: Rational) -> int:
    return digit_count(max(abs(int(number.p)), 1)) + digit_count(int(number.q))
