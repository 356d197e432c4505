"""This study measures which learning rates of small trained networks carry over to deeper networks.

``make transfer`` or ``python -m studies.transfer`` trains on even against odd digits by plain SGD,
at depths 2 to 32.  It finds the best rate of a grid at each depth, carries the best rate of the
smallest depth to the others by each rule, and trains networks of new seeds with it.  It prints
tables, keeps the numbers in studies/transfer.json and draws docs/transfer.svg and
docs/one-factor.svg; docs/transfer.md quotes them.  It needs PyTorch and scikit-learn, and about 30
minutes on one core.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from studies.transfer_figure import best_rates_figure
from studies.transfer_one_factor import one_factor_figure
from studies.transfer_record import Found, Transfer, Tuning, kept, write
from studies.transfer_report import print_tables
from studies.transfer_settings import HIDDEN, RULES, SETTINGS, Setting, grid_rates
from studies.transfer_statistics import best_octave
from verify.numerics.arrays import FloatArray

__all__ = ["DOCS", "FIGURES", "RESULTS", "carried_rates", "draw", "kept_results", "main", "study"]

RESULTS = Path(__file__).with_name("transfer.json")
DOCS = Path(__file__).parent.parent / "docs"
SEED = 31
"""The seed of the grid's networks; networks that try transferred rates have other seeds."""


def study(setting: Setting) -> Found:
    """Tune at each depth, then train networks of new seeds at each rule's rate."""
    training = importlib.import_module("studies.transfer_training")
    task, seeds = training.digits(), range(SEED, SEED + setting.seeds)
    tuning, transfers = [], []
    for depth in setting.depths:
        rates = grid_rates(setting, depth)
        results = training.train(task, setting, depth, rates, seeds, setting.horizons)
        tuning.append(Tuning(depth, rates[:, HIDDEN], *results))
        print(".", end="", file=sys.stderr, flush=True)
    new = range(SEED + setting.seeds, SEED + 2 * setting.seeds)
    for tuned in tuning:
        for horizon in setting.horizons:
            asked = carried_rates(setting, tuning[0], tuned, horizon)
            rates = np.array(list(asked.values()))
            loss, accuracy = training.train(task, setting, tuned.depth, rates, new, (horizon,))
            transfers += [
                Transfer(tuned.depth, horizon, rule, rate[HIDDEN], loss[0, :, k], accuracy[0, :, k])
                for k, (rule, rate) in enumerate(asked.items())
            ]
        print(".", end="", file=sys.stderr, flush=True)
    return Found(setting, tuple(tuning), tuple(transfers))


def carried_rates(
    setting: Setting, smallest: Tuning, tuned: Tuning, horizon: int
) -> dict[str | None, FloatArray]:
    """The rates to try at one depth, ``(depth + 1,)`` each: its own best (None), and, but at the
    smallest depth, that of each rule times the factor that makes it the smallest depth's best."""
    own, source = (_best_rates(setting, each, horizon) for each in (tuned, smallest))
    asked: dict[str | None, FloatArray] = {None: own}
    if tuned is not smallest:
        for name in setting.rules:
            factor = source[HIDDEN] / RULES[name](setting.width, smallest.depth)[HIDDEN]
            asked[name] = factor * np.array(RULES[name](setting.width, tuned.depth))
    return asked


def _best_rates(setting: Setting, tuning: Tuning, horizon: int) -> FloatArray:
    octave = best_octave(tuning.loss[setting.horizons.index(horizon)], np.array(setting.octaves))
    rates: FloatArray = np.exp2(octave) * np.array(RULES[setting.grid](setting.width, tuning.depth))
    return rates


def kept_results() -> list[Found]:
    """The results of the last study."""
    return kept(RESULTS)


FIGURES: dict[str, Callable[..., Figure]] = {
    "transfer.svg": lambda found: best_rates_figure(found["main"], _horizon(found["main"])),
    "one-factor.svg": lambda found: one_factor_figure(
        found["equal shares"], found["one rate"], _horizon(found["one rate"])
    ),
}
"""The figures by file name, each drawn from the results by their settings' names."""


def _horizon(found: Found) -> int:
    """The middle one."""
    return found.setting.horizons[len(found.setting.horizons) // 2]


def draw(results: Sequence[Found], folder: Path) -> None:
    """Write the figures into ``folder``, the same bytes for the same numbers."""
    by_name = {found.setting.name: found for found in results}
    for name, figure in FIGURES.items():
        with mpl.rc_context({"svg.hashsalt": "mup-depth"}):
            figure(by_name).savefig(folder / name, metadata={"Date": None})


def main(settings: Sequence[Setting] = SETTINGS) -> int:
    """Run the study; the exit code."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    found = [study(setting) for setting in settings]
    write(RESULTS, found)
    results = kept_results()
    print_tables(results)
    draw(results, DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
