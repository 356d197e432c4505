"""Gauss-Legendre rules on panels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from theory.activations.nonlinearity import FloatArray

__all__ = ["gaussian_rule", "legendre_rule"]


def legendre_rule(ends: Any, points: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of rules of ``points`` nodes between neighbours along the last axis of
    ``ends``; shape (..., panels * points).

    >>> nodes, weights = legendre_rule([0, 1, 3], 4)
    >>> round(float(weights @ nodes**3), 12)
    20.25
    """
    nodes, lengths = _unit(points)
    edges = np.asarray(ends, dtype=np.float64)
    half = np.diff(edges)[..., None] / 2
    shape = (*edges.shape[:-1], -1)
    return (edges[..., :-1, None] + half * nodes).reshape(shape), (half * lengths).reshape(shape)


def gaussian_rule(ends: Any, points: int) -> tuple[FloatArray, FloatArray]:
    """`legendre_rule` with the density of a standard Gaussian number in its weights.

    >>> nodes, weights = gaussian_rule([-9, 0, 9], 40)
    >>> round(float(weights @ nodes**4), 12)
    3.0
    """
    nodes, weights = legendre_rule(ends, points)
    return nodes, weights * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)


@lru_cache
def _unit(points: int) -> tuple[FloatArray, FloatArray]:
    """Nodes on [0, 2], and weights."""
    nodes, lengths = np.polynomial.legendre.leggauss(points)
    return nodes + 1, lengths
