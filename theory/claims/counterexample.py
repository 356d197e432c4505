"""What theory says of a claim, and where a formula is not the law."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr, Rational

from theory.algebra.numerals import number_text
from theory.claims.search import Difference
from theory.claims.target import Point, point_name
from theory.formulas.evaluation import DECIMALS, DIGITS, Number, decimal
from theory.outcome import Outcome

__all__ = [
    "Counterexample",
    "TheoryVerdict",
    "number_in_words",
    "numbers_in_words",
    "values_in_words",
]


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


def number_in_words(value: Number | None) -> str:
    """A value: exact where it is rational and short, else in ten digits."""
    if value is None:
        return "no value"
    if isinstance(value, Fraction):
        return number_text(Rational(value.numerator, value.denominator))
    return str(DECIMALS.nstr(value, 10))


def numbers_in_words(one: Number | None, two: Number) -> tuple[str, str]:
    """Two different values: as `number_in_words`, with more digits where these do not tell them
    apart.

    >>> from mpmath import mpf
    >>> numbers_in_words(mpf("1.732050807570"), mpf("1.732050807568"))
    ('1.73205080757', '1.732050807568')
    """
    words = number_in_words(one), number_in_words(two)
    for digits in range(15, DIGITS + 1, 5):
        if one is None or one == two or len({text.partition(" (")[0] for text in words}) == 2:
            break
        words = DECIMALS.nstr(decimal(one), digits), DECIMALS.nstr(decimal(two), digits)
    return words


def values_in_words(example: Counterexample) -> str:
    """Both values at a counterexample."""
    mine, law = numbers_in_words(example.formula, example.law)
    if example.limits:
        return f"{example.where}: leading terms {mine} (formula) and {law} (law)"
    return f"{example.where}: {mine} (formula) and {law} (exact)"
