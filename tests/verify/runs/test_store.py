"""The store of a run: what it keeps, what it refuses, and what no fault of a disk can do to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from numba.core import event

from studies.faulty_disk import Disk, Fault, faulty
from studies.store_text import canonical_text
from theory import MLP, InvalidArgument
from verify import Dense, RareEvents, monte_carlo
from verify.errors import UnusableFolder
from verify.inference.estimate import Block
from verify.numerics.software import Software, this_software
from verify.runs.blocks import Piece
from verify.runs.configuration import configuration
from verify.runs.execution import Execution, Watch
from verify.runs.sampling import Sampling, draw_blocks
from verify.runs.store import fact, kept_in
from verify.runs.store_file import connect, transaction

CELLS = [
    Sampling(configuration(MLP(4, 2), sampler=Dense()), seed=2**70, samples=200),
    Sampling(configuration(MLP(2, 3), layer=(1, 3), sampler=RareEvents()), seed=3, samples=300),
]


def drawn(cell: int, block: int) -> dict[Piece, Block]:
    sampling = CELLS[cell]
    counts = {block: sampling.count(block)}
    (made,) = draw_blocks(sampling.configuration, sampling.seed, counts, sampling.keep)
    return {Piece(cell, block): made}


PIECES = [Piece(cell, block) for cell, s in enumerate(CELLS) for block in range(s.blocks)]


def text(path: Path) -> str:
    return "".join(canonical_text(path))


def fill(path: Path, pieces: Sequence[Piece] = PIECES, facts: Any = None) -> None:
    with kept_in(path, facts=facts)(CELLS) as stored:
        for piece in pieces:
            stored.turn(drawn(*piece), [])


def test_blocks_come_back_bit_for_bit(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    with kept_in(tmp_path / "store")(CELLS) as stored:
        assert set(stored.turn({}, ()).news) == set(PIECES)
        for cell, sampling in enumerate(CELLS):
            for block, found in enumerate(stored.blocks(cell, sampling.blocks)):
                (made,) = drawn(cell, block).values()
                assert found.samples == made.samples
                for name in ("log_unit", "mean", "spread", "logs"):
                    left, right = getattr(found, name), getattr(made, name)
                    assert (left is None) == (right is None)
                    assert left is None or np.array_equal(left, right, equal_nan=True)
                    assert left is None or left.shape == right.shape


def test_the_text_is_one_of_the_content_alone(tmp_path: Path) -> None:
    fill(tmp_path / "forth")
    fill(tmp_path / "back", PIECES[::-1])
    fill(tmp_path / "twice", [*PIECES, *PIECES])
    fill(tmp_path / "less", PIECES[1:])
    reference = text(tmp_path / "forth")
    assert reference.count("\n") == len(PIECES)
    assert text(tmp_path / "back") == text(tmp_path / "twice") == reference
    assert text(tmp_path / "less") != reference


def test_what_is_stored_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {"samples": 300, "seed": 4, "sampler": Dense()}
    first = monte_carlo(MLP(5, 2), store=tmp_path / "store", **arguments)
    monkeypatch.setattr(Dense, "sample", None)
    again = monte_carlo(MLP((5, 5), input_width=5), store=tmp_path / "store", **arguments)
    assert again.mean == first.mean
    assert again.total.median.value == first.total.median.value
    with pytest.raises(TypeError):
        monte_carlo(MLP(5, 2), store=tmp_path / "store", **arguments | {"seed": 5})


def test_facts_are_kept_and_have_to_agree(tmp_path: Path) -> None:
    fill(tmp_path / "store", [], {"plan": "a"})
    assert fact(tmp_path / "store", "plan") == "a"
    assert fact(tmp_path / "store", "other") is None
    with pytest.raises(UnusableFolder, match="plans in another way"):
        fill(tmp_path / "store", [], {"plan": "b"})


def test_other_bits_of_a_block_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "store", PIECES[:1])
    one = drawn(0, 0)
    one[Piece(0, 0)].mean[0, 0] *= 1 + 2**-50
    before = text(tmp_path / "store")
    with (
        pytest.raises(UnusableFolder, match="other bits for block 0"),
        kept_in(tmp_path / "store")(CELLS) as stored,
    ):
        stored.turn(drawn(0, 1) | one, [])
    assert text(tmp_path / "store") == before


def test_other_software_may_read_but_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "store")
    other = Software(**{**vars(this_software()), "numba": "0.1"})
    monkeypatch.setattr("verify.runs.store.this_software", lambda: other)
    with kept_in(tmp_path / "store")(CELLS) as stored:
        assert len(stored.turn({}, ()).news) == len(PIECES)
        with pytest.raises(UnusableFolder, match=r"numba 0\.1 against 0\.68"):
            stored.turn({}, PIECES[:1])


def test_claims_keep_two_processes_apart(tmp_path: Path) -> None:
    with kept_in(tmp_path / "store")(CELLS) as left, kept_in(tmp_path / "store")(CELLS) as right:
        assert list(left.turn({}, PIECES[:2]).granted) == PIECES[:2]
        assert list(right.turn({}, PIECES[:4]).granted) == PIECES[2:4]
        assert list(left.turn(drawn(*PIECES[0]), PIECES[2:4]).granted) == []
        assert list(right.turn(drawn(*PIECES[2]), PIECES[:1])) == [[PIECES[0], PIECES[2]], []]
    with kept_in(tmp_path / "store")(CELLS) as later:
        assert list(later.turn({}, PIECES[1:2]).granted) == PIECES[1:2]


def test_a_block_that_was_damaged_is_noticed(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    connection = apsw.Connection(str(tmp_path / "store"))
    connection.execute("UPDATE blocks SET spread = zeroblob(length(spread)) WHERE block = 1")
    connection.close()
    with (
        pytest.raises(UnusableFolder, match="block 1 of cell 0 has changed on disk"),
        kept_in(tmp_path / "store")(CELLS) as stored,
    ):
        stored.blocks(0, 2)


def foreign_text(path: Path) -> None:
    path.write_text("mine, and longer than the header of a database" * 9, encoding="utf-8")


def foreign_database(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
    connection.close()


def newer(path: Path) -> None:
    fill(path)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 7)
    connection.close()


def overwritten(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def cut(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (foreign_text, "not a store of runs"),
        (foreign_database, "another program's database"),
        (newer, "of format 7, where this version reads 1"),
        (overwritten, "damaged"),
        (cut, "damaged"),
    ],
)
def test_what_is_not_a_sound_store_is_refused_and_left_alone(
    tmp_path: Path, spoil: Any, words: str
) -> None:
    path = tmp_path / "store"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(UnusableFolder, match=words) as raised:
        fill(path)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


def test_a_missing_or_present_store_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="with a run, got none"):
        connect(tmp_path / "store", new=False)
    connect(tmp_path / "store", new=True).close()
    with pytest.raises(InvalidArgument, match="without a run"):
        connect(tmp_path / "store", new=True)
    with pytest.raises(UnusableFolder, match="no-such-folder"):
        connect(tmp_path / "no-such-folder" / "store", new=True)


def test_a_store_that_cannot_be_written_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "store")
    monkeypatch.setattr(
        "apsw.Connection",
        lambda path, made=apsw.Connection: made(path, flags=apsw.SQLITE_OPEN_READONLY),
    )
    with kept_in(tmp_path / "store")(CELLS) as stored:
        assert len(stored.turn({}, ()).news) == len(PIECES)
        assert len(stored.blocks(0, 2)) == 2
        with pytest.raises(UnusableFolder, match="cannot be written"):
            stored.turn({}, PIECES[:1])


def test_a_store_held_by_another_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.runs.store_file._PATIENCE", 10)
    fill(tmp_path / "store", [])
    other = connect(tmp_path / "store", new=False)
    with (
        transaction(other),
        pytest.raises(UnusableFolder, match="locked by another process"),
        kept_in(tmp_path / "store")(CELLS) as stored,
    ):
        stored.turn({}, PIECES[:1])
    other.close()


def operations(path: Path) -> int:
    """Writes and syncs of a whole job."""
    with faulty(None, syncs=False) as disk:
        assert isinstance(disk, Disk)
        fill(path)
    return disk.operations


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fsync", "full"])
def test_no_failing_disk_loses_or_doubles_a_block(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every operation in turn: what was put away before is there, and the job goes on to the
    same text."""
    count = operations(tmp_path / "whole")
    reference, path = text(tmp_path / "whole"), tmp_path / "store"
    failed = 0
    everything = {piece: drawn(*piece) for piece in PIECES}
    monkeypatch.setattr(
        "tests.verify.runs.test_store.drawn", lambda *piece: everything[Piece(*piece)]
    )
    for at in range(1, count + 1):
        with faulty(Fault(kind, at), syncs=False):
            kept: list[Piece] = []
            with suppress(UnusableFolder), kept_in(path)(CELLS) as stored:
                for piece in PIECES:
                    stored.turn(drawn(*piece), [])
                    kept.append(piece)
            failed += len(kept) < len(PIECES)
        with faulty(None, syncs=False), kept_in(path)(CELLS) as stored:
            assert set(stored.turn({}, ()).news) >= set(kept)
        with faulty(None, syncs=False):
            fill(path)
        assert text(path) == reference, f"{kind} at operation {at}"
        path.unlink()
    assert failed > count / 3


def test_an_interrupt_does_not_wait_for_a_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba cannot be interrupted: its thread ends later, and the call at once."""
    compiled = threading.Event()

    def interrupt() -> None:
        raise KeyboardInterrupt

    def compiles(*_: object) -> list[Any]:
        with event.trigger_event("numba:compile"):
            compiled.wait(20)
        return []

    monkeypatch.setattr("verify.runs.execution._LOOK", 0.05)
    monkeypatch.setattr("verify.runs.execution.draw_blocks", compiles)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Execution(alive=interrupt).run(CELLS)
    assert time.monotonic() - start < 5
    compiled.set()


def test_an_interrupt_keeps_what_was_begun(tmp_path: Path) -> None:
    """Ctrl-C in mid-run, then the same run again: same bits, and nothing is drawn twice."""
    cells = [Sampling(configuration(MLP(6, 2), sampler=Dense()), seed=1, samples=64 * 40)]

    class Interrupt(Watch):
        def __init__(self) -> None:
            self.seen = 0

        def advance(self, cell: int, samples: int) -> None:
            self.seen += 1
            if self.seen == 5:
                raise KeyboardInterrupt

    stored = kept_in(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        Execution(store=stored, watch=Interrupt()).run(cells)
    there = text(tmp_path / "store").count("\n")
    assert 5 <= there < 40
    (blocks,) = Execution(store=stored).run(cells)
    (reference,) = Execution().run(cells)
    assert [b.mean.tolist() for b in blocks] == [b.mean.tolist() for b in reference]
