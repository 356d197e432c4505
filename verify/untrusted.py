"""Files that may be someone else's: read within bounds, as plain data, and from nothing but files.

A pipe would be waited for without end, a device read without end, and JSON has numbers that are
none, or that take minutes to read.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["LARGEST_FILE", "plain_json", "read_text", "regular_file"]

LARGEST_FILE = 2**28
"""Bytes of a record that is read."""
_LONGEST_NUMERAL = 400


def regular_file(path: Path) -> bool:
    """Whether ``path`` is, or leads to, an ordinary file.

    Raises `OSError` for one that is there and is no such file, and where the system refuses.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:
        raise OSError(None, f"no file has such a name: {error}") from error
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


def plain_json(text: str) -> Any:
    """What a JSON text says; `ValueError` where it is none, is nested too deeply, or has a number
    that is infinite, undefined, or longer than any of ours.

    >>> plain_json('{"samples": 5}')
    {'samples': 5}
    >>> plain_json("[1e999]")
    Traceback (most recent call last):
    ValueError: 1e999 is no number of a record
    """
    try:
        return json.loads(text, parse_constant=_refused, parse_int=_integer, parse_float=_float)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _integer(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_NUMERAL else _refused(text)


def _float(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _refused(text)


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no number of a record")
