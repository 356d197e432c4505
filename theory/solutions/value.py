"""`Value` is an exact quantity of a random network: it takes sizes, and gives numbers without
cancellation."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mpmath import nstr
from sympy import Expr, Symbol

from theory.algebra.in_width import InWidth
from theory.algebra.numerals import FEW_LAYERS, formula_text
from theory.coverage import NoOperators
from theory.errors import InvalidArgument, NotSolved
from theory.exact.evaluation import guard_digits
from theory.networks.network import Network
from theory.networks.sizes import (
    Sizes,
    bound_sizes,
    in_order,
    is_large,
    sizes_given,
    takes_no_sizes,
)
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
from theory.solutions.floats import as_float, as_log
from theory.symbols import B, L, a, b, n, n_0
from theory.validation import brief, digits_wanted, series_order
from theory.waiting import announced
from theory.writing.blocks import Line
from theory.writing.pictures import Drawable
from theory.writing.rendering import formulas_latex

__all__ = ["ArrayFunction", "Number", "Value", "each"]

_FLOAT_DIGITS = 17
_TEXT_DIGITS, _LONGEST, _LONGEST_NUMBER, _MOST_CANCELLED = 10, 320, 160, 8
"""Digits of a decimal and characters of a formula in the text of a number; coefficients of a series
in 1/n that may cancel before its first."""
_EXAMPLES = {n: "64", n_0: "32", a: "'0.1'"}
"""Numbers for sizes in an answer; 4 for others."""


class Value(NoOperators, Drawable, PickledByFields, PublicNames, ABC):
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
            """The network of this value."""

        @property
        def layer(self) -> Any:
            """The hidden layer, 1 to L; None where the value belongs to no single layer."""

    @abstractmethod
    def _at(self, sizes: Sizes) -> Self:
        """The same with numbers in the place of symbols."""

    @abstractmethod
    def _number(self, context: Any) -> Any:
        """The number that it is, or a tuple of them, at eta = 1 and of a network in numbers, in an
        mpmath ``context``; all of its digits except the `guard_digits` are right."""

    @abstractmethod
    def _expanded(self, of: Callable[[Any], InWidth]) -> Any:
        """Its series in 1/n, or a tuple of series; ``of`` gives the series of a mean it is made
        of."""

    @abstractmethod
    def _lines(self) -> list[Line]:
        """The value as formulas: exact, or its limit, or both."""

    def _fast(self) -> FastNumbers | None:
        """The same as fast functions of width and depth, where there are any."""
        return None

    @property
    @abstractmethod
    def exact(self) -> Any:
        """The value as a SymPy expression that prints, or a tuple of them."""

    @abstractmethod
    def leading(self) -> Any:
        """Its leading term as n -> infinity, then as the depth grows; or a tuple of them."""

    error: ClassVar[float] = 0.0
    """The standard error of a derived value, which estimates of `verify` have."""

    @property
    def value(self) -> Any:
        """The value at eta = 1 in numbers as a float or a tuple; else `NotSolved`.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(width=10, depth=2)).label.value
        3.5
        """
        try:
            return self._floats({})
        except InvalidArgument as refusal:
            raise NotSolved(str(refusal)) from None

    @property
    def total(self) -> Self:
        """The whole value, under the name that an estimate of `verify` uses.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).total == squared_update(MLP())
        True
        """
        return self

    @property
    def label(self) -> Any:
        """The part from the label; `NotSolved` for a value that has no parts.

        >>> from theory import MLP, NotSolved, maximal_learning_rate
        >>> try:
        ...     maximal_learning_rate(MLP()).label
        ... except NotSolved as error:
        ...     print(error)
        MaximalLearningRate has no part from the label: take the part from squared_update(network)
        """
        raise NotSolved(_no_part(self, "label"))

    @property
    def output(self) -> Any:
        """The part from the network's output; `NotSolved` for a value that has no parts.

        >>> from theory import MLP, NotSolved, maximal_learning_rate
        >>> try:
        ...     maximal_learning_rate(MLP()).output
        ... except NotSolved as error:
        ...     print(error)
        MaximalLearningRate has no part from the output: take the part from squared_update(network)
        """
        raise NotSolved(_no_part(self, "output"))

    @announced("formulas")
    def latex(self) -> str:
        r"""The value as formulas in LaTeX, for a display; notebooks show them.

        >>> from theory import MLP, squared_update
        >>> print(squared_update(MLP(depth=1)).label.latex())
        \begin{aligned}
        \mathbb{E}\bigl[(\Delta z^{(1)}_i)^2\bigr]_{\text{label}} &= \frac{\eta^{2}}{2}
        \end{aligned}
        """
        return formulas_latex(self._lines())

    def _latex(self, printer: object = None) -> str:
        """The same for ``latex`` of SymPy."""
        return self.latex()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __float__(self) -> float:
        numbers = self._floats({})
        if isinstance(numbers, tuple):
            raise InvalidArgument(
                f"expected a value that is one number, got the {len(numbers)} numbers of "
                f"{type(self).__name__}; take one number, such as value.evaluate()[0]"
            )
        return float(numbers)

    def __format__(self, spec: str) -> str:
        """Its text without a format, else its float in that format."""
        return format(float(self), spec) if spec else str(self)

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

        A size itself, or a symbol of its name, stays open.  Raises `InvalidArgument` for sizes
        that are fixed, and for numbers that are no sizes.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).label.at(n=10, L=2).exact, squared_update(MLP()).at(4, 2).exact
        (7*eta**2/2, 3167*eta**2/256)
        """
        return self._at(sizes_given(self.open_sizes, self.network, places, sizes))

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

    def width_series(self, order: int) -> Any:
        """Coefficients of n^p, n^(p-1), ..., n^(p-order) at eta = 1 as n -> infinity at a fixed
        depth: numbers, or functions of L and ell.  n^p is the power of n in the leading term; it
        is n^0 for a mean squared update and its parts, and n^2 for the readout's step.

        Raises `NotSolved` for a width in numbers.

        >>> from theory import MLP, alignment, maximal_learning_rate, readout_update, squared_update
        >>> squared_update(MLP(depth=2)).width_series(2)
        (3, 8, 45)
        >>> squared_update(MLP()).width_series(1)
        (L**3/3 + L/6, 5*L**4/6 - 4*L**3/3 + 5*L**2/3 - 2*L/3)
        >>> readout_update(MLP()).width_series(1)
        (1, 5*L + 1)
        >>> maximal_learning_rate(MLP(depth=2)).width_series(1)
        (sqrt(3)/3, -4*sqrt(3)/9)
        >>> alignment(MLP(depth=2)).width_series(1)
        (2/3, 8/9)
        """
        order = series_order(order)
        self._check_wide()
        with announced("series in 1/n"):
            return self._series(order)

    def _series(self, order: int) -> Any:
        return each(lambda series: series.coefficients[: order + 1], self._with_terms_to(order))

    def _with_terms_to(self, order: int) -> Any:
        """Its series in 1/n to ``order`` from their first terms, with any cancellation."""
        for more in range(order, order + _MOST_CANCELLED):
            found = self._expanded(methodcaller("_in_width", more))
            known = each(lambda series: len(series.ratios), found)
            if min(known if isinstance(known, tuple) else (known,)) > order:
                return found
        raise NotSolved(
            f"the first {_MOST_CANCELLED} coefficients of the series in 1/n vanish: use exact "
            f"with numbers for the sizes"
        )

    def joint_limit(self) -> Any:
        """The leading term as n -> infinity with L = t n.

        Raises `NotSolved` where width or depth are numbers.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).joint_limit()
        6*sqrt(3)/(n**(3/2)*sqrt((4*t + 1)*exp(-t) + (6*t**2 + 2*t - 1)*exp(5*t)))
        """
        self._check_joint()
        with announced("joint limit"):
            return each(lambda series: series.term, self._expanded(methodcaller("_at_fixed_ratio")))

    def _check_wide(self) -> None:
        if self.network.width != n:
            raise NotSolved(
                f"width_series() needs a symbolic width, got {self.network}: leave width out"
            )

    def _check_joint(self) -> None:
        if self.network.width != n or isinstance(self.network.depth, int):
            raise NotSolved(
                f"the joint limit at a fixed depth/width needs symbolic width and depth, got "
                f"{brief(self.network)}: {self.network._open_sizes}"
            )

    @takes_no_sizes
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
        self._check_numbers("evaluate(), or take the expression, .exact")
        with announced("value"), workdps(digits + guard_digits(self.network.layers)) as context:
            return self._number(context)

    def _check_numbers(self, call: str) -> None:
        """`InvalidArgument` for a ``call`` while sizes are open."""
        if self._symbols():
            names = ", ".join(map(str, self.open_sizes))
            raise InvalidArgument(
                f"expected a value in numbers, got {self.network} with the open sizes {names}; "
                f"put numbers in, as in .at({self._example_sizes}).{call}"
            )

    @property
    def _example_sizes(self) -> str:
        return ", ".join(f"{size}={_EXAMPLES.get(size, 4)}" for size in self.open_sizes)

    def _floats(self, sizes: Sizes) -> Any:
        """The value at ``sizes`` in float64; `InvalidArgument` beyond its range."""
        numbers = self._at(sizes)._decimals(_FLOAT_DIGITS)
        return each(lambda number: as_float(number, sizes), numbers)

    def _logs(self, sizes: Sizes) -> Any:
        """Its natural logarithm, minus infinity for 0."""
        numbers = self._at(sizes)._decimals(_FLOAT_DIGITS)
        return each(lambda number: as_log(number, sizes), numbers)


class Number(Value):
    """A `Value` that is one number."""

    if TYPE_CHECKING:

        @property
        def _exact(self) -> Expr:
            """`exact`, also where its numbers are too long to print."""

    def _exact_text(self) -> str:
        """`exact` as text, in decimals where it is long."""
        return formula_text(self._exact)

    def _headline(self, unit: str = "") -> str:
        """The text of the number: exact where it is at most 64 layers deep, in decimals times
        ``unit`` where it is deeper; its leading term where width and depth are open; else its
        closed form, if that is short."""
        network = self.network
        try:
            if not self.open_sizes:
                text = self._exact_text() if network.layers <= FEW_LAYERS else ""
                if 0 < len(text) <= _LONGEST_NUMBER:
                    return text
                return f"{nstr(self.evaluate(_TEXT_DIGITS), _TEXT_DIGITS)}{unit}"
            open_depth = not isinstance(network.depth, int)
            # the exact value at a numbered layer of a chain is short
            numbered = network._is_chain and type(getattr(self, "layer", None)) is int
            if open_depth and self._is_slow_in_blocks():
                return self._long_text()
            if open_depth and network.width == n and not numbered:
                with suppress(NotSolved):
                    return f"{formula_text(self.leading())} to leading order"
            text = "" if is_large(network) else self._exact_text()
            if 0 < len(text) <= _LONGEST:
                return text
            return self._long_text()
        except NotSolved as reason:
            sizes = ", ".join(map(str, self.open_sizes))
            why = f"no closed form, and exact says why; call it with numbers for {sizes}"
            return why if sizes else str(reason)

    def _is_slow_in_blocks(self) -> bool:
        """Whether the closed form in an open number of blocks takes many seconds: its field then
        holds a slope, a multiplier or another symbol besides the sizes."""
        return not self.network._is_chain and bool({*self.open_sizes} - {n, B, b, n_0})

    def _long_text(self) -> str:
        sizes = ", ".join(map(str, self.open_sizes))
        return f"long; call it with numbers for {sizes}, or use exact"


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
        """The values by the fast form, where there is one and its range holds all points."""
        network, size = self.value.network, next(iter(points.values())).size
        if self.fast is None or not points.keys() <= {n, L} or not size:
            return None
        widths = broadcast(points.get(n, network.width), size)
        depths = broadcast(points.get(L, network.depth), size)
        if widths.max() > LARGEST_WIDTH or depths.max() > LARGEST_DEPTH:
            return None
        found: FloatArray = getattr(self.fast, quick)(widths, depths)
        return found


def _no_part(value: Value, part: str) -> str:
    return (
        f"{type(value).__name__} has no part from the {part}: take the part from "
        f"squared_update(network)"
    )


def each(function: Callable[[Any], Any], numbers: Any) -> Any:
    """``function`` of a number, or of each of a tuple of numbers."""
    if not isinstance(numbers, tuple):
        return function(numbers)
    values = map(function, numbers)
    return type(numbers)._make(values) if hasattr(numbers, "_make") else tuple(values)
