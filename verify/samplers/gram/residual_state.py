"""This module holds the scales of a residual network, and the state that passes carry by block."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from verify.numerics.coins import CoinTables, coin_tables
from verify.numerics.compiled import Array, formula
from verify.samplers.blocks import blocks_of
from verify.samplers.gram.groups import Asked, asked_layers, fields
from verify.samplers.problem import Problem

__all__ = [
    "LANES",
    "NONE",
    "ROOM",
    "Block",
    "ResidualScales",
    "Room",
    "cut_block",
    "cut_room",
    "residual_scales",
    "residual_workspace",
]

LANES = 64
"""Networks that go through a block together.  Fields are rows of one array, of this length and at
fixed places, so that the compiler knows that no two overlap."""
_ZERO = -1e300
"""In the place of the logarithm of 0: sums of such numbers and of others stay below ``NONE``, and
no difference is undefined."""
NONE = -1e299


class ResidualScales(NamedTuple):
    """The network: its widths, logarithms of its scales (``log_ups`` and ``log_downs``, of rates,
    by block; ``log_input_rate``: with |x|^2), coin tables, the requested sites, from 1, and whether
    ``active_alone`` neurons matter: for ReLU, where no branch is requested."""

    width: int
    branch_width: int
    log_up_sd: float
    log_down_sd: float
    log_skip: float
    log_readout: float
    log_input: float
    log_input_rate: float
    slope: float
    log_slope: float
    log_ups: Array
    log_downs: Array
    coins: CoinTables
    asked: Asked
    active_alone: bool


def residual_scales(problem: Problem) -> ResidualScales:
    """A problem as the compiled passes take it."""
    blocks = blocks_of(problem)
    return ResidualScales(
        width=blocks.width,
        branch_width=blocks.branch_width,
        log_up_sd=math.log(blocks.up_sd),
        log_down_sd=math.log(blocks.down_sd),
        log_skip=math.log(blocks.skip),
        log_readout=math.log(blocks.readout_sd),
        log_input=math.log(blocks.input_sd) + math.log(blocks.input_norm),
        log_input_rate=float(_logs(blocks.input_rate)) + 2.0 * math.log(blocks.input_norm),
        slope=blocks.slope,
        log_slope=float(_logs(blocks.slope)),
        log_ups=_logs(blocks.up_rates),
        log_downs=_logs(blocks.down_rates),
        coins=coin_tables(np.array([blocks.branch_width])),
        asked=asked_layers(problem),
        active_alone=blocks.slope == 0.0 and bool(np.all(problem.layers % 2 == 1)),
    )


def _logs(numbers: Any) -> Any:
    positive = np.where(np.asarray(numbers) > 0.0, numbers, 1.0)
    return np.where(np.asarray(numbers) > 0.0, np.log(positive), _ZERO)


class Block(NamedTuple):
    """The state after a block, a number for each network.

    Of the branch, in units of sd |h below| (pre-activations z) and in unit vectors: ``on``, active
    neurons; ``z_on``, ``z_off``, lengths; ``cos``, ``sin``, sigma(z) in the plane of the two z's;
    ``log_a``, its length; ``xi``, ``xi_on``, ``xi_off``, W^T g across sigma(z) in that plane and
    across z; ``d_on``, ``dq_on``, ``d_off``, ``dq_off``, delta along z and across it; ``log_d``.

    Of the stream: ``log_h`` below the block, ``log_g`` above it; ``cos_g``, ``sin_g``, g above
    along h and across it; ``q_1``, ``q_2``, W a in units of sd |a| in the frame of the block;
    ``cos_h``, ``sin_h``, h above in it; ``turn``, ``lift``, the part of g across h above, in the
    plane of the first two directions and along the third; ``x_2``, ``x_3``, ``x_4``, U^T delta
    across h below, in units of sd |delta|; ``e_2``, ``e_3``, ``e_4``, the unit vector along the
    part of g below across h below.
    """

    on: Array
    z_on: Array
    z_off: Array
    cos: Array
    sin: Array
    log_a: Array
    xi: Array
    xi_on: Array
    xi_off: Array
    d_on: Array
    dq_on: Array
    d_off: Array
    dq_off: Array
    log_d: Array
    log_h: Array
    log_g: Array
    cos_g: Array
    sin_g: Array
    q_1: Array
    q_2: Array
    cos_h: Array
    sin_h: Array
    turn: Array
    lift: Array
    x_2: Array
    x_3: Array
    x_4: Array
    e_2: Array
    e_3: Array
    e_4: Array


class Room(NamedTuple):
    """The state that passes carry from block to block, and room for draws, a number for each
    network.

    ``log_h``: log |h|.  ``along_h``, ``along_g``, ``rest``: the unit vector along the update u of
    the stream (going down, along g): along h, along the part of g across h, and the rest;
    ``log_u``: log |u| (log |g|).  ``w_on`` to ``wr_off``:
    the update of a branch, as delta, with the rest of it; ``log_w``.  ``along``, ``across``,
    ``products``: u or y (going down, g and delta) times known vectors.  ``u_2`` to
    ``u_5``: u across h (g, from the first direction on) in the frame of a block.
    """

    log_h: Array
    along_h: Array
    along_g: Array
    rest: Array
    log_u: Array
    w_on: Array
    wq_on: Array
    wr_on: Array
    w_off: Array
    wq_off: Array
    wr_off: Array
    log_w: Array
    along: Array
    across: Array
    products: Array
    u_2: Array
    u_3: Array
    u_4: Array
    u_5: Array
    log_f2: Array
    count: Array
    first: Array
    second: Array
    third: Array
    fourth: Array
    chances: Array


cut_block = formula(fields(Block, LANES))
cut_room = formula(fields(Room, LANES))
ROOM = len(Room._fields) * LANES


def residual_workspace(blocks: int) -> Any:
    """Room for the fields of ``blocks``."""
    return np.zeros((blocks, len(Block._fields) * LANES))
