"""The verdict of a run in words, and what it rests on."""

from __future__ import annotations

from verify.inference.evidence import POWER
from verify.inference.verdict import NOTICEABLE
from verify.report.laws import MeasuredLaw
from verify.report.numbers import count, interval, percent, plus_minus, signed, small
from verify.report.records import Cell, FormulaRun, PowerFit, Run
from verify.samplers.catalogue import SAMPLERS

__all__ = [
    "claim_words",
    "fit_words",
    "headline",
    "law_words",
    "place",
    "sampler_name",
    "verdict_words",
]

_LABELS = {type(sampler).__name__: sampler.label for sampler in SAMPLERS.values()}
_CLAIMS = {
    "exact": "The claim is that the formula is exactly {}.",
    "leading": "The claim is that the formula is the leading term, as n → ∞ and then in depth, "
    "of {}.",
    "joint": "The claim is that the formula is the leading term, as n → ∞ with L = t n, of {}.",
}
_HEADLINES = {
    "consistent": "Networks move as the exact values say",
    "rejected": "Networks contradict the theory",
    "undecided": "Nothing speaks against the exact values, but too little was measured",
}
_FORMULA_HEADLINES = {
    "consistent": "The formula is right",
    "rejected": "The formula is wrong",
    "undecided": "The formula is not decided",
}


def headline(run: Run | FormulaRun) -> str:
    """The outcome in a few words."""
    found = _FORMULA_HEADLINES if isinstance(run, FormulaRun) else _HEADLINES
    return found[run.outcome]


def claim_words(run: FormulaRun) -> str:
    """What is claimed of the formula."""
    return _CLAIMS[run.claim].format(run.subject)


def sampler_name(cell: Cell | MeasuredLaw) -> str:
    """A sampler's short name, as in the printed table."""
    return _LABELS.get(cell.sampler, cell.sampler.lower())


def place(cell: Cell) -> str:
    """Where a cell is on the grid."""
    layer = "" if cell.layer == cell.depth else f", layer {count(cell.layer)}"
    return f"width {count(cell.width)}, depth {count(cell.depth)}{layer} ({sampler_name(cell)})"


def verdict_words(run: Run, tried: str = "law") -> list[str]:
    """Some sentences: the deviation that says it, the budget, and what would have been noticed.

    ``tried``: what the networks were held against.
    """
    deciding = sum(cell.decides for cell in run.cells)
    shown = len(run.cells) - deciding
    said = [
        f"The rate measured without the theory at width {count(law.width)} excludes the law."
        for law in run.laws
        if law.allowed is False
    ]
    if run.worst is None:
        said.append(
            "No network of the grid can decide: in each, rare networks set the mean, or the step "
            "is outside the range of the law."
        )
    else:
        said += _worst(run, run.cells[run.worst], deciding, tried)
    if run.wants and run.outcome == "undecided":
        where = "; ".join(_want(run.cells[cell], samples) for cell, samples in run.wants)
        said.append(f"An error of a factor {NOTICEABLE:g} could have passed unnoticed {where}.")
    if shown and deciding:
        said.append(
            f"{_cells(shown)} of the table {'is' if shown == 1 else 'are'} shown and "
            f"{'does' if shown == 1 else 'do'} not decide."
        )
    return said


def _worst(run: Run, cell: Cell, deciding: int, tried: str) -> list[str]:
    if run.critical is None:
        return [f"{_cells(deciding)} could decide, and none can hold its level."]
    said = [
        f"{_which(deciding)} is {place(cell)}: its measured mean is {signed(cell.z)} standard "
        f"errors from the {tried}, and {run.critical:.2f} or more, either way, would reject.",
        f"If the {tried} is right, it is rejected anywhere on this grid with a chance of at most "
        f"{percent(run.budget, 0)}.",
    ]
    if run.outcome == "consistent" and run.noticed is not None:
        alike = "" if run.noticed_in_all is None else f", or of {percent(run.noticed_in_all, 2)}"
        alike += " in all alike" if alike else ""
        said.append(
            f"An error of {percent(run.noticed)} in any one of them{alike} would have been noticed "
            f"{100 * POWER:.0f} times in 100."
        )
    return said


def _which(deciding: int) -> str:
    if deciding == 1:
        return "The one cell that decides"
    return f"Of {_cells(deciding)} that decide, the one nearest to its own bound"


def _want(cell: Cell, samples: int | None) -> str:
    if samples is None:
        return f"at {place(cell)}, where the mean or its error is undefined"
    return f"at {place(cell)}, which {count(samples)} networks would decide"


def fit_words(fit: PowerFit) -> str:
    """Factor and exponent of the measured rate over the exact one."""
    who = "all widths" if fit.width is None else f"width {count(fit.width)}"
    return (
        f"{who}: factor {interval(fit.factor)}, β {interval(fit.exponent)} "
        f"({percent(fit.level, 0)}, {_cells(fit.cells)})"
    )


def law_words(law: MeasuredLaw) -> str:
    """Constant and exponent of the rate as measured, and what finite sizes change."""
    depths = ", ".join(count(depth) for depth in law.depths)
    derived = (
        ""
        if law.correction is None
        else f" Finite width and depth change the exact rate there by a factor of at most 1 ± "
        f"{small(law.correction)} (derived); widened by it, the interval "
        f"{'contains' if law.allowed else 'excludes'} the derived law."
    )
    return (
        f"({plus_minus(law.constant)}) · L^({plus_minus(law.exponent)}) at width "
        f"{count(law.width)}, depths {depths} ({sampler_name(law)}), joint "
        f"{percent(law.level)} interval.{derived}"
    )


def _cells(number: int) -> str:
    return f"{number} cell{'' if number == 1 else 's'}"
