"""The record of a check holds the claim, theory's answer, and the record of networks, if any."""

from __future__ import annotations

from msgspec import Raw, Struct

from theory.claims.differences import Counterexample, numbers_in_words
from theory.claims.target import Claim, Quantity
from verify.claims.check import Check, subject
from verify.comparison.compare import comparison_record
from verify.comparison.record import OUTCOMES, OutcomeName, RunRecord
from verify.untrusted import Text, checked_formula, structured

__all__ = ["CheckRecord", "check_record", "read_record"]


class CounterexampleRecord(Struct, frozen=True, kw_only=True):
    """Sizes at which a formula and the law differ, both values, and whether these are values of
    leading terms."""

    sizes: dict[Text, Text]
    formula: Text
    law: Text
    leading_terms: bool

    @classmethod
    def of(cls, example: Counterexample) -> CounterexampleRecord:
        """The record of a counterexample."""
        mine, law = numbers_in_words(example.formula, example.law)
        sizes = {str(symbol): str(value) for symbol, value in example.point.items()}
        return cls(sizes=sizes, formula=mine, law=law, leading_terms=example.limits)


class DifferenceRecord(Struct, frozen=True):
    """The difference between a formula and the law."""

    kind: Text
    sentence: Text


class TheoryRecord(Struct, frozen=True, kw_only=True):
    """The answer of theory to a claim."""

    outcome: OutcomeName
    reason: Text
    counterexample: CounterexampleRecord | None
    difference: DifferenceRecord | None


class CheckRecord(Struct, frozen=True, kw_only=True):
    """A claim about a user's formula, theory's answer, and the networks' answer or why none."""

    formula: Text
    claim: Claim
    quantity: Quantity
    subject: Text
    network: Text
    outcome: OutcomeName
    theory: TheoryRecord
    unmeasured: Text | None
    networks: RunRecord | None

    def __post_init__(self) -> None:
        checked_formula(self.formula)

    @property
    def tried(self) -> str:
        """The value compared with networks: the formula for E[(Δz)²]/η² itself or its leading
        term, or E[(Δz)²]/η² computed from a formula for the rate."""
        exact = self.claim is Claim.EXACT
        if self.quantity is Quantity.UPDATE:
            return "formula" if exact else "leading term"
        return "1/(formula)²" if exact else "1/(leading)²"


def check_record(check: Check) -> CheckRecord:
    """All that was decided, and all that is needed to reproduce it.

    >>> from verify import check
    >>> check_record(check("L**3/3", claim="leading", simulate=False)).outcome
    'consistent'
    """
    example, difference, evidence = check.counterexample, check.difference, check.evidence
    return CheckRecord(
        formula=check.formula.source,
        claim=check.claim,
        quantity=check.target.quantity,
        subject=subject(check.target),
        network=repr(check.target.network),
        outcome=OUTCOMES[check.verdict],
        theory=TheoryRecord(
            outcome=OUTCOMES[check.theory.outcome],
            reason=check.theory.reason,
            counterexample=None if example is None else CounterexampleRecord.of(example),
            difference=None
            if difference is None
            else DifferenceRecord(difference.kind.name.lower(), difference.sentence),
        ),
        unmeasured=check.unmeasured,
        networks=None if evidence is None else comparison_record(evidence, check.formula.source),
    )


def read_record(text: str) -> RunRecord | CheckRecord:
    """The record that the text of a ``results.json`` holds; `ValueError`, in a line, for others."""
    fields = structured(text, dict[str, Raw])
    if "formula" in fields:
        return structured(text, CheckRecord)
    return structured(text, RunRecord)
