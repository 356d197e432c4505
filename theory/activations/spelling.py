"""The activation that a word on a command line names."""

from __future__ import annotations

from theory import activations
from theory.coverage import outside

__all__ = ["outside_of_commands"]

_CODES = {name.lower(): f"{name}()" for name in activations.__all__ if name[0].isupper()}


def outside_of_commands(name: str, value: str) -> str:
    """`outside` for an option that no command has; ``value``: its text on the command line.

    >>> outside_of_commands("activation", "tanh")
    'it belongs to the network: give MLP(activation=Tanh())'
    """
    word = value.lower().replace("_", "").partition("(")[0]
    return outside(name, _CODES.get(word, "") if name == "activation" else "")
