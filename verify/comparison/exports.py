"""Exports write a run as a flat table, for CSV, Parquet and pandas: each cell is a row, and its
columns hold all that reproduces it."""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import Any

from msgspec import to_builtins

from theory.errors import InvalidArgument
from verify.comparison.record import RunRecord

__all__ = ["cell_rows", "csv_text", "frame", "needs", "parquet_bytes"]

_CELL = (
    *("width", "depth", "layer", "sampler", "part", "seed", "samples", "planned_samples", "blocks"),
    *("log_law", "log_exact", "relative_standard_error", "z", "decides"),
)
_NUMBERS = ("mean", "standard_error", "log_mean", "effective_samples", "median")
_MEASURED = [(part, name) for part in ("total", "label", "output") for name in _NUMBERS]


def cell_rows(run: RunRecord) -> list[dict[str, Any]]:
    """The rows of a run, all with the same columns in one order.

    Columns ending in ``mean``, ``standard_error`` or ``median``: E[(Delta z)^2] at eta = 1 of a
    part.  ``configuration``, ``seed`` and ``samples`` reproduce a row, on the ``software`` named.
    Seeds are text: they may have 64 bits or more.
    """
    record = to_builtins(run)
    software, versions = (
        json.dumps(record[name], sort_keys=True) for name in ("software", "versions")
    )
    return [
        {"cell": index}
        | {name: cell[name] for name in _CELL}
        | {f"{part}_{name}": cell["measured"].get(part, {}).get(name) for part, name in _MEASURED}
        | {"law": run.law, "step": run.step}
        | {"configuration": json.dumps(cell["configuration"], sort_keys=True)}
        | {"software": software, "versions": versions}
        for index, cell in enumerate(record["cells"])
    ]


def csv_text(run: RunRecord) -> str:
    """Comma-separated, numbers with all their digits; undefined values are empty."""
    rows, out = cell_rows(run), io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def frame(run: RunRecord) -> Any:
    """A `pandas.DataFrame`; `InvalidArgument` where pandas is missing."""
    return needs("pandas").DataFrame(cell_rows(run))


def parquet_bytes(run: RunRecord) -> bytes:
    """A Parquet file; `InvalidArgument` where PyArrow is missing.

    Seeds, of 64 bits or more, are text in it.
    """
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    rows = cell_rows(run)
    schema = arrow.Table.from_pylist(rows).schema
    measured = [f"{part}_{name}" for part, name in _MEASURED]
    for name in (*measured, "relative_standard_error", "z", "step"):
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
