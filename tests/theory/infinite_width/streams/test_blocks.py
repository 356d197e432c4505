"""Residual networks at n = ∞ against exact values, and against literal networks of two widths."""

from typing import Any

import numpy as np
import pytest
from sympy import Symbol

from tests.theory.infinite_width.literal_blocks import Shape, movements
from theory import (
    GELU,
    ActivatedThenWeights,
    Branch,
    ByRole,
    Erf,
    GradientDescent,
    Inputs,
    InvalidArgument,
    LayerNorm,
    LeakyReLU,
    Normalised,
    NotSolved,
    ReLU,
    Residual,
    RMSNorm,
    SignDescent,
    Tanh,
    UpDown,
    WeightsThenActivated,
    squared_update,
)
from theory.infinite_width.streams.blocks import Movement, moved_in_blocks
from theory.symbols import B, T, n
from verify import Conditioned, monte_carlo

WIDE = 10**12
DESCENT = GradientDescent()
RULES = {"descent": DESCENT, "sign": SignDescent(), "normalised": Normalised()}


def moved(network: Residual, rule: Any = DESCENT, **rates: Any) -> Movement:
    each = ByRole(**rates)._filled()
    return moved_in_blocks(network, Inputs(), rule, (each,) * network.layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ({}, {}),
        ({"skip2": "1/2", "multiplier2": "1/4"}, {"up": 2, "down": "1/2", "input": 3}),
        (
            {
                "activation": LeakyReLU("0.3"),
                "weight_variance": ByRole(input="1/2", up=3, down=2),
                "readout_variance": 3,
                "branch_width": 3 * WIDE,
            },
            {},
        ),
    ],
)
def test_exact_values_at_a_width_of_10_to_the_12(given: Any, rates: Any) -> None:
    network, all_rates = Residual(WIDE, 6, **given), ByRole(**rates)
    found = moved(network, **rates)
    for block in range(7):
        exact = float(squared_update(network, layer=block, rates=all_rates).evaluate())
        assert found.stream[block] == pytest.approx(exact, rel=1e-9)
    for block in range(1, 7):
        exact = float(squared_update(network, layer=Branch(block), rates=all_rates).evaluate())
        assert found.branch[block - 1] == pytest.approx(exact, rel=1e-9)


CASES: list[tuple[Shape, str]] = [
    (Shape(UpDown(), Erf(), 4, bias=0.25), "descent"),
    (Shape(UpDown(), ReLU(), 4), "sign"),
    (Shape(UpDown(), GELU(), 4, norm=RMSNorm(), ratio=2.0, skip2=0.5), "normalised"),
    (Shape(UpDown(), Tanh(), 3, norm=LayerNorm(), skip2=0.5), "sign"),
    (Shape(WeightsThenActivated(), Tanh(), 4, bias=0.25), "descent"),
    (Shape(WeightsThenActivated(), GELU(), 4, norm=LayerNorm()), "normalised"),
    (Shape(WeightsThenActivated(), GELU(), 4, norm=LayerNorm(), skip2=0.5), "sign"),
    (Shape(WeightsThenActivated(), ReLU(), 3, bias=0.25), "sign"),
    (Shape(ActivatedThenWeights(), ReLU(), 4, skip2=0.5), "descent"),
    (Shape(ActivatedThenWeights(), Tanh(), 4, up=3.0), "normalised"),
    (Shape(ActivatedThenWeights(), Tanh(), 4, up=3.0, norm=RMSNorm()), "descent"),
]


QUICK = {4, 8}
MARKED = [
    pytest.param(*case, marks=[] if number in QUICK else [pytest.mark.slow])
    for number, case in enumerate(CASES)
]


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "rule"), MARKED)
def test_literal_networks_extrapolate_to_the_recursion(shape: Shape, rule: str) -> None:
    """Widths n and 2n: 2 E_2n - E_n, for stream, output and branch, within 4 standard errors (30
    values) and 2 % for the next order."""
    expected = moved(
        Residual(
            blocks=shape.blocks,
            branch=shape.branch,
            activation=shape.activation,
            multiplier2=str(shape.tau2),
            skip2=str(shape.skip2),
            bias_variance=str(shape.bias),
            norm=shape.norm,
            branch_width=None,
            weight_variance=ByRole(
                input=1,
                up=str(shape.up),
                down=str(shape.down) if isinstance(shape.branch, UpDown) else None,
            ),
        )._with(**({"width": 64, "branch_width": 128} if shape.ratio == 2 else {})),
        RULES[rule],
    )
    generator, found = np.random.default_rng(7), []
    for width, networks in ((120, 300), (240, 150)):
        drawn = [movements(shape, width, rule, generator) for _ in range(networks)]
        unit = width ** (rule == "sign")
        last = np.array(
            [[s[-1] / unit**2, f / unit, (b or [0])[-1] / unit**2] for s, b, f in drawn]
        )
        found.append((last.mean(axis=0), last.std(axis=0) / networks**0.5))
    (one, error), (two, less) = found
    values, errors = 2 * two - one, np.hypot(2 * less, error)
    sought = [expected.stream[-1], expected.output]
    if not isinstance(shape.branch, ActivatedThenWeights):
        sought.append(expected.branch[-1])
    pairs = zip(values, errors, sought, strict=False)
    for value, spread, exact in pairs:
        assert abs(value - exact) < 4 * spread + 0.02 * exact
        assert spread < 0.12 * exact


def test_critical_variances_may_be_irrational() -> None:
    found = Residual(blocks=3, activation=Erf())
    assert float(found.variances.up) == pytest.approx(np.pi / 4, rel=1e-15)
    given = Residual(blocks=3, activation=Erf(), weight_variance=ByRole(up=str(np.pi / 4)))
    assert moved(found).stream == pytest.approx(moved(given).stream, rel=1e-12)


def test_a_multiplier_of_one_over_blocks_tends_to_a_constant() -> None:
    """51 e^2/4 with a multiplier of 1/sqrt(B), as exact values have it."""
    last = [moved(Residual(blocks=blocks)).stream[-1] for blocks in (1000, 2000, 4000)]
    assert 2 * last[2] - last[1] == pytest.approx(51 * np.exp(2) / 4, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: moved(Residual(8, 2), SignDescent(epsilon=1)), "leave epsilon out"),
        (lambda: moved(Residual(8, 2, branch=ActivatedThenWeights()), SignDescent()), "not Gauss"),
        (lambda: moved(Residual(8, 5000, branch=ActivatedThenWeights())), "4096 blocks at most"),
        *(
            (lambda scales=scales: moved(Residual(blocks=2, **scales)), "needs scales in numbers")
            for scales in (
                {"readout_variance": n},
                {"readout_variance": T},
                {"multiplier2": n / B},
                {"weight_variance": ByRole(up=Symbol("s", positive=True))},
            )
        ),
    ],
)
def test_what_is_not_solved_says_so(call: Any, sentence: str) -> None:
    with pytest.raises(NotSolved, match=sentence):
        call()


def test_the_law_has_the_mean_square_of_the_stream() -> None:
    """E h^2 tends to e, by hand: it is (1 + 1/B)^B, for ReLU blocks of the variance 1/B."""
    law = squared_update(Residual(), inputs=Inputs()).depth_law
    assert float(law.square) == pytest.approx(np.e, rel=1e-7)
    assert float(law.constant) == pytest.approx(51 * np.e**2 / 4, rel=1e-7)


@pytest.mark.slow
def test_advice_on_real_steps_is_a_call_that_runs() -> None:
    for network in (Residual(8, 2), Residual(8, 2, activation=Tanh())):
        with pytest.raises(NotSolved, match=r"sampler=Conditioned\(\), samples=100, seed=1\)$"):
            squared_update(network, step=1)
        monte_carlo(network, step=0.1, sampler=Conditioned(), samples=100, seed=1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"branch": "up"}, "for branch, got branch='up'"),
        ({"branch": ActivatedThenWeights(), "branch_width": 4}, "expected no branch_width with"),
        ({"branch": ActivatedThenWeights(), "bias_variance": 1}, "expected no bias_variance with"),
        ({"branch": WeightsThenActivated(), "weight_variance": ByRole(down=1)}, "variance.down"),
        ({"norm": RMSNorm("activation")}, r"give norm=RMSNorm\(\)"),
    ],
)
def test_refusals_of_branches(given: Any, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        Residual(8, 2, **given)
