"""The file of a store: made and opened with care, its errors said in one sentence.

SQLite through APSW, with a rollback journal and every commit synced to the disk (``synchronous =
EXTRA``): the one mode that is safe on network file systems that lock, and in which a process may be
killed, or the power fail, at any instant.  A file is looked at before SQLite may touch it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from theory.network import InvalidArgument
from verify.errors import UnusableFolder

__all__ = ["FORMAT", "connect", "said", "transaction"]

FORMAT = 1
"""Of the tables; kept in the file as SQLite's user version."""
_APPLICATION = 0x6D755044
"""``muPD``; kept in the file, so that others' databases are not taken for ours."""
_MAGIC = b"SQLite format 3\0"
_PATIENCE = 120_000
"""Milliseconds to wait while another process writes."""
_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE software (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE cells (id INTEGER PRIMARY KEY, configuration TEXT NOT NULL, seed TEXT NOT NULL,
  kept INTEGER NOT NULL, UNIQUE (configuration, seed, kept));
CREATE TABLE blocks (id INTEGER PRIMARY KEY, cell INTEGER NOT NULL REFERENCES cells,
  block INTEGER NOT NULL, samples INTEGER NOT NULL, software INTEGER NOT NULL REFERENCES software,
  checksum BLOB NOT NULL, log_unit BLOB NOT NULL, mean BLOB NOT NULL, spread BLOB NOT NULL,
  logs BLOB, UNIQUE (cell, block, samples));
CREATE TABLE claims (cell INTEGER NOT NULL, block INTEGER NOT NULL, samples INTEGER NOT NULL,
  owner TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (cell, block, samples)) WITHOUT ROWID;
"""


def connect(path: Path, *, new: bool | None) -> apsw.Connection:
    """A connection to a store; ``new``: make it, and refuse one that is there; None: make it only
    where it is not there.

    Raises `InvalidArgument` for one that should (not) be there, `UnusableFolder` for a file that is
    damaged, of another program or a later version, or that cannot be written; it stays as it is.
    """
    with said(path):
        if new or (new is None and not path.exists()):
            _make_file(path, exist_ok=new is None)
        elif not path.exists():
            raise InvalidArgument(
                f"expected a folder with a run, got none in {str(path.parent)!r}; give another"
            )
        _look(path)
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(_PATIENCE)
            connection.pragma("synchronous", 3)
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """All or nothing; other processes wait."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def said(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors about ``path`` as `UnusableFolder`."""
    kept = "what it held before is intact"
    try:
        yield
    except apsw.FullError as error:
        raise UnusableFolder(f"the disk of {path} is full, {kept}; make room, resume") from error
    except (
        apsw.ReadOnlyError,
        apsw.PermissionsError,
        apsw.CantOpenError,
        PermissionError,
    ) as error:
        raise UnusableFolder(
            f"{path} cannot be written ({error}), {kept}; make it writable, or copy the folder"
        ) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise _damaged(path, str(error)) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise UnusableFolder(
            f"{path} is held by another process for more than {_PATIENCE // 1000} seconds; end "
            f"that process, or wait, and resume"
        ) from error
    except FileNotFoundError as error:
        raise UnusableFolder(
            f"{path} cannot be made, since its folder is not there; make {path.parent}, or give "
            f"another"
        ) from error
    except (apsw.Error, OSError) as error:
        if isinstance(error, UnusableFolder):
            raise
        raise UnusableFolder(f"{path} cannot be used ({error}), {kept}; resume later") from error


def _damaged(path: Path, what: str) -> UnusableFolder:
    return UnusableFolder(
        f"{path} is damaged ({what}); it was left as it is: take a copy of it from a backup, or "
        f"begin again in another folder"
    )


def _make_file(path: Path, *, exist_ok: bool) -> None:
    """An empty file, which is a store that was never begun."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
    except FileExistsError:
        if not exist_ok:
            raise InvalidArgument(
                f"expected a folder without a run, got {str(path.parent)!r}, which holds "
                f"{path.name}; go on with --resume, or give another folder"
            ) from None


def _look(path: Path) -> None:
    """Refuse what is not ours by its first bytes.  Beside a journal they may be half-written, and
    SQLite restores them first."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head or path.with_name(path.name + "-journal").exists():
        return
    if not head.startswith(_MAGIC):
        raise UnusableFolder(f"{path} is not a store of runs, and was left as it is; {_ELSEWHERE}")
    _ours(path, int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big"))


_ELSEWHERE = "give another folder"


def _ours(path: Path, application: int, version: int) -> None:
    if application != _APPLICATION:
        raise UnusableFolder(
            f"{path} is another program's database, and was left as it is; {_ELSEWHERE}"
        )
    if version != FORMAT:
        raise UnusableFolder(
            f"{path} is of format {version}, where this version reads {FORMAT}, and was left as it "
            f"is; use the version that wrote it, or {_ELSEWHERE}"
        )


def _check(connection: apsw.Connection, path: Path) -> None:
    """Make the tables in one transaction where there is nothing yet; else look at all pages."""
    tables = "SELECT count(*) FROM sqlite_schema"
    if connection.execute(tables).get == 0 and connection.pragma("application_id") == 0:
        with transaction(connection):
            if connection.execute(tables).get == 0:
                connection.pragma("application_id", _APPLICATION)
                connection.pragma("user_version", FORMAT)
                connection.execute(_TABLES)
    _ours(path, connection.pragma("application_id"), connection.pragma("user_version"))
    found = connection.pragma("quick_check")
    if found != "ok":
        raise _damaged(path, str(found).splitlines()[0])
