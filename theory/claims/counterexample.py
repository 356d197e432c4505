"""What theory says of a claim, and where a formula is not the law."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr

from theory.claims.search import Difference
from theory.claims.target import Point, point_name
from theory.formulas.evaluation import Number
from verify.inference.verdict import Outcome

__all__ = ["Counterexample", "TheoryVerdict"]


@dataclass(frozen=True)
class Counterexample:
    """Where a formula is not the law: the sizes, and both values; None where it has none.

    ``limits``: whether the values are those of the leading terms there.

    >>> from verify import check
    >>> example = check("L**2/3", claim="leading", simulate=False).counterexample
    >>> example.where, str(example.formula), str(example.law)
    ('L = 2', '4/3', '8/3')
    """

    point: Point
    formula: Number | None
    law: Number
    limits: bool = False

    def __repr__(self) -> str:
        from verify.claims.report import values_in_words

        return f"Counterexample: {values_in_words(self)}"

    @property
    def where(self) -> str:
        """The sizes as text.

        >>> from verify import check
        >>> check("L**2/3", claim="leading", simulate=False).counterexample.where
        'L = 2'
        """
        return point_name(self.point) or "this network"


@dataclass(frozen=True)
class TheoryVerdict:
    """What theory says of a claim, and how it knows.

    ``reason``: a sentence.  ``leading``: the formula's leading term, for limits, where known.
    """

    outcome: Outcome
    reason: str
    counterexample: Counterexample | None = None
    difference: Difference | None = None
    leading: Expr | None = None

    def __repr__(self) -> str:
        return f"TheoryVerdict: {self.outcome.name}: {self.reason}"
