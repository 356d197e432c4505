"""A derivation as data: steps of sentences, formulas and tables, each with its checked identities.

An identity is a pair of values that have to be equal, found on two roads.  It is compared when it
is built, exactly, so that a step with a mistake cannot be made, let alone shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from theory.writing.notation import Math

__all__ = ["Block", "Formulas", "Identity", "Line", "Prose", "Step", "Table", "identity", "merged"]


@dataclass(frozen=True)
class Identity:
    """What was found equal, how, and how often: made by `identity`, which compares."""

    statement: str
    equalities: int

    def __str__(self) -> str:
        times = "1 equality" if self.equalities == 1 else f"{self.equalities} equalities"
        return f"{self.statement} ({times})"


def identity(statement: str, pairs: Iterable[Sequence[Any]]) -> Identity:
    """The `Identity` that the two values of each of ``pairs`` are equal; at least one pair.

    ``statement``: what that shows, a clause whose formulas stand between dollar signs.  Raises
    `AssertionError`, naming the statement and the first values that differ.

    >>> print(identity("one and one are two", [(1 + 1, 2)]))
    one and one are two (1 equality)
    """
    count = 0
    for left, right in pairs:
        if left != right:
            raise AssertionError(f"a step does not hold: {statement}: {left} is not {right}")
        count += 1
    if not count:
        raise AssertionError(f"a step was not checked: {statement}")
    return Identity(statement, count)


def merged(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """Identities of one statement as one, with all their equalities."""
    counts: dict[str, int] = {}
    for each in identities:
        counts[each.statement] = counts.get(each.statement, 0) + each.equalities
    return tuple(Identity(*pair) for pair in counts.items())


@dataclass(frozen=True)
class Prose:
    """Sentences, their formulas between dollar signs (`theory.writing.notation`)."""

    text: str


@dataclass(frozen=True)
class Line:
    """``left`` ``sign`` ``right``; a long right side is broken over lines."""

    left: Math
    right: Math
    sign: str = "="


@dataclass(frozen=True)
class Formulas:
    """Formulas set off from the text, their signs below each other."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """Rows of sentences or formulas under a header; ``columns``: their alignment in LaTeX, to the
    left where it is empty."""

    header: tuple[str, ...]
    rows: tuple[tuple[str | Math, ...], ...]
    columns: str = ""


Block: TypeAlias = Prose | Formulas | Table


@dataclass(frozen=True)
class Step:
    """One step of a derivation: what it says, and the identities that it was checked by.

    >>> from theory import MLP, squared_update
    >>> step = squared_update(MLP()).derivation[1]
    >>> step.title, [str(each) for each in step.checked]
    ('Readout', ['a readout of 2 normals, integrated monomial by monomial, agrees (2 equalities)'])
    """

    title: str
    blocks: tuple[Block, ...]
    checked: tuple[Identity, ...]

    def __post_init__(self) -> None:
        if not self.checked:
            raise AssertionError(f"the step {self.title!r} has no checked identity")

    def __repr__(self) -> str:
        from theory.writing.rendering import step_text

        return step_text(self)

    def _repr_markdown_(self) -> str:
        from theory.writing.rendering import step_markdown

        return step_markdown(self)
