"""This module replaces sums and binomial coefficients by their closed forms.

A summand is a sum of terms c k^p b_1^(e_1 k) b_2^(e_2 k) ..., in which c and the bases b are free
of the index k, and the e are numbers.  Its antidifference F, for which F(k + 1) - F(k) is the
summand, is a polynomial in k times the same powers, and the sum from ``low`` to ``high`` is
F(high + 1) - F(low).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import comb, factorial

from sympy import QQ, ZZ, Expr, Integer, Mul, Pow, Rational, Symbol, cancel, exp, fraction, sring

from theory.formulas.arithmetic import Arithmetic, collected
from theory.formulas.bounds import Part, Refused, leaf, nodes, power, product, spend, total
from theory.formulas.positivity import EVERYWHERE

__all__ = ["binomial_coefficient", "summed"]

_MOST_NODES, _MOST_TERMS, _MOST_POWER, _MOST_CHOSEN = 100, 20, 8, 20
_MOST_IN_A_BASE, _MOST_DEGREE = 20, 4
_COST = 15
"""The cost of a term of a sum, in the questions of `theory.formulas.bounds`."""
_ZERO, _ONE, _MINUS = Integer(0), Integer(1), Integer(-1)

_Bases = tuple[tuple[Expr, Rational], ...]
"""Each base with the multiple of the index in its exponent."""
_Terms = Mapping[tuple[int, _Bases], Expr]
"""The coefficient of each power of the index times powers of bases."""


def binomial_coefficient(top: Part, chosen: Part) -> Part:
    """``top`` over ``chosen``, where one of ``chosen`` and ``top`` - ``chosen`` is a small number.

    >>> from theory.formulas.bounds import bounded
    >>> from theory.symbols import L
    >>> with bounded():
    ...     binomial_coefficient(leaf(L), leaf(Integer(2))).expression
    L*(L - 1)/2
    """
    rest = top.expression - chosen.expression
    number = rest if rest.is_Integer and top.expression.is_nonnegative else chosen.expression
    if not (number.is_Integer and 0 <= number <= _MOST_CHOSEN):
        raise Refused(
            "a binomial coefficient without a closed form in these functions",
            f"choose a number from 0 to {_MOST_CHOSEN}",
        )
    factors = [total([top, leaf(Integer(-k))]) for k in range(int(number))]
    return product([*factors, leaf(Rational(1, factorial(int(number))))])


def summed(summand: Part, index: Symbol, low: Part, high: Part) -> Part:
    """The sum of ``summand`` over the integers ``index`` from ``low`` to ``high``.

    Raises `Refused` where no closed form exists, and where ``high`` may be less than low - 1.

    >>> from theory.formulas.bounds import bounded
    >>> from sympy import Dummy
    >>> from theory.symbols import L
    >>> k = Dummy("k", integer=True)
    >>> with bounded():
    ...     summed(leaf(k), k, leaf(_ONE), leaf(L)).expression.expand()
    L**2/2 + L/2
    """
    _check_range(low.expression, high.expression)
    if nodes(summand.expression, _MOST_NODES) == _MOST_NODES:
        raise _without_form("a sum of a long expression")
    parts = [leaf(_ZERO)]
    after = total([high, leaf(_ONE)])
    for (degree, bases), coefficient in _Summand(index).of(summand.expression).items():
        spend(_COST * (degree + 1), "terms of sums")
        form = _Antidifference(degree, bases)
        scale = replace(summand, expression=coefficient)
        parts += [form.scaled(scale, after), product([leaf(_MINUS), form.scaled(scale, low)])]
    return total(parts)


def _without_form(what: str = "a sum without a closed form in these functions") -> Refused:
    return Refused(what, "give its closed form")


def _check_range(low: Expr, high: Expr) -> None:
    """Refuse bounds that are no integers, and sums whose number of terms may be negative."""
    if not (low.is_integer and high.is_integer):
        raise Refused("a sum whose bounds may be fractions", "give bounds that are integers")
    if _sign(low + 1) != 1 or _sign(high - low + 2) != 1:
        raise _without_form("a sum that may end before it begins, or begin below 0")


class _Summand(Arithmetic[_Terms]):
    """A summand as terms of powers of the index and of bases."""

    def __init__(self, index: Symbol) -> None:
        self.index = index

    def of(self, node: Expr) -> _Terms:
        return super().of(node) if node.has(self.index) else {(0, ()): node}

    def atom(self, node: Expr) -> _Terms:
        if node != self.index:
            raise _without_form()
        return {(1, ()): _ONE}

    def plus(self, one: _Terms, two: _Terms) -> _Terms:
        return _few(collected([*one.items(), *two.items()]))

    def times(self, one: _Terms, two: _Terms) -> _Terms:
        pairs = [
            ((p + q, tuple(collected([*bases, *more]).items())), c * d)
            for (p, bases), c in one.items()
            for (q, more), d in two.items()
        ]
        return _few(collected(pairs))

    def power(self, base: _Terms, exponent: Expr) -> _Terms:
        if exponent.has(self.index):
            return self._raised(base, self.of(exponent))
        if not exponent.is_Integer:
            raise _without_form()
        if exponent > 0:
            return self._multiplied(base, int(exponent))
        ((degree, bases), coefficient), *others = base.items()
        if others or degree:
            raise _without_form()
        return {(0, tuple((b, e * exponent) for b, e in bases)): coefficient**exponent}

    def exponential(self, argument: _Terms) -> _Terms:
        slope, rest = self._line(argument)
        return {(0, ((exp(slope), _ONE),)): exp(rest)}

    def _raised(self, base: _Terms, exponent: _Terms) -> _Terms:
        """A base free of the index, to a power that is linear in it."""
        slope, rest = self._line(exponent)
        if list(base) != [(0, ())] or not slope.is_Rational:
            raise _without_form()
        return {(0, ((base[0, ()], slope),)): base[0, ()] ** rest}

    def _multiplied(self, base: _Terms, exponent: int) -> _Terms:
        if exponent > _MOST_POWER:
            raise _without_form(f"a sum of powers beyond {_MOST_POWER}")
        result = base
        for _ in range(exponent - 1):
            result = self.times(result, base)
        return result

    def _line(self, exponent: _Terms) -> tuple[Expr, Expr]:
        """The multiple of the index in an exponent that is linear in it, and the rest."""
        if not set(exponent) <= {(0, ()), (1, ())}:
            raise _without_form()
        return exponent.get((1, ()), _ZERO), exponent.get((0, ()), _ZERO)


def _few(terms: _Terms) -> _Terms:
    if len(terms) > _MOST_TERMS or any(degree > _MOST_POWER for degree, _ in terms):
        raise _without_form(
            f"a sum of more than {_MOST_TERMS} terms or powers beyond {_MOST_POWER}"
        )
    return terms


class _Antidifference:
    """F with F(k + 1) - F(k) equal to k^degree times powers of bases, whose ratio is N/D.

    Where N = D, F is a polynomial.  Else F(x) is (N/D)^x D/(N - D) times a polynomial in x whose
    coefficients are powers of N/(N - D): D may vanish at some sizes, N - D does not.
    """

    def __init__(self, degree: int, bases: _Bases) -> None:
        above, below = (self._power(bases, sign) for sign in (1, -1))
        gap = above - below
        self.gap = gap if gap.has(exp) else cancel(gap)
        self.bases: _Bases = () if self.gap == 0 else bases
        if self.bases and not _differ(self.gap, above):
            raise _without_form("a geometric sum whose ratio may be 1")
        self.coefficients = (
            _geometric(degree, above / self.gap) if self.bases else _faulhaber(degree)
        )

    @staticmethod
    def _power(bases: _Bases, sign: int) -> Expr:
        """The product of the powers whose exponents have a sign."""
        for base, e in bases:
            degrees = [each.exp for each in base.atoms(Pow)]
            if nodes(base, _MOST_IN_A_BASE) == _MOST_IN_A_BASE or not all(
                d.is_Rational and abs(d) <= _MOST_DEGREE for d in (e, *degrees)
            ):
                raise _without_form("a sum of powers with long bases")
        return Mul(*(Pow(base, abs(e)) for base, e in bases if e * sign > 0))

    def scaled(self, scale: Part, at: Part) -> Part:
        """F(at) times a coefficient, powers of equal bases combined: D cancels where it can."""
        terms = [
            product([_small(c), power(at, leaf(Integer(d)))]) if d else _small(c)
            for d, c in enumerate(self.coefficients)
            if c != 0
        ]
        exponents = {base: e * at.expression - min(e, 0) for base, e in self.bases}
        others = []
        for factor in Mul.make_args(scale.expression):
            base, e = factor.as_base_exp()
            if base in exponents:
                exponents[base] += e
            else:
                others.append(factor)
        powers = [
            power(_small(b), replace(at, expression=e.expand()) if e.args else leaf(e))
            for b, e in exponents.items()
        ]
        gap = [power(_small(self.gap), leaf(_MINUS))] if self.bases else []
        return product([replace(scale, expression=Mul(*others)), total(terms), *powers, *gap])


def _small(expression: Expr) -> Part:
    """A coefficient or a base as a part, whose size `_Antidifference` bounds."""
    return leaf(expression) if expression.is_Atom else Part(expression, 2**7, 5, 0, 1)


def _differ(gap: Expr, above: Expr) -> bool:
    """Whether the difference of two products of powers is never 0."""
    if isinstance(above, exp):
        return bool(gap == above - 1 and above.exp.is_nonzero)
    return _sign(fraction(gap)[0]) is not None


def _sign(value: Expr) -> int | None:
    """The sign of a polynomial with rational coefficients at all sizes; None where unknown."""
    if value.is_Rational:
        return (value.is_positive and 1) or (value.is_negative and -1) or None
    if not value.is_polynomial(*value.free_symbols):
        return None
    ring, polynomial = sring(value)
    return EVERYWHERE.sign(polynomial) if ring.domain in (ZZ, QQ) else None


@cache
def _faulhaber(degree: int) -> tuple[Expr, ...]:
    """The coefficients, lowest first, of the sum of k^degree over 0 <= k < x."""
    coefficients = [_ZERO] * (degree + 1) + [Rational(1, degree + 1)]
    for lower in range(degree):
        for d, c in enumerate(_faulhaber(lower)):
            coefficients[d] -= Rational(comb(degree + 1, lower), degree + 1) * c
    return tuple(coefficients)


@cache
def _geometric(degree: int, share: Expr) -> tuple[Expr, ...]:
    """The coefficients, lowest first, of P with share P(x + 1) - (share - 1) P(x) = x^degree."""
    coefficients = [_ZERO] * degree + [_ONE]
    for lower in range(degree):
        for d, c in enumerate(_geometric(lower, share)):
            coefficients[d] -= share * comb(degree, lower) * c
    return tuple(coefficients)
