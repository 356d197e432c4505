"""The compiled passes, network by network, against plain NumPy on the same weights."""

from collections import deque

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import Rational

from tests.roads.literal_network import Network, forward, gradient, linearised_update
from tests.roads.literal_network import real_step as literal_step
from theory import MLP, LeakyReLU
from verify import Dense
from verify.numerics.streams import block_stream
from verify.samplers.dense.passes import dense_updates
from verify.samplers.dense.weights import Weights, begin_columns, drawn_weights, row_group
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.vectors import activate_change, vector_scales

widths = st.lists(st.integers(1, 6), min_size=2, max_size=6).map(tuple)
slopes = st.sampled_from(["0", "0.25", "1"])
rate_lists = st.lists(st.sampled_from([0, 1, "0.5"]), min_size=5, max_size=5)


def problem_of(
    sizes: tuple[int, ...],
    slope: str,
    rates: list[object],
    step: float | None,
    layer: int | None = None,
) -> Problem:
    """Every layer is requested, or ``layer`` alone."""
    network = MLP(sizes[1:], input_width=sizes[0], activation=LeakyReLU(slope))
    depth = len(sizes) - 1
    asked = tuple(range(1, depth + 1)) if layer is None else (layer,)
    return numeric_problem(network, layer=asked, rates=rates[:depth], step=step)


def as_literal(problem: Problem, seed: int) -> Network:
    """The weights that a seed draws, as matrices, for the plain road."""
    pairs = list(zip(problem.widths, (*problem.widths[1:], 1), strict=True))
    with drawn_weights(problem, block_stream(seed, 0)) as weights:
        matrices = [drawn_matrix(weights, k, *pair) for k, pair in enumerate(pairs, start=1)]
    *hidden, readout = matrices
    x = np.full(problem.widths[0], problem.input_norm / problem.widths[0] ** 0.5)
    scaled = [sd * matrix for sd, matrix in zip(problem.weight_sd, hidden, strict=True)]
    rates = tuple(problem.rates)
    return Network(scaled, problem.readout_sd * readout[0], x, problem.slope, rates)


def drawn_matrix(weights: Weights, layer: int, columns: int, rows: int) -> np.ndarray:
    """One layer of the first network, shape ``(rows, columns)``; the readout is a last layer."""
    begin_columns(weights, np.zeros(columns), 0.0, True)
    found: list[np.ndarray] = []
    for number in range(-(-rows // 4)):
        row_group(weights, layer, number)
        found += list(weights.group[: 4 * columns].reshape(4, columns).astype(float))
    return np.array(found[:rows])


def run(problem: Problem, seed: int, label: float = 1.0) -> np.ndarray:
    """Logs of one network, shape ``(parts, layers)``."""
    out = np.empty((len(problem.parts), 1, problem.layers.size))
    scales, labels, step = vector_scales(problem), np.array([label]), problem.step or 0.0
    with drawn_weights(problem, block_stream(seed, 0)) as weights:
        dense_updates(scales, weights, labels, step, problem.layers, out)
    return out[:, 0]


@given(widths, slopes, rate_lists, st.integers(0, 10**6))
@example((1, 1, 1), "0", [1, 1, 1, 1, 1], 0)
@example((2, 3, 2), "0", [0, 1, 1, 1, 1], 3)
def test_linearised_update_is_kernel_times_gradient(
    sizes: tuple[int, ...], slope: str, rates: list[object], seed: int
) -> None:
    problem = problem_of(sizes, slope, rates, None)
    literal = as_literal(problem, seed)
    logs = np.exp(run(problem, seed))
    output = forward(literal).output
    for index, layer in enumerate(problem.layers):
        label = np.mean(linearised_update(literal, layer=int(layer)) ** 2)
        assert logs[0, index] == pytest.approx(label, rel=1e-10, abs=1e-300)
        assert logs[1, index] == pytest.approx(label * output**2, rel=1e-9, abs=1e-300)


@given(widths, slopes, rate_lists, st.sampled_from([1e-3, 0.1, 3.0]), st.integers(0, 10**6))
@example((2, 2, 2), "0", [1, 1, 1, 1, 1], 3.0, 5)
def test_real_step_is_the_network_run_again_with_new_weights(
    sizes: tuple[int, ...], slope: str, rates: list[object], step: float, seed: int
) -> None:
    problem = problem_of(sizes, slope, rates, step)
    literal = as_literal(problem, seed)
    label = 1.0 if seed % 2 else -1.0
    moved = np.exp(run(problem, seed, label))
    for index, layer in enumerate(problem.layers):
        change = literal_step(literal, rate=step, label=label, layer=int(layer))
        expected = np.mean(change**2) / step**2
        assert moved[0, index] == pytest.approx(expected, rel=1e-6, abs=1e-20)


def test_gradient_times_pre_activation_is_the_output_at_every_layer() -> None:
    problem = problem_of((3, 5, 4, 6), "0.25", [1] * 5, None)
    literal = as_literal(problem, 4)
    passed = forward(literal)
    for layer, z in enumerate(passed.pre_activations, start=1):
        assert gradient(literal, layer=layer) @ z == pytest.approx(passed.output, rel=1e-12)


def test_small_real_step_tends_to_the_linearised_one_without_cancelling() -> None:
    sizes = (4, 8, 8, 8)
    linear = problem_of(sizes, "0", [1] * 5, None)
    tiny = problem_of(sizes, "0", [1] * 5, 1e-13)
    label, output = np.exp(run(linear, 2))
    f = np.sqrt(output / label)
    moved = np.exp(run(tiny, 2, label=1.0))[0]
    signs = [(1 - s * f) ** 2 for s in (1, -1)]
    assert min(np.max(np.abs(moved / (label * s) - 1)) for s in signs) < 1e-9


@pytest.mark.parametrize("power", [-450, -200, 200])
def test_underflowing_and_overflowing_norms_give_the_same_digits(power: int) -> None:
    """Powers of two round nothing: the label part goes with |x|^4, far outside float64."""
    plain = numeric_problem(MLP(6, 8), layer=None, rates=None, step=None)
    norm2 = Rational(6) * Rational(4) ** power
    scaled = numeric_problem(MLP(6, 8, input_norm2=norm2), layer=None, rates=None, step=None)
    gained = run(scaled, 7)[0] - run(plain, 7)[0]
    assert gained == pytest.approx(4 * power * np.log(2.0), abs=1e-9)


def test_a_vanishing_slope_is_not_a_dead_layer() -> None:
    """With one neuron of slope 1e-120 a layer, no layer is dead, however small its norm."""
    network = MLP(1, 30, activation=LeakyReLU("1e-120"))
    problem = numeric_problem(network, layer=(1, 30), rates=None, step=None)
    assert np.all(np.isfinite(run(problem, 1)[0]))


def test_a_dead_layer_stops_every_update_at_every_layer() -> None:
    network = MLP(1, 12)
    problem = numeric_problem(network, layer=tuple(range(1, 13)), rates=None, step=None)
    dead = [seed for seed in range(20) if forward(as_literal(problem, seed)).output == 0]
    assert len(dead) > 15
    for seed in dead:
        assert np.all(np.isneginf(run(problem, seed)))


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0])
def test_activations_change_by_what_they_are_after_less_what_they_were(slope: float) -> None:
    """Across the kink, from it, to it, and on either side; each vector in a scale of its own."""
    grid = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    z, change = (each.ravel() for each in np.meshgrid(grid, grid))
    after = np.maximum(z + change, slope * (z + change)) - np.maximum(z, slope * z)
    doubled = 2.0 * change
    activate_change(z / 4.0, 4.0, doubled, 0.5, 2.0, slope)
    assert np.array_equal(doubled, 2.0 * after)


@pytest.mark.parametrize("step", [None, 0.5])
@pytest.mark.parametrize("most", [0, 40, 400])
def test_weights_are_the_same_kept_or_drawn_again(
    monkeypatch: pytest.MonkeyPatch, step: float | None, most: int
) -> None:
    """With no room for rows that later passes need, with room for one layer's, and for some."""
    problem = problem_of((5, 9, 7, 8, 6), "0.25" if most == 400 else "0", [1, 2, 1, 1], step)

    def draws() -> np.ndarray:
        monkeypatch.setattr("verify.samplers.dense.weights._ROOMS", deque())
        return Dense().sample(problem, block_stream(3, 0), 20)

    kept = draws()
    monkeypatch.setattr("verify.samplers.dense.weights._MOST_KEPT", most)
    assert np.array_equal(draws(), kept)


@pytest.mark.parametrize("most", [0, 40, 2**24])
def test_a_layer_is_the_same_asked_for_alone(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Of other layers only the rows of active neurons are then kept and needed."""
    monkeypatch.setattr("verify.samplers.dense.weights._MOST_KEPT", most)
    sizes = (5, 9, 7, 8, 6)
    rates: list[object] = [1, 2, 1, 1]

    def draws(layer: int | None) -> np.ndarray:
        monkeypatch.setattr("verify.samplers.dense.weights._ROOMS", deque())
        return Dense().sample(problem_of(sizes, "0", rates, None, layer), block_stream(3, 0), 20)

    every = draws(None)
    for layer in range(1, 5):
        assert np.array_equal(draws(layer)[:, :, 0], every[:, :, layer - 1])
