"""The store of a run is a file that outlives its process, and that several processes may share.

A block is kept under (configuration, seed, block, samples, whether its samples are kept) with a
checksum of all that and its numbers, and with the software that made it.  A stored block is
not written again; different bits for it are an error, since a sum of both would belong to no run.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from verify.errors import UnusableFolder
from verify.inference.estimate import Block
from verify.numerics.arrays import FloatArray
from verify.numerics.software import Software, this_software
from verify.runs.blocks import BlockStore, OpenStore, Piece, Turn
from verify.runs.configuration import problem_of
from verify.runs.sampling import Sampling
from verify.runs.store_file import connect, damage, said, transaction

__all__ = ["StoredBlocks", "block_checksum", "fact", "kept_in"]

_ID = "(SELECT id FROM cells WHERE configuration = ? AND seed = ? AND kept = ?)"
_CLAIM = 600.0
"""Seconds for which others leave a claimed block for last."""


def kept_in(
    path: str | Path, *, new: bool | None = None, facts: Mapping[str, str] | None = None
) -> OpenStore:
    """Opens the store at ``path``; ``new`` as in `verify.runs.store_file.connect`.

    ``facts``: text by name, kept in a store without facts; a store with other facts is refused.
    """

    @contextmanager
    def opened(samplings: Sequence[Sampling]) -> Iterator[BlockStore]:
        connection = connect(Path(path), new=new)
        try:
            with said(Path(path)):
                _keep_facts(connection, Path(path), facts or {})
                stored = StoredBlocks(Path(path), connection, samplings)
                yield stored
                stored.close()
        finally:
            connection.close()

    return opened


def fact(path: Path, name: str) -> str | None:
    """A fact of the store at ``path``, or None."""
    connection = connect(path, new=False)
    try:
        with said(path), damage(path):
            found = _facts(connection).get(name)
            if not isinstance(found, str | None):
                raise ValueError("a fact is no text")
            return found
    finally:
        connection.close()


def _keep_facts(connection: apsw.Connection, path: Path, facts: Mapping[str, str]) -> None:
    """Two processes may begin one run together: the first to write defines the run."""
    if facts and not _facts(connection):
        with transaction(connection):
            if not _facts(connection):
                connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
    known = _facts(connection)
    if known.get("job") != facts.get("job", known.get("job")):
        raise UnusableFolder(f"{path} holds another run; give another folder")
    if any(known.get(name) != value for name, value in facts.items()):
        raise UnusableFolder(
            f"{path} holds a run that this version plans in another way; use the version that "
            f"began it"
        )


def _facts(connection: apsw.Connection) -> dict[str, object]:
    return dict(connection.execute("SELECT name, value FROM facts"))


class StoredBlocks(BlockStore):
    """The blocks of some cells in a store; made by `kept_in`."""

    def __init__(
        self, path: Path, connection: apsw.Connection, samplings: Sequence[Sampling]
    ) -> None:
        super().__init__()
        self._path, self._database, self._samplings = path, connection, samplings
        self._owner = uuid.uuid4().hex
        self._checked = False
        self._makers: dict[int, Software] = {}
        self._last = 0
        self._cells: dict[tuple[str, str, int], list[int]] = {}
        for cell, sampling in enumerate(samplings):
            self._cells.setdefault(_cell_key(sampling), []).append(cell)

    def turn(self, drawn: Mapping[Piece, Block], asked: Sequence[Piece]) -> Turn:
        """See `BlockStore.turn`; one transaction, on the disk when this returns."""
        with said(self._path):
            if not drawn and not asked:
                return Turn(self._news(), ())
            last = self._last
            try:
                with transaction(self._database):
                    return self._changed(drawn, asked)
            except BaseException:
                self._last = last
                raise

    def _changed(self, drawn: Mapping[Piece, Block], asked: Sequence[Piece]) -> Turn:
        if not self._checked:
            self._check_software()
        for piece, block in drawn.items():
            self._put(piece, block)
        news = self._news()
        there = set(news)
        wanted = [piece for piece in asked if piece not in there]
        return Turn(news, [piece for piece in wanted if self._claim(piece)])

    def blocks(self, cell: int, count: int) -> list[Block]:
        """See `BlockStore.blocks`; each is checked against its checksum."""
        with said(self._path), damage(self._path):
            return [self._block(cell, block) for block in range(count)]

    def close(self) -> None:
        """Release the claimed pieces."""
        mine = self._database.execute("SELECT 1 FROM claims WHERE owner = ?", (self._owner,)).get
        if mine is not None:
            with transaction(self._database):
                self._database.execute("DELETE FROM claims WHERE owner = ?", (self._owner,))

    def _check_software(self) -> None:
        """Raise where the store's blocks are from other code, whose bits may differ."""
        here = this_software()
        for (text,) in self._database.execute("SELECT text FROM software"):
            with damage(self._path):
                software = Software.from_text(text)
            found = here.difference(software, processor=False)
            if found:
                raise UnusableFolder(
                    f"{self._path} was begun with other software, whose bits may differ ({found}); "
                    f"resume with that software, or begin again in another folder"
                )
        self._checked = True

    def _put(self, piece: Piece, block: Block) -> None:
        key = (self._id(piece.cell), piece.block, block.samples)
        arrays = _bytes(block)
        checksum = block_checksum(self._samplings[piece.cell], piece.block, arrays)
        row = (*key, self._software(block.software or this_software()), checksum, *arrays)
        names = "cell, block, samples, software, checksum, log_unit, mean, spread, logs"
        self._database.execute(
            f"INSERT INTO blocks ({names}) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", row
        )
        if self._database.changes() == 0 and self._row(piece, "checksum") != checksum:
            raise UnusableFolder(
                f"{self._path} holds other bits for block {piece.block} of cell {piece.cell} than "
                f"were drawn now, from another kind of processor or other software; begin again "
                f"in another folder, on machines of one kind"
            )
        self._database.execute(
            "DELETE FROM claims WHERE cell = ? AND block = ? AND samples = ?", key
        )

    def _news(self) -> list[Piece]:
        """Pieces finished since the last call."""
        rows = list(
            self._database.execute(
                "SELECT blocks.id, block, samples, configuration, seed, kept FROM blocks "
                "JOIN cells ON cells.id = cell WHERE blocks.id > ? ORDER BY blocks.id",
                (self._last,),
            )
        )
        self._last = rows[-1][0] if rows else self._last
        with damage(self._path):
            return [
                Piece(cell, block)
                for _, block, samples, *key in rows
                for cell in self._cells.get(tuple(key), ())
                if 0 <= block < self._samplings[cell].blocks
                and self._samplings[cell].count(block) == samples
            ]

    def _claim(self, piece: Piece) -> bool:
        """Whether a piece is now ours to draw."""
        now, samples = time.time(), self._samplings[piece.cell].count(piece.block)
        self._database.execute(
            "INSERT INTO claims VALUES (?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE "
            "SET owner = ?4, until = ?5 WHERE owner = ?4 OR until < ?6",
            (self._id(piece.cell), piece.block, samples, self._owner, now + _CLAIM, now),
        )
        return self._database.changes() > 0

    def _id(self, cell: int) -> int:
        """The id of a cell; a cell without an id gets one."""
        key = _cell_key(self._samplings[cell])
        self._database.execute(
            "INSERT INTO cells (configuration, seed, kept) VALUES (?,?,?) ON CONFLICT DO NOTHING",
            key,
        )
        return int(self._database.execute(f"SELECT {_ID}", key).get)

    def _software(self, software: Software) -> int:
        text = (software.text,)
        self._database.execute(
            "INSERT INTO software (text) VALUES (?) ON CONFLICT DO NOTHING", text
        )
        return int(self._database.execute("SELECT id FROM software WHERE text = ?", text).get)

    def _row(self, piece: Piece, columns: str) -> Any:
        sampling = self._samplings[piece.cell]
        return self._database.execute(
            f"SELECT {columns} FROM blocks WHERE cell = {_ID} AND block = ? AND samples = ?",
            (*_cell_key(sampling), piece.block, sampling.count(piece.block)),
        ).get

    def _block(self, cell: int, block: int) -> Block:
        sampling = self._samplings[cell]
        names = "checksum, software, log_unit, mean, spread, logs"
        checksum, maker, *arrays = self._row(Piece(cell, block), names)
        if block_checksum(sampling, block, tuple(arrays)) != checksum:
            raise UnusableFolder(
                f"{self._path} is damaged (block {block} of cell {cell} has changed on disk); it "
                f"stays as it is: take it from a backup, or begin again in another folder"
            )
        count, layers = sampling.count(block), len(sampling.configuration.layers)
        drawn = len(problem_of(sampling.configuration).parts)
        parts = drawn + (drawn > 1)
        log_unit, mean, spread = (_array(each, (parts, layers)) for each in arrays[:3])
        logs = _array(arrays[3], (parts, count, layers)) if sampling.keep else None
        return Block(count, log_unit, mean, spread, logs, self._maker(maker))

    def _maker(self, id_: int) -> Software:
        if id_ not in self._makers:
            text = self._database.execute("SELECT text FROM software WHERE id = ?", (id_,)).get
            self._makers[id_] = Software.from_text(text)
        return self._makers[id_]


def block_checksum(sampling: Sampling, block: int, arrays: tuple[bytes | None, ...]) -> bytes:
    """A checksum of a block's key and numbers, not of the software that made it."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((*_cell_key(sampling), block, sampling.count(block))).encode())
    for each in arrays:
        digest.update(b"-" if each is None else len(each).to_bytes(8, "big") + each)
    return digest.digest()


def _cell_key(sampling: Sampling) -> tuple[str, str, int]:
    return sampling.configuration.text, str(sampling.seed), int(sampling.keep)


def _bytes(block: Block) -> tuple[bytes | None, ...]:
    arrays = (block.log_unit, block.mean, block.spread, block.logs)
    return tuple(None if a is None else a.astype("<f8", order="C").tobytes() for a in arrays)


def _array(data: bytes, shape: tuple[int, ...]) -> FloatArray:
    return np.frombuffer(data, dtype="<f8").astype(np.float64).reshape(shape)
