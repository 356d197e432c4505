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
    ActivatedThenWeights,
    Activation,
    ByRole,
    Erf,
    GradientDescent,
    Graph,
    Inputs,
    InvalidArgument,
    LayerNorm,
    LeakyReLU,
    Linear,
    Normalised,
    Residual,
    RMSNorm,
    SignDescent,
    SiLU,
    Softsign,
    Tanh,
)
from theory.observables import K, trace
from theory.optimisers import Optimiser
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.numerics.arrays import FloatArray
from verify.numerics.single_normals import single_normals
from verify.numerics.streams import block_stream
from verify.numerics.variates import Stream, new_stream, turn_to
from verify.runs.configuration import Configuration, configuration
from verify.runs.network_records import value_of_code
from verify.samplers.dense.layerwise import LiteralMatrices
from verify.samplers.dense.weights import drawn_weights
from verify.samplers.layerwise import passes, updates
from verify.samplers.layerwise.program import program_of
from verify.samplers.layerwise.updates import Matrices, Matrix, layerwise_updates
from verify.samplers.problem import Problem, numeric_problem

NETWORKS = (
    MLP((4, 3, 5), activation=Tanh(), weight_variance="3/2", input_norm2=3),
    MLP(4, 3, activation=LeakyReLU("0.3"), norm=RMSNorm(), weight_variance=1),
    MLP(4, 3, activation=GELU(), norm=LayerNorm(before="activation"), bias_variance="1/4"),
    MLP(4, 3, activation=Activation("z/(1 + z**4)**(1/4)"), norm=LayerNorm(), weight_variance=2),
    MLP(4, 3, activation=ELU(), norm=RMSNorm("activation"), weight_variance=2, bias_variance=1),
    MLP(4, 3, activation=Activation("max(z, 0.3)"), weight_variance=2),  # a kink inside a cell
    MLP(4, 3, activation=Softsign(), weight_variance=10**4),  # beyond the table
)


GRAPH = Graph({"a": ("x",), "b": ("a", "x")}, readout=("b",), width=4)


@pytest.mark.wide
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


class Replayed(Matrices):
    """The products that the passes draw, from their normals, in plain NumPy."""

    def __init__(self, problem: Problem, stream: Stream) -> None:
        self.program, self.stream, self.network = program_of(problem, True), stream, -1
        self.seen: dict[int, list[FloatArray]] = {}

    def begin(self, network: int) -> None:
        self.network, self.drawn = network, 0

    def normals(self, width: int) -> FloatArray:
        """Of the first layer, and of the readout."""
        stage = passes.READOUT if self.drawn else passes.FORWARD
        turn_to(self.stream, self.network, stage, 0)
        self.drawn += 1
        return self.here(width)

    def at(self, stage: int, matrix: Matrix, width: int) -> FloatArray:
        part = int(np.flatnonzero(self.program.numbers == matrix.number)[0])
        turn_to(self.stream, self.network, stage, part)
        return self.here(width)

    def here(self, width: int) -> FloatArray:
        drawn = np.empty(width, np.float32)
        single_normals(self.stream, drawn)
        return drawn.astype(float)

    def forward(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        wx = matrix.sd * np.linalg.norm(x) * self.at(passes.FORWARD, matrix, matrix.rows)
        self.seen[matrix.number] = [x.copy(), np.asarray(wx)]
        return np.asarray(wx)

    def backward(self, matrix: Matrix, x: FloatArray, g: FloatArray) -> FloatArray:
        wx, unit = self.seen[matrix.number][1], x / np.linalg.norm(x)
        fresh = self.at(passes.BACKWARD, matrix, x.size)
        fresh -= unit * (unit @ fresh)
        h = unit * (wx @ g) / np.linalg.norm(x) + np.linalg.norm(g) * matrix.sd * fresh
        self.seen[matrix.number] += [g.copy(), h]
        return np.asarray(h)

    def again(self, matrix: Matrix, y: FloatArray) -> FloatArray:
        x, wx, g, h = self.seen[matrix.number]
        unit = g / np.linalg.norm(g)
        across = y - x * (x @ y) / (x @ x)
        fresh = self.at(passes.CHANGE, matrix, matrix.rows)
        fresh -= unit * (unit @ fresh)
        out = wx * (x @ y) / (x @ x) + unit * (h @ across) / np.linalg.norm(g)
        return np.asarray(out + np.linalg.norm(across) * matrix.sd * fresh)


REPLAYED: tuple[Any, ...] = (
    MLP((70, 40, 33), activation=Tanh(), weight_variance=2),
    MLP(40, 3, activation=GELU(), norm=LayerNorm(), weight_variance=1),
    Residual(40, 3, branch_width=33, activation=Tanh(), norm=RMSNorm(), skip2="1/2"),
    Residual(40, 3, branch=ActivatedThenWeights(), activation=SiLU(), weight_variance=ByRole(up=2)),
)
"""Without biases, whose normals the caller draws at other places."""


@pytest.mark.parametrize("network", REPLAYED, ids=repr)
@pytest.mark.parametrize("step", [None, 0.3])
@pytest.mark.parametrize("optimiser", [GradientDescent(), Normalised(), OPTIMISERS[-1]], ids=str)
def test_compiled_products_are_those_of_numpy(
    network: Any, step: float | None, optimiser: Optimiser
) -> None:
    places = range(1, network.layers + 1)
    problem = numeric_problem(network, layer=places, rates=None, step=step, optimiser=optimiser)
    labels, shape = np.array([1.0, -1.0, 1.0]), (len(problem.parts), 3, network.layers)
    compiled, replayed = np.empty((2, *shape))
    layerwise_updates(problem, new_stream(block_stream(1, 0)), labels, compiled)
    stream = new_stream(block_stream(1, 0))
    layerwise_updates(problem, stream, labels, replayed, Replayed(problem, stream))
    assert compiled == pytest.approx(replayed, rel=1e-10, abs=1e-10)


@pytest.mark.wide
@pytest.mark.parametrize("network", [*NETWORKS[:5], *REPLAYED], ids=repr)
@pytest.mark.parametrize("step", [None, 0.3, 1e-7])
def test_formulas_give_what_tables_give(
    monkeypatch: pytest.MonkeyPatch, network: Any, step: float | None
) -> None:
    problem = numeric_problem(network, layer=None, rates=None, step=step)
    if problem.is_plain:
        return
    by_table = Conditioned().sample(problem, block_stream(3, 0), 20)
    nothing = np.full_like(updates._table(Tanh()), np.nan)
    monkeypatch.setattr(updates, "_table", lambda activation, for_signs: nothing)
    by_formula = Conditioned().sample(problem, block_stream(3, 0), 20)
    assert by_table == pytest.approx(by_formula, rel=1e-6, abs=1e-6)
    assert not np.array_equal(by_table, by_formula)


def test_formulas_of_large_numbers_have_no_table() -> None:
    """The graph may have detail that no point of a table shows."""
    for text, has in (("tanh(z)", True), ("z + exp(-10**8*(z - 0.3)**2)", False)):
        assert np.isfinite(updates._table(Activation(text))).any() == has


@pytest.mark.parametrize("step", [None, 0.1])
@pytest.mark.parametrize(
    ("activation", "finite"),
    [(Activation("z**3"), False), (GELU(), False), (Tanh(), True), (Erf(), True)],
    ids=repr,
)
def test_networks_that_leave_the_range_of_floats_are_not_finite(
    activation: Any, finite: bool, step: float | None
) -> None:
    """Others stay: tanh of anything is at most 1."""
    network = MLP(4, 3, activation=activation, weight_variance=10**220)
    problem = numeric_problem(network, layer=None, rates=None, step=step)
    logs = Conditioned().sample(problem, block_stream(1, 0), 20)
    assert (logs < np.inf).all() == finite


def test_small_networks_keep_their_size() -> None:
    """tanh of 10^-60 is 10^-60: the network is that of Linear with the same draws."""
    logs = []
    for activation in (Tanh(), Linear()):
        network = MLP(8, 3, activation=activation, weight_variance="1e-40", norm=None)
        problem = numeric_problem(
            network, layer=None, rates=None, step=None, optimiser=Normalised()
        )
        logs.append(Conditioned().sample(problem, block_stream(1, 0), 20))
    assert logs[0] == pytest.approx(logs[1], rel=1e-8)


CELLS: list[tuple[MLP, dict[str, Any]]] = [
    (MLP(3, 3, activation=Tanh(), weight_variance=2), {}),
    (MLP(3, 3, activation=Tanh(), weight_variance=2), {"step": 0.5}),
    (MLP(3, 3, activation=SiLU(), weight_variance=2, norm=RMSNorm()), {"step": 0.5}),
    (MLP(16, 3, weight_variance=2, norm=LayerNorm("activation")), {"optimiser": Normalised()}),
    (MLP(3, 3), {"optimiser": SignDescent(), "inputs": Inputs(((2,),), norm1=1)}),
    (MLP(3, 3, activation=Erf(), weight_variance=3, bias_variance=1), {"rates": (1, 0, 2)}),
]
BUDGET = 2.9  # two-sided 1 % over the 6 cells, with some room


@pytest.mark.slow
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
        (MLP(4, 2), {"optimiser": SignDescent()}, r"Conditioned\(\), which makes"),
        (
            MLP(4, 2),
            {"sampler": Conditioned(), "optimiser": SignDescent(epsilon=1)},
            r"Dense\(\), which makes its steps",
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
