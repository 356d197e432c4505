"""Sentences, formulas and tables are the blocks that a printed text is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from theory.writing.notation import Math

__all__ = ["Block", "Formulas", "Line", "Prose", "Table"]


_LONGEST = 400
"""Characters of formulas that a prompt shows."""


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

    def __repr__(self) -> str:
        whole = "; ".join(f"{e.left.text} {e.sign} {e.right.text}" for e in self.lines)
        shown = whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}..."
        return f"{len(self.lines)} formulas: {shown}"


@dataclass(frozen=True)
class Table:
    """Rows of sentences or formulas under a header; ``columns``: their alignment in LaTeX, to the
    left where it is empty."""

    header: tuple[str, ...]
    rows: tuple[tuple[str | Math, ...], ...]
    columns: str = ""


Block: TypeAlias = Prose | Formulas | Table
