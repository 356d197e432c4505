"""This study predicts and measures how many networks it takes to reject wrong laws.

``make power`` or ``python -m studies.power`` tries each law in the cell of the main job's grid
where it is cheapest to reject, and at width 64, depth 8.  It prints a table and keeps the numbers
in studies/power.json; docs/studies.md quotes them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from studies.power_laws import EXPONENTS, WRONG_LAWS, WrongLaw
from studies.power_prediction import (
    CHANCE,
    FIT_LEVEL,
    GRID,
    expected_fit_samples,
    expected_samples,
    one_sample,
)
from studies.power_trials import Trial, fit_trials, ladder, least_samples, trials
from studies.printing import print_uncoloured
from theory import MLP, InvalidArgument
from verify.comparison.exact_values import LARGEST_SPREAD
from verify.inference.evidence import POWER
from verify.inference.verdict import FAMILY_BUDGET
from verify.jobs.plan import planned_parts
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents

__all__ = [
    "REFERENCE",
    "Cell",
    "Row",
    "cell_of",
    "cells_for",
    "fit_row",
    "kept_rows",
    "main",
    "power_table",
    "print_table",
    "row_for",
]

REFERENCE = (64, 8)
"""Width and depth at which every law is tried too."""
FIT_GRIDS = {64: (2, 4, 8), 10**6: (16, 128, 1024)}
"""Depths by width of the runs that fit an exponent."""
REPETITIONS = 200
FEWER_REPETITIONS = 100
MANY_LAYERS = 5_000_000
"""Runs that draw more layers than this are repeated less."""
PILOT = 20_000
"""Weighted samples that tell their standard deviation beforehand."""
LAYER_COSTS = {Gram: 1, RareEvents: 4}
"""The measured cost of a layer of one sample, in units of the cost for Gram.  Dense networks have
the same law, and so need as many samples, at a higher price."""
SEED = 21
RESULTS = Path(__file__).with_name("power.json")


@dataclass(frozen=True)
class Row:
    """One wrong law on one network, or (several depths) fitted over some, its constant free.

    ``law``: its name; ``ratio``: over the exact value, for a fit None.  ``spread``: relative
    standard deviation of one sample at the largest depth, exact or (weighted samples) measured.
    ``cheapest``: in the cell chosen for it.  Numbers of samples in a cell: ``proven`` to be enough
    for 95 % of runs to reject; ``expected`` and ``expected_half``, with which 95 % and half do if
    means are normal; ``measured`` and ``measured_half``, the least of the sizes tried with which
    they do.  ``planned``: the main job's.  None: there is no such number.
    """

    law: str
    cheapest: bool
    sampler: str
    width: int
    depths: tuple[int, ...]
    ratio: float | None
    spread: float
    proven: int | None
    expected: int | None
    expected_half: int | None
    measured: int | None
    measured_half: int | None
    repetitions: int
    planned: int


@dataclass(frozen=True)
class Cell:
    """A law in a cell, before it is tried: its ratio there, a sample's spread, the proven
    number."""

    law: WrongLaw
    trial: Trial
    ratio: float
    spread: float
    proven: int | None

    @property
    def cost(self) -> float:
        """Layers of all samples that are proven to be enough, in units of Gram's; or infinity."""
        layers = self.trial.network.layers * LAYER_COSTS[type(self.trial.sampler)]
        return float("inf") if self.proven is None else self.proven * layers


def cell_of(law: WrongLaw, trial: Trial) -> Cell:
    """The prediction for one cell."""
    networks, ratio = trial.sampler.draws_networks, law.ratio(trial.network)
    spread = _spread(trial)
    evidence = one_sample(spread, networks=networks)
    return Cell(law, trial, ratio, spread, evidence.samples_for(abs(ratio - 1.0), CHANCE))


@cache
def _spread(trial: Trial) -> float:
    if trial.spread is not None:
        return trial.spread
    logs = trial.draw(PILOT, SEED, REPETITIONS)
    return float(trial.evidence(logs).standard_error * PILOT**0.5)


def cells_for(law: WrongLaw) -> list[Cell]:
    """The law in all cells of the main job's grid that decide, literal networks apart."""
    planned = [
        Trial(law.network(int(network.widths[1]), network.layers), part.sampler)
        for part in planned_parts(None, None, None, None)
        if type(part.sampler) in LAYER_COSTS
        for network in part.networks
    ]
    deciding = (t for t in planned if t.spread is None or t.spread <= LARGEST_SPREAD)
    return [cell_of(law, trial) for trial in deciding]


def row_for(cell: Cell, *, cheapest: bool, repetitions: int = REPETITIONS) -> Row:
    """Try a law in a cell, at sizes up to the number that is proven to be enough for networks, and
    twice that for weighted samples."""
    if cell.proven is None:
        raise InvalidArgument(
            f"expected a cell where the law is wrong enough to be rejected, got "
            f"ratio={cell.ratio!r}; choose another network"
        )
    trial, networks = cell.trial, cell.trial.sampler.draws_networks
    sizes = ladder(cell.proven if networks else 2 * cell.proven)
    count = _affordable(repetitions, sizes[-1] * trial.network.layers)
    shares = trials(trial, cell.ratio, sizes, count, SEED)
    expected, half = (
        expected_samples(cell.ratio, cell.spread, share, networks=networks)
        for share in (POWER, 0.5)
    )
    return Row(
        law=cell.law.name,
        cheapest=cheapest,
        sampler=type(trial.sampler).__name__,
        width=int(trial.network.widths[1]),
        depths=(trial.network.layers,),
        ratio=cell.ratio,
        spread=cell.spread,
        proven=cell.proven,
        expected=expected,
        expected_half=half,
        measured=least_samples(sizes, shares),
        measured_half=least_samples(sizes, shares, 0.5),
        repetitions=count,
        planned=trial.sampler.planned_samples(trial.network),
    )


def _affordable(repetitions: int, layers: int) -> int:
    return min(repetitions, FEWER_REPETITIONS) if layers > MANY_LAYERS else repetitions


def fit_row(name: str, width: int, depths: Sequence[int], repetitions: int = REPETITIONS) -> Row:
    """Try a wrong exponent whose constant is free, over several depths of one width."""
    cells = [Trial(MLP(width, depth), Gram()) for depth in depths]
    spreads, error = [_spread(cell) for cell in cells], 3.0 - EXPONENTS[name]
    expected, half = (expected_fit_samples(depths, spreads, error, share) for share in (POWER, 0.5))
    if expected is None:
        raise InvalidArgument(f"expected several depths, got depths={depths!r}; give two or more")
    sizes = ladder(4 * expected)
    count = _affordable(repetitions, sizes[-1] * sum(depths))
    shares = fit_trials(cells, error, sizes, count, SEED)
    return Row(
        law=f"{name}, any factor",
        cheapest=(width, depths[-1]) != REFERENCE,
        sampler="Gram",
        width=width,
        depths=tuple(depths),
        ratio=None,
        spread=spreads[-1],
        proven=None,
        expected=expected,
        expected_half=half,
        measured=least_samples(sizes, shares),
        measured_half=least_samples(sizes, shares, 0.5),
        repetitions=count,
        planned=min(Gram().planned_samples(cell.network) for cell in cells),
    )


def power_table(rows: Sequence[Row]) -> Table:
    """One row per law and cell: numbers of samples proven to be enough, then the numbers with which
    95 % and half of all runs reject, each expected and measured."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("law", no_wrap=True)
    for name in ("where", "ratio", "s.d.", "proven", "95 %", "seen", "half", "seen"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        numbers = (row.proven, row.expected, row.measured, row.expected_half, row.measured_half)
        table.add_row(
            row.law,
            f"{_name(row)} {_size(row.width)}, {'-'.join(map(str, row.depths))}",
            "-" if row.ratio is None else f"{row.ratio:.3f}",
            f"{row.spread:.2g}",
            *("-" if number is None else f"{number:,}" for number in numbers),
        )
    return table


def _name(row: Row) -> str:
    return {"RareEvents": "rare"}.get(row.sampler, row.sampler.lower())


def _size(width: int) -> str:
    return "10^6" if width == 10**6 else str(width)


def print_table(rows: Sequence[Row]) -> None:
    """Print the table as plain text, without trailing blanks."""
    print_uncoloured(power_table(rows), 118)


def kept_rows() -> list[Row]:
    """The rows of the last study, from `RESULTS`."""
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [Row(**(each | {"depths": tuple(each["depths"])})) for each in record["rows"]]


def main(laws: Sequence[WrongLaw] = WRONG_LAWS, repetitions: int = REPETITIONS) -> int:
    """Run the study; the exit code."""
    rows = []
    for law in laws:
        best = min(cells_for(law), key=lambda cell: cell.cost)
        reference = cell_of(law, Trial(law.network(*REFERENCE), Gram()))
        rows.append(row_for(best, cheapest=True, repetitions=repetitions))
        rows.append(row_for(reference, cheapest=False, repetitions=repetitions))
        print(".", end="", file=sys.stderr, flush=True)
    names = [law.name for law in laws if law.name in EXPONENTS]
    grids = [(name, width) for name in names for width in FIT_GRIDS]
    rows += [fit_row(name, width, FIT_GRIDS[width], repetitions) for name, width in grids]
    print_table(rows)
    record: dict[str, Any] = {"budget": FAMILY_BUDGET, "grid": GRID, "power": POWER}
    record |= {"fit_level": FIT_LEVEL, "seed": SEED, "rows": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
