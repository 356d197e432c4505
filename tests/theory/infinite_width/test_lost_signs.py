"""Signs of gradients that only a norm makes other than 0 are refused, in theory and samplers."""

from typing import Any

import pytest

from theory import (
    MLP,
    Activation,
    InvalidArgument,
    LayerNorm,
    NotSolved,
    ReLU,
    RMSNorm,
    SignDescent,
    Tanh,
    WeightDecay,
    layer_rates,
    squared_update,
)
from verify import Dense, monte_carlo

NORMS = [RMSNorm(before="activation"), LayerNorm(before="activation")]
CLIPPED = Activation("max(-1, min(z, 1))")


@pytest.mark.parametrize("norm", NORMS, ids=repr)
@pytest.mark.parametrize("activation", [ReLU(), CLIPPED], ids=repr)
def test_sign_descent_before_a_flat_activation_is_refused(norm: Any, activation: Any) -> None:
    network = MLP(depth=3, norm=norm, activation=activation, weight_variance=1)
    for rule in (SignDescent(), WeightDecay(SignDescent(), "0.1")):
        with pytest.raises(NotSolved, match=r"flat on an interval, .*: give SignDescent\(epsilon"):
            squared_update(network, optimiser=rule)
    with pytest.raises(NotSolved, match="flat on an interval"):
        layer_rates(network, optimiser=SignDescent())
    with pytest.raises(NotSolved, match="flat on an interval"):
        monte_carlo(
            network._with(width=32), samples=2, seed=1, sampler=Dense(), optimiser=SignDescent()
        )


def test_the_fixes_that_the_refusal_names_answer() -> None:
    before = MLP(depth=3, norm=NORMS[0])
    epsilon = squared_update(before, optimiser=SignDescent(epsilon="1e-3")).infinite_width()
    after = squared_update(before._with(norm=RMSNorm()), optimiser=SignDescent()).infinite_width()
    smooth = squared_update(before._with(activation=Tanh()), optimiser=SignDescent())
    assert min(epsilon, after, smooth.infinite_width()) > 1


def test_gradients_that_are_0_but_for_rounding_are_refused() -> None:
    for network in (MLP(4, 2, norm=RMSNorm()), MLP((4, 1), norm=RMSNorm(), activation=Tanh())):
        with pytest.raises(InvalidArgument, match="widths of at least 16 for SignDescent"):
            monte_carlo(network, samples=2, seed=1, sampler=Dense(), optimiser=SignDescent())
    smooth = MLP(8, 2, activation=Tanh(), norm=RMSNorm())
    with pytest.raises(InvalidArgument, match="a step of at least 1e-10 for"):
        monte_carlo(smooth, samples=2, seed=1, sampler=Dense(), step=1e-18)
