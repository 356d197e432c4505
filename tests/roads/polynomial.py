"""Sparse polynomials with rational coefficients, and their exact Gaussian expectation.

A monomial is one Python integer: the exponent of indeterminate k occupies the bits from
16 k up, so multiplying monomials is adding integers (exponents must stay below 2^16).
Coefficients are integers over one common denominator, so that no Fraction is ever reduced
in an inner loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import lcm, prod

__all__ = ["GaussianMeasure", "Polynomial", "dot", "monomial_exponents", "total"]

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
                (
                    prod(range(1, exponent, 2)) * self._variances[index] ** (exponent // 2)
                    for index, exponent in monomial_exponents(monomial)
                ),
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
