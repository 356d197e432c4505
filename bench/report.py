"""This module prints the table of the benchmark, and writes its result file."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.rows import Row, Section
from bench.timing import Timing

__all__ = ["print_table", "write_results"]

_COLUMNS = ("", "median", "lowest … highest", "ratio", "lowest … highest", "wanted", "of the limit")


def print_table(sections: list[Section], console: Console) -> None:
    """One table, a section for each study."""
    table = Table(title="Benchmarks")
    for index, name in enumerate(_COLUMNS):
        table.add_column(name, justify="right" if index else "left", no_wrap=index > 0)
    for section in sections:
        against = f" (ratio: {section.ratio})" if section.ratio else ""
        table.add_row(f"[bold]{section.title}[/bold]{against}")
        for row in section.rows:
            table.add_row(*_cells(row))
        for note in section.notes:
            table.add_row(f"  {note}")
        table.add_section()
    console.print(table)


def _cells(row: Row) -> list[str]:
    name = f"  {row.what} {row.size}".rstrip()
    if "z" in row.more:
        error, z = row.more["relative_standard_error"], row.more["z"]
        name += f": {error:.2%} reached, z = {z:.1f}"
    wanted = "" if row.wanted is None else f"{row.wanted}: {'yes' if row.met else 'NO'}"
    return [
        name,
        f"{_number(row.figure.median)} {row.unit}",
        _range(row.figure),
        "" if row.ratio is None else _number(row.ratio.median),
        "" if row.ratio is None else _range(row.ratio),
        wanted,
        "" if row.limit is None else f"{row.limit.median:.0%}",
    ]


def _range(timing: Timing) -> str:
    if len(timing.rounds) < 2:
        return ""
    return f"{_number(timing.lowest)} … {_number(timing.highest)}"


def _number(value: float) -> str:
    """Three digits, or all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_results(path: Path, machine: dict[str, object], sections: list[Section]) -> None:
    """Everything in the table, with rounds and settings, as JSON."""
    record = {"machine": machine} | {section.title: section.record() for section in sections}
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
