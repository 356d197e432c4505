"""The same bits from code compiled just now, from the disk cache, and on any number of threads."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.tools.paths import ROOT
from theory import MLP, Activation, ByRole, LeakyReLU, Linear, Residual, RMSNorm, Softsign, Tanh
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.samplers.sampler import Sampler
from verify.samplers.vectors import dot

NETWORKS = (
    MLP(1, 3),
    MLP(70, 3),
    MLP((5, 40, 33), input_width=3, activation=LeakyReLU("0.3")),
    MLP(65, 2, activation=Linear()),
)
RUNS: tuple[tuple[Sampler, float | None, int], ...] = (
    (Dense(), None, 130),
    (Dense(), 0.1, 130),
    (Conditioned(), None, 1100),
    (Conditioned(), 0.1, 1100),
    (Gram(), None, 8200),
    (RareEvents(), None, 300),
)
"""Samplers, rates of a step, and samples of more than one block."""
LAYERWISE = (
    MLP(70, 3, activation=Tanh(), weight_variance=2, norm=RMSNorm(), bias_variance=1),
    MLP(33, 2, activation=Activation("max(z, 0.3)"), weight_variance=2),
    Residual(40, 2, branch_width=33, activation=Softsign(), weight_variance=ByRole(up=100)),
)
CASES = (*product(RUNS, NETWORKS), *product(RUNS[:4], LAYERWISE))
SHOW = (
    "from tests.verify.samplers.test_bits import digests; "
    "import json; print(json.dumps(digests({threads})))"
)


def digests(threads: int) -> dict[str, str]:
    """A digest of every number of every layer, by sampler, step and network."""
    found = {}
    with ThreadPoolExecutor(threads) as pool:
        for (sampler, step, samples), network in CASES:
            layers = range(1, network.layers + 1)
            drawn = monte_carlo(
                network,
                samples=samples,
                seed=5,
                sampler=sampler,
                layer=layers,
                step=step,
                executor=pool,
            )
            digest = hashlib.sha256()
            for part in drawn.parts.values():
                for numbers in (part.log_mean, part.relative_standard_error, part.logs):
                    digest.update(np.ascontiguousarray(numbers, np.float64).tobytes())
            found[f"{sampler}, step {step}, {network}"] = digest.hexdigest()
    return found


def in_a_process(cache: Path, threads: int) -> dict[str, str]:
    """The digests of a new process that keeps compiled code in ``cache``."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW.format(threads=threads)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, str] = json.loads(done.stdout)
    return result


@pytest.mark.slow
def test_bits_do_not_depend_on_the_state_of_the_cache_or_the_number_of_threads(
    tmp_path: Path,
) -> None:
    """A first process compiles everything, on one thread; a second finds it compiled."""
    cold = in_a_process(tmp_path, 1)
    assert len(cold) == len(CASES)
    assert in_a_process(tmp_path, 3) == cold


def test_the_order_of_a_sum_is_that_of_its_lanes() -> None:
    """Of whole numbers too large to be added exactly: any other order gives another sum."""
    numbers = np.random.default_rng(1)
    for size in (0, 1, 31, 32, 33, 64, 75, 1000):
        left = numbers.integers(-(2**24), 2**24, size).astype(np.float32)
        right = numbers.integers(-(2**24), 2**24, size) * 2.0**30
        lanes = [0.0] * 32
        for i in range(size):
            lanes[i % 32] = float(int(left[i]) * int(right[i]) + int(lanes[i % 32]))
        while len(lanes) > 1:
            half = len(lanes) // 2
            lanes = [one + other for one, other in zip(lanes[:half], lanes[half:], strict=True)]
        assert dot(left, right) == lanes[0]
