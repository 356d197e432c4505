"""How long a network takes on one core: the cost model of docs/scaling.md."""

from __future__ import annotations

from typing import NamedTuple

from verify.conditioned import Conditioned
from verify.configuration import Configuration
from verify.dense import Dense
from verify.gram import Gram
from verify.rare_events import RareEvents
from verify.samplers import Sampler

__all__ = ["Cost", "cost_of", "seconds_per_network"]


class Cost(NamedTuple):
    """Seconds of a core for each unit of `Sampler.cost`, for each layer, and for each network."""

    unit: float
    layer: float
    network: float


_COSTS: dict[type[Sampler], Cost] = {
    Dense: Cost(unit=2.7e-9, layer=1.6e-5, network=1.7e-5),
    Conditioned: Cost(unit=3.0e-9, layer=3.3e-7, network=2.6e-6),
    Gram: Cost(unit=5.0e-8, layer=0.0, network=2.7e-8),
    RareEvents: Cost(unit=2.2e-7, layer=0.0, network=1.9e-6),
}
"""Fitted by ``make scaling``."""
_UNKNOWN = Cost(1e-8, 0.0, 0.0)


def cost_of(sampler: Sampler) -> Cost:
    """The cost of a linearised update by this sampler, measured on one machine."""
    return _COSTS.get(type(sampler), _UNKNOWN)


def seconds_per_network(configuration: Configuration) -> float:
    """Expected seconds of one core for one network.

    >>> from theory import MLP
    >>> from verify.configuration import configuration
    >>> wide, narrow = (configuration(MLP(width, 4)) for width in (10**6, 64))
    >>> seconds_per_network(wide) == seconds_per_network(narrow)
    True
    """
    network, cost = configuration.network, cost_of(configuration.sampler)
    units = configuration.sampler.cost(network)
    return cost.unit * units + cost.layer * network.layers + cost.network
