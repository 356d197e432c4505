"""`RareEvents` samples by importance: networks where the update is large, weighted for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.coverage import answered_class
from theory.networks.network import Network
from theory.words.observables import checked_observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray
from verify.samplers.observing import Signed, powers_in, words_of_updates
from verify.samplers.problem import Problem
from verify.samplers.rare_events.passes import rare_updates
from verify.samplers.sampler import Cost, Sampler, Share
from verify.samplers.vectors import vector_scales

__all__ = ["RareEvents"]


@answered_class
@dataclass(frozen=True)
class RareEvents(Sampler):
    """Estimates the means of `Gram` with errors that stay small where depth/width is of order one.

    In importance sampling a sample is a conditional mean of the update times the weight of the
    draws: it has the mean of the update, but not its distribution, median and quantiles.
    docs/sampler-proofs.md has the proof and the figures.  Linearised updates only.

    >>> from theory import MLP
    >>> from verify import RareEvents, monte_carlo
    >>> monte_carlo(MLP(32, 4), samples=1000, seed=1, sampler=RareEvents()).label
    26.50 ± 0.47 over 1,000 samples
    """

    name, label = "rare-events", "rare"
    draws_networks = False
    meets_rare_networks = True
    seconds = Cost(unit=1.1e-07, network=6.1e-07)
    planned = Share(units=4_000_000, least=1_000, most=40_000)
    _block = Share(units=2**14, least=1, most=256)
    draws = "g @ K @ K @ g and f**2 * (g @ K @ K @ g)"

    def cost(self, network: Network) -> int:
        """Layers of one network.

        >>> from theory import MLP
        >>> from verify import RareEvents
        >>> RareEvents().cost(MLP(width=64, depth=4))
        4
        """
        return network.layers

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`; the logarithms are of weighted conditional means.

        For each layer and part the mean of the exponentials is the mean of the update.  A layer's
        samples depend on the highest requested layer, but their mean does not.
        """
        logs = np.empty((2, count, problem.layers.size))
        rare_updates(stream, vector_scales(problem), problem.layers, logs)
        return logs

    def _draws_word(self, word: Word) -> bool:
        return powers_in(word) in ((1, 0), (1, 1))

    def _words(self, problem: Problem, stream: np.random.Generator, count: int) -> list[Signed]:
        logs = self.sample(problem, stream, count)
        return words_of_updates(checked_observable(problem.observable), problem.widths_asked, logs)
