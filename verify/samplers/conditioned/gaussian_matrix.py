"""A Gaussian matrix that is never formed: its product with a vector, given products already known.

Let G have independent standard normal entries, and let some of its products be known: G q_i = p_i
for orthonormal q_i, and G^T b_j = e_j for orthonormal b_j.  Then for any y, with y_ the part of y
across all q_i,

    G y = sum_i p_i (q_i . y) + sum_j b_j (e_j . y_) + |y_| (I - sum_j b_j b_j^T) fresh

where ``fresh`` is a standard Gaussian vector independent of everything known.  The transposed
matrix is the same with the roles of (q, p) and (b, e) exchanged.  Proof: docs/conditioning.md.
"""

from __future__ import annotations

import math

import numpy as np

from verify.numerics.compiled import kernel
from verify.samplers.vectors import Array, dot

__all__ = ["product"]


@kernel
def _add(factor: float, vector: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] += factor * vector[i]


@kernel
def product(q: Array, p: Array, b: Array, e: Array, y: Array, fresh: Array, out: Array) -> float:
    """G y into ``out``; y keeps only its part across all q_i.

    ``q``, ``p``, ``b``, ``e``: the vectors q_i, p_i, b_j, e_j one after the other in flat arrays,
    any number of pairs, none included.  ``fresh``: as long as ``out``.  Returns |y_|.
    """
    columns, rows = y.size, out.size
    along = np.empty(q.size // columns)
    for i in range(along.size):
        along[i] = dot(q[i * columns : (i + 1) * columns], y)
    for i in range(along.size):
        _add(-along[i], q[i * columns : (i + 1) * columns], y)
    across = math.sqrt(dot(y, y))
    for k in range(rows):
        out[k] = across * fresh[k]
    for j in range(b.size // rows):
        unit = b[j * rows : (j + 1) * rows]
        known = dot(e[j * columns : (j + 1) * columns], y)
        _add(known - dot(unit, out), unit, out)
    for i in range(along.size):
        _add(along[i], p[i * rows : (i + 1) * rows], out)
    return across
