"""`compare_law` compares a law with a grid of measured networks, and draws a verdict.

``verify.claims`` compares a user's own formula with both.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import log
from operator import mul
from typing import TYPE_CHECKING, Any

from theory.coverage import answered
from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network
from theory.outcome import Outcome
from theory.validation import brief
from theory.waiting import announced
from theory.words.observables import Observable
from verify.comparison.cells import Cell, PlannedCell, largest_by, measured_laws
from verify.comparison.exact_values import (
    STEP_ALLOWANCE,
    exact_law,
    known_spread,
    leading_power,
    log_value,
    refuse_large_step,
)
from verify.comparison.exports import frame
from verify.comparison.measured_law import MeasuredLaw
from verify.comparison.record import (
    FORMAT,
    OUTCOMES,
    UPDATE,
    CellRecord,
    Platform,
    RunRecord,
    finite,
    versions,
)
from verify.comparison.sample_sizes import planned_samples
from verify.comparison.table import run_html, run_latex, run_text
from verify.inference.fit import PowerFit, fit_power
from verify.inference.verdict import FAMILY_BUDGET, NoCondition, Verdict, decide
from verify.numerics.software import this_software
from verify.numerics.streams import checked_samples, checked_seed, derived_seed
from verify.runs.configuration import configuration
from verify.runs.execution import Execution, Watch, checked_execution, checked_progress
from verify.runs.sampling import Sampling
from verify.samplers.gram.sampler import Gram
from verify.samplers.sampler import Sampler

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Cell",
    "Comparison",
    "PlannedCell",
    "compare_law",
    "comparison_record",
    "measure_announced",
    "measure_cells",
    "plan_cells",
]

_HOUR = 3600
_LONGEST = 600
"""Characters of the table that a prompt shows; `print` shows a longer one."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(NoCondition):
    """The comparison of a law with a grid of networks.

    Cells with different seeds are independent.  If ``cells`` repeat a seed, a part and a law, the
    cell with the most samples stays: all these cells reuse the same draws, so smaller cells add no
    information.

    ``leading``: constant and exponent of the maximal rate as width and depth grow, which the fit of
    the networks alone must allow; or None.

    >>> from theory import MLP
    >>> len(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).cells)
    2
    """

    cells: tuple[Cell, ...]
    seed: int
    step: float | None
    leading: tuple[float, float] | None = None
    _condition = "comparison.outcome"

    def __post_init__(self) -> None:
        cells = largest_by(lambda cell: (cell.seed, cell.part, cell.log_law), self.cells)
        object.__setattr__(self, "cells", cells)

    @cached_property
    def verdict(self) -> Verdict:
        """Consistent, rejected or undecided, for the whole grid: rejected also if the fit of the
        networks alone excludes ``leading``.

        >>> from theory import MLP
        >>> compare_law(networks=[MLP(16, 1)], samples=4000, seed=1).verdict.outcome.name
        'CONSISTENT'
        """
        found = decide([cell.score for cell in self.cells])
        return replace(found, outcome=Outcome.REJECTED) if self.excluding else found

    @property
    def outcome(self) -> Outcome:
        """The outcome of `verdict`.

        >>> from theory import MLP
        >>> compare_law(networks=[MLP(16, 1)], samples=4000, seed=1).outcome.name
        'CONSISTENT'
        """
        return self.verdict.outcome

    @cached_property
    def measured_laws(self) -> tuple[MeasuredLaw, ...]:
        """Constant and exponent of the maximal rate as networks alone show them, of each width and
        sampler with three depths from 8 to a thousandth of the width.

        >>> from theory import MLP
        >>> compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).measured_laws
        ()
        """
        laws = measured_laws(self.cells)
        return laws if self.leading is None else tuple(map(self._judged, laws))

    def _judged(self, law: MeasuredLaw) -> MeasuredLaw:
        by = self.correction(law)
        allowed = law.allows(*self._leading_of(law), by)
        return replace(law, derived_correction=by, leading_allowed=allowed)

    def _leading_of(self, law: MeasuredLaw) -> tuple[float, float]:
        """Constant and exponent that theory derives for networks of the kind of ``law``."""
        return leading_power(blocks=True) if law.blocks else self.leading or leading_power()

    @property
    def excluding(self) -> tuple[MeasuredLaw, ...]:
        """The measured laws that exclude ``leading``.

        >>> from theory import MLP
        >>> compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).excluding
        ()
        """
        return tuple(law for law in self.measured_laws if law.leading_allowed is False)

    def correction(self, law: MeasuredLaw) -> float:
        """The largest distance, by theory, between log(exact rate) and log(``leading``) over the
        depths of the measured law; 0 without ``leading``.

        >>> from theory import MLP
        >>> networks = [MLP(10**9, depth) for depth in (8, 16, 32)]
        >>> found = compare_law(networks=networks, samples=3000, seed=1)
        >>> found.correction(found.measured_laws[0])
        0.0
        """
        if self.leading is None:
            return 0.0
        constant, exponent = self._leading_of(law)
        alike = [c for c in self.cells if c.network._is_chain != law.blocks and c.is_last]
        cells = [c for c in alike if c.width == law.width and c.depth in law.depths]
        return max(abs(c.log_exact / 2 + log(constant) + exponent * log(c.depth)) for c in cells)

    @cached_property
    def fits(self) -> dict[int | None, PowerFit]:
        """Fits of measured/exact against the depth, over the cells that decide at the last layer:
        the key None for all widths, and one key for each width with two depths.  A seed counts
        once, even if its networks were compared with several parts or laws.

        >>> from theory import MLP
        >>> list(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).fits)
        [None, 16]
        """
        updates = [c for c in self.cells if c.estimate.observable is None]
        last = [c for c in updates if c.layer == c.depth and c.score.decides]
        cells = largest_by(lambda cell: cell.seed, last)
        widths = sorted({cell.width for cell in cells})
        groups = {None: cells} | {width: [c for c in cells if c.width == width] for width in widths}
        fits = {
            width: fit_power(
                [c.depth for c in group], [c.score.evidence for c in group], width=width
            )
            for width, group in groups.items()
        }
        return {width: fit for width, fit in fits.items() if fit is not None}

    def frame(self) -> Any:
        """A `pandas.DataFrame`: one row for each cell, with all values that reproduce the cell.

        Needs the extra ``tables``; raises `InvalidArgument` without it.

        >>> from theory import MLP
        >>> table = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1).frame()
        >>> table[["width", "depth", "samples"]].values.tolist()
        [[16, 1, 4000], [16, 2, 4000]]
        """
        return frame(comparison_record(self))

    def plot(self, ax: Axes | None = None, *, against: str | None = None) -> Axes:
        """Draw the measured means over their exact values, with two standard errors, and with the
        law (the tried law, or the leading term); return the axes.

        ``against``: "depth" ("blocks"), "width" or "layer"; None for the first that varies.  Hollow
        marks do not decide.  ``ax``: Matplotlib axes, or None for a new figure; backend and style
        are the user's.

        >>> from theory import MLP
        >>> found = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1)
        >>> found.plot().get_title().split(":")[0]
        'Consistent'
        """
        from verify.comparison.figure import draw_cells  # Matplotlib takes long to load

        return draw_cells(comparison_record(self), ax, against)

    def latex(self) -> str:
        r"""The table and the verdict in LaTeX, with the rules of ``booktabs``.

        >>> from theory import MLP
        >>> found = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1)
        >>> found.latex().splitlines()[0]
        '\\begin{table}[htbp]'
        """
        return run_latex(comparison_record(self))

    def joined(self, other: Comparison) -> Comparison:
        """The cells of both, judged as one family, with the seed and step of this comparison.

        >>> from theory import MLP
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
        cells = "1 cell" if len(self.cells) == 1 else f"{len(self.cells)} cells"
        return f"Comparison of {cells}, {self.outcome.name}: print() shows the table"

    def __str__(self) -> str:
        return run_text(comparison_record(self))

    def _repr_html_(self) -> str:
        """Table, figure and verdict."""
        return run_html(comparison_record(self))


def comparison_record(comparison: Comparison, law: str | None = None) -> RunRecord:
    """The record of a comparison; ``law``: the law tried, in words or as a formula."""
    verdict = comparison.verdict
    observables = {cell.estimate.observable for cell in comparison.cells} - {None}
    quantity = ", ".join(f"E[{each}]" for each in observables) or UPDATE
    found = {maker for cell in comparison.cells for maker in cell.estimate.software}
    makers = sorted(found, key=lambda each: each.text) or [this_software()]
    return RunRecord(
        format=FORMAT,
        law=law,
        quantity=quantity,
        step=comparison.step,
        seed=str(comparison.seed),
        family_budget=FAMILY_BUDGET,
        outcome=OUTCOMES[verdict.outcome],
        worst_cell=verdict.worst,
        noticed_relative_error=finite(verdict.noticed),
        noticed_relative_error_in_all=finite(verdict.noticed_in_all),
        critical_z=finite(verdict.critical),
        cells=tuple(map(CellRecord.of, comparison.cells)),
        wanted_samples=verdict.wants,
        measured_laws=comparison.measured_laws,
        fits=tuple(comparison.fits.values()),
        versions=versions(),
        software=makers[0],
        other_software=tuple(makers[1:]),
        platform=Platform(platform.machine(), platform.platform()),
    )


class _ExactLaw:
    """The default of ``law``, which help() shows by its name."""

    def __repr__(self) -> str:
        return "exact_law"


_EXACT_LAW = _ExactLaw()


@answered
@announced("comparison")
def compare_law(
    law: object = _EXACT_LAW,
    *,
    networks: Iterable[Network],
    seed: int,
    samples: int | Callable[[Network], int] | None = None,
    precision: float | None = None,
    sampler: Sampler = Gram(),
    layer: Any = None,
    step: float | None = None,
    observable: Observable | None = None,
    progress: Callable[[Network, int], None] | None = None,
    execution: Execution = Execution(),
) -> Comparison:
    """Compare ``law`` with simulated ``networks``, at the last hidden layer or at ``layer``.

    ``layer``: of residual networks a block, whose stream is measured, or `theory.Branch`.
    ``law``: a function of a network and a layer, or a formula as for `verify.check`, for the update
    or for the mean of ``observable``, as in `theory.derive`, which ``sampler`` can draw.
    ``samples``: networks drawn for each cell, or a function of the network; None plans them by
    cost.  ``precision``: in place of samples, the relative standard error of each cell; the exact
    variance of one network gives the number.  Each cell has a separate seed, derived from ``seed``
    and its whole configuration; a network given twice is one cell.  ``step``: None for the
    linearised update, else the rate of a real gradient step.  Raises `InvalidArgument` if the step
    is too large for the linearised value.  ``progress`` is called with a cell's network and the
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
    checked_progress(progress)
    planned = plan_cells(
        exact_law if law is _EXACT_LAW else law,
        networks=networks,
        seed=seed,
        samples=samples,
        precision=precision,
        sampler=sampler,
        layer=layer,
        step=step,
        observable=observable,
    )
    if progress is not None:
        watch = Watch(lambda cell, drawn: progress(planned[cell].network, drawn))
        execution = replace(execution, watch=watch)
    return measure_announced(planned, seed=seed, execution=execution)


def plan_cells(
    law: object,
    *,
    networks: Iterable[Network],
    seed: int,
    samples: int | Callable[[Network], int] | None,
    precision: float | None,
    sampler: Sampler,
    layer: Any,
    step: float | None,
    observable: Observable | None = None,
) -> list[PlannedCell]:
    """The networks that `compare_law` draws, checked, and the values for the comparison."""
    # a tenth of a second, for laws alone
    from theory.claims.reading import law_of, layer_of, observable_of

    observable = observable_of(law, observable)
    exact_value = partial(exact_law, observable=observable)
    value_of = exact_value if law is exact_law else law_of(law, observable)
    grid = list(networks) if isinstance(networks, Iterable) else []
    if not grid or not all(isinstance(each, Network) for each in grid):
        empty = isinstance(networks, Iterable) and not grid
        wanted = "at least one network" if empty else "a list of networks for networks"
        raise InvalidArgument(
            f"expected {wanted}, got networks={networks!r}; give [MLP(64, 2), MLP(64, 4)]"
        )
    for network in grid:
        if not network._is_exact:
            raise NotSolved(
                f"{brief(network)} in networks has a theory only as n → ∞: leave the width out of "
                f"the network, and call compare_infinite_width(squared_update(network), "
                f"widths=(100, 200, 400), samples=1000, seed=1)"
            )
        if network._whole:
            raise InvalidArgument(
                f"expected networks whose layers repeat, whose exact variance decides, got "
                f"{brief(network)} in networks; measure it with monte_carlo(network, samples=1000, "
                f"seed=1, sampler=Dense()), whose mean stands beside squared_update(network)"
            )
    if step is not None and not all(each._is_chain for each in grid):
        raise InvalidArgument(
            f"expected no step for networks other than MLP, got step={step!r}; measure a real step "
            f"with monte_carlo, which makes no comparison"
        )
    root = checked_seed(seed)
    planned = [
        PlannedCell(
            Sampling(
                asked := configuration(
                    network, layer=at, step=step, sampler=sampler, observable=observable
                ),
                derived_seed(root, asked.key),
                checked_samples(
                    planned_samples(
                        network,
                        at,
                        sampler,
                        samples=samples,
                        precision=precision,
                        step=step,
                        observable=observable,
                    )
                ),
            ),
            log_value(value_of(network, at), network),
            log_value(exact_value(network, at), network),
            None if sampler.meets_rare_networks else known_spread(network, at, step, observable),
            0.0 if step is None else STEP_ALLOWANCE,
        )
        for network in grid
        for at in [layer_of(law, network) if layer is None else layer]
    ]
    refuse_large_step(grid, step)
    return planned


def measure_cells(planned: Sequence[PlannedCell], *, seed: int, execution: Execution) -> Comparison:
    """All cells drawn side by side, and judged as one family."""
    blocks = checked_execution(execution).run([each.sampling for each in planned])
    cells = tuple(each.measured(drawn) for each, drawn in zip(planned, blocks, strict=True))
    steps = {each.sampling.configuration.step for each in planned}
    return Comparison(cells, seed, steps.pop() if len(steps) == 1 else None)


@dataclass(frozen=True, eq=False)
class _Announced(Watch):
    """Passes every call on to ``inner``, and notes the finished share of the work."""

    inner: Watch = field(kw_only=True)
    shares: list[float] = field(kw_only=True)
    note: Callable[[float], None] = field(kw_only=True)
    done: list[float] = field(default_factory=lambda: [0.0])

    def begin(self, samplings: Sequence[Sampling]) -> None:
        """See `Watch.begin`."""
        self.inner.begin(samplings)

    def found(self, cell: int, samples: int) -> None:
        """See `Watch.found`."""
        self.inner.found(cell, samples)
        self._add(cell, samples)

    def advance(self, cell: int, samples: int) -> None:
        """See `Watch.advance`."""
        self.inner.advance(cell, samples)
        self._add(cell, samples)

    def _add(self, cell: int, samples: int) -> None:
        self.done[0] += samples * self.shares[cell]
        self.note(self.done[0])


def measure_announced(
    planned: Sequence[PlannedCell], *, seed: int, execution: Execution
) -> Comparison:
    """`measure_cells`; a terminal shows the work that is expected, and how much of it is left."""
    seconds = [each.sampling.configuration.seconds for each in planned]
    samples = [each.sampling.samples for each in planned]
    whole = sum(map(mul, seconds, samples))
    expected = f"{whole:,.0f} s" if whole < _HOUR else f"{whole / _HOUR:,.0f} h"
    what = f"simulation of {sum(samples):,} networks, about {expected} of one core"
    with announced(what) as note:
        watch = _Announced(
            inner=checked_execution(execution).watch,
            shares=[each / whole for each in seconds],
            note=note,
        )
        return measure_cells(planned, seed=seed, execution=replace(execution, watch=watch))
