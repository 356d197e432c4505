"""A table holds a function of one number as polynomials on cells; kernels read it in vector lanes.

A cell belongs to one sign of z and to a range of |z| of length 1/64, up to 40.  The last cell of
each sign holds all larger |z|, where the function is affine there.  A polynomial is kept only where
it agrees with the function at points between its nodes; a cell that holds none gives NaN, and its
caller evaluates the function itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from verify.numerics.arrays import FloatArray
from verify.numerics.compiled import Array, borrowing_kernel
from verify.numerics.lanes import (
    LANES,
    fused_lanes,
    lanes_at,
    no_lanes,
    polynomial_lanes,
    put_lanes,
)

__all__ = ["change_looked_up", "looked_up", "tabulated"]

_PER_UNIT, _REACH = 64, 40
_LAST = _PER_UNIT * _REACH
"""The cell of all larger |z|."""
_CELLS = _LAST + 1
"""Of one sign."""
_ORDER = 5
"""Coefficients of a cell."""
_VALUE, _SLOPE = (1e-8, 1e-14), (1e-6, 1e-12)
"""The largest errors of values and slopes, relative to the largest in the cell, and to the largest
nearer to 0."""
Function = Callable[[FloatArray], FloatArray]


def tabulated(
    value: Function, derivative: Function, kinks: Sequence[float], *, for_signs: bool = False
) -> FloatArray:
    """Coefficients of s = |z| over the beginning of its cell, in rising powers, each for all cells
    of positive and then of negative z; shape ``(5 * 2 * cells,)``, NaN where the cell has no
    polynomial.

    ``kinks``: the z at which the function or its derivative is not smooth.  ``for_signs``: whether
    small slopes need their sign.
    """
    table = np.empty((_ORDER, 2, _CELLS))
    with np.errstate(all="ignore"):
        for side, sign in enumerate((1.0, -1.0)):
            table[:, side] = _Side(value, derivative, sign, for_signs).coefficients()
    for kink in kinks:
        cell, rest = divmod(abs(kink) * _PER_UNIT, 1.0)
        if rest or cell > _LAST:
            table[:, 0 if kink > 0 else 1, int(min(cell, _LAST))] = np.nan
    return table.ravel()


class _Side:
    """The function of z of one sign."""

    def __init__(self, value: Function, derivative: Function, sign: float, for_signs: bool) -> None:
        self._functions = value, derivative
        self._sign = sign
        self._close = _VALUE, (_SLOPE[0], 0.0) if for_signs else _SLOPE

    def coefficients(self) -> FloatArray:
        """Of all cells, shape ``(5, cells)``."""
        starts = np.arange(_LAST)[:, None] / _PER_UNIT
        points = self._sign * (starts + _PROBES)
        sizes = [np.fmax.reduce(np.abs(f(points)), axis=1) for f in self._functions]
        nearer = [np.fmax.accumulate(each)[:, None] for each in sizes]
        found = np.empty((_ORDER, _CELLS))
        found[:, :_LAST] = self._checked(_through(self._values(starts + _NODES)), starts, nearer)
        found[:, 0] = self._first()
        found[:, _LAST] = self._last([each[-1] for each in nearer])
        return found

    def _first(self) -> FloatArray:
        """Of the cell at 0, as accurate relative to the function there: s^k times a polynomial, or
        the value at 0 and that."""
        for start, power in product((0.0, float(self._values(_TINY)[0])), range(_ORDER - 1)):
            nodes, tried = _nodes(_ORDER - power), np.zeros((_ORDER, 1))
            tried[power:, 0] = _through((self._values(nodes) - start) / nodes**power)
            tried[0] += start
            if self._agree(tried, np.zeros(1), _NEAR_ZERO, [0.0, 0.0]).all():
                return tried[:, 0]
        return np.full(_ORDER, np.nan)

    def _last(self, nearer: Sequence[Any]) -> FloatArray:
        """Of the cell of all larger |z|: an affine function."""
        tried, start = np.zeros((_ORDER, 1)), np.array([float(_REACH)])
        tried[0] = self._values(start)
        tried[1] = self._sign * self._functions[1](self._sign * _HUGE)
        right = self._agree(tried, start, _FAR, nearer).all()
        return np.where(right, tried[:, 0], np.nan)

    def _values(self, sizes: FloatArray) -> FloatArray:
        return np.asarray(self._functions[0](self._sign * sizes))

    def _checked(self, found: Any, starts: FloatArray, nearer: Sequence[Any]) -> FloatArray:
        """Coefficients, NaN where the polynomial is not close to the function."""
        right = self._agree(found[:, :, None], starts, _PROBES, nearer)
        return np.where(right.all(axis=1), found, np.nan)

    def _agree(self, found: Any, starts: Any, inside: Any, nearer: Sequence[Any]) -> Any:
        """Where polynomials have the values and slopes of the function, relative to the largest
        along the last axis and to those ``nearer`` to 0."""
        value, slope = found[-1], 0.0 * inside
        for coefficient in found[-2::-1]:
            slope = slope * inside + value
            value = value * inside + coefficient
        right: Any = True
        for ours, function, before, (close, closest) in zip(
            (value, self._sign * slope), self._functions, nearer, self._close, strict=True
        ):
            theirs = function(self._sign * (starts + inside))
            here = np.abs(theirs).max(axis=-1, keepdims=True)
            right &= np.abs(ours - theirs) <= close * here + closest * before
        return right


def _nodes(count: int) -> FloatArray:
    """Chebyshev's points inside a cell."""
    angles = np.pi * (np.arange(count) + 0.5) / count
    return np.asarray(0.5 * (1.0 - np.cos(angles)) / _PER_UNIT)


def _through(values: FloatArray) -> FloatArray:
    """Coefficients, along the first axis, of polynomials through ``values`` at `_nodes`, along the
    last axis."""
    count = values.shape[-1]
    inverse = np.linalg.inv(np.vander(_nodes(count), increasing=True))
    across = values - values[..., :1]  # so that all but the first are 0 for a constant
    found = np.einsum("kj,...j->k...", inverse, across)  # the same sums on any number of threads
    found[0] += values[..., 0]
    return np.asarray(found)


_NODES, _TINY, _HUGE = _nodes(_ORDER), np.array([1e-300]), np.array([1e6])
_PROBES = np.array([0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.98]) / _PER_UNIT
_NEAR_ZERO = np.geomspace(0.99 / _PER_UNIT, 1e-300, 500)[:, None]
_FAR = np.concatenate((np.linspace(0.0, 1000.0, 8000), np.geomspace(1e3, 1e300, 3000)))[:, None]
"""Points behind the beginning of cells, at which polynomials are compared with the function."""


@borrowing_kernel
def looked_up(table: Array, z: Array, value: Array, slope: Array) -> None:
    """The function of a `tabulated` table and its derivative at every z; NaN where the table lacks
    a polynomial."""
    for i in range(0, z.size, LANES):
        found, change = polynomial_lanes(table, _PER_UNIT, _CELLS, lanes_at(z, i))
        put_lanes(value, i, found)
        put_lanes(slope, i, change)


@borrowing_kernel
def change_looked_up(
    table: Array, z: Array, value: Array, move: Array, step: float, out: Array
) -> None:
    """(f(z) - f(z - step move))/step of every z, with f(z) = ``value``; NaN where the table lacks a
    polynomial."""
    over = 1.0 / step
    for i in range(0, z.size, LANES):
        moved = fused_lanes(-step, lanes_at(move, i), lanes_at(z, i))
        found, _ = polynomial_lanes(table, _PER_UNIT, _CELLS, moved)
        change = fused_lanes(-1.0, found, lanes_at(value, i))
        put_lanes(out, i, fused_lanes(over, change, no_lanes()))
