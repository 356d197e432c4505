"""Where the law and the joint limit hold, against a search by hand over exact values."""

import pytest
from mpmath import mpf
from sympy import Rational

from theory import MLP, InvalidArgument, LeakyReLU, Linear, NotSolved, maximal_learning_rate
from theory import squared_update as squared
from theory.symbols import L, t

RATES = maximal_learning_rate(MLP())


def rate_error(width: int, depth: int) -> float:
    """law/exact - 1 for the rate sqrt(3) L^(-3/2), from the recursion."""
    exact = squared(MLP(width, depth)).evaluate(20)
    return float((exact * 3 / mpf(depth) ** 3) ** mpf("0.5") - 1)


@pytest.mark.wide
@pytest.mark.parametrize("tolerance", ["0.05", "0.2", "0.5"])
@pytest.mark.parametrize("width", [3, 16, pytest.param(60, marks=pytest.mark.slow)])
def test_the_interval_of_depths(tolerance: str, width: int) -> None:
    validity = RATES.validity(tolerance)
    bound = float(Rational(tolerance))
    good = [depth for depth in range(1, width + 9) if abs(rate_error(width, depth)) <= bound]
    assert validity.depths(width) == ((good[0], good[-1]) if good else None)
    assert good == list(range(good[0], good[-1] + 1)) if good else True
    assert validity.error(width, 7) == pytest.approx(rate_error(width, 7), rel=1e-12)


@pytest.mark.parametrize("tolerance", ["0.1", "0.5"])
def test_the_least_width(tolerance: str) -> None:
    validity = RATES.validity(tolerance)
    bound = float(Rational(tolerance))

    def some(width: int) -> bool:
        return any(abs(rate_error(width, depth)) <= bound for depth in range(1, 12))

    assert [some(w) for w in (validity.least_width - 1, validity.least_width)] == [False, True]


@pytest.mark.slow
def test_the_bounds_on_depth_and_ratio_are_those_of_the_widest_networks() -> None:
    validity = RATES.validity("0.1")
    first, last = validity.depths(10**8) or (0, 0)
    assert first == validity.least_depth
    assert last / 10**8 == pytest.approx(validity.ratio, rel=1e-4)


def test_ten_per_cent_of_the_relu_rate() -> None:
    validity = RATES.validity("0.1")
    assert repr(validity) == (
        "Validity within 1/10: as the width grows, depths from 2 to 0.07392 of the width. Some "
        "depth satisfies this from width 39 on; depths(width) gives the first and the last. If the "
        "depth exceeds a quarter of the width, use verify.typical_learning_rate."
    )
    assert validity.depths(39) == (3, 3)
    assert validity.depths(38) is None


def test_a_law_in_the_width_has_no_range_in_the_depth_alone() -> None:
    with pytest.raises(NotSolved, match="laws in L alone, and the law here is"):
        maximal_learning_rate(MLP(input_norm2=3)).validity("0.1")


@pytest.mark.slow
def test_small_tolerances_print_without_a_search() -> None:
    shown = repr(RATES.validity("1e-7"))
    assert shown.startswith("Validity within 1/10000000: as the width grows, depths from ")
    assert "of the width; depths(width) gives the first and the last." in shown


@pytest.mark.slow
def test_a_linear_network_needs_more_depth_and_bears_more() -> None:
    linear = maximal_learning_rate(MLP(activation=Linear())).validity("0.1")
    assert linear.least_depth > RATES.validity("0.1").least_depth
    assert linear.ratio > RATES.validity("0.1").ratio


@pytest.mark.slow
@pytest.mark.parametrize("name", ["label", "total"])
@pytest.mark.parametrize(("tolerance", "ratio"), [("0.1", "1/2"), ("0.3", "1")])
def test_the_width_from_which_the_joint_limit_describes(
    name: str, tolerance: str, ratio: str
) -> None:
    update = squared(MLP()) if name == "total" else squared(MLP()).label
    width = update.joint_limit_from(tolerance, ratio)
    where, bound = Rational(ratio), float(Rational(tolerance))
    leading = update.joint_law(1).coefficient().subs(t, where)

    def error(size: int) -> float:
        exact = update.at_real_sizes(size, mpf(int(where.p)) * size / int(where.q))
        return abs(float(leading) * size**3 / float(exact) - 1)

    assert error(width - 1) > bound
    assert all(error(size) <= bound for size in range(width, 3 * width, max(1, width // 50)))


@pytest.mark.parametrize("tolerance", [0, 1, -1, 2, "x", None])
def test_what_is_no_tolerance_is_refused(tolerance: object) -> None:
    with pytest.raises(InvalidArgument, match="tolerance"):
        RATES.validity(tolerance)


@pytest.mark.slow
def test_validity_needs_symbolic_sizes_and_a_number_for_the_slope() -> None:
    with pytest.raises(NotSolved):
        maximal_learning_rate(MLP(depth=4)).validity("0.1")
    with pytest.raises(NotSolved):
        maximal_learning_rate(MLP(64)).validity("0.1")
    with pytest.raises((NotSolved, InvalidArgument)):
        maximal_learning_rate(MLP(activation=LeakyReLU())).validity("0.1").depths(64)


def test_the_law_is_the_leading_term() -> None:
    assert RATES.validity("0.1").law == L**3 / 3
