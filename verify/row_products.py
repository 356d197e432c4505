"""Products of a literal weight matrix with a vector, at the rows and columns that matter."""

from __future__ import annotations

import numpy as np

from verify.jit import kernel
from verify.vectors import Array, dot
from verify.weights import ROWS, Weights, keep_row, kept_row, row_group

__all__ = ["pre_activations", "products", "transposed_product"]


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
    packed, kept = np.empty(m), 0
    for k in range(m):
        packed[k] = vector[weights.columns[k]]
    for number in range((out.size + ROWS - 1) // ROWS):
        here = range(ROWS * number, min(ROWS * (number + 1), out.size))
        drawn = weights.begin[layer] >= 0
        for i in here:
            out[i] = 0.0
            if every or z[i] > 0.0:
                if not drawn:
                    row_group(weights, layer, number, m, vector.size, out.size)
                    drawn = True
                if weights.begin[layer] >= 0:
                    out[i] = sd * dot(kept_row(weights, layer, kept, m), packed)
                    kept += 1
                else:
                    start = (i - ROWS * number) * m
                    out[i] = sd * dot(weights.group[start : start + m], packed)


@kernel
def pre_activations(
    weights: Weights, layer: int, vector: Array, sd: float, every: bool, m: int, z: Array
) -> None:
    """z = sd * W vector, every row; those that later passes need are kept."""
    packed = np.empty(m)
    for k in range(m):
        packed[k] = vector[weights.columns[k]]
    weights.begin[layer] = weights.now[1] if weights.kept.size > 0 else -1
    for number in range((z.size + ROWS - 1) // ROWS):
        count = row_group(weights, layer, number, m, vector.size, z.size)
        for i in range(count):
            row = weights.group[i * m : (i + 1) * m]
            z[ROWS * number + i] = sd * dot(row, packed)
            if every or z[ROWS * number + i] > 0.0:
                keep_row(weights, layer, row)


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
    """out = sd * W^T vector at the columns that matter, 0 elsewhere."""
    packed, kept = np.zeros(m), 0
    for number in range((vector.size + ROWS - 1) // ROWS):
        here = range(ROWS * number, min(ROWS * (number + 1), vector.size))
        drawn = weights.begin[layer] >= 0
        for i in here:
            if every or z[i] > 0.0:
                if not drawn:
                    row_group(weights, layer, number, m, out.size, vector.size)
                    drawn = True
                start = (i - ROWS * number) * m
                if weights.begin[layer] >= 0:
                    _accumulate(kept_row(weights, layer, kept, m), sd * vector[i], packed)
                    kept += 1
                else:
                    _accumulate(weights.group[start : start + m], sd * vector[i], packed)
    out[:] = 0.0
    for k in range(m):
        out[weights.columns[k]] = packed[k]


@kernel
def _accumulate(row: Array, factor: float, out: Array) -> None:
    for k in range(out.size):
        out[k] += np.float64(row[k]) * factor
