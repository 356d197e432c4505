"""This module lays out tables of text for a terminal, as HTML and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["aligned_rows", "html_table", "latex_table"]


def aligned_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text, columns below each other.

    >>> aligned_rows([["a", "1.5"], ["bcd", "22"]])
    ['a    1.5', 'bcd  22']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]


def html_table(
    rows: Sequence[Sequence[str]],
    header: Sequence[str] = (),
    *,
    caption: str = "",
    below: str = "",
) -> str:
    """An HTML table, with a caption above it and a paragraph below it where they are given."""
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = [_html_row("th", header)] if header else []
    body = "".join(head + [_html_row("td", row) for row in rows])
    after = f"<p>{escape(below)}</p>" if below else ""
    return f"<table>{above}{body}</table>{after}"


def _html_row(kind: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in cells) + "</tr>"


def latex_table(rows: Sequence[Sequence[str]], header: Sequence[str], columns: str) -> list[str]:
    r"""The lines of a ``tabular`` with the rules of ``booktabs``; ``columns``: their alignment."""
    first, *others = (" & ".join(row) + r" \\" for row in (header, *rows))
    return [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        first,
        r"\midrule",
        *others,
        r"\bottomrule",
        r"\end{tabular}",
    ]
