"""`Value` is an exact quantity of a random network: it takes sizes, and gives numbers without
cancellation."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from mpmath import mpf, nstr
from sympy import Expr, Symbol

from theory.algebra.numerals import FEW_LAYERS
from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network
from theory.networks.sizes import Sizes, bound_sizes, in_order, read_size
from theory.precision import published, workdps
from theory.public_names import PickledByFields, PublicNames
from theory.solutions.arrays import (
    LARGEST_DEPTH,
    LARGEST_WIDTH,
    FastNumbers,
    FloatArray,
    broadcast,
    over_arrays,
)
from theory.solutions.evaluation import guard_digits
from theory.solutions.pictures import Drawable
from theory.symbols import L, n
from theory.validation import brief, digits_wanted
from theory.waiting import announced

__all__ = ["ArrayFunction", "Composite", "Number", "Value", "as_float", "each", "is_large"]

_FLOAT_DIGITS = 17
_LEAST, _MOST = 2.2250738585072014e-308, 1.7976931348623157e308
_TEXT_DIGITS, _LONGEST = 10, 320
"""Digits of a decimal, and the characters of a formula, in the text of a number."""
_FEW_RATIONAL_LAYERS = 16
"""Depths up to which a rational function of the width is quick to make."""
_SHORT_WIDTH = 10**15
"""Widths up to which the numbers in a closed form are short."""


class Value(Drawable, PickledByFields, PublicNames, ABC):
    """A quantity of a random network, exact in the sizes that the network leaves open.

    Floats put into its closed form lose digits, since the terms nearly cancel.  A value never
    does: called with numbers it computes a sum of terms of one sign, or works with more digits.

    >>> from theory import MLP, squared_update
    >>> label = squared_update(MLP()).label
    >>> label(10**6, 10)
    335.00682508475666
    >>> label.at(n=64, L=3)
    SquaredUpdate, label part, at layer 3 of MLP(width=64, depth=3): 82395/8192 * eta**2
    """

    if TYPE_CHECKING:

        @property
        def network(self) -> Network:
            """The network that it is of."""

    @abstractmethod
    def _at(self, sizes: Sizes) -> Self:
        """The same with numbers in the place of symbols."""

    @abstractmethod
    def _number(self, context: Any) -> Any:
        """The number that it is, or a tuple of them, at eta = 1 and of a network in numbers, in an
        mpmath ``context``; all of its digits but those of `guard_digits` are right."""

    def _fast(self) -> FastNumbers | None:
        """The same as fast functions of width and depth, where there are any."""
        return None

    def _symbols(self) -> frozenset[Symbol]:
        return self.network.free_symbols

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The sizes left open, in the order in which a call takes them: width n, depth L, layer
        ell, input width n_0, slope a, then others.

        >>> from theory import MLP, LeakyReLU, squared_update
        >>> from theory.symbols import ell
        >>> squared_update(MLP(activation=LeakyReLU()), ell).open_sizes
        (n, L, ell, a)
        """
        return in_order(self._symbols(), self.network)

    def at(self, *places: Any, **sizes: Any) -> Self:
        """The same value with numbers for some of its open sizes, exact, given as in a call.

        Raises `InvalidArgument` for sizes that are fixed, and for numbers that are no sizes.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.at(n=10, L=2).exact, squared_update(MLP()).at(4, 2).exact
        (7*eta**2/2, 3167*eta**2/256)
        """
        given = bound_sizes(self.open_sizes, self.network, places, sizes)
        return self._at({symbol: read_size(symbol, number) for symbol, number in given.items()})

    def __call__(self, *sizes: Any, **named: Any) -> Any:
        """The value at eta = 1 at numbers for all of its open sizes, as floats: `lambdify`.

        By place in the order of `open_sizes`, or by name; arrays broadcast, and whole floats count
        as integers.  Right to 12 digits.  Raises `InvalidArgument` for sizes that are fixed, and
        for a value beyond the range of float64.

        >>> from theory import MLP, squared_update
        >>> u = squared_update(MLP())
        >>> u.label(10, 2), u.label(n=[10, 20], L=2)
        (3.5, array([3.5 , 3.25]))
        """
        return self.lambdify()(*sizes, **named)

    def lambdify(self) -> ArrayFunction:
        """The value at eta = 1 as a function of its open sizes, for numbers and arrays; its ``log``
        is the natural logarithm, at sizes where the value itself is beyond the range of float64.

        >>> from theory import MLP, squared_update
        >>> total = squared_update(MLP()).lambdify()
        >>> total
        lambdify(SquaredUpdate at layer L of MLP(): L**3*eta**2/3 to leading order)(n, L)
        >>> round(total(10**6, 10**4), 2), round(total.log(64, 10**5), 6)
        (341807052719.91, 21943.094213)
        """
        return ArrayFunction(self, self._fast())

    def evaluate(self, digits: int = 15) -> Any:
        """The value at eta = 1 of a network in numbers as a decimal number, of any size and depth.

        Relative error below 10^-``digits``.  Raises `InvalidArgument` while sizes are open.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(width=10**6, depth=10**4)).evaluate()
        mpf('341807052719.91071')
        """
        digits = digits_wanted(digits)
        return each(lambda number: published(number, digits), self._decimals(digits))

    def _decimals(self, digits: int) -> Any:
        """Numbers of this thread's context, right to ``digits``."""
        self._check_numbers()
        with announced("value"), workdps(digits + guard_digits(self.network.layers)) as context:
            return self._number(context)

    def _check_numbers(self) -> None:
        if self._symbols():
            names = ", ".join(map(str, self.open_sizes))
            raise InvalidArgument(
                f"expected a value in numbers, got {self.network} with the open sizes {names}; "
                f"put numbers in, as in .at(n=64, L=4).evaluate()"
            )

    def _floats(self, sizes: Sizes) -> Any:
        """The value at ``sizes`` in float64; `InvalidArgument` beyond its range."""
        numbers = self._at(sizes)._decimals(_FLOAT_DIGITS)
        return each(lambda number: as_float(number, sizes), numbers)

    def _logs(self, sizes: Sizes) -> Any:
        """Its natural logarithm, minus infinity for 0."""
        numbers = self._at(sizes)._decimals(_FLOAT_DIGITS)
        return each(lambda number: _log(number, sizes), numbers)


class Number(Value):
    """A `Value` that is one number."""

    if TYPE_CHECKING:

        @property
        def exact(self) -> Expr:
            """The value as a SymPy expression that prints."""

        @property
        def _exact(self) -> Expr:
            """The same, also where its numbers are too long to print."""

        def leading(self) -> Expr:
            """Its leading term as n -> infinity, then as the depth grows."""

    def __float__(self) -> float:
        number: float = self._floats({})
        return number

    def _exact_text(self) -> str:
        """`exact` as text, in decimals where it is long."""
        return str(self._exact)

    def _headline(self, unit: str = "") -> str:
        """The text of the number: exact where it is at most 64 layers deep, in decimals times
        ``unit`` where it is deeper; its leading term where width and depth are open; else its
        closed form, if that is short."""
        network = self.network
        try:
            if not self.open_sizes:
                if network.layers <= FEW_LAYERS:
                    return self._exact_text()
                return f"{nstr(self.evaluate(_TEXT_DIGITS), _TEXT_DIGITS)}{unit}"
            open_depth = not isinstance(network.depth, int)
            # a numbered layer has no leading term in an open depth
            if open_depth and network.width == n and type(getattr(self, "layer", None)) is not int:
                return f"{self.leading()} to leading order"
            text = "" if is_large(network) else self._exact_text()
            if 0 < len(text) <= _LONGEST:
                return text
            sizes = ", ".join(map(str, self.open_sizes))
            return f"long, with {sizes} open: call it with numbers for them, or ask for exact"
        except NotSolved as reason:
            return str(reason)


class Composite(Value):
    """A value made of other values, which are fields of its dataclass, or tuples of them."""

    @property
    def network(self) -> Network:
        """The network that it is of.

        >>> from theory import MLP, alignment, squared_update, tangent_kernel
        >>> network = MLP(depth=2)
        >>> [law(network).network for law in (squared_update, alignment, tangent_kernel)]
        [MLP(depth=2), MLP(depth=2), MLP(depth=2)]
        """
        return self._values()[-1].network

    def _symbols(self) -> frozenset[Symbol]:
        return self._values()[-1]._symbols()

    def _at(self, sizes: Sizes) -> Self:
        return replace(self, **{name: _placed(held, sizes) for name, held in self._held()})  # type: ignore[type-var]

    def _values(self) -> list[Value]:
        """The values, in the order of the fields."""
        held = (each if isinstance(each, tuple) else (each,) for _, each in self._held())
        return [each for each in chain.from_iterable(held) if isinstance(each, Value)]

    def _held(self) -> list[tuple[str, Any]]:
        """The fields by name."""
        return [(each.name, getattr(self, each.name)) for each in fields(self)]  # type: ignore[arg-type]


def _placed(held: Any, sizes: Sizes) -> Any:
    """A field of a `Composite` with numbers in the place of symbols."""
    if isinstance(held, tuple):
        return tuple(_placed(each, sizes) for each in held)
    return held._at(sizes) if isinstance(held, Value) else held


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

    value: Value
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
        widths = broadcast(points.get(n, network.width), size)
        depths = broadcast(points.get(L, network.depth), size)
        if widths.max() > LARGEST_WIDTH or depths.max() > LARGEST_DEPTH:
            return None
        found: FloatArray = getattr(self.fast, quick)(widths, depths)
        return found


def each(function: Callable[[Any], Any], numbers: Any) -> Any:
    """``function`` of a number, or of each of a tuple of numbers."""
    if not isinstance(numbers, tuple):
        return function(numbers)
    values = map(function, numbers)
    return type(numbers)._make(values) if hasattr(numbers, "_make") else tuple(values)


def is_large(network: Network) -> bool:
    """Whether a closed form for ``network`` is too deep or too wide to be made for a line."""
    deep = isinstance(network.depth, int) and network.depth > _FEW_RATIONAL_LAYERS
    widths = network.width if isinstance(network.width, tuple) else (network.width,)
    return deep or any(isinstance(each, int) and each > _SHORT_WIDTH for each in widths)


def as_float(number: mpf, sizes: Sizes, call: Callable[[Sizes], str] | None = None) -> float:
    """``number`` in float64; `InvalidArgument`, with the exact ``call``, beyond its range."""
    value = float(number)
    if value == 0 == number or _LEAST <= abs(value) <= _MOST:
        return value
    with workdps(5) as context:
        size = context.nstr(number, 3)
    got = f"{_written(sizes)}, where it is {size}" if sizes else size
    raise InvalidArgument(
        f"expected a value that float64 can hold, got {got}; {(call or _call)(sizes)} has it"
    )


def _log(number: mpf, sizes: Sizes) -> float:
    if number > 0:
        return float(number.context.log(number))
    if number == 0:
        return float("-inf")
    raise InvalidArgument(
        f"expected sizes where the value is positive, got {_written(sizes)}, where it is negative "
        f"and has no logarithm; {_call(sizes)} has it"
    )


def _written(sizes: Sizes) -> str:
    return ", ".join(f"{symbol}={brief(number)}" for symbol, number in sizes.items()) or "these"


def _call(sizes: Sizes) -> str:
    named = ", ".join(f"{symbol}={brief(number)}" for symbol, number in sizes.items())
    return f".at({named}).evaluate()" if named else "evaluate()"
