"""A comparison as people read it: the table, constant and exponent, a sentence of conclusion."""

from __future__ import annotations

import math

from rich import box
from rich.console import Console, ConsoleDimensions
from rich.measure import Measurement
from rich.table import Table

from theory.outcome import Outcome
from verify.comparison.cells import Cell
from verify.comparison.compare import Comparison
from verify.comparison.deciding import SKEWNESS_RANGE
from verify.comparison.exact_values import LARGEST_SPREAD, STEP_ALLOWANCE, follows_law, leading_laws
from verify.comparison.law_words import fitted
from verify.inference.evidence import POWER
from verify.inference.fit import PowerFit
from verify.inference.numbers_in_text import magnitude, value_and_error, width_in_words
from verify.inference.verdict import FAMILY_BUDGET, NOTICEABLE, Verdict, Want

__all__ = [
    "STEP_NOTE",
    "TABLE_NOTE",
    "cell_columns",
    "cell_row",
    "cell_table",
    "conclusion",
    "print_table",
    "slope_lines",
    "tried",
    "value_and_error",
]

TABLE_NOTE = "E[(Δz)²]/η²: expected, and measured over networks"
"""What the table holds, in a line."""

STEP_NOTE = f"z: of what is beyond {STEP_ALLOWANCE:.0%}, by which a real step may be off the law"
"""What a z of real steps is."""
LIMIT_NOTE = "z: of what is beyond {:.1%}, which is granted to a limit at finite sizes"
"""What a z of a claimed limit is."""


def tried(comparison: Comparison) -> str:
    """What the networks were compared with: the exact values, or another law."""
    return "exact" if all(c.log_law == c.log_exact for c in comparison.cells) else "law"


_WIDEST = 1000
"""Columns of a table, at most."""


def print_table(console: Console, table: Table) -> None:
    """Print a table in full: on a narrow terminal its lines go on below, and no digit is cut."""
    room = console.options.update(max_width=_WIDEST, width=_WIDEST)
    needed = Measurement.get(console, room, table).maximum
    before = console.size
    console.size = ConsoleDimensions(max(needed, before.width), before.height)
    console.print(table)
    console.size = before


def cell_table(comparison: Comparison, law: str | None = None) -> Table:
    """One row per network: sizes, the value that was tried, under the name ``law``, measured mean
    and error, z."""
    step, law = comparison.step, law or tried(comparison)
    kind = "linearised" if step is None else f"real step of rate {step:g}"
    title = (
        f"E[(Δz)²]/η², {kind}\ns.e.: from the exact variance of one network (rare: of the samples)"
        f"\nESS: effective samples over samples; median: network, over {law}"
    )
    if note := _granted(comparison):
        title += f"\n{note}"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in cell_columns(comparison):
        table.add_column(law if name == "law" else name, justify="right", no_wrap=True)
    for cell in comparison.cells:
        table.add_row(*(cell_row(cell)[name] for name in cell_columns(comparison)))
    if not all(cell.score.decides for cell in comparison.cells):
        table.caption = (
            f"z in brackets: shown, does not decide ({'; or '.join(_brackets(comparison))})"
        )
        if step is not None:
            table.caption += ", or outside the range where a real step follows the law"
        elif _granted(comparison):
            table.caption += ", or sizes at which the limit is not near enough"
    return table


def _brackets(comparison: Comparison) -> list[str]:
    """Why a z is in brackets, by the kinds of samplers where one is."""
    silent = {c.sampler.draws_networks for c in comparison.cells if not c.score.decides}
    spread = (
        f"the exact standard deviation of one network is above {LARGEST_SPREAD} times the mean, "
        f"which rare networks set"
    )
    return [spread] * (True in silent) + [f"weighted: {SKEWNESS_RANGE}"] * (False in silent)


def _granted(comparison: Comparison) -> str:
    """What a z leaves out, if anything."""
    if comparison.step is not None:
        return STEP_NOTE
    largest = max(cell.score.allowance for cell in comparison.cells)
    return LIMIT_NOTE.format(largest) if largest else ""


def cell_columns(comparison: Comparison) -> list[str]:
    """The columns; the layer only where it is not the last."""
    below = any(cell.layer != cell.depth for cell in comparison.cells)
    sizes = ["width", "depth", *(["layer"] if below else [])]
    return ["sampler", *sizes, "networks", "law", "measured ± s.e.", "ESS", "median", "z"]


def cell_row(cell: Cell) -> dict[str, str]:
    """One network's entries by column."""
    z = _z(cell.score.z) if cell.score.defined else "undefined"
    return {
        "sampler": cell.sampler.label,
        "width": width_in_words(cell.width),
        "depth": f"{cell.depth:,}",
        "layer": f"{cell.layer:,}",
        "networks": f"{cell.estimate.samples:,}",
        "law": magnitude(cell.log_law),
        "measured ± s.e.": _measured(cell),
        "ESS": f"{cell.estimate.total.effective_samples / cell.estimate.samples:.0%}",
        "median": _median(cell),
        "z": z if cell.score.decides else f"({z})",
    }


def _z(z: float) -> str:
    if abs(z) < 100:
        return f"{z:+.2f}"
    return f"{z:+,.0f}" if abs(z) < 1e6 else f"{z:+.0e}"


def _measured(cell: Cell) -> str:
    if not cell.score.defined:
        return "undefined"
    mean = float(cell.estimate.total.log_mean)
    return value_and_error(mean, cell.score.relative_standard_error)


def _median(cell: Cell) -> str:
    """The median network's update over the law's mean, where networks were kept."""
    total = cell.estimate.total
    if total.logs is None:
        return "-"
    ratio = float(total.median.log_value) - cell.log_law
    return f"{math.exp(ratio):.3f}" if ratio > math.log(1e-3) else f"{math.exp(ratio):.0e}"


def slope_lines(comparison: Comparison) -> list[str]:
    """The comparison of measured rates with exact ones, with intervals: a line for all widths
    together and one for each width."""
    return [_fit_line(width, fit) for width, fit in comparison.fits.items()]


def _fit_line(width: int | None, fit: PowerFit) -> str:
    return (
        f"compared with exact values, {_widths(width)}: "
        f"measured rate/exact rate = c L^β, c = {fitted(fit.rate_factor)}, "
        f"β = {fitted(fit.rate_exponent)} ({fit.level:.0%}, {fit.cells} cells)"
    )


def _widths(width: int | None) -> str:
    return "all widths" if width is None else f"width {width_in_words(width)}"


def conclusion(comparison: Comparison) -> str:
    """The verdict in words, and what it rests on."""
    verdict = comparison.verdict
    if comparison.excluding:
        return f"REJECTED: {_excluded(comparison)}."
    cells = sum(cell.score.decides for cell in comparison.cells)
    deciding = "one cell that decides" if cells == 1 else f"{cells} cells that decide"
    budget = f"at a family-wise {FAMILY_BUDGET:.0%} over the {deciding}"
    if verdict.worst is None:
        return f"UNDECIDED: no cell can decide: {'; '.join(_obstacles(comparison))}."
    worst = comparison.cells[verdict.worst]
    where = f"z = {worst.score.z:+.2f} at {_place(worst)}"
    z = f"{where}, where |z| = {verdict.critical:.2f} would reject"
    nearest = f"the cell nearest to its own bound has {z}" if cells > 1 else z
    if verdict.outcome is Outcome.REJECTED:
        return f"REJECTED: {z}, {budget}."
    if verdict.outcome is Outcome.UNDECIDED:
        return f"UNDECIDED: nothing is rejected {budget}, but {_wants(comparison, verdict)}."
    error = f"an error of {verdict.noticed:.1%}"
    if cells > 1:
        error += f" in any one of them, or of {verdict.noticed_in_all:.2%} in all,"
    return (
        f"CONSISTENT: {nearest}, {budget}; {error} would have been noticed "
        f"{100 * POWER:.0f} times in 100."
    )


def _obstacles(comparison: Comparison) -> list[str]:
    """Why no cell decides, and what would help."""
    step, networks = comparison.step, [cell.network for cell in comparison.cells]
    if not any(cell.sampler.draws_networks for cell in comparison.cells):
        return [f"{SKEWNESS_RANGE}; give such networks, or another sampler"]
    found = []
    if not all(follows_law(network, step) for network in networks):
        found.append(
            "a real step follows the law at widths of at least 16 and depths of at most a quarter "
            "of the width, with critical weights and |x|^2 = n_0; give such networks"
        )
    if any(follows_law(network, step) for network in networks):
        found.append(
            f"the exact standard deviation of one network is above {LARGEST_SPREAD} times the "
            f"mean; give larger widths or smaller depths"
            + (", or sampler rare-events" if step is None else "")
        )
    return found


def _excluded(comparison: Comparison) -> str:
    """Which law the networks exclude."""
    law = comparison.excluding[0]
    return (
        f"the rate measured without the theory, ({fitted(law.constant)}) "
        f"L^({fitted(law.exponent)}) at width {width_in_words(law.width)}, excludes "
        f"{leading_laws()[1]} by more than its error and finite sizes allow"
    )


def _place(cell: Cell) -> str:
    sizes = f"width {cell.width}, depth {cell.depth}, layer {cell.layer}"
    return f"({sizes}, {cell.sampler.label})"


def _wants(comparison: Comparison, verdict: Verdict) -> str:
    """Which cells could not have noticed an error, and how many samples would."""
    named = "; ".join(_want(comparison.cells[want.cell], want) for want in verdict.wants)
    return f"an error of a factor {NOTICEABLE:g} could have passed unnoticed in {named}"


def _want(cell: Cell, want: Want) -> str:
    if want.samples is None:
        return f"{_place(cell)}, which is undefined: {cell.estimate.total.undefined}"
    return f"{_place(cell)}, which {want.samples:,} samples would decide"
