"""Public names of `verify.pytorch`: an example in each help, and completion of these alone."""

from __future__ import annotations

import inspect

import pytest
from torch import nn

from tests.whole.test_public_names import members
from verify import pytorch
from verify.pytorch import coordinate_check

from .models import mlp


@pytest.mark.parametrize("name", pytorch.__all__)
def test_help_has_a_runnable_example(name: str) -> None:
    value = getattr(pytorch, name)
    assert ">>> " in (value.__doc__ or "")
    if inspect.isclass(value):
        without = [n for n, inner in members(value).items() if ">>> " not in (inner.__doc__ or "")]
        assert not without, f"{name} has no example for {without}"


def test_completion_shows_public_names_alone() -> None:
    assert {name for name in dir(pytorch) if not name.startswith("_")} == set(pytorch.__all__)


def test_values_print_as_something_to_read() -> None:
    model: nn.Module = mlp(16, 16)
    check = coordinate_check(model, samples=200, seed=1)
    for value in (check, check.layers[0], pytorch.AllHidden(), pytorch.EqualShares()):
        assert "object at" not in repr(value)
        assert "array(" not in repr(value)
