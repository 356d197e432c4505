"""Gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr, Integer

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.optimisers.gradient_descent import GradientDescent
from theory.optimisers.optimiser import Optimiser
from theory.validation import exact_number, typed, written

__all__ = ["Momentum"]


@answered_class
@dataclass(frozen=True, repr=False)
class Momentum(Optimiser):
    """Gradient descent whose steps remember: m = beta m + G, and U = m.

    ``averaged``: m = beta m + (1 - beta) G.  ``nesterov``: U = beta m + G (or (1 - beta) G).  m
    starts at 0, so that the first step is gradient descent's, times 1 - beta where averaged, and
    times 1 + beta with Nesterov.  Without averaging, many equal steps add up to 1/(1 - beta) times
    the steps of gradient descent, so train with (1 - beta) times its rate.

    >>> from theory import Momentum
    >>> Momentum("0.9", nesterov=True)
    Momentum('9/10', nesterov=True)
    """

    beta: Expr
    averaged: bool = False
    nesterov: bool = False

    def __post_init__(self) -> None:
        beta = exact_number("beta", self.beta)
        if not 0 <= beta < 1:
            raise InvalidArgument(
                f"expected a number from 0 to below 1 for beta, got beta={typed(self.beta)}; give "
                f"0.9, say, which averages over about ten steps"
            )
        object.__setattr__(self, "beta", beta)
        for name in ("averaged", "nesterov"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidArgument(
                    f"expected True or False for {name}, got {name}={typed(getattr(self, name))}; "
                    f"leave it out for False"
                )

    def __repr__(self) -> str:
        said = [f"{name}=True" for name in ("averaged", "nesterov") if getattr(self, name)]
        return f"Momentum({', '.join([written(self.beta), *said])})"

    @property
    def multiple(self) -> Expr:
        """The first step over gradient descent's.

        >>> from theory import Momentum
        >>> Momentum("0.9").multiple, Momentum("0.9", nesterov=True).multiple
        (1, 19/10)
        """
        averaging = 1 - self.beta if self.averaged else Integer(1)
        return averaging * (1 + self.beta) if self.nesterov else averaging

    @property
    def unscaled(self) -> Optimiser:
        """Gradient descent.

        >>> from theory import Momentum
        >>> Momentum("0.9").unscaled
        GradientDescent()
        """
        return GradientDescent()
