"""`TwoPowers` rewrites a closed form of two powers of the depth so that nothing cancels.

Let y(L) = p alpha^L + q beta^L with alpha > beta > 0 and delta = alpha - beta.  At small L/n the
two powers nearly cancel, as (n/L)^3 and worse.  As a sum over binomials
(`theory.algebra.binomial_weights`),

    y(L) = beta^L sum_i binom(L, i) (delta/beta)^i q_i,

where the code certifies that q_0, ..., q_deg and all R_j are non-negative for every n >= 1: then y
is a sum of non-negative numbers.  Otherwise it tries y(L + 1) in place of y(L).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.algebra.binomial_weights import Pair, certified_weights
from theory.algebra.power_sum import DEPTHS, PowerSum
from theory.errors import NotSolved
from theory.symbols import L, n

__all__ = ["Polynomial", "Rational", "TwoPowers"]

Polynomial = tuple[tuple[int, ...], ...]
"""Integer coefficients of a polynomial in L and n: ``p[i][j]`` multiplies L^i n^j."""


@dataclass(frozen=True)
class Rational:
    """A rational function of n: integer coefficients by rising powers of n - 1."""

    numerator: tuple[int, ...]
    denominator: tuple[int, ...]


@dataclass(frozen=True)
class TwoPowers:
    """y(L + shift) = (alpha_part alpha^L + beta_part beta^L)/denominator, and as a positive sum.

    ``alpha_less_1``, ``beta_less_1``, ``ratio_less_1``, which is delta/beta: in n.  ``alpha_part``,
    ``beta_part``: numerators in L and n; ``denominator``: in n - 1.
    ``head``: q_0 to q_deg; ``tail``: the R_j.
    """

    shift: int
    alpha_less_1: Rational
    beta_less_1: Rational
    ratio_less_1: Rational
    alpha_part: Polynomial
    beta_part: Polynomial
    denominator: tuple[int, ...]
    head: tuple[Rational, ...]
    tail: tuple[Rational, ...]

    @classmethod
    def of(cls, total: PowerSum) -> TwoPowers:
        """Rewrite ``total``, a sum of two powers of the depth L over Q(n).

        Raises `NotSolved` for another shape, and where a coefficient is not certified.
        """
        domain = total.ring.domain
        if getattr(domain, "symbols", ()) != (n,) or len(total.terms) != 2:
            raise NotSolved(
                "a sum of positive terms is solved at the last layer of networks with the symbols "
                "n and L alone: leave layer out, and give numbers for the other symbols"
            )
        for shift in (0, 1):
            powers = total.at({L: L + shift}).powers("fast numbers are", L)
            pairs = [(base, poly) for (base,), poly in powers]
            found = certified_weights(pairs, L, domain)
            if found is not None:
                return cls._of_weights(shift, *found)
        raise NotSolved(
            "the closed form here is not proven to be a sum of positive terms: call the value, as "
            "in squared_update(MLP())(64, 10), which works with enough digits"
        )

    @classmethod
    def _of_weights(
        cls, shift: int, lower: Pair, upper: Pair, head: list[Any], tail: list[Any]
    ) -> TwoPowers:
        (beta, low), (alpha, high) = lower, upper
        common = _common(high, low)
        return cls(
            shift,
            _rational(alpha - 1),
            _rational(beta - 1),
            _rational((alpha - beta) / beta),
            _polynomial(high, common),
            _polynomial(low, common),
            _shifted(common),
            tuple(map(_rational, head)),
            tuple(map(_rational, tail)),
        )


def _common(*polys: Any) -> Any:
    """A common denominator of the coefficients, a polynomial in n."""
    common = polys[0].ring.domain.one.denom
    for poly in polys:
        for coefficient in poly.coeffs():
            common = common.lcm(coefficient.denom)
    return common


def _polynomial(poly: Any, common: Any) -> Polynomial:
    """A polynomial in L over Q(n) times its denominator."""
    index = DEPTHS.index(L)
    by_depth = {m[index]: c.numer * common.exquo(c.denom) for m, c in poly.terms()}
    return tuple(
        _coefficients(by_depth[k]) if k in by_depth else () for k in range(max(by_depth) + 1)
    )


def _rational(element: Any) -> Rational:
    return Rational(_shifted(element.numer), _shifted(element.denom))


def _shifted(poly: Any) -> tuple[int, ...]:
    """Coefficients of a polynomial in n by rising powers of n - 1."""
    generator = poly.ring.gens[0]
    return _coefficients(poly.compose(generator, generator + 1)) if poly else ()


def _coefficients(poly: Any) -> tuple[int, ...]:
    powers = {m[0]: int(c) for m, c in poly.terms()}
    return tuple(powers.get(k, 0) for k in range(max(powers, default=-1) + 1))
