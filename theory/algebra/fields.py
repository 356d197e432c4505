"""This module compares values in their exact field, never by simplification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sympy import QQ, ZZ, Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.symbols import a, kappa

__all__ = ["Quotient", "certainly_at_least", "field_of", "largest"]


def _from_one(symbol: Any) -> bool:
    """Whether a symbol is at least 1: sizes and layers are, and a kurtosis, by Cauchy and Schwarz.
    The slope a lies in (0, 1]; all others are positive."""
    return bool(symbol.is_integer and symbol.is_positive) or symbol == kappa


def largest(values: Mapping[int, Any], domain: Domain) -> dict[int, Any]:
    """The entries of ``values`` that may be largest: one, if that is proven.

    Law: every dropped value is at most some kept value, for all admissible symbols.
    """
    kept: dict[int, Any] = {}
    for key, value in sorted(values.items(), reverse=True):
        if any(certainly_at_least(other, value, domain) for other in kept.values()):
            continue
        kept = {k: v for k, v in kept.items() if not certainly_at_least(value, v, domain)}
        kept[key] = value
    return kept


def certainly_at_least(larger: Any, smaller: Any, domain: Domain) -> bool:
    """Whether ``larger`` >= ``smaller`` is proven for all sizes >= 1 and all positive symbols.

    Numbers are compared.  A rational function is certified by its coefficients: non-negative in
    numerator and denominator once every size n is written as 1 + b and the slope as 1/(1 + b).
    """
    difference = larger - smaller
    if domain.is_QQ:
        return bool(difference >= 0)
    return _certified(difference.numer) and _certified(difference.denom)


def _certified(poly: Any) -> bool:
    """Whether a polynomial is certainly non-negative, by its coefficients in b >= 0."""
    for index, symbol in enumerate(poly.ring.symbols):
        generator = poly.ring.gens[index]
        if symbol == a:
            poly = _reversed(poly, index)
        if symbol == a or _from_one(symbol):
            poly = poly.compose(generator, generator + 1)
    return all(coefficient >= 0 for coefficient in poly.coeffs())


def _reversed(poly: Any, index: int) -> Any:
    """The polynomial times its generator's top power, at one over the generator."""
    top = max((monomial[index] for monomial in poly), default=0)
    terms = {(*m[:index], top - m[index], *m[index + 1 :]): c for m, c in poly.items()}
    return poly.ring.from_dict(terms)


def field_of(symbols: frozenset[Symbol]) -> Domain:
    """The field of rational functions in ``symbols`` with rational coefficients."""
    ordered = sorted(symbols, key=lambda symbol: str(symbol.name))
    return ZZ.frac_field(*ordered) if ordered else QQ


@dataclass(frozen=True)
class Quotient:
    """A matrix over a ring with one common denominator; nothing is reduced."""

    numerators: DomainMatrix
    denominator: Any

    @classmethod
    def of(cls, matrix: DomainMatrix) -> Quotient:
        """``matrix`` over a field, its denominators cleared once."""
        denominator, numerators = matrix.clear_denoms(convert=True)
        return cls(numerators, denominator.element)

    def __matmul__(self, other: Quotient) -> Quotient:
        return Quotient(self.numerators * other.numerators, self.denominator * other.denominator)

    def __add__(self, other: Quotient) -> Quotient:
        numerators = self.numerators * other.denominator + other.numerators * self.denominator
        return Quotient(numerators, self.denominator * other.denominator)

    def scalar(self) -> tuple[Any, Any]:
        """Numerator and denominator of a 1 by 1 matrix, in the ring."""
        return self.numerators[0, 0].element, self.denominator
