"""Networks of any activation: one step of given matrices against literal differences, the two
samplers against each other, records, and refusals."""

from typing import Any

import numpy as np
import pytest

from tests.verify.samplers.literal_steps import OPTIMISERS, Literal, check_a_step
from theory import (
    ELU,
    GELU,
    MLP,
    Activation,
    Erf,
    GradientDescent,
    Graph,
    Inputs,
    InvalidArgument,
    LayerNorm,
    LeakyReLU,
    Normalised,
    RMSNorm,
    SignDescent,
    SiLU,
    Softsign,
    Tanh,
)
from theory.observables import K, trace
from theory.optimisers import Optimiser
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.numerics.streams import block_stream
from verify.runs.configuration import Configuration, configuration
from verify.runs.network_records import value_of_code
from verify.samplers.dense.layerwise import LiteralMatrices
from verify.samplers.dense.weights import drawn_weights
from verify.samplers.layerwise.updates import Matrix
from verify.samplers.problem import Problem, numeric_problem

NETWORKS = (
    MLP((4, 3, 5), activation=Tanh(), weight_variance="3/2", input_norm2=3),
    MLP(4, 3, activation=LeakyReLU("0.3"), norm=RMSNorm(), weight_variance=1),
    MLP(4, 3, activation=GELU(), norm=LayerNorm(before="activation"), bias_variance="1/4"),
    MLP(4, 3, activation=Activation("z/(1 + z**4)**(1/4)"), norm=LayerNorm(), weight_variance=2),
    MLP(4, 3, activation=ELU(), norm=RMSNorm("activation"), weight_variance=2, bias_variance=1),
)


GRAPH = Graph({"a": ("x",), "b": ("a", "x")}, readout=("b",), width=4)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
def test_a_step_is_that_of_the_definition(network: MLP, optimiser: Optimiser) -> None:
    literal = Literal(network, np.random.default_rng(3))
    for step in (None, 0.2):
        if not numeric_problem(
            network, layer=None, rates=None, step=step, optimiser=optimiser
        ).is_plain:
            check_a_step(literal, optimiser, step)


def test_literal_matrices_are_one_matrix_in_all_three_products() -> None:
    problem = numeric_problem(NETWORKS[0], layer=None, rates=None, step=None)
    generator = np.random.default_rng(5)
    x, g, y = (generator.standard_normal(width) for width in (4, 3, 4))
    with drawn_weights(problem, block_stream(1, 0)) as weights:
        matrices = LiteralMatrices(weights, None)  # type: ignore[arg-type]
        which = Matrix(2, 3, problem.weight_sd[1])
        matrices.begin(0)
        units = [matrices.forward(which, unit) for unit in np.eye(4)]
        matrix, wx = np.stack(units, axis=1), matrices.forward(which, x)
        assert wx == pytest.approx(matrix @ x, rel=1e-6)
        assert matrices.backward(which, x, g) == pytest.approx(matrix.T @ g, rel=1e-6)
        assert matrices.again(which, y) == pytest.approx(matrix @ y, rel=1e-6)


CELLS: list[tuple[MLP, dict[str, Any]]] = [
    (MLP(3, 3, activation=Tanh(), weight_variance=2), {}),
    (MLP(3, 3, activation=Tanh(), weight_variance=2), {"step": 0.5}),
    (MLP(3, 3, activation=SiLU(), weight_variance=2, norm=RMSNorm()), {"step": 0.5}),
    (MLP(3, 3, weight_variance=2, norm=LayerNorm("activation")), {"optimiser": Normalised()}),
    (MLP(3, 3), {"optimiser": SignDescent(), "inputs": Inputs(((2,),), norm1=1)}),
    (MLP(3, 3, activation=Erf(), weight_variance=3, bias_variance=1), {"rates": (1, 0, 2)}),
]
BUDGET = 2.9  # two-sided 1 % over the 6 cells, with some room


@pytest.mark.parametrize(("network", "given"), CELLS)
def test_literal_and_conditioned_networks_have_one_law(network: MLP, given: dict[str, Any]) -> None:
    """Means of E[(Delta z)^2]^(1/2), whose tails are light; 1 % over all cells."""
    found = []
    for sampler, samples in ((Dense(), 2000), (Conditioned(), 100_000)):
        drawn = configuration(network, sampler=sampler, **given)
        problem = _problem(drawn)
        logs = np.concatenate(
            [
                sampler.sample(problem, block_stream(2, block), 500)
                for block in range(samples // 500)
            ],
            axis=1,
        )
        roots = np.exp(logs[0, :, 0] / 2)
        found.append((roots.mean(), roots.std() / samples**0.5))
    (one, error), (other, least) = found
    assert abs(one - other) < BUDGET * np.hypot(error, least)


def _problem(drawn: Configuration) -> Problem:
    from verify.runs.configuration import problem_of

    return problem_of(drawn)


@pytest.mark.parametrize(("network", "given"), CELLS)
def test_records_hold_networks_and_optimisers(network: MLP, given: dict[str, Any]) -> None:
    asked = configuration(network, sampler=Conditioned(), **given)
    again = Configuration.of(asked.record)
    assert (again.text, again.key) == (asked.text, asked.key)
    assert again.network.activation == network.activation
    assert again.optimiser == given.get("optimiser", GradientDescent())


def test_every_optimiser_and_activation_is_made_from_its_code() -> None:
    for value in (*OPTIMISERS, *(each.activation for each in NETWORKS)):
        assert value_of_code(repr(value)) == value
    for text in ("__import__('os')", "Tanh", "Tanh().value", "Tanh()(1)", "Softsign(", "1"):
        with pytest.raises(ValueError, match="no code of"):
            value_of_code(text) if text != "1" else value_of_code("open('x')")


def test_the_bits_of_a_seed_do_not_depend_on_the_room() -> None:
    network = MLP(8, 3, activation=Softsign(), weight_variance=1)
    ask: dict[str, Any] = {"samples": 3000, "seed": 4, "sampler": Conditioned(), "step": 0.1}
    one, two = (monte_carlo(network, **ask) for _ in range(2))
    assert one.total.mean == two.total.mean


@pytest.mark.parametrize(
    ("network", "given", "sentence"),
    [
        (NETWORKS[0], {"sampler": Gram()}, r"Conditioned\(\), which draws it"),
        (NETWORKS[0], {"sampler": RareEvents()}, r"Conditioned\(\), which draws it"),
        (MLP(4, 2), {"optimiser": SignDescent()}, r"Conditioned\(\), which draws it"),
        (
            MLP(4, 2),
            {"sampler": Conditioned(), "optimiser": SignDescent(epsilon=1)},
            r"Dense\(\), which draws it",
        ),
        (GRAPH, {"optimiser": Normalised()}, "expected an MLP or a Residual for an optimiser"),
        (GRAPH, {"inputs": Inputs()}, "expected an MLP or a Residual for inputs"),
        (MLP(4, 2, input_norm2=3), {"inputs": Inputs()}, "leave one of the two out"),
        (MLP(4, 2), {"inputs": Inputs(norm1="0.1")}, "larger norm1"),
        (MLP(4, 2), {"optimiser": "adam"}, "leave it out for gradient descent"),
        (
            NETWORKS[0],
            {"observable": trace(K), "sampler": Dense()},
            "leave observable out to measure the update",
        ),
    ],
)
def test_refusals_name_the_fix(network: Any, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        monte_carlo(network, samples=10, seed=1, **given)
