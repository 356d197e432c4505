"""This module writes the verdict over a run in sentences, for a terminal, a page and a paper."""

from __future__ import annotations

import math

from theory.outcome import Outcome
from theory.rates.learning_rate import RARE_RATIO
from verify.comparison.deciding import SKEWNESS_RANGE
from verify.comparison.exact_values import (
    LARGEST_SPREAD,
    follows_law,
    leading_laws,
    real_step_law,
)
from verify.comparison.measured_law import MeasuredLaw
from verify.comparison.record import OUTCOMES, UPDATE, CellRecord, RunRecord
from verify.inference.evidence import POWER, Interval
from verify.inference.fit import PowerFit
from verify.inference.numbers_in_text import (
    TEXT,
    Style,
    magnitude,
    percent,
    width_in_words,
    with_error,
)
from verify.inference.verdict import NOTICEABLE, Want

__all__ = [
    "conclusion",
    "finding",
    "law_lines",
    "sentences",
    "slope_lines",
    "step_lines",
    "typical_lines",
]

_SURE = 10
"""Standard errors that any cell with enough networks notices."""
_FEWEST = 3
"""The cells of a fit that has a line."""


def sentences(run: RunRecord) -> list[str]:
    """All lines about a run: typical networks, measured laws, fits, which step their rates are of,
    and the verdict last."""
    rates = [*law_lines(run), *slope_lines(run), *step_lines(run)]
    return [*typical_lines(run), *rates, conclusion(run)]


def conclusion(run: RunRecord, style: Style = TEXT) -> str:
    """The verdict in words, and its grounds."""
    excluding = [law for law in run.measured_laws if law.leading_allowed is False]
    if excluding:
        return f"REJECTED: {_excluded(excluding[0], style)}."
    if run.worst_cell is None:
        return f"UNDECIDED: no cell can decide: {'; '.join(_obstacles(run))}."
    cells = sum(cell.decides for cell in run.cells)
    deciding = "one cell that decides" if cells == 1 else f"{cells} cells that decide"
    budget = f"at a family-wise {percent(run.family_budget, 0, style)} over the {deciding}"
    if run.outcome == OUTCOMES[Outcome.UNDECIDED]:
        return f"UNDECIDED: nothing is rejected {budget}, but {_wants(run)}."
    worst = run.cells[run.worst_cell]
    value = style.formula.format(f"z = {style.number(f'{worst.z or 0:+.2f}')}")
    z = (
        f"{value} at {_place(worst)}, where {style.size.format('z')} = "
        f"{run.critical_z or 0:.2f} would reject"
    )
    if run.outcome == OUTCOMES[Outcome.REJECTED]:
        return f"REJECTED: {z}, {budget}."
    nearest = f"the cell nearest to its own bound has {z}" if cells > 1 else z
    error = f"an error of {percent(run.noticed_relative_error, 1, style)}"
    if cells > 1:
        in_all = percent(run.noticed_relative_error_in_all, 2, style)
        error += f" in a single cell, or of {in_all} in all cells,"
    return (
        f"CONSISTENT: {nearest}, {budget}; {error} would have been noticed "
        f"{100 * POWER:.0f} times in 100."
    )


def finding(run: RunRecord) -> str:
    """The verdict in a line, for the title of a figure."""
    values = "exact values" if run.tried == "exact" else "tried law"
    name = run.outcome.capitalize()
    if any(law.leading_allowed is False for law in run.measured_laws):
        return f"{name}: the rates of the networks alone exclude the law"
    if run.worst_cell is None:
        return f"{name}: no network of these sizes can decide"
    if run.outcome == OUTCOMES[Outcome.UNDECIDED]:
        return f"{name}: too few networks to notice an error of a factor {NOTICEABLE:g}"
    worst, largest = run.cells[run.worst_cell], max(abs(c.z or 0.0) for c in run.cells if c.decides)
    if run.outcome == OUTCOMES[Outcome.REJECTED]:
        sizes = f"width {width_in_words(worst.width)}, {worst.depth_name} {worst.depth:,}"
        off = f"{abs(worst.z or 0.0):,.1f} standard errors"
        return f"{name}: the mean at {sizes} is {off} from the {values}"
    return (
        f"{name}: the means in the verdict are within {largest:.1f} standard errors of the {values}"
    )


def _obstacles(run: RunRecord) -> list[str]:
    """The reasons why no cell decides, each with a remedy."""
    if not any(cell.configuration.draws_networks for cell in run.cells):
        return [f"{SKEWNESS_RANGE}; give such networks, or another sampler"]
    if not any(cell.defined for cell in run.cells):
        return sorted({str(cell.undefined) for cell in run.cells})
    follows = {follows_law(cell.configuration.network.network, run.step) for cell in run.cells}
    found = []
    fewer = "fewer blocks" if run.depth_name == "blocks" else "smaller depths"
    if False in follows:
        found.append(
            "a real step follows the linearised step at widths of at least 16 and depths of at "
            "most a quarter of the width, with critical weights and |x|^2 = n_0; give such "
            "networks"
        )
    if True in follows:
        found.append(
            f"the exact standard deviation of one network is above {LARGEST_SPREAD} times the "
            f"mean; give larger widths or {fewer}"
            + (", or sampler rare-events" if run.step is None else "")
        )
    return found


def _excluded(law: MeasuredLaw, style: Style) -> str:
    """Which law the networks exclude."""
    return (
        f"the rate measured without the theory, {_power(law, style)} at width "
        f"{width_in_words(law.width)}, excludes {leading_laws(law.blocks)[1]} by more than its "
        f"error and finite sizes allow"
    )


def _place(cell: CellRecord) -> str:
    sizes = f"width {cell.width}, {cell.depth_name} {cell.depth}, {cell.place}"
    return f"({sizes}, {cell.configuration.sampler_name})"


def _wants(run: RunRecord) -> str:
    """Which cells could not have noticed an error, and how many samples would."""
    error = f"an error of a factor {NOTICEABLE:g}"
    few = f"networks prove that {error} would have been noticed"
    if run.quantity != UPDATE:
        few = f"blocks of {few}, since an observable keeps one mean for each block,"
    reasons = {False: f"{error} could have passed unnoticed", True: f"too few {few}"}
    wants = [(_is_precise(run.cells[each.cell]), each) for each in run.wanted_samples]
    return "; ".join(
        f"{reason} in {'; '.join(_want(run.cells[want.cell], want) for _, want in those)}"
        for precise, reason in reasons.items()
        if (those := [each for each in wants if each[0] is precise])
    )


def _is_precise(cell: CellRecord) -> bool:
    """Whether the standard error alone would let a cell notice a factor `NOTICEABLE`."""
    return (cell.relative_error or math.inf) * _SURE <= 1 - 1 / NOTICEABLE


def _want(cell: CellRecord, want: Want) -> str:
    if want.samples is None:
        return f"{_place(cell)}, which is undefined: {cell.undefined}"
    return f"{_place(cell)}, which {want.samples:,} samples would decide"


def law_lines(run: RunRecord, style: Style = TEXT) -> list[str]:
    """Two lines for each measured law: its constant and exponent; then the correction of finite
    sizes, which theory derives, and whether the interval contains the derived law."""
    return [line for law in run.measured_laws for line in _law(law, style)]


def _law(law: MeasuredLaw, style: Style) -> list[str]:
    depths = ", ".join(f"{depth:,}" for depth in law.depths)
    sampler = law.sampler.partition("(")[0].lower()
    lines = [
        f"measured without the theory: rate = {_power(law, style)}, joint "
        f"{percent(law.level, 1, style)} interval ({sampler}, width "
        f"{width_in_words(law.width)}, {'residual blocks' if law.blocks else 'depths'} {depths})"
    ]
    if law.derived_correction is not None:
        allowed = "contains" if law.leading_allowed else "EXCLUDES"
        lines.append(
            f"  {_corrected(law, law.derived_correction, style)} (derived); widened by it, the "
            f"interval {allowed} {leading_laws(law.blocks)[1]}"
        )
    return lines


def _corrected(law: MeasuredLaw, correction: float, style: Style) -> str:
    """How finite sizes change the rate of a measured law."""
    factor = f"1 ± {style.number(f'{correction:.1g}')}"
    if not law.blocks:
        return f"finite width and depth change the exact rate there by a factor of at most {factor}"
    least = style.number(f"{2 * correction * min(law.depths):.2g}")
    return (
        f"a finite number B of blocks leaves E at 1 - {least}/B of its limit, which changes the "
        f"exact rate there by a factor of at most {factor}"
    )


def _power(law: MeasuredLaw, style: Style) -> str:
    depth = "B" if law.blocks else "L"
    return f"({_fitted(law.constant, style)}) {depth}^({_fitted(law.exponent, style)})"


def _fitted(interval: Interval, style: Style) -> str:
    """The value and the larger distance to an end, to two digits of the latter."""
    value = interval.value
    return with_error(value, max(interval.high - value, value - interval.low), style)


def step_lines(run: RunRecord) -> list[str]:
    """A line that names the step of the measured rates, if there are any."""
    if run.step is not None or not (run.measured_laws or slope_lines(run)):
        return []
    line = "all rates are those of a linearised step"
    if not any(law.blocks for law in run.measured_laws):
        line += f"; as n → ∞ a real step moves by 1 only at the rate {real_step_law()}"
    return [line]


def typical_lines(run: RunRecord, style: Style = TEXT) -> list[str]:
    """A line for each network so deep that rare networks set the mean: the rate at which the median
    network moves by 1, and then the rate that the mean has."""
    lines = [_typical(cell, style) for cell in run.cells if run.step is None]
    return [line for line in lines if line]


def _typical(cell: CellRecord, style: Style) -> str:
    median = cell.total.median
    deep = cell.ratio > RARE_RATIO and isinstance(cell.layer, int)
    if not deep or cell.part != "total" or not median:
        return ""
    typical, mean = (magnitude(-log / 2, 3, style) for log in (math.log(median), cell.log_exact))
    network = f"MLP(depth={cell.depth})" if cell.is_of_the_law else "network"
    return (
        f"a typical network of {_place(cell)} tolerates the rate {typical} of a linearised step; "
        f"maximal_learning_rate({network}, linearised=False) is the largest rate of a real step "
        f"as n → ∞; rare networks set the mean, which allows the rate {mean}"
    )


def slope_lines(run: RunRecord, style: Style = TEXT) -> list[str]:
    """The comparison of measured with exact rates, with intervals: a line for all widths
    together and one for each width.  A fit of two cells repeats their z, and a fit of all widths
    the fit of a single width: they have no line."""
    telling = [fit for fit in run.fits if fit.cells >= _FEWEST]
    single = {fit.cells for fit in telling if fit.width is not None}
    kept = (fit for fit in telling if fit.width is not None or fit.cells not in single)
    return [_slope(fit, style) for fit in kept]


def _slope(fit: PowerFit, style: Style) -> str:
    where = "all widths" if fit.width is None else f"width {width_in_words(fit.width)}"
    return (
        f"compared with exact values, {where}: measured rate/exact rate = c L^β, "
        f"c = {_fitted(fit.rate_factor, style)}, β = {_fitted(fit.rate_exponent, style)} "
        f"({percent(fit.level, 0, style)}, {fit.cells} cells)"
    )
