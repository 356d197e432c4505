"""Whether two samplers have the same law: distributions and joint statistics of networks."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import ks_2samp

from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.samplers.problem import Problem
from verify.samplers.sampler import Sampler

__all__ = ["draws", "smallest_p"]


def draws(sampler: Sampler, problem: Problem, seed: int, samples: int) -> FloatArray:
    """One sampler's logarithms, shape ``(parts, samples, layers)``."""
    return sampler.sample(problem, block_stream(seed, 0), samples)


def features(logs: FloatArray) -> Iterator[FloatArray]:
    """Every part at every layer that moves, and the steps between layers and parts, of living
    networks."""
    moving = logs[:, :, np.isfinite(logs[0]).any(axis=0)]
    alive = moving[:, np.isfinite(moving[0]).all(axis=1)]
    for part in alive:
        yield from part.T
        yield from np.diff(part, axis=1).T
        yield part[:, 0] + part[:, -1]
    if len(alive) == 2:
        f2 = alive[1, :, -1] - alive[0, :, -1]
        yield f2
        yield from (alive[0] - f2[:, None]).T


def smallest_p(one: FloatArray, two: FloatArray) -> float:
    """The smallest p over all comparisons, Bonferroni-corrected: two-sample Kolmogorov-Smirnov
    for each feature, and the numbers of dead networks."""
    pairs = list(zip(features(one), features(two), strict=True))
    ps = [float(ks_2samp(a, b, method="asymp").pvalue) for a, b in pairs]
    dead = [np.isneginf(logs[0, :, -1]).astype(float) for logs in (one, two)]
    ps.append(float(ks_2samp(*dead, method="asymp").pvalue))
    return min(1.0, min(ps) * len(ps))
