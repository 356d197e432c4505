"""The README's lines for training run as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from verify.pytorch import EqualShares, network_of

README = Path(__file__).parents[2] / "README.md"


def test_the_lines_for_training_run() -> None:
    _, _, after = README.read_text(encoding="utf-8").partition("**Train.**")
    code = after.split("```python\n")[1].split("```")[0]
    made: dict[str, Any] = {}
    exec(code, made)
    rates = [group["lr"] for group in made["optimiser"].param_groups]
    assert tuple(rates) == EqualShares("0.25").rates(network_of(made["model"]))
