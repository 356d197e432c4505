"""A cell is one network of a comparison, before and after its measurement."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from math import exp

from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.symbols import L
from verify.comparison.deciding import may_decide
from verify.comparison.measured_law import MeasuredLaw, fit_law
from verify.inference.estimate import Block, Estimate
from verify.inference.evidence_kinds import evidence_of
from verify.inference.numbers_in_text import magnitude, mean_in_words
from verify.inference.verdict import Score
from verify.inference.weighted_means import WeightedMean
from verify.runs.sampling import Sampling
from verify.samplers.places import places_of
from verify.samplers.sampler import Sampler

__all__ = ["Cell", "PlannedCell", "largest_by", "measured_laws"]

_WIDTHS_OVER_DEPTH = 1000
"""Where the width is at least this multiple of the depth, one network is within about 12 % of the
mean, with a skewness below 1: no tail hides from the samples' own error (docs/budgets.md)."""
_LEAST_DEPTH = 8


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One network of a grid, and the law that it is to be compared with.

    ``sampling``: the draws for it, which reproduce it.
    ``log_law``, ``log_exact``: natural logarithms of the law tried and of the exact value, at
    eta = 1.  ``spread``: the relative standard deviation of one network; None where samples are
    weighted.  ``allowance``: relative difference that is granted to the law.  ``suited``: whether
    the network is one on which the law may be decided.  ``part``: of the update, that is compared.
    """

    sampling: Sampling
    log_law: float
    log_exact: float
    spread: float | None
    allowance: float = 0.0
    suited: bool = True
    part: str = "total"

    @property
    def network(self) -> Network:
        """The network in numbers."""
        return self.sampling.configuration.network

    @property
    def layer(self) -> int | str:
        """The hidden layer that is measured; the place in words where the network is no MLP."""
        place = self.sampling.configuration.layers[0]
        return int(place) if self.network._is_chain else places_of(self.network).name(place)

    @property
    def is_last(self) -> bool:
        """Whether the layer is the last one, or the stream after the last block."""
        return self.layer in (self.network.depth, f"stream {self.network.depth}")

    @property
    def decides(self) -> bool:
        """Whether it may decide."""
        return self.suited and may_decide(self.sampling.configuration, self.spread)

    def measured(self, blocks: list[Block]) -> Cell:
        """The measured cell with its blocks."""
        estimate = self.sampling.estimate(blocks, scalar=True)
        if self.part != "total":
            estimate = replace(estimate, parts={"total": estimate.parts[self.part]})
        return Cell(**vars(self), estimate=estimate)


@dataclass(frozen=True, eq=False, repr=False)
class Cell(PlannedCell):
    """One network of a grid, measured and compared.

    ``estimate``: of scalar shape, at ``layer``; its total is the part that was compared.
    """

    estimate: Estimate = field(kw_only=True)

    @cached_property
    def score(self) -> Score:
        """The score of the measured mean under the law."""
        return Score(
            evidence=evidence_of(
                self.estimate.total, self.log_exact, self.spread, self.sampling.block_size
            ),
            law=exp(min(max(self.log_law - self.log_exact, -700.0), 700.0)),
            allowance=self.allowance,
            decides=self.decides,
        )

    @property
    def sampler(self) -> Sampler:
        """The sampler that drew it."""
        return self.sampling.configuration.sampler

    @property
    def seed(self) -> int:
        """The seed of the cell's stream, which draws the cell again."""
        return self.sampling.seed

    @property
    def width(self) -> int:
        """Width of the hidden layers."""
        return int(self.network.widths[1])

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.network.layers

    @property
    def _place(self) -> str:
        return self.layer if isinstance(self.layer, str) else f"layer {self.layer:,}"

    def __repr__(self) -> str:
        mean = float(self.estimate.total.log_mean)
        measured = mean_in_words(mean, self.score.relative_standard_error)
        depth = "blocks" if L in self.network._depths else "depth"
        law = "exact" if self.log_law == self.log_exact else "law"
        return (
            f"Cell: width {self.width:,}, {depth} {self.depth:,}, {self._place}: "
            f"{law} {magnitude(self.log_law)}, measured {measured}; {self.score}"
        )


def largest_by(key: Callable[[Cell], Hashable], cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """For each key, the first cell with the most samples, in the order of the first cells of the
    keys."""
    kept: dict[Hashable, Cell] = {}
    for cell in cells:
        other = kept.setdefault(key(cell), cell)
        if cell.estimate.samples > other.estimate.samples:
            kept[key(cell)] = cell
    return tuple(kept.values())


def measured_laws(cells: Sequence[Cell]) -> tuple[MeasuredLaw, ...]:
    """The law of each width, and sampler, that has at least three depths from 8 to a thousandth of
    the width, each at least twice the one before; the widest first.

    Cells of other networks than ``MLP(width, depth)`` and ``Residual(width, blocks)``, of other
    layers than the last, and of real steps do not enter.
    """
    suited = sorted(filter(_is_suited, cells), key=_group)
    laws = []
    for (blocks, width, sampler), group in groupby(suited, key=_group):
        row = _spaced(sorted(group, key=lambda cell: cell.depth))
        depths, means = [cell.depth for cell in row], [_mean(cell) for cell in row]
        laws.append(fit_law(sampler, -width, depths, means, blocks=blocks))
    return tuple(law for law in laws if law is not None)


def _is_suited(cell: Cell) -> bool:
    wide = cell.width >= _WIDTHS_OVER_DEPTH * cell.depth and cell.depth >= _LEAST_DEPTH
    kind = MLP if cell.network._is_chain else Residual
    usual = cell.is_last and cell.network == kind(cell.width, cell.depth)
    estimate = cell.estimate
    whole = cell.part == "total" and estimate.step is None and estimate.observable is None
    return wide and usual and whole


def _mean(cell: Cell) -> WeightedMean:
    total = cell.estimate.total
    return WeightedMean(total.samples, float(total.value), float(total.error))


def _group(cell: Cell) -> tuple[bool, int, str]:
    """The key of a group: chains come before other networks, wide before narrow networks."""
    return not cell.network._is_chain, -cell.width, repr(cell.sampler)


def _spaced(cells: Sequence[Cell]) -> list[Cell]:
    """Cells at rising depths, each at least twice the one before."""
    kept: list[Cell] = []
    for cell in cells:
        if not kept or cell.depth >= 2 * kept[-1].depth:
            kept.append(cell)
    return kept
