"""`Spread` is the exact mean and variance of a quantity over random networks.

The square of an observable is an observable of twice the degree, so that the variance over
initialisations comes from the same derivation as the mean, and a simulation can be planned before
a single network is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from mpmath import mpf, nstr
from sympy import Expr, Integer, factor

from theory.algebra.in_width import InWidth
from theory.algebra.numerals import (
    FEW_LAYERS,
    formula_text,
    inverse_square_root,
    number_text,
    printable,
)
from theory.algebra.power_sum import DEPTHS
from theory.coverage import answered
from theory.errors import InvalidArgument, NotSolved
from theory.exact.evaluation import guard_digits
from theory.laws.mean import Mean
from theory.limits.blocks import leading_variance
from theory.limits.infinite_width import highest_degree
from theory.networks.network import Network
from theory.networks.sizes import is_large
from theory.precision import published, workdps
from theory.solutions.composite import Composite
from theory.solutions.derivation import derive
from theory.symbols import L, n
from theory.validation import digits_wanted, exact_number, typed
from theory.waiting import announced
from theory.words.observables import K, Observable, g
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import formulas_latex

__all__ = ["Moments", "Spread", "tangent_kernel"]

_QUICK_IN_BLOCKS = g @ K @ g
"""The observable whose square has a closed form in the number of blocks within a second."""
_QUICK_DIGITS, _FEW_LOST, _MORE_DIGITS = 9, 6, 20
_QUICK_LAYERS = 10**5
_ERROR_DIGITS = 4
"""A relative variance is right to so many digits fewer than worked with, times 1 plus itself."""
_MOST_SAMPLES_DIGITS = 300
_MOST_DIGITS_LOST = 100
"""A relative variance below 10^-100 is taken to be zero."""


class Moments(NamedTuple):
    """Mean and standard deviation over networks, at eta = 1."""

    mean: Any
    standard_deviation: Any

    def __repr__(self) -> str:
        mean, deviation = (
            formula_text(each) if isinstance(each, Expr) else repr(each) for each in self
        )
        return f"Moments(mean={mean}, standard_deviation={deviation})"


@dataclass(frozen=True)
class Spread(Composite):
    """Mean and variance, over random networks, of the quantity whose mean is ``whole``.

    >>> from theory import MLP, tangent_kernel
    >>> tangent_kernel(MLP(width=8, depth=2))
    Spread of gᵀKg over networks of MLP(width=8, depth=2): mean 1, relative standard deviation 1.111
    """

    whole: Mean
    _shared: ClassVar[frozenset[str]] = frozenset({"unit", "whole"})

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        return ("mean", "standard deviation")

    @property
    def _quantity(self) -> str:
        text, width = str(self._observable), self.whole.width_here
        over = f"({text})/{width}" if width != 1 else text
        return f"{over} of one network"

    @property
    def unit(self) -> Expr:
        """The factor of the observable, such as eta**2/n for a mean squared update."""
        return self.whole.unit_of_step / self.whole.width_here

    def _number(self, context: Any) -> Moments:
        mean = self.whole._number(context)
        if not mean:
            return Moments(mean, context.zero)
        return Moments(mean, abs(mean) * self._relative(context.dps))

    @property
    def _first(self) -> Mean:
        """The mean of the observable itself."""
        return Mean(self.whole.derivations)

    @property
    def _second(self) -> Mean:
        """The mean of its square."""
        return Mean(replace(self.whole.derivations[0], observable=self._observable).squares)

    @property
    def _observable(self) -> Observable:
        return sum((d.observable for d in self.whole.derivations), start=Observable(()))

    @property
    def mean(self) -> Expr:
        """The mean, exact.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP()).mean
        L/2
        """
        return self.whole.exact

    def second_moment(self) -> Expr:
        """The mean of the square, exact, in the time of `variance`.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP(width=8, depth=1)).second_moment()
        13/32
        """
        with announced("variance"):
            return printable(self._second._exact * self.unit**2)

    def variance(self) -> Expr:
        """The variance, exact: a rational number, or a function of the symbols left.

        With symbols it takes a second for g^T K g, half a minute for a squared update, and more
        for a leaky slope; do not put floats into it (`theory.solutions.value.Value`).  Raises
        `NotSolved` as `Derivation.exact` does.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP(width=8, depth=1)).variance()
        5/32
        """
        with announced("variance"):
            return printable(self._variance())

    def _variance(self) -> Expr:
        first, second = self._first, self._second
        if first.in_numbers and first.opened is None:
            return first.domain.to_sympy(second.in_field - first.in_field**2) * self.unit**2
        return (second._exact - first._exact**2) * self.unit**2

    def relative_standard_deviation(self, digits: int = 15) -> mpf:
        """The standard deviation over the mean, for a network in numbers of any depth.

        Relative error below 10^-digits.

        >>> from theory import MLP, squared_update
        >>> label = squared_update(MLP(1024, 512)).label
        >>> round(float(label.spread.relative_standard_deviation()), 3)
        50.346
        """
        digits = digits_wanted(digits)
        self._check_numbers("relative_standard_deviation()")
        with announced("value"):
            return published(self._relative(digits), digits)

    def _relative(self, digits: int) -> Any:
        """The standard deviation over the mean, right to ``digits``."""
        guard = guard_digits(self.network.layers) + _ERROR_DIGITS
        first = digits + guard + _FEW_LOST
        for used in (_QUICK_DIGITS, *range(first, first + _MOST_DIGITS_LOST, _MORE_DIGITS)):
            with workdps(used) as context:
                relative = self._relative_variance(context)
                lost = 0 if used == _QUICK_DIGITS else guard - _ERROR_DIGITS
                if relative * context.mpf(10) ** (used - lost - digits - _ERROR_DIGITS) > 1:
                    return context.sqrt(relative)
        return context.zero

    def _relative_variance(self, context: Any) -> Any:
        """Variance over squared mean, right to the digits of ``context`` but two of 1 plus
        itself."""
        first, second = self._first._number(context), self._second._number(context)
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
                f"expected a positive number for tolerance, got tolerance={typed(tolerance)}; give "
                f"a relative standard error such as 0.01"
            )
        ratio = self.relative_standard_deviation(30)
        with workdps(30) as context:
            squared = (context.make_mpf(ratio._mpf_) * int(bound.q) / int(bound.p)) ** 2
            if squared > context.mpf(10) ** _MOST_SAMPLES_DIGITS:
                drawn = ", which verify.RareEvents() draws" * self.network._is_chain
                raise NotSolved(
                    f"more than 10**{_MOST_SAMPLES_DIGITS} networks of {self.network} would be "
                    f"needed: rare networks set the mean{drawn}"
                )
            return max(1, int(context.ceil(squared)))

    @property
    def exact(self) -> Moments:
        """Mean and standard deviation, exact; `variance` says how long they take.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP(depth=1)).exact
        Moments(mean=1/2, standard_deviation=sqrt(5)/(2*sqrt(n)))
        """
        with announced("variance"):
            variance = self._variance()
            root = 1 / inverse_square_root(variance) if variance else variance
            return Moments(self.mean, printable(root))

    def leading(self) -> Moments:
        """The leading terms as n -> infinity, then as the depth grows.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP()).leading()
        Moments(mean=L/2, standard_deviation=sqrt(33)*L**(3/2)/(6*sqrt(n)))
        """
        if not (isinstance(self.network.depth, int) or self.network._is_chain):
            return Moments(standard_deviation=self._leading_in_blocks, mean=self.whole.leading())
        if not (self.network._is_chain or self._first.in_numbers):
            self._refuse_slow_in_blocks("an open block", "layer as a number")
        mean = self.whole.leading()
        with announced("variance") as note:
            self._solve_square(note)
            deviation = self._with_terms_to(0).standard_deviation
        square = deviation.lead**2
        if not isinstance(self.network.depth, int):
            if not square.is_polynomial(*DEPTHS):
                raise NotSolved(
                    "the variance grows or falls exponentially in the depth, so no power leads: "
                    "give the depth as a number"
                )
            square = highest_degree(square, *DEPTHS)
        top = InWidth(deviation.power * 2, square, deviation.ratios)
        return Moments(mean, top.root().term * self.whole.unit_of_step)

    @property
    def _leading_in_blocks(self) -> Expr:
        """The leading term of the standard deviation in an open number of blocks."""
        self._refuse_slow_in_open_blocks("leading()")
        with announced("variance"):
            power, square = leading_variance(self._second.sums, self._first.sums)
            return factor(self.unit / inverse_square_root(square * n**power))

    def _solve_square(self, note: Callable[[float], None]) -> None:
        """Solve the closed forms of the square, which take most of the time, one by one."""
        if self._first.in_numbers:
            return
        squares = self._second.derivations
        for done, each in enumerate(squares, start=1):
            each._forms()
            note(done / (len(squares) + 1))

    def _refuse_slow_in_blocks(self, where: str, fix: str) -> None:
        if self._observable != _QUICK_IN_BLOCKS:
            raise NotSolved(
                f"the variance of {self._observable} in {where} takes many minutes to derive: give "
                f"{fix}"
            )

    def _refuse_slow_in_open_blocks(self, call: str) -> None:
        if not (isinstance(self.network.depth, int) or self.network._is_chain):
            numbers = f"a number of blocks, as in .at({self.network._depth_symbol}=8).{call}"
            self._refuse_slow_in_blocks("an open number of blocks", numbers)

    def _expanded(self, of: Callable[[Any], InWidth]) -> Moments:
        self._refuse_slow_in_open_blocks("width_series(1)")
        whole, first, second = (of(mean) for mean in (self.whole, self._first, self._second))
        variance = (second + (first * first).times(Integer(-1))) * (whole * whole / (first * first))
        return Moments(whole, variance.root())

    def joint_limit(self) -> Expr:
        """The relative variance, variance over squared mean, as n -> infinity with L = t n; joint
        limits of other values are limits of the values themselves.

        >>> from theory import MLP, tangent_kernel
        >>> tangent_kernel(MLP()).joint_limit()
        -1 + ((9*t**2 + 6*t - 1)*exp(5*t) + exp(-t))/(27*t**2)
        """
        self._check_joint()
        self._refuse_slow_in_open_blocks("width_series(1)")
        with announced("joint limit"):
            first, second = (mean._at_fixed_ratio() for mean in (self._first, self._second))
        relative = second / (first * first)
        if relative.power != 0:
            raise NotSolved("variance over squared mean has no finite joint limit: give numbers")
        return relative.lead - 1

    def __repr__(self) -> str:
        what = f"{self.unit}*" if self.unit != 1 else ""
        of = f"{what}({self._observable})" if what else str(self._observable)
        return f"Spread of {of} over networks of {self.network}: {self._headline()}"

    def _headline(self) -> str:
        network = self.network
        if not self._symbols():
            text = f"mean {self._mean_text()}"
            if network.layers > _QUICK_LAYERS or self._is_slow_in_blocks():
                return f"{text}; relative_standard_deviation() takes some seconds"
            return f"{text}, relative standard deviation {self._relative_text()}"
        if network.width == n:
            text = f"mean {formula_text(self.whole.leading())} to leading order"
            text += "; joint_limit() is of variance/mean**2" * (self.network.depth == L)
            return f"{text}; leading() takes up to a minute" if self._is_slow_to_limit() else text
        mean = "" if is_large(network) else formula_text(self.mean)
        sizes = ", ".join(map(str, self.open_sizes))
        return f"mean {mean}" if 0 < len(mean) < 320 else f"long; call it with numbers for {sizes}"

    def _is_slow_to_limit(self) -> bool:
        """Whether `leading` takes more than a second or two."""
        return self.network._is_chain and self._holds_output and not self._first.in_numbers

    def _is_slow_in_blocks(self) -> bool:
        """Whether the words of the square, in blocks, take many seconds to derive: words with
        the network's output do."""
        return not self.network._is_chain and self._holds_output

    @property
    def _holds_output(self) -> bool:
        return any(len(word) > 1 for word, _ in self._observable.terms)

    def _relative_text(self) -> str:
        return str(nstr(self.relative_standard_deviation(4), 4))

    def _mean_text(self) -> str:
        """The mean at eta = 1, in decimals where the exact number is long."""
        if self.network.layers <= FEW_LAYERS:
            return number_text(self.whole._in_full())
        return str(nstr(self.whole.evaluate(10), 10))

    @announced("formulas")
    def latex(self) -> str:
        r"""Mean and standard deviation as formulas in LaTeX; to leading order with symbols, which
        takes up to a minute, and which notebooks show where it takes a second.

        >>> from theory import MLP, squared_update
        >>> print(squared_update(MLP(depth=1)).label.spread.latex().splitlines()[2])
        \text{standard deviation} &\sim  \frac{\sqrt{5} \eta^{2}}{2 \sqrt{n}}
        """
        return formulas_latex(self._lines(slow=True))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {formulas_latex(self._lines())}$"

    def _lines(self, slow: bool = False) -> list[Line]:
        lines = [Line(Math("", r"\text{mean}"), Math.of(self.whole._exact))]
        if not self.network.free_symbols:
            relative = Math.spelled(str(nstr(self.relative_standard_deviation(4), 4)))
            lines.append(Line(Math("", r"\text{standard deviation}/\text{mean}"), relative))
            return lines
        if self.network.width == n and (slow or not self._is_slow_to_limit()):
            with suppress(NotSolved):
                deviation = Math.of(self.leading().standard_deviation)
                lines.append(Line(Math("", r"\text{standard deviation}"), deviation, "~"))
        return lines


@answered
def tangent_kernel(network: Network, layer: object = None, *, rates: object = None) -> Spread:
    """g^T K g: at the last layer the tangent kernel of the output at the input, that is, the sum
    of its squared derivatives by the hidden weights, each times its layer's multiplier.

    At a layer below, the sum over the weights up to that layer.  The sum does not contain the share
    |x^(L)|^2 of the readout.

    >>> from theory import MLP, tangent_kernel
    >>> tangent_kernel(MLP()).mean
    L/2
    >>> tangent_kernel(MLP(depth=1)).variance()
    5/(4*n)
    """
    return Spread(Mean((derive(_QUICK_IN_BLOCKS, network, layer=layer, rates=rates),)))
