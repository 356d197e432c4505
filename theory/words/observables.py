"""An observable is a polynomial in traces and forms of one layer's K, D, z and g.

``K`` is the layer's tangent-kernel matrix, ``D`` its diagonal mask sigma'(z), ``z`` its
pre-activation and ``g`` = df/dz the gradient of the network's output.  They combine as NumPy
arrays do: ``K @ D`` is a matrix, ``K @ z`` a vector, ``z @ K @ z`` a number; `trace` makes a
number of a matrix; numbers add and multiply, also with exact rationals.  ``x`` = D z is the
activation and ``f`` = g . z the output of the network, at every layer.

Only numbers even in every neuron can be written, which is what makes their expectations rational.

>>> g @ K @ K @ g * f**2 / 2
1/2·gᵀK²g·(gᵀz)²
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any, Generic, Self, TypeVar, overload

from theory.errors import InvalidArgument
from theory.public_names import listed
from theory.validation import count_between, exact_number, typed
from theory.words.word import Word, canonical_word, word_text

__all__ = ["D", "K", "Matrix", "Observable", "Vector", "f", "g", "trace", "x", "z"]

_HIGHEST_POWER, _MOST_TERMS = 64, 4096
"""The powers and the sums that are written out."""

Key = TypeVar("Key", str, Word)


@dataclass(frozen=True)
class _Combination(Generic[Key]):
    """A linear combination with exact coefficients, its terms sorted and none of them zero."""

    terms: tuple[tuple[Key, Fraction], ...]

    @classmethod
    def of(cls, terms: Iterable[tuple[Key, Fraction]]) -> Self:
        """Collect equal terms, drop zeros, sort.

        >>> from theory.observables import Matrix
        >>> Matrix.of([("K", 2), ("KD", 1), ("K", 1), ("D", 0)])
        3·K + 1·KD
        """
        total: dict[Any, Fraction] = {}
        for key, coefficient in terms:
            total[key] = total.get(key, Fraction(0)) + coefficient
        if len(total) > _MOST_TERMS:
            raise InvalidArgument(
                f"expected an observable of at most {_MOST_TERMS} terms, got {len(total)}; give "
                f"a lower power, or fewer summands"
            )
        return cls(tuple(sorted((k, c) for k, c in total.items() if c)))

    def __add__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        return self.of(chain(self.terms, other.terms))

    def __neg__(self) -> Self:
        return self.of((key, -c) for key, c in self.terms)

    def __sub__(self, other: Self) -> Self:
        return self + (-other)

    def _scaled(self, factor: object) -> Self:
        number = _scalar(factor)
        return self.of((key, c * number) for key, c in self.terms)

    def __rmul__(self, factor: object) -> Self:
        return self._scaled(factor)

    def __mul__(self, factor: object) -> Self:
        return self._scaled(factor)

    def __truediv__(self, divisor: object) -> Self:
        number = _scalar(divisor)
        if not number:
            raise InvalidArgument(
                "expected a non-zero divisor of an observable, got 0; give a number"
            )
        return self._scaled(1 / number)

    def __repr__(self) -> str:
        return " + ".join(f"{c}·{letters}" for letters, c in self.terms) or "0"


class Matrix(_Combination[str]):
    """A matrix polynomial in K and D, shape ``(width, width)``.

    ``K`` is the layer's tangent-kernel matrix, ``D`` its diagonal mask sigma'(z).

    >>> from theory.observables import D, K, trace, z
    >>> K @ D + K**2 / 2
    1·KD + 1/2·KK
    >>> z @ K @ z, trace(K @ D)
    (zᵀKz, tr(DK))
    """

    @overload
    def __matmul__(self, other: Matrix) -> Matrix: ...
    @overload
    def __matmul__(self, other: Vector) -> Vector: ...
    def __matmul__(self, other: Matrix | Vector) -> Matrix | Vector:
        if not isinstance(other, Matrix | Vector):
            return NotImplemented
        return other.of((p + q, c * d) for p, c in self.terms for q, d in other.terms)

    def __pow__(self, exponent: int) -> Matrix:
        power = self
        for _ in range(count_between("exponent", exponent, 1, _HIGHEST_POWER) - 1):
            power = power @ self
        return power


class Vector(_Combination[str]):
    """Matrices applied to the pre-activation or the gradient, shape ``(width,)``.

    ``z`` is the layer's pre-activation, ``g`` = df/dz the gradient of the network's output,
    ``x`` = D z the activation.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, g, x, z
    >>> K @ g + z, g @ K @ g
    (1·Kg + 1·z, gᵀKg)
    >>> derive(x @ x, MLP(8, 2)).exact
    8
    """

    @overload
    def __matmul__(self, other: Matrix) -> Vector: ...
    @overload
    def __matmul__(self, other: Vector) -> Observable: ...
    def __matmul__(self, other: Matrix | Vector) -> Vector | Observable:
        if isinstance(other, Matrix):
            return self.of((q[::-1] + p, c * d) for p, c in self.terms for q, d in other.terms)
        if isinstance(other, Vector):
            products = [(p[::-1] + q, c * d) for p, c in self.terms for q, d in other.terms]
            return Observable.of((canonical_word([form]), c) for form, c in products)
        return NotImplemented


class Observable(_Combination[Word]):
    """A polynomial, with exact rational coefficients, in words of K, D, z and g.

    ``f`` = g . z is one: the output of the network, the same at every layer.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, f, trace
    >>> f**2 * trace(K) - 1
    -1 + tr(K)·(gᵀz)²
    >>> derive(f**2, MLP(8, 2)).exact
    1/8
    """

    def __add__(self, other: object) -> Observable:
        return super().__add__(_observable(other))

    __radd__ = __add__

    def __sub__(self, other: object) -> Observable:
        return self + (-_observable(other))

    def __rsub__(self, other: object) -> Observable:
        return _observable(other) + (-self)

    def __mul__(self, other: object) -> Observable:
        if not isinstance(other, Observable):
            return self._scaled(other)
        products = ((p + q, c * d) for p, c in self.terms for q, d in other.terms)
        return self.of((canonical_word(word), c) for word, c in products)

    def __pow__(self, exponent: int) -> Observable:
        power = self
        for _ in range(count_between("exponent", exponent, 1, _HIGHEST_POWER) - 1):
            power = power * self
        return power

    def __repr__(self) -> str:
        return " + ".join(_term_text(word, c) for word, c in self.terms) or "0"


def _term_text(word: Word, coefficient: Fraction) -> str:
    if coefficient == 1:
        return word_text(word)
    return f"{coefficient}·{word_text(word)}" if word else str(coefficient)


def _scalar(value: object) -> Fraction:
    number = exact_number("factor", value)
    return Fraction(int(number.p), int(number.q))


def _observable(value: Any) -> Observable:
    return value if isinstance(value, Observable) else Observable.of([((), _scalar(value))])


def trace(matrix: Matrix) -> Observable:
    """The trace of a matrix polynomial in K and D.

    >>> trace(K**2) + 3 * trace(K) ** 2
    3·tr(K)² + tr(K²)
    """
    if not isinstance(matrix, Matrix):
        raise InvalidArgument(
            f"expected a matrix built from K and D for matrix, got matrix={typed(matrix)}; give "
            f"K @ K, say"
        )
    return Observable.of((canonical_word([letters]), c) for letters, c in matrix.terms)


def _unit(letter: str) -> tuple[tuple[str, Fraction], ...]:
    return ((letter, Fraction(1)),)


K = Matrix(_unit("K"))
"""Tangent-kernel matrix of the layer."""
D = Matrix(_unit("D"))
"""Diagonal mask sigma'(z)."""
z = Vector(_unit("z"))
"""Pre-activation."""
g = Vector(_unit("g"))
"""Gradient df/dz of the network's output."""
x = D @ z
"""Activation."""
f = g @ z
"""Output of the network, the same at every layer."""


def __dir__() -> list[str]:
    return listed(globals())
