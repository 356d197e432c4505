"""This module times our samplers and literal networks of layers, of residual blocks and with tanh
in PyTorch, JAX and NumPy, in alternating rounds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from statistics import mean, stdev
from typing import NamedTuple

from bench.crew import Crew, Values
from bench.limits import bare_gram_draws, bare_normals, bare_single_normals, cores
from bench.literal import Literal
from bench.plan import Plan
from bench.rows import Row, Section, Wanted
from bench.settings import Setting, numpy_setting, residual_settings
from bench.timing import Run, Timing, alternate, sized
from theory import MLP, Residual, squared_update
from verify import Conditioned, Dense, Gram, monte_carlo
from verify.samplers.problem import numeric_problem
from verify.samplers.sampler import Sampler

__all__ = [
    "contest",
    "law_score",
    "residual_contest",
    "sampler_run",
    "sampler_step",
    "smooth_contest",
]

PEERS = ("PyTorch", "JAX")
WANTED: dict[Sampler, int] = {Dense(): 5, Conditioned(): 1_000, Gram(): 100_000}
WANTED_OF_BLOCKS = WANTED | {Gram(): 50_000}
WANTED_WITH_TANH: dict[Sampler, int] = {Dense(): 5, Conditioned(): 500}
Network = MLP | Residual


class _Limit(NamedTuple):
    """Bare draws, and how many of them a network cannot do without."""

    name: str
    run: Run
    draws: int


def sampler_run(network: Network, sampler: Sampler) -> Run:
    """The user's own call: `monte_carlo` of a given number of networks, on all cores."""

    def run(networks: int) -> object:
        return monte_carlo(network, samples=networks, seed=1, sampler=sampler)

    return run


def sampler_step(network: Network, sampler: Sampler) -> int:
    """Networks that give every core one block."""
    problem = numeric_problem(network, layer=None, rates=None, step=None)
    return cores() * sampler.block_size(problem)


def contest(plan: Plan, best: dict[str, Setting]) -> Section:
    """One row per contestant: microseconds a network, and the factor over the faster peer."""
    settings = {name: best[name] for name in PEERS} | {"NumPy": numpy_setting(cores())}
    return _held(Literal(plan.width, plan.depth), settings, _limits(plan), WANTED, plan)


def residual_contest(plan: Plan) -> Section:
    """The same for residual blocks, half as many as layers, with the peers' settings side by
    side."""
    literal = Literal(plan.width, plan.depth // 2, residual=True)
    return _side_by_side(literal, WANTED_OF_BLOCKS, plan)


def smooth_contest(plan: Plan) -> Section:
    """The same for layers with tanh."""
    literal = Literal(plan.width, plan.depth, activation="tanh")
    return _side_by_side(literal, WANTED_WITH_TANH, plan)


def _side_by_side(literal: Literal, wanted: dict[Sampler, int], plan: Plan) -> Section:
    settings = {f"{each.library}, {each.form}": each for each in residual_settings(cores())}
    singles = _Limit("bare single normals", bare_single_normals(), literal.variates)
    limits = dict.fromkeys((*settings, repr(Dense())), singles)
    return _held(literal, settings, limits, wanted, plan)


def _held(
    literal: Literal,
    settings: dict[str, Setting],
    limits: dict[str, _Limit],
    wanted: dict[Sampler, int],
    plan: Plan,
) -> Section:
    seen: dict[str, Values] = {name: [] for name in settings}
    with ExitStack() as stack:
        runs: dict[str, tuple[Run, int]] = {}
        for name, setting in settings.items():
            crew = stack.enter_context(Crew(setting, literal))
            runs[name] = _fitted(_remembering(crew, seen[name]), crew.step, plan)
        for sampler in wanted:
            step = sampler_step(literal.network, sampler)
            runs[repr(sampler)] = _fitted(sampler_run(literal.network, sampler), step, plan)
        for limit in limits.values():
            runs[limit.name] = _fitted(limit.run, limit.draws, plan)
        timings = alternate(runs, plan.rounds)
    least = {repr(each): Wanted(bound, at_least=True) for each, bound in wanted.items()}
    return _section(literal, settings, limits, least, timings, seen)


def _fitted(run: Run, step: int, plan: Plan) -> tuple[Run, int]:
    return run, sized(run, step, plan.seconds)


def _remembering(crew: Crew, seen: Values) -> Callable[[int], object]:
    return lambda networks: seen.extend(crew(networks))


def _limits(plan: Plan) -> dict[str, _Limit]:
    """The variates of one network.

    Literal: every weight and the readout.  Conditioned(): of the active half of the neurons a
    normal forwards, one backwards, and one in the update but for the first layer; of the inactive
    ones of the last layer one forwards and one in the update.  Gram(): the variates of each layer.
    """
    literal = Literal(plan.width, plan.depth)
    singles = _Limit("bare single normals", bare_single_normals(), literal.variates)
    neurons = plan.width * (3 * plan.depth + 1) // 2
    return dict.fromkeys((*PEERS, "NumPy", repr(Dense())), singles) | {
        "Conditioned()": _Limit("bare normals", bare_normals(), neurons),
        "Gram()": _Limit("bare draws of Gram()", bare_gram_draws(plan.width), plan.depth),
    }


def _section(
    literal: Literal,
    settings: dict[str, Setting],
    limits: dict[str, _Limit],
    wanted: dict[str, Wanted],
    timings: dict[str, Timing],
    seen: dict[str, Values],
) -> Section:
    scores = {name: law_score(values, literal) for name, values in seen.items()}
    peers = [name for name in settings if settings[name].library in PEERS]
    fastest = min(peers, key=lambda name: timings[name].median)
    size, rows = f"({literal.width:,}, {literal.depth:,})", []
    for name in (*settings, *wanted):
        figure, limit = timings[name], limits.get(name)
        row = Row(
            name,
            size,
            figure.times(1e6),
            "µs/network",
            ratio=timings[fastest].over(figure),
            limit=limit and timings[limit.name].times(limit.draws).over(figure),
            wanted=wanted.get(name),
        )
        if name in settings:
            kept = {"setting": str(settings[name]), "z_of_label_part": scores[name]}
            row = replace(row, more=kept)
        rows.append(row)
    notes = tuple(f"{name} is off the law: z = {z:.1f}" for name, z in scores.items() if abs(z) > 5)
    kind = "tanh " if literal.activation == "tanh" else "residual " * literal.residual
    title = f"linearised update of one {kind}network"
    return Section(title, f"times as fast as {fastest}", tuple(rows), notes)


def law_score(values: Values, literal: Literal) -> float:
    """(mean - expected)/standard error of a peer's label parts: both from the exact theory, or with
    tanh, from the theory as n -> infinity and from the parts."""
    parts = [part for part, _ in values]
    if literal.activation == "tanh":
        expected = squared_update(literal.network).infinite_width(literal.depth)
        error = stdev(parts) / len(parts) ** 0.5
    else:
        label = squared_update(literal.network).label
        expected = label.value
        error = expected * float(label.relative_standard_deviation()) / len(parts) ** 0.5
    return float((mean(parts) - expected) / error)
