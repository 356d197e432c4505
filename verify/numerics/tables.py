"""A table holds a function of one number as polynomials on cells; kernels read it in vector lanes.

A cell belongs to one sign of z and to a range of |z| of length 1/16, up to 40.  The last cell of
each sign holds all larger |z|, where the function is affine there.  A polynomial is kept only where
it agrees with the function at points between its nodes; a cell that holds none gives NaN, and its
caller evaluates the function itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from verify.numerics.arrays import FloatArray
from verify.numerics.compiled import Array, borrowing_kernel, formula, fused

__all__ = ["change_looked_up", "looked_up", "tabulated"]

_PER_UNIT, _REACH = 16, 40
_LAST = _PER_UNIT * _REACH
"""The cell of all larger |z|."""
_CELLS = _LAST + 1
"""Of one sign."""
_ORDER = 6
"""Coefficients of a cell."""
_VALUE, _SLOPE = (1e-8, 1e-14), (1e-6, 1e-12)
"""The largest errors of values and slopes, relative to the largest of the cell, and of the function
up to there."""
Function = Callable[[FloatArray], FloatArray]


def tabulated(value: Function, derivative: Function, kinks: Sequence[float]) -> FloatArray:
    """Coefficients of s = |z| over the beginning of its cell, in rising powers, each for all cells
    of positive and then of negative z; shape ``(6 * 2 * cells,)``, NaN where the cell has no
    polynomial.

    ``kinks``: the z at which the function or its derivative is not smooth.
    """
    table = np.full((_ORDER, 2, _CELLS), np.nan)
    with np.errstate(all="ignore"):
        for side, sign in enumerate((1.0, -1.0)):
            cells = _Side(value, derivative, sign)
            table[:, side, :_LAST] = cells.inner()
            table[:, side, 0] = cells.first()
            table[:, side, _LAST] = cells.outer()
    for kink in kinks:
        cell, rest = divmod(abs(kink) * _PER_UNIT, 1.0)
        if rest and cell < _CELLS:
            table[:, 0 if kink > 0 else 1, int(cell)] = np.nan
        if cell >= _LAST:
            table[:, 0 if kink > 0 else 1, _LAST] = np.nan
    return table.ravel()


class _Side:
    """The function of z of one sign."""

    def __init__(self, value: Function, derivative: Function, sign: float) -> None:
        self._value, self._derivative, self._sign = value, derivative, sign
        self._starts = np.arange(_LAST) / _PER_UNIT
        sizes = self._value(sign * np.linspace(0.5, 1.0, 4) / _PER_UNIT)
        largest = np.abs(self._value(sign * (self._starts[:, None] + _PROBES)))
        steepest = np.abs(self._derivative(sign * (self._starts[:, None] + _PROBES)))
        self._largest = np.fmax.accumulate(np.fmax(largest.max(axis=1), np.abs(sizes).max()))
        self._steepest = np.fmax.accumulate(steepest.max(axis=1))

    def inner(self) -> FloatArray:
        """Coefficients of every cell but the last, shape ``(6, cells)``."""
        values = self._value(self._sign * (self._starts[:, None] + _NODES))
        found = _through(values).T
        right = self._agrees(found[:, :, None], _PROBES, self._starts[:, None])
        found[:, ~right.all(axis=1)] = np.nan
        return found

    def first(self) -> FloatArray:
        """Coefficients of the cell at 0, as accurate relative to the function there: s^k times a
        polynomial."""
        values = self._value(self._sign * _NODES)
        for power in range(_ORDER - 1):
            found = np.zeros(_ORDER)
            nodes = _nodes(_ORDER - power)
            values = self._value(self._sign * nodes) / nodes**power
            found[power:] = _through(values)
            if self._agrees(found[:, None], _NEAR_ZERO, 0.0, least=0.0).all():
                return found
        return np.full(_ORDER, np.nan)

    def outer(self) -> FloatArray:
        """Coefficients of the last cell, of an affine function."""
        found, begin = np.zeros(_ORDER), np.array([float(_REACH)])
        found[0] = self._value(self._sign * begin)[0]
        found[1] = self._sign * self._derivative(self._sign * 2.0 * begin)[0]
        if self._agrees(found[:, None], _FAR - _REACH, begin).all():
            return found
        return np.full(_ORDER, np.nan)

    def _agrees(self, found: Any, inside: Any, starts: Any, least: float = 1.0) -> Any:
        """Where polynomials give the function's values and slopes; ``least``: of what the errors
        may be relative to the function nearer to 0."""
        points = self._sign * (starts + inside)
        powers = np.arange(_ORDER).reshape((-1,) + (1,) * (np.ndim(found) - 1))
        values = (found * np.power(inside, powers)).sum(axis=0)
        slopes = (powers[1:] * found[1:] * np.power(inside, powers[:-1])).sum(axis=0)
        ours = values, self._sign * slopes
        theirs = self._value(points), self._derivative(points)
        sizes = (self._largest, self._steepest)
        right: Any = True
        for one, other, size, (close, closest) in zip(
            ours, theirs, sizes, (_VALUE, _SLOPE), strict=True
        ):
            here = np.abs(other)
            if points.ndim == 2:
                here, before = here.max(axis=1, keepdims=True), size[:, None]
            else:
                before = size[-1]
            right = right & (np.abs(one - other) <= close * here + least * closest * before)
        return right


def _nodes(count: int) -> FloatArray:
    """Chebyshev's points inside a cell."""
    angles = np.pi * (np.arange(count) + 0.5) / count
    return np.asarray(0.5 * (1.0 - np.cos(angles)) / _PER_UNIT)


def _through(values: FloatArray) -> FloatArray:
    """Coefficients of polynomials through ``values`` at `_nodes`, along the last axis."""
    count = values.shape[-1]
    inverse = np.linalg.inv(np.vander(_nodes(count), increasing=True))
    found = (values - values[..., :1]) @ inverse.T  # nothing but zeros for a constant
    found[..., 0] += values[..., 0]
    return np.asarray(found)


_NODES = _nodes(_ORDER)
_PROBES = np.array([0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.98]) / _PER_UNIT
_NEAR_ZERO = np.concatenate((_PROBES, 2.0 ** np.linspace(-4.1, -1000.0, 400)))
_FAR = np.concatenate((np.linspace(_REACH, 1000.0, 8000), np.geomspace(1e3, 1e300, 3000)))
"""Points at which polynomials are compared with the function."""


def _scopes(module: ir.Module) -> Any:
    """What marks that the arrays read by `_constant` are not those written by `_put`."""
    domain = module.add_metadata(["tables"])
    return module.add_metadata([module.add_metadata(["read", domain])])


def _constant(context: Any, array: Any, at: Any) -> Any:
    """An entry of an array that the loop around it does not write."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        loaded = builder.load(builder.gep(data, [arguments[1]]), align=8)
        loaded.set_metadata("alias.scope", _scopes(builder.module))
        return loaded

    return types.float64(array, types.intp), emit


def _put(context: Any, array: Any, at: Any, value: Any) -> Any:
    """Write an entry of an array that the loop around it does not read."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        stored = builder.store(arguments[2], builder.gep(data, [arguments[1]]), align=8)
        stored.set_metadata("noalias", _scopes(builder.module))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.float64), emit


constant: Any = intrinsic(_constant)
put: Any = intrinsic(_put)


@formula
def _place(z: float) -> tuple[Any, Any]:
    """The cell of z, and |z| over its beginning; NaN lies in the last one."""
    size = abs(z)
    scaled = size * _PER_UNIT
    cell = np.int64(scaled if scaled < _LAST else np.float64(_LAST))
    return (cell if z > 0.0 else cell + _CELLS), size - np.float64(cell) / _PER_UNIT


@formula
def _polynomial(table: Array, cell: int, s: float) -> tuple[float, float]:
    """Its value and derivative."""
    c = constant(table, cell + 10 * _CELLS)
    value, slope = c, 5.0 * c
    c = constant(table, cell + 8 * _CELLS)
    value, slope = fused(value, s, c), fused(slope, s, 4.0 * c)
    c = constant(table, cell + 6 * _CELLS)
    value, slope = fused(value, s, c), fused(slope, s, 3.0 * c)
    c = constant(table, cell + 4 * _CELLS)
    value, slope = fused(value, s, c), fused(slope, s, 2.0 * c)
    c = constant(table, cell + 2 * _CELLS)
    value, slope = fused(value, s, c), fused(slope, s, c)
    return fused(value, s, constant(table, cell)), slope


@borrowing_kernel
def looked_up(table: Array, z: Array, value: Array, slope: Array) -> bool:
    """The function of a `tabulated` table and its derivative at every z; whether the table has
    them all."""
    missing = 0
    for i in range(z.size):
        here = constant(z, i)
        cell, s = _place(here)
        found, change = _polynomial(table, cell, s)
        put(value, i, found)
        put(slope, i, change if here > 0.0 else -change)
        missing += np.int64(found != found)
    return missing == 0


@borrowing_kernel
def change_looked_up(
    table: Array, z: Array, value: Array, move: Array, step: float, out: Array
) -> bool:
    """(f(z) - f(z - step move))/step of every z, with f(z) = ``value``; whether the table has
    them all."""
    missing, over = 0, 1.0 / step
    for i in range(z.size):
        cell, s = _place(constant(z, i) - step * constant(move, i))
        found, _ = _polynomial(table, cell, s)
        put(out, i, (constant(value, i) - found) * over)
        missing += np.int64(found != found)
    return missing == 0
