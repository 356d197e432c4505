"""`Blocks` is a residual network in the numbers that passes over its blocks take."""

from __future__ import annotations

from typing import NamedTuple

from theory.networks.residual import Residual
from verify.numerics.arrays import FloatArray
from verify.samplers.problem import Problem

__all__ = ["Blocks", "blocks_of", "has_blocks"]


class Blocks(NamedTuple):
    """h^0 = W_in x, h^b = skip h^(b-1) + W sigma(U h^(b-1)) for b = 1..B, and f = v . h^B.

    The multiplier tau of a branch stands in W: ``down_sd`` is tau times the standard deviation of a
    weight, and ``down_rates`` are tau^2 times multipliers of eta.  ``input_norm``: |x|.
    ``up_rates``, ``down_rates``: shape ``(B,)``.
    """

    width: int
    branch_width: int
    input_norm: float
    input_sd: float
    up_sd: float
    down_sd: float
    skip: float
    readout_sd: float
    slope: float
    input_rate: float
    up_rates: FloatArray
    down_rates: FloatArray


def has_blocks(problem: Problem) -> bool:
    """Whether the network of ``problem`` is `Residual`."""
    return isinstance(problem.network, Residual)


def blocks_of(problem: Problem) -> Blocks:
    """The sites of a residual network: x, h^0, and a branch and its stream for each block."""
    sites = problem.sites
    input_sd, up_sd, down_sd = map(float, sites.sd[:3])
    return Blocks(
        width=int(sites.widths[1]),
        branch_width=int(sites.widths[2]),
        input_norm=float(sites.inputs[0, 0]),
        input_sd=input_sd,
        up_sd=up_sd,
        down_sd=down_sd,
        skip=float(sites.link_factors[0]),
        readout_sd=float(sites.sd[-1]),
        slope=float(sites.slopes[2]),
        input_rate=float(sites.rates[0]),
        up_rates=sites.rates[1:-1:2],
        down_rates=sites.rates[2:-1:2],
    )
