"""`Spectrum` gives powers of a layer map at a symbolic exponent, from its eigenvalues and Jordan
blocks.

If every eigenvalue of M lies in the field of its entries, a vector v splits into components w_i in
the generalised eigenspaces, on which N_i = M - lambda_i is nilpotent, and

    M^j v = sum_i sum_k binom(j, k) lambda_i^(j-k) N_i^k w_i .

The vector N_i^k w_i is the coefficient of (x - lambda_i)^(-k-1) in the resolvent (x - M)^-1 v.
Let x_1, x_2, ... be all the eigenvalues in some order, t_0 = v and t_k = (M - x_k) t_(k-1).  If
the last of these vectors is zero, then, since (x - x_(k+1)) t_k - t_(k+1) = (x - M) t_k,

    (x - M)^-1 v = sum_k t_k / ((x - x_1) ... (x - x_(k+1))) .

The code checks in the field that this vector is zero, and checks every series that splits the
right-hand side into partial fractions: the powers above are an identity, not a fit.

Everything is kept in the ring below the field, over common denominators, since one greatest common
divisor costs more than all products of a step.  Where a caller needs the vectors only between rows
R, the code computes the few numbers R N_i^k w_i instead of whole vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import prod
from operator import add
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.algebra.fields import Quotient
from theory.errors import NotSolved
from theory.public_names import cached_property

__all__ = ["Component", "Orbit", "Spectrum"]


@dataclass(frozen=True)
class Component:
    """A vector's part for one eigenvalue: ``chain[k]`` is R N^k w, shape ``(rows, 1)`` each."""

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
        """The parts of ``vector``, shape ``(words, 1)``, that are not zero, as whole vectors."""
        identity = DomainMatrix.eye(self.matrix.shape, self.matrix.domain)
        return self.orbit(vector).components(identity)

    def orbit(self, vector: DomainMatrix) -> Orbit:
        """``vector``, shape ``(words, 1)``, ready to compute its components."""
        return Orbit(self, vector)

    @cached_property
    def cleared(self) -> Quotient:
        """The matrix over one denominator."""
        whole = Quotient.of(self.matrix)
        return Quotient(whole.numerators.to_sparse(), whole.denominator)

    @cached_property
    def roots(self) -> tuple[tuple[Any, int], ...]:
        """The eigenvalues of the numerators of `cleared`, in the ring: roots of a polynomial with
        leading coefficient 1, they have no denominators."""
        field, ring = self.matrix.domain, self.cleared.numerators.domain
        over = field(self.cleared.denominator)
        return tuple((ring.convert_from(over * e, field), m) for e, m in self.eigenvalues)


@dataclass(frozen=True)
class Orbit:
    """A matrix's eigenvalues applied to one vector: the vectors t_k, checked to end in zero."""

    spectrum: Spectrum
    vector: DomainMatrix

    @cached_property
    def _start(self) -> Quotient:
        return Quotient.of(self.vector)

    @cached_property
    def _nodes(self) -> list[Any]:
        return [root for root, times in self.spectrum.roots for _ in range(times)]

    @cached_property
    def _steps(self) -> list[DomainMatrix]:
        """t_0, t_1, ..., before the zero vector."""
        matrix, last = self.spectrum.cleared.numerators, self._start.numerators.to_sparse()
        steps = []
        for node in self._nodes:
            steps.append(last)
            last = matrix * last - last * node
        if not last.is_zero_matrix:
            raise AssertionError("a vector is not annihilated by the characteristic polynomial")
        return steps

    def components(self, rows: DomainMatrix) -> tuple[Component, ...]:
        """The parts that are not zero between ``rows``, shape ``(rows, words)``."""
        between = Quotient.of(rows)
        left = between.numerators.to_sparse()
        numerator = _numerator([left * step for step in self._steps], self._nodes)
        below = self._start.denominator * between.denominator
        found = (self._component(i, numerator, below) for i in range(len(self.spectrum.roots)))
        return tuple(part for part in found if part.chain)

    def _component(self, index: int, numerator: list[DomainMatrix], below: Any) -> Component:
        """The partial fractions at one eigenvalue.

        With y = x - root, the resolvent is P(y) / (y^size Q(y)).  Where D is the product of the
        differences root - other, 1/Q(D y) = S(y)/Q(0) with a series S in the ring.
        """
        root, size = self.spectrum.roots[index]
        differences = [(root - r, m) for i, (r, m) in enumerate(self.spectrum.roots) if i != index]
        ring = self.spectrum.cleared.numerators.domain
        field, scale = self.vector.domain, self.spectrum.cleared.denominator
        top = _shifted(numerator, root, size)
        series = _inverse_series(differences, size, ring)
        spread = prod((each for each, _ in differences), start=ring.one)
        constant = prod((each**times for each, times in differences), start=ring.one)
        chain = []
        for k in range(size):
            last = size - 1 - k
            terms = (top[h] * (spread**h * series[last - h]) for h in range(last + 1))
            over = constant * spread**last * scale**k * below
            chain.append(_divided(reduce(add, terms), over, field))
        while chain and chain[-1].is_zero_matrix:
            chain.pop()
        return Component(self.spectrum.eigenvalues[index][0], tuple(chain))


def _numerator(steps: Sequence[DomainMatrix], nodes: Sequence[Any]) -> list[DomainMatrix]:
    """The coefficients of x^0, x^1, ... in sum_k t_k prod_(j > k + 1) (x - x_j)."""
    total: list[DomainMatrix] = []
    for step, node in zip(steps, nodes, strict=True):
        nothing = step - step
        total = [below - here * node for below, here in pairwise([nothing, *total, nothing])]
        total[0] = total[0] + step
    return total


def _shifted(poly: Sequence[DomainMatrix], root: Any, size: int) -> list[DomainMatrix]:
    """The first ``size`` coefficients of a polynomial in y = x - root, by repeated division."""
    rest, found = list(poly), []
    for _ in range(size):
        for power in range(len(rest) - 2, -1, -1):
            rest[power] = rest[power] + rest[power + 1] * root
        found.append(rest.pop(0))
    return found


def _inverse_series(differences: Sequence[tuple[Any, int]], size: int, ring: Domain) -> list[Any]:
    """prod 1/(1 + y D/d)^times as a power series in y to ``size`` terms, D the product of all
    differences d; checked by multiplying back."""
    series = [ring.one] + [ring.zero] * (size - 1)
    ratios = []
    for index, (_, times) in enumerate(differences):
        others = (each for i, (each, _) in enumerate(differences) if i != index)
        ratios += [prod(others, start=ring.one)] * times
    for ratio in ratios:
        for k in range(1, size):
            series[k] = series[k] - series[k - 1] * ratio
    back = list(series)
    for ratio in ratios:
        back = [c + (back[k - 1] * ratio if k else ring.zero) for k, c in enumerate(back)]
    if back != [ring.one] + [ring.zero] * (size - 1):
        raise AssertionError("a series times its inverse is not 1")
    return series


def _divided(column: DomainMatrix, over: Any, field: Domain) -> DomainMatrix:
    """A column over the ring, divided by an element of it, over the field."""
    bottom = field(over)
    entries = [[field(entry) / bottom if entry else field.zero] for (entry,) in column.to_list()]
    return DomainMatrix(entries, column.shape, field)
