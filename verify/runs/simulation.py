"""`monte_carlo` draws blocks of samples on any executor and merges them into one estimate."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from theory.coverage import answered
from theory.errors import InvalidArgument
from theory.networks.inputs import Inputs
from theory.networks.network import Network
from theory.optimisers import GradientDescent, Optimiser
from theory.waiting import announced
from theory.words.observables import Observable
from verify.inference.estimate import Estimate
from verify.numerics.streams import checked_samples, checked_seed
from verify.runs.blocks import in_memory
from verify.runs.configuration import configuration
from verify.runs.execution import Execution, Watch, checked_progress
from verify.runs.sampling import Sampling
from verify.runs.store import kept_in
from verify.samplers.gram.sampler import Gram
from verify.samplers.places import places_of
from verify.samplers.sampler import Sampler

__all__ = ["monte_carlo"]

Progress = Callable[[Any], None]


@answered
def monte_carlo(
    network: Network,
    *,
    samples: int,
    seed: int,
    sampler: Sampler = Gram(),
    layer: object = None,
    rates: object = None,
    step: float | None = None,
    observable: Observable | None = None,
    optimiser: Optimiser = GradientDescent(),
    inputs: Inputs | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    store: str | Path | None = None,
) -> Estimate:
    """Measure E[(Delta z)^2]/eta^2, or the mean of an ``observable``, on random networks.

    ``sampler``: `Gram` (any width, linearised), `Conditioned` or `Dense`, all of one law; or
    `RareEvents`, weighted samples whose mean is reliable at any depth (linearised).
    ``layer``: None for the last hidden layer, an int, or a tuple or range of ints, all measured
    on the same networks; results then have shape ``(layers,)``.  ``rates``: one multiplier of eta
    per hidden layer.  For a `Residual`, ``layer`` is a block from 0 to B, after which the stream is
    measured, or ``Branch(block)``, and ``rates`` is `ByRole`, or one multiplier for each block.
    For a `Graph`, ``layer`` is a vertex name and ``rates`` maps edges to multipliers; for a
    `Convolution`, ``layer`` is (layer, position).
    ``step``: None for the linearised update, averaged over the label exactly; a learning rate for
    a real gradient step with drawn labels, its mean square divided by the squared rate.
    ``observable``: built from `theory.observables`, as for `theory.derive`; `Dense` draws every
    observable, and the attribute ``draws`` names the observables of another sampler.
    ``optimiser``: the rule of the step, from `theory`; ``inputs``: `theory.Inputs`, for another
    |x|^2 or |x|_1.  `Conditioned` and `Dense` draw other optimisers than gradient descent, any
    activation, drawn biases, norms and branches, of an `MLP` or a `Residual`.
    ``executor``: any `concurrent.futures.Executor`; None for a thread per core.  ``progress`` is
    called with the number of networks of each finished block.  ``store``: a file that keeps the
    finished blocks, made if it is absent; its blocks are not drawn again (docs/runs.md).
    Medians and quantiles over networks come with the means for up to 4,194,304 samples times
    layers.

    The result is the same, bit for bit, for any number of threads or processes.  Raises
    `InvalidArgument` for arguments of another kind, and for networks too large for ``sampler``;
    `UnusableFolder` for a store that cannot be used, `LostWorkers` if ``executor`` breaks down.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> estimate = monte_carlo(MLP(width=8, depth=2), samples=4000, seed=1)
    >>> abs(estimate.label.mean - 29 / 8) < 5 * estimate.label.standard_error
    True
    >>> from theory.observables import K, trace
    >>> from verify import Dense
    >>> monte_carlo(MLP(8, 2), observable=trace(K @ K), samples=4000, seed=1, sampler=Dense())
    E[tr(K²)] over 4,000 samples, seed 1
    total  3655 ± 50
    """
    if not isinstance(executor, Executor | None):
        raise InvalidArgument(
            f"expected a concurrent.futures.Executor for executor, got executor={executor!r}; give "
            f"ThreadPoolExecutor(2), or leave it out"
        )
    if not isinstance(store, str | Path | None):
        raise InvalidArgument(
            f"expected the name of a file for store, got store={store!r}; give 'blocks.sqlite'"
        )
    checked_progress(progress)
    with announced("simulation") as done:
        asked = configuration(
            network,
            layer=layer,
            rates=rates,
            step=step,
            sampler=sampler,
            observable=observable,
            optimiser=optimiser,
            inputs=inputs,
        )
        sampling = Sampling(asked, checked_seed(seed), checked_samples(samples))
        drawn = 0

        def advance(_: int, finished: int) -> None:
            nonlocal drawn
            drawn += finished
            done(drawn / sampling.samples)
            if progress is not None:
                progress(finished)

        store_of_blocks = in_memory if store is None else kept_in(store)
        how = Execution(executor, store=store_of_blocks, watch=Watch(advance))
        (blocks,) = how.run([sampling])
        return sampling.estimate(blocks, scalar=places_of(network).is_one(layer))
