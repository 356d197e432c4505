"""An observable is a polynomial in traces and forms of one layer's K, D, z and g.

``K`` is the layer's tangent-kernel matrix, ``D`` its diagonal mask sigma'(z), ``z`` its
pre-activation and ``g`` = df/dz the gradient of the network's output.  They combine as NumPy
arrays do: ``K @ D`` is a matrix, ``K @ z`` a vector, ``z @ K @ z`` a number; `trace` makes a
number of a matrix; all of them multiply with exact rationals and with ``n`` of `theory.symbols`,
which is the width of the layer, and numbers add and multiply.  ``x`` = D z is the activation and
``f`` = g . z the output of the network, at every layer.

Only numbers even in every neuron can be written, and their expectations are therefore rational.
Any other expression raises `InvalidArgument`, which names the fix.

>>> g @ K @ K @ g * f**2 / 2
1/2·gᵀK²g·(gᵀz)²
>>> trace(K) / n + 1
(n + tr(K))/n
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from numbers import Integral
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar, overload

from sympy import QQ, Expr, Poly, PolynomialError, SympifyError, fraction, together
from sympy.polys.polyerrors import CoercionFailed

from theory.coverage import Answering, NoNumber
from theory.errors import InvalidArgument
from theory.public_names import listed
from theory.symbols import n
from theory.validation import brief, count_between, exact_number, typed
from theory.words.word import Word, canonical_word, letters_text, word_text

__all__ = [
    "D",
    "K",
    "Matrix",
    "Observable",
    "Vector",
    "checked_observable",
    "f",
    "g",
    "trace",
    "x",
    "z",
]

_HIGHEST_POWER, _MOST_TERMS = 64, 4096
"""The powers and the sums that are written out."""

Key = TypeVar("Key", str, Word)

_WIDTH = ""
"""The trace of the identity, which is the width n of the layer."""
_POLYNOMIAL = "a polynomial in traces and forms of K, D, z and g"
_QUOTIENTS = "only polynomials have rational means: derive numerator and denominator each"
_SQUARES = "only polynomials have rational means: take a square, as in z @ z, f**2 or trace(K @ K)"


class NotAnExpression(InvalidArgument, SympifyError):
    """An observable is given to SymPy: operators of expressions then leave it to us."""

    __str__ = Exception.__str__


def _refuse(got: str, give: str) -> NoReturn:
    raise InvalidArgument(f"expected {_POLYNOMIAL}, got {got}; {give}")


@dataclass(frozen=True)
class _Combination(Answering, Generic[Key]):
    """A linear combination with exact coefficients, its terms sorted and none of them zero."""

    terms: tuple[tuple[Key, Fraction], ...]
    __array_ufunc__: ClassVar[None] = None  # a number of NumPy leaves the product to us

    @classmethod
    def of(cls, terms: Iterable[tuple[Key, Fraction]]) -> Self:
        """Collect equal terms, drop zeros, sort.

        >>> from theory.observables import Matrix
        >>> Matrix.of([("K", 2), ("KD", 1), ("K", 1), ("D", 0)])
        3·K + KD
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
            return NotImplemented if isinstance(other, _Combination) else self.__radd__(other)
        return self.of(chain(self.terms, other.terms))

    def __radd__(self, other: object) -> Any:
        raise NoNumber(
            f"expected terms of one kind in a sum, got {brief(other)} and {self}; "
            f"write trace(K) + 1 for a sum of numbers"
        )

    __rsub__ = __radd__

    def __rmatmul__(self, other: object) -> NoReturn:
        raise NoNumber(
            f"expected matrices and vectors around @, got {self} and {brief(other)}; write * for a "
            f"number as a factor"
        )

    def __neg__(self) -> Self:
        return self.of((key, -c) for key, c in self.terms)

    def __sub__(self, other: Self) -> Self:
        return self + (-other)

    def __mul__(self, factor: Any) -> Self:
        if isinstance(factor, _Combination):
            _refuse_product(self, factor)
        number = _scalar(factor)
        return self.of((key, c * number) for key, c in self.terms)

    def __rmul__(self, factor: Any) -> Self:
        return self * factor

    def __truediv__(self, divisor: Any) -> Self:
        return self * _inverse(divisor)

    def __rtruediv__(self, other: object) -> NoReturn:
        _refuse(f"a quotient by {self}", _QUOTIENTS)

    def __abs__(self) -> NoReturn:
        _refuse(f"abs({self})", _SQUARES)

    def _sympy_(self) -> NoReturn:
        raise NotAnExpression(
            f"expected {_POLYNOMIAL}, got a function of SymPy of {self}; for a "
            f"trace write trace(K) with trace of theory.observables, and apply other functions to "
            f"the mean, derive(observable, network).exact"
        )

    def __getitem__(self, index: object) -> NoReturn:
        if isinstance(index, tuple) and len(set(map(str, index))) > 1:
            _refuse(
                f"an entry of {self} off the diagonal",
                "the mean of such an entry is 0, since each neuron and its negative are equally "
                "likely; trace(K @ K) is the sum of the squares of all entries",
            )
        _refuse(
            f"an entry of {self}",
            "neurons are exchangeable: E K₁₁ equals the mean of trace(K)/n, and E z₁² the mean of "
            "z @ z/n; higher powers of one entry are not solved",
        )

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        _refuse(
            f"{function.__name__} of NumPy",
            "write trace(K) with trace of theory.observables, z @ g for an inner product, and "
            "z @ z for the square of a norm, which itself is no polynomial",
        )

    def __repr__(self) -> str:
        return _sum_text((letters_text("".join(letters)), c) for letters, c in self.terms)


@dataclass(frozen=True, repr=False)
class _Letters(_Combination[str]):
    """Matrices or vectors times n**power."""

    power: int = 0

    def _times(self, power: int) -> Self:
        """The same times n**power."""
        return replace(self, power=self.power + power if self.terms else 0)

    def __add__(self, other: Self) -> Self:
        if (both := super().__add__(other)) is NotImplemented:
            return both
        if self.terms and other.terms and self.power != other.power:
            give = "add numbers built from them, as in trace(K)/n + trace(D)"
            _refuse(f"{self} and {other}, of different powers of n, in one sum", give)
        return both._times(self.power if self.terms else other.power)

    def __neg__(self) -> Self:
        return super().__neg__()._times(self.power)

    def __mul__(self, factor: Any) -> Self:
        power = 0
        if isinstance(factor, Expr) and factor.free_symbols:
            wide = _in_width(factor)
            if len(wide.terms) > 1:
                _refuse(f"{self} times {factor}", "multiply a number, as in trace(K)*(n + 1)")
            ((word, factor),) = wide.terms
            power = len(word) - wide.over
        return super().__mul__(factor)._times(self.power + power)

    def __repr__(self) -> str:
        text, width = super().__repr__(), word_text((_WIDTH,) * abs(self.power))
        over = f"({text})/{width}" if self.power < 0 else f"{width}·({text})"
        return over if self.power else text


class Matrix(_Letters):
    """A matrix polynomial in K and D, shape ``(width, width)``.

    ``K`` is the layer's tangent-kernel matrix, ``D`` its diagonal mask sigma'(z).

    >>> from theory.observables import D, K, trace, z
    >>> K @ D + K**2 / 2
    KD + 1/2·K²
    >>> z @ K @ z, trace(K @ D)
    (zᵀKz, tr(DK))
    """

    @overload
    def __matmul__(self, other: Matrix) -> Matrix: ...
    @overload
    def __matmul__(self, other: Vector) -> Vector: ...
    def __matmul__(self, other: Matrix | Vector) -> Matrix | Vector:
        if not isinstance(other, Matrix | Vector):
            self.__rmatmul__(other)
        product = other.of((p + q, c * d) for p, c in self.terms for q, d in other.terms)
        return product._times(self.power + other.power)

    def __pow__(self, exponent: int) -> Matrix:
        power = self
        for _ in range(_exponent(exponent, 1) - 1):
            power = power @ self
        return power

    @property
    def T(self) -> Matrix:
        """The transpose.

        >>> from theory.observables import D, K
        >>> (K @ D).T
        DK
        """
        return self.of((letters[::-1], c) for letters, c in self.terms)._times(self.power)


class Vector(_Letters):
    """Matrices applied to the pre-activation or the gradient, shape ``(width,)``.

    ``z`` is the layer's pre-activation, ``g`` = df/dz the gradient of the network's output,
    ``x`` = D z the activation.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, g, x, z
    >>> K @ g + z, g @ K @ g
    (Kg + z, gᵀKg)
    >>> derive(x @ x, MLP(8, 2)).exact
    8
    """

    @overload
    def __matmul__(self, other: Matrix) -> Vector: ...
    @overload
    def __matmul__(self, other: Vector) -> Observable: ...
    def __matmul__(self, other: Matrix | Vector) -> Vector | Observable:
        if isinstance(other, Matrix):
            return other.T @ self
        if not isinstance(other, Vector):
            self.__rmatmul__(other)
        products = ((p[::-1] + q, c * d) for p, c in self.terms for q, d in other.terms)
        return _wide(products, self.power + other.power)

    def __pow__(self, exponent: object) -> NoReturn:
        _refuse(f"a power of the vector {self}", "write z @ z for the square of its norm")

    @property
    def T(self) -> Vector:
        """The same vector, as for an array of one axis.

        >>> from theory.observables import z
        >>> z.T @ z
        |z|²
        """
        return self


@dataclass(frozen=True, repr=False)
class Observable(_Combination[Word]):
    """A polynomial, with exact rational coefficients, in words of K, D, z and g, over ``n**over``.

    ``f`` = g . z is one: the output of the network, the same at every layer.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, f, trace
    >>> f**2 * trace(K) - 1
    -1 + tr(K)·(gᵀz)²
    >>> derive(f**2, MLP(8, 2)).exact
    1/8
    """

    over: int = 0

    @classmethod
    def _over(cls, terms: Iterable[tuple[Word, Fraction]], over: int) -> Observable:
        """A sum of words over n^over, in lowest terms."""
        made = cls.of(terms).terms
        common = min([over, *(word.count(_WIDTH) for word, _ in made)])
        return cls(tuple((word[common:], c) for word, c in made), over - common)

    def _lifted(self, over: int) -> Iterable[tuple[Word, Fraction]]:
        """The words of the same observable over n^over."""
        return (((_WIDTH,) * (over - self.over) + word, c) for word, c in self.terms)

    def __add__(self, other: object) -> Observable:
        others = _observable(other)
        over = max(self.over, others.over)
        return self._over(chain(self._lifted(over), others._lifted(over)), over)

    __radd__ = __add__
    __matmul__ = _Combination.__rmatmul__

    def __neg__(self) -> Observable:
        return self * -1

    def __sub__(self, other: object) -> Observable:
        return self + (-_observable(other))

    def __rsub__(self, other: object) -> Observable:
        return _observable(other) + (-self)

    def __mul__(self, other: Any) -> Observable:
        others = _observable(other)
        products = ((p + q, c * d) for p, c in self.terms for q, d in others.terms)
        return self._over(
            ((canonical_word(word), c) for word, c in products), self.over + others.over
        )

    def __pow__(self, exponent: int) -> Observable:
        power = _observable(1)
        for _ in range(_exponent(exponent, 0)):
            power = power * self
        return power

    def __repr__(self) -> str:
        text = _sum_text((word_text(word) if word else "", c) for word, c in self.terms)
        if not self.over:
            return text
        numerator = text if len(self.terms) == 1 else f"({text})"
        return f"{numerator}/{word_text((_WIDTH,) * self.over)}"


def _sum_text(terms: Iterable[tuple[str, Fraction]]) -> str:
    """A sum of products with numbers; an empty text stands for the number 1."""
    text = ""
    for product, coefficient in terms:
        sign = "-" if coefficient < 0 else "+"
        size = "" if product and abs(coefficient) == 1 else str(abs(coefficient))
        text += f" {sign} {'·'.join(filter(None, (size, product)))}"
    return ("-" if text.startswith(" - ") else "") + text[3:] or "0"


def _refuse_product(left: Any, right: Any) -> NoReturn:
    """Refuse products of matrices and vectors by ``*``, which for arrays multiplies entry by
    entry."""
    if isinstance(left, Vector) and isinstance(right, Vector):
        give = "write z @ g for the inner product: the products of entries are no observables"
    else:
        give = "write K @ K for the matrix product: a product entry by entry is no observable"
    _refuse(f"({left}) * ({right})", give)


def _exponent(value: Any, least: int) -> int:
    """A power, from ``least``, that is written out."""
    if not isinstance(value, Integral) or value < 0:
        _refuse(f"the power exponent={typed(value)} of an observable", _SQUARES)
    return count_between("exponent", value, least, _HIGHEST_POWER)


def _inverse(divisor: Any) -> Any:
    """1 over a number, or over an expression in n."""
    if isinstance(divisor, _Combination):
        _refuse(f"a quotient by {divisor}", _QUOTIENTS)
    if isinstance(divisor, Expr) and divisor.free_symbols:
        return 1 / divisor
    if number := _scalar(divisor):
        return 1 / number
    raise InvalidArgument("expected a non-zero divisor of an observable, got 0; give a number")


def _scalar(value: object) -> Fraction:
    number = exact_number("factor", value)
    return Fraction(int(number.p), int(number.q))


def _observable(value: Any) -> Observable:
    """A number, or an expression in n, as an observable."""
    if isinstance(value, Observable):
        return value
    if isinstance(value, _Combination):
        give = "take trace(K) of a matrix, and z @ z of a vector"
        _refuse(f"a number and {value} in one sum or product", give)
    if isinstance(value, Expr) and value.free_symbols:
        return _in_width(value)
    return Observable.of([((), _scalar(value))])


def _in_width(value: Expr) -> Observable:
    """A polynomial in n over a power of n."""
    width = value.xreplace({each: n for each in value.free_symbols if str(each) == "n"})
    try:
        top, bottom = (Poly(part, n, domain=QQ) for part in fraction(together(width)))
        ((power,), scale), *others = bottom.terms()
    except (PolynomialError, CoercionFailed):
        others = [value]
    if others or max(top.degree(), power) > _HIGHEST_POWER:
        _refuse(
            f"the factor {value}",
            f"give a number, or n, the width of the layer, with powers up to {_HIGHEST_POWER}, as "
            f"in trace(K)/n; other sizes and rates multiply the derived mean",
        )
    terms = (((_WIDTH,) * k, _scalar(c / scale)) for (k,), c in top.terms())
    return Observable._over(terms, power)


_MEASURED = {
    "Derivation": "its observable, as in observable=derivation.observable",
    "Spread": "g @ K @ g for tangent_kernel(network)",
    "ReadoutUpdate": "(1 + f**2) * (x @ x)**2 for the whole readout_update(network)",
    "Alignment": "(1 + f**2) * (g @ K @ g)**2 and (1 + f**2) * (g @ g) * (g @ K @ K @ g) one after "
    "the other: an alignment is a ratio of two means, which is not measured",
}
"""Observables whose means are values of `theory`, by the class of the value."""


def checked_observable(observable: Any) -> Observable:
    """``observable``, or `InvalidArgument` for a value that is not a number built from K, D, z and
    g."""
    if isinstance(observable, Vector):
        raise InvalidArgument(
            f"expected a number such as g @ K @ K @ g for observable, got the vector "
            f"observable={observable}; give a form, such as g @ K @ g"
        )
    if isinstance(observable, Matrix):
        raise InvalidArgument(
            f"expected a number such as g @ K @ K @ g for observable, got "
            f"observable={observable!r}, a matrix; take its trace or a form, as in trace(K @ K)"
        )
    if not isinstance(observable, Observable):
        fix = "one such as trace(K @ K), with from theory.observables import K, trace; "
        fix += "squared_update, alignment and tangent_kernel are functions of a network"
        fix = _MEASURED.get(type(observable).__name__, fix)
        raise InvalidArgument(
            f"expected an observable built from K, D, z, g, f, x and trace, got "
            f"observable={typed(observable)}; give {fix}"
        )
    return observable


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
    return _wide(matrix.terms, matrix.power)


def _wide(terms: Iterable[tuple[str, Fraction]], power: int) -> Observable:
    """A sum of traces or forms times n**power."""
    widths = [_WIDTH] * max(power, 0)
    return Observable._over(
        ((canonical_word([*widths, each]), c) for each, c in terms), max(-power, 0)
    )


K = Matrix((("K", Fraction(1)),))
"""Tangent-kernel matrix of the layer."""
D = Matrix((("D", Fraction(1)),))
"""Diagonal mask sigma'(z)."""
z = Vector((("z", Fraction(1)),))
"""Pre-activation."""
g = Vector((("g", Fraction(1)),))
"""Gradient df/dz of the network's output."""
x = D @ z
"""Activation."""
f = g @ z
"""Output of the network, the same at every layer."""


def __dir__() -> list[str]:
    return listed(globals())
