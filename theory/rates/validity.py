"""`Validity` says where the L^(-3/2) law of the maximal rate holds: a search on the closed form."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import expm1, log

from sympy import Expr, Poly, Rational

from theory.coverage import Answering
from theory.errors import NotSolved
from theory.laws.mean import LARGEST_SEARCHED, Mean, least
from theory.networks.network import Network
from theory.precision import workdps
from theory.public_names import PickledByFields, cached_property
from theory.solutions.arrays import LARGEST_DEPTH, LARGEST_WIDTH
from theory.symbols import L, t
from theory.validation import positive_int

__all__ = ["Validity"]

_QUICK = Rational(1, 1000)
"""The tolerance below which the search for the least width takes seconds and more."""


@dataclass(frozen=True)
class Validity(Answering, PickledByFields):
    """Where the law's rate is within ``tolerance`` of the exact rate 1/sqrt(E) at the last layer.

    ``update``: E[(Delta z)^2] at symbolic width and depth; ``law``: its leading term at eta = 1.
    """

    update: Mean
    law: Expr
    tolerance: Rational

    @property
    def network(self) -> Network:
        """The network it was derived for."""
        return self.update.network

    def error(self, width: int, depth: int) -> float:
        """law/exact - 1 for the rate: positive where the law's rate is too large."""
        exact = self.update.at_real_sizes(width, depth)
        law = Rational(self.law.subs(L, depth))
        with workdps(30) as context:
            ratio = context.make_mpf(exact._mpf_) * int(law.q) / int(law.p)
            return float(context.sqrt(ratio) - 1)

    def holds(self, width: int, depth: int) -> bool:
        """Whether the law holds at these sizes."""
        return abs(self.error(width, depth)) <= self.tolerance

    def depths(self, width: int) -> tuple[int, int] | None:
        """The first and the last depth at which the law holds at ``width``; None where there is
        none.

        The search tries all depths to 64 and a grid of ratio 1.02 to four times the width, and
        bisects the ends.  Raises `NotSolved` if the depths found are not an interval.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).validity("0.1").depths(1024)
        (2, 76)
        """
        width = positive_int("width", width)
        grid = [depth for depth in _grid() if depth <= 4 * width + 64]
        good = self._holding(width, grid)
        if not any(good):
            return None
        first, last = good.index(True), len(good) - 1 - good[::-1].index(True)
        if not all(good[first : last + 1]):
            raise NotSolved(
                f"the depths where the law holds at width {width} are not an interval: use "
                f"holds(width, depth)"
            )
        if last + 1 == len(grid):
            raise NotSolved(
                f"the law holds at width {width} at every depth that was searched: give a smaller "
                f"tolerance"
            )
        low = grid[first]
        if first:
            low = least(lambda depth: self.holds(width, depth), grid[first - 1], grid[first])
        high = least(lambda depth: not self.holds(width, depth), grid[last], grid[last + 1]) - 1
        return low, high

    def _holding(self, width: int, grid: list[int]) -> list[bool]:
        """`holds` at one width and many depths: in float64 where that is known to be good."""
        fast = self.update._fast()
        if fast is None or width > LARGEST_WIDTH or grid[-1] > LARGEST_DEPTH:
            return [self.holds(width, depth) for depth in grid]
        power = self.law.as_poly(L).degree()
        scale = float(self.law.subs(L, 1))
        values = self.update.lambdify().log(width, grid).tolist()
        logs = [value - log(scale) - power * log(d) for value, d in zip(values, grid, strict=True)]
        return [abs(expm1(value / 2)) <= self.tolerance for value in logs]

    @cached_property
    def least_width(self) -> int:
        """The smallest width with a depth at which the law holds, by bisection."""
        high = 1
        while self.depths(high) is None:
            high *= 2
            if high > LARGEST_SEARCHED:
                raise NotSolved(
                    f"the law holds within {self.tolerance} at no width: give a larger tolerance"
                )
        if high == 1:
            return 1
        return least(lambda width: self.depths(width) is not None, high // 2, high)

    @cached_property
    def least_depth(self) -> int:
        """The smallest depth from which the law holds as the width goes to infinity."""
        series, law = (_coefficients(each) for each in (self.update.solved_series(0)[0], self.law))
        low, high = (Fraction(int(bound.p), int(bound.q)) for bound in self._bounds)
        depth = 1
        last_bad = 0
        while depth <= max(64, 4 * last_bad):
            ratio = _horner(series, depth) / _horner(law, depth)
            if not low <= ratio <= high:
                last_bad = depth
            depth += 1
            if depth > 10**5:
                raise NotSolved(
                    f"the law holds within {self.tolerance} at no depth: give a larger tolerance"
                )
        return last_bad + 1

    @cached_property
    def ratio(self) -> float:
        """The largest L/n at which the law holds as n -> infinity, from the joint limit."""
        limit = self.update.joint_law(1)
        if limit.power != 3:
            raise NotSolved(
                "the joint limit does not grow with the cube of the width here: use depths(width)"
            )
        relative = limit.coefficient() / self.law.subs(L, t)
        low, high = Rational(0), Rational(1)

        def outside(value: Rational) -> bool:
            found = Rational(str(relative.subs(t, value).evalf(25)))
            return not self._bounds[0] <= found <= self._bounds[1]

        while not outside(high):
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if outside(middle) else (middle, high)
        return float(high)

    @property
    def _bounds(self) -> tuple[Rational, Rational]:
        """The bounds of E over its leading term."""
        return (1 - self.tolerance) ** 2, (1 + self.tolerance) ** 2

    def __repr__(self) -> str:
        depths = (
            f"Validity within {self.tolerance}: as the width grows, depths from "
            f"{self.least_depth} to {self.ratio:.4g} of the width"
        )
        if self.tolerance >= _QUICK:
            depths = f"{depths}. Some depth satisfies this from width {self.least_width} on"
        return (
            f"{depths}; depths(width) gives the first and the last. If the depth exceeds a quarter "
            f"of the width, use verify.typical_learning_rate."
        )


def _coefficients(polynomial: Expr) -> list[Fraction]:
    """The coefficients of a polynomial in L, the highest power first."""
    return [Fraction(int(each.p), int(each.q)) for each in Poly(polynomial, L).all_coeffs()]


def _horner(coefficients: list[Fraction], depth: int) -> Fraction:
    value = Fraction(0)
    for coefficient in coefficients:
        value = value * depth + coefficient
    return value


def _grid() -> list[int]:
    depths = list(range(1, 65))
    while depths[-1] < LARGEST_SEARCHED:
        depths.append(max(depths[-1] + 1, int(depths[-1] * 1.02)))
    return depths
