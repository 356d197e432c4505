"""Recursions at n = ∞ against networks of three widths, within one family-wise budget of 1 %."""

from dataclasses import replace
from typing import Any

import pytest

from theory import (
    GELU,
    MLP,
    Erf,
    GradientDescent,
    InvalidArgument,
    LayerNorm,
    Normalised,
    Residual,
    RMSNorm,
    SignDescent,
    Softsign,
    Tanh,
    WeightDecay,
    squared_update,
)
from theory.outcome import Outcome
from verify import InfiniteWidthComparison, compare_infinite_width

CELLS: list[tuple[MLP, dict[str, Any]]] = [
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
    (MLP(depth=6), {"optimiser": SignDescent(), "layer": 3}),
    (MLP(depth=4, bias_variance="1/4"), {"rates": (1, 0, 1, 2)}),
]
BOUND = 3.26
"""Two-sided, 1 % over the nine cells."""


def compared(network: MLP, given: dict[str, Any], **more: Any) -> InfiniteWidthComparison:
    ask: dict[str, Any] = {"widths": (400, 800, 1600), "samples": 200, "seed": 1} | more
    return compare_infinite_width(squared_update(network, **given), **ask)


@pytest.mark.parametrize(("network", "given"), CELLS)
def test_networks_agree_with_the_recursion_and_reject_wrong_ones(
    network: MLP, given: dict[str, Any]
) -> None:
    found = compared(network, given)
    assert abs(found.z) < BOUND
    assert found.curvature > 0.001
    for wrong in (1.25, 0.8):
        other = replace(found, expected=wrong * found.expected)
        assert abs(other.z) > BOUND
        assert other.outcome is Outcome.REJECTED


def test_the_text_states_widths_value_and_correction() -> None:
    found = compared(*CELLS[0])
    text = repr(found)
    assert text.startswith("CONSISTENT: WideUpdate at layer 6 of ")
    assert "networks of widths 400, 800, 1,600, extrapolated by E(1 + c/n): 1.098 ± 0.012" in text
    assert found.width_within(0.01) == pytest.approx(10 * found.width_within(0.1))


def test_few_networks_decide_nothing() -> None:
    found = compared(*CELLS[0], samples=5)
    assert found.outcome is Outcome.UNDECIDED
    assert repr(found).endswith("give more samples")


@pytest.mark.parametrize(
    ("update", "more", "sentence"),
    [
        (squared_update(Residual(8, 2)), {}, "expected the update of an MLP"),
        (MLP(), {}, "expected the update of an MLP"),
        (squared_update(CELLS[0][0]), {"widths": (100, 200)}, "at least 3 widths"),
        (squared_update(CELLS[0][0]), {"widths": 100}, "at least 3 widths"),
    ],
)
def test_refusals(update: Any, more: dict[str, Any], sentence: str) -> None:
    ask: dict[str, Any] = {"widths": (100, 200, 400), "samples": 10, "seed": 1} | more
    with pytest.raises(InvalidArgument, match=sentence):
        compare_infinite_width(update, **ask)
    with pytest.raises(InvalidArgument, match="positive number for tolerance"):
        compared(*CELLS[0], samples=5).width_within(0)
