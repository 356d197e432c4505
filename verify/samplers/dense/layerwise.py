"""Literal matrices: every weight is drawn, and drawn again where a later product needs it."""

from __future__ import annotations

import numpy as np

from verify.numerics.arrays import FloatArray
from verify.numerics.variates import Stream
from verify.samplers.dense.weights import (
    Weights,
    begin_columns,
    pre_activations,
    products,
    transposed_product,
)
from verify.samplers.layerwise import Matrices, Matrix, Seen
from verify.samplers.problem import Problem

__all__ = ["LiteralMatrices"]


class LiteralMatrices(Matrices):
    """The weight matrices of one network; shapes ``(1, width)``."""

    def __init__(self, problem: Problem, weights: Weights, stream: Stream) -> None:
        super().__init__(problem, stream, 1)
        self._weights = weights

    def forward(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        """All rows."""
        out = self._begin(matrix, x)
        pre_activations(self._weights, matrix.number, x[0], matrix.sd, True, out)
        return out[None]

    def backward(self, matrix: Matrix, x: FloatArray, wx: FloatArray, g: FloatArray) -> FloatArray:
        """All columns."""
        self._begin(matrix, x)
        out = np.empty(x.shape[1])
        transposed_product(self._weights, matrix.number, g[0], matrix.sd, wx[0], True, out)
        return out[None]

    def again(self, matrix: Matrix, seen: Seen, y: FloatArray) -> FloatArray:
        """All rows."""
        out = self._begin(matrix, y)
        products(self._weights, matrix.number, y[0], matrix.sd, seen.wx[0], True, out)
        return out[None]

    def _begin(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        """Every column matters; room for a product."""
        begin_columns(self._weights, x[0], 1.0, True)
        return np.empty(matrix.rows)
