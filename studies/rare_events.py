"""This study measures the samples of `RareEvents`: spread, share of the largest, and mean.

``make rare-events`` or ``python -m studies.rare_events`` runs ten seeds of each network, prints a
table and keeps the numbers in studies/rare_events.json; docs/sampler-proofs.md quotes them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mpmath import log
from rich import box
from rich.table import Table

from studies.printing import print_uncoloured
from theory import MLP, squared_update
from verify.numerics.arrays import FloatArray, sum_of_parts
from verify.numerics.streams import block_stream
from verify.samplers.problem import numeric_problem
from verify.samplers.rare_events.sampler import RareEvents

__all__ = ["CELLS", "Cell", "Row", "kept_rows", "main", "print_table", "rows_of"]


@dataclass(frozen=True)
class Cell:
    """A network and the samples of one seed."""

    width: int
    depth: int
    samples: int


CELLS = (
    *(Cell(32, depth, 20_000) for depth in (16, 32, 64)),
    Cell(32, 256, 5_000),
    Cell(1024, 512, 8_000),
    Cell(16, 10**4, 2_000),
    Cell(64, 10**5, 2_000),
)
SEEDS = tuple(range(1, 11))
RESULTS = Path(__file__).with_name("rare_events.json")


@dataclass(frozen=True)
class Row:
    """One part of the update on one network, by seed where there are several numbers.

    ``spread``: a sample's standard deviation over the mean; ``share``: of the largest sample in the
    sum.  ``mean``: of all seeds together over the exact mean; ``z``: how far it is from 1 in
    standard errors, of the sample.
    """

    part: str
    width: int
    depth: int
    samples: int
    spread: tuple[float, ...]
    share: tuple[float, ...]
    mean: float
    z: float

    @property
    def effective(self) -> float:
        """The effective sample size over the number of samples, in the middle of the seeds."""
        return float(np.median(1.0 / (1.0 + np.array(self.spread) ** 2)))


def rows_of(cell: Cell, seeds: Sequence[int] = SEEDS) -> list[Row]:
    """Label part and total of one network."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = list(pool.map(partial(_drawn, cell), seeds))
    return [_row(cell, part, [each[part] for each in drawn]) for part in ("label", "total")]


def _drawn(cell: Cell, seed: int) -> Mapping[str, FloatArray]:
    """Samples over the exact mean by part, each of shape ``(samples,)``."""
    network = MLP(cell.width, cell.depth)
    problem = numeric_problem(network, layer=None, rates=None, step=None)
    logs = RareEvents().sample(problem, block_stream(seed, 0), cell.samples)[:, :, 0]
    exact = squared_update(network)
    label, total = (float(log(each.evaluate(30))) for each in (exact.label, exact))
    return {"label": np.exp(logs[0] - label), "total": np.exp(sum_of_parts(logs) - total)}


def _row(cell: Cell, part: str, drawn: Sequence[FloatArray]) -> Row:
    every = np.concatenate(drawn)
    error = every.std() / every.size**0.5
    return Row(
        part=part,
        width=cell.width,
        depth=cell.depth,
        samples=cell.samples,
        spread=tuple(float(each.std() / each.mean()) for each in drawn),
        share=tuple(float(each.max() / each.sum()) for each in drawn),
        mean=float(every.mean()),
        z=float((every.mean() - 1.0) / error),
    )


def print_table(rows: Sequence[Row]) -> None:
    """Print one line per row as plain text, without trailing blanks; ranges are over the seeds."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("width, depth", "part"):
        table.add_column(name, no_wrap=True)
    for name in ("samples", "RSD", "ESS/N", "largest share", "z of all"):
        table.add_column(name, justify="right", no_wrap=True)
    for cells in map(_cells, rows):
        table.add_row(*cells)
    print_uncoloured(table, 100)


def _cells(row: Row) -> Iterator[str]:
    yield f"{row.width}, {row.depth:,}"
    yield row.part
    yield f"{len(row.spread)} x {row.samples:,}"
    yield f"{min(row.spread):.2f} to {max(row.spread):.2f}"
    yield f"{row.effective:.2f}"
    yield f"{max(row.share):.4f}"
    yield f"{row.z:+.1f}"


def kept_rows() -> list[Row]:
    """The rows of the last study, from `RESULTS`."""
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    several = ("spread", "share")
    return [
        Row(**(each | {name: tuple(each[name]) for name in several})) for each in record["rows"]
    ]


def main(cells: Sequence[Cell] = CELLS, seeds: Sequence[int] = SEEDS) -> int:
    """Run the study; the exit code."""
    rows: list[Row] = []
    for cell in cells:
        rows += rows_of(cell, seeds)
        print(".", end="", file=sys.stderr, flush=True)
    print_table(rows)
    record = {"seeds": list(seeds), "rows": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
