"""This module fits constant * depth^exponent to the maximal rates that networks alone show.

The fit is a weighted least-squares fit in the logarithms of measured rates, E[(Delta z)^2]^(-1/2),
over the depths of one width, each with its samples' own standard error; no formula, no exact value
and no exact variance enters.  The networks are so wide and deep that finite sizes change little.
`MeasuredLaw.allows` takes this change into account where it compares the fit with a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log

from verify.inference.evidence import Evidence, Interval
from verify.inference.fit import fit_power
from verify.untrusted import Chance

__all__ = ["LEVEL", "MeasuredLaw", "fit_law"]

LEVEL = 0.999
"""Confidence of constant and exponent together."""
_FEWEST_DEPTHS = 3
_LARGEST_CORRECTION = 0.005
"""The largest correction that is granted, so that a limit far from exact rates is not accepted."""


@dataclass(frozen=True)
class MeasuredLaw:
    """rate = constant * depth^exponent, with intervals that hold together at `LEVEL`.

    ``middle``: the rate at the depth ``depth``, where its error is independent of the exponent's.
    ``blocks``: whether the depth is a number of residual blocks.
    ``leading_allowed``: whether it `allows` the derived law with ``derived_correction``; None where
    none was derived.

    >>> from theory import MLP
    >>> from verify import compare_law
    >>> networks = [MLP(10**9, depth) for depth in (16, 64, 256)]
    >>> (law,) = compare_law(networks=networks, samples=3000, seed=1).measured_laws
    >>> right, wrong = (3**0.5, -1.5), (1.02 * 3**0.5, -1.5)
    >>> law.allows(*right, correction=0.001), law.allows(*wrong, correction=0.001)
    (True, False)
    """

    sampler: str
    width: int
    depths: tuple[int, ...]
    constant: Interval
    exponent: Interval
    middle: Interval
    depth: float
    level: Chance = field(default=LEVEL, repr=False)
    derived_correction: float | None = field(default=None, repr=False)
    leading_allowed: bool | None = field(default=None, repr=False)
    blocks: bool = False

    def allows(self, constant: float, exponent: float, correction: float = 0.0) -> bool:
        """Whether constant * depth^exponent can be the law as width and depth grow.

        ``correction``: a bound on how far the logarithm of the rate is from its limit at these
        depths.  The slope of a weighted fit is a mean of slopes between two depths, so that such a
        correction changes the slope by at most 2 ``correction`` over the least distance of their
        logarithms, and the rate at the middle depth by ``correction``; 0.005 is granted at most.

        >>> from verify.inference.weighted_means import WeightedMean
        >>> depths = (64, 256, 1024)
        >>> means = [WeightedMean(10**4, depth**3 / 4, depth**3 * 1e-5) for depth in depths]
        >>> law = fit_law("Gram()", 10**9, depths, means)
        >>> law.allows(2.0, -1.5), law.allows(2.0, -1.501), law.allows(2.0, -1.5005, 0.004)
        (True, False, True)
        """
        correction = min(correction, _LARGEST_CORRECTION)
        apart = min(log(two / one) for one, two in pairwise(self.depths))
        slack = 2.0 * correction / apart
        if not self.exponent.low - slack <= exponent <= self.exponent.high + slack:
            return False
        rate = log(constant) + exponent * log(self.depth)
        low, high = log(self.middle.low), log(self.middle.high)
        return low - correction <= rate <= high + correction


def fit_law(
    sampler: str,
    width: int,
    depths: Sequence[int],
    means: Sequence[Evidence],
    *,
    blocks: bool = False,
) -> MeasuredLaw | None:
    """The law that measured ``means`` of E[(Delta z)^2] at rising ``depths`` show; None for
    fewer than three means, or where the error of one is too large."""
    if len(depths) < _FEWEST_DEPTHS:
        return None
    fit = fit_power(depths, means, LEVEL)
    if fit is None or fit.cells < len(depths):
        return None
    return MeasuredLaw(
        sampler=sampler,
        width=width,
        depths=tuple(depths),
        constant=fit.rate_factor,
        exponent=fit.rate_exponent,
        middle=Interval(fit.middle.high**-0.5, fit.middle.value**-0.5, fit.middle.low**-0.5),
        depth=fit.depth,
        blocks=blocks,
    )
