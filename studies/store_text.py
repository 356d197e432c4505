"""This module writes a store as text, so that two stores can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from verify.runs.store_file import connect, said

__all__ = ["canonical_text"]

_ROWS = """
SELECT configuration, seed, kept, block, samples, text, checksum, log_unit, mean, spread, logs
FROM blocks JOIN cells ON cells.id = blocks.cell JOIN software ON software.id = blocks.software
ORDER BY configuration, length(seed), seed, kept, block, samples
"""
_NAMES = (
    *("configuration", "seed", "kept", "block", "samples", "software", "checksum"),
    *("log_unit", "mean", "spread", "logs"),
)


def canonical_text(path: str | Path) -> Iterator[str]:
    """A store as lines of JSON, equal for equal content, in whatever order and by whomever it came:
    the facts, then the blocks, sorted by key, arrays as hexadecimal digits of their
    little-endian doubles.

    Law: two stores with the same facts and blocks give the same lines, bit for bit.  Claims, which
    only say who draws at the moment, are left out.  Raises as `verify.runs.store_file.connect`.
    """
    connection = connect(Path(path), new=False)
    try:
        with said(Path(path)):
            for name, value in connection.execute("SELECT name, value FROM facts ORDER BY name"):
                yield _line({"fact": name, "value": value})
            for row in connection.execute(_ROWS):
                values = (v.hex() if isinstance(v, bytes) else v for v in row)
                yield _line(dict(zip(_NAMES, values, strict=True)))
    finally:
        connection.close()


def _line(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n"
