"""The own part of steps whose entries are a function of the gradient's entries, by quadrature.

If the weight (i, j) moves by F(g_i x_j), then psi(g) = E_x x F(g x), in units of n.  F may turn
within a small range, such as epsilon of sign descent; the nodes stand densely around x = 0 and
g = 0 and around the z at which a slope or an input is 0, and psi is a polynomial on short ranges
of log g.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from theory.activations.moments import moment_table
from theory.activations.nonlinearity import FloatArray, Nonlinearity
from theory.activations.quadrature import gaussian_rule
from theory.errors import NotSolved
from theory.optimisers import OwnPart

__all__ = ["Place", "entrywise_part"]

_DEEPEST = 1000
"""Layers that take some ten seconds."""
_NODES, _HALVINGS, _FARTHEST = 10, 24, 9.0
_ORDER, _RANGE, _RANGES = 12, 0.7, 60
"""Points of a polynomial in log g, the range of log g that it covers, and the number of ranges."""


class Place(NamedTuple):
    """What a step's entries depend on in one layer: E z^2 as the activation sees it, what the norm
    divides slopes by, tau, and what the norm takes from outputs, ``mean``, and divides them by."""

    variance: float
    slope_scale: float
    gradient: float
    mean: float
    divisor: float


def entrywise_part(
    entry: Callable[[Any], Any], activation: Nonlinearity, input_size: float, places: list[Place]
) -> OwnPart:
    """The own parts of all layers, at fan-in n; the entries of the input are +-``input_size``."""
    if len(places) > _DEEPEST:
        raise NotSolved(
            f"an epsilon above 0 is solved for at most {_DEEPEST} layers, got {len(places)}: give "
            f"fewer, or epsilon=0"
        )
    inputs, table = (np.array([input_size]), np.ones(1)), moment_table(activation)
    own = []
    for place in places:
        turns = (*activation.kinks, *table.crossings(place.mean, place.variance))
        z, weights = graded(turns, place.variance**0.5)
        slopes = activation.derivative(z) / place.slope_scale, weights
        own.append(_own_part(entry, inputs, slopes, place.gradient))
        inputs = (activation.value(z) - place.mean) / place.divisor, weights
    return OwnPart(*np.array(own).T)


def _own_part(
    entry: Callable[[Any], Any],
    inputs: tuple[FloatArray, FloatArray],
    slopes: tuple[FloatArray, FloatArray],
    deviation: float,
) -> tuple[float, ...]:
    """The four means of one layer."""
    slope, weight = np.abs(slopes[0]), slopes[1]
    h, half = graded((), 1.0)
    h, half = h[h > 0], 2 * half[h > 0]
    gradient = np.multiply.outer(slope, h)
    psi = _interpolated(entry, inputs, gradient * deviation)
    square, along = psi**2 @ half, (psi * gradient) @ half
    return tuple(float(weight @ each) for each in (
        square, along, slope**2 * square, slope**2 * along
    ))  # fmt: skip


def _interpolated(
    entry: Callable[[Any], Any], inputs: tuple[FloatArray, FloatArray], gradient: FloatArray
) -> FloatArray:
    """psi at every entry of ``gradient``, none of which is negative."""
    x, weights = inputs
    top = np.log(gradient.max())
    with np.errstate(divide="ignore"):
        below = (top - np.log(gradient)) / _RANGE
    place = np.minimum(below, _RANGES - 1e-9).astype(int)
    angles = np.pi * (np.arange(_ORDER) + 0.5) / _ORDER
    table = np.exp(top - _RANGE * np.add.outer(np.arange(_RANGES), (np.cos(angles) + 1) / 2))
    psi = (x * entry(np.multiply.outer(table, x))) @ weights
    transform = np.cos(np.multiply.outer(angles, np.arange(_ORDER))) * 2 / _ORDER
    transform[:, 0] /= 2
    coefficients = psi @ transform
    t = 2 * np.clip(below - place, 0, 1) - 1
    last = before = np.zeros_like(t)
    for k in range(_ORDER - 1, 0, -1):
        last, before = coefficients[:, k][place] + 2 * t * last - before, last
    found = coefficients[:, 0][place] + t * last - before
    return np.where(gradient > 0, found, 0.0)


def graded(turns: tuple[float, ...], deviation: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of E f(z) at z ~ N(0, deviation^2), dense around 0 and around ``turns``."""
    edges = _FARTHEST * 0.5 ** np.arange(_HALVINGS)
    centres = np.array([0.0, *turns])[:, None] / deviation
    ends = np.unique(centres + np.concatenate([-edges, [0.0], edges]))
    ends = ends[np.abs(ends) <= _FARTHEST]
    nodes, weights = gaussian_rule(ends, _NODES)
    return nodes * deviation, weights
