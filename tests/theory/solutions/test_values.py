"""Values at numbers: right digits at all sizes, sizes that are refused, and one value at a time.

The exact rational of a network in numbers, whose recursion shares no arithmetic with the floats, is
the other road at small sizes; the closed form with 60 digits is at large ones.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from sympy import Expr, Integer, Max, Rational, Symbol, exp, lambdify, nan, oo, zoo

from tests.tools.strategies import generated
from tests.tools.values import SINGLE
from theory import (
    MLP,
    ByGroup,
    InvalidArgument,
    LeakyReLU,
    MeanOverLayers,
    NotSolved,
    TrainedLayers,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    numbers,
    squared_update,
    tangent_kernel,
    transfer_learning_rate,
)
from theory.observables import K, trace
from theory.symbols import L, a, ell, eta, n, n_0, p, q, t

BOUND = 1e-12


def exact_number(value: Any) -> Expr:
    """The exact value at eta = 1 of a network in numbers."""
    return value.exact.subs(eta, 1)


def relative_error(found: float, exact: Expr) -> float:
    difference = abs(Rational(found) - exact) / (abs(exact) if exact != 0 else 1)
    return float(difference.evalf(5))


@pytest.mark.slow
@generated(60)
@given(st.sampled_from(sorted(SINGLE)), st.integers(1, 70), st.integers(2, 12))
def test_a_call_is_the_exact_value_rounded(name: str, width: int, depth: int) -> None:
    value = SINGLE[name](MLP())
    found = value(width, depth)
    assert isinstance(found, float)
    assert found == value(n=width, L=depth) == value.at(n=width)(depth) == value.at(L=depth)(width)
    assert found == float(value.at(n=width, L=depth))
    assert relative_error(found, exact_number(value.at(n=width, L=depth))) < BOUND


@pytest.mark.slow
@generated(40)
@given(
    st.sampled_from(["update", "label", "output", "rate", "readout", "alignment label"]),
    st.floats(0, 9),
    st.floats(0, 6),
)
def test_a_call_at_any_size_is_that_of_the_closed_form(
    name: str, width: float, depth: float
) -> None:
    value, sizes = SINGLE[name](MLP()), (int(10**width), int(10**depth))
    if abs(value.at(n=sizes[0], L=sizes[1]).lambdify().log()) > 708:
        with pytest.raises(InvalidArgument, match=r"float64 .*evaluate\(\)"):
            value(*sizes)
        return
    found = value(*sizes)
    assert numbers(value.exact, n=sizes[0], L=sizes[1]) == pytest.approx(found, rel=BOUND)
    (array,) = value([sizes[0]], sizes[1])
    assert array == pytest.approx(found, rel=BOUND)


def test_what_floats_in_a_closed_form_lose() -> None:
    total = squared_update(MLP())
    naive = lambdify((n, L), total.per_eta2)
    assert abs(naive(10**6, 10) - 335.0072) > 1
    assert naive(10**7, 8) < 0
    assert total(10**6, 10) == pytest.approx(335.007160119823457742820542985, rel=BOUND)
    assert total(10**7, 8) == pytest.approx(172 + 2832e-7, rel=1e-11)
    assert maximal_learning_rate(MLP())(10**7, 10) == pytest.approx(0.0546, abs=1e-4)
    assert alignment(MLP())(10**7, 10) == pytest.approx(float(15 * Integer(10) ** -2), abs=0.01)
    limit = total.label.joint_limit()
    tiny = numbers(limit, n=1, t=1e-6)
    assert tiny == pytest.approx(1e-18 / 3, rel=1e-4)
    series = Rational(1, 3) + Rational(5, 6) * Rational(1, 10**6)
    assert tiny == pytest.approx(float(series) * 1e-18, rel=1e-10)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("value", "names"),
    [
        (squared_update(MLP()), "n L"),
        (squared_update(MLP(), ell), "n L ell"),
        (squared_update(MLP(input_width=n_0, activation=LeakyReLU()), ell), "n L ell n_0 a"),
        (squared_update(MLP(), rates=TrainedLayers(p, q)), "n L p q"),
        (squared_update(MLP(8, 3)), ""),
        (squared_update(MLP(depth=3), 2), "n"),
        (maximal_learning_rate(MLP(8, readout_variance=a / 2)), "L a"),
    ],
)
def test_open_sizes_have_one_order(value: Any, names: str) -> None:
    assert " ".join(map(str, value.open_sizes)) == names
    assert str(value.lambdify()).endswith(f"({names.replace(' ', ', ')})")


def test_sizes_of_every_kind_are_put_in() -> None:
    widths = tuple(Symbol(f"n_{i}", integer=True, positive=True) for i in (1, 2))
    own = squared_update(MLP(width=widths))
    assert own(4, 7) == float(squared_update(MLP((4, 7)))) == own(n_2=7, n_1=4)
    general = squared_update(MLP(input_width=n_0, activation=LeakyReLU()), ell)
    chosen = squared_update(MLP(6, 5, input_width=3, activation=LeakyReLU("0.1")), 4)
    assert general(6, 5, 4, 3, 0.1) == general(6, 5, 4, 3, Fraction(1, 10)) == float(chosen)
    assert general.at(n=6, L=5, ell=4, n_0=3, a="0.1") == chosen
    trained = squared_update(MLP(), rates=TrainedLayers(p, q))
    assert trained(6, 5, 2, 3) == float(squared_update(MLP(6, 5), rates=(0, 1, 1, 0, 0)))
    grouped = squared_update(MLP(), rates=ByGroup(2, 1, "1/3"))
    assert grouped(6, 4) == float(squared_update(MLP(6, 4), rates=(2, 1, 1, "1/3")))
    scaled = squared_update(MLP(readout_variance=a / 2, input_norm2=n**2))
    assert scaled(6, 4, 3) == float(
        squared_update(MLP(6, 4, readout_variance="3/2", input_norm2=36))
    )


@pytest.mark.slow
def test_arrays_broadcast_and_numbers_stay_numbers() -> None:
    u, rate, kernel = squared_update(MLP()), maximal_learning_rate(MLP()), tangent_kernel(MLP())
    for value in (u, rate, alignment(MLP())):
        grid = value(np.array([[1], [10], [100]]), np.arange(2, 6))
        assert grid.shape == (3, 4)
        assert grid[1, 2] == pytest.approx(value(10, 4), rel=BOUND)
        assert value([], 3).shape == (0,)
        assert value(np.float64(10), np.int32(4)) == value(10.0, Integer(4)) == value(10, 4)
        assert value(np.float32(10), Fraction(8, 2)) == value(10, 4)
    means, deviations = kernel([8, 16], 4)
    assert means.tolist() == [2, 2]
    assert deviations[1] == kernel(16, 4).standard_deviation
    assert layer_rates(MLP())([8, 16], 4)[2][1] == layer_rates(MLP())(16, 4)[2]
    assert u.at(n=64)(np.arange(1, 400)).shape == (399,)
    assert np.ptp(u(100, np.full(70_000, 10))) == 0


@pytest.mark.slow
def test_tuples_are_the_exact_numbers() -> None:
    for sizes in ((3, 2), (16, 5)):
        rates = layer_rates(MLP())
        exact = layer_rates(MLP(*sizes)).together
        assert rates(*sizes) == pytest.approx([float(each.evalf(20)) for each in exact], rel=BOUND)
        spread = squared_update(MLP()).label.spread.at(n=sizes[0], L=sizes[1])
        mean, deviation = spread()
        assert relative_error(mean, spread.mean / eta**2) < BOUND
        variance = spread.variance() / eta**4
        assert float(Rational(deviation) ** 2 / variance) == pytest.approx(1, rel=BOUND)
    assert layer_rates(MLP())(8, 1) == layer_rates(MLP(8, 1))()
    with pytest.raises(InvalidArgument, match="depth 1 by itself"):
        layer_rates(MLP())(8, [1, 2])


def test_mean_over_layers_is_that_of_the_layers() -> None:
    for network in (MLP(5, 9), MLP((3, 4, 2)), MLP(5, 4, input_width=11)):
        rate = maximal_learning_rate(network, criterion=MeanOverLayers("1/7"))
        layers = range(1, network.layers + 1)
        mean = sum(squared_update(network, k).per_eta2 for k in layers) / network.layers
        assert float(rate) == pytest.approx(float((1 / (7 * mean)) ** Rational(1, 2)), rel=BOUND)


def test_transfer_is_a_value_in_numbers() -> None:
    found = transfer_learning_rate("0.05", MLP(256, 8), MLP(1024, 32))
    assert found() == float(found) == found.rate == float(found.evaluate(17))
    assert found.at() == found
    with pytest.raises(InvalidArgument, match="expected no sizes"):
        found(3)


def test_logarithms_at_sizes_beyond_float64() -> None:
    u = squared_update(MLP())
    log = u.lambdify().log
    assert log(64, 10**5) == pytest.approx(21943.094213, abs=1e-6)
    assert log([64, 64], [10**5, 4])[1] == pytest.approx(math.log(u(64, 4)), rel=BOUND)
    assert maximal_learning_rate(MLP()).lambdify().log(64, 10**5) == pytest.approx(
        -log(64, 10**5) / 2, rel=BOUND
    )
    frozen = squared_update(MLP(depth=2), rates=(0, 0))
    assert frozen.lambdify().log(3) == -math.inf
    assert frozen(3) == 0
    with pytest.raises(InvalidArgument, match="no logarithm"):
        derive(trace(K) - 100, MLP()).lambdify().log(1, 1)


@pytest.mark.parametrize("sizes", [(64, 10**5), (1, 10**6), ([4, 64], 10**5)])
def test_a_value_beyond_float64_is_refused_with_the_exact_call(sizes: tuple[Any, ...]) -> None:
    u = squared_update(MLP())
    with pytest.raises(InvalidArgument, match=r"\.at\(n=\d+, L=\d+\)\.evaluate\(\)"):
        u(*sizes)
    with pytest.raises(InvalidArgument, match="float64"):
        maximal_learning_rate(MLP())(*sizes)
    assert u.at(n=64, L=10**5).evaluate() > mpf(10) ** 9000


U, NUMBERS = squared_update(MLP()), squared_update(MLP(8, 3))


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (
            lambda: squared_update(MLP(depth=4))(64, 10),
            r"no size but n, .*MLP\(depth=4\) fixes the ",
        ),
        (lambda: NUMBERS(64, 10), r"expected no sizes, got 64, 10; MLP\(.* fixes all"),
        (lambda: U(64, 10, -3), "no size but n, L, got 64"),
        (lambda: squared_update(MLP(), 5)(64, 3), "layer from 1 to 3, got layer=5"),
        (lambda: squared_update(MLP(), ell)(64, 3, 4), "layer from 1 to 3, got layer=4"),
        (lambda: squared_update(MLP(), ell)(64, 3, [2, 4]), "layer from 1 to 3, got layer=4"),
        (lambda: U(64), "got none for L; give all"),
        (lambda: U(), "got none for n, L"),
        (lambda: U(64, 10, n=3), "n once"),
        (lambda: U(64, L=10, ell=3), "no size but n, L, got ell=3"),
        (lambda: U(n=64, L=10, eta=0.1), "multiply a mean squared update by eta"),
        (lambda: U.at(eta=0.1), "at eta = 1"),
        (lambda: squared_update(MLP(8)).at(n=9), "no size but L, got n=9"),
        (lambda: NUMBERS.at(L=2), r"no sizes, got L=2; MLP\(.* fixes all sizes"),
        (lambda: U.at(n=-3), "positive whole number for n, got n=-3"),
        (lambda: U(0, 3), "positive whole number for n, got n=0"),
        (lambda: U(3, 2.5), "positive whole number for L, got L=2.5"),
        (lambda: U(3, [2, 2.5]), "positive whole number for L, got L=2.5"),
        (lambda: U(3, [2, np.nan]), "positive whole number for L, got L=nan"),
        (lambda: U(np.inf, 2), "positive whole number for n, got n=inf"),
        (lambda: U(np.bool_(True), 2), "positive whole number for n"),
        (lambda: U(Fraction(1, 2), 2), "positive whole number for n"),
        (lambda: U("64", 2), "positive whole number for n, got n='64'"),
        (lambda: U(True, 2), "positive whole number for n, got n=True"),
        (lambda: U([True], 2), "positive whole number for n, got n=True"),
        (lambda: U(None, 2), "positive whole number for n, got n=None"),
        (lambda: U(n, 2), "positive whole number for n, got n=n"),
        (lambda: U(1j, 2), "positive whole number for n"),
        (lambda: U([1, 2], [1, 2, 3]), "broadcast"),
        (lambda: squared_update(MLP(activation=LeakyReLU()))(3, 2, 2), r"in \[0, 1\]"),
        (
            lambda: squared_update(MLP(activation=LeakyReLU()))(3, 2, -1),
            "non-negative number for a",
        ),
        (lambda: squared_update(MLP(readout_variance=a))(3, 2, 0), "positive number for readout"),
        (lambda: squared_update(MLP(), rates=TrainedLayers(4))(3, 2), "trained layers up to 2"),
        (lambda: squared_update(MLP(), rates=TrainedLayers(p, q))(3, 5, 4, 3), "swap"),
        (lambda: squared_update(MLP(), rates=ByGroup())(3, 1), "depth of at least 2"),
        (lambda: U.evaluate(), r"open sizes n, L; put numbers in"),
        (lambda: float(U), "got none|open sizes"),
        (lambda: NUMBERS.evaluate(0), "whole number from 1 to 100000 for digits"),
        (lambda: numbers(U.exact, n=3), "none for L"),
        (lambda: numbers(U.exact, n=3, L=2, k=1), "got one for k"),
        (lambda: numbers(3), "SymPy expression"),
        (lambda: numbers(U.exact, n=64, L=10**5), "float64"),
    ],
)
def test_sizes_that_are_fixed_negative_or_impossible_are_refused(
    call: Callable[[], Any], why: str
) -> None:
    with pytest.raises(InvalidArgument, match=why) as refusal:
        call()
    assert len(str(refusal.value)) < 400


@given(st.data())
def test_no_size_is_ever_ignored(data: st.DataObject) -> None:
    """With any of the sizes fixed, giving it again is refused, by place and by name."""
    width = data.draw(st.none() | st.integers(1, 9))
    depth = data.draw(st.none() | st.integers(2, 5))
    value = SINGLE[data.draw(st.sampled_from(sorted(SINGLE)))](MLP(width, depth))
    names = {"n": width, "L": depth}
    left = {name: 3 for name, fixed in names.items() if fixed is None}
    right = float(value.at(**left).evaluate(17))
    assert value(*left.values()) == value(**left) == right
    for name in ("n", "L", "ell", "n_0", "a", "t"):
        if name not in left:
            with pytest.raises(InvalidArgument):
                value(**left, **{name: 3})
    with pytest.raises(InvalidArgument):
        value(*left.values(), 3)


def test_expressions_that_numbers_reads() -> None:
    assert numbers(Max(n, L**2), n=3, L=2) == 4
    assert numbers(exp(t) - 1 - t, t=1e-9) == pytest.approx(5e-19, rel=1e-8)
    assert numbers(Integer(3)) == 3
    assert numbers(eta**2 * n, n=2, eta=3) == 18
    assert numbers(U.label.growth(), n=5, L=[3, 4]).shape == (2,)
    assert numbers((n + 1) ** 2 - n**2 - 2 * n - 1, n=5) == 0
    with pytest.raises(NotSolved, match="call the value itself"):
        numbers(U.label.positive_sum(), n=5, L=3)


@pytest.mark.slow
@pytest.mark.parametrize("slope", ["0", "1/3", "1"])
def test_a_positive_sum_is_the_exact_value(slope: str) -> None:
    update = squared_update(MLP(activation=LeakyReLU(slope)))
    for part in (update.label, update.output):
        written = part.positive_sum()
        for width, depth in ((1, 1), (1, 4), (2, 1), (3, 2), (5, 6), (64, 10)):
            exact = part.at(n=width, L=depth).exact
            assert written.subs({n: width, L: depth}).doit() == exact
    with pytest.raises(NotSolved):
        squared_update(MLP(), ell).positive_sum()


@pytest.mark.parametrize("infinite", [oo, -oo, zoo, nan, float("inf")])
def test_an_infinite_size_is_refused_in_a_sentence(infinite: Any) -> None:
    update = squared_update(MLP())
    for call in (lambda: update(infinite, 10), lambda: update.at(n=infinite)):
        with pytest.raises(InvalidArgument, match="positive whole number for n"):
            call()
