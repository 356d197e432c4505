"""Fast numbers, against the recursion and the closed form in high precision."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import log, mpf, workdps

from tests.tools.strategies import generated
from theory import MLP, LeakyReLU, TrainedLayers, maximal_learning_rate, squared_update
from theory.laws.update import SquaredUpdate
from theory.solutions.value import ArrayFunction
from theory.symbols import ell

BOUND = 1e-12
ACTIVATIONS = ["0", "1/3", "1"]


def fast(activation: str, name: str) -> ArrayFunction:
    found = part(squared_update(MLP(activation=LeakyReLU(activation))), name).lambdify()
    assert found.fast is not None
    return found


def part(update: SquaredUpdate, name: str) -> SquaredUpdate:
    found: SquaredUpdate = update if name == "total" else getattr(update, name)
    return found


FAST = {(s, name): fast(s, name) for s in ACTIVATIONS for name in ("label", "output", "total")}


SOLVED = {(s, name): part(squared_update(MLP(activation=LeakyReLU(s))), name) for s, name in FAST}


def errors(slope: str, name: str, width: int, depth: int) -> None:
    """Against the recursion, or at depths above 300 against the closed form in 60 digits, which
    `test_limits` holds against the recursion."""
    if depth <= 300:
        network = MLP(width, depth, activation=LeakyReLU(slope))
        exact = part(squared_update(network), name).evaluate(30)
    else:
        exact = SOLVED[slope, name].at_real_sizes(width, depth, 60)
    form = FAST[slope, name].fast
    assert form is not None
    sizes = np.array([float(width)]), np.array([float(depth)])
    (value,), (logarithm,) = form.values(*sizes), form.logs(*sizes)
    with workdps(40):
        truth = log(exact)
        assert abs(mpf(float(logarithm)) - truth) <= BOUND * max(1, abs(truth))
        if truth < 709.7:
            assert abs(mpf(float(value)) / exact - 1) <= BOUND
        else:
            assert value == inf or truth < 709.8


@pytest.mark.slow
@generated(150)
@given(
    st.floats(0, 9),
    st.floats(0, 6),
    st.sampled_from(sorted(FAST)),
)
def test_relative_error_over_the_whole_range(
    width: float, depth: float, which: tuple[str, str]
) -> None:
    errors(*which, int(10**width), int(10**depth))


@generated(100)
@given(st.integers(1, 10**6), st.floats(0.01, 1), st.sampled_from(sorted(FAST)))
def test_relative_error_where_the_two_forms_meet(
    width: int, ratio: float, which: tuple[str, str]
) -> None:
    errors(*which, width, max(1, min(10**6, int(width * ratio))))


@pytest.mark.wide
@pytest.mark.parametrize("which", sorted(FAST))
@pytest.mark.parametrize("width", [1, 2, 3, 10**9])
@pytest.mark.parametrize("depth", [1, 2, 3, 10, 10**6])
def test_relative_error_at_the_corners(which: tuple[str, str], width: int, depth: int) -> None:
    errors(*which, width, depth)


@pytest.mark.wide
@pytest.mark.parametrize("input_width", [1, 5, 10**6])
def test_an_input_width_of_its_own(input_width: int) -> None:
    network = squared_update(MLP(input_width=input_width))
    for name in ("label", "output"):
        value = part(network, name)
        for width, depth in ((1, 1), (2, 1), (7, 3), (10**6, 10), (100, 90)):
            numbers = squared_update(MLP(width, depth, input_width=input_width))
            exact = part(numbers, name).evaluate(30)
            assert abs(float(value([width], depth)[0] / exact - 1)) < BOUND


def test_arrays_broadcast() -> None:
    total = FAST["0", "total"]
    grid = total(np.array([[1], [10], [100]]), np.arange(1, 6))
    assert grid.shape == (3, 5)
    assert grid[1, 2] == total([10], [3])[0]
    big = total(np.full(70_000, 100), np.full(70_000, 10))
    assert np.all(big == total([100], [10]))


def test_points_beyond_the_fast_forms_are_computed_one_by_one() -> None:
    """Wider and deeper than its range, and where E overflows but its inverse root does not."""
    total, rate = FAST["0", "total"], maximal_learning_rate(MLP()).lambdify()
    assert total([10**10, 64], [10, 10])[0] == pytest.approx(335, rel=1e-6)
    assert rate.fast is not None
    deep = rate([64, 64], [4000, 4])[0]
    assert deep == pytest.approx(float(np.exp(rate.log(64, 4000))), rel=1e-9)
    assert deep < 1e-160


def test_networks_without_a_fast_form_are_computed_one_by_one() -> None:
    for update in (
        squared_update(MLP(), ell),
        squared_update(MLP(activation=LeakyReLU())),
        squared_update(MLP(), rates=TrainedLayers(1, 3)),
        squared_update(MLP((3, 4))),
    ):
        assert update.lambdify().fast is None
    for update in (squared_update(MLP(64)), squared_update(MLP(depth=3))):
        assert update.lambdify().fast is not None
