"""`Solved` is a number with closed forms, and so with series at fixed depth and at L = t n."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

from sympy import Expr, Integer, Mul, Pow, Rational, factor
from sympy.polys.domains.domain import Domain

from theory.algebra.in_width import InWidth
from theory.algebra.power_sum import DEPTHS
from theory.errors import NotSolved
from theory.exact.closed_form import ClosedForm
from theory.limits.blocks import block_limit, block_ratio_limit
from theory.limits.expansions import (
    Weighted,
    growth,
    highest_power,
    joint_law,
    over_width,
    width_series,
)
from theory.limits.infinite_width import highest_degree, leading_in_width
from theory.limits.joint_limit import JointLaw
from theory.networks.sizes import Sizes
from theory.public_names import cached_property
from theory.solutions.value import Number
from theory.symbols import B, L, n
from theory.validation import count_between
from theory.waiting import announced

__all__ = ["Solved", "at_depths"]

_MOST_VANISHING = 8
"""Coefficients of a series in 1/n that may be 0 before its first."""
_MOST_BITS = 10**6
"""The most bits of a power of a number in a closed form at a depth in numbers."""
_MOST_ORDERS = 50
"""Terms of the joint limit that take at most minutes."""


class Solved(Number):
    """A `Number` that is a sum of closed forms over `width_here`."""

    unit_of_step: ClassVar[Expr] = Integer(1)
    """The factor of `exact` besides the mean: eta**2 for a mean square of one step."""
    _shared: ClassVar[frozenset[str]] = frozenset(
        {"domain", "highest_power", "in_field", "in_numbers", "leading_term", "opened"}
        | {"solved_leading", "solved_series", "sums", "unit_of_step", "width_here"}
    )

    @property
    @abstractmethod
    def in_numbers(self) -> bool:
        """Whether depth, layer and multipliers are numbers; the width may be a symbol."""

    @property
    @abstractmethod
    def domain(self) -> Domain:
        """The field of `in_field`: the rationals, or rational functions of the symbols left."""

    @property
    @abstractmethod
    def in_field(self) -> Any:
        """The number at eta = 1 as an element of `domain`, where it is `in_numbers`."""

    @abstractmethod
    def _forms(self) -> list[ClosedForm]:
        """The closed forms that are not 0."""

    @property
    def width_here(self) -> Expr:
        """The divisor of the sum."""
        return Integer(1)

    @cached_property
    def sums(self) -> list[Weighted]:
        """The closed form as sums of powers with their factors."""
        return over_width(self._forms(), self.width_here)

    @cached_property
    def highest_power(self) -> int:
        """The power of n with which `width_series` begins."""
        if self.opened is not None:
            return self._leading_at_depth(*self.opened)[0]
        if self.in_numbers:
            return leading_in_width(self.domain, self.in_field)[0]
        return highest_power(self.sums)

    @property
    @abstractmethod
    def opened(self) -> tuple[Self, Sizes] | None:
        """For a deep network with symbols: the number with symbols for depth and layer too, whose
        closed form is short, and the numbers to put in their places.  None for other networks, and
        where there is no closed form."""

    def _series(self, order: int) -> tuple[Expr, ...]:
        if self.opened is not None:
            opened, depths = self.opened
            skipped = opened.highest_power - self.highest_power
            found = opened.solved_series(order + skipped)[skipped:]
            return tuple(factor(at_depths(each, depths)) for each in found)
        if not self.in_numbers:
            return self.solved_series(order)
        width, coefficients = self.domain.from_sympy(n), []
        rest = self.in_field / width**self.highest_power
        for _ in range(order + 1):
            power, leading = leading_in_width(self.domain, rest)
            coefficients.append(leading if power == 0 else Integer(0))
            rest = (rest - self.domain.from_sympy(coefficients[-1])) * width
        return tuple(coefficients)

    def _leading_at_depth(self, opened: Self, depths: Sizes) -> tuple[int, Expr]:
        """Power of n and its coefficient in the leading term of ``opened`` at ``depths``."""
        if not any(total.terms for _, total in opened.sums):
            return 0, Integer(0)
        for order in range(_MOST_VANISHING):
            coefficient = at_depths(opened.solved_series(order)[order], depths)
            if coefficient != 0:
                return opened.highest_power - order, factor(coefficient)
        raise NotSolved(
            "the first eight coefficients of the series in 1/n vanish: use exact with numbers for "
            "the sizes"
        )

    def solved_series(self, order: int) -> tuple[Expr, ...]:
        """`width_series` of the closed form."""
        sums = self.sums
        if self.highest_power:
            sums = over_width(self._forms(), self.width_here * n**self.highest_power)
        return tuple(each.xreplace(self.network._depths) for each in width_series(sums, order))

    def solved_leading(self) -> tuple[int, Expr]:
        """Power of n and its coefficient: the leading term of the closed form as n -> infinity,
        then as all its depths grow; at a depth in numbers, where no depth grows, the first limit
        alone, in the layers that are symbols."""
        for order in range(_MOST_VANISHING):
            coefficient = self.solved_series(order)[order]
            if coefficient != 0:
                if isinstance(self.network.depth, int):
                    return self.highest_power - order, factor(coefficient)
                if not coefficient.is_polynomial(*DEPTHS):
                    raise NotSolved(
                        "the value grows or falls exponentially in the depth, so no power leads: "
                        "give the depth as a number"
                    )
                top = factor(highest_degree(coefficient, *DEPTHS))
                return self.highest_power - order, top
        raise NotSolved(
            "the first eight coefficients of the series in 1/n vanish: use exact with numbers for "
            "the sizes"
        )

    def joint_limit(self) -> Expr:
        """The leading term as n -> infinity with L = t n; `joint_law` has more.

        The output part is smaller than the label part by a factor n, but grows like exp(15 t)
        against exp(5 t) for ReLU: `SquaredUpdate.joint_limit_from` says from which n on it
        describes the total.  Raises `NotSolved` where width or depth are numbers.

        >>> from theory import MLP, readout_update, squared_update
        >>> squared_update(MLP()).joint_limit()
        eta**2*n**3*((4*t + 1)*exp(-t) + (6*t**2 + 2*t - 1)*exp(5*t))/108
        >>> readout_update(MLP()).joint_limit()
        eta**2*n**2*exp(5*t)
        """
        if not self.network._is_chain:
            self._check_joint()
            with announced("joint limit"):
                return block_ratio_limit(self.sums) * self.unit_of_step
        law = self.joint_law(1)
        number, rest = law.coefficient().as_content_primitive()
        return Mul(number, *Mul.make_args(rest), n**law.power, self.unit_of_step)

    def joint_law(self, orders: int = 2) -> JointLaw:
        """The limit n -> infinity with L = t n at eta = 1, to ``orders`` terms in 1/n, with its
        behaviour at small and large t.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.joint_law(1)
        JointLaw: n**3 f_0(t), f_0 ~ t**3/3 at small t, t**2*exp(5*t)/18 at large t
        """
        self._check_joint()
        if not self.network._is_chain:
            raise NotSolved("the joint limit of blocks has one term: use joint_limit()")
        orders = count_between("orders", orders, 1, _MOST_ORDERS)
        with announced("joint limit"):
            return joint_law(self.sums, orders)

    def block_limit(self) -> Expr:
        """The leading term as the number of blocks B grows at fixed width n, with a multiplier^2
        of T/B: an exponential.  Proven for every n, from the closed form in B.

        Raises `NotSolved` for a network without blocks, and for a number of blocks.

        >>> from theory import Residual, squared_update
        >>> squared_update(Residual(width=1)).label.block_limit()
        43*eta**2*exp(6)/4
        """
        if self.network.depth != B:
            raise NotSolved(
                f"block_limit() needs a symbolic number of blocks, got {self.network}: give "
                f"Residual()"
            )
        with announced("limit of many blocks"):
            return block_limit(self.sums) * self.unit_of_step

    def growth(self) -> Expr:
        """The leading term as L -> infinity at fixed width: no power law, but an exponential.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.growth()
        L**2*eta**2*(1 + 5/n)**(L - 1)*(n + 2)/18
        """
        if self.network.depth != L:
            raise NotSolved(
                f"growth() needs an MLP of symbolic depth, got {self.network}: leave depth out, or "
                f"use block_limit() of a residual network"
            )
        return growth(self.sums) * self.unit_of_step

    @property
    def _is_quick(self) -> bool:
        """Whether the exact value of a network that is derived as a whole takes two seconds."""
        return True

    @property
    def _refusal(self) -> str:
        """Why there is no exact value, where that is known in two seconds; empty elsewhere."""
        return ""

    def _expanded(self, of: Callable[[Solved], InWidth]) -> InWidth:
        return of(self)

    def _in_width(self, order: int) -> InWidth:
        """The series in 1/n at fixed depth, to ``order``."""
        return InWidth.of(self.highest_power, self._series(order))

    def _at_fixed_ratio(self) -> InWidth:
        """The leading term at L = t n."""
        if not self.network._is_chain:
            coefficient, power = block_ratio_limit(self.sums).as_coeff_exponent(n)
            return InWidth.of(power, [coefficient])
        law = self.joint_law(1)
        return InWidth.of(law.power, [law.coefficient()])


def at_depths(expression: Expr, depths: Sizes) -> Expr:
    """A closed form at numbers for its depths; `NotSolved` where a power of a number has too many
    digits."""
    powers = (each for each in expression.atoms(Pow) if each.base.is_Rational)
    for base, exponent in (power.as_base_exp() for power in powers):
        layers = abs(exponent.subs(depths))
        if layers.is_Rational and layers * _bits(base) > _MOST_BITS:
            raise NotSolved(
                "the exact function contains numbers with too many digits at this depth: give "
                "numbers for all sizes and use evaluate()"
            )
    return expression.subs(depths)


def _bits(number: Rational) -> int:
    return max(abs(int(number.p)), int(number.q)).bit_length()
