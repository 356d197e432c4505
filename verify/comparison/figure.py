"""The figure of a run shows the maximal rate against depth: exact, measured, and its law."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import exp
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from verify.comparison.exact_values import exact_rates, leading_rates
from verify.comparison.record import CellRecord, RunRecord
from verify.inference.numbers_in_text import width_in_words

__all__ = [
    "COLOURS",
    "MARKERS",
    "by_width",
    "cells_of_the_law",
    "draw_rates",
    "mark",
    "own_style",
    "rate_image",
]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Colours that people with any kind of colour vision tell apart (Okabe and Ito)."""
MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = (
    "-",
    (0, (7, 2)),
    (0, (3, 1.5)),
    (0, (7, 2, 1, 2)),
    (0, (1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)
"""With the markers, what tells widths apart without colour."""
_LOWEST = 1e-6
"""What is drawn of rates over the law's."""


@contextmanager
def own_style(**settings: Any) -> Iterator[None]:
    """Matplotlib's default style, and ``settings``, for a figure that is made and saved inside.

    A ``matplotlibrc`` may ask for TeX, fonts or sizes that are not there, and the working
    directory's, which may be someone else's, is read before the user's.
    """
    with style.context(["default", settings]):
        yield


def cells_of_the_law(run: RunRecord) -> list[CellRecord]:
    """The cells that the figure shows: measured ReLU networks, at the last layer, which binds."""
    return [cell for cell in run.cells if cell.defined and cell.is_of_the_law]


def rate_image(run: RunRecord, kind: str, dpi: int = 160) -> bytes | None:
    """The figure as a file of this ``kind``: ``"png"``, or ``"pdf"`` and ``"svg"``, in vectors;
    None where there is no cell to show."""
    cells = cells_of_the_law(run)
    if not cells:
        return None
    out = io.BytesIO()
    with own_style(**{"pdf.fonttype": 42, "svg.fonttype": "path"}):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        draw_rates(axes, cells)
        axes.set_ylabel(r"maximal learning rate $E[(\Delta z)^2/\eta^2]^{-1/2}$")
        figure.suptitle("Largest rate that keeps the mean squared update at 1", fontsize="medium")
        marks = (
            "lines: exact; marks: measured ± 2 s.e. (hollow: set by rare networks, not deciding)"
        )
        axes.set_title(marks, fontsize="small")
        axes.set_xticks(sorted({cell.depth for cell in cells}))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.25, which="both", linewidth=0.5)
        metadata = {"CreationDate": None} if kind == "pdf" else None
        figure.savefig(out, format=kind, dpi=dpi, metadata=metadata)
    return out.getvalue()


def draw_rates(
    axes: Axes, cells: Sequence[CellRecord], *, ink: str = "black", paper: str = "white"
) -> None:
    """Measured rates on the exact curves, and the law, readable in grey: each width has its colour,
    its marker and its dashes."""
    depths = _between(cells)
    text, law = leading_rates(depths)
    axes.plot(depths, law, "-", color=ink, linewidth=0.7, label=f"law ${text}$", zorder=3)
    for index, (width, group) in enumerate(by_width(cells)):
        colour, marker = COLOURS[index % 6], MARKERS[index % 6]
        look: dict[str, Any] = {"color": colour, "linestyle": _DASHES[index % 6], "linewidth": 1.2}
        own = _between(group)
        axes.plot(own, exact_rates(width, own), **look)
        for cell in group:
            rate = exp(min(max(-(cell.total.log_mean or 0.0) / 2, -700.0), 700.0))
            half = min(cell.relative_error or 0.0, 0.5) / 2 if cell.decides else 0.0
            mark(axes, (cell.depth, rate), half * rate, (colour, marker), cell.decides, paper)
        label = f"width {width_in_words(width)}"
        axes.plot([], [], marker=marker, markersize=4.5, label=label, **look)
    axes.set(xscale="log", yscale="log", xlabel="depth $L$")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, min(law) * _LOWEST), high)
    axes.legend(loc="upper right", fontsize="small")


def mark(
    axes: Axes,
    at: tuple[float, float],
    error: float,
    look: tuple[str, str],
    decides: bool,
    paper: str,
) -> None:
    """One cell in its colour, with two standard errors; hollow where it does not decide."""
    axes.errorbar(
        *at,
        yerr=2 * error or None,
        fmt=look[1],
        color=look[0],
        markerfacecolor=look[0] if decides else paper,
        markersize=4.5,
        capsize=2.5,
        linewidth=1,
        clip_on=False,
    )


def by_width(cells: Sequence[CellRecord]) -> list[tuple[int, list[CellRecord]]]:
    """The cells of each width, narrow ones first, in the order of their depths."""
    ordered = sorted(cells, key=lambda cell: (cell.width, cell.depth))
    return [(width, list(group)) for width, group in groupby(ordered, lambda cell: cell.width)]


def _between(cells: Sequence[CellRecord]) -> list[int]:
    """All depths between those of the cells, 64 at most, evenly on a logarithmic scale."""
    own = {cell.depth for cell in cells}
    grid = np.geomspace(min(own), max(own), 64)
    return sorted(own | {round(depth) for depth in grid})
