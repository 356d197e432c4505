"""The closed form of two powers of the depth as an expression that does not cancel."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Add, Expr, Integer, Mul, Poly, Sum, Symbol, binomial, factor

from theory.algebra.two_powers import Rational, TwoPowers
from theory.solutions.limits import Weighted
from theory.symbols import L, n

__all__ = ["positive_sum"]

_I = Symbol("i", integer=True, nonnegative=True)


def positive_sum(sums: Iterable[Weighted], times: Expr) -> Expr:
    """Closed forms times an expression, each as a sum over binomials whose terms are all
    non-negative (`theory.algebra.two_powers`).

    Raises `NotSolved` where such a form is not proven.
    """
    return Add(*(Mul(weight, times, _written(TwoPowers.of(total))) for weight, total in sums))


def _written(form: TwoPowers) -> Expr:
    depth, start = L - form.shift, len(form.head)
    small = 1 + _over_width(form.beta_less_1)
    gap = factor(_over_width(form.ratio_less_1) * small)

    def term(i: Expr, weight: Expr) -> Expr:
        return binomial(depth, i) * small ** (depth - i) * gap**i * weight

    head = (term(Integer(i), factor(_over_width(q))) for i, q in enumerate(form.head))
    tail = (
        factor(_over_width(r)) * factor(binomial(_I - start, j).expand(func=True))
        for j, r in enumerate(form.tail)
    )
    return Add(*head, Sum(term(_I, Add(*tail)), (_I, start, depth)))


def _over_width(function: Rational) -> Expr:
    """A rational function, given by powers of n - 1, in n."""
    above, below = (_polynomial(each) for each in (function.numerator, function.denominator))
    return above / below


def _polynomial(coefficients: tuple[int, ...]) -> Expr:
    poly = Poly(list(reversed(coefficients)) or [Integer(0)], n).compose(Poly(n - 1, n))
    return factor(poly.as_expr())
