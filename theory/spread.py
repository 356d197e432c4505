"""How a quantity of one random network is spread over networks: its variance, exactly.

The square of an observable is an observable of twice the degree, so that the variance over
initialisations comes from the same derivation as the mean, and a simulation can be planned before
a single network is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mpmath import ceil, mpf, nstr, workdps
from mpmath import sqrt as decimal_root
from sympy import Add, Expr, Integer

from theory.alignment import quotient
from theory.asymptotics import joint_law, over_width
from theory.closed_form import ClosedForm
from theory.derivation import Derivation, derive
from theory.errors import InvalidArgument, NotSolved
from theory.evaluation import DOUBLE_DIGITS
from theory.network import MLP
from theory.notation import Math
from theory.numerals import number_text
from theory.observables import K, Observable, g
from theory.public_names import PublicNames
from theory.rendering import formula_display
from theory.steps import Line
from theory.symbols import L, eta, n
from theory.validation import exact_number, positive_int, shown

__all__ = ["Spread", "tangent_kernel"]

_ONE = Integer(1)
_GUARD_DIGITS, _MORE_DIGITS = 10, 20
_ERROR_DIGITS = 4
"""A relative variance is right to so many digits fewer than worked with, times 1 plus itself."""
_MOST_DIGITS_LOST = 100
"""A relative variance below 10^-100 is taken to be zero."""


@dataclass(frozen=True)
class Spread(PublicNames):
    """Mean and variance, over random networks, of ``unit`` times an observable.

    ``first`` and ``second``: the derivations of the observable and of its square.  ``unit``: what
    they are multiplied with, such as eta**2/n for a mean squared update.

    >>> from theory import MLP, tangent_kernel
    >>> tangent_kernel(MLP(width=8, depth=2))
    Spread of gᵀKg over networks of MLP(width=8, depth=2): mean 1, relative standard deviation 1.111
    """

    first: Derivation
    second: Derivation
    unit: Expr
    _shared: ClassVar[frozenset[str]] = frozenset({"of", "first", "second", "unit"})

    @classmethod
    def of(cls, derivations: Sequence[Derivation], unit: Expr = _ONE) -> Spread:
        """The spread of ``unit`` times the sum of the observables derived."""
        total = sum((d.observable for d in derivations), start=Observable(()))
        first = replace(derivations[0], observable=total)
        return cls(first, replace(first, observable=total**2), unit)

    @property
    def mean(self) -> Expr:
        """The mean, exact.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP()).mean
        L/2
        """
        return self.first.exact * self.unit

    @property
    def second_moment(self) -> Expr:
        """The mean of the square, exact.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP(width=8, depth=1)).second_moment
        13/32
        """
        return self.second.exact * self.unit**2

    @property
    def variance(self) -> Expr:
        """The variance, exact: a rational number, or a function of the symbols left.

        Raises `NotSolved` as `Derivation.exact` does.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP(width=8, depth=1)).variance
        5/32
        """
        if self.first.in_numbers:
            domain = self.first.domain
            first, second = (
                sum((d.value for d in _by_term(whole)), domain.zero) for whole in self._both
            )
            return domain.to_sympy(second - first**2) * self.unit**2
        mean, square = (Add(*(d.exact for d in _by_term(whole))) for whole in self._both)
        return (square - mean**2) * self.unit**2

    def relative_standard_deviation(self, digits: int = 15) -> mpf:
        """The standard deviation over the mean, for a network in numbers of any depth.

        Relative error below 10^-digits.

        >>> from theory import MLP, squared_update
        >>> label = squared_update(MLP(1024, 512)).label
        >>> round(float(label.spread.relative_standard_deviation()), 3)
        50.346
        """
        digits = positive_int("digits", digits)
        most = digits + _MOST_DIGITS_LOST
        for working in (DOUBLE_DIGITS, *range(digits + _GUARD_DIGITS, most, _MORE_DIGITS)):
            relative = self._relative_variance(working)
            if relative * mpf(10) ** (working - digits - _ERROR_DIGITS) > 1:
                with workdps(digits):
                    return decimal_root(relative)
        return mpf(0)

    def _relative_variance(self, digits: int) -> mpf:
        """Variance over squared mean, right to ``digits`` - 2 digits of 1 plus itself."""
        with workdps(digits):
            first, second = (
                sum((d.evaluate(digits) for d in _by_term(whole)), mpf(0)) for whole in self._both
            )
            if not first:
                raise NotSolved("the mean is zero: there is no relative standard deviation")
            return second / first**2 - 1

    def samples(self, tolerance: object) -> int:
        """The number of independent networks whose average has a relative standard error of at
        most ``tolerance``.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(128, 2)).label.spread.samples("0.01")
        1108
        """
        bound = exact_number("tolerance", tolerance)
        if not bound > 0:
            raise InvalidArgument(
                f"expected a positive number for tolerance, got tolerance={shown(tolerance)}; give "
                f"a relative standard error such as 0.01"
            )
        ratio = self.relative_standard_deviation(30)
        with workdps(30):
            return max(1, int(ceil((ratio * int(bound.q) / int(bound.p)) ** 2)))

    def joint_limit(self) -> Expr:
        """Variance over squared mean as n -> infinity with L = t n.

        >>> tangent_kernel(MLP()).joint_limit()
        -1 + ((9*t**2 + 6*t - 1)*exp(5*t) + exp(-t))/(27*t**2)
        """
        network = self.first.network
        if network.width != n or network.depth != L:
            raise NotSolved(
                f"the joint limit L = t n needs symbolic width and depth, got {network!r}: leave "
                f"them out, as in MLP()"
            )
        laws = [joint_law(over_width(forms, _ONE), 1) for forms in self._closed_forms]
        if laws[1].power != 2 * laws[0].power:
            raise NotSolved("variance over squared mean has no finite joint limit: give numbers")
        return quotient(laws[1].coefficient(), laws[0].coefficient() ** 2) - 1

    @property
    def _closed_forms(self) -> Iterator[Iterator[ClosedForm]]:
        return ((d.closed_form for d in _by_term(whole)) for whole in self._both)

    @property
    def _both(self) -> tuple[Derivation, Derivation]:
        return self.first, self.second

    def __repr__(self) -> str:
        what = f"{self.unit}*" if self.unit != 1 else ""
        of = f"{what}({self.first.observable})" if what else str(self.first.observable)
        return f"Spread of {of} over networks of {self.first.network}: {self._headline()}"

    def _headline(self) -> str:
        network = self.first.network
        if not network.free_symbols:
            mean = self.mean.coeff(eta, 2) if self.mean.has(eta) else self.mean
            relative = self.relative_standard_deviation(4)
            return f"mean {number_text(mean)}, relative standard deviation {nstr(relative, 4)}"
        if network.width == n:
            terms = [each.leading_term() for each in _by_term(self.first)]
            top = max(power for power, _ in terms)
            leading = Add(*(c for power, c in terms if power == top)) * n**top * self.unit
            return f"mean {leading} to leading order"
        return f"mean {self.mean}"

    def _repr_latex_(self) -> str:
        """The mean as a formula, and the relative standard deviation of a network in numbers."""
        lines = [Line(Math("", r"\text{mean}"), Math.of(self.mean))]
        if not self.first.network.free_symbols:
            relative = Math.text(str(nstr(self.relative_standard_deviation(4), 4)))
            lines.append(Line(Math("", r"\text{standard deviation}/\text{mean}"), relative))
        return formula_display(*lines)


def _by_term(derivation: Derivation) -> Iterator[Derivation]:
    """The terms of an observable apart: words of different degrees do not mix, and layer maps of
    one degree at a time are quicker to solve."""
    for term in derivation.observable.terms:
        yield replace(derivation, observable=Observable((term,)))


def tangent_kernel(network: MLP, *, layer: object = None, rates: object = None) -> Spread:
    """g^T K g: at the last layer the tangent kernel of the output at the input, that is, the sum
    of its squared derivatives by the hidden weights, each times its layer's multiplier.

    At a layer below, the sum over the weights up to it.  The readout's own share, |x^(L)|^2, is
    not in it.

    >>> tangent_kernel(MLP()).mean
    L/2
    >>> tangent_kernel(MLP(depth=1)).variance
    5/(4*n)
    """
    return Spread.of([derive(g @ K @ g, network, layer=layer, rates=rates)])
