"""A claimed mean against samples of known variance: a test whose level holds for any tail.

Source: O. Catoni, "Challenging the empirical mean and empirical variance: a deviation study", Ann.
Inst. H. Poincare Probab. Statist. 48 (2012) 1148-1185, section 2.  For psi(x) = log(1 + x + x^2/2)
at x >= 0 and odd, exp(psi(x)) <= 1 + x + x^2/2 for all x.  So if N independent samples x_i have
mean m and variance v, S = sum psi(k (x_i - m)) satisfies E exp(+-S) <= exp(N k^2 v/2), and
|S| > N k^2 v/2 + log(2/p) has at most the chance p (Markov).  The k below makes both terms equal.
"""

from __future__ import annotations

from math import ceil, log, sqrt

import numpy as np

from verify.problem import FloatArray

__all__ = ["POWER", "critical_z", "samples_to_notice", "z_score"]

POWER = 0.95
"""Chance with which an error counts as noticed."""
_LARGEST = 1e150
"""Beyond it x^2 overflows; psi(1e150) is 690."""


def critical_z(false_alarm: float) -> float:
    """The |z| that a true mean exceeds with at most the chance ``false_alarm``.

    >>> round(critical_z(1e-6), 2)
    5.39
    """
    return sqrt(2.0 * log(2.0 / false_alarm))


def z_score(values: FloatArray, mean: float, deviation: float, false_alarm: float) -> float:
    """How far the mean of ``values`` is above ``mean``, in standard errors, large values tamed.

    ``values``: independent samples, shape ``(samples,)``.  ``deviation``: the exact standard
    deviation of one.  Law: if ``mean`` is the true one, |z| exceeds `critical_z` with at most the
    chance ``false_alarm``, for any distribution and any number of samples.

    >>> values = np.array([0.0, 2.0] * 50)
    >>> z_score(values, 1.0, 1.0, 1e-6)
    0.0
    >>> z_score(values, 3.0, 1.0, 1e-6) < -critical_z(1e-6)
    True
    """
    reach = critical_z(false_alarm)
    scale = reach / (deviation * sqrt(len(values)))
    distances = np.clip(scale * (values - mean), -_LARGEST, _LARGEST)
    sizes = np.abs(distances)
    influence = np.copysign(np.log1p(sizes * (1.0 + 0.5 * sizes)), distances)
    return float(np.sum(influence)) / reach


def samples_to_notice(error: float, deviation: float, false_alarm: float) -> int:
    """The number of samples with which a mean that is wrong by ``error`` is rejected with the
    chance `POWER` at least.

    From the same bound for the true mean: with d = error/deviation and k = sqrt(2 l/N), where
    l = log(2/false_alarm), N k d - N k^2 (1 + d^2)/2 >= 2 l + log(1/(1 - POWER)) is enough.

    >>> samples_to_notice(0.1, 1.0, 1e-6)
    7506
    """
    d, level = error / deviation, log(2.0 / false_alarm)
    needed = 3.0 * level - log(1.0 - POWER) + level * d**2
    return ceil((needed / d) ** 2 / (2.0 * level))
