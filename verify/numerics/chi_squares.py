"""Kernels draw chi-square variates, squared lengths of Gaussian vectors of any dimensions.

A trial of Marsaglia and Tsang turns a normal x into 2 d (1 + c x)^3, d = dimensions/2 - 1/3, and
keeps it with chance exp(x^2/2 + d (1 - v + ln v)), v = (1 + c x)^3.  Marsaglia and Tsang take c =
1/sqrt(9 d); every larger c gives the same law, since the chance then stays below 1:

    ln chance = -x^2 (9 d c^2 - 1)/2 - 3 d * integral of s^3/(1 + s) over s from 0 to c x.

So c needs no root: a few digits suffice if it is no smaller.  The integral is at most
(c x)^4/4 divided by the smaller of 1 and 1 + c x, which decides nearly every trial from the first
bits of its uniform; the rest of the bits is drawn where it does not.

Source: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26
(2000) 363-372.
"""

from __future__ import annotations

import math

import numpy as np

from verify.numerics.compiled import Array, bits_of_double, double_of_bits, formula, fused, kernel
from verify.numerics.variates import Stream, normals, trials, uniforms
from verify.numerics.vector_math import logarithm

__all__ = ["chi_squares", "lengths"]

_UNSURE = -1.0
_STEP = 2.0**-10
"""The step between the chances of `verify.numerics.variates.trials`."""
_ROOT_BITS, _HALVED = np.uint64(0x5FE6EB50C7B537A9), np.uint64(1)
_ENOUGH = (1.0 + 1e-5) / 3.0
_EXCESS = 1e-4


@formula
def _steepness(shape: float) -> float:
    """1/sqrt(9 shape), larger by between 5e-6 and 1.1e-5 of it.

    A guess from the exponent, right to 1.8e-3, and two steps of Newton's, which end below.
    """
    root = double_of_bits(_ROOT_BITS - (bits_of_double(shape) >> _HALVED))
    root = root * fused(-0.5 * shape * root, root, 1.5)
    root = root * fused(-0.5 * shape * root, root, 1.5)
    return float(root * _ENOUGH)


@formula
def _first_look(dimensions: float, normal: float, chance: float) -> float:
    """The square that a trial gives, where the bound shows that it is kept; else ``_UNSURE``.  In
    one dimension the result is the square of the normal, in none 0."""
    shape = max(0.5 * dimensions, 1.0) - 1 / 3
    turn = _steepness(shape) * normal
    root, scaled = 1.0 + turn, shape * turn * turn
    lost = scaled * fused(0.75 * turn, turn, _EXCESS)
    kept = lost < (1.0 - _STEP - chance) * min(root, 1.0)
    wide = 2.0 * shape * root * root * root if kept else _UNSURE
    line = normal * normal if dimensions > 0.5 else 0.0
    return wide if dimensions > 1.5 else line


@kernel
def _trial(dimensions: float, normal: float, uniform: float) -> float:
    """One trial, decided; ``_UNSURE``: rejected."""
    shape = 0.5 * dimensions - 1 / 3
    root = 1.0 + _steepness(shape) * normal
    if root <= 0.0:
        return _UNSURE
    cube = root * root * root
    bound = 0.5 * normal * normal + shape * (1.0 - cube + 3.0 * logarithm(root))
    return 2.0 * shape * cube if logarithm(uniform) < bound else _UNSURE


@kernel
def _settled(stream: Stream, dimensions: float, normal: float, chance: float) -> float:
    """The square from a trial that the first look left open, and from others if it is rejected."""
    one = np.empty(1)
    uniforms(stream, one)
    square = _trial(dimensions, normal, chance + _STEP * one[0])
    while square < 0.0:
        uniforms(stream, one)
        uniform = one[0]
        normals(stream, one)
        square = _trial(dimensions, one[0], uniform)
    return square


@kernel
def chi_squares(
    stream: Stream, dimensions: Array, less: float, first: Array, chances: Array, out: Array
) -> None:
    """Chi-square variates in whole ``dimensions`` - ``less`` (0 where that is not positive) into
    ``out``, from normals ``first`` and ``chances`` of `verify.numerics.variates.trials`."""
    doubts = 0
    for j in range(out.size):
        square = _first_look(dimensions[j] - less, first[j], chances[j])
        out[j] = square
        doubts += square < 0.0
    if doubts > 0:
        for j in range(out.size):
            if out[j] < 0.0:
                out[j] = _settled(stream, dimensions[j] - less, first[j], chances[j])


@kernel
def lengths(stream: Stream, dimensions: Array, first: Array, chances: Array, out: Array) -> None:
    """Lengths of standard Gaussian vectors of whole ``dimensions`` (0 where negative) into
    ``out``; ``first``, ``chances``: room, of an even size that is no smaller."""
    half = (out.size + 1) // 2
    left, right = slice(0, half), slice(half, 2 * half)
    trials(stream, first[left], first[right], chances[left], chances[right])
    chi_squares(stream, dimensions, 0.0, first, chances, out)
    for j in range(out.size):
        out[j] = math.sqrt(out[j])
