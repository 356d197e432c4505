"""A terminal shows the name of a long call, its duration, and how to stop it; Ctrl-C at a prompt
stops the call with one sentence in place of a traceback."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

__all__ = ["Stopped", "announced", "delayed", "shown_elsewhere"]

_SILENT, _EVERY = 2.0, 1.0
_COLUMNS = 80
"""Of a terminal that does not tell its width."""
_MINUTE, _HOUR, _MANY = 60, 3600, 100
"""Seconds, and the number from which on minutes stand for seconds, or hours for minutes."""
_one_announcement = threading.Lock()


class Stopped(KeyboardInterrupt):
    """Ctrl-C ended a long call at a prompt.  Plain Python and IPython print the message alone."""

    def _render_traceback_(self) -> list[str]:
        """IPython prints these lines."""
        return [f"{self}"]


class _Call:
    """A call that may take long: its name, its start, and the share of its work that is done."""

    def __init__(self, name: str) -> None:
        self.name, self.start = name, time.monotonic()
        self.share: float | None = None
        self.lost = 0.0

    def note(self, share: float) -> None:
        self.share = share

    @property
    def past(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.start

    @property
    def left(self) -> str:
        """The time left, in words; empty where nothing is known of it."""
        if not self.share:
            return ""
        return f"about {_duration((self.past - self.lost) * (1 / self.share - 1))} left"


_calls: list[_Call] = []
"""The announced call, and the calls within it."""


@contextmanager
def announced(what: str) -> Iterator[Callable[[float], None]]:
    """Say ``what`` takes long on standard error, from the third second on, where that is a
    terminal, and nothing elsewhere.  Yields a function that takes the share of the work that is
    done, where that is known.  Within another announcement, which keeps its name and its time, a
    call is named from the first share on; 0 gives no estimate of the time left."""
    call = _Call(what)
    if not _is_terminal():
        yield call.note
    elif _one_announcement.acquire(blocking=False):
        yield from _shown(call)
    else:
        _calls.append(call)
        try:
            yield call.note
        finally:
            with suppress(ValueError):  # the outermost call, of another thread, has ended
                _calls.remove(call)


@contextmanager
def shown_elsewhere() -> Iterator[None]:
    """Announce nothing, since another display of progress is on the terminal."""
    first = _one_announcement.acquire(blocking=False)
    try:
        yield
    finally:
        if first:
            _one_announcement.release()


@contextmanager
def delayed(what: str) -> Iterator[None]:
    """Name work that delays the announced calls and is no share of theirs; estimates of the time
    left leave its time out.  Nothing is announced outside of a call."""
    around = tuple(_calls)
    if not around:
        yield
        return
    with announced(what) as note:
        note(0)
        start = time.monotonic()
        try:
            yield
        finally:
            for call in around:
                call.lost += time.monotonic() - start


def _shown(call: _Call) -> Iterator[Callable[[float], None]]:
    """Announce the outermost call."""
    _calls.append(call)
    done = threading.Event()
    clock = threading.Thread(target=_tick, args=(done,), daemon=True)
    clock.start()
    try:
        yield call.note
    except KeyboardInterrupt:
        if not hasattr(sys, "ps1"):
            raise
        raise _printed_alone(
            Stopped(f"Ctrl-C stopped the call ({call.name}) after {call.past:.0f} s")
        ) from None
    finally:
        done.set()
        clock.join()
        _calls.clear()
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


def _tick(done: threading.Event) -> None:
    line, wait = "", _SILENT
    while not done.wait(wait):
        before, line = len(line), _line(*_calls)
        sys.stderr.write(f"\r{line:{before}}")
        sys.stderr.flush()
        wait = _EVERY
    if line:
        sys.stderr.write(f"\r{' ' * len(line)}\r")
        sys.stderr.flush()


def _line(whole: _Call, *within: _Call) -> str:
    """The name of the outermost call and its time, and the innermost share that is known, in one
    row of the terminal, which a carriage return can go back over."""
    part = next((each for each in reversed(within) if each.share is not None), whole)
    inner = [part.name, part.name.partition(", ")[0]] if part is not whole else [""]
    said = [": ".join(filter(None, (name, part.left))) for name in inner]
    start, end = f"{whole.name}: {_duration(whole.past)}", "; Ctrl-C stops"
    lines = [f"{start}{each and f', {each}'}{end}" for each in said]
    room = _columns() - 1
    cut = lines[-1][: max(room - len(end), 0)] + end[:room]
    return next((line for line in lines if len(line) <= room), cut)


def _columns() -> int:
    """The width of the terminal."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (AttributeError, OSError, ValueError):
        return _COLUMNS


def _duration(seconds: float) -> str:
    """Two or three digits, in seconds, minutes or hours."""
    if seconds < _MANY:
        return f"{seconds:.0f} s"
    minutes = seconds / _MINUTE
    return f"{minutes:.0f} min" if minutes < _MANY else f"{seconds / _HOUR:,.0f} h"
