"""A comparison as a flat table: CSV, Parquet, a pandas frame; a row a cell, with all that
reproduces it."""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import Any

from theory.errors import InvalidArgument

__all__ = ["cell_rows", "csv_text", "frame", "needs", "parquet_bytes"]

_PLAIN = (
    *("width", "depth", "layer", "sampler", "part", "seed", "samples", "planned_samples", "blocks"),
    *("log_law", "log_exact", "relative_standard_error", "z", "decides"),
)
_PARTS = ("total", "label", "output")
_MEASURED = ("mean", "standard_error", "log_mean", "effective_samples", "median")
Row = dict[str, Any]


def cell_rows(record: dict[str, Any]) -> list[Row]:
    """The rows of a `verify.comparison.record.comparison_record`, all with the same columns in one order.

    Columns ending in ``mean``, ``standard_error`` or ``median``: E[(Delta z)^2] at eta = 1 of a
    part.  ``configuration``, ``seed`` and ``samples`` reproduce a row, on the ``software`` named.
    Seeds are text: they may have 64 bits or more.
    """
    software = json.dumps(record["software"], sort_keys=True)
    versions = json.dumps(record["versions"], sort_keys=True)
    return [
        {"cell": index}
        | {name: cell[name] for name in _PLAIN}
        | _measured(cell["measured"])
        | {"law": record["law"], "step": record["step"]}
        | {"configuration": json.dumps(cell["configuration"], sort_keys=True)}
        | {"software": software, "versions": versions}
        for index, cell in enumerate(record["cells"])
    ]


def _measured(parts: dict[str, Any]) -> Row:
    return {
        f"{part}_{name}": parts.get(part, {}).get(name) for part in _PARTS for name in _MEASURED
    }


def csv_text(record: dict[str, Any]) -> str:
    """Comma-separated, numbers with all their digits, what is undefined left empty."""
    rows, out = cell_rows(record), io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def frame(record: dict[str, Any]) -> Any:
    """A `pandas.DataFrame`; `InvalidArgument` where pandas is missing."""
    return needs("pandas").DataFrame(cell_rows(record))


def parquet_bytes(record: dict[str, Any]) -> bytes:
    """A Parquet file; `InvalidArgument` where PyArrow is missing.

    Seeds, of 64 bits or more, are text in it.
    """
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    rows = cell_rows(record)
    numbers = [f"{part}_{name}" for part in _PARTS for name in _MEASURED]
    schema = arrow.Table.from_pylist(rows).schema
    for name in (*numbers, "relative_standard_error", "z", "step"):
        at = schema.get_field_index(name)
        schema = schema.set(at, arrow.field(name, arrow.float64()))
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows, schema=schema), out)
    return out.getvalue()


def needs(name: str) -> Any:
    """A module of the extra ``tables``."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise InvalidArgument(
            f"expected {package} to be installed for this table, got none; install it with "
            f"pip install 'mup-depth[tables]'"
        ) from error
