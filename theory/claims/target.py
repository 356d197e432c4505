"""A target is E[(Delta z)^2] or the maximal rate of a network, with which a formula is compared.

A rate r is equivalent to a squared update, E = bound/r^2: `Target.implied` turns a user's formula
for the rate into the formula for E per eta^2, which is compared.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from sympy import Expr, Integer, Rational, Symbol, sympify

from theory.errors import InvalidArgument
from theory.formulas.evaluation import Number, decimal
from theory.laws.criteria import BlockCriterion, Criterion
from theory.laws.mean import Mean, mean_of
from theory.laws.spread import Spread
from theory.laws.update import squared_update
from theory.networks.multipliers import ByGroup, TrainedLayers, as_multipliers
from theory.networks.residual import Residual
from theory.networks.roles import Branch, block_of
from theory.networks.sizes import layer_at, network_at
from theory.precision import DECIMALS, mpf
from theory.rates.rate import maximal_learning_rate
from theory.symbols import B, L, a, b, ell, eta, n, n_0, t
from theory.words.observables import Observable

__all__ = ["Claim", "Point", "Quantity", "Target", "as_layers", "is_of", "point_name", "sizes"]

Point = Mapping[Symbol, Rational]
"""Numbers for the sizes that a target leaves open."""
COORDINATES = (L, n, ell, n_0, a)
_AS_LAYERS = {B: L, b: ell}
"""Blocks are decided as layers are: B in the place of L, and b of ell."""
_FAR = ((9, 7), (40, 8), (97, 3), (1000, 7), (10_000, 12), (1_000_000, 20), (8, 50), (10, 100))
"""Widths and depths."""
_CHOICES = {n_0: (1, 2, 3, 5), a: (Rational(1, 2), Rational(1, 3), Integer(1))}


class Claim(enum.Enum):
    """The claim about a formula: equality, or a limit 1 of formula over exact value."""

    EXACT = "exact"
    LEADING = "leading"
    JOINT = "joint"


class Quantity(enum.Enum):
    """The quantity of a formula."""

    UPDATE = "update"
    RATE = "rate"


@dataclass(frozen=True)
class Target:
    """A quantity of a network, with the sizes that are open: symbols of the network, and ell.  L
    and ell count the blocks of a residual network too, until they are printed as B and b.

    ``layer``: an int, ell or b, a `Branch`, or None for the last.  ``part``: total, label or
    output.  ``observable``: whose mean stands in the place of the squared update, if any; it has
    no eta.
    """

    network: Any
    quantity: Quantity = Quantity.UPDATE
    layer: int | Symbol | Branch | None = None
    part: str = "total"
    rates: Any = None
    criterion: Criterion | BlockCriterion | None = None
    observable: Observable | None = None

    @property
    def coordinates(self) -> tuple[Symbol, ...]:
        """The sizes that are open."""
        free = {as_layers(symbol) for symbol in self.network.free_symbols}
        free |= {ell} if self.has_open_layer else set()
        return tuple(symbol for symbol in COORDINATES if symbol in free)

    @property
    def has_open_layer(self) -> bool:
        """Whether the layer is a symbol."""
        return self.layer in (ell, b, Branch(b))

    @property
    def ratio(self) -> Expr:
        """The meaning of t: depth over width, t itself where the widths differ."""
        return as_layers(sizes(self).get(t, t))

    def spoken(self, point: Point) -> Point:
        """A point in the symbols of the network."""
        return {self.network._depths.get(s, s): value for s, value in point.items()}

    def spoken_text(self, text: str) -> str:
        """A sentence in the symbols of the network."""
        names = {str(old): str(new) for old, new in self.network._depths.items()}
        return re.sub(r"\b(L|ell)\b", lambda found: names.get(found[0], found[0]), text)

    @property
    def update(self) -> Mean:
        """The squared update, or its part; or the mean of the observable."""
        if self.observable is not None:
            return mean_of(self.observable, self.network, layer=self.layer, rates=self.rates)
        whole = squared_update(self.network, self.layer, rates=self.rates)
        part: Mean = getattr(whole, self.part)
        return part

    @property
    def number(self) -> mpf:
        """E per eta^2 of a network in numbers to 30 digits, at any depth."""
        return _number(self)

    def spread(self, digits: int = 15) -> float:
        """The exact standard deviation of one network over the size of the mean, which is not 0."""
        return _spread(self, digits)

    @property
    def rate(self) -> Any:
        """The maximal learning rate."""
        return maximal_learning_rate(self.network, criterion=self.criterion, rates=self.rates)

    @property
    def bound(self) -> Expr:
        """The bound on E."""
        return Integer(1) if self.criterion is None else self.criterion.bound

    def law(self, claim: Claim) -> Expr:
        """The law of E per eta^2 for ``claim``, in the symbols left: all of it, or the leading term
        as n -> infinity, then as the depths grow, or as n -> infinity with L = t n."""
        return _law(self, claim)

    def at(self, point: Point) -> Target:
        """The target with numbers for its open sizes.

        Raises `InvalidArgument` where the sizes make no network.
        """
        here = self.spoken(point)
        return replace(
            self, network=network_at(self.network, here), layer=layer_at(self.layer, here)
        )

    def value(self, point: Point) -> Fraction:
        """E per eta^2 at numbers for all that is open, exactly."""
        return _value(self.at(point))

    def implied(self, value: Number | None) -> Number | None:
        """The value of E that a value of the formula implies; None where it implies none."""
        if value is None or self.quantity is Quantity.UPDATE:
            return value
        if value <= 0:
            return None
        bound = Fraction(int(self.bound.p), int(self.bound.q))
        if isinstance(value, Fraction):
            return bound / value**2
        return decimal(bound) / value**2

    def points(self, depths: int, widths: int) -> Iterator[Point]:
        """All small points by depth, then width, then layer."""
        choices = {L: range(1, depths + 1), n: range(1, widths + 1), ell: range(1, depths + 1)}
        grids = [choices.get(s, _CHOICES.get(s, ())) for s in self.coordinates]
        for values in product(*grids):
            point = {s: sympify(v) for s, v in zip(self.coordinates, values, strict=True)}
            if self.exists(point):
                yield point

    def far_points(self) -> Iterator[Point]:
        """A few points of larger sizes, at which a formula that is right at small sizes may
        fail."""
        for number, (width, depth) in enumerate(_FAR if self.coordinates else ()):
            for layer in dict.fromkeys((1, depth // 2, depth)):
                values = {n: width, L: depth, ell: layer}
                values |= {n_0: 4 + 3 * number, a: Rational(2 * number + 1, 4 * number + 5)}
                point = {s: sympify(values[s]) for s in self.coordinates}
                if self.exists(point):
                    yield point
                if ell not in self.coordinates:
                    break

    def exists(self, point: Point) -> bool:
        """Whether the network at a point has the layer, and the multipliers fit it."""
        named = block_of(self.layer)
        layer = point.get(ell, named)
        if layer not in (None, ell, b, B) and layer > point.get(L, self.network.depth):
            return False
        if not isinstance(self.rates, ByGroup | TrainedLayers):
            return True
        try:
            self.at(point).multipliers()
        except InvalidArgument:
            return False
        return True

    def multipliers(self) -> tuple[Expr, ...] | None:
        """One multiplier of eta per layer of a network in numbers; None for all 1."""
        if isinstance(self.rates, ByGroup | TrainedLayers):
            return as_multipliers(self.rates, self.network.layers)
        multipliers: tuple[Expr, ...] | None = self.rates
        return multipliers


@lru_cache(maxsize=256)
def _law(target: Target, claim: Claim) -> Expr:
    if claim is Claim.JOINT and target.layer is not None:
        raise InvalidArgument(
            f"expected layer=None with claim='joint', got layer={target.layer}; the joint limit "
            f"is solved at the last hidden layer"
        )
    if target.quantity is Quantity.UPDATE:
        mean = target.update
        laws = {Claim.LEADING: mean.leading, Claim.JOINT: mean.joint_limit}
        found = mean._in_full() if claim is Claim.EXACT else laws[claim]() / mean.unit_of_step
        return as_layers(found)
    rate = target.rate
    if claim is Claim.EXACT:
        return as_layers(rate._moved)
    limit = rate.leading() if claim is Claim.LEADING else rate.joint_limit()
    return as_layers(target.bound * limit**-2)


@lru_cache(maxsize=4096)
def _number(target: Target) -> mpf:
    return DECIMALS.convert(target.update.evaluate(30))


@lru_cache(maxsize=4096)
def _spread(target: Target, digits: int) -> float:
    return float(Spread(target.update).relative_standard_deviation(digits))


@lru_cache(maxsize=4096)
def _value(target: Target) -> Fraction:
    number = target.law(Claim.EXACT)
    return Fraction(int(number.p), int(number.q))


def as_layers(expression: Expr) -> Expr:
    """An expression with L and ell in the place of B and b."""
    return expression.xreplace(_AS_LAYERS)


def sizes(target: Target) -> dict[Symbol, Expr]:
    """The meaning of each symbol of a formula in a network; numbers where they are known.

    t is L/n everywhere, B/n in blocks; n is left out where the widths differ.
    """
    network = target.network
    depth, at = (network._depths.get(symbol, symbol) for symbol in (L, ell))
    values = {depth: sympify(network.depth), n_0: sympify(network.first_fan_in)}
    values[a] = network.activation.slope
    layer = network.depth if target.layer is None else target.layer
    values[at] = sympify(block_of(layer))
    if not isinstance(network.width, tuple):
        values[n] = sympify(network.width)
        values[t] = values[depth] / values[n]
    return values


def is_of(kind: Any, network: Any) -> bool:
    """Whether ``network`` equals ``kind`` once the sizes of ``network`` replace the sizes of
    ``kind``.

    >>> from theory.networks.mlp import MLP
    >>> is_of(MLP(), MLP(64, 4)), is_of(MLP(depth=4), MLP(64, 4)), is_of(MLP(32, 4), MLP(64, 4))
    (True, True, False)
    """
    values = sizes(Target(network))
    point = {s: values[s] for s in kind.free_symbols if s in values and values[s] != s}
    return _fixed(network_at(kind, point)) == _fixed(network)


def _fixed(network: Any) -> tuple[Any, ...]:
    """All that the law of a network depends on, given or by default."""
    where = network.width, network.depth, network.first_fan_in
    if isinstance(network, Residual):
        scales = network.tau2, network.skip2, network.variances
        return (
            *where,
            network.inner_width,
            network.activation.slope,
            *scales,
            network.s,
            network.norm2,
        )
    widths = where if network.free_symbols else network.widths
    return widths, network.activation.slope, network.c, network.s, network.norm2


def point_name(point: Point) -> str:
    """A point as people write it: n = 2, L = 3."""
    order = (n, L, B, ell, b, n_0, a, t, eta)
    return ", ".join(f"{s} = {point[s]}" for s in order if s in point)
