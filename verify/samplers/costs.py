"""How long a network takes on one core: the cost model of docs/scaling.md."""

from __future__ import annotations

from typing import NamedTuple

from verify.runs.configuration import Configuration
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler

__all__ = ["Cost", "cost_of", "seconds_per_network"]


class Cost(NamedTuple):
    """Seconds of a core for each unit of `Sampler.cost`, for each neuron, for each layer, and for
    each network."""

    unit: float
    neuron: float
    layer: float
    network: float


_COSTS: dict[type[Sampler], Cost] = {
    Dense: Cost(unit=3.4e-10, neuron=1.9e-07, layer=1.9e-06, network=0.0),
    Conditioned: Cost(unit=8.4e-10, neuron=0.0, layer=3.5e-07, network=1.7e-06),
    Gram: Cost(unit=1.6e-08, neuron=0.0, layer=0.0, network=1.5e-08),
    RareEvents: Cost(unit=1.1e-07, neuron=0.0, layer=0.0, network=6.1e-07),
}
"""Fitted by ``make scaling``."""
_UNKNOWN = Cost(1e-8, 0.0, 0.0, 0.0)


def cost_of(sampler: Sampler) -> Cost:
    """The cost of a linearised update by this sampler, measured on one machine."""
    return _COSTS.get(type(sampler), _UNKNOWN)


def seconds_per_network(configuration: Configuration) -> float:
    """Expected seconds of one core for one network.

    >>> from theory import MLP
    >>> from verify.runs.configuration import configuration
    >>> wide, narrow = (configuration(MLP(width, 4)) for width in (10**6, 64))
    >>> seconds_per_network(wide) == seconds_per_network(narrow)
    True
    """
    network, cost = configuration.network, cost_of(configuration.sampler)
    units = configuration.sampler.cost(network)
    neurons, layers = sum(network.widths[1:]), network.layers
    return cost.unit * units + cost.neuron * neurons + cost.layer * layers + cost.network
