"""`fast_update` computes E[(Delta z)^2] as float64 arrays, fast and without cancellation.

Each part of the closed form is a sum of two powers of the depth (`theory.algebra.two_powers`).
With x = L delta/beta, the positive sum is used where x <= 1, cut where its terms fall below 10^-18
of the leading one, and the two powers themselves beyond.

Error bound: relative error of E below 10^-12 for 1 <= n <= 10^9 and 1 <= L <= 10^6 where E is
within float64, else of log E.  A power (1 + r)^L = exp(L log1p(r)) carries the error of its
exponent, 4 units in the last place of at most 710: below 3.2e-13.  Sums and quotients of positive
terms add some 60 units of 2^-53, below 1e-14; where the two powers are used, they cancel by a
factor of at most 30 (measured for slopes 0, 1/3 and 1), which leaves below 1e-13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sympy import Expr

from theory.algebra.power_sum import PowerSum
from theory.algebra.two_powers import Polynomial, Rational, TwoPowers
from theory.errors import NotSolved

__all__ = ["FastRate", "FastUpdate", "fast_update"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
_BLOCK = 1 << 15
_REGIONS = ((1 / 64, 9), (1.0, 20))
"""For x up to the first number, how many terms of the tail are summed."""


@dataclass(frozen=True)
class FastUpdate:
    """E[(Delta z)^2]/eta^2 at widths n to 10^9 and depths L to 10^6, arrays of one shape.

    ``parts``: factors and forms to add.
    """

    parts: tuple[tuple[float, TwoPowers], ...]

    def values(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """The value, relative error below 10^-12; inf where it is beyond float64."""
        return self._in_blocks(widths, depths, self._values)

    def logs(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """Its natural logarithm, with relative error below 10^-12 where E is beyond float64, and
        absolute error below 10^-12 elsewhere."""
        return self._in_blocks(widths, depths, self._logs)

    def _in_blocks(
        self,
        widths: FloatArray,
        depths: FloatArray,
        compute: Callable[[FloatArray, FloatArray], FloatArray],
    ) -> FloatArray:
        result = np.empty(widths.shape)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
            for start in range(0, len(result), _BLOCK):
                block = slice(start, start + _BLOCK)
                result[block] = compute(widths[block], depths[block])
        return result

    def _values(self, n: FloatArray, L: FloatArray) -> FloatArray:
        total = np.zeros_like(n)
        for weight, form in self.parts:
            mantissa, exponent = _scaled(form, n, L - form.shift)
            half = np.exp(exponent / 2)
            total += weight * mantissa * half * half
        return total

    def _logs(self, n: FloatArray, L: FloatArray) -> FloatArray:
        logs = []
        for weight, form in self.parts:
            mantissa, exponent = _scaled(form, n, L - form.shift)
            logs.append(exponent + np.log(weight * mantissa))
        return np.logaddexp.reduce(logs) if len(logs) > 1 else logs[0]


@dataclass(frozen=True)
class FastRate:
    """sqrt(``bound``/E) of an ``update`` E; no number where E is beyond float64."""

    update: FastUpdate
    bound: float

    def values(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """The rate."""
        with np.errstate(over="ignore"):
            moved = self.update.values(widths, depths)
        return np.where(np.isfinite(moved), np.sqrt(self.bound / moved), np.nan)

    def logs(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """Its natural logarithm."""
        return np.asarray((np.log(self.bound) - self.update.logs(widths, depths)) / 2)


def fast_update(sums: Iterable[tuple[Expr, PowerSum]]) -> FastUpdate:
    """The sum of closed forms, each times a number.

    Raises `NotSolved` where more than n and L is a symbol, and below the last layer.
    """
    parts = [(weight, TwoPowers.of(total)) for weight, total in sums]
    for weight, _ in parts:
        if not weight.is_Rational:
            raise NotSolved(
                f"fast numbers need a number for everything but n and L, got the factor {weight}: "
                f"give its symbols values"
            )
    return FastUpdate(tuple((float(weight), form) for weight, form in parts))


def _scaled(form: TwoPowers, n: FloatArray, L: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The value as mantissa times exp(exponent), shape of ``n``."""
    mantissa, exponent = np.empty_like(n), np.empty_like(n)
    step = _rational(form.ratio_less_1, n - 1)
    near = L * step
    least = -1.0
    for bound, terms in _REGIONS:
        here = np.flatnonzero((near > least) & (near <= bound))
        if len(here):
            m, depth = n[here] - 1, L[here]
            mantissa[here] = _positive_sum(form, m, near[here], step[here], terms)
            exponent[here] = depth * np.log1p(_rational(form.beta_less_1, m))
        least = bound
    here = np.flatnonzero(~(near <= least))
    if len(here):
        mantissa[here], exponent[here] = _two_powers(form, n[here], L[here])
    return mantissa, exponent


def _positive_sum(
    form: TwoPowers, m: FloatArray, top: FloatArray, step: FloatArray, terms: int
) -> FloatArray:
    """sum_i binom(L, i) step^i q_i, with ``top`` = L step."""
    total, term, scratch = np.zeros_like(m), np.ones_like(m), np.empty_like(m)
    for i, head in enumerate(form.head):
        if head.numerator:
            total += term * _rational(head, m)
        term *= (top - i * step) / (i + 1)
    sums = [np.zeros_like(m) for _ in form.tail]
    for later in range(terms):
        for j, each in enumerate(sums):
            np.multiply(term, float(comb(later, j)), out=scratch)
            each += scratch
        i = later + len(form.head)
        np.multiply(step, float(i), out=scratch)
        np.subtract(top, scratch, out=scratch)
        scratch *= 1 / (i + 1)
        term *= scratch
    for weight, each in zip(form.tail, sums, strict=True):
        total += _rational(weight, m) * each
    return total


def _two_powers(form: TwoPowers, n: FloatArray, L: FloatArray) -> tuple[FloatArray, FloatArray]:
    m = n - 1
    high = L * np.log1p(_rational(form.alpha_less_1, m))
    low = L * np.log1p(_rational(form.beta_less_1, m))
    fading = np.exp(np.where(L > 0, low - high, 0.0))
    total = _polynomial(form.alpha_part, n, L) + _polynomial(form.beta_part, n, L) * fading
    return total / _horner(form.denominator, m), high


def _polynomial(coefficients: Polynomial, n: FloatArray, L: FloatArray) -> FloatArray:
    total = np.zeros_like(L)
    for each in reversed(coefficients):
        total *= L
        total += _horner(each, n)
    return total


def _rational(function: Rational, m: FloatArray) -> FloatArray:
    return _horner(function.numerator, m) / _horner(function.denominator, m)


def _horner(coefficients: Iterable[int], variable: FloatArray) -> FloatArray:
    total: FloatArray | None = None
    for coefficient in reversed(tuple(coefficients)):
        if total is None:
            total = np.full_like(variable, float(coefficient))
        else:
            total *= variable
            total += float(coefficient)
    return np.zeros_like(variable) if total is None else total
