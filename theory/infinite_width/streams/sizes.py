"""E |h| of a stream that is a Gaussian number and sigma(z) of every block: from its characteristic
function, E |h| = (2/pi) times the integral of (1 - Re E exp(i t h))/t^2 over t > 0."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander

from theory.activations.nonlinearity import FloatArray
from theory.activations.quadrature import gaussian_rule, legendre_rule
from theory.errors import NotSolved
from theory.infinite_width.streams.network import Blocks

__all__ = ["stream_sizes"]

_FARTHEST_T, _FARTHEST_Z, _PANELS, _MOST_TURNS = 8.5, 9.0, 40, 500.0
"""Ends, in standard deviations of the Gaussian part and of z, and panels of the rules for E |h|,
which resolve this many standard deviations of h times t."""
_POINTS, _TERMS, _MORE_TERMS = 12, 16, 10
"""Nodes of a panel; terms of a series in log Q, and more of them for each unit of log Q that it
covers."""


def stream_sizes(found: Blocks, centred: bool = False) -> FloatArray:
    """E |h|, or E |h - E h|, of the stream after blocks 0 to B."""
    skips = found.skip2 ** (np.arange(found.blocks + 1) / 2)
    gaussian = found.squares[0] ** 0.5
    end = _FARTHEST_T / gaussian
    turns = end * float((found.squares**0.5 / skips).max())
    if turns > _MOST_TURNS:
        raise NotSolved(
            "E |h| is not solved where the contribution of the input to the stream has decayed: "
            "give fewer blocks"
        )
    panels = _PANELS + 2 * int(turns / 10)
    t, weights = legendre_rule(np.linspace(0, end, panels + 1), _POINTS)
    weights = weights / t**2
    total = np.exp(-((gaussian * t) ** 2) / 2).astype(np.complex128)
    known = _Characteristic(found, t, panels)
    sizes = np.empty(found.blocks + 1)
    for block in range(found.blocks + 1):
        if block:
            total *= known.of(block - 1, skips[block])
        shift = found.means[block] / skips[block] if centred else 0.0
        moved = total * np.exp(-1j * shift * t) if shift else total
        sizes[block] = weights @ (1 - moved.real) + 1 / end
    return sizes * skips * 2 / np.pi


class _Characteristic:
    """E exp(i t tau sigma(z)) of a block, over the factor that skips have at this block."""

    def __init__(self, found: Blocks, t: FloatArray, panels: int) -> None:
        self._found, self._t, self._panels = found, t, panels
        logs = np.log(found.inside)
        middle, half = (logs.max() + logs.min()) / 2, (logs.max() - logs.min()) / 2
        terms = _TERMS + _MORE_TERMS * ceil(2 * half)
        self._series: Any = None
        if found.skip2 == 1 and found.blocks > terms:
            nodes = np.cos((np.arange(terms) + 0.5) * np.pi / terms)
            x = (logs - middle) / half if half else 0 * logs
            rows = [self._at(float(np.exp(middle + half * node)), 1.0) for node in nodes]
            series, values = (chebvander(each, terms - 1) for each in (x, nodes))
            self._series = series, np.linalg.inv(values) @ np.array(rows)

    def of(self, block: int, skip: float) -> Any:
        """At every t."""
        if self._series is None:
            return self._at(float(self._found.inside[block]), skip)
        terms, known = self._series
        return terms[block] @ known

    def _at(self, seen: float, skip: float) -> Any:
        found = self._found
        ends = np.linspace(-_FARTHEST_Z, _FARTHEST_Z, self._panels + 1)
        kinks = [kink / seen**0.5 for kink in found.activation.kinks]
        inner = [each for each in kinks if abs(each) < _FARTHEST_Z]
        z, density = gaussian_rule(np.unique([*ends, *inner]), _POINTS)
        branch = found.tau2**0.5 / skip * found.activation.value(seen**0.5 * z)
        return np.exp(1j * np.multiply.outer(self._t, branch)) @ density
