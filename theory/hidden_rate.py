"""`MaximalLearningRate`: the rate at which the hidden layers' mean squared update meets a bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mpf, sqrt, workdps
from sympy import Expr, Integer, Max, Poly, Symbol
from sympy.polys.domains.domain import Domain

from theory.criteria import (
    Criterion,
    EveryHiddenLayer,
    LastLayer,
    MeanOverLayers,
)
from theory.errors import InvalidArgument, NotSolved
from theory.monotone import certainly_rises, rises_at_all_sizes
from theory.network import MLP
from theory.notation import Math
from theory.numerals import inverse_square_root, rate_text
from theory.order import largest
from theory.recursion import field_of
from theory.rendering import formula_display, root_lines
from theory.schedule import Rates
from theory.steps import Line
from theory.symbols import L, ell, eta, n
from theory.update import SquaredUpdate, squared_update
from theory.validity import Validity, tolerance_value

__all__ = ["MaximalLearningRate"]


_NOTHING_MOVES = "expected at least one multiplier above 0 in rates, got only zeros; give one"
_DEEP = 64
"""From which depth on a proof is quicker than a comparison of all layers."""


@dataclass(frozen=True)
class MaximalLearningRate:
    """The largest learning rate that meets ``criterion``, from the linearised update.

    ``rates``: multipliers of eta, all 1 for None.  Made by `maximal_learning_rate`.

    >>> from theory import MLP, maximal_learning_rate
    >>> maximal_learning_rate(MLP())
    MaximalLearningRate of MLP(): sqrt(3)/L**(3/2) to leading order; the last layer binds
    >>> maximal_learning_rate(MLP(64, 4))
    MaximalLearningRate of MLP(width=64, depth=4): 0.201148; layer 4 binds
    """

    network: MLP
    criterion: Criterion
    rates: tuple[Expr, ...] | Rates

    @property
    def exact(self) -> Expr:
        """The rate: sqrt of the criterion's bound over E[(Delta z)^2]/eta^2.

        Exact, with square roots; a function of the symbols that the network holds, as
        1/sqrt(Max(...)) where no single layer is proven to bind for all sizes.  Raises `NotSolved`
        for a symbolic depth with `MeanOverLayers`, or where the last layer is not proven to bind;
        `InvalidArgument` where no layer moves at all.

        >>> from sympy import sqrt
        >>> from theory import MLP, maximal_learning_rate
        >>> rate = maximal_learning_rate(MLP()).exact
        >>> rate.subs({n: 10, L: 1}) == 1/sqrt(squared_update(MLP(10, 1)).per_eta2)
        True
        """
        return inverse_square_root(self._moved() / self.criterion.bound)

    def evaluate(self, digits: int = 15) -> mpf:
        """The rate of a network in numbers as a decimal number, relative error below 10^-digits.

        >>> from theory import MLP, maximal_learning_rate
        >>> round(float(maximal_learning_rate(MLP(64, 4)).evaluate()), 12)
        0.201147574821
        """
        with workdps(digits + 5):
            bound = mpf(int(self.criterion.bound.p)) / int(self.criterion.bound.q)
            if isinstance(self.criterion, MeanOverLayers):
                layers = list(range(1, self.network.layers + 1))
                moved = sum(self._update(k).evaluate(digits + 5) for k in layers) / len(layers)
            else:
                layers = self._candidates()
                moved = max(self._update(k).evaluate(digits + 5) for k in layers)
            if not moved:
                raise InvalidArgument(_NOTHING_MOVES)
            rate = sqrt(bound / moved)
        with workdps(digits):
            return +rate

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
        if isinstance(self.criterion, LastLayer):
            return self.network.depth
        if not isinstance(self.network.depth, int):
            self._check_rise()
            return L
        return next(iter(self._binding)) if len(self._binding) == 1 else None

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP, MeanOverLayers, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).leading()
        sqrt(3)/L**(3/2)
        >>> maximal_learning_rate(MLP(), criterion=MeanOverLayers()).leading()
        2*sqrt(3)/L**(3/2)
        """
        power, coefficients = self._leading_terms()
        if not power and not any(coefficients):
            raise InvalidArgument(_NOTHING_MOVES)
        return inverse_square_root(_maximum(coefficients) * n**power / self.criterion.bound)

    def validity(self, tolerance: object) -> Validity:
        """Where `leading` is within a relative ``tolerance`` of the exact rate at the last layer:
        depths at a width, the least width, and the bound on L/n alone.

        Needs symbolic width and depth.

        >>> from theory import MLP, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).validity("0.1").least_width
        39
        """
        if isinstance(self.criterion, MeanOverLayers):
            raise NotSolved("validity is solved at the last layer: leave criterion out")
        if isinstance(self.criterion, EveryHiddenLayer):
            self._check_rise()
        update = self._update(None)
        if update.law.growth != 1:
            raise NotSolved(
                "away from the critical weight variance there is no law of the depth: leave "
                "weight_variance out"
            )
        law = update.leading() / eta**2
        if law.free_symbols - {L}:
            raise NotSolved(
                f"validity is solved where the law is one in L alone, here it is {law}: leave out "
                f"what is not of order one, such as a norm of the input that does not grow with n_0"
            )
        return Validity(update, law, tolerance_value(tolerance))

    def _moved(self) -> Expr:
        """What the criterion bounds, at eta = 1."""
        if not isinstance(self.network.depth, int):
            if isinstance(self.criterion, MeanOverLayers):
                raise NotSolved(
                    "the mean over the layers is not solved for a symbolic depth: give depth as a "
                    "number, as in MLP(depth=4), or ask for leading()"
                )
            if isinstance(self.criterion, EveryHiddenLayer):
                self._check_rise()
            return self._positive(self._update(None).per_eta2)
        if isinstance(self.criterion, EveryHiddenLayer):
            return _maximum([self._domain.to_sympy(value) for value in self._binding.values()])
        if isinstance(self.criterion, LastLayer):
            return self._positive(self._update(None).per_eta2)
        layers = range(1, self.network.layers + 1)
        total = sum((self._update(k).value for k in layers), self._domain.zero)
        return self._positive(self._domain.to_sympy(total / self._domain(len(layers))))

    def _positive(self, moved: Expr) -> Expr:
        if moved == 0:
            raise InvalidArgument(_NOTHING_MOVES)
        return moved

    def _leading_terms(self) -> tuple[int, list[Expr]]:
        """A power of n and coefficients whose largest is the leading term, at eta = 1."""
        if not isinstance(self.network.depth, int):
            if isinstance(self.criterion, MeanOverLayers):
                power, coefficient = self._update(ell).leading_term()
                return power, [_mean_over_depth(coefficient)]
            if isinstance(self.criterion, EveryHiddenLayer):
                self._check_rise()
            power, coefficient = self._update(None).leading_term()
            return power, [coefficient]
        if isinstance(self.criterion, LastLayer):
            power, coefficient = self._update(None).leading_term()
            return power, [coefficient]
        terms = [self._update(layer).leading_term() for layer in range(1, self.network.layers + 1)]
        top = max((power for power, coefficient in terms if coefficient != 0), default=0)
        kept = [coefficient for power, coefficient in terms if power == top]
        if isinstance(self.criterion, MeanOverLayers):
            return top, [sum(kept, Integer(0)) / self.network.layers]
        return top, kept

    @cached_property
    def _binding(self) -> dict[int, Any]:
        """E[(Delta z)^2]/eta^2 of the layers that may bind, as elements of the field."""
        kept = largest({k: self._update(k).value for k in self._candidates()}, self._domain)
        if not any(kept.values()):
            raise InvalidArgument(_NOTHING_MOVES)
        return kept

    def _candidates(self) -> list[int]:
        """All layers, or in a network of numbers those whose first binary places are largest: the
        last without asking where that is proven and the network is deep."""
        layers = range(1, self.network.layers + 1)
        if isinstance(self.criterion, LastLayer):
            return [self.network.layers]
        if not self._domain.is_QQ:
            return list(layers)
        if self.network.layers > _DEEP and rises_at_all_sizes(self.network, self.rates):
            return [self.network.layers]
        update = self._update(None)
        places = update.places()
        bar = max(places) - len(update.derivations)
        return [layer for layer, value in zip(layers, places, strict=True) if value >= bar]

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
        return certainly_rises(self._update(ell))

    def __repr__(self) -> str:
        return f"MaximalLearningRate of {self.network}: {self._headline()}"

    def _repr_latex_(self) -> str:
        """The leading term, and the exact rate where the depth is a number, with its decimals."""
        left, lines = Math("", r"\eta_{\max}"), []
        if isinstance(self.network.depth, int) or self.network.width != n:
            lines += root_lines(left, self.exact)
        if self.network.width == n:
            lines.append(Line(left, Math.of(self.leading()), "~"))
        return formula_display(*lines)

    def _headline(self) -> str:
        try:
            if isinstance(self.network.depth, int):
                return f"{rate_text(self.exact)}; {self._who_binds()}"
            if self.network.width == n:
                return f"{self.leading()} to leading order; {self._who_binds()}"
            return f"{self.exact}; {self._who_binds()}"
        except NotSolved as reason:
            return str(reason)

    def _who_binds(self) -> str:
        if isinstance(self.criterion, MeanOverLayers):
            return "the mean over the layers binds"
        if not isinstance(self.network.depth, int):
            return "the last layer binds"
        return f"layer {self.layer} binds" if self.layer else "the largest layer binds"


def _maximum(values: list[Expr]) -> Expr:
    """The largest of ``values``; one alone is not asked for its sign, which can take minutes."""
    return values[0] if len(values) == 1 else Max(*values)


def _mean_over_depth(coefficient: Expr) -> Expr:
    """The leading term of (1/L) sum_ell c(ell, L), for a homogeneous polynomial c."""
    if not coefficient.is_polynomial(ell, L):
        raise NotSolved(
            "away from the critical weight variance there is no law of the depth: leave "
            "weight_variance out"
        )
    terms = Poly(coefficient, ell, L).terms()
    return sum((c * L ** (i + j) / (i + 1) for (i, j), c in terms), Integer(0))
