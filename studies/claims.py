"""This study runs `verify.check` by theory alone on generated claims of known truth.

``make claims`` or ``python -m studies.claims [COUNT]`` rewrites laws, or changes them in a term,
symbol, power, sign, root or base, and gives them as text, expressions and functions.  The exit code
is 1 where a verdict is wrong, or more than a third of a kind is undecided.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from rich import box
from rich.table import Table

from studies.claims_made import Made, made_claims
from studies.claims_truth import confirmed
from studies.printing import print_uncoloured
from theory import InvalidArgument
from theory.outcome import Outcome
from verify import check

__all__ = ["Answer", "answers", "main", "too_undecided"]

COUNT, SEED, CHUNK = 5000, 14, 50
REFUSED = "REFUSED"
_OPEN = (REFUSED, Outcome.UNDECIDED.name)


@dataclass(frozen=True)
class Answer:
    """A claim in words, its kinds, whether it is right and was confirmed to be, and the verdict."""

    words: str
    kinds: tuple[str, ...]
    right: bool
    confirmed: bool | None
    outcome: str

    @property
    def wrong(self) -> bool:
        """Whether the verdict is wrong, or the claim not as right as it was made."""
        forbidden = Outcome.REJECTED.name if self.right else Outcome.CONSISTENT.name
        return self.outcome == forbidden or self.confirmed not in (None, self.right)


def answers(count: int, seed: int) -> list[Answer]:
    """The answers to ``count`` claims."""
    return [_answer(claim, seed + place) for place, claim in enumerate(made_claims(count, seed))]


def _answer(claim: Made, seed: int) -> Answer:
    options = claim.options
    made = f"{claim.form} {str(claim.expression)[:300]}, {claim.change}, {options}"
    kinds = (claim.form, claim.change, options["claim"], options.get("quantity", "update"))
    try:
        found = check(claim.formula, simulate=False, **options)
        reason, outcome = f"{found.theory.reason}, {found.counterexample}", found.verdict.name
    except InvalidArgument as refusal:
        reason, outcome = str(refusal), REFUSED
    return Answer(f"{made}: {reason}", kinds, claim.right, confirmed(claim, seed), outcome)


def too_undecided(found: Iterable[Answer], least: int = 10) -> list[str]:
    """The kinds of at least so many claims of which more than a third is undecided."""
    counts, undecided = Counter[str](), Counter[str]()
    for answer in found:
        counts.update(answer.kinds)
        if answer.outcome in _OPEN:
            undecided.update(answer.kinds)
    return [kind for kind in counts if counts[kind] >= least and 3 * undecided[kind] > counts[kind]]


def main() -> int:
    """Run the study, print a table; the exit code."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    seeds = range(SEED, SEED + 1000 * (count // CHUNK), 1000)
    with ProcessPoolExecutor() as pool:
        found = [each for some in pool.map(answers, [CHUNK] * len(seeds), seeds) for each in some]
    table = Table("kind", "right", "wrong", "undecided", box=box.SIMPLE)
    for kind in sorted({kind for answer in found for kind in answer.kinds}):
        mine = [answer for answer in found if kind in answer.kinds]
        right = sum(answer.right for answer in mine)
        undecided = sum(answer.outcome in _OPEN for answer in mine)
        table.add_row(kind, str(right), str(len(mine) - right), str(undecided))
    print_uncoloured(table, width=70)
    mistakes = [answer for answer in found if answer.wrong]
    for answer in mistakes:
        print(f"WRONG {answer.outcome}, made {answer.right}, is {answer.confirmed}: {answer.words}")
    kinds = too_undecided(found)
    often = ", ".join(kinds) or "none"
    print(f"{len(found)} claims, {len(mistakes)} wrong verdicts; too often undecided: {often}")
    return int(bool(mistakes or kinds))


if __name__ == "__main__":
    sys.exit(main())
