"""Progress on a terminal, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from theory.network import MLP
from verify.samplers import Sampler

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    console: Console, cells: Sequence[tuple[MLP, Sampler, int]]
) -> Iterator[Callable[[Sampler, MLP, int], None]]:
    """A bar over ``cells`` of networks to draw; yields what to call with finished networks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("simulating", total=float(len(cells)))
        planned = {(network, sampler): samples for network, sampler, samples in cells}

        def advance(sampler: Sampler, network: MLP, done: int) -> None:
            share = done / max(planned[network, sampler], 1)
            label = f"{sampler} at width {network.widths[1]}, depth {network.depth}"
            bar.update(task, advance=share, description=label)

        yield advance
