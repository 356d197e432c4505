"""A terminal shows the name of a long call, its duration, and how to stop it; Ctrl-C at a prompt
stops the call with one sentence in place of a traceback."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType

__all__ = ["Stopped", "announced"]

_SILENT, _EVERY = 2.0, 1.0
_one_announcement = threading.Lock()


class Stopped(KeyboardInterrupt):
    """Ctrl-C ended a long call at a prompt.  Plain Python and IPython print the message alone."""

    def _render_traceback_(self) -> list[str]:
        """IPython prints these lines."""
        return [f"{self}"]


@contextmanager
def announced(what: str) -> Iterator[Callable[[float], None]]:
    """Say ``what`` takes long on standard error, from the third second on, where that is a
    terminal; nothing within another announcement, and nothing elsewhere.  Yields a function that
    takes the share of the work that is done, where that is known."""
    shares = [0.0]
    note = partial(shares.__setitem__, 0)
    if not _is_terminal() or not _one_announcement.acquire(blocking=False):
        yield note
        return
    start, done = time.monotonic(), threading.Event()
    clock = threading.Thread(target=_tick, args=(what, shares, done), daemon=True)
    clock.start()
    try:
        yield note
    except KeyboardInterrupt:
        if not hasattr(sys, "ps1"):
            raise
        past = time.monotonic() - start
        raise _printed_alone(
            Stopped(f"Ctrl-C stopped the call ({what}) after {past:.0f} s")
        ) from None
    finally:
        done.set()
        clock.join()
        _one_announcement.release()


def _printed_alone(stop: Stopped) -> Stopped:
    """Plain Python's prompt prints ``stop`` without its traceback, and later exceptions as
    before."""
    usual = sys.excepthook

    def once(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.excepthook = usual
        if error is stop:
            print(error, file=sys.stderr)
        else:
            usual(kind, error, trace)

    sys.excepthook = once
    return stop


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _tick(what: str, shares: list[float], done: threading.Event) -> None:
    start, line = time.monotonic(), ""
    wait = _SILENT
    while not done.wait(wait):
        past, share = time.monotonic() - start, shares[0]
        left = f", about {past * (1 / share - 1):.0f} s left" if share else ""
        before, line = len(line), f"{what}: {past:.0f} s{left}; Ctrl-C stops"
        sys.stderr.write(f"\r{line:{before}}")
        sys.stderr.flush()
        wait = _EVERY
    if line:
        sys.stderr.write(f"\r{' ' * len(line)}\r")
        sys.stderr.flush()
