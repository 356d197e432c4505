"""Laws in the depth: two roads to every constant, the expansion and a recursion to 10^5 layers.

The recursion here shares no code with `theory`: moments come from Gauss-Legendre rules on
three panels of each half-line, and its sums go from the top down.
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from mpmath import besselk, inf, quad
from sympy import Expr, log, pi, sqrt
from sympy import Rational as R

from theory import (
    ELU,
    GELU,
    MLP,
    Activation,
    GradientDescent,
    LayerNorm,
    LeakyReLU,
    Linear,
    Mish,
    Momentum,
    Normalised,
    NotSolved,
    ReLU,
    RMSNorm,
    SignDescent,
    SiLU,
    Softsign,
    Tanh,
    WeightDecay,
    critical,
    squared_update,
)
from theory.activations.nonlinearity import Nonlinearity
from theory.infinite_width.laws import DepthLaw, depth_law
from theory.networks.inputs import Inputs
from theory.optimisers import Optimiser
from theory.symbols import L, n

STEEP = Activation("z/(1 + z**4)**(1/4)")
OPTIMISERS: list[Optimiser] = [GradientDescent(), Normalised(), SignDescent()]
CLOSED: list[tuple[MLP, tuple[Expr, Expr, Expr]]] = [
    (MLP(), (L**3 / 3, 2 * L**3 / 3, 2 * L**3 / (3 * pi**2))),
    (MLP(activation=Linear()), (L**3 / 3, L**3 / 3, 4 * L**3 / (3 * pi**2))),
    (MLP(bias_variance="1/4"), (L**5 / 1280, L**4 / 36, L**4 / (36 * pi**2))),
    (MLP(activation=Tanh()), (L / 12, L**2 / 6, 2 * L**2 / (3 * pi**2))),
    (MLP(activation=Softsign()), (pi**2 / (192 * L), pi * L / 24, L / (6 * pi))),
    (
        MLP(activation=STEEP),
        (
            L**2 / 45,
            sqrt(15) * L ** R(5, 2) / 45,
            4 * sqrt(15) * L ** R(5, 2) / (45 * pi**2),
        ),
    ),
]
"""Found before and apart from this code, at |x|^2 = n."""


@pytest.mark.slow
@pytest.mark.parametrize(("network", "laws"), CLOSED, ids=lambda each: str(each)[:40])
def test_closed_forms(network: MLP, laws: tuple[Expr, Expr, Expr]) -> None:
    for optimiser, law in zip(OPTIMISERS, laws, strict=True):
        power = 2 if isinstance(optimiser, SignDescent) else 0
        found = depth_law(network, optimiser)
        assert (found.leading - law * n**power).equals(0)
        assert (found.error, found.kind, found.base) == (0, "power", 1)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(30)
PANELS = [(0.0, 0.6), (0.6, 2.6), (2.6, 9.0)]
POSITIVE = np.concatenate([(b - a) / 2 * NODES + (a + b) / 2 for a, b in PANELS])
SHARES = np.concatenate([(b - a) / 2 * WEIGHTS for a, b in PANELS])
GRID = np.concatenate([-POSITIVE, POSITIVE])
DENSITY = np.tile(SHARES, 2) * np.exp(-(GRID**2) / 2) / math.sqrt(2 * math.pi)


@lru_cache(maxsize=1)
def layers_by_hand(network: MLP, square: float, depth: int) -> tuple[Any, ...]:
    """q below, |x|_1 below, m_1 to m_4, P(alive), and chi of every layer."""
    activation, c, b = network.activation, float(network.c), float(network.bias_variance)
    variances = [c * square + b]
    for _ in range(depth - 1):
        phi = activation.value(math.sqrt(variances[-1]) * GRID)
        variances.append(c * float(DENSITY @ (phi * phi)) + b)
    z = np.sqrt(np.array(variances))[:, None] * GRID
    phi, slope = activation.value(z), np.abs(activation.derivative(z))
    powers = [slope, slope**2, slope**3, slope**4, slope > 0]
    m1, m2, m3, m4, alive = (power @ DENSITY for power in powers)
    q = np.concatenate([[square], (phi**2 @ DENSITY)[:-1]])
    q1 = np.concatenate([[math.sqrt(square)], (np.abs(phi) @ DENSITY)[:-1]])
    return q, q1, m1, m2, m3, m4, alive, c * m2


def moved_by_hand(network: MLP, optimiser: Optimiser, layers: tuple[Any, ...], depth: int) -> float:
    """The logarithm of E at the last of ``depth`` layers, from the top down."""
    wide = (each[:depth].astype(np.longdouble) for each in layers)  # of exponents beyond a float's
    q, q1, m1, m2, m3, m4, alive, chi = wide
    # log tau^2 of h: chi of all layers above
    tau2 = np.concatenate([np.cumsum(np.log(chi[:0:-1]))[::-1], [0.0]])
    gauss = math.sqrt(2 / math.pi)
    if isinstance(optimiser, SignDescent):
        flat, mixed, square = q1 * m1 * gauss, q1 * m3 * gauss, q1**2
        own2, down2, gamma = square * alive, square * m2, 0.5
    else:
        gamma = 0.5 if isinstance(optimiser, Normalised) else 0.0
        alpha = np.sqrt(q / m2) if gamma else q
        flat, mixed, own2, down2 = alpha * m2, alpha * m4, alpha**2 * m2, alpha**2 * m4
    scale = np.exp(tau2)
    flat, mixed = flat * scale ** (1 - gamma), mixed * scale ** (1 - gamma)
    own2, down2 = own2 * scale ** (1 - 2 * gamma), down2 * scale ** (1 - 2 * gamma)
    carried = np.concatenate([[0.0], np.cumsum(flat)[:-1]]) / (m2 * scale)
    scattered = down2 + 2 * carried * mixed + carried**2 * m4 * scale
    c = chi[0] / m2[0]
    onwards = c * np.exp(np.append(tau2[1:], 0.0)[:-1] - tau2[-1])
    total = own2[-1] + 2 * carried[-1] * flat[-1] + carried[-1] ** 2 * m2[-1] * scale[-1]
    total += np.sum(scattered[:-1] * onwards)
    return float(np.log(total))


def extrapolated(
    network: MLP, optimiser: Optimiser, law: DepthLaw, depth: int, square: float = 1.0
) -> float:
    """E over the law as the depth grows: corrections of (a log L + b)/L cancel."""
    ratios = ratios_to(network, optimiser, law, (depth // 4, depth // 2, depth), square)
    return ratios[0] - 4 * ratios[1] + 4 * ratios[2]


def after_the_law(network: MLP, optimiser: Optimiser, depth: int) -> float:
    """E less its law, over the next order.  Beside a/L stands b/L^2, and beside a log(L)/L b/L;
    both b cancel."""
    law = depth_law(network, optimiser)
    depths = (depth // 4, depth)
    term = law.next_order.subs(n, 1)
    orders = [float((term / law.leading.subs(n, 1)).subs(L, each).evalf(30)) for each in depths]
    ratios = ratios_to(network, optimiser, law, depths, 1.0)
    found = [(ratio - 1) / each for ratio, each in zip(ratios, orders, strict=True)]
    weights = [math.log(each) if term.has(log) else float(each) for each in depths]
    return float(np.dot(weights, np.multiply([-1, 1], found)) / (weights[1] - weights[0]))


NEXT: list[tuple[MLP, tuple[Expr, Expr, Expr]]] = [
    (MLP(), (L / 6, L / 3, 2 * (sqrt(pi) - 1) * L**2 / pi**2)),
    (
        MLP(activation=Linear()),
        (L**2 / 2, L**2 / 2, 2 * (sqrt(2 * pi) - 1) * L**2 / pi**2),
    ),
    (
        MLP(bias_variance="1/4"),
        (15 * L**4 / 512, 5 * L**3 / 6, 5 * L**3 / (6 * pi**2)),
    ),
    (
        MLP(activation=Tanh()),
        (11 * log(L) / 72, 11 * L * log(L) / 72, 17 * L * log(L) / (18 * pi**2)),
    ),
    (
        MLP(activation=Softsign()),
        (
            pi**2 * (21 * pi / 8 - 6) * log(L) / (192 * L**2),
            pi * (21 * pi / 16 - 3) * log(L) / 24,
            3 * log(L) / 32,
        ),
    ),
    (
        MLP(activation=STEEP),
        (
            19 * L * log(L) / 225,
            19 * sqrt(15) * L ** R(3, 2) * log(L) / 450,
            sqrt(15) * L ** R(3, 2) * log(L) / (5 * pi**2),
        ),
    ),
]


@pytest.mark.wide
@pytest.mark.parametrize(("network", "terms"), NEXT, ids=lambda each: str(each)[:40])
def test_closed_forms_of_the_next_order(network: MLP, terms: tuple[Expr, Expr, Expr]) -> None:
    for optimiser, term in zip(OPTIMISERS, terms, strict=True):
        power = 2 if isinstance(optimiser, SignDescent) else 0
        found = depth_law(network, optimiser).next_order
        assert (found - term * n**power).equals(0), (optimiser, found)


DEEP_NEXT: list[tuple[MLP, int, float]] = [
    (MLP(activation=LeakyReLU("0.3")), 8000, 1e-5),
    (MLP(activation=Activation("z/2 - abs(z)")), 8000, 1e-5),
    (MLP(activation=Tanh(), bias_variance="0.1"), 2000, 1e-4),
    (MLP(bias_variance="1/4"), 100_000, 0.02),  # beside it stands L^(-1/2)
    (MLP(activation=Tanh()), 100_000, 0.01),
    (MLP(activation=Softsign()), 100_000, 0.01),
    (MLP(activation=STEEP), 100_000, 0.02),
    (MLP(activation=ELU()), 100_000, 0.03),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "depth", "within"),
    [pytest.param(*each, marks=pytest.mark.slow if each[1] > 8000 else ()) for each in DEEP_NEXT],
    ids=lambda each: str(each)[:40],
)
def test_the_recursion_tends_to_the_next_order(network: MLP, depth: int, within: float) -> None:
    for optimiser in OPTIMISERS:
        found = after_the_law(network, optimiser, depth)
        assert math.isclose(found, 1, rel_tol=within), (optimiser, found)


def test_the_next_order_completes_relu_and_reads_the_input_width() -> None:
    """ReLU: E is L^3/3 + L/6 exactly; twice as many inputs move layer 1 twice as much."""
    u = squared_update(MLP(), optimiser=GradientDescent(), inputs=Inputs())
    both = u.depth_law.leading + u.depth_law.next_order
    assert u.infinite_width(7) == pytest.approx(float(both.subs(L, 7)), rel=1e-12)
    wide = MLP(width=4, input_width=8, input_norm2=8)
    assert depth_law(wide).next_order == L**2


@pytest.mark.wide
@pytest.mark.parametrize(
    ("network", "optimiser", "why"),
    [
        (MLP(weight_variance=1), None, "neither grow nor fade"),
        (MLP(activation=Activation("tanh(z) + z**2/10")), None, "first layers"),
        (MLP(activation=Activation("z/(1 + z**2 + abs(z)**3)")), None, "by powers"),
        (MLP(), WeightDecay(GradientDescent(), 1), "without weight decay"),
    ],
)
def test_where_no_next_order_is_known(network: MLP, optimiser: Optimiser | None, why: str) -> None:
    with pytest.raises(NotSolved, match=why):
        depth_law(network, optimiser).next_order  # noqa: B018


def in_powers(network: MLP, optimiser: Optimiser, law: DepthLaw, depth: int) -> float:
    """The same where corrections are in 1/L, 1/L^2 and 1/L^3."""
    first, second, third, last = ratios_to(
        network, optimiser, law, (depth // 8, depth // 4, depth // 2, depth), 1.0
    )
    return (64 * last - 56 * third + 14 * second - first) / 21


def ratios_to(
    network: MLP, optimiser: Optimiser, law: DepthLaw, depths: tuple[int, ...], square: float
) -> list[float]:
    """E over the law."""
    layers = layers_by_hand(network, square, depths[-1])
    ratios = []
    for part in depths:
        size = math.log(float(law.constant)) + float(law.exponent) * math.log(part)
        size += part * math.log(float(law.base))
        ratios.append(math.exp(moved_by_hand(network, optimiser, layers, part) - size))
    return ratios


def assert_mean_square_of_z(network: MLP, law: DepthLaw, depth: int) -> None:
    """`DepthLaw.square` is what the recursion has, but for corrections in 1/L and log(L)/L."""
    q = float(layers_by_hand(network, 1.0, depth)[0][-1])
    expected = float(network.c) * q + float(network.bias_variance)
    assert math.isclose(float(law.square.subs(L, depth)), expected, rel_tol=2e-3)


DEEP, WITHIN = 100_000, 1e-5
SETTLED = 6400
"""Layers of which an eighth outlasts every transient that falls exponentially."""
POWERS: list[MLP] = [
    *(network for network, _ in CLOSED),
    *(MLP(activation=each) for each in (ELU(), LeakyReLU("0.3"))),
    MLP(activation=Activation("tanh(z) + z**2/10")),
    MLP(activation=Tanh(), bias_variance="0.1"),
]


@pytest.mark.slow
@pytest.mark.parametrize("network", POWERS, ids=lambda each: str(each)[:60])
def test_the_recursion_tends_to_the_law(network: MLP) -> None:
    for optimiser in OPTIMISERS:
        law = depth_law(network, optimiser)
        found = extrapolated(network, optimiser, law, DEEP)
        assert math.isclose(found, 1, rel_tol=WITHIN), (optimiser, found)
        assert_mean_square_of_z(network, law, DEEP)


ELSEWHERE: list[MLP] = [
    *(MLP(weight_variance=c, bias_variance=b) for c in (1, 3) for b in (0, 1)),
    *(MLP(activation=Tanh(), weight_variance=c) for c in ("1/2", "3/2", "9/4")),
    MLP(activation=Tanh(), weight_variance="1/2", bias_variance=1),
    MLP(activation=Softsign(), weight_variance=4, bias_variance="1/10"),
]


@pytest.mark.slow
@pytest.mark.parametrize("network", ELSEWHERE, ids=lambda each: str(each)[:60])
def test_constants_and_exponentials(network: MLP) -> None:
    for optimiser in OPTIMISERS:
        law = depth_law(network, optimiser)
        assert law.kind in ("constant", "exponential")
        found = in_powers(network, optimiser, law, 800 if law.exponent == 3 else SETTLED)
        assert math.isclose(found, 1, rel_tol=WITHIN), (optimiser, found)
        assert_mean_square_of_z(network, law, 400)


@pytest.mark.slow
def test_the_stable_edge_of_gelu() -> None:
    """From an input at the fixed point: its slope there is 0.99, so that others settle slowly."""
    point = critical(GELU()).edge(5)
    weight, bias = float(point.weight_variance), float(point.bias_variance)
    network = MLP(
        activation=GELU(), weight_variance=point.weight_variance, bias_variance=repr(bias)
    )
    square = (5 - bias) / weight
    for optimiser in OPTIMISERS[:2]:  # E |phi'| has a kink inside the panels of the rule above
        law = depth_law(network, optimiser, Inputs(gram=((square,),)))
        found = extrapolated(network, optimiser, law, 20_000, square)
        assert math.isclose(found, 1, rel_tol=WITHIN), (optimiser, found)


def test_wrong_constants_and_exponents_are_rejected() -> None:
    network = MLP(activation=Tanh(), bias_variance="0.1")
    law = depth_law(network)
    for wrong in (
        replace(law, constant=law.constant * R(1001, 1000)),
        replace(law, exponent=law.exponent + R(1, 1000)),
    ):
        found = extrapolated(network, GradientDescent(), wrong, 20_000)
        assert not math.isclose(found, 1, rel_tol=WITHIN)


@pytest.mark.slow
def test_a_half_stable_point_from_its_stable_side() -> None:
    """Mish, from below: a law with chi ~ 1 - 4.38/l."""
    point = critical(Mish()).points[1]
    network = MLP(
        activation=Mish(),
        weight_variance=point.weight_variance,
        bias_variance=repr(float(point.bias_variance)),
    )
    law = depth_law(network, inputs=Inputs(gram=(("1/2",),)))
    assert "half-stable" in law.regime
    found = extrapolated(network, GradientDescent(), law, DEEP, 0.5)
    assert math.isclose(found, 1, rel_tol=1e-2), found
    with pytest.raises(NotSolved, match=r"grows to .* within 20,000 layers"):
        depth_law(network)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        pytest.param(
            MLP(activation=GELU(), weight_variance=4),
            r"grows to .* within 20,000 layers",
            marks=pytest.mark.slow,
        ),
        (MLP(activation=Activation("max(-1, min(z, 1))")), "by no power"),
    ],
)
def test_where_there_is_no_law(network: MLP, why: str) -> None:
    with pytest.raises(NotSolved, match=why):
        depth_law(network)


@pytest.mark.slow
@pytest.mark.parametrize("activation", [GELU(), SiLU()], ids=repr)
def test_half_stable_points_without_a_usable_law(activation: Nonlinearity) -> None:
    point = critical(activation).points[1]
    network = MLP(
        activation=activation,
        weight_variance=point.weight_variance,
        bias_variance=repr(float(point.bias_variance)),
    )
    with pytest.raises(
        NotSolved, match=r"holds at best for L far above \de\+0\d: move to the stable"
    ):
        depth_law(network)


def test_norms() -> None:
    """RMSNorm keeps ReLU critical; LayerNorm makes every activation with a mean chaotic."""
    assert depth_law(MLP(norm=RMSNorm())).leading == L**3 / 3
    assert depth_law(MLP(norm=RMSNorm(before="activation"))).leading == L**3 / 12
    assert depth_law(MLP(weight_variance=1, norm=RMSNorm())).leading == 2 * L**3 / 3
    law = depth_law(MLP(norm=LayerNorm()))
    assert (law.base - (pi / (pi - 1)) ** 2).equals(0)
    assert law.exponent == 1
    assert (
        depth_law(MLP(activation=Tanh(), norm=RMSNorm(), weight_variance=1)).kind == "exponential"
    )


def test_multiples_and_scales() -> None:
    tanh = MLP(activation=Tanh(), readout_variance=3)
    assert depth_law(tanh).leading == L / 4
    assert depth_law(tanh, Normalised(2)).leading == 2 * L**2 / 3
    assert depth_law(tanh, Momentum("0.9", averaged=True)).leading == L / 400
    assert depth_law(MLP(), inputs=Inputs(gram=((2,),))).leading == 4 * L**3 / 3


DECAYED: list[tuple[MLP, Expr]] = [
    (MLP(), L**3 / 3),
    (MLP(activation=Tanh()), 35 * L / 96),
    (MLP(activation=Softsign()), 9 * pi / 128),
    (MLP(activation=STEEP), L**2 / 45),
]
"""Gradient descent with a decay of 3/2: at Q* = 0 the decay adds (3/4)^2 E z^2 L^2."""


@pytest.mark.parametrize(("network", "law"), DECAYED, ids=lambda each: str(each)[:40])
def test_weight_decay_in_the_law(network: MLP, law: Expr) -> None:
    found = depth_law(network, WeightDecay(GradientDescent(), "3/2")).leading
    assert (found - law).equals(0)
    assert depth_law(network, WeightDecay(Normalised(), 1)).exponent == (
        depth_law(network, Normalised()).exponent
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "network", [MLP(activation=Activation("tanh(z) + z**2/4")), MLP(activation=Tanh())], ids=str
)
def test_the_recursion_with_weight_decay_tends_to_the_law(network: MLP) -> None:
    """Literal networks confirm this recursion in `test_recursion`."""
    update: Any = squared_update(network, optimiser=WeightDecay(GradientDescent(), "3/2"))
    depths = np.array([10_000, 20_000, 40_000])
    ratios = update.infinite_width(depths) / [
        float(update.depth_law.leading.subs(L, int(each))) for each in depths
    ]
    assert ratios[0] - 4 * ratios[1] + 4 * ratios[2] == pytest.approx(1, abs=1e-4)


def test_where_weight_decay_has_no_law() -> None:
    for network in (MLP(norm=RMSNorm()), MLP(weight_variance=1)):
        with pytest.raises(NotSolved, match="weight decay"):
            depth_law(network, WeightDecay(GradientDescent(), 1))


@pytest.mark.parametrize(
    ("formula", "like"),
    [
        ("max(z, 0)", ReLU()),
        ("z", Linear()),
        ("max(z, 0) + min(z, 0)/10", LeakyReLU("0.1")),
        ("(z + abs(z))/2", ReLU()),
    ],
)
@pytest.mark.parametrize("weight", [None, 1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("bias", [0, 1])
def test_formulas_of_piecewise_linear_activations_have_their_laws(
    formula: str, like: Nonlinearity, weight: int | None, bias: int
) -> None:
    written = MLP(activation=Activation(formula), weight_variance=weight, bias_variance=bias)
    named = replace(written, activation=like)
    laws = [depth_law(each) for each in (written, named)]
    assert math.isclose(*(float(each.leading.subs(L, 50)) for each in laws), rel_tol=1e-9)
    assert laws[0].kind == laws[1].kind


@pytest.mark.parametrize(
    ("formula", "constant"), [("abs(z)", R(1, 3)), ("z/2 - abs(z)", R(41, 60))]
)
def test_slopes_of_any_sign_and_size_are_scale_invariant(formula: str, constant: Expr) -> None:
    """E ~ kappa m_2 L^3/3, and slopes -1/2 and 3/2 give m_2 = 5/4 and kappa = 41/25."""
    network = MLP(activation=Activation(formula))
    assert depth_law(network).leading == constant * L**3
    exact = squared_update(network).infinite_width(10**4)
    assert math.isclose(exact, float(constant) * 1e12, rel_tol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", ["0.01", "0.3", "30"])
def test_the_law_of_relu_with_an_epsilon_follows_from_a_density(
    epsilon: str,
) -> None:
    """E own.h = E p^2/(p + epsilon)/4: p = |z h| has the density sqrt(2) K_0(p/sqrt(2))/pi."""
    e = float(epsilon)
    along = quad(
        lambda p: p**2 / (p + e) * besselk(0, p / 2**0.5) * 2**0.5 / math.pi / 4, [0, e, 1, 10, inf]
    )
    law = depth_law(MLP(), SignDescent(epsilon=epsilon))
    assert law.exponent == 3
    assert float(law.constant) == pytest.approx(float(4 * along**2 / 3), rel=1e-10)


@pytest.mark.slow
def test_entries_far_from_an_epsilon_have_the_law_of_gradients_or_of_signs() -> None:
    vanishing, growing = MLP(activation=Tanh()), MLP(bias_variance="1/4")
    rule = SignDescent(epsilon="1/2")
    assert depth_law(vanishing, rule).leading == L * n**2 / 3
    assert depth_law(growing, rule).leading == depth_law(growing, SignDescent()).leading
    with pytest.raises(NotSolved, match="give epsilon=0"):
        depth_law(MLP(activation=Tanh(), weight_variance="1/2"), rule)


@pytest.mark.slow
def test_the_law_with_an_epsilon_is_that_of_the_recursion() -> None:
    update: Any = squared_update(
        MLP(activation=Tanh(), bias_variance="0.1", readout_variance=3),
        optimiser=SignDescent(epsilon="0.3"),
    )
    law, depths = update.depth_law, (20, 40, 80)
    near, middle, far = (update.infinite_width(d) / float(law.constant) / d**3 for d in depths)
    assert (8 * far - 6 * middle + near) / 3 == pytest.approx(1, abs=3e-4)


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (squared_update(MLP(activation=Tanh())), "; within 10% from depth 105 to 1,000 at least;"),
        (
            squared_update(
                MLP(activation=GELU(), weight_variance="1.96627484", bias_variance="0.21444471")
            ),
            "; more than 10% off at depth 1,000;",
        ),
        (
            squared_update(MLP(4, 4), optimiser=SignDescent(), inputs=Inputs(norm1="0.8")),
            "of SignDescent() on Inputs(norm1='4/5')",
        ),
    ],
)
def test_the_text_says_where_the_law_holds_and_on_which_input(update: Any, said: str) -> None:
    assert said in repr(update)
    if "within" in said:
        depths = np.arange(1, 1001)
        off = np.abs(12 * update.infinite_width(depths) / depths - 1) > 0.1
        assert depths[off][-1] == 104
