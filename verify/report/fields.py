"""Fields of a record, each checked to be of the kind that a run writes; `ValueError` or `TypeError`
where one is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, TypeVar

from verify.jobs.stored_job import check_fields

__all__ = [
    "chance",
    "formula_fields",
    "index_of",
    "logarithm",
    "number",
    "optional",
    "positive",
    "seed_of",
    "size",
    "text_of",
    "true_or_false",
]

T = TypeVar("T")
_LARGEST_SIZE = 10**12
_LARGEST_LOGARITHM = 1e9
_LONGEST_TEXT = 100_000
_LONGEST_SEED = 400


def size(value: object) -> int:
    """A positive whole number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_SIZE:
        return value
    raise ValueError(f"{value!r:.40} is no size")


def index_of(items: Sequence[object]) -> Callable[[object], int]:
    """What checks the index of one of ``items``."""

    def index(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(items):
            return value
        raise ValueError(f"{value!r:.40} is no index of a cell")

    return index


def seed_of(value: object) -> int:
    """A non-negative whole number, or the text of one."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r:.40} is no seed")
    if isinstance(value, str) and not (value.isdecimal() and len(value) <= _LONGEST_SEED):
        raise ValueError(f"{value!r:.40} is no seed")
    seed = int(value)
    if seed < 0:
        raise ValueError(f"{value!r:.40} is no seed")
    return seed


def number(value: object) -> float:
    """A number that is defined."""
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    raise ValueError(f"{value!r:.40} is no number")


def positive(value: object) -> float:
    """A positive number."""
    found = number(value)
    if found > 0:
        return found
    raise ValueError(f"{found!r} is not positive")


def chance(value: object) -> float:
    """A number from 0 to 1."""
    found = number(value)
    if 0 <= found <= 1:
        return found
    raise ValueError(f"{found!r} is no chance")


def logarithm(value: object) -> float:
    """A natural logarithm of an update that a network can have."""
    found = number(value)
    if abs(found) <= _LARGEST_LOGARITHM:
        return found
    raise ValueError(f"{found!r} is no logarithm of an update")


def text_of(value: object) -> str:
    """Text, which a page shows as text."""
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return value
    raise ValueError(f"{value!r:.40} is no text")


def true_or_false(value: object) -> bool:
    """A truth value."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r:.40} is neither true nor false")


def optional(read: Callable[[Any], T], value: object) -> T | None:
    """What ``read`` makes of a value; None of None."""
    return None if value is None else read(value)


def formula_fields(record: Mapping[str, Any]) -> tuple[str, str, str]:
    """Formula, claim and quantity, each as the command line takes it."""
    fields = {name: record[name] for name in ("formula", "claim", "quantity")}
    check_fields(fields)
    return fields["formula"], fields["claim"], fields["quantity"]
