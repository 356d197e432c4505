"""A check as people read it: verdict, theory, what is off, networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theory.claims.counterexample import values_in_words
from theory.claims.target import Claim, Quantity, Target
from theory.outcome import Outcome
from theory.symbols import ell
from verify.comparison.compare import Comparison, comparison_record
from verify.comparison.table import run_html
from verify.comparison.verdict_in_words import conclusion
from verify.inference.numbers_in_text import html_table

if TYPE_CHECKING:
    from verify.claims.check import Check

__all__ = ["report", "report_html", "subject"]

_CLAIMS = {
    Claim.EXACT: "is",
    Claim.LEADING: "is the leading term, as n → ∞ and then in depth, of",
    Claim.JOINT: "is the leading term, as n → ∞ with L = t n, of",
}
_LONGEST = 200


def report(check: Check) -> str:
    """Some lines of text, the verdict first."""
    return "\n".join([_heading(check), *(f"{name} {text}" for name, text in _rows(check))])


def report_html(check: Check) -> str:
    """The same as a table, and the networks it was held against, for a notebook."""
    table = html_table(_heading(check), [(name.strip(" :"), text) for name, text in _rows(check)])
    if check.evidence is None:
        return table
    return table + run_html(comparison_record(check.evidence))


def _heading(check: Check) -> str:
    return (
        f"{check.verdict.name}: the claim that the formula {_CLAIMS[check.claim]} "
        f"{subject(check.target)}"
    )


def _rows(check: Check) -> list[tuple[str, str]]:
    rows = [
        ("formula:", f"{_short(check.formula.source)}{_per_rate(check)}"),
        ("theory:", f"{_said(check.theory.outcome)}: {check.theory.reason}"),
    ]
    if check.counterexample is not None:
        rows.append(("  first at", values_in_words(check.counterexample)))
    if check.theory.outcome is Outcome.REJECTED:
        off = str(check.difference or "not one of the known differences")
        rows.append(("  what is off:", off))
    found = str(check.unmeasured) if check.evidence is None else _networks(check.evidence)
    return [*rows, ("networks:", found)]


def subject(target: Target) -> str:
    """What the formula is for."""
    if target.quantity is Quantity.RATE:
        return f"the maximal learning rate of {target.network}, {target.criterion!r}"
    part = "" if target.part == "total" else f", {target.part} part,"
    if target.layer is None:
        where = "the last hidden layer"
    else:
        where = "every hidden layer ell" if target.layer == ell else f"layer {target.layer}"
    rates = "" if target.rates is None else f", multipliers {target.rates}"
    return f"E[(Δz)²]{part} in {where} of {target.network}{rates}"


def _per_rate(check: Check) -> str:
    if check.target.quantity is Quantity.UPDATE and not check.formula.has_rate:
        return ", read per eta**2"
    return ""


def _networks(evidence: Comparison) -> str:
    found = conclusion(comparison_record(evidence))
    name, _, rest = found.partition(": ")
    return f"{name.lower()}: {rest}"


def _said(outcome: Outcome) -> str:
    return outcome.name.lower()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
