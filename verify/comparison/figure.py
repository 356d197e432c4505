"""The figure of a run shows the maximal rate against depth: exact, measured, and its law."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from math import exp, log

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.display.drawing import Curve, Marks, draw, own_style, wrapped
from theory.errors import InvalidArgument
from theory.validation import typed
from verify.comparison.exact_values import exact_rates, leading_power, leading_rates
from verify.comparison.record import UPDATE, CellRecord, RunRecord
from verify.comparison.verdict_in_words import finding
from verify.inference.numbers_in_text import width_in_words

__all__ = ["by_width", "cells_of_the_law", "draw_cells", "draw_rates", "rate_image"]

_SIZES = {"depth": "depth $L$", "width": "width $n$", "layer": r"layer $\ell$"}
_BLOCKS = "number of blocks $B$"

_LOWEST = 1e-6
"""The drawn range of measured rates over the law's rate; exact rates are drawn in full."""


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
    settings = {"pdf.fonttype": 42, "svg.fonttype": "path", "axes.grid": True, "grid.alpha": 0.25}
    with own_style(**settings):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = draw_rates(figure.add_subplot(), cells)
        figure.suptitle(wrapped(finding(run)), fontsize="medium")
        axes.set_ylabel(r"maximal learning rate $E[(\Delta z)^2/\eta^2]^{-1/2}$")
        hollow = "set by rare networks, not in the verdict"
        marks = f"lines: exact; marks: measured ± 2 s.e. (hollow: {hollow})"
        axes.set_title(marks, fontsize="small")
        metadata = {"CreationDate": None} if kind == "pdf" else None
        figure.savefig(out, format=kind, dpi=dpi, metadata=metadata)
    return out.getvalue()


def draw_rates(ax: Axes, cells: Sequence[CellRecord]) -> Axes:
    """Put measured rates, exact curves and the law on ``ax``; return the axes."""
    depths = _between(cells)
    text, law = leading_rates(depths)
    drawn: list[Curve | Marks] = [Curve(f"law {text}", depths, law, law=True)]
    lowest = min(law) * _LOWEST
    for look, (width, group) in enumerate(by_width(cells)):
        own = _between(group)
        label = f"width {width_in_words(width)}"
        exact = exact_rates(width, own)
        lowest = min(lowest, min(exact) / 2)
        drawn += [Curve(label, own, exact, look), _rate_marks(group, look)]
    draw(ax, drawn, title="", xlabel="depth $L$", ylabel="maximal learning rate")
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, lowest), high)
    return ax


def _rate_marks(cells: Sequence[CellRecord], look: int) -> Marks:
    """The measured rates, with errors where they decide: half the relative errors of the means."""
    rates = [exp(min(max(-(cell.total.log_mean or 0.0) / 2, -700.0), 700.0)) for cell in cells]
    halves = [min(c.relative_error or 0.0, 0.5) / 2 if c.decides else 0.0 for c in cells]
    errors = [half * rate for half, rate in zip(halves, rates, strict=True)]
    hollow = [not cell.decides for cell in cells]
    return Marks("", [cell.depth for cell in cells], rates, errors, look, hollow)


def by_width(cells: Sequence[CellRecord]) -> list[tuple[int, list[CellRecord]]]:
    """The cells of each width, the narrowest first, in the order of their depths."""
    ordered = sorted(cells, key=lambda cell: (cell.width, cell.depth))
    return [(width, list(group)) for width, group in groupby(ordered, lambda cell: cell.width)]


def _between(cells: Sequence[CellRecord]) -> list[int]:
    """At most 64 depths between the depths of the cells, evenly on a logarithmic scale."""
    own = {cell.depth for cell in cells}
    grid = np.geomspace(min(own), max(own), 64)
    return sorted(own | {round(depth) for depth in grid})


def draw_cells(
    run: RunRecord,
    ax: Axes | None = None,
    against: str | None = None,
    *,
    title: str = "",
    tried: str = "tried law",
) -> Axes:
    """Measured means over their exact values, and over these the law that was ``tried``, under
    this name, or the leading term.

    ``against``: "depth" ("blocks" where networks have blocks), "width" or "layer"; None for the
    first that varies.  A curve, and marks of one look, for each of the other sizes.
    """
    cells = [cell for cell in run.cells if cell.defined and cell.over_exact]
    called = {"depth": run.depth_name}
    axis = _axis(cells, against, called)
    varying = [name for name in _varying(cells) if name != axis]
    others = [name for name in varying if name != "layer" or run.below]

    def group_of(cell: CellRecord) -> list[tuple[bool, int | str]]:
        sizes = (getattr(cell, name) for name in others)
        return [(isinstance(size, str), size) for size in sizes]

    drawn: list[Curve | Marks] = []
    rows = sorted(cells, key=lambda cell: (group_of(cell), getattr(cell, axis)))
    for look, (sizes, group) in enumerate(groupby(rows, group_of)):
        pairs = zip(others, sizes, strict=True)
        names = [
            str(v) if said else f"{called.get(k, k)} {width_in_words(int(v))}"
            for k, (said, v) in pairs
        ]
        drawn += _group(list(group), axis, look, ", ".join(names), tried)
    ends = sorted({getattr(cell, axis) for cell in cells})
    update = ", ".join(rf"$E[(\Delta {each})^2]$" for each in run.moved)
    quantity = update if run.quantity == UPDATE else run.quantity
    drawn.append(Curve("exact", ends, [1.0] * len(ends), shared=True))
    return draw(
        ax,
        drawn,
        title=title or finding(run),
        xlabel=_BLOCKS if called.get(axis) == "blocks" else _SIZES[axis],
        ylabel=f"{quantity} over its exact value",
    )


def _axis(cells: Sequence[CellRecord], against: str | None, called: dict[str, str]) -> str:
    """The size to draw against, in the words of the record; some are ``called`` by other words."""
    numbers = [name for name in _varying(cells) if _are_numbers(cells, name)]
    if against is None:
        return next(iter(numbers), "depth")
    sizes = {called.get(name, name): name for name in _SIZES} | {name: name for name in _SIZES}
    axis = sizes.get(against)
    if axis is None or not _are_numbers(cells, axis):
        known = " or ".join(repr(called.get(name, name)) for name in _SIZES)
        raise InvalidArgument(
            f"expected {known} for against, got against={typed(against)}; leave it out for the "
            f"first that varies"
        )
    return axis


def _are_numbers(cells: Sequence[CellRecord], name: str) -> bool:
    """Whether a size is a number in all cells: places of networks other than an MLP are names."""
    return not any(isinstance(getattr(cell, name), str) for cell in cells)


def _varying(cells: Sequence[CellRecord]) -> list[str]:
    return [name for name in _SIZES if len({getattr(cell, name) for cell in cells}) > 1]


def _group(
    cells: Sequence[CellRecord], axis: str, look: int, name: str, tried: str
) -> list[Curve | Marks]:
    """Marks of one look, and the law over the exact values where it differs from them."""
    x, name = [getattr(cell, axis) for cell in cells], name and f", {name}"
    errors = [cell.relative_standard_error or 0.0 if cell.decides else 0.0 for cell in cells]
    hollow = [not cell.decides for cell in cells]
    over = [cell.over_exact or 0.0 for cell in cells]
    note = " (hollow: not in the verdict)" * any(hollow)
    marks = Marks(f"measured{name}{note}", x, over, errors, look, hollow)
    if any(cell.log_law != cell.log_exact for cell in cells):
        logs = [cell.log_law - cell.log_exact for cell in cells]
    elif all(cell.is_of_the_law for cell in cells):
        tried, (constant, power) = "law as n → ∞", leading_power()
        logs = [-2 * log(constant) - 2 * power * log(cell.depth) - cell.log_exact for cell in cells]
    else:
        return [marks]
    return [Curve(f"{tried}{name}", x, list(map(exp, logs)), look), marks]
