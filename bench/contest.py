"""Our samplers against literal networks in PyTorch, JAX and NumPy, in alternating rounds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from math import sqrt
from typing import NamedTuple

from bench.crew import Crew, Values
from bench.limits import bare_gram_draws, bare_normals, bare_single_normals, cores
from bench.plan import Plan
from bench.rows import Row, Section, Wanted
from bench.settings import Setting, numpy_setting
from bench.timing import Run, Timing, alternate, sized
from theory import MLP, derive
from theory.observables import K, g
from verify import Conditioned, Dense, Gram, monte_carlo
from verify.samplers.problem import numeric_problem
from verify.samplers.sampler import Sampler

__all__ = ["contest", "sampler_run", "sampler_step"]

PEERS = ("PyTorch", "JAX")
WANTED = {
    "Dense()": Wanted(5, at_least=True),
    "Conditioned()": Wanted(1_000, at_least=True),
    "Gram()": Wanted(100_000, at_least=True),
}


class _Limit(NamedTuple):
    """Bare draws, and how many of them a network cannot do without."""

    name: str
    run: Run
    draws: int


def sampler_run(network: MLP, sampler: Sampler) -> Run:
    """The user's own call: `monte_carlo` of a given number of networks, on all cores."""

    def run(networks: int) -> object:
        return monte_carlo(network, samples=networks, seed=1, sampler=sampler)

    return run


def sampler_step(network: MLP, sampler: Sampler) -> int:
    """Networks that give every core one block."""
    problem = numeric_problem(network, layer=None, rates=None, step=None)
    return cores() * sampler.block_size(problem)


def contest(plan: Plan, best: dict[str, Setting]) -> Section:
    """One row per contestant: microseconds a network, and the factor over the faster peer."""
    network = MLP(plan.width, plan.depth)
    settings = {name: best[name] for name in PEERS} | {"NumPy": numpy_setting(cores())}
    ours: dict[str, Sampler] = {
        "Dense()": Dense(),
        "Conditioned()": Conditioned(),
        "Gram()": Gram(),
    }
    seen: dict[str, Values] = {name: [] for name in settings}
    with ExitStack() as stack:
        runs: dict[str, tuple[Run, int]] = {}
        for name, setting in settings.items():
            crew = stack.enter_context(Crew(setting, plan.width, plan.depth))
            runs[name] = _fitted(_remembering(crew, seen[name]), crew.step, plan)
        for name, sampler in ours.items():
            step = sampler_step(network, sampler)
            runs[name] = _fitted(sampler_run(network, sampler), step, plan)
        for limit in _limits(plan).values():
            runs[limit.name] = _fitted(limit.run, limit.draws, plan)
        timings = alternate(runs, plan.rounds)
    return _section(plan, settings, timings, seen)


def _fitted(run: Run, step: int, plan: Plan) -> tuple[Run, int]:
    return run, sized(run, step, plan.seconds)


def _remembering(crew: Crew, seen: Values) -> Callable[[int], object]:
    return lambda networks: seen.extend(crew(networks))


def _limits(plan: Plan) -> dict[str, _Limit]:
    """The variates of one network.

    Literal: every weight and the readout.  Conditioned(): of the active half of the neurons a
    normal forwards, one backwards, and one in the update but for the first layer; of the inactive
    ones of the last layer one forwards and one in the update.  Gram(): those of each layer.
    """
    literal = plan.width**2 * plan.depth + plan.width
    singles = _Limit("bare single normals", bare_single_normals(), literal)
    neurons = plan.width * (3 * plan.depth + 1) // 2
    return dict.fromkeys((*PEERS, "NumPy", "Dense()"), singles) | {
        "Conditioned()": _Limit("bare normals", bare_normals(), neurons),
        "Gram()": _Limit("bare draws of Gram()", bare_gram_draws(plan.width), plan.depth),
    }


def _section(
    plan: Plan, settings: dict[str, Setting], timings: dict[str, Timing], seen: dict[str, Values]
) -> Section:
    scores = {name: law_score(values, plan) for name, values in seen.items()}
    faster = min(PEERS, key=lambda name: timings[name].median)
    size, rows = f"({plan.width:,}, {plan.depth:,})", []
    for name, limit in _limits(plan).items():
        figure = timings[name]
        row = Row(
            name,
            size,
            figure.times(1e6),
            "µs/network",
            ratio=timings[faster].over(figure),
            limit=timings[limit.name].times(limit.draws).over(figure),
            wanted=WANTED.get(name),
        )
        if name in settings:
            kept = {"setting": str(settings[name]), "z_of_label_part": scores[name]}
            row = replace(row, more=kept)
        rows.append(row)
    notes = tuple(f"{name} is off the law: z = {z:.1f}" for name, z in scores.items() if abs(z) > 5)
    title, against = "linearised update of one network", f"times as fast as {faster}"
    return Section(title, against, tuple(rows), notes)


def law_score(values: Values, plan: Plan) -> float:
    """(mean - exact)/standard error of a peer's label parts, both from the exact theory."""
    network, moved = MLP(plan.width, plan.depth), g @ K @ K @ g
    mean = derive(moved, network).exact / plan.width
    square = derive(moved**2, network).exact / plan.width**2
    error = sqrt(float(square - mean**2) / len(values))
    return (sum(label for label, _ in values) / len(values) - float(mean)) / error
