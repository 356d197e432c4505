"""`over_arrays` evaluates a function at arrays of sizes: by a fast form, or point by point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from sympy import Symbol

from theory.errors import InvalidArgument
from theory.networks.sizes import Sizes, read_size
from theory.validation import typed
from theory.waiting import announced

__all__ = [
    "LARGEST_DEPTH",
    "LARGEST_WIDTH",
    "FastNumbers",
    "FloatArray",
    "broadcast",
    "columns",
    "over_arrays",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
_SMALLEST = np.finfo(np.float64).tiny


LARGEST_WIDTH, LARGEST_DEPTH = 10**9, 10**6
"""Up to which float64 values are good to 10^-12."""


class FastNumbers(Protocol):
    """A quantity in float64 at widths up to 10^9 and depths up to 10^6, arrays of one shape; not
    finite, or below the normal range, where it is not known to 12 digits."""

    def values(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """The quantity."""

    def logs(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """Its natural logarithm."""


def over_arrays(
    function: Callable[[Sizes], Any],
    given: Mapping[Symbol, Any],
    quickly: Callable[[Mapping[Symbol, Any]], FloatArray | None] = lambda points: None,
) -> Any:
    """``function`` of numbers for symbols, at numbers or arrays that broadcast.

    ``quickly``: the same at arrays of one length, not finite where it is not known, or None.
    """
    arrays = {symbol: _sizes(symbol, value) for symbol, value in given.items()}
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        raise InvalidArgument(
            f"expected sizes that broadcast, got the shapes "
            f"{', '.join(f'{s} {array.shape}' for s, array in arrays.items())}; give arrays of "
            f"one shape, or numbers"
        ) from None
    if not shape:
        return function({s: read_size(s, array.item()) for s, array in arrays.items()})
    points = {s: np.broadcast_to(array, shape).ravel() for s, array in arrays.items()}
    found = quickly(points)
    if found is None:
        found = np.full(prod(shape), np.nan)
    rest = np.flatnonzero(~(np.isfinite(found) & (np.abs(found) >= _SMALLEST)))
    if not rest.size:
        return found.reshape(shape)
    with announced(f"{rest.size} values") as done:
        return _filled(found, rest, function, points, shape, done)


def broadcast(value: Any, size: int) -> FloatArray:
    """A number, or an array of ``size`` numbers, as an array of ``size`` floats."""
    return np.broadcast_to(np.asarray(value, dtype=np.float64), size)


def _sizes(symbol: Symbol, value: Any) -> Any:
    """``value`` as an array of numbers that ``symbol`` may stand for."""
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidArgument(
            f"expected an array of numbers for {symbol}, got a masked array; give the entries that "
            f"are not masked, value.compressed()"
        )
    array = _array(symbol, value)
    if array.dtype.kind == "f" and array.itemsize < np.dtype(np.float64).itemsize:
        array = array.astype(str).astype(np.float64)  # its shortest decimals
    if array.dtype.kind in "iuf" and symbol.is_integer:
        with np.errstate(invalid="ignore"):
            bad = ~((array >= 1) & (array == np.floor(array)) & np.isfinite(array))
        if bad.any():
            read_size(symbol, array[bad][0].item())
        return array
    for each in array.ravel().tolist():
        read_size(symbol, each)
    return array


def _array(symbol: Symbol, value: Any) -> Any:
    """``value`` as an array: NumPy says in its own words that rows have different lengths."""
    try:
        return np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        raise InvalidArgument(
            f"expected a number or an array of numbers for {symbol}, got {symbol}={typed(value)}; "
            f"give rows of one length, as in [[64, 128], [256, 512]]"
        ) from None


def _filled(
    found: FloatArray,
    rest: npt.NDArray[np.intp],
    function: Callable[[Sizes], Any],
    points: Mapping[Symbol, Any],
    shape: tuple[int, ...],
    done: Callable[[float], None],
) -> Any:
    """``found`` with the ``rest`` of the points computed point by point, equal points once."""
    known: dict[tuple[Any, ...], Any] = {}
    results = []
    for index in rest:
        sizes = {
            s: read_size(s, array[index : index + 1].tolist()[0]) for s, array in points.items()
        }
        key = tuple(sizes.values())
        if key not in known:
            known[key] = function(sizes)
        results.append(known[key])
        done(len(results) / rest.size)
    if isinstance(results[0], tuple):
        arrays = (column.reshape(shape) for column in columns(results))
        kind = type(results[0])
        return kind._make(arrays) if hasattr(kind, "_make") else tuple(arrays)
    found = found.copy()
    found[rest] = results
    return found.reshape(shape)


def columns(rows: Sequence[tuple[Any, ...]]) -> tuple[FloatArray, ...]:
    """An array for each column; `InvalidArgument` where groups of weights are missing in a row."""
    if len(set(map(len, rows))) > 1:
        raise InvalidArgument(
            "expected depths that have the same groups of weights, got L=1, which has no layers 2 "
            "to L, among others; call depth 1 by itself"
        )
    return tuple(np.array(column) for column in zip(*rows, strict=True))
