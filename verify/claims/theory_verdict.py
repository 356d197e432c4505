"""A claim decided by theory: as an identity in the sizes, or as a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from sympy import Expr, Integer, Rational, Symbol

from theory import NotSolved
from theory.symbols import eta
from verify.claims.differences import find_difference
from verify.claims.evaluation import Number, close, quotient
from verify.claims.formula import EXACT_TOLERANCE
from verify.claims.limits import Unknown, joint_term, leading_term
from verify.claims.monomial import Function
from verify.claims.normal_form import NormalForm, NotNormal, normal_form
from verify.claims.reading import Reading
from verify.claims.search import Difference, Search, evaluated, function_of, remembered
from verify.claims.target import Claim, Point, point_name
from verify.claims.terms import term_difference
from verify.claims.variants import Kind
from verify.verdict import Outcome

__all__ = ["Counterexample", "TheoryVerdict", "decide_by_theory"]

_SCREEN = 8
_MOST_POINTS = 240
_DEPTHS, _WIDTHS = 6, 8


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


def decide_by_theory(reading: Reading, claim: Claim) -> TheoryVerdict:
    """Whether ``claim`` holds of the formula, for the target it is read for."""
    try:
        return _decided(reading, claim)
    except NotSolved as reason:
        return TheoryVerdict(Outcome.UNDECIDED, f"the law itself is not known here: {reason}")


def _decided(reading: Reading, claim: Claim) -> TheoryVerdict:
    points = list(islice(reading.target.points(_DEPTHS, _WIDTHS), _MOST_POINTS))
    if reading.formula.has_rate:
        for point in points[:_SCREEN]:
            found = _not_quadratic(reading, point)
            if found is not None:
                return found
    return _exact(reading, points) if claim is Claim.EXACT else _limit(reading, claim)


def _not_quadratic(reading: Reading, point: Point) -> TheoryVerdict | None:
    """The verdict on a formula that names eta and is not proportional to eta^2."""
    one, two = (reading.original(point, rate) for rate in (1, 2))
    if not one or two is None or close(two, quotient(one, Fraction(1, 4)), reading.tolerance):
        return None
    law = 4 * reading.target.value(point)
    example = Counterexample({**point, eta: Integer(2)}, two, law)
    difference = Difference(Kind.POWER, _power_of_rate(quotient(two, one)))
    reason = "one step of rate eta moves a pre-activation in proportion to eta"
    return TheoryVerdict(Outcome.REJECTED, reason, example, difference)


def _power_of_rate(growth: Number) -> str:
    """Of a formula that grows so much when eta is doubled."""
    power = next((k for k in range(7) if growth == 2**k), None)
    return f"it is not proportional to eta**2{'' if power is None else f' but to eta**{power}'}"


def _exact(reading: Reading, points: list[Point]) -> TheoryVerdict:
    screen = points[:: max(1, len(points) // _SCREEN)]
    right = all(_equal(reading, point) is True for point in screen)
    if right and reading.target.coordinates and _proven(reading):
        return TheoryVerdict(Outcome.CONSISTENT, "identical, proven for all sizes")
    return _scanned(reading, points)


def _scanned(reading: Reading, points: list[Point]) -> TheoryVerdict:
    """The verdict from values alone: the first point where they differ, or that there is none."""
    undefined = None
    for point in points:
        same = _equal(reading, point)
        if same is False:
            return _rejected(reading, point)
        undefined = undefined if same is not None else undefined or point
    if undefined is not None:
        where = point_name(undefined)
        return TheoryVerdict(
            Outcome.UNDECIDED, f"equal wherever it has a value, but it has none at {where}"
        )
    number = f"{len(points)} points with depths to {_DEPTHS} and widths to {_WIDTHS}"
    said = f"equal at all {number}" if reading.target.coordinates else "equal"
    return TheoryVerdict(Outcome.CONSISTENT, f"{said}{reading.closeness}")


def _equal(reading: Reading, point: Point) -> bool | None:
    """Whether formula and law agree at a point; None where the formula has no value."""
    value = reading.value(point)
    if value is None:
        return None
    law = reading.target.value(point)
    return close(value, law, reading.tolerance)


def _proven(reading: Reading) -> bool:
    """Whether the difference has no term in normal form; False where that is not known."""
    form = _form(reading.lifted)
    try:
        return form is not None and not form - normal_form(reading.target.exact())
    except (NotNormal, NotSolved):
        return False


def _form(expression: Expr | None) -> NormalForm | None:
    try:
        return None if expression is None else normal_form(expression)
    except NotNormal:
        return None


def _rejected(reading: Reading, point: Point) -> TheoryVerdict:
    law = reading.target.value(point)
    example = Counterexample(point, reading.original(point), reading.unlifted(law))
    difference = _what_is_off(reading, Claim.EXACT, reading.value, reading.lifted)
    return TheoryVerdict(Outcome.REJECTED, "not the exact law", example, difference)


def _what_is_off(
    reading: Reading, claim: Claim, yours: Function, expression: Expr | None
) -> Difference | None:
    search = Search(reading.target, claim, remembered(yours), reading.tolerance)
    found = find_difference(search)
    return found or term_difference(expression, reading.target, claim)


def _limit(reading: Reading, claim: Claim) -> TheoryVerdict:
    law = _law(reading, claim)
    try:
        if reading.lifted is None:
            raise Unknown
        term = (
            leading_term(reading.lifted) if claim is Claim.LEADING else joint_term(reading.lifted)
        )
        same = not normal_form(term) - normal_form(law)
    except (Unknown, NotNormal):
        return TheoryVerdict(Outcome.UNDECIDED, "its limit was not found")
    if same:
        return TheoryVerdict(
            Outcome.CONSISTENT, "formula over exact value tends to 1", leading=term
        )
    return _wrong_limit(reading, claim, term)


def _law(reading: Reading, claim: Claim) -> Expr:
    return reading.target.leading() if claim is Claim.LEADING else reading.target.joint()


def _wrong_limit(reading: Reading, claim: Claim, term: Expr) -> TheoryVerdict:
    yours = evaluated(term)
    difference = _what_is_off(reading, claim, yours, term)
    truth = function_of(reading.target, claim)
    example = None
    shown = term.free_symbols | _law(reading, claim).free_symbols
    points = Search(reading.target, claim, yours, EXACT_TOLERANCE).points
    for point in sorted(points, key=_size):
        mine, law = yours(point), truth(point)
        if law is not None and (mine is None or not close(mine, law, EXACT_TOLERANCE)):
            named = {s: v for s, v in point.items() if s in shown}
            pair = (reading.unlifted(mine), reading.unlifted(law))
            example = Counterexample(named, pair[0], pair[1], limits=True)
            break
    reason = "formula over exact value does not tend to 1"
    return TheoryVerdict(Outcome.REJECTED, reason, example, difference, term)


def _size(point: Mapping[Symbol, Rational]) -> tuple[Rational, ...]:
    return tuple(point.values())
