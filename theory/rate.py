"""`maximal_learning_rate`: the largest eta that keeps the mean squared update bounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Expr, Max, Poly, Symbol, sqrt
from sympy.polys.domains.domain import Domain

from theory.errors import InvalidArgument, NotSolved
from theory.network import MLP
from theory.numerals import inverse_square_root
from theory.order import largest
from theory.recursion import field_of
from theory.schedule import ByGroup, TrainedLayers
from theory.symbols import L, ell, eta, n
from theory.update import SquaredUpdate, squared_update
from theory.validation import shown
from theory.validity import Validity, tolerance_value

__all__ = ["EveryHiddenLayer", "MaximalLearningRate", "maximal_learning_rate"]


_NOTHING_MOVES = "expected at least one multiplier above 0 in rates, got only zeros; no layer moves"


@dataclass(frozen=True)
class EveryHiddenLayer:
    """The criterion E[(Delta z)^2] <= 1 in every hidden layer."""


@dataclass(frozen=True)
class MaximalLearningRate:
    """The largest learning rate that meets ``criterion``, from the linearised update.

    Made by `maximal_learning_rate`.
    """

    network: MLP
    criterion: EveryHiddenLayer
    rates: tuple[Expr, ...] | None

    @property
    def exact(self) -> Expr:
        """The rate, 1/sqrt of the largest E[(Delta z)^2]/eta^2 over the hidden layers.

        Exact, with square roots; a function of n where the width is a symbol, as 1/sqrt(Max(...))
        where no single layer is proven to bind for all sizes.  Raises `NotSolved` for a symbolic
        depth, `InvalidArgument` where no layer moves at all.
        """
        values = [self._domain.to_sympy(value) for value in self._binding.values()]
        return inverse_square_root(_maximum(values))

    @property
    def layer(self) -> int | Symbol | None:
        """The layer that binds; the last, L, for a symbolic depth; None where it depends on the
        symbols that the network holds."""
        if not isinstance(self.network.depth, int):
            self._check_growth()
            return L
        return next(iter(self._binding)) if len(self._binding) == 1 else None

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).leading()
        sqrt(3)/L**(3/2)
        """
        if not isinstance(self.network.depth, int):
            self._check_growth()
            power, coefficient = self._update(None).leading_term()
            return 1 / sqrt(coefficient * n**power)
        terms = [self._update(layer).leading_term() for layer in range(1, self.network.layers + 1)]
        moving = [power for power, coefficient in terms if coefficient != 0]
        if not moving:
            raise InvalidArgument(_NOTHING_MOVES)
        top = max(moving)
        return inverse_square_root(_maximum([c for p, c in terms if p == top]) * n**top)

    def validity(self, tolerance: object) -> Validity:
        """Where `leading` is within a relative ``tolerance`` of the exact rate at the last layer:
        depths at a width, the least width, and the bound on L/n alone.

        Needs symbolic width and depth.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).validity("0.1").least_width
        39
        """
        self._check_growth()
        update = self._update(None)
        return Validity(update, update.leading() / eta**2, tolerance_value(tolerance))

    @cached_property
    def _binding(self) -> dict[int, Any]:
        """E[(Delta z)^2]/eta^2 of the layers that may bind, as elements of the field."""
        kept = largest({k: self._update(k).value for k in self._candidates()}, self._domain)
        if not any(kept.values()):
            raise InvalidArgument(_NOTHING_MOVES)
        return kept

    def _candidates(self) -> list[int]:
        """All layers, or in a network of numbers those whose first binary places are largest."""
        if not isinstance(self.network.depth, int):
            raise NotSolved(
                "a closed form in the depth is not solved yet: give depth as a number for the "
                "exact rate, as in MLP(depth=4), or ask for leading()"
            )
        layers = range(1, self.network.layers + 1)
        if not self._domain.is_QQ:
            return list(layers)
        update = self._update(None)
        places = update.places()
        bar = max(places) - len(update.derivations)
        return [layer for layer, value in zip(layers, places, strict=True) if value >= bar]

    @property
    def _domain(self) -> Domain:
        return field_of(self.network.free_symbols)

    def _update(self, layer: object) -> SquaredUpdate:
        return squared_update(self.network, layer, rates=self.rates)

    def _check_growth(self) -> None:
        """Raise `NotSolved` unless the law is proven to grow from layer to layer."""
        law = self._update(ell).law
        steps = Poly(law.polynomial.subs(ell, ell + 2) - law.polynomial.subs(ell, ell + 1), ell)
        if law.growth != 1 or any(c.is_nonnegative is not True for c in steps.coeffs()):
            raise NotSolved(
                "the law is not proven to grow from layer to layer here: give depth as a number"
            )

    def __repr__(self) -> str:
        return f"MaximalLearningRate of {self.network}: {self._headline()}"

    def _headline(self) -> str:
        try:
            if isinstance(self.network.depth, int):
                binding = f"layer {self.layer} binds" if self.layer else "the largest layer binds"
                return f"{self.exact}; {binding}"
            return f"{self.leading()} to leading order; the last layer binds"
        except NotSolved as reason:
            return str(reason)


def _maximum(values: list[Expr]) -> Expr:
    """The largest of ``values``; one alone is not asked for its sign, which can take minutes."""
    return values[0] if len(values) == 1 else Max(*values)


def maximal_learning_rate(
    network: MLP, *, criterion: EveryHiddenLayer | None = None, rates: object = None
) -> MaximalLearningRate:
    """The largest eta for which the mean squared update is at most 1 in every hidden layer.

    ``criterion``: `EveryHiddenLayer` (None).  ``rates``: one non-negative multiplier of eta per
    hidden layer, all 1 for None.  Raises `InvalidArgument` for arguments of another kind.

    >>> from theory import MLP, maximal_learning_rate
    >>> rate = maximal_learning_rate(MLP(width=10, depth=2, input_width=5))
    >>> rate.layer
    2
    """
    criterion = EveryHiddenLayer() if criterion is None else criterion
    if not isinstance(criterion, EveryHiddenLayer):
        raise InvalidArgument(
            f"expected EveryHiddenLayer() for criterion, got criterion={shown(criterion)}"
        )
    (derivation, *_) = squared_update(network, rates=rates).derivations
    if isinstance(derivation.rates, ByGroup | TrainedLayers):
        raise NotSolved(
            f"the maximal rate with rates={derivation.rates} needs a depth in numbers: give one, "
            f"as in MLP(depth=4)"
        )
    return MaximalLearningRate(network, criterion, derivation.rates)
