"""Gaussian moments: closed forms, adaptive quadrature of SciPy, and what the table promises."""

import math
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from theory import (
    ELU,
    GELU,
    Activation,
    Erf,
    LeakyReLU,
    Mish,
    NotSolved,
    ReLU,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
    critical,
)
from theory.activations import moments as table
from theory.activations.moments import Moments, moment_table, moments
from theory.activations.nonlinearity import Nonlinearity

VARIANCES = np.exp(np.linspace(-14, 5, 200))
WITHIN = 1e-14
"""Relative; the table promises a few times less."""
OTHERS = [Tanh(), GELU(), SiLU(), Mish(), Softsign(), ELU(), Softplus(), LeakyReLU("0.1")]
OTHERS += [Activation("z/(1 + z**4)**(1/4)"), Activation("max(-1, min(z, 1))")]
OTHERS += [Activation("abs(z - 1/2)"), Activation("tanh(4*(z - 1))")]


def close(found: object, exact: object) -> None:
    assert np.allclose(found, exact, rtol=WITHIN, atol=0)  # type: ignore[arg-type]


def near(found: object, exact: object) -> None:
    assert np.allclose(found, exact, rtol=0, atol=WITHIN)  # type: ignore[arg-type]


def test_erf_in_closed_form() -> None:
    found, q = moments(Erf(), VARIANCES), VARIANCES
    close(found.q, 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)))
    close(found.q1, 2 / np.pi * np.arctan(np.sqrt(2 * q)))
    for power, value in enumerate((found.m1, found.m2, found.m3, found.m4), start=1):
        close(value, (2 / math.sqrt(math.pi)) ** power / np.sqrt(1 + 2 * power * q))
    close(found.slope, 4 / np.pi / ((1 + 2 * q) * np.sqrt(1 + 4 * q)))
    near(found.m2_slope, -8 / np.pi * q * (1 + 4 * q) ** -1.5)
    close(found.alive, 1)


@pytest.mark.slow
def test_sine_in_closed_form() -> None:
    found, q = moments(Sin(), VARIANCES), VARIANCES
    close(found.q, -np.expm1(-2 * q) / 2)
    close(found.m2, (1 + np.exp(-2 * q)) / 2)
    close(found.m4, (3 + 4 * np.exp(-2 * q) + np.exp(-8 * q)) / 8)
    near(found.slope, np.exp(-2 * q))
    near(found.curvature, -2 * q * np.exp(-2 * q))
    near(found.mean, 0)


@pytest.mark.slow
def test_leaky_slopes_in_closed_form() -> None:
    found, a = moments(LeakyReLU("0.1"), VARIANCES), 0.1
    close(found.q, (1 + a**2) / 2 * VARIANCES)
    close(found.m4, (1 + a**4) / 2)
    close(found.mean, (1 - a) * np.sqrt(VARIANCES / (2 * np.pi)))
    close(found.q1, (1 + a) * np.sqrt(VARIANCES / (2 * np.pi)))
    close(moments(ReLU(), VARIANCES).alive, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("variance", [1e-3, 0.7, 30.0])
@pytest.mark.parametrize("activation", OTHERS, ids=repr)
def test_every_moment_by_adaptive_quadrature(activation: Nonlinearity, variance: float) -> None:
    phi, slope = activation.value, activation.derivative
    functions: dict[str, Any] = {
        "q": lambda z: phi(z) ** 2,
        "q1": lambda z: abs(phi(z)),
        "mean": phi,
        **{f"m{p}": (lambda power: lambda z: abs(slope(z)) ** power)(p) for p in (1, 2, 3, 4)},
        "slope": lambda z: phi(z) * slope(z) * z / variance,
    }
    found, far = moments(activation, variance), 12 * math.sqrt(variance)
    ends = sorted(
        {-far, far, *(each for each in (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5) if abs(each) < far)}
    )
    density = 1 / math.sqrt(2 * math.pi * variance)
    for name, function in functions.items():
        parts = [
            quad(
                lambda z, f=function: float(f(np.float64(z))) * math.exp(-(z**2) / (2 * variance)),
                *pair,
                epsabs=1e-15,
                epsrel=1e-12,
                limit=200,
            )[0]
            for pair in pairwise(ends)
        ]
        assert math.isclose(
            getattr(found, name), density * sum(parts), rel_tol=1e-10, abs_tol=1e-13
        )


@pytest.mark.parametrize("activation", OTHERS, ids=repr)
def test_derivatives_in_the_variance(activation: Nonlinearity) -> None:
    """Those under the integral are those of the interpolant."""
    step = 1e-4
    for variance in (0.3, 3.0):
        up, down = moments(activation, variance + step), moments(activation, variance - step)
        found = moments(activation, variance)
        for moment, derivative in (("q", found.slope), ("m2", found.m2_slope / variance)):
            difference = (getattr(up, moment) - getattr(down, moment)) / (2 * step)
            assert math.isclose(difference, derivative, rel_tol=1e-6, abs_tol=1e-8)
        bend = (up.slope - down.slope) / (2 * step)
        assert math.isclose(bend, found.curvature / variance, rel_tol=1e-6, abs_tol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("activation", OTHERS, ids=repr)
def test_the_fast_road_and_the_promised_error(activation: Nonlinearity) -> None:
    table = moment_table(activation)
    fast = [table.q(variance) for variance in VARIANCES.tolist()]
    assert np.allclose(fast, table.at(VARIANCES).q, rtol=1e-15, atol=0)
    assert table.error < 2e-14
    one = table.at(0.3)
    assert isinstance(one, Moments)
    assert isinstance(one.q, float)


def test_a_slope_that_underflows_is_alive() -> None:
    close(moments(ELU(), np.array([1.0, 1e6, 1e10])).alive, 1)


def test_a_clipped_unit_is_alive_within() -> None:
    found = moments(Activation("max(-1, min(z, 1))"), np.array([0.01, 1.0, 100.0]))
    close(found.alive, [math.erf(1 / math.sqrt(2 * q)) for q in (0.01, 1.0, 100.0)])


def test_what_outgrows_the_density_is_refused() -> None:
    with pytest.raises(NotSolved, match="outgrows the Gaussian density"):
        moments(Activation("exp(z)"), 100.0)
    with pytest.raises(NotSolved, match="need numbers"):
        moments(LeakyReLU(), 1.0)


@pytest.mark.parametrize("formula", ["sqrt(abs(z))", "1/z", "tan(z)", "abs(z)**(4/5)"])
def test_a_slope_whose_moments_diverge_or_do_not_settle_is_refused(formula: str) -> None:
    """E |phi'|^4 of sqrt|z| and 1/z is infinite; that of |z|^(4/5) converges too slowly."""
    fix = "does not settle .*, as where the slope is infinite: give an activation of bounded slope$"
    with pytest.raises(NotSolved, match=fix):
        moments(Activation(formula), 1.0)


@pytest.mark.parametrize("formula", ["sign(z)", "max(z - 30, 0)"])
def test_a_slope_of_zero_is_refused(formula: str) -> None:
    with pytest.raises(NotSolved, match="nothing moves"):
        moments(Activation(formula), 1.0)
    with pytest.raises(NotSolved):
        critical(Activation("sign(z)"))


def test_a_tiny_odd_activation_keeps_its_moments() -> None:
    """The error of E phi = 0 is relative to E |phi|: E z^6 = 15 Q^3."""
    found = moments(Activation("z**3"), 1e-32)
    assert math.isclose(found.q, 15e-96, rel_tol=1e-12)


def test_a_variance_beyond_the_numbers_is_refused() -> None:
    with pytest.raises(NotSolved, match="leaves the range of numbers"):
        moment_table(Activation("tanh(z)")).q(0.0)


@pytest.mark.parametrize("variance", [1e4, 1e5])
def test_fast_oscillations_are_resolved(variance: float) -> None:
    """E sin^2 = (1 - exp(-2 Q))/2, and E cos^4 = 3/8 up to exp(-2 Q)."""
    found = moments(Sin(), variance)
    assert math.isclose(found.q, 0.5, rel_tol=1e-12)
    assert math.isclose(found.m2, 0.5, rel_tol=1e-12)
    assert math.isclose(found.m4, 3 / 8, rel_tol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "activation", [Sin(), Activation("sin(1000*z)"), Activation("z + sin(10**6*z)")], ids=repr
)
def test_oscillations_beyond_the_panels_are_refused(activation: Nonlinearity) -> None:
    begun = time.thread_time()
    with pytest.raises(NotSolved, match=r"oscillates too fast .* give a smaller variance"):
        moments(activation, 1e7)
    assert time.thread_time() - begun < 2


def test_few_panels_are_summed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a rule does not grow with its panels."""
    seen: list[int] = []
    sums = table._sums

    def noted(activation: Nonlinearity, edges: Any, variances: Any) -> Any:
        seen.append(len(edges) - 1)
        return sums(activation, edges, variances)

    monkeypatch.setattr(table, "_sums", noted)
    table.MomentTable(Sin()).at(3e4)
    assert max(seen) <= 128 < len(seen) * 128


@pytest.mark.slow
def test_critical_points_of_a_fast_oscillation() -> None:
    (point,) = critical(Activation("sin(300*z)")).points
    assert point.weight_variance * 300**2 == 1
