"""What is off in a wrong formula: named only where the corrected formula is exactly the law.

A difference is looked for among laws that are easily written instead, constants and powers, parts,
and terms in 1/n.  Each is tested at many points, exactly; one that fails anywhere is not named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

from mpmath import mpf, workdps
from sympy import Expr, Integer, Rational, Symbol, sympify

from theory import InvalidArgument, NotSolved
from theory.symbols import L, a, ell, n, n_0, t
from verify.claims.evaluation import DIGITS, Number, Undefined, close, decimal, evaluate
from verify.claims.monomial import Function, Monomial, fit_monomial
from verify.claims.target import Claim, Point, Quantity, Target, sizes
from verify.claims.variants import Kind, Variant, variants

__all__ = ["Difference", "Search", "find_difference", "function_of"]

_FEWEST = 5
"""Points at which an identity must hold, and at none fail, to be named."""
_ORDERS = 4


@dataclass(frozen=True)
class Difference:
    """What is off: its kind, and a sentence about the formula, "it is ..."."""

    kind: Kind
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Search:
    """A formula's function of the point, what it is compared with, and how closely they agree.

    ``view``: what the claim says of a target, as a function of the point.  Values of rates are
    those of bound/rate^2, see `verify.claims.target`.
    """

    target: Target
    claim: Claim
    yours: Function
    tolerance: mpf

    def view(self, target: Target) -> Function:
        """The claimed law of a target."""
        return function_of(target, self.claim)

    def agrees(self, law: Function) -> bool:
        """Whether the formula is this law at every point where that has a value."""
        seen = 0
        for point in self.points:
            one = self.yours(point)
            two = law(point) if one is not None else None
            if one is None or two is None:
                continue
            if not close(one, two, self.tolerance):
                return False
            seen += 1
        return seen >= _FEWEST

    @property
    def points(self) -> Sequence[Point]:
        """Points that tell sizes apart."""
        return _points(self.target, self.claim)


def function_of(target: Target, claim: Claim) -> Function:
    """What ``claim`` says of a target, at a point: its value, or that of its leading term."""
    if claim is Claim.EXACT:
        return target.value
    return _evaluated(target.leading() if claim is Claim.LEADING else target.joint(), target)


def _evaluated(expression: Expr, target: Target) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        values = {s: Fraction(int(v.p), int(v.q)) for s, v in point.items()}
        if t not in values and L in values and n in values:
            values[t] = values[L] / values[n]
        try:
            return evaluate(expression, values)
        except Undefined:
            return None

    return function


def _points(target: Target, claim: Claim) -> Sequence[Point]:
    choices: dict[Symbol, tuple[Rational, ...]] = {
        L: (2, 3, 5, 1),
        n: (2, 3, 5, 7),
        ell: (2, 3, 1),
        n_0: (3, 1, 5),
        a: (Rational(1, 2), Rational(1, 3)),
        t: (Rational(1, 2), Integer(1), Integer(2), Rational(1, 3)),
    }
    symbols = list(target.coordinates)
    if claim is Claim.JOINT:
        symbols = [t if s == L else s for s in symbols]
    elif claim is Claim.LEADING and n not in symbols:
        symbols.append(n)
    if len(symbols) == 1:
        choices |= {s: (*choices[s], *map(Rational, (4, 6, 9, 12))) for s in (L, n, n_0, t)}
    few = len(symbols) > 2
    grids = [choices[s][: 3 if few else 8] for s in symbols]
    deepest = target.network.depth
    points = (
        {s: sympify(v) for s, v in zip(symbols, each, strict=True)} for each in product(*grids)
    )
    return [p for p in points if ell not in p or p[ell] <= p.get(L, deepest)]


def find_difference(search: Search) -> Difference | None:
    """What is off, if it is one of the known differences."""
    finders: tuple[Callable[[Search], Difference | None], ...] = (
        _variant,
        _factor_or_power,
        _square,
        _mixture,
        _limit,
        _width_term,
        _variant_and_factor,
    )
    for finder in finders:
        found = finder(search)
        if found is not None:
            return found
    return None


def _laws(search: Search) -> Iterator[tuple[Variant, Function]]:
    """Variants with their laws; those that have none are left out."""
    for variant in variants(search.target):
        if search.claim is Claim.EXACT:
            yield variant, _valued(variant, search.target)
            continue
        other = variant.of(search.target)
        try:
            if other is not None:
                yield variant, search.view(other)
        except (InvalidArgument, NotSolved):
            continue


def _valued(variant: Variant, target: Target) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        try:
            other = variant.of(target.at(point))
            return None if other is None else other.value({})
        except (InvalidArgument, NotSolved):
            return None

    return function


def _variant(search: Search) -> Difference | None:
    for variant, law in _laws(search):
        if search.agrees(law):
            return Difference(variant.kind, variant.sentence)
    return None


def _factor_or_power(search: Search) -> Difference | None:
    truth = search.view(search.target)
    found = fit_monomial(search.yours, truth, search.points, search.tolerance)
    if found is None:
        return None
    return _worded(_of_formula(found, search.target))


def _of_formula(found: Monomial, target: Target) -> Monomial:
    """What a factor of the squared update is for the formula itself."""
    return found if target.quantity is Quantity.UPDATE else found.root(-2)


def _worded(found: Monomial) -> Difference | None:
    constant, powers = found.constant_text, found.powers
    if not found.exponents:
        if found.constant == 1:
            return None
        return Difference(Kind.FACTOR, f"it is {constant} times the law")
    times = f"{powers}" if found.constant == 1 else f"{constant}*{powers}"
    if set(found.exponents) == {n_0}:
        sentence = f"it is {times} times the law: a power of the input norm |x|^2 = n_0 is off"
        return Difference(Kind.INPUT, sentence)
    return Difference(Kind.POWER, f"it is {times} times the law")


def _square(search: Search) -> Difference | None:
    truth = search.view(search.target)
    squared, root = "the square of the law", "the square root of the law"
    for power, sentence in ((Fraction(2), squared), (Fraction(1, 2), root)):
        if search.agrees(_raised(truth, power)):
            return Difference(Kind.ROOT, f"it is {sentence}")
    return None


def _raised(law: Function, power: Fraction) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        value = law(point)
        if value is None or (isinstance(value, Fraction) and power == 2):
            return None if value is None else value**2
        with workdps(DIGITS + 15):
            return decimal(value) ** decimal(power)

    return function


def _mixture(search: Search) -> Difference | None:
    """Both parts with other constants than 1."""
    target = search.target
    if target.part != "total" or search.claim is not Claim.EXACT:
        return None
    update = replace(target, quantity=Quantity.UPDATE)
    label, output = (replace(update, part=part).value for part in ("label", "output"))
    weights = _solved(search, label, output)
    if weights is None or not search.agrees(_combined(weights, label, output)):
        return None
    return Difference(
        Kind.PART, f"it is {weights[0]} times the label part plus {weights[1]} times the output part"
    )


def _solved(search: Search, one: Function, two: Function) -> tuple[Fraction, Fraction] | None:
    """The constants of two functions, from two points; None where they are not rational."""
    first, second = search.points[0], search.points[-1]
    rows = [(one(p), two(p), search.yours(p)) for p in (first, second)]
    if not all(isinstance(value, Fraction) for row in rows for value in row):
        return None
    (p, q, u), (r, s, v) = rows  # type: ignore[misc]
    determinant = p * s - q * r  # type: ignore[operator]
    if determinant == 0:
        return None
    return (u * s - q * v) / determinant, (p * v - u * r) / determinant  # type: ignore[operator]


def _combined(weights: tuple[Fraction, Fraction], one: Function, two: Function) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        left, right = one(point), two(point)
        if not (isinstance(left, Fraction) and isinstance(right, Fraction)):
            return None
        return weights[0] * left + weights[1] * right

    return function


def _limit(search: Search) -> Difference | None:
    """A limit of the law in place of the law."""
    for sentence, kind, expression in _limits(search.target, search.claim):
        if search.agrees(_evaluated(expression, search.target)):
            return Difference(kind, sentence)
    return None


def _limits(target: Target, claim: Claim) -> Iterator[tuple[str, Kind, Expr]]:
    if claim is Claim.JOINT:
        law = target.leading().xreplace({L: t * n})
        yield "it is the law for n -> infinity first, in which L/n is small", Kind.LIMIT, law
        return
    if claim is Claim.LEADING:
        return
    try:
        law = target.leading()
        yield "it is the leading law, claimed as exact", Kind.LIMIT, law
        series = _series(target)
        for order in range(len(series)):
            total = sum((c * n**-k for k, c in enumerate(series[: order + 1])), Integer(0))
            sentence = f"it is the series in 1/n: the terms from 1/n^{order + 1} on are dropped"
            yield sentence, Kind.WIDTH_TERM, total
        yield "it is the limit n -> infinity with L = t n, claimed as exact", Kind.LIMIT, target.joint()
    except (NotSolved, InvalidArgument):
        return


def _series(target: Target) -> tuple[Expr, ...]:
    return replace(target, quantity=Quantity.UPDATE).update.width_series(_ORDERS)


def _width_term(search: Search) -> Difference | None:
    """One term in 1/n^k, whatever its coefficient in the other sizes."""
    if search.claim is not Claim.EXACT or n not in search.target.coordinates:
        return None
    truth = search.view(search.target)
    for order in range(_ORDERS + 1):
        excess = _coefficients(search, truth, order)
        if excess is not None:
            return _named_term(search.target, order, excess)
    return None


Excess = Mapping[frozenset[tuple[Symbol, Rational]], Fraction]


def _coefficients(search: Search, truth: Function, order: int) -> Excess | None:
    """By the other sizes: what the formula has too much of n^-order, at every width."""
    found: dict[frozenset[tuple[Symbol, Rational]], Fraction] = {}
    for point in search.points:
        one, two = search.yours(point), truth(point)
        if not (isinstance(one, Fraction) and isinstance(two, Fraction)):
            return None
        rest = frozenset((s, v) for s, v in point.items() if s != n)
        excess = (one - two) * int(point[n]) ** order
        if found.setdefault(rest, excess) != excess:
            return None
    return found


def _named_term(target: Target, order: int, excess: Excess) -> Difference:
    term = f"the term in 1/n^{order}" if order else "the term without 1/n"
    try:
        coefficient = _series(target)[order]
        law = _evaluated(coefficient, target)
        dropped = all(law(dict(rest)) == -value for rest, value in excess.items())
    except NotSolved:
        dropped = False
    if dropped:
        return Difference(Kind.WIDTH_TERM, f"{term} is dropped, which is ({coefficient})/n^{order}")
    rest, value = next(iter(excess.items()))
    at = ", ".join(f"{s} = {v}" for s, v in sorted(rest, key=str))
    more = f"{term} is wrong: its coefficient is too large by {value}"
    return Difference(Kind.WIDTH_TERM, f"{more} at {at}" if at else more)


def _variant_and_factor(search: Search) -> Difference | None:
    for variant, law in _laws(search):
        found = fit_monomial(search.yours, law, search.points, search.tolerance)
        if found is None or variant.kind in (Kind.FACTOR, Kind.POWER):
            continue
        own = _of_formula(found, search.target)
        times = f"{own.constant_text}*{own.powers}"
        return Difference(variant.kind, f"{variant.sentence}; and it is off by the factor {times}")
    return None
