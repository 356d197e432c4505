"""`Dense`: literal networks, every weight drawn and every pass run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from theory.network import MLP, InvalidArgument
from verify.dense_kernels import Scales, linearised, offsets, real_step
from verify.problem import FloatArray, Problem
from verify.samplers import Sampler

__all__ = ["Dense", "kernel_scales"]

_BLOCK_WEIGHTS = 2**20
_LARGEST_BLOCK = 64
_CHUNK_WEIGHTS = 2**17
_MOST_WEIGHTS = 2**29


@dataclass(frozen=True)
class Dense(Sampler):
    """Literal networks: O(width^2 depth) time and memory a network, any step.

    Each network's weights and readout are drawn in full; the update is the true gradient pushed
    forward (linearised), or the change of the pre-activations when the weights are replaced and
    the network is run again (a real step; the label is then drawn, y = +-1).
    """

    def block_size(self, problem: Problem) -> int:
        """As many networks as have about a million weights together, 1 to 64."""
        return int(np.clip(_BLOCK_WEIGHTS // problem.weights, 1, _LARGEST_BLOCK))

    def cost(self, network: MLP) -> int:
        """Weights of one network."""
        return sum(int(p) * int(q) for p, q in pairwise(network.widths))

    def planned_samples(self, network: MLP) -> int:
        """As many networks as have 4e8 weights together, 64 to 20,000."""
        return min(max(400_000_000 // self.cost(network), 64), 20_000)

    def check(self, problem: Problem) -> None:
        """Refuse networks whose weights do not fit in 4 GiB."""
        if problem.weights > _MOST_WEIGHTS:
            raise InvalidArgument(
                f"expected at most {_MOST_WEIGHTS:,} weights in a network for sampler=Dense(), "
                f"got {problem.weights:,}; give a smaller width or depth"
            )

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((len(problem.parts), count, problem.layers.size))
        chunk = int(np.clip(_CHUNK_WEIGHTS // problem.weights, 1, count))
        normals = np.empty((chunk, problem.weights + int(problem.widths[-1])))
        for start in range(0, count, chunk):
            networks = normals[: min(chunk, count - start)]
            stream.standard_normal(out=networks)
            logs[:, start : start + len(networks)] = _run(problem, stream, networks)
        return logs


def _run(problem: Problem, stream: np.random.Generator, normals: FloatArray) -> FloatArray:
    """One chunk of networks, given their weights."""
    logs = np.empty((len(problem.parts), len(normals), problem.layers.size))
    scales = kernel_scales(problem)
    if problem.step is None:
        linearised(normals, scales, problem.layers, logs)
        return logs
    labels = 2.0 * stream.integers(0, 2, len(normals)) - 1.0
    real_step(normals, labels, scales, problem.step, problem.layers, logs)
    return logs


def kernel_scales(problem: Problem) -> Scales:
    """A problem as the compiled passes take it."""
    return Scales(
        at=offsets(problem.widths[1:] * problem.widths[:-1]),
        rows=offsets(problem.widths),
        weight_sd=problem.weight_sd,
        readout_sd=problem.readout_sd,
        slope=problem.slope,
        rates=problem.rates,
        input_norm=problem.input_norm,
    )
