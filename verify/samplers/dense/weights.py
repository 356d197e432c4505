"""Literal networks have weights that are drawn only where the vector they multiply is not zero.

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
    "weight_matrix",
]

_ROWS = 4
"""Rows drawn together: one counter gives the weights of one column in four rows."""
_MOST_KEPT = 2**25
"""Weights kept at a time, 128 MB a thread."""
_PLACE = np.dtype([(each, np.int64) for each in ("network", "used", "group", "row", "columns")])
_ROOMS: deque[Any] = deque()
"""Room for kept weights that no block works with at present."""


class Weights(NamedTuple):
    """Standard normal weights and readouts of networks; a "layer" is an identity of weights.

    Drawn from ``key`` by way of ``words``.  ``group`` holds the rows drawn last, at the ``columns``
    of interest.  ``kept``: rows that later passes need, of each layer from ``begin`` on (-1: drawn
    again).  ``now``: the ``network``, how much of ``kept`` is ``used``, the ``group`` drawn last,
    where the next kept ``row`` begins, and how many ``columns`` are of interest.
    """

    key: Any
    words: Array
    group: Array
    columns: Array
    kept: Array
    begin: Array
    now: Any


@contextmanager
def drawn_weights(problem: Problem, generator: np.random.Generator) -> Iterator[Weights]:
    """Single-precision weights as a function of a key drawn from ``generator``."""
    key, sites = generator.integers(0, 2**64, dtype=np.uint64), problem.sites
    widest = max(int(sites.widths.max()), sites.inputs.shape[1])
    layers, first = np.unique(sites.weights, return_index=True)
    sizes = np.stack([sites.widths[sites.targets], sites.widths[sites.sources]])[:, first]
    needed = int(np.sum(sizes[0] * np.maximum(sizes[1], sites.inputs.shape[1])))
    with _room(min(_MOST_KEPT, needed + _ROWS * widest)) as kept:
        yield Weights(
            key=key,
            words=np.empty(_ROWS * widest, np.uint32),
            group=np.empty(_ROWS * widest, np.float32),
            columns=np.empty(widest, np.uint32),
            kept=kept,
            begin=np.empty(layers.size + 1, np.int64),
            now=np.zeros(1, _PLACE).view(np.recarray)[0],
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
def begin_columns(weights: Weights, z: Array, slope: float, every: bool) -> None:
    """Set the columns that matter given ``z`` of the layer below: those of neurons whose
    activation moves with z, or ``every`` one."""
    m = 0
    for j in range(z.size):
        if every or slope > 0.0 or z[j] > 0.0:
            weights.columns[m] = j
            m += 1
    weights.now.columns = m


@kernel
def _draw_rows(weights: Weights, layer: int, number: int, out: Array) -> None:
    """Rows ``4 number`` to ``4 number + 3``, at the columns that matter, one after the other."""
    columns, network = weights.columns[: weights.now.columns], weights.now.network + 1
    chosen_normals(weights.key, columns, number, layer, network, weights.words, out)


@kernel
def row_group(weights: Weights, layer: int, number: int) -> None:
    """Draw rows ``4 number`` to ``4 number + 3``, at the columns that matter, into ``group``."""
    _draw_rows(weights, layer, number, weights.group[: _ROWS * weights.now.columns])
    weights.now.group = number


@kernel
def _begin_rows(weights: Weights, layer: int, begin: int) -> None:
    """Before a pass asks for its rows of ``layer``, which are kept from ``begin`` on (-1: drawn
    again)."""
    weights.begin[layer], weights.now.group, weights.now.row = begin, -1, begin


@kernel
def _needed_row(weights: Weights, layer: int, i: int) -> Array:
    """Row ``i``, at the columns that matter, of a pass that asks for every row it needs, in order:
    as it was kept, or drawn again; it lasts until the next is requested."""
    m = weights.now.columns
    if weights.begin[layer] >= 0:
        start = weights.now.row
        weights.now.row = start + m
        return weights.kept[start : start + m]
    if weights.now.group != i // _ROWS:
        row_group(weights, layer, i // _ROWS)
    start = (i % _ROWS) * m
    return weights.group[start : start + m]


@kernel
def _at_columns(weights: Weights, vector: Array) -> Array:
    """The entries of ``vector`` at the columns that matter."""
    packed = np.empty(weights.now.columns)
    for k in range(packed.size):
        packed[k] = vector[weights.columns[k]]
    return packed


@kernel
def pre_activations(
    weights: Weights, layer: int, vector: Array, sd: float, every: bool, z: Array
) -> None:
    """z = sd * W vector, every row; those that later passes need are kept: ``every`` one, or where
    ``z`` is positive."""
    packed, m, begin = _at_columns(weights, vector), weights.now.columns, weights.now.used
    for first in range(0, z.size, _ROWS):
        start, size = weights.now.used, _ROWS * m
        if begin >= 0 and start + size > weights.kept.size:
            weights.now.used, begin = begin, -1
        # rows are drawn where the first of them is to stay, and move up over those not needed
        place = weights.kept[start : start + size] if begin >= 0 else weights.group[:size]
        _draw_rows(weights, layer, first // _ROWS, place)
        for i in range(first, min(first + _ROWS, z.size)):
            row = place[(i - first) * m : (i - first + 1) * m]
            z[i] = sd * dot(row, packed)
            if begin >= 0 and (every or z[i] > 0.0):
                if weights.now.used < start + (i - first) * m:
                    weights.kept[weights.now.used : weights.now.used + m] = row
                weights.now.used += m
    weights.begin[layer] = begin


@kernel
def weight_matrix(weights: Weights, layer: int, out: Array) -> None:
    """Every row of a layer at the columns that matter, into the rows of ``out``."""
    _begin_rows(weights, layer, weights.begin[layer])
    for i in range(out.shape[0]):
        out[i] = _needed_row(weights, layer, i)


@kernel
def products(
    weights: Weights, layer: int, vector: Array, sd: float, z: Array, every: bool, out: Array
) -> None:
    """out = sd * W vector at the rows that matter: ``every`` one, or where ``z`` is positive."""
    packed = _at_columns(weights, vector)
    _begin_rows(weights, layer, weights.begin[layer])
    for i in range(out.size):
        out[i] = 0.0
        if every or z[i] > 0.0:
            out[i] = sd * dot(_needed_row(weights, layer, i), packed)


@kernel
def transposed_product(
    weights: Weights, layer: int, vector: Array, sd: float, z: Array, every: bool, out: Array
) -> None:
    """out = sd * W^T vector at the columns that matter, 0 elsewhere, from the rows that matter."""
    packed, begin = np.zeros(weights.now.columns), weights.begin[layer]
    factors, count = np.empty(vector.size), 0
    _begin_rows(weights, layer, begin)
    for i in range(vector.size):
        if every or z[i] > 0.0:
            factors[count] = sd * vector[i]
            if begin < 0:
                _accumulate(_needed_row(weights, layer, i), factors[count], packed)
            count += 1
    if begin >= 0:
        _accumulate_rows(weights.kept[begin : begin + count * packed.size], factors[:count], packed)
    out[:] = 0.0
    for k in range(packed.size):
        out[weights.columns[k]] = packed[k]


@kernel
def _accumulate(row: Array, factor: float, out: Array) -> None:
    for k in range(out.size):
        out[k] = fused(np.float64(row[k]), factor, out[k])


@kernel
def _accumulate_rows(rows: Array, factors: Array, out: Array) -> None:
    """`_accumulate` for rows that lie one after the other: four in one sweep over ``out``."""
    m, whole = out.size, factors.size - factors.size % 4
    for i in range(0, whole, 4):
        one, two = rows[i * m : (i + 1) * m], rows[(i + 1) * m : (i + 2) * m]
        three, four = rows[(i + 2) * m : (i + 3) * m], rows[(i + 3) * m : (i + 4) * m]
        a, b, c, d = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        for k in range(m):
            total = fused(np.float64(two[k]), b, fused(np.float64(one[k]), a, out[k]))
            out[k] = fused(np.float64(four[k]), d, fused(np.float64(three[k]), c, total))
    for i in range(whole, factors.size):
        _accumulate(rows[i * m : (i + 1) * m], factors[i], out)
