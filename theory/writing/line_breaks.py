"""Long formulas on lines of limited width, broken before a sign between terms of a longer sum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from theory.writing.formula_width import formula_width

__all__ = ["latex_lines", "plain_lines"]

_COLUMNS = 100
_SHORT, _SHORT_POINTS = 25, 130.0
"""A bracket of fewer signs, or narrower, is never broken."""

_BRACKET = re.compile(r"\\left\(|\\right\)|[{}]")
_BREAK = re.compile(r"\\left\(|\\right\)|\\[bB]igr\)|[{}]| [+-] | \\[bB]igl\(")


def plain_lines(start: str, formula: str, columns: int = _COLUMNS) -> list[str]:
    """``start`` and a formula for a terminal; further lines are as far in."""
    lines = [start]
    for piece in _plain_pieces(formula):
        if len(lines[-1]) + len(piece) > columns and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * len(start))
        lines[-1] += piece
    return lines


def latex_lines(formula: str, measure: float) -> list[str]:
    r"""A formula in LaTeX as lines of an ``aligned`` environment, ``measure`` points wide.

    A line ends before a sign of the outermost sum that leaves it long enough.  A bracket that is
    broken over lines is written without ``\left`` and ``\right``, which must stand on one line.
    """
    lines: list[str] = []
    line: list[_Piece] = []
    for piece in _latex_pieces(formula):
        line.append(piece)
        while len(line) > 1 and formula_width("".join(each.text for each in line)) > measure:
            end = _line_end(line, measure)
            lines.append("".join(each.text for each in line[:end]))
            line = line[end:]
    lines.append("".join(each.text for each in line))
    return [each.strip() for each in lines]


def _line_end(line: list[_Piece], measure: float) -> int:
    """How many pieces to keep: up to the least deep break beyond a third of the measure."""
    fits = range(1, len(line))
    long = [k for k in fits if formula_width("".join(each.text for each in line[:k])) > measure / 3]
    return min(long or fits, key=lambda k: (line[k].depth, -k))


def _plain_pieces(formula: str) -> Iterator[str]:
    """Where a line may end: before a sign between terms of a sum of some length."""
    opened: list[int] = []
    closed: dict[int, int] = {}
    for i, letter in enumerate(formula):
        if letter == "(":
            opened.append(i)
        elif letter == ")":
            closed[opened.pop()] = i
    start = 0
    for match in re.finditer(r" [+-] ", formula):
        at = match.start()
        around = [j - i for i, j in closed.items() if i < at < j]
        if min(around, default=len(formula)) > _SHORT:
            yield formula[start : at + 1]
            start = at + 1
    yield formula[start:]


class _Piece(NamedTuple):
    """A part of a formula that stays on one line, and how deep the break before it is."""

    text: str
    depth: float


def _latex_pieces(formula: str) -> Iterator[_Piece]:
    """Parts between possible breaks, never within braces nor in a bracket of few signs; a break
    before a bracket is worse than one between the terms of the sum it is a factor in."""
    spelled = _long_brackets(formula)
    closed, level, start, depth = 0, 0, 0, 0.0
    for match in _BREAK.finditer(spelled):
        found = match.group()
        if found in (r"\left(", "{"):
            closed += 1
        elif found in (r"\right)", "}"):
            closed -= 1
        elif found.endswith("igr)"):
            level -= 1
        elif not closed and match.start():
            yield _Piece(spelled[start : match.start()], depth)
            opening = found.endswith("(")
            start, depth = match.start(), level + 0.5 * opening
            level += opening
    yield _Piece(spelled[start:], depth)


def _long_brackets(formula: str) -> str:
    """Brackets of many signs, outside of braces, spelled so that they may be broken."""
    opened: list[tuple[int, str]] = []
    swaps: list[tuple[int, int, str]] = []
    for match in _BRACKET.finditer(formula):
        found = match.group()
        if found in (r"\left(", "{"):
            opened.append((match.start(), found))
            continue
        at, _ = opened.pop()
        inside = formula[at : match.end()]
        breakable = all(kind == r"\left(" for _, kind in opened)
        if found == r"\right)" and breakable and formula_width(inside) > _SHORT_POINTS:
            size = "Big" if r"\frac" in inside else "big"
            swaps += [(at, at + 6, rf"\{size}l("), (match.start(), match.end(), rf"\{size}r)")]
    for begin, end, spelled in sorted(swaps, reverse=True):
        formula = formula[:begin] + spelled + formula[end:]
    return formula
