"""What a terminal shows while a call takes long: what it does, for how long, and how to stop it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["announced"]

_SILENT, _EVERY = 2.0, 1.0
_shown = threading.Lock()


@contextmanager
def announced(what: str) -> Iterator[None]:
    """Say ``what`` takes long on standard error, from the third second on, where that is a
    terminal; nothing within another announcement, and nothing elsewhere."""
    if not _is_terminal() or not _shown.acquire(blocking=False):
        yield
        return
    done = threading.Event()
    clock = threading.Thread(target=_tick, args=(what, done), daemon=True)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()
        _shown.release()


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _tick(what: str, done: threading.Event) -> None:
    start, line = time.monotonic(), ""
    wait = _SILENT
    while not done.wait(wait):
        line = f"{what}: {time.monotonic() - start:.0f} s; Ctrl-C stops"
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()
        wait = _EVERY
    if line:
        sys.stderr.write(f"\r{' ' * len(line)}\r")
        sys.stderr.flush()
