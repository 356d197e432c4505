"""A comparison as people read it: the table, the slopes, and a sentence of conclusion."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from verify.compare import Cell, Comparison
from verify.samplers import Sampler
from verify.verdict import FAMILY_BUDGET, NOTICEABLE, Outcome

__all__ = ["cell_table", "conclusion", "slope_lines"]


def cell_table(comparison: Comparison) -> Table:
    """One row per network: sizes, exact law, measured mean and error, z."""
    step = comparison.step
    kind = "linearised" if step is None else f"real step of rate {step:g}"
    title = (
        f"E[(Δz)²]/η², {kind}\nESS: effective samples over samples; median: network, over the law"
    )
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1))
    for name in _columns(comparison):
        table.add_column(name, justify="right", no_wrap=True)
    for cell in comparison.cells:
        table.add_row(*(_row(cell)[name] for name in _columns(comparison)))
    if not all(cell.score.decides for cell in comparison.cells):
        table.caption = (
            "z in brackets: shown, does not decide (depth above width/8, where rare networks set "
            "the mean)"
        )
        if step is not None:
            table.caption += ", or outside the range where a real step follows the law"
    return table


def _columns(comparison: Comparison) -> list[str]:
    """The columns; the layer only where it is not the last."""
    below = any(cell.layer != cell.depth for cell in comparison.cells)
    sizes = ["width", "depth", *(["layer"] if below else [])]
    return ["sampler", *sizes, "networks", "law", "measured ± s.e.", "ESS", "median", "z"]


def _row(cell: Cell) -> dict[str, str]:
    z = _z(cell.score.z) if cell.score.defined else "undefined"
    return {
        "sampler": _name(cell.sampler),
        "width": f"{cell.width:,}",
        "depth": f"{cell.depth:,}",
        "layer": f"{cell.layer:,}",
        "networks": f"{cell.estimate.samples:,}",
        "law": _number(cell.log_law),
        "measured ± s.e.": _measured(cell),
        "ESS": f"{cell.estimate.total.effective_samples / cell.estimate.samples:.0%}",
        "median": _median(cell),
        "z": z if cell.score.decides else f"({z})",
    }


def _z(z: float) -> str:
    return f"{z:+.2f}" if abs(z) < 100 else f"{z:+.0e}"


def _measured(cell: Cell) -> str:
    if not cell.score.defined:
        return str(cell.estimate.total.undefined)
    mean = float(cell.estimate.total.log_mean)
    return value_and_error(mean, cell.score.relative_standard_error)


def _median(cell: Cell) -> str:
    """The median network's update over the law's mean, where networks were kept."""
    total = cell.estimate.total
    if total.logs is None:
        return "-"
    ratio = float(total.median.log_value) - cell.log_law
    return f"{math.exp(ratio):.3f}" if ratio > math.log(1e-3) else f"{math.exp(ratio):.0e}"


def value_and_error(log_mean: float, relative_error: float) -> str:
    """exp(log_mean) ± its error, the error to two digits and the mean as far as those."""
    exponent = math.floor(log_mean / math.log(10))
    mantissa = math.exp(log_mean - exponent * math.log(10))
    digits = max(0, 1 - math.floor(math.log10(mantissa * relative_error)))
    if -4 <= exponent <= 6:
        places = max(0, digits - exponent)
        scale = 10.0**exponent
        return f"{mantissa * scale:.{places}f} ± {mantissa * relative_error * scale:.{places}f}"
    return f"({mantissa:.{digits}f} ± {mantissa * relative_error:.{digits}f})e{exponent:+03d}"


def _number(logarithm: float) -> str:
    """exp(logarithm) in five digits, also where float64 cannot hold it."""
    exponent, fraction = divmod(logarithm / math.log(10), 1)
    if -4 <= exponent <= 6:
        return f"{math.exp(logarithm):.5g}"
    return f"{10**fraction:.4f}e{int(exponent):+03d}"


def slope_lines(comparison: Comparison) -> list[str]:
    """The fitted exponents, a line for each width and sampler."""
    return [
        f"{_name(sampler)}, width {width:,}: measured rate ~ depth^({slope.measured:+.4f} ± "
        f"{slope.standard_error:.4f}), exact on the same grid {slope.exact:+.4f} "
        f"(z = {slope.z:+.2f}), law in the limit -1.5"
        for (width, sampler), slope in comparison.slopes.items()
    ]


def _name(sampler: Sampler) -> str:
    return {"RareEvents": "rare"}.get(type(sampler).__name__, type(sampler).__name__.lower())


def conclusion(comparison: Comparison) -> str:
    """One sentence with the verdict and what it rests on."""
    verdict = comparison.verdict
    cells = sum(cell.score.decides for cell in comparison.cells)
    budget = f"at a family-wise {FAMILY_BUDGET:.0%} over the {cells} cells that decide"
    if verdict.worst is None:
        return (
            "UNDECIDED: no cell can decide, since each has a depth above width/8 or a step "
            "outside the law's range; give larger widths or smaller depths, or sampler "
            "rare-events."
        )
    worst = comparison.cells[verdict.worst]
    where = f"(width {worst.width}, depth {worst.depth}, layer {worst.layer})"
    z = f"z = {worst.score.z:+.2f} at {where}, where |z| = {verdict.critical:.2f} would reject"
    if verdict.outcome is Outcome.REJECTED:
        return f"REJECTED: {z}, {budget}."
    if verdict.outcome is Outcome.UNDECIDED:
        return (
            f"UNDECIDED: nothing is rejected {budget}, but the cell {where} could not have "
            f"noticed an error of a factor {NOTICEABLE:g}; give more samples."
        )
    return (
        f"CONSISTENT: worst {z}, {budget}; an error of {verdict.noticed:.1%} in any of them would "
        f"have been noticed 95 times in 100."
    )
