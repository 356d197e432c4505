"""Loading the packages: light enough for the prompt; slow packages load where they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    *("scipy.optimize", "scipy.special", "scipy.stats", "matplotlib", "jinja2"),
    *("pandas", "pyarrow", "distributed", "torch", "hypothesis"),
}
"""What a measurement does not need."""


@pytest.mark.slow
def test_what_is_slow_to_load_is_loaded_where_it_is_used() -> None:
    shown = "import sys; from verify import monte_carlo; import verify.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY
