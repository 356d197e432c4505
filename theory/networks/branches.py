"""A branch says how a residual block reads the stream: two matrices, or one before or after the
activation."""

from __future__ import annotations

from dataclasses import dataclass

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.public_names import PlainText
from theory.validation import typed

__all__ = [
    "ActivatedThenWeights",
    "BranchKind",
    "UpDown",
    "WeightsThenActivated",
    "checked_branch",
]


@dataclass(frozen=True)
class BranchKind(PlainText):
    """The branch of a block.  Abstract: use `UpDown`, `ActivatedThenWeights` or
    `WeightsThenActivated`."""


@answered_class
@dataclass(frozen=True)
class UpDown(BranchKind):
    """W sigma(U h): two matrices, exact at finite width.

    >>> UpDown()
    UpDown()
    """


@answered_class
@dataclass(frozen=True)
class ActivatedThenWeights(BranchKind):
    """W sigma(h): one matrix of the role ``up``, of variance up/width.

    >>> ActivatedThenWeights()
    ActivatedThenWeights()
    """


@answered_class
@dataclass(frozen=True)
class WeightsThenActivated(BranchKind):
    """sigma(W h): one matrix of the role ``up``, of variance up/width.

    >>> WeightsThenActivated()
    WeightsThenActivated()
    """


def checked_branch(branch: object) -> None:
    """Raise `InvalidArgument` for what is no branch."""
    if not isinstance(branch, BranchKind):
        raise InvalidArgument(
            f"expected UpDown(), ActivatedThenWeights() or WeightsThenActivated() for branch, got "
            f"branch={typed(branch)}; leave it out for two matrices"
        )
