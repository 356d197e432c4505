"""Groups of networks go through a layer together, so that the arithmetic runs in vector lanes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.arrays import FloatArray, IntArray
from verify.numerics.compiled import Array, kernel, part
from verify.samplers.problem import Problem

__all__ = ["Asked", "asked_layers", "fields", "write"]


def fields(kind: Any, lanes: int) -> Callable[[Array, int], Any]:
    """The function that cuts a row of numbers into the fields of a named tuple ``kind``, ``lanes``
    numbers each, from number ``at`` of each field on.

    The places are constants, so that the compiler knows that no two fields overlap;
    three-dimensional views of the same numbers cost 26 % of the time.
    """
    pieces = _pieces(0, len(kind._fields), lanes)
    return lambda row, at: kind(*pieces(row, at))


@cache
def _pieces(first: int, count: int, lanes: int) -> Callable[[Array, int], Any]:
    """The function that gives ``count`` pieces of a row, from piece ``first`` on."""
    if count == 1:
        begin, end = first * lanes, (first + 1) * lanes
        return part(lambda row, at: (row[begin + at : end],))
    half = count // 2
    left, right = _pieces(first, half, lanes), _pieces(first + half, count - half, lanes)
    return part(lambda row, at: left(row, at) + right(row, at))


class Asked(NamedTuple):
    """The 1-based ``layers`` that are requested, and by layer its row of results, -1 for none."""

    layers: IntArray
    rows: IntArray


def asked_layers(problem: Problem) -> Asked:
    """The layers that a problem requests."""
    rows = np.full(problem.rates.size, -1)
    rows[problem.layers - 1] = np.arange(problem.layers.size)
    return Asked(problem.layers, rows)


@kernel
def write(asked: Asked, start: int, logs: Array, log_f2: FloatArray, out: Array) -> None:
    """The label and the output parts of a group from network ``start`` on into ``out``, shape
    ``(2, networks, layers)``; ``logs``: rows of the label part; ``log_f2``: log f^2."""
    lanes = log_f2.size
    for i in range(asked.layers.size):
        log_square = logs[asked.rows[asked.layers[i] - 1], :lanes]
        out[0, start : start + lanes, i] = log_square
        out[1, start : start + lanes, i] = log_square + log_f2
