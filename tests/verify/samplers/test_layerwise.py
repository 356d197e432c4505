"""Networks of any activation: one step of given matrices against literal differences, the two
samplers against each other, records, and refusals."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from theory import (
    ELU,
    GELU,
    MLP,
    Activation,
    Erf,
    GradientDescent,
    Inputs,
    InvalidArgument,
    LayerNorm,
    LeakyReLU,
    Momentum,
    Normalised,
    Residual,
    RMSNorm,
    SignDescent,
    SiLU,
    Softsign,
    Tanh,
    WeightDecay,
)
from theory.observables import K, trace
from theory.optimisers import Optimiser
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.numerics.streams import block_stream
from verify.runs.configuration import Configuration, configuration
from verify.runs.network_records import value_of_code
from verify.samplers.dense.layerwise import LiteralMatrices
from verify.samplers.dense.weights import drawn_weights
from verify.samplers.layerwise import Matrices, Matrix, Seen, layerwise_updates
from verify.samplers.problem import Problem, numeric_problem

Array = NDArray[np.float64]
DIFFERENCE = 1e-5
OPTIMISERS = (
    GradientDescent(),
    SignDescent(),
    SignDescent(epsilon="1/2"),
    Normalised(scale="0.7"),
    Momentum("0.9", averaged=True, nesterov=True),
    WeightDecay(GradientDescent(), "1/3"),
    WeightDecay(SignDescent(), "1/3"),
)
NETWORKS = (
    MLP((4, 3, 5), activation=Tanh(), weight_variance="3/2", input_norm2=3),
    MLP(4, 3, activation=LeakyReLU("0.3"), norm=RMSNorm(), weight_variance=1),
    MLP(4, 3, activation=GELU(), norm=LayerNorm(before="activation"), bias_variance="1/4"),
    MLP(4, 3, activation=Activation("z/(1 + z**4)**(1/4)"), norm=LayerNorm(), weight_variance=2),
    MLP(4, 3, activation=ELU(), norm=RMSNorm("activation"), weight_variance=2, bias_variance=1),
)


class Given(Matrices):
    """Matrices in numbers: ``weights[l]`` of layer l, from layer 2 on, and drawn ``vectors``."""

    def __init__(self, weights: list[Array], vectors: list[Array]) -> None:
        self.weights, self.vectors = weights, list(vectors)

    def normals(self, width: int) -> Array:
        drawn = self.vectors.pop(0)
        assert drawn.size == width
        return drawn[None]

    def forward(self, matrix: Matrix, x: Array) -> Array:
        return x @ self.weights[matrix.number].T

    def backward(self, matrix: Matrix, x: Array, wx: Array, g: Array) -> Array:
        return g @ self.weights[matrix.number]

    def again(self, matrix: Matrix, seen: Seen, y: Array) -> Array:
        return y @ self.weights[matrix.number].T


class Literal:
    """The same network from its definition: every weight, the first layer's too."""

    def __init__(self, network: MLP, generator: np.random.Generator) -> None:
        self.network, self.widths = network, [int(width) for width in network.widths]
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        c = float(network.c)
        draw = generator.standard_normal
        self.weights = [draw((rows, columns)) * (c / columns) ** 0.5 for columns, rows in pairs]
        deviation = float(network.bias_variance) ** 0.5
        self.biases = [draw(rows) * deviation for rows in self.widths[1:]]
        self.readout = draw(self.widths[-1]) / self.widths[-1]
        self.x = np.full(self.widths[0], (float(network.norm2) / self.widths[0]) ** 0.5)

    def scaled(self, values: Array, before: str) -> Array:
        norm = self.network.norm
        if norm is None or norm.before != before:
            return values
        if isinstance(norm, LayerNorm):
            values = values - values.mean()
        return values / np.sqrt(np.mean(values**2))

    def run(self, weights: list[Array]) -> tuple[list[Array], float]:
        x, found = self.x, []
        for layer, (matrix, bias) in enumerate(zip(weights, self.biases, strict=True)):
            found.append(matrix @ (self.scaled(x, "weights") if layer else x) + bias)
            x = self.network.activation.value(self.scaled(found[-1], "activation"))
        return found, float(self.readout @ self.scaled(x, "weights"))

    def gradient(self) -> list[Array]:
        """Of f, one weight at a time."""
        found = [np.zeros_like(matrix) for matrix in self.weights]
        for matrix, slopes in zip(self.weights, found, strict=True):
            for place in np.ndindex(matrix.shape):
                before, values = matrix[place], []
                for sign in (1, -1):
                    matrix[place] = before + sign * DIFFERENCE
                    values.append(self.run(self.weights)[1])
                matrix[place] = before
                slopes[place] = (values[0] - values[1]) / (2 * DIFFERENCE)
        return found

    def update(self, optimiser: Optimiser, residue: float) -> list[Array]:
        """U of every layer: the step of the loss (f - y)^2/2 is -eta U."""
        rule, found = optimiser.unscaled, []
        for slopes, matrix in zip(self.gradient(), self.weights, strict=True):
            full = residue * slopes
            if isinstance(rule, SignDescent):
                small = float(rule.epsilon) / self.widths[-1]
                full = np.where(abs(full) > 1e-9, full / (abs(full) + small + 1e-300), 0.0)
            if isinstance(rule, Normalised):
                full = full / np.linalg.norm(full, 2)
            decay = float(optimiser.weight_decay) * self.widths[-1] ** (optimiser.width_power // 2)
            found.append(float(optimiser.multiple) * full + decay * matrix)
        return found

    def movement(self, update: list[Array], step: float) -> list[Array]:
        """(z' - z)/step after the step -step U."""
        moved = [w - step * u for w, u in zip(self.weights, update, strict=True)]
        before, after = self.run(self.weights)[0], self.run(moved)[0]
        return [(new - old) / step for old, new in zip(before, after, strict=True)]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
def test_a_step_is_that_of_the_definition(network: MLP, optimiser: Optimiser) -> None:
    literal = Literal(network, np.random.default_rng(3))
    for step in (None, 0.2):
        problem = numeric_problem(
            network, layer=(1, 2, 3), rates=None, step=step, optimiser=optimiser
        )
        if problem.is_plain:
            continue
        first = literal.weights[0] @ literal.x
        vectors = [first / (problem.weight_sd[0] * problem.input_norm)]
        deviation = float(network.bias_variance) ** 0.5
        for bias in literal.biases:
            vectors += [bias / deviation] if deviation else []
        vectors.append(literal.readout / problem.readout_sd)
        logs = np.empty((len(problem.parts), 1, 3))
        given = Given([np.empty(0), np.empty(0), *literal.weights[1:]], vectors)
        layerwise_updates(problem, given, np.array([1.0]), logs)
        f = literal.run(literal.weights)[1]
        whole = problem.parts == ("total",)
        update = literal.update(optimiser, f - 1.0 if whole else 1.0)
        if step is None:
            two = [literal.movement(update, sign * 1e-5) for sign in (1, -1)]
            moved = [(one + other) / 2 for one, other in zip(*two, strict=True)]
        else:
            moved = literal.movement(update, step)
        expected = np.array([np.mean(each**2) for each in moved])
        assert np.exp(logs[0][0]) == pytest.approx(expected, rel=2e-5)
        if not whole:
            assert logs[1][0] - logs[0][0] == pytest.approx(np.full(3, np.log(f**2)))


def test_literal_matrices_are_one_matrix_in_all_three_products() -> None:
    problem = numeric_problem(NETWORKS[0], layer=None, rates=None, step=None)
    generator = np.random.default_rng(5)
    x, g, y = (generator.standard_normal((1, width)) for width in (4, 3, 4))
    with drawn_weights(problem, block_stream(1, 0)) as weights:
        matrices = LiteralMatrices(problem, weights, None)  # type: ignore[arg-type]
        which = Matrix(2, 3, problem.weight_sd[1])
        units = [matrices.forward(which, unit[None]).T for unit in np.eye(4)]
        matrix, wx = np.concatenate(units, axis=1), matrices.forward(which, x)
        seen = Seen(x, wx, g, matrices.backward(which, x, wx, g))
        assert wx[0] == pytest.approx(matrix @ x[0], rel=1e-6)
        assert seen.h[0] == pytest.approx(matrix.T @ g[0], rel=1e-6)
        assert matrices.again(which, seen, y)[0] == pytest.approx(matrix @ y[0], rel=1e-6)


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
        (Residual(4, 2), {"optimiser": Normalised()}, "expected an MLP for an optimiser"),
        (Residual(4, 2), {"inputs": Inputs()}, "expected an MLP for inputs"),
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
