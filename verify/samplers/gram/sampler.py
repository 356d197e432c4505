"""`Gram` draws norms and inner products alone, at a cost that does not depend on the width."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.words.observables import checked_observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import LARGEST_BLOCK
from verify.numerics.variates import new_stream
from verify.samplers.blocks import has_blocks
from verify.samplers.gram.leaky_passes import leaky_scales, leaky_updates, leaky_workspace
from verify.samplers.gram.relu_passes import lanes_at, relu_scales, relu_updates, relu_workspace
from verify.samplers.gram.residual_passes import residual_updates
from verify.samplers.gram.residual_state import residual_scales, residual_workspace
from verify.samplers.observing import Signed, powers_in, words_of_updates
from verify.samplers.problem import Problem
from verify.samplers.sampler import Cost, Sampler, Share

__all__ = ["Gram"]

_RELU_BYTES, _OTHER_BYTES, _MOST_BYTES = 1280, 15_360, 3 * 2**28
"""Room that the passes take for a layer of a very deep network, with a slope or in a residual
block, and at most in a thread."""
_LAYERS_OF_A_BLOCK = 16
"""Layers of ReLU that take as long as a residual block."""
_ROOM = threading.local()


@answered_class
@dataclass(frozen=True)
class Gram(Sampler):
    """Samples the law of `Dense` with O(1) draws a layer or residual block, at widths to 10^9.

    Chi-square, normal and binomial draws replace the weights: docs/sampler-proofs.md has the proof.
    The sampler draws linearised updates only.

    >>> from theory import MLP
    >>> from verify import Gram, monte_carlo
    >>> monte_carlo(MLP(10**6, 4), samples=2000, seed=1, sampler=Gram()).label
    22.0018 ± 0.0031 over 2,000 samples
    """

    name = label = "gram"
    seconds = Cost(unit=1.6e-08, network=1.5e-08)
    planned = Share(units=20_000_000, least=1_000, most=200_000)
    _block = Share(units=2**17, least=1, most=LARGEST_BLOCK)
    draws = "products of g @ K @ K @ g, at least one, and of f**2"

    def block_size(self, problem: Problem) -> int:
        """As many networks as have 131,072 layers together, at most 8,192, at least as many as go
        through a layer together."""
        return max(super().block_size(problem), lanes_at(problem.network.layers))

    def cost(self, network: Network) -> int:
        """Layers of one network; a residual block counts as 16, by the time it takes.

        >>> from theory import MLP
        >>> from verify import Gram
        >>> Gram().cost(MLP(width=64, depth=4))
        4
        """
        return network.layers * (_LAYERS_OF_A_BLOCK if isinstance(network, Residual) else 1)

    def draws_network(self, problem: Problem) -> bool:
        """Chains of layers, and residual networks, of piecewise linear activations."""
        return super().draws_network(problem) or (problem.is_plain and has_blocks(problem))

    def _draws_word(self, word: Word) -> bool:
        return powers_in(word) is not None

    def _words(self, problem: Problem, stream: np.random.Generator, count: int) -> list[Signed]:
        logs = self.sample(problem, stream, count)
        return words_of_updates(checked_observable(problem.observable), problem.widths_asked, logs)

    def check(self, problem: Problem) -> None:
        """Refuse real steps, and depths whose room would take more than 0.75 GB a thread."""
        super().check(problem)
        depth, blocks = problem.network.layers, has_blocks(problem)
        each = _OTHER_BYTES if blocks or problem.slope > 0 else _RELU_BYTES
        name = "blocks" if blocks else "depth"
        if depth * each > _MOST_BYTES:
            raise InvalidArgument(
                f"expected {name} of at most {_MOST_BYTES // each:,} for {self!r} with this "
                f"network, got {name}={depth:,}, which would take {depth * each / 2**30:.1f} GB "
                f"in each thread; give a smaller number"
            )

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((2, count, problem.layers.size))
        updates, scales, workspace = _room(problem)
        updates(new_stream(stream), scales, workspace, logs)
        return logs


def _room(problem: Problem) -> tuple[Any, Any, Any]:
    """The passes, with this thread's scales and room for layers, which are kept from one block of a
    problem to the next."""
    if getattr(_ROOM, "problem", None) is not problem:
        depth = problem.network.layers
        if has_blocks(problem):
            _ROOM.room = residual_updates, residual_scales(problem), residual_workspace(depth)
        elif problem.slope > 0:
            _ROOM.room = leaky_updates, leaky_scales(problem), leaky_workspace(depth)
        else:
            _ROOM.room = relu_updates, relu_scales(problem), relu_workspace(depth)
        _ROOM.problem = problem
    room: tuple[Any, Any, Any] = _ROOM.room
    return room
