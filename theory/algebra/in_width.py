"""`InWidth` holds the first terms of a series in 1/n, and adds, multiplies and divides such
series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Integer, Mul, Rational, factor

from theory.algebra.numerals import inverse_square_root
from theory.symbols import n

__all__ = ["InWidth"]


@dataclass(frozen=True)
class InWidth:
    """``lead`` n^power (1 + r_1/n + r_2/n^2 + ...), known to as many ``ratios`` 1, r_1, r_2, ...;
    no ratio where nothing but zeros is known."""

    power: Expr
    lead: Expr
    ratios: tuple[Expr, ...]

    @classmethod
    def of(cls, power: Expr | int, coefficients: Sequence[Expr]) -> InWidth:
        """The series of n^power, n^(power - 1), ... with these coefficients."""
        for skipped, lead in enumerate(coefficients):
            if lead != 0:
                rest = coefficients[skipped + 1 :]
                ratios = (Integer(1), *(factor(each / lead) for each in rest))
                return cls(power - Integer(skipped), lead, ratios)
        return cls(Integer(power) - len(coefficients), Integer(1), ())

    @property
    def coefficients(self) -> tuple[Expr, ...]:
        """The coefficients, from the first that is not zero."""
        return tuple(self.lead * ratio for ratio in self.ratios)

    @property
    def term(self) -> Expr:
        """The leading term."""
        return self.lead * n**self.power

    def times(self, factor: Expr, power: int = 0) -> InWidth:
        """The series times ``factor`` n^``power``."""
        return InWidth(self.power + power, self.lead * factor, self.ratios)

    def __mul__(self, other: InWidth) -> InWidth:
        known = range(min(len(self.ratios), len(other.ratios)))
        ratios = (
            factor(Add(*(self.ratios[j] * other.ratios[k - j] for j in range(k + 1))))
            for k in known
        )
        return InWidth(self.power + other.power, self.lead * other.lead, tuple(ratios))

    def __truediv__(self, other: InWidth) -> InWidth:
        whole = self * InWidth(-other.power, Integer(1), other._to_the(Integer(-1)))
        return InWidth(whole.power, _quotient(self.lead, other.lead), whole.ratios)

    def __add__(self, other: InWidth) -> InWidth:
        power = max(self.power, other.power)
        known = power - max(each.power - len(each.ratios) for each in (self, other))
        return InWidth.of(
            power, [factor(self._at(power - k) + other._at(power - k)) for k in range(known)]
        )

    def inverse_root(self) -> InWidth:
        """One over the square root of a positive series."""
        return InWidth(-self.power / 2, self._inverse_root, self._to_the(Rational(-1, 2)))

    def root(self) -> InWidth:
        """The square root of a positive series."""
        return InWidth(self.power / 2, 1 / self._inverse_root, self._to_the(Rational(1, 2)))

    @property
    def _inverse_root(self) -> Expr:
        """One over the root of `lead`, its rational number taken out."""
        number, rest = self.lead.as_content_primitive()
        return inverse_square_root(number) * inverse_square_root(rest)

    def _at(self, power: Expr) -> Expr:
        """The coefficient of a power of n, which is not below the known powers."""
        return self.lead * self.ratios[self.power - power] if power <= self.power else Integer(0)

    def _to_the(self, exponent: Rational) -> tuple[Expr, ...]:
        """The ratios of a power of the series, by the recurrence from f' r = exponent r' f."""
        found: list[Expr] = [Integer(1)][: len(self.ratios)]
        for k in range(1, len(self.ratios)):
            terms = (
                (exponent * j - k + j) * self.ratios[j] * found[k - j] for j in range(1, k + 1)
            )
            found.append(factor(Add(*terms) / k))
        return tuple(found)


def _quotient(above: Expr, below: Expr) -> Expr:
    """above/below, the rational numbers in front of both taken together."""
    (over, top), (under, bottom) = (each.as_content_primitive() for each in (above, below))
    return Mul(over / under, *Mul.make_args(top), 1 / bottom)
