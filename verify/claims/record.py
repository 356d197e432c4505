"""The record of a check holds the claim, theory's answer, and the networks cell by cell."""

from __future__ import annotations

from typing import Any

from theory.claims.differences import Counterexample, numbers_in_words
from verify.claims.check import Check, subject
from verify.comparison.record import comparison_record

__all__ = ["check_record"]


def check_record(check: Check) -> dict[str, Any]:
    """All that was decided, and all that is needed to reproduce it.

    >>> from verify import check
    >>> check_record(check("L**3/3", claim="leading", simulate=False))["outcome"]
    'consistent'
    """
    theory, difference = check.theory, check.difference
    return {
        "formula": check.formula.source,
        "claim": check.claim.value,
        "quantity": check.target.quantity.value,
        "subject": subject(check.target),
        "network": repr(check.target.network),
        "outcome": check.verdict.name.lower(),
        "theory": {
            "outcome": theory.outcome.name.lower(),
            "reason": theory.reason,
            "counterexample": _example(check.counterexample),
            "difference": None
            if difference is None
            else {"kind": difference.kind.name.lower(), "sentence": difference.sentence},
        },
        "unmeasured": check.unmeasured,
        "networks": None
        if check.evidence is None
        else comparison_record(check.evidence, law=check.formula.source),
    }


def _example(example: Counterexample | None) -> dict[str, Any] | None:
    if example is None:
        return None
    mine, law = numbers_in_words(example.formula, example.law)
    return {
        "sizes": {str(symbol): str(value) for symbol, value in example.point.items()},
        "formula": mine,
        "law": law,
        "leading_terms": example.limits,
    }
