"""Powers of a layer map at a symbolic exponent, from its eigenvalues and Jordan blocks.

If every eigenvalue of M lies in the field of its entries, a vector v splits into components w_i in
the generalised eigenspaces, on which N_i = M - lambda_i is nilpotent, and

    M^j v = sum_i sum_k binom(j, k) lambda_i^(j-k) N_i^k w_i .

The components come from partial fractions of 1 over the characteristic polynomial.  They are
checked before they are used: sum_i w_i = v, and each chain N_i^k w_i ends.  By Pascal's rule these
two identities say that the right-hand side is v at j = 0 and obeys the recursion at every j.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.errors import NotSolved

__all__ = ["Component", "Spectrum"]


@dataclass(frozen=True)
class Component:
    """A vector's part for one eigenvalue: ``chain[k]`` is N^k w, shape ``(words, 1)`` each."""

    eigenvalue: Any
    chain: tuple[DomainMatrix, ...]


@dataclass(frozen=True)
class Spectrum:
    """A square matrix over a field and its eigenvalues in that field, with multiplicities."""

    matrix: DomainMatrix
    eigenvalues: tuple[tuple[Any, int], ...]

    @classmethod
    def of(cls, matrix: DomainMatrix) -> Spectrum:
        """Factor the characteristic polynomial; `NotSolved` unless all factors are linear."""
        factors = matrix.charpoly_factor_list()
        if any(len(factor) != 2 for factor, _ in factors):
            raise NotSolved(
                "a layer map of this observable has an eigenvalue that is not a rational function "
                "of the sizes: give depth and layer as numbers"
            )
        pairs = tuple((-factor[1] / factor[0], times) for factor, times in factors)
        return cls(matrix, pairs)

    def components(self, vector: DomainMatrix) -> tuple[Component, ...]:
        """The parts of ``vector``, shape ``(words, 1)``, that are not zero, checked to solve the
        recursion."""
        found = [self._component(index, vector) for index in range(len(self.eigenvalues))]
        parts = [part for part in found if part.chain]
        total = reduce(add, (part.chain[0] for part in parts), vector - vector)
        if total != vector:
            raise AssertionError("the components of a vector do not sum to it")
        return tuple(parts)

    def _component(self, index: int, vector: DomainMatrix) -> Component:
        """One part, as a polynomial in M applied to ``vector``."""
        eigenvalue, size = self.eigenvalues[index]
        others = [pair for i, pair in enumerate(self.eigenvalues) if i != index]
        for other, times in others:
            for _ in range(times):
                vector = self._less(vector, other)
        powers = self._chain(vector, eigenvalue, size)
        if not powers:
            return Component(eigenvalue, ())
        series = _inverse_series(eigenvalue, others, len(powers), vector.domain)
        part = reduce(add, (p * c for p, c in zip(powers, series, strict=True)))
        return Component(eigenvalue, tuple(self._chain(part, eigenvalue, size)))

    def _chain(self, vector: DomainMatrix, eigenvalue: Any, size: int) -> list[DomainMatrix]:
        """vector, N vector, ... until zero, at most ``size`` of them."""
        chain: list[DomainMatrix] = []
        while not vector.is_zero_matrix:
            if len(chain) == size:
                raise AssertionError("a Jordan chain is longer than its eigenvalue's multiplicity")
            chain.append(vector)
            vector = self._less(vector, eigenvalue)
        return chain

    def _less(self, vector: DomainMatrix, eigenvalue: Any) -> DomainMatrix:
        """(M - eigenvalue) vector."""
        return self.matrix * vector - vector * eigenvalue


def _inverse_series(
    eigenvalue: Any, others: Sequence[tuple[Any, int]], size: int, domain: Domain
) -> list[Any]:
    """1/prod (y + eigenvalue - other)^times as a power series in y, ``size`` coefficients."""
    series = [domain.one] + [domain.zero] * (size - 1)
    for other, times in others:
        inverse = 1 / (eigenvalue - other)
        for _ in range(times):
            for k, coefficient in enumerate(series):
                below = series[k - 1] if k else domain.zero
                series[k] = (coefficient - below) * inverse
    return series
