"""This module alters a run's folder: its record, its store, and the files in their places."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

from verify.jobs.folder import CSV, RESULTS, STORE

__all__ = ["JOBS", "KINDS", "VALUES", "Alteration", "commands_of"]

Alteration = Callable[[Path, random.Random], None]
"""Changes a folder in place."""

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "a half": 0.5,
    "a large number": 1e308,
    "a huge integer": 10**40,
    "empty text": "",
    "text": "abc",
    "code": "__import__('os').system('touch stranger')",
    "markup": "</script><script>alert(1)</script>",
    "escapes": "\x1b]0;title\x07\u202e\n\r",
    "a path": "../../../etc/passwd",
    "a long text": "9" * 5000,
    "a list": [],
    "a list of lists": [[[[1]]]],
    "an object": {"__class__": "os"},
}
"""The values that replace any value of a record, or any field of a job."""

JOBS: dict[str, str] = {
    "dask": '{"dask": "tcp://127.0.0.1:9"}',
    "out": '{"width": [8], "out": "/tmp/stranger"}',
    "resume": '{"width": [8], "resume": "/tmp/stranger"}',
    "parquet": '{"width": [8], "parquet": true}',
    "minutes": '{"width": [8], "minutes": 1e-9}',
    "an unknown key": '{"width": [8], "__class__": "os"}',
    "a command": '{"width": [8], "sampler": "gram; touch stranger"}',
    "a formula with an escape": json.dumps({"formula": "L\x1b[2J"}),
    "a huge width": '{"width": [' + "9" * 300 + "]}",
    "a long numeral": '{"width": [' + "9" * 5000 + "]}",
    "a width that is text": '{"width": ["8"]}',
    "a width that is no list": '{"width": 8}',
    "no widths": '{"width": []}',
    "NaN": '{"width": [8], "step": NaN}',
    "infinity": '{"width": [8], "precision": 1e999}',
    "a deep list": "[" * 5000,
    "a list": "[1, 2]",
    "no JSON": "width 8",
    "nothing": "",
}
"""Texts in the place of a job."""

_PLACES = ("a directory", "a pipe", "a link to nothing", "a link to itself", "a device")


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of values in a JSON value."""
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for name, each in inside:
        yield (*at, name)
        yield from _places(each, (*at, name))


def _in_record(change: Callable[[Any, Any, random.Random], None]) -> Alteration:
    """Change the record at a random place."""

    def alter(folder: Path, chance: random.Random) -> None:
        path = folder / RESULTS
        record = json.loads(path.read_text(encoding="utf-8"))
        *way, last = chance.choice(list(_places(record)))
        inside = record
        for name in way:
            inside = inside[name]
        change(inside, last, chance)
        path.write_text(json.dumps(record), encoding="utf-8")

    return alter


def _put(value: Any) -> Callable[[Any, Any, random.Random], None]:
    def put(inside: Any, last: Any, _: random.Random) -> None:
        inside[last] = value

    return put


def _drop(inside: Any, last: Any, _: random.Random) -> None:
    del inside[last]


def _extra(inside: Any, last: Any, _: random.Random) -> None:
    if isinstance(inside, dict):
        inside["command"] = "rm -rf ~"
    else:
        inside.append(inside[last])


def _text(change: Callable[[bytes, random.Random], bytes], name: str) -> Alteration:
    """Change a file's bytes."""

    def alter(folder: Path, chance: random.Random) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes(), chance))

    return alter


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 8, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _overwritten(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + chance.randbytes(min(512, len(data) - start)) + data[start + 512 :]


def _instead(what: str, name: str) -> Alteration:
    """Something else in the place of a file."""

    def alter(folder: Path, _: random.Random) -> None:
        path = folder / name
        path.unlink()
        if what == "a directory":
            path.mkdir()
        elif what == "a pipe":
            os.mkfifo(path)
        else:
            ends = {
                "a link to nothing": "nowhere",
                "a link to itself": name,
                "a device": "/dev/zero",
            }
            path.symlink_to(ends[what])

    return alter


def _swapped(folder: Path, _: random.Random) -> None:
    shutil.copy(folder / RESULTS, folder / "kept")
    shutil.copy(folder / STORE, folder / RESULTS)
    (folder / "kept").replace(folder / STORE)


def _sql(*statements: str) -> Alteration:
    def alter(folder: Path, _: random.Random) -> None:
        connection = apsw.Connection(str(folder / STORE))
        try:
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()

    return alter


def _job(text: str) -> Alteration:
    def alter(folder: Path, _: random.Random) -> None:
        connection = apsw.Connection(str(folder / STORE))
        try:
            connection.execute("UPDATE facts SET value = ? WHERE name = 'job'", (text,))
        finally:
            connection.close()

    return alter


def _field_of_the_job(value: Any) -> Alteration:
    """Another value for a random field of the job."""

    def alter(folder: Path, chance: random.Random) -> None:
        connection = apsw.Connection(str(folder / STORE))
        try:
            found = connection.execute("SELECT value FROM facts WHERE name = 'job'").get
            job = json.loads(str(found))
            job[chance.choice(sorted(job))] = value
            text = json.dumps(job)
            connection.execute("UPDATE facts SET value = ? WHERE name = 'job'", (text,))
        finally:
            connection.close()

    return alter


def _journal(end: bytes) -> Alteration:
    """A journal that SQLite would play back first."""

    def alter(folder: Path, chance: random.Random) -> None:
        magic = bytes.fromhex("d9d505f920a163d7")
        (folder / f"{STORE}-journal").write_bytes(magic + chance.randbytes(600) + end)

    return alter


def _journal_pipe(folder: Path, _: random.Random) -> None:
    os.mkfifo(folder / f"{STORE}-journal")


def _super_journal(folder: Path, _: random.Random) -> None:
    """One that names another file, which SQLite would delete."""
    name = str(folder / CSV).encode()
    size, total = len(name).to_bytes(4, "big"), sum(name).to_bytes(4, "big")
    tail = name + size + total + bytes.fromhex("d9d505f920a163d7")
    _journal(tail)(folder, random.Random(1))


_WRONG = ("'text'", "x'ff00ff'", "9223372036854775807")
_COLUMNS = {
    "blocks": ("cell", "block", "samples", "software", "checksum", "log_unit", "mean", "logs"),
    "cells": ("configuration", "seed", "kept"),
    "facts": ("value",),
    "software": ("text",),
}
_TABLES = {
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON claims BEGIN DELETE FROM blocks; END",),
    "a view": ("CREATE VIEW v AS SELECT * FROM blocks",),
    "another table": ("CREATE TABLE extra (x)",),
    "a table less": ("DROP TABLE claims",),
    "no rows": ("DELETE FROM blocks", "DELETE FROM cells", "DELETE FROM software"),
    "no facts": ("DELETE FROM facts",),
    "no software": ("DELETE FROM software",),
    "no blocks": ("DELETE FROM blocks",),
    "claims by another": (
        "INSERT INTO claims SELECT cell, block, samples, 'x', 1e300 FROM blocks",
        "DELETE FROM blocks",
    ),
    "another application": ("PRAGMA application_id = 1",),
    "a later version": ("PRAGMA user_version = 99",),
    "a log to write ahead": ("PRAGMA journal_mode = WAL",),
}
_BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits flipped": _flipped,
    "cut short": _cut,
    "overwritten": _overwritten,
    "empty": lambda data, _: b"",
    "doubled": lambda data, _: data + data,
}
_TEXTS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "another encoding": lambda data, _: data.decode().encode("utf-16"),
    "deeply nested": lambda data, _: b"[" * 100_000,
    "a long numeral": lambda data, _: data.replace(b"2000", b"2" * 6000),
    "not a number": lambda data, _: data.replace(b"0.01", b"NaN"),
    "infinite": lambda data, _: data.replace(b"0.01", b"1e999"),
    "a list": lambda data, _: b"[" + data + b"]",
}


KINDS: dict[str, Alteration] = (
    {f"record: {name}": _in_record(_put(value)) for name, value in VALUES.items()}
    | {"record: dropped": _in_record(_drop), "record: more": _in_record(_extra)}
    | {f"record: {name}": _text(each, RESULTS) for name, each in (_BYTES | _TEXTS).items()}
    | {f"record: {what}": _instead(what, RESULTS) for what in _PLACES}
    | {f"table: {name}": _text(each, CSV) for name, each in _BYTES.items()}
    | {f"table: {what}": _instead(what, CSV) for what in _PLACES}
    | {f"store: {name}": _text(each, STORE) for name, each in _BYTES.items()}
    | {f"store: {what}": _instead(what, STORE) for what in _PLACES}
    | {f"store: {name}": _sql(*statements) for name, statements in _TABLES.items()}
    | {
        f"store: {table}.{column} = {value}": _sql(f"UPDATE OR IGNORE {table} SET {column}={value}")
        for table, columns in _COLUMNS.items()
        for column in columns
        for value in _WRONG
    }
    | {f"job: {name}": _job(text) for name, text in JOBS.items()}
    | {f"job: a field is {name}": _field_of_the_job(value) for name, value in VALUES.items()}
    | {
        "files swapped": _swapped,
        "journal: of noise": _journal(b""),
        "journal: names another file": _super_journal,
        "journal: a pipe": _journal_pipe,
    }
)


def commands_of(kind: str) -> tuple[str, ...]:
    """The commands that read the file that a kind alters."""
    return ("--replay", "--report") if kind.startswith("record") else ("--resume", "--report")
