"""This study tests the damage that an altered or hostile folder of a run can do.

``make altered`` or ``python -m studies.altered`` alters copies of a real run's folder, one way
each, and then resumes, replays and shows each copy.  A sound answer has a documented exit code and
one sentence; the command executes, unpickles and contacts nothing, writes nothing elsewhere or
half, and gives no wrong result silently.  The study prints a table and keeps it in
studies/altered.json; docs/runs.md quotes it.  It takes some minutes on two cores.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.altered_kinds import KINDS, commands_of
from verify import cli
from verify.jobs import job
from verify.jobs.folder import CSV, RESULTS

__all__ = ["COMMANDS", "RESULTS_FILE", "Answer", "main", "original", "trial", "without_figures"]

RESULTS_FILE = Path(__file__).with_name("altered.json")
COMMANDS = ("--resume", "--replay", "--report")
SEEDS = 1
_SECONDS = 60
_CELLS = ["--width", "8", "--depth", "1", "2", "--samples", "2000"]
_EVENTS = re.compile(
    r"socket\.connect|subprocess|os\.(system|exec|posix_spawn|fork)|pickle\.find_class"
)
_MADE = {"report.html", RESULTS, CSV, "rate.png", "rate.pdf", "results.tex"}
_HARM: list[str] = []
_WATCHED: list[Path] = []


@dataclass(frozen=True)
class Answer:
    """The answer of one command to an altered folder; ``wrong``: the requirements that it fails."""

    kind: str
    command: str
    code: int
    wrong: tuple[str, ...]


def _hook(event: str, arguments: Any) -> None:
    """Note events that no folder may cause, while one is watched."""
    if not _WATCHED:
        return
    if _EVENTS.match(event):
        _HARM.append(event)
    elif event == "open" and isinstance(arguments[0], str | bytes | Path):
        path, mode, flags = arguments
        writes = any(each in (mode or "") for each in "wax+") or bool((flags or 0) & 3)
        if writes and not _inside(Path(str(path))):
            _HARM.append(f"wrote {path}")


def _inside(path: Path) -> bool:
    return path.is_relative_to(_WATCHED[0].parent) or path.is_relative_to("/dev")


@contextlib.contextmanager
def _watched(folder: Path) -> Iterator[list[str]]:
    """Note harm, and end a command that takes too long."""

    def late(*_: object) -> None:
        raise RuntimeError(f"no answer in {_SECONDS} seconds")

    _HARM.clear()
    _WATCHED.append(folder)
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_SECONDS)
    try:
        yield _HARM
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        _WATCHED.clear()


sys.addaudithook(_hook)


def original(folder: Path) -> Path:
    """A finished run, of which copies are altered; everything it needs is then compiled."""
    with contextlib.redirect_stdout(io.StringIO()):
        if cli.main([*_CELLS, "--out", str(folder)]) not in (0, 3):
            raise RuntimeError("the run to be altered failed")
        for command in COMMANDS:
            cli.main(_arguments(command, folder))
        (folder / "report.html").unlink()
    return folder


def trial(kind: str, seed: int, whole: Path, command: str) -> Answer:
    """Alter a copy of the folder ``whole``, and give one command to it."""
    with tempfile.TemporaryDirectory(prefix="altered-") as place:
        folder = Path(place) / "run"
        shutil.copytree(whole, folder)
        KINDS[kind](folder, random.Random(f"{kind} {seed}"))
        names, said, errors = _names(folder), io.StringIO(), io.StringIO()
        with (
            _watched(folder) as harm,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(errors),
        ):
            code = cli.main(_arguments(command, folder))
        wrong = [*harm, *_wrong(code, said.getvalue(), errors.getvalue())]
        wrong += [f"left {name}" for name in sorted(_names(folder) - names - _MADE)]
        if command == "--resume" and code in (0, 3):
            wrong += [
                f"wrote another {name}"
                for name in (RESULTS, CSV)
                if (folder / name).read_bytes() != (whole / name).read_bytes()
            ]
        return Answer(kind, command, code, tuple(wrong))


def _arguments(command: str, folder: Path) -> list[str]:
    return [command, str(folder / RESULTS if command == "--replay" else folder)]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _wrong(code: int, said: str, errors: str) -> list[str]:
    """The requirements that an answer fails."""
    found = []
    if code not in (0, 2, 3) and not (code == 1 and said.startswith("DIFFERENT")):
        found.append(f"exit code {code}: {errors[:200]}")
    if "Traceback" in errors or errors.count("\n") != int(code == 2):
        found.append(f"not one sentence: {errors[:200]}")
    if any(not each.isprintable() and each != "\n" for each in said + errors):
        found.append("control characters")
    return found


@contextlib.contextmanager
def without_figures() -> Iterator[None]:
    """They take the longest, and are drawn from numbers that were checked."""
    draw, job.write_pictures = job.write_pictures, lambda *_: None
    try:
        yield
    finally:
        job.write_pictures = draw


def study(seeds: int) -> list[Answer]:
    """Every kind so often, each with the commands that read it."""
    found = []
    with tempfile.TemporaryDirectory(prefix="altered-") as place, without_figures():
        whole = original(Path(place) / "run")
        for kind in KINDS:
            for seed in range(seeds):
                for command in commands_of(kind):
                    found.append(trial(kind, seed, whole, command))
                    print("F" if found[-1].wrong else ".", end="", file=sys.stderr, flush=True)
    return found


def main(seeds: int = SEEDS) -> int:
    """Run the study; 0 where every answer was as it has to be."""
    found = study(seeds)
    table = {
        command: {
            "answers": sum(each.command == command for each in found),
            "exit codes": dict(
                sorted(Counter(str(e.code) for e in found if e.command == command).items())
            ),
            "wrong": sum(each.command == command and bool(each.wrong) for each in found),
        }
        for command in COMMANDS
    }
    kept = {"kinds": len(KINDS), "folders": seeds * len(KINDS), "commands": table}
    RESULTS_FILE.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print()
    print(json.dumps(kept, indent=1))
    for each in found:
        if each.wrong:
            print(each)
    return int(any(each.wrong for each in found))


if __name__ == "__main__":
    sys.exit(main())
