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
from typing import Any

from verify.jit import kernel

__all__ = ["dot", "fill_normal", "product"]

Array = Any


@kernel
def dot(left: Array, right: Array) -> float:
    """left . right."""
    total = 0.0
    for i in range(left.size):
        total += left[i] * right[i]
    return total


@kernel
def fill_normal(stream: Any, out: Array) -> None:
    """Standard normals into ``out``."""
    for i in range(out.size):
        out[i] = stream.standard_normal()


@kernel
def _add(factor: float, vector: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] += factor * vector[i]


@kernel
def product(q: Array, p: Array, b: Array, e: Array, y: Array, out: Array) -> float:
    """G y into ``out``, which holds ``fresh`` when called; y keeps only its part across all q_i.

    ``q``, ``p``: rows q_i, p_i, shapes ``(known, fan_in)``, ``(known, fan_out)``; ``b``, ``e``:
    rows b_j, e_j.  Any number of rows, none included.  Returns |y_|.
    """
    along = [dot(q[i], y) for i in range(q.shape[0])]
    for i in range(q.shape[0]):
        _add(-along[i], q[i], y)
    across = math.sqrt(dot(y, y))
    for j in range(b.shape[0]):
        _add(-dot(b[j], out), b[j], out)
    for k in range(out.size):
        out[k] *= across
    for j in range(b.shape[0]):
        _add(dot(e[j], y), b[j], out)
    for i in range(q.shape[0]):
        _add(along[i], p[i], out)
    return across
