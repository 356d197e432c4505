"""Sparse polynomials with rational coefficients, and their exact Gaussian expectation.

A monomial is one Python integer: the exponent of indeterminate k occupies the bits from
16 k up, so multiplying monomials is adding integers (exponents must stay below 2^16).
Coefficients are integers over one common denominator, so that no Fraction is ever reduced
in an inner loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import lcm, prod

__all__ = [
    "GaussianMeasure",
    "Polynomial",
    "dot",
    "gaussian_integral",
    "gaussian_moment",
    "half_line_integral",
    "monomial_exponents",
    "total",
]

_BITS = 16
_FIELD = (1 << _BITS) - 1


def monomial_exponents(monomial: int) -> Iterator[tuple[int, int]]:
    """The pairs (k, p), p > 0, of the monomial prod_k X_k^p, in increasing order of k."""
    index = 0
    while monomial:
        if exponent := monomial & _FIELD:
            yield index, exponent
        monomial >>= _BITS
        index += 1


class Polynomial:
    """The polynomial sum_m terms[m] m / denominator, over monomials m; no term is zero."""

    __slots__ = ("denominator", "terms")

    def __init__(self, terms: dict[int, int], denominator: int = 1) -> None:
        self.terms = terms
        self.denominator = denominator

    @staticmethod
    def constant(value: int | Fraction) -> Polynomial:
        """The polynomial of degree 0 with the given value."""
        return Polynomial({0: value.numerator} if value else {}, value.denominator)

    @staticmethod
    def indeterminate(index: int) -> Polynomial:
        """The indeterminate X_index."""
        return Polynomial({1 << (_BITS * index): 1})

    def __add__(self, other: Polynomial) -> Polynomial:
        return total((self, other))

    def __mul__(self, other: Polynomial) -> Polynomial:
        terms: dict[int, int] = {}
        for left, factor in self.terms.items():
            for right, coefficient in other.terms.items():
                monomial = left + right
                terms[monomial] = terms.get(monomial, 0) + factor * coefficient
        kept = {m: c for m, c in terms.items() if c}
        return Polynomial(kept, self.denominator * other.denominator)

    def scaled(self, factor: int | Fraction) -> Polynomial:
        """The polynomial times a number."""
        if factor == 1 or not self.terms:
            return self
        return self * Polynomial.constant(factor)

    def derivative(self, index: int) -> Polynomial:
        """The partial derivative with respect to X_index."""
        shift = _BITS * index
        unit = 1 << shift
        terms = {
            monomial - unit: coefficient * exponent
            for monomial, coefficient in self.terms.items()
            if (exponent := (monomial >> shift) & _FIELD)
        }
        return Polynomial(terms, self.denominator)


def total(polynomials: Iterable[Polynomial]) -> Polynomial:
    """The sum of polynomials (0 if there is none)."""
    summands = [polynomial for polynomial in polynomials if polynomial.terms]
    denominator = lcm(*(summand.denominator for summand in summands))
    terms: dict[int, int] = {}
    for summand in summands:
        scale = denominator // summand.denominator
        for monomial, coefficient in summand.terms.items():
            terms[monomial] = terms.get(monomial, 0) + coefficient * scale
    return Polynomial({m: c for m, c in terms.items() if c}, denominator)


def dot(left: Sequence[Polynomial], right: Sequence[Polynomial]) -> Polynomial:
    """sum_i left_i right_i."""
    return total(a * b for a, b in zip(left, right, strict=True))


def gaussian_moment(power: int, variance: Fraction) -> Fraction:
    """E X^p = (p - 1)!! variance^{p/2} for X ~ N(0, variance) and even p, 0 for odd p."""
    if power % 2:
        return Fraction(0)
    return prod(range(1, power, 2)) * variance ** (power // 2)


def gaussian_integral(polynomial: Polynomial, variances: Mapping[int, Fraction]) -> Polynomial:
    """E P over X_k ~ N(0, variances[k]) for the k listed: a polynomial in all the others."""
    parts = []
    for monomial, coefficient in polynomial.terms.items():
        integrated = [(k, p) for k, p in monomial_exponents(monomial) if k in variances]
        rest = monomial - sum(p << (_BITS * k) for k, p in integrated)
        factor = prod((gaussian_moment(p, variances[k]) for k, p in integrated), start=Fraction(1))
        parts.append(Polynomial({rest: coefficient}, polynomial.denominator).scaled(factor))
    return total(parts)


def half_line_integral(polynomial: Polynomial, variances: Mapping[int, Fraction]) -> Polynomial:
    """E[P; each X_k listed on one half-line], for P even in them.

    E[X^p; X > 0] = E[X^p; X < 0] = (p - 1)!! variance^{p/2} / 2 for even p. An odd moment
    is irrational and has opposite signs on the two half-lines; none may be left.
    """
    for monomial in polynomial.terms:
        if any(k in variances and p % 2 for k, p in monomial_exponents(monomial)):
            raise ArithmeticError("an odd half-line moment survived the other integrals")
    return gaussian_integral(polynomial, variances).scaled(Fraction(1, 2 ** len(variances)))


class GaussianMeasure:
    """Independent centred Gaussian indeterminates, X_k of variance ``variances[k]``."""

    def __init__(self, variances: Sequence[Fraction]) -> None:
        self._variances = tuple(variances)
        self._moments: dict[int, Fraction] = {}
        self._odd = sum(1 << (_BITS * k) for k in range(len(self._variances)))

    def moment(self, monomial: int) -> Fraction:
        """E prod_k X_k^{p_k} = prod_k (p_k - 1)!! variance_k^{p_k/2}, 0 if some p_k is odd."""
        if monomial & self._odd:
            return Fraction(0)
        if monomial not in self._moments:
            self._moments[monomial] = prod(
                (gaussian_moment(p, self._variances[k]) for k, p in monomial_exponents(monomial)),
                start=Fraction(1),
            )
        return self._moments[monomial]

    def expectation(self, polynomial: Polynomial) -> Fraction:
        """E P, monomial by monomial."""
        grouped: dict[Fraction, int] = {}
        for monomial, coefficient in polynomial.terms.items():
            moment = self.moment(monomial)
            grouped[moment] = grouped.get(moment, 0) + coefficient
        value = sum((moment * count for moment, count in grouped.items()), Fraction(0))
        return value / polynomial.denominator

    def expectation_of_product(self, left: Polynomial, right: Polynomial) -> Fraction:
        """E P Q without forming P Q: only monomials whose exponents agree mod 2 can pair."""
        classes: dict[int, list[tuple[int, int]]] = {}
        for monomial, coefficient in right.terms.items():
            classes.setdefault(monomial & self._odd, []).append((monomial, coefficient))
        collected: dict[int, int] = {}
        for monomial, coefficient in left.terms.items():
            for partner, factor in classes.get(monomial & self._odd, ()):
                key = monomial + partner
                collected[key] = collected.get(key, 0) + coefficient * factor
        return self.expectation(Polynomial(collected, left.denominator * right.denominator))
