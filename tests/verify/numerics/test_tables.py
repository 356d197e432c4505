"""Tables of functions: every entry is close to the function, and entries that would not be are
missing."""

from typing import Any

import numpy as np
import pytest

from theory import (
    ELU,
    GELU,
    Activation,
    Arctan,
    Erf,
    LeakyReLU,
    Linear,
    Mish,
    ReLU,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
)
from theory.activations import Nonlinearity
from verify.numerics.arrays import FloatArray
from verify.numerics.tables import change_looked_up, looked_up, tabulated

BOUNDED = (Tanh(), Erf(), GELU(), SiLU(), Mish(), ELU(), Softplus())
"""Activations that are affine to double precision beyond |z| = 40."""
LINEAR = (ReLU(), LeakyReLU("0.01"), Linear())
OTHERS = (Sin(), Arctan(), Softsign(), Activation("z/(1 + z**4)**(1/4)"))
EVEN = (Activation("exp(-z**2)"), Activation("cos(z)"), Activation("z**2/(1 + z**2)"))
VALUE, SLOPE = 1e-8, 1e-6
"""Errors relative to the largest value and slope of the same size of z."""


def table_of(activation: Nonlinearity) -> FloatArray:
    return tabulated(activation.value, activation.derivative, activation.kinks)


def found(table: FloatArray, z: FloatArray) -> FloatArray:
    """Values and slopes, shape ``(2, z)``."""
    both = np.empty((2, z.size))
    looked_up(table, z, both[0], both[1])
    return both


@pytest.mark.wide
@pytest.mark.parametrize("activation", BOUNDED + LINEAR + OTHERS + EVEN, ids=repr)
@pytest.mark.parametrize("size", [1.0, 8.0, 1e-3, 1e-40, 1e-150])
def test_values_and_slopes_are_those_of_the_function(activation: Any, size: float) -> None:
    z = size * np.random.default_rng(1).standard_normal(5000)
    z = z[np.abs(z) < 40]
    values, slopes = found(table_of(activation), z)
    for ours, theirs, close in (
        (values, activation.value(z), VALUE),
        (slopes, activation.derivative(z), SLOPE),
    ):
        assert np.abs(ours - theirs).max() <= close * np.abs(theirs).max()


@pytest.mark.slow
@pytest.mark.parametrize("activation", BOUNDED + LINEAR, ids=repr)
def test_affine_functions_have_entries_as_far_as_floats_reach(activation: Any) -> None:
    z = np.geomspace(40, 1e300, 500)
    for side in (z, -z):
        values, slopes = found(table_of(activation), side)
        with np.errstate(over="ignore"):
            expected = activation.value(side), activation.derivative(side)
        assert values == pytest.approx(expected[0], rel=1e-8, abs=1e-14)
        assert slopes == pytest.approx(expected[1], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("activation", OTHERS, ids=repr)
def test_other_functions_have_none_beyond_their_cells(activation: Any) -> None:
    values, _ = found(table_of(activation), np.array([39.9, 40.1, 1e9, -41.0, np.inf, np.nan]))
    assert np.isfinite(values).tolist() == [True, *[False] * 5]


def test_cells_with_a_kink_have_no_entries() -> None:
    activation = Activation("max(z, 0.3) + abs(z + 50)")
    z = np.array([0.29, 0.298, 0.3, 0.31, 0.32, -39.0, -45.0, 45.0])
    values, _ = found(table_of(activation), z)
    assert np.isfinite(values).tolist() == [True, *[False] * 3, True, True, False, True]


@pytest.mark.parametrize(
    ("activation", "inside"),
    [
        (Activation("sqrt(abs(z))"), 1e-3),  # no polynomial
        (Activation("exp(-1000*(z - 1)**2)"), 1.0),  # too steep
        (Activation("tanh(100*z)"), 0.01),
        (Activation("1 - cos(z)"), 1e-12),  # rounded to 0, where 1 - cos(z) is not
    ],
)
def test_what_no_polynomial_follows_is_missing(activation: Any, inside: float) -> None:
    assert np.isnan(found(table_of(activation), np.array([inside, -inside, 0.0]))[:, 0]).all()


def test_a_wrong_slope_leaves_nothing() -> None:
    table = tabulated(Tanh().value, lambda z: Tanh().derivative(z) * (1 + 1e-5), ())
    assert np.isnan(found(table, np.linspace(-3, 3, 1000))).all()


@pytest.mark.parametrize("size", [1, 31, 32, 33, 70])
def test_nothing_is_written_behind_a_vector(size: int) -> None:
    table, z = table_of(Tanh()), np.linspace(-2, 2, size)
    room, other = np.full((2, 100), 7.0)
    looked_up(table, z, room[:size], other[:size])
    assert (room[size:] == 7.0).all()
    assert (other[size:] == 7.0).all()
    assert room[:size] == pytest.approx(np.tanh(z), rel=1e-8)


@pytest.mark.parametrize("step", [1.0, 1e-3, 1e-9])
def test_changes_do_not_cancel(step: float) -> None:
    generator = np.random.default_rng(2)
    z, move = generator.standard_normal((2, 5000))
    out, table = np.empty_like(z), table_of(GELU())
    value, _ = found(table, z)
    change_looked_up(table, z, value, move, step, out)
    expected = (GELU().value(z) - GELU().value(z - step * move)) / step
    if step == 1e-9:
        expected = GELU().derivative(z) * move
    assert np.abs(out - expected).max() < 1e-6
