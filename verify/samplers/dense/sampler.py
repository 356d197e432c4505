"""`Dense` draws literal networks, every weight of them, and runs every pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.networks.sites import Cell
from theory.words.observables import checked_observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray
from verify.numerics.variates import new_stream
from verify.samplers.dense.layerwise import LiteralMatrices
from verify.samplers.dense.observing import dense_factors, factors_in_codes, matrices
from verify.samplers.dense.passes import dense_updates
from verify.samplers.dense.sites import site_scales, site_updates
from verify.samplers.dense.weights import drawn_weights
from verify.samplers.layerwise.updates import layerwise_updates
from verify.samplers.observing import Signed, factors_of, product_of
from verify.samplers.problem import Problem
from verify.samplers.sampler import Cost, Limit, Sampler, Share
from verify.samplers.vectors import vector_scales

__all__ = ["Dense"]

_MOST_PRODUCTS = 2**36
"""Of two numbers, in the kernel matrices of one network: about half a minute."""


@answered_class
@dataclass(frozen=True)
class Dense(Sampler):
    """Literal networks, for linearised and real steps: O(width^2 depth) time per network.

    The memory is O(width depth).  Every weight is drawn; the update is the true gradient pushed
    forward (linearised), or the change of the pre-activations when the weights are replaced and the
    network is run again (a real step; the label is then drawn, y = +-1).  Weights are normals in
    single precision, to 6.66 standard deviations, from a counter-based generator, drawn again where
    a later pass needs them; sums are in double precision.

    >>> from theory import MLP
    >>> from verify import Dense, monte_carlo
    >>> monte_carlo(MLP(32, 4), samples=1000, seed=1, sampler=Dense()).label
    25.12 ± 0.99 over 1,000 samples
    """

    name = label = "dense"
    seconds = Cost(unit=3.4e-10, neuron=1.9e-07, layer=1.9e-06)
    planned = Share(units=2_000_000_000, least=64, most=20_000)
    _block = Share(units=2**20, least=1, most=64)
    _draws_neurons = True
    _limit = Limit(2**33, "weights", instead="Conditioned()")
    draws = "every observable"

    def cost(self, network: Network) -> int:
        """Weights of one network.

        >>> from theory import MLP
        >>> from verify import Dense
        >>> Dense().cost(MLP(width=64, depth=4))
        16384
        """
        return _weights(network)

    def draws_network(self, problem: Problem) -> bool:
        """Every network that lowers to sites; an MLP or a Residual of any activation."""
        return problem.is_plain or problem.is_layerwise

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((len(problem.parts), count, problem.layers.size))
        labels = np.asarray(2.0 * stream.integers(0, 2, count) - 1.0, dtype=np.float64)
        step = problem.step or 0.0
        with drawn_weights(problem, stream) as weights:
            if problem.is_layerwise:
                draws = new_stream(stream)
                layerwise_updates(problem, draws, labels, logs, LiteralMatrices(weights, draws))
            elif problem.sites.is_chain:
                scales = vector_scales(problem)
                dense_updates(scales, weights, labels, step, problem.layers, logs)
            else:
                sites = site_scales(problem)
                site_updates(sites, weights, labels, step, problem.layers, logs)
        return logs

    def check(self, problem: Problem) -> None:
        """Refuse networks of too many weights, or of kernel matrices that take too long."""
        super().check(problem)
        products = _kernel_products(problem)
        if products > _MOST_PRODUCTS:
            raise InvalidArgument(
                f"expected at most {_MOST_PRODUCTS:,} products of two numbers for the kernel "
                f"matrices of one network, got {products:,}; give a smaller width or depth"
            )

    def block_size(self, problem: Problem) -> int:
        """As many networks as have 2^20 weights together, or half a second's kernel matrices."""
        share = Share(units=2**29, least=1, most=64)
        return min(super().block_size(problem), share.networks(max(_kernel_products(problem), 1)))

    def _draws_word(self, word: Word) -> bool:
        return True

    def _words(self, problem: Problem, stream: np.random.Generator, count: int) -> list[Signed]:
        observable = checked_observable(problem.observable)
        names = factors_of(observable)
        signs, logs = np.empty((2, len(names), count, problem.layers.size))
        stream.integers(0, 2, count)  # labels, so that networks are those of `sample`
        room = matrices(int(problem.widths.max()), _kernel_products(problem) > 0)
        with drawn_weights(problem, stream) as weights:
            scales, factors = vector_scales(problem), factors_in_codes(names)
            dense_factors(scales, weights, factors, problem.layers, room, signs, logs)
        drawn = Signed(signs, logs)
        return [product_of(word, names, drawn) for word, _ in observable.terms]


@lru_cache(maxsize=64)
def _weights(network: Network) -> int:
    """All weights of a network but those of the readout; shared weights count once."""
    return sum(count * _weights_of(cell) for cell, count in network._cells(None))


def _weights_of(cell: Cell) -> int:
    sites = [site for step in cell for site in step]
    return sum(
        {
            edge.weights or (site.name, number): int(site.width) * int(edge.fan_in)
            for site in sites
            for number, edge in enumerate(site.edges)
        }.values()
    )


def _kernel_products(problem: Problem) -> int:
    """Products of two numbers in the kernel matrices of one network; 0 where none is wanted."""
    observable = problem.observable
    if observable is None or not any("K" in factor for factor in factors_of(observable)):
        return 0
    last = int(problem.layers.max())
    return sum(
        2 * int(p) * int(q) * max(int(p), int(q)) for p, q in pairwise(problem.widths[: last + 1])
    )
