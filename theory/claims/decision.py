"""This module decides claims by theory: identities at all sizes, and limits by their leading terms.

Theory decides sums of rational functions times powers whose bases are proven positive
(`theory.formulas.normal_form`), in both directions.  Other expressions are rejected where a value
differs for certain, and are undecided otherwise.  Theory tests a function of numbers at numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice

from sympy import Expr, Integer, Pow, Rational, Symbol, radsimp

from theory.claims.differences import Counterexample, Difference, Kind, find_difference
from theory.claims.reading import Reading
from theory.claims.target import Claim, Point, Quantity, point_name
from theory.errors import NotSolved
from theory.formulas.evaluation import (
    FLOAT_TOLERANCE,
    Number,
    Undefined,
    close,
    decimal,
    differ,
    quotient,
    value_at,
)
from theory.formulas.leading_terms import LeadingTerm, joint_term, leading_term
from theory.formulas.normal_form import (
    NOT_DECIDED,
    Normaliser,
    NotNormal,
    NotPositive,
    mixes_exponentials_with_roots,
    nearly_equal,
    normal_form,
    why,
)
from theory.formulas.positivity import EVERYWHERE, Domain
from theory.formulas.rate_sign import sign_everywhere, sign_far_out
from theory.outcome import Outcome
from theory.symbols import L, ell, eta, n, n_0, t
from theory.validation import brief

__all__ = ["TheoryVerdict", "decide_by_theory"]

_DEPTHS, _WIDTHS = 6, 8
_MOST_POINTS = 240
_FURTHER_DEPTHS, _FURTHER_WIDTHS, _MOST_FURTHER_POINTS = 10, 40, 4000
"""The range of the search for a counterexample, if there is none among the first points."""
_LARGEST_SPLIT = 4
"""The largest size that is decided by itself, where a base vanishes at the smallest sizes."""
_MOST_LAYERS = 64
_OTHER_RATES = (Fraction(2), Fraction(3), Fraction(1, 3))
"""Values of eta, besides 1, at which a formula that names eta is tried."""
_POINTS_WITH_RATES, _POINTS_OF_FUNCTION = 12, 8
"""Points at which a function is tried at other rates too, and, for a limit, at all."""
_ROUNDED = "its floats are rounded, and no value tried differs by more than their rounding"
_MOST_RATIONALISED = 60
"""Operations of a number whose denominators are made rational."""
_TERMS = {Claim.LEADING: leading_term, Claim.JOINT: joint_term}
"""The function that finds the leading term in the limit of a claim."""


@dataclass(frozen=True)
class TheoryVerdict:
    """The decision of the theory on a claim, and its reason.

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
        return _exact(reading) if claim is Claim.EXACT else _limit(reading, claim)
    except NotSolved as reason:
        return _undecided(f"the law itself is not known here: {reason}")


def _undecided(reason: str) -> TheoryVerdict:
    return TheoryVerdict(Outcome.UNDECIDED, reason)


# Identities


def _exact(reading: Reading) -> TheoryVerdict:
    if reading.expression is None:
        return _tried(reading)
    try:
        identical = _identical(reading, EVERYWHERE)
        of_rate = reading.target.quantity is Quantity.RATE
        sign = sign_everywhere(reading.expression) if identical and of_rate else 1
        if sign is None:
            raise NotNormal("its square is right, but its sign is not proven")
    except NOT_DECIDED as reason:
        found = _rejected(reading, _points(reading))
        undecided = found.counterexample is None
        return _undecided(f"not decided: {why(reason)}") if undecided else found
    if not identical:
        depths, widths, rounded = _FURTHER_DEPTHS, _FURTHER_WIDTHS, reading.formula.rounded
        most = _MOST_POINTS if rounded else _MOST_FURTHER_POINTS
        further = islice(reading.target.points(depths, widths), most)
        found = _rejected(reading, chain(_points(reading), further))
        unseen = rounded and found.counterexample is None
        return _undecided(_ROUNDED) if unseen else found
    if sign == -1:
        return _rejected(reading, _points(reading), Difference(Kind.FACTOR, "it is negative"))
    proof = "identical, proven for all sizes" if reading.target.coordinates else "equal"
    if reading.formula.rounded:
        proof = f"equal{reading.closeness}; nothing is proven"
    return TheoryVerdict(Outcome.CONSISTENT, proof)


def _identical(reading: Reading, domain: Domain) -> bool:
    """Whether formula and law have one normal form on a domain; its smallest sizes by themselves
    where a base is not positive there.  One of `NOT_DECIDED` is raised where that is not known."""
    target = reading.target
    depth = target.network.depth
    if target.has_open_layer and isinstance(depth, int):
        if depth > _MOST_LAYERS:
            raise NotNormal(f"a layer that is open in a network of depth {depth}")
        return _all_identical(
            (reading.at({ell: Integer(k)}), EVERYWHERE) for k in range(1, depth + 1)
        )
    try:
        return _is_one_form(reading, domain)
    except NotPositive as reason:
        for symbol in (n, L, n_0):
            least = domain.lowest[symbol]
            higher = domain.from_(symbol, least + 1)
            if (
                symbol in target.coordinates
                and least < _LARGEST_SPLIT
                and higher.sign(reason.base) is not None
            ):
                alone = {symbol: Integer(least)}
                _refuse_undefined(reading.expression, alone)
                exists = symbol != L or target.exists(alone)
                parts = [(reading.at(alone), EVERYWHERE)] if exists else []
                return _all_identical([*parts, (reading, higher)])
        raise


def _refuse_undefined(formula: Expr | None, at: dict[Symbol, Integer]) -> None:
    """`NotNormal` where a power in a formula has no real value at some sizes; SymPy may cancel two
    such powers."""
    for power in formula.atoms(Pow) if formula is not None else ():
        base, exponent = (each.xreplace(at) for each in power.as_base_exp())
        vanishes = base.is_zero and not exponent.is_nonnegative
        if vanishes or (base.is_negative and not exponent.is_integer):
            raise NotNormal(f"{power} has no real value at {point_name(at)}")


def _all_identical(parts: Iterable[tuple[Reading, Domain]]) -> bool:
    """Whether every part is; a part that is not decided counts only where no other differs."""
    reason = None
    for part in parts:
        try:
            if not _identical(*part):
                return False
        except NOT_DECIDED as not_decided:
            reason = reason or not_decided
    if reason is not None:
        raise reason
    return True


def _is_one_form(reading: Reading, domain: Domain) -> bool:
    formula = reading.implied
    if formula is None:
        raise NotNormal("it is 0")
    formula = formula.xreplace({t: reading.target.ratio})
    if not reading.target.coordinates and formula.count_ops() <= _MOST_RATIONALISED:
        formula = radsimp(formula)
    if mixes_exponentials_with_roots(formula):
        raise NotNormal("it contains both an exponential and a root")
    normaliser = Normaliser(domain)
    mine, law = normaliser.of(formula), normal_form(reading.target.law(Claim.EXACT), domain)
    if not nearly_equal(mine, law) if reading.formula.rounded else mine - law:
        return False
    for divisor in normaliser.divisors:
        if domain.sign(divisor) is None:
            raise NotPositive(divisor, "by which it divides")
    return True


def _points(reading: Reading) -> list[Point]:
    return list(islice(reading.target.points(_DEPTHS, _WIDTHS), _MOST_POINTS))


def _rejected(
    reading: Reading, points: Iterable[Point], off: Difference | None = None
) -> TheoryVerdict:
    """The rejection, with the first of ``points`` at which formula and law differ."""
    found = (_difference_at(reading, point) for point in points)
    example = next((each for each in found if each is not None), None)
    off = off or _rate_difference(reading, example)
    if off is None:
        symbolic = _agreeing_traced(reading, _points(reading)) or reading
        off = find_difference(reading, Claim.EXACT, symbolic.implied)
    return TheoryVerdict(Outcome.REJECTED, "not the exact value", example, off)


def _difference_at(
    reading: Reading, point: Point, rates: tuple[Fraction, ...] = _OTHER_RATES
) -> Counterexample | None:
    """The counterexample at a point; None where formula and law may be equal, or it has no value.

    ``rates``: the values of eta, besides 1, at which a formula that names eta is tried.  Values of
    an expression are enclosed in intervals; values of a function are as exact as its results.
    """
    law = reading.target.value(point)
    for rate in (Fraction(1), *(rates if reading.formula.has_rate else ())):
        exact = law if rate == 1 else law * rate**2
        if _is_different(reading, point, rate, exact):
            here = reading.target.spoken(point)
            named = here if rate == 1 else {**here, eta: Rational(rate)}
            return Counterexample(named, reading.value(point, rate), reading.unlifted(exact))
    return None


def _is_different(reading: Reading, point: Point, rate: Fraction, law: Fraction) -> bool:
    """Whether formula and law differ for certain; a rate by the square that keeps its sign."""
    in_floats, moved = reading.formula.in_floats, reading.moved
    try:
        mine = reading.value(point, rate) if in_floats else reading.enclosed(point, rate)
    except Undefined:
        return False
    other = moved.value(point, rate) if in_floats and moved else None
    if reading.target.quantity is Quantity.RATE and mine is not None:
        bound = reading.target.bound
        mine, law = mine * abs(mine), Fraction(int(bound.p), int(bound.q)) / law
        other = other and other * abs(other)
    return _differ_in_floats(mine, law, other) if in_floats else differ(mine, law)


def _differ_in_floats(mine: Number | None, law: Number, moved: Number | None) -> bool:
    """Whether a value in floats, which is ``moved`` where rounded floats are moved, differs from
    the law by more than rounding explains.  The rounding of a float near 0 is not known."""
    if mine is None or moved is None or close(mine, law, FLOAT_TOLERANCE):
        return False
    difference, rounding = (abs(decimal(each) - decimal(mine)) for each in (law, moved))
    least = 0 if law or isinstance(mine, Fraction) else FLOAT_TOLERANCE
    return bool(difference > max(rounding, least))


def _tried(reading: Reading) -> TheoryVerdict:
    """The verdict on a function of numbers, from its values.

    At large sizes a right formula loses digits in floats, so floats that differ there decide
    nothing.
    """
    near, far = _points(reading), list(reading.target.far_points())
    points = [*near, *far]
    values = []
    for place, point in enumerate(points):
        rates = _OTHER_RATES if place < _POINTS_WITH_RATES else ()
        found = _difference_at(reading, point, rates)
        if found is not None and (point in near or isinstance(found.formula, Fraction)):
            return _rejected(reading, points)
        if found is not None:
            where = point_name(reading.target.spoken(point))
            return _undecided(
                f"equal at small sizes, but its floats differ from the law at {where}"
            )
        values.append(reading.value(point))
    if points and all(value is None for value in values):
        return _undecided(_no_value(reading, points))
    if None in values:
        where = point_name(reading.target.spoken(points[values.index(None)]))
        return _undecided(f"equal wherever it has a value, but it has none at {where}")
    for point, value in zip(points, values, strict=True):
        if value and not reading.target.value(point):
            where = point_name(reading.target.spoken(point))
            return _undecided(f"its float at {where} is near 0, the exact value")
    traced = _agreeing_traced(reading, points)
    if traced is not None:
        of_traced = _exact(traced)
        example = of_traced.counterexample
        if example is not None and _difference_at(reading, example.inner) is not None:
            return _rejected(reading, [example.inner])
        if of_traced.outcome is Outcome.REJECTED:
            return _undecided(
                "equal to nine digits, but the formula that it returns for symbols is not"
            )
        if traced.formula.rounded and of_traced.outcome is Outcome.UNDECIDED:
            return of_traced
    said = f"equal at all {len(points)} points tried" if reading.target.coordinates else "equal"
    exact = all(isinstance(value, Fraction) for value in values)
    closeness = "" if exact else reading.closeness
    return TheoryVerdict(Outcome.CONSISTENT, f"{said}{closeness}; nothing is proven")


def _agreeing_traced(reading: Reading, points: Iterable[Point]) -> Reading | None:
    """The formula that a function returned for symbols, if it has the function's values at two
    values of eta."""
    traced = reading.traced
    if traced is None:
        return None
    for point in points:
        for rate in (Fraction(1), Fraction(2, 3)):
            mine, other = reading.value(point, rate), traced.value(point, rate)
            if mine is None or other is None:
                if mine is not other:
                    return None
            elif not close(mine, other, reading.tolerance):
                return None
    return traced


# Limits


def _limit(reading: Reading, claim: Claim) -> TheoryVerdict:
    """Whether formula over exact value tends to 1, in the limit of ``claim``."""
    if reading.expression is None:
        return _limit_of_function(reading, claim)
    target = reading.target
    if reading.expression == 0 and target.law(claim) == 0:
        return _undecided("the exact value is 0, which has no leading term; claim='exact' decides")
    if reading.expression == 0:
        return _wrong_limit(reading, claim, Integer(0), 0, None)
    if target.has_open_layer and isinstance(target.network.depth, int):
        return _limit_by_layer(reading, claim)
    rounded, moved = reading.formula.rounded, None
    try:
        mine, right = _leading(reading, claim), False
        term = mine.expression
        if target.law(claim) != 0:
            law = _TERMS[claim](target.law(claim))
            right = mine.is_near(law) if rounded else mine.equals(law)
        if not right and rounded and reading.moved is not None:
            moved = _leading(reading.moved, claim).expression
    except NOT_DECIDED as reason:
        return _undecided(f"its limit is not decided: {why(reason)}")
    of_rate = target.quantity is Quantity.RATE
    sign = sign_far_out(reading.expression, _TERMS[claim]) if of_rate else 1
    if right and sign is None:
        return _undecided("its square is right, its sign is not proven")
    if right and sign == 1:
        found = f"formula over exact value tends to 1{reading.closeness}"
        return TheoryVerdict(Outcome.CONSISTENT, found, leading=term)
    wrong = _wrong_limit(reading, claim, term, -1 if sign == -1 else 1, term if right else moved)
    unseen = rounded and wrong.counterexample is None
    return _undecided(f"its limit is not decided: {_ROUNDED}") if unseen else wrong


def _limit_by_layer(reading: Reading, claim: Claim) -> TheoryVerdict:
    """The verdict at every layer of a network whose depth is a number: no layer grows there, and
    the limit is taken in the width alone."""
    depth, undecided = reading.target.network.depth, None
    if depth > _MOST_LAYERS:
        return _undecided(f"a layer that is open in a network of depth {depth}")
    for number in map(Integer, range(1, depth + 1)):
        found = _limit(reading.at({ell: number}), claim)
        if found.outcome is Outcome.REJECTED and found.counterexample is not None:
            here = {**reading.target.spoken({ell: number}), **found.counterexample.point}
            return replace(found, counterexample=replace(found.counterexample, point=here))
        if found.outcome is not Outcome.CONSISTENT:
            undecided = undecided or found
    if undecided is not None:
        return undecided
    right = f"formula over exact value tends to 1 in every layer{reading.closeness}"
    return TheoryVerdict(Outcome.CONSISTENT, right, leading=reading.target.law(claim))


def _leading(reading: Reading, claim: Claim) -> LeadingTerm:
    """The leading term of E per eta^2 that a formula implies."""
    formula = reading.implied
    assert formula is not None
    if claim is Claim.LEADING:
        formula = formula.xreplace({t: reading.target.ratio})
        if mixes_exponentials_with_roots(formula):
            raise NotNormal("it contains both an exponential and a root")
    return _TERMS[claim](formula)


def _no_value(reading: Reading, points: Sequence[Point]) -> str:
    why = reading.obstacle(points[0])
    return f"it has no value at any of {len(points)} points: {brief(why, write=str)}"


def _limit_of_function(reading: Reading, claim: Claim) -> TheoryVerdict:
    """The verdict on a function: that on the formula it returned for symbols, if its own values
    agree with it."""
    near = list(reading.target.points(_DEPTHS, _WIDTHS))
    tried = near[:: max(1, len(near) // _POINTS_OF_FUNCTION)]
    if all(reading.value(point) is None for point in tried):
        return _undecided(_no_value(reading, tried))
    traced = _agreeing_traced(reading, chain(near, reading.target.far_points()))
    if traced is None:
        return _undecided("a function of numbers has no symbolic limit: give an expression or text")
    found = _limit(traced, claim)
    said = "; a function is tried at numbers, and nothing is proven for it"
    return replace(found, reason=f"{found.reason}{said}")


def _value(expression: Expr, point: Point) -> Number | None:
    """The value of an expression at a point, where it has one; t is L/n where it is not given."""
    ratio = {t: point[L] / point[n]} if {L, n} <= set(point) else {}
    return value_at(expression, {**ratio, **point})


def _wrong_limit(
    reading: Reading, claim: Claim, term: Expr, sign: int, moved: Expr | None
) -> TheoryVerdict:
    """The verdict on a formula whose E per eta^2 has the leading ``term``, and with rounded floats
    ``moved`` another; a rate has the ``sign``, and 0 stands for a formula that is 0."""
    example = _limit_counterexample(reading, claim, term, sign, moved)
    off = _rate_difference(reading, example)
    if sign != 1:
        off = Difference(Kind.FACTOR, "it is negative" if sign else "it is 0")
    off = off or find_difference(reading, claim, term)
    leading = term if sign == 1 else None
    reason = "formula over exact value does not tend to 1"
    return TheoryVerdict(Outcome.REJECTED, reason, example, off, leading)


def _limit_counterexample(
    reading: Reading, claim: Claim, term: Expr, sign: int, moved: Expr | None
) -> Counterexample | None:
    """The first point, by depth, then width, then layer, at which a formula's leading values are
    not the law's; for the joint limit at t = L/n."""
    law = reading.target.law(claim)
    held = term.free_symbols | law.free_symbols | ({L, n} if claim is Claim.JOINT else set())
    for rate in (Fraction(1), *(_OTHER_RATES if term.has(eta) else ())):
        at_rate = {eta: Rational(rate)}
        for point in reading.target.points(_DEPTHS, _WIDTHS):
            exact = reading.unlifted(_value(law, point))
            mine, other = (
                _signed(reading, each, {**point, **at_rate}, sign) for each in (term, moved)
            )
            if exact is None or not _is_certain(reading, mine, exact, other):
                continue
            named = dict(reading.target.spoken({s: v for s, v in point.items() if s in held}))
            if rate == 1:
                return Counterexample(named, mine, exact, limits=True)
            if mine is not None:
                scale = rate**2
                return Counterexample(named | at_rate, scale * mine, scale * exact, limits=True)
    return None


def _signed(reading: Reading, term: Expr | None, point: Point, sign: int) -> Number | None:
    """The value of the quantity that a leading term of E implies, with its sign."""
    if term is None or sign == 0:
        return None if term is None else Fraction(0)
    value = reading.unlifted(_value(term, point))
    if value is None:
        return None
    return sign * (decimal(value) if reading.formula.rounded else value)


def _is_certain(reading: Reading, mine: Number | None, law: Number, moved: Number | None) -> bool:
    """Whether the value of a leading term, which rounding may make or hide, is not the law's."""
    if not reading.formula.rounded:
        return mine is None or not close(mine, law, reading.tolerance)
    if mine is None or moved is None:
        return False
    return abs(moved - mine) < abs(mine) and _differ_in_floats(mine, law, moved)


# Explanations of a rejected formula


def _rate_difference(reading: Reading, example: Counterexample | None) -> Difference | None:
    """The difference of a formula that names eta and is not proportional to eta^2."""
    if example is None or not reading.formula.has_rate:
        return None
    point = {s: v for s, v in example.inner.items() if s != eta}
    if set(reading.target.coordinates) - set(point):
        point = dict(next(reading.target.points(_DEPTHS, _WIDTHS)))
    one, *others = (reading.value(point, rate) for rate in (Fraction(1), *_OTHER_RATES))
    if not one or None in others:
        return None
    growths = {rate: quotient(other, one) for rate, other in zip(_OTHER_RATES, others, strict=True)}
    powers = [
        power
        for power in range(7)
        if all(close(growth, rate**power, reading.tolerance) for rate, growth in growths.items())
    ]
    if powers == [2]:
        return None
    words = f" but to eta**{powers[0]}" if powers else ""
    return Difference(Kind.POWER, f"it is not proportional to eta**2{words}")
