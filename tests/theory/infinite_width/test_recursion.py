"""The recursion against reference values, literal networks, exact finite-width laws and itself."""

from typing import Any

import numpy as np
import pytest
from sympy import pi

import theory
from tests.theory.infinite_width import literal_step
from theory import (
    GELU,
    MLP,
    ByGroup,
    Erf,
    GradientDescent,
    Inputs,
    InvalidArgument,
    LayerNorm,
    LeakyReLU,
    Linear,
    Momentum,
    Normalised,
    NotSolved,
    ReLU,
    RMSNorm,
    SignDescent,
    Softsign,
    Tanh,
    TrainedLayers,
    WeightDecay,
    squared_update,
)
from theory.symbols import a, ell, eta, n

CASES: list[tuple[str, dict[str, Any], int, int, Any, float]] = [
    ("erf", {"weight_variance": pi / 4}, 12, 12, GradientDescent(), 2.9936225317991),
    ("gelu", {"weight_variance": 2}, 12, 12, GradientDescent(), 43.88101261992125),
    ("relu", {"bias_variance": "1/4"}, 20, 20, GradientDescent(), 9556.3125),
    ("tanh", {"weight_variance": "9/4"}, 10, 5, GradientDescent(), 25.494493590320378),
    ("relu", {}, 16, 16, SignDescent(), 321.2016397931636),
    ("tanh", {"weight_variance": 1}, 16, 16, Normalised(), 56.810277929633855),
    ("relu", {"weight_variance": 1, "norm": RMSNorm()}, 16, 16, GradientDescent(), 2736.0),
    (
        "tanh",
        {"weight_variance": 1, "bias_variance": "1/10", "norm": LayerNorm("activation")},
        8,
        8,
        GradientDescent(),
        25.49458237368495,
    ),
]
"""The values with one input of infinite_width.json, measured at width 50,000 to 100,000."""
WRONG: Any = 3
NAMED = {"erf": Erf(), "gelu": GELU(), "relu": ReLU(), "tanh": Tanh()}


@pytest.mark.parametrize(("name", "scales", "depth", "layer", "optimiser", "value"), CASES)
def test_reference_values(
    name: str, scales: Any, depth: int, layer: int, optimiser: Any, value: float
) -> None:
    network = MLP(depth=depth, activation=NAMED[name], **scales)
    update: Any = squared_update(network, layer, optimiser=optimiser)
    assert update.infinite_width() == pytest.approx(value, rel=1e-10)
    at_any_depth: Any = squared_update(network._with(depth=None), layer, optimiser=optimiser)
    assert at_any_depth.infinite_width(depth) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("slope", ["0", "1/3", "1"])
def test_gradient_descent_agrees_with_the_closed_form_at_every_layer(slope: str) -> None:
    """The finite-width engine's limit, which shares no code with the recursion."""
    update = squared_update(MLP(activation=LeakyReLU(slope)), ell)
    law = update.law.polynomial
    values = update.infinite_width(9)
    expected = [law.subs({"ell": k, "L": 9, ell: k, theory.symbols.L: 9}) for k in range(1, 10)]
    assert values[1:] == pytest.approx([float(each) for each in expected[1:]], rel=1e-12)


@pytest.mark.parametrize(
    "rates",
    [ByGroup(2, 1, 3), TrainedLayers(3), (0, 1, 0, 2, 5), None],
    ids=str,
)
@pytest.mark.parametrize("norm2", [1, 3])
def test_rates_and_norms_agree_with_wide_finite_networks(rates: Any, norm2: int) -> None:
    """The exact value at a width of 10^9 lies within L/n of the limit."""
    network = MLP(
        10**9, 5, activation=LeakyReLU("1/5"), weight_variance="3/2", input_norm2=norm2 * 10**9
    )
    update = squared_update(network, rates=rates)
    limit = update.infinite_width()
    assert limit == pytest.approx(float(update.label.evaluate()), rel=1e-6)


def literal_mean(networks: int, **given: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(20)
    found = np.array([literal_step.moved(rng=rng, **given) for _ in range(networks)])
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(networks)


RELU, TANH, SOFTSIGN = (
    MLP(depth=4, bias_variance="0.1"),
    MLP(depth=4, activation=Tanh(), weight_variance="1.3", bias_variance="0.2"),
    MLP(depth=4, activation=Softsign(), weight_variance="1.2"),
)
CENTRED = MLP(depth=4, weight_variance="1.5", norm=LayerNorm())
STEPS: list[tuple[MLP, Any, literal_step.Update, float]] = [
    (RELU, GradientDescent(), literal_step.gradient_descent, 0.0),
    (RELU, WeightDecay(Normalised(), 2), literal_step.normalised, 2.0),
    (RELU, SignDescent(), literal_step.sign_descent(0.0), 0.0),
    (TANH, SignDescent(epsilon="0.3"), literal_step.sign_descent(0.3), 0.0),
    (TANH, Normalised(), literal_step.normalised, 0.0),
    (TANH, WeightDecay(Normalised(), 2), literal_step.normalised, 2.0),
    (SOFTSIGN, SignDescent(), literal_step.sign_descent(0.0), 0.0),
    (CENTRED, SignDescent(), literal_step.sign_descent(0.0), 0.0),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.wide
@pytest.mark.parametrize(("network", "optimiser", "update", "decay"), STEPS, ids=_name)
def test_literal_networks(
    network: MLP, optimiser: Any, update: literal_step.Update, decay: float
) -> None:
    """At width 300 within 4.5 standard errors and L/n: a false alarm in 5,000 of these 32 means."""
    exact: Any = squared_update(network, ell, optimiser=optimiser, inputs=Inputs())
    mean, error = literal_mean(
        24,
        activation=network.activation,
        width=300,
        depth=4,
        scales=(float(network.c), float(network.bias_variance)),
        update=update,
        decay=decay,
        norm=None if network.norm is None else ("weights", True),
    )
    values = exact.infinite_width()
    assert (np.abs(mean - values) <= 4.5 * error + 0.02 * values).all(), (mean, values, error)


@pytest.mark.parametrize("optimiser", [GradientDescent(), SignDescent(), Normalised()], ids=repr)
def test_one_pass_over_depths_is_the_recursion_of_each(optimiser: Any) -> None:
    network = MLP(activation=Tanh(), bias_variance="0.2", readout_variance=3)
    update: Any = squared_update(network, optimiser=optimiser, inputs=Inputs(gram=((2,),)))
    depths = range(1, 30)
    each = [update.infinite_width(depth) for depth in depths]
    assert update.infinite_width(depths) == pytest.approx(each, rel=1e-12)


def test_multiples_and_decay() -> None:
    """E is quadratic in the step; decay of a critical ReLU network moves z by L times its rate."""
    network = MLP(depth=7)
    plain: Any = squared_update(network, optimiser=Normalised()).value
    assert squared_update(network, optimiser=Normalised(3)).value == pytest.approx(9 * plain)
    momentum: Any = squared_update(network, optimiser=Momentum("0.9", nesterov=True))
    assert momentum.value == pytest.approx(1.9**2 * squared_update(network).infinite_width())
    decayed: Any = squared_update(network, optimiser=WeightDecay(Normalised(), "1/2"))
    assert decayed.value == pytest.approx(plain + 0.25 * 7**2 * 2)


@pytest.mark.slow
@pytest.mark.parametrize("activation", [Tanh(), GELU()])
def test_epsilon_interpolates_between_signs_and_gradients(activation: Any) -> None:
    """Epsilon 0 is the sign; a large epsilon makes the step the gradient's over epsilon."""
    network = MLP(depth=5, activation=activation, weight_variance=2, bias_variance="0.1")

    def value(optimiser: Any) -> float:
        return float(squared_update(network, optimiser=optimiser).infinite_width())

    assert value(SignDescent(epsilon="1e-7")) == pytest.approx(value(SignDescent()), rel=1e-5)
    large = value(SignDescent(epsilon=10**7)) * 10**14
    assert large == pytest.approx(value(GradientDescent()), rel=1e-5)


def test_numbers_of_sign_descent_hold_the_width() -> None:
    """At depth 1, |Delta z| = eta |x|_1 = 64 eta for each of the neurons whose slope is 1."""
    rule = SignDescent()
    update: Any = squared_update(MLP(64, 1), optimiser=rule)
    assert float(update) == update() == update.value == pytest.approx(64**2 / 2)
    assert update.infinite_width() == pytest.approx(1 / 2)
    assert squared_update(MLP(64), optimiser=rule)(L=1) == pytest.approx(64**2 / 2)
    rate = theory.maximal_learning_rate(MLP(64, 1), optimiser=rule)
    assert float(rate) == rate() == pytest.approx(2**0.5 / 64)
    assert f"{rate:.3f}" == "0.022"
    blocks = theory.maximal_learning_rate(theory.Residual(64, 4), optimiser=rule)
    assert float(blocks) == blocks.infinite_width() / 64
    open_width: Any = squared_update(MLP(depth=1), optimiser=rule)
    with pytest.raises(InvalidArgument, match=r"or MLP\(width=64\), or call infin"):
        float(open_width)


def test_norms_are_invariant_under_the_scale_that_they_divide_by() -> None:
    """A linear network behind RMSNorm has unit q and chi, where E is the sum of l^2."""
    value = squared_update(
        MLP(depth=6, activation=Linear(), norm=RMSNorm(), weight_variance=1), ell
    ).infinite_width()
    squares = np.cumsum(np.arange(1, 7) ** 2)
    assert value == pytest.approx(squares, rel=1e-12)


def test_layer_norm_subtracts_the_mean() -> None:
    """Var relu(N(0, 1)) = (1 - 1/pi)/2."""
    network = MLP(depth=3, norm=LayerNorm(), weight_variance=1)
    chi = 0.5 / (0.5 - 0.5 / np.pi)
    found: Any = squared_update(network, ell)
    variance, kurtosis = 0.5 - 0.5 / np.pi, 2.0
    m2 = 0.5 / variance
    a = [1.0, 1 + chi, 1 + chi * (1 + chi)]
    fresh = [0.0]
    for k in range(2):
        fresh.append(a[k] ** 2 * kurtosis * m2**2 * chi ** (2 - k) + m2 * fresh[k])
    expected = [a[k] ** 2 * m2 * chi ** (2 - k) + fresh[k] for k in range(3)]
    assert found.infinite_width() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: squared_update(MLP(), optimiser=WRONG), "GradientDescent()"),
        (lambda: squared_update(MLP(), inputs=WRONG), "Inputs(...)"),
        (lambda: squared_update(MLP((4, 8)), optimiser=Normalised()), "one width"),
        (
            lambda: squared_update(theory.Residual(), optimiser=Normalised(), step=1),
            "Conditioned()",
        ),
        (lambda: squared_update(theory.Graph({"a": ("x",)}, readout="a"), step=1), "MLP"),
        (lambda: squared_update(MLP(), step=1, optimiser=Normalised()), "gradient descent"),
        (lambda: Inputs(gram=((1, 0), (0, 1))), "one input"),
        (lambda: Inputs(norm1=2), "norm1"),
        (lambda: Inputs(norm1=n), "norm1=n (Symbol)"),
        (lambda: Inputs(gram=((n,),)), "gram=n (Symbol)"),
        (lambda: Normalised(n), "scale=n (Symbol)"),
        (lambda: squared_update(MLP(depth=3), step=eta), "step=eta (Symbol)"),
        (lambda: squared_update(MLP(depth=3), step=n), "step=n (Symbol)"),
        (lambda: Inputs(probe=1), "probe"),
        (lambda: squared_update(MLP(activation=Tanh())).law, "depth_law"),
        (lambda: squared_update(MLP(activation=Tanh())).infinite_width(0), "depth"),
        (lambda: squared_update(MLP(activation=Tanh())).infinite_width(), "open size L"),
        (lambda: squared_update(MLP(depth=3, activation=Tanh())).infinite_width(4), "depth 3"),
        (lambda: squared_update(MLP(depth=3, activation=Tanh()), ell).leading(), "all 3 layers"),
        (
            lambda: squared_update(MLP(depth=3), ell, optimiser=SignDescent()).latex(),
            "all 3 layers",
        ),
        (lambda: Momentum(1), "beta"),
        (lambda: SignDescent(-1), "epsilon"),
        (lambda: WeightDecay(WeightDecay(Normalised(), 1), 1), "without weight decay"),
        (lambda: WeightDecay(WRONG, 1), "optimiser"),
    ],
)
def test_refusals_are_one_sentence(call: Any, said: str) -> None:
    with pytest.raises((InvalidArgument, NotSolved)) as refusal:
        call()
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_open_slope_is_refused_by_its_name() -> None:
    with pytest.raises(NotSolved, match=r"a slope in numbers, .* as in LeakyReLU\('1/2'\)$"):
        squared_update(MLP(activation=LeakyReLU(), norm=RMSNorm()))
    with pytest.raises(NotSolved, match="needs scales in numbers"):
        squared_update(MLP(activation=Tanh(), weight_variance=a))


def test_two_sizes_by_place_are_refused() -> None:
    """Values at finite width read them as width and depth."""
    update: Any = squared_update(MLP(activation=Tanh()))
    for value in (update, theory.layer_rates(MLP(activation=Tanh()))):
        with pytest.raises(InvalidArgument, match=r"got 64, 8; give n=64, L=8$"):
            value.at(64, 8)
    assert update.at(8).value == update.at(n=64, L=8).value
