"""The words that an observable is made of, and the layer maps that carry them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Expr, Integer, Matrix, Symbol
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of
from theory.networks.multipliers import Rates
from theory.networks.network import Network
from theory.public_names import cached_property
from theory.solutions.recursion import layer_parameters
from theory.solutions.value import Number
from theory.symbols import L, c, n_in, n_out, r
from theory.waiting import announced
from theory.words.closure import LayerMap
from theory.words.coefficients import LayerParameters
from theory.words.observables import Observable
from theory.words.structure import Structure, structure
from theory.words.word import Word, word_text
from theory.writing.blocks import Formulas, Prose
from theory.writing.equations import map_lines
from theory.writing.rendering import block_markdown

__all__ = ["DerivedWords", "open_layer"]


@dataclass(frozen=True)
class DerivedWords(Number):
    """One observable at one layer of a network: its words and their layer maps."""

    observable: Observable
    network: Network
    layer: int | Symbol
    rates: tuple[Expr, ...] | Rates
    _shared: ClassVar[frozenset[str]] = frozenset(
        {"domain", "even", "in_numbers", "leading_term", "structure", "value"}
    )

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the masked kernel A and the activation x that arise, as text.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).words
        ('tr(A)', '|x|²')
        """
        return tuple(map(word_text, self.structure.kernel.words))

    @property
    def layer_map(self) -> Matrix:
        """The expectation of `words` over one layer: entry (i, j) is the coefficient of word j
        below the layer in word i above it, over Q(n_in, n_out), for multiplier 1.

        Shape ``(words, words)``; with symbols of the network where it has them.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).layer_map
        Matrix([
        [n_out/n_in,    n_out/2],
        [         0, n_out/n_in]])
        """
        return self._matrix(self.structure.kernel)

    @property
    def general_layer_map(self) -> Matrix:
        """`layer_map` for any weight variance c/n_in, multiplier r of the layer's own share, and
        mask moments m_p = E[D^p], all symbols.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).general_layer_map
        Matrix([
        [c*m_2*n_out/n_in,      m_2*n_out*r],
        [               0, c*m_2*n_out/n_in]])
        """
        return self._general_matrix(self.structure.kernel)

    @property
    def carried_words(self) -> tuple[str, ...]:
        """The words that carry the observable's gradients down from the readout, as text.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> derive(g @ K @ g, MLP()).carried_words
        ('tr(B)',)
        """
        return tuple(map(word_text, self.structure.carried.words))

    @property
    def carried_map(self) -> Matrix:
        """The expectation of `carried_words` over one layer, as `layer_map`.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> derive(g @ K @ g, MLP()).carried_map
        Matrix([[n_out/n_in]])
        """
        return self._matrix(self.structure.carried)

    @property
    def layer_equations(self) -> Formulas:
        """`layer_map` as equations: the mean of each word over one layer.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> for line in derive(trace(K), MLP()).layer_equations.lines:
        ...     print(line.left.plain, "=", line.right.plain)
        E tr(A) = n_out/n_in tr(A) + n_out/2 |x|²
        E |x|² = n_out/n_in |x|²
        """
        return map_lines(self.words, self.structure.kernel.words, self.layer_map)

    @property
    def carried_equations(self) -> Formulas:
        """`carried_map` as equations.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> len(derive(g @ K @ g, MLP()).carried_equations.lines)
        1
        """
        return map_lines(self.carried_words, self.structure.carried.words, self.carried_map)

    @cached_property
    def structure(self) -> Structure:
        """The derivation before sizes, shared by all networks."""
        with announced("derivation"):
            return structure(self.even)

    @cached_property
    def even(self) -> Observable:
        """The observable without its terms that are odd in the readout v: v and -v are equally
        likely, and g turns its sign with v, so that a product of an odd number of g has mean 0."""
        return Observable(tuple(t for t in self.observable.terms if not _is_odd(t[0])))

    def _matrix(self, layer_map: LayerMap) -> Matrix:
        return layer_map.matrix(open_layer(self.network)).to_Matrix()

    def _general_matrix(self, layer_map: LayerMap) -> Matrix:
        moments = [Symbol(f"m_{p}", positive=True) for p in range(1, layer_map.mask_powers() + 1)]
        domain = field_of(frozenset({n_in, n_out, c, r, *moments}))
        layer = LayerParameters(
            domain=domain,
            fan_out=domain.from_sympy(n_out),
            variance=domain.from_sympy(c / n_in),
            rate=domain.from_sympy(r),
            mask_moments=_lookup(domain, moments),
        )
        return layer_map.matrix(layer).to_Matrix()

    def _repr_markdown_(self) -> str:
        """What is derived, and the layer map as equations."""
        if not self.words:
            return block_markdown(Prose(repr(self)))
        return block_markdown(
            Prose(f"$E[{self.observable}]$ at layer {self.layer} of `{self.network}`, by words:"),
            self.layer_equations,
        )


def _is_odd(word: Word) -> bool:
    return sum(factor.count("g") for factor in word) % 2 == 1


def open_layer(network: Network) -> LayerParameters:
    """One layer of ``network`` with multiplier 1 and both fans open, over Q(n_in, n_out)."""
    domain = field_of((network.free_symbols - {L}) | {n_in, n_out})
    return layer_parameters(domain, network._site(n_in, n_out, Integer(1)))


def _lookup(domain: Domain, moments: list[Symbol]) -> Callable[[int], Any]:
    return lambda power: domain.from_sympy(moments[power - 1])
