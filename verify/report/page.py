"""`write_report` makes the page of a finished run from its record and a template."""

from __future__ import annotations

from functools import partial
from math import inf, log
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from theory.claims.target import Claim
from theory.errors import InvalidArgument
from theory.rates.learning_rate import RARE_RATIO
from verify.claims.record import CheckRecord, read_record
from verify.comparison.exact_values import STEP_ALLOWANCE
from verify.comparison.figure import cells_of_the_law
from verify.comparison.record import RunRecord
from verify.comparison.table import cell_row
from verify.comparison.verdict_in_words import (
    conclusion,
    law_lines,
    slope_lines,
    step_lines,
    typical_lines,
)
from verify.inference.numbers_in_text import PAGE, magnitude, percent
from verify.jobs.folder import RESULTS, write_whole
from verify.jobs.stored_job import Job
from verify.report import figures, reproduction
from verify.report.formulas import browser_code, formulas
from verify.untrusted import printable, read_text

__all__ = ["MOST_CELLS", "PAGE_FILE", "environment", "page_text", "write_report"]

PAGE_FILE = "report.html"
MOST_CELLS = 2000
"""Cells of a run that a page can show."""
_HEADLINES = {
    "consistent": "Networks agree with the exact values",
    "rejected": "Networks contradict the theory",
    "undecided": "Networks do not contradict the exact values, but too few networks were drawn",
}
_FORMULA_HEADLINES = {
    "consistent": "The formula is right",
    "rejected": "The formula is wrong",
    "undecided": "The formula is not decided",
}
_CLAIMS = {
    Claim.EXACT: "exactly",
    Claim.LEADING: "the leading term, as n → ∞ and then in depth, of",
    Claim.JOINT: "the leading term, as n → ∞ with L = t n, of",
}


def write_report(folder: Path) -> Path:
    """Write `PAGE_FILE` into a folder that holds a run, in place of an older one; its path.

    Raises `InvalidArgument` where there is no readable run, `UnusableFolder` where nothing can be
    written.
    """
    run = _read(folder)
    text = page_text(run, reproduction.kept_job(folder, run))
    write_whole(folder / PAGE_FILE, text)
    return folder / PAGE_FILE


def page_text(run: RunRecord | CheckRecord, job: Job | None = None) -> str:
    """The page, complete in itself: it loads nothing.

    ``job``: the options of the run, where they are known, as `reproduction.kept_job` gives them.
    """
    is_formula = isinstance(run, CheckRecord)
    networks = run.networks if isinstance(run, CheckRecord) else run
    return environment().get_template("page.html").render(
        run=run,
        networks=networks,
        is_formula=is_formula,
        headline=(_FORMULA_HEADLINES if is_formula else _HEADLINES)[run.outcome],
        claims=_CLAIMS,
        formulas=formulas(),
        code=browser_code(),
        marks=[] if networks is None else _marks(networks),
        figures=None if networks is None else _figures(networks, is_formula),
        command=reproduction.command(run, job),
        allowance=STEP_ALLOWANCE,
        rare_ratio=RARE_RATIO,
    )  # fmt: skip


def _read(folder: Path) -> RunRecord | CheckRecord:
    try:
        run = read_record(read_text(folder / RESULTS))
        networks = run.networks if isinstance(run, CheckRecord) else run
        if networks is not None:
            _check(networks)
        return run
    except (OSError, ValueError, LookupError, TypeError, OverflowError) as error:
        why = f"{RESULTS}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise InvalidArgument(
            f"expected the folder of a finished run for report, got report={str(folder)!r} "
            f"({printable(why)}); give the folder that a run named at its end"
        ) from error


def _check(run: RunRecord) -> None:
    """Raise `ValueError` for a run that is too large, or in which a cell contradicts itself."""
    most = max(map(len, (run.cells, run.measured_laws, run.fits, run.wanted_samples)))
    if most > MOST_CELLS:
        raise ValueError(f"{RESULTS} has {most:,} cells, and a page shows {MOST_CELLS:,} at most")
    for cell in run.cells:
        _ = cell.asked


def environment() -> Environment:
    """Templates in the folder of this module; their text is escaped by default."""
    environment = Environment(
        loader=PackageLoader("verify.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell_code": reproduction.cell_code,
        "conclusion": _verdict,
        "count": "{:,}".format,
        "decimal": _decimal,
        "law_lines": partial(law_lines, style=PAGE),
        "magnitude": partial(magnitude, style=PAGE),
        "percent": partial(percent, style=PAGE),
        "row": partial(cell_row, style=PAGE),
        "slope_lines": partial(slope_lines, style=PAGE),
        "step_lines": step_lines,
        "typical_lines": partial(typical_lines, style=PAGE),
    }
    return environment


def _verdict(run: RunRecord) -> str:
    outcome, _, rest = conclusion(run, PAGE).partition(": ")
    return f"{outcome.capitalize()}: {rest}"


def _decimal(value: float, digits: int = 4) -> str:
    return magnitude(log(value) if value > 0 else -inf, digits, PAGE)


def _figures(networks: RunRecord, is_formula: bool) -> dict[str, Any]:
    return {
        "rates": None if is_formula else figures.rate_figure(networks),
        "deviations": figures.deviation_figure(networks),
        "typical": figures.typical_figure(networks),
    }


def _marks(run: RunRecord) -> list[dict[str, Any]]:
    """The measured cells that the interactive figure shows with its curve."""
    return [
        {"width": c.width, "depth": c.depth, "log": c.total.log_mean, "decides": c.decides}
        | {"median": c.total.median if run.step is None else None}
        for c in cells_of_the_law(run)
    ]
