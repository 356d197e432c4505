"""This module plans how many networks a cell gets, by cost or for a relative standard error.

A plan is a function of the configuration alone.  It uses the exact variance of one network, not the
variance of the samples so far, which is too small while the rare networks that set it are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from math import ceil
from typing import Any

from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.validation import number_between, typed
from theory.words.observables import Observable
from verify.comparison.exact_values import LARGEST_SPREAD, known_spread
from verify.numerics.streams import MOST_SAMPLES
from verify.samplers.sampler import Sampler

__all__ = ["RARE_SPREAD", "networks_for", "planned_samples"]

RARE_SPREAD = 2.0
"""The planned relative standard deviation of one sample of `verify.RareEvents`: a measured bound
with all layers trained, where the largest measured value is 1.6 (docs/sampler-proofs.md)."""
_FEWEST = 100


def planned_samples(
    network: Network,
    layer: Any,
    sampler: Sampler,
    *,
    samples: int | Callable[[Network], int] | None = None,
    precision: float | None = None,
    step: float | None = None,
    observable: Observable | None = None,
) -> int:
    """The number of networks of a cell: ``samples``, or the number for ``precision``, or the number
    that the sampler plans by cost.

    Cells whose exact spread is too large to decide are planned by cost for every ``precision``.
    Raises `InvalidArgument` where both are given, or the requested precision is out of reach.

    >>> from theory import MLP
    >>> from verify.samplers.gram.sampler import Gram
    >>> planned_samples(MLP(64, 8), 8, Gram(), precision=0.01)
    32788
    """
    if samples is not None and precision is not None:
        raise InvalidArgument(
            f"expected samples or precision, got samples={samples!r} and precision={precision!r}; "
            f"give only one of the two"
        )
    if samples is not None:
        return _of_network(samples, network) if callable(samples) else samples
    if precision is None:
        return sampler.planned_samples(network)
    rare = sampler.meets_rare_networks
    spread = RARE_SPREAD if rare else known_spread(network, layer, step, observable)
    if not rare and spread > LARGEST_SPREAD:
        return sampler.planned_samples(network)
    return networks_for(spread, precision)


def _of_network(samples: Callable[[Network], int], network: Network) -> int:
    """The number that a user's function gives; `InvalidArgument` where it takes no network."""
    try:
        signature(samples).bind(network)
    except TypeError:
        raise InvalidArgument(
            f"expected an int or a function of one network for samples, got samples="
            f"{typed(samples)}; give samples=lambda network: 10 * network.width, say"
        ) from None
    except ValueError:  # a function of C without a signature
        pass
    return samples(network)


def networks_for(spread: float, precision: float) -> int:
    """Networks whose mean has the relative standard error ``precision``, 100 at least.

    >>> networks_for(3.35, 0.01)
    112225
    """
    fix = "give 0.01 for a standard error of 1 % of the mean"
    precision = number_between("precision", precision, fix, 1.0)
    if spread / precision > MOST_SAMPLES**0.5:
        raise InvalidArgument(
            f"expected a precision within reach, got precision={precision!r}, which takes more "
            f"than {MOST_SAMPLES:,} networks; give a larger precision"
        )
    return max(ceil((spread / precision) ** 2), _FEWEST)
