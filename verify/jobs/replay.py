"""One cell of a run's ``results.json`` drawn again, and held against it bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theory.errors import InvalidArgument
from verify.comparison.record import FORMAT, MEASURED, measured_record
from verify.inference.estimate import Estimate
from verify.numerics.software import Software, this_software
from verify.numerics.streams import checked_samples, checked_seed
from verify.runs.configuration import Configuration, problem_of
from verify.runs.execution import Execution
from verify.runs.sampling import Sampling
from verify.untrusted import plain_json, read_text

__all__ = ["RecordedCell", "Replay", "recorded_cell", "replay"]

_DAMAGES = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a file raises that is not what it should be."""


@dataclass(frozen=True)
class RecordedCell:
    """What ``results.json`` says of one cell: what was drawn, what was found, and by what.

    ``sampling``: the networks that were drawn, be it fewer than were planned.
    """

    index: int
    sampling: Sampling
    part: str
    measured: dict[str, dict[str, float | None]]
    software: tuple[Software, ...]


@dataclass(frozen=True)
class Replay:
    """A recorded cell beside the same drawn again."""

    recorded: RecordedCell
    again: Estimate

    @property
    def differences(self) -> list[tuple[str, float | None, float | None]]:
        """Numbers that are not the same: name, recorded, drawn again."""
        return [each for each in self._pairs() if each[1] != each[2]]

    def _pairs(self) -> Iterator[tuple[str, float | None, float | None]]:
        for name, numbers in self.recorded.measured.items():
            part = self.recorded.part if name == "total" else name
            again = measured_record(self.again.parts[part])
            for what, number in numbers.items():
                if what != "median" or number is not None:
                    yield f"{name} {what}", number, again.get(what)

    def __str__(self) -> str:
        """A sentence: the same bit for bit, or what differs, and what may be why."""
        cell, sampling = self.recorded.index, self.recorded.sampling
        where = f"cell {cell}, {sampling.samples:,} networks with seed {sampling.seed}"
        if not self.differences:
            return f"REPRODUCED: {where}: every number is the same, bit for bit."
        name, left, right = self.differences[0]
        return (
            f"DIFFERENT: {where}: {len(self.differences)} numbers, such as {name}: recorded "
            f"{left!r}, drawn again {right!r}. {self._cause()}"
        )

    def _cause(self) -> str:
        """What the last digits may depend on and is not the same here, in a sentence."""
        here = this_software()
        found = {here.difference(maker): None for maker in self.recorded.software}
        others = "; ".join(each for each in found if each)
        if not others:
            return "Software and compiler target are those of the record, which was changed."
        return f"The cause is other software or another compiler target: here {others}."


def recorded_cell(path: Path, cell: int | None = None) -> RecordedCell:
    """Cell ``cell`` of a ``results.json``; None is the one nearest to its own bound.

    Raises `InvalidArgument` for a file that has no such cell, or is none of this version's.
    """
    record = _record(path)
    try:
        return _cell(record, path, cell)
    except InvalidArgument:
        raise
    except _DAMAGES as error:
        raise _damaged(path, f"{type(error).__name__} {error}") from error


def _cell(record: dict[str, Any], path: Path, cell: int | None) -> RecordedCell:
    cells = record["cells"]
    index = (record["worst_cell"] or 0) if cell is None else cell
    if not cells:
        raise _damaged(path, "no cells")
    if not 0 <= index < len(cells):
        raise InvalidArgument(
            f"expected a cell of {path}, 0 to {len(cells) - 1}, got cell={index}; give one of them"
        )
    found = cells[index]
    asked = Configuration.from_text(json.dumps(found["configuration"]))
    samples = checked_samples(found["samples"])
    measured, part = found["measured"], found["part"]
    parts = {*problem_of(asked).parts, "total"}
    if part not in parts or "total" not in measured or not parts >= measured.keys():
        raise _damaged(path, f"parts {', '.join(measured)} of {part}")
    if any(set(numbers) != set(MEASURED) for numbers in measured.values()):
        raise _damaged(path, "numbers of other names")
    if not all(_number(value) for numbers in measured.values() for value in numbers.values()):
        raise _damaged(path, "numbers that are none")
    return RecordedCell(
        index,
        Sampling(asked, _seed(found["seed"]), samples),
        part,
        measured,
        tuple(map(Software.from_plain, (record["software"], *record["other_software"]))),
    )


def _seed(said: object) -> int:
    """A seed as text.  A number is read where no program can have rounded it."""
    if isinstance(said, str) and said.isascii() and said.isdecimal():
        return checked_seed(int(said))
    if isinstance(said, int) and said < 2**53:
        return checked_seed(said)
    raise ValueError(f"seed {said!r}, which may have been rounded: seeds are text")


def _number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _damaged(path: Path, what: str) -> InvalidArgument:
    return InvalidArgument(
        f"expected the results.json of a run for replay, got replay={str(path)!r}, which was "
        f"changed or is damaged ({what}); give the file as the run wrote it"
    )


def replay(path: Path, cell: int | None, execution: Execution) -> Replay:
    """Draw a recorded cell again; see `recorded_cell`."""
    recorded = recorded_cell(path, cell)
    (blocks,) = execution.run([recorded.sampling])
    return Replay(recorded, recorded.sampling.estimate(blocks, scalar=True))


def _record(path: Path) -> dict[str, Any]:
    """The comparison in a file, which may be that of a formula."""
    try:
        record = plain_json(read_text(path))
        record = record.get("networks", record)
        form = record["format"]
    except OSError as error:
        raise InvalidArgument(
            f"expected a file that can be read for replay, got replay={str(path)!r} "
            f"({error.strerror}); give the results.json of a run"
        ) from error
    except _DAMAGES as error:
        raise InvalidArgument(
            f"expected the results.json of a run with networks for replay, got "
            f"replay={str(path)!r}, which holds something else; give such a file"
        ) from error
    if form != FORMAT:
        older = type(form) is int and form < FORMAT
        raise InvalidArgument(
            f"expected results of format {FORMAT} for replay, got {form!r} in {str(path)!r}"
            f"{', which an older version wrote, whose cells have other seeds' if older else ''}; "
            f"use the version that wrote it"
        )
    found: dict[str, Any] = record
    return found
