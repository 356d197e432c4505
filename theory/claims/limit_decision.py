"""A claimed limit decided by theory: the leading terms of formula and law, compared exactly."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from sympy import Expr, Integer, Rational

from theory.claims.counterexample import Counterexample, TheoryVerdict
from theory.claims.differences import find_difference
from theory.claims.monomial import Function
from theory.claims.reading import Reading
from theory.claims.search import Difference, Search, evaluated, function_of, remembered
from theory.claims.target import Claim, Point, Quantity, sizes
from theory.claims.terms import term_difference
from theory.claims.variants import Kind
from theory.formulas.evaluation import Number, close, decimal, mpf, quotient
from theory.formulas.leading_terms import LeadingTerm, joint_term, leading_term
from theory.formulas.normal_form import (
    NOT_DECIDED,
    NotNormal,
    mixes_exponentials_with_roots,
    why,
)
from theory.formulas.rate_sign import sign_far_out
from theory.outcome import Outcome
from theory.symbols import L, a, ell, eta, n, n_0, t

__all__ = ["OTHER_RATES", "agree", "decide_limit", "rate_difference", "what_is_off"]

_NOT_1 = "formula over exact value does not tend to 1"
_DEPTHS, _WIDTHS = 6, 8
OTHER_RATES = (Fraction(2), Fraction(3), Fraction(1, 3))
"""Values of eta, besides 1, at which a formula that names eta is tried."""
_TRIED = 8
"""Points at which a function of numbers is tried, about."""
_FAR_DEPTH, _FAR_WIDTH = Integer(10**4), Integer(10**12)
_AS_A_FUNCTION = "; a function is tried at numbers, and nothing is proven for it"


def decide_limit(reading: Reading, claim: Claim) -> TheoryVerdict:
    """Whether formula over exact value tends to 1, in the limit of ``claim``."""
    if reading.expression is None:
        return _of_function(reading, claim)
    if reading.expression == 0:
        return _not_positive(reading, claim, Integer(0))
    target = reading.target
    law = target.leading() if claim is Claim.LEADING else target.joint()
    find = leading_term if claim is Claim.LEADING else joint_term
    assert reading.claimed is not None
    try:
        formula = reading.claimed
        if claim is Claim.LEADING:
            formula = formula.xreplace({t: sizes(target)[t]})
            if mixes_exponentials_with_roots(formula):
                raise NotNormal("it holds an exponential beside a root")
        mine, theirs = find(formula).over(reading.unit), find(law)
        right = mine.equals(theirs) or (
            reading.formula.rounded and _within_rounding(reading, claim, mine.expression)
        )
        if not right and target.layer == ell and isinstance(target.network.depth, int):
            raise NotNormal("the layer is open in a network whose depth is a number")
        if not right and reading.formula.rounded and _is_near(reading, claim):
            raise NotNormal("its floats are rounded, and the term that is off is as small")
    except NOT_DECIDED as reason:
        return TheoryVerdict(Outcome.UNDECIDED, f"its limit is not decided: {why(reason)}")
    term = mine.expression
    if target.quantity is Quantity.RATE:
        sign = _sign(reading, find)
        if sign == -1:
            return _not_positive(reading, claim, term)
        if sign is None and right:
            return TheoryVerdict(Outcome.UNDECIDED, "its square is right, its sign is not proven")
    if right:
        found = f"formula over exact value tends to 1{reading.closeness}"
        return TheoryVerdict(Outcome.CONSISTENT, found, leading=term)
    return _wrong_limit(reading, claim, term)


def _sign(reading: Reading, find: Callable[[Expr], LeadingTerm]) -> int | None:
    assert reading.expression is not None
    try:
        return sign_far_out(reading.expression, find)
    except NOT_DECIDED:
        return None


def _of_function(reading: Reading, claim: Claim) -> TheoryVerdict:
    """The verdict on a function: that on the formula it returned for symbols, if its own values
    agree with it."""
    near = list(reading.target.points(_DEPTHS, _WIDTHS))
    points = [*near, *reading.target.far_points()]
    tried = near[:: max(1, len(near) // _TRIED)]
    values = [reading.original(point) for point in tried]
    if all(value is None for value in values):
        return TheoryVerdict(Outcome.UNDECIDED, f"it has no value at any of {len(tried)} points")
    traced = reading.traced
    if traced is not None and all(agree(reading, traced, point) for point in points):
        found = decide_limit(traced, claim)
        reason = f"{found.reason}{_AS_A_FUNCTION}"
        return TheoryVerdict(
            found.outcome, reason, found.counterexample, found.difference, found.leading
        )
    reason = "a function of numbers has no symbolic limit: give an expression or text"
    return TheoryVerdict(Outcome.UNDECIDED, reason)


def agree(one: Reading, two: Reading, point: Point) -> bool:
    """Whether two formulas have one value at a point, at two values of eta."""
    for rate in (Fraction(1), Fraction(2, 3)):
        mine, other = one.original(point, rate), two.original(point, rate)
        if mine is None or other is None:
            if mine is not other:
                return False
        elif not close(mine, other, one.tolerance):
            return False
    return True


def _within_rounding(reading: Reading, claim: Claim, term: Expr) -> bool:
    search = Search(reading.target, claim, _decimals(evaluated(term)), reading.tolerance)
    return search.agrees(function_of(reading.target, claim))


def _is_near(reading: Reading, claim: Claim) -> bool:
    """Whether the formula is within a hundredth of the law's leading term far out, where a term
    that rounding left over is still small."""
    depth = _FAR_DEPTH if claim is Claim.LEADING else _FAR_WIDTH
    values = {n: _FAR_WIDTH, L: depth, ell: depth, n_0: 3, a: Rational(1, 2), t: depth / _FAR_WIDTH}
    at = {symbol: Rational(value) for symbol, value in values.items()}
    mine = evaluated(reading.lifted)(at)
    law = function_of(reading.target, claim)(at)
    return bool(mine and law and close(decimal(mine), law, mpf("0.01")))


def _decimals(function: Function) -> Function:
    def rounded(point: Point) -> Number | None:
        value = function(point)
        return None if value is None else decimal(value)

    return rounded


def _wrong_limit(reading: Reading, claim: Claim, term: Expr) -> TheoryVerdict:
    """The verdict on a formula with the leading ``term`` for E per eta^2."""
    at_one = term.xreplace({eta: Integer(1)})
    yours = evaluated(at_one)
    if reading.formula.rounded:
        yours = _decimals(yours)
    example = _first(reading, claim, lambda point: reading.unlifted(yours(point)), at_one)
    if example is None and term.has(eta):
        example = _first_at_another_rate(reading, claim, term)
    off = rate_difference(reading, example) or what_is_off(reading, claim, yours, at_one)
    return TheoryVerdict(Outcome.REJECTED, _NOT_1, example, off, term)


def _not_positive(reading: Reading, claim: Claim, term: Expr) -> TheoryVerdict:
    """The verdict on a formula that is 0, or a rate that is negative: ``term`` is that of E."""
    if reading.expression == 0:
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
    return None if value is None else -value


def _first(reading: Reading, claim: Claim, yours: Function, term: Expr) -> Counterexample | None:
    """The first point, by depth, then width, then layer, at which a formula's leading values are
    not the law's; for the joint limit at t = L/n."""
    truth = function_of(reading.target, claim)
    target = reading.target
    law = target.leading() if claim is Claim.LEADING else target.joint()
    shown = term.free_symbols | law.free_symbols
    if claim is Claim.JOINT:
        shown |= {L, n}
    for point in target.points(_DEPTHS, _WIDTHS):
        mine, exact = yours(point), reading.unlifted(truth(point))
        if exact is not None and (mine is None or not close(mine, exact, reading.tolerance)):
            named = {s: v for s, v in point.items() if s in shown}
            return Counterexample(named, mine, exact, limits=True)
    return None


def _first_at_another_rate(reading: Reading, claim: Claim, term: Expr) -> Counterexample | None:
    """A counterexample at another eta, of a formula that is right at eta = 1."""
    for rate in OTHER_RATES:
        there = term.xreplace({eta: Rational(rate)})
        found = _first(reading, claim, evaluated(there), there)
        if found is not None and found.formula is not None:
            point, scale = {**found.point, eta: Rational(rate)}, rate**2
            return Counterexample(point, scale * found.formula, scale * found.law, limits=True)
    return None


def rate_difference(reading: Reading, example: Counterexample | None) -> Difference | None:
    """The difference of a formula that names eta and is not proportional to eta^2."""
    if example is None or not reading.formula.has_rate:
        return None
    point = {s: v for s, v in example.point.items() if s != eta}
    if set(reading.target.coordinates) - set(point):
        point = dict(next(reading.target.points(_DEPTHS, _WIDTHS)))
    one = reading.original(point)
    growths = [_growth(one, reading.original(point, rate)) for rate in OTHER_RATES]
    if None in growths:
        return None
    powers = [
        power
        for power in range(7)
        if all(
            close(growth, rate**power, reading.tolerance)
            for growth, rate in zip(growths, OTHER_RATES, strict=True)
        )
    ]
    if powers == [2]:
        return None
    words = f" but to eta**{powers[0]}" if powers else ""
    return Difference(Kind.POWER, f"it is not proportional to eta**2{words}")


def _growth(one: Number | None, other: Number | None) -> Number | None:
    return None if not one or other is None else quotient(other, one)


def what_is_off(
    reading: Reading, claim: Claim, yours: Function, expression: Expr | None
) -> Difference | None:
    """The known difference of a wrong formula: ``yours`` is the value of E that it, or its leading
    term, implies at a point, ``expression`` the same as an expression."""
    search = Search(reading.target, claim, remembered(yours), reading.tolerance)
    found = find_difference(search)
    return found or term_difference(expression, reading.target, claim)
