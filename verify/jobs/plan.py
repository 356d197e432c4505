"""This module plans the grids of networks, with a sampler each, where a user gives no sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.residual import Residual
from verify.samplers.catalogue import SAMPLERS
from verify.samplers.sampler import Sampler

__all__ = ["DEFAULT_GRID", "Part", "planned_parts", "residual_parts"]

DEFAULT_GRID = {
    64: (2, 4, 8, 32, 64, 128),
    1024: (4, 16, 64, 128),
    10**6: (16, 128, 1024, 10**4),
}
"""Depths by width: wide grids that decide, and depths of a half, one and two widths to show."""
RARE_CHECK = {64: (8, 32, 64, 128), 1024: (512, 1024)}
"""The depths where rare networks set the mean, for the sampler that draws them; and a depth for the
comparison with Gram."""
LAW_BY_INNER_PRODUCTS = {10**9: (64, 256, 1024, 4096)}
LAW_BY_NEURONS = {2**15: (8, 16, 32)}
LAW_IN_BLOCKS = {10**9: (512, 1024, 4096)}
"""Networks so wide and deep that they show the law alone: `verify.comparison.measured_law`."""
_LAW_SAMPLES, _BLOCK_SAMPLES = (4000, 2400), 2400
LITERAL_CHECK = {64: (4, 8), 256: (8,)}
"""A few literal networks as well, since the fast samplers rest on a proof."""


@dataclass(frozen=True)
class Part:
    """Networks to be drawn by one sampler; ``samples`` of each, or None for the number it plans."""

    sampler: Sampler
    networks: tuple[Network, ...]
    samples: int | None = None

    def planned_samples(self, network: Network) -> int:
        """The default number of draws of one network."""
        return self.samples or self.sampler.planned_samples(network)


def planned_parts(
    widths: Sequence[int] | None,
    depths: Sequence[int] | None,
    sampler: str | None,
    step: float | None,
) -> list[Part]:
    """The parts of a run: the default grid, or the product of ``widths`` and ``depths``.

    Without a ``sampler``: Gram, or Conditioned for a real step; the default grid also gets the
    networks that show the law by themselves, its deep cells by RareEvents, and a literal check.
    """
    chosen = SAMPLERS[sampler or ("gram" if step is None else "conditioned")]
    if widths is None and depths is None and sampler is None and step is None:
        wide, explicit = _LAW_SAMPLES
        return [
            _part(chosen, LAW_BY_INNER_PRODUCTS, wide),
            _part(SAMPLERS["conditioned"], LAW_BY_NEURONS, explicit),
            _part(chosen, DEFAULT_GRID),
            _part(SAMPLERS["rare-events"], RARE_CHECK),
            _part(SAMPLERS["dense"], LITERAL_CHECK),
            _part(chosen, LAW_IN_BLOCKS, _BLOCK_SAMPLES, Residual),
        ]
    grid = tuple(sorted(set(depths or (2, 4, 8, 16))))
    return [_part(chosen, dict.fromkeys(sorted(set(widths or (64, 128, 256))), grid))]


def residual_parts(
    widths: Sequence[int] | None,
    blocks: Sequence[int] | None,
    branch_width: int | None,
    sampler: str | None,
) -> list[Part]:
    """The part of a run on residual networks: the product of ``widths`` and ``blocks``."""
    sizes = product(sorted(set(widths or (64, 128, 256))), sorted(set(blocks or (2, 4, 8, 16))))
    networks = tuple(Residual(width, each, branch_width=branch_width) for width, each in sizes)
    return [Part(SAMPLERS[sampler or "gram"], networks)]


def _part(
    sampler: Sampler,
    grid: Mapping[int, tuple[int, ...]],
    samples: int | None = None,
    kind: type[MLP | Residual] = MLP,
) -> Part:
    networks = (kind(width, depth) for width, depths in grid.items() for depth in depths)
    return Part(sampler, tuple(networks), samples)
