"""A comparison at the prompt, in a notebook, and as a table of a LaTeX paper."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console

from verify.comparison.compare import Comparison, rate_points
from verify.comparison.curves import LawCurve, RatePoints
from verify.comparison.law_words import law_lines
from verify.comparison.table import (
    TABLE_NOTE,
    cell_columns,
    cell_row,
    cell_table,
    conclusion,
    print_table,
    slope_lines,
    tried,
)
from verify.inference.numbers_in_text import html_table, value_latex

__all__ = ["comparison_html", "comparison_latex", "comparison_text"]

_COLUMNS = 108


def comparison_text(comparison: Comparison) -> str:
    """The table, the measured laws, their comparison with exact values, and the verdict, as plain
    text."""
    out = io.StringIO()
    console = Console(file=out, width=_COLUMNS, highlight=False, color_system=None)
    print_table(console, cell_table(comparison))
    for line in (*law_lines(comparison), *slope_lines(comparison), conclusion(comparison)):
        console.print(line)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def comparison_html(comparison: Comparison) -> str:
    """The same with the figure, for a notebook."""
    names = cell_columns(comparison)
    rows = [[cell_row(cell)[name] for name in names] for cell in comparison.cells]
    header = [tried(comparison) if name == "law" else name for name in names]
    table = html_table(TABLE_NOTE, rows, header, conclusion(comparison))
    points, law = rate_points(comparison)
    return table + _image(points, law) if points else table


def _image(points: Sequence[RatePoints], law: LawCurve) -> str:
    from verify.comparison.figure import rate_image  # Matplotlib takes as long to load as all else

    data = base64.b64encode(rate_image(points, law, "png", dpi=110)).decode()
    return f'<img alt="maximal learning rate against depth" src="data:image/png;base64,{data}">'


def comparison_latex(comparison: Comparison) -> str:
    r"""The table with ``booktabs`` rules and the verdict below it, for a LaTeX paper: narrow enough
    for the page of an ``article``.

    >>> from theory import MLP
    >>> from verify import compare_law
    >>> found = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1)
    >>> print(comparison_latex(found).splitlines()[7])
    16 & 1 & 4,000 & $0.54102$ & $0.5426 \pm 0.0053$ & 71\% & $0.886$ & $+0.23$ \\
    """
    names = [name for name in cell_columns(comparison) if name != _GROUP]
    rows = map(cell_row, comparison.cells)
    lines: list[str] = []
    for sampler, group in groupby(rows, key=lambda row: row[_GROUP]):
        lines.append(rf"\multicolumn{{{len(names)}}}{{@{{}}l}}{{\emph{{{sampler}}}}} \\")
        lines += [" & ".join(_cell(name, row[name]) for name in names) + r" \\" for row in group]
    headers = _HEADER | {"law": tried(comparison)}
    header = " & ".join(headers.get(name, name) for name in names)
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{@{{}}{'r' * len(names)}@{{}}}}",
            r"\toprule",
            header + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{_caption(comparison)}}}",
            r"\label{tab:measured}",
            r"\end{table}",
        ]
    )


_GROUP = "sampler"
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_HEADER = {
    "width": "$n$",
    "depth": "$L$",
    "layer": r"$\ell$",
    "measured ± s.e.": r"measured $\pm$ s.e.",
    "z": "$z$",
}
_MATHS = ("law", "measured ± s.e.", "median", "z")


def _cell(name: str, text: str) -> str:
    if name == "width" and not text.isascii():
        return f"$10^{{{text[2:].translate(_DIGITS)}}}$"
    if name not in _MATHS or text == "-":
        return text.replace("%", r"\%")
    return f"${value_latex(text)}$" if any(c.isdigit() for c in text) else text


def _caption(comparison: Comparison) -> str:
    step = comparison.step
    kind = "linearised step" if step is None else f"real step of rate {step:g}"
    return (
        rf"$\mathbb{{E}}[(\Delta z)^2]/\eta^2$ of a {kind}: {tried(comparison)}, and its mean over "
        r"networks with its standard error; ESS: effective samples over samples; median: of "
        rf"networks, over {tried(comparison)}. {_escaped(conclusion(comparison))}"
    )


def _escaped(text: str) -> str:
    text = re.sub(r"\bz = (\S+)", r"$z = \1$", text)
    return text.replace("%", r"\%").replace("|z|", r"$\vert z\vert$")
