"""`Gram`: norms and inner products alone, at a cost that does not depend on the width."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from theory.network import MLP
from verify.draws import new_stream
from verify.gram_kernels import gram_updates
from verify.gram_relu_kernels import relu_updates
from verify.gram_relu_state import LAYER, relu_scales
from verify.gram_state import LANES, gram_scales, workspace
from verify.problem import FloatArray, Problem
from verify.samplers import Sampler, check_inner_products

__all__ = ["Gram"]

_BLOCK_LAYERS = 2**15
_LARGEST_BLOCK = 1024
_WIDEST = 10**9
_ROOM = threading.local()


@dataclass(frozen=True)
class Gram(Sampler):
    """The same law as `Dense` from O(1) draws a layer, at any width up to 10^9.

    Chi-square, normal and binomial draws replace the weights: docs/conditioning.md has the proof.
    Linearised updates only.
    """

    def block_size(self, problem: Problem) -> int:
        """As many networks as have 32,768 layers together, 128 to 1,024."""
        depth = problem.widths.size - 1
        return int(np.clip(_BLOCK_LAYERS // depth, LANES, _LARGEST_BLOCK))

    def cost(self, network: MLP) -> int:
        """Layers of one network."""
        return network.layers

    def planned_samples(self, network: MLP) -> int:
        """As many networks as have 2e7 layers together, 1,000 to 200,000."""
        return min(max(20_000_000 // self.cost(network), 1_000), 200_000)

    def check(self, problem: Problem) -> None:
        """Refuse real steps, and widths above 10^9."""
        check_inner_products(problem, self, _WIDEST)

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((2, count, problem.layers.size))
        if problem.slope > 0:
            layers, others = _workspace(problem)
            scales = gram_scales(problem)
            gram_updates(new_stream(stream), scales, layers, others, problem.layers, logs)
        else:
            rows = np.empty((problem.widths.size, LAYER))
            relu_updates(new_stream(stream), relu_scales(problem), rows, problem.layers, logs)
        return logs


def _workspace(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """This thread's room for layers, kept from one block to the next of the same shape."""
    shape = problem.widths.size, problem.slope > 0
    if getattr(_ROOM, "shape", None) != shape:
        _ROOM.shape, _ROOM.arrays = shape, workspace(*shape)
    arrays: tuple[FloatArray, FloatArray] = _ROOM.arrays
    return arrays
