"""What `verify.samplers.gram.relu_passes` carries: the network's scales, its layers, and room."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from verify.samplers.gram.coin_pieces import CoinPieces, coin_pieces
from verify.samplers.problem import Problem

__all__ = ["LANES", "LAYER", "ROOM", "ReluScales", "lanes_at", "relu_scales", "relu_workspace"]

Array = Any

LANES = 256
"""At most so many networks go through a layer together.  Every vector of one number per network has
this length and a fixed place, so that the compiler knows that no two overlap."""

SQUARE, XI, REST, TURN, SLOPE = range(0, 5 * LANES, LANES)
"""What a layer leaves of its active neurons.  SQUARE: the squared length of z in units of sd |x
below|, and from the second pass on INVERSE, see there.  XI: the length of the fresh part of the
gradient on x across z.  TURN, REST: of a standard normal vector across g, the coordinate in the
plane of g and z, and the squared length of what is left.  SLOPE: the tangent of the angle from z to
g."""
INVERSE = SQUARE
LAYER = 5 * LANES
_HELD = 2**23
"""Layers of single networks held at a time: about 300 MB."""

ALONG, MET, ACROSS = range(0, 3 * LANES, LANES)
"""The update of the layer below on its active neurons, in units of 2^UNIT f |x|: along z; the
product of the part across z with the fresh part of the gradient; the squared length across z."""
NORM, POWER, DEAD, STEEP, LOG_F, UNIT, OWN = range(3 * LANES, 10 * LANES, LANES)
"""|x|^2 as NORM 2^(POWER + norm_powers); which networks are dead; 1/(gradient on x along x in units
of its standard deviation); log f^2; the power of two in the unit of the update, and the share that
an own part of order one has in this unit."""
ON, FIRST, SECOND, THIRD = range(10 * LANES, 14 * LANES, LANES)
CHANCE_1, CHANCE_2, CHANCE_3, CHANCE_4 = range(14 * LANES, 18 * LANES, LANES)
"""Active neurons (or inactive ones), normals, and chances: see `verify.numerics.variates.trials`."""
ROOM = 18 * LANES


class ReluScales(NamedTuple):
    """The network: ``widths`` of layers 0 to L, and coin tables.

    ``variances``: of a weight, shape ``(L,)``, without powers of two; ``norm_powers``: those in the
    product of all up to a layer, shape ``(L + 1,)``.  ``rates``: multipliers over variances, shape
    ``(L,)``, without powers of two; ``powers``: these.
    """

    widths: Array
    variances: Array
    norm_powers: Array
    rates: Array
    powers: Array
    log_readout: float
    log_input: float
    coins: CoinPieces


def relu_scales(problem: Problem) -> ReluScales:
    """A problem as the compiled passes take it."""
    rates, rate_powers = np.frexp(problem.rates)
    sds, sd_powers = np.frexp(problem.weight_sd)
    return ReluScales(
        widths=problem.widths,
        variances=sds**2,
        norm_powers=np.concatenate(([0.0], np.cumsum(2.0 * sd_powers))),
        rates=rates / sds**2,
        powers=rate_powers - 2.0 * sd_powers,
        log_readout=float(np.log(problem.readout_sd)),
        log_input=float(np.log(problem.input_norm)),
        coins=coin_pieces(problem.widths),
    )


def lanes_at(depth: int) -> int:
    """Networks that go through a layer together: fewer in very deep networks, for room; a power of
    two."""
    return next(lanes for lanes in (LANES, 128, 64, 32) if lanes * depth <= _HELD or lanes == 32)


def relu_workspace(depth: int) -> Any:
    """Fields of ``depth`` layers: rows of them, in each as many layers as there is room for."""
    return np.zeros(-(-depth // (LANES // lanes_at(depth))) * LAYER)
