"""Critical points: closed forms, fixed points by another quadrature, and refusals with numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import MPContext
from scipy.integrate import quad
from sympy import Expr, Rational, pi, sqrt

from theory import (
    ELU,
    GELU,
    MLP,
    Activation,
    Arctan,
    Critical,
    Erf,
    InvalidArgument,
    LeakyReLU,
    Mish,
    NotSolved,
    ReLU,
    RMSNorm,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
    critical,
    squared_update,
)
from theory.activations.nonlinearity import Nonlinearity
from theory.symbols import L

VANISHING: list[tuple[Nonlinearity, Expr | int, Expr, Expr | int]] = [
    (Tanh(), 1, Rational(1, 2), 1),
    (Erf(), pi / 4, 2 / pi, 1),
    (Sin(), 1, Rational(1), 1),
    (Arctan(), 1, Rational(1, 2), 1),
    (Softsign(), 1, pi / 8, 2),
    (ELU(), 1, 2 * pi, 2),
    (Activation("z/(1 + z**4)**(1/4)"), 1, 1 / sqrt(15), Rational(1, 2)),
    (Activation("2*tanh(z)"), Rational(1, 4), Rational(2), 1),
]


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "weight", "constant", "power"), VANISHING)
def test_where_z_vanishes(
    activation: Nonlinearity, weight: Expr, constant: Expr, power: Expr
) -> None:
    point = critical(activation).points[0]
    numbers = point.fixed_point
    assert point.kind == "vanishing"
    assert (point.variance, point.bias_variance, point.slope) == (0, 0, 1)
    assert point.weight_variance == weight == MLP(activation=activation).c
    assert (numbers.constant - constant).equals(0)
    assert (numbers.power, numbers.gradient) == (power, power)
    assert numbers.error == 0


@pytest.mark.slow
def test_an_even_term_parts_the_powers_of_norm_and_gradient() -> None:
    """z + b z^2 + a z^3: q/Q = 1 + 3 (b^2 + 2 a) Q, and m_2 = 1 + (4 b^2 + 6 a) Q."""
    numbers = critical(Activation("tanh(z) + z**2/10")).points[0].fixed_point
    a, b = Rational(-1, 3), Rational(1, 10)
    assert numbers.constant == -1 / (3 * (b**2 + 2 * a))
    assert numbers.gradient == (4 * b**2 + 6 * a) / (3 * (b**2 + 2 * a))


def moment(function: object, variance: float) -> float:
    far = 12 * math.sqrt(variance)
    found = quad(
        lambda z: float(function(z)) * math.exp(-(z**2) / (2 * variance)),  # type: ignore[operator]
        -far,
        far,
        points=[0],
        epsabs=1e-16,
        epsrel=1e-13,
        limit=300,
    )[0]
    return float(found) / math.sqrt(2 * math.pi * variance)


EDGES = [Tanh(), Erf(), Sin(), Softsign(), GELU(), SiLU(), Mish(), ELU()]


@pytest.mark.wide
@pytest.mark.parametrize("activation", EDGES, ids=repr)
def test_the_stable_edge_by_another_quadrature(activation: Nonlinearity) -> None:
    variance = 20.0 if isinstance(activation, SiLU) else 5.0
    point = critical(activation).edge(variance)
    slope = moment(lambda z: activation.derivative(z) ** 2, variance)
    q = moment(lambda z: activation.value(z) ** 2, variance)
    weight, bias = float(point.weight_variance), float(point.bias_variance)
    assert math.isclose(weight * slope, 1, rel_tol=1e-12)
    assert math.isclose(weight * q + bias, variance, rel_tol=1e-12)
    step = 1e-3
    beside = [moment(lambda z: activation.value(z) ** 2, variance + s) for s in (step, -step)]
    rise = weight * (beside[0] - beside[1]) / (2 * step)
    assert math.isclose(rise, float(point.slope), rel_tol=1e-6)
    assert rise < 1
    network = MLP(activation=activation, bias_variance=repr(bias))
    assert math.isclose(float(network.c), weight, rel_tol=1e-11)


@pytest.mark.slow
def test_the_half_stable_point_of_gelu() -> None:
    _, point = critical(GELU()).points
    assert point.kind == "half-stable"
    assert math.isclose(float(point.variance), (3 + math.sqrt(17)) / 2, rel_tol=1e-12)
    assert round(float(point.fixed_point.gradient)) == -65
    assert [each.kind for each in critical(SiLU()).points] == ["unstable", "half-stable"]
    assert [each.kind for each in critical(Mish()).points] == ["unstable", "half-stable"]


def test_slopes_and_biases() -> None:
    (point,) = critical(LeakyReLU("1/2")).points
    assert (point.kind, point.weight_variance) == ("scale invariant", Rational(8, 5))
    assert point.fixed_point.kurtosis == Rational(34, 25)
    (point,) = critical(ReLU(), bias_variance="1/4").points
    assert (point.kind, point.fixed_point.constant) == ("growing", Rational(1, 8))


@pytest.mark.slow
def test_a_contact_beyond_every_power() -> None:
    hard = Activation("max(-1, min(z, 1))")
    (point,) = critical(hard).points
    assert (point.kind, point.weight_variance) == ("flat", 1)
    assert MLP(activation=hard).c == 1


@pytest.mark.wide
@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: critical(Softplus()), r"from 0.0001 to 1000, .* from -25.9 to -1.92"),
        (lambda: critical(Activation("z**3")), r"slope of the variance map of 1\.67, where"),
        (
            lambda: critical(GELU(), bias_variance=10**7),
            r"Q\* from 1e-09 to 1e.12, .* to 1.13e.05;",
        ),
        (lambda: critical(Tanh(), bias_variance="1e-25"), r"Q\* from 1e-09 to 1e.12"),
        (lambda: critical(GELU()).edge(2), r"slope of the variance map is 1\.\d+ .*above 3\.5616"),
        (lambda: critical(Tanh()).edge(-1), "variance"),
        (lambda: critical(ReLU()).edge(1), "no stable edge, since every variance is a fixed point"),
        (lambda: critical(Tanh()).edge(1e-7), "lost in rounding; give 1.0"),
        (lambda: critical(Tanh()).edge(1e-12), "lost in rounding; give 1.0"),
        (lambda: critical(Softplus(), bias_variance=1), "critical point at bias_variance=1, got"),
        (lambda: MLP(activation=GELU()).c, r"weight variance 1.98306 .*1 \+ 65/l"),
        (lambda: MLP(activation=GELU(), norm=RMSNorm()).c, "weight_variance=1, say: behind a norm"),
        (
            lambda: MLP(activation=Softplus()).c,
            r"; Softplus\(\) has no stable edge; give weight_variance=1, say$",
        ),
        (
            lambda: critical(Activation("z**3")),
            "with an isolated critical point or a stable edge, got .*a slope above 1 is unstable;",
        ),
        (lambda: critical(2), "expected an activation"),  # type: ignore[arg-type]
    ],
)
def test_refusals_carry_the_numbers(call: object, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why) as refusal:
        call()  # type: ignore[operator]
    assert str(refusal.value).startswith("expected ")
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
@pytest.mark.parametrize("bias", ["1e-15", "1000", "1e6", "1e11"])
def test_the_edge_of_erf_far_out_in_closed_form(bias: str) -> None:
    """b = Q - asin(2 Q/(1 + 2 Q)) sqrt(1 + 4 Q)/2, in 60 digits."""
    context = MPContext()
    context.dps = 60
    (point,) = critical(Erf(), bias_variance=bias).points[-1:]
    variance = context.mpf(float(point.variance))
    angle = context.asin(2 * variance / (1 + 2 * variance))
    found = variance - angle * context.sqrt(1 + 4 * variance) / 2
    assert float(found) == pytest.approx(float(bias), rel=1e-4 if bias == "1e-15" else 1e-12)
    assert point.kind == "stable"


@pytest.mark.slow
@pytest.mark.parametrize("activation", [GELU(), ELU(), Mish(), Softsign()], ids=str)
def test_the_point_at_the_bias_of_an_edge_far_out(activation: Nonlinearity) -> None:
    for variance in (2000.0, 1e9):
        edge = critical(activation).edge(variance)
        (point,) = critical(activation, bias_variance=repr(float(edge.bias_variance))).points
        assert float(point.variance) == pytest.approx(variance, rel=1e-8)
        assert float(point.weight_variance) == pytest.approx(float(edge.weight_variance))
        network = MLP(activation=activation, bias_variance=repr(float(edge.bias_variance)))
        assert float(network.c) == pytest.approx(float(edge.weight_variance))
        if variance == 2000:
            assert squared_update(network).leading().has(L)


@pytest.mark.slow
@given(st.floats(0.01, 100))
def test_every_edge_of_erf_in_closed_form(variance: float) -> None:
    """1/m_2 = pi/4 sqrt(1 + 4 Q)."""
    point = critical(Erf()).edge(variance)
    weight = math.pi / 4 * math.sqrt(1 + 4 * variance)
    assert math.isclose(float(point.weight_variance), weight, rel_tol=1e-13)
    bias = variance - weight * 2 / math.pi * math.asin(2 * variance / (1 + 2 * variance))
    assert math.isclose(float(point.bias_variance), bias, rel_tol=1e-9, abs_tol=1e-13)


def test_a_critical_bias_is_found_again() -> None:
    found: Critical = critical(Tanh(), bias_variance="0.1")
    (point,) = found.points
    assert math.isclose(float(point.bias_variance), 0.1, rel_tol=1e-12)
    assert "stable edge" in repr(found)


@pytest.mark.slow
def test_an_infinite_slope_at_0_is_refused_by_a_sentence() -> None:
    with pytest.raises(NotSolved, match="bounded slope"):
        critical(Activation("sqrt(abs(z))"))
