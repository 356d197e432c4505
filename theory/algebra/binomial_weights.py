"""Two powers are one sum over binomial coefficients, whose signs can be read off.

Let y(m) = sum_k binom(m, k) (A_k alpha^(m-k) + B_k beta^(m-k)) and delta = alpha - beta.  Expanding
alpha = beta + delta by the binomial theorem, with deg the last k of B,

    y(m) = sum_i binom(m, i) beta^(m-i) delta^i q_i,
    q_i = sum_k binom(i, k) A_k/delta^k + [i <= deg] B_i/delta^i,

and from i = s = deg + 1 on q is a polynomial in i: q_i = sum_j binom(i - s, j) R_j.  Where
alpha >= beta >= 0 and q_0, ..., q_deg and all R_j are non-negative, so is y at every m >= 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import comb
from typing import Any, TypeAlias

from sympy import Symbol
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import certainly_at_least
from theory.algebra.power_sum import DEPTHS

__all__ = ["Pair", "certified_weights"]

Pair: TypeAlias = tuple[Any, Any]
"""A base, an element of a field, and the polynomial that its power is multiplied with."""


def _binomial_basis(poly: Any, base: Any, symbol: Symbol) -> list[Any]:
    """The c_k of p(m) base^m = sum_k c_k binom(m, k) base^(m-k), for a polynomial p in ``symbol``
    alone, of the ring of depths."""
    index, domain = DEPTHS.index(symbol), poly.ring.domain
    degree = max(monomial[index] for monomial in poly)
    values = [
        sum((c * i ** m[index] for m, c in poly.terms()), domain.zero) for i in range(degree + 1)
    ]
    return [difference * base**k for k, difference in enumerate(_differences(values))]


def _binomial_weights(
    low: Any, beta: Any, high: Any, alpha: Any, symbol: Symbol
) -> tuple[list[Any], list[Any]]:
    """q_0 to q_deg, and the R_j, of high alpha^m + low beta^m; ``symbol`` is their m."""
    domain, gap = high.ring.domain, alpha - beta
    a_terms, b_terms = _binomial_basis(high, alpha, symbol), _binomial_basis(low, beta, symbol)
    start = len(b_terms)

    def weight(i: int) -> Any:
        value = sum((a * comb(i, k) / gap**k for k, a in enumerate(a_terms)), domain.zero)
        return value + b_terms[i] / gap**i if i < start else value

    tail = _differences([weight(start + j) for j in range(len(a_terms))])
    return [weight(i) for i in range(start)], tail


def certified_weights(
    pairs: Sequence[Pair], symbol: Symbol, domain: Domain
) -> tuple[Pair, Pair, list[Any], list[Any]] | None:
    """Two powers, given as ``pairs`` of a base and its polynomial, the larger base last, and their
    `_binomial_weights`; None where an order or a weight is not certified for all sizes."""
    (one, _), (two, _) = pairs
    low, high = pairs if certainly_at_least(two, one, domain) else pairs[::-1]
    if not certainly_at_least(high[0], low[0], domain):
        return None
    head, tail = _binomial_weights(low[1], low[0], high[1], high[0], symbol)
    if not all(certainly_at_least(each, domain.zero, domain) for each in (*head, *tail)):
        return None
    return low, high, head, tail


def _differences(values: list[Any]) -> list[Any]:
    """The forward differences of a polynomial at 0, from its first values."""
    found = []
    while values:
        found.append(values[0])
        values = [after - before for before, after in pairwise(values)]
    return found
