"""The first screen's figure: rates chosen at depth 4, taken to deeper networks in three ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from studies.transfer_record import Found
from studies.transfer_statistics import best_octaves, final_loss
from verify.inference.evidence import Interval

__all__ = ["one_factor_figure"]

_DIVERGED = 1.0
_SPREAD = 0.04


def one_factor_figure(shares: Found, one: Found, horizon: int) -> Figure:
    """Losses at the rates found at the smallest depth, above; best rates by depth, below.

    ``shares``, ``one``: the settings with rates by layer and with one rate, of the same depths.
    """
    figure = Figure(figsize=(5.2, 6.4), layout="constrained")
    losses, best = figure.subplots(2, 1, height_ratios=(3, 2))
    ways = (
        (shares, "equal shares", "EqualShares, the factor of depth 4", "o-", "#0072B2"),
        (one, "one rate", "one rate for all layers, that of depth 4", "s--", "#D55E00"),
        (shares, "equal shares of depth 4", "the rates by layer of depth 4", "^:", "0.35"),
    )
    for place, (found, rule, label, line, colour) in enumerate(ways):
        ends = [final_loss(found, d, horizon, rule) for d in found.setting.depths]
        _curve(losses, found, ends, place - 1, line, colour, label)
        if rule == found.setting.grid:
            octaves = best_octaves(found, horizon)
            first = octaves[0].value
            moved = [
                Interval(*(2.0 ** (e - first) for e in (o.low, o.value, o.high))) for o in octaves
            ]
            _curve(best, found, moved, place - 1, line, colour, label)
    losses.set(yscale="log", ylabel=f"training loss after {horizon} steps")
    losses.legend(frameon=False)
    best.axhline(1, color="0.6", linewidth=0.8, zorder=0)
    best.set(yscale="log", ylabel="best over that of depth 4")
    best.set_yscale("log", base=2)
    for axes in (losses, best):
        axes.set(xlabel="depth")
        axes.set_xscale("log", base=2)
        axes.set_xticks(shares.setting.depths)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(alpha=0.25, linewidth=0.5)
    return figure


def _curve(
    axes: Axes,
    found: Found,
    ends: Sequence[Interval],
    place: int,
    line: str,
    colour: str,
    label: str,
) -> None:
    """A line with error bars, a little to the side of the others'."""
    depths = np.array(found.setting.depths) * 2.0 ** (_SPREAD * place)
    low, value, high = (
        np.minimum([getattr(e, name) for e in ends], _DIVERGED * 2)
        for name in ("low", "value", "high")
    )
    axes.errorbar(
        depths,
        value,
        yerr=(value - low, high - value),
        fmt=line,
        color=colour,
        label=label,
        markersize=5,
        capsize=2.5,
        linewidth=1.4,
        elinewidth=1,
    )
