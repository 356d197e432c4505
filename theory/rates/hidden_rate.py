"""`MaximalLearningRate` is the largest rate at which the hidden layers' update keeps a bound."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

from sympy import Expr, Integer, Max, Poly, Rational, Symbol
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of, largest
from theory.algebra.in_width import InWidth
from theory.errors import NotSolved
from theory.exact.evaluation import guard_digits
from theory.laws.criteria import Criterion, EveryHiddenLayer, LastLayer, MeanOverLayers
from theory.laws.float_arrays import FastRate
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.groups import FirstLayer, HiddenLayers, group_rates
from theory.networks.multipliers import Rates
from theory.networks.network import Network, asked_rates
from theory.networks.sizes import Sizes, is_deep, network_at, rates_at
from theory.precision import workdps
from theory.public_names import cached_property
from theory.rates.growth_proof import certainly_rises, rises_at_all_sizes
from theory.rates.learning_rate import RATE, LearningRate, typical_call
from theory.rates.validity import Validity
from theory.symbols import L, ell, eta, n
from theory.validation import brief, tolerance_value
from theory.waiting import announced
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import root_lines

__all__ = ["NOTHING_MOVES", "MaximalLearningRate"]

_COMPARABLE = 500
"""Layers of a network in numbers that are compared in less than a second."""
_NO_MEAN = (
    "the mean over the layers is not solved for a symbolic depth: give depth as a number, as in "
    "MLP(depth=4), or use leading()"
)
NOTHING_MOVES = (
    "expected at least one multiplier above 0 in rates, got only zeros; give a positive multiplier"
)
_COMPARED_IN_SYMBOLS = 4
"""Layers of an open width that are compared in a second."""
_DIGITS = 30
"""The digits of the comparison of layers that precedes the exact comparison."""
_DEEP = 64
"""The depth from which a proof is quicker than a comparison of all layers."""


@dataclass(frozen=True, repr=False)
class MaximalLearningRate(LearningRate):
    """The largest learning rate that keeps the bound of ``criterion``, from the linearised update.

    ``rates``: multipliers of eta, all 1 for None; ``group``: the only group of weights that trains,
    if a group was given.  Made by `maximal_learning_rate`.

    >>> from theory import MLP, maximal_learning_rate
    >>> maximal_learning_rate(MLP())
    MaximalLearningRate of MLP(): sqrt(3)/L**(3/2) to leading order; the last layer binds
    >>> maximal_learning_rate(MLP(64, 4))
    MaximalLearningRate of MLP(width=64, depth=4): 0.201148; layer 4 binds
    """

    criterion: Criterion
    rates: tuple[Expr, ...] | Rates
    group: FirstLayer | HiddenLayers | None = field(default=None, compare=False)

    def _symbols(self) -> frozenset[Symbol]:
        return self._update(None)._symbols()

    def _at(self, sizes: Sizes) -> MaximalLearningRate:
        network = network_at(self.network, sizes)
        given = self.rates if self.group is None else group_rates(network, self.group)
        rates: Any = asked_rates(network, rates_at(given, sizes))
        return MaximalLearningRate(network, self.criterion, rates, self.group)

    def _moved_number(self, context: Any) -> Any:
        update = self._update(None)
        if isinstance(self.criterion, MeanOverLayers):
            moved = update.mean_over_layers(context)
        elif self._bounds_last():
            moved = update._number(context)
        else:
            moved = max(update.layer_means(context))
        if not moved:
            raise NotSolved(NOTHING_MOVES)
        return moved

    def _fast(self) -> FastRate | None:
        if isinstance(self.criterion, MeanOverLayers):
            return None
        every = isinstance(self.criterion, EveryHiddenLayer)
        if every and not rises_at_all_sizes(self.network, self.rates):
            return None
        fast = self._update(None)._fast()
        return None if fast is None else FastRate(fast, float(self.criterion.bound))

    @property
    def layer(self) -> int | Symbol | None:
        """The layer that binds: L for a symbolic depth; None for the mean over layers, and where it
        depends on the symbols that the network holds.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP(64, 4)).layer
        4
        """
        if isinstance(self.criterion, MeanOverLayers):
            return None
        if self._bounds_last():
            return self.network.depth
        layers = _likely_layers(self.network, self.rates)
        if len(layers) > 1:
            layers = list(self._binding)
        return layers[0] if len(layers) == 1 else None

    @property
    def _leading_moved(self) -> Expr:
        mean = isinstance(self.criterion, MeanOverLayers)
        if self._bounds_last():
            terms = [self._update(None).leading_term()]
        elif not isinstance(self.network.depth, int):
            power, coefficient = self._update(ell).leading_term()
            terms = [(power, _mean_over_depth(coefficient))]
        else:
            with announced("comparison of layers"):
                terms = [self._update(k).leading_term() for k in self._compared_layers]
        top = max((power for power, coefficient in terms if coefficient != 0), default=None)
        if top is None:
            raise NotSolved(NOTHING_MOVES)
        kept = [coefficient for power, coefficient in terms if power == top]
        leading = sum(kept, Integer(0)) / len(terms) if mean else _maximum(kept)
        return leading * n**top

    def validity(self, tolerance: object) -> Validity:
        """Where `leading` is within a relative ``tolerance`` of the exact rate at the last layer:
        depths at a width, the least width, and the bound on L/n alone.

        Needs symbolic width and depth, and all hidden weights trained alike.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).validity("0.1").least_width
        39
        """
        if isinstance(self.criterion, MeanOverLayers):
            raise NotSolved("validity is solved at the last layer: leave criterion out")
        update = self._update(None)
        sized = isinstance(self.network.depth, int) or self.network.width != n
        if sized or self.rates is not None:
            raise NotSolved(
                "validity is solved for symbolic width and depth with all hidden weights trained "
                "alike: leave width, depth, rates and group out, as in MLP()"
            )
        if isinstance(self.criterion, EveryHiddenLayer):
            self._check_rise()
        if update.law.growth != 1:
            raise NotSolved(
                "validity is solved at the critical weight variance alone: leave weight_variance "
                "out"
            )
        law = update.leading() / eta**2
        if law.free_symbols - {L}:
            raise NotSolved(
                f"validity is solved for laws in L alone, and the law here is {law}: leave out "
                f"arguments that are not of order one, such as an input norm that does not grow "
                f"with n_0"
            )
        return Validity(update, law, tolerance_value(tolerance))

    def _moved_series(self, of: Callable[[Any], InWidth]) -> InWidth:
        if self._bounds_last():
            return of(self._update(None))
        if not isinstance(self.network.depth, int):
            raise NotSolved(_NO_MEAN)
        if isinstance(self.criterion, MeanOverLayers):
            layers = self._compared_layers
            total = reduce(add, (of(self._update(layer)) for layer in layers))
            return total.times(Rational(1, len(layers)))
        if self.layer is None:
            raise NotSolved(
                "the width decides which layer binds: give criterion=LastLayer(), or use leading()"
            )
        return of(self._update(self.layer))

    @property
    def _moved(self) -> Expr:
        """The bounded quantity at eta = 1."""
        if self._bounds_last():
            moved = self._update(None)._in_full()
        elif isinstance(self.criterion, EveryHiddenLayer):
            moved = _maximum([self._domain.to_sympy(value) for value in self._binding.values()])
        elif not isinstance(self.network.depth, int):
            raise NotSolved(_NO_MEAN)
        else:
            layers = self._compared_layers
            total = sum((self._update(k).in_field for k in layers), self._domain.zero)
            moved = self._domain.to_sympy(total / self._domain(len(layers)))
        if moved == 0:
            raise NotSolved(NOTHING_MOVES)
        return moved

    def _bounds_last(self) -> bool:
        """Whether the criterion bounds the last layer alone: by definition, or because the network
        is deep and the update is proven to grow from layer to layer.  Raises `NotSolved` for a
        symbolic depth without a proof."""
        if not isinstance(self.criterion, EveryHiddenLayer):
            return isinstance(self.criterion, LastLayer)
        if isinstance(self.network.depth, int):
            return _last_is_largest(self.network, self.rates)
        self._check_rise()
        return True

    @cached_property
    def _binding(self) -> dict[int, Any]:
        """E[(Delta z)^2]/eta^2 of the layers that may be the largest, as elements of `_domain`."""
        layers = _likely_layers(self.network, self.rates)
        with announced("comparison of layers"):
            kept = largest({layer: self._update(layer).in_field for layer in layers}, self._domain)
        if not any(kept.values()):
            raise NotSolved(NOTHING_MOVES)
        return kept

    @property
    def _compared_layers(self) -> range:
        """All layers, where they are few enough to be compared as functions of symbols."""
        if self.network.layers > _COMPARABLE:
            raise NotSolved(
                f"the {brief(self.network.layers)} layers of {self.network} are too many to "
                f"compare: give criterion=LastLayer(), or leave depth out"
            )
        return range(1, self.network.layers + 1)

    @property
    def _domain(self) -> Domain:
        return field_of(self.network.free_symbols)

    def _update(self, layer: object) -> SquaredUpdate:
        return squared_update(self.network, layer, rates=self.rates)

    def _check_rise(self) -> None:
        """Raise `NotSolved` unless E is proven to grow from layer to layer at all sizes."""
        if not self._rises:
            raise NotSolved(
                "the update is not proven to grow from layer to layer here: give depth as a "
                "number, as in MLP(depth=4), or criterion=LastLayer()"
            )

    @cached_property
    def _rises(self) -> bool:
        return certainly_rises(self._update(None))

    def _lines(self) -> list[Line]:
        lines = []
        open_sizes = self.network.width == n and not isinstance(self.network.depth, int)
        with suppress(*[NotSolved] * open_sizes):
            lines += root_lines(RATE, self._exact)
        if self.network.width == n:
            lines.append(Line(RATE, Math.of(self.leading()), "~"))
        return lines

    @property
    def _typical(self) -> str:
        return typical_call(self.network)

    def _headline(self, unit: str = "") -> str:
        if not self.open_sizes and not self._is_quick:
            return f"evaluate() and layer compare {self.network.layers} layers"
        if self.open_sizes and self._compares_long:
            return self._long_text()
        text = super()._headline()
        try:
            return f"{text}; {self._who_binds()}" if text[:3] not in ("lon", "no ") else text
        except NotSolved:
            return text

    @property
    def _compares_long(self) -> bool:
        """Whether rational functions of many layers would have to be compared with each other."""
        if not isinstance(self.network.depth, int):
            return False
        every = isinstance(self.criterion, EveryHiddenLayer)
        few = self.network.layers <= _COMPARED_IN_SYMBOLS
        return every and not few and not rises_at_all_sizes(self.network, self.rates)

    @property
    def _is_quick(self) -> bool:
        """Whether the rate of a network in numbers needs no comparison of many layers."""
        every = isinstance(self.criterion, EveryHiddenLayer)
        return not every or self.network.layers <= _COMPARABLE or self._bounds_last()

    def _who_binds(self) -> str:
        if isinstance(self.criterion, MeanOverLayers):
            return "the mean over the layers binds"
        if not isinstance(self.network.depth, int):
            if isinstance(self.criterion, EveryHiddenLayer):
                self._check_rise()
            return "the last layer binds"
        return f"layer {self.layer} binds" if self.layer else "the largest layer binds"


def _maximum(values: list[Expr]) -> Expr:
    """The largest of ``values``; a single value needs no sign, which can take minutes to find."""
    return values[0] if len(values) == 1 else Max(*values)


def _mean_over_depth(coefficient: Expr) -> Expr:
    """The leading term of (1/L) sum_ell c(ell, L), for a homogeneous polynomial c."""
    if not coefficient.is_polynomial(ell, L):
        raise NotSolved(
            "the mean over layers is solved for an open depth at the critical weight variance "
            "alone: give criterion=LastLayer() or a depth, or leave weight_variance out"
        )
    terms = Poly(coefficient, ell, L).terms()
    return sum((c * L ** (i + j) / (i + 1) for (i, j), c in terms), Integer(0))


def _last_is_largest(network: Network, rates: tuple[Expr, ...] | Rates) -> bool:
    """Whether the last layer of a deep network is proven to move most."""
    deep = network.layers > _DEEP or is_deep(network)
    return deep and rises_at_all_sizes(network, rates)


def _likely_layers(network: Network, rates: tuple[Expr, ...] | Rates) -> list[int]:
    """All layers, or, of a network in numbers, the layers whose value is largest to 30 digits."""
    if network.free_symbols:
        return list(range(1, network.layers + 1))
    if _last_is_largest(network, rates):
        return [network.layers]
    digits = _DIGITS + guard_digits(network.layers)
    with announced("comparison of layers"), workdps(digits) as context:
        means = squared_update(network, rates=rates).layer_means(context)
        bar = max(means) * (1 - context.mpf(10) ** -_DIGITS)
        return [layer for layer, mean in enumerate(means, 1) if mean >= bar]
