"""Kernels tilt forward draws, so that draws with a large update are likelier.

A layer enters through T = |D z|^2, z in units of sd |x below|, and V = tr D^2.  Its untilted law
times T^i V^j is a mixture of untilted laws with at most three neurons singled out, so it is drawn
exactly and its mean is known: docs/sampler-proofs.md.
"""

from __future__ import annotations

import numpy as np

from verify.numerics.compiled import kernel, ones
from verify.samplers.rare_events.conditional_means import Draws

__all__ = ["draw", "moment"]

_BITS, _COINS_BY_BITS = 53, 265
"""Random bits in one uniform, and the most coins tossed with them."""
_GAUSS = (1.0, 1.0, 3.0, 15.0)
"""E[z^(2k)] of a standard normal z, k = 0 to 3."""


@kernel
def _coins(slope: float) -> tuple[float, float, float]:
    """E[D^2], E[D^4], E[D^6] of one mask, a fair coin between 1 and the slope."""
    return 0.5 * (1.0 + slope**2), 0.5 * (1.0 + slope**4), 0.5 * (1.0 + slope**6)


@kernel
def _coincidences(i: int, j: int, width: float, slope: float) -> tuple[float, float, float, float]:
    """E[T^i V^j] for i + j = 2 or 3, by which of its neuron indices are equal: all, all but one
    of a T, all but one of a V, none; for two indices the second and third are 0."""
    e2, e4, e6 = _coins(slope)
    if i + j == 2:
        return width * e4 * _GAUSS[i], 0.0, 0.0, width * (width - 1.0) * e2**2
    pair = width * (width - 1.0) * e4 * e2
    return (
        width * e6 * _GAUSS[i],
        i * _GAUSS[max(i - 1, 0)] * pair,
        j * _GAUSS[i] * pair,
        width * (width - 1.0) * (width - 2.0) * e2**3,
    )


@kernel
def moment(i: int, j: int, width: float, slope: float) -> float:
    """E[T^i V^j] for i + j = 2 or 3."""
    equal, lone_t, lone_v, apart = _coincidences(i, j, width, slope)
    return equal + lone_t + lone_v + apart


@kernel
def _singled_out(
    stream: np.random.Generator, i: int, j: int, width: float, slope: float
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """At most three neurons: for each, how many of the i + j indices fall on it, and how many of
    these belong to a T; (0, 0) for none."""
    nobody = (0, 0)
    if i + j == 0:
        return nobody, nobody, nobody
    equal, lone_t, lone_v, apart = _coincidences(i, j, width, slope)
    u = stream.random() * (equal + lone_t + lone_v + apart) - equal
    if u < 0.0:
        return (i + j, i), nobody, nobody
    if u < lone_t:
        return (2, i - 1), (1, 1), nobody
    if u < lone_t + lone_v:
        return (2, i), (1, 0), nobody
    return (1, min(i, 1)), (1, int(i > 1)), (i + j - 2, int(i > 2))


@kernel
def _heads(stream: np.random.Generator, coins: int) -> int:
    """Heads among ``coins`` fair coins: a few coins are the bits of uniforms."""
    if coins > _COINS_BY_BITS:
        return int(stream.binomial(coins, 0.5))
    heads = 0
    while coins > 0:
        bits = int(stream.random() * 2.0**_BITS) >> max(_BITS - coins, 0)
        heads += ones(bits)
        coins -= _BITS
    return heads


@kernel
def _chi_square(stream: np.random.Generator, degrees: int) -> float:
    return 2.0 * stream.standard_gamma(0.5 * degrees) if degrees > 0 else 0.0


@kernel
def draw(stream: np.random.Generator, i: int, j: int, width: int, slope: float) -> Draws:
    """Forward draws of a layer from the plain law times T^i V^j over its mean, i + j = 0, 2 or 3.

    A neuron singled out by p masks and q squares of z is active with odds 1 : slope^(2p), and its
    z^2 has 2q degrees of freedom more.
    """
    marked = on = on_degrees = off_degrees = 0
    for masks, lengths in _singled_out(stream, i, j, width, slope):
        if masks == 0:
            continue
        marked += 1
        if slope == 0.0 or stream.random() * (1.0 + slope ** (2 * masks)) < 1.0:
            on += 1
            on_degrees += 2 * lengths
        else:
            off_degrees += 2 * lengths
    on += _heads(stream, width - marked)
    z2_on, z2_off = _chi_square(stream, on + on_degrees), float(width - on)
    if slope > 0.0:
        z2_off = _chi_square(stream, width - on + off_degrees)
    v = on + slope**2 * (width - on)
    return Draws(on, z2_on, z2_off, z2_on + slope**2 * z2_off, v)
