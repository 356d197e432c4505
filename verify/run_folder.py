"""The folder of a run: made before any work, filled at the end, never half-written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from theory.network import InvalidArgument
from verify.errors import UnusableFolder
from verify.sampling import Sampling
from verify.shelf import OpenShelf, Shelf
from verify.store import fact, kept_in
from verify.tabular import csv_text, write_parquet

__all__ = [
    "CSV",
    "PARQUET",
    "RESULTS",
    "STORE",
    "default_folder",
    "has_begun",
    "job_of",
    "keep",
    "new_folder",
    "run_shelf",
    "write_json",
    "write_tables",
    "write_whole",
]

RESULTS, CSV, PARQUET = "results.json", "results.csv", "results.parquet"
STORE = "blocks.sqlite"


def default_folder(now: datetime) -> Path:
    """runs/<date and time>, in the working directory."""
    return Path("runs") / now.strftime("%Y-%m-%d_%H-%M-%S")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Create ``path`` and make sure it can be written; remove it again if it is left empty.

    Raises `InvalidArgument` for a folder that holds a run, and for one that cannot be used.
    """
    begun = (path / STORE).exists() and fact(path / STORE, "job") is not None
    if begun or (path / RESULTS).exists():
        held = RESULTS if (path / RESULTS).exists() else STORE
        raise InvalidArgument(
            f"expected a folder without a run for out, got out={str(path)!r}, which holds {held}; "
            f"give another folder{', or go on with --resume' if begun else ''}"
        )
    made = [each for each in (path, *path.parents) if not each.exists()]
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
        for each in made:
            if any(each.iterdir()):
                break
            each.rmdir()


def job_of(path: Path) -> str:
    """What the run in this folder is, as it was kept when it began.

    Raises `InvalidArgument` where there is no run to go on with, `UnusableFolder` where its store
    cannot be used.
    """
    if not (path / STORE).exists():
        results = (path / RESULTS).exists()
        held = f"{RESULTS} and no {STORE}" if results else "none"
        fix = "without blocks there is nothing to go on with" if results else "give one that does"
        raise InvalidArgument(
            f"expected a folder with a run for resume, got resume={str(path)!r}, which holds "
            f"{held}; {fix}"
        )
    job = fact(path / STORE, "job")
    if job is None:
        raise InvalidArgument(
            f"expected a run that has begun for resume, got resume={str(path)!r}, where none was "
            f"kept; begin it with --out"
        )
    return job


def has_begun(path: Path) -> bool:
    """Whether the folder holds a run that can be gone on with."""
    try:
        return (path / STORE).exists() and fact(path / STORE, "job") is not None
    except UnusableFolder:
        return False


def run_shelf(path: Path, job: str) -> OpenShelf:
    """What opens the folder's store for the run whose text is ``job``.

    Raises `UnusableFolder` where the store holds another run, or this one planned in another way,
    as another version may do.
    """

    def opened(samplings: Sequence[Sampling]) -> AbstractContextManager[Shelf]:
        plan = _plan_text(samplings)
        if (path / STORE).exists():
            _check_seeds(path / STORE, plan)
        return kept_in(path / STORE, facts={"job": job, "plan": plan})(samplings)

    return opened


def _plan_text(samplings: Sequence[Sampling]) -> str:
    """All that is to be drawn, as text that is the same where it is the same."""
    return json.dumps([[s.configuration.text, str(s.seed), s.samples] for s in samplings])


def _check_seeds(store: Path, plan: str) -> None:
    """Raise where the store's run is this one but for the seeds of its cells."""
    known = fact(store, "plan")
    if known is None or known == plan or _without_seeds(known) != _without_seeds(plan):
        return
    raise UnusableFolder(
        f"{store} holds a run that an older version began, whose cells have other seeds; go on "
        f"with that version, or begin again in another folder"
    )


def _without_seeds(plan: str) -> Any:
    try:
        return [(configuration, samples) for configuration, _, samples in json.loads(plan)]
    except (ValueError, TypeError, RecursionError):
        return plan


def keep(
    path: Path,
    record: dict[str, Any],
    write_others: Callable[[], None] = lambda: None,
    others: Sequence[str] = (),
) -> None:
    """Put a run's results into its folder, ``results.json`` last; where that is there already, and
    says the same, and so are the files ``others``, nothing is written, so that a disk that cannot
    be written does no harm."""
    text = _json(record)
    if _holds(path / RESULTS, text) and all((path / name).exists() for name in others):
        return
    try:
        write_others()
    except UnusableFolder:
        raise
    except OSError as error:
        raise _unwritten(path, error) from error
    write_whole(path / RESULTS, lambda temporary: _write(temporary, text))


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
        raise _unwritten(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_tables(path: Path, record: dict[str, Any], *, parquet: bool) -> None:
    """``results.csv`` of a comparison's record, and ``results.parquet`` if asked for, where they
    are not there already."""
    text = csv_text(record)
    if not _holds(path / CSV, text):
        write_whole(path / CSV, lambda temporary: _write(temporary, text))
    if parquet:
        write_whole(path / PARQUET, lambda temporary: write_parquet(temporary, record))


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def _unwritten(path: Path, error: OSError) -> UnusableFolder:
    return UnusableFolder(
        f"{path} cannot be written ({error.strerror or error}), what is there is intact; make "
        f"room, or make the folder writable, and try again"
    )


def write_json(path: Path, record: dict[str, Any]) -> None:
    """``record`` as strict JSON: what is not a number has been made null before."""
    write_whole(path, lambda temporary: _write(temporary, _json(record)))


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
