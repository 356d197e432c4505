"""A claim has one of three answers, each with its exit code."""

from __future__ import annotations

import enum

__all__ = ["Outcome"]


class Outcome(enum.Enum):
    """The three answers, each with the exit code that a program gives for it.

    >>> Outcome.REJECTED.value
    1
    """

    CONSISTENT = 0
    REJECTED = 1
    UNDECIDED = 3

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__
