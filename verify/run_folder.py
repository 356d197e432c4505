"""The folder of a run: made before any work, filled at the end, never half-written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from theory.network import InvalidArgument

__all__ = ["RESULTS", "default_folder", "new_folder", "write_json", "write_whole"]

RESULTS = "results.json"


def default_folder(now: datetime) -> Path:
    """runs/<date and time>, in the working directory."""
    return Path("runs") / now.strftime("%Y-%m-%d_%H-%M-%S")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Create ``path`` and make sure it can be written; remove it again if it is left empty.

    Raises `InvalidArgument` for a folder that holds a run, and for one that cannot be used.
    """
    if (path / RESULTS).exists():
        raise InvalidArgument(
            f"expected a folder without a run for out, got out={str(path)!r}, which holds "
            f"{RESULTS}; give another folder"
        )
    existed = path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise InvalidArgument(
            f"expected a folder that can be written for out, got out={str(path)!r} "
            f"({error.strerror}); give another folder"
        ) from error
    try:
        yield path
    finally:
        if not existed and not any(path.iterdir()):
            path.rmdir()


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in place at once."""
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, record: dict[str, Any]) -> None:
    """``record`` as strict JSON: what is not a number has been made null before."""
    text = json.dumps(record, indent=1, allow_nan=False)
    write_whole(path, lambda temporary: _write(temporary, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
