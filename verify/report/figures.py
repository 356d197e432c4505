"""The figures of a run: rates over depth, deviations, and mean beside typical network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from verify.report.formulas import exact_rates, law_rates
from verify.report.numbers import count
from verify.report.records import Cell, Run
from verify.report.svg import INK, PAPER, SERIES, inline_svg

__all__ = ["deviation_figure", "heights", "rate_figure", "typical_figure"]

_MARKERS = ("o", "s", "^", "D", "v", "P")
_LOWEST = 1e-6
"""What is drawn of a median over the mean, and of rates over the law's."""


def rate_figure(run: Run) -> Markup | None:
    """Measured rates on the exact curves, and the law; None where no cell is at the last layer."""
    cells = [c for c in run.cells if c.measured and c.plain and c.layer == c.depth]
    if not cells:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        depths = _depths(cells)
        law = np.array(law_rates(depths))
        axes.plot(depths, law, "--", color=INK, linewidth=1.2, label="law", zorder=3)
        for index, (width, group) in enumerate(_by_width(cells)):
            _rates(axes, width, group, index)
        axes.set(xscale="log", yscale="log", xlabel="depth $L$", ylabel="maximal learning rate")
        lowest = min(_rate(cell) for cell in cells)
        axes.set_ylim(bottom=max(lowest, law.min() * _LOWEST) / 3, top=law.max() * 2)
        axes.set_xlim(1, 10 ** max(1.0, np.ceil(np.log10(max(depths)))))
        _decades(axes)

    return inline_svg(
        "rates",
        "Maximal learning rate against depth: exact curves by width, measured marks, and the law",
        draw,
    )


def _rates(axes: Axes, width: int, cells: Sequence[Cell], index: int) -> None:
    colour, marker = SERIES[index % 6], _MARKERS[index % 6]
    depths = _depths(cells)
    axes.plot(depths, exact_rates(width, depths), color=colour, linewidth=1.2)
    for cell in cells:
        error = cell.relative_error if cell.decides else None
        rate = _rate(cell)
        _mark(axes, (cell.depth, rate), min(error or 0.0, 0.5) * rate, (colour, marker), cell)
    axes.plot([], [], marker, linestyle="-", color=colour, label=f"width {count(width)}")
    axes.legend()


def _rate(cell: Cell) -> float:
    return float(np.exp(-(cell.log_mean or 0.0) / 2))


def deviation_figure(run: Run) -> Markup | None:
    """How many standard errors each cell is from the value tried, over depth/width."""
    cells = [cell for cell in run.cells if cell.measured]
    if not cells:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axhline(0.0, color=INK, linewidth=1.2)
        for index, (width, group) in enumerate(_by_width(cells)):
            style = (SERIES[index % 6], _MARKERS[index % 6])
            for cell in group:
                _mark(axes, (cell.ratio, cell.z or 0.0), 0.0, style, cell)
            axes.plot([], [], style[1], color=style[0], label=f"width {count(width)}")
        if run.critical is not None:
            for height in (-run.critical, run.critical):
                axes.axhline(height, color=INK, linewidth=1.2, linestyle=":")
            axes.plot([], [], ":", color=INK, label="would reject")
        largest = max([abs(cell.z or 0.0) for cell in cells] + [run.critical or 4.0])
        axes.set(xscale="log", xlabel="depth/width $L/n$", ylabel="deviation in standard errors")
        axes.set_ylim(-1.25 * largest, 1.25 * largest)
        if largest > 20:
            _compress(axes, largest)
        _legend_above(axes)
        _whole_decades(axes, cells)
        _decades(axes, "x")

    title = "Deviation of measured means from what was tried, in standard errors, over depth/width"
    return inline_svg("deviations", title, draw)


def typical_figure(run: Run) -> Markup | None:
    """Measured mean and median network over the exact mean; None without medians."""
    cells = [cell for cell in run.cells if cell.median_over_exact]
    if not cells:
        return None

    medians = [(cell.ratio, max(cell.median_over_exact or 0.0, _LOWEST)) for cell in cells]
    means = [(cell.ratio, cell.over_exact or 0.0) for cell in run.cells if cell.measured]
    means = [(ratio, over) for ratio, over in means if over > _LOWEST]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axhline(1.0, color=INK, linewidth=1.2, label="exact mean")
        for at in medians:
            axes.plot(*at, "D", color=SERIES[1], markersize=5)
        for at in means:
            axes.plot(*at, "o", color=SERIES[0], markersize=5)
        axes.plot([], [], "o", color=SERIES[0], label="measured mean")
        axes.plot([], [], "D", color=SERIES[1], label="median network")
        axes.set(xscale="log", yscale="log", xlabel="depth/width $L/n$")
        axes.set_ylabel("squared update over its exact mean")
        axes.set_ylim(*heights([height for _, height in medians + means]))
        _legend_above(axes)
        _whole_decades(axes, run.cells)
        _decades(axes)

    title = "Mean and median network over the exact mean, against depth over width"
    return inline_svg("typical", title, draw)


def heights(values: Sequence[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis that shows 1 and all ``values``, which are positive.

    >>> heights([0.02, 1.0]), heights([5.0])
    ((0.01, 3.0), (0.1, 7.5))
    """
    low = 10.0 ** np.floor(np.log10(0.9 * min(1.0, *values)))
    return float(low), max(3.0, *(1.5 * value for value in values))


def _mark(
    axes: Axes, at: tuple[float, float], error: float, style: tuple[str, str], cell: Cell
) -> None:
    """One cell, hollow where it does not decide."""
    colour, marker = style
    axes.errorbar(
        *at,
        yerr=2 * error or None,
        fmt=marker,
        color=colour,
        markerfacecolor=colour if cell.decides else PAPER,
        markersize=5,
        capsize=2.5,
        linewidth=1.2,
        clip_on=False,
    )


def _by_width(cells: Sequence[Cell]) -> list[tuple[int, list[Cell]]]:
    ordered = sorted(cells, key=lambda cell: (cell.width, cell.depth))
    return [(width, list(group)) for width, group in groupby(ordered, lambda cell: cell.width)]


def _depths(cells: Sequence[Cell]) -> list[int]:
    """All depths between those of the cells, 64 at most, evenly on a logarithmic scale."""
    own = {cell.depth for cell in cells}
    grid = np.geomspace(min(own), max(own), 64)
    return sorted(own | {round(depth) for depth in grid})


def _decades(axes: Axes, which: Literal["both", "x"] = "both") -> None:
    """A quiet grid, and plain numbers on a short depth axis."""
    axes.grid(visible=True, axis=which)
    axes.xaxis.set_minor_formatter(NullFormatter())
    if axes.get_xlim()[0] >= 0.5:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(round(value))))


def _whole_decades(axes: Axes, cells: Sequence[Cell]) -> None:
    """Depth over width between powers of ten, with some room."""
    ends = np.log10([cell.ratio for cell in cells])
    low, high = np.floor(ends.min() - 0.1), np.ceil(ends.max() + 0.1)
    axes.set_xlim(10.0**low, 10.0**high)


def _compress(axes: Axes, largest: float) -> None:
    """A height scale that is even up to 10 and logarithmic beyond."""
    axes.set_yscale("symlog", linthresh=10.0)
    powers = [10.0**k for k in range(1, int(np.log10(largest)) + 1)]
    axes.set_yticks([-each for each in powers] + [0.0, *powers])
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
