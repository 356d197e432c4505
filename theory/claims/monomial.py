"""Whether two functions differ by a constant times powers of the sizes, and by which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr, Mul, Rational, Symbol

from theory.formulas.evaluation import DECIMALS, Number, close, decimal, mpf, quotient
from theory.symbols import L, ell, n, n_0, t

__all__ = ["Function", "Monomial", "fit_monomial"]

Function = Callable[[Mapping[Symbol, Rational]], Number | None]
"""A function of a point; None where it has no value."""

_POWERED = (L, n, ell, n_0, t)
_DENOMINATORS = 1000
"""Of exponents: hundredths, thousandths, and what a rate makes of them."""
_CONSTANT_DENOMINATORS = 10**6


@dataclass(frozen=True)
class Monomial:
    """``constant`` times powers of sizes; the constant is a decimal where it is not rational."""

    constant: Number
    exponents: Mapping[Symbol, Fraction]

    @property
    def powers(self) -> Expr:
        """The product of powers."""
        return Mul(*(s ** Rational(str(k)) for s, k in self.exponents.items()))

    def root(self, degree: int) -> Monomial:
        """The monomial to the power 1/degree; for what it says of a rate, degree -2."""
        powers = {s: k / degree for s, k in self.exponents.items()}
        return Monomial(_root(self.constant, degree), powers)

    def __str__(self) -> str:
        if isinstance(self.constant, Fraction):
            return str(Rational(self.constant.numerator, self.constant.denominator) * self.powers)
        return self.constant_text if self.powers == 1 else f"{self.constant_text}*{self.powers}"

    @property
    def constant_text(self) -> str:
        """The constant: exact, or to ten digits."""
        if isinstance(self.constant, Fraction):
            return str(self.constant)
        return _surd_text(self.constant)


def fit_monomial(
    one: Function, two: Function, points: Sequence[Mapping[Symbol, Rational]], tolerance: Number
) -> Monomial | None:
    """The monomial that ``one`` is of ``two`` at all ``points``; None where it is none.

    The first points give it, the others test it: exactly where values are rational.
    """
    ratios = []
    for point in points:
        left, right = one(point), two(point)
        if left is None or right is None or right == 0:
            continue
        ratios.append((point, quotient(left, right)))
        if len(ratios) == 3 and ratios[0][1] == 0:
            return None
    if len(ratios) < 5 or any(value <= 0 for _, value in ratios):
        return _constant(ratios, tolerance)
    exponents = _exponents(ratios, tolerance)
    return None if exponents is None else _tested(exponents, ratios, tolerance)


Ratios = Sequence[tuple[Mapping[Symbol, Rational], Number]]


def _constant(ratios: Ratios, tolerance: Number) -> Monomial | None:
    """A negative constant, such as -1; exponents are not looked for."""
    if len(ratios) < 5 or ratios[0][1] == 0:
        return None
    return _tested({}, ratios, tolerance)


def _exponents(ratios: Ratios, tolerance: Number) -> dict[Symbol, Fraction] | None:
    """From pairs of points that differ in one size alone."""
    found: dict[Symbol, Fraction] = {}
    for symbol in _POWERED:
        pair = _pair(ratios, symbol)
        if pair is None:
            continue
        (low, one), (high, two) = pair
        growth, span = decimal(quotient(two, one)), _size(high) / _size(low)
        slope = DECIMALS.log(growth) / DECIMALS.log(span)
        power = Fraction(DECIMALS.nstr(slope, 30)).limit_denominator(_DENOMINATORS)
        if abs(slope - decimal(power)) > max(mpf(10) ** -25, 100 * tolerance):
            return None
        if power:
            found[symbol] = power
    return found


def _size(value: Rational) -> Number:
    return mpf(int(value.p)) / int(value.q)


def _pair(
    ratios: Ratios, symbol: Symbol
) -> tuple[tuple[Rational, Number], tuple[Rational, Number]] | None:
    seen: dict[object, tuple[Rational, Number]] = {}
    for point, value in ratios:
        if symbol not in point:
            return None
        rest = frozenset((s, v) for s, v in point.items() if s != symbol)
        if rest in seen and seen[rest][0] != point[symbol]:
            return seen[rest], (point[symbol], value)
        seen[rest] = (point[symbol], value)
    return None


def _tested(
    exponents: dict[Symbol, Fraction], ratios: Ratios, tolerance: Number
) -> Monomial | None:
    constants = [quotient(value, _power(exponents, point)) for point, value in ratios]
    allowed = max(tolerance, mpf(10) ** -40)
    if not all(close(each, constants[0], allowed) for each in constants):
        return None
    return Monomial(_rational(constants[0], allowed), exponents)


def _power(exponents: Mapping[Symbol, Fraction], point: Mapping[Symbol, Rational]) -> Number:
    total: Number = Fraction(1)
    for symbol, power in exponents.items():
        size = Fraction(int(point[symbol].p), int(point[symbol].q))
        if power.denominator == 1 and isinstance(total, Fraction):
            total = total * size ** int(power)
        else:
            total = decimal(total) * decimal(size) ** decimal(power)
    return total


def _rational(value: Number, tolerance: Number) -> Number:
    """The simple fraction that a decimal is, or the decimal."""
    if isinstance(value, Fraction):
        return value
    near = Fraction(DECIMALS.nstr(value, 45)).limit_denominator(_CONSTANT_DENOMINATORS)
    return near if close(value, near, tolerance) else value


def _root(value: Number, degree: int) -> Number:
    return _rational(decimal(value) ** (mpf(1) / degree), mpf(10) ** -40)


def _surd_text(value: Number) -> str:
    """sqrt of a fraction where it is one, else ten digits."""
    square = _rational(value * value, mpf(10) ** -40)
    if isinstance(square, Fraction) and value > 0:
        return f"sqrt({square})"
    return str(DECIMALS.nstr(value, 10))
