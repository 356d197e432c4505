"""A verdict turns measured means into one of three answers, at a stated false-alarm budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, nan
from typing import ClassVar, NoReturn

from theory.coverage import Answering, NoNumber
from theory.outcome import Outcome
from theory.validation import brief
from verify.inference.evidence import POWER, Evidence

__all__ = [
    "FAMILY_BUDGET",
    "NOTICEABLE",
    "POWER",
    "NoCondition",
    "Score",
    "Verdict",
    "Want",
    "decide",
]

FAMILY_BUDGET = 0.01
"""Chance that a true law is rejected anywhere on a grid, split evenly over its deciding cells."""
NOTICEABLE = 1.5
"""A run that could not have noticed an error of this factor, either way, decides nothing."""


class NoCondition(Answering):
    """A judgement of three outcomes, which is neither true nor false: `bool` names the test.

    >>> from verify import check
    >>> try:
    ...     bool(check("L", simulate=False))
    ... except TypeError as error:
    ...     print(error)  # doctest: +NORMALIZE_WHITESPACE
    expected True or False in a condition, got Check, which is consistent, rejected or undecided;
    write found.outcome.name == 'CONSISTENT'
    """

    _condition: ClassVar[str]

    def __bool__(self) -> NoReturn:
        raise NoNumber(
            f"expected True or False in a condition, got {type(self).__name__}, which is "
            f"consistent, rejected or undecided; write {self._condition}.name == 'CONSISTENT'"
        )

    def __eq__(self, other: object) -> bool:
        self._refuse_text(other)
        return self is other

    __hash__ = object.__hash__

    def _refuse_text(self, other: object) -> None:
        """Text and an outcome equal no report."""
        if isinstance(other, str | Outcome):
            name = str(other).upper()
            raise NoNumber(
                f"expected another {type(self).__name__} at ==, got {brief(other)}; write "
                f"{self._condition}.name == {name!r}"
            )


@dataclass(frozen=True, eq=False)
class Score:
    """The comparison of one measured mean with one law.

    ``evidence``: the mean, in units of the exact one.  ``law``: the law tried, in the same units.
    ``allowance``: relative difference that is granted before anything counts.  ``decides``:
    whether the cell may decide.

    >>> from verify.inference.weighted_means import WeightedMean
    >>> score = Score(WeightedMean(10_000, 1.02, 0.01), law=1.0, allowance=0.0, decides=True)
    >>> round(score.z, 6)
    2.0
    """

    evidence: Evidence
    law: float
    allowance: float
    decides: bool

    @property
    def defined(self) -> bool:
        """Whether the cell has a z at all."""
        return self.evidence.defined

    @property
    def relative_standard_error(self) -> float:
        """Standard error over measured mean; NaN where undefined."""
        if not (self.defined and self.evidence.ratio > 0):
            return nan
        return self.evidence.standard_error / self.evidence.ratio

    @cached_property
    def z(self) -> float:
        """Measured mean less law in standard errors, less the allowance; NaN where undefined."""
        if not self.defined:
            return nan
        above = self.evidence.z(self.law * (1.0 + self.allowance))
        below = self.evidence.z(self.law * (1.0 - self.allowance))
        return above if above > 0 else min(below, 0.0)

    def __repr__(self) -> str:
        deciding = "decides" if self.decides else "does not decide"
        z = f"z = {self.z:+.2f}" if self.defined else "z undefined"
        return f"Score: {z}, {deciding}"

    def critical(self, cells: int) -> float:
        """The |z| that rejects, one of ``cells`` deciding cells."""
        return self.evidence.critical(_chance(cells))

    def holds(self, cells: int) -> bool:
        """Whether the cell has a z whose critical value can be relied on."""
        return self.defined and self.evidence.holds(_chance(cells))

    def noticed(self, cells: int) -> float:
        """The relative error of a law that this cell would have rejected with `POWER`."""
        beyond = self.evidence.noticed(_chance(cells))
        return (beyond + self.allowance) / (1.0 - self.allowance)

    def wanted(self, cells: int) -> int | None:
        """The samples with which this cell notices a factor `NOTICEABLE`; None where undefined."""
        error = (1.0 - 1.0 / NOTICEABLE) * (1.0 - self.allowance) - self.allowance
        return self.evidence.samples_for(error, _chance(cells))


def _chance(cells: int) -> float:
    return FAMILY_BUDGET / (2 * cells)


@dataclass(frozen=True)
class Want:
    """A deciding cell that cannot decide: its index, and the samples with which it would.

    ``samples`` is None where the cell has no standard error.

    >>> Want(cell=2, samples=58_000).samples
    58000
    """

    cell: int
    samples: int | None


@dataclass(frozen=True)
class Verdict(NoCondition):
    """The answer for a grid: ``worst`` is the index of the cell nearest to its own bound, if any.

    ``noticed``: the smallest relative error that would have been noticed in any single deciding
    cell; ``noticed_in_all``: the smallest noticed if all deciding cells have this error.
    ``critical``: the |z| that would have rejected the worst cell.  ``wants``: the deciding
    cells that cannot decide.

    >>> decide([]).outcome.name
    'UNDECIDED'
    """

    outcome: Outcome
    worst: int | None
    noticed: float
    critical: float
    wants: tuple[Want, ...] = ()
    noticed_in_all: float = inf
    _condition = "verdict.outcome"

    def __eq__(self, other: object) -> bool:
        self._refuse_text(other)
        return isinstance(other, Verdict) and vars(self) == vars(other)

    def __repr__(self) -> str:
        said = f"Verdict: {self.outcome.name}"
        if self.outcome is Outcome.CONSISTENT:
            return (
                f"{said}; an error of {self.noticed:.1%} in a single cell, or of "
                f"{self.noticed_in_all:.2%} in all cells, would have been noticed"
            )
        return f"{said}, by cell {self.worst}" if self.outcome is Outcome.REJECTED else said


def decide(scores: Sequence[Score]) -> Verdict:
    """Rejected if any deciding cell rejects; else undecided if a cell could not have noticed a
    factor `NOTICEABLE`, or cannot hold its level, or if none decides; else consistent.

    >>> from verify.inference.weighted_means import WeightedMean
    >>> true = Score(WeightedMean(10_000, 1.02, 0.01), law=1.0, allowance=0.0, decides=True)
    >>> wrong = Score(WeightedMean(10_000, 1.02, 0.01), law=1.2, allowance=0.0, decides=True)
    >>> decide([true]).outcome.name, decide([true, wrong]).outcome.name
    ('CONSISTENT', 'REJECTED')
    """
    deciding = [(index, each) for index, each in enumerate(scores) if each.decides]
    cells = len(deciding)
    if not deciding:
        return Verdict(Outcome.UNDECIDED, None, inf, nan)
    errors = [each.noticed(cells) for _, each in deciding]
    noticed = max(errors)
    wants = tuple(
        Want(index, each.wanted(cells))
        for (index, each), error in zip(deciding, errors, strict=True)
        if not error <= 1.0 - 1.0 / NOTICEABLE
    )
    able = [(index, each) for index, each in deciding if each.holds(cells)]
    if not able:
        return Verdict(Outcome.UNDECIDED, deciding[0][0], noticed, nan, wants)
    worst, extreme = max(able, key=lambda pair: abs(pair[1].z) / pair[1].critical(cells))
    critical = extreme.critical(cells)
    if abs(extreme.z) > critical:
        return Verdict(Outcome.REJECTED, worst, noticed, critical, wants, min(errors))
    outcome = Outcome.UNDECIDED if wants else Outcome.CONSISTENT
    return Verdict(outcome, worst, noticed, critical, wants, min(errors))
