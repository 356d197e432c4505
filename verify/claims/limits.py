"""Leading terms of formulas: as n -> infinity and then the depths, and as n -> infinity at L = t n.

A formula in normal form is a quotient: a sum of powers over a common polynomial denominator.  The
sum's series in 1/n come from `theory.limits`, exactly, whatever cancels; what grows fastest is
kept.  Where this does not apply, `Unknown` is raised: a limit is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from math import factorial
from typing import Any

from sympy import Add, Expr, Integer, Mul, Poly, Symbol, exp, factor
from sympy.polys.domains.domain import Domain

from theory import NotSolved
from theory.joint_law import JointLaw
from theory.laurent import Expansion
from theory.limits import fixed_depth_series, fixed_ratio_series
from theory.power_sum import DEPTHS, PowerSum, depth_ring
from theory.recursion import field_of
from theory.symbols import L, a, ell, n, n_0, t
from verify.claims.normal_form import NORMAL_FIELD, NormalForm, NotNormal, Powers, normal_form

__all__ = ["Unknown", "joint_term", "leading_term"]

_LAST_ORDERS = (-6, -3, 0, 3, 8)
"""Powers of 1/n up to which a series is computed, one after the other, until it has a term."""
_TAYLOR = (8, 12)
_DEPTHS = (L, ell)


class Unknown(Exception):
    """The limit is not found by these means."""


def leading_term(expression: Expr) -> Expr:
    """The leading term as n -> infinity, then as L and ell grow together.

    >>> leading_term((1 + 5 / n) ** L * (L + 1) ** 3 / 3 + L**4 / n)
    L**3/3
    """
    try:
        if expression.has(exp):
            return _without_exponentials(expression)
        return _leading(normal_form(expression.xreplace({t: L / n})))
    except (NotNormal, NotSolved) as reason:
        raise Unknown from reason


def joint_term(expression: Expr) -> Expr:
    """The leading term as n -> infinity with L = t n, in n and t.

    >>> joint_term((1 + 5 / n) ** L * (L + 1))
    n*t*exp(5*t)
    """
    try:
        if expression.has(exp):
            return _joint_of_exponentials(normal_form(expression.xreplace({L: t * n})))
        if expression.has(ell):
            raise Unknown
        return _joint(normal_form(expression.xreplace({t: L / n})))
    except (NotNormal, NotSolved) as reason:
        raise Unknown from reason


def _without_exponentials(expression: Expr) -> Expr:
    """exp(x), x falling with n, by its polynomial: at two orders, with one result."""
    low, high = (
        _leading(normal_form(_taylor(expression, order).xreplace({t: L / n}))) for order in _TAYLOR
    )
    if low != high:
        raise Unknown
    return high


def _taylor(expression: Expr, order: int) -> Expr:
    def polynomial(argument: Expr) -> Expr:
        small = argument.xreplace({t: L / n})
        form = normal_form(small)
        if set(form.terms) != {frozenset()} or _degree(form.terms[frozenset()], (n,)) >= 0:
            raise Unknown
        return Add(*(small**k / factorial(k) for k in range(order)))

    return expression.replace(exp, polynomial)


def _leading(form: NormalForm) -> Expr:
    """The leading term of a formula in n, L and ell."""
    sums, below = _over_common_denominator(form)
    terms = []
    for apart, total in sums.items():
        power, poly = _first_in_width(total)
        growth, rest = _outside(apart, (n,))
        terms.append((growth + power, _top(poly, _DEPTHS), rest))
    power, kept = _largest(terms)
    depth_terms = []
    for poly, rest in kept:
        growth, outer = _outside(rest, _DEPTHS)
        depth_terms.append((growth + _total_degree(poly, _DEPTHS), poly, outer))
    if len(depth_terms) > 1 and any(_exponential_in_depth(rest) for *_, rest in depth_terms):
        raise Unknown
    _, last = _largest(depth_terms)
    above = Add(*(poly * _product(rest) for poly, rest in last))
    down = _top(_top(below, (n,)), _DEPTHS)
    return _nonzero(factor(above / down)) * n ** (power - _total_degree(below, (n,)))


def _joint(form: NormalForm) -> Expr:
    sums, below = _over_common_denominator(form)
    terms = []
    for apart, total in sums.items():
        law = JointLaw.of([(Integer(1), fixed_ratio_series(total, 1))], 1)
        growth, rest = _outside(_moved(apart), (n,))
        terms.append((growth + law.power, law.coefficient(), rest))
    power, kept = _largest(terms)
    above = Add(*(coefficient * _product(rest) for coefficient, rest in kept))
    moved = Poly(below.xreplace({L: t * n}), n)
    return _nonzero(above / moved.LC()) * n ** (power - moved.degree())


def _joint_of_exponentials(form: NormalForm) -> Expr:
    """Where all powers are those of e, and n stands in their coefficients alone."""
    terms = []
    for powers, value in form.terms.items():
        growth, rest = _outside(powers, (n,))
        numerator, denominator = (_top(each.as_expr(), (n,)) for each in (value.numer, value.denom))
        terms.append((growth + _degree(value, (n,)), (numerator / denominator).subs(n, 1), rest))
    if form.expression.has(L, ell):
        raise Unknown
    power, kept = _largest(terms)
    return _nonzero(Add(*(value * _product(rest) for value, rest in kept))) * n**power


def _over_common_denominator(form: NormalForm) -> tuple[dict[Powers, PowerSum], Expr]:
    """Sums of depth powers, apart by the other powers beside them; and what they are over."""
    values = list(form.terms.values())
    if not values:
        raise Unknown
    common = reduce(lambda x, y: x.lcm(y), (value.denom for value in values))
    domain = field_of(frozenset({n, n_0, a}))
    sums: dict[Powers, PowerSum] = {}
    for powers, value in form.terms.items():
        top = value.numer * common.exquo(value.denom)
        own, apart = _depth_powers(powers, domain)
        poly = _in_depths(top, domain)
        term = PowerSum(depth_ring(domain), {own: poly})
        sums[apart] = sums[apart] + term if apart in sums else term
    return sums, common.as_expr()


def _depth_powers(powers: Powers, domain: Domain) -> tuple[Any, Powers]:
    """The powers with depths as exponents, one base for each depth; and the other powers."""
    bases = dict.fromkeys(_DEPTHS, domain.one)
    apart = []
    for base, exponent in powers:
        constant, rest = exponent.as_coeff_Add()
        if constant != 0:
            apart.append((base, constant))
        for symbol in _DEPTHS:
            times = rest.coeff(symbol)
            if not times.is_Integer:
                raise Unknown
            if times != 0:
                bases[symbol] *= domain.from_sympy(base) ** int(times)
    key = []
    for symbol, base in bases.items():
        limit, base = _normalised(base, domain)
        key += [(base, symbol)] if base != domain.one else []
        apart += [(limit, symbol)] if limit != 1 else []
    return frozenset(key), frozenset(apart)


def _normalised(base: Any, domain: Domain) -> tuple[Expr, Any]:
    """A base as its limit n -> infinity times one that tends to 1."""
    expansion = Expansion(domain, DEPTHS, 1)
    series = expansion.rational(base)
    if series.start != 0:
        raise Unknown
    limit = domain.to_sympy(domain.from_sympy(series.terms[0].as_expr()))
    return limit, base / domain.from_sympy(limit)


def _in_depths(poly: Any, domain: Domain) -> Any:
    """A polynomial in all sizes as one in the depths, over the field of the others."""
    ring = depth_ring(domain)
    total: dict[Any, Any] = {}
    symbols = poly.ring.symbols
    for monomial, coefficient in poly.terms():
        powers = dict(zip(symbols, monomial, strict=True))
        depths = tuple(powers.get(symbol, 0) for symbol in DEPTHS)
        others = Mul(*(s**k for s, k in powers.items() if s not in DEPTHS))
        value = domain.from_sympy(NORMAL_FIELD.domain.to_sympy(coefficient) * others)
        total[depths] = total.get(depths, domain.zero) + value
    return ring.from_dict({m: c for m, c in total.items() if c})


def _first_in_width(total: PowerSum) -> tuple[int, Expr]:
    """The power of n and its coefficient, a polynomial in the depths, of the leading term."""
    for last in _LAST_ORDERS:
        series = fixed_depth_series(total, last)
        for order in sorted(series):
            if series[order]:
                return -order, series[order].as_expr()
    raise Unknown


def _outside(powers: Powers, symbols: tuple[Symbol, ...]) -> tuple[Expr, Powers]:
    """The degree in ``symbols`` of a product of constant powers, and its leading term's rest."""
    growth, rest = Integer(0), []
    for base, exponent in powers:
        if exponent.is_number and base.has(*symbols):
            growth += _total_degree(base, symbols) * exponent
            base = _top(base, symbols).subs(n, 1) if symbols == (n,) else _top(base, symbols)
        if base != 1:
            rest.append((base, exponent))
    return growth, frozenset(rest)


def _moved(powers: Powers) -> Powers:
    """The same at L = t n."""
    if any(exponent.has(L) for _, exponent in powers):
        raise Unknown
    return frozenset((base.xreplace({L: t * n}).expand(), exponent) for base, exponent in powers)


def _largest(terms: Iterable[tuple[Expr, Expr, Powers]]) -> tuple[Expr, list[tuple[Expr, Powers]]]:
    """The largest power, and the coefficients beside it."""
    known = list(terms)
    top = max(power for power, *_ in known)
    return top, [(value, rest) for power, value, rest in known if power == top]


def _exponential_in_depth(powers: Powers) -> bool:
    return any(exponent.has(*_DEPTHS) for _, exponent in powers)


def _product(powers: Powers) -> Expr:
    return Mul(*(base**exponent for base, exponent in powers))


def _nonzero(value: Expr) -> Expr:
    """A leading coefficient; what cancels at leading order is not known."""
    if not normal_form(value):
        raise Unknown
    return value


def _degree(value: Any, symbols: tuple[Symbol, ...]) -> int:
    top, bottom = (_total_degree(each.as_expr(), symbols) for each in (value.numer, value.denom))
    return top - bottom


def _total_degree(expression: Expr, symbols: tuple[Symbol, ...]) -> int:
    return int(Poly(expression, *symbols).total_degree())


def _top(expression: Expr, symbols: tuple[Symbol, ...]) -> Expr:
    """The terms of highest total degree in ``symbols``; without n itself, for the width."""
    poly = Poly(expression, *symbols)
    top = poly.total_degree()
    kept = {monomial: c for monomial, c in poly.terms() if sum(monomial) == top}
    found = Poly(kept, *symbols).as_expr()
    return found.subs(n, 1) if symbols == (n,) else found
