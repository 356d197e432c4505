"""`JointLaw` is the limit n -> infinity with L = t n, order by order in 1/n."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import factorial
from typing import Any

from sympy import Add, Dummy, Expr, Rational, exp, factor, gcd_terms
from sympy.polys.domains.domain import Domain

from theory.algebra.factored_form import in_slope
from theory.algebra.numerals import formula_text
from theory.algebra.series import ExpSum
from theory.errors import NotSolved
from theory.symbols import kappa, t

__all__ = ["JointLaw"]

Part = tuple[Expr, Mapping[int, ExpSum]]


@dataclass(frozen=True)
class JointLaw:
    """n^power (f_0(t) + f_1(t)/n + ...) at L = t n and eta = 1, to ``orders`` terms.

    ``parts``: factors, and for each the coefficients of n^-k as sums of p(t) exp(c t).
    """

    power: int
    orders: int
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, parts: Iterable[Part], orders: int) -> JointLaw:
        """The law of a sum of ``parts``, each known to ``orders`` terms from its first."""
        known = [part for part in parts if part[1]]
        if not known:
            raise NotSolved("this has no joint limit: it is zero")
        first = min(min(series) for _, series in known)
        return cls(-first, orders, tuple(known))

    def coefficient(self, order: int = 0, write: Callable[[Expr], Expr] = in_slope) -> Expr:
        """f_order(t): of n^(power - order), its numbers as ``write`` spells them."""
        terms = (factor * _written(total, write) for factor, total in self._at(order))
        return Add(*terms)

    def terms(self) -> tuple[Expr, ...]:
        """f_0, f_1, ..."""
        return tuple(self.coefficient(k) for k in range(self.orders))

    def small_t(self, order: int = 0) -> Expr:
        """The leading term of f_order(t) as t -> 0.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.joint_law().small_t()
        t**3/3
        """
        for power in range(200):
            value = self.taylor(power, order)
            if value != 0:
                return value * t**power
        raise NotSolved("the first 200 terms in t vanish: use coefficient()")

    def taylor(self, power: int, order: int = 0) -> Expr:
        """The coefficient of t^power in f_order(t) about t = 0."""
        parts = []
        for each, total in self._at(order):
            domain = domain_of(total)
            value = domain.zero
            for (rate,), poly in total.terms.items():
                for (k,), coefficient in poly.terms():
                    if k <= power:
                        value += coefficient * rate ** (power - k) / factorial(power - k)
            parts.append(each * _in_slope(domain, value))
        return factor(Add(*parts))

    def large_t(self, order: int = 0) -> Expr:
        """The leading term of f_order(t) as t -> infinity.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.joint_law().large_t()
        t**2*exp(5*t)/18
        """
        terms = [
            (each, domain_of(total), domain_of(total).to_sympy(rate), poly)
            for each, total in self._at(order)
            for (rate,), poly in total.terms.items()
        ]
        top = _largest_rate({rate for _, _, rate, _ in terms})
        kept = [(each, domain, poly) for each, domain, rate, poly in terms if rate == top]
        degree = max(poly.degree() for _, _, poly in kept)
        leading = (
            each * _in_slope(domain, poly.coeff(poly.ring.gens[0] ** degree if degree else 1))
            for each, domain, poly in kept
        )
        return factor(Add(*leading)) * t**degree * exp(factor(in_slope(top)) * t)

    def __repr__(self) -> str:
        return (
            f"JointLaw: n**{self.power} f_0(t), f_0 ~ {formula_text(self.small_t())} at small t, "
            f"{formula_text(self.large_t())} at large t"
        )

    def _at(self, order: int) -> list[tuple[Expr, ExpSum]]:
        if not 0 <= order < self.orders:
            raise NotSolved(
                f"this law is known to {self.orders} orders: give a larger number of orders"
            )
        index = order - self.power
        return [(each, series[index]) for each, series in self.parts if series.get(index)]


def domain_of(total: ExpSum) -> Domain:
    """The field of the coefficients."""
    field: Domain = next(iter(total.terms.values())).ring.domain
    return field


def _in_slope(domain: Domain, value: Any) -> Expr:
    return in_slope(domain.to_sympy(value))


def _written(total: ExpSum, write: Callable[[Expr], Expr]) -> Expr:
    """A sum of exponentials, its common factors in front."""
    domain = domain_of(total)
    summands, powers = [], {}
    for (rate,), poly in sorted(total.terms.items(), key=lambda item: str(item[0])):
        mark = Dummy()
        powers[mark] = exp(factor(write(domain.to_sympy(rate))) * t)
        coefficients = (factor(write(domain.to_sympy(c))) * t**k for (k,), c in poly.terms())
        summands.append(gcd_terms(Add(*coefficients)) * mark)
    return gcd_terms(Add(*summands)).xreplace(powers)


def _largest_rate(rates: set[Expr]) -> Expr:
    """The largest exponent rate for all kurtoses from 1 to 2, between which they are linear."""
    ends = {each: tuple(Rational(each.subs(kappa, k)) for k in (1, 2)) for each in rates}
    for candidate, values in ends.items():
        if all(v <= w for other in ends.values() for v, w in zip(other, values, strict=True)):
            return candidate
    raise NotSolved("which exponential is largest depends on the slope: give a number for it")
