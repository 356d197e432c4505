"""Completion in IPython: public names alone, and nothing computed."""

import importlib
from typing import Any

import pytest

from theory import MLP, squared_update
from theory.public_names import PublicNames

VALUES: list[PublicNames] = [squared_update(MLP()), squared_update(MLP(8, 3))]
COMPLETER: Any = importlib.import_module("IPython.core.completer")


@pytest.mark.parametrize("jedi", [False, True])
@pytest.mark.parametrize("value", VALUES, ids=["symbols", "numbers"])
def test_ipython_lists_public_names_and_computes_nothing(value: PublicNames, jedi: bool) -> None:
    completer = COMPLETER.IPCompleter(namespace={"v": value}, use_jedi=jedi)
    completer.disable_matchers = ["IPCompleter.magic_matcher"]
    before = dict(value.__dict__)
    with COMPLETER.provisionalcompleter():
        found = {each.text.rpartition(".")[2] for each in completer.completions("v.", 2)}
    assert {"exact", "label", "derivation", "variance", "at", "lambdify"} <= found
    assert not found & type(value)._shared
    assert value.__dict__ == before
