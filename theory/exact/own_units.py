"""`OwnUnits` solves a network in its own units: every scale that is a symbol is in the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr, sympify
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of
from theory.networks.network import Network
from theory.networks.roles import block_of
from theory.networks.sites import Cell
from theory.public_names import PickledByFields, cached_property
from theory.symbols import B, L, b, ell
from theory.words.coefficients import StepParameters
from theory.words.gradients import GradientTerm
from theory.words.shapes import cell_parameters
from theory.words.word import Word
from theory.words.word_maps import WordMaps

__all__ = ["OwnUnits"]


@dataclass(frozen=True)
class OwnUnits(PickledByFields):
    """A network of blocks for one observable's derivation.

    The number of blocks is B in scales, which are elements of the field, and L in exponents.
    """

    word_maps: WordMaps
    network: Network
    rates: Any

    @cached_property
    def domain(self) -> Domain:
        """Rational functions in the sizes and scales that are symbols."""
        return field_of(self.network._field_symbols(self.rates))

    @property
    def norm2(self) -> Any:
        """|x|^2."""
        return self.domain.from_sympy(self.network.norm2)

    def in_depths(self, depth: Any) -> Expr:
        """A number of blocks or a block in the symbols L and ell."""
        number = block_of(depth)
        return sympify(number).xreplace({B: L, b: ell})

    def numbers(self, cell: Cell) -> tuple[StepParameters, ...]:
        """The numbers of a cell over `domain`."""
        return cell_parameters(self.domain, cell)

    def prefactor(
        self, term: GradientTerm, word: Word, layer: Expr, depth: Expr
    ) -> tuple[Any, Expr]:
        """The readout's share of a term, an element of `domain`."""
        readout = self.network.s / sympify(self.network.last_width) ** 2
        return self.domain.from_sympy(readout) ** term.pairs, sympify(1)
