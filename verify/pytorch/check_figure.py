"""A coordinate check as a figure: the update by layer, and measured over exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from verify.inference.verdict import FAMILY_BUDGET

if TYPE_CHECKING:
    from verify.pytorch.check_result import CoordinateCheck

__all__ = ["check_figure"]

_BLUE, _ORANGE = "#0072B2", "#D55E00"


def check_figure(check: CoordinateCheck) -> Figure:
    """Above: measured E[(Delta z)^2]/eta^2 and the exact curve; below: their ratio.

    Error bars hold the truth in all layers together with a chance of 99 %; a model whose updates
    are undefined has no marks.
    """
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    layers = [layer.layer for layer in check.layers]
    exact = [layer.exact for layer in check.layers]
    above.plot(layers, exact, "-", color=_BLUE, linewidth=1.2, label="exact")
    below.axhline(1.0, color=_BLUE, linewidth=1.2)
    if all(layer.score.defined for layer in check.layers):
        ends = [(each.low, each.value, each.high) for each in check.intervals()]
        _bars(above, layers, ends, exact)
        _bars(below, layers, ends, [1.0] * len(layers))
    above.set_yscale("log")
    above.set_ylabel(r"$E[(\Delta z)^2]/\eta^2$")
    above.set_title(f"{check.samples:,} real steps of rate {check.step:g}", fontsize="medium")
    above.legend(fontsize="small")
    below.set(xlabel="layer", ylabel="measured / exact")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (above, below):
        axes.grid(alpha=0.25, linewidth=0.5)
    return figure


def _bars(
    axes: Axes, layers: list[int], ends: list[tuple[float, float, float]], unit: list[float]
) -> None:
    values = [value * u for (_, value, _), u in zip(ends, unit, strict=True)]
    down = [(value - low) * u for (low, value, _), u in zip(ends, unit, strict=True)]
    up = [(high - value) * u for (_, value, high), u in zip(ends, unit, strict=True)]
    axes.errorbar(
        layers,
        values,
        yerr=(down, up),
        fmt="o",
        color=_ORANGE,
        markersize=4,
        capsize=2.5,
        linewidth=1,
        label=f"measured, {1 - FAMILY_BUDGET:.0%} for all layers",
    )
