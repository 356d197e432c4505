"""A cell of a comparison: one network before and after it is measured."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from math import exp

from theory.networks.mlp import MLP
from verify.comparison.deciding import may_decide
from verify.comparison.shown import ShownCell
from verify.inference.estimate import Block, Estimate
from verify.inference.evidence_kinds import evidence_of
from verify.inference.verdict import Score
from verify.runs.sampling import Sampling
from verify.samplers.sampler import Sampler

__all__ = ["Cell", "PlannedCell", "largest_by"]


@dataclass(frozen=True, eq=False, repr=False)
class Cell(ShownCell):
    """One network of a grid, measured and compared.

    ``log_law``, ``log_exact``: natural logarithms of the law tried and of the exact value, at
    eta = 1.  ``estimate``: of scalar shape, at ``layer``.  ``sampling``: what was
    to be drawn for it, which reproduces it.
    ``part``: of the update, that was compared.
    """

    network: MLP
    layer: int
    sampler: Sampler
    log_law: float
    log_exact: float
    estimate: Estimate
    score: Score
    sampling: Sampling
    part: str = "total"

    @property
    def seed(self) -> int:
        """Of the cell's stream, from which it can be drawn again."""
        return self.sampling.seed

    @property
    def width(self) -> int:
        """Width of the hidden layers."""
        return int(self.network.widths[1])

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.network.layers


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """A cell before it is measured.

    ``one_spread``: gives the relative standard deviation of one network, where networks are not
    weighted.  ``allowance``: relative difference that is granted to the law.  ``suited``: whether
    the network is one on which the law may be decided.
    """

    network: MLP
    layer: int
    sampling: Sampling
    log_law: float
    log_exact: float
    one_spread: Callable[[], float]
    allowance: float = 0.0
    suited: bool = True
    part: str = "total"

    @property
    def spread(self) -> float | None:
        """The relative standard deviation of one network; None where samples are weighted."""
        rare = self.sampling.configuration.sampler.meets_rare_networks
        return None if rare else self.one_spread()

    @property
    def decides(self) -> bool:
        """Whether it may decide."""
        return self.suited and may_decide(self.sampling.configuration, self.spread)

    def measured(self, blocks: list[Block]) -> Cell:
        """With its blocks."""
        estimate = self.sampling.estimate(blocks, scalar=True)
        measured = estimate.parts[self.part]
        ratio = min(max(self.log_law - self.log_exact, -700.0), 700.0)
        return Cell(
            network=self.network,
            layer=self.layer,
            sampler=self.sampling.configuration.sampler,
            log_law=self.log_law,
            log_exact=self.log_exact,
            estimate=estimate
            if self.part == "total"
            else replace(estimate, parts={"total": measured}),
            score=Score(
                evidence=evidence_of(measured, self.log_exact, self.spread),
                law=exp(ratio),
                allowance=self.allowance,
                decides=self.decides,
            ),
            sampling=self.sampling,
            part=self.part,
        )


def largest_by(key: Callable[[Cell], Hashable], cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Of the cells with the same key the one with the most samples, the first of equal ones; in the
    order in which the keys come first."""
    kept: dict[Hashable, Cell] = {}
    for cell in cells:
        other = kept.setdefault(key(cell), cell)
        if cell.estimate.samples > other.estimate.samples:
            kept[key(cell)] = cell
    return tuple(kept.values())
