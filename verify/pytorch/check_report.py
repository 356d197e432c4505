"""A coordinate check as people read it: a small table and a sentence."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from theory.outcome import Outcome
from verify.comparison.exact_values import STEP_ALLOWANCE
from verify.inference.evidence import POWER
from verify.inference.numbers_in_text import html_table, value_and_error
from verify.inference.verdict import FAMILY_BUDGET
from verify.pytorch.learning_rates import share_of_bound

if TYPE_CHECKING:
    from verify.pytorch.check_result import CoordinateCheck, LayerCheck

__all__ = ["check_html", "check_text", "layer_text"]


_ALLOWED = f"beyond {100 * STEP_ALLOWANCE:.0f} %"
_HEADER = (
    "layer",
    "exact",
    "measured ± s.e.",
    "ratio, 99 % interval",
    "z",
    f"z {_ALLOWED}",
    "E at maximal rate",
)


def check_text(check: CoordinateCheck) -> str:
    """Title, table and verdict as plain text."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in _HEADER:
        table.add_column(name, justify="right", no_wrap=True)
    for row in _rows(check):
        table.add_row(*row)
    console = Console(width=120, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join([_title(check), *(line for line in lines if line), _said(check)])


def check_html(check: CoordinateCheck) -> str:
    """Title, table and verdict as HTML."""
    return html_table(_title(check), _rows(check), _HEADER, _said(check))


def layer_text(layer: LayerCheck) -> str:
    """One layer in a line."""
    z = f"z = {_plain_z(layer)}, {_judged_z(layer)} {_ALLOWED}"
    return f"layer {layer.layer}: measured {_measured(layer)}, exact {layer.exact:.5g}, {z}"


def _title(check: CoordinateCheck) -> str:
    return (
        f"E[(Δz)²]/η² by layer of {check.network} with weights drawn by {check.drawn_by}: "
        f"{check.samples:,} real steps of rate {check.step:g}"
    )


def _rows(check: CoordinateCheck) -> list[list[str]]:
    """A row for each layer, below `_HEADER`."""
    intervals = check.intervals() if _defined(check) else [None] * len(check.layers)
    rows = []
    for layer, interval in zip(check.layers, intervals, strict=True):
        ends = "-" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
        row = [str(layer.layer), f"{layer.exact:.5g}", _measured(layer), ends]
        share = share_of_bound(check.network, layer.exact)
        rows.append([*row, _plain_z(layer), _judged_z(layer), f"{share:.3g}"])
    return rows


def _defined(check: CoordinateCheck) -> bool:
    return all(layer.score.defined for layer in check.layers)


def _measured(layer: LayerCheck) -> str:
    if not layer.score.defined:
        return "undefined"
    if layer.measured <= 0:
        return "0"
    return value_and_error(log(layer.measured), layer.score.relative_standard_error)


def _plain_z(layer: LayerCheck) -> str:
    return f"{layer.plain_z:+.2f}" if layer.score.defined else "undefined"


def _judged_z(layer: LayerCheck) -> str:
    """In brackets where it decides nothing."""
    if not layer.score.defined:
        return "undefined"
    z = f"{layer.z:+.2f}" if round(layer.z, 2) else "0"
    return z if layer.score.decides else f"({z})"


def _said(check: CoordinateCheck) -> str:
    """The verdict, what speaks against the theory, and what the verdict does not cover."""
    consistent = check.verdict.outcome is Outcome.CONSISTENT
    causes = [] if consistent or not check.causes else [f"Seen: {'; '.join(check.causes)}."]
    return " ".join([_conclusion(check), *causes, *check.notes])


def _conclusion(check: CoordinateCheck) -> str:
    """The verdict in words."""
    verdict, layers = check.verdict, check.layers
    if verdict.worst is None:
        return (
            "UNDECIDED: outside the range where a real step follows the law, a width of at least "
            "16 and a depth of at most a quarter of it; nothing is judged."
        )
    worst = layers[verdict.worst]
    where = f"z = {_judged_z(worst)} {_ALLOWED} at layer {worst.layer}"
    z = f"{where}, where |z| = {verdict.critical:.2f} would reject"
    nearest = f"the layer nearest to its own bound has {z}" if len(layers) > 1 else z
    budget = f"at a family-wise {FAMILY_BUDGET:.0%} over {len(layers)} layers"
    if verdict.outcome is Outcome.REJECTED:
        return f"REJECTED: {z}, {budget}."
    if verdict.outcome is Outcome.UNDECIDED:
        return f"UNDECIDED: nothing is rejected {budget}, but {_wants(check)}."
    return (
        f"CONSISTENT: {nearest}, {budget}; an error of {verdict.noticed:.0%} in any one of them "
        f"would have been noticed {100 * POWER:.0f} times in 100."
    )


def _wants(check: CoordinateCheck) -> str:
    """What is missing for a decision."""
    wanted = [want.samples or 0 for want in check.verdict.wants]
    if not all(wanted):
        return "the updates of some layer are not finite"
    return f"too little would have been noticed; samples={max(wanted, default=0):,} would decide"
