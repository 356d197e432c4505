"""This module lays out the table of a run for the prompt, for a notebook, and for a LaTeX paper."""

from __future__ import annotations

import base64
import io
from copy import copy
from itertools import groupby

from rich import box
from rich.console import Console, ConsoleDimensions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from theory.display.tables import html_table, latex_table
from verify.comparison.deciding import SKEWNESS_RANGE
from verify.comparison.exact_values import LARGEST_SPREAD, STEP_ALLOWANCE
from verify.comparison.record import UPDATE, CellRecord, RunRecord
from verify.comparison.verdict_in_words import conclusion, sentences
from verify.inference.numbers_in_text import (
    LATEX,
    TEXT,
    Style,
    magnitude,
    percent,
    signed,
    value_and_error,
    width_in_words,
)

__all__ = [
    "cell_row",
    "cell_table",
    "in_columns",
    "print_table",
    "run_html",
    "run_latex",
    "run_text",
]

_NOTE = "{}: expected, and measured over networks"
_COLUMNS, _WIDEST = 80, 1000
"""The columns without a terminal, and the most columns of a table."""
_SIZES = ("sampler", "width", "depth", "blocks", "layer")
"""The columns that identify the network of a row."""


def run_text(run: RunRecord) -> str:
    """The table, the measured laws, their comparison with exact values, and the verdict."""
    return in_columns(cell_table(run), *sentences(run))


def in_columns(*parts: Table | str) -> str:
    """Tables and lines as text for a page of unknown width."""
    out = io.StringIO()
    console = Console(
        file=out, width=_COLUMNS, highlight=False, color_system=None, force_jupyter=False
    )
    for part in parts:
        if isinstance(part, Table):
            print_table(console, part)
        else:
            console.print(part, markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def run_html(run: RunRecord) -> str:
    """The same with the figure, for a notebook."""
    from verify.comparison.figure import rate_image  # Matplotlib takes as long to load as all else

    names = _columns(run)
    rows = [[cell_row(cell)[name] for name in names] for cell in run.cells]
    header = _headers(run, run.tried)
    table = html_table(
        rows,
        header,
        caption=_NOTE.format(_update(run)) if run.quantity == UPDATE else run.quantity,
        below=conclusion(run),
    )
    image = rate_image(run, "png", dpi=110)
    if image is None:
        return table
    data = base64.b64encode(image).decode()
    title = "maximal learning rate against depth"
    return f'{table}<img alt="{title}" src="data:image/png;base64,{data}">'


def run_latex(run: RunRecord) -> str:
    r"""The table with ``booktabs`` rules and the verdict below it, for a LaTeX paper: narrow enough
    for the page of an ``article``.

    >>> from theory import MLP
    >>> from verify import compare_law
    >>> from verify.comparison.compare import comparison_record
    >>> found = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=4000, seed=1)
    >>> print(run_latex(comparison_record(found)).splitlines()[7])
    16 & 1 & 4,000 & $0.54102$ & $0.5426 \pm 0.0053$ & 71\% & $0.886$ & $+0.23$ \\
    """
    names = [name for name in _columns(run) if name != "sampler"]
    rows: list[list[str]] = []
    cells = (cell_row(cell, LATEX) for cell in run.cells)
    for sampler, group in groupby(cells, key=lambda row: row["sampler"]):
        rows.append([rf"\multicolumn{{{len(names)}}}{{@{{}}l}}{{\emph{{{sampler}}}}}"])
        rows += [[_latex_cell(name, row[name]) for name in names] for row in group]
    depth = "$B$" if run.depth_name == "blocks" else "$L$"
    headers = _LATEX_HEADERS | {"tried": run.tried, "depth": depth}
    columns = f"@{{}}{'r' * len(names)}@{{}}"
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            *latex_table(rows, [headers.get(name, name) for name in names], columns),
            rf"\caption{{{_caption(run)}}}",
            r"\label{tab:measured}",
            r"\end{table}",
        ]
    )


_LATEX_HEADERS = {
    "width": "$n$",
    "layer": r"$\ell$",
    "measured ± s.e.": r"measured $\pm$ s.e.",
    "z": "$z$",
}
_FORMULAS = ("tried", "measured ± s.e.", "median", "z")


def _latex_cell(name: str, text: str) -> str:
    text = text.replace("_", r"\_") if name == "network" else text
    return f"${text}$" if name in _FORMULAS and any(c.isdigit() for c in text) else text


def _caption(run: RunRecord) -> str:
    moved = ", ".join(rf"$\mathbb{{E}}[(\Delta {each})^2]/\eta^2$" for each in run.moved)
    update = f"{moved} of {_step(run)}"
    return (
        rf"{update if run.quantity == UPDATE else run.quantity}: {run.tried}, and its mean over "
        r"networks with its standard error; ESS: effective samples over samples; median: of "
        rf"networks, over the exact mean. {conclusion(run, LATEX)}"
    )


def print_table(console: Console, table: Table) -> None:
    """Print a table in full between its title and its caption: where it is wider than the terminal
    its columns are printed in parts, each with the sizes; a part that is still too wide goes on
    below, and no digit is cut."""
    before, bare = console.size, copy(table)
    bare.title = bare.caption = None
    for part in (table.title, *_parts(console, bare), table.caption):
        if isinstance(part, Table):
            console.size = ConsoleDimensions(
                max(_needed(console, part), before.width), before.height
            )
            _print(console, part)
            console.size = before
        elif part:
            _print(console, part)


def _print(console: Console, part: Table | str | Text) -> None:
    """Print a table or text; for a pipe without blanks at the ends of lines."""
    if console.is_terminal:
        console.print(part, markup=False)
        return
    with console.capture() as printed:
        console.print(part, markup=False)
    text = "\n".join(line.rstrip() for line in printed.get().splitlines())
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _needed(console: Console, table: Table) -> int:
    """Columns of a terminal that a table takes."""
    room = console.options.update(max_width=_WIDEST, width=_WIDEST)
    return Measurement.get(console, room, table).maximum


def _parts(console: Console, table: Table) -> list[Table]:
    """The table in as few parts as fit."""
    sizes = [each for each in table.columns if each.header in _SIZES]
    parts: list[Table] = []
    for column in table.columns[len(sizes) :]:
        wider = copy(parts[-1] if parts else table)
        wider.columns = [*(parts[-1].columns if parts else sizes), column]
        if parts and _needed(console, wider) > console.width:
            wider.columns = [*sizes, column]
            parts.append(wider)
        else:
            parts[-1:] = [wider]
    return parts


def _update(run: RunRecord) -> str:
    return ", ".join(f"E[(Δ{each})²]/η²" for each in run.moved)


def cell_table(run: RunRecord, tried: str | None = None) -> Table:
    """One row per network: sizes, the value that was ``tried``, under this name, measured mean and
    error, z."""
    samplers = {cell.configuration.sampler_name for cell in run.cells}
    by = f", drawn by {samplers.pop()}" if len(samplers) == 1 else ""
    quantity = f"{_update(run)} of {_step(run)}" if run.quantity == UPDATE else run.quantity
    table = Table(
        title=f"{quantity}{by}",
        caption=_explained(run),
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        pad_edge=False,
    )
    for name in _headers(run, tried or run.tried):
        table.add_column(name, justify="right", no_wrap=True)
    for cell in run.cells:
        row = cell_row(cell)
        table.add_row(*(row[name] for name in _columns(run)))
    return table


def _step(run: RunRecord) -> str:
    return "a linearised step" if run.step is None else f"a real step of rate {run.step:g}"


def _explained(run: RunRecord) -> str:
    """The meaning of the columns, in sentences."""
    drawn = {cell.configuration.draws_networks for cell in run.cells}
    error = {
        True: "The standard error comes from the exact variance of one network.",
        False: "The standard error of weighted samples comes from their spread.",
    }
    weighted = "is the difference from the expected value in standard errors"
    networks = (
        "is the sum of the networks' differences from the expected value in standard errors of "
        "the mean, where large differences count by their logarithm"
    )
    z = f"{networks}{', except for weighted samples' * (False in drawn)}"
    sentences = [
        *(error[kind] for kind in (True, False) if kind in drawn),
        "ESS is the number of equal networks with the same error, over the number drawn.",
        "The median over networks is divided by the exact mean.",
        f"z {z if True in drawn else weighted}{_granted(run)}.",
        *([] if all(cell.decides for cell in run.cells) else [_brackets(run)]),
    ]
    return " ".join(sentences)


def _granted(run: RunRecord) -> str:
    """The allowance that a z leaves out, if any."""
    if run.step is not None:
        return (
            f", beyond the {STEP_ALLOWANCE:.0%} by which a real step may differ from the exact "
            f"value of a linearised step"
        )
    if not run.allowance:
        return ""
    return f", beyond the {run.allowance:.1%} granted to a limit at finite sizes"


def _brackets(run: RunRecord) -> str:
    """Why a z is in brackets, by the kinds of samplers where one is."""
    silent = {c.configuration.draws_networks for c in run.cells if not c.decides}
    spread = (
        f"the exact standard deviation of one network is above {LARGEST_SPREAD} times the mean, "
        f"and rare networks set the mean"
    )
    still = [c.defined for c in run.cells if c.configuration.draws_networks and not c.decides]
    if not any(still):
        spread = "networks do not vary"
    elif not all(still):
        spread = f"networks do not vary, or {spread}"
    why = [spread] * (True in silent) + [f"weighted: {SKEWNESS_RANGE}"] * (False in silent)
    if run.step is not None:
        why.append("a real step of this rate differs from the linearised step there")
    elif run.allowance:
        why.append("the limit is not near enough at these sizes")
    return f"A z in brackets is shown and does not decide: {', or '.join(why)}."


def _columns(run: RunRecord) -> list[str]:
    """The columns; sampler, layer and network only where they differ from cell to cell."""
    several = len({cell.configuration.sampler_name for cell in run.cells}) > 1
    sizes = [*(["sampler"] if several else []), "width", "depth", *(["layer"] if run.below else [])]
    sizes += ["network"] if run.several_kinds else []
    return [*sizes, "networks", "tried", "measured ± s.e.", "ESS", "median", "z"]


def _headers(run: RunRecord, tried: str) -> list[str]:
    said = {"tried": tried, "depth": run.depth_name}
    return [said.get(name, name) for name in _columns(run)]


def cell_row(cell: CellRecord, style: Style = TEXT) -> dict[str, str]:
    """One network's entries by column."""
    z, measured = "undefined", "undefined"
    if cell.defined:
        z = signed(cell.z, style)
        measured = value_and_error(cell.total.log_mean or 0.0, cell.relative_error or 0.0, style)
    return {
        "sampler": cell.configuration.sampler_name,
        "width": width_in_words(cell.width, style),
        "depth": f"{cell.depth:,}",
        "layer": f"{cell.layer:,}" if isinstance(cell.layer, int) else cell.layer,
        "network": cell.choices,
        "networks": f"{cell.samples:,}",
        "tried": magnitude(cell.log_law, style=style),
        "measured ± s.e.": measured,
        "ESS": percent(cell.effective_share, 0, style),
        "median": _median(cell, style),
        "z": z if cell.decides else f"({z})",
    }


def _median(cell: CellRecord, style: Style) -> str:
    """The median network's update over the exact mean, where networks were kept."""
    ratio = cell.median_over(cell.log_exact)
    if ratio is None:
        return "-"
    return f"{ratio:.3f}" if ratio > 1e-3 else style.number(f"{ratio:.0e}")
