"""This module gives the exact numbers that plan a measurement and are compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from math import floor, log10, sqrt
from numbers import Rational as RationalNumber
from numbers import Real
from operator import itemgetter
from typing import Any

import numpy as np
from sympy import Rational

from theory.errors import InvalidArgument
from theory.laws.mean import Mean, mean_of
from theory.laws.spread import Spread
from theory.laws.update import squared_update
from theory.networks.mlp import MLP
from theory.networks.network import Network, exact_network
from theory.networks.residual import Residual
from theory.precision import DECIMALS, mpf
from theory.precision import isfinite as mp_isfinite
from theory.precision import log as mp_log
from theory.rates.rate import maximal_learning_rate
from theory.solutions.derivation import derive
from theory.symbols import B, L
from theory.words.observables import K, Observable, f, g
from theory.writing.pictures import law_tex

__all__ = [
    "LARGEST_SPREAD",
    "STEP_ALLOWANCE",
    "STEP_SPREAD",
    "Law",
    "exact_law",
    "exact_rates",
    "follows_law",
    "known_spread",
    "largest_step",
    "leading_laws",
    "leading_power",
    "leading_rates",
    "log_value",
    "real_step_law",
    "refuse_large_step",
    "rounded_down",
]

Law = Callable[[Any, Any], Any]
"""A law to be tried: E[(Delta z)^2] at eta = 1 of a network in numbers, at a hidden layer."""

LARGEST_SPREAD = 50
"""Cells whose exact relative standard deviation of one network is above this are shown but do not
decide, unless the sampler draws rare networks: a million networks would be needed."""
SPREAD_DIGITS = 4
STEP_SPREAD = 1.1
"""Bound on the standard deviation of a real step over the standard deviation of the linearised
step with a drawn label, in the same range; the largest measured ratio is 1.05."""
STEP_ALLOWANCE = 0.02
"""How far a real step of at most `largest_step` may be from the linearised value, where it
`follows_law`: 1 % as the width grows; the largest measured difference is 1.5 %, where n_0 = n."""
_LEAST_FRACTION, _FRACTION_OF_DEPTH = 100, 10
"""The largest step is the maximal rate over the larger of 100 and 10 L."""


def exact_law(network: Network, layer: int, observable: Observable | None = None) -> Any:
    """Our own law: the exact E[(Delta z)^2] at eta = 1, or the exact mean of an observable, to 30
    digits at any size."""
    return _mean(exact_network(network), layer, observable).evaluate(30)


def _mean(network: Network, layer: int, observable: Observable | None) -> Mean:
    if observable is None:
        return squared_update(network, layer)
    return mean_of(observable, network, layer=layer)


@lru_cache(maxsize=2)
def leading_laws(blocks: bool = False) -> tuple[str, str]:
    """The laws of the update and of the maximal rate, derived, as text in n, L and eta; with
    ``blocks`` of residual networks, in B."""
    network = Residual() if blocks else MLP()
    return str(squared_update(network).leading()), str(maximal_learning_rate(network).leading())


@lru_cache(maxsize=1)
def real_step_law() -> str:
    """The largest rate at which a real step moves by 1, as n -> infinity and then L, as text.

    >>> real_step_law()
    '0.798 L^(-5/6)'
    """
    law = maximal_learning_rate(MLP(), linearised=False).leading()
    constant, exponent = law.as_coeff_exponent(L)
    return f"{float(constant):.3g} L^({exponent})"


@lru_cache(maxsize=1024)
def known_spread(
    network: Network, layer: int, step: float | None = None, observable: Observable | None = None
) -> float:
    """The standard deviation of one sample over the exact mean: exact for the linearised update
    (``step`` None), a bound for real steps, `STEP_SPREAD` times the value with a drawn label.

    Since E_y (f - y)^4 = 1 + 6 f^2 + f^4, where the label's average has 1 + 2 f^2 + f^4.

    >>> from theory import MLP
    >>> round(known_spread(MLP(64, 16), 16), 2)
    11.76
    """
    update = _mean(network, layer, observable)
    averaged = float(Spread(update).relative_standard_deviation(SPREAD_DIGITS))
    if step is None:
        return averaged
    mixed = derive(f**2 * (g @ K @ K @ g) ** 2, network, layer=layer).evaluate(SPREAD_DIGITS)
    scale = DECIMALS.convert(update.evaluate(SPREAD_DIGITS)) * int(update.width_here)
    return STEP_SPREAD * sqrt(averaged**2 + 4 * float(DECIMALS.convert(mixed) / scale**2))


@lru_cache(maxsize=2)
def leading_power(blocks: bool = False) -> tuple[float, float]:
    """Constant and exponent of the maximal rate in the depth, as n -> infinity and then L; with
    ``blocks`` of residual networks in their number.

    >>> leading_power(), leading_power(blocks=True)
    ((1.7320508075688772, -1.5), (0.1030268509591449, 0.0))
    """
    network, depth = (Residual(), B) if blocks else (MLP(), L)
    constant, exponent = maximal_learning_rate(network).leading().as_coeff_exponent(depth)
    return float(constant), float(exponent)


def exact_rates(width: int, depths: Sequence[int]) -> Any:
    """The exact maximal rate at ``depths``, an array; 0 where it is below float64."""
    with np.errstate(under="ignore"):
        return np.exp(-squared_update(MLP()).lambdify().log(width, np.asarray(depths)) / 2)


def leading_rates(depths: Sequence[int]) -> tuple[str, list[float]]:
    """The law of the maximal rate as a formula between dollars, and its values at ``depths``."""
    law = maximal_learning_rate(MLP()).leading()
    return law_tex(law), [float(law.subs(L, int(depth))) for depth in depths]


def follows_law(network: Network, step: float | None) -> bool:
    """Whether a real step of at most `largest_step` is within `STEP_ALLOWANCE` of the linearised
    law: in a network that is wide enough for its depth, with critical weights and |x|^2 = n_0.

    >>> from theory import MLP
    >>> [follows_law(MLP(64, depth), 1e-4) for depth in (16, 17)]
    [True, False]
    >>> follows_law(MLP(64, 16, weight_variance=1), 1e-4)
    False
    """
    if step is None:
        return True
    narrowest = min(int(width) for width in network.widths[1:])
    critical = network.activation.critical_variance()
    scaled = network.c == critical and network.norm2 == network.first_fan_in
    return scaled and narrowest >= 16 and 4 * network.layers <= narrowest


def largest_step(network: Network) -> float:
    """The largest rate of a real step that a comparison with the linearised value accepts: the
    maximal rate over the larger of 100 and ten times the depth.

    As n -> infinity, a real step of r times the maximal rate is about 0.1 L r below the law.

    >>> from theory import MLP
    >>> [round(largest_step(MLP(1024, depth)), 8) for depth in (4, 64)]
    [0.0021248, 4.89e-06]
    """
    rate = float(maximal_learning_rate(network).evaluate())
    return rate / max(_LEAST_FRACTION, _FRACTION_OF_DEPTH * network.layers)


def refuse_large_step(networks: Iterable[Network], step: float | None) -> None:
    """Raise `InvalidArgument` for a real step above `largest_step` of one of the networks."""
    if step is None:
        return
    largest, network = min(((largest_step(each), each) for each in networks), key=itemgetter(0))
    if step > largest:
        raise InvalidArgument(
            f"expected a step of at most {rounded_down(largest):g}, above which a real step of "
            f"{network} leaves the linearised value by more than {STEP_ALLOWANCE:.0%}, got "
            f"step={step:g}; give a smaller step, or simulate this step with monte_carlo, which "
            f"makes no comparison"
        )


def rounded_down(value: float) -> float:
    """A positive number in two digits, never above it.

    >>> rounded_down(0.0002087)
    0.0002
    """
    unit = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{floor(value / unit) * unit:.1e}")


def log_value(value: Any, network: Network) -> float:
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
            f"E[(Δz)²] at eta = 1, or the mean of an observable; give the negative of an "
            f"observable whose mean is negative, or the square if the mean is 0"
        )
    return float(logarithm)


def _ratio(value: Rational) -> mpf:
    return mpf(int(value.p)) / int(value.q)
