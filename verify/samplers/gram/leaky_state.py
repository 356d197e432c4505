"""What the passes of `verify.samplers.gram.leaky_passes` carry: the network's scales, its layers, and room."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from verify.samplers.gram.coin_pieces import CoinPieces, coin_pieces
from verify.samplers.problem import Problem

__all__ = ["LANES", "LAYER", "ROOM", "GramScales", "gram_scales", "workspace"]

Array = Any


class GramScales(NamedTuple):
    """The network: ``widths`` of layers 0 to L, logarithms of its scales (``log_sd`` of a weight
    and ``log_rates``, shape ``(L,)``), and coin tables.
    """

    widths: Array
    log_sd: Array
    log_rates: Array
    log_readout: float
    log_input: float
    slope: float
    log_slope: float
    coins: CoinPieces


LANES = 128
"""Networks that go through a layer together.  Every vector of one number per network has this
length and a fixed place, so that the compiler knows that no two overlap."""

ON, Z_ON, LOG_X, LOG_G, XI_ON, G_ON, GQ_ON = range(0, 7 * LANES, LANES)
"""What a layer leaves.  ON: active neurons.  Z_ON: length of their z in units of sd |x below|.
LOG_X, LOG_G: logarithms of |x| and |g|.  XI_ON: the fresh part of the gradient on x across z.
G_ON, GQ_ON: the unit vector along g: along z and across it."""
LAYER = 7 * LANES

Z_OFF, COS, SIN, XI, XI_OFF, G_OFF, GQ_OFF = range(0, 7 * LANES, LANES)
"""What it leaves of inactive neurons, and COS, SIN: the unit vector along x in the plane of the two
z's; XI: the fresh part of the gradient on x across x in that plane."""

U_ON, UQ_ON, UR_ON, U_OFF, UQ_OFF, UR_OFF, LOG_U = range(0, 7 * LANES, LANES)
"""The unit vector along the update u of the layer below: along z, across it along g, and the rest,
in each block; and log |u|."""
A_ON, B_ON, R_ON, A_OFF, B_OFF, R_OFF = range(7 * LANES, 13 * LANES, LANES)
"""Draws in the same directions."""
PHI, LOG_SCALE, LOG_F, DEAD, COUNT, SPARE = range(13 * LANES, 19 * LANES, LANES)
"""The gradient on x along x in units of ``exp(LOG_SCALE)``; log |f|; which networks are dead; and
room for draws, SPARE of four times the length."""
ROOM = 22 * LANES


def gram_scales(problem: Problem) -> GramScales:
    """A problem as the compiled passes take it."""
    with np.errstate(divide="ignore"):
        log_rates, log_slope = np.log(problem.rates), float(np.log(problem.slope))
    return GramScales(
        widths=problem.widths,
        log_sd=np.log(problem.weight_sd),
        log_rates=log_rates,
        log_readout=float(np.log(problem.readout_sd)),
        log_input=float(np.log(problem.input_norm)),
        slope=problem.slope,
        log_slope=log_slope,
        coins=coin_pieces(problem.widths),
    )


def workspace(rows: int) -> tuple[Any, Any]:
    """Fields of layers 0 to L (``rows`` of them), and of their inactive neurons."""
    layers, others = np.zeros((rows, LAYER)), np.zeros((rows, LAYER))
    others[0, COS : COS + LANES] = 1.0
    return layers, others
