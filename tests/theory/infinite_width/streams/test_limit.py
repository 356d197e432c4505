"""Laws in the number of blocks: closed forms against solutions at nodes, both against recursions at
two sequences of numbers of blocks, and wrong constants."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from sympy import E, log, sqrt

from theory import (
    GELU,
    ActivatedThenWeights,
    Branch,
    ByRole,
    GradientDescent,
    Inputs,
    LayerNorm,
    LeakyReLU,
    Momentum,
    Normalised,
    NotSolved,
    Residual,
    RMSNorm,
    SignDescent,
    Tanh,
    WeightDecay,
    WeightsThenActivated,
    maximal_learning_rate,
    squared_update,
)
from theory.infinite_width.streams import limit as block_limit
from theory.symbols import B

RULES: tuple[Any, ...] = (GradientDescent(), Normalised("0.7"), SignDescent())
LEAKY = {
    "activation": LeakyReLU("0.3"),
    "weight_variance": ByRole(input="1/2", up=3, down=2),
    "readout_variance": 3,
    "multiplier2": 2 / B,
    "width": 100,
    "branch_width": 300,
}


def law(network: Residual, rule: Any, layer: Any = None) -> Any:
    return squared_update(network, layer, inputs=Inputs(), optimiser=rule).depth_law


@pytest.mark.wide
@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("given", [{}, LEAKY, {"norm": RMSNorm()}, LEAKY | {"norm": LayerNorm()}])
def test_closed_forms_are_the_limits(
    given: dict[str, Any], rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Residual(**given)
    known = law(network, rule)
    assert (known.error == 0) == (rule != SignDescent() or "norm" not in given)
    monkeypatch.setattr(block_limit, "_closed", lambda *arguments: None)
    other = law(network, rule)
    assert 0 < other.error < 2e-12
    assert float(known.constant) == pytest.approx(float(other.constant), rel=1e-12)
    assert float(known.square / other.square) == pytest.approx(1, rel=1e-12)


def test_closed_forms_by_name() -> None:
    assert law(Residual(), RULES[0]).constant == 51 * E**2 / 4
    normalised = law(Residual(), Normalised()).constant
    assert (normalised - 5 * E * (1 + sqrt(2)) ** 2 / 6).expand() == 0
    behind = law(Residual(norm=RMSNorm()), RULES[0]).constant
    u = log(2)
    assert (behind - 4 * (1 + 5 * u + 21 * u**2 / 4 + 3 * u**3 / 2)).expand() == 0


def limit(values: list[float], half: bool) -> float:
    """Of values at numbers of blocks that double, with corrections in powers of B^(-1/2) or 1/B."""
    powers = np.arange(len(values)) / (2 if half else 1)
    sizes = 2.0 ** np.arange(len(values))
    return float(np.linalg.solve(sizes[:, None] ** -powers, values)[0])


NETWORKS: list[tuple[dict[str, Any], float]] = [
    ({"activation": Tanh()}, 2e-5),
    ({"activation": GELU(), "norm": RMSNorm(), "weight_variance": ByRole(up=2)}, 2e-5),
    ({"branch": ActivatedThenWeights()}, 5e-4),
    ({"branch": ActivatedThenWeights(), "activation": Tanh(), "norm": RMSNorm()}, 2e-5),
    ({"branch": WeightsThenActivated(), "norm": LayerNorm()}, 5e-3),
]


def cells() -> list[Any]:
    """Each network with each rule that is solved there."""
    found = []
    for (given, within), rule in product(NETWORKS, RULES):
        signs, branch = isinstance(rule, SignDescent), given.get("branch")
        if not (signs and isinstance(branch, ActivatedThenWeights)):
            slow = [pytest.mark.slow] if signs and branch else []
            found.append(pytest.param(given, within, rule, marks=slow))
    return found


@pytest.mark.wide
@pytest.mark.parametrize(("given", "within", "rule"), cells())
def test_recursions_of_two_sequences_tend_to_the_constant(
    given: dict[str, Any], within: float, rule: Any
) -> None:
    """From 8 and from 12 blocks on; corrections of signs and of normalised steps fall like
    B^(-1/2)."""
    network, degree = Residual(**given), rule.unscaled.degree
    expected = law(network, rule)
    assert expected.exponent == 1 - degree
    update = squared_update(network, inputs=Inputs(), optimiser=rule)
    for first in (8, 12):
        sizes = [first * 2**k for k in range(6)]
        values = [update.infinite_width(size) / size ** (1 - degree) for size in sizes]
        found = limit(values, half=degree == 0)
        assert found == pytest.approx(float(expected.constant), rel=within)
        for wrong in (1.02, 0.98):
            assert abs(found / (wrong * float(expected.constant)) - 1) > within


def test_branches_momentum_and_rates() -> None:
    network = Residual(activation=Tanh(), norm=RMSNorm())
    inside = law(network, SignDescent(), Branch(B))
    update = squared_update(network, Branch(B), inputs=Inputs(), optimiser=SignDescent())
    values = [update.infinite_width(8 * 2**k) / (8 * 2**k) for k in range(6)]
    assert limit(values, half=True) == pytest.approx(float(inside.constant), rel=1e-4)
    assert law(Residual(), Momentum("1/2", averaged=True)).constant == 51 * E**2 / 16
    rate = maximal_learning_rate(Residual(), optimiser=Normalised(), inputs=Inputs())
    assert float(rate.leading().subs(B, 1)) == pytest.approx(float(6 / (5 * E)) ** 0.5 / 2.41421356)


@pytest.mark.slow
def test_multipliers_without_the_limit_are_read_off_recursions() -> None:
    """1/B^2 leaves the movement of the input alone, and decay has its own square."""
    assert float(law(Residual(multiplier2=1 / B**2), RULES[0]).constant) == pytest.approx(1)
    decayed = law(Residual(), WeightDecay(GradientDescent(), 1))
    assert decayed.error > 0
    assert float(decayed.constant) > float(51 * E**2 / 4)
    for rule in (Normalised(), SignDescent()):
        alone, both = (law(Residual(), each) for each in (rule, WeightDecay(rule, 1)))
        assert both.constant == alone.constant  # decay adds a constant to what grows like B
    with pytest.raises(NotSolved, match="no power of B"):
        law(Residual(branch=WeightsThenActivated()), Normalised())


@pytest.mark.slow
def test_streams_that_grow_by_many_powers_of_e() -> None:
    """At 6/B against recursions; at 300/B E h^2 is e^300 at the end."""
    network = Residual(branch=ActivatedThenWeights(), multiplier2=6 / B)
    update = squared_update(network, inputs=Inputs())
    values = [update.infinite_width(64 * 2**k) for k in range(5)]
    constant = float(law(network, GradientDescent()).constant)
    assert limit(values, half=False) == pytest.approx(constant, rel=0.01)
    far = law(network._with(multiplier2=300 / B), GradientDescent())
    assert np.log(float(far.square)) == pytest.approx(300, rel=1e-12)
    assert far.error < 1e-7
