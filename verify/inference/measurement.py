"""A `Measurement` is a mean with its standard error, kept as logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from theory.coverage import ReadAsNumber
from theory.errors import InvalidArgument
from theory.validation import brief
from verify.inference.numbers_in_text import LATEX, TEXT, Style, mean_in_words, samples_in_words
from verify.inference.quantiles import Quantile, quantile_of
from verify.numerics.arrays import FloatArray

__all__ = ["Measurement", "ReadByLayer", "number_or_array"]


class ReadByLayer(ReadAsNumber):
    """A measured number, or a number for each of several layers."""

    def __getitem__(self, item: object) -> NoReturn:
        if np.ndim(self.value):
            first = "value.mean[0] for the mean of the first layer"
            self._refuse(f"no index [{brief(item)}]", first)
        super().__getitem__(item)


@dataclass(frozen=True, eq=False)
class Measurement(ReadByLayer):
    """The mean of one quantity over networks, per eta^2, with its standard error.

    ``log_mean``: natural logarithm of the mean's size; all arrays have shape ``(layers,)`` or
    ``()``.  ``sign``: of the mean.  ``relative_standard_error``: standard error over mean; NaN
    where it is undefined: for fewer than two samples, a mean that is zero or not finite, or no
    spread at all.  ``effective_samples``: the squared sum of the samples over the sum of their
    squares: as many equal samples would give the same spread of the mean.  ``largest_share``: share
    of the largest sample in the sum.  ``samples``: their number.  ``block_log_means``,
    ``block_samples``: the logarithms of the means of blocks of samples, shape ``(blocks,)`` before
    the layers, and the number of samples in each block; ``block_signs``: the signs of the means.
    ``logs``: logarithms of the samples, if kept; ``unkept``: why they are not kept, and a remedy.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
    >>> e.label
    27.04 ± 0.78 over 2,000 samples
    """

    log_mean: FloatArray
    relative_standard_error: FloatArray
    effective_samples: Any
    largest_share: Any
    samples: int
    block_log_means: FloatArray
    block_samples: FloatArray
    logs: FloatArray | None = None
    sign: FloatArray | float = 1.0
    block_signs: FloatArray | float = 1.0
    unkept: str = "sums alone are kept"

    @property
    def median(self) -> Quantile:
        """The median network's update, with a 95 % confidence interval: see `quantile`.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.total.median
        median 15.877 in [14.872, 16.937] (0.95 confidence)
        """
        return self.quantile(0.5)

    def quantile(self, chance: float, level: float = 0.95) -> Quantile:
        """The update that a network stays below with this ``chance``.

        With a confidence interval at ``level`` from order statistics, which assumes nothing of the
        distribution.  Raises `InvalidArgument` for numbers outside (0, 1), and where the samples
        were not kept: too many, or not networks (`verify.RareEvents`).

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.total.quantile(0.9)
        0.9 quantile 70.519 in [62.479, 75.403] (0.95 confidence)
        """
        if self.logs is None:
            raise InvalidArgument(
                f"expected the samples themselves for a quantile, got none: {self.unkept}"
            )
        return quantile_of(self.logs, chance, level)

    @property
    def mean(self) -> Any:
        """The mean, a float or an array of shape ``(layers,)``; NaN where float64 cannot hold
        it (`log_mean` does) and where no sampled network moves.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> round(e.label.mean, 2)
        27.04
        """
        with np.errstate(over="ignore", under="ignore"):
            mean = np.exp(self.log_mean)
        found = np.where((mean > 0) & np.isfinite(mean), mean * self.sign, np.nan)
        return number_or_array(found)

    @property
    def standard_error(self) -> Any:
        """The standard error of `mean`; NaN where it is undefined.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> round(e.label.standard_error, 2)
        0.78
        """
        return number_or_array(np.abs(self.mean) * self.relative_standard_error)

    value, error = mean, standard_error

    @property
    def undefined(self) -> str | None:
        """Why a mean or an error is undefined somewhere, or None.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> monte_carlo(MLP(8, 2), samples=1, seed=1).total.undefined
        'one sample has no standard error: give more samples'
        """
        if np.any(np.isneginf(self.log_mean)):
            return (
                "it is 0 in every sampled network: all are dead (RareEvents() avoids dead chains "
                "of ReLU layers), no layer up to this layer is trained, or the observable is 0"
            )
        if np.any(np.isnan(self.log_mean) | np.isposinf(self.log_mean)):
            return (
                "a sample is too large or too small for float64: give a smaller depth, or scales "
                "that keep z and its gradient near 1"
            )
        if self.samples < 2:
            return "one sample has no standard error: give more samples"
        if np.any(np.isnan(self.relative_standard_error)):
            return "the samples do not vary: the standard error is undefined"
        if np.any(np.isnan(self.mean)):
            return "the mean is outside the range of float64: see log_mean"
        return None

    def values(self) -> tuple[str, ...]:
        """Mean ± standard error of each layer as text, at any magnitude.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> monte_carlo(MLP(32, 4), samples=2000, seed=1).label.values()
        ('27.04 ± 0.78',)
        """
        return self._values(TEXT)

    def _values(self, style: Style) -> tuple[str, ...]:
        pairs = zip(np.ravel(self.log_mean), np.ravel(self.relative_standard_error), strict=True)
        texts = (mean_in_words(float(mean), float(error), style) for mean, error in pairs)
        signs = np.broadcast_to(self.sign, np.shape(self.log_mean)).ravel()
        return tuple(
            f"-{text}" if sign < 0 else text for sign, text in zip(signs, texts, strict=True)
        )

    def __repr__(self) -> str:
        values = ", ".join(self.values())
        listed = values if np.ndim(self.log_mean) == 0 else f"[{values}]"
        reason = f": {self.undefined}" if "undefined" in values else ""
        return f"{listed} over {samples_in_words(self.samples)}{reason}"

    def _repr_latex_(self) -> str:
        """The values as formulas."""
        return ",\\; ".join(f"${value}$" for value in self._values(LATEX))


def number_or_array(values: FloatArray) -> Any:
    """A float where there is one value, else the array."""
    return float(values) if np.ndim(values) == 0 else values
