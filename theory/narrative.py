"""The derivation in plain text, for people, a paragraph per step."""

from __future__ import annotations

from collections.abc import Iterator

from theory.derivation_steps import derivation_steps
from theory.network import MLP
from theory.rendering import step_text
from theory.update import squared_update

__all__ = ["derivation_text"]


def derivation_text(network: MLP) -> Iterator[str]:
    """The steps from the definition to the law and the rate, each checked before it is given."""
    for number, step in enumerate(derivation_steps(squared_update(network)), 1):
        yield f"{number}. {step_text(step)}"
