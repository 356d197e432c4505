"""This module draws the figure of the front page: rates of depth 4 in deeper networks, by three
rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from studies.transfer_record import Found
from studies.transfer_statistics import best_octaves, final_loss
from verify.inference.evidence import Interval

__all__ = ["one_factor_figure"]

_STYLES: dict[str, dict[str, Any]] = {
    "equal shares": {"fmt": "o-", "color": "#0072B2", "label": "the factor of EqualShares"},
    "one rate": {"fmt": "s--", "color": "#D55E00", "label": "one rate for all layers"},
    "equal shares of depth 4": {
        "fmt": "^:",
        "color": "0.3",
        "label": "the rates of EqualShares",
    },
}
_ASIDE = {"equal shares": 1.0, "one rate": 0.965, "equal shares of depth 4": 1.035}
_LOST = 1e3
_LOSSES = (
    "With the factor of depth 4, EqualShares trains\nto a lower loss than one rate, at each depth"
)
_BEST = (
    "From depth 4 to 32 the best factor doubles, with\n"
    "intervals that overlap; the best single rate falls to 1/8"
)


def one_factor_figure(shares: Found, one: Found, horizon: int) -> Figure:
    """Losses at the rates found at the smallest depth, above; best rates by depth, below.

    ``shares``, ``one``: the settings with rates by layer and with one rate, of the same depths.
    """
    figure = Figure(figsize=(5.2, 6.6), layout="constrained")
    losses, best = figure.subplots(2, 1, height_ratios=(3, 2))
    _losses(losses, (shares, one), horizon)
    _best(best, (shares, one), horizon)
    for axes in (losses, best):
        axes.set_xscale("log", base=2)
        axes.set_xticks(shares.setting.depths, [str(depth) for depth in shares.setting.depths])
        axes.set(xlabel="depth", xlim=(3.5, 36.6))
        axes.grid(alpha=0.25, linewidth=0.5)
    return figure


def _losses(axes: Axes, settings: Sequence[Found], horizon: int) -> None:
    for found in settings:
        depths = found.setting.depths
        for rule in found.setting.rules:
            _curve(axes, rule, depths, [final_loss(found, d, horizon, rule) for d in depths])
    axes.set_title(_LOSSES, fontsize="medium", loc="left")
    axes.set(yscale="log", ylim=(0.03, 1.0), ylabel=f"training loss after {horizon} steps")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks([0.03, 0.1, 0.3, 1], ["0.03", "0.1", "0.3", "1"])
    axes.legend(title="found at depth 4, used at all depths", frameon=False, loc="upper left")


def _best(axes: Axes, settings: Sequence[Found], horizon: int) -> None:
    """Best factor and best rate, over the values of the smallest depth, in octaves."""
    for found in settings:
        octaves = best_octaves(found, horizon)
        moved = [
            Interval(*(end - octaves[0].value for end in (each.low, each.value, each.high)))
            for each in octaves
        ]
        _curve(axes, found.setting.grid, found.setting.depths, moved)
    axes.set_title(_BEST, fontsize="medium", loc="left")
    axes.set_ylabel("best value / best at depth 4")
    axes.set_yticks(range(-4, 3, 2), ["1/16", "1/4", "1", "4"])


def _curve(axes: Axes, rule: str, depths: Sequence[int], ends: Sequence[Interval]) -> None:
    """A line with 95 % intervals; it leaves the axes where most networks diverged."""
    low, value, high = np.minimum([[each.low, each.value, each.high] for each in ends], _LOST).T
    axes.errorbar(
        np.multiply(depths, _ASIDE[rule]),
        value,
        yerr=(value - low, high - value),
        markersize=5,
        capsize=2.5,
        linewidth=1.4,
        elinewidth=1,
        **_STYLES[rule],
    )
