"""Progress on a terminal, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from theory.network import MLP
from verify.problem import network_cost

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(console: Console, total: int) -> Iterator[Callable[[MLP, int], None]]:
    """A bar over ``total`` units of cost; yields what to call with finished networks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("simulating", total=total)

        def advance(network: MLP, done: int) -> None:
            label = f"simulating width {network.widths[1]}, depth {network.depth}"
            bar.update(task, advance=done * network_cost(network), description=label)

        yield advance
