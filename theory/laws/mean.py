"""What a closed form in width and depth offers for E[(Delta z)^2]: limits, growth, fast numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from math import ceil
from typing import Any, ClassVar

from mpmath import mpf
from sympy import Add, Expr, Mul, Poly, Rational, Rel, factor, sympify

from theory.algebra.decimals import decimal_value
from theory.algebra.power_sum import DEPTHS
from theory.algebra.precision import workdps
from theory.errors import InvalidArgument, NotSolved
from theory.laws.float_arrays import FastUpdate, fast_update
from theory.laws.parts import MeanWithParts
from theory.laws.spread import Spread
from theory.networks.mlp import MLP
from theory.public_names import cached_property
from theory.solutions.closed_form import ClosedForm, closed_form_expression
from theory.solutions.derivation import derive
from theory.solutions.joint_limit import JointLaw
from theory.solutions.limits import Weighted, growth, joint_law, over_width, width_series
from theory.solutions.positive_sum import positive_sum
from theory.symbols import L, eta, n, t
from theory.validation import exact_number, positive_int, shown, tolerance_value
from theory.words.observables import Observable

__all__ = ["SolvedMean", "joint_limit_from"]


@dataclass(frozen=True)
class SolvedMean(MeanWithParts):
    """The sum of several observables' means over the layer's width, from their closed forms."""

    _shared: ClassVar[frozenset[str]] = MeanWithParts._shared | frozenset(
        {
            "at_real_sizes",
            "domain",
            "layer_means",
            "mean_over_layers",
            "solved",
            "solved_leading",
            "solved_series",
        }
        | {"sums", "value"}
    )

    @cached_property
    def spread(self) -> Spread:
        """Mean and variance over networks of what one network contributes: its squared update,
        averaged over the neurons of the layer and the label.

        >>> from theory import MLP, squared_update
        >>> spread = squared_update(MLP(depth=1)).spread
        >>> spread.mean
        eta**2*(n**2 + n + 5)/(2*n**2)
        """
        return Spread.of(self.derivations, eta**2 / self.width_here)

    def variance(self) -> Expr:
        """The variance over networks of the squared update averaged over neurons and label.

        Exact: a rational number times eta**4, or a closed form as `exact`, which takes a second
        for the label part, a minute for the total, and more for a leaky slope.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(16, 4)).label.variance()
        774166898976183*eta**4/137438953472
        """
        return self.spread.variance()

    def relative_standard_deviation(self, digits: int = 15) -> mpf:
        """The standard deviation over networks, over the mean; for a network in numbers of any
        depth.  Relative error below 10^-digits.

        >>> from theory import MLP, squared_update
        >>> round(float(squared_update(MLP(32, 8)).label.relative_standard_deviation()), 3)
        3.348
        """
        return self.spread.relative_standard_deviation(digits)

    @property
    def width_here(self) -> Expr:
        """The width of the layer."""
        width, layer = self.network.width, self.derivations[0].layer
        index = layer - 1 if isinstance(layer, int) else 0
        return sympify(width[index] if isinstance(width, tuple) else width)

    def positive_sum(self) -> Expr:
        """`exact` at symbolic width and depth as a sum whose terms are all non-negative: nothing
        cancels, whatever is put into it.

        Raises `NotSolved` where such a form is not proven.

        >>> from theory import MLP, squared_update
        >>> written = squared_update(MLP()).label.positive_sum()
        >>> written.subs({n: 64, L: 3}).doit() == squared_update(MLP(64, 3)).label.exact
        True
        """
        return positive_sum(self.sums, eta**2)

    @property
    def conditions(self) -> tuple[Rel, ...]:
        """Inequalities beyond 1 <= ell <= L that the sizes in `exact` must meet; mostly none.

        >>> from theory import MLP, TrainedLayers, squared_update
        >>> squared_update(MLP(), rates=TrainedLayers(4)).conditions
        (L - 4 >= 0,)
        """
        if self.in_numbers:
            return ()
        found = chain.from_iterable(d.closed_form.conditions for d in self.derivations)
        return tuple(dict.fromkeys(found))

    def solved(self, times: Expr) -> Expr:
        """The closed form times an expression."""
        forms = [d.closed_form for d in self.derivations]
        return Add(*self._written(forms, times))

    def _written(self, forms: list[ClosedForm], times: Expr) -> Iterator[Expr]:
        for form in forms:
            width = form.unit.domain.from_sympy(self.width_here)
            yield closed_form_expression(form, width, times)

    def solved_series(self, order: int) -> tuple[Expr, ...]:
        """The coefficients of n^0 to n^-order of the closed form."""
        return width_series(self.sums, order)

    def solved_leading(self) -> tuple[int, Expr]:
        """Power of n and its coefficient: the leading term of the closed form as n -> infinity,
        then as all its depths grow."""
        for order in range(8):
            coefficient = self.solved_series(order)[order]
            if coefficient != 0:
                if not coefficient.is_polynomial(*DEPTHS):
                    raise NotSolved("the update grows exponentially in the depth: no power leads")
                poly = Poly(coefficient, *DEPTHS)
                top = poly.total_degree()
                kept = {m: c for m, c in poly.terms() if sum(m) == top}
                return -order, factor(Poly(kept, *DEPTHS).as_expr())
        raise NotSolved(
            "the first eight coefficients of the series in 1/n vanish: ask for exact in numbers"
        )

    def joint_limit(self) -> Expr:
        """The leading term as n -> infinity with L = t n; `joint_law` has more.

        The output part is smaller than the label part by a factor n, but grows like exp(15 t)
        against exp(5 t) for ReLU: `joint_limit_from` says from which n on it describes the total.
        Raises `NotSolved` where width or depth are numbers.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).joint_limit()
        eta**2*n**3*((4*t + 1)*exp(-t) + (6*t**2 + 2*t - 1)*exp(5*t))/108
        """
        law = self.joint_law(1)
        number, rest = law.coefficient().as_content_primitive()
        return Mul(number, *Mul.make_args(rest), n**law.power, eta**2)

    def joint_law(self, orders: int = 2) -> JointLaw:
        """The limit n -> infinity with L = t n at eta = 1, to ``orders`` terms in 1/n, with its
        behaviour at small and large t.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.joint_law(1)
        JointLaw: n**3 f_0(t), f_0 ~ t**3/3 at small t, t**2*exp(5*t)/18 at large t
        """
        if self.network.width != n or self.network.depth != L:
            raise NotSolved(
                f"the joint limit L = t n needs symbolic width and depth, got {self.network!r}: "
                f"leave them out, as in MLP()"
            )
        return joint_law(self.sums, positive_int("orders", orders))

    def joint_limit_from(self, tolerance: object, ratio: object) -> int:
        """The width from which on `joint_limit` is within a relative ``tolerance`` of the exact
        value at L = ``ratio`` n.

        >>> from theory import MLP, squared_update
        >>> update = squared_update(MLP())
        >>> [part.joint_limit_from("0.1", "1/2") for part in (update.label, update)]
        [98, 973]
        """
        return joint_limit_from(self, tolerance, ratio)

    def at_real_sizes(self, width: Any, depth: Any, digits: int = 30) -> mpf:
        """`per_eta2` at symbolic width and depth, for numbers from 1 that need not be whole.

        Relative error below 10^-digits.
        """
        return decimal_value(self.sums, width, depth, digits)

    def growth(self) -> Expr:
        """The leading term as L -> infinity at fixed width: no power law, but an exponential.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.growth()
        L**2*eta**2*(1 + 5/n)**(L - 1)*(n + 2)/18
        """
        if self.network.depth != L:
            raise NotSolved(
                f"growth() needs a symbolic depth, got {self.network!r}: leave depth out"
            )
        return growth(self.sums) * eta**2

    def _fast(self) -> FastUpdate | None:
        first = self.derivations[0]
        if isinstance(self.network.width, tuple) or first.rates is not None:
            return None
        if first.layer != self.network.depth:
            return None
        observables = tuple(derivation.observable for derivation in self.derivations)
        return _fast_form(observables, replace(self.network, width=None, depth=None))

    @cached_property
    def sums(self) -> list[Weighted]:
        """The closed form as sums of powers with their factors."""
        return over_width((d.closed_form for d in self.derivations), self.width_here)


@lru_cache(maxsize=64)
def _fast_form(observables: tuple[Observable, ...], network: MLP) -> FastUpdate | None:
    """The sum of the observables' means over the width at the last layer, as fast functions of
    width and depth; None where such a form is not proven."""
    try:
        forms = ([derive(each, network).closed_form] for each in observables)
        return fast_update(chain.from_iterable(over_width(form, n) for form in forms))
    except NotSolved:
        return None


_LARGEST = 10**15


def joint_limit_from(update: SolvedMean, tolerance: object, ratio: object) -> int:
    """The width from which on the joint limit is within ``tolerance`` of E at L = ``ratio`` n.

    The relative error is followed down from widths where its next order in 1/n says that it is
    below a quarter of the tolerance, in steps of 1.1, to the first that exceeds it; L need not be
    whole, the closed form has a value at every depth.
    """
    bound, where = tolerance_value(tolerance), exact_number("ratio", ratio)
    if where <= 0:
        raise InvalidArgument(
            f"expected a positive number for ratio, got ratio={shown(ratio)}; give an L/n, as 0.5"
        )
    law = update.joint_law(2)
    leading, following = (_at(law.coefficient(k), where) for k in range(2))

    def bad(width: float) -> bool:
        with workdps(30) as context:
            size = context.mpf(width)
            depth = max(size * int(where.p) / int(where.q), context.mpf(1) / 1000)
            exact = context.make_mpf(update.at_real_sizes(size, depth)._mpf_)
            return bool(abs(context.mpf(leading) * size**law.power / exact - 1) > float(bound))

    width = max(16.0, 4 * abs(float(following) / float(leading)) / float(bound))
    while bad(width):
        width *= 4
        if width > _LARGEST:
            raise NotSolved(
                f"the joint limit is not within {bound} up to width {_LARGEST}: widen it"
            )
    high = width
    while width > 1 and not bad(width):
        high, width = width, width / 1.1
    if width <= 1:
        return 1
    return _least(lambda size: not bad(size), max(1, int(width)), ceil(high))


def _least(good: Callable[[int], bool], low: int, high: int) -> int:
    """The least int above ``low`` that is good, ``low`` not being so and ``high`` being so, where
    one crossing lies between."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def _at(expression: Expr, ratio: Rational) -> str:
    return str(expression.subs(t, ratio).evalf(30))
