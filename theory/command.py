"""This module ends a command with a documented exit code and, where it fails, one sentence.

`theory` imports this module first: from then on Ctrl-C ends the process with a sentence, also while
Python still imports the package of ``python -m theory`` or ``python -m verify``.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import traceback
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from theory.errors import MupDepthError

__all__ = [
    "BAD_INPUT",
    "INTERNAL_ERROR",
    "INTERRUPTED",
    "decimal",
    "exit_code",
    "on_one_line",
    "own_streams",
    "parsed",
    "whole",
]

SCRIPTS = ("mup-theory", "mup-verify")
"""The installed scripts of ``python -m theory`` and ``python -m verify``."""

BAD_INPUT, INTERNAL_ERROR, INTERRUPTED = 2, 5, 130
_MEASURING = ("--formula", "--layer", "--samples", "--seed", "--sampler", "--out", "--report")
"""Options of ``python -m verify`` that are tried elsewhere."""
_ALIKE = 0.75
"""The least likeness of a misspelt option, between 0 and 1."""
_LONGEST = 2000
"""Characters of a sentence about an error."""


class LostOutput(MupDepthError, OSError):
    """Standard output cannot be written, for another reason than a reader that went away."""


def exit_code(program: str, main: Callable[[], int]) -> int:
    """The code that ``main`` returns, or the code of the error that ended it, after a sentence.

    An unforeseen error is an internal error; a file keeps its traceback.
    """
    try:
        raise_on_ctrl_c()
        try:
            return main()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted: nothing was written")
        return INTERRUPTED
    except MupDepthError as error:
        _say(f"{program}: {error}")
        return error.exit_code
    except MemoryError:
        _say(f"{program}: not enough memory for this; give smaller networks, or fewer samples")
        return BAD_INPUT
    except Exception as error:
        _say(f"{program}: internal error, no verdict ({_named(error)}); {_kept(error)}")
        return INTERNAL_ERROR
    finally:
        if _is_command(("theory", "verify")):  # Ctrl-C must not end Python while it shuts down
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def parsed(
    parser: ArgumentParser,
    arguments: Sequence[str] | None,
    outside: Callable[[str, str], str],
    version: str,
) -> Namespace:
    """The options of a command; for others the nearest option, the command that has it, or the
    answer of ``outside`` to the name and its value."""
    parser.add_argument("--version", action="version", version=f"mup-depth {version}")
    options, rest = parser.parse_known_args(arguments)
    if rest:
        (name, _, value), known = rest[0].partition("="), parser._option_string_actions
        words = {option.lstrip("-"): option for option in known}
        given = {"--output": "out", "--outdir": "out"}.get(name, name.lstrip("-"))
        nearest = get_close_matches(given, words, 1, _ALIKE)
        answer = outside(name.lstrip("-").replace("-", "_"), value or "".join(rest[1:2]))
        answer = answer.replace("give ", "at the Python prompt give ", 1)
        fix = f"; {answer}" if answer else ""
        fix = f"; the nearest option is {words[nearest[0]]}" if nearest else fix
        elsewhere = name in _MEASURING and name not in known
        fix = f"; it belongs to python -m verify {name}" if elsewhere else fix
        fix = _without_option(rest) if not name.startswith("-") else fix
        parser.error(f"unrecognized arguments: {' '.join(rest)}{fix}")
    return options


def _without_option(words: Sequence[str]) -> str:
    """The fix for words that stand after no option."""
    if all(map(str.isdecimal, words[:2])):
        pairs = zip(("--width", "--depth"), words, strict=False)
        return f"; give {' '.join(f'{option} {number}' for option, number in pairs)}"
    return "; leave it out: a command takes options alone, and prints the rates in every case"


def decimal(text: str) -> float:
    """The number of an option; `ArgumentTypeError` names the fix of other text."""
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(
            f"expected a number, got {text!r}; give a decimal such as 0.01"
        ) from None


def whole(text: str, *, several: bool = False, symbol: bool = False) -> int:
    """The whole number of an option; `ArgumentTypeError` names the fix of other text.

    ``several``: whether the option takes several numbers; ``symbol``: whether it may stay open.
    """
    try:
        return int(text)
    except ValueError:
        parts = text.replace(",", " ").split()
        fix = "give an int such as 64"
        if len(parts) > 1 and all(map(str.isdecimal, parts)):
            fix = f"write {' '.join(parts)}" if several else f"give one number, such as {parts[0]}"
        elif symbol and text in ("n", "L", "B", "a"):
            fix = f"leave it out for the symbol {text}"
        raise ArgumentTypeError(f"expected a whole number, got {text!r}; {fix}") from None


def on_one_line(text: str) -> str:
    r"""``text`` with line breaks and control characters spelled out, since some of it may be from a
    file of someone else.

    >>> print(on_one_line("a\x1b[2J\nb"))
    a\x1b[2J\nb
    """
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."


def own_streams() -> None:
    """Let standard output and error of this process outlive their readers: text written after a
    pipe was closed is dropped, and the command still ends with its exit code."""
    for name, drop in (("stdout", False), ("stderr", True)):
        old = getattr(sys, name)
        if isinstance(old, io.TextIOWrapper):
            buffer = io.BufferedWriter(_Stream(old.fileno(), drop))
            new = io.TextIOWrapper(
                buffer, old.encoding, "backslashreplace", line_buffering=drop or old.line_buffering
            )
            setattr(sys, name, new)


class _Stream(io.FileIO):
    """A standard stream; ``drop``: whether nothing can be said where it cannot be written."""

    def __init__(self, descriptor: int, drop: bool) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._drop, self._lost = drop, False

    def write(self, data: Any, /) -> int:
        """Write ``data``; once writing has failed, let it be lost."""
        try:
            return len(data) if self._lost else super().write(data)
        except BrokenPipeError:
            self._lost = True
        except OSError as error:
            self._lost = True
            if not self._drop:
                raise LostOutput(
                    f"standard output cannot be written ({error.strerror}); the finished part of "
                    f"the work is in the folder of the run: give an output that can be written"
                ) from error
        return len(data)


def raise_on_ctrl_c() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again, once all is loaded."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _say(sentence: str) -> None:
    print(on_one_line(sentence), file=sys.stderr)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _kept(error: Exception) -> str:
    """Keep the traceback of an unforeseen error; where it is."""
    try:
        handle, name = tempfile.mkstemp(prefix="mup-depth-error-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return "its traceback could not be kept, please report it with your command"
    return f"please report it with its traceback, which is in {Path(name)}"


def _end(*_: object) -> None:
    """Ctrl-C while modules are loaded: nothing has begun that would have to be left in order."""
    os.write(2, b"interrupted: nothing was written\n")
    os._exit(INTERRUPTED)


def _is_command(names: tuple[str, ...]) -> bool:
    """Whether this process is one of the two commands, an installed script or a package of
    ``names``, and only Python handles Ctrl-C."""
    path = Path(sys.argv[0] if sys.argv else "")
    package = path.parent.name if path.stem == "__main__" else path.stem
    handler = signal.getsignal(signal.SIGINT)
    return package in (*names, *SCRIPTS) and handler is signal.default_int_handler


if _is_command(("-m",)):
    signal.signal(signal.SIGINT, _end)
