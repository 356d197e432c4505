"""Limits of the closed form: against exact values at numbers, and against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf, workdps
from sympy import Expr, Poly, Rational, cancel, lambdify, oo, series
from sympy import limit as sympy_limit

from tests.tools.strategies import generated
from theory import (
    MLP,
    ByGroup,
    InvalidArgument,
    LeakyReLU,
    Linear,
    NotSolved,
    TrainedLayers,
    squared_update,
)
from theory.laws.mean import Mean
from theory.laws.update import SquaredUpdate
from theory.symbols import L, a, ell, eta, n, n_0, p, q, t

ACTIVATIONS = [LeakyReLU("0"), LeakyReLU("1/3"), Linear()]
PARTS = ["label", "output", "total"]


def part(update: SquaredUpdate, name: str) -> SquaredUpdate:
    found: SquaredUpdate = update if name == "total" else getattr(update, name)
    return found


# Series in 1/n at fixed depth


@pytest.mark.wide
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
@pytest.mark.parametrize("name", PARTS)
def test_width_series_is_that_of_every_depth_in_numbers(activation: LeakyReLU, name: str) -> None:
    # With a depth in numbers the series comes from one rational function of n, not from powers.
    symbolic = part(squared_update(MLP(activation=activation)), name).width_series(3)
    for depth in (1, 2, 5):
        numbers = part(squared_update(MLP(depth=depth, activation=activation)), name)
        assert tuple(c.subs(L, depth) for c in symbolic) == numbers.width_series(3)


@pytest.mark.wide
@pytest.mark.parametrize("rates", [ByGroup(first=0), ByGroup(2, 1, 3), TrainedLayers(3)], ids=repr)
def test_width_series_with_multipliers(rates: ByGroup | TrainedLayers) -> None:
    symbolic = squared_update(MLP(), rates=rates).width_series(2)
    for depth in (3, 4):
        numbers = squared_update(MLP(depth=depth), rates=rates).width_series(2)
        assert tuple(c.subs(L, depth) for c in symbolic) == numbers


def test_width_series_at_a_layer_with_its_own_input_width() -> None:
    symbolic = squared_update(MLP(input_width=n_0), ell).width_series(2)
    for depth, layer in ((3, 1), (4, 2), (3, 3)):
        numbers = squared_update(MLP(depth=depth, input_width=n_0), layer).width_series(2)
        assert all(
            cancel(c.subs({L: depth, ell: layer}) - d) == 0
            for c, d in zip(symbolic, numbers, strict=True)
        )


@pytest.mark.parametrize("activation", [*ACTIVATIONS, LeakyReLU()], ids=repr)
def test_width_series_begins_with_the_law_of_unipotent_powers(activation: LeakyReLU) -> None:
    update = squared_update(MLP(activation=activation))
    law = squared_update(MLP(activation=activation), ell).label.law.polynomial.subs(ell, L)
    assert cancel(update.label.width_series(0)[0] - law) == 0
    assert cancel(update.width_series(0)[0] - law) == 0
    assert update.output.width_series(0) == (0,)


# The joint limit


@pytest.mark.wide
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("ratio", ["1/20", "1", "3"])
def test_the_error_of_the_joint_limit_has_the_order_of_the_next_term(
    activation: LeakyReLU, name: str, ratio: str
) -> None:
    update = part(squared_update(MLP(activation=activation)), name)
    law, point = update.joint_law(3), Rational(ratio)
    with workdps(80):
        terms = [mpf(str(f.subs(t, point).evalf(60))) for f in law.terms()]
        errors: dict[int, list[mpf]] = {}
        for width in (10**8, 2 * 10**8):
            exact = (
                update.at_real_sizes(width, point.p * width // point.q, 60)
                / mpf(width) ** law.power
            )
            for known in (1, 2, 3):
                partial = sum(c / mpf(width) ** k for k, c in enumerate(terms[:known]))
                errors.setdefault(known, []).append(exact - partial)
        for known, (one, two) in errors.items():
            assert abs(one / two / 2**known - 1) < 1e-3
        assert abs(errors[1][1] / (terms[1] / (2 * mpf(10) ** 8)) - 1) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_the_joint_limit_is_made_of_the_top_coefficients_of_the_width_series(name: str) -> None:
    # n^-k L^(k + 3) is t^(k + 3) n^3, and one power of n less for the output part.
    update, lag = part(squared_update(MLP()), name), int(name == "output")
    tops = [
        Poly(c, L).coeff_monomial(L ** (3 + k - lag)) for k, c in enumerate(update.width_series(5))
    ]
    found = series(update.joint_law(1).coefficient(), t, 0, 8).removeO()
    expected = sum(c * t ** (3 + k - lag) for k, c in enumerate(tops) if c)
    assert Poly(found - expected, t).rem(Poly(t**8, t)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("order", [0, 1])
def test_small_and_large_ratios(name: str, order: int) -> None:
    law = part(squared_update(MLP()), name).joint_law()
    f = law.coefficient(order)
    small = law.small_t(order)
    assert series(f, t, 0, 4).removeO().expand() == small
    large = law.large_t(order)
    assert abs(float((f / large).subs(t, 10**5).evalf(30)) - 1) < 1e-3


@pytest.mark.slow
def test_the_slope_is_every_number() -> None:
    for name in PARTS:
        general = part(squared_update(MLP(activation=LeakyReLU())), name)
        special = part(squared_update(MLP(activation=LeakyReLU("1/3"))), name)
        assert general.joint_law().power == special.joint_law().power
        for k in (0, 1):
            difference = general.joint_law().coefficient(k) - special.joint_law().coefficient(k)
            assert abs(float(difference.subs({a: Rational(1, 3), t: Rational(3, 4)}))) < 1e-12
        for k in (0, 1):
            pair = (general.joint_law().large_t(k), special.joint_law().large_t(k))
            assert cancel(pair[0].subs(a, Rational(1, 3)) / pair[1]) == 1


def test_the_joint_limit_by_name() -> None:
    label = squared_update(MLP()).label.joint_limit()
    assert str(label) == "eta**2*n**3*((4*t + 1)*exp(-t) + (6*t**2 + 2*t - 1)*exp(5*t))/108"
    output = squared_update(MLP()).output.joint_limit()
    assert str(output) == (
        "eta**2*n**2*((20*t + 1)*exp(5*t) + (150*t**2 - 10*t - 1)*exp(15*t))/2500"
    )
    assert squared_update(MLP()).joint_limit() == label


# Growth at fixed width


@pytest.mark.wide
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("width", [1, 3, 50])
def test_growth_is_what_is_left_at_large_depth(
    activation: LeakyReLU, name: str, width: int
) -> None:
    update = part(squared_update(MLP(activation=activation)), name)
    growth = lambdify((n, L), update.growth() / eta**2, "mpmath")
    for depth in (10**5, 10**7):
        exact = update.at_real_sizes(width, depth)
        with workdps(40):
            ratio = growth(mpf(width), mpf(depth)) / exact
        assert abs(ratio - 1) < 200 * width / depth


# Numbers at real sizes


@generated(20)
@given(st.integers(1, 10**6), st.integers(1, 2000), st.sampled_from(PARTS))
def test_decimal_values_are_those_of_the_recursion(width: int, depth: int, name: str) -> None:
    found = part(squared_update(MLP()), name).at_real_sizes(width, depth, 40)
    exact = part(squared_update(MLP(width, depth)), name).evaluate(40)
    with workdps(50):
        assert abs(found / exact - 1) < mpf(10) ** -38


def test_decimal_values_with_other_numbers() -> None:
    symbolic = MLP(readout_variance=Rational(3), input_norm2=Rational(5, 2), input_width=7)
    numbers = MLP(20, 6, readout_variance=Rational(3), input_norm2=Rational(5, 2), input_width=7)
    found, exact = (
        squared_update(symbolic).at_real_sizes(20, 6),
        squared_update(numbers).evaluate(30),
    )
    assert abs(found / exact - 1) < 1e-28


# What is requested in vain

Ask = tuple[Mean, str]


@pytest.mark.parametrize(
    ("network", "ask", "fix"),
    [
        (MLP(64), lambda u: u.joint_limit(), "leave the width and the depth out"),
        (MLP(depth=4), lambda u: u.joint_limit(), "leave the width and the depth out"),
        (MLP(64), lambda u: u.width_series(1), "leave width out"),
        (MLP(depth=4), lambda u: u.growth(), "symbolic depth"),
        (MLP(weight_variance=3), lambda u: u.joint_limit(), "leave weight_variance out"),
        (MLP(weight_variance=3), lambda u: u.growth(), "leave weight_variance out"),
        (MLP(), lambda u: u.joint_law(1).coefficient(1), "known to 1 orders"),
    ],
)
def test_what_is_not_solved_says_what_to_give(network: MLP, ask: object, fix: str) -> None:
    assert callable(ask)
    with pytest.raises(NotSolved, match=fix):
        ask(squared_update(network))


@pytest.mark.parametrize(
    "ask",
    [
        lambda u: u.joint_law(0),
        lambda u: u.width_series(-1),
        lambda u: u.joint_limit_from("0.1", 0),
        lambda u: u.joint_limit_from(1, 1),
    ],
)
def test_what_is_no_order_tolerance_or_ratio_is_refused(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(InvalidArgument):
        ask(squared_update(MLP()))


def test_limits_are_at_the_last_layer() -> None:
    update = squared_update(MLP(), ell)
    for ask in (update.joint_limit, update.growth, update.positive_sum):
        with pytest.raises(NotSolved, match="leave layer out"):
            ask()


def leading(update: SquaredUpdate, depth: int) -> Expr:
    return sympy_limit(update.label.per_eta2.subs(L, depth), n, oo)


@pytest.mark.slow
def test_the_limit_of_infinite_width_at_numbers() -> None:
    update = squared_update(MLP())
    for depth in (1, 2, 3):
        assert leading(update, depth) == update.width_series(0)[0].subs(L, depth)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("layer", [None, ell])
def test_the_leading_term_with_multipliers(name: str, layer: object) -> None:
    network = MLP(activation=LeakyReLU())
    bare = part(squared_update(network, layer), name)
    same = part(squared_update(network, layer, rates=ByGroup()), name)
    assert cancel(bare.leading() / same.leading()) == 1
    double = part(squared_update(network, layer, rates=ByGroup(2, 2, 2)), name)
    assert cancel(double.leading() / bare.leading()) == 4


@pytest.mark.slow
def test_the_leading_term_of_a_range_of_trained_layers() -> None:
    # At the last layer of a wide and deep network, against the recursion at width 10^9.
    trained = squared_update(MLP(), rates=TrainedLayers(3))
    assert trained.leading() == squared_update(MLP()).leading()
    assert "to leading order" in repr(trained)
    ends = squared_update(MLP(), rates=TrainedLayers(p, q)).label.leading()
    for depth, first, last in ((400, 1, 400), (600, 200, 500)):
        rates = tuple(int(first <= k <= last) for k in range(1, depth + 1))
        exact = squared_update(MLP(10**9, depth), rates=rates).label.evaluate()
        found = ends.subs({L: depth, p: first, q: last, eta: 1})
        assert abs(float(found) / float(exact) - 1) < 0.02
