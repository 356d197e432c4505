"""This module gives quantiles of the update over networks, with distribution-free intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.errors import InvalidArgument
from verify.inference.numbers_in_text import LATEX, TEXT, Style, level_in_words, magnitude
from verify.numerics.arrays import FloatArray

__all__ = ["Quantile", "quantile_of"]


@dataclass(frozen=True, eq=False)
class Quantile:
    """A quantile of the update over networks, per eta^2, with a confidence interval.

    ``log_value``, ``log_low``, ``log_high``: natural logarithms, shape ``(layers,)`` or ``()``;
    minus infinity for networks that do not move; the ends are infinite where the samples are too
    few to bound them.  ``chance``: the probability below the quantile.  ``level``: of the interval,
    at least.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> median = monte_carlo(MLP(32, 4), samples=2000, seed=1).total.median
    >>> median
    median 15.877 in [14.872, 16.937] (0.95 confidence)
    """

    log_value: FloatArray
    log_low: FloatArray
    log_high: FloatArray
    chance: float
    level: float

    @property
    def value(self) -> Any:
        """The quantile; 0 or infinite where float64 cannot hold it (`log_value` does).

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> median = monte_carlo(MLP(32, 4), samples=2000, seed=1).total.median
        >>> round(median.value, 3)
        15.877
        """
        return _exponential(self.log_value)

    @property
    def low(self) -> Any:
        """The interval's lower end.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> median = monte_carlo(MLP(32, 4), samples=2000, seed=1).total.median
        >>> round(median.low, 3)
        14.872
        """
        return _exponential(self.log_low)

    @property
    def high(self) -> Any:
        """The interval's upper end.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> median = monte_carlo(MLP(32, 4), samples=2000, seed=1).total.median
        >>> round(median.high, 3)
        16.937
        """
        return _exponential(self.log_high)

    def _triples(self, style: Style) -> Iterator[list[str]]:
        """Value, lower and upper end of each layer."""
        logs = (np.ravel(each) for each in (self.log_value, self.log_low, self.log_high))
        layers = zip(*logs, strict=True)
        return ([magnitude(float(log), style=style) for log in layer] for layer in layers)

    @property
    def _name(self) -> str:
        return "median" if self.chance == 0.5 else f"{self.chance:g} quantile"

    def __repr__(self) -> str:
        values = (f"{value} in [{low}, {high}]" for value, low, high in self._triples(TEXT))
        return f"{self._name} {', '.join(values)} ({level_in_words(self.level)} confidence)"

    def _repr_latex_(self) -> str:
        """The values and intervals as formulas."""
        triples = self._triples(LATEX)
        values = r",\; ".join(rf"{value} \in [{low}, {high}]" for value, low, high in triples)
        return rf"$\text{{{self._name} }} {values}$"


def quantile_of(logs: FloatArray, chance: float, level: float) -> Quantile:
    """The quantile of samples, shape ``(samples,)`` or ``(samples, layers)``.

    The r-th smallest of N samples is below the quantile unless fewer than r samples are, whose
    number is binomial.  Source: H. A. David, H. N. Nagaraja, "Order statistics", section 7.1.
    """
    from scipy.stats import binom  # a second to load, which only quantiles need

    for name, value in (("chance", chance), ("level", level)):
        if isinstance(value, bool) or not isinstance(value, float) or not 0 < value < 1:
            raise InvalidArgument(
                f"expected a float between 0 and 1 for {name}, got {name}={value!r}; the median "
                f"has chance=0.5"
            )
    ordered = np.sort(logs, axis=0)
    samples = len(ordered)
    below = int(binom.ppf(0.5 - 0.5 * level, samples, chance))
    above = int(binom.ppf(0.5 + 0.5 * level, samples, chance)) + 1
    ends = np.full((2, *ordered.shape[1:]), np.inf)
    ends[0] = ordered[below - 1] if below >= 1 else -np.inf
    ends[1] = ordered[above - 1] if above <= samples else np.inf
    middle = ordered[max(int(np.ceil(chance * samples)) - 1, 0)]
    return Quantile(np.asarray(middle), ends[0], ends[1], chance, level)


def _exponential(logs: FloatArray) -> Any:
    with np.errstate(over="ignore", under="ignore"):
        values = np.exp(logs)
    return float(values) if np.ndim(values) == 0 else values
