"""Multipliers of the learning rate are given by group or by a range of layers, for any depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, TypeAlias

from sympy import Expr, Integer, Symbol, sympify

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.public_names import PlainText
from theory.symbols import meant, p, q
from theory.validation import non_negative_value, positive_int, typed, written

__all__ = [
    "NUMBERED_LAYERS",
    "ByGroup",
    "Run",
    "Schedule",
    "TrainedLayers",
    "as_multipliers",
    "grouped",
    "has_closed_form",
    "least_depth",
    "multiplier_runs",
    "open_ends",
    "schedule",
]


_ONE = Integer(1)
NUMBERED_LAYERS = range(1, 17)
"""Layers that a short closed form can name by a number."""


@answered_class
@dataclass(frozen=True)
class ByGroup(PlainText):
    """Multipliers of eta for layer 1, for layers 2 to L - 1, and for layer L; for depths from 2.

    Each is an exact non-negative number, 1 by default.  ``hidden`` leaves layer L out; the group
    `HiddenLayers`, layers 2 to L, includes it.

    >>> ByGroup(first=0)
    ByGroup(first=0, hidden=1, last=1)
    """

    first: Expr = _ONE
    hidden: Expr = _ONE
    last: Expr = _ONE

    def __post_init__(self) -> None:
        for name in ("first", "hidden", "last"):
            object.__setattr__(self, name, non_negative_value(name, getattr(self, name)))

    def __repr__(self) -> str:
        values = (f"{name}={written(getattr(self, name))}" for name in ("first", "hidden", "last"))
        return f"ByGroup({', '.join(values)})"


@answered_class
@dataclass(frozen=True)
class TrainedLayers(PlainText):
    """Layers ``first`` to ``last`` trained with multiplier 1, all others with 0.

    ``first``: an int, or the symbol ``p``, which is at least 2 and at most the layer of the
    update.  ``last``: an int, None for L, or the symbol ``q``, which is at least ``first`` and
    less than the layer of the update.  Both symbols belong to `theory.symbols`.
    With symbols, p and q grow in proportion to L in `leading()`, which therefore differs at p = 2
    and q = 3 from `leading()` with ``TrainedLayers(2, 3)``.

    >>> TrainedLayers(2)
    TrainedLayers(first=2, last=None)
    """

    first: int | Symbol = 1
    last: int | Symbol | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", _end("first", self.first, p))
        if self.last is not None:
            object.__setattr__(self, "last", _end("last", self.last, q))
        ends = (self.first, self.last)
        if isinstance(self.first, int) and isinstance(self.last, int) and self.first > self.last:
            raise InvalidArgument(
                f"expected first <= last in TrainedLayers, got first={ends[0]} and last={ends[1]}; "
                f"swap them"
            )


Rates: TypeAlias = ByGroup | TrainedLayers | None


@dataclass(frozen=True)
class Run:
    """``count`` equal layers with one multiplier; the count is an affine form in depth symbols."""

    rate: Expr
    count: Expr


@dataclass(frozen=True)
class Schedule:
    """The multipliers that matter to one layer: its own, and the multipliers of the layers below
    it.

    ``first``: of layer 1, None where layer 1 is the layer itself.  ``runs``: layers 2 to
    ``layer`` - 1, from below.  ``own``: of the layer itself.  ``before``: a layer that ``layer``
    must lie below, because its multiplier differs, or None.
    """

    layer: Expr
    first: Expr | None
    runs: tuple[Run, ...]
    own: Expr
    before: Expr | None = None


def schedule(rates: Rates, layer: Expr, depth: Expr) -> Schedule:
    """The multipliers of ``rates`` at and below ``layer``, an int or one of L and ell.

    Law: the runs' counts are right wherever none of them is negative.
    """
    if isinstance(rates, TrainedLayers):
        return _trained(rates, layer)
    group = ByGroup() if rates is None else rates
    before = depth if layer != depth and group.last != group.hidden else None
    if layer == 1:
        return Schedule(layer, None, (), group.first, before)
    own = group.last if layer == depth else group.hidden
    return Schedule(layer, group.first, (Run(group.hidden, layer - 2),), own, before)


def _trained(rates: TrainedLayers, layer: Expr) -> Schedule:
    one, zero = Integer(1), Integer(0)
    first = sympify(rates.first)
    last = None if rates.last is None else sympify(rates.last)
    if last is not None and (last - layer).is_nonnegative:
        last = None
    later = bool((first - layer).is_positive) or (layer == 1 and first == p)
    own = zero if later or last is not None else one
    if layer == 1:
        return Schedule(layer, None, (), own)
    if later:
        return Schedule(layer, zero, (Run(zero, layer - 2),), zero)
    bottom = Integer(2) if first == 1 else first
    top = layer - 1 if last is None else last
    runs = (
        Run(zero, bottom - 2),
        Run(one, top - bottom + 1),
        Run(zero, layer - 1 - top),
    )
    counted = tuple(run for run in runs if run.count != 0)
    return Schedule(layer, one if first == 1 else zero, counted, own)


def multiplier_runs(rates: tuple[Expr, ...] | Rates, depth: int) -> list[tuple[Expr, int]]:
    """Multipliers of the layers of a network of ``depth`` layers, from the first layer up: each
    with the number of neighbouring layers that share it.

    ``rates``: without symbols.  Raises `InvalidArgument` where the depth is too small for them.

    >>> multiplier_runs(ByGroup(first=0), 10**9)
    [(0, 1), (1, 999999998), (1, 1)]
    """
    if rates is None:
        return [(_ONE, depth)]
    if isinstance(rates, tuple):
        return [(rate, 1) for rate in rates]
    if isinstance(rates, ByGroup):
        if depth < 2:
            raise InvalidArgument(
                "expected a depth of at least 2 with ByGroup, got depth=1, whose only layer is "
                "both first and last; give rates=(multiplier,)"
            )
        runs = [(rates.first, 1), (rates.hidden, depth - 2), (rates.last, 1)]
    else:
        first, last = int(rates.first), depth if rates.last is None else int(rates.last)
        if max(last, first) > depth:
            raise InvalidArgument(
                f"expected trained layers up to {depth}, got {rates!r}; the network has {depth} "
                f"hidden layers"
            )
        runs = [(Integer(0), first - 1), (_ONE, last - first + 1), (Integer(0), depth - last)]
    return [(rate, count) for rate, count in runs if count]


def as_multipliers(rates: tuple[Expr, ...] | Rates, depth: int) -> tuple[Expr, ...]:
    """One multiplier for each layer of a network of ``depth`` layers: `multiplier_runs` in full."""
    runs = (repeat(rate, count) for rate, count in multiplier_runs(rates, depth))
    return tuple(chain.from_iterable(runs))


def grouped(rates: tuple[Expr, ...] | Rates) -> tuple[Expr, ...] | Rates:
    """``rates``, by group where layers 2 to L - 1 share a multiplier that is given for each.

    >>> grouped((_ONE, _ONE, 3 * _ONE))
    ByGroup(first=1, hidden=1, last=3)
    """
    if not isinstance(rates, tuple) or len(set(rates[1:-1])) != 1:
        return rates
    return ByGroup(rates[0], rates[1], rates[-1])


def least_depth(rates: object, numbers: Mapping[Symbol, Any]) -> int:
    """The least depth that ``rates`` fit, with ``numbers`` for ends that are symbols.

    >>> least_depth(ByGroup(), {}), least_depth(TrainedLayers(3, 5), {})
    (2, 5)
    """
    if not isinstance(rates, TrainedLayers):
        return 1 + isinstance(rates, ByGroup)
    last = 1 if rates.last is None else numbers.get(q, 1) + 1 if rates.last == q else rates.last
    return max(int(numbers.get(p, 1) if rates.first == p else rates.first), int(last))


def has_closed_form(rates: tuple[Expr, ...] | Rates, layer: int | Symbol) -> bool:
    """Whether a closed form at a symbol for ``layer`` is right and short at this number.

    >>> has_closed_form(TrainedLayers(4), 100), has_closed_form(TrainedLayers(4), 3)
    (True, False)
    """
    if not isinstance(rates, TrainedLayers):
        return not isinstance(rates, tuple)
    ends = (rates.first, 1 if rates.last is None else rates.last)
    numbered = all(end in NUMBERED_LAYERS for end in ends)
    return numbered and isinstance(layer, int) and all(end < layer for end in ends)


def open_ends(rates: tuple[Expr, ...] | Rates) -> frozenset[Symbol]:
    """The ends of trained layers that are symbols."""
    ends = (rates.first, rates.last) if isinstance(rates, TrainedLayers) else ()
    return frozenset(end for end in ends if isinstance(end, Symbol))


def _end(name: str, value: object, symbol: Symbol) -> int | Symbol:
    value = meant(value, symbol)
    if not isinstance(value, Symbol):
        return positive_int(name, value)
    if value != symbol:
        raise InvalidArgument(
            f"expected an int or the symbol theory.symbols.{symbol} for {name}, got "
            f"{name}={typed(value)}; give {name}={symbol}, and put another symbol into the result, "
            f"as in .exact.subs({symbol}, {value.name})"
        )
    return value
