"""`RescaledNetwork` measures a network in units in which a layer keeps the norm, so that the field
has few symbols.

At equal hidden widths let m_p = E[D^p] and G = c m_2, the gain, 1 at the critical variance.  Divide
every mask by sqrt(m_2), so that it has moments 1, kappa, ...; every weight by sqrt(G); and |x|^2
by m_2.  The layer map is then that of a network with weight variance 1/fan-in, and an observable
with k letters K, 2 j letters z and 2 d letters g is, at layer l of L,

    s^d |x|^(2(k+j)) m_2^(d-j+D/2) G^((L-l) d' + (l-1) k + l j)

times its mean in these units (D counts its letters D; d' is the degree of its words above).  With
one slope a, all even mask moments are polynomials in kappa = m_4/m_2^2:

    m_2p/m_2^p = 2^(p-1) (u^p + v^p),   u + v = 1,   u v = (2 - kappa)/4.

An observable with an odd number of masks on one neuron keeps its masks and the symbol a.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any

from sympy import Expr, Integer, Mul, Rational, Symbol, factor, sympify
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of
from theory.errors import NotSolved
from theory.networks.network import Network
from theory.networks.sites import Cell
from theory.public_names import PickledByFields, cached_property
from theory.symbols import a, kappa
from theory.words.coefficients import StepParameters
from theory.words.gradients import GradientTerm
from theory.words.shapes import cell_parameters
from theory.words.word import Word, degree
from theory.words.word_maps import WordMaps

__all__ = ["RescaledNetwork"]


@dataclass(frozen=True)
class RescaledNetwork(PickledByFields):
    """A network of equal hidden widths, rescaled for one observable's derivation."""

    word_maps: WordMaps
    network: Network

    def __post_init__(self) -> None:
        if isinstance(self.network.width, tuple):
            raise NotSolved(
                f"a closed form in the depth or the layer needs equal hidden widths, got "
                f"width={self.network.width}: give one width, or the layer as a number"
            )

    @cached_property
    def domain(self) -> Domain:
        """Rational functions in n, n_0 and kappa (or a), as far as they are symbols here."""
        sizes = {self.network.width, self.network.first_fan_in, self.kurtosis}
        if not self._even:
            sizes = sizes - {self.kurtosis} | {self.network.activation.slope}
        return field_of(frozenset(size for size in sizes if isinstance(size, Symbol)))

    @cached_property
    def kurtosis(self) -> Expr:
        """m_4/m_2^2, a number or the symbol kappa."""
        activation = self.network.activation
        if activation.slope == a:
            return kappa
        return activation.mask_moment(4) / activation.mask_moment(2) ** 2

    @cached_property
    def gain(self) -> Expr:
        """c E[D^2]: the factor by which a layer changes E|x|^2 per neuron."""
        if self.network.weight_variance is None:
            return Integer(1)
        return factor(self.network.c * self.network.activation.mask_moment(2))

    @property
    def norm2(self) -> Any:
        """|x|^2 in these units."""
        return self.domain.one

    def in_depths(self, depth: Any) -> Expr:
        """A depth or a layer in the symbols L and ell."""
        return sympify(depth)

    def layer(self, fan_in: Any, rate: Expr) -> tuple[StepParameters, ...]:
        """One layer with this fan-in and multiplier, rescaled, over `domain`."""
        return self.numbers(self.network._layer(fan_in, self.network.width, rate))

    def numbers(self, cell: Cell) -> tuple[StepParameters, ...]:
        """One layer, rescaled, over `domain`."""
        scale = self.network.c
        if not self._even:
            scale *= self.network.activation.mask_moment(2)
        ((site,),) = cell
        edges = tuple(replace(edge, variance=edge.variance / scale) for edge in site.edges)
        (step,) = cell_parameters(self.domain, ((replace(site, edges=edges),),))
        if self._even:
            step = replace(step, mask_moments=dict.fromkeys(step.mask_moments, cache(self._moment)))
        return (step,)

    def _moment(self, power: int) -> Any:
        """E[D^power]/m_2^(power/2), for an even power."""
        product = (2 - self.domain.from_sympy(self.kurtosis)) / 4
        sums = [self.domain(2), self.domain.one]
        while len(sums) <= power // 2:
            sums.append(sums[-1] - product * sums[-2])
        return sums[power // 2] * 2 ** (power // 2 - 1)

    @cached_property
    def _even(self) -> bool:
        """Whether every mask moment of the derivation is even."""
        return all(power % 2 == 0 for power in self.word_maps.mask_powers())

    def prefactor(
        self, term: GradientTerm, word: Word, layer: Expr, depth: Expr
    ) -> tuple[Any, Expr]:
        """The mean of ``term``, which is the product ``word`` of the observable, over its mean in
        units that a layer keeps: an element of `domain` times an expression in other symbols."""
        k, j, d = _count(word, "K"), Rational(_count(word, "z"), 2), term.pairs
        parts = [self.network.s**d, self.network.norm2 ** (k + j)]
        if self._even:
            number, rest = self.network.activation.mask_moment(2).as_content_primitive()
            power = d - j + Rational(_count(word, "D"), 2)
            parts += [number**power, rest**power]
        above = max(map(degree, term.top), default=0)
        parts.append(self.gain ** ((depth - layer) * above + (layer - 1) * k + layer * j))
        parts.append(1 / sympify(self.network.width) ** (2 * d))
        own = [part for part in parts if part.free_symbols <= self._symbols]
        inside = prod(map(self.domain.from_sympy, own), start=self.domain.one)
        return inside, Mul(*(part for part in parts if part not in own))

    @property
    def _symbols(self) -> set[Symbol]:
        return set(getattr(self.domain, "symbols", ()))


def _count(word: Iterable[str], letter: str) -> int:
    return sum(factor.count(letter) for factor in word)
