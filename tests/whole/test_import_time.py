"""Loading the packages: light enough for the prompt; slow packages load where they are used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.tools.paths import ROOT

HEAVY = {
    *("scipy.optimize", "scipy.special", "scipy.stats", "matplotlib", "jinja2"),
    *("pandas", "pyarrow", "distributed", "torch", "hypothesis"),
}
"""What a measurement does not need."""
MOST = 1.3
"""Times what Numba and theory take, which a measurement needs in any case."""
ROUNDS = 5


def seconds(code: str) -> float:
    """Processor seconds of a Python process."""
    before = os.times()
    root = str(ROOT)
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=True)
    after = os.times()
    return after.children_user + after.children_system - before[2] - before[3]


@pytest.mark.slow
def test_a_measurement_loads_little_more_than_numba_and_theory() -> None:
    """The least of several rounds, taken in turn: other processes only add to a time."""
    codes = ("import numba, theory", "from verify import monte_carlo")
    rounds = [[seconds(code) for code in codes] for _ in range(ROUNDS)]
    base, ours = (min(column) for column in zip(*rounds, strict=True))
    assert ours <= MOST * base, (ours, base)


def test_what_is_slow_to_load_is_loaded_where_it_is_used() -> None:
    shown = "import sys; from verify import monte_carlo; import verify.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY
