"""A `Sampler` is a value that turns a stream of randomness into samples of the update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from theory.coverage import Answering
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.public_names import PublicNames
from theory.words.observables import Observable, checked_observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray
from verify.samplers.observing import Signed, sum_of_words
from verify.samplers.problem import Problem

__all__ = ["Cost", "Limit", "Sampler", "Share"]


class Cost(NamedTuple):
    """Seconds of a core for each unit of `Sampler.cost`, for each neuron, for each layer, and for
    each network: the cost model of docs/studies.md, fitted by ``make scaling``."""

    unit: float
    neuron: float = 0.0
    layer: float = 0.0
    network: float = 0.0


class Share(NamedTuple):
    """A number of networks that together have ``units`` of `Sampler.cost`, within ``least`` and
    ``most``."""

    units: int
    least: int
    most: int

    def networks(self, cost: int) -> int:
        """Networks of this share, at ``cost`` units each."""
        return min(max(self.units // cost, self.least), self.most)


class Limit(NamedTuple):
    """The ``most`` ``units`` of `Sampler.cost` in one network, and the sampler to use
    ``instead``."""

    most: int
    units: str
    instead: str


class Sampler(Answering, PublicNames, ABC):
    """A way to simulate networks; a frozen value without state.

    ``name``: on the command line; ``label``: in tables.  ``draws_networks``: each sample is one
    network's update, so that their quantiles are quantiles over networks; otherwise only the means
    agree.
    ``meets_rare_networks``: the relative spread of samples stays bounded at any depth, so that
    their mean and error can be trusted there too.
    ``draws``: the observables that it can draw, in words.
    ``seconds``: the time of a linearised update on one core.  ``planned``: how many networks a cell
    gets by default; ``_block``: how many a block has.  ``_draws_neurons``: real steps need them.
    """

    _shared: ClassVar[frozenset[str]] = frozenset(
        {"block_size", "can_draw", "check", "draws", "draws_network", "label", "name", "observe"}
        | {"planned", "sample", "seconds"}
    )
    name: ClassVar[str]
    label: ClassVar[str]
    draws: ClassVar[str]
    draws_networks = True
    meets_rare_networks = False
    seconds = Cost(unit=1e-8)
    planned: ClassVar[Share]
    _block: ClassVar[Share]
    _draws_neurons = False
    _limit: ClassVar[Limit | None] = None

    def block_size(self, problem: Problem) -> int:
        """Networks in one block, `LARGEST_BLOCK` at most, a function of the problem alone."""
        return self._block.networks(self.cost(problem.network))

    @abstractmethod
    def cost(self, network: Network) -> int:
        """The count that one network's time is proportional to: weights, neurons or layers."""

    def planned_samples(self, network: Network) -> int:
        """Default number of networks for a cell: by cost, a few seconds at most.

        >>> from theory import MLP
        >>> from verify import Gram
        >>> Gram().planned_samples(MLP(width=64, depth=400))
        50000
        """
        return self.planned.networks(self.cost(network))

    @abstractmethod
    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """Draw ``count`` networks from ``stream``.

        Returns the natural logarithm of each part's mean squared update over the neurons of each
        layer, at eta = 1 (a real step: divided by the rate squared), shape
        ``(parts, count, layers)``; minus infinity where it is exactly zero (a dead network).
        Law: two calls on equal streams give equal bits.
        """

    def draws_network(self, problem: Problem) -> bool:
        """Whether this sampler draws such networks: plain chains of layers, if not more."""
        return problem.is_plain and problem.sites.is_chain

    def can_draw(self, observable: Observable) -> bool:
        """Whether this sampler holds every word of ``observable``."""
        return all(self._draws_word(word) for word, _ in observable.terms)

    def observe(self, problem: Problem, stream: np.random.Generator, count: int) -> Signed:
        """The observable of ``problem`` in the ``count`` networks that `sample` draws: signs and
        natural logarithms of sizes, shape ``(count, layers)``."""
        observable = checked_observable(problem.observable)
        shape = count, problem.layers.size
        if not observable.terms:
            return Signed(np.zeros(shape), np.full(shape, -np.inf))
        return sum_of_words(observable, problem.widths_asked, self._words(problem, stream, count))

    @abstractmethod
    def _draws_word(self, word: Word) -> bool:
        """Whether this sampler holds a word of the observables."""

    @abstractmethod
    def _words(self, problem: Problem, stream: np.random.Generator, count: int) -> list[Signed]:
        """The words of the observable of ``problem``, one for each term."""

    def check(self, problem: Problem) -> None:
        """Raise `InvalidArgument` where this sampler cannot simulate ``problem``."""
        if problem.step is not None and not self._draws_neurons:
            raise InvalidArgument(
                f"expected step=None for sampler={self!r}, got step={problem.step!r}; a real step "
                f"needs the neurons themselves: use sampler=Conditioned() or Dense()"
            )
        limit = self._limit
        if limit is not None and self.cost(problem.network) > limit.most:
            either = isinstance(problem.network, MLP | Residual)
            raise InvalidArgument(
                f"expected at most {limit.most:,} {limit.units} in a network for sampler={self!r}, "
                f"got {self.cost(problem.network):,}; give a smaller width or depth"
                f"{f', or use {limit.instead}' if either else ''}"
            )
