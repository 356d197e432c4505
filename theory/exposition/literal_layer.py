"""One small layer averaged literally, weight by weight: the other road to a derived layer map.

Nothing here knows of words, pairings or closure.  A layer of two to three neurons above two gets
numbers below it, its weights are symbols of a polynomial ring, its masks run through all coins, and
the product of matrices that a word spells is multiplied out and integrated monomial by monomial,
E[w^2k] = 1 3 5 ... (2k - 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import product
from math import prod
from typing import Any

from sympy import QQ, Symbol
from sympy.polys.rings import PolyRing

from theory.public_names import cached_property
from theory.words.coefficients import Coefficient, LayerParameters, evaluate
from theory.words.word import Word, is_trace

__all__ = ["LiteralLayer", "gaussian_mean", "readout_mean", "value_of"]

Row = list[Any]
Rows = list[Row]

_X = [Fraction(1), Fraction(-2)]
_BELOW: dict[str, Rows] = {
    "A": [[Fraction(2), Fraction(1)], [Fraction(1), Fraction(3)]],
    "B": [[Fraction(1), Fraction(-1)], [Fraction(-1), Fraction(2)]],
    "C": [[Fraction(3), Fraction(2)], [Fraction(2), Fraction(-1)]],
    "E": [[Fraction(-1), Fraction(1)], [Fraction(1), Fraction(1)]],
    "F": [[Fraction(1), Fraction(2)], [Fraction(2), Fraction(5)]],
}
"""Numbers below the layer, of no special shape."""
_KINDS = {"K": "A", "P": "B", "Q": "C", "R": "E", "S": "F"}
_FIXED = [[Fraction(1), Fraction(3)], [Fraction(-2), Fraction(1)], [Fraction(2), Fraction(5)]]
"""Weights at which no pre-activation vanishes."""


@dataclass(frozen=True)
class LiteralLayer:
    """A layer of ``neurons`` above two: W_ab = ``scale`` w_ab with w standard normal.

    ``slope``: of the activation at negative input; ``rate``: multiplier of the own share.
    """

    neurons: int
    scale: Fraction = Fraction(2, 3)
    slope: Fraction = Fraction(1, 3)
    rate: Fraction = Fraction(5, 2)

    @cached_property
    def parameters(self) -> LayerParameters:
        """The same numbers as a layer map takes them."""
        return LayerParameters(
            domain=QQ,
            fan_out=QQ(self.neurons),
            variance=_rational(self.scale**2),
            rate=_rational(self.rate),
            mask_moments=lambda power: _rational((1 + self.slope**power) / 2),
        )

    def mapped(self, row: Mapping[Word, Coefficient]) -> Any:
        """What a row of a layer map makes of the numbers below."""
        terms = (evaluate(c, self.parameters) * _rational(value_of(w)) for w, c in row.items())
        return sum(terms, QQ(0))

    def mean(self, word: Word) -> Any:
        """E[``word``] over weights and coins, a word in K, P, ..., z and D of the layer."""
        ring = PolyRing([Symbol(f"w{i}") for i in range(2 * self.neurons)], QQ)
        units = iter(ring.gens)
        scale = _rational(self.scale)
        weights = [[next(units) * scale for _ in _X] for _ in range(self.neurons)]
        letters = self._letters(weights)
        means = [gaussian_mean(_value(word, letters | masks)) for masks in self._coins()]
        return sum(means, QQ(0)) / len(means)

    def flipped(self, word: Word) -> Fraction:
        """The mean of ``word`` over all signs of the rows of one weight matrix, each neuron's mask
        being the activation's slope at its own pre-activation."""
        values = []
        for signs in product((1, -1), repeat=self.neurons):
            letters = self._letters(_signed(signs))
            slopes = [1 if z > 0 else self.slope for z in letters["z"]]
            values.append(_value(word, letters | {"D": _diagonal(slopes)}))
        return sum(values, Fraction(0)) / len(values)

    def coined(self, word: Word) -> Fraction:
        """The same, each neuron's mask being a coin of its own."""
        values = [
            _value(word, self._letters(_signed(signs)) | masks)
            for signs in product((1, -1), repeat=self.neurons)
            for masks in self._coins()
        ]
        return sum(values, Fraction(0)) / len(values)

    def _coins(self) -> Iterator[dict[str, Any]]:
        sides = (Fraction(1), self.slope)
        return ({"D": _diagonal(coins)} for coins in product(sides, repeat=self.neurons))

    def _letters(self, weights: Rows) -> dict[str, Any]:
        """z = W x and K = rate |x|^2 + W A W^T, P = W B W^T, ..., of one weight matrix."""
        across = [list(column) for column in zip(*weights, strict=True)]
        letters: dict[str, Any] = {
            name: _times(_times(weights, _BELOW[below]), across) for name, below in _KINDS.items()
        }
        share = self.rate * value_of(("xx",))
        for index in range(self.neurons):
            own = share if isinstance(letters["K"][index][index], Fraction) else _rational(share)
            letters["K"][index][index] += own
        return letters | {"z": [_dot(row, _X) for row in weights]}


def value_of(word: Word) -> Fraction:
    """A word in the numbers below the layer."""
    found = _value(word, {"x": _X} | _BELOW)
    return Fraction(found)


def readout_mean(word: Word, letters: Mapping[str, str]) -> Any:
    """E over a readout v of two standard normals of the factors of ``word`` that hold gradients.

    (g, z) is v . x, and g^T M g is v^T B v for the letter B that ``letters`` gives M.
    """
    ring = PolyRing([Symbol("v0"), Symbol("v1")], QQ)
    factors = []
    for each in word:
        if each == "gz":
            factors.append(_dot(list(ring.gens), _X))
        elif each[0] == "g":
            matrix = _BELOW[_KINDS[letters[min(each[1:-1], each[-2:0:-1])]]]
            factors.append(_dot(_times([list(ring.gens)], matrix)[0], ring.gens))
    return gaussian_mean(prod(factors, start=ring.one))


def gaussian_mean(poly: Any) -> Any:
    """E of a polynomial in independent standard normals."""
    if isinstance(poly, int | Fraction):
        return _rational(Fraction(poly))
    odd = (monomial for monomial in poly if any(power % 2 for power in monomial))
    rest = poly.copy()
    for monomial in list(odd):
        del rest[monomial]
    moments = (c * prod(map(_moment, monomial)) for monomial, c in rest.items())
    return sum(moments, QQ(0))


def _moment(power: int) -> int:
    return prod(range(1, power, 2))


def _value(word: Word, letters: Mapping[str, Any]) -> Any:
    return prod((_factor(each, letters) for each in word), start=Fraction(1))


def _factor(spelled: str, letters: Mapping[str, Any]) -> Any:
    """tr(M N ...) or u^T M N ... v, multiplied out."""
    if is_trace(spelled):
        whole = reduce(_times, (letters[letter] for letter in spelled))
        return sum(whole[i][i] for i in range(len(whole)))
    row = [letters[spelled[0]]]
    for letter in spelled[1:-1]:
        row = _times(row, letters[letter])
    return _dot(row[0], letters[spelled[-1]])


def _signed(signs: Sequence[int]) -> Rows:
    return [[sign * w for w in row] for sign, row in zip(signs, _FIXED, strict=False)]


def _diagonal(entries: Sequence[Any]) -> Rows:
    zero = Fraction(0)
    return [[e if i == j else zero for j in range(len(entries))] for i, e in enumerate(entries)]


def _times(left: Rows, right: Rows) -> Rows:
    columns = list(zip(*right, strict=True))
    return [[_dot(row, column) for column in columns] for row in left]


def _dot(left: Sequence[Any], right: Sequence[Any]) -> Any:
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def _rational(value: Fraction) -> Any:
    return QQ(value.numerator, value.denominator)
