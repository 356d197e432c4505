"""A normal form is a sum of rational functions times powers; equal formulas have equal normal
forms.

A term is a rational function of the sizes times powers that are not rational: p^x, for a polynomial
p that is irreducible and positive on the whole domain, with x affine in L and ell, or a prime p,
with x affine in all sizes, or x a fraction between 0 and 1; exp(x) for a rational function x; and
(-1)^x.  Different products of such powers are linearly independent over the rational functions:
powers p^L, where p may hold L, since log of a product of different p is no rational function of L,
and functions of logarithms and exponentials that vanish at all large L vanish everywhere (Hardy);
roots of different irreducible polynomials as radicals in a real field, exponentials by Lindemann's
theorem.  So two formulas of this kind are equal for all sizes if their difference has no term, and
differ at some sizes if it has one.

No root is split unless each base is proven positive: sqrt(m)*sqrt(m) is m only for m >= 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import chain, product
from math import comb
from typing import Any

from sympy import QQ, Add, Expr, Integer, Mul, Pow, Rational, exp, factorint
from sympy.polys.polyerrors import HeuristicGCDFailed
from sympy.polys.rings import PolyElement

from theory.formulas.arithmetic import Arithmetic, collected
from theory.formulas.evaluation import FLOAT_TOLERANCE, close, decimal, evaluate, mpf
from theory.formulas.positivity import EVERYWHERE, Domain, FarOut, share
from theory.symbols import L, a, ell, eta, n, n_0, t

__all__ = [
    "NORMAL_FIELD",
    "NOT_DECIDED",
    "ONE",
    "SIZES",
    "NormalForm",
    "Normaliser",
    "NotNormal",
    "NotPositive",
    "Powers",
    "exponential",
    "mixes_exponentials_with_roots",
    "nearly_equal",
    "normal_form",
    "of_field",
    "powers_text",
    "why",
]

SIZES = (L, ell, t, n, n_0, a, eta, share)
NORMAL_FIELD = QQ.frac_field(*SIZES)
"""The field of the coefficients."""
_EXPONENTS = (L, ell)
_INTEGERS = (L, ell, n, n_0)
_MINUS, _E = Integer(-1), exp(Integer(1))
_LARGEST_POWER = 64
_MOST_TERMS = 5000
_MOST_PAIRS = 200_000
_FACTORED_BITS = 64
_TOO_LONG = "it is too long when multiplied out"

Powers = frozenset[tuple[Expr, Expr]]
"""Pairs of base and exponent, none of them rational together."""


class NotNormal(Exception):
    """The formula is not of this form, or too large to be brought to it; the text says why."""


NOT_DECIDED = (NotNormal, HeuristicGCDFailed)
"""Exceptions that mean that a formula is not brought to normal form; the second is SymPy's, for a
greatest common divisor that it does not find."""


def why(error: Exception) -> str:
    """The reason that one of `NOT_DECIDED` gives."""
    return str(error) if isinstance(error, NotNormal) else "its polynomials are too long to compare"


class NotPositive(NotNormal):
    """The polynomial ``base`` may vanish or be negative where that matters."""

    def __init__(self, base: PolyElement, where: str = "under a root or a power") -> None:
        super().__init__(f"{base.as_expr()}, {where}, has no proven sign")
        self.base = base


@dataclass(frozen=True)
class NormalForm:
    """``terms[powers]``: the rational function that a product of powers is multiplied with."""

    terms: Mapping[Powers, Any]

    def __add__(self, other: NormalForm) -> NormalForm:
        return _kept(chain(self.terms.items(), other.terms.items()))

    def __sub__(self, other: NormalForm) -> NormalForm:
        return self + NormalForm({key: -value for key, value in other.terms.items()})

    def __mul__(self, other: NormalForm) -> NormalForm:
        if _size(self.terms) * _size(other.terms) > _MOST_PAIRS:
            raise NotNormal(_TOO_LONG)
        pairs = product(self.terms.items(), other.terms.items())
        joined = ((_split((*one, *two)), left * right) for (one, left), (two, right) in pairs)
        return _kept((key, value * factor) for (key, factor), value in joined)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def rational(self) -> Any:
        """The rational function that the form is; raises `NotNormal` for any other."""
        if set(self.terms) - {frozenset()}:
            raise NotNormal("a root or a power stands where a rational function must")
        return self.terms.get(frozenset(), NORMAL_FIELD.zero)

    @cached_property
    def expression(self) -> Expr:
        """The sum as an expression."""
        pairs = self.terms.items()
        return Add(*(NORMAL_FIELD.to_sympy(value) * powers_text(key) for key, value in pairs))


def of_field(value: Any) -> NormalForm:
    """A rational function as a form."""
    return NormalForm({frozenset(): value} if value else {})


ONE = of_field(NORMAL_FIELD.one)


def powers_text(powers: Powers) -> Expr:
    """A product of powers as an expression."""
    return Mul(*(base**exponent for base, exponent in powers))


def normal_form(expression: Expr, signs: Domain | FarOut = EVERYWHERE) -> NormalForm:
    """The normal form of an expression; raises `NotNormal` where there is none.

    >>> from sympy import sqrt
    >>> one = normal_form((1 + 5 / n) ** L * sqrt(12))
    >>> two = normal_form(2 * sqrt(3) * (n + 5) ** (L - 1) * n ** (-L) * (n + 5))
    >>> bool(one - two)
    False
    """
    return Normaliser(signs).of(expression)


def nearly_equal(one: NormalForm, two: NormalForm) -> bool:
    """Whether two forms agree to nine digits in every coefficient, of which roots and powers of
    numbers are a part.

    >>> root = normal_form(n * 2 ** Rational(1, 2))
    >>> nearly_equal(normal_form(n * Rational("1.414213562373")), root)
    True
    """
    below = (each.denom for form in (one, two) for each in form.terms.values())
    scale = reduce(lambda x, y: x.lcm(y), below, NORMAL_FIELD.one.denom)
    mine, others = _coefficients(one, scale), _coefficients(two, scale)
    return set(mine) == set(others) and all(
        close(value, others[key], FLOAT_TOLERANCE) for key, value in mine.items()
    )


def _coefficients(form: NormalForm, scale: PolyElement) -> dict[Any, Any]:
    """The coefficients of a form times a common denominator, by powers and monomial."""
    found = []
    for powers, value in form.terms.items():
        open_powers = frozenset(pair for pair in powers if any(each.free_symbols for each in pair))
        constant = decimal(evaluate(powers_text(powers - open_powers), {}))
        for monomial, number in (value.numer * scale.exquo(value.denom)).terms():
            decimals = mpf(int(number.numerator)) / int(number.denominator)
            found.append(((open_powers, monomial), decimals * constant))
    return collected(found)


def mixes_exponentials_with_roots(formula: Expr) -> bool:
    """Whether a formula holds both exp and a fractional power of a size."""
    return bool(formula.has(exp)) and any(
        power.base.free_symbols and not power.exp.is_integer for power in formula.atoms(Pow)
    )


@dataclass(frozen=True)
class Normaliser(Arithmetic[NormalForm]):
    """Brings expressions to normal form where ``signs`` proves the signs of their bases.

    ``divisors``: the polynomials that it divided by; a formula has a value where none vanishes.
    """

    signs: Domain | FarOut
    divisors: set[PolyElement] = field(default_factory=set)

    def atom(self, node: Expr) -> NormalForm:
        """The normal form of a number or a size."""
        if node.is_Rational or node in SIZES:
            return of_field(NORMAL_FIELD.from_sympy(node))
        if node == _E:
            return exponential(NORMAL_FIELD.one)
        raise NotNormal(f"it holds {type(node).__name__}")

    def exponential(self, argument: NormalForm) -> NormalForm:
        """e to a rational function."""
        return exponential(argument.rational)

    def power(self, base: NormalForm, exponent: Expr) -> NormalForm:
        """A power of a form: an integer, or one of a single term with positive bases."""
        if exponent.is_Integer:
            return self._integer_power(base, int(exponent))
        exponent = exponent.expand()
        powers, value = _single(base)
        whole = all(exponent.coeff(s).is_Integer for s in _INTEGERS) and exponent.is_integer
        inner = [(each, (power * exponent).expand()) for each, power in powers]
        if any(each == _MINUS for each, _ in powers):
            raise NotNormal("a power of an alternating sign stands under a root or a power")
        sign, parts = self.factors(value)
        if sign < 0 and not whole:
            raise NotNormal("it contains a root of a negative value, which is complex")
        outer = [(_MINUS, exponent)] if sign < 0 else []
        key, factor = _split([*inner, *outer, *((p, (k * exponent).expand()) for p, k in parts)])
        return NormalForm({key: factor})

    def _integer_power(self, base: NormalForm, exponent: int) -> NormalForm:
        times = abs(exponent)
        if times > _LARGEST_POWER:
            raise NotNormal(f"it contains a power beyond {_LARGEST_POWER}")
        if exponent < 0:
            base = self._inverse(base)
        if len(base.terms) == 1:
            powers, value = _single(base)
            sides = (value.numer, value.denom)
            if max(comb(len(each) + times - 1, times) for each in sides) > _MOST_TERMS:
                raise NotNormal(_TOO_LONG)
            key, factor = _split((each, power * times) for each, power in powers)
            return _kept([(key, factor * value**times)])
        return reduce(lambda x, y: x * y, [base] * times, ONE)

    def _inverse(self, base: NormalForm) -> NormalForm:
        powers, value = _single(base)
        self.divisors.add(value.numer)
        key, factor = _split((each, -exponent) for each, exponent in powers)
        return NormalForm({key: factor / value})

    def factors(self, value: Any) -> tuple[int, list[tuple[Expr, int]]]:
        """The sign of a rational function without zeros, and the primes and positive irreducible
        polynomials whose powers it is, up to its sign."""
        total, found = 1, []
        for side, poly in ((1, value.numer), (-1, value.denom)):
            content, parts = _factor_list(poly)
            total = total if content > 0 else -total
            found += [(base, side * times) for base, times in _primes(abs(content))]
            for part, times in parts:
                sign = self.signs.sign(part)
                if sign is None:
                    raise NotPositive(part)
                total *= sign**times
                found.append(((sign * part).as_expr(), side * times))
        return total, found


def exponential(argument: Any) -> NormalForm:
    """exp of a rational function."""
    key, factor = _split([(_E, NORMAL_FIELD.to_sympy(argument))])
    return NormalForm({key: factor})


def _single(form: NormalForm) -> tuple[Powers, Any]:
    """The one term of a form."""
    if len(form.terms) != 1:
        raise NotNormal(
            "it divides by zero"
            if not form
            else "it contains a root, a power or a quotient of a sum"
        )
    ((key, value),) = form.terms.items()
    return key, value


def _size(terms: Mapping[Powers, Any]) -> int:
    """The number of monomials of all numerators and denominators."""
    return sum(len(value.numer) + len(value.denom) for value in terms.values())


def _kept(pairs: Iterable[tuple[Powers, Any]]) -> NormalForm:
    kept = {key: value for key, value in collected(pairs).items() if value}
    if _size(kept) > _MOST_TERMS:
        raise NotNormal(_TOO_LONG)
    return NormalForm(kept)


def _factor_list(poly: PolyElement) -> tuple[Rational, list[tuple[PolyElement, int]]]:
    if len(poly) > 60 or max(map(sum, poly), default=0) > 24:
        raise NotNormal("a polynomial under a root or a power is too long to be factored")
    content, parts = poly.factor_list()
    return Rational(int(content.numerator), int(content.denominator)), parts


def _primes(number: Rational) -> list[tuple[Expr, int]]:
    found = []
    for sign, integer in ((1, int(number.p)), (-1, int(number.q))):
        if integer.bit_length() > _FACTORED_BITS:
            raise NotNormal("a number under a root or a power is too long to be factored")
        if integer > 1:
            found += [(Integer(p), sign * k) for p, k in factorint(integer).items()]
    return found


def _split(pairs: Iterable[tuple[Expr, Expr]]) -> tuple[Powers, Any]:
    """A product of powers: the rational part of it apart."""
    factor, kept = NORMAL_FIELD.one, []
    for base, exponent in collected(pairs).items():
        whole, rest = _whole_part(base, exponent)
        if whole:
            factor *= NORMAL_FIELD.from_sympy(base) ** whole
        if rest != 0:
            kept.append((base, rest))
    return frozenset(kept), factor


def _whole_part(base: Expr, exponent: Expr) -> tuple[int, Expr]:
    """An exponent as an integer and a rest that is the same for equal powers."""
    if base == _E:
        return 0, NORMAL_FIELD.to_sympy(NORMAL_FIELD.from_sympy(exponent))
    constant, rest = exponent.expand().as_coeff_Add()
    symbols = _INTEGERS if base.is_Integer else _EXPONENTS
    if rest != 0:
        linear = all(rest.coeff(s).is_Rational for s in symbols)
        left = rest - sum(rest.coeff(s) * s for s in symbols)
        if not linear or left.expand() != 0 or base.has(t):
            raise NotNormal(f"it contains the power ({base})**({exponent})")
    if not constant.is_Rational:
        raise NotNormal(f"it contains the power ({base})**({exponent})")
    whole = int(constant.p) // int(constant.q)
    if abs(whole) > _LARGEST_POWER:
        raise NotNormal(f"it contains a power beyond {_LARGEST_POWER}")
    if base == _MINUS:
        return whole % 2, Add(*(s for s in symbols if rest.coeff(s) % 2))
    return whole, rest + constant - whole
