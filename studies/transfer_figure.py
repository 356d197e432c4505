"""This module draws the transfer study's figure: loss over rate and over rate/exact; best rates."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator, ScalarFormatter

from studies.transfer_record import Found
from studies.transfer_statistics import best_octaves, carried, exponent, unit_rates
from verify.numerics.arrays import FloatArray

__all__ = ["best_rates_figure"]

_MARKERS = ("o", "s", "^", "D", "v")
_LINES = {
    "same rate": ":",
    "exact maximal rate": "-",
    "L^-3/2": "--",
    "typical network's rate": "-.",
}
_LABELS = {"L^-3/2": r"$L^{-3/2}$"}


def best_rates_figure(found: Found, horizon: int) -> Figure:
    """The figure for one setting and horizon."""
    figure = Figure(figsize=(9.6, 3.3), layout="constrained")
    plain, scaled, best = figure.subplots(1, 3)
    _losses(plain, found, horizon, exact=False)
    _losses(scaled, found, horizon, exact=True)
    plain.set_xlabel(r"learning rate $\eta$")
    scaled.set_xlabel(r"$\eta$ over the exact maximal rate")
    scaled.sharey(plain)
    plain.set_ylabel(f"training loss after {horizon} steps")
    plain.legend(title="depth", fontsize="small", title_fontsize="small", ncols=2)
    _best(best, found, horizon)
    for axes, title in zip((plain, scaled, best), _findings(found, horizon), strict=True):
        axes.set_title(title, loc="left", fontsize="small")
        axes.grid(alpha=0.25, linewidth=0.5)
    return figure


def _findings(found: Found, horizon: int) -> tuple[str, str, str]:
    """A sentence on the result of each panel."""
    depths, slope = found.setting.depths, exponent(found, horizon)
    octaves = np.array([each.value for each in best_octaves(found, horizon)])
    best = unit_rates(found) * 2.0**octaves
    spread, over_exact = max(best) / min(best), 2.0 ** (max(octaves) - min(octaves))
    return (
        f"a. The best rate at depth {depths[0]} is {best[0] / best[-1]:.2g}\n"
        f"times the best rate at depth {depths[-1]}",
        f"b. Over the exact rate, best rates differ by\n"
        f"a factor of {over_exact:.2g}, not of {spread:.2g}",
        f"c. The best rate goes as $L^{{{slope.value:.1f}}}$\n"
        f"(95 %: $L^{{{slope.low:.1f}}}$ to $L^{{{slope.high:.1f}}}$)",
    )


def _colours(count: int) -> Iterator[tuple[float, float, float, float]]:
    """From light to dark, so that they stay apart in grey."""
    return iter(mpl.colormaps["viridis_r"](np.linspace(0.12, 1.0, count)))


def _losses(axes: Axes, found: Found, horizon: int, *, exact: bool) -> None:
    """Median loss over seeds with quartiles, by rate; rates at which most diverged left out."""
    at = found.setting.horizons.index(horizon)
    colours = _colours(len(found.tuning))
    drawn = zip(found.tuning, unit_rates(found), _MARKERS, colours, strict=False)
    for tuning, maximal, marker, colour in drawn:
        low, middle, high = _quartiles(tuning.loss[at])
        kept = np.isfinite(middle)
        unit = maximal if exact else 1.0
        rates = tuning.rates[kept] / unit
        axes.fill_between(rates, low[kept], high[kept], color=colour, alpha=0.18, linewidth=0)
        (line,) = axes.plot(rates, middle[kept], color=colour, linewidth=1.1)
        line.set(marker=marker, markersize=3.5, label=str(tuning.depth))
    axes.set(xscale="log", yscale="log", ylim=(0.015, 1.0))


def _quartiles(loss: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    capped = np.minimum(loss, 1e9)
    low, middle, high = np.quantile(capped, (0.25, 0.5, 0.75), axis=0)
    return low, np.where(middle < 1e8, middle, np.inf), high


def _best(axes: Axes, found: Found, horizon: int) -> None:
    """Best rate by depth with its interval, and each rule's rate from the smallest depth on."""
    depths = found.setting.depths
    unit = unit_rates(found)
    octaves = best_octaves(found, horizon)
    values, low, high = (
        unit * 2.0 ** np.array([getattr(each, end) for each in octaves])
        for end in ("value", "low", "high")
    )
    for rule, line in _LINES.items():
        rates = carried(found, horizon, rule)
        axes.plot(depths, rates, line, color="0.25", linewidth=1.1, label=_LABELS.get(rule, rule))
    axes.errorbar(
        depths,
        values,
        yerr=(values - low, high - values),
        fmt="o",
        color="#D55E00",
        markersize=4,
        capsize=2.5,
        linewidth=1,
        label="best, 95 %",
    )
    axes.set(xscale="log", yscale="log", xlabel="depth $L$", ylabel="best learning rate")
    axes.set_xticks(depths)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=values[0] / 2000)
    axes.legend(fontsize="small", loc="lower left")
