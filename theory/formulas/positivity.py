"""This module proves signs of polynomials for all sizes of a domain, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Integer, Poly, Symbol
from sympy.polys.rings import PolyElement

from theory.symbols import L, a, ell, eta, n, n_0, t

__all__ = ["EVERYWHERE", "FAR_OUT", "Domain", "FarOut", "share"]

share = Symbol("s", positive=True)
"""ell/L, between 0 and 1, where ell and L grow together."""


@dataclass(frozen=True)
class Domain:
    """The sizes from ``lowest`` on: n, n_0 >= 1; 1 <= ell <= L; 0 < a <= 1; eta, t > 0; 0 < s <= 1.

    >>> from theory.symbols import n
    >>> from sympy import ring, QQ
    >>> R, width = ring([n], QQ)
    >>> EVERYWHERE.sign(width - 1), EVERYWHERE.from_(n, 2).sign(width - 1)
    (None, 1)
    """

    lowest: Mapping[Symbol, int]

    def from_(self, symbol: Symbol, value: int) -> Domain:
        """The part of the domain in which ``symbol`` is at least ``value``."""
        return Domain({**self.lowest, symbol: value})

    def sign(self, poly: PolyElement) -> int | None:
        """1 or -1 where ``poly`` has that sign on the whole domain and vanishes nowhere, by proof;
        None where that is not known.

        A polynomial in one size alone is decided by its real roots.  Others are positive where no
        coefficient is negative once each size is written as its least value plus b >= 0, and a
        number up to 1 as 1/(1 + b).
        """
        if _certified(poly, self.lowest):
            return 1
        if _certified(-poly, self.lowest):
            return -1
        return _sign_by_roots(poly, self.lowest)


EVERYWHERE = Domain({n: 1, L: 1, ell: 1, n_0: 1})
"""All sizes."""


@dataclass(frozen=True)
class FarOut:
    """Large L, with ell = s L and every other size as it is."""

    def sign(self, poly: PolyElement) -> int | None:
        """The sign of ``poly`` from some depth on, by proof; None where that is not known."""
        symbols = dict(zip(poly.ring.symbols, poly.ring.gens, strict=True))
        moved = poly.compose(symbols[ell], symbols[share] * symbols[L])
        index = poly.ring.symbols.index(L)
        top = max(monomial[index] for monomial in moved)
        terms = {(*m[:index], 0, *m[index + 1 :]): c for m, c in moved.items() if m[index] == top}
        return EVERYWHERE.sign(poly.ring.from_dict(terms))


FAR_OUT = FarOut()


def _certified(poly: PolyElement, lowest: Mapping[Symbol, int]) -> bool:
    moved = poly
    symbols = dict(zip(poly.ring.symbols, poly.ring.gens, strict=True))
    degrees = dict(zip(poly.ring.symbols, poly.degrees(), strict=True))
    for index, (symbol, generator) in enumerate(symbols.items()):
        if not degrees[symbol]:
            continue
        if symbol in (a, share):
            moved = _reversed(moved, index).compose(generator, generator + 1)
        elif symbol == L and degrees.get(ell):
            moved = moved.compose(generator, generator + symbols[ell])
        elif symbol in lowest and symbol != ell:
            moved = moved.compose(generator, generator + lowest[symbol])
    if degrees.get(ell):
        moved = moved.compose(symbols[ell], symbols[ell] + lowest[ell])
    may_vanish = [index for index, symbol in enumerate(symbols) if symbol not in (eta, t)]
    strict = any(not any(monomial[index] for index in may_vanish) for monomial in moved)
    return strict and all(coefficient >= 0 for coefficient in moved.coeffs())


def _reversed(poly: PolyElement, index: int) -> Any:
    """The polynomial times its generator's top power, at 1 over the generator."""
    top = max(monomial[index] for monomial in poly)
    terms = {(*m[:index], top - m[index], *m[index + 1 :]): c for m, c in poly.items()}
    return poly.ring.from_dict(terms)


def _sign_by_roots(poly: PolyElement, lowest: Mapping[Symbol, int]) -> int | None:
    """The sign of a polynomial in one size that has no real root from its least value on."""
    expression = poly.as_expr()
    (symbol, *others) = expression.free_symbols or {None}
    if others or symbol not in lowest:
        return None
    alone = Poly(expression, symbol)
    if alone.count_roots(Integer(lowest[symbol]), None):
        return None
    return 1 if alone.LC() > 0 else -1
