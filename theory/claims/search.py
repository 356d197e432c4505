"""What is compared when a difference is looked for: functions of the sizes, at telling points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from sympy import Expr, Integer, Rational, Symbol, sympify

from theory.claims.monomial import Function
from theory.claims.target import Claim, Point, Target
from theory.claims.variants import Kind
from theory.formulas.evaluation import Number, Undefined, close, evaluate
from theory.symbols import L, a, ell, n, n_0, t

__all__ = ["Difference", "Search", "evaluated", "excess_text", "function_of", "remembered"]

_FEWEST = 5
"""Points at which an identity must hold, and at none fail, to be named."""


@dataclass(frozen=True)
class Difference:
    """What is off: its kind, and a sentence about the formula, "it is ...".

    >>> from verify import check
    >>> print(check("L**3", claim="leading", simulate=False).difference)
    it is 3 times the law
    """

    kind: Kind
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return f"Difference, {self.kind.value}: {self.sentence}"


@dataclass(frozen=True)
class Search:
    """A formula's function of the point, what it is compared with, and how closely they agree.

    ``view``: what the claim says of a target, as a function of the point.  Values of rates are
    those of bound/rate^2, see `theory.claims.target`.
    """

    target: Target
    claim: Claim
    yours: Function
    tolerance: Number

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


def excess_text(value: Fraction | Expr) -> str:
    """By how much something is off, in words.

    >>> excess_text(Fraction(-1, 2))
    'too small by 1/2'
    """
    known = sympify(value)
    small = known.could_extract_minus_sign()
    return f"too small by {-known}" if small else f"too large by {known}"


def function_of(target: Target, claim: Claim) -> Function:
    """What ``claim`` says of a target, at a point: its value, or that of its leading term."""
    if claim is Claim.EXACT:
        return target.value
    return evaluated(target.leading() if claim is Claim.LEADING else target.joint())


def evaluated(expression: Expr) -> Function:
    """An expression as a function of the point; t is L/n where it is not given."""

    def function(point: Point) -> Number | None:
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
    points = (
        {s: sympify(v) for s, v in zip(symbols, each, strict=True)} for each in product(*grids)
    )
    return [p for p in points if claim is Claim.JOINT or target.exists(p)]


def remembered(function: Function) -> Function:
    """The same function, which computes each value once."""
    known: dict[frozenset[tuple[Symbol, Rational]], Number | None] = {}

    def lookup(point: Point) -> Number | None:
        key = frozenset(point.items())
        if key not in known:
            known[key] = function(point)
        return known[key]

    return lookup
