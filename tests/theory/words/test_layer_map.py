"""The layer map of a derivation: its words close, and it is one layer written out."""

from contextlib import nullcontext
from fractions import Fraction
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Matrix, Rational, Symbol, cancel

from tests.roads.polynomial import GaussianMeasure, Polynomial, dot, total
from tests.tools.strategies import Space, fraction, generated, rational, spaces
from theory import MLP, LeakyReLU, Linear, ReLU, derive
from theory.activations import PiecewiseLinear
from theory.observables import K, Observable, f, g, trace
from theory.symbols import c, n_in, n_out, r
from theory.words.closure import StepMap, close, layer_map
from theory.words.shapes import PLAIN
from theory.words.word import Word, canonical_word, degree, is_trace

MaskLaw = tuple[tuple[Fraction, Fraction], ...]
"""Probabilities and values of one mask."""

COIN: MaskLaw = ((Fraction(1, 2), Fraction(1)), (Fraction(1, 2), Fraction(1, 3)))
THREE_SIDED: MaskLaw = tuple((Fraction(1, p), Fraction(v)) for p, v in ((4, 0), (2, 1), (4, -2)))


# One layer, written out


def layer_mean(
    word: Word, space: Space, *, fan_out: int, variance: Fraction, own: Fraction, masks: MaskLaw
) -> Fraction:
    """E over W and masks D of a word in D (own |x|^2 I + W A W^T) D, D W B W^T D and x = D W x."""
    fan_in = space.size
    weights = [
        [Polynomial.indeterminate(i * fan_in + j) for j in range(fan_in)] for i in range(fan_out)
    ]
    measure = GaussianMeasure([variance] * (fan_in * fan_out))
    mean = Fraction(0)
    for pattern in product(masks, repeat=fan_out):
        d = [value for _, value in pattern]
        vector = [
            total(w.scaled(v) for w, v in zip(row, space.vectors["x"], strict=True)).scaled(d_a)
            for row, d_a in zip(weights, d, strict=True)
        ]
        matrices = {}
        for letter, below in space.matrices.items():
            share = own * space.factor("xx") if letter == "A" else Fraction(0)
            matrices[letter] = [
                [
                    total(
                        [
                            Polynomial.constant(share if i == j else 0),
                            *(
                                (weights[i][p] * weights[j][q]).scaled(below[p][q])
                                for p in range(fan_in)
                                for q in range(fan_in)
                            ),
                        ]
                    ).scaled(d[i] * d[j])
                    for j in range(fan_out)
                ]
                for i in range(fan_out)
            ]
        value = Polynomial.constant(1)
        for factor in word:
            value = value * polynomial_factor(factor, vector, matrices)
        mean += prod(p for p, _ in pattern) * measure.expectation(value)
    return mean


def polynomial_factor(
    factor: str, vector: list[Polynomial], matrices: dict[str, list[list[Polynomial]]]
) -> Polynomial:
    """A trace or form of matrices of polynomials."""

    def applied(letters: str, column: list[Polynomial]) -> list[Polynomial]:
        for letter in reversed(letters):
            column = [dot(row, column) for row in matrices[letter]]
        return column

    if not is_trace(factor):
        return dot(vector, applied(factor[1:-1], vector))
    size = range(len(vector))
    units = [[Polynomial.constant(int(i == j)) for i in size] for j in size]
    return total(applied(factor, units[j])[j] for j in size)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("observable", "fans"),
    [
        (trace(K @ K), (2, 1)),
        (trace(K @ K), (1, 3)),
        (trace(K @ K), (2, 3)),
        (trace(K**3), (2, 1)),
        (trace(K**3), (1, 2)),
        (trace(K**3), (2, 2)),
        (trace(K**4), (2, 1)),
        (trace(K**4), (1, 2)),
    ],
    ids=str,
)
@generated(2)
@given(data=st.data())
def test_the_layer_map_is_one_layer_written_out(
    data: st.DataObject, observable: Observable, fans: tuple[int, int]
) -> None:
    space = data.draw(spaces(fans[0]))
    network = MLP(activation=LeakyReLU("1/3"))
    derivation = derive(observable, network)
    words = derivation.word_maps.kernel.words
    below = Matrix([space.word(word) for word in words])
    means = derivation.layer_map.subs({n_in: fans[0], n_out: fans[1]}) * below
    variance = fraction(network.c) / fans[0]
    for word, mean in zip(words, means, strict=True):
        assert fraction(mean) == layer_mean(
            word, space, fan_out=fans[1], variance=variance, own=Fraction(1), masks=COIN
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("observable", "fans"), [(trace(K @ K), (2, 2)), (trace(K**3), (2, 1)), (trace(K**3), (1, 3))]
)
@pytest.mark.parametrize("own", [Fraction(0), Fraction(2, 3)])
def test_the_general_layer_map_holds_for_masks_of_any_law(
    observable: Observable, fans: tuple[int, int], own: Fraction
) -> None:
    space = Space(
        {"A": ((2,),) if fans[0] == 1 else ((2, -1), (-1, 3))},
        {"x": (1, -2)[: fans[0]]},
    )
    derivation = derive(observable, MLP())
    words = derivation.word_maps.kernel.words
    numbers = {n_in: fans[0], n_out: fans[1], c: Rational(3, 2), r: rational(own)}
    general = derivation.general_layer_map
    moments = {m: rational(mask_moment(m)) for m in general.free_symbols - numbers.keys()}
    means = general.subs(numbers | moments) * Matrix([space.word(word) for word in words])
    for word, mean in zip(words, means, strict=True):
        assert fraction(mean) == layer_mean(
            word,
            space,
            fan_out=fans[1],
            variance=Fraction(3, 2) / fans[0],
            own=own,
            masks=THREE_SIDED,
        )


def mask_moment(symbol: Symbol) -> Fraction:
    """E[D^p] of the three-sided mask, for the symbol m_p."""
    power = int(symbol.name.removeprefix("m_"))
    return sum((p * value**power for p, value in THREE_SIDED), Fraction(0))


@pytest.mark.parametrize("observable", [f**2 * (g @ K @ K @ g), (g @ K @ g) ** 2, f**4], ids=str)
@pytest.mark.parametrize("fans", [(2, 1), (1, 2), (2, 2)])
def test_the_carried_map_is_one_layer_without_own_share(
    observable: Observable, fans: tuple[int, int]
) -> None:
    size = fans[0]
    space = Space({"B": ((2, -1), (-1, 3)) if size == 2 else ((2,),)}, {"x": (1, -2)[:size]})
    network = MLP(activation=LeakyReLU("1/3"))
    derivation = derive(observable, network)
    words = derivation.word_maps.carried.words
    below = Matrix([space.word(word) for word in words])
    means = derivation.carried_map.subs({n_in: size, n_out: fans[1]}) * below
    variance = fraction(network.c) / size
    for word, mean in zip(words, means, strict=True):
        assert fraction(mean) == layer_mean(
            word, space, fan_out=fans[1], variance=variance, own=Fraction(0), masks=COIN
        )


# The words and their maps


@pytest.mark.wide
@pytest.mark.parametrize(("power", "size"), [(1, 2), (2, 5), (3, 10), (4, 20)])
def test_the_words_of_a_degree_close(power: int, size: int) -> None:
    derivation = derive(trace(K**power), MLP())
    words = derivation.word_maps.kernel.words
    assert len(set(derivation.words)) == len(words) == size
    assert {degree(word) for word in words} == {power}
    assert all(word == canonical_word(word) for word in words)
    assert derivation.layer_map.shape == derivation.general_layer_map.shape == (size, size)
    assert derivation.layer_map.free_symbols <= {n_in, n_out}


def test_the_words_of_degree_two() -> None:
    derivation = derive(trace(K @ K), MLP(depth=2))
    assert derivation.words == ("tr(A²)", "xᵀAx", "tr(A)²", "tr(A)·|x|²", "|x|⁴")


def test_a_step_map_refuses_words_that_leave_it() -> None:
    with pytest.raises(AssertionError, match="leaves its words"):
        StepMap((("A",),), (("A",),), ({("xx",): {}},))
    with pytest.raises(AssertionError, match="leaves its words"):
        StepMap((("A",), ("AA",)), (("A",), ("AA",)), ({("AA",): {}}, {}))


def test_a_step_map_has_one_row_for_each_word() -> None:
    with pytest.raises(ValueError, match="shorter"):
        StepMap((("A",), ("xx",)), (), ({},))


def test_the_mask_moments_of_a_layer_map() -> None:
    """None in the constant 1; z_a^2 = (D w . x)^2 has two masks, and K_aa K_aa four."""
    for word, powers in (((), set()), (("xx",), {2}), (("A", "A"), {2, 4})):
        assert layer_map(close([word], PLAIN), PLAIN).mask_powers() == powers


@pytest.mark.wide
@pytest.mark.parametrize("activation", [ReLU(), Linear(), LeakyReLU("1/3"), LeakyReLU()], ids=repr)
@pytest.mark.parametrize("observable", [trace(K @ K), trace(K**3), f**2 * (g @ K @ g)], ids=str)
def test_the_general_layer_map_specialises(
    activation: PiecewiseLinear, observable: Observable
) -> None:
    derivation = derive(observable, MLP(activation=activation))
    general = derivation.general_layer_map
    moments = {
        m: activation.mask_moment(int(m.name.removeprefix("m_")))
        for m in general.free_symbols - {c, r, n_in, n_out}
    }
    special = general.subs({c: activation.critical_variance(), r: 1} | moments)
    assert (special - derivation.layer_map).applyfunc(cancel).is_zero_matrix


def test_a_closure_estimates_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many words are left, and how long the steps after them take, is not known."""
    shares: list[float] = []
    monkeypatch.setattr("theory.words.closure.announced", lambda what: nullcontext(shares.append))
    assert close([("AA",)], PLAIN)
    assert set(shares) == {0}
