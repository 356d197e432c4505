"""`Mean` is the exact mean of a sum of observables: its parts, closed form, limits and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from math import ceil
from typing import Any, ClassVar, Self

from mpmath import mpf
from sympy import Add, Expr, Integer, Rational, Rel, S
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of
from theory.algebra.numerals import formula_text, number_text, printable
from theory.errors import InvalidArgument, NotSolved
from theory.exact.closed_form import ClosedForm, closed_form_expression
from theory.laws.expression_numbers import value_at
from theory.laws.float_arrays import FastUpdate, fast_update
from theory.limits.blocks import leading_in_blocks
from theory.limits.expansions import Weighted, over_width, positive_sum
from theory.networks.network import Network
from theory.networks.sizes import Sizes
from theory.precision import published, workdps
from theory.public_names import cached_property
from theory.solutions.composite import Composite
from theory.solutions.derivation import Derivation, derive
from theory.solutions.solved import Solved, at_depths
from theory.symbols import L, n, t
from theory.validation import exact_number, tolerance_value, typed
from theory.waiting import announced
from theory.words.observables import Observable, f
from theory.writing.blocks import Line
from theory.writing.notation import Math

__all__ = ["LARGEST_SEARCHED", "Mean", "PartOfMean", "least", "mean_of"]

LARGEST_SEARCHED = 10**15
"""Up to which width a search goes."""


@dataclass(frozen=True)
class Mean(Composite, Solved):
    """The mean over networks of the sum of several observables, over `width_here`.

    ``derivations``: one for each observable.
    """

    derivations: tuple[Derivation, ...]
    _shared: ClassVar[frozenset[str]] = Solved._shared | {
        "at_real_sizes",
        "derivations",
    }

    @property
    def _quantity(self) -> str:
        return super()._quantity if self._drawn_as else self.derivations[0]._quantity

    @property
    def in_numbers(self) -> bool:
        """Whether depth, layer and multipliers are numbers; the width may be a symbol."""
        return all(derivation.in_numbers for derivation in self.derivations)

    def _number(self, context: Any) -> Any:
        total = sum((each._number(context) for each in self._slowest_first), context.zero)
        return total / int(self.width_here)

    @property
    def exact(self) -> Expr:
        """The mean, exact: a rational, or a function of the symbols left, times eta**2.

        ``sympify(str(u.exact))``, ``srepr`` and pickle give the same expression again; ``eval`` of
        the text does not, because Python reads a fraction such as 1/3 as a float.

        Do not put floats into a closed form: its terms cancel, and at n = 10^7 and L = 8 no digit
        is left.  ``u(64, 10)``, ``u.at(n=64)`` and ``u.lambdify()`` keep all digits, and
        `positive_sum` is a form whose terms do not cancel.

        ``exact.subs(n, 64)`` needs ``n`` of `theory.symbols`: SymPy takes a symbol of another
        making, such as ``Symbol("n")`` or ``Symbol("n", integer=True)``, for another symbol and
        leaves the expression as it is.  ``u.at(n=64)`` has no such trap.

        With a symbolic depth or layer, a closed form for equal hidden widths, for sizes that
        satisfy `conditions`; raises `NotSolved` for widths that differ, and for a number of more
        digits than Python prints, as do all exact expressions.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP(width=1)).label.exact
        6**L*L*eta**2*(L + 2)/36
        >>> readout_update(MLP()).label.exact, readout_update(MLP()).output.exact
        (eta**2*n**2*(1 + 5/n)**L, eta**2*n*(1 + 4/n)**L*(1 + 11/n)**L)
        """
        return printable(self._exact)

    @property
    def per_eta2(self) -> Expr:
        """`exact` at eta = 1.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP(width=2, depth=2)).per_eta2, readout_update(MLP(4, 2)).per_eta2
        (1033/16, 306)
        """
        return printable(self._in_full())

    @property
    def _exact(self) -> Expr:
        return self._in_full(self.unit_of_step)

    @announced("exact value")
    def _in_full(self, times: Expr = S.One) -> Expr:
        """The mean times ``times``, however long its numbers are."""
        if self.opened is not None:
            mean, depths = self.opened
            return at_depths(mean._in_full(times), depths)
        if self.in_numbers:
            return self.domain.to_sympy(self.in_field) * times
        forms = self._forms()
        widths = (form.unit.domain.from_sympy(self.width_here) for form in forms)
        return Add(*map(closed_form_expression, forms, widths, [times] * len(forms)))

    def _forms(self) -> list[ClosedForm]:
        return [form for d in self.derivations for form in d._forms()]

    @cached_property
    def in_field(self) -> Any:
        """The mean at eta = 1 as an element of `domain`."""
        total = sum((d.in_field for d in self._slowest_first), self.domain.zero)
        return total / self.domain.from_sympy(self.width_here)

    @property
    def _slowest_first(self) -> tuple[Derivation, ...]:
        """The derivation that a network refuses first, of the output part, before the others."""
        return self.derivations[::-1]

    @property
    def domain(self) -> Domain:
        """The field of `in_field`."""
        return field_of(self.network.free_symbols)

    @cached_property
    def opened(self) -> tuple[Self, Sizes] | None:
        """For a deep network with symbols: the mean with symbols for depth and layer, and their
        numbers."""
        found = [derivation.opened for derivation in self.derivations]
        parts = [each for each in found if each is not None]
        if not parts or len(parts) < len(found):
            return None
        return replace(self, derivations=tuple(part for part, _ in parts)), parts[0][1]

    def leading_term(self) -> tuple[int, Expr]:
        """Power of n and its coefficient in `leading`, at eta = 1."""
        open_depth = not isinstance(self.network.depth, int)
        if open_depth and not self.network._is_chain:
            return leading_in_blocks(self.sums)
        solved = not self.in_numbers and self.opened is None
        if solved and not self.derivations[0]._has_law:
            return self.solved_leading()
        terms = [derivation.leading_term() for derivation in self.derivations]
        top = max(power for power, _ in terms)
        total = sum((c for power, c in terms if power == top), Integer(0))
        return top - self.width_here.has(n), total

    @announced("leading term")
    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth (and ``ell``) grows; at an open
        block b, then as B grows at fixed b/B.

        With a depth in numbers, the first limit alone, in the symbol of the layer if that is open.
        Raises `NotSolved` for a width in numbers, and for a numbered layer of a network of symbolic
        depth.

        >>> from theory import MLP, readout_update, squared_update
        >>> from theory.symbols import ell
        >>> squared_update(MLP()).leading(), readout_update(MLP()).leading()
        (L**3*eta**2/3, eta**2*n**2)
        >>> squared_update(MLP(depth=8), ell).leading()
        ell*eta**2*(2*ell**2 + 1)/6
        """
        power, coefficient = self.leading_term()
        return coefficient * n**power * self.unit_of_step

    @property
    def conditions(self) -> tuple[Rel, ...]:
        """Inequalities beyond 1 <= ell <= L that the sizes in `exact` must satisfy; mostly none.

        >>> from theory import MLP, TrainedLayers, squared_update
        >>> squared_update(MLP(), rates=TrainedLayers(4)).conditions
        (L - 4 >= 0,)
        """
        if self.in_numbers:
            return ()
        mean, depths = self.opened or (self, {})
        found = chain.from_iterable(d.closed_form.conditions for d in mean.derivations)
        at_numbers = (each.subs(depths) for each in found)
        return tuple(dict.fromkeys(each for each in at_numbers if each != True))  # noqa: E712

    @announced("positive sum")
    def positive_sum(self) -> Expr:
        """`exact` at symbolic width and depth as a sum whose terms are all non-negative: nothing
        cancels at any sizes.

        Raises `NotSolved` where such a form is not proven.

        >>> from theory import MLP, squared_update
        >>> written = squared_update(MLP()).positive_sum()
        >>> written.subs({n: 64, L: 3}).doit() == squared_update(MLP(64, 3)).exact
        True
        """
        if not self.network._is_chain:
            raise NotSolved(
                f"a positive sum is solved for an MLP, got {self.network}: call the value with "
                f"numbers, which keeps all digits"
            )
        return positive_sum(self._sums_apart(), self.unit_of_step)

    def _sums_apart(self) -> Iterator[Weighted]:
        """`sums`, separately for different derivations: each has two powers."""
        for each in self.derivations:
            yield from over_width([each.closed_form], self.width_here)

    def joint_limit_from(self, tolerance: object, ratio: object) -> int:
        """The width from which `joint_limit` is within a relative ``tolerance`` of the exact
        value at L = ``ratio`` n.

        The search starts at a width where the next order in 1/n puts the relative error below a
        quarter of the tolerance, and divides the width by 1.1 until the error exceeds the
        tolerance.  L need not be whole: the closed form has a value at every depth.

        >>> from theory import MLP, squared_update
        >>> update = squared_update(MLP())
        >>> [part.joint_limit_from("0.1", "1/2") for part in (update.label, update)]
        [98, 973]
        """
        bound, where = tolerance_value(tolerance), exact_number("ratio", ratio)
        if where <= 0:
            raise InvalidArgument(
                f"expected a positive number for ratio, got ratio={typed(ratio)}; give an L/n, "
                f"as 0.5"
            )
        law = self.joint_law(2)
        leading, following = (_at(law.coefficient(k), where) for k in range(2))

        def bad(width: float) -> bool:
            with workdps(30) as context:
                size = context.mpf(width)
                depth = max(size * int(where.p) / int(where.q), context.mpf(1) / 1000)
                exact = context.make_mpf(self.at_real_sizes(size, depth)._mpf_)
                return bool(abs(context.mpf(leading) * size**law.power / exact - 1) > float(bound))

        width = max(16.0, 4 * abs(float(following) / float(leading)) / float(bound))
        while bad(width):
            width *= 4
            if width > LARGEST_SEARCHED:
                raise NotSolved(
                    f"the joint limit is not within {bound} up to width {LARGEST_SEARCHED}: widen "
                    f"it"
                )
        high = width
        while width > 1 and not bad(width):
            high, width = width, width / 1.1
        if width <= 1:
            return 1
        return least(lambda size: not bad(size), max(1, int(width)), ceil(high))

    def at_real_sizes(self, width: Any, depth: Any, digits: int = 30) -> mpf:
        """`per_eta2` at symbolic width and depth, for numbers from 1 that need not be whole.

        Relative error below 10^-digits.
        """
        others = self._formula.free_symbols - {n, L}
        if others:
            raise InvalidArgument(
                f"expected a network with no symbols but n and L, got "
                f"{', '.join(sorted(map(str, others)))}; give numbers for the other symbols"
            )
        return published(value_at(self._formula, {n: width, L: depth}, digits), digits)

    @cached_property
    def _formula(self) -> Expr:
        return self._in_full()

    def _headline(self, unit: str = "") -> str:
        refusals = (each._refusal for each in self._slowest_first)
        if reason := next(filter(None, refusals), ""):
            return reason
        if all(each._is_quick for each in self.derivations):
            return super()._headline(unit)
        return "read exact, which takes up to half a minute"

    def _lines(self) -> list[Line]:
        return [Line(Math("", r"\text{mean}"), Math.of(self._exact))]

    def _fast(self) -> FastUpdate | None:
        first, network = self.derivations[0], self.network
        if isinstance(network.width, tuple) or first.rates is not None or not network._is_chain:
            return None
        if first.layer != network.depth:
            return None
        opened = network._with(width=None, depth=None)
        derivations = (replace(d, network=opened, layer=L) for d in self.derivations)
        return _fast_form(replace(self, derivations=tuple(derivations)))

    def _exact_text(self) -> str:
        if self.in_numbers and self.domain.is_QQ:
            number = number_text(self._in_full())
            return number if self.unit_of_step == 1 else f"{number} * {self.unit_of_step}"
        return formula_text(self._exact)


@dataclass(frozen=True)
class PartOfMean(Mean):
    """The mean of (f - y)^2 times an observable, over the label y = +-1 too.

    E_y (f - y)^2 = 1 + f^2: ``part`` is "label" for the 1, "output" for the f^2, and empty for
    the whole, whose derivations are the derivations of its two parts.
    """

    part: str = ""
    _shared: ClassVar[frozenset[str]] = Mean._shared | {"by_part", "derived", "part"}

    @classmethod
    def derived(
        cls, observable: Observable, network: Network, layer: object, rates: object
    ) -> Self:
        """The whole, for ``observable`` at a layer."""
        both = (observable, f**2 * observable)
        return cls(tuple(derive(each, network, layer=layer, rates=rates) for each in both))

    @property
    def label(self) -> Self:
        """The part from the label, which exists alone while the output is zero.

        Raises `NotSolved` for a value that is itself a part.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP(depth=2)).label.exact
        eta**2*(3*n + 5)/n
        >>> readout_update(MLP()).label.exact
        eta**2*n**2*(1 + 5/n)**L
        """
        return self._only("label")

    @property
    def output(self) -> Self:
        """The part from the network's output.

        Raises `NotSolved` for a value that is itself a part.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP()).output.leading()
        L**3*eta**2/(3*n)
        >>> readout_update(MLP()).output.leading()
        eta**2*n
        """
        return self._only("output")

    @property
    def by_part(self) -> dict[str, Self]:
        """The parts by name; a part itself alone."""
        return {self.part: self} if self.part else {"label": self.label, "output": self.output}

    def _only(self, name: str) -> Self:
        if self.part not in ("", name):
            raise NotSolved(
                f"this value is one part already and has no part {name}: take the part from the "
                f"whole value"
            )
        index = 0 if self.part else ("label", "output").index(name)
        return type(self)(self.derivations[index : index + 1], name)


@lru_cache(maxsize=64)
def _fast_form(mean: Mean) -> FastUpdate | None:
    """A mean at the last layer as fast functions of width and depth; None where such a form is not
    proven."""
    try:
        return fast_update(mean._sums_apart())
    except NotSolved:
        return None


def least(good: Callable[[int], bool], low: int, high: int) -> int:
    """The least int above ``low`` that is good, ``low`` not being so and ``high`` being so, where
    one crossing lies between."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def _at(expression: Expr, ratio: Rational) -> str:
    return str(expression.subs(t, ratio).evalf(30))


def mean_of(
    observable: Observable, network: Network, layer: object = None, *, rates: object = None
) -> Mean:
    """The mean of ``observable``, as `derive` takes it, with everything that a mean answers.

    >>> from theory import MLP
    >>> from theory.observables import K, trace
    >>> mean_of(trace(K), MLP()).joint_limit()
    n**3*t
    """
    return Mean((derive(observable, network, layer=layer, rates=rates),))
