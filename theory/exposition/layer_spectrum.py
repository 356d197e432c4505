"""`LayerSpectrum` holds a layer map's eigenvalues at equal widths, with their eigenvectors.

A row vector v with v M = lambda v is a combination of words whose mean over one layer is lambda
times the same combination below.  Eigenvalues and blocks are found in units that a layer keeps
(`theory.exact.rescaled_network`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import gcd
from typing import Any

from sympy import Expr, Integer, factor
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.algebra.factored_form import in_slope, power_sum_expression
from theory.algebra.power_sum import PowerSum, depth_ring
from theory.algebra.spectrum import Spectrum
from theory.exact.own_units import OwnUnits
from theory.exact.rescaled_network import RescaledNetwork
from theory.public_names import cached_property
from theory.solutions.derivation import Derivation
from theory.symbols import L
from theory.words.word import Word, degree, is_trace

__all__ = ["Eigenvalue", "LayerSpectrum"]

_ONE = Integer(1)


@dataclass(frozen=True)
class Eigenvalue:
    """One eigenvalue, its multiplicity, the sizes of its Jordan blocks, and one combination of the
    words, as coefficients, that a layer multiplies by it."""

    value: Expr
    multiplicity: int
    blocks: tuple[int, ...]
    combination: tuple[Expr, ...]


@dataclass(frozen=True)
class LayerSpectrum:
    """The spectrum of the layer map of a derivation's kernel words, for equal hidden widths."""

    derivation: Derivation

    @cached_property
    def unit(self) -> RescaledNetwork | OwnUnits:
        """The network in units that a layer keeps; of blocks in its own."""
        word_maps, network = self.derivation.word_maps, self.derivation.network
        if network._is_chain:
            return RescaledNetwork(word_maps, network)
        return OwnUnits(word_maps, network, None)

    @cached_property
    def spectrum(self) -> Spectrum:
        """Matrix and eigenvalues in units that a layer keeps, at multiplier 1."""
        network, unit = self.derivation.network, self.unit
        if isinstance(unit, RescaledNetwork):
            cell = unit.layer(network.width, _ONE)
        else:
            cell = unit.numbers(network._kinds()[-1])
        return Spectrum.of(self.derivation.word_maps.kernel.matrix(cell))

    @cached_property
    def eigenvalues(self) -> tuple[Eigenvalue, ...]:
        """The eigenvalues by falling size of their largest block."""
        found = (self._eigenvalue(*pair) for pair in self.spectrum.eigenvalues)
        return tuple(sorted(found, key=lambda each: (-max(each.blocks), str(each.value))))

    def _eigenvalue(self, value: Any, multiplicity: int) -> Eigenvalue:
        domain, size = self.unit.domain, self.spectrum.matrix.shape
        shifted = self.spectrum.matrix - DomainMatrix.eye(size, domain) * value
        return Eigenvalue(
            _over_width(value, domain) * self._gain**self._degree,
            multiplicity,
            _blocks(shifted, multiplicity),
            self._scaled(_left(shifted)),
        )

    @property
    def _words(self) -> tuple[Word, ...]:
        return self.derivation.word_maps.kernel.words

    @property
    def _gain(self) -> Expr:
        """The factor by which a layer multiplies the norm, in the units of `unit`."""
        return self.unit.gain if isinstance(self.unit, RescaledNetwork) else _ONE

    @property
    def _degree(self) -> int:
        return degree(self._words[0])

    def _scaled(self, row: Sequence[Any]) -> tuple[Expr, ...]:
        """A combination in the network's own units, where a word with k matrices is (m_2/G)^k
        times its rescaled value, over a factor that all words of a degree share."""
        chain = isinstance(self.unit, RescaledNetwork)
        moment = self.unit.network.activation.mask_moment(2) / self._gain if chain else _ONE
        ranks = [sum(_matrices(each) for each in word) for word in self._words]
        most = max(rank for rank, entry in zip(ranks, row, strict=True) if entry)
        return tuple(
            factor(in_slope(self.unit.domain.to_sympy(entry)) * moment ** (most - rank))
            if entry
            else Integer(0)
            for rank, entry in zip(ranks, row, strict=True)
        )


def _over_width(value: Any, domain: Domain) -> Expr:
    """An eigenvalue as a product of sums 1 + b/n, as closed forms write it."""
    if not value:
        return Integer(0)
    power = PowerSum(depth_ring(domain), {frozenset({(value, L)}): depth_ring(domain).one})
    return power_sum_expression(power).subs(L, 1)


def _matrices(spelled: str) -> int:
    return len(spelled) if is_trace(spelled) else len(spelled) - 2


def _left(shifted: DomainMatrix) -> list[Any]:
    """A row vector v with v times ``shifted`` = 0, its entries without a common factor."""
    row = shifted.transpose().nullspace().to_list()[0]
    _, cleared = DomainMatrix([row], (1, len(row)), shifted.domain).clear_denoms(convert=True)
    entries = [entry for entry in cleared.to_list()[0] if entry]
    ring = cleared.domain
    common = reduce(ring.gcd, entries) if shifted.domain.is_Field else gcd(*entries)
    sign = -1 if ring.is_negative(ring.quo(entries[0], common)) else 1
    return [shifted.domain(ring.quo(e, common) * sign) for e in cleared.to_list()[0]]


def _blocks(shifted: DomainMatrix, multiplicity: int) -> tuple[int, ...]:
    """Sizes of the Jordan blocks, from the kernels of the powers of M - lambda."""
    size, power, nullities = shifted.shape[0], shifted, [0]
    while nullities[-1] < multiplicity:
        nullities.append(size - power.rank())
        power = power * shifted
    at_least = [b - a for a, b in pairwise(nullities)]
    sizes = []
    for index, count in enumerate(at_least):
        longer = at_least[index + 1] if index + 1 < len(at_least) else 0
        sizes += [index + 1] * (count - longer)
    return tuple(sorted(sizes, reverse=True))
