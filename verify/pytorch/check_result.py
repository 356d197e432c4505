"""The result of a coordinate check holds the numbers of each layer, judges and prints itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich import box
from rich.console import Console
from rich.table import Table

from theory.display.tables import html_table
from theory.networks.mlp import MLP
from theory.outcome import Outcome
from verify.comparison.exact_values import STEP_ALLOWANCE
from verify.inference.evidence import POWER, Interval
from verify.inference.numbers_in_text import value_and_error
from verify.inference.verdict import FAMILY_BUDGET, NoCondition, Score, Verdict, decide
from verify.pytorch.learning_rates import share_of_bound

__all__ = ["CoordinateCheck", "LayerCheck"]

_BLUE, _ORANGE = "#0072B2", "#D55E00"
_BEYOND = f"beyond {100 * STEP_ALLOWANCE:.0f} %"
_HEADER = (
    "layer",
    "exact",
    "measured ± s.e.",
    "ratio, 99 % interval",
    "z",
    f"z {_BEYOND}",
    "E at maximal rate",
)


@dataclass(frozen=True, eq=False)
class LayerCheck:
    """E[(Delta z)^2]/eta^2 at one hidden layer.

    ``exact``: by theory.  ``score``: the test of the measured mean, in units of ``exact``.

    >>> from torch import nn
    >>> from verify.pytorch import coordinate_check
    >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
    >>> coordinate_check(nn.Sequential(*layers), samples=500, seed=1).layers[0]
    LayerCheck of layer 1: measured 0.533 ± 0.024, exact 0.54102, z = -0.31, 0 beyond 2 %
    """

    layer: int
    exact: float
    score: Score

    @property
    def measured(self) -> float:
        """The plain mean over all initialisations; NaN where undefined.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> round(check.layers[0].measured, 3)
        0.533
        """
        return self.exact * self.score.evidence.ratio

    @property
    def standard_error(self) -> float:
        """The standard error of `measured`, from a bound on the variance of one real step that is
        known exactly.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> round(check.layers[0].standard_error, 3)
        0.024
        """
        return self.exact * self.score.evidence.standard_error

    @property
    def plain_z(self) -> float:
        """Measured less exact in standard errors; NaN where undefined.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> round(check.layers[0].plain_z, 2)
        -0.31
        """
        return (self.score.evidence.ratio - 1.0) / self.score.evidence.standard_error

    @property
    def z(self) -> float:
        """The same beyond the 2 % allowed to a real step, which is judged; 0 within them.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> abs(check.layers[0].z) <= abs(check.layers[0].plain_z)
        True
        """
        return self.score.z

    def interval(self, level: float) -> Interval:
        """Confidence interval of measured over exact, by Catoni's estimator.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> interval = check.layers[0].interval(0.95)
        >>> interval.low < 1 < interval.high
        True
        """
        return self.score.evidence.interval(level)

    def __repr__(self) -> str:
        _, exact, measured, z, judged = self._cells()
        return (
            f"LayerCheck of layer {self.layer}: measured {measured}, exact {exact}, "
            f"z = {z}, {judged} {_BEYOND}"
        )

    def _cells(self) -> tuple[str, str, str, str, str]:
        """Layer, exact, measured, z and the judged z, which stands in brackets where it decides
        nothing."""
        known = str(self.layer), f"{self.exact:.5g}"
        if not self.score.defined:
            return *known, "undefined", "undefined", "undefined"
        measured = "0"
        if self.measured > 0:
            measured = value_and_error(log(self.measured), self.score.relative_standard_error)
        judged = f"{self.z:+.2f}" if round(self.z, 2) else "0"
        judged = judged if self.score.decides else f"({judged})"
        return *known, measured, f"{self.plain_z:+.2f}", judged


@dataclass(frozen=True, eq=False)
class CoordinateCheck(NoCondition):
    """The comparison of a model's real steps with exact values, by layer.  Made by
    `coordinate_check`.

    ``step``: the rate of the steps; ``samples``: initialisations.  ``drawn_by``: the name of the
    function that drew the weights.  ``causes``: clauses on differences of the weights and
    the losses from the theory.  ``notes``: sentences on cases that the verdict does not cover.

    >>> from torch import nn
    >>> from verify.pytorch import coordinate_check
    >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
    >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
    >>> [round(layer.exact, 4) for layer in check.layers], check.verdict.outcome.name
    ([0.541], 'CONSISTENT')
    """

    network: MLP
    step: float
    samples: int
    seed: int
    layers: tuple[LayerCheck, ...]
    drawn_by: str = "initialise"
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _condition = "check.outcome"

    @property
    def outcome(self) -> Outcome:
        """The outcome of `verdict`.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> coordinate_check(nn.Sequential(*layers), samples=500, seed=1).outcome.name
        'CONSISTENT'
        """
        return self.verdict.outcome

    @cached_property
    def verdict(self) -> Verdict:
        """Consistent, rejected or undecided, for all layers together.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> check.verdict.outcome.name
        'CONSISTENT'
        """
        return decide([layer.score for layer in self.layers])

    def intervals(self) -> tuple[Interval, ...]:
        """Intervals for measured over exact by layer: all hold the truth with a chance of 99 %.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> [interval.low < 1 < interval.high for interval in check.intervals()]
        [True]
        """
        level = 1.0 - FAMILY_BUDGET / len(self.layers)
        return tuple(layer.interval(level) for layer in self.layers)

    def plot(self) -> Figure:
        """Measured with error bars and exact by layer; ``.savefig("check.pdf")`` writes it.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> [axes.get_ylabel() for axes in check.plot().axes][1]
        'measured / exact'
        """
        intervals = self._intervals_if_defined()
        exact = [layer.exact for layer in self.layers]
        figure = _figure([layer.layer for layer in self.layers], exact, intervals)
        figure.axes[0].set_title(self._steps(), fontsize="medium")
        return figure

    def __repr__(self) -> str:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        for name in _HEADER:
            table.add_column(name, justify="right", no_wrap=True)
        for row in self._rows():
            table.add_row(*row)
        console = Console(width=120, color_system=None, highlight=False, force_jupyter=False)
        with console.capture() as capture:
            console.print(table)
        lines = [line.rstrip() for line in capture.get().splitlines()]
        return "\n".join([self._title(), *(line for line in lines if line), self._conclusion()])

    def _repr_html_(self) -> str:
        """Title, table and verdict."""
        return html_table(self._rows(), _HEADER, caption=self._title(), below=self._conclusion())

    def _title(self) -> str:
        return (
            f"E[(Δz)²]/η² by layer of {self.network} with weights drawn by {self.drawn_by}: "
            + self._steps()
        )

    def _steps(self) -> str:
        return f"{self.samples:,} real step{'s' * (self.samples > 1)} of rate {self.step:g}"

    def _intervals_if_defined(self) -> tuple[Interval, ...]:
        defined = all(layer.score.defined for layer in self.layers)
        return self.intervals() if defined else ()

    def _rows(self) -> list[list[str]]:
        """A row for each layer, below `_HEADER`."""
        ends = [f"{each.low:.3f} to {each.high:.3f}" for each in self._intervals_if_defined()]
        rows = []
        for layer, interval in zip(self.layers, ends or ["-"] * len(self.layers), strict=True):
            number, exact, measured, z, judged = layer._cells()
            share = f"{share_of_bound(self.network, layer.exact):.3g}"
            rows.append([number, exact, measured, interval, z, judged, share])
        return rows

    def _conclusion(self) -> str:
        """The verdict, the causes that speak against the theory, and the notes."""
        causes = [f"Seen: {'; '.join(self.causes)}."] if self.causes else []
        return " ".join([self._verdict_in_words(), *causes, *self.notes])

    def _verdict_in_words(self) -> str:
        verdict = self.verdict
        if verdict.worst is None:
            return (
                "UNDECIDED: outside the range where a real step follows the law, a width of at "
                "least 16 and a depth of at most a quarter of it; nothing is judged."
            )
        budget = f"at a family-wise {FAMILY_BUDGET:.0%} over {len(self.layers)} layers"
        if verdict.outcome is Outcome.UNDECIDED:
            return f"UNDECIDED: nothing is rejected {budget}, but {self._obstacle()}."
        worst = self.layers[verdict.worst]
        z = (
            f"z = {worst._cells()[-1]} {_BEYOND} at layer {worst.layer}, where |z| = "
            f"{verdict.critical:.2f} would reject"
        )
        if verdict.outcome is Outcome.REJECTED:
            return f"REJECTED: {z}, {budget}."
        nearest = f"the layer nearest to its own bound has {z}" if len(self.layers) > 1 else z
        return (
            f"CONSISTENT: {nearest}, {budget}; an error of {verdict.noticed:.0%} in any one of "
            f"them would have been noticed {100 * POWER:.0f} times in 100."
        )

    def _obstacle(self) -> str:
        """The obstacle to a decision."""
        if self.samples == 1:
            return "one sample has no standard error; give samples=2 at least"
        wanted = [want.samples or 0 for want in self.verdict.wants]
        if not all(wanted):
            return "the updates of some layer are not finite"
        return (
            f"too little would have been noticed; samples={max(wanted, default=0):,} would decide"
        )


def _figure(layers: list[int], exact: list[float], ratios: Sequence[Interval]) -> Figure:
    """Above: measured E[(Delta z)^2]/eta^2 and the exact curve; below: their ratio.

    ``ratios``: of measured over exact, which hold the truth in all layers together with a chance of
    99 %; empty where the updates are undefined, and then there are no marks.
    """
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.plot(layers, exact, "-", color=_BLUE, linewidth=1.2, label="exact")
    below.axhline(1.0, color=_BLUE, linewidth=1.2)
    for axes, units in ((above, exact), (below, [1.0] * len(layers))):
        axes.grid(alpha=0.25, linewidth=0.5)
        if ratios:
            pairs = list(zip(ratios, units, strict=True))
            down = [(ratio.value - ratio.low) * unit for ratio, unit in pairs]
            up = [(ratio.high - ratio.value) * unit for ratio, unit in pairs]
            axes.errorbar(
                layers,
                [ratio.value * unit for ratio, unit in pairs],
                yerr=(down, up),
                fmt="o",
                color=_ORANGE,
                markersize=4,
                capsize=2.5,
                linewidth=1,
                label=f"measured, {1 - FAMILY_BUDGET:.0%} for all layers",
            )
    above.set_yscale("log")
    above.set_ylabel(r"$E[(\Delta z)^2]/\eta^2$")
    above.legend(fontsize="small")
    below.set(xlabel="layer", ylabel="measured / exact")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
