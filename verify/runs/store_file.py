"""This module makes and opens the file of a store, and turns errors of the file into sentences.

It uses SQLite through APSW, with a rollback journal and every commit synced to the disk
(``synchronous = EXTRA``): the one mode that is safe on network file systems that lock, and in which
a process may be killed, or the power fail, at any instant.  It checks a file before SQLite opens
it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import apsw

from theory.errors import InvalidArgument
from verify.errors import UnusableFolder
from verify.untrusted import regular_file

__all__ = ["FORMAT", "connect", "damage", "said", "transaction"]

FORMAT = 1
"""The format of the tables; the file keeps it as SQLite's user version."""
_APPLICATION = 0x6D755044
"""``muPD``; kept in the file, so that others' databases are not taken for ours."""
_MAGIC = b"SQLite format 3\0"
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
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
        there = regular_file(path)
        if new or (new is None and not there):
            _make_file(path, exist_ok=new is None)
        elif not there:
            raise InvalidArgument(
                f"expected a folder with a run, got none in {str(path.parent)!r}; give another"
            )
        _look(path)
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(_PATIENCE)
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
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
    kept = "its content is intact"
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
            f"{path} has been locked by another process for more than {_PATIENCE // 1000} "
            f"seconds; end the other process, or wait, and resume"
        ) from error
    except FileNotFoundError as error:
        raise UnusableFolder(
            f"{path} cannot be made, since its folder is not there; make {path.parent}, or give "
            f"another folder"
        ) from error
    except (apsw.Error, OSError) as error:
        if isinstance(error, UnusableFolder):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnusableFolder(f"{path} cannot be used ({why}), {kept}; resume later") from error


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn the errors of reading rows that belong to no store into `UnusableFolder`."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}"[:200]) from error


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
                f"{path.name}; resume it with --resume, or give another folder"
            ) from None


def _look(path: Path) -> None:
    """Refuse a file that is no store by its first bytes.  Beside a journal they may be
    half-written, and SQLite restores them first."""
    with path.open("rb") as file:
        head = file.read(100)
    journals = [path.with_name(path.name + ending) for ending in ("-journal", "-wal", "-shm")]
    there = [journal for journal in journals if regular_file(journal)]
    for journal in there:
        _names_no_file(journal)
    if not head or there:
        return
    if not head.startswith(_MAGIC):
        raise UnusableFolder(f"{path} is not a store of runs, and was left as it is; {_ELSEWHERE}")
    _ours(path, int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big"))


def _names_no_file(journal: Path) -> None:
    """Refuse a journal that names a journal of several databases: SQLite would read the file of
    that name, wherever it is, and delete it."""
    with journal.open("rb") as file:
        if file.read()[-8:] == _JOURNAL_MAGIC:
            raise _damaged(journal, "it names another file")


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
    if _schema(connection) != _own_schema():
        raise _damaged(path, "its tables are not the tables of a store")
    found = connection.pragma("quick_check")
    if found != "ok":
        raise _damaged(path, str(found).splitlines()[0])


def _schema(connection: apsw.Connection) -> set[tuple[object, ...]]:
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))


@cache
def _own_schema() -> set[tuple[object, ...]]:
    """The tables, without anything that SQLite would run on its own, such as triggers."""
    connection = apsw.Connection(":memory:")
    try:
        connection.execute(_TABLES)
        return _schema(connection)
    finally:
        connection.close()
