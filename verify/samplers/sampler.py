"""A `Sampler` is a value that turns a stream of randomness into samples of the update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.public_names import PublicNames
from verify.numerics.arrays import FloatArray
from verify.samplers.problem import Problem

__all__ = ["Cost", "Planned", "Sampler", "check_inner_products"]


class Cost(NamedTuple):
    """Seconds of a core for each unit of `Sampler.cost`, for each neuron, for each layer, and for
    each network: the cost model of docs/scaling.md, fitted by ``make scaling``."""

    unit: float
    neuron: float = 0.0
    layer: float = 0.0
    network: float = 0.0


class Planned(NamedTuple):
    """A cell's share by default: networks of so many units of `Sampler.cost` together, but at
    ``least`` and at ``most`` so many networks."""

    units: int
    least: int
    most: int


class Sampler(PublicNames, ABC):
    """A way to simulate networks; a frozen value without state.

    ``name``: on the command line; ``label``: in tables.  ``draws_networks``: each sample is one
    network's update, so that their quantiles are those of networks; otherwise only means are.
    ``meets_rare_networks``: the relative spread of samples stays bounded at any depth, so that
    their mean and error can be trusted there too.
    ``seconds``: what a linearised update costs on one core.  ``planned``: how many networks a cell
    gets by default.
    """

    _shared: ClassVar[frozenset[str]] = frozenset(
        {"block_size", "check", "label", "name", "planned", "sample", "seconds"}
    )
    name: ClassVar[str]
    label: ClassVar[str]
    draws_networks = True
    meets_rare_networks = False
    seconds = Cost(unit=1e-8)
    planned: ClassVar[Planned]

    @abstractmethod
    def block_size(self, problem: Problem) -> int:
        """Networks in one block, `LARGEST_BLOCK` at most, a function of the problem alone."""

    @abstractmethod
    def cost(self, network: MLP) -> int:
        """What one network's time goes with: weights, neurons or layers."""

    def planned_samples(self, network: MLP) -> int:
        """Networks that a cell gets when nothing is asked: by cost, a few seconds at most.

        >>> from theory import MLP
        >>> from verify import Gram
        >>> Gram().planned_samples(MLP(width=64, depth=400))
        50000
        """
        units, least, most = self.planned
        return min(max(units // self.cost(network), least), most)

    @abstractmethod
    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """Draw ``count`` networks from ``stream``.

        Returns the natural logarithm of each part's mean squared update over the neurons of each
        layer, at eta = 1 (a real step: divided by the rate squared), shape
        ``(parts, count, layers)``; minus infinity where it is exactly zero (a dead network).
        Law: two calls on equal streams give equal bits.
        """

    @abstractmethod
    def check(self, problem: Problem) -> None:
        """Raise `InvalidArgument` where this sampler cannot simulate ``problem``."""


def check_inner_products(problem: Problem, sampler: Sampler) -> None:
    """Refuse real steps, which need more than inner products."""
    if problem.step is not None:
        raise InvalidArgument(
            f"expected step=None for sampler={sampler!r}, got step={problem.step!r}; a real step "
            f"needs the neurons themselves: use sampler=Conditioned() or Dense()"
        )
