"""`write_report`: the page of a finished run, from its record and a template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from theory.errors import InvalidArgument
from verify.comparison.exact_values import STEP_ALLOWANCE
from verify.jobs.folder import RESULTS, write_whole
from verify.report import figures, numbers, reproduction, words
from verify.report.formulas import browser_code, formulas
from verify.report.records import (
    MOST_CELLS,
    Cell,
    FormulaRun,
    Run,
    TooManyCells,
    read_record,
)
from verify.untrusted import plain_json, read_text

__all__ = ["PAGE", "environment", "page_text", "write_report"]

PAGE = "report.html"


def write_report(folder: Path) -> Path:
    """Write `PAGE` into a folder that holds a run, in place of an older one; its path.

    Raises `InvalidArgument` where there is no readable run, `UnusableFolder` where nothing can be
    written.
    """
    run = _read(folder)
    text = page_text(run, reproduction.kept_job(folder, run))
    write_whole(folder / PAGE, text)
    return folder / PAGE


def page_text(run: Run | FormulaRun, job: Mapping[str, Any] | None = None) -> str:
    """The page, complete in itself: it loads nothing.

    ``job``: what the run was asked for, where that is known, as `reproduction.command` takes it.
    """
    networks = run.networks if isinstance(run, FormulaRun) else run
    template = environment().get_template("page.html")
    return template.render(
        run=run,
        networks=networks,
        is_formula=isinstance(run, FormulaRun),
        formulas=formulas(),
        code=browser_code(),
        marks=[] if networks is None else _marks(networks),
        below=networks is not None and any(c.layer != c.depth for c in networks.cells),
        figures=None if networks is None else _figures(run, networks),
        command=reproduction.command(run, job),
        cell_code=reproduction.cell_code,
        allowance=STEP_ALLOWANCE,
        cell_of_note=None if networks is None else _cell_of_note(networks),
    )


def _read(folder: Path) -> Run | FormulaRun:
    try:
        return read_record(plain_json(read_text(folder / RESULTS)))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise InvalidArgument(
            f"expected the folder of a finished run for report, got report={str(folder)!r} "
            f"({_why(error)}); give the folder that a run named at its end"
        ) from error


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{RESULTS}: {error.strerror}"
    if isinstance(error, TooManyCells):
        return f"{RESULTS} has {error.args[0]:,} cells, and a page shows {MOST_CELLS:,} at most"
    missing = isinstance(error, KeyError)
    return f"{RESULTS} has no {error.args[0]!r}" if missing else f"{RESULTS} is no record of a run"


def environment() -> Environment:
    """Templates beside this module, whose text is escaped where they do not say otherwise."""
    environment = Environment(
        loader=PackageLoader("verify.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(numbers, name) for name in numbers.__all__}
    environment.filters |= {name: getattr(words, name) for name in words.__all__}
    return environment


def _figures(run: Run | FormulaRun, networks: Run) -> dict[str, Any]:
    rates = None if isinstance(run, FormulaRun) else figures.rate_figure(networks)
    return {
        "rates": rates,
        "deviations": figures.deviation_figure(networks),
        "typical": figures.typical_figure(networks),
    }


def _marks(run: Run) -> list[dict[str, Any]]:
    """The measured cells that the interactive figure shows beside its curve."""
    return [
        {"width": c.width, "depth": c.depth, "log": c.log_mean, "decides": c.decides}
        for c in run.cells
        if c.measured and c.plain and c.layer == c.depth
    ]


def _cell_of_note(run: Run) -> Cell | None:
    """The cell that says the verdict, or the first."""
    if not run.cells:
        return None
    return run.cells[run.worst or 0]
