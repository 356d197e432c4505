"""This module times a given standard error of the total's mean, and gives the z of the result."""

from __future__ import annotations

from math import ceil
from time import perf_counter

from bench.contest import sampler_step
from bench.plan import Plan
from bench.rows import Row, Section, Wanted
from bench.timing import Timing
from theory import MLP, squared_update
from verify import Gram, monte_carlo
from verify.samplers.sampler import Sampler

__all__ = ["exact_spread", "precision_runs"]

_PILOT = 20_000
"""Networks that tell the spread where no exact one is known."""


def exact_spread(network: MLP) -> float:
    """Relative standard deviation of the total of one plainly sampled network, exactly."""
    return float(squared_update(network).relative_standard_deviation())


def precision_runs(plan: Plan) -> Section:
    """Gram() with its number of networks from the theory; RareEvents() with a pilot's."""
    return Section("time to a standard error of the total", "", (_plain(plan), _rare(plan)))


def _plain(plan: Plan) -> Row:
    width, depth, error = plan.plain
    network = MLP(width, depth)
    monte_carlo(network, samples=sampler_step(network, Gram()), seed=2)
    samples = ceil((exact_spread(network) / error) ** 2)
    return _timed(network, Gram(), samples, error, Wanted(10), 0.0)


def _rare(plan: Plan) -> Row:
    """The pilot is part of the time."""
    from verify.samplers.rare_events.sampler import RareEvents

    width, depth, error = plan.rare
    network, sampler = MLP(width, depth), RareEvents()
    monte_carlo(network, samples=sampler_step(network, sampler), seed=2, sampler=sampler)
    start = perf_counter()
    pilot = monte_carlo(network, samples=_PILOT, seed=3, sampler=sampler)
    spent = perf_counter() - start
    spread = pilot.standard_error / pilot.mean * _PILOT**0.5
    samples = max(ceil((spread / error) ** 2), _PILOT)
    return _timed(network, sampler, samples, error, Wanted(60), spent)


def _timed(
    network: MLP, sampler: Sampler, samples: int, error: float, wanted: Wanted, spent: float
) -> Row:
    """One run, once: ``spent`` seconds went before it.

    Sound where the error is reached, within 10 %, and the mean within 4 of them of the exact one.
    """
    start = perf_counter()
    estimate = monte_carlo(network, samples=samples, seed=1, sampler=sampler)
    seconds = spent + perf_counter() - start
    size = f"({int(network.widths[-1]):,}, {network.layers:,}) to {error:.1%}"
    reached = estimate.standard_error / estimate.mean
    exact = float(squared_update(network).evaluate(30))
    z = (estimate.mean - exact) / estimate.standard_error
    kept = {"samples": samples, "relative_standard_error": reached, "z": z}
    sound = bool(reached < 1.1 * error and abs(z) < 4)
    figure = Timing((seconds,))
    return Row(repr(sampler), size, figure, "s", wanted=wanted, sound=sound, more=kept)
