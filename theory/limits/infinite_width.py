"""At infinite width one triangular layer map remains, whose powers are polynomials in depth.

Scale every word by the power of n that it grows with: tr(A^k) and x^T A^k x by n^(k+1).  Then the
layer map of n -> infinity exists, and up to one factor per degree (1 at the critical variance) it
is the identity plus a nilpotent matrix N, so that its powers are polynomials in depth,

    (1 + N)^j = sum_k binom(j, k) N^k.

The code checks both facts for each map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from math import factorial, prod
from typing import Any

from sympy import Expr, Integer, Poly, Symbol, factor, powsimp, sympify
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.algebra.fields import field_of
from theory.errors import NotSolved
from theory.exact.recursion import start_column, top_row
from theory.networks.network import Network
from theory.symbols import L, ell, n
from theory.words.shapes import cell_parameters
from theory.words.word import Word, degree, is_trace
from theory.words.word_maps import WordMaps, word_maps

__all__ = ["MeanFieldLaw", "highest_degree", "leading_in_width", "mean_field_law"]


@dataclass(frozen=True)
class MeanFieldLaw:
    """An observable's mean as n -> infinity: n^power * growth * polynomial, at layer ell of L.

    ``growth``: 1 at the critical variance, else a power of the gain c E[D^2].
    ``polynomial``: in ell and L, exact for 2 <= ell <= L.
    """

    power: int
    growth: Expr
    polynomial: Expr

    def __repr__(self) -> str:
        scale = "" if self.power == 0 and self.growth == 1 else f"{n**self.power * self.growth} * "
        law = f"({self.polynomial})" if scale else f"{self.polynomial}"
        where = "the value at n = ∞" if self.power == 0 else "as n → ∞"
        return f"MeanFieldLaw: {scale}{law} at layer ell of L, {where}"

    def leading(self, layer: Expr) -> Expr:
        """The coefficient of n^power as the depth grows, at ``layer``: ``ell`` or ``L``."""
        top = highest_degree(self.polynomial.subs(ell, layer), ell, L)
        return powsimp(factor(self.growth.subs(ell, layer) * top))


def highest_degree(polynomial: Expr, *symbols: Symbol) -> Expr:
    """The terms of a polynomial in ``symbols`` that have its total degree."""
    poly = Poly(polynomial, *symbols)
    top = poly.total_degree()
    return Poly({m: c for m, c in poly.terms() if sum(m) == top}, *symbols).as_expr()


@lru_cache(maxsize=256)
def mean_field_law(maps: WordMaps, network: Network) -> MeanFieldLaw:
    """The law of an observable as the width goes to infinity, all multipliers being 1.

    Raises `NotSolved` where the widths are numbers, where the leading terms cancel, and where they
    grow with different powers of the gain.
    """
    if network.width != n:
        raise NotSolved(
            "the limit of infinite width needs a symbolic width: leave width out, as in MLP()"
        )
    if not any(term.top for term in maps.terms):
        raise NotSolved("this observable has mean zero at every width: it has no leading term")
    laws = [law for part in _by_degree(maps) for law in _laws_of_terms(part, network)]
    power = max(law.power for law in laws)
    leading = [law for law in laws if law.power == power]
    terms = Poly(sum((law.polynomial for law in leading), Integer(0)), ell, L).terms()
    polynomial = sum((factor(c) * ell**i * L**j for (i, j), c in terms), Integer(0))
    if polynomial == 0:
        raise NotSolved(
            "the leading terms in the width cancel in this observable: give a depth and read its "
            "exact value instead"
        )
    if len({law.growth for law in leading}) > 1:
        raise NotSolved(
            "the leading terms in the width grow with different powers of the gain: derive them "
            "one by one"
        )
    return MeanFieldLaw(power, leading[0].growth, polynomial)


def _by_degree(maps: WordMaps) -> list[WordMaps]:
    """The word maps of the terms of each degree: the maps of an observable of several degrees have
    several powers of the gain, and no limit in common."""
    apart: dict[tuple[int, int], list[Any]] = {}
    for word, coefficient in maps.observable.terms:
        gradients = sum(factor.count("g") for factor in word)
        apart.setdefault((degree(word), gradients), []).append((word, coefficient))
    parts = (replace(maps.observable, terms=tuple(terms)) for terms in apart.values())
    return [maps] if len(apart) == 1 else [word_maps(part, *maps.cells) for part in parts]


def _laws_of_terms(maps: WordMaps, network: Network) -> list[MeanFieldLaw]:
    """The law of each term of an observable of one degree."""
    limit = _WideNetwork(maps, network)
    terms = map(limit.term, range(len(maps.terms)))
    return [MeanFieldLaw(power, limit.gain_power(), polynomial) for power, polynomial in terms]


class _WideNetwork:
    """The scaled limits of one derivation's maps as the width of ``network`` grows."""

    def __init__(self, word_maps: WordMaps, network: Network) -> None:
        self.word_maps = word_maps
        self.domain = field_of(network.free_symbols - {L})
        one = Integer(1)
        self.hidden = cell_parameters(self.domain, network._layer(n, n, one))
        self.readout = self.domain.from_sympy(network.s / n**2)
        moment = network.activation.mask_moment(2)
        self.gain = self.domain.from_sympy(sympify(network.c * moment))
        first = cell_parameters(self.domain, network._layer(network.first_fan_in, n, one))
        words = word_maps.kernel.words
        start = start_column(words, self.domain.from_sympy(network.norm2), self.domain)
        bottom = word_maps.kernel.matrix(first) * start
        self.bottom_power, self.bottom = self._limit(bottom, _exponents(words), (0,))
        self.kernel = self._nilpotent(word_maps.kernel.words, word_maps.kernel.matrix(self.hidden))
        self.carried = self._nilpotent(
            word_maps.carried.words, word_maps.carried.matrix(self.hidden)
        )

    def term(self, index: int) -> tuple[int, Expr]:
        """Power of n and polynomial in ell and L of the word maps' term ``index``."""
        kernel, carried = self.word_maps.kernel.words, self.word_maps.carried.words
        source = self.word_maps.source(index, self.hidden)
        top = top_row(self.word_maps.terms[index], self.word_maps, self.readout, self.domain)
        p, source = self._limit(source, _exponents(carried), _exponents(kernel))
        q, top = self._limit(top, (0,), _exponents(carried))
        polynomial = Integer(0)
        for i, row in enumerate(_powers(top.transpose(), self.carried.transpose())):
            for j, column in enumerate(_powers(self.bottom, self.kernel)):
                number = (row.transpose() * source * column)[0, 0].element
                polynomial += (
                    self.domain.to_sympy(number) * _binomial(L - ell, i) * _binomial(ell - 2, j)
                )
        return self.bottom_power + p + q, polynomial

    def gain_power(self) -> Expr:
        """The growth in ell and L away from the critical variance."""
        kernel, carried = self.word_maps.kernel.words, self.word_maps.carried.words
        gain = self.domain.to_sympy(self.gain)
        return gain ** (degree(kernel[0]) * (ell - 2) + degree(carried[0]) * (L - ell))

    def _limit(
        self, matrix: DomainMatrix, above: tuple[int, ...], below: tuple[int, ...]
    ) -> tuple[int, DomainMatrix]:
        """n^power times a limit: the leading part of ``matrix`` between scaled words."""
        scaled = []
        for row, up in zip(matrix.to_list(), above, strict=True):
            terms = zip((_leading(self.domain, entry) for entry in row), below, strict=True)
            scaled.append([(power + down - up, leading) for (power, leading), down in terms])
        top = max((power for power, leading in chain.from_iterable(scaled) if leading), default=0)
        zero = self.domain.zero
        limit = [[leading if power == top else zero for power, leading in row] for row in scaled]
        return top, DomainMatrix(limit, matrix.shape, self.domain)

    def _nilpotent(self, words: tuple[Word, ...], matrix: DomainMatrix) -> DomainMatrix:
        """The limit of a layer map, over its factor, less the identity: checked nilpotent."""
        degrees = {degree(word) for word in words}
        exponents = _exponents(words)
        power, limit = self._limit(matrix, exponents, exponents)
        identity = DomainMatrix.eye(len(words), self.domain)
        nilpotent = limit * (1 / self.gain ** max(degrees)) - identity
        if power or len(degrees) > 1 or not (nilpotent ** len(words)).is_zero_matrix:
            raise AssertionError("a layer map has no limit of infinite width")
        return nilpotent


def leading_in_width(domain: Domain, value: Any) -> tuple[int, Expr]:
    """Power and coefficient of the leading term of an element of a field as n -> infinity."""
    power, leading = _leading(domain, value)
    return power, domain.to_sympy(leading)


def _leading(domain: Domain, value: Any) -> tuple[int, Any]:
    """Degree in n of a rational function, and its leading coefficient in the same field."""
    if not value:
        return 0, value
    index = domain.symbols.index(n)
    (p, top), (q, bottom) = (_top_terms(poly, index) for poly in (value.numer, value.denom))
    return p - q, domain(top) / domain(bottom)


def _top_terms(poly: Any, index: int) -> tuple[int, Any]:
    """Degree of a polynomial in its generator ``index``, and the coefficient of that power."""
    power = max(monomial[index] for monomial in poly)
    terms = {
        tuple(0 if i == index else e for i, e in enumerate(monomial)): coefficient
        for monomial, coefficient in poly.items()
        if monomial[index] == power
    }
    return power, poly.ring.from_dict(terms)


def _exponents(words: tuple[Word, ...]) -> tuple[int, ...]:
    """The power of n that each word grows with."""
    return tuple(
        sum(len(factor) + 1 if is_trace(factor) else len(factor) - 1 for factor in word)
        for word in words
    )


def _powers(vector: DomainMatrix, nilpotent: DomainMatrix) -> list[DomainMatrix]:
    """vector, N vector, N^2 vector, ... until it vanishes."""
    powers = []
    while not vector.is_zero_matrix:
        powers.append(vector)
        vector = nilpotent * vector
    return powers


def _binomial(top: Expr, k: int) -> Expr:
    """binom(top, k) as a polynomial in ``top``."""
    return prod((top - i for i in range(k)), start=Integer(1)) / factorial(k)
