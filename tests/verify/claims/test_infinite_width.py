"""Recursions at n = ∞ against networks of three widths, within one family-wise budget of 1 %."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from theory import (
    GELU,
    MLP,
    ActivatedThenWeights,
    Branch,
    ByRole,
    Erf,
    GradientDescent,
    Inputs,
    InvalidArgument,
    LayerNorm,
    Momentum,
    Normalised,
    Residual,
    RMSNorm,
    SignDescent,
    Softsign,
    Tanh,
    UpDown,
    WeightDecay,
    WeightsThenActivated,
    maximal_learning_rate,
    squared_update,
)
from theory.outcome import Outcome
from theory.symbols import n
from verify import Dense, InfiniteWidthComparison, compare_infinite_width

TWO = ByRole(up=2)
SIGN: dict[str, Any] = {"optimiser": SignDescent()}
DECAYED = WeightDecay(SignDescent(), 1)
CELLS: list[tuple[MLP | Residual, dict[str, Any]]] = [
    (MLP(depth=6, activation=Tanh(), weight_variance=1), {}),
    (MLP(depth=6, activation=Tanh(), weight_variance="3/2"), {"step": "0.2"}),
    (MLP(depth=6, activation=Softsign(), weight_variance=2), {"optimiser": SignDescent()}),
    (MLP(depth=6, activation=GELU(), weight_variance=2), {"optimiser": Normalised()}),
    (MLP(depth=4, norm=RMSNorm(), weight_variance=1), {}),
    (
        MLP(
            depth=4,
            activation=Erf(),
            norm=LayerNorm("activation"),
            weight_variance=1,
            bias_variance="1/10",
        ),
        {},
    ),
    (
        MLP(depth=5, activation=Tanh(), weight_variance="3/2"),
        {"optimiser": WeightDecay(GradientDescent(), "1/2")},
    ),
    (MLP(depth=6), {"optimiser": WeightDecay(SignDescent(), 2), "layer": 3}),
    (MLP(depth=4, bias_variance="1/4"), {"rates": (1, 0, 1, 2)}),
    (MLP(depth=4), {"rates": (1, 0, 1, 2)}),
    (
        Residual(32, 4, branch_width=64, activation=Tanh(), bias_variance="1/4"),
        {"layer": Branch(3), "rates": ByRole(input=2, up="1/2", down=3)},
    ),
    (Residual(blocks=4, norm=LayerNorm()), {"optimiser": SignDescent()}),
    (
        Residual(blocks=4, branch=ActivatedThenWeights(), norm=RMSNorm()),
        {"optimiser": Normalised(), "layer": 3},
    ),
    (
        Residual(blocks=4, branch=WeightsThenActivated(), activation=GELU(), weight_variance=TWO),
        {"optimiser": Momentum("1/2", averaged=True)},
    ),
    (
        Residual(blocks=4, branch=WeightsThenActivated(), activation=GELU(), weight_variance=TWO),
        SIGN,
    ),
    (Residual(blocks=4, branch=WeightsThenActivated(), norm=LayerNorm()), SIGN),
    (Residual(blocks=4, activation=Tanh(), norm=LayerNorm()), {"optimiser": DECAYED}),
    (
        Residual(blocks=4, branch=WeightsThenActivated(), bias_variance="1/4"),
        {"optimiser": WeightDecay(GradientDescent(), 4)},
    ),
    (
        Residual(blocks=4, branch=ActivatedThenWeights(), activation=Tanh()),
        {"optimiser": WeightDecay(Normalised(), 2)},
    ),
]
BOUND = 3.49
"""Two-sided, 1 % over the nineteen cells and one more."""


def compared(network: Any, given: dict[str, Any], **more: Any) -> InfiniteWidthComparison:
    ask: dict[str, Any] = {"widths": (400, 800, 1600), "samples": 200, "seed": 1} | more
    return compare_infinite_width(squared_update(network, **given), **ask)


@pytest.mark.slow
@pytest.mark.parametrize(("network", "given"), CELLS)
def test_networks_agree_with_the_recursion_and_reject_wrong_ones(
    network: Any, given: dict[str, Any]
) -> None:
    found = compared(network, given)
    assert abs(found.z) < BOUND
    assert found.curvature > 0.001
    for wrong in (1.25, 0.8):
        other = replace(found, expected=wrong * found.expected)
        assert abs(other.z) > BOUND
        assert other.outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"multiplier2": "1/2"},  # the multiplier of 1/4 entered once, not squared
        {"norm": None},
        {"branch": UpDown()},
    ],
)
def test_the_law_of_another_residual_network_is_rejected(wrong: dict[str, Any]) -> None:
    network = Residual(
        blocks=4,
        branch=WeightsThenActivated(),
        activation=Tanh(),
        norm=RMSNorm(),
        multiplier2="1/4",
    )
    found = compared(network, {})
    assert abs(found.z) < BOUND
    other = squared_update(network._with(**wrong), inputs=Inputs()).infinite_width()
    assert replace(found, expected=float(other)).outcome is Outcome.REJECTED


def test_the_text_states_widths_value_and_correction() -> None:
    found = compared(*CELLS[0])
    text = repr(found)
    assert all(len(line) <= 80 for line in str(found).splitlines())
    assert str(found).split() == text.split()
    assert text.startswith("CONSISTENT: WideUpdate at layer 6 of ")
    assert "networks of widths 400, 800, 1,600, extrapolated by E(1 + c/n): 1.118 ± 0.012" in text
    assert found.width_within(0.01) == pytest.approx(10 * found.width_within(0.1))


@pytest.mark.parametrize("network", [MLP(64, 2), MLP(depth=2)])
def test_the_text_has_the_value_that_is_compared(network: MLP) -> None:
    """At n = infinity, not at the width of the network."""
    found = compare_infinite_width(
        squared_update(network), widths=(20, 40, 80), samples=20, seed=1, sampler=Dense()
    )
    assert f"{found.expected:g} at n = ∞" in repr(found).splitlines()[0]
    assert found.expected == pytest.approx(3)


def test_few_networks_decide_nothing() -> None:
    found = compared(*CELLS[0], samples=5)
    assert found.outcome is Outcome.UNDECIDED
    assert repr(found).endswith("give more samples")


@pytest.mark.parametrize(
    ("update", "more", "sentence"),
    [
        (MLP(), {}, "expected the update of an MLP or a Residual"),
        (maximal_learning_rate(MLP(16, 3)), {}, "the square root of bound/E of such an update$"),
        (squared_update(Residual()), {}, "expected a network whose depth is a number"),
        (
            squared_update(Residual(2, 2, branch_width=3, activation=Tanh())),
            {"widths": (100, 201, 400)},
            "expected widths that are multiples of 2, since the branch width is 3/2 times",
        ),
        (squared_update(CELLS[0][0]), {"widths": (100, 200)}, "at least 3 different widths"),
        (squared_update(CELLS[0][0]), {"widths": 100}, "at least 3 different widths"),
    ],
)
def test_refusals(update: Any, more: dict[str, Any], sentence: str) -> None:
    ask: dict[str, Any] = {"widths": (100, 200, 400), "samples": 10, "seed": 1} | more
    with pytest.raises(InvalidArgument, match=sentence):
        compare_infinite_width(update, **ask)
    with pytest.raises(InvalidArgument, match="positive number for tolerance"):
        compared(*CELLS[0], samples=5).width_within(0)


def test_an_input_in_units_of_the_width_is_filled_in() -> None:
    given: dict[str, Any] = {"widths": (16, 24, 32), "samples": 40, "seed": 1}
    for network in (MLP(depth=3, input_norm2=3 * n), Residual(blocks=2, input_norm2=3 * n)):
        found = compare_infinite_width(squared_update(network, optimiser=SignDescent()), **given)
        drawn = [each.network.norm2 for each in found.estimates if each.network]
        assert drawn == [48, 72, 96]
        assert abs(found.z) < 5


@pytest.mark.slow
def test_the_picture_has_the_measured_means_over_the_recursion() -> None:
    update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
    found = compare_infinite_width(update, widths=(100, 200, 400), samples=100, seed=1)
    fit, *_, limit = found.plot().get_lines()
    last = np.asarray(fit.get_ydata())[-1]
    assert last == pytest.approx(found.value / found.expected + found.correction / 400)
    assert np.asarray(limit.get_ydata()).tolist() == [1, 1]


def test_means_without_a_standard_error_are_refused() -> None:
    first = MLP(depth=1, activation=Tanh(), weight_variance=1)
    update = squared_update(first, optimiser=SignDescent())
    with pytest.raises(InvalidArgument, match="got width=100 with samples=50: the samples do not"):
        compare_infinite_width(update, widths=(100, 200, 400), samples=50, seed=1)
