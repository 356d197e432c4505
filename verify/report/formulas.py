"""What the page asks of theory: the law as MathML, exact curves, and code for the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from markupsafe import Markup

from theory.exposition.source_code import JAVASCRIPT, source_code
from theory.laws.update import squared_update
from theory.networks.mlp import MLP
from theory.rates.rate import maximal_learning_rate
from theory.symbols import L
from verify.report.mathml import closed_form_rows, math, with_factor

__all__ = ["Formulas", "Validity", "browser_code", "exact_rates", "formulas", "law_rates"]

TOLERANCE = "1/10"
"""Within which the law of the rate is said to hold."""


@dataclass(frozen=True)
class Validity:
    """Where the law's rate is within ``tolerance`` of the exact one: as the width grows, from
    ``depth`` to ``ratio`` of the width; below ``width`` at no depth."""

    tolerance: float
    width: int
    depth: int
    ratio: float


@dataclass(frozen=True)
class Formulas:
    """The law as insides of ``math`` elements; ``label``, ``output``: rows of (name, value)."""

    update: Markup
    rate: Markup
    label: Sequence[tuple[Markup, Markup]]
    output: Sequence[tuple[Markup, Markup]]
    label_joint: Markup
    output_joint: Markup
    validity: Validity


@lru_cache(maxsize=1)
def formulas() -> Formulas:
    """Derived for ReLU networks of every width and depth."""
    update, rate = squared_update(MLP()), maximal_learning_rate(MLP())
    where = rate.validity(TOLERANCE)
    return Formulas(
        update=math(update.leading()),
        rate=math(rate.leading()),
        label=closed_form_rows(update.label.exact, "AB"),
        output=closed_form_rows(update.output.exact, "CD"),
        label_joint=with_factor(update.label.joint_limit()),
        output_joint=with_factor(update.output.joint_limit()),
        validity=Validity(
            float(where.tolerance), where.least_width, where.least_depth, where.ratio
        ),
    )


def browser_code() -> str:
    """JavaScript functions of (n, L): logarithms of the update, its parts, the rate and its law."""
    return source_code(maximal_learning_rate(MLP()), JAVASCRIPT)


def exact_rates(width: int, depths: Sequence[int]) -> Any:
    """The exact maximal rate at ``depths``, an array; 0 where it is below float64."""
    with np.errstate(under="ignore"):
        return np.exp(-squared_update(MLP()).lambdify().log(width, np.asarray(depths)) / 2)


def law_rates(depths: Sequence[int]) -> list[float]:
    """The law's rate at ``depths``."""
    law = maximal_learning_rate(MLP()).leading()
    return [float(law.subs(L, int(depth))) for depth in depths]
