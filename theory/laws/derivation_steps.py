"""`DerivationSteps` holds the steps of a derivation, which `theory.exposition` writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from theory.errors import NotSolved
from theory.public_names import cached_property
from theory.waiting import announced
from theory.writing.step import Step

__all__ = ["DerivationSteps", "explained"]


@singledispatch
def explained(value: object) -> Iterator[Step]:
    """The steps that derive ``value``.

    `theory.exposition` registers an implementation for each type of value that it explains.
    """
    raise NotSolved(
        f"the steps of {value!r} are not written out: take the derivation of a squared update"
    )


@dataclass(frozen=True)
class DerivationSteps:
    """The steps from the definition of a `SquaredUpdate` to its law.

    A sequence of `Step`, each with the identities that its constructor checked and the tests that
    check the rest; printed in full, and displayed in notebooks.  Made by
    `SquaredUpdate.derivation`; raises `AssertionError` where an identity does not hold.

    >>> from theory import MLP, squared_update
    >>> steps = squared_update(MLP()).label.derivation
    >>> [step.title for step in steps][:5]
    ['Definition', 'Readout', 'Layers above', 'The layer itself', 'Layers below']
    >>> steps[4].tests
    ('test_layer_map.py', 'test_half_spaces_road.py')
    """

    update: Any

    @cached_property
    @announced("derivation")
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order.

        >>> from theory import MLP, squared_update
        >>> len(squared_update(MLP()).derivation.steps)
        10
        """
        return tuple(explained(self.update))

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Step:
        return self.steps[index]

    def __repr__(self) -> str:
        return "\n\n".join(f"{i}. {step!r}" for i, step in enumerate(self, 1))

    def _repr_markdown_(self) -> str:
        return "\n\n".join(step._repr_markdown_() for step in self)

    def latex(self) -> str:
        """The steps as sections of a LaTeX document; `theory.exposition.paper` has the document.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.derivation.latex().count("section{")
        9
        """
        return "\n\n".join(step.latex() for step in self)
