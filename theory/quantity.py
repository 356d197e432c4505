"""`Quantity` is the interface that derived values and measured estimates share."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Compared", "Quantity"]


class Compared(Protocol):
    """A number with its error, as far as a comparison looks at it."""

    @property
    def value(self) -> Any:
        """The number at eta = 1, as a float; a tuple or an array where it is several."""

    @property
    def error(self) -> Any:
        """The standard error of `value`: 0 for a derived number."""


class Quantity(Compared, Protocol):
    """A quantity of a random network, derived or measured, with its parts.

    >>> from theory import MLP, squared_update
    >>> from verify import monte_carlo
    >>> network = MLP(32, 4)
    >>> derived, measured = squared_update(network), monte_carlo(network, samples=2000, seed=1)
    >>> for each in (derived, measured):
    ...     print(f"layer {each.layer}: {each.label.value:.2f} ± {each.label.error:.2f}")
    layer 4: 26.42 ± 0.00
    layer 4: 27.04 ± 0.78
    """

    @property
    def layer(self) -> Any:
        """The hidden layer or layers; None where it is of no single layer."""

    @property
    def total(self) -> Compared:
        """The whole."""

    @property
    def label(self) -> Compared:
        """The part from the label: of the 1 in E_y (f - y)^2 = 1 + f^2."""

    @property
    def output(self) -> Compared:
        """The part from the network's output: of the f^2."""
