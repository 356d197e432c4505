"""Exact values as numbers of any precision, at any depth, without exact arithmetic in between.

Every entry of a layer map is a sum of non-negative terms, since (N)_r >= 0 at whole N, so the
recursion adds no numbers of opposite sign, and the relative error grows by at most a few units in
the last place for each product.  Runs of equal layers are one matrix power.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from mpmath import matrix, mpf, workdps

from theory.recursion import LayerMaps, Quotient, Recursion

__all__ = ["evaluate"]

_GUARD_DIGITS = 15


def evaluate(recursion: Recursion, layer: int, digits: int) -> mpf:
    """The observable's mean at ``layer`` in a network of numbers, to ``digits`` digits.

    The guard digits cover depths up to 10^9 for observables with non-negative coefficients.
    """
    with workdps(digits + _GUARD_DIGITS):
        below = _matrix(recursion.start())
        for maps, count in _runs(recursion.layers[: layer - 1]):
            below = _matrix(maps.kernel) ** count * below
        total = mpf(0)
        above = list(_runs(recursion.layers[layer:]))
        for top, source in zip(recursion.top(), recursion.layers[layer - 1].sources, strict=True):
            row = _matrix(Quotient.of(top))
            for maps, count in reversed(above):
                row = row * _matrix(maps.carried) ** count
            total += (row * _matrix(source) * below)[0, 0]
    with workdps(digits):
        return +total


def _runs(layers: Sequence[LayerMaps]) -> Iterator[tuple[LayerMaps, int]]:
    """Equal neighbours and their number, from the first layer up."""
    for _, run in groupby(layers, key=id):
        same = list(run)
        yield same[0], len(same)


def _matrix(quotient: Quotient) -> matrix:
    rows = quotient.numerators.to_list()
    return matrix([[mpf(int(entry)) / int(quotient.denominator) for entry in row] for row in rows])
