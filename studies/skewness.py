"""This study measures the skewness of the weighted samples of `RareEvents` where they may decide.

``make skewness`` or ``python -m studies.skewness`` draws networks all over the range of
`verify.comparison.deciding.has_studied_skewness`, most at its edge.  It prints a table and
keeps the numbers in studies/skewness.json.  The exit code is 1 where a skewness is above the
allowance.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from studies.printing import print_uncoloured
from theory import MLP, LeakyReLU
from verify.comparison.deciding import has_studied_skewness
from verify.inference.weighted_means import SKEWNESS
from verify.numerics.arrays import FloatArray, sum_of_parts
from verify.numerics.streams import block_stream
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.rare_events.sampler import RareEvents

__all__ = ["Row", "kept_rows", "main", "network_rows", "print_table", "skewness_of"]

NETWORKS, SEED = 240, 30
RESULTS = Path(__file__).with_name("skewness.json")
LAYERS, FEWEST, MOST = 6_000_000, 10_000, 200_000
"""Layers drawn of one network, and the bounds of its samples."""
_SLOPES = ("0", "0", "0", "1", "0.03", "0.1", "0.3", "0.6", "0.9")
_RATIOS = (0.5, 1.0, 2.0, 8.0)
"""Edges of depth/width by which the table is split."""

Pattern = Callable[[np.random.Generator, int], list[int]]


@dataclass(frozen=True)
class Row:
    """One network: its ``width`` is the least, ``skewness`` by part, the total last."""

    slope: str
    width: int
    depth: int
    pattern: str
    samples: int
    skewness: tuple[float, ...]


def _split(generator: np.random.Generator, size: int) -> list[int]:
    at = int(generator.integers(size + 1))
    return [1] * at + [2] * (size - at)


PATTERNS: dict[str, Pattern] = {
    "equal": lambda _, size: [1] * size,
    "once": lambda generator, size: list(np.bincount([generator.integers(size)], None, size) + 1),
    "split": _split,
    "alternate": lambda _, size: [1 + k % 2 for k in range(size)],
    "random": lambda generator, size: list(generator.integers(1, 3, size)),
}
"""Which of a network's layers are twice as wide, or have twice the share, as others."""


def _networks(generator: np.random.Generator) -> Iterator[tuple[str, int, str, Problem]]:
    """Slope, least width, pattern and problem of networks without end."""
    while True:
        slope = str(generator.choice(_SLOPES))
        least = 16 if slope in "01" else 32
        width = int(least * 2 ** (5 * generator.random() ** 3))
        depth = int(2 ** generator.uniform(1.0, np.log2(min(20 * width, 2000))))
        name, wide = str(generator.choice(list(PATTERNS))), bool(generator.integers(2))
        factors = [int(factor) for factor in PATTERNS[name](generator, depth + 1)]
        widths = [width * factor for factor in factors] if wide else [width] * (depth + 1)
        rates = [Fraction(1)] * depth if wide else [Fraction(factor) for factor in factors[1:]]
        network = MLP(tuple(widths[1:]), input_width=widths[0], activation=LeakyReLU(slope))
        problem = numeric_problem(network, layer=None, rates=rates, step=None)
        yield slope, width, f"{'widths' if wide else 'multipliers'}, {name}", problem


def network_rows(networks: int = NETWORKS) -> Iterator[Row]:
    """Draw so many networks of the range, and samples of each."""
    drawn = _networks(np.random.default_rng(SEED))
    for index, (slope, width, pattern, problem) in zip(count(), drawn):
        if index == networks:
            return
        assert has_studied_skewness(problem)
        depth = problem.rates.size
        samples = int(np.clip(LAYERS // depth, FEWEST, MOST))
        logs = RareEvents().sample(problem, block_stream(SEED, index), samples)[:, :, 0]
        parts = (*logs, sum_of_parts(logs))
        yield Row(slope, width, depth, pattern, samples, tuple(map(skewness_of, parts)))


def skewness_of(logs: FloatArray) -> float:
    """The sample skewness of the exponentials of ``logs``, shape ``(samples,)``."""
    values = np.exp(logs - logs.max())
    centred = values - values.mean()
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)


def print_table(rows: Sequence[Row]) -> None:
    """Print the largest skewness by slope and depth/width as plain text."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("slope", no_wrap=True)
    for name in ("depth/width", "networks", "label", "output", "total"):
        table.add_column(name, justify="right", no_wrap=True)
    kinds = {"0 (ReLU)": "0", "between": None, "1 (linear)": "1"}
    for words, slope in kinds.items():
        of = [
            row for row in rows if row.slope == slope or (slope is None and row.slope not in "01")
        ]
        for low, high in zip((0.0, *_RATIOS), (*_RATIOS, np.inf), strict=True):
            found = [row for row in of if low < row.depth / row.width <= high]
            table.add_row(words, _range(low, high), str(len(found)), *_largest(found))
    print_uncoloured(table, 100)


def _range(low: float, high: float) -> str:
    return f"above {low:g}" if np.isinf(high) else f"to {high:g}"


def _largest(rows: Sequence[Row]) -> Iterable[str]:
    return (f"{max(row.skewness[part] for row in rows):.2f}" if rows else "-" for part in range(3))


def kept_rows() -> list[Row]:
    """The rows of the last study, from `RESULTS`."""
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [Row(**(each | {"skewness": tuple(each["skewness"])})) for each in record["rows"]]


def main(networks: int = NETWORKS) -> int:
    """Run the study; the exit code."""
    rows = []
    for row in network_rows(networks):
        rows.append(row)
        print(".", end="", file=sys.stderr, flush=True)
    print_table(rows)
    record = {"seed": SEED, "rows": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(max(max(row.skewness) for row in rows) > SKEWNESS)


if __name__ == "__main__":
    sys.exit(main())
