"""What a derivation is asked: E[(Delta z)^2] of one network, layer, multipliers and part, with the
exact answer and its spread over networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from sympy import Expr, Rational

from theory.algebra.precision import DECIMALS, log, mpf
from theory.errors import InvalidArgument
from theory.laws.update import PARTS, SquaredUpdate, squared_update
from theory.networks.mlp import MLP
from theory.networks.network import numeric_layers, numeric_rates
from theory.validation import shown, written
from verify.samplers.problem import numeric_problem

__all__ = ["Question"]

_PARTS = ("total", *PARTS)


@dataclass(frozen=True)
class Question:
    """One expected squared update, of a network in numbers.

    ``rates``: one exact multiplier per hidden layer, or None.  Made by `of`.

    >>> question = Question.of(MLP(2, 2), 1, (1, "1/2"), "label")
    >>> question
    layer 1 of MLP(width=2, depth=2) with rates=(1, '1/2'), label part
    >>> question.call
    "squared_update(MLP(width=2, depth=2), 1, rates=(1, '1/2')).label"
    """

    network: MLP
    layer: int
    rates: tuple[Rational, ...] | None
    part: str

    @classmethod
    def of(cls, network: MLP, layer: object, rates: object, part: str) -> Question:
        """The arguments checked: `InvalidArgument` for symbols, several layers, other parts."""
        numeric_problem(network, layer=layer, rates=rates, step=None)
        at = numeric_layers(network, layer)
        if isinstance(layer, tuple | list | range):
            raise InvalidArgument(
                f"expected one layer, got layer={shown(layer)}; ask for the layers one at a time"
            )
        if part not in _PARTS:
            raise InvalidArgument(
                f"expected 'total', 'label' or 'output' for part, got part={shown(part)}; leave it "
                f"out for the total"
            )
        return cls(network, at[0], None if rates is None else numeric_rates(network, rates), part)

    @cached_property
    def update(self) -> SquaredUpdate:
        """The update derived, or its part."""
        update = squared_update(self.network, self.layer, rates=self.rates)
        return update if self.part == "total" else getattr(update, self.part)

    @property
    def exact(self) -> Expr:
        """The exact answer at eta = 1."""
        return self.update.per_eta2

    @cached_property
    def number(self) -> mpf:
        """The answer to 30 digits, at any depth."""
        return DECIMALS.convert(self.update.evaluate(30))

    @property
    def log(self) -> float:
        """Natural logarithm of the answer; minus infinity where nothing moves."""
        return float(log(self.number)) if self.number else float("-inf")

    @property
    def deviation(self) -> float:
        """Exact standard deviation over networks, in units of the answer; `theory.NotSolved`
        where nothing moves."""
        return _deviation(self)

    @property
    def call(self) -> str:
        """The call of theory that answers it, as code."""
        rates = "" if self.rates is None else f", {self._rates}"
        part = "" if self.part == "total" else f".{self.part}"
        return f"squared_update({self.network!r}, {self.layer}{rates}){part}"

    @property
    def simulation(self) -> str:
        """The arguments of `monte_carlo` that it fixes, as code."""
        rates = "" if self.rates is None else f", {self._rates}"
        return f"{self.network!r}, layer={self.layer}{rates}"

    @property
    def _rates(self) -> str:
        texts = [written(rate) for rate in self.rates or ()]
        return f"rates=({', '.join(texts)}{',' * (len(texts) == 1)})"

    def __repr__(self) -> str:
        rates = "" if self.rates is None else f" with {self._rates}"
        part = "total" if self.part == "total" else f"{self.part} part"
        return f"layer {self.layer} of {self.network!r}{rates}, {part}"


@lru_cache(maxsize=4096)
def _deviation(question: Question) -> float:
    """Kept, since property tests ask for the same networks again while they shrink."""
    return float(question.update.relative_standard_deviation())
