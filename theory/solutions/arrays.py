"""`ArrayFunction` is a value as a function of arrays of sizes: point by point or by a fast form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from sympy import Symbol

from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.networks.sizes import Sizes, bound_sizes, read_size
from theory.symbols import L, n
from theory.waiting import announced

__all__ = ["LARGEST_DEPTH", "LARGEST_WIDTH", "ArrayFunction", "FastNumbers", "over_arrays"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
_SMALLEST = np.finfo(np.float64).tiny


LARGEST_WIDTH, LARGEST_DEPTH = 10**9, 10**6
"""Up to which float64 values are good to 10^-12."""


class Sized(Protocol):
    """A quantity of a network with open sizes (`theory.solutions.value`)."""

    @property
    def network(self) -> Network:
        """The network that it is of."""

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The sizes left open, in the order in which a call takes them."""

    def _floats(self, sizes: Sizes) -> Any: ...

    def _logs(self, sizes: Sizes) -> Any: ...


class FastNumbers(Protocol):
    """A quantity in float64 at widths up to 10^9 and depths up to 10^6, arrays of one shape; not
    finite, or below the normal range, where it is not known to 12 digits."""

    def values(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """The quantity."""

    def logs(self, widths: FloatArray, depths: FloatArray) -> FloatArray:
        """Its natural logarithm."""


@dataclass(frozen=True)
class ArrayFunction:
    """A value at eta = 1 as a function of its open sizes, numbers or arrays that broadcast.

    ``fast``: the same for many sizes at once, where there is such a form.  Made by
    `Value.lambdify`.

    >>> from theory import MLP, maximal_learning_rate
    >>> rate = maximal_learning_rate(MLP()).lambdify()
    >>> rate([64, 256], 10).round(4)
    array([0.0451, 0.0523])
    """

    value: Sized
    fast: FastNumbers | None = None

    def __call__(self, *sizes: Any, **named: Any) -> Any:
        """The value: a float for numbers, an array of float64 for arrays, right to 12 digits.

        `InvalidArgument` where it is beyond the range of float64, and for numbers that are no
        sizes.
        """
        return self._applied(self.value._floats, "values", sizes, named)

    def log(self, *sizes: Any, **named: Any) -> Any:
        """Its natural logarithm at sizes as in a call, with an error below 10^-12 max(1, |log|).

        Minus infinity where the value is 0; `InvalidArgument` where it is negative.
        """
        return self._applied(self.value._logs, "logs", sizes, named)

    @property
    def __signature__(self) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(s.name, kind) for s in self.value.open_sizes])

    def __repr__(self) -> str:
        return f"lambdify({self.value!r})({', '.join(map(str, self.value.open_sizes))})"

    def _applied(
        self,
        function: Callable[[Sizes], Any],
        quick: str,
        places: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> Any:
        return over_arrays(function, self._given(places, named), partial(self._quickly, quick))

    def _given(self, places: tuple[Any, ...], named: Mapping[str, Any]) -> dict[Symbol, Any]:
        symbols = self.value.open_sizes
        given = bound_sizes(symbols, self.value.network, places, named)
        missing = [symbol for symbol in symbols if symbol not in given]
        if missing:
            names = ", ".join(map(str, missing))
            raise InvalidArgument(
                f"expected numbers for {', '.join(map(str, symbols))}, got none for {names}; give "
                f"all of them, or use .at(...) for the exact value with {names} left open"
            )
        return {symbol: given[symbol] for symbol in symbols}

    def _quickly(self, quick: str, points: Mapping[Symbol, Any]) -> FloatArray | None:
        """By the fast form where there is one and its range holds all points."""
        network, size = self.value.network, next(iter(points.values())).size
        if self.fast is None or not points.keys() <= {n, L} or not size:
            return None
        widths = _spread_out(points.get(n, network.width), size)
        depths = _spread_out(points.get(L, network.depth), size)
        if widths.max() > LARGEST_WIDTH or depths.max() > LARGEST_DEPTH:
            return None
        found: FloatArray = getattr(self.fast, quick)(widths, depths)
        return found


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


def _spread_out(value: Any, size: int) -> FloatArray:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), size)


def _sizes(symbol: Symbol, value: Any) -> Any:
    """``value`` as an array of numbers that ``symbol`` may stand for."""
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidArgument(
            f"expected an array of numbers for {symbol}, got a masked array; give the entries that "
            f"are not masked, value.compressed()"
        )
    array = np.asarray(value)
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


def _filled(
    found: FloatArray,
    rest: npt.NDArray[np.intp],
    function: Callable[[Sizes], Any],
    points: Mapping[Symbol, Any],
    shape: tuple[int, ...],
    done: Callable[[float], None],
) -> Any:
    """``found`` with the ``rest`` of the points computed one by one, equal ones once."""
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
        if len(set(map(len, results))) > 1:
            raise InvalidArgument(
                "expected depths that have the same groups of weights, got L=1, which has no "
                "layers 2 to L, among others; call depth 1 by itself"
            )
        columns = (np.array(column).reshape(shape) for column in zip(*results, strict=True))
        kind = type(results[0])
        return kind._make(columns) if hasattr(kind, "_make") else tuple(columns)
    found = found.copy()
    found[rest] = results
    return found.reshape(shape)
