"""This module finds leading terms: as n -> infinity, then in depth, or as n -> infinity, L = t n.

A formula is expanded in falling powers of one size x,

    x^p (c_0 + c_1 x^(-d_1) + ... ) + O(x^e),

node by node, with fractional powers, and with coefficients in the normal form of the other sizes,
which decides exactly whether a coefficient is zero.  A factor that no power of x describes, such as
2^L or n^L, is carried with the sum as its *growth*.  Where the module knows no expansion, it raises
`theory.formulas.normal_form.NotNormal`: it never guesses a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from itertools import chain, product
from math import inf

from sympy import Add, Expr, Integer, Mul, Rational, Symbol, exp, factorrat, ilcm

from theory.formulas.arithmetic import Arithmetic, collected
from theory.formulas.normal_form import (
    ONE,
    NormalForm,
    Normaliser,
    NotNormal,
    exponential,
    nearly_equal,
    normal_form,
    of_field,
)
from theory.formulas.positivity import EVERYWHERE, FAR_OUT, Domain, FarOut, share
from theory.symbols import L, ell, n, t

__all__ = ["LeadingTerm", "is_somewhere_odd", "joint_term", "leading_term"]

_ORDERS = (4, 8, 14)
"""How far below its leading power a root is expanded, until the sum has a term."""
_MOST_STEPS = 150
_MOST_OPERATIONS = 1500
_MOST_FACTORED = 10**24
"""Numbers that are factored at once."""
_COMPLEX = "it contains a root of a negative value, which is complex"
Growth = frozenset[tuple[Expr, Expr]]
"""Pairs of base and exponent of powers that grow or fall exponentially."""
_NONE = Growth()


@dataclass(frozen=True)
class LeadingTerm:
    """growth * n^width_power * L^depth_power * coefficient, in n, the depths or t, and the others.

    Two formulas have a quotient that tends to 1 if and only if their leading terms are equal.
    """

    width_power: Fraction
    depth_power: Fraction
    growth: Growth
    coefficient: NormalForm

    def equals(self, other: LeadingTerm) -> bool:
        """Whether both are the same function; `NotNormal` where that is not proven."""
        return (
            _is_one(_joined(self.growth, _inverse(other.growth)))
            and self.width_power == other.width_power
            and self.depth_power == other.depth_power
            and not self.coefficient - other.coefficient
        )

    def is_near(self, other: LeadingTerm) -> bool:
        """Whether both have the same terms, with coefficients that agree to nine digits."""
        return (
            (self.width_power, self.depth_power) == (other.width_power, other.depth_power)
            and _is_one(_joined(self.growth, _inverse(other.growth)))
            and nearly_equal(self.coefficient, other.coefficient)
        )

    @property
    def expression(self) -> Expr:
        """The term as an expression; ell/L in place of s."""
        powers = n ** Rational(self.width_power) * L ** Rational(self.depth_power)
        whole = powers * _product(self.growth) * self.coefficient.expression
        return whole.xreplace({share: ell / L}) if whole.has(share) else whole


def leading_term(expression: Expr) -> LeadingTerm:
    """The leading term as n -> infinity, then as L and ell grow together.

    >>> leading_term((1 + 5 / n) ** L * (L + 1) ** 3 / 3 + L**4 / n).expression
    L**3/3
    """
    width, rest = Fraction(0), expression.xreplace({t: L / n})
    if rest.has(n):
        width, growth, coefficient = _first(rest, n, FAR_OUT)
        if growth:
            raise NotNormal("it holds a power whose exponent contains a size")
        rest = coefficient.expression
    if not rest.has(L, ell):
        normaliser = Normaliser(EVERYWHERE)
        constant = normaliser.of(rest)
        if not constant:
            raise NotNormal("it is zero")
        _refuse_vanishing(normaliser, EVERYWHERE)
        return LeadingTerm(width, Fraction(0), _NONE, constant)
    return LeadingTerm(width, *_first(rest.xreplace({ell: share * L}), L, EVERYWHERE))


def joint_term(expression: Expr) -> LeadingTerm:
    """The leading term as n -> infinity with L = t n, in n and t.

    >>> joint_term((1 + 5 / n) ** L * (L + 1)).expression
    n*t*exp(5*t)
    """
    power, growth, coefficient = _first(expression.xreplace({L: t * n}), n, EVERYWHERE)
    return LeadingTerm(power, Fraction(0), growth, coefficient)


def _first(
    expression: Expr, size: Symbol, signs: Domain | FarOut
) -> tuple[Fraction, Growth, NormalForm]:
    """The first term that does not cancel."""
    if expression.count_ops() > _MOST_OPERATIONS:
        raise NotNormal("it is too long to be expanded")
    for order in _ORDERS:
        normaliser = Normaliser(signs)
        found = _Expansion(size, order, normaliser).of(expression)
        if found.terms:
            _refuse_vanishing(normaliser, signs)
            power = max(found.terms)
            return power, found.growth, found.terms[power]
        if found.error == -inf:
            break
    raise NotNormal("its leading terms cancel, or it is zero")


def _refuse_vanishing(normaliser: Normaliser, signs: Domain | FarOut) -> None:
    """`NotNormal` where a divisor is not proven to differ from 0."""
    if any(signs.sign(divisor) is None for divisor in normaliser.divisors):
        raise NotNormal("it divides by a sum that may vanish")


@dataclass(frozen=True)
class _Sum:
    """growth * (sum of ``terms[p]`` x^p + O(x^error)), where no term is zero or below the error;
    an error of -inf stands for none.

    ``lost``: whether terms of a slower growth were left out, so that the sum must not cancel.
    """

    terms: Mapping[Fraction, NormalForm]
    error: Fraction | float = -inf
    growth: Growth = _NONE
    lost: bool = False

    @property
    def is_zero(self) -> bool:
        """Whether the sum is 0, exactly."""
        return not self.terms and self.error == -inf

    @property
    def top(self) -> Fraction:
        """The largest power."""
        if not self.terms:
            raise NotNormal("its leading terms cancel")
        return max(self.terms)

    def __add__(self, other: _Sum) -> _Sum:
        if self.growth != other.growth:
            return _faster(self, other)
        terms = collected(chain(self.terms.items(), other.terms.items()))
        lost = self.lost or other.lost
        return _known(terms, max(self.error, other.error), self.growth, lost)

    def __mul__(self, other: _Sum) -> _Sum:
        if self.is_zero or other.is_zero:
            return self if self.is_zero else other
        tops = [max(each.terms, default=each.error) for each in (self, other)]
        error = max(self.error + tops[1], other.error + tops[0])
        terms = collected(
            (one + two, left * right)
            for (one, left), (two, right) in product(self.terms.items(), other.terms.items())
            if one + two > error
        )
        lost = self.lost or other.lost
        return _known(terms, error, _joined(self.growth, other.growth), lost)

    def cut(self, error: Fraction) -> _Sum:
        """The same with a larger error."""
        return _known(self.terms, max(self.error, error), self.growth, self.lost)


def _known(
    terms: Mapping[Fraction, NormalForm],
    error: Fraction | float,
    growth: Growth,
    lost: bool,
) -> _Sum:
    kept = {p: value for p, value in terms.items() if value and p > error}
    if lost and not kept:
        raise NotNormal("terms that grow exponentially cancel")
    return _Sum(kept, error, growth, lost)


def _joined(one: Growth, two: Growth) -> Growth:
    exponents = {base: exponent.expand() for base, exponent in collected((*one, *two)).items()}
    return frozenset((base, exponent) for base, exponent in exponents.items() if exponent != 0)


def _inverse(growth: Growth) -> Growth:
    return frozenset((base, -exponent) for base, exponent in growth)


def _is_one(ratio: Growth) -> bool:
    """Whether a growth is 1; `NotNormal` where neither is proven.

    Logarithms of primes and of irreducible polynomials are linearly independent over algebraic
    functions (Baker), so a product of their powers is 1 only if every exponent is 0.
    """
    exponents = {base: exponent for base, exponent in ratio if normal_form(exponent)}
    parity = exponents.pop(Integer(-1), Integer(0))
    if any(e.has(exp) or not _is_factored(b) for b, e in exponents.items()) and len(exponents) > 1:
        raise NotNormal("two powers that grow exponentially are not compared")
    return not exponents and not is_somewhere_odd(parity)


def is_somewhere_odd(parity: Expr) -> bool:
    """Whether a polynomial of sizes with whole coefficients takes odd values."""
    sizes = tuple(parity.free_symbols)
    ends = (dict(zip(sizes, at, strict=True)) for at in product((0, 1), repeat=len(sizes)))
    return any(parity.subs(end) % 2 for end in ends)


def _faster(one: _Sum, two: _Sum) -> _Sum:
    """The sum whose growth is larger for every ell/L, where the other is smaller than any power."""
    if one.is_zero or two.is_zero:
        return two if one.is_zero else one
    ratio = _joined(one.growth, _inverse(two.growth))
    ends = [_compared(ratio, at) for at in (0, 1)]
    for sign, larger in ((1, one), (-1, two)):
        if ends[1] == sign and ends[0] in (0, sign):
            return replace(larger, lost=True)
    raise NotNormal("two of its terms grow exponentially, neither faster for sure")


def _compared(ratio: Growth, at: int) -> int:
    """The sign of the logarithm of a growth L -> product of base^(k L), at ell/L = ``at``."""
    total = Integer(1)
    for base, exponent in ratio:
        whole = (exponent / L).expand()
        ends = [whole.xreplace({share: Integer(end)}) for end in (0, 1)]
        rate = ends[at]
        linear = (whole - ends[0] - share * (ends[1] - ends[0])).expand() == 0
        if not (linear and base.is_Rational and base > 0 and rate.is_Rational and abs(rate) < 999):
            raise NotNormal(f"the growth of ({base})**({exponent}) is not compared")
        total *= base**rate
    if not total.is_Rational:
        raise NotNormal("the growth of two of its terms is not compared")
    return int(bool(total > 1)) - int(bool(total < 1))


@dataclass(frozen=True)
class _Expansion(Arithmetic[_Sum]):
    """Expansions in falling powers of ``size``, roots to ``order`` below their leading power."""

    size: Symbol
    order: int
    normaliser: Normaliser

    def atom(self, node: Expr) -> _Sum:
        if node == self.size:
            return _Sum({Fraction(1): ONE})
        form = self.normaliser.of(node)
        return _Sum({Fraction(0): form} if form else {})

    def power(self, base: _Sum, exponent: Expr) -> _Sum:
        if exponent.is_Integer and 0 <= exponent <= 64:
            return reduce(lambda x, y: x * y, [base] * int(exponent), _Sum({Fraction(0): ONE}))
        power = base.top
        leading, raised = base.terms[power], self.normaliser.power
        outside = _Sum({-power: raised(leading, Integer(-1))})
        below = {p: value for p, value in base.terms.items() if p != power}
        rest = _Sum(below, base.error) * outside
        if base.growth and not exponent.is_Rational:
            raise NotNormal("a power of a power that grows exponentially")
        if not exponent.is_Integer and any(each.is_negative for each, _ in base.growth):
            raise NotNormal("a power of an alternating sign stands under a root")
        grown = frozenset((b, (e * exponent).expand()) for b, e in base.growth)
        if exponent.has(self.size):
            if base.lost and self.of(exponent).growth:
                raise NotNormal("a left-out term to a power that grows exponentially")
            value = self._growing(power, leading, rest, exponent)
            return replace(value, lost=value.lost or base.lost)
        if exponent.is_Rational:
            moved, growth = power * Fraction(int(exponent.p), int(exponent.q)), grown
        else:
            outer = (Rational(power) * exponent).expand()
            moved, growth = Fraction(0), _joined(_NONE, frozenset({(self.size, outer)}))
        value = _Sum({moved: raised(leading, exponent)}, -inf, growth, base.lost)
        return value * self._binomial(rest, self.normaliser.of(exponent))

    def _growing(self, power: Fraction, leading: NormalForm, rest: _Sum, exponent: Expr) -> _Sum:
        """(c y^p (1 + u))^x = c^x y^(p x) exp(x log(1 + u)), y the size, for an exponent x with y.

        The terms of x that grow make c^x a growth, and the constant term a factor; a rest of x that
        vanishes as y^-d makes it 1 + O(y^-d), and y^(p x) = 1 + O(y^(-d/2)).
        """
        x = self.of(exponent)
        value = self.exponential(x * self._logarithm(rest))
        if not power and not leading - ONE:
            return value
        if power and max(x.terms, default=-1) >= 0:
            raise NotNormal(f"it holds {self.size} to a power that grows with this size")
        if x.growth or x.error >= 0:
            raise NotNormal("the terms of an exponent are not known")
        vanishing = max([x.error, *(p for p in x.terms if p < 0)])
        sign, parts = self.normaliser.factors(leading.rational)
        if sign < 0 and (vanishing > -inf or x.lost):
            raise NotNormal(_COMPLEX)
        growing = (v.expression * self.size ** Rational(p) for p, v in x.terms.items() if p > 0)
        constant = x.terms[Fraction(0)].expression if Fraction(0) in x.terms else Integer(0)
        return value * _Sum(
            {Fraction(0): self.normaliser.power(leading, constant)},
            vanishing / 2 if power else vanishing,
            _growth((sign, parts), Add(*growing).expand()),
            x.lost,
        )

    def exponential(self, argument: _Sum) -> _Sum:
        if argument.growth or (argument.terms and argument.top > 0):
            raise NotNormal("it contains an exponential whose exponent is unbounded")
        if argument.error >= 0:
            raise NotNormal("the leading term of an exponent cancels")
        limit = argument.terms.get(Fraction(0))
        small = _Sum({p: v for p, v in argument.terms.items() if p}, argument.error)
        factor = ONE if limit is None else exponential(limit.rational)
        series = self._series(small, lambda k: _number(Fraction(1, k)))
        return replace(_Sum({Fraction(0): factor}) * series, lost=argument.lost)

    def _logarithm(self, rest: _Sum) -> _Sum:
        """log(1 + u) = u (1 - u/2 + ...)."""
        return rest * self._series(rest, lambda k: _number(Fraction(-k, k + 1)))

    def _binomial(self, rest: _Sum, exponent: NormalForm) -> _Sum:
        """(1 + u)^x, term by term with x (x - 1) ... / k!."""

        def factor(k: int) -> _Sum:
            falling = exponent - of_field(ONE.rational * (k - 1))
            return _Sum({Fraction(0): falling} if falling else {}) * _number(Fraction(1, k))

        return self._series(rest, factor)

    def _series(self, small: _Sum, factor: Callable[[int], _Sum]) -> _Sum:
        """1 + u f(1) + u^2 f(1) f(2) + ... for a small sum u."""
        term = total = _Sum({Fraction(0): ONE})
        for k in range(1, self._steps(small) + 1):
            term = (term * small * factor(k)).cut(Fraction(-self.order))
            total += term
        return total if small.is_zero else total.cut(Fraction(-self.order))

    def _steps(self, small: _Sum) -> int:
        """How many powers of a small sum lie within the order."""
        if not small.terms:
            return 0 if small.is_zero else 1
        step = -small.top
        if step <= 0 or small.error >= 0:
            raise NotNormal("the terms of a root or a power do not fall")
        steps = int(Fraction(self.order + 1) / step) + 1
        if steps > _MOST_STEPS:
            raise NotNormal("the terms of a root or a power fall too slowly")
        return steps


def _number(value: Fraction) -> _Sum:
    form = of_field(ONE.rational * value.numerator / value.denominator)
    return _Sum({Fraction(0): form} if form else {})


def _growth(factors: tuple[int, list[tuple[Expr, int]]], exponent: Expr) -> Growth:
    """A power that no power of the expanded size describes, by its sign and irreducible factors."""
    sign, parts = factors
    if sign < 0 and not exponent.is_integer:
        raise NotNormal(_COMPLEX)
    powers = [
        (prime, (times * count * exponent).expand())
        for base, times in parts
        for prime, count in _primes(base)
    ]
    alternating = [(Integer(-1), exponent)] if sign < 0 else []
    return _joined(frozenset(collected(powers).items()), frozenset(alternating))


def _primes(base: Expr) -> list[tuple[Expr, int]]:
    """A number as a product of powers of primes, so that (4/9)^L is (2/3)^(2 L); a number that
    takes long to factor, and any other base, as it is."""
    if not base.is_Rational or base <= 0 or not _is_factored(base):
        return [(base, 1)]
    return [(Integer(prime), count) for prime, count in factorrat(base).items()]


def _is_factored(base: Expr) -> bool:
    """Whether `_primes` splits a base into irreducible ones."""
    return not base.is_Rational or max(base.p, base.q) <= _MOST_FACTORED


def _product(growth: Growth) -> Expr:
    """Growth as an expression; numbers to proportional exponents under one power."""
    numbers = [(base, e) for base, e in growth if base.is_Rational and base > 0]
    others = (base**exponent for base, exponent in growth if (base, exponent) not in numbers)
    whole = Mul(*others)
    while numbers:
        (_, first), *_ = numbers = sorted(numbers, key=str)
        ratios = {base: (e / first).cancel() for base, e in numbers}
        alike = {base: ratio for base, ratio in ratios.items() if ratio.is_Rational}
        scale = Rational(ilcm(1, 1, *(ratio.q for ratio in alike.values())))
        base = Mul(*(base ** (ratio * scale) for base, ratio in alike.items()))
        whole *= base ** (first / scale)
        numbers = [(base, e) for base, e in numbers if base not in alike]
    return whole
