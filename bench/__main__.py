"""``python -m bench``: time our samplers against peers in one run, print ratios, keep the file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.peers import numpy_linearised
from theory import MLP
from verify import Conditioned, Dense, Gram, monte_carlo
from verify.samplers import Sampler

RESULTS = Path(__file__).parent / "results.json"
ROUNDS = 5
CASES = [(64, 16, 400), (256, 16, 40), (1024, 8, 4)]


def seconds_per_network(run: Callable[[int], object], networks: int) -> list[float]:
    """``ROUNDS`` timings, seconds per network."""
    timings = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run(networks)
        timings.append((time.perf_counter() - start) / networks)
    return timings


def measure(width: int, depth: int, networks: int) -> dict[str, object]:
    """Dense() on all cores, a plain NumPy peer, and the bare drawing of the same normals."""
    network = MLP(width, depth)
    buffer = np.empty(Dense().cost(network))
    stream = np.random.Generator(np.random.PCG64(1))

    def ours(count: int) -> object:
        return monte_carlo(network, samples=count, seed=1, sampler=Dense())

    def peer(count: int) -> object:
        return [numpy_linearised(width, depth, stream) for _ in range(count)]

    def bare(count: int) -> object:
        return [stream.standard_normal(out=buffer) for _ in range(count)]

    ours(2)
    rows = {
        name: seconds_per_network(run, networks)
        for name, run in {"ours": ours, "peer": peer, "bare": bare}.items()
    }
    middle = {name: median(values) for name, values in rows.items()}
    cores = os.cpu_count() or 1
    return {
        "width": width,
        "depth": depth,
        "networks": networks,
        "rounds": ROUNDS,
        "milliseconds": {name: 1e3 * value for name, value in middle.items()},
        "ns_per_weight": 1e9 * middle["ours"] / Dense().cost(network),
        "times_faster_than_numpy": middle["peer"] / middle["ours"],
        "share_of_the_limit": middle["bare"] / cores / middle["ours"],
    }


def fast_samplers() -> list[dict[str, object]]:
    """Seconds per network of each sampler at one size, and the factor over literal networks."""
    network, counts = MLP(1024, 32), {Dense(): 2, Conditioned(): 200, Gram(): 20_000}

    def time_of(sampler: Sampler) -> float:
        monte_carlo(network, samples=2, seed=1, sampler=sampler)
        return median(
            seconds_per_network(
                lambda count: monte_carlo(network, samples=count, seed=1, sampler=sampler),
                counts[sampler],
            )
        )

    times = {sampler: time_of(sampler) for sampler in counts}
    return [
        {
            "sampler": repr(sampler),
            "microseconds": 1e6 * seconds,
            "times_faster_than_dense": times[Dense()] / seconds,
        }
        for sampler, seconds in times.items()
    ]


def width_costs() -> dict[str, float]:
    """Nanoseconds per layer of Gram() at depth 32, by width."""
    costs = {}
    for width in (64, 1024, 10**6, 10**9):
        network = MLP(width, 32)

        def run(count: int, network: MLP = network) -> object:
            return monte_carlo(network, samples=count, seed=1)

        costs[f"{width:,}"] = 1e9 / 32 * median(seconds_per_network(run, 20_000))
    return costs


def cold_starts() -> dict[str, float]:
    """Median seconds of whole processes: the printed law, exact numbers, and a bare import."""
    commands = {
        "python -m theory": ["-m", "theory"],
        "python -m theory --width 1000 --depth 1000": [
            *("-m", "theory", "--width", "1000", "--depth", "1000")
        ],
        "import sympy (limit)": ["-c", "import sympy"],
    }

    def run(arguments: list[str]) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - start

    return {name: median(run(args) for _ in range(ROUNDS)) for name, args in commands.items()}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return {
        "processor": ", ".join(sorted(names)) or platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def main() -> int:
    """Print one row per case and write results.json."""
    table = Table(title="linearised update of one literal network, all hidden layers")
    for name in ("width", "depth", "ms/network", "ns/weight", "× NumPy", "of the limit"):
        table.add_column(name, justify="right")
    rows = [measure(*case) for case in CASES]
    for row in rows:
        table.add_row(
            f"{row['width']}",
            f"{row['depth']}",
            f"{row['milliseconds']['ours']:.3f}",  # type: ignore[index]
            f"{row['ns_per_weight']:.1f}",
            f"{row['times_faster_than_numpy']:.1f}",
            f"{row['share_of_the_limit']:.0%}",
        )
    Console().print(table)
    samplers, widths, starts = fast_samplers(), width_costs(), cold_starts()
    for each in samplers:
        print(
            f"{each['microseconds']:12.1f} us/network at (1024, 32), "
            f"{each['times_faster_than_dense']:9.0f} x Dense  {each['sampler']}"
        )
    for width, cost in widths.items():
        print(f"{cost:12.0f} ns/layer  Gram() at width {width}")
    for name, seconds in starts.items():
        print(f"{seconds:.2f} s  {name}")
    record = {
        "machine": machine(),
        "dense": rows,
        "samplers": samplers,
        "gram": widths,
        "cold_start_seconds": starts,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
