"""This study measures core seconds per network and block, and extrapolates to a thousand cores.

``make scaling`` or ``python -m studies.scaling`` times each sampler at several sizes on one core
and fits the cost model of `Sampler.seconds`; times how a finished block is sent, kept and merged;
and prints the consequences for many cores.  It keeps the numbers in studies/scaling.json, which
docs/studies.md quotes.  It needs Dask, and about two minutes.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.optimize import nnls

from theory import MLP
from verify.inference.estimate import merge
from verify.runs.blocks import Piece
from verify.runs.configuration import Configuration, configuration, problem_of
from verify.runs.sampling import Sampling, draw_blocks
from verify.runs.store import kept_in
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Cost, Sampler

__all__ = [
    "RESULTS",
    "block_overheads",
    "fitted",
    "kept_results",
    "main",
    "print_runs",
    "seconds_of",
]

RESULTS = Path(__file__).with_name("scaling.json")
SIZES: dict[Sampler, tuple[tuple[int, int], ...]] = {
    Dense(): ((32, 8), (64, 4), (64, 32), (128, 16), (256, 8), (512, 4), (1024, 16)),
    Conditioned(): ((32, 8), (64, 64), (256, 16), (1024, 8), (1024, 64), (4096, 16)),
    Gram(): ((64, 4), (64, 64), (1024, 16), (1024, 256), (10**6, 64), (10**6, 1024)),
    RareEvents(): ((64, 4), (64, 64), (1024, 16), (1024, 256), (1024, 512), (10**6, 64)),
}
RUNS: tuple[tuple[Sampler, tuple[int, int]], ...] = (
    (Dense(), (1024, 64)),
    (Dense(), (64, 32)),
    (Conditioned(), (1024, 64)),
    (Gram(), (64, 64)),
    (RareEvents(), (1024, 512)),
)
_LEAST = 0.3
"""Seconds for which each is timed."""


def seconds_of(asked: Configuration, least: float = _LEAST) -> float:
    """Seconds of one core for a network, the best of whole blocks for ``least`` seconds."""
    size = asked.sampler.block_size(problem_of(asked))
    count = max(1, min(size, int(size * least)))
    draw_blocks(asked, 0, {0: count}, False)
    best, end, block = float("inf"), time.perf_counter() + least, 1
    while block < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        draw_blocks(asked, 0, {block: count}, False)
        best, block = min(best, time.perf_counter() - start), block + 1
    return best / count


def fitted(sampler: Sampler, sizes: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """Seconds of a `Cost` by least relative squares, none negative; each size's measured seconds,
    and the model's over them."""
    networks = [MLP(*size) for size in sizes]
    measured = np.array([seconds_of(configuration(each, sampler=sampler)) for each in networks])
    matrix = np.array([_amounts(sampler, each) for each in networks]) / measured[:, None]
    scale = matrix.max(axis=0)
    scale[scale == 0] = 1.0
    found = nnls(matrix / scale, np.ones(len(sizes)))[0] / scale
    ratios = matrix @ found
    return {
        **dict(zip(Cost._fields, found, strict=True)),
        "sizes": [
            {"width": width, "depth": depth, "seconds": seconds, "model": ratio}
            for (width, depth), seconds, ratio in zip(sizes, measured, ratios, strict=True)
        ],
    }


def _amounts(sampler: Sampler, network: MLP) -> list[float]:
    """The factor of each number of seconds of a `Cost`; a unit that is itself a layer or a neuron
    is not counted twice."""
    units, neurons, layers = sampler.cost(network), sum(network.widths[1:]), network.layers
    if units == layers:
        return [units, 0.0, 0.0, 1.0]
    if units == neurons:
        return [units, 0.0, layers, 1.0]
    return [units, neurons, layers, 1.0]


def block_overheads() -> dict[str, float]:
    """Seconds for each block of a run of many small ones: kept alone, kept a hundred at a time,
    read again, merged; and the bytes it is sent as."""
    cell = Sampling(configuration(MLP(64, 8)), seed=1, samples=8192 * 400)
    blocks = draw_blocks(cell.configuration, 1, dict.fromkeys(range(400), 64), False)
    small = Sampling(cell.configuration, seed=1, samples=8192 * 600)
    drawn = [(Piece(0, k), replace(block, samples=8192)) for k, block in enumerate(blocks)]
    with TemporaryDirectory() as folder, kept_in(Path(folder) / "s")([small]) as stored:
        alone = _timed(lambda: [stored.turn(dict([each]), []) for each in drawn[:100]]) / 100
        together = _timed(lambda: stored.turn(dict(drawn[100:]), [])) / 300
        read = _timed(lambda: stored.blocks(0, 400)) / 400
    merging = _timed(lambda: merge(blocks, ("label", "output"), scalar=True)) / 400
    return {
        "kept alone": alone,
        "kept together": together,
        "read": read,
        "merged": merging,
        "bytes": float(len(pickle.dumps(blocks[:1]))),
    }


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def task_overhead(tasks: int = 2000) -> float:
    """Seconds for each task of a scheduler, a client and two workers that have nothing to do."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        pool = client.get_executor(pure=False)
        list(pool.map(abs, range(100)))
        return (
            _timed(lambda: [f.result() for f in [pool.submit(abs, 1) for _ in range(tasks)]])
            / tasks
        )


def kept_results() -> dict[str, Any]:
    """The last study, from `RESULTS`."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def print_runs(found: dict[str, Any]) -> None:
    """For some runs: networks and seconds of work in a block, and how many cores one store can keep
    busy, putting away their blocks."""
    block = found["block"]
    print("sampler          width  depth  networks   a block   cores kept busy")
    for sampler, size in RUNS:
        asked = configuration(MLP(*size), sampler=sampler)
        networks = sampler.block_size(problem_of(asked))
        seconds = networks * asked.seconds
        cores = seconds / block["kept together"]
        print(
            f"{sampler!s:15} {size[0]:6,} {size[1]:6,} {networks:9,} {1000 * seconds:6.1f} ms "
            f"{round(cores, -1):17,.0f}"
        )


def main() -> int:
    """Run the study; the exit code."""
    models = {type(s).__name__: fitted(s, sizes) for s, sizes in SIZES.items()}
    block, task = block_overheads(), task_overhead()
    found = {"models": models, "block": block, "task": task}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, model in models.items():
        costs = ", ".join(f"{each} {model[each]:.3g} s" for each in Cost._fields)
        print(f"{name}: {costs}")
        for row in model["sizes"]:
            print(
                f"  width {row['width']:>8,} depth {row['depth']:>5,}: {row['seconds']:.3g} s "
                f"a network, model/measured {row['model']:.2f}"
            )
    print(", ".join(f"{name} {value:.3g}" for name, value in block.items()))
    print(f"a task of Dask: {task:.3g} s")
    print_runs(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
