"""This module reads files that may be someone else's: within bounds, as data, and regular files
alone.

Reading a pipe or a device may never end, and JSON can hold numbers that are not finite, or that
take minutes to read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

__all__ = [
    "LARGEST_FILE",
    "Chance",
    "SeedText",
    "Size",
    "Text",
    "checked_formula",
    "printable",
    "read_text",
    "regular_file",
    "structured",
    "whole_seed",
]

LARGEST_FILE = 2**28
"""Bytes of a record that is read."""
_LONGEST_SEED = 400
_LONGEST_REASON = 200
T = TypeVar("T")
Text = Annotated[str, msgspec.Meta(max_length=100_000)]
Size = Annotated[int, msgspec.Meta(gt=0, le=10**12)]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
SeedText = str | int | float
"""A seed in a record, which `whole_seed` reads."""


def regular_file(path: Path) -> bool:
    """Whether ``path`` is, or leads to, an ordinary file.

    Raises `OSError` for one that is there and is no such file, and where the system refuses.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:
        raise OSError(None, f"no file can have this name: {error}") from error
    if not stat.S_ISREG(mode):
        raise OSError(None, "no ordinary file")
    return True


def read_text(path: Path) -> str:
    """The text of an ordinary file of `LARGEST_FILE` bytes at most; `OSError` or `ValueError`."""
    if not regular_file(path):
        raise FileNotFoundError(None, "no such file")
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise OSError(None, f"more than {LARGEST_FILE:,} bytes")
    return data.decode("utf-8")


def structured(text: str, kind: type[T]) -> T:
    """The value of type ``kind`` in a JSON text.

    Raises `ValueError`, in a line, for a text without such a value, nested too deeply, or with a
    number that is infinite or undefined.

    >>> structured('{"samples": 5}', dict[str, int])
    {'samples': 5}
    >>> structured("[1e999]", list[float])
    Traceback (most recent call last):
    ValueError: Number out of range - at `$[0]`
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError(printable(str(error))[:_LONGEST_REASON]) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def checked_formula(text: str) -> str:
    """The text of a formula; `ValueError` for one that a terminal would not show as it is."""
    if not all(each.isprintable() or each.isspace() for each in text):
        raise ValueError("the formula contains characters that do not print")
    return text


def printable(text: str) -> str:
    """``text`` with a mark in the place of each character that a terminal might obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def whole_seed(said: SeedText) -> int:
    """A seed from a record: text, or a number that no program can have rounded; else `ValueError`.

    >>> whole_seed("18446744073709551616")
    18446744073709551616
    """
    if isinstance(said, str) and said.isascii() and said.isdecimal() and len(said) <= _LONGEST_SEED:
        return int(said)
    if isinstance(said, int) and 0 <= said < 2**53:
        return said
    raise ValueError(f"seed {said!r:.40}, which may have been rounded: seeds are text")
