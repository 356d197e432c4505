"""A claim decided by theory: an identity here, a limit by `verify.claims.limit_verdict`."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

from sympy import Expr, Integer

from theory import NotSolved
from theory.symbols import eta
from verify.claims.counterexample import Counterexample, TheoryVerdict
from verify.claims.evaluation import Number, close, quotient
from verify.claims.limit_verdict import decide_limit, what_is_off
from verify.claims.normal_form import NormalForm, NotNormal, normal_form
from verify.claims.reading import Reading
from verify.claims.search import Difference
from verify.claims.target import Claim, Point, point_name
from verify.claims.variants import Kind
from verify.verdict import Outcome

__all__ = ["decide_by_theory"]

_SCREEN = 8
_MOST_POINTS = 240
_DEPTHS, _WIDTHS = 6, 8


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
    return _exact(reading, points) if claim is Claim.EXACT else decide_limit(reading, claim)


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
    defined = 0
    for point in points:
        same = _equal(reading, point)
        if same is False:
            return _rejected(reading, point)
        defined += same is not None
        undefined = undefined if same is not None else undefined or point
    if points and not defined:
        return TheoryVerdict(Outcome.UNDECIDED, f"it has no value at any of {len(points)} points")
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
    original = reading.original(point)
    if original is None:
        return None
    value = reading.target.lifted(original)  # None for a rate that is not positive
    return value is not None and close(value, reading.target.value(point), reading.tolerance)


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
    difference = what_is_off(reading, Claim.EXACT, reading.value, reading.lifted)
    return TheoryVerdict(Outcome.REJECTED, "not the exact law", example, difference)
