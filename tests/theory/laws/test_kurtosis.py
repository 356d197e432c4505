"""Limits in the mask's kurtosis: the slope's own formulas, and a linear network by hand."""

import pytest
from sympy import Expr, Rational, exp, simplify

from theory import MLP, LeakyReLU, Linear, NotSolved, ReLU, SquaredUpdate, squared_update
from theory.laws.kurtosis import joint_limit_in_kurtosis, m_2, width_series_in_kurtosis
from theory.symbols import L, a, c, eta, kappa, n, t

GENERAL = squared_update(MLP(activation=LeakyReLU()))
PARTS = {"label": GENERAL.label, "output": GENERAL.output, "total": GENERAL}


def at_slope(expression: Expr, slope: Expr) -> Expr:
    values = {kappa: 2 * (1 + slope**4) / (1 + slope**2) ** 2, m_2: (1 + slope**2) / 2}
    return expression.subs(values)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        PARTS["output"],
        *(pytest.param(PARTS[name], marks=pytest.mark.slow) for name in ("label", "total")),
    ],
    ids=["output", "label", "total"],
)
def test_the_series_is_that_of_every_slope(part: SquaredUpdate) -> None:
    found = width_series_in_kurtosis(part, 2)
    for one, other in zip(found, part.width_series(2), strict=True):
        assert simplify(at_slope(one, a) - other) == 0
    for activation in (ReLU(), Linear(), LeakyReLU("3/7")):
        update = squared_update(MLP(activation=activation))
        own = {"label": update.label, "output": update.output, "total": update}
        name = next(name for name, each in PARTS.items() if each == part)
        for one, other in zip(found, own[name].width_series(2), strict=True):
            assert (at_slope(one, activation.slope) - other).expand() == 0


@pytest.mark.wide
@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("slope", [Rational(0), Rational(3, 7), Rational(1)])
def test_the_joint_limit_is_that_of_every_slope(part: SquaredUpdate, slope: Rational) -> None:
    found = at_slope(joint_limit_in_kurtosis(part), slope)
    difference = found - part.joint_limit().subs({a: slope, eta: 1})
    assert simplify(difference.expand()) == 0


def test_a_linear_network_by_hand() -> None:
    # All L^2 pairs of layers k, k', each worth min(k, k'): the sum of the squares up to L.
    (law,) = width_series_in_kurtosis(GENERAL.label, 0)
    assert (at_slope(law, Rational(1)) - L * (L + 1) * (2 * L + 1) / 6).expand() == 0


def test_the_exponents() -> None:
    expected = {
        "label": {-t, (3 * kappa - 1) * t},
        "output": {(4 * kappa - 3) * t, (9 * kappa - 3) * t},
    }
    for name, exponents in expected.items():
        found = {each.args[0].expand() for each in joint_limit_in_kurtosis(PARTS[name]).atoms(exp)}
        assert found == {each.expand() for each in exponents}


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (MLP(), "slope and the width as symbols"),
        (MLP(7, activation=LeakyReLU()), "slope and the width as symbols"),
        (MLP(activation=LeakyReLU(), weight_variance=c), "critical weight variance"),
    ],
)
def test_what_has_no_form_in_the_kurtosis(network: MLP, says: str) -> None:
    for form in (joint_limit_in_kurtosis, lambda update: width_series_in_kurtosis(update, 1)):
        with pytest.raises(NotSolved, match=says):
            form(squared_update(network).label)


def test_the_width_stands_in_front() -> None:
    assert joint_limit_in_kurtosis(PARTS["total"]).as_independent(n)[1] == n**3
