"""The figure: maximal learning rate against depth, exact, measured, and its law."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from verify.comparison.curves import LawCurve, RatePoints
from verify.comparison.drawing import own_style
from verify.inference.numbers_in_text import width_in_words

__all__ = ["rate_figure", "rate_image"]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Colours that people with any kind of colour vision tell apart (Okabe and Ito)."""
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = (
    "-",
    (0, (7, 2)),
    (0, (3, 1.5)),
    (0, (7, 2, 1, 2)),
    (0, (1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)
"""With the markers, what tells widths apart without colour."""


def rate_image(points: Sequence[RatePoints], law: LawCurve, kind: str, dpi: int = 160) -> bytes:
    """The figure as a file of this ``kind``: ``"png"``, or ``"pdf"`` and ``"svg"``, in vectors."""
    metadata = {"CreationDate": None} if kind == "pdf" else None
    out = io.BytesIO()
    with own_style(**{"pdf.fonttype": 42, "svg.fonttype": "path"}):
        rate_figure(points, law).savefig(out, format=kind, dpi=dpi, metadata=metadata)
    return out.getvalue()


def rate_figure(points: Sequence[RatePoints], law: LawCurve) -> Figure:
    """The figure, readable in grey: each width has its colour, its marker and its dashes."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    law_text = f"law ${law.latex}$"
    axes.plot(law.depths, law.rates, "-", color="black", linewidth=0.7, label=law_text, zorder=3)
    for index, each in enumerate(points):
        _draw(axes, each, index % 6)
    axes.set(xscale="log", yscale="log", xlabel="depth $L$")
    axes.set_ylabel(r"maximal learning rate $E[(\Delta z)^2/\eta^2]^{-1/2}$")
    figure.suptitle("Largest rate that keeps the mean squared update at 1", fontsize="medium")
    marks = "lines: exact; marks: measured ± 2 s.e. (hollow: set by rare networks, not deciding)"
    axes.set_title(marks, fontsize="small")
    ticks = sorted({depth for each in points for depth in each.depths})
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.25, which="both", linewidth=0.5)
    axes.legend(loc="upper right", fontsize="small")
    return figure


def _draw(axes: Axes, points: RatePoints, index: int) -> None:
    colour, marker, dashes = _COLOURS[index], _MARKERS[index], _DASHES[index]
    axes.plot(points.curve_depths, points.curve, color=colour, linestyle=dashes, linewidth=1.2)
    cells = zip(points.depths, points.rates, points.errors, points.decides, strict=True)
    for depth, rate, error, decides in cells:
        axes.errorbar(
            depth,
            rate,
            yerr=2 * error,
            fmt=marker,
            color=colour,
            markerfacecolor=colour if decides else "white",
            markersize=4.5,
            capsize=2.5,
            linewidth=1,
        )
    axes.plot(
        [],
        [],
        marker=marker,
        linestyle=dashes,
        markersize=4.5,
        color=colour,
        label=f"width {width_in_words(points.width)}",
    )
