"""Completion at the prompt: public names alone, nothing computed; properties raise one error."""

import contextlib
import inspect
import os
import rlcompleter
import subprocess
import sys
from typing import Any

import pytest

from tests.tools.values import SEVERAL, SINGLE, TRANSFER
from tests.whole.test_public_names import values
from theory import (
    MLP,
    LeakyReLU,
    NotSolved,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    squared_update,
)
from theory.observables import K, f, trace
from theory.public_names import PublicNames

HIDDEN = {"places", "sums", "in_numbers", "derivations", "leading_term", "in_field", "parts", "of"}


def completed(value: Any) -> set[str]:
    matches = rlcompleter.Completer({"v": value}).attr_matches("v.")
    return {match[2:].rstrip("()") for match in matches}


def properties(value: Any) -> list[str]:
    return [
        name
        for name in completed(value)
        if isinstance(inspect.getattr_static(type(value), name, None), property)
    ]


def test_completion_computes_nothing() -> None:
    for value in values():
        if type(value).__module__.partition(".")[0] == "theory":
            check_completion(value)


def check_completion(value: Any) -> None:
    before = dict(getattr(value, "__dict__", {}))
    found = completed(value)
    assert found
    assert dict(getattr(value, "__dict__", {})) == before
    if isinstance(value, PublicNames):
        assert not found & HIDDEN
        assert not found & type(value)._shared
    public = any(not name.startswith("_") for name in dir(value))
    assert not public or not any(name.startswith("_") for name in found)


@pytest.mark.wide
@pytest.mark.parametrize(
    "value",
    [
        *(of(network) for of in (SINGLE | SEVERAL).values() for network in (MLP(), MLP(8, 3))),
        *(squared_update(m) for m in (MLP(8), MLP(depth=2), MLP((2, 3)), MLP(10**6, 10**9))),
        squared_update(MLP(activation=LeakyReLU(), weight_variance=3)).label,
        squared_update(MLP(3, 2), rates=(0, 0)),
        maximal_learning_rate(MLP(weight_variance=1)),
        *(layer_rates(m) for m in (MLP(4, 1), MLP(depth=1))),
        alignment(MLP(3, 2), rates=(0, 0)),
        *(derive(o, MLP((2, 3))) for o in (f, trace(K))),
        TRANSFER,
        *(MLP(), MLP(8), MLP(depth=2)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_property_raises_nothing_but_not_solved(value: Any) -> None:
    for name in properties(value):
        with contextlib.suppress(NotSolved):
            getattr(value, name)


READ_ONLY = """
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = []
from verify.samplers.rare_events.tilts import moment
print(moment(1, 1, 4.0, 0.0))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "disabled", "says"),
    [
        (READ_ONLY, "0", "5.0"),
        ("import verify", "1", "expected NUMBA_DISABLE_JIT to be 0 or not set, got 1"),
    ],
    ids=["read-only", "no compiler"],
)
def test_an_installation_without_a_cache_or_a_compiler(code: str, disabled: str, says: str) -> None:
    """Numba finds no folder to write to in a read-only installation without a home folder."""
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
    )
    assert says in (found.stdout + found.stderr).splitlines()[-1]


def test_the_issue() -> None:
    u, v = squared_update(MLP()), squared_update(MLP(8, 3))
    assert {"exact", "label", "derivation", "variance", "at", "lambdify"} <= completed(u)
    assert not HIDDEN & completed(v)
    assert "derivation" not in u.__dict__
    assert "spread" not in u.__dict__
