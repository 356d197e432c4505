"""The weights of literal networks: drawn four rows at a time, where they meet something not zero.

A weight is a pure function of a key, its network, layer, row and column, so that it can be drawn
again; those that later passes need are kept while there is room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.arrays import FloatArray
from verify.numerics.compiled import kernel
from verify.numerics.single_normals import chosen_normals
from verify.samplers.problem import Problem

__all__ = [
    "ROWS",
    "Weights",
    "begin_columns",
    "begin_rows",
    "drawn_weights",
    "given_weights",
    "keep_row",
    "needed_row",
    "row_group",
]

Array = Any

ROWS = 4
"""Rows drawn together: one counter gives the weights of one column in four rows."""
_MOST_KEPT = 2**24
"""Weights kept at a time, 64 MB a thread."""
_ROOMS: deque[Any] = deque()
"""Room for kept weights that no block works with at present."""


class Weights(NamedTuple):
    """Standard normal weights and readouts of networks.

    Either drawn from ``key`` by way of ``words``; or ``given``, shape ``(networks, weights)``,
    matrices row by row from the first layer up and the readout last, beginning at ``at``.
    ``group`` holds the rows drawn last, at the ``columns`` of interest.  ``kept``: rows that later
    passes need, of each layer from ``begin`` on (-1: drawn again).  ``now``: the network, how much
    of ``kept`` is used, the group drawn last, and where the next kept row begins.
    """

    given: Array
    at: Array
    key: Any
    words: Array
    group: Array
    columns: Array
    kept: Array
    begin: Array
    now: Array


@contextmanager
def drawn_weights(problem: Problem, generator: np.random.Generator) -> Iterator[Weights]:
    """Single-precision weights as a function of a key drawn from ``generator``."""
    key = generator.integers(0, 2**64, dtype=np.uint64)
    given, widest = np.empty((0, 0), np.float32), ROWS * int(problem.widths.max())
    with _room(min(_MOST_KEPT, problem.weights)) as kept:
        yield _weights(problem, given, key, np.empty(widest, np.float32), kept)


@contextmanager
def _room(size: int) -> Iterator[Any]:
    """Room for ``size`` weights or more; it outlives the threads that work in it, since fresh
    memory costs as much as the weights."""
    try:
        kept = _ROOMS.pop()
    except IndexError:
        kept = np.empty(0, np.float32)
    if kept.size < size:
        kept = np.empty(size, np.float32)
    try:
        yield kept
    finally:
        _ROOMS.append(kept)


def given_weights(problem: Problem, normals: FloatArray) -> Weights:
    """Weights as they stand in ``normals``, shape ``(networks, weights + readout)``."""
    widest = ROWS * int(problem.widths.max())
    return _weights(problem, normals, np.uint64(0), np.empty(widest), np.empty(0))


def _weights(problem: Problem, given: Any, key: Any, group: Any, kept: Any) -> Weights:
    sizes = problem.widths[1:] * problem.widths[:-1]
    return Weights(
        given=given,
        at=np.concatenate(([0], np.cumsum(sizes))),
        key=key,
        words=np.empty(group.size, np.uint32),
        group=group,
        columns=np.empty(int(problem.widths.max()), np.uint32),
        kept=kept,
        begin=np.empty(problem.widths.size, np.int64),
        now=np.zeros(4, np.int64),
    )


@kernel
def begin_columns(weights: Weights, z: Array, slope: float, every: bool) -> int:
    """Set the columns that matter given ``z`` of the layer below: those of neurons whose
    activation moves with z, or ``every`` one; their number."""
    m = 0
    for j in range(z.size):
        if every or slope > 0.0 or z[j] > 0.0:
            weights.columns[m] = j
            m += 1
    return m


@kernel
def row_group(weights: Weights, layer: int, number: int, m: int, fan_in: int, rows: int) -> int:
    """Draw rows ``4 number`` to ``4 number + 3``, at the first ``m`` columns, into ``group``, one
    after the other; how many of the ``rows`` of the layer they are."""
    count = min(ROWS, rows - ROWS * number)
    if weights.given.size > 0:
        start = weights.at[layer - 1] + ROWS * number * fan_in
        for i in range(count):
            row = weights.given[weights.now[0], start + i * fan_in : start + (i + 1) * fan_in]
            for k in range(m):
                weights.group[i * m + k] = row[weights.columns[k]]
    else:
        group, network = weights.group[: ROWS * m], weights.now[0] + 1
        columns = weights.columns[:m]
        chosen_normals(weights.key, columns, number, layer, network, weights.words, group)
    weights.now[2] = number
    return count


@kernel
def keep_row(weights: Weights, layer: int, row: Array) -> None:
    """Keep one more row of ``layer``, unless there is no room for all that it needs."""
    used = weights.now[1]
    if weights.begin[layer] >= 0 and used + row.size <= weights.kept.size:
        place = weights.kept[used : used + row.size]
        for k in range(row.size):
            place[k] = row[k]
        weights.now[1] = used + row.size
    elif weights.begin[layer] >= 0:
        weights.now[1], weights.begin[layer] = weights.begin[layer], -1


@kernel
def begin_rows(weights: Weights, layer: int) -> None:
    """Before a pass asks for its rows of ``layer``."""
    weights.now[2], weights.now[3] = -1, weights.begin[layer]


@kernel
def needed_row(weights: Weights, layer: int, i: int, m: int, fan_in: int, rows: int) -> Array:
    """Row ``i``, at the first ``m`` columns, of a pass that asks for every row it needs, in order:
    as it was kept, or drawn again; it lasts until the next is asked for."""
    if weights.begin[layer] >= 0:
        start = weights.now[3]
        weights.now[3] = start + m
        return weights.kept[start : start + m]
    if weights.now[2] != i // ROWS:
        row_group(weights, layer, i // ROWS, m, fan_in, rows)
    start = (i % ROWS) * m
    return weights.group[start : start + m]
