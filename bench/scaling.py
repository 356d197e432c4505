"""This module times a layer or a residual block of `Gram()` by width and by depth; both should be
flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from bench.contest import Network, sampler_run, sampler_step
from bench.plan import Plan
from bench.rows import Row, Section, Wanted
from bench.timing import Timing, alternate, sized
from theory import MLP, Residual
from verify import Gram

__all__ = ["by_blocks", "by_depth", "by_width", "by_width_of_blocks"]

_WIDTHS_ALIKE = 10**6
"""Up to this width the cost of a layer is to be the same."""
_ALIKE = Wanted(1.2)
_LONGER, _LONGEST = 3, 10
"""Timings by width and by depth are so many times as long as others: a call makes room for a
network's layers once, which takes up to a quarter of a second at depth 10,000 where a virtual
machine has to ask its host for the memory, and is no cost of a layer."""


def by_width(plan: Plan) -> Section:
    """Nanoseconds per layer at one depth, over the figure of the narrowest network."""
    return _by_width("layer", plan, {width: MLP(width, plan.depth) for width in plan.widths})


def by_width_of_blocks(plan: Plan) -> Section:
    """Nanoseconds per residual block at one number of blocks, over the narrowest network's."""
    blocks = plan.depth // 2
    return _by_width("block", plan, {width: Residual(width, blocks) for width in plan.widths})


def by_depth(plan: Plan) -> Section:
    """Nanoseconds per layer at one width, over the shallowest network's: 1 where cost is linear."""
    return _by_depth("layer", plan, {depth: MLP(plan.width, depth) for depth in plan.depths})


def by_blocks(plan: Plan) -> Section:
    """Nanoseconds per residual block at one width, over the figure of the fewest blocks."""
    return _by_depth("block", plan, {depth: Residual(plan.width, depth) for depth in plan.depths})


def _by_width(unit: str, plan: Plan, networks: Mapping[int, Network]) -> Section:
    least = plan.widths[0]
    wanted = {width: _ALIKE for width in plan.widths if least < width <= _WIDTHS_ALIKE}
    rows = _rows(unit, plan, networks, _LONGER, wanted)
    return Section(f"cost of a {unit}, by width", f"width {least:,}", rows)


def _by_depth(unit: str, plan: Plan, networks: Mapping[int, Network]) -> Section:
    wanted = dict.fromkeys(plan.depths[1:], _ALIKE)
    rows = _rows(unit, plan, networks, _LONGEST, wanted)
    return Section(f"cost of a {unit}, by depth", f"depth {plan.depths[0]:,}", rows)


def _rows(
    unit: str,
    plan: Plan,
    networks: Mapping[int, Network],
    longer: int,
    wanted: Mapping[int, Wanted],
) -> tuple[Row, ...]:
    """A row for each network, with the ratio to the first."""
    timings = _per_layer(plan, networks, longer)
    first = next(iter(timings.values()))
    return tuple(
        Row(
            "Gram()",
            f"({cast(int, networks[size].width):,}, {networks[size].layers:,})",
            timing.times(1e9),
            f"ns/{unit}",
            ratio=timing.over(first),
            wanted=wanted.get(size),
        )
        for size, timing in timings.items()
    )


def _per_layer(plan: Plan, networks: Mapping[int, Network], longer: int) -> dict[int, Timing]:
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
