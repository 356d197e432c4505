"""Means with standard errors from independent blocks, kept as logarithms until asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.network import InvalidArgument
from verify.log_arrays import exponentials, sum_of_parts
from verify.magnitudes import (
    aligned_rows,
    html_table,
    mean_in_words,
    samples_in_words,
    value_latex,
)
from verify.problem import FloatArray
from verify.quantiles import Quantile, quantile_of

__all__ = ["Block", "Estimate", "Measurement", "merge", "sum_block"]


@dataclass(frozen=True, eq=False)
class Block:
    """One block of samples: sums by part (the total last) and layer, shape ``(parts, layers)``.

    Values are in units of ``exp(log_unit)``, their largest: ``mean``, and ``spread``, the sum of
    the squared deviations from it.  ``logs``: natural logarithms of the values themselves, shape
    ``(parts, samples, layers)``, or None where they are not kept.
    """

    samples: int
    log_unit: FloatArray
    mean: FloatArray
    spread: FloatArray
    logs: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Measurement:
    """The mean of one quantity over networks, per eta^2, with its standard error.

    ``log_mean``: natural logarithm of the mean, shape ``(layers,)`` or ``()``; so are the rest.
    ``relative_standard_error``: standard error over mean; NaN where it is undefined: fewer than two
    samples, a mean that is zero or not finite, or no spread at all.  ``effective_samples``: the
    squared sum of the samples over the sum of their squares: as many equal ones would have the
    same spread of the mean.  ``largest_share``: of the largest sample in the sum.  ``samples``:
    their number.

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
    logs: FloatArray | None = None

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
                "quantiles need networks, and these samples were too many to keep or are weighted "
                "means: simulate fewer networks or layers at once, with sampler=Gram(), "
                "Conditioned() or Dense()"
            )
        return quantile_of(self.logs, chance, level)

    @property
    def mean(self) -> Any:
        """The mean, a float or an array of shape ``(layers,)``; NaN where float64 cannot hold
        it (`log_mean` does) and where every sampled network was dead.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> round(e.label.mean, 2)
        27.04
        """
        with np.errstate(over="ignore", under="ignore"):
            mean = np.exp(self.log_mean)
        return _plain(np.where((mean > 0) & np.isfinite(mean), mean, np.nan))

    @property
    def standard_error(self) -> Any:
        """The standard error of `mean`; NaN where it is undefined.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> round(e.label.standard_error, 2)
        0.78
        """
        return _plain(np.asarray(self.mean) * self.relative_standard_error)

    @property
    def undefined(self) -> str | None:
        """Why a mean or an error is undefined somewhere, or None.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> monte_carlo(MLP(8, 2), samples=1, seed=1).total.undefined
        'one sample has no standard error: give more samples'
        """
        if np.any(np.isneginf(self.log_mean)):
            return "every sampled network was dead: give more samples"
        if np.any(np.isnan(self.log_mean) | np.isposinf(self.log_mean)):
            return "a sample overflowed"
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
        pairs = zip(np.ravel(self.log_mean), np.ravel(self.relative_standard_error), strict=True)
        return tuple(mean_in_words(float(mean), float(error)) for mean, error in pairs)

    def __repr__(self) -> str:
        values = ", ".join(self.values())
        shown = values if np.ndim(self.log_mean) == 0 else f"[{values}]"
        reason = f": {self.undefined}" if "undefined" in values else ""
        return f"{shown} over {samples_in_words(self.samples)}{reason}"

    def _repr_latex_(self) -> str:
        """The values as formulas."""
        return ",\\; ".join(f"${value_latex(value)}$" for value in self.values())


@dataclass(frozen=True, eq=False)
class Estimate:
    """The measured E[(Delta z)^2]/eta^2 of one simulation; its median and quantiles too.

    ``parts``: measurements by name: ``total``, and for a linearised update ``label`` and
    ``output``.  ``samples``: networks drawn.  ``seed``: reproduces it bit for bit.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
    >>> e
    E[(Δz)²]/η² over 2,000 samples, seed 1
    label   27.04 ± 0.78
    output  1.68 ± 0.15
    total   28.72 ± 0.87
    """

    parts: dict[str, Measurement]
    samples: int
    seed: int

    @property
    def total(self) -> Measurement:
        """The whole update.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.total
        28.72 ± 0.87 over 2,000 samples
        """
        return self.parts["total"]

    @property
    def label(self) -> Measurement:
        """The part from the label.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.label
        27.04 ± 0.78 over 2,000 samples
        """
        return self._part("label")

    @property
    def output(self) -> Measurement:
        """The part from the network's output.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.output
        1.68 ± 0.15 over 2,000 samples
        """
        return self._part("output")

    def _part(self, name: str) -> Measurement:
        if name not in self.parts:
            raise AttributeError(
                f"a real step has no {name} part, only a total: simulate with step=None"
            )
        return self.parts[name]

    @property
    def mean(self) -> Any:
        """The total's mean.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.mean == e.total.mean
        True
        """
        return self.total.mean

    @property
    def standard_error(self) -> Any:
        """The total's standard error.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.standard_error == e.total.standard_error
        True
        """
        return self.total.standard_error

    def __repr__(self) -> str:
        rows = aligned_rows([[name, *part.values()] for name, part in self.parts.items()])
        reason = [self.total.undefined or ""] if "undefined" in " ".join(rows) else []
        return "\n".join([self._headline(), *rows, *reason])

    def _headline(self) -> str:
        layers = np.size(self.total.log_mean)
        by = f", a column for each of {layers} layers" if layers > 1 else ""
        return f"E[(Δz)²]/η² over {samples_in_words(self.samples)}, seed {self.seed}{by}"

    def _repr_html_(self) -> str:
        """The parts as a table."""
        return html_table(
            self._headline(), [[name, *part.values()] for name, part in self.parts.items()]
        )


def merge(
    blocks: Sequence[Block], parts: tuple[str, ...], *, scalar: bool
) -> dict[str, Measurement]:
    """The measurements of ``parts``, and their total, from independent blocks.

    ``scalar``: one layer was asked for by its number; measurements then have shape ``()``.
    Law: depends on the blocks' order only through rounding, and is computed in theirs.
    """
    counts = np.array([block.samples for block in blocks], dtype=np.float64)[:, None, None]
    units = np.stack([block.log_unit for block in blocks])
    log_unit = np.max(units, axis=0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        factors = np.exp(units - log_unit)
        means = factors * np.stack([block.mean for block in blocks])
        spreads = factors**2 * np.stack([block.spread for block in blocks])
        samples = counts.sum()
        mean = (counts * means).sum(axis=0) / samples
        spread = spreads.sum(axis=0) + (counts * (means - mean) ** 2).sum(axis=0)
        variance = spread / samples / mean**2
        error = np.sqrt(np.where(variance > 0, variance, np.nan) / max(samples - 1, np.nan))
        log_mean, share = np.log(mean) + log_unit, 1.0 / (samples * mean)
    kept = [block.logs for block in blocks if block.logs is not None]
    logs = np.concatenate(kept, axis=1) if len(kept) == len(blocks) else None
    index: Any = (lambda array: array[..., 0]) if scalar else (lambda array: array)
    return {
        name: Measurement(
            log_mean=index(log_mean[part]),
            relative_standard_error=index(error[part]),
            effective_samples=_plain(index(samples / (1.0 + variance[part]))),
            largest_share=_plain(index(share[part])),
            samples=int(samples),
            logs=None if logs is None else index(logs[part]),
        )
        for part, name in enumerate([name for name in parts if name != "total"] + ["total"])
    }


def _plain(values: FloatArray) -> Any:
    return float(values) if np.ndim(values) == 0 else values


def sum_block(logs: FloatArray, *, keep: bool = False) -> Block:
    """A sampler's logarithms, shape ``(parts, samples, layers)``, summed over the samples;
    ``keep``: with the logarithms themselves."""
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        if len(logs) > 1:
            logs = np.concatenate((logs, sum_of_parts(logs)[None]))
        log_unit = np.max(logs, axis=1)
        log_unit = np.where(np.isneginf(log_unit), 0.0, log_unit)
        values = exponentials(logs - log_unit[:, None])
        mean = values.mean(axis=1)
        spread = ((values - mean[:, None]) ** 2).sum(axis=1)
    return Block(logs.shape[1], log_unit, mean, spread, logs if keep else None)
