"""Activations: formula against stable evaluation, derivatives, and texts that are refused."""

import contextlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp
from sympy import lambdify

from theory import (
    ELU,
    GELU,
    MLP,
    Activation,
    Arctan,
    Erf,
    InvalidArgument,
    LeakyReLU,
    Linear,
    Mish,
    NotSolved,
    ReLU,
    RMSNorm,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
    alignment,
    tangent_kernel,
)
from theory.activations.nonlinearity import Nonlinearity, z

SMOOTH = [Tanh(), Erf(), Sin(), Arctan(), Softsign(), GELU(), SiLU(), Mish(), ELU(), Softplus()]
EVERY = [*SMOOTH, ReLU(), Linear(), LeakyReLU("0.1"), Activation("z/(1 + z**4)**(1/4)")]
GRID = np.array([-30.0, -3.3, -1.0, -0.2, -1e-3, 1e-3, 0.4, 1.7, 5.0, 30.0])


@pytest.mark.slow
@pytest.mark.parametrize("activation", EVERY, ids=repr)
def test_values_and_derivatives_are_those_of_the_formula(activation: Nonlinearity) -> None:
    for made, formula in (
        (activation.value, activation.formula),
        (activation.derivative, activation.formula.diff(z)),
    ):
        with mp.workdps(40):
            reference = [float(lambdify(z, formula, "mpmath")(point)) for point in GRID]
        assert np.allclose(made(GRID), reference, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("activation", EVERY, ids=repr)
def test_no_entry_overflows(activation: Nonlinearity) -> None:
    far = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    assert np.isfinite(activation.value(far)).all()
    assert np.isfinite(activation.derivative(far)).all()


@pytest.mark.parametrize("activation", SMOOTH, ids=repr)
def test_a_formula_that_is_written_out_is_the_named_activation(activation: Nonlinearity) -> None:
    if isinstance(activation, ELU):
        written = Activation("max(z, 0) + min(exp(z) - 1, 0)")
    else:
        written = Activation(str(activation.formula))
    assert np.allclose(written.value(GRID), activation.value(GRID), rtol=1e-12, atol=1e-14)
    assert np.allclose(written.derivative(GRID), activation.derivative(GRID), rtol=1e-11)
    assert activation.kinks == written.kinks


def test_a_text_is_a_value() -> None:
    first, second = Activation("z/(1+z^2)"), Activation("z / (z**2 + 1)")
    assert first == second
    assert hash(first) == hash(second)
    assert eval(repr(first)) == first
    assert Activation("max(z - 1, 0) + abs(z)").kinks == (0.0, 1.0)


@pytest.mark.parametrize("power", ["1/4", "3/4", "-5/4", "2", "-7/2", "16", "3/10", "17"])
def test_powers_of_a_formula(power: str) -> None:
    """Multiples of 1/4 are multiplied out."""
    z = np.array([0.0, 1e-3, 0.7, 3.0])
    found = Activation(f"(1 + z**2)**({power})").value(z)
    assert found == pytest.approx((1 + z**2) ** float(Fraction(power)), rel=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x + 1", "2", "z.real", "z[0]", "__import__('os')", "lambda: z", "z if z else 1"),
        *("z**z", "9**9**9*z", "z/0", "sqrt(-1)*z", "exp(z, z)", "max(z=1)", "gamma(z)", "z or 1"),
        *("z" * 500, "(" * 300 + "z" + ")" * 300, "True*z", "1j*z", "z; z", "abs(sin(z))"),
    ],
)
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"expected .* for an activation, got") as refusal:
        _ = Activation(text).kinks
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("z+y", "with the unknown symbol y; give"),
        ("floor(z)", r"with the unknown function floor\(\); give"),
        ("tahn(z)", r"unknown function tahn\(\), perhaps tan\(\); give"),
        ("relu(z)", r"with the unknown function relu\(\); give ReLU\(\)$"),
        ("x/(1+x^2)", r"unknown symbol x; give Activation\('z/\(1\+z\^2\)'\)"),
        ("2z", r"with \* for products .*; give Activation\('2\*z'\)"),
        ("z e^{-z^2}", r"give Activation\('z\*exp\(-z\*\*2\)'\)"),
        ("z*tanh", "with tanh without an argument in brackets; give"),
        ("exp(z, z)", r"expected one argument in exp\(\).* with 2 in it; give"),
        ("max()", r"expected arguments in max\(\).* with 0 in it; give"),
        ("max(z=1)", r"with max\(\) with a keyword"),
        ("z % 2", "with z % 2; give"),
        ("np.tanh(z)", r"with np.tanh\(z\); give"),
        ("z**z", "with the exponent z; give"),
        ("z*(2**100)**100", "with a power of 1267650600228229401496703205376; give"),
        ("z*1e400", "with 1e309; give"),
        ("z +", r"expected a formula in z .* with an error: invalid syntax; give"),
        ("z + " * 200 + "z", "at most 400 characters .* with 801 of them; give"),
        ("sqrt(z)", "range of floats .* with none at z = -2.7; give"),
        ("z**(1/3)", "range of floats .* with none at z = -2.7; give"),
        ("abs(sqrt(z))", "expected a real function"),
        ("z*exp(1000)", "range of floats .* with none at z = -2.7; give"),
        ("z*exp(exp(exp(exp(exp(9)))))", "range of floats .* with a number beyond it; give"),
    ],
)
def test_the_part_of_a_text_that_is_refused_is_named(text: str, cause: str) -> None:
    with pytest.raises(InvalidArgument, match=cause) as refusal:
        Activation(text)
    assert str(refusal.value).startswith("expected ")
    assert "\n" not in str(refusal.value)


@given(st.text(alphabet="z12.+-*/() expsinabqrt,'[]{}=:_", max_size=30))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert Activation(text).formula.has(z)


@pytest.mark.parametrize(
    "network",
    [
        *(MLP(8, 2, activation=Tanh()), MLP(bias_variance=1), MLP(norm=RMSNorm())),
        MLP(activation=Activation("z/(1 + z**2)"), weight_variance=1),
    ],
    ids=repr,
)
def test_finite_width_is_not_solved(network: MLP) -> None:
    calls: list[Any] = [alignment, tangent_kernel]
    for call in calls:
        with pytest.raises(NotSolved, match="layer_rates have its values") as refusal:
            call(network)
        assert "\n" not in str(refusal.value)
    assert eval(repr(network)) == network
