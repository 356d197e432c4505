"""This module prints the tables of studies as plain text, as the examples of the docs do."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

__all__ = ["print_uncoloured"]


def print_uncoloured(table: Table, width: int) -> None:
    """Print a table of ``width`` columns at most, without colours, empty lines, trailing blanks."""
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(table)
    lines = (line.strip("\n").rstrip() for line in capture.get().splitlines())
    print("\n".join(line for line in lines if line))
