"""A law is compared here with a grid of measured networks, and a verdict is drawn.

Formulas of a user's own are compared with both in ``verify.claims``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import log
from typing import Any

from theory.coverage import answered
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.networks.network import numeric_depth
from theory.outcome import Outcome
from verify.comparison.cells import Cell, PlannedCell, largest_by, measured_laws
from verify.comparison.exact_values import (
    STEP_ALLOWANCE,
    exact_law,
    known_spread,
    log_value,
    refuse_large_step,
)
from verify.comparison.measured_law import MeasuredLaw
from verify.comparison.record import LawRecord, RunRecord, run_record
from verify.comparison.sample_sizes import planned_samples
from verify.comparison.table import run_html, run_text
from verify.comparison.tabular import frame
from verify.inference.fit import PowerFit, fit_power
from verify.inference.verdict import Verdict, decide
from verify.numerics.streams import checked_samples, checked_seed, derived_seed
from verify.runs.configuration import configuration
from verify.runs.execution import Calling, Execution, checked_execution
from verify.runs.sampling import Sampling
from verify.samplers.gram.sampler import Gram
from verify.samplers.sampler import Sampler

__all__ = [
    "Cell",
    "Comparison",
    "PlannedCell",
    "compare_law",
    "comparison_record",
    "measure_cells",
    "plan_cells",
]

_LONGEST = 600
"""Characters of the table that a prompt shows; `print` shows a longer one."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """A law held against a grid of networks.

    Cells with different seeds are independent.  Of ``cells`` that repeat a seed, a part and a law
    the one with the most samples is left: blocks of one seed are the first ones of a single stream,
    so that the others know nothing more.

    ``leading``: constant and exponent of the maximal rate as width and depth grow, which the
    networks' own law must allow; or None.

    >>> len(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).cells)
    2
    """

    cells: tuple[Cell, ...]
    seed: int
    step: float | None
    leading: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        cells = largest_by(lambda cell: (cell.seed, cell.part, cell.log_law), self.cells)
        object.__setattr__(self, "cells", cells)

    @cached_property
    def verdict(self) -> Verdict:
        """Consistent, rejected or undecided, for the whole grid: rejected too where the networks'
        own law excludes ``leading``.

        >>> compare_law(networks=[MLP(16, 1)], samples=4000, seed=1).verdict.outcome.name
        'CONSISTENT'
        """
        found = decide([cell.score for cell in self.cells])
        return replace(found, outcome=Outcome.REJECTED) if self.excluding else found

    @cached_property
    def measured_laws(self) -> tuple[MeasuredLaw, ...]:
        """Constant and exponent of the maximal rate as networks alone show them, of each width and
        sampler with three depths from 8 to a thousandth of the width.

        >>> compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).measured_laws
        ()
        """
        return measured_laws(self.cells)

    @property
    def excluding(self) -> tuple[MeasuredLaw, ...]:
        """The measured laws that exclude ``leading``.

        >>> compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).excluding
        ()
        """
        if self.leading is None:
            return ()
        leading, laws = self.leading, self.measured_laws
        return tuple(law for law in laws if not law.allows(*leading, self.correction(law)))

    def correction(self, law: MeasuredLaw) -> float:
        """How far, as theory derives it, the logarithm of the exact rate is from ``leading`` at the
        depths of a measured law, at most; 0 without ``leading``.

        >>> networks = [MLP(10**9, depth) for depth in (16, 64, 256)]
        >>> found = compare_law(networks=networks, samples=3000, seed=1)
        >>> found.correction(found.measured_laws[0])
        0.0
        """
        if self.leading is None:
            return 0.0
        constant, exponent = log(self.leading[0]), self.leading[1]
        cells = [c for c in self.cells if c.width == law.width and c.depth in law.depths]
        return max(abs(c.log_exact / 2 + constant + exponent * log(c.depth)) for c in cells)

    @cached_property
    def fits(self) -> dict[int | None, PowerFit]:
        """Constant and exponent in depth, measured over exact, of the deciding cells at the last
        layer: of all widths together under None, and of each width with two depths.  A seed counts
        once, for whatever parts and laws its networks were used.

        >>> list(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).fits)
        [None, 16]
        """
        last = [c for c in self.cells if c.layer == c.depth and c.score.decides]
        cells = largest_by(lambda cell: cell.seed, last)
        widths = sorted({cell.width for cell in cells})
        groups = {None: cells} | {width: [c for c in cells if c.width == width] for width in widths}
        fits = {
            width: fit_power([c.depth for c in group], [c.score.evidence for c in group])
            for width, group in groups.items()
        }
        return {width: fit for width, fit in fits.items() if fit is not None}

    def frame(self) -> Any:
        """A `pandas.DataFrame`: a row a cell, with all that reproduces it.

        Needs the extra ``tables``; `InvalidArgument` says so where it is missing.

        >>> table = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).frame()
        >>> table[["width", "depth", "samples"]].values.tolist()
        [[16, 1, 4000], [16, 2, 4000]]
        """
        return frame(comparison_record(self))

    def joined(self, other: Comparison) -> Comparison:
        """The cells of both, judged as one family; seed and step are those of this one.

        >>> found, again = (
        ...     compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=seed)
        ...     for seed in (1, 2)
        ... )
        >>> len(found.joined(again).cells), len(found.joined(found).cells)
        (4, 2)
        """
        return replace(self, cells=self.cells + other.cells)

    def __repr__(self) -> str:
        """`str` where it is short; ``print`` shows the whole table."""
        text = str(self)
        if len(text) <= _LONGEST:
            return text
        return (
            f"Comparison of {len(self.cells)} cells, {self.verdict.outcome.name}: print() shows "
            f"the table"
        )

    def __str__(self) -> str:
        return run_text(comparison_record(self))

    def _repr_html_(self) -> str:
        """Table, figure and verdict."""
        return run_html(comparison_record(self))


def comparison_record(comparison: Comparison, law: str | None = None) -> RunRecord:
    """The record of a comparison; ``law``: which was tried, in words or as a formula."""
    leading = comparison.leading
    return run_record(
        comparison.cells,
        law=law,
        seed=comparison.seed,
        step=comparison.step,
        verdict=comparison.verdict,
        laws=[
            LawRecord.of(law, leading, comparison.correction(law))
            for law in comparison.measured_laws
        ],
        fits=comparison.fits,
    )


@answered
def compare_law(
    law: object = exact_law,
    *,
    networks: Iterable[MLP],
    seed: int,
    samples: int | Callable[[MLP], int] | None = None,
    precision: float | None = None,
    sampler: Sampler = Gram(),
    layer: int | None = None,
    step: float | None = None,
    progress: Callable[[MLP, int], None] | None = None,
    execution: Execution = Execution(),
) -> Comparison:
    """Compare ``law`` with simulated ``networks``, at the last hidden layer or at ``layer``.

    ``law``: a function of a network and a layer, or a formula as for `verify.check`.
    ``samples``: networks drawn for each cell, or a function of the network; None plans them by
    cost.  ``precision``: instead, the relative standard error of each cell, from which they are
    planned by the exact variance of one network.  Each cell has its own seed, derived from ``seed``
    and its whole configuration; a network that is given twice is one cell.  ``step``: None for the
    linearised update, else the rate of a real gradient step, which `InvalidArgument` refuses where
    it is too large for the linearised law.  ``progress`` is called with a cell's network and the
    number of samples just finished.  ``execution``: how blocks are run (docs/runs.md).

    >>> from theory import MLP
    >>> grid = [MLP(16, 1), MLP(16, 2)]
    >>> compare_law(networks=grid, samples=4000, seed=1).verdict.outcome.name
    'CONSISTENT'
    >>> twice = lambda network, layer: 2 * exact_law(network, layer)
    >>> compare_law(twice, networks=grid, samples=4000, seed=1).verdict.outcome.name
    'REJECTED'
    >>> compare_law("L**3", networks=grid, samples=4000, seed=1).verdict.outcome.name
    'REJECTED'
    """
    planned = plan_cells(
        law,
        networks=networks,
        seed=seed,
        samples=samples,
        precision=precision,
        sampler=sampler,
        layer=layer,
        step=step,
    )
    if progress is not None:
        watch = Calling(lambda cell, drawn: progress(planned[cell].network, drawn))
        execution = replace(execution, watch=watch)
    return measure_cells(planned, seed=seed, execution=execution)


def plan_cells(
    law: object,
    *,
    networks: Iterable[MLP],
    seed: int,
    samples: int | Callable[[MLP], int] | None,
    precision: float | None,
    sampler: Sampler,
    layer: int | None,
    step: float | None,
) -> list[PlannedCell]:
    """What `compare_law` would draw, checked, and the values to hold it against."""
    from theory.claims.reading import law_of  # Lark and the grammar: a sixth of all loading

    value_of = law_of(law)
    grid = list(networks) if isinstance(networks, Iterable) else []
    if not grid or not all(isinstance(each, MLP) for each in grid):
        raise InvalidArgument(
            f"expected a list of MLP for networks, got networks={networks!r}; give "
            f"[MLP(64, 2), MLP(64, 4)]"
        )
    root = checked_seed(seed)
    planned = [
        PlannedCell(
            network,
            at,
            Sampling(
                asked := configuration(network, layer=at, step=step, sampler=sampler),
                derived_seed(root, asked.key),
                checked_samples(
                    planned_samples(
                        network, at, sampler, samples=samples, precision=precision, step=step
                    )
                ),
            ),
            log_value(value_of(network, at), network),
            log_value(exact_law(network, at), network),
            partial(known_spread, network, at, step),
            0.0 if step is None else STEP_ALLOWANCE,
        )
        for network in grid
        for at in [numeric_depth(network) if layer is None else layer]
    ]
    refuse_large_step(grid, step)
    return planned


def measure_cells(planned: Sequence[PlannedCell], *, seed: int, execution: Execution) -> Comparison:
    """All cells drawn side by side, and judged as one family."""
    blocks = checked_execution(execution).run([each.sampling for each in planned])
    cells = tuple(each.measured(drawn) for each, drawn in zip(planned, blocks, strict=True))
    steps = {each.sampling.configuration.step for each in planned}
    return Comparison(cells, seed, steps.pop() if len(steps) == 1 else None)
