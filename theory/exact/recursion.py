"""A `Recursion` runs a derivation through the layers of one network of given depth, exactly.

The words at the input are known, each layer's map takes them up one layer, and the carried words
come down from the readout to the observable's layer.  Everything is kept over one
common denominator in the ring below the field (integers, or polynomials in the symbols that are
left), so that no step reduces a fraction; the answer is reduced once, at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import chain, repeat
from operator import add
from typing import Any

from sympy import sympify
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.algebra.fields import Quotient, field_of
from theory.networks.network import Network
from theory.networks.sites import Cell
from theory.public_names import cached_property
from theory.words.gradients import GradientTerm
from theory.words.shapes import cell_parameters, shape_of
from theory.words.word import Word
from theory.words.word_maps import WordMaps

__all__ = ["LayerMaps", "LayerRun", "Recursion", "is_too_long", "recursion"]


@dataclass(frozen=True)
class LayerMaps:
    """The maps of one cell with its numbers in place, on the word maps' words."""

    kernel: Quotient
    carried: Quotient
    sources: tuple[Quotient, ...]

    @classmethod
    def of(cls, word_maps: WordMaps, domain: Domain, cell: Cell) -> LayerMaps:
        """The maps of ``word_maps`` for the numbers of a cell."""
        maps, numbers = word_maps.cells[shape_of(cell)], cell_parameters(domain, cell)
        return cls(
            kernel=Quotient.of(maps.kernel.matrix(numbers)),
            carried=Quotient.of(maps.carried.matrix(numbers)),
            sources=tuple(Quotient.of(source.matrix(numbers)) for source in maps.sources),
        )


@dataclass(frozen=True)
class LayerRun:
    """``count`` neighbouring cells of one map; ``width``: of the site that the observable is of."""

    maps: LayerMaps
    width: Any
    count: int


@dataclass(frozen=True, eq=False)
class Recursion:
    """One derivation in one network of given depth; other sizes may still be symbols.

    ``rates``: multipliers without symbols.
    """

    word_maps: WordMaps
    network: Network
    rates: Any

    @cached_property
    def domain(self) -> Domain:
        """The field of the answer."""
        return field_of(self.network._field_symbols(self.rates))

    def expectation(self, layer: int) -> Quotient:
        """The observable's mean in cell ``layer``, a 1 by 1 quotient."""
        below = self._below[layer - 1]
        sources = self.layers[layer - 1].sources
        terms = zip(self._above[layer - 1], sources, strict=True)
        values = [above @ source @ below for above, source in terms]
        nothing = Quotient.of(DomainMatrix.zeros((1, 1), self.domain))
        return reduce(add, values) if values else nothing

    def value(self, layer: int) -> Any:
        """The observable's mean in cell ``layer``, an element of the field."""
        if layer not in self._values:
            numerator, denominator = self.expectation(layer).scalar()
            self._values[layer] = self.domain(numerator) / self.domain(denominator)
        return self._values[layer]

    @cached_property
    def _values(self) -> dict[int, Any]:
        return {}

    @cached_property
    def runs(self) -> list[LayerRun]:
        """Runs of equal cells, from the input up."""
        made: dict[Cell, LayerRun] = {}
        runs: list[LayerRun] = []
        for cell, count in self.network._cells(self.rates):
            if cell not in made:
                maps = LayerMaps.of(self.word_maps, self.domain, cell)
                made[cell] = LayerRun(maps, cell[-1][-1].width, 0)
            runs.append(replace(made[cell], count=count))
        return runs

    @cached_property
    def layers(self) -> list[LayerMaps]:
        """The maps of all cells, equal cells sharing one."""
        return list(chain.from_iterable(repeat(run.maps, run.count) for run in self.runs))

    @cached_property
    def _below(self) -> list[Quotient]:
        """E of the kernel words at layers 0 to L - 1, columns."""
        states = [self.start()]
        for layer in self.layers[:-1]:
            states.append(layer.kernel @ states[-1])
        return states

    @cached_property
    def cells(self) -> int:
        """The number of cells."""
        return sum(run.count for run in self.runs)

    def start(self) -> Quotient:
        """The kernel words at the input, a column."""
        norm2 = self.domain.from_sympy(self.network.norm2)
        return Quotient.of(start_column(self.word_maps.kernel.words, norm2, self.domain))

    @cached_property
    def _above(self) -> list[list[Quotient]]:
        """At layers 1 to L, for each term, the coefficients of the carried words, rows."""
        rows = [[Quotient.of(row) for row in self.top()]]
        for layer in reversed(self.layers[1:]):
            rows.append([row @ layer.carried for row in rows[-1]])
        return rows[::-1]

    def top(self) -> list[DomainMatrix]:
        """For each term, the carried words that the average over the readout leaves."""
        readout = self.domain.from_sympy(self.network.s / sympify(self.network.last_width) ** 2)
        return [
            top_row(term, self.word_maps, readout, self.domain) for term in self.word_maps.terms
        ]


@lru_cache(maxsize=8)
def recursion(word_maps: WordMaps, network: Network, rates: Any) -> Recursion:
    """The `Recursion` of these arguments, kept for the next question about the same network."""
    return Recursion(word_maps, network, rates)


def start_column(words: tuple[Word, ...], norm2: Any, domain: Domain) -> DomainMatrix:
    """The kernel words at the input: powers of |x|^2, and zero with any matrix."""
    column = [[norm2 ** len(w) if set(w) <= {"xx"} else domain.zero] for w in words]
    return DomainMatrix(column, (len(words), 1), domain)


def top_row(term: GradientTerm, word_maps: WordMaps, readout: Any, domain: Domain) -> DomainMatrix:
    """The coefficients of the carried words at the last layer, given the readout's variance."""
    weight = readout**term.pairs * domain(term.coefficient.numerator)
    weight /= domain(term.coefficient.denominator)
    row = [weight * domain(term.top.get(word, 0)) for word in word_maps.carried.words]
    return DomainMatrix([row], (1, len(row)), domain)


def is_too_long(network: Network) -> bool:
    """Whether the exact numbers of a network, layer by layer, have too many digits to be held: each
    layer adds about four digits, and two for each digit of its width, to the digits of all layers
    above; or whether their functions of symbols have too many terms.

    >>> from theory import MLP
    >>> is_too_long(MLP(1000, 1000)), is_too_long(MLP(10, 10**5)), is_too_long(MLP())
    (False, True, False)
    """
    if network.free_symbols:
        return isinstance(network.depth, int) and network.depth > _MOST_LAYERS_OF_SYMBOLS
    layers, width = network.layers, network.width
    widths, times = (width, 1) if isinstance(width, tuple) else ((width,), layers)
    digits = times * sum(4 + 2 * math.log10(int(each)) for each in widths)
    return digits * layers > _MOST_DIGITS


_MOST_DIGITS = 2 * 10**8
_MOST_LAYERS_OF_SYMBOLS = 256
