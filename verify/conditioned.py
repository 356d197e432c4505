"""`Conditioned`: neurons drawn, weight matrices not, by Gaussian conditioning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.network import MLP
from verify.conditioned_kernels import conditioned_updates
from verify.draws import new_stream
from verify.problem import FloatArray, Problem
from verify.samplers import Sampler
from verify.vectors import vector_scales

__all__ = ["Conditioned"]

_BLOCK_NEURONS = 2**16
_LARGEST_BLOCK = 64


@dataclass(frozen=True)
class Conditioned(Sampler):
    """The same law as `Dense` from O(width) draws a layer: any step.

    Each weight matrix enters only through W x, W^T g and W y; each is drawn given those before it:
    docs/conditioning.md has the proof.
    """

    def block_size(self, problem: Problem) -> int:
        """As many networks as have 65,536 neurons together, 1 to 64."""
        return int(np.clip(_BLOCK_NEURONS // problem.widths[1:].sum(), 1, _LARGEST_BLOCK))

    def cost(self, network: MLP) -> int:
        """Neurons of one network."""
        return sum(int(width) for width in network.widths[1:])

    def planned_samples(self, network: MLP) -> int:
        """As many networks as have 1e8 neurons together, 64 to 20,000."""
        return min(max(100_000_000 // self.cost(network), 64), 20_000)

    def check(self, problem: Problem) -> None:
        """Accept every problem."""

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((len(problem.parts), count, problem.layers.size))
        labels = 2.0 * stream.integers(0, 2, count) - 1.0
        scales, draws = vector_scales(problem), new_stream(stream)
        conditioned_updates(draws, scales, problem.step or 0.0, labels, problem.layers, logs)
        return logs
