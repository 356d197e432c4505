"""This module writes the page's formulas: the law as MathML, and code for the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from latex2mathml.converter import convert
from markupsafe import Markup
from sympy import Add, Expr, Mul, Symbol, fraction, latex

from theory.exposition.source_code import JAVASCRIPT, source_code
from theory.laws.update import squared_update
from theory.networks.mlp import MLP
from theory.rates.rate import maximal_learning_rate
from theory.rates.validity import Validity

__all__ = ["Formulas", "browser_code", "formulas"]

TOLERANCE = "1/10"
"""The relative error within which the page counts the law of the rate as valid."""
_UPDATE = r"E[(\mathrm{\Delta} z)^2]"


@dataclass(frozen=True)
class Formulas:
    """The law as ``math`` elements: its leading terms, both exact parts, and their joint limits."""

    update: Markup
    rate: Markup
    exact: Sequence[Markup]
    joint: Sequence[Markup]
    validity: Validity


@lru_cache(maxsize=1)
def formulas() -> Formulas:
    """Derived for ReLU networks of every width and depth."""
    update, rate = squared_update(MLP()), maximal_learning_rate(MLP())
    parts = {"label": update.label, "output": update.output}
    return Formulas(
        update=_math(_UPDATE, r"\thicksim", update.leading()),
        rate=_math(r"\eta_{\text{max}}", r"\thicksim", rate.leading()),
        exact=[
            *_rows(_part("label"), update.label.exact, "AB"),
            *_rows(_part("output"), update.output.exact, "CD"),
        ],
        joint=[
            _math(_part(name), r"\thicksim", part.joint_limit()) for name, part in parts.items()
        ],
        validity=rate.validity(TOLERANCE),
    )


def browser_code() -> str:
    """JavaScript functions of (n, L): logarithms of the update, its parts, the rate and its law."""
    return source_code(maximal_learning_rate(MLP()), JAVASCRIPT)


def _part(name: str) -> str:
    return rf"{{{_UPDATE}}}_{{\text{{{name}}}}}"


def _math(left: str, relation: str, right: Expr) -> Markup:
    """A formula as MathML, with the divisor of a long sum as a factor in front."""
    text = latex(right, fold_frac_powers=True, long_frac_ratio=2)
    return Markup(convert(f"{left} {relation} {text}", display="block"))


def _rows(left: str, expression: Expr, letters: str) -> list[Markup]:
    """A product with one long sum: the whole in terms of its summands, and then each of these,
    named by ``letters`` in order."""
    (total,) = (f for f in Mul.make_args(fraction(expression)[0]) if isinstance(f, Add))
    terms = sorted(total.args, key=lambda each: len(str(each)))
    names = [Symbol(letter) for letter in letters]
    whole = _math(left, "=", expression.xreplace({total: Add(*names)}))
    pairs = zip(names, terms, strict=True)
    return [whole, *(_math(name.name, "=", term) for name, term in pairs)]
