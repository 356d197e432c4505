"""Means with standard errors from independent blocks, kept as logarithms until asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.network import InvalidArgument
from verify.log_arrays import exponentials, sum_of_parts
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
    """

    log_mean: FloatArray
    relative_standard_error: FloatArray
    effective_samples: Any
    largest_share: Any
    samples: int
    logs: FloatArray | None = None

    @property
    def median(self) -> Quantile:
        """The median network's update, with a 95 % confidence interval: see `quantile`."""
        return self.quantile(0.5)

    def quantile(self, chance: float, level: float = 0.95) -> Quantile:
        """The update that a network stays below with this ``chance``.

        With a confidence interval at ``level`` from order statistics, which assumes nothing of the
        distribution.  Raises `InvalidArgument` for numbers outside (0, 1), and where the samples
        were not kept: too many, or not networks (`verify.RareEvents`).
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
        it (`log_mean` does) and where every sampled network was dead."""
        with np.errstate(over="ignore", under="ignore"):
            mean = np.exp(self.log_mean)
        return _plain(np.where((mean > 0) & np.isfinite(mean), mean, np.nan))

    @property
    def standard_error(self) -> Any:
        """The standard error of `mean`; NaN where it is undefined."""
        return _plain(np.asarray(self.mean) * self.relative_standard_error)

    @property
    def undefined(self) -> str | None:
        """Why a mean or an error is undefined somewhere, or None."""
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

    def __repr__(self) -> str:
        reason = f", undefined: {self.undefined}" if self.undefined else ""
        pairs = zip(np.ravel(self.mean), np.ravel(self.standard_error), strict=True)
        values = ", ".join(f"{mean:.6g} ± {error:.2g}" for mean, error in pairs)
        return f"Measurement({values}{reason})"


@dataclass(frozen=True, eq=False)
class Estimate:
    """The measured E[(Delta z)^2]/eta^2 of one simulation; its median and quantiles too.

    ``parts``: measurements by name: ``total``, and for a linearised update ``label`` and
    ``output``.  ``samples``: networks drawn.  ``seed``: reproduces it bit for bit.
    """

    parts: dict[str, Measurement]
    samples: int
    seed: int

    @property
    def total(self) -> Measurement:
        """The whole update."""
        return self.parts["total"]

    @property
    def label(self) -> Measurement:
        """The part from the label."""
        return self._part("label")

    @property
    def output(self) -> Measurement:
        """The part from the network's output."""
        return self._part("output")

    def _part(self, name: str) -> Measurement:
        if name not in self.parts:
            raise AttributeError(
                f"a real step has no {name} part, only a total: simulate with step=None"
            )
        return self.parts[name]

    @property
    def mean(self) -> Any:
        """The total's mean."""
        return self.total.mean

    @property
    def standard_error(self) -> Any:
        """The total's standard error."""
        return self.total.standard_error

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={part!r}" for name, part in self.parts.items())
        return f"Estimate({parts}, samples={self.samples}, seed={self.seed})"


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
