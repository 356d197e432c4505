"""The cost model is the one that was measured."""

from __future__ import annotations

import json

import pytest

from studies.scaling import RESULTS, SIZES, block_overheads
from verify.samplers.sampler import Sampler


@pytest.mark.parametrize("sampler", list(SIZES), ids=str)
def test_costs_are_those_of_the_study(sampler: Sampler) -> None:
    models = json.loads(RESULTS.read_text(encoding="utf-8"))["models"]
    model = models[type(sampler).__name__]
    for name, value in sampler.seconds._asdict().items():
        assert value == float(f"{model[name]:.2g}")
    for row in model["sizes"]:
        assert 0.5 < row["model"] < 1.5


@pytest.mark.slow
def test_overheads_are_measured() -> None:
    found = block_overheads()
    assert 0 < found["kept together"] < found["kept alone"]
    assert 0 < found["merged"] < found["kept alone"]
