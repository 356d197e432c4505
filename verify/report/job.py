"""The command line's job for a report finds the run, writes the page, and says where it is."""

from __future__ import annotations

import argparse

from rich.console import Console

from theory.errors import InvalidArgument
from verify.jobs.stored_job import RUN
from verify.report.page import write_report

__all__ = ["run_report"]

_OTHERS = (*RUN, "out", "resume", "replay", "cell", "minutes", "dask", "parquet")
"""Options for a run to be made; a report is of one that is there."""


def run_report(options: argparse.Namespace, console: Console) -> int:
    """Write the page of the run in ``options.report``; the exit code."""
    for name in _OTHERS:
        value = getattr(options, name, None)
        if value is not None and value is not False:
            raise InvalidArgument(
                f"expected no other option with report, got {name}={value!r}; a report is of a "
                f"finished run"
            )
    path = write_report(options.report)
    console.print(f"report: {path}", soft_wrap=True, markup=False)
    return 0
