"""Means with standard errors from independent blocks, kept as logarithms until asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.problem import FloatArray

__all__ = ["Block", "Estimate", "Measurement", "merge", "sum_block"]


@dataclass(frozen=True, eq=False)
class Block:
    """One block of samples: their number, and for each part and layer the natural logarithm of
    their sum, shape ``(parts, layers)``."""

    samples: int
    log_sums: FloatArray


@dataclass(frozen=True, eq=False)
class Measurement:
    """The mean of one quantity over networks, per eta^2, with its standard error.

    ``log_mean``: natural logarithm of the mean, shape ``(layers,)`` or ``()``.
    ``relative_standard_error``: standard error over mean, the same shape; NaN where it is
    undefined: fewer than two blocks, a mean that is zero or not finite, or no spread at all.
    ``blocks``: the independent blocks that the error is taken from.
    """

    log_mean: FloatArray
    relative_standard_error: FloatArray
    blocks: int

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
        if self.blocks < 2:
            return "one block of samples has no standard error: give more samples"
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
    """The measured E[(Delta z)^2]/eta^2 of one simulation.

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
    counts = np.array([block.samples for block in blocks], dtype=np.float64)
    sums = np.stack([block.log_sums for block in blocks])
    named = {name: sums[:, index] for index, name in enumerate(parts)}
    named["total"] = _log_sum(sums, axis=1)
    index: Any = (slice(None), 0) if scalar else slice(None)
    return {name: _measure(log_sums[index], counts) for name, log_sums in named.items()}


def _measure(log_sums: FloatArray, counts: FloatArray) -> Measurement:
    """``log_sums``: shape ``(blocks,)`` or ``(blocks, layers)``."""
    samples, blocks = counts.sum(), len(counts)
    shift = np.max(log_sums, axis=0)
    shift = np.where(np.isfinite(shift), shift, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        sums = np.exp(log_sums - shift)
        mean = sums.sum(axis=0) / samples
        deviations = sums.T - counts * np.asarray(mean)[..., None]
        spread = np.sqrt((deviations**2).sum(axis=-1) * (blocks / max(blocks - 1, 1)))
        relative = np.where(spread > 0, spread / samples / mean, np.nan)
        log_mean = np.log(mean) + shift
    undefined = np.full_like(relative, np.nan)
    return Measurement(log_mean, relative if blocks > 1 else undefined, blocks)


def _plain(values: FloatArray) -> Any:
    return float(values) if np.ndim(values) == 0 else values


def sum_block(logs: FloatArray) -> Block:
    """A sampler's logarithms, shape ``(parts, samples, layers)``, summed over the samples."""
    return Block(logs.shape[1], _log_sum(logs, axis=1))


def _log_sum(logs: FloatArray, axis: int) -> FloatArray:
    """Natural logarithm of a sum of exponentials; what is not a number passes through."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.logaddexp.reduce(logs, axis=axis))
