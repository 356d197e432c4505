"""`Blocks` is a residual network in the numbers that passes over its blocks take."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np

from theory.networks.residual import Residual
from theory.networks.roles import RoleRates
from verify.numerics.arrays import FloatArray, IntArray

__all__ = ["Blocks", "numeric_blocks"]


class Blocks(NamedTuple):
    """h^0 = W_in x, h^b = skip h^(b-1) + W sigma(U h^(b-1)) for b = 1..B, and f = v . h^B.

    The multiplier of a branch stands in W: ``down_sd`` is tau times the sd of a weight, and
    ``down_rates`` are tau^2 times multipliers of eta.

    ``input_length``: the sd of a neuron of h^0; ``input_rate``: |x|^2 times the multiplier of W_in.
    ``up_rates``, ``down_rates``: shape ``(B,)``.  ``stream_rows``, ``branch_rows``: where the
    results of h^b and of U h^(b-1) go, -1 for those not asked for, shape ``(B + 1,)``; ``results``:
    how many there are.
    """

    width: int
    branch_width: int
    input_length: float
    up_sd: float
    down_sd: float
    skip: float
    readout_sd: float
    slope: float
    input_rate: float
    up_rates: FloatArray
    down_rates: FloatArray
    stream_rows: IntArray
    branch_rows: IntArray
    results: int


def numeric_blocks(
    network: Residual, rates: RoleRates, streams: Iterable[int], branches: Iterable[int]
) -> Blocks:
    """A network without symbols; results of the ``streams`` (from 0) and then of the ``branches``
    (from 1) asked for, each in the order given."""
    (((entry,),), _), *runs = network._cells(rates)
    (into,), count = entry.edges, network.layers
    shape = network._block()
    (up,), (down,), (skip,) = shape[0][0].edges, shape[1][0].edges, shape[1][0].links
    cells = [(cell[0][0].edges[0].rate, cell[1][0].edges[0].rate, many) for cell, many in runs]
    streams, branches = tuple(streams), tuple(branches)
    return Blocks(
        width=int(network.width),
        branch_width=int(network.inner_width),
        input_length=float(into.variance * network.norm2) ** 0.5,
        up_sd=float(up.variance) ** 0.5,
        down_sd=float(down.variance) ** 0.5,
        skip=float(skip.squared) ** 0.5,
        readout_sd=float(network.s) ** 0.5 / int(network.width),
        slope=float(network.activation.slope),
        input_rate=float(into.rate * network.norm2),
        up_rates=_repeated((float(rate), many) for rate, _, many in cells),
        down_rates=_repeated((float(rate), many) for _, rate, many in cells),
        stream_rows=_rows(count, streams, 0),
        branch_rows=_rows(count, branches, len(streams)),
        results=len(streams) + len(branches),
    )


def _repeated(runs: Iterable[tuple[float, int]]) -> FloatArray:
    return np.array(list(chain.from_iterable(repeat(rate, many) for rate, many in runs)), float)


def _rows(count: int, asked: tuple[int, ...], first: int) -> IntArray:
    rows = np.full(count + 1, -1)
    rows[list(asked)] = np.arange(first, first + len(asked))
    return rows
