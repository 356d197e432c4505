"""Conditioned matrices: each product with a weight matrix is drawn given those before it."""

from __future__ import annotations

import numpy as np

from verify.numerics.arrays import FloatArray
from verify.samplers.layer_parts import dot, over
from verify.samplers.layerwise import Matrices, Matrix, Seen

__all__ = ["ConditionedMatrices"]


class ConditionedMatrices(Matrices):
    """Weight matrices known through W x, W^T g and W y alone, O(width) each.

    With hats for unit vectors and an underscore for the part of a vector across x,

        W^T g = x^ (W x^ . g) + |g| sd n_,
        W y = (x^.y) W x^ + g^ (h_.y_)/|g| + |y_| sd (m - g^ (g^.m)),

    n and m standard normal vectors: docs/sampler-proofs.md has the proof.
    """

    def forward(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        """|x| sd m with a standard normal vector m."""
        size = matrix.sd * np.sqrt(dot(x, x))
        return np.asarray(size * self.normals(matrix.rows))

    def backward(self, matrix: Matrix, x: FloatArray, wx: FloatArray, g: FloatArray) -> FloatArray:
        """See the class."""
        fresh, square = self.normals(x.shape[1]), dot(x, x)
        fresh *= matrix.sd * np.sqrt(dot(g, g))
        return fresh + over(dot(wx, g) - dot(fresh, x), square) * x

    def again(self, matrix: Matrix, seen: Seen, y: FloatArray) -> FloatArray:
        """See the class."""
        x, wx, g, h = seen.x, seen.wx, seen.g, seen.h
        square = dot(x, x)
        along = over(dot(x, y), square)
        across = y - along * x
        fresh = self.normals(wx.shape[1])
        fresh *= matrix.sd * np.sqrt(dot(across, across))
        size = dot(g, g)
        # h.across is that of the part of h across x
        return along * wx + fresh + over(dot(h, across) - dot(g, fresh), size) * g
