"""This module renders blocks of text for a terminal, for notebooks in Markdown, and for papers in
LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from mpmath import nstr
from sympy import Expr

from theory.algebra.numerals import magnitude_latex
from theory.display.tables import aligned_rows, html_table, latex_table
from theory.precision import real_number
from theory.writing.blocks import Block, Formulas, Line, Prose, Table
from theory.writing.notation import Math, math_latex, prose_latex, prose_text

__all__ = [
    "block_latex",
    "block_markdown",
    "block_text",
    "formulas_latex",
    "prose_markdown",
    "root_lines",
    "table_html",
    "table_text",
    "wrapped",
]

_COLUMNS = 80
_INDENTED = 2
"""Columns that a step puts before each line of its blocks."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_BETWEEN_TERMS = re.compile(rf"(\([^()]{{,25}}\))|{_NO_BREAK}([+-]){_NO_BREAK}")
_BREAK = "\v"
"""A place where a line may end; nothing where it does not."""
_BEHIND_BRACKETS = re.compile(rf"(?<=[)\d][*/])(?=\()|(?<=\))(?=/\d)|(?<=\d){_NO_BREAK}(?=\()")
_LONGEST_ROOT = 120
"""Characters of a root as text that a page still holds: no line can be broken in a root."""
_FACTORS = re.compile(r"(?<=[)}\w]) \\Bigl\(")
_SHORT_BRACKET = re.compile(r"\\left(\(|\|)((?:(?!\\left|\\right).){0,48})\\right(\)|\|)")


def block_text(block: Block) -> list[str]:
    """The lines of a block for a terminal."""
    if isinstance(block, Prose):
        return wrapped(prose_text(block.text), _INDENTED)
    if isinstance(block, Formulas):
        width = max(len(line.left.text) for line in block.lines)
        return [each for line in block.lines for each in _formula_text(line, width)]
    rows = [f"  {row}" for row in table_text(block)]
    if max(map(len, rows)) <= _COLUMNS - _INDENTED:
        return rows
    titles, *cells = _cells(block)
    return [line for name, *row in cells for line in _formula(f"  {name}  ", _named(titles, row))]


def _named(titles: Sequence[str], row: Sequence[str]) -> str:
    """The cells of a row that is too long for a line, each after the title of its column."""
    return ", ".join(f"{title} {cell}" for title, cell in zip(titles[1:], row, strict=True))


def wrapped(text: str, indented: int, start: str = "") -> list[str]:
    """``text`` after ``start`` on lines for a terminal that are ``indented`` later; further lines
    are as far in as the text begins."""
    return textwrap.wrap(
        text,
        _COLUMNS - indented,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
        break_long_words=False,
        replace_whitespace=False,
    )


def _formula_text(line: Line, width: int) -> list[str]:
    return _formula(f"  {line.left.text:<{width}} {line.sign} ", line.right.text)


def _formula(start: str, formula: str) -> list[str]:
    """``formula`` after ``start``, broken before the signs of its sums, but not inside short
    brackets; where that leaves a line too long, also behind brackets."""
    kept = formula.replace(" ", _NO_BREAK).replace(f",{_NO_BREAK}", ", ")
    terms = _BETWEEN_TERMS.sub(lambda m: m[1] or f" {m[2]}{_NO_BREAK}", kept)
    found = wrapped(terms, _INDENTED, start)
    if max(map(len, found)) > _COLUMNS - _INDENTED:
        found = wrapped(
            _BEHIND_BRACKETS.sub(lambda m: " " if m[0] else _BREAK, terms), _INDENTED, start
        )
    return [each.replace(_NO_BREAK, " ").replace(_BREAK, "") for each in found]


def block_markdown(*blocks: Block) -> str:
    """Blocks for a notebook."""
    return "\n\n".join(map(_markdown, blocks))


def _markdown(block: Block) -> str:
    if isinstance(block, Prose):
        return prose_markdown(block.text)
    if isinstance(block, Formulas):
        return f"$$\n{formulas_latex(block.lines)}\n$$"
    header, rows = map(prose_markdown, block.header), [map(_cell, row) for row in block.rows]
    rule = "|".join(["---"] * len(block.header))
    return "\n".join(f"| {row} |" for row in (" | ".join(header), rule, *map(" | ".join, rows)))


def _cell(cell: str | Math) -> str:
    return f"${cell.latex}$" if isinstance(cell, Math) else prose_markdown(cell)


def prose_markdown(prose: str) -> str:
    """A sentence for a notebook."""
    parts = prose.split("$")
    return "$".join(math_latex(part) if i % 2 else part for i, part in enumerate(parts))


def block_latex(block: Block) -> str:
    r"""A paragraph, formulas as arguments of ``\formula``, or a table in ``\fitted``."""
    if isinstance(block, Prose):
        return prose_latex(block.text)
    if isinstance(block, Formulas):
        return "\n".join(rf"\formula{{{_breakable(_line_latex(line))}}}" for line in block.lines)
    return _table_latex(block)


def _line_latex(line: Line, align: str = "") -> str:
    return f"{line.left.latex} {align}{math_latex(line.sign)} {line.right.latex}"


def _breakable(formula: str) -> str:
    r"""A formula that TeX can break over lines also in its long brackets: TeX ends no line between
    ``\left`` and ``\right``."""
    short = _SHORT_BRACKET.sub(r"\\Left\1\2\\Right\3", formula)
    long = short.replace(r"\left", r"\Bigl").replace(r"\right", r"\Bigr")
    apart = _FACTORS.sub(r"\\allowbreak \\Bigl(", long)
    written = apart.replace(r"\Left", r"\left").replace(r"\Right", r"\right")
    return written.replace(r"\right) \left(", r"\right) \allowbreak \left(")


def _table_latex(table: Table) -> str:
    rows = [list(map(_cell_latex, row)) for row in table.rows]
    header = list(map(prose_latex, table.header))
    lines = latex_table(rows, header, table.columns or "l" * len(header))
    return "\n".join([r"\begin{center}\fitted{%", *lines, r"}\end{center}"])


def _cell_latex(cell: str | Math) -> str:
    return f"${cell.latex}$" if isinstance(cell, Math) else prose_latex(cell)


def formulas_latex(lines: Iterable[Line]) -> str:
    """Formulas as one ``aligned`` display."""
    rows = " \\\\\n".join(_line_latex(line, "&") for line in lines)
    return "\n".join([r"\begin{aligned}", rows, r"\end{aligned}"])


def root_lines(left: Math, value: Expr, digits: int = 6) -> list[Line]:
    """``left`` = ``value``, a root, and where that is an irrational number its decimals below; for
    a long root the inverse of its square, which can be broken over lines."""
    line, name = Line(left, Math.of(value)), Math("", "")
    if len(line.right.text) > _LONGEST_ROOT:
        line, name = (
            Line(Math(f"({left.text})^(-2)", f"{left.latex}^{{-2}}"), Math.of(value**-2)),
            left,
        )
    if not value.is_number or value.is_Rational:
        return [line]
    number = real_number(value, digits + 2)
    decimal = Math(str(nstr(number, digits)), magnitude_latex(number, digits))
    return [line, Line(name, decimal, "≈")]


def table_html(table: Table) -> str:
    """A table as a notebook shows it."""
    rows = [list(map(_cell, row)) for row in table.rows]
    return html_table(rows, list(map(prose_markdown, table.header)))


def table_text(table: Table) -> list[str]:
    """The rows of a table for a terminal, its columns below each other."""
    return aligned_rows(_cells(table))


def _cells(table: Table) -> list[list[str]]:
    """The titles of the columns and the rows, as text."""
    return [
        [cell.text if isinstance(cell, Math) else prose_text(cell) for cell in row]
        for row in (table.header, *table.rows)
    ]
