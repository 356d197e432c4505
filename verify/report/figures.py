"""The figures of a page are SVG in its colours: rates over depth, deviations from the tried law,
and the mean next to the typical network."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.display.drawing import COLOURS, Curve, Marks, draw, own_style
from verify.comparison.figure import by_width, cells_of_the_law, draw_rates
from verify.comparison.record import CellRecord, RunRecord
from verify.inference.numbers_in_text import width_in_words

__all__ = ["deviation_figure", "rate_figure", "typical_figure"]

_INK, _PAPER = "#010203", "#fcfdfe"
_VARIABLES = {_INK: "var(--ink)", _PAPER: "var(--paper)"} | {
    colour: f"var(--series-{index})" for index, colour in enumerate(COLOURS)
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "mup-depth",
    "font.size": 10,
    "text.color": _INK,
    "axes.facecolor": _PAPER,
    "axes.grid": True,
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
"""The part of a median over the mean that is drawn."""
_FAR = 20
"""Standard errors from which on the scale is even up to the half and logarithmic beyond."""
_RATIO = "depth/width $L/n$"


def _inline_svg(name: str, title: str, put: Callable[[Axes], object]) -> Markup:
    """The drawing of ``put`` on axes as an ``svg`` element; equal drawings give equal text.

    ``name``: unique among the figures of the page.  ``title``: read aloud instead of the picture.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    with own_style(**_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        figure.patch.set_alpha(0.0)
        axes = figure.add_subplot()
        put(axes)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=3.2)
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
    title = (
        "Maximal learning rate against depth: exact curves by width, measured marks, and the law"
    )
    return _inline_svg("rates", title, lambda axes: draw_rates(axes, cells)) if cells else None


def deviation_figure(run: RunRecord) -> Markup | None:
    """How many standard errors each cell is from the value tried, over depth/width."""
    cells = [cell for cell in run.cells if cell.defined]
    if not cells:
        return None
    drawn: list[Curve | Marks] = []
    for look, (width, group) in enumerate(by_width(cells)):
        ratios, deviations = [c.ratio for c in group], [c.z or 0.0 for c in group]
        hollow = [not cell.decides for cell in group]
        label = f"width {width_in_words(width)}"
        drawn.append(Marks(label, ratios, deviations, [0.0] * len(group), look, hollow))
    drawn.append(_level(0.0, cells))
    if run.critical_z is not None:
        drawn.append(replace(_level(run.critical_z, cells, "would reject"), law=True))
        drawn.append(replace(_level(-run.critical_z, cells), law=True))
    largest = max([abs(cell.z or 0.0) for cell in cells] + [run.critical_z or 4.0])

    def put(axes: Axes) -> None:
        draw(axes, drawn, title="", xlabel=_RATIO, ylabel="deviation in standard errors")
        _spread_ratios(axes, run.cells)
        if largest > _FAR:
            axes.set_yscale("symlog", linthresh=_FAR / 2)
        axes.set_ylim(-1.25 * largest, 1.25 * largest)

    title = "Deviation of measured means from the tried law, in standard errors, over depth/width"
    return _inline_svg("deviations", title, put)


def typical_figure(run: RunRecord) -> Markup | None:
    """Measured mean and median network over the exact mean; None without medians."""
    pairs = [(cell.ratio, cell.median_over(cell.log_exact)) for cell in run.cells]
    medians = [(ratio, max(median, _LOWEST)) for ratio, median in pairs if median]
    if not medians:
        return None
    means = [(cell.ratio, cell.over_exact or 0.0) for cell in run.cells if cell.defined]
    drawn: list[Curve | Marks] = [
        _level(1.0, run.cells, "exact mean"),
        _points("measured mean", [mean for mean in means if mean[1] > _LOWEST], 0),
        _points("median network", medians, 1),
    ]

    def put(axes: Axes) -> None:
        draw(axes, drawn, title="", xlabel=_RATIO, ylabel="squared update over its exact mean")
        _spread_ratios(axes, run.cells)
        axes.set_yscale("log")

    title = "Mean and median network over the exact mean, against depth over width"
    return _inline_svg("typical", title, put)


def _spread_ratios(axes: Axes, cells: Sequence[CellRecord]) -> None:
    """A logarithmic scale of depths/widths; one alone keeps its own mark."""
    if len({cell.ratio for cell in cells}) > 1:
        axes.set_xscale("log")


def _level(height: float, cells: Sequence[CellRecord], label: str = "") -> Curve:
    """A line at one height over all depths/widths."""
    ratios = sorted({cell.ratio for cell in cells})
    return Curve(label, ratios, [height] * len(ratios), shared=True)


def _points(label: str, points: Sequence[tuple[float, float]], look: int) -> Marks:
    """Marks without error bars."""
    x, y = [ratio for ratio, _ in points], [height for _, height in points]
    return Marks(label, x, y, [0.0] * len(points), look)
