"""The folder of a run: made before any work, filled at the end, never half-written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from theory.network import InvalidArgument
from verify.errors import UnusableFolder
from verify.sampling import Sampling
from verify.store import fact

__all__ = [
    "RESULTS",
    "STORE",
    "default_folder",
    "job_of",
    "new_folder",
    "plan_text",
    "write_json",
    "write_whole",
]

RESULTS = "results.json"
STORE = "blocks.sqlite"


def default_folder(now: datetime) -> Path:
    """runs/<date and time>, in the working directory."""
    return Path("runs") / now.strftime("%Y-%m-%d_%H-%M-%S")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Create ``path`` and make sure it can be written; remove it again if it is left empty.

    Raises `InvalidArgument` for a folder that holds a run, and for one that cannot be used.
    """
    held = [name for name in (RESULTS, STORE) if (path / name).exists()]
    if held and (held[0] == RESULTS or fact(path / STORE, "job") is not None):
        raise InvalidArgument(
            f"expected a folder without a run for out, got out={str(path)!r}, which holds "
            f"{held[0]}; give another folder, or go on with --resume"
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


def job_of(path: Path) -> str:
    """What the run in this folder is, as it was kept when it began.

    Raises `InvalidArgument` where there is no run to go on with, `UnusableFolder` where its store
    cannot be used.
    """
    if not (path / STORE).exists():
        held = f"only {RESULTS}" if (path / RESULTS).exists() else "none"
        raise InvalidArgument(
            f"expected a folder with a run for resume, got resume={str(path)!r}, which holds "
            f"{held}; give the folder that a run has printed"
        )
    job = fact(path / STORE, "job")
    if job is None:
        raise InvalidArgument(
            f"expected a run that has begun for resume, got resume={str(path)!r}, where none was "
            f"kept; begin it with --out"
        )
    return job


def plan_text(samplings: Sequence[Sampling]) -> str:
    """All that is to be drawn, as text that is the same where it is the same."""
    return json.dumps([[s.configuration.text, str(s.seed), s.samples] for s in samplings])


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in place at once.

    Raises `UnusableFolder` where the system does; ``path`` is then as it was.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UnusableFolder(
            f"{path} cannot be written ({error.strerror or error}), what is there is intact; make "
            f"room, or make the folder writable, and resume"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, record: dict[str, Any]) -> bool:
    """``record`` as strict JSON: what is not a number has been made null before; whether the file
    was other than that."""
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_whole(path, lambda temporary: _write(temporary, text))
    return True


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
