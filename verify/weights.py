"""The weights of literal networks: drawn row by row, and drawn again rather than kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from verify.draws import single_normals
from verify.jit import kernel
from verify.problem import FloatArray, Problem
from verify.vectors import Scales

__all__ = ["Weights", "begin_network", "drawn_weights", "given_weights", "weight_row"]

Array = Any

_KEPT_WEIGHTS = 2**20
"""Networks of at most so many weights are kept: they stay in the caches."""
_TILE = 1024
"""Rows shorter than this are drawn several at a time."""


class Weights(NamedTuple):
    """Standard normal weights and readouts of networks, in rows.

    Either ``given``, shape ``(networks, weights)``, matrices row by row from the first layer up
    and the readout last, beginning at ``at``; or a pure function of ``key``, the network, layer
    and tile, which is a row or several short ones (the readout is the row of layer L + 1), drawn
    into ``tile`` by way of ``words``.  A small network is drawn once into ``kept``, of the same
    places as ``given``.  ``now``: the network, and the layer and number of the tile drawn last.
    """

    given: Array
    at: Array
    key: Any
    words: Array
    tile: Array
    kept: Array
    now: Array


def drawn_weights(problem: Problem, generator: np.random.Generator) -> Weights:
    """Single-precision weights as a function of a key drawn from ``generator``."""
    at, room = _places(problem), max(_TILE, 4 * (-(-int(problem.widths.max()) // 4)))
    return Weights(
        given=np.empty((0, 0), np.float32),
        at=at,
        key=generator.integers(0, 2**64, dtype=np.uint64),
        words=np.empty(room, np.uint32),
        tile=np.empty(room, np.float32),
        kept=np.empty(at[-1] if at[-1] <= _KEPT_WEIGHTS else 0, np.float32),
        now=np.zeros(3, np.int64),
    )


def given_weights(problem: Problem, normals: FloatArray) -> Weights:
    """Weights as they stand in ``normals``, shape ``(networks, weights + readout)``."""
    empty = np.empty(0)
    words, now = np.empty(0, np.uint32), np.zeros(3, np.int64)
    return Weights(normals, _places(problem), np.uint64(0), words, empty, empty, now)


def _places(problem: Problem) -> Any:
    """Where each layer's matrix, the readout, and nothing more begin."""
    sizes = problem.widths[1:] * problem.widths[:-1]
    return np.concatenate(([0], np.cumsum(sizes), [sizes.sum() + problem.widths[-1]]))


@kernel
def begin_network(weights: Weights, scales: Scales, network: int) -> None:
    """Turn to the weights of ``network``."""
    weights.now[:] = network, 0, 0
    if weights.kept.size > 0:
        for layer in range(1, weights.at.size):
            columns = scales.rows[layer] - scales.rows[layer - 1]
            begin, end = weights.at[layer - 1], weights.at[layer]
            together = _rows_together(columns) * columns
            for start in range(begin, end, together):
                _draw(weights, layer, (start - begin) // together, together)
                stop = min(start + together, end)
                weights.kept[start:stop] = weights.tile[: stop - start]


@kernel
def weight_row(weights: Weights, layer: int, i: int, columns: int) -> Array:
    """Row ``i`` of the matrix of ``layer``, valid until the next call; layer L + 1: the readout."""
    start = weights.at[layer - 1] + i * columns
    if weights.given.size > 0:
        return weights.given[weights.now[0], start : start + columns]
    if weights.kept.size > 0:
        return weights.kept[start : start + columns]
    together = _rows_together(columns)
    if weights.now[1] != layer or weights.now[2] != i // together:
        _draw(weights, layer, i // together, together * columns)
    start = (i % together) * columns
    return weights.tile[start : start + columns]


@kernel
def _rows_together(columns: int) -> int:
    return max(_TILE // columns, 1)


@kernel
def _draw(weights: Weights, layer: int, number: int, size: int) -> None:
    """The tile of that ``number``, of ``size`` weights."""
    weights.now[1], weights.now[2] = layer, number
    tile = weights.tile[: 4 * ((size + 3) // 4)]
    single_normals(weights.key, number, layer, weights.now[0] + 1, weights.words, tile)
