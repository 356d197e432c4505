"""The weights of literal networks and their products with vectors, drawn where they meet no zero.

Four rows are drawn at a time.

A weight is a pure function of a key, its network, layer, row and column, so that it can be drawn
again; those that later passes need are kept while there is room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.compiled import Array, fused, kernel
from verify.numerics.single_normals import chosen_normals
from verify.samplers.problem import Problem
from verify.samplers.vectors import dot

__all__ = [
    "Weights",
    "begin_columns",
    "drawn_weights",
    "pre_activations",
    "products",
    "row_group",
    "transposed_product",
]

_ROWS = 4
"""Rows drawn together: one counter gives the weights of one column in four rows."""
_MOST_KEPT = 2**24
"""Weights kept at a time, 64 MB a thread."""
_ROOMS: deque[Any] = deque()
"""Room for kept weights that no block works with at present."""


class Weights(NamedTuple):
    """Standard normal weights and readouts of networks.

    Drawn from ``key`` by way of ``words``.  ``group`` holds the rows drawn last, at the ``columns``
    of interest.  ``kept``: rows that later passes need, of each layer from ``begin`` on (-1: drawn
    again).  ``now``: the network, how much of ``kept`` is used, the group drawn last, and where the
    next kept row begins.
    """

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
    key, widest = generator.integers(0, 2**64, dtype=np.uint64), int(problem.widths.max())
    needed = int(np.sum(problem.widths[1:] * problem.widths[:-1]))
    with _room(min(_MOST_KEPT, needed)) as kept:
        yield Weights(
            key=key,
            words=np.empty(_ROWS * widest, np.uint32),
            group=np.empty(_ROWS * widest, np.float32),
            columns=np.empty(widest, np.uint32),
            kept=kept,
            begin=np.empty(problem.widths.size, np.int64),
            now=np.zeros(4, np.int64),
        )


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
def row_group(weights: Weights, layer: int, number: int, m: int, rows: int) -> int:
    """Draw rows ``4 number`` to ``4 number + 3``, at the first ``m`` columns, into ``group``, one
    after the other; how many of the ``rows`` of the layer they are."""
    group, network, columns = weights.group[: _ROWS * m], weights.now[0] + 1, weights.columns[:m]
    chosen_normals(weights.key, columns, number, layer, network, weights.words, group)
    weights.now[2] = number
    return min(_ROWS, rows - _ROWS * number)


@kernel
def _keep_row(weights: Weights, layer: int, row: Array) -> None:
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
def _begin_rows(weights: Weights, layer: int) -> None:
    """Before a pass asks for its rows of ``layer``."""
    weights.now[2], weights.now[3] = -1, weights.begin[layer]


@kernel
def _needed_row(weights: Weights, layer: int, i: int, m: int, rows: int) -> Array:
    """Row ``i``, at the first ``m`` columns, of a pass that asks for every row it needs, in order:
    as it was kept, or drawn again; it lasts until the next is asked for."""
    if weights.begin[layer] >= 0:
        start = weights.now[3]
        weights.now[3] = start + m
        return weights.kept[start : start + m]
    if weights.now[2] != i // _ROWS:
        row_group(weights, layer, i // _ROWS, m, rows)
    start = (i % _ROWS) * m
    return weights.group[start : start + m]


@kernel
def _at_columns(weights: Weights, vector: Array, m: int) -> Array:
    """The entries of ``vector`` at the columns that matter."""
    packed = np.empty(m)
    for k in range(m):
        packed[k] = vector[weights.columns[k]]
    return packed


@kernel
def pre_activations(
    weights: Weights, layer: int, vector: Array, sd: float, every: bool, m: int, z: Array
) -> None:
    """z = sd * W vector, every row; those that later passes need are kept: ``every`` one, or where
    ``z`` is positive."""
    packed = _at_columns(weights, vector, m)
    weights.begin[layer] = weights.now[1] if weights.kept.size > 0 else -1
    for number in range((z.size + _ROWS - 1) // _ROWS):
        count = row_group(weights, layer, number, m, z.size)
        for i in range(count):
            row = weights.group[i * m : (i + 1) * m]
            z[_ROWS * number + i] = sd * dot(row, packed)
            if every or z[_ROWS * number + i] > 0.0:
                _keep_row(weights, layer, row)


@kernel
def products(
    weights: Weights,
    layer: int,
    vector: Array,
    sd: float,
    z: Array,
    every: bool,
    m: int,
    out: Array,
) -> None:
    """out = sd * W vector at the rows that matter: ``every`` one, or where ``z`` is positive."""
    packed = _at_columns(weights, vector, m)
    _begin_rows(weights, layer)
    for i in range(out.size):
        out[i] = 0.0
        if every or z[i] > 0.0:
            row = _needed_row(weights, layer, i, m, out.size)
            out[i] = sd * dot(row, packed)


@kernel
def transposed_product(
    weights: Weights,
    layer: int,
    vector: Array,
    sd: float,
    z: Array,
    every: bool,
    m: int,
    out: Array,
) -> None:
    """out = sd * W^T vector at the columns that matter, 0 elsewhere, from the rows that matter."""
    packed = np.zeros(m)
    _begin_rows(weights, layer)
    for i in range(vector.size):
        if every or z[i] > 0.0:
            row = _needed_row(weights, layer, i, m, vector.size)
            _accumulate(row, sd * vector[i], packed)
    out[:] = 0.0
    for k in range(m):
        out[weights.columns[k]] = packed[k]


@kernel
def _accumulate(row: Array, factor: float, out: Array) -> None:
    for k in range(out.size):
        out[k] = fused(np.float64(row[k]), factor, out[k])
