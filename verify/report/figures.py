"""The figures of a page are SVG in its colours: rates over depth, deviations from what was tried,
and mean beside typical network."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from theory.display.drawing import COLOURS, MARKERS, own_style
from verify.comparison.figure import by_width, cells_of_the_law, draw_rates, mark
from verify.comparison.record import CellRecord, RunRecord
from verify.inference.numbers_in_text import width_in_words

__all__ = ["deviation_figure", "heights", "rate_figure", "typical_figure"]

_INK, _PAPER = "#010203", "#fcfdfe"
_VARIABLES = {_INK: "var(--ink)", _PAPER: "var(--paper)"} | {
    colour: f"var(--series-{index})" for index, colour in enumerate(COLOURS)
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "mup-depth",
    "font.size": 10,
    "text.color": _INK,
    "axes.facecolor": "none",
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": "small",
}
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_LEFT_OUT = {f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"}
"""Style sheets would hold for the whole page."""
_SIZE = (4.7, 3.5)
"""Inches: drawn to be read at the width of a phone."""
_LOWEST = 1e-6
"""What is drawn of a median over the mean."""


def _inline_svg(name: str, title: str, draw: Callable[[Axes], None]) -> Markup:
    """What ``draw`` puts on axes as an ``svg`` element; equal drawings give equal text.

    ``name``: unlike that of any other figure of the page.  ``title``: said instead of the picture.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    with own_style(**_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        figure.patch.set_alpha(0.0)
        draw(figure.add_subplot())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in [each for each in parent if each.tag in _LEFT_OUT]:
            parent.remove(child)
    for element in root.iter():
        _rename(element, name)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"class": "plot", "role": "img", "aria-label": title}
    text = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return Markup(text)


def _rename(element: ElementTree.Element, name: str) -> None:
    """Put ``name`` before each name and each reference to one."""
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.set(key, f"{name}-{value}")
        elif key == f"{{{_LINK}}}href":
            element.set(key, value.replace("#", f"#{name}-", 1))
        elif "url(#" in value:
            element.set(key, value.replace("url(#", f"url(#{name}-"))


def rate_figure(run: RunRecord) -> Markup | None:
    """Measured rates on the exact curves, and the law; None where no cell is at the last layer."""
    cells = cells_of_the_law(run)
    if not cells:
        return None

    def draw(axes: Axes) -> None:
        draw_rates(axes, cells, ink=_INK, paper=_PAPER)
        axes.set_ylabel("maximal learning rate")
        axes.set_xlim(1, 10 ** max(1.0, np.ceil(np.log10(max(cell.depth for cell in cells)))))
        _decades(axes)

    title = (
        "Maximal learning rate against depth: exact curves by width, measured marks, and the law"
    )
    return _inline_svg("rates", title, draw)


def deviation_figure(run: RunRecord) -> Markup | None:
    """How many standard errors each cell is from the value tried, over depth/width."""
    cells = [cell for cell in run.cells if cell.defined]
    if not cells:
        return None

    def draw(axes: Axes) -> None:
        axes.axhline(0.0, color=_INK, linewidth=1.2)
        for index, (width, group) in enumerate(by_width(cells)):
            look = (COLOURS[index % 6], MARKERS[index % 6])
            for cell in group:
                mark(axes, (cell.ratio, cell.z or 0.0), 0.0, look, cell.decides, _PAPER)
            axes.plot([], [], look[1], color=look[0], label=f"width {width_in_words(width)}")
        if run.critical_z is not None:
            for height in (-run.critical_z, run.critical_z):
                axes.axhline(height, color=_INK, linewidth=1.2, linestyle=":")
            axes.plot([], [], ":", color=_INK, label="would reject")
        largest = max([abs(cell.z or 0.0) for cell in cells] + [run.critical_z or 4.0])
        axes.set(xscale="log", xlabel="depth/width $L/n$", ylabel="deviation in standard errors")
        axes.set_ylim(-1.25 * largest, 1.25 * largest)
        if largest > 20:
            _compress(axes, largest)
        _legend_above(axes)
        _whole_decades(axes, cells)
        _decades(axes, "x")

    title = "Deviation of measured means from what was tried, in standard errors, over depth/width"
    return _inline_svg("deviations", title, draw)


def typical_figure(run: RunRecord) -> Markup | None:
    """Measured mean and median network over the exact mean; None without medians."""
    pairs = [(cell.ratio, cell.median_over(cell.log_exact)) for cell in run.cells]
    medians = [(ratio, max(median, _LOWEST)) for ratio, median in pairs if median]
    if not medians:
        return None
    means = [(cell.ratio, cell.over_exact or 0.0) for cell in run.cells if cell.defined]
    means = [(ratio, over) for ratio, over in means if over > _LOWEST]

    def draw(axes: Axes) -> None:
        axes.axhline(1.0, color=_INK, linewidth=1.2, label="exact mean")
        for at in medians:
            axes.plot(*at, "D", color=COLOURS[1], markersize=5)
        for at in means:
            axes.plot(*at, "o", color=COLOURS[0], markersize=5)
        axes.plot([], [], "o", color=COLOURS[0], label="measured mean")
        axes.plot([], [], "D", color=COLOURS[1], label="median network")
        axes.set(xscale="log", yscale="log", xlabel="depth/width $L/n$")
        axes.set_ylabel("squared update over its exact mean")
        axes.set_ylim(*heights([height for _, height in medians + means]))
        _legend_above(axes)
        _whole_decades(axes, run.cells)
        _decades(axes)

    title = "Mean and median network over the exact mean, against depth over width"
    return _inline_svg("typical", title, draw)


def heights(values: Sequence[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis that shows 1 and all ``values``, which are positive.

    >>> heights([0.02, 1.0]), heights([5.0])
    ((0.01, 3.0), (0.1, 7.5))
    """
    low = 10.0 ** np.floor(np.log10(0.9 * min(1.0, *values)))
    return float(low), max(3.0, *(1.5 * value for value in values))


def _decades(axes: Axes, which: Literal["both", "x"] = "both") -> None:
    """A quiet grid, and plain numbers on a short depth axis."""
    axes.grid(visible=True, axis=which)
    axes.xaxis.set_minor_formatter(NullFormatter())
    if axes.get_xlim()[0] >= 0.5:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value):,}"))


def _whole_decades(axes: Axes, cells: Sequence[CellRecord]) -> None:
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
