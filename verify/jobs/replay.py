"""`replay` draws one cell of a ``results.json`` again, and compares every number bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from theory.errors import InvalidArgument
from verify.claims.record import CheckRecord, read_record
from verify.comparison.record import FORMAT, CellRecord, Measured, RunRecord
from verify.inference.estimate import Estimate
from verify.numerics.software import this_software
from verify.numerics.streams import checked_samples
from verify.runs.configuration import problem_of
from verify.runs.execution import Execution
from verify.runs.sampling import Sampling
from verify.untrusted import printable, read_text, structured, whole_seed

__all__ = ["Replay", "replay"]

_DAMAGES = (ValueError, LookupError, TypeError, AttributeError, OverflowError)
"""The errors of reading a file that is no record."""


@dataclass(frozen=True)
class Replay:
    """Cell ``index`` of the run in a ``results.json``, and the same networks drawn again.

    ``sampling``: the networks that were drawn, perhaps fewer than planned.
    """

    run: RunRecord
    index: int
    sampling: Sampling
    again: Estimate

    @property
    def differences(self) -> list[tuple[str, float | None, float | None]]:
        """Numbers that are not the same: name, recorded, drawn again."""
        return [each for each in self._pairs() if each[1] != each[2]]

    def _pairs(self) -> Iterator[tuple[str, float | None, float | None]]:
        cell = self.run.cells[self.index]
        for name, numbers in cell.measured.items():
            part = cell.part if name == "total" else name
            again = asdict(Measured.of(self.again.parts[part]))
            for what, number in asdict(numbers).items():
                if what != "median" or number is not None:
                    yield f"{name} {what}", number, again[what]

    def __str__(self) -> str:
        """A sentence: the same bit for bit, or the differences and their possible cause."""
        drawn = f"{self.sampling.samples:,} networks with seed {self.sampling.seed}"
        where = f"cell {self.index}, {drawn}"
        if not self.differences:
            return f"REPRODUCED: {where}: every number is the same, bit for bit."
        name, left, right = self.differences[0]
        return (
            f"DIFFERENT: {where}: {len(self.differences)} numbers, such as {name}: recorded "
            f"{left!r}, drawn again {right!r}. {self._cause()}"
        )

    def _cause(self) -> str:
        """The differences here on which the last digits may depend, in a sentence."""
        here, makers = this_software(), (self.run.software, *self.run.other_software)
        found = {here.difference(maker): None for maker in makers}
        others = "; ".join(each for each in found if each)
        if not others:
            return "Software and compiler target equal the recorded ones: the record was changed."
        return f"The cause is other software or another compiler target: here {others}."


def replay(path: Path, cell: int | None, execution: Execution) -> Replay:
    """Draw cell ``cell`` of a ``results.json`` again; None is the cell nearest to its own bound.

    Raises `InvalidArgument` for a file without this cell, or of another version.
    """
    run = _run(path)
    index = (run.worst_cell or 0) if cell is None else cell
    if not run.cells:
        raise _damaged(path, "no cells")
    if not 0 <= index < len(run.cells):
        raise InvalidArgument(
            f"expected a cell of {path}, 0 to {len(run.cells) - 1}, got cell={index}; give such a "
            f"number"
        )
    try:
        sampling = _sampling(run.cells[index])
    except _DAMAGES as error:
        raise _damaged(path, printable(str(error))) from error
    (blocks,) = execution.run([sampling])
    return Replay(run, index, sampling, sampling.estimate(blocks, scalar=True))


def _sampling(cell: CellRecord) -> Sampling:
    parts = {*problem_of(cell.asked).parts, "total"}
    if cell.part not in parts or not parts >= cell.measured.keys():
        raise ValueError(f"parts {', '.join(cell.measured)} of {cell.part}")
    return Sampling(cell.asked, whole_seed(cell.seed), checked_samples(cell.samples))


def _damaged(path: Path, what: str) -> InvalidArgument:
    return InvalidArgument(
        f"expected the results.json of a run for replay, got replay={str(path)!r}, which was "
        f"changed or is damaged ({what}); give the file as the run wrote it"
    )


class _Head(Struct):
    """The format of a record, or of the record inside of it."""

    format: int = 0
    networks: _Head | None = None


def _run(path: Path) -> RunRecord:
    """The run in a file, which may be the check of a formula."""
    try:
        text = read_text(path)
        head = structured(text, _Head)
    except OSError as error:
        raise InvalidArgument(
            f"expected a file that can be read for replay, got replay={str(path)!r} "
            f"({error.strerror}); give the results.json of a run"
        ) from error
    except ValueError as error:
        raise _no_run(path) from error
    form = (head.networks or head).format
    if not form:
        raise _no_run(path)
    if form != FORMAT:
        older = (
            ", which an older version wrote, whose cells have other seeds" if form < FORMAT else ""
        )
        raise InvalidArgument(
            f"expected results of format {FORMAT} for replay, got {form} in {str(path)!r}{older}; "
            f"use the version that wrote it"
        )
    try:
        record = read_record(text)
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    run = record.networks if isinstance(record, CheckRecord) else record
    assert run is not None
    return run


def _no_run(path: Path) -> InvalidArgument:
    return InvalidArgument(
        f"expected the results.json of a run with networks for replay, got "
        f"replay={str(path)!r}, which holds something else; give such a file"
    )
