"""The compiled passes through sites, network by network, against literal networks whose derivatives
are complex steps, on the same weights."""

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from sympy import Rational

from tests.roads import literal_derivatives as literal
from tests.verify.samplers.test_dense_kernels import drawn_matrix
from theory import LeakyReLU, Linear, ReLU
from theory.activations import PiecewiseLinear
from theory.networks.convolution import Convolution
from theory.networks.graph import Graph
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from verify import Dense
from verify.numerics.streams import block_stream
from verify.samplers.dense.sites import site_scales, site_updates
from verify.samplers.dense.weights import drawn_weights
from verify.samplers.problem import Problem, numeric_problem

Matrices = dict[Hashable, Any]


class Case(NamedTuple):
    """A network with its rates, the places asked for by their names in the literal network, the
    literal network itself, and the shape and scale of its weights in the order they are drawn."""

    network: Network
    rates: Any
    places: Mapping[Any, Hashable]
    run: literal.Forward
    shapes: Mapping[Hashable, tuple[int, int, float]]
    literal_rates: Mapping[Hashable, float]


def residual_case(activation: PiecewiseLinear, *, by_block: bool = False) -> Case:
    n, m, blocks, tau2, skip2, slope = 5, 3, 3, 0.25, 0.5, float(activation.slope)
    network = Residual(
        n,
        blocks,
        branch_width=m,
        input_width=4,
        activation=activation,
        multiplier2="1/4",
        skip2="1/2",
        weight_variance=ByRole(input="1/2", up=3, down=2),
        readout_variance=3,
        input_norm2=7,
    )
    rates: Any = ByRole(input=2, up="1/2", down=3)
    ups = [0.5] * blocks
    if by_block:
        rates, ups = tuple(ByRole(2, up, 3) for up in (0, 1, 2)), [0.0, 1.0, 2.0]
    shapes: dict[Hashable, tuple[int, int, float]] = {"in": (n, 1, (0.5 / 4) ** 0.5)}
    by_name: dict[Hashable, float] = {"in": 2.0}
    for block in range(1, blocks + 1):
        shapes["U", block], shapes["W", block] = (m, n, (3 / n) ** 0.5), (n, m, (2 / m) ** 0.5)
        by_name["U", block], by_name["W", block] = ups[block - 1], 3.0
    shapes["v"] = 1, n, 3**0.5 / n
    places: dict[Any, Hashable] = {b: ("stream", b) for b in range(blocks + 1)}
    places |= {Branch(b): ("branch", b) for b in range(1, blocks + 1)}
    run = literal.residual(np.array([7**0.5 + 0j]), tau2, skip2, slope)
    return Case(network, rates, places, run, shapes, by_name)


def graph_case(activation: PiecewiseLinear) -> Case:
    """Long edges, two readouts, and a vertex that no readout reads."""
    n, slope = 4, float(activation.slope)
    vertices = {"a": ("x",), "b": ("x", "a"), "c": ("a", "b"), "d": ("b",), "e": ("a", "c", "x")}
    rates = {("a", "b"): 0, ("b", "c"): 2, ("x", "e"): "1/2"}
    network = Graph(
        vertices, readout=("c", "e"), width=n, input_width=3, activation=activation, input_norm2=2
    )
    c = 2 / (1 + slope**2)
    shapes: dict[Hashable, tuple[int, int, float]] = {}
    for name, sources in vertices.items():
        for source in sources:
            columns, fan_in = (1, 3) if source == "x" else (n, n)
            shapes[source, name] = n, columns, (c / (len(sources) * fan_in)) ** 0.5
    by_name: dict[Hashable, float] = dict.fromkeys(shapes, 1.0)
    by_name |= {("a", "b"): 0.0, ("b", "c"): 2.0, ("x", "e"): 0.5}
    shapes |= {("v", name): (1, n, 0.5**0.5 / n) for name in ("c", "e")}
    run = literal.graph(vertices, ("c", "e"), np.array([2**0.5 + 0j]), slope)
    return Case(network, rates, {k: k for k in vertices}, run, shapes, by_name)


def convolution_case(activation: PiecewiseLinear, *, shared: bool) -> Case:
    n, positions, kernel, depth, slope = 3, 4, 2, 2, float(activation.slope)
    inputs = np.array([[1, 2, 0], [2, -1, 1], [0, 1, 1], [1, 1, -2]]) + 0j
    products = inputs.real @ inputs.real.T
    gram = tuple(tuple(f"{int(value)}/3" for value in row) for row in products)
    network = Convolution(
        n,
        positions,
        kernel,
        depth,
        input_channels=3,
        shared=shared,
        activation=activation,
        gram=gram,
    )
    problem = numeric_problem(network, layer=None, rates=None, step=None)
    factor = problem.sites.inputs  # coordinates of inputs with these products
    assert np.allclose(factor @ factor.T, products, rtol=1e-14, atol=1e-12)
    c, rank = 2 / (1 + slope**2), factor.shape[1]
    sizes = {1: (n, rank, (c / (kernel * 3)) ** 0.5), 2: (n, n, (c / (kernel * n)) ** 0.5)}
    shapes: dict[Hashable, tuple[int, int, float]] = {}
    for layer, size in sizes.items():
        own = [()] if shared else [(s,) for s in range(positions)]
        shapes |= {(layer, k, *s): size for s in own for k in range(kernel)}
    by_name = {key: float(key[0]) for key in shapes}  # type: ignore[index]
    if shared:
        shapes["v"] = 1, n, 1 / n
    else:
        shapes |= {("v", s): (1, n, 1 / (n * positions**0.5)) for s in range(positions)}
    run = literal.convolution(factor + 0j, kernel, depth, shared, slope)
    places = {(layer, s): (layer, s) for layer in (1, 2) for s in range(positions)}
    return Case(network, (1, 2), places, run, shapes, by_name)


CASES = {
    "residual": lambda: residual_case(ReLU()),
    "residual, leaky": lambda: residual_case(LeakyReLU("1/4"), by_block=True),
    "graph": lambda: graph_case(ReLU()),
    "graph, leaky": lambda: graph_case(LeakyReLU("1/4")),
    "convolution, linear": lambda: convolution_case(Linear(), shared=True),
    "convolution, shared ReLU": lambda: convolution_case(ReLU(), shared=True),
    "convolution, not shared": lambda: convolution_case(ReLU(), shared=False),
}
by_case = pytest.mark.parametrize("name", CASES)


def problem_of(case: Case, step: float | None = None, places: Any = None) -> Problem:
    asked = list(case.places) if places is None else places
    return numeric_problem(case.network, layer=asked, rates=case.rates, step=step)


def matrices_of(case: Case, problem: Problem, seed: int) -> Matrices:
    """The weights that a seed draws, by name."""
    with drawn_weights(problem, block_stream(seed, 0)) as weights:
        drawn = [
            scale * drawn_matrix(weights, number, columns, rows) + 0j
            for number, (rows, columns, scale) in enumerate(case.shapes.values(), start=1)
        ]
    return dict(zip(case.shapes, drawn, strict=True))


def run(problem: Problem, seed: int, label: float = 1.0) -> np.ndarray:
    """Logs of one network, shape ``(parts, places)``."""
    out = np.empty((len(problem.parts), 1, problem.layers.size))
    labels, step = np.array([label]), problem.step or 0.0
    with drawn_weights(problem, block_stream(seed, 0)) as weights:
        site_updates(site_scales(problem), weights, labels, step, problem.layers, out)
    return out[:, 0]


@pytest.mark.slow
@by_case
def test_linearised_update_is_the_derivative_along_the_gradient(name: str) -> None:
    case = CASES[name]()
    problem = problem_of(case)
    for seed in range(12):
        matrices = matrices_of(case, problem, seed)
        update, f = literal.linearised_update(case.run, matrices, case.literal_rates)
        label = [np.mean(update[place] ** 2) for place in case.places.values()]
        found = np.exp(run(problem, seed))
        assert found[0] == pytest.approx(label, rel=1e-10, abs=1e-28)
        assert found[1] == pytest.approx(np.multiply(label, f**2), rel=1e-10, abs=1e-28)


@pytest.mark.wide
@by_case
@pytest.mark.parametrize("step", [0.05, 3.0])
def test_real_step_is_the_network_run_again_with_new_weights(name: str, step: float) -> None:
    case = CASES[name]()
    problem = problem_of(case, step)
    for seed in range(6):
        matrices, label = matrices_of(case, problem, seed), 1.0 if seed % 2 else -1.0
        change = literal.real_step(case.run, matrices, case.literal_rates, step, label)
        expected = [np.mean(change[place] ** 2) / step**2 for place in case.places.values()]
        found = np.exp(run(problem, seed, label))[0]
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-24)


@pytest.mark.wide
@by_case
@pytest.mark.parametrize("step", [None, 0.5])
def test_bits_do_not_depend_on_the_room_or_on_what_else_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, name: str, step: float | None
) -> None:
    case = CASES[name]()

    def draws(places: Any = None) -> np.ndarray:
        monkeypatch.setattr("verify.samplers.dense.weights._ROOMS", deque())
        return Dense().sample(problem_of(case, step, places), block_stream(3, 0), 20)

    every = draws()
    for most in (0, 40):
        monkeypatch.setattr("verify.samplers.dense.weights._MOST_KEPT", most)
        assert np.array_equal(draws(), every)
    alone = [draws([place])[:, :, 0] for place in case.places]
    assert np.array_equal(np.stack(alone, axis=2), every)


@pytest.mark.parametrize("power", [-450, -200, 200])
def test_underflowing_and_overflowing_norms_give_the_same_digits(power: int) -> None:
    """Powers of two round nothing: the label part goes with |x|^4, far outside float64."""
    plain, scaled = (
        numeric_problem(
            Residual(6, 3, input_norm2=6 * Rational(4) ** each), layer=None, rates=None, step=None
        )
        for each in (0, power)
    )
    gained = run(scaled, 7)[0] - run(plain, 7)[0]
    assert gained == pytest.approx(4 * power * np.log(2.0), abs=1e-9)


def test_a_thousand_blocks_that_double_the_stream_do_not_overflow() -> None:
    network = Residual(4, 2000, multiplier2=4)
    problem = numeric_problem(network, layer=(0, 1000, 2000), rates=None, step=None)
    logs = run(problem, 1)
    assert np.all(np.isfinite(logs))
    assert logs[0, 2] > logs[0, 1] > 300


def test_a_place_that_no_readout_reads_moves_only_with_weights_below_it() -> None:
    """Vertex d of `graph_case` has a gradient of 0: its own weights stay as they are."""
    vertices = {"a": ("x",), "dead end": ("x",), "d": ("a",)}
    network = Graph(vertices, readout="a", width=4)
    problem = numeric_problem(network, layer=("dead end", "d"), rates=None, step=None)
    logs = Dense().sample(problem, block_stream(1, 0), 200)
    assert np.all(np.isneginf(logs[:, :, 0]))
    assert np.mean(np.isfinite(logs[:, :, 1])) > 0.8
    assert problem.sites.moving[problem.layers].tolist() == [False, True]
