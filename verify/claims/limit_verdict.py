"""A claimed limit decided by theory: leading terms compared exactly, or within rounding."""

from __future__ import annotations

from fractions import Fraction

from sympy import Expr, Integer, Rational

from theory.precision import workdps
from theory.symbols import L, a, ell, n, n_0, t
from verify.claims.counterexample import Counterexample, TheoryVerdict
from verify.claims.differences import find_difference
from verify.claims.evaluation import DIGITS, Number, close, decimal
from verify.claims.limits import Unknown, joint_term, leading_term
from verify.claims.monomial import Function
from verify.claims.normal_form import NotNormal, normal_form
from verify.claims.reading import Reading
from verify.claims.search import Difference, Search, evaluated, function_of, remembered
from verify.claims.target import Claim, Point, Quantity
from verify.claims.terms import term_difference
from verify.claims.variants import Kind
from verify.verdict import Outcome

__all__ = ["decide_limit", "what_is_off"]

_NOT_1 = "formula over exact value does not tend to 1"
_DEPTHS, _WIDTHS = 6, 8
_TRIED = 8
"""Points at which a function of numbers is tried, about."""
_FAR = {n: Integer(10) ** 30, L: Integer(10) ** 10, ell: Integer(10) ** 10, n_0: Integer(3)}
_FAR |= {t: Integer(2), a: Rational(1, 2)}
"""Sizes at which a rate has the sign of its limit, or of its limit at L/n = t."""


def decide_limit(reading: Reading, claim: Claim) -> TheoryVerdict:
    """Whether formula over exact value tends to 1, in the limit of ``claim``."""
    if reading.per_eta2 is None:
        return _no_limit(reading)
    law = _law(reading, claim)
    if reading.per_eta2 == 0 != law:
        return _not_positive(reading, claim, Integer(0))
    try:
        if reading.lifted is None:
            raise Unknown
        term = (
            leading_term(reading.lifted) if claim is Claim.LEADING else joint_term(reading.lifted)
        )
        same = not normal_form(term) - normal_form(law)
    except (Unknown, NotNormal):
        return TheoryVerdict(Outcome.UNDECIDED, "its limit was not found")
    if _is_negative_rate(reading):
        return _not_positive(reading, claim, term)
    if same or (reading.formula.rounded and _within_rounding(reading, claim, term)):
        reason = f"formula over exact value tends to 1{reading.closeness}"
        return TheoryVerdict(Outcome.CONSISTENT, reason, leading=term)
    return _wrong_limit(reading, claim, term)


def _no_limit(reading: Reading) -> TheoryVerdict:
    """The answer to a function of numbers, tried at small sizes for what it raises."""
    points = list(reading.target.points(_DEPTHS, _WIDTHS))
    tried = points[:: max(1, len(points) // _TRIED)]
    reason = "a function of numbers has no symbolic limit: give an expression or text"
    if all(reading.original(point) is None for point in tried):
        reason = f"it has no value at any of {len(tried)} points"
    return TheoryVerdict(Outcome.UNDECIDED, reason)


def _law(reading: Reading, claim: Claim) -> Expr:
    return reading.target.leading() if claim is Claim.LEADING else reading.target.joint()


def _is_negative_rate(reading: Reading) -> bool:
    """Whether a formula for a rate is negative far out, where it has the sign of its limit: what it
    says of E has forgotten it."""
    if reading.target.quantity is Quantity.UPDATE or reading.per_eta2 is None:
        return False
    value = evaluated(reading.per_eta2)(_FAR)
    return value is not None and value < 0


def _within_rounding(reading: Reading, claim: Claim, term: Expr) -> bool:
    search = Search(reading.target, claim, _decimals(evaluated(term)), reading.tolerance)
    return search.agrees(function_of(reading.target, claim))


def _decimals(function: Function) -> Function:
    def rounded(point: Point) -> Number | None:
        value = function(point)
        return None if value is None else decimal(value)

    return rounded


def _wrong_limit(reading: Reading, claim: Claim, term: Expr) -> TheoryVerdict:
    """The verdict on a formula with the leading ``term`` for E."""
    yours = evaluated(term)
    if reading.formula.rounded:
        yours = _decimals(yours)
    difference = what_is_off(reading, claim, yours, term)
    example = _first(reading, claim, lambda point: reading.unlifted(yours(point)), term)
    return TheoryVerdict(Outcome.REJECTED, _NOT_1, example, difference, term)


def _not_positive(reading: Reading, claim: Claim, term: Expr) -> TheoryVerdict:
    """The verdict on a formula that is 0, or a rate that is negative: ``term`` is that of E."""
    if reading.per_eta2 == 0:
        example = _first(reading, claim, lambda point: Fraction(0), term)
        difference = Difference(Kind.FACTOR, "it is 0")
    else:
        size = evaluated(term)
        example = _first(
            reading, claim, lambda point: _negative(reading.unlifted(size(point))), term
        )
        difference = Difference(Kind.FACTOR, "it is negative")
    return TheoryVerdict(Outcome.REJECTED, _NOT_1, example, difference)


def _negative(value: Number | None) -> Number | None:
    with workdps(DIGITS + 15):
        return None if value is None else -value


def _first(reading: Reading, claim: Claim, yours: Function, term: Expr) -> Counterexample | None:
    """The first point, by depth, then width, then layer, at which a formula's leading values are
    not the law's; for the joint limit at t = L/n."""
    truth = function_of(reading.target, claim)
    shown = term.free_symbols | _law(reading, claim).free_symbols
    if claim is Claim.JOINT:
        shown |= {L, n}
    for point in reading.target.points(_DEPTHS, _WIDTHS):
        mine, law = yours(point), reading.unlifted(truth(point))
        if law is not None and (mine is None or not close(mine, law, reading.tolerance)):
            named = {s: v for s, v in point.items() if s in shown}
            return Counterexample(named, mine, law, limits=True)
    return None


def what_is_off(
    reading: Reading, claim: Claim, yours: Function, expression: Expr | None
) -> Difference | None:
    """The known difference of a wrong formula: ``yours`` is what it, or its leading term, says of E
    at a point, ``expression`` the same as an expression."""
    search = Search(reading.target, claim, remembered(yours), reading.tolerance)
    found = find_difference(search)
    return found or term_difference(expression, reading.target, claim)
