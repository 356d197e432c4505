"""Products of a literal weight matrix with a vector, at the rows and columns that matter."""

from __future__ import annotations

import numpy as np

from verify.numerics.compiled import fused, kernel
from verify.samplers.dense.weights import ROWS, Weights, begin_rows, keep_row, needed_row, row_group
from verify.samplers.vectors import Array, dot

__all__ = ["pre_activations", "products", "transposed_product"]


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
    for number in range((z.size + ROWS - 1) // ROWS):
        count = row_group(weights, layer, number, m, vector.size, z.size)
        for i in range(count):
            row = weights.group[i * m : (i + 1) * m]
            z[ROWS * number + i] = sd * dot(row, packed)
            if every or z[ROWS * number + i] > 0.0:
                keep_row(weights, layer, row)


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
    begin_rows(weights, layer)
    for i in range(out.size):
        out[i] = 0.0
        if every or z[i] > 0.0:
            row = needed_row(weights, layer, i, m, vector.size, out.size)
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
    begin_rows(weights, layer)
    for i in range(vector.size):
        if every or z[i] > 0.0:
            row = needed_row(weights, layer, i, m, out.size, vector.size)
            _accumulate(row, sd * vector[i], packed)
    out[:] = 0.0
    for k in range(m):
        out[weights.columns[k]] = packed[k]


@kernel
def _accumulate(row: Array, factor: float, out: Array) -> None:
    for k in range(out.size):
        out[k] = fused(np.float64(row[k]), factor, out[k])
