"""This module makes a run's folder before any work, and fills it at the end with whole files."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from theory.errors import InvalidArgument
from verify.claims.record import CheckRecord
from verify.comparison.exports import csv_text, parquet_bytes
from verify.comparison.record import RunRecord, json_text
from verify.errors import UnusableFolder
from verify.jobs.stored_job import Job
from verify.runs.blocks import BlockStore, OpenStore
from verify.runs.sampling import Sampling
from verify.runs.store import fact, kept_in
from verify.untrusted import regular_file, structured

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
    "run_store",
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
    begun = _there(path / STORE, "out") and fact(path / STORE, "job") is not None
    finished = _there(path / RESULTS, "out")
    if begun or finished:
        held = RESULTS if finished else STORE
        raise InvalidArgument(
            f"expected a folder without a run for out, got out={str(path)!r}, which holds {held}; "
            f"give another folder{', or resume it with --resume' if begun else ''}"
        )
    try:
        made = [each for each in (path, *path.parents) if not each.exists()]
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
        with suppress(OSError):
            for each in made:
                each.rmdir()


def _there(path: Path, argument: str) -> bool:
    """Whether a file of a run's folder is there; `InvalidArgument` where it cannot be one."""
    try:
        return regular_file(path)
    except OSError as error:
        raise InvalidArgument(
            f"expected a folder for {argument}, got {argument}={str(path.parent)!r}, whose "
            f"{path.name} cannot be used ({error.strerror}); give another folder"
        ) from error


def job_of(path: Path) -> Job:
    """The definition of the run in this folder, as the run stored it at its start.

    Raises `InvalidArgument` where there is no run to resume, `UnusableFolder` where its store
    cannot be used, or keeps a job that no command line can have begun.
    """
    if not _there(path / STORE, "resume"):
        results = _there(path / RESULTS, "resume")
        held = f"{RESULTS} and no {STORE}" if results else "none"
        fix = "without blocks nothing can be resumed" if results else "give the folder of a run"
        raise InvalidArgument(
            f"expected a folder with a run for resume, got resume={str(path)!r}, which holds "
            f"{held}; {fix}"
        )
    job = fact(path / STORE, "job")
    if job is None:
        raise InvalidArgument(
            f"expected a run that has begun for resume, got resume={str(path)!r}, which holds no "
            f"run; start a run with --out"
        )
    try:
        return Job.read(job)
    except ValueError as error:
        raise UnusableFolder(
            f"the run of resume={str(path)!r} cannot be read, its folder is damaged or was changed "
            f"({error}); it was left as it is: take it from a backup, or begin again"
        ) from error


def has_begun(path: Path) -> bool:
    """Whether the folder holds a run that can be resumed."""
    try:
        return _there(path / STORE, "out") and fact(path / STORE, "job") is not None
    except (InvalidArgument, UnusableFolder):
        return False


def run_store(path: Path, job: str) -> OpenStore:
    """Opens the folder's store for the run whose text is ``job``.

    Raises `UnusableFolder` where the store holds another run, or this run with another plan, as
    of another version.
    """

    def opened(samplings: Sequence[Sampling]) -> AbstractContextManager[BlockStore]:
        cells = [[s.configuration.text, str(s.seed), s.samples] for s in samplings]
        plan = json.dumps(cells)
        if (path / STORE).exists():
            _check_seeds(path / STORE, plan)
        return kept_in(path / STORE, facts={"job": job, "plan": plan})(samplings)

    return opened


def _check_seeds(store: Path, plan: str) -> None:
    """Raise where the store's run differs from this run only in the seeds of its cells."""
    known = fact(store, "plan")
    if known is None or known == plan or _without_seeds(known) != _without_seeds(plan):
        return
    raise UnusableFolder(
        f"{store} holds a run that an older version began, whose cells have other seeds; resume "
        f"it with that version, or begin again in another folder"
    )


def _without_seeds(plan: str) -> object:
    try:
        return [(cell[0], cell[2]) for cell in structured(plan, list[tuple[str, str, int]])]
    except ValueError:
        return plan


def keep(path: Path, record: RunRecord | CheckRecord, pictures: Sequence[str] = ()) -> bool:
    """Put a run's results into its folder; whether ``pictures`` of them are still to be drawn.

    Where ``results.json`` already holds the same, nothing is written, so that a read-only disk does
    no harm; where it holds other results, their pictures are removed first.
    """
    text = json_text(record)
    if not _holds(path / RESULTS, text):
        try:
            for name in pictures:
                (path / name).unlink(missing_ok=True)
        except OSError as error:
            raise _unwritten(path, error) from error
        write_whole(path / RESULTS, text)
    return not all((path / name).exists() for name in pictures)


def write_whole(path: Path, content: str | bytes) -> None:
    """Fill a temporary file next to ``path`` with ``content``, then put it in place at once.

    The file is a new one, and ``path`` is replaced where it is a link: nothing is written through
    links that a folder from elsewhere may hold.  Raises `UnusableFolder` where the system does;
    ``path`` is then as it was.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex}{path.suffix}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_tables(path: Path, record: RunRecord, *, parquet: bool) -> None:
    """``results.csv`` of a run, and ``results.parquet`` if requested, where they
    are not there already."""
    text = csv_text(record)
    if not _holds(path / CSV, text):
        write_whole(path / CSV, text)
    if parquet:
        write_whole(path / PARQUET, parquet_bytes(record))


def _holds(path: Path, text: str) -> bool:
    data = text.encode("utf-8")
    try:
        return regular_file(path) and path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _unwritten(path: Path, error: OSError) -> UnusableFolder:
    return UnusableFolder(
        f"{path} cannot be written ({error.strerror or error}), its content is intact; make "
        f"room, or make the folder writable, and try again"
    )
