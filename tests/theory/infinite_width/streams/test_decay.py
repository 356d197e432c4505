"""Weight decay in residual networks: against a closed form, and against literal derivatives."""

from typing import Any

import numpy as np
import pytest
from sympy import diff, symbols

from theory import (
    GELU,
    ActivatedThenWeights,
    ByRole,
    GradientDescent,
    Inputs,
    LayerNorm,
    Linear,
    ReLU,
    Residual,
    RMSNorm,
    Tanh,
    UpDown,
    WeightDecay,
    WeightsThenActivated,
    squared_update,
)
from theory.infinite_width.streams.decay import decayed_in_blocks
from theory.infinite_width.streams.network import Blocks

DECAY = 0.7
RATES = ByRole(input=2, up="1/2", down=3)


@pytest.mark.wide
@pytest.mark.parametrize("branch", [UpDown(), ActivatedThenWeights(), WeightsThenActivated()])
def test_linear_networks_have_the_derivative_of_their_mean_products(branch: Any) -> None:
    """With weights times 1 + a and 1 + b, E h_a h_b is a product over the blocks."""
    two = isinstance(branch, UpDown)
    up, down = ("3", "1/2") if two else ("3", None)
    network = Residual(
        blocks=5,
        activation=Linear(),
        branch=branch,
        multiplier2="1/3",
        skip2="1/2",
        weight_variance=ByRole(input=2, up=up, down=down),
    )
    a, b = symbols("a b")
    each = [(1 + DECAY * rate * a) * (1 + DECAY * rate * b) for rate in (2, 0.5, 3)]
    block = 0.5 + 3 / 3 * each[1] * (each[2] / 2 if two else 1)
    product = 2 * each[0] * block**5
    expected = diff(product, a, b).subs({a: 0, b: 0})
    stream, _ = decayed_in_blocks(Blocks(network, Inputs()), DECAY, (RATES,) * 5)
    assert stream[-1] == pytest.approx(float(expected), rel=1e-12)


def literal(network: Residual, width: int, generator: np.random.Generator) -> tuple[float, float]:
    """Mean squares of the change of the stream and of the last pre-activation, by differences of
    two networks whose weights are shrunk and stretched."""
    draw, by, phi = generator.standard_normal, 1e-4, network.activation
    two, reads = (isinstance(network.branch, kind) for kind in (UpDown, ActivatedThenWeights))
    tau, skip, up = float(network.tau2) ** 0.5, float(network.skip2) ** 0.5, network.variances.up
    rates = [DECAY * float(each) for each in (RATES.input, RATES.up, RATES.down)]
    first = draw(width)
    streams = [(1 + way * rates[0]) * first for way in (by, -by)]
    seen = streams
    for _ in range(network.layers):
        matrix = draw((width, width)) * (float(up) / width) ** 0.5
        second, bias = (
            draw((width, width)) * (float(network.variances.down) / width) ** 0.5 if two else None,
            draw(width) * float(network.bias_variance) ** 0.5,
        )
        after, seen = [], []
        for way, h in zip((by, -by), streams, strict=True):
            x = h
            if network.norm is not None:
                x = x - x.mean() * isinstance(network.norm, LayerNorm)
                x = x / np.sqrt(np.mean(x**2))
            shrunk = 1 + way * rates[1]
            if reads:
                z, out = x, shrunk * matrix @ phi.value(x)
            else:
                z = shrunk * matrix @ x + bias
                out = phi.value(z)
            if second is not None:
                out = (1 + way * rates[2]) * second @ out
            seen.append(z)
            after.append(skip * h + tau * out)
        streams = after
    changes = [(one - other) / (2 * by) for one, other in (streams, seen)]
    return tuple(float(np.mean(change**2)) for change in changes)  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"activation": GELU(), "bias_variance": "1/4"},
        {"activation": Tanh(), "norm": LayerNorm(), "skip2": "1/2"},
        {"activation": Tanh(), "branch": ActivatedThenWeights()},
        {"activation": ReLU(), "branch": ActivatedThenWeights(), "norm": RMSNorm()},
        {"activation": GELU(), "branch": WeightsThenActivated(), "bias_variance": "1/4"},
        {"activation": ReLU(), "branch": WeightsThenActivated(), "norm": LayerNorm()},
        {"activation": ReLU(), "branch": WeightsThenActivated(), "norm": RMSNorm()},
    ],
)
def test_wide_literal_networks_have_these_mean_squares(given: dict[str, Any]) -> None:
    network = Residual(blocks=4, weight_variance=ByRole(up=2), multiplier2="1/2", **given)
    generator, width = np.random.default_rng(3), 600
    drawn = np.array([literal(network, width, generator) for _ in range(8)])
    mean, error = drawn.mean(axis=0), drawn.std(axis=0) / 7**0.5
    expected = decayed_in_blocks(Blocks(network, Inputs()), DECAY, (RATES,) * 4)
    for found, spread, values in zip(mean, error, expected, strict=True):
        assert abs(found - values[-1]) < 4.5 * spread + 0.01 * values[-1]
        assert spread < 0.05 * values[-1]


def test_decay_adds_a_square_that_no_gradient_enters() -> None:
    from_both = squares(WeightDecay(GradientDescent(), DECAY))
    network = Residual(blocks=3, activation=Tanh())
    alone, _ = decayed_in_blocks(Blocks(network, Inputs()), DECAY, (ByRole()._filled(),) * 3)
    assert from_both == pytest.approx(squares(GradientDescent()) + alone[-1], rel=1e-12)


def squares(optimiser: Any) -> float:
    update = squared_update(Residual(blocks=3, activation=Tanh()), optimiser=optimiser)
    return float(update.infinite_width())
