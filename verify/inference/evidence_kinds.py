"""`evidence_of` chooses the kind of evidence by all that is known of a measured mean."""

from __future__ import annotations

from math import exp, isfinite, nan, sqrt

from verify.inference.evidence import Evidence
from verify.inference.measurement import Measurement
from verify.inference.sample_means import NetworkMean
from verify.inference.weighted_means import WeightedMean

__all__ = ["evidence_of"]

_LARGEST_LOG = 700.0


def evidence_of(
    total: Measurement, log_exact: float, spread: float | None, block: int | None = None
) -> Evidence:
    """The evidence in a measured mean, in units of the exact mean.

    ``total``: of scalar shape.  ``log_exact``: natural logarithm of the exact mean.  ``spread``:
    exact relative standard deviation of one sample, or None where only the samples show it.
    ``block``: samples of a block, that of ``total`` for None.  The evidence is undefined for fewer
    than two samples, for none that moves, and after an overflow.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> total = monte_carlo(MLP(8, 1), samples=400, seed=1).total
    >>> evidence_of(total, log_exact=0.0, spread=0.5).standard_error
    0.025
    """
    log_mean, relative = float(total.log_mean), float(total.relative_standard_error)
    if not (isfinite(log_mean) and isfinite(relative)):
        return WeightedMean(total.samples, nan, nan)
    ratio = exp(min(max(log_mean - log_exact, -_LARGEST_LOG), _LARGEST_LOG)) * float(total.sign)
    if spread is None:
        return WeightedMean(total.samples, ratio, abs(ratio) * relative)
    error = spread / sqrt(total.samples)
    if total.logs is not None:
        return NetworkMean(total.samples, ratio, error, total.logs - log_exact)
    means = total.block_log_means - log_exact
    counts, signs = total.block_samples, total.block_signs
    return NetworkMean(total.samples, ratio, error, means, counts=counts, signs=signs, block=block)
