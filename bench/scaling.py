"""The cost of a layer of `Gram()` by width, which should be flat, and by depth, also flat."""

from __future__ import annotations

from bench.contest import sampler_run, sampler_step
from bench.plan import Plan
from bench.rows import Row, Section, Wanted
from bench.timing import Timing, alternate, sized
from theory import MLP
from verify import Gram

__all__ = ["by_depth", "by_width"]

_WIDTHS_ALIKE = 10**6
"""Up to this width the cost of a layer is to be the same."""
_ALIKE = Wanted(1.2)
_LONGER, _LONGEST = 3, 10
"""Timings by width and by depth are so many times as long as others: a call makes room for a
network's layers once, which takes up to a quarter of a second at depth 10,000 where a virtual
machine has to ask its host for the memory, and is no cost of a layer."""


def by_width(plan: Plan) -> Section:
    """Nanoseconds per layer at one depth, against the narrowest."""
    timings = _per_layer(plan, {width: MLP(width, plan.depth) for width in plan.widths}, _LONGER)
    rows = tuple(
        Row(
            "Gram()",
            f"({width:,}, {plan.depth:,})",
            timing.times(1e9),
            "ns/layer",
            ratio=timing.over(timings[plan.widths[0]]),
            wanted=_ALIKE if plan.widths[0] < width <= _WIDTHS_ALIKE else None,
        )
        for width, timing in timings.items()
    )
    return Section("cost of a layer, by width", f"width {plan.widths[0]:,}", rows)


def by_depth(plan: Plan) -> Section:
    """Nanoseconds per layer at one width, against the shallowest: 1 where cost is linear."""
    timings = _per_layer(plan, {depth: MLP(plan.width, depth) for depth in plan.depths}, _LONGEST)
    rows = tuple(
        Row(
            "Gram()",
            f"({plan.width:,}, {depth:,})",
            timing.times(1e9),
            "ns/layer",
            ratio=timing.over(timings[plan.depths[0]]),
            wanted=_ALIKE if depth > plan.depths[0] else None,
        )
        for depth, timing in timings.items()
    )
    return Section("cost of a layer, by depth", f"depth {plan.depths[0]:,}", rows)


def _per_layer(plan: Plan, networks: dict[int, MLP], longer: int) -> dict[int, Timing]:
    """Seconds per layer of each network, on all cores, in alternating rounds."""
    runs = {}
    for size, network in networks.items():
        run = sampler_run(network, Gram())
        step = sampler_step(network, Gram())
        runs[f"{size}"] = run, sized(run, step, longer * plan.seconds)
    timings = alternate(runs, plan.rounds)
    return {
        size: timings[f"{size}"].times(1 / network.layers) for size, network in networks.items()
    }
