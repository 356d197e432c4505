"""A claim decided by theory: an identity here, a limit by `theory.claims.limit_decision`.

Theory decides sums of rational functions times powers whose bases are proven positive
(`theory.formulas.normal_form`), in both directions.  Other expressions are rejected where a value
differs for certain, and are undecided otherwise.  Functions of numbers are tried at numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice

from sympy import Integer

from theory.claims.counterexample import Counterexample, TheoryVerdict
from theory.claims.limit_decision import (
    OTHER_RATES,
    agree,
    decide_limit,
    rate_difference,
    what_is_off,
)
from theory.claims.reading import Reading
from theory.claims.search import Difference
from theory.claims.target import Claim, Point, Quantity, point_name, sizes
from theory.claims.variants import Kind
from theory.errors import NotSolved
from theory.formulas.evaluation import Undefined, close, differ, enclosure
from theory.formulas.normal_form import (
    NOT_DECIDED,
    Normaliser,
    NotPositive,
    mixes_exponentials_with_roots,
    normal_form,
    why,
)
from theory.formulas.positivity import EVERYWHERE, Domain
from theory.formulas.rate_sign import sign_everywhere
from theory.outcome import Outcome
from theory.symbols import L, ell, eta, n, n_0, t

__all__ = ["decide_by_theory"]

_DEPTHS, _WIDTHS = 6, 8
_MOST_POINTS = 240
_FURTHER = (10, 40, 4000)
"""Depths, widths and number of the points among which a counterexample is looked for further."""
_LARGEST_SPLIT = 4
"""The largest size that is decided by itself, where a base vanishes at the smallest sizes."""
_MOST_LAYERS = 64
_WITH_RATES = 12
"""Points at which a function of numbers is tried at other values of eta too."""


def decide_by_theory(reading: Reading, claim: Claim) -> TheoryVerdict:
    """Whether ``claim`` holds of the formula, for the target it is read for."""
    try:
        return _exact(reading) if claim is Claim.EXACT else decide_limit(reading, claim)
    except NotSolved as reason:
        return TheoryVerdict(Outcome.UNDECIDED, f"the law itself is not known here: {reason}")


def _exact(reading: Reading) -> TheoryVerdict:
    if reading.formula.in_floats:
        return _tried(reading)
    identity = _identity(reading, EVERYWHERE)
    if identity.holds is False:
        return _rejected(reading, chain(_points(reading), _further_points(reading)))
    if identity.holds and reading.target.quantity is Quantity.RATE:
        sign = sign_everywhere(reading.expression)
        if sign == -1:
            return _rejected(reading, _points(reading), Difference(Kind.FACTOR, "it is negative"))
        if sign is None:
            identity = _Identity(None, "its square is right, but its sign is not proven")
    if identity.holds:
        proof = "identical, proven for all sizes" if reading.target.coordinates else "equal"
        return TheoryVerdict(Outcome.CONSISTENT, proof)
    found = _rejected(reading, _points(reading))
    if found.counterexample is not None:
        return found
    return TheoryVerdict(Outcome.UNDECIDED, f"not decided: {identity.reason}")


@dataclass(frozen=True)
class _Identity:
    """Whether formula and law are equal at all sizes; None with the ``reason`` where not known."""

    holds: bool | None
    reason: str = ""


def _identity(reading: Reading, domain: Domain) -> _Identity:
    """Compare normal forms on a domain; its smallest sizes by themselves where a base is not
    positive there."""
    target = reading.target
    depth = target.network.depth
    if target.layer == ell and isinstance(depth, int):
        return _in_each_layer(reading, depth)
    try:
        return _compared(reading, domain)
    except NotPositive as reason:
        for symbol in (n, L, n_0):
            least = domain.lowest[symbol]
            higher = domain.from_(symbol, least + 1)
            if (
                symbol in target.coordinates
                and least < _LARGEST_SPLIT
                and higher.sign(reason.base) is not None
            ):
                rest = _identity(reading, higher)
                alone = {symbol: Integer(least)}
                if symbol == L and not target.exists(alone):
                    return rest
                return _both(_identity(reading.at(alone), EVERYWHERE), rest)
        return _Identity(None, str(reason))
    except NOT_DECIDED as reason:
        return _Identity(None, why(reason))


def _compared(reading: Reading, domain: Domain) -> _Identity:
    formula, law = reading.claimed, reading.target.exact() * reading.unit
    if formula is None:
        return _Identity(None, "it is 0")
    formula = formula.xreplace({t: sizes(reading.target).get(t, t)})
    if mixes_exponentials_with_roots(formula):
        return _Identity(None, "it holds an exponential beside a root")
    normaliser = Normaliser(domain)
    if normaliser.form(formula) - normal_form(law, domain):
        return _Identity(False)
    for divisor in normaliser.divisors:
        if domain.sign(divisor) is None:
            raise NotPositive(divisor, "by which it divides")
    return _Identity(True)


def _in_each_layer(reading: Reading, depth: int) -> _Identity:
    """The identity for every layer of a network whose depth is a number."""
    if depth > _MOST_LAYERS:
        return _Identity(None, f"a layer that is open in a network of depth {depth}")
    total = _Identity(True)
    for layer in range(1, depth + 1):
        total = _both(total, _identity(reading.at({ell: Integer(layer)}), EVERYWHERE))
    return total


def _both(one: _Identity, two: _Identity) -> _Identity:
    for each in (one, two):
        if each.holds is False:
            return each
    return two if one.holds else one


def _points(reading: Reading) -> list[Point]:
    return list(islice(reading.target.points(_DEPTHS, _WIDTHS), _MOST_POINTS))


def _further_points(reading: Reading) -> Iterator[Point]:
    depths, widths, most = _FURTHER
    return islice(reading.target.points(depths, widths), most)


def _rejected(
    reading: Reading, points: Iterable[Point], off: Difference | None = None
) -> TheoryVerdict:
    """The rejection, with the first of ``points`` at which formula and law differ."""
    example = next(
        (found for point in points if (found := _difference_at(reading, point)) is not None), None
    )
    off = off or rate_difference(reading, example)
    off = off or what_is_off(reading, Claim.EXACT, reading.value, reading.lifted)
    return TheoryVerdict(Outcome.REJECTED, "not the exact law", example, off)


def _difference_at(
    reading: Reading, point: Point, rates: tuple[Fraction, ...] = OTHER_RATES
) -> Counterexample | None:
    """The counterexample at a point; None where formula and law may be equal, or it has no value.

    ``rates``: the values of eta, besides 1, at which a formula that names eta is tried.  Values of
    an expression are enclosed in intervals; those of a function are as exact as it gives them.
    """
    law = reading.target.value(point)
    for rate in (Fraction(1), *(rates if reading.formula.has_rate else ())):
        if _is_different(reading, point, rate, law):
            mine = reading.original(point, rate)
            exact = reading.unlifted(law if rate == 1 else law * rate**2)
            named = dict(point) if rate == 1 else {**point, eta: rate}
            return Counterexample(named, mine, exact)
    return None


def _is_different(reading: Reading, point: Point, rate: Fraction, law: Fraction) -> bool:
    if not reading.formula.in_floats:
        assert reading.formula.expression is not None
        try:
            value = enclosure(reading.formula.expression, reading.sizes_at(point, rate))
        except Undefined:
            return False
        if reading.target.quantity is Quantity.UPDATE:
            scale = rate**2 if reading.formula.has_rate else 1
            return differ(value, law * scale)
        negative = value <= 0 if isinstance(value, Fraction) else value.b < 0
        bound = reading.target.bound
        return negative or differ(value * value, Fraction(int(bound.p), int(bound.q)) / law)
    mine = reading.original(point, rate)
    if mine is None:
        return False
    lifted = reading.target.lifted(mine)
    scaled = law * rate**2 if reading.formula.has_rate else law
    return lifted is None or not close(lifted, scaled, reading.tolerance)


def _tried(reading: Reading) -> TheoryVerdict:
    """The verdict on a function of numbers, or a formula with rounded floats, from its values.

    At large sizes a right formula loses digits in floats, so floats that differ there decide
    nothing.
    """
    near, far = _points(reading), list(reading.target.far_points())
    points = [*near, *far]
    undefined, defined, exact = None, 0, True
    for place, point in enumerate(points):
        found = _difference_at(reading, point, OTHER_RATES if place < _WITH_RATES else ())
        if found is not None and (point in near or isinstance(found.formula, Fraction)):
            return _rejected(reading, points)
        if found is not None:
            where = point_name(point)
            reason = f"equal at small sizes, but its floats differ from the law at {where}"
            return TheoryVerdict(Outcome.UNDECIDED, reason)
        value = reading.original(point)
        defined += value is not None
        exact = exact and isinstance(value, Fraction)
        undefined = undefined or (point if value is None else None)
    if points and not defined:
        return TheoryVerdict(Outcome.UNDECIDED, f"it has no value at any of {len(points)} points")
    if undefined is not None:
        where = point_name(undefined)
        return TheoryVerdict(
            Outcome.UNDECIDED, f"equal wherever it has a value, but it has none at {where}"
        )
    traced = reading.traced
    if traced is not None and all(agree(reading, traced, point) for point in points):
        of_traced = _exact(traced)
        example = of_traced.counterexample
        if example is not None and _difference_at(reading, example.point) is not None:
            return _rejected(reading, [example.point])
        if of_traced.outcome is Outcome.REJECTED:
            reason = "equal to nine digits, but the formula that it returns for symbols is not"
            return TheoryVerdict(Outcome.UNDECIDED, reason)
    said = f"equal at all {len(points)} points tried" if reading.target.coordinates else "equal"
    closeness = "" if exact else reading.closeness
    return TheoryVerdict(Outcome.CONSISTENT, f"{said}{closeness}; nothing is proven")
