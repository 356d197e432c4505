"""This module makes SQLite's disk fail, or cuts the power, at a chosen operation, through APSW."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import apsw

__all__ = ["FAULTS", "Disk", "Fault", "faulty"]

NAME = "faulty"
FAULTS = ("killed", "torn", "fsync", "full")
"""A process killed before an operation, or in the middle of a write; a sync that fails; no room."""


@dataclass(frozen=True)
class Fault:
    """``kind``, one of `FAULTS`, at operation ``at`` (writes and syncs, counted from 1), and for
    disks that fail at all later ones too."""

    kind: str
    at: int

    def strike(self, file: Any, data: bytes | None, offset: int) -> None:
        """Fail here; ``data``: the bytes to be written, None for a sync."""
        if self.kind == "torn" and data is not None:
            file.whole_write(data[: len(data) // 2], offset)
        if self.kind in ("killed", "torn"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "full" and data is not None:
            raise apsw.FullError("injected: no space left")
        if self.kind == "fsync" and data is None:
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)


class Disk(apsw.VFS):
    """The system's disk with a fault; ``operations`` counts its calls.

    ``syncs``: whether syncs reach the system; tests of many faults do without.
    """

    def __init__(self, fault: Fault | None, *, syncs: bool = True) -> None:
        self.base = apsw.vfs_names()[0]
        super().__init__(NAME, self.base)
        self.fault, self.syncs, self.operations = fault, syncs, 0

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        """A file that calls this disk before it writes."""
        return _File(self, name, flags)

    def ask(self, file: Any, data: bytes | None, offset: int = 0) -> None:
        """Count an operation, and fail where it is time."""
        self.operations += 1
        fault = self.fault
        if fault is None or self.operations < fault.at:
            return
        if self.operations == fault.at or fault.kind in ("fsync", "full"):
            fault.strike(file, data, offset)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__(disk.base, name, flags)
        self.disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.ask(self, data, offset)
        self.whole_write(data, offset)

    def whole_write(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.disk.ask(self, None)
        if self.disk.syncs:
            super().xSync(flags)


@contextmanager
def faulty(fault: Fault | None, *, syncs: bool = True) -> Iterator[Disk]:
    """Every store of this process on a faulty disk."""
    disk = Disk(fault, syncs=syncs)
    apsw.set_default_vfs(NAME)
    try:
        yield disk
    finally:
        apsw.set_default_vfs(disk.base)
        disk.unregister()
