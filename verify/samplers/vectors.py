"""This module holds the scales, masks and products that passes through networks share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel
from verify.numerics.lanes import LANES, fused_lanes, lanes_at, no_lanes, sum_of_lanes
from verify.samplers.problem import Problem

__all__ = ["Scales", "activate_change", "dot", "mask", "of_layer", "vector_scales"]


class Scales(NamedTuple):
    """The numbers that are not drawn: ``widths`` of layers 0 to L, ``rows``, where their neurons
    begin in flat arrays, and the network's scales."""

    widths: Array
    rows: Array
    weight_sd: Array
    readout_sd: float
    slope: float
    rates: Array
    input_norm: float


def vector_scales(problem: Problem) -> Scales:
    """A problem as the compiled passes take it."""
    return Scales(
        widths=problem.widths,
        rows=np.concatenate((np.zeros(1, np.int64), np.cumsum(problem.widths))),
        weight_sd=problem.weight_sd,
        readout_sd=problem.readout_sd,
        slope=problem.slope,
        rates=problem.rates,
        input_norm=problem.input_norm,
    )


@kernel
def of_layer(scales: Scales, vector: Array, layer: int) -> Array:
    """The part of a flat ``vector`` that belongs to ``layer``."""
    return vector[scales.rows[layer] : scales.rows[layer + 1]]


@kernel
def dot(left: Array, right: Array) -> float:
    """left . right, summed in double precision."""
    total = no_lanes()
    for i in range(0, left.size, LANES):
        total = fused_lanes(lanes_at(left, i), lanes_at(right, i), total)
    return float(sum_of_lanes(total))


@kernel
def mask(z: Array, slope: float, vector: Array) -> None:
    """vector = D vector."""
    for i in range(z.size):
        vector[i] *= 1.0 if z[i] > 0.0 else slope


@kernel
def activate_change(
    z: Array, ours: float, change: Array, theirs: float, back: float, slope: float
) -> None:
    """change = sigma(z + change) - sigma(z), without cancellation where no sign changes.

    ``ours``, ``theirs``: the factors of ``z`` and ``change``; ``back``: the factor of the result.
    """
    for i in range(z.size):
        before = ours * z[i]
        after = before + theirs * change[i]
        if (before > 0.0) == (after > 0.0):
            change[i] *= 1.0 if before > 0.0 else slope
        else:
            upper = after if after > 0.0 else slope * after
            lower = before if before > 0.0 else slope * before
            change[i] = (upper - lower) * back
