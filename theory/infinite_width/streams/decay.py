"""The movement of a residual network by weight decay, which shrinks the weights themselves.

Weight decay moves the stream h by a field d that no gradient enters, so that E d^2 adds to the
square of the other movement.  (h, d) of a neuron has the moments E h, E d, E h d and E d^2.  A norm
takes from d its part along h.  A matrix W sends (x, y) to the Gaussian pair W x and
decay W x + W y, whose second number is e; an activation sends (z, e) to phi(z) and phi'(z) e with

    E phi phi' e = c dq/dQ,  E phi' e = 2 c dE phi/dQ,
    E phi'^2 e^2 = (c/Q)^2 E phi'^2 z^2 + (E e^2 - c^2/Q) m_2,        c = E z e.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theory.activations.moments import Moments
from theory.activations.nonlinearity import FloatArray
from theory.infinite_width.streams.network import Blocks
from theory.networks.norms import LayerNorm
from theory.networks.roles import ByRole, UpDown

__all__ = ["decayed_in_blocks"]


class _Pair(NamedTuple):
    """E x^2, E x y and E y^2 of numbers x and their movement y."""

    square: float
    mixed: float
    moved: float

    def through(self, variance: float, decay: float) -> _Pair:
        """Of W x and decay W x + W y, for a matrix of the variance times fan-in ``variance``."""
        shrunk = decay * self.square
        return _Pair(
            variance * self.square,
            variance * (shrunk + self.mixed),
            variance * (decay * (shrunk + 2 * self.mixed) + self.moved),
        )

    def activated(self, seen: float, moments: Moments) -> _Pair:
        """Of phi(z) and phi'(z) e, for z of the variance ``seen``."""
        part = self.mixed / seen
        along = part**2 * seen * (moments.m2 + 2 * moments.m2_slope)
        rest = (self.moved - part * self.mixed) * moments.m2
        return _Pair(moments.q, self.mixed * moments.slope, along + rest)


def decayed_in_blocks(
    found: Blocks, decay: float, rates: tuple[ByRole, ...]
) -> tuple[FloatArray, FloatArray]:
    """E d^2 of the stream after blocks 0 to B, and of the pre-activations in the branches."""
    skip, tau, tau2 = found.skip2**0.5, found.tau2**0.5, found.tau2
    own = [decay * float(each) for each in (rates[0].input, *(rate.up for rate in rates))]
    stream, branch = np.empty(found.blocks + 1), np.empty(found.blocks)
    square = float(found.squares[0])
    stream[0], mixed, mean = own[0] ** 2 * square, own[0] * square, 0.0
    for block, row in enumerate(zip(*(each.tolist() for each in found.moments), strict=True)):
        moments = Moments(*row)
        seen = float(found.inside[block])
        entry = _entry(found, block, mixed, float(stream[block]), mean)
        shift = 0.0
        if found.reads_stream:
            branch[block] = entry.moved
            out = entry.activated(seen, moments).through(found.up, own[block + 1])
        else:
            z = entry.through(found.up, own[block + 1])
            branch[block] = z.moved
            out = z.activated(seen, moments)
            if isinstance(found.kind, UpDown):
                out = out.through(found.down, decay * float(rates[block].down))
            else:
                shift = 2 * z.mixed / seen * moments.mean_slope
        crossed = float(found.means[block]) * shift + mean * moments.mean
        mixed = skip**2 * mixed + skip * tau * crossed + tau2 * out.mixed
        across = 2 * skip * tau * mean * shift
        stream[block + 1] = skip**2 * stream[block] + across + tau2 * out.moved
        mean = skip * mean + tau * shift
    return stream, branch


def _entry(found: Blocks, block: int, mixed: float, moved: float, mean: float) -> _Pair:
    """Behind the norm at the entry of a block."""
    if found.norm is None:
        return _Pair(float(found.squares[block]), mixed, moved)
    scale2 = float(found.scale2[block])
    if isinstance(found.norm, LayerNorm):
        mixed -= float(found.means[block]) * mean
        moved -= mean**2
    return _Pair(1.0, 0.0, (moved - mixed**2 / scale2) / scale2)
