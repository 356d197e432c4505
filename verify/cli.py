"""The command line takes options, makes a run or draws a cell again, and gives an exit code."""

from __future__ import annotations

import argparse
import io
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from theory.activations.spelling import outside_of_commands
from theory.command import INTERRUPTED, exit_code, parsed
from theory.errors import InvalidArgument, MupDepthError
from theory.exposition.citation import VERSION
from verify.comparison.exports import needs
from verify.errors import LostWorkers
from verify.jobs.folder import default_folder, has_begun, job_of, new_folder, run_store
from verify.jobs.job import run_formula, run_job
from verify.jobs.options import checked_options, parser
from verify.jobs.progress import progress_bar
from verify.jobs.replay import replay
from verify.jobs.stored_job import Job
from verify.runs.dask import on_dask
from verify.runs.execution import Execution

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the main job, or check a formula; the exit code, as ``--help`` lists them."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    at = words.index("--formula") if "--formula" in words else len(words)
    if re.match("-[^-]", "".join(words[at + 1 : at + 2])):  # argparse takes it for an option
        words[at : at + 2] = [f"--formula={words[at + 1]}"]
    given = (parser(), words, outside_of_commands, VERSION)
    return exit_code("python -m verify", lambda: _main(parsed(*given)))


def _main(options: argparse.Namespace) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return _run(checked_options(options), Console(highlight=False))


def _run(options: argparse.Namespace, console: Console) -> int:
    if options.report is not None:
        from verify.report.page import write_report  # Matplotlib takes a second to load

        path = write_report(options.report)
        console.print(f"report: {path}", soft_wrap=True, markup=False)
        return 0
    if options.replay is not None:
        return _replay(options, console)
    if options.parquet:
        needs("pyarrow.parquet")
    if options.resume is not None:
        folder = options.resume
        with _going_on(folder):
            return _in_folder(job_of(folder), options, console, folder)
    with new_folder(options.out or default_folder(datetime.now())) as folder, _going_on(folder):
        return _in_folder(Job.of(options), options, console, folder)


def _in_folder(job: Job, options: argparse.Namespace, console: Console, folder: Path) -> int:
    """Begin or resume the run in its folder."""
    run = run_job if job.formula is None else run_formula
    with progress_bar(console) as bar:
        how = Execution(store=run_store(folder, job.text), watch=bar, seconds=_seconds(options))
        if options.dask is None:
            return run(job, console, how, folder, parquet=options.parquet)
        with on_dask(options.dask, how) as spread:
            return run(job, console, spread, folder, parquet=options.parquet)


def _replay(options: argparse.Namespace, console: Console) -> int:
    """Draw one recorded cell again: 0 where it is the same bit for bit, else 1."""
    with progress_bar(console) as bar:
        found = replay(options.replay, options.cell, Execution(watch=bar))
    console.print(str(found), markup=False)
    return int(bool(found.differences))


def _seconds(options: argparse.Namespace) -> float | None:
    minutes = options.minutes
    if minutes is not None and not 0 < minutes < float("inf"):
        raise InvalidArgument(
            f"expected a positive number of minutes, got minutes={minutes!r}; 0.5 is half a minute"
        )
    return None if minutes is None else float(60 * minutes)


class _Stopped(MupDepthError):
    """A run that can be resumed, and an exit code for the reason why it stopped."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.exit_code = code


@contextmanager
def _going_on(folder: Path) -> Iterator[None]:
    """Say how to resume a run that has begun and was stopped."""
    try:
        yield
    except (KeyboardInterrupt, LostWorkers) as error:
        if not has_begun(folder):
            raise
        why, code = "interrupted", INTERRUPTED
        if isinstance(error, LostWorkers):
            why, code = str(error), error.exit_code
        pasted = f"./{folder}" if str(folder).startswith("-") else str(folder)
        again = shlex.join(["python", "-m", "verify", "--resume", pasted])
        raise _Stopped(f"{why}; finished blocks are kept: resume with  {again}", code) from None
