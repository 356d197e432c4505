"""Residual networks layer by layer: one step of given matrices against literal differences, the
samplers against each other and against exact values, wrong laws, records, and refusals."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.tools.uncompiled import uncompiled
from tests.verify.samplers.literal_steps import OPTIMISERS, LiteralResidual, check_a_step
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
    Momentum,
    Normalised,
    ReLU,
    Residual,
    RMSNorm,
    SignDescent,
    Tanh,
    UpDown,
    WeightDecay,
    WeightsThenActivated,
    squared_update,
)
from verify import Conditioned, Dense, Gram, monte_carlo
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.runs.configuration import Configuration, configuration, problem_of
from verify.samplers.layerwise import passes, updates
from verify.samplers.problem import numeric_problem
from verify.samplers.sampler import Sampler

KINDS = (UpDown(), ActivatedThenWeights(), WeightsThenActivated())
UP = ByRole(up=2)


def network_of(branch: Any, activation: Any, norm: Any, **given: Any) -> Residual:
    """Four neurons and two blocks, with every number that the branch has at a value of its own."""
    more: dict[str, Any] = {"skip2": "1/2", "multiplier2": "1/3", "readout_variance": 2} | given
    if isinstance(branch, UpDown):
        more |= {"branch_width": 3, "weight_variance": ByRole(input=2, up=3, down="1/2")}
    else:
        more |= {"weight_variance": ByRole(input=2, up=3)}
    if not isinstance(branch, ActivatedThenWeights):
        more["bias_variance"] = "1/4"
    return Residual(4, 2, branch=branch, activation=activation, norm=norm, input_width=3, **more)


SHAPES = tuple(product(KINDS, (Tanh(), GELU(), ReLU()), (None, RMSNorm(), LayerNorm())))


@pytest.mark.wide
@pytest.mark.parametrize(("number", "shape"), list(enumerate(SHAPES)))
def test_a_step_is_that_of_the_definition(number: int, shape: Any) -> None:
    """Every branch, activation and norm; each optimiser meets four of them."""
    literal = LiteralResidual(network_of(*shape), np.random.default_rng(6))
    for step in (None, 0.2):
        check_a_step(literal, OPTIMISERS[number % len(OPTIMISERS)], step)


@pytest.mark.wide
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
@pytest.mark.parametrize("norm", [None, RMSNorm()], ids=str)
@pytest.mark.parametrize("branch", KINDS, ids=str)
def test_every_optimiser_steps_as_its_definition(branch: Any, norm: Any, optimiser: Any) -> None:
    literal = LiteralResidual(network_of(branch, Tanh(), norm), np.random.default_rng(6))
    check_a_step(literal, optimiser, 0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "instead"),
    [
        ("scale(program.factors[i], g, out)", "out[:] = g"),  # tau once, not squared
        ("program.factors[i], y, out", "1.0, y, out"),
        ("program.skips[join]", "1.0"),  # skip2 left out
        ("pulled_through_norm(centred, value, root, y, out)", "out[:] = y"),  # no norm forwards
        ("value, state.roots[i], g, out)", "0 * value, state.roots[i], g, out)"),  # nor backwards
    ],
)
def test_wrong_steps_are_noticed(monkeypatch: pytest.MonkeyPatch, wrong: str, instead: str) -> None:
    literal = LiteralResidual(network_of(UpDown(), Tanh(), RMSNorm()), np.random.default_rng(6))
    monkeypatch.setattr(updates, "run", uncompiled((passes,))["run"])
    check_a_step(literal, GradientDescent(), None)
    monkeypatch.setattr(updates, "run", uncompiled((passes,), wrong, instead)["run"])
    with pytest.raises(AssertionError):
        check_a_step(literal, GradientDescent(), None)


def squares(network: Residual, sampler: Sampler, samples: int, **given: Any) -> FloatArray:
    """Mean squared updates of networks, each at its place."""
    problem = problem_of(configuration(network, sampler=sampler, **given))
    blocks = [
        sampler.sample(problem, block_stream(2, block), 500) for block in range(samples // 500)
    ]
    return np.exp(np.concatenate(blocks, axis=1)[0, :, 0])


CELLS: list[tuple[Residual, dict[str, Any]]] = [
    (Residual(8, 3, activation=Tanh(), multiplier2="1/2"), {"step": 0.5}),
    (
        Residual(8, 2, activation=GELU(), weight_variance=UP, norm=RMSNorm(), bias_variance=1),
        {"optimiser": WeightDecay(SignDescent(), "1/3"), "step": 0.5},
    ),
    (
        Residual(8, 3, branch=ActivatedThenWeights(), norm=LayerNorm(), weight_variance=UP),
        {"layer": 2},
    ),
    (
        Residual(16, 2, activation=Tanh(), branch=ActivatedThenWeights(), weight_variance=UP),
        {"step": 1.0, "optimiser": Momentum("0.9", nesterov=True)},
    ),
    (
        Residual(8, 2, activation=GELU(), branch=WeightsThenActivated(), weight_variance=UP),
        {"optimiser": Normalised(), "layer": Branch(2)},
    ),
    (
        Residual(64, 2, branch_width=32, norm=RMSNorm()),
        {"layer": Branch(2), "rates": ByRole(input=2, up="1/2", down=3)},
    ),
]
BUDGET = 3.34  # two-sided 1 % over the 12 comparisons


@pytest.mark.slow
@pytest.mark.parametrize(("network", "given"), CELLS)
def test_literal_and_conditioned_networks_have_one_law(
    network: Residual, given: dict[str, Any]
) -> None:
    """Means of E^(1/4) and E^(1/2), E the mean square of a network's update, whose tails are heavy
    behind LayerNorm of 8 neurons; 1 % over all cells."""
    one, other = (
        squares(network, Dense(), 1000, **given),
        squares(network, Conditioned(), 20_000, **given),
    )
    for power in (0.25, 0.5):
        (left, right), sizes = (one**power, other**power), (one.size, other.size)
        error = np.hypot(left.std() / sizes[0] ** 0.5, right.std() / sizes[1] ** 0.5)
        assert abs(left.mean() - right.mean()) < BUDGET * error
        assert error < 0.1 * right.mean()


@pytest.mark.slow
@pytest.mark.parametrize("layer", [0, 3, Branch(1), Branch(3)])
def test_exact_means_of_two_matrices(layer: Any) -> None:
    """ReLU networks without norms and biases, which have exact values at any width."""
    network = Residual(64, 3, branch_width=32, skip2="1/2")
    rates = ByRole(input=3, up=2, down="1/2")
    problem = numeric_problem(network, layer=layer, rates=rates, step=None)
    draws, logs = new_stream(block_stream(7, 0)), np.empty((2, 40_000, 1))
    updates.layerwise_updates(problem, draws, np.ones(40_000), logs)
    for part, exact in zip(
        np.exp(logs[:, :, 0]),
        (getattr(squared_update(network, layer, rates=rates), p) for p in ("label", "output")),
        strict=True,
    ):
        error = part.std() / part.size**0.5
        assert abs(part.mean() - float(exact.evaluate())) < 3.3 * error  # 1 % over 8
        assert error < 0.04 * part.mean()


@pytest.mark.parametrize(("network", "given"), CELLS)
def test_records_hold_every_residual_network(network: Residual, given: dict[str, Any]) -> None:
    asked = configuration(network, sampler=Conditioned(), **given)
    again = Configuration.of(asked.record)
    assert (again.text, again.key) == (asked.text, asked.key)
    for name in ("activation", "norm", "branch", "bias_variance", "variances"):
        assert getattr(again.network, name) == getattr(network, name)


@pytest.mark.slow
def test_records_of_critical_weights_keep_their_variances() -> None:
    networks = [Residual(4, 2, activation=Erf())]
    for variance in (None, ByRole(up=1)):
        given: dict[str, Any] = {"bias_variance": "1/10", "weight_variance": variance}
        networks.append(Residual(4, 2, activation=Tanh(), **given))
    for network in networks:
        again = Configuration.of(configuration(network, sampler=Dense()).record).network
        assert isinstance(again, Residual)
        assert again.variances == network.variances


@pytest.mark.parametrize("sampler", [Conditioned(), Dense()])
def test_the_bits_of_a_seed_do_not_depend_on_threads(sampler: Sampler) -> None:
    network = Residual(8, 2, activation=Tanh(), norm=LayerNorm(), branch=WeightsThenActivated())
    ask: dict[str, Any] = {"samples": 200, "seed": 4, "sampler": sampler, "step": 0.1}
    found = set()
    for threads in (1, 3):
        with ThreadPoolExecutor(threads) as executor:
            found.add(float(monte_carlo(network, executor=executor, **ask).total.mean))
    assert len(found) == 1


def test_streams_below_trained_weights_do_not_move() -> None:
    for kind in KINDS:
        network = Residual(4, 2, branch=kind, activation=Tanh(), weight_variance=UP)
        rates = ByRole(input=0, up=0, down=0 if isinstance(kind, UpDown) else None)
        asked = configuration(network, layer=(0, 1, 2), rates=rates, sampler=Conditioned())
        assert asked.untrained == (0, 1, 2)
        asked = configuration(
            network, layer=(0, 1, 2), rates=(rates, ByRole(input=0)), sampler=Conditioned()
        )
        assert asked.untrained == (0, 1)


@pytest.mark.parametrize(
    ("network", "given", "sentence"),
    [
        (Residual(4, 2, norm=RMSNorm()), {"sampler": Gram()}, r"Conditioned\(\), which draws it"),
        (Residual(4, 2), {"optimiser": SignDescent()}, r"Conditioned\(\), which makes"),
        (
            Residual(4, 2, activation=LeakyReLU("1/2")),
            {"sampler": Conditioned(), "optimiser": SignDescent(epsilon=1)},
            r"Dense\(\), which makes its steps",
        ),
        (
            Residual(4, 2, branch=ActivatedThenWeights()),
            {"sampler": Dense(), "layer": Branch(1)},
            "expected a block for layer, since no weights",
        ),
        (
            Residual(4, 2, branch=WeightsThenActivated()),
            {"sampler": Dense(), "rates": ByRole(down=2)},
            "expected no down in rates",
        ),
        (
            Residual(4, 2, branch=WeightsThenActivated(), multiplier2="1e-400"),
            {"sampler": Dense()},
            "for multiplier2, the range of double",
        ),
        (Residual(4, 2, input_norm2=3), {"inputs": Inputs()}, "leave one of the two out"),
    ],
)
def test_refusals_name_the_fix(network: Residual, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        monte_carlo(network, samples=10, seed=1, **given)
