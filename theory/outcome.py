"""A claim has one of three answers, each with its exit code."""

from __future__ import annotations

import enum

from theory.errors import InvalidArgument

__all__ = ["Outcome"]


class Outcome(enum.Enum):
    """The three answers, each with the exit code that a program gives for it.

    >>> Outcome.REJECTED.value, Outcome.REJECTED.name == "REJECTED"
    (1, True)
    """

    CONSISTENT = 0
    REJECTED = 1
    UNDECIDED = 3

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            raise InvalidArgument(
                f"expected an Outcome at ==, got {other!r}; write outcome.name == 'CONSISTENT'"
            )
        return self is other

    __hash__ = enum.Enum.__hash__

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__
