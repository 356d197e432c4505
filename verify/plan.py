"""What the main job simulates when it is not told: grids of networks, each with its sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from theory.network import MLP
from verify.conditioned import Conditioned
from verify.dense import Dense
from verify.gram import Gram
from verify.rare_events import RareEvents
from verify.samplers import Sampler

__all__ = ["DEFAULT_GRID", "SAMPLERS", "Part", "planned_parts"]

SAMPLERS: dict[str, Sampler] = {
    "dense": Dense(),
    "conditioned": Conditioned(),
    "gram": Gram(),
    "rare-events": RareEvents(),
}
DEFAULT_GRID = {
    64: (2, 4, 8, 32, 64, 128),
    1024: (4, 16, 64, 128),
    10**6: (16, 128, 1024, 10**4),
}
"""Depths by width: wide grids that decide, and depths of a half, one and two widths to show."""
RARE_CHECK = {64: (8, 32, 64, 128), 1024: (512, 1024)}
"""The depths where rare networks set the mean, by the sampler that meets them; and one where it can
be held against the plain one."""
LITERAL_CHECK = {64: (4, 8), 256: (8,)}
"""A few literal networks beside them, since the fast samplers rest on a proof."""


@dataclass(frozen=True)
class Part:
    """Networks to be drawn by one sampler."""

    sampler: Sampler
    networks: tuple[MLP, ...]


def planned_parts(
    widths: Sequence[int] | None,
    depths: Sequence[int] | None,
    sampler: str | None,
    step: float | None,
) -> list[Part]:
    """The parts of a run: the default grid, or the product of ``widths`` and ``depths``.

    Without a ``sampler``: Gram, or Conditioned for a real step; the default grid also gets its deep
    cells by RareEvents, and a literal check.
    """
    chosen = SAMPLERS[sampler or ("gram" if step is None else "conditioned")]
    if widths is None and depths is None and sampler is None and step is None:
        rare, literal = SAMPLERS["rare-events"], SAMPLERS["dense"]
        return [
            _part(chosen, DEFAULT_GRID),
            _part(rare, RARE_CHECK),
            _part(literal, LITERAL_CHECK),
        ]
    grid = tuple(sorted(set(depths or (2, 4, 8, 16))))
    return [_part(chosen, dict.fromkeys(sorted(set(widths or (64, 128, 256))), grid))]


def _part(sampler: Sampler, grid: dict[int, tuple[int, ...]]) -> Part:
    networks = (MLP(width, depth) for width, depths in grid.items() for depth in depths)
    return Part(sampler, tuple(networks))
