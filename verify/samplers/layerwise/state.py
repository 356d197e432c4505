"""`State` holds the vectors of one network at all places; kernels sweep over one of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, borrowing_kernel, formula
from verify.numerics.lanes import LANES, fused_lanes, lanes_at, no_lanes, put_lanes, sum_of_lanes
from verify.samplers.layerwise.program import ACTIVATION, Program
from verify.samplers.vectors import dot

__all__ = [
    "ANSWERED",
    "NETWORK",
    "PART",
    "STAGE",
    "State",
    "across",
    "add_entrywise",
    "add_scaled",
    "dots_with",
    "has_zero",
    "moved_norm",
    "multiply",
    "multiply_and_dots",
    "new_state",
    "normed",
    "product_of",
    "pulled_through_norm",
    "scale",
    "sign",
    "signs",
    "sum_of_two",
]

NETWORK, STAGE, PART, ANSWERED = range(4)
"""Entries of ``State.now``."""


class State(NamedTuple):
    """``values`` and ``gradients`` of f at all places, ``slopes`` phi'.  By part: ``squares``,
    |x|^2 of the input of a product, ``lengths``, |g|^2 at its output, ``along``, g.W x, ``roots``,
    the divisor of a norm, and ``direct``, whether the formula of an activation was evaluated.

    ``draws``, ``spare``: room for normals, and for a vector.  ``change``: two halves, of which the
    first has the changes of even places; ``stream``: the change where the block begins.  ``moved``:
    mean squared changes by site.  ``numbers``: f, and the residue.  ``now``: the network, the
    stage, the part that is next, and whether the caller has answered.
    """

    values: Array
    gradients: Array
    slopes: Array
    squares: Array
    lengths: Array
    along: Array
    roots: Array
    direct: Array
    draws: Array
    change: Array
    stream: Array
    spare: Array
    moved: Array
    numbers: Array
    now: Array


def new_state(program: Program, sites: int) -> State:
    """Room for one network of so many ``sites``."""
    widths, parts = np.diff(program.begin), program.kinds.size
    size, widest = int(program.begin[-1]), int(widths.max())
    apart = int(widths[1:][program.deviations > 0.0].sum())
    skipped = int(widths[:-1][program.joins >= 0].sum())
    curved = int(widths[1:][program.kinds == ACTIVATION].sum())
    squares, lengths, along, roots = np.zeros((4, parts + 1))
    stream, spare = np.zeros((2, widest))
    return State(
        values=np.zeros(size + apart),
        gradients=np.zeros(size + skipped),
        slopes=np.zeros(curved),
        squares=squares,
        lengths=lengths,
        along=along,
        roots=roots,
        direct=np.zeros(parts, np.bool_),
        draws=np.zeros(widest, np.float32),
        change=np.zeros(2 * widest),
        stream=stream,
        spare=spare,
        moved=np.zeros(sites),
        numbers=np.zeros(2),
        now=np.zeros(4, np.int64),
    )


@borrowing_kernel
def scale(factor: float, vector: Array, out: Array) -> None:
    """out = factor vector."""
    for i in range(out.size):
        out[i] = factor * vector[i]


@borrowing_kernel
def add_scaled(one: Array, factor: float, vector: Array, out: Array) -> None:
    """out = one + factor vector."""
    for i in range(out.size):
        out[i] = one[i] + factor * vector[i]


@borrowing_kernel
def sum_of_two(first: float, one: Array, second: float, other: Array, out: Array) -> None:
    """out = first one + second other."""
    for i in range(out.size):
        out[i] = first * one[i] + second * other[i]


@borrowing_kernel
def product_of(
    first: float, wx: Array, second: float, fresh: Array, third: float, g: Array, out: Array
) -> None:
    """out = first wx + second fresh + third g."""
    for i in range(out.size):
        out[i] = first * wx[i] + second * fresh[i] + third * g[i]


@borrowing_kernel
def multiply(one: Array, other: Array, out: Array) -> None:
    """out = one other, entry by entry."""
    for i in range(out.size):
        out[i] = one[i] * other[i]


@borrowing_kernel
def multiply_and_dots(one: Array, other: Array, vector: Array, out: Array) -> tuple[float, float]:
    """As `multiply`; out . vector and |out|^2."""
    first, second = no_lanes(), no_lanes()
    for i in range(0, out.size, LANES):
        entries = fused_lanes(lanes_at(one, i), lanes_at(other, i), no_lanes())
        put_lanes(out, i, entries)
        first = fused_lanes(lanes_at(vector, i), entries, first)
        second = fused_lanes(entries, entries, second)
    return float(sum_of_lanes(first)), float(sum_of_lanes(second))


@borrowing_kernel
def dots_with(one: Array, vector: Array) -> tuple[float, float]:
    """one . vector and |vector|^2."""
    first, second = no_lanes(), no_lanes()
    for i in range(0, vector.size, LANES):
        entries = lanes_at(vector, i)
        first = fused_lanes(lanes_at(one, i), entries, first)
        second = fused_lanes(entries, entries, second)
    return float(sum_of_lanes(first)), float(sum_of_lanes(second))


@borrowing_kernel
def across(along: float, x: Array, y: Array, h: Array) -> tuple[float, float]:
    """|y - along x|^2 and h . (y - along x)."""
    square, product = no_lanes(), no_lanes()
    for i in range(0, y.size, LANES):
        entries = fused_lanes(-along, lanes_at(x, i), lanes_at(y, i))
        square = fused_lanes(entries, entries, square)
        product = fused_lanes(lanes_at(h, i), entries, product)
    return float(sum_of_lanes(square)), float(sum_of_lanes(product))


@formula
def sign(number: float) -> float:
    """The sign, 0 of 0."""
    return 1.0 if number > 0.0 else -1.0 if number < 0.0 else number


@borrowing_kernel
def signs(vector: Array, out: Array) -> None:
    """out = sign(vector)."""
    for i in range(out.size):
        out[i] = sign(vector[i])


@borrowing_kernel
def has_zero(vector: Array) -> bool:
    """Whether an entry is 0."""
    zeros = 0
    for i in range(vector.size):
        zeros += vector[i] == 0.0
    return zeros > 0


@borrowing_kernel
def add_entrywise(
    factor: float, residue: float, epsilon: float, g: Array, x: Array, other: Array, out: Array
) -> None:
    """out = out + factor (E/(|E| + epsilon)) other, with the matrix E = residue g x^T."""
    for j in range(x.size):
        size, moved = residue * x[j], factor * other[j]
        for i in range(out.size):
            entry = size * g[i]
            out[i] += moved * (entry / (abs(entry) + epsilon))


@borrowing_kernel
def mean(vector: Array) -> float:
    """The mean of the entries."""
    total = no_lanes()
    for i in range(0, vector.size, LANES):
        total = fused_lanes(1.0, lanes_at(vector, i), total)
    return float(sum_of_lanes(total) / vector.size)


@borrowing_kernel
def normed(centred: bool, x: Array, out: Array) -> float:
    """out = x, ``centred`` or not, over its root mean square, which is returned; 0 over nothing."""
    centre = mean(x) if centred else 0.0
    for i in range(x.size if centred else 0):
        out[i] = x[i] - centre
    around = out if centred else x
    root = float(math.sqrt(dot(around, around) / x.size))
    scale(1.0 / root if root > 0.0 else 0.0, around, out)
    return root


@borrowing_kernel
def pulled_through_norm(centred: bool, value: Array, root: float, y: Array, out: Array) -> None:
    """The derivative of a norm with this ``value`` and ``root``, times y."""
    over, centre = 1.0 / root if root > 0.0 else 0.0, mean(y) if centred else 0.0
    along = over * dot(value, y) / y.size  # the values of a centred norm sum to 0
    for i in range(out.size):
        out[i] = over * (y[i] - centre) - along * value[i]


@borrowing_kernel
def moved_norm(
    centred: bool, x: Array, value: Array, y: Array, step: float, moved: Array, out: Array
) -> None:
    """(value - norm(x - step y))/step, by way of ``moved``."""
    sum_of_two(1.0, x, -step, y, moved)
    normed(centred, moved, out)
    for i in range(out.size):
        out[i] = (value[i] - out[i]) / step
