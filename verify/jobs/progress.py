"""This module shows a progress bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from theory.symbols import L
from theory.waiting import shown_elsewhere
from verify.runs.execution import Watch
from verify.runs.sampling import Sampling

__all__ = ["Bar", "progress_bar"]


_DERIVING = "deriving the law and planning the networks"
_COMPILING = "compiling, for up to a minute on a first run"
"""Progress texts before the samplers begin, and until the first networks are drawn."""


class Bar(Watch):
    """A bar over the expected time of all blocks."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._task = progress, progress.add_task(_DERIVING, total=None)
        self._milliseconds: list[float] = []
        self._names: list[str] = []
        self._found = 0.0

    def begin(self, samplings: Sequence[Sampling]) -> None:
        """See `Watch.begin`."""
        self._milliseconds = [1000 * each.configuration.seconds for each in samplings]
        pairs = zip(samplings, self._milliseconds, strict=True)
        total = sum(sampling.samples * each for sampling, each in pairs)
        self._names = [_name(each) for each in samplings]
        self._progress.update(self._task, total=total, description=_COMPILING)

    def found(self, cell: int, samples: int) -> None:
        """Count the block as done, but not towards the speed."""
        self._found += samples * self._milliseconds[cell]
        self._progress.reset(self._task, completed=round(self._found))

    def advance(self, cell: int, samples: int) -> None:
        """See `Watch.advance`."""
        done = samples * self._milliseconds[cell]
        self._progress.update(self._task, advance=done, description=self._names[cell])


def _name(sampling: Sampling) -> str:
    network = sampling.configuration.network
    depth = "blocks" if L in network._depths else "depth"
    return f"{sampling.configuration.sampler} at width {network.widths[1]}, {depth} {network.depth}"


@contextmanager
def progress_bar(console: Console) -> Iterator[Watch]:
    """On a terminal, a bar with the time left, estimated from the costs of the samplers."""
    if not console.is_terminal:
        yield Watch()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with shown_elsewhere(), Progress(*columns, console=console, transient=True) as bar:
        yield Bar(bar)
