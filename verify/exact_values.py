"""Exact numbers that a measurement is planned by and held against: laws, spreads, logarithms."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, sqrt
from numbers import Rational as RationalNumber
from numbers import Real
from typing import Any

from sympy import Rational

from theory import MLP, InvalidArgument, derive, maximal_learning_rate, squared_update
from theory.observables import K, f, g
from theory.precision import DECIMALS, mpf
from theory.precision import isfinite as mp_isfinite
from theory.precision import log as mp_log

__all__ = [
    "LARGEST_SPREAD",
    "STEP_ALLOWANCE",
    "STEP_SPREAD",
    "Law",
    "exact_law",
    "follows_law",
    "known_spread",
    "leading_laws",
    "log_value",
]

Law = Callable[[MLP, int], Any]
"""A law to be tried: E[(Delta z)^2] at eta = 1 of a network in numbers, at a hidden layer."""

LARGEST_SPREAD = 50
"""Cells whose exact relative standard deviation of one network is above this are shown but do not
decide, unless the sampler meets rare networks: a million networks would be needed."""
SPREAD_DIGITS = 4
STEP_SPREAD = 1.1
"""Bound on the standard deviation of a real step over that of the linearised one with a drawn
label, in the same range; 1.05 is the most that was measured."""
STEP_ALLOWANCE = 0.02
"""How far a real step at a hundredth of the maximal rate may be from the linearised law, where
the width is at least 16 and the depth at most a quarter of it."""


def exact_law(network: MLP, layer: int) -> Any:
    """Our own law: the exact E[(Delta z)^2] at eta = 1, to 30 digits at any size."""
    return squared_update(network, layer).evaluate(30)


def leading_laws() -> tuple[str, str]:
    """The laws of the update and of the maximal rate, derived, as text in n, L and eta."""
    return str(squared_update(MLP()).leading()), str(maximal_learning_rate(MLP()).leading())


@lru_cache(maxsize=1024)
def known_spread(network: MLP, layer: int, step: float | None = None) -> float:
    """The standard deviation of one sample over the exact mean: exact for the linearised update
    (``step`` None), a bound for real steps, `STEP_SPREAD` times that with a drawn label.

    Since E_y (f - y)^4 = 1 + 6 f^2 + f^4, where the label's average has 1 + 2 f^2 + f^4.

    >>> from theory import MLP
    >>> round(known_spread(MLP(64, 16), 16), 2)
    11.76
    """
    update = squared_update(network, layer)
    averaged = float(update.relative_standard_deviation(SPREAD_DIGITS))
    if step is None:
        return averaged
    mixed = derive(f**2 * (g @ K @ K @ g) ** 2, network, layer=layer).evaluate(SPREAD_DIGITS)
    scale = DECIMALS.convert(update.evaluate(SPREAD_DIGITS)) * int(update.width_here)
    return STEP_SPREAD * sqrt(averaged**2 + 4 * float(DECIMALS.convert(mixed) / scale**2))


def follows_law(network: MLP, step: float | None) -> bool:
    """Whether a real step is small, and the network wide, enough for `STEP_ALLOWANCE`.

    >>> from theory import MLP
    >>> [follows_law(MLP(64, depth), step) for depth, step in [(16, 1e-4), (16, 0.1), (17, 1e-4)]]
    [True, False, False]
    """
    if step is None:
        return True
    narrowest = min(int(width) for width in network.widths[1:])
    wide = narrowest >= 16 and 4 * network.layers <= narrowest
    return wide and step <= largest_step(network)


def largest_step(network: MLP) -> float:
    """The largest rate of a real step that follows the law: a hundredth of the maximal one.

    >>> from theory import MLP
    >>> round(largest_step(MLP(64, 4)), 6)
    0.002011
    """
    return exp(-log_value(exact_law(network, network.layers), network) / 2) / 100


def log_value(value: Any, network: MLP) -> float:
    """Natural logarithm of a law's positive value, of any size."""
    try:
        real = isinstance(value, Real) and not isinstance(value, RationalNumber)
        number = DECIMALS.convert(value) if real else _ratio(Rational(value))
        logarithm = mp_log(number) if number > 0 and mp_isfinite(number) else None
    except (TypeError, ValueError, AttributeError):
        logarithm = None
    if logarithm is None:
        raise InvalidArgument(
            f"expected a positive number from the law at {network}, got {value!r}; a law gives "
            f"E[(Δz)²] at eta = 1"
        )
    return float(logarithm)


def _ratio(value: Rational) -> mpf:
    return mpf(int(value.p)) / int(value.q)
