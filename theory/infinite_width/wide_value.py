"""`WideValue` is a number of a network as n -> infinity, with its law in the depth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sympy import Expr, Float, Integer, Symbol

from theory.activations.nonlinearity import FloatArray
from theory.algebra.numerals import formula_text
from theory.coverage import ReadAsNumber
from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network
from theory.networks.sizes import (
    Sizes,
    bound_sizes,
    network_at,
    refuse_open_depth,
    sizes_given,
)
from theory.public_names import PickledByFields, PublicNames
from theory.symbols import L, n
from theory.validation import brief, typed, whole_number
from theory.waiting import announced
from theory.writing.blocks import Line
from theory.writing.notation import Math, escaped
from theory.writing.pictures import Drawable
from theory.writing.rendering import formulas_latex

__all__ = [
    "DEEPEST",
    "WideValue",
    "at_named_width",
    "at_width",
    "checked_depths",
    "in_floats",
    "one_depth",
    "other_sizes",
]

DEEPEST = 10**6
"""Layers of a recursion; they take some seconds."""
_LEAST = float(np.finfo(np.float64).tiny)
"""Below this, floats lose digits."""


class WideValue(ReadAsNumber, Drawable, PickledByFields, PublicNames):
    """A number of a network as n -> infinity, in units of n^`_width_power`."""

    _unit: ClassVar[Expr] = Integer(1)
    """The power of eta in `leading`."""
    _called: ClassVar[str] = "its value"
    _of_curves: ClassVar[str] = r"$n \to \infty$"

    def infinite_width(self, depth: object = None) -> Any:
        """The value at eta = 1 and n = infinity of a network of ``depth`` layers or blocks, over
        the power of n in `leading`, to a relative error of 1e-8, or 2e-5 for a real step through
        10^5 layers; an array for several depths; None for the depth of the network.

        At the layer ``ell`` the value is an array over all layers of one depth.  Raises
        `InvalidArgument` for another depth than that of the network, and beyond 10^6 layers;
        `NotSolved` for a value beyond the range of floats.

        >>> from theory import MLP, Normalised, Tanh, squared_update
        >>> update = squared_update(MLP(activation=Tanh()), optimiser=Normalised())
        >>> round(update.infinite_width(16), 6), update.infinite_width([1, 2, 4]).round(3)
        (56.810278, array([1.   , 2.45 , 6.174]))
        """
        depths = checked_depths(self.network, depth)
        if not np.ndim(depths):
            return self._one(depths)
        several = np.unique(depths)
        return self._at_each(several)[np.searchsorted(several, depths)]

    def _one(self, depth: int) -> float:
        """The value of one depth."""
        raise NotImplementedError

    def _at_each(self, depths: FloatArray) -> FloatArray:
        """The values of rising depths."""
        found = np.zeros(len(depths))
        with announced("values at n = ∞") as done:
            for place, depth in enumerate(depths.tolist()):
                found[place] = self._one(depth)
                done((place + 1) / len(found))
        return found

    def __call__(self, *sizes: Any, **named: Any) -> Any:
        """The value at eta = 1 at a number or several for the depth L, or for the number of blocks
        B: `infinite_width`, times its power of n, for which n=64 gives an open width.

        >>> from theory import MLP, Tanh, squared_update
        >>> round(squared_update(MLP(activation=Tanh()))(L=12), 6)
        1.649215
        """
        value, rest = at_named_width(self, named) if self._width_power else (self, named)
        given = bound_sizes(self.open_sizes, value.network, sizes, rest, self._elsewhere)
        return value._with_width(value.infinite_width(given.get(self._depth_symbol)))

    def at(self, *places: Any, **sizes: Any) -> Self:
        """The same value of the network with numbers for its open depth or width, given as in a
        call, the width by name.

        >>> from theory import MLP, Tanh, squared_update
        >>> round(squared_update(MLP(activation=Tanh())).at(L=12).value, 6)
        1.649215
        """
        wide = [n] * (n in self.network.free_symbols)
        if wide and len(places) > 1:
            raise InvalidArgument(
                f"expected at most one size by place, got {', '.join(map(brief, places))}; give "
                f"n={brief(places[0])}, {self._depth_symbol}={brief(places[1])}"
            )
        return self._at(sizes_given((*self.open_sizes, *wide), self.network, places, sizes))

    def _at(self, sizes: Sizes) -> Self:
        return replace(self, network=network_at(self.network, sizes))  # type: ignore[type-var]

    @property
    def value(self) -> Any:
        """The value at eta = 1 of a network with the depth in numbers, and for a value in units of
        n, the width.

        >>> from theory import MLP, SignDescent, Tanh, squared_update
        >>> round(squared_update(MLP(depth=12, activation=Tanh(), weight_variance=1)).value, 6)
        1.649215
        >>> update = squared_update(MLP(64, 8), optimiser=SignDescent())
        >>> float(update) == 64**2 * update.infinite_width()
        True
        """
        return self._with_width(self.infinite_width())

    @property
    def open_sizes(self) -> tuple[Symbol, ...]:
        """The depth L, or the number of blocks B, if it is open.

        >>> from theory import MLP, Tanh, squared_update
        >>> squared_update(MLP(activation=Tanh())).open_sizes
        (L,)
        """
        return () if isinstance(self.network.depth, int) else (self._depth_symbol,)

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth or the number of blocks grows, with
        its power of n.  A network with a depth in numbers has its value.

        Raises `NotSolved` where no law is known: for real steps at one rate, for multipliers and
        layers below the last, and for a rate that another layer than the last binds.

        >>> from theory import MLP, Tanh, maximal_learning_rate, squared_update
        >>> squared_update(MLP(activation=Tanh())).leading()
        L*eta**2/12
        >>> maximal_learning_rate(MLP(activation=Tanh())).leading()
        2*sqrt(3)/sqrt(L)
        """
        if isinstance(self.network.depth, int):
            found = self.infinite_width()
            if np.ndim(found):
                raise NotSolved(
                    f"a leading term at layer=ell of {self.network} is not solved: call "
                    f"infinite_width() for the values of all {len(found)} layers, or give layer a "
                    f"number"
                )
            return Float(found) * n**self._width_power * self._unit
        return self._law()

    def _law(self) -> Expr:
        """`leading` of a network of any depth."""
        raise NotImplementedError

    def latex(self) -> str:
        r"""The value, or its leading term, in LaTeX; notebooks show it.

        >>> from theory import MLP, Tanh, squared_update
        >>> print(squared_update(MLP(activation=Tanh())).latex())
        \begin{aligned}
        \mathbb{E}\bigl[(\Delta z^{(L)}_i)^2\bigr] &\sim  \frac{L \eta^{2}}{12}
        \end{aligned}
        """
        sign = "≈" if isinstance(self.network.depth, int) else "~"
        return formulas_latex([Line(self._symbol, Math.of(self.leading()), sign)])

    def _repr_latex_(self) -> str:
        try:
            return f"$\\displaystyle {self.latex()}$"
        except NotSolved:
            return rf"$\text{{{escaped(repr(self))}}}$"

    @property
    def _symbol(self) -> Math:
        """The quantity, in a formula."""
        raise NotImplementedError

    def _headline(self) -> str:
        """The value, or its law, in words."""
        depth = self.network.depth
        known = isinstance(depth, int)
        try:
            if not known:
                return self._said_law()
            if depth <= self._quick_depth:
                return self._said_value()
        except NotSolved:
            if known:
                return "no number at n = ∞; infinite_width() says why"
        call = f"infinite_width({'' if known else self._size})"
        return f"call {call} for {self._called} at n = ∞"

    def _said_value(self) -> str:
        """The value of a network with a depth in numbers, in words."""
        raise NotImplementedError

    def _said_law(self) -> str:
        """The law, in words."""
        return f"{formula_text(self.leading())} as n → ∞, then as {self._depth_symbol} grows"

    @property
    def _quick_depth(self) -> int:
        """Layers whose value takes some tenths of a second."""
        return DEEPEST

    @property
    def _width_power(self) -> int:
        """The value is of order n to this power."""
        raise NotImplementedError

    @property
    def _depth_symbol(self) -> Symbol:
        return self.network._depth_symbol

    @property
    def _size(self) -> str:
        """The name of the depth in calls."""
        return "blocks" if L in self.network._depths else "depth"

    @property
    def _elsewhere(self) -> str:
        """The fix for sizes other than the depth in a call."""
        return other_sizes(self.network, bool(self.open_sizes), bool(self._width_power))

    @property
    def _drawn_unit(self) -> Expr:
        return Integer(1) if isinstance(self.network.width, int) else n**self._width_power

    def _drawn_curves(self, axis: Symbol, grid: Any, point: dict[Symbol, Any]) -> Any:
        return (self._in_drawn_units(self.infinite_width(grid)),)

    def _in_drawn_units(self, found: Any) -> Any:
        return found if self._drawn_unit != 1 else self._with_width(found)

    def _said_number(self, found: float) -> str:
        """``found``, over the power of n, in words."""
        if self._width_power and isinstance(self.network.width, int):
            return f"{self._with_width(found):.6g} to leading order as n → ∞"
        unit = {0: "", -1: "/n"}.get(self._width_power, f" * {n**self._width_power}")
        return f"{found:.6g}{unit} at n = ∞"

    def _with_width(self, found: Any) -> Any:
        """``found``, as numbers; `InvalidArgument` at an open width."""
        power = self._width_power
        call = f"call infinite_width({'16' * bool(self.open_sizes)}) for the value over {n**power}"
        return at_width(found, power, self.network, call)


def at_width(found: Any, power: Any, network: Network, instead: str) -> Any:
    """``found``, in units of n^``power``, as numbers; `InvalidArgument` at an open width."""
    width = network.width
    if not power:
        return found
    if not isinstance(width, int):
        raise InvalidArgument(
            f"expected a width in numbers for a value in units of {n**power}, got "
            f"width={brief(n if width is None else width)} in {brief(network)}; "
            f"{_width(network)}, or {instead}"
        )
    return found * float(width) ** float(power)


def other_sizes(network: Network, is_open: bool, has_width: bool) -> str:
    """The fix for sizes other than the depth, if it ``is_open``; ``has_width``: whether the value
    is in units of n."""
    depth = "number of blocks" if L in network._depths else "depth"
    sizes = f"the {depth} alone" if is_open else "no size"
    if has_width and not isinstance(network.width, int):
        return f"{_width(network)}, and {sizes} to this value"
    return f"this value is the limit n -> infinity; give {sizes}"


def at_named_width(value: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A value at the width among the ``named`` sizes of a call, if its width is open, and the
    others."""
    wide = ("n", "width") if n in value.network.free_symbols else ()
    widths = {name: named[name] for name in wide if name in named}
    rest = {name: size for name, size in named.items() if name not in widths}
    return value.at(**widths) if widths else value, rest


def _width(network: Network) -> str:
    """The fix for an open width."""
    by_name = "at(n=64) or " * (n in network.free_symbols)
    return f"give the width, as in {by_name}{type(network).__name__}(width=64)"


def checked_depths(
    network: Network, depth: object, call: str = "infinite_width(64), or call leading()"
) -> Any:
    """The depth, or an array of depths, that a ``call`` gives; that of ``network`` for None."""
    known = network.depth if isinstance(network.depth, int) else None
    if depth is None and known is not None:
        if known > DEEPEST:
            raise InvalidArgument(f"expected at most {DEEPEST:,} layers, got {network}; give fewer")
        return known
    if depth is None:
        refuse_open_depth(network, call)
    several = isinstance(depth, Iterable) and not isinstance(depth, str)
    listed = list(depth) if isinstance(depth, Iterable) and several else [depth]
    whole = [whole_number(each) for each in listed]
    if not whole or any(each is None or not 1 <= each <= DEEPEST for each in whole):
        raise InvalidArgument(
            f"expected a depth from 1 to {DEEPEST:,}, or several, got depth={typed(depth)}; give "
            f"depth=64, say"
        )
    if known is not None and set(whole) != {known}:
        raise InvalidArgument(
            f"expected the depth {known} of the network, got depth={typed(depth)}; leave it out"
        )
    return np.array(whole) if several else whole[0]


def one_depth(network: Network, depth: object, call: str) -> int:
    """The one depth that a ``call`` gives; that of ``network`` for None."""
    depths = checked_depths(network, depth, call)
    if not isinstance(depths, int):
        raise InvalidArgument(f"expected one depth, got depth={typed(depth)}; give an int")
    return depths


def in_floats(
    found: Any, moves: bool, what: str, network: Network, depths: Any, instead: str
) -> FloatArray:
    """``found``, at one depth or at each of ``depths``, or `NotSolved` where a number is infinite,
    or 0 or nearly so although the layer ``moves``; ``what`` names the number."""
    found = np.asarray(found)
    off = ~np.isfinite(found) | (moves & (np.abs(found) < _LEAST))
    if off.any():
        depth = np.broadcast_to(depths, found.shape)[off][0]
        raise NotSolved(
            f"{what} of {brief(network)} at {depth:,} layers is beyond the range of floats: "
            f"{instead}"
        )
    return found
