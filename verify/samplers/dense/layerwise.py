"""Literal matrices: every weight is drawn, and drawn again where a later product needs it."""

from __future__ import annotations

import numpy as np

from verify.numerics.arrays import FloatArray
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream
from verify.samplers.dense.weights import (
    Weights,
    begin_columns,
    pre_activations,
    products,
    transposed_product,
)
from verify.samplers.layerwise.updates import Matrices, Matrix

__all__ = ["LiteralMatrices"]


class LiteralMatrices(Matrices):
    """The weight matrices of one network after the other, and normals from ``stream``."""

    def __init__(self, weights: Weights, stream: Stream) -> None:
        self._weights, self._stream = weights, stream

    def begin(self, network: int) -> None:
        """Other weights, none of them kept yet."""
        self._weights.now.network, self._weights.now.used = network, 0

    def normals(self, width: int) -> FloatArray:
        """Of single precision."""
        drawn = np.empty(width, np.float32)
        single_normals(self._stream, drawn)
        return drawn.astype(float)

    def forward(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        """All rows."""
        out = self._begin(x, matrix.rows)
        pre_activations(self._weights, matrix.number, x, matrix.sd, True, out)
        return out

    def backward(self, matrix: Matrix, x: FloatArray, g: FloatArray) -> FloatArray:
        """All columns."""
        out = self._begin(x, x.size)
        transposed_product(self._weights, matrix.number, g, matrix.sd, g, True, out)
        return out

    def again(self, matrix: Matrix, y: FloatArray) -> FloatArray:
        """All rows."""
        out = self._begin(y, matrix.rows)
        products(self._weights, matrix.number, y, matrix.sd, out, True, out)
        return out

    def _begin(self, vector: FloatArray, size: int) -> FloatArray:
        """Every column matters; room for a product of this ``size``."""
        begin_columns(self._weights, vector, 1.0, True)
        return np.empty(size)
