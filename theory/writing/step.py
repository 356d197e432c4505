"""A `Step` of a derivation holds its text and the identities that were checked.

An identity is a pair of values from two derivations, which must be equal.  Its constructor compares
the values exactly, so that a step with a mistake cannot exist.  A step whose second derivation is
long names the tests that hold this derivation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from theory.writing.blocks import Block, Prose
from theory.writing.notation import prose_latex, prose_text
from theory.writing.rendering import (
    block_latex,
    block_markdown,
    block_text,
    prose_markdown,
    wrapped,
)

__all__ = ["Identity", "Step", "identity", "merged"]


@dataclass(frozen=True)
class Identity:
    """An identity that was checked, with the number of equalities: made by `identity`, which
    compares."""

    statement: str
    equalities: int

    def __str__(self) -> str:
        times = "1 equality" if self.equalities == 1 else f"{self.equalities} equalities"
        return f"{self.statement} ({times})"


def identity(statement: str, pairs: Iterable[Sequence[Any]]) -> Identity:
    """The `Identity` that the two values of each of ``pairs`` are equal; at least one pair.

    ``statement``: the conclusion, a clause whose formulas stand between dollar signs.  Raises
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
class Step:
    """One step of a derivation: its text, the identities that were checked when it was made, and
    the files of tests that compare the rest with a second derivation.

    >>> from theory import MLP, squared_update
    >>> steps = squared_update(MLP()).derivation
    >>> steps[1].title, steps[1].tests
    ('Readout', ('test_gradient_observables.py', 'test_wick.py'))
    >>> print(steps[8].checked[0])
    the series in $1/n$ and the limit agree on the terms in $t³$, $t⁴$ and $t⁵$ (6 equalities)
    """

    title: str
    blocks: tuple[Block, ...]
    checked: tuple[Identity, ...] = ()
    tests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.checked and not self.tests:
            raise AssertionError(f"the step {self.title!r} has no checked identity and no test")

    def __repr__(self) -> str:
        """The step for a terminal: its title, its blocks, and how it was checked."""
        lines = [self.title, *(f"  {line}" for each in self.blocks for line in block_text(each))]
        for kind, said in self._evidence:
            first, *others = wrapped(f"{kind.lower()}: {prose_text(said)}", indented=6)
            lines += [f"  {first}", *(f"    {line}" for line in others)]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        """The step for a notebook, its formulas in LaTeX."""
        said = [f"*{kind}: *{prose_markdown(text)}" for kind, text in self._evidence]
        return "\n\n".join([f"**{self.title}**", block_markdown(*self.blocks), *said])

    def latex(self) -> str:
        r"""The step as a section of a LaTeX document, which defines ``\formula`` and ``\evidence``
        as `theory.exposition.paper` does.

        >>> from theory import MLP, squared_update
        >>> print(squared_update(MLP()).derivation[1].latex().splitlines()[0])
        \section{Readout}
        """
        parts = [rf"\section{{{prose_latex(self.title)}}}"]
        for before, block in zip((None, *self.blocks), self.blocks, strict=False):
            if isinstance(block, Prose) and before is not None:
                parts.append("")
            parts.append(block_latex(block))
        parts += [rf"\evidence{{{kind}}}{{{prose_latex(s)}}}" for kind, s in self._evidence]
        return "\n".join(parts)

    @property
    def _evidence(self) -> list[tuple[str, str]]:
        """The kind of each piece of evidence, and the sentence that says it."""
        checked = [("Checked", str(each)) for each in self.checked]
        return checked + ([("Tested", ", ".join(self.tests))] if self.tests else [])
