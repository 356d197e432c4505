"""This module prints the transfer study's tables: best rates by depth, cost of transferred
rates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import isfinite

import numpy as np
from rich import box
from rich.table import Table

from studies.printing import print_uncoloured
from studies.transfer_record import Found
from studies.transfer_statistics import best_octaves, exponent, loss_ratio, rule_exponent
from verify.inference.evidence import Interval

__all__ = ["print_accuracies", "print_best", "print_exponents", "print_ratios", "print_tables"]


def print_best(found: Sequence[Found]) -> None:
    """Binary logarithm of the best factor, by depth."""
    table = _table("setting", "steps", *(f"depth {depth}" for depth in found[0].setting.depths))
    for each in found:
        for horizon in each.setting.horizons:
            cells = (_text(octave, "+.1f") for octave in best_octaves(each, horizon))
            table.add_row(each.setting.name, str(horizon), *cells)
    print_uncoloured(table, 140)


def print_exponents(found: Sequence[Found]) -> None:
    """Exponent of the best rate in depth, beside the exponents of the rules."""
    rules = found[0].setting.rules
    table = _table("setting", "steps", "best rate", *rules)
    for each in found:
        for horizon in each.setting.horizons:
            slopes = [_number(rule_exponent(each, horizon, rule), ".2f") for rule in rules]
            best = _text(exponent(each, horizon), ".2f")
            table.add_row(each.setting.name, str(horizon), best, *slopes)
    print_uncoloured(table, 140)


def print_ratios(found: Sequence[Found]) -> None:
    """Loss at the rate carried over from the smallest depth, over that at the depth's own best."""
    table = _table("setting", "steps", "rule", *(f"depth {d}" for d in found[0].setting.depths[1:]))
    for each in found:
        for horizon in each.setting.horizons:
            for rule in each.setting.rules:
                cells = [
                    _text(loss_ratio(each, depth, horizon, rule), ".2f")
                    for depth in each.setting.depths[1:]
                ]
                table.add_row(each.setting.name, str(horizon), rule, *cells)
    print_uncoloured(table, 140)


def print_accuracies(found: Sequence[Found], depth: int) -> None:
    """Median held-out accuracy of one depth at its own best rate and at the transferred rates, and
    how many networks diverged."""
    rules = found[0].setting.rules
    table = _table("setting", "steps", "own best", *rules)
    for each in found:
        for horizon in each.setting.horizons:
            cells = [_accuracy(each, depth, horizon, rule) for rule in (None, *rules)]
            table.add_row(each.setting.name, str(horizon), *cells)
    print_uncoloured(table, 140)


def _accuracy(found: Found, depth: int, horizon: int, rule: str | None) -> str:
    accuracy = found.transfer(depth, horizon, rule).accuracy
    lost = int(np.isnan(accuracy).sum())
    if lost == len(accuracy):
        return "all diverged"
    text = f"{np.nanmedian(accuracy):.0%}"
    return f"{text}, {lost} of {len(accuracy)} diverged" if lost else text


def print_tables(found: Sequence[Found]) -> None:
    """All tables, for each run of settings that share depths and rules."""
    for _, alike in groupby(found, key=lambda each: (each.setting.depths, each.setting.rules)):
        group = list(alike)
        for show in (print_best, print_exponents, print_ratios):
            show(group)
        print_accuracies(group, group[0].setting.depths[-1])


def _text(interval: Interval, form: str) -> str:
    value, low, high = (_number(x, form) for x in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"


def _number(value: float, form: str) -> str:
    if not isfinite(value):
        return "∞"
    return f"{round(value, 2) + 0.0:{form}}" if abs(value) < 100 else f"{value:.0f}"


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=True)
    return table
