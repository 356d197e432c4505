"""The bar on a terminal: whose time it tells, and silence where there is no terminal."""

from __future__ import annotations

import sys
import time
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from theory import MLP, waiting
from theory.waiting import announced
from verify.jobs.progress import Bar, progress_bar
from verify.runs.configuration import configuration
from verify.runs.execution import Execution
from verify.runs.sampling import Sampling
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram

CHEAP = Sampling(configuration(MLP(8, 2), sampler=Gram()), seed=1, samples=100)
DEAR = Sampling(configuration(MLP(64, 4), sampler=Dense()), seed=1, samples=100)


def bar() -> tuple[Bar, Progress]:
    progress = Progress(console=Console(file=StringIO()), auto_refresh=False)
    made = Bar(progress)
    made.begin([CHEAP, DEAR])
    return made, progress


def test_a_cell_counts_for_the_time_it_takes() -> None:
    made, progress = bar()
    task = progress.tasks[0]
    made.advance(0, 100)
    cheap = task.percentage
    made.advance(1, 100)
    assert 0 < cheap < 20
    assert task.percentage == pytest.approx(100)
    assert task.description == "Dense() at width 64, depth 4"


def test_what_was_found_is_done_but_no_measure_of_speed() -> None:
    made, progress = bar()
    made.found(1, 50)
    task = progress.tasks[0]
    assert 25 < task.percentage < 50
    assert task.speed is None


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_sees_it(terminal: bool) -> None:
    said = StringIO()
    console = Console(file=said, force_terminal=terminal, width=100)
    with progress_bar(console) as watch:
        Execution(watch=watch).run([CHEAP])
    assert ("Gram() at width 8, depth 2" in said.getvalue()) is terminal


def test_a_terminal_has_a_bar_or_an_announcement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two displays would write over each other."""
    monkeypatch.setattr(waiting, "_SILENT", 0.02)
    monkeypatch.setattr(waiting, "_is_terminal", lambda: True)
    monkeypatch.setattr(sys, "stderr", said := StringIO())
    for terminal, seen in ((True, False), (False, True)):
        console = Console(file=StringIO(), force_terminal=terminal)
        with progress_bar(console), announced("check"):
            time.sleep(0.1)
        assert ("check" in said.getvalue()) is seen
