"""Real steps at infinite width: closed forms against quadrature, literal networks, and laws."""

from typing import Any

import numpy as np
import pytest
from sympy import Rational, log, pi, sqrt

from tests.theory.infinite_width import literal_step
from theory import (
    ELU,
    GELU,
    MLP,
    Activation,
    Convolution,
    EveryHiddenLayer,
    GradientDescent,
    InvalidArgument,
    LastLayer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MeanOverLayers,
    Momentum,
    NotSolved,
    Relative,
    ReLU,
    Residual,
    RMSNorm,
    Softsign,
    Tanh,
    maximal_learning_rate,
    squared_update,
)
from theory.activations.nonlinearity import Nonlinearity, z
from theory.infinite_width import real_steps
from theory.symbols import L, ell

HALVES: dict[str, Nonlinearity] = {
    "1, 0": ReLU(),
    "1, 1/5": LeakyReLU("1/5"),
    "1, -1": Activation("abs(z)"),
    "-1/2, 3/2": Activation("z/2 - abs(z)"),
}


def real(network: Any, step: object, layer: object = ell, **given: Any) -> Any:
    return squared_update(network, layer, step=step, **given)


@pytest.mark.wide
@pytest.mark.parametrize("step", ["1/100", "1/2", "4"])
@pytest.mark.parametrize("norm", [None, LayerNorm()], ids=str)
@pytest.mark.parametrize("slopes", list(HALVES))
def test_half_planes_agree_with_quadrature(slopes: str, step: str, norm: Any) -> None:
    """The same function once in closed form, once by quadrature between kinks."""
    activation = HALVES[slopes]
    scales: dict[str, Any] = {"weight_variance": "1.7", "bias_variance": "0.1", "norm": norm}
    closed = real(MLP(depth=6, activation=activation, **scales), step).infinite_width()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_steps, "half_line_slopes", lambda _: None)
        integrated = real(MLP(depth=6, activation=activation, **scales), step).infinite_width()
    assert not np.array_equal(integrated, closed)
    assert integrated == pytest.approx(closed, rel=1e-8)


def test_formulas_of_named_activations_are_these() -> None:
    """So that the exact engine and every sampler read them."""
    assert MLP(4, 2, activation=Activation("max(z, 0)")) == MLP(4, 2)
    assert Residual(activation=Activation("z")) == Residual(activation=Linear())
    written: Any = Activation("max(z, z/5)")
    leaky = Convolution(4, 3, 2, 2, activation=written).activation
    assert leaky == LeakyReLU("1/5")
    assert MLP(activation=Activation("max(z, 0) + 2*min(z, 0)")).activation.slope_formula.has(z)


NETWORKS = [
    MLP(depth=5),
    MLP(depth=5, activation=LeakyReLU("1/3"), weight_variance=1),
    MLP(depth=5, activation=Tanh(), bias_variance="0.3"),
    MLP(depth=5, activation=Softsign()),
    MLP(depth=5, activation=GELU(), weight_variance="1.9", bias_variance="0.2"),
    MLP(depth=5, norm=RMSNorm()),
    MLP(depth=5, norm=LayerNorm()),
    MLP(depth=5, activation=Tanh(), norm=LayerNorm(), weight_variance=2),
    MLP(depth=5, activation=Activation("abs(z) + z**2/8"), norm=LayerNorm(), weight_variance=1),
    MLP(depth=5, activation=Tanh(), norm=RMSNorm("activation"), bias_variance="0.2"),
    MLP(depth=5, norm=LayerNorm("activation"), bias_variance="0.2"),
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_small_steps_are_linearised_steps(network: MLP) -> None:
    linearised: Any = squared_update(network, ell)
    values = linearised.infinite_width()
    assert real(network, "1e-6").infinite_width() == pytest.approx(values, rel=1e-3)
    twice = real(network, "1e-6", optimiser=Momentum("0.9", nesterov=True)).infinite_width()
    assert twice == pytest.approx(1.9**2 * values, rel=1e-3)


@pytest.mark.wide
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_literal_networks_take_real_steps(network: MLP) -> None:
    """At width 300 within 4.5 standard errors and L/n: a false alarm in 2,000 of these 55 means."""
    rng, norm = np.random.default_rng(5), network.norm
    found = np.array([
        literal_step.moved(
            network.activation,
            300,
            5,
            (float(network.c), float(network.bias_variance)),
            literal_step.gradient_descent,
            rng,
            step=1.0,
            norm=None if norm is None else (norm.before, isinstance(norm, LayerNorm)),
        )
        for _ in range(24)
    ])  # fmt: skip
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))
    values = real(network, 1).infinite_width()
    assert (np.abs(mean - values) <= 4.5 * error + 0.02 * values).all(), (mean, values, error)


@pytest.mark.parametrize(("depth", "moved"), [(16, 0.323), (64, 0.0785)])
def test_a_deep_network_moves_less_at_the_linearised_rate(depth: int, moved: float) -> None:
    rate = maximal_learning_rate(MLP(), criterion=Relative(bound="1/2")).infinite_width(depth)
    assert rate == pytest.approx((6 / (2 * depth**3 + depth)) ** 0.5, rel=1e-12)
    step = real(MLP(depth=depth), float(rate), None)
    assert step.infinite_width() * rate**2 == pytest.approx(moved, abs=5e-4)


@pytest.mark.slow
def test_the_binding_layer_and_its_rate() -> None:
    """Tanh at Q* = 0: layer 2 binds and the rate grows as sqrt(L); at the stable edge layer 10."""
    rate = maximal_learning_rate(MLP(activation=Tanh()), linearised=False)
    assert rate.infinite_width([16, 32, 64]) == pytest.approx([4.2253, 5.9763, 8.4704], rel=1e-4)
    assert rate.binding_layer(64) == 2
    for depth in (16, 64):
        u = real(MLP(depth=depth, activation=Tanh()), rate.infinite_width(depth))
        moved = u.infinite_width() * rate.infinite_width(depth) ** 2
        assert moved.max() == pytest.approx(1, rel=1e-9)
        assert moved.argmax() == 1


def test_criteria_of_real_steps() -> None:
    network = MLP(depth=12)
    rates = [
        maximal_learning_rate(network, criterion=criterion, linearised=False).value
        for criterion in (
            EveryHiddenLayer(),
            LastLayer(),
            Relative(bound="1/2"),
            MeanOverLayers(),
            EveryHiddenLayer(bound=4),
        )
    ]
    assert rates[0] == pytest.approx(rates[1], rel=1e-9) == pytest.approx(rates[2], rel=1e-9)
    assert rates[3] > rates[0] < rates[4]


def test_the_range_of_rates_of_the_linearised_value() -> None:
    update = squared_update(MLP(activation=Tanh()))
    rate = update.linearised_up_to("0.05", 8)
    linearised = update.infinite_width(8)
    for factor, inside in ((0.99, True), (1.01, False)):
        value = real(MLP(depth=8, activation=Tanh()), factor * rate, None).infinite_width()
        assert (abs(value / linearised - 1) < 0.05) is inside


@pytest.mark.slow
def test_the_law_of_relu() -> None:
    """The closed form; and the recursion at 2^9 to 2^15 layers, extrapolated in L^(-1/3)."""
    rate = maximal_learning_rate(MLP(), linearised=False)
    law = rate.leading()
    expected = (3 * pi * log(1 + 1 / sqrt(2)) / (3 * pi**3 / 4) ** Rational(3, 5)) ** Rational(5, 6)
    assert float(law.subs(L, 1)) == pytest.approx(float(expected), rel=1e-14)
    depths = 2 ** np.arange(9, 16, 2)
    constants = np.array([rate.infinite_width(int(d)) * d ** (5 / 6) for d in depths])
    powers = np.vander(depths ** (-1 / 3), increasing=True)
    assert np.linalg.solve(powers, constants)[0] == pytest.approx(float(expected), rel=2e-3)
    wrong = constants * depths ** (3 / 2 - 5 / 6)
    assert wrong[-1] / wrong[0] > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slope", "square", "bound"),
    [
        ("0", 2, "1/2"),
        pytest.param("1/5", 1, 1, marks=pytest.mark.slow),
        pytest.param("1/2", 1, 1, marks=pytest.mark.slow),
        pytest.param("1/10", 1, 4, marks=pytest.mark.slow),
    ],
)
def test_the_law_of_leaky_slopes_inputs_and_bounds(slope: str, square: int, bound: object) -> None:
    """The ratio of rate and law tends to 1 as 1 + a L^(-1/3) + b L^(-2/3)."""
    network = MLP(activation=LeakyReLU(slope), width=2, input_norm2=2 * square)
    rate: Any = maximal_learning_rate(network, criterion=EveryHiddenLayer(bound), linearised=False)
    depths = 2 ** np.array([10, 12, 14])
    law = np.array([float(rate.leading().subs(L, int(d))) for d in depths])
    ratios = np.array([rate.infinite_width(int(d)) for d in depths]) / law
    powers = np.vander(depths ** (-1 / 3), increasing=True)
    assert np.linalg.solve(powers, ratios)[0] == pytest.approx(1, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula",
    ["abs(z)", *(pytest.param(f, marks=pytest.mark.slow) for f in ("z/2 - abs(z)", "min(z, 0)"))],
)
def test_the_law_of_slopes_of_any_sign_and_size(formula: str) -> None:
    """The same extrapolation; min(z, 0) mirrors ReLU and has its law."""
    rate: Any = maximal_learning_rate(MLP(activation=Activation(formula)), linearised=False)
    depths = 2 ** np.array([10, 12, 14])
    law = np.array([float(rate.leading().subs(L, int(d))) for d in depths])
    ratios = np.array([rate.infinite_width(int(d)) for d in depths]) / law
    powers = np.vander(depths ** (-1 / 3), increasing=True)
    assert np.linalg.solve(powers, ratios)[0] == pytest.approx(1, abs=0.02)
    mirrored = maximal_learning_rate(MLP(), linearised=False).leading()
    assert rate.leading().equals(mirrored) is (formula == "min(z, 0)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "step"),
    [
        (MLP(activation=Tanh(), bias_variance="0.1"), "0.5"),
        pytest.param(MLP(activation=Tanh()), "3", marks=pytest.mark.slow),
        pytest.param(MLP(activation=Softsign()), "1", marks=pytest.mark.slow),
        pytest.param(MLP(activation=ELU()), "0.01", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_polynomials_deep_in_a_network_are_the_quadrature(
    network: MLP, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth, counted = 8000, [0]
    exact = real_steps._Quadrature.__call__

    def counting(self: Any, *given: float) -> Any:
        counted[0] += 1
        return exact(self, *given)

    monkeypatch.setattr(real_steps._Quadrature, "__call__", counting)
    followed = real(network, step).infinite_width(depth)
    assert counted[0] < 0.75 * depth
    monkeypatch.setattr(real_steps, "_Followed", lambda pair: pair)
    assert followed == pytest.approx(real(network, step).infinite_width(depth), rel=1e-6)


@pytest.mark.slow
def test_the_law_where_one_layer_binds() -> None:
    """The constant from shallow layers and the gradient's norm, against 4096 layers."""
    vanishing = maximal_learning_rate(MLP(activation=Tanh()), linearised=False)
    law = vanishing.leading()
    assert law.as_coeff_exponent(L)[1] == Rational(1, 2)
    depth = 1024
    assert vanishing.infinite_width(depth) == pytest.approx(float(law.subs(L, depth)), rel=0.01)


def test_what_has_no_law() -> None:
    for network in (MLP(activation=Linear()), MLP(bias_variance=1), MLP(weight_variance=1)):
        with pytest.raises(NotSolved):
            maximal_learning_rate(network, linearised=False).leading()
    assert "real step" in repr(maximal_learning_rate(MLP(bias_variance=1), linearised=False))
    assert "real step" in repr(real(MLP(depth=3), 1, None, optimiser=GradientDescent()))


def test_what_leaves_the_range_of_numbers_is_refused() -> None:
    for step, depth in ((1e300, 5), ("0.1", 10**5)):
        with pytest.raises(NotSolved, match="leaves the range of numbers"):
            squared_update(MLP(), step=step).infinite_width(depth)


def test_one_depth_and_at_most_a_million_layers() -> None:
    with pytest.raises(InvalidArgument, match="expected one depth"):
        squared_update(MLP(activation=Tanh())).linearised_up_to("0.1", [10, 20])
    with pytest.raises(InvalidArgument, match="at most 1,000,000 layers"):
        squared_update(MLP(depth=2 * 10**6, activation=Tanh())).infinite_width()


def test_a_format_reads_the_number() -> None:
    """As for values at finite width."""
    network = MLP(depth=3, activation=Tanh())
    for value in (squared_update(network), maximal_learning_rate(network)):
        assert f"{value:.3f}" == f"{float(value):.3f}"
        assert f"{value}" == repr(value)
    with pytest.raises(InvalidArgument, match="expected one number, got the 3 layers"):
        float(squared_update(network, ell))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "variance"),
    [
        (Tanh(), 10**4),
        (GELU(), 10**3),
    ],
    ids=repr,
)
def test_what_the_rule_does_not_resolve_is_refused(activation: Any, variance: int) -> None:
    """At a small rate the real step would be up to 19 times the linearised one."""
    network = MLP(activation=activation, weight_variance=variance)
    with pytest.raises(NotSolved, match=r"varies too fast for a real step at a variance of"):
        squared_update(network, step="1/1000000").infinite_width(3)


@pytest.mark.parametrize("variance", [1, 2, 4])
@pytest.mark.parametrize(
    "activation", [Tanh(), GELU(), Softsign(), Activation("z + sin(10*z)/10")], ids=repr
)
def test_a_small_real_step_is_the_linearised_one(activation: Any, variance: int) -> None:
    network = MLP(activation=activation, weight_variance=variance)
    linearised = squared_update(network).infinite_width(3)
    real = squared_update(network, step=1e-9).infinite_width(3)
    assert real == pytest.approx(linearised, rel=1e-3)


def test_large_steps_of_tanh_in_the_second_layer() -> None:
    """E (z' - z)^2/rate^2 by trapezoidal rules in z, and in z' given z, with steps far below the
    scale of tanh.  z' given z spreads over 10 times this scale: a rule of fixed steps is 5 % off.
    """
    update = squared_update(MLP(depth=3, activation=Tanh(), weight_variance="1.5"), 2, step=10)
    assert update.infinite_width(3) == pytest.approx(_second_layer(1.5, 10.0), rel=1e-9)


def test_a_step_too_large_for_the_rules_is_refused() -> None:
    update = squared_update(MLP(depth=3, activation=Tanh(), weight_variance="1.5"), step=1000)
    with pytest.raises(NotSolved, match="a smaller step"):
        update.infinite_width(3)


def _second_layer(weight_variance: float, rate: float) -> float:
    z, step = np.linspace(-12, 12, 601, retstep=True)
    slope = 1 / np.cosh(z) ** 2

    def weights(variance: float) -> Any:
        return np.exp(-(z**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance) * step

    variances = [weight_variance]
    for _ in range(2):
        square = weights(variances[-1]) @ np.tanh(z) ** 2
        variances.append(weight_variance * float(square))
    m2 = [float(weights(each) @ slope**2) for each in variances]
    second = weight_variance * m2[2]
    first = weight_variance * m2[1] * second
    u, fine = np.linspace(-9, 9, 801, retstep=True)
    gauss = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * fine
    moved = np.tanh(z[:, None] + rate * slope[:, None] * np.sqrt(first) * u)
    w = weights(variances[0])
    along, square, slopes = (
        w
        @ np.array(
            [np.tanh(z) * (moved @ gauss), moved**2 @ gauss, slope * ((1 - moved**2) @ gauss)]
        ).T
    )
    aligned = rate * (along + weight_variance * slopes)
    after = variances[1] + weight_variance * (square - 2 * along)
    return float(after + aligned**2 * m2[1] * second) / rate**2
