"""A derivation's steps as plain text, as Markdown for notebooks, and as LaTeX for a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from mpmath import nstr
from sympy import Expr

from theory.algebra.numerals import magnitude_latex
from theory.algebra.precision import real_number
from theory.writing.formula_width import formula_width
from theory.writing.line_breaks import latex_lines, plain_lines
from theory.writing.notation import Math, math_latex, prose_latex, prose_text
from theory.writing.step import Block, Formulas, Line, Prose, Step, Table

__all__ = [
    "aligned",
    "block_latex",
    "block_markdown",
    "formula_display",
    "root_lines",
    "step_latex",
    "step_markdown",
    "step_text",
    "table_html",
    "table_text",
]

_COLUMNS = 92
_MEASURE = 412.0
"""Points of a line of a page that formulas may fill."""
_CHECKED = "Checked: "


def step_text(step: Step) -> str:
    """A step for a terminal: its title, its blocks, and how it was checked."""
    lines = [step.title]
    for block in step.blocks:
        lines += [f"  {line}" for line in _plain(block)]
    for each in step.checked:
        said = _wrapped(_CHECKED.lower() + prose_text(str(each)), _COLUMNS - 6)
        lines += [f"  {'' if i == 0 else '  '}{line}" for i, line in enumerate(said)]
    return "\n".join(lines)


def _plain(block: Block) -> list[str]:
    if isinstance(block, Prose):
        return _wrapped(prose_text(block.text), _COLUMNS - 2)
    if isinstance(block, Formulas):
        width = max(len(line.left.plain) for line in block.lines)
        return [each for line in block.lines for each in _plain_line(line, width)]
    return [f"  {row}" for row in table_text(block)]


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(text, columns, break_on_hyphens=False, break_long_words=False)


def _plain_line(line: Line, width: int) -> list[str]:
    start = f"  {line.left.plain:<{width}} {line.sign} "
    return plain_lines(start, line.right.plain, _COLUMNS - 2)


def step_markdown(step: Step) -> str:
    """A step for a notebook, its formulas in LaTeX."""
    parts = [f"**{step.title}**", *map(_markdown, step.blocks)]
    parts += [f"*{_CHECKED}*{_prose_markdown(str(each))}" for each in step.checked]
    return "\n\n".join(parts)


def block_markdown(*blocks: Block) -> str:
    """Blocks for a notebook."""
    return "\n\n".join(map(_markdown, blocks))


def _markdown(block: Block) -> str:
    if isinstance(block, Prose):
        return _prose_markdown(block.text)
    if isinstance(block, Formulas):
        return f"$$\n{aligned(block.lines)}\n$$"
    header, rows = map(_prose_markdown, block.header), [map(_cell, row) for row in block.rows]
    rule = "|".join(["---"] * len(block.header))
    return "\n".join(f"| {row} |" for row in (" | ".join(header), rule, *map(" | ".join, rows)))


def _cell(cell: str | Math) -> str:
    return f"${cell.latex}$" if isinstance(cell, Math) else _prose_markdown(cell)


def _prose_markdown(prose: str) -> str:
    parts = prose.split("$")
    return "$".join(math_latex(part) if i % 2 else part for i, part in enumerate(parts))


def step_latex(step: Step) -> str:
    """A step as a section of a LaTeX document."""
    parts = [rf"\section{{{prose_latex(step.title)}}}"]
    for before, block in zip((None, *step.blocks), step.blocks, strict=False):
        if isinstance(block, Prose) and before is not None:
            parts.append("")
        parts.append(block_latex(block))
    parts += [rf"\checked{{{prose_latex(str(each))}}}" for each in step.checked]
    return "\n".join(parts)


def block_latex(block: Block) -> str:
    """A paragraph, a display, or a table with horizontal rules."""
    if isinstance(block, Prose):
        return prose_latex(block.text)
    if isinstance(block, Formulas):
        return "\n".join([r"\begin{align*}", *_rows(block.lines), r"\end{align*}"])
    return _table_latex(block)


def _table_latex(table: Table) -> str:
    rows = [" & ".join(map(_cell_latex, row)) for row in table.rows]
    return "\n".join(
        [
            r"\begin{center}",
            rf"\begin{{tabular}}{{{table.columns or 'l' * len(table.header)}}}",
            r"\toprule",
            " & ".join(map(prose_latex, table.header)) + r" \\",
            r"\midrule",
            *(f"{row} \\\\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{center}",
        ]
    )


def _cell_latex(cell: str | Math) -> str:
    return f"${cell.latex}$" if isinstance(cell, Math) else prose_latex(cell)


def formula_display(*lines: Line) -> str:
    """Formulas as a notebook shows them."""
    return f"$\\displaystyle {aligned(lines)}$"


def root_lines(left: Math, value: Expr, digits: int = 6) -> list[Line]:
    """``left`` = ``value``, a root, and where that is an irrational number its decimals below.

    Where the root is too wide for a page, since no line can be broken in it, the inverse of its
    square.
    """
    lines = []
    right = Math.of(value)
    if formula_width(right.latex) > _MEASURE - formula_width(left.latex):
        inverse = Math(f"({left.plain})^(-2)", f"{left.latex}^{{-2}}")
        line = Line(inverse, Math.of(value**-2))
    else:
        line = Line(left, right)
    if value.is_number and not value.is_Rational:
        number = real_number(value, digits + 2)
        decimal = Math(str(nstr(number, digits)), magnitude_latex(number, digits))
        name = left if line.left != left else Math("", "")
        lines = [Line(name, decimal, "≈")]
    return [line, *lines]


def table_html(table: Table) -> str:
    """A table as a notebook shows it."""
    cells = [list(map(_prose_markdown, table.header)), *(list(map(_cell, r)) for r in table.rows)]
    kinds = ["th", *["td"] * len(table.rows)]
    rows = (
        "<tr>" + "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in row) + "</tr>"
        for kind, row in zip(kinds, cells, strict=True)
    )
    return "<table>" + "".join(rows) + "</table>"


def table_text(table: Table) -> list[str]:
    """The rows of a table for a terminal, its columns below each other."""
    cells = [list(map(prose_text, table.header))] + [
        [cell.plain if isinstance(cell, Math) else prose_text(cell) for cell in row]
        for row in table.rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def aligned(lines: Sequence[Line]) -> str:
    """Formulas as one ``aligned`` display."""
    return "\n".join([r"\begin{aligned}", *_rows(lines), r"\end{aligned}"])


def _rows(lines: Sequence[Line]) -> list[str]:
    rows, widest = [], max(formula_width(line.left.latex) for line in lines)
    for line in lines:
        first, *others = latex_lines(line.right.latex, _MEASURE - widest)
        rows.append(f"{line.left.latex} &{math_latex(line.sign)} {first}")
        rows += [rf"&\qquad {other}" for other in others]
    return [row + r" \\" for row in rows[:-1]] + rows[-1:]
