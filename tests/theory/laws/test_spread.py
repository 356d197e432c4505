"""Variances over networks: against weight polynomials, by hand at depth 1, and in their limits."""

from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf, workdps
from sympy import E, Expr, Rational, latex, sqrt

from tests.theory.words.test_gradient_observables import gradient_expectation
from tests.tools.strategies import SmallNetwork, fraction, generated, small_networks
from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    Linear,
    NotSolved,
    Residual,
    SquaredUpdate,
    squared_update,
)
from theory.activations import PiecewiseLinear, ReLU
from theory.laws.spread import Spread, tangent_kernel
from theory.symbols import B, L, a, b, eta, n, t

MOVED = ("gradient", "KK")
KERNEL = ("gradient", "K")
OUTPUT = (("output", ""), ("output", ""))


@cache
def solved(name: str) -> Spread:
    if name == "kernel":
        return tangent_kernel(MLP())
    update: SquaredUpdate = getattr(squared_update(MLP()), name)
    return update.spread


# Against one polynomial in all the weights


@generated(25)
@given(small_networks(((1,), (2,), (3,), (1, 1), (2, 1), (1, 2), (1, 1, 1))))
def test_the_label_part(network: SmallNetwork) -> None:
    label = squared_update(network.mlp, **network.here).label
    width = network.widths[network.layer - 1]
    mean = gradient_expectation((MOVED,), network) / width
    square = gradient_expectation((MOVED, MOVED), network) / width**2
    assert fraction(label.variance() / eta**4) == square - mean**2
    assert fraction(label.spread.mean / eta**2) == mean
    assert fraction(label.spread.second_moment() / eta**4) == square


@generated(8)
@given(small_networks(((1,), (2,), (1, 1), (2, 1))))
def test_the_total(network: SmallNetwork) -> None:
    update = squared_update(network.mlp, **network.here)
    width = network.widths[network.layer - 1]
    once = [gradient_expectation((MOVED, *OUTPUT * k), network) for k in range(2)]
    twice = [gradient_expectation((MOVED, MOVED, *OUTPUT * k), network) for k in range(3)]
    square = twice[0] + 2 * twice[1] + twice[2]
    assert fraction(update.variance() / eta**4) == (square - sum(once) ** 2) / width**2


@generated(25)
@given(small_networks(((1,), (2,), (1, 1), (2, 1), (2, 2), (1, 1, 1))))
def test_the_tangent_kernel(network: SmallNetwork) -> None:
    kernel = tangent_kernel(network.mlp, **network.here)
    mean, square = (gradient_expectation((KERNEL,) * k, network) for k in (1, 2))
    assert fraction(kernel.mean) == mean
    assert fraction(kernel.variance()) == square - mean**2


# By hand


@pytest.mark.parametrize("activation", [ReLU(), Linear(), LeakyReLU("1/3")])
@pytest.mark.parametrize("width", [1, 4, 9])
def test_depth_one_by_hand(activation: PiecewiseLinear, width: int) -> None:
    # K = n I, and |g|^2 is a sum of n independent D^2 v^2, v ~ N(0, 1/n^2).
    m_2, m_4 = (activation.mask_moment(p) for p in (2, 4))
    update = squared_update(MLP(width, 1, activation=activation))
    assert update.label.variance() == Rational(3 * m_4 - m_2**2) / width * eta**4
    kernel = tangent_kernel(MLP(width, 1, activation=activation))
    assert kernel.mean == m_2
    assert kernel.variance() == Rational(3 * m_4 - m_2**2) / width


# The relative standard deviation


@pytest.mark.wide
@pytest.mark.parametrize(
    ("width", "depth", "value", "error"),
    [
        (128, 2, 0.33, 0.005),
        (32, 8, 3.35, 0.005),
        (4096, 1024, 6, 0.05),
        (1024, 512, 50, 0.5),
        (1024, 1024, 5900, 50),
    ],
)
def test_reference_values_of_the_label_part(
    width: int, depth: int, value: float, error: float
) -> None:
    label = squared_update(MLP(width, depth)).label
    assert abs(float(label.relative_standard_deviation()) - value) < error


@pytest.mark.parametrize("name", ["label", "kernel"])
@pytest.mark.parametrize(("width", "depth"), [(3, 5), (40, 2), (10**4, 3)])
def test_decimals_are_those_of_the_exact_variance(name: str, width: int, depth: int) -> None:
    network = MLP(width, depth)
    spread = tangent_kernel(network) if name == "kernel" else squared_update(network).label.spread
    relative = fraction(spread.variance() / spread.mean**2)
    for digits in (3, 15, 40):
        found = spread.relative_standard_deviation(digits)
        with workdps(digits + 20):
            exact = mpf(relative.numerator) / relative.denominator
            assert abs(found**2 / exact - 1) < 3 * mpf(10) ** -digits


def test_wide_networks_are_all_alike() -> None:
    wide = tangent_kernel(MLP(10**30, 3))
    found = wide.relative_standard_deviation(10)
    exact = fraction(wide.variance() / wide.mean**2)
    assert float(found) ** 2 == pytest.approx(float(exact), rel=1e-9)


def test_nothing_random_has_no_spread() -> None:
    frozen = tangent_kernel(MLP(4, 2), rates=(0, 0))
    assert frozen.variance() == 0
    with pytest.raises(NotSolved, match="mean is zero"):
        frozen.relative_standard_deviation()


@given(st.fractions(Fraction(1, 100), 2))
def test_the_number_of_samples(tolerance: Fraction) -> None:
    spread = tangent_kernel(MLP(5, 1))  # relative variance 5/n, exactly 1
    assert spread.variance() == spread.mean**2
    samples = spread.samples(tolerance)
    assert samples >= 1 / tolerance**2 > samples - 1


@pytest.mark.parametrize("tolerance", [0, -1, "x", float("nan")])
def test_a_tolerance_is_a_positive_number(tolerance: object) -> None:
    with pytest.raises(InvalidArgument, match="tolerance"):
        tangent_kernel(MLP(4, 2)).samples(tolerance)


# Closed forms and their limits


@pytest.mark.parametrize("name", ["label", "kernel"])
def test_closed_forms(name: str) -> None:
    variance = solved(name).variance()
    for width, depth in ((1, 1), (2, 5), (7, 3), (30, 11)):
        network = MLP(width, depth)
        exact = tangent_kernel(network) if name == "kernel" else squared_update(network).label
        assert variance.subs({n: width, L: depth}) == exact.variance()


def test_a_slope_as_a_symbol() -> None:
    variance = tangent_kernel(MLP(activation=LeakyReLU())).variance()
    exact = tangent_kernel(MLP(6, 4, activation=LeakyReLU("2/5"))).variance()
    assert variance.subs({n: 6, L: 4, a: Rational(2, 5)}) == exact


@pytest.mark.slow
@pytest.mark.parametrize("name", ["label", "kernel"])
@pytest.mark.parametrize("ratio", [Rational(1, 8), Rational(1, 2), Rational(1)])
def test_the_joint_limit_is_approached_like_one_over_the_width(name: str, ratio: Expr) -> None:
    with workdps(40):
        limit = mpf(solved(name).joint_limit().subs(t, ratio).evalf(40))
        errors = []
        for width in (2**12, 2**13):
            network = MLP(width, int(ratio * width))
            kernel = name == "kernel"
            spread = tangent_kernel(network) if kernel else squared_update(network).label.spread
            errors.append(spread.relative_standard_deviation(30) ** 2 / limit - 1)
    assert abs(errors[0]) < 0.05
    assert 1.9 < errors[0] / errors[1] < 2.1


def test_the_joint_limit_needs_symbols() -> None:
    with pytest.raises(NotSolved, match="symbolic width and depth"):
        tangent_kernel(MLP(depth=4)).joint_limit()


@pytest.mark.slow
def test_the_leading_deviation_in_blocks_is_the_limit_of_exact_values() -> None:
    law = tangent_kernel(Residual()).leading()
    assert law == (5 * E / 2, sqrt(33) * E / sqrt(n))
    assert str(law) == "Moments(mean=5*exp(1)/2, standard_deviation=sqrt(33)*exp(1)/sqrt(n))"
    at_block = tangent_kernel(Residual(), layer=b).leading().standard_deviation.subs(b, B)
    assert (at_block / law.standard_deviation) ** 2 == 1
    errors = []
    for blocks in (32, 64):
        exact = tangent_kernel(Residual(10**12, blocks)).evaluate().standard_deviation
        errors.append(float(exact * 10**6 / (sqrt(33) * E).evalf()) - 1)
    assert abs(errors[1]) < 0.02
    assert abs(errors[1] / errors[0] - 0.5) < 0.02


def test_the_variance_of_an_update_in_an_open_number_of_blocks_takes_minutes() -> None:
    spread = squared_update(Residual()).label.spread
    for call in (spread.leading, spread.joint_limit, lambda: spread.width_series(1)):
        with pytest.raises(NotSolved, match=r"give a number of blocks, as in .at\(B=8\)"):
            call()


def test_a_spread_with_the_output_says_how_long_its_leading_term_takes() -> None:
    assert repr(squared_update(MLP()).spread).endswith("; leading() takes up to a minute")
    assert repr(squared_update(MLP()).label.spread).endswith(
        "to leading order; joint_limit() is of variance/mean**2"
    )


@pytest.mark.slow
def test_formulas_of_a_spread_hold_the_standard_deviation() -> None:
    label = squared_update(MLP()).label.spread
    assert r"\text{standard deviation} &\sim" in label.latex()
    assert latex(label.leading().standard_deviation).split("{")[0] in label.latex()
    assert label.latex() in label._repr_latex_()
    total = squared_update(MLP()).spread  # its limit takes up to a minute, too long for a notebook
    assert "standard deviation" not in total._repr_latex_()


def test_the_leading_term_of_a_spread_notes_its_progress() -> None:
    shares: list[float] = []
    tangent_kernel(MLP())._solve_square(shares.append)
    assert shares == [0.5]
