"""Hypothesis strategies for words, observables and small networks, and the values they draw."""

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import prod
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from sympy import Rational

from tests.roads.weight_polynomial import Factors
from theory import MLP, LeakyReLU
from theory.observables import D, K, Matrix, Observable, f, g, trace, z
from theory.words.word import Word, is_trace

ONE, THIRD = Fraction(1), Fraction(1, 3)
SLOPES = (Fraction(0), THIRD, ONE)
NUMBERS = (Fraction(0), Fraction(1, 2), ONE, Fraction(3))
POSITIVE = (Fraction(1, 2), ONE, Fraction(3))

Table = tuple[tuple[int, ...], ...]


def generated(examples: int) -> settings:
    """As many generated ``examples`` in ``make test-all``; in ``make test`` a quarter."""
    return settings(max_examples=-(-examples * settings().max_examples // 100))


def rational(value: Fraction) -> Rational:
    return Rational(value.numerator, value.denominator)


def fraction(value: Any) -> Fraction:
    """An exact sympy number as a Fraction; anything else is an error."""
    assert value.is_Rational, value
    return Fraction(int(value.p), int(value.q))


# Words in matrices and vectors, and their values


@dataclass(frozen=True)
class Space:
    """Explicit integers for the letters of a word: symmetric matrices and vectors of one size."""

    matrices: dict[str, Table]
    vectors: dict[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        return len(next(iter(self.matrices.values())))

    def matrix(self, letters: str) -> Table:
        """The product of the matrices that ``letters`` spell."""
        units = tuple(tuple(int(i == j) for j in range(self.size)) for i in range(self.size))
        return reduce(multiply, (self.matrices[letter] for letter in letters), units)

    def factor(self, factor: str) -> int:
        """tr(M...) of upper-case letters, or v^T M... w between two vectors."""
        if is_trace(factor):
            return sum(row[i] for i, row in enumerate(self.matrix(factor)))
        left, middle, right = self.vectors[factor[0]], factor[1:-1], self.vectors[factor[-1]]
        return sum(
            u * entry * v
            for u, row in zip(left, self.matrix(middle), strict=True)
            for entry, v in zip(row, right, strict=True)
        )

    def word(self, word: Word) -> int:
        return prod(self.factor(factor) for factor in word)


def multiply(left: Table, right: Table) -> Table:
    columns = tuple(zip(*right, strict=True))
    return tuple(
        tuple(sum(p * q for p, q in zip(row, column, strict=True)) for column in columns)
        for row in left
    )


@st.composite
def spaces(draw: st.DrawFn, size: int) -> Space:
    """Symmetric integer matrices A, B and a vector x of one size."""
    entries = st.integers(-3, 3)

    def matrix() -> Table:
        upper = {(i, j): draw(entries) for i in range(size) for j in range(i, size)}
        return tuple(tuple(upper[min(i, j), max(i, j)] for j in range(size)) for i in range(size))

    return Space({"A": matrix(), "B": matrix()}, {"x": tuple(draw(entries) for _ in range(size))})


traces = st.text("AB", min_size=1, max_size=6)
forms = st.text("AB", max_size=4).map(lambda letters: f"x{letters}x")
factors = traces | forms


# Observables: as this package writes them, and as the road by weight polynomials reads them


def spelled(letters: str) -> Matrix:
    """The matrix that the letters K and D spell."""
    return reduce(lambda left, right: left @ right, (K if c == "K" else D for c in letters))


def observable(factors: Factors) -> Observable:
    """The product of tr(word), z^T word z, g^T word g and f for the kinds "trace", "form",
    "gradient" and "output".
    """

    def one(kind: str, letters: str) -> Observable:
        if kind == "output":
            return f
        if kind == "trace":
            return trace(spelled(letters))
        end = g if kind == "gradient" else z
        return end @ spelled(letters) @ end if letters else end @ end

    return reduce(lambda left, right: left * right, (one(*factor) for factor in factors))


@st.composite
def letters_of(draw: st.DrawFn, kernels: int) -> str:
    """A word with so many letters K, and a few D among them."""
    masked = [draw(st.sampled_from(["K", "K", "DK"])) for _ in range(kernels)]
    return "".join(masked) + draw(st.sampled_from(["", "D"]))


@st.composite
def kernel_factors(draw: st.DrawFn, most: int) -> Factors:
    """A product of traces and forms in K and D, of degree 1 to ``most``."""
    left = draw(st.integers(1, most))
    factors: list[tuple[str, str]] = []
    while left:
        kind = draw(st.sampled_from(["trace", "form"]))
        kernels = draw(st.integers(1, left)) - (kind == "form")
        factors.append((kind, draw(letters_of(kernels))))
        left -= kernels + (kind == "form")
    return tuple(factors)


@st.composite
def gradient_factors(draw: st.DrawFn) -> Factors:
    """One or two of g^T word g and f^2, times at most one trace or form."""
    factors: list[tuple[str, str]] = []
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            factors.append(("gradient", draw(letters_of(draw(st.integers(0, 2))))))
        else:
            factors += [("output", ""), ("output", "")]
    if draw(st.booleans()):
        factors += draw(kernel_factors(1))
    if all(kind == "gradient" and "K" not in letters for kind, letters in factors):
        factors.append(("form", ""))  # masks alone are no fair coins above an inactive layer
    return tuple(factors)


KERNEL_OBSERVABLES = (
    trace(K),
    z @ z,
    trace(K @ K),
    trace(K @ D @ K),
    trace(D @ K) ** 2,
    z @ D @ K @ z,
)
GRADIENT_OBSERVABLES = (g @ g, f**2, g @ K @ g, g @ K @ K @ g, f**2 * (g @ D @ K @ g), f**4)
observables = st.sampled_from(KERNEL_OBSERVABLES + GRADIENT_OBSERVABLES)


# Networks


@dataclass(frozen=True)
class SmallNetwork:
    """One network and one of its layers, for both roads."""

    widths: tuple[int, ...]
    x: tuple[Fraction, ...]
    slope: Fraction
    rates: tuple[Fraction, ...]
    layer: int

    @property
    def norm2(self) -> Fraction:
        return sum((component**2 for component in self.x), Fraction(0))

    @property
    def mlp(self) -> MLP:
        return MLP(
            self.widths,
            input_width=len(self.x),
            activation=LeakyReLU(rational(self.slope)),
            input_norm2=rational(self.norm2),
        )

    @property
    def here(self) -> dict[str, Any]:
        """Layer and rates, as `theory` takes them."""
        return {"layer": self.layer, "rates": self.rates}

    @property
    def road(self) -> dict[str, Any]:
        """The same network for ``roads.weight_polynomial``."""
        return {
            "widths": self.widths,
            "x": self.x,
            "slope": self.slope,
            "rates": self.rates,
            "layer": self.layer,
        }


@st.composite
def small_networks(
    draw: st.DrawFn,
    shapes: tuple[tuple[int, ...], ...],
    *,
    largest_input: int = 2,
    slopes: tuple[Fraction, ...] = SLOPES,
) -> SmallNetwork:
    """A network of one of the ``shapes`` with random input, slope, rates and layer."""
    widths = draw(st.sampled_from(shapes))
    components = st.sampled_from([Fraction(1), Fraction(-2), Fraction(1, 2)])
    return SmallNetwork(
        widths,
        tuple(draw(st.lists(components, min_size=1, max_size=largest_input))),
        draw(st.sampled_from(slopes)),
        tuple(draw(st.sampled_from(NUMBERS)) for _ in widths),
        draw(st.integers(1, len(widths))),
    )


mlps = st.builds(
    MLP,
    st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    input_width=st.integers(1, 6),
    activation=st.sampled_from(["0", "1/3", "1"]).map(LeakyReLU),
    weight_variance=st.sampled_from([None, "3", "1/2"]),
    readout_variance=st.sampled_from([None, "2"]),
    input_norm2=st.sampled_from([None, "5"]),
)
"""Networks of numbers, too large for weight polynomials."""


@st.composite
def mlp_layers(draw: st.DrawFn) -> tuple[MLP, int, tuple[Fraction, ...]]:
    """A network of numbers, one of its layers, and rates of which one at least is not zero."""
    network = draw(mlps)
    rates = [draw(st.sampled_from(NUMBERS)) for _ in range(network.layers)]
    rates[draw(st.integers(0, network.layers - 1))] = draw(st.sampled_from(POSITIVE))
    return network, draw(st.integers(1, network.layers)), tuple(rates)
