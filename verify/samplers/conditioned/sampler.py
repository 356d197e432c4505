"""`Conditioned` draws the neurons of networks and no weight matrix, by Gaussian conditioning."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.optimisers import SignDescent
from theory.validation import brief
from theory.words.observables import checked_observable
from theory.words.word import Word
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_counts, block_stream, checked_samples, checked_seed
from verify.numerics.variates import new_stream
from verify.samplers.blocks import blocks_of, has_blocks
from verify.samplers.conditioned.observing import conditioned_factors, in_codes, is_held
from verify.samplers.conditioned.passes import conditioned_neurons, conditioned_updates
from verify.samplers.conditioned.residual_passes import new_residuals, residual_updates
from verify.samplers.conditioned.state import new_state
from verify.samplers.layerwise.updates import layerwise_updates
from verify.samplers.observing import Signed, factors_of, product_of
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.sampler import Cost, Limit, Sampler, Share
from verify.samplers.vectors import vector_scales

__all__ = ["Conditioned", "Neurons"]

_KEPT_NEURONS = 2**27
"""Pre-activations that are kept; they and their changes have 2 GB."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """One layer of networks drawn by `verify.Conditioned`.

    ``z``: pre-activations, shape ``(networks, width)``.  ``change``: of z, the same shape: to
    first order at eta = 1, or of a real step.  ``output``: f, ``label``: y, shape ``(networks,)``.

    >>> from theory import MLP
    >>> from verify import Conditioned
    >>> Conditioned().neurons(MLP(64, 2), samples=100, seed=1)
    Neurons of a layer of width 64 of 100 networks: mean square 2.006 of z, 3.022 of its change
    """

    z: FloatArray
    change: FloatArray
    output: FloatArray
    label: FloatArray

    def __repr__(self) -> str:
        networks, width = self.z.shape
        return (
            f"Neurons of a layer of width {width:,} of {networks:,} networks: mean square "
            f"{np.mean(self.z**2):.4g} of z, {np.mean(self.change**2):.4g} of its change"
        )


@answered_class
@dataclass(frozen=True)
class Conditioned(Sampler):
    """The law of `Dense` from O(width) draws per layer or block, for linearised and real steps.

    Each weight matrix enters only through W x, W^T g and W y; each is drawn given the earlier
    products: docs/sampler-proofs.md has the proof.

    >>> from theory import MLP
    >>> from verify import Conditioned, monte_carlo
    >>> monte_carlo(MLP(32, 4), samples=1000, seed=1, sampler=Conditioned()).label
    26.7 ± 1.1 over 1,000 samples
    """

    name = label = "conditioned"
    seconds = Cost(unit=8.4e-10, layer=3.5e-07, network=1.7e-06)
    planned = Share(units=100_000_000, least=64, most=20_000)
    _block = Share(units=2**22, least=1, most=1024)
    _draws_neurons = True
    _limit = Limit(2**27, "neurons", instead="Gram()")
    draws = "products of trace(D) and of u @ v, u @ D @ v, … with u and v out of z, g and K @ g"

    def cost(self, network: Network) -> int:
        """Neurons of one network.

        >>> from theory import MLP
        >>> from verify import Conditioned
        >>> Conditioned().cost(MLP(width=64, depth=4))
        256
        """
        return sum(
            count * sum(int(site.width) for step in cell for site in step)
            for cell, count in network._cells(None)
        )

    def draws_network(self, problem: Problem) -> bool:
        """Chains of layers of any activation, and residual networks."""
        plain = super().draws_network(problem) or (problem.is_plain and has_blocks(problem))
        return plain or (problem.is_layerwise and not _is_entrywise(problem))

    def sample(self, problem: Problem, stream: np.random.Generator, count: int) -> FloatArray:
        """See `Sampler.sample`."""
        logs = np.empty((len(problem.parts), count, problem.layers.size))
        labels, step = _labels(stream, count), problem.step or 0.0
        draws = new_stream(stream)
        if problem.is_layerwise:
            layerwise_updates(problem, draws, labels, logs)
        elif has_blocks(problem):
            room = new_residuals(blocks_of(problem), step)
            residual_updates(draws, room, step, labels, problem.layers, logs)
        else:
            scales = vector_scales(problem)
            state = new_state(scales, step)
            conditioned_updates(draws, scales, state, step, labels, problem.layers, logs)
        return logs

    def _draws_word(self, word: Word) -> bool:
        return all(map(is_held, word))

    def _words(self, problem: Problem, stream: np.random.Generator, count: int) -> list[Signed]:
        observable = checked_observable(problem.observable)
        names = factors_of(observable)
        signs, logs = np.empty((2, len(names), count, problem.layers.size))
        _labels(stream, count)  # so that networks are those of `sample`
        scales, draws = vector_scales(problem), new_stream(stream)
        room = new_state(scales, 0.0)
        conditioned_factors(draws, scales, room, in_codes(names), problem.layers, signs, logs)
        return [product_of(word, names, Signed(signs, logs)) for word, _ in observable.terms]

    def neurons(
        self,
        network: Network,
        *,
        samples: int,
        seed: int,
        layer: int | None = None,
        rates: object = None,
        step: float | None = None,
    ) -> Neurons:
        """The neurons of one layer of ``samples`` random networks, for any function of them.

        ``layer``: None for the last hidden layer.  ``rates``, ``step``: as in
        `verify.monte_carlo`, whose networks for the same seed these are.  Raises `InvalidArgument`.

        >>> from theory import MLP
        >>> from verify import Conditioned
        >>> drawn = Conditioned().neurons(MLP(width=50, depth=3), samples=4, seed=1)
        >>> drawn.z.shape, drawn.change.shape, drawn.label.shape
        ((4, 50), (4, 50), (4,))
        """
        problem = numeric_problem(network, layer=layer, rates=rates, step=step)
        if not (problem.is_plain and problem.sites.is_chain):
            raise InvalidArgument(
                f"expected an MLP for network, of a piecewise linear activation without biases and "
                f"norms, got network={brief(network)}; give MLP(50, 3), or "
                f"use monte_carlo, which measures the mean squares of other networks"
            )
        samples, seed, at = checked_samples(samples), checked_seed(seed), int(problem.layers[0])
        if isinstance(layer, tuple | range):
            raise InvalidArgument(f"expected one layer, got layer={layer!r}; give an int or None")
        shape = (samples, int(problem.widths[at]))
        self.check(problem)
        if prod(shape) > _KEPT_NEURONS:
            raise InvalidArgument(
                f"expected at most {_KEPT_NEURONS:,} neurons, of all samples together, got samples="
                f"{samples:,} of a layer of width {shape[1]:,}; give fewer samples, or use "
                f"monte_carlo, which keeps the mean squares alone"
            )
        z, change = np.empty(shape), np.empty(shape)
        outputs, labels, start = np.empty(samples), np.empty(samples), 0
        scales = vector_scales(problem)
        room = new_state(scales, problem.step or 0.0)
        for block, count in enumerate(block_counts(samples, self.block_size(problem))):
            here, stream = slice(start, start + count), block_stream(seed, block)
            labels[here] = _labels(stream, count)
            drawn = labels[here], at, z[here], change[here], outputs[here]
            conditioned_neurons(new_stream(stream), scales, room, problem.step or 0.0, *drawn)
            start += count
        return Neurons(z, change, outputs, labels)


def _is_entrywise(problem: Problem) -> bool:
    """Whether the step of a weight is no product of a number of its row and one of its column."""
    rule = problem.optimiser.unscaled
    return isinstance(rule, SignDescent) and rule.epsilon != 0


def _labels(stream: np.random.Generator, count: int) -> FloatArray:
    """Labels +-1 with equal chance."""
    return np.asarray(2.0 * stream.integers(0, 2, count) - 1.0)
