"""A stream is keyed by (seed, block): it is the same for any number of threads or machines."""

from __future__ import annotations

import numpy as np

from theory.errors import InvalidArgument
from theory.validation import exact_int, typed

__all__ = [
    "KEPT_SAMPLES",
    "LARGEST_BLOCK",
    "MOST_BLOCKS",
    "MOST_SAMPLES",
    "block_counts",
    "block_stream",
    "checked_samples",
    "checked_seed",
    "derived_seed",
]

LARGEST_BLOCK = 8192
"""The most networks in a block, for every sampler."""
MOST_BLOCKS = 10**8
MOST_SAMPLES = MOST_BLOCKS * LARGEST_BLOCK


def block_stream(seed: int, block: int) -> np.random.Generator:
    """The stream of one block of samples, independent of all other blocks and seeds."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block,))))


def derived_seed(seed: int, *key: int) -> int:
    """A seed for one cell of a grid, from the grid's seed and the cell's key; 64 bits."""
    sequence = np.random.SeedSequence([seed, *key])
    return int(sequence.generate_state(1, np.uint64)[0])


def checked_seed(seed: object) -> int:
    """``seed`` as a non-negative int; `InvalidArgument` for anything else."""
    number = exact_int(seed)
    if number is not None and number >= 0:
        return number
    raise InvalidArgument(
        f"expected a non-negative int for seed, got seed={typed(seed)}; give a "
        f"number such as seed=1, so that the result can be reproduced"
    )


def block_counts(samples: int, size: int) -> list[int]:
    """Samples of each block of ``size``, the last one perhaps smaller."""
    full, rest = divmod(samples, size)
    return [size] * full + [rest] * (rest > 0)


def checked_samples(samples: object) -> int:
    """``samples`` as an int from 1 to `MOST_SAMPLES`; `InvalidArgument` for anything else."""
    count = exact_int(samples)
    if count is not None and 0 < count <= MOST_SAMPLES:
        return count
    raise InvalidArgument(
        f"expected a positive int for samples, {MOST_SAMPLES:,} at most, got "
        f"samples={typed(samples)}; give the number of networks to draw"
    )


KEPT_SAMPLES = 2**22
"""Samples, times layers, that are kept, for quantiles too: about 100 MB."""
