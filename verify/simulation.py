"""`monte_carlo`: blocks of samples on threads, merged in order into one estimate."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from numbers import Integral

from theory.network import MLP, InvalidArgument
from verify.estimate import Block, Estimate, merge, sum_block
from verify.gram import Gram
from verify.problem import Problem, numeric_problem
from verify.samplers import Sampler
from verify.streams import block_counts, block_stream, checked_samples, checked_seed

__all__ = ["monte_carlo"]

Progress = Callable[[int], None]

_KEPT_SAMPLES = 2**22
"""Samples, times layers, that are kept for quantiles: about 100 MB."""


def monte_carlo(
    network: MLP,
    *,
    samples: int,
    seed: int,
    sampler: Sampler = Gram(),
    layer: object = None,
    rates: object = None,
    step: float | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Measure E[(Delta z)^2]/eta^2 on ``samples`` random networks.

    ``sampler``: `Gram` (any width, linearised), `Conditioned` or `Dense`, all of one law.
    ``layer``: None for the last hidden layer, an int, or a tuple or range of ints, all measured
    on the same networks; results then have shape ``(layers,)``.  ``rates``: one multiplier of eta
    per hidden layer.  ``step``: None for the linearised update, averaged over the label exactly;
    a learning rate for a real gradient step with drawn labels, its mean square over rate squared.
    ``executor``: any `concurrent.futures.Executor`; None for a thread per core.  ``progress`` is
    called with the number of networks of each finished block.  Medians and quantiles over networks
    come with the means for up to 4,194,304 samples times layers.

    The result is the same, bit for bit, for any number of threads or processes.  Raises
    `InvalidArgument` for arguments of another kind, and for networks too large for ``sampler``.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> estimate = monte_carlo(MLP(width=8, depth=2), samples=4000, seed=1)
    >>> abs(estimate.label.mean - 29 / 8) < 5 * estimate.label.standard_error
    True
    """
    if not isinstance(sampler, Sampler):
        raise InvalidArgument(
            f"expected a sampler, got sampler={sampler!r}; give Gram(), Conditioned() or Dense()"
        )
    problem = numeric_problem(network, layer=layer, rates=rates, step=step)
    sampler.check(problem)
    counts = block_counts(checked_samples(samples), sampler.block_size(problem))
    keep = sampler.draws_networks and int(samples) * problem.layers.size <= _KEPT_SAMPLES
    run = partial(_run_block, problem, sampler, checked_seed(seed), keep)
    blocks = _run_all(run, counts, executor, progress or _silent)
    scalar = layer is None or isinstance(layer, Integral)
    return Estimate(merge(blocks, problem.parts, scalar=scalar), samples, seed)


def _run_block(
    problem: Problem, sampler: Sampler, seed: int, keep: bool, block: int, count: int
) -> Block:
    return sum_block(sampler.sample(problem, block_stream(seed, block), count), keep=keep)


def _run_all(
    run: Callable[[int, int], Block],
    counts: list[int],
    executor: Executor | None,
    progress: Progress,
) -> list[Block]:
    """All blocks in order; on an interrupt those not begun are dropped."""
    pool = executor or ThreadPoolExecutor(os.cpu_count())
    futures = [pool.submit(run, block, count) for block, count in enumerate(counts)]
    try:
        blocks = []
        for future in futures:
            blocks.append(future.result())
            progress(blocks[-1].samples)
        return blocks
    finally:
        for future in futures:
            future.cancel()
        if executor is None:
            pool.shutdown()


def _silent(_: int) -> None:
    """No progress."""
