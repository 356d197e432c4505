"""A `Sampling` is everything drawn for one cell: configuration, seed, samples, and their blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from verify.inference.estimate import Block, Estimate, merge, sum_block
from verify.numerics.software import this_software
from verify.numerics.streams import KEPT_SAMPLES, block_stream
from verify.runs.configuration import Configuration, problem_of
from verify.samplers.places import moved_letters
from verify.samplers.rare_events.sampler import RareEvents

__all__ = ["Sampling", "draw_blocks"]


@dataclass(frozen=True)
class Sampling:
    """``samples`` networks of one configuration, keyed by ``seed``.

    Law: sizes and number of the blocks, and whether samples are kept, are functions of this value
    alone, however it is used; so each block's bits are a function of (value, index).

    >>> from theory import MLP
    >>> from verify.runs.configuration import configuration
    >>> sampling = Sampling(configuration(MLP(8, 2)), seed=1, samples=20_000)
    >>> [sampling.count(block) for block in range(sampling.blocks)]
    [8192, 8192, 3616]
    """

    configuration: Configuration
    seed: int
    samples: int

    @cached_property
    def block_size(self) -> int:
        """Networks in a block; the last may have fewer."""
        return self.configuration.sampler.block_size(problem_of(self.configuration))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.samples // self.block_size)

    def count(self, block: int) -> int:
        """Networks in one block."""
        return min(self.block_size, self.samples - block * self.block_size)

    @property
    def keep(self) -> bool:
        """Whether the samples themselves are kept, for quantiles."""
        few = self.samples * len(self.configuration.layers) <= KEPT_SAMPLES
        asked = self.configuration
        return asked.sampler.draws_networks and asked.observable is None and few

    @property
    def _unkept(self) -> str:
        """Why samples are not kept, with a remedy."""
        asked = self.configuration
        if asked.observable is not None:
            return (
                "of an observable only sums are kept; derive(observable, network).variance() is "
                "its exact variance over networks"
            )
        if not asked.sampler.draws_networks:
            return f"{asked.sampler!r} keeps weighted means; give sampler=Gram()"
        most = KEPT_SAMPLES // len(asked.layers)
        return (
            f"{self.samples:,} samples of {len(asked.layers)} layers are too many to keep; give "
            f"at most {most:,} samples"
        )

    def estimate(self, blocks: list[Block], *, scalar: bool) -> Estimate:
        """All blocks, or the first of them, merged in order; ``scalar``: one layer by number."""
        asked = self.configuration
        makers = {block.software for block in blocks if block.software is not None}
        return Estimate(
            parts={
                name: replace(part, unkept=self._unkept)
                for name, part in merge(blocks, problem_of(asked).parts, scalar=scalar).items()
            },
            samples=sum(block.samples for block in blocks),
            seed=self.seed,
            layer=asked.layers[0] if scalar else asked.layers,
            step=asked.step,
            observable=asked.observable,
            weighted=not asked.sampler.draws_networks,
            untrained=asked.untrained,
            names=asked.names,
            moved=moved_letters(asked.names),
            network=asked.network,
            rates=asked.rates,
            optimiser=asked.optimiser,
            rare=RareEvents().draws_network(problem_of(asked)),
            software=tuple(sorted(makers, key=lambda each: each.text)),
        )


def draw_blocks(
    configuration: Configuration, seed: int, counts: Mapping[int, int], keep: bool
) -> list[Block]:
    """The blocks of one cell, with ``counts`` samples by block number, and the software that drew
    them; a function of its arguments that any machine can run."""
    problem, sampler = problem_of(configuration), configuration.sampler

    def drawn(block: int) -> Block:
        stream, count = block_stream(seed, block), counts[block]
        if problem.observable is None:
            return sum_block(sampler.sample(problem, stream, count), keep=keep)
        signs, logs = sampler.observe(problem, stream, count)
        return sum_block(logs[None], signs[None])

    return [replace(drawn(block), software=this_software()) for block in counts]
