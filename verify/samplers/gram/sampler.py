"""`Gram` draws norms and inner products alone, at a cost that does not depend on the width."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.words.observables import checked_observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import LARGEST_BLOCK
from verify.numerics.variates import new_stream
from verify.samplers.gram.leaky_passes import leaky_scales, leaky_updates, leaky_workspace
from verify.samplers.gram.relu_passes import lanes_at, relu_scales, relu_updates, relu_workspace
from verify.samplers.observing import Signed, powers_in, words_of_updates
from verify.samplers.problem import Problem
from verify.samplers.sampler import Cost, Sampler, Share

__all__ = ["Gram"]

_RELU_BYTES, _LEAKY_BYTES, _MOST_BYTES = 1280, 15_360, 3 * 2**28
"""Room that the passes take for a layer of a very deep network, and at most in a thread."""
_ROOM = threading.local()


@answered_class
@dataclass(frozen=True)
class Gram(Sampler):
    """The same law as `Dense` from O(1) draws a layer, at any width up to 10^9.

    Chi-square, normal and binomial draws replace the weights: docs/sampler-proofs.md has the proof.
    Linearised updates only.

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
        return max(super().block_size(problem), lanes_at(problem.rates.size))

    def cost(self, network: Network) -> int:
        """Layers of one network.

        >>> from theory import MLP
        >>> from verify import Gram
        >>> Gram().cost(MLP(width=64, depth=4))
        4
        """
        return network.layers

    def _draws_word(self, word: Word) -> bool:
        return powers_in(word) is not None

    def _words(self, problem: Problem, stream: np.random.Generator, count: int) -> list[Signed]:
        logs = self.sample(problem, stream, count)
        return words_of_updates(checked_observable(problem.observable), problem.widths_asked, logs)

    def check(self, problem: Problem) -> None:
        """Refuse real steps, and depths whose room would take more than 0.75 GB a thread."""
        super().check(problem)
        depth, each = problem.rates.size, _LEAKY_BYTES if problem.slope > 0 else _RELU_BYTES
        if depth * each > _MOST_BYTES:
            raise InvalidArgument(
                f"expected a depth of at most {_MOST_BYTES // each:,} for {self!r} with this "
                f"activation, got depth={depth:,}, which would take {depth * each / 2**30:.1f} GB "
                f"in each thread; give a smaller depth"
            )

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((2, count, problem.layers.size))
        updates = leaky_updates if problem.slope > 0 else relu_updates
        updates(new_stream(stream), *_room(problem), logs)
        return logs


def _room(problem: Problem) -> tuple[Any, Any]:
    """This thread's scales and room for layers, kept from one block of a problem to the next."""
    if getattr(_ROOM, "problem", None) is not problem:
        depth = problem.rates.size
        if problem.slope > 0:
            _ROOM.room = leaky_scales(problem), leaky_workspace(depth)
        else:
            _ROOM.room = relu_scales(problem), relu_workspace(depth)
        _ROOM.problem = problem
    room: tuple[Any, Any] = _ROOM.room
    return room
