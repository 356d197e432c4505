"""Observables of every sampler: on the same weights, on the same networks, and in the mean."""

import random
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import Integer

from tests.roads.literal_network import Network, forward, gradient, kernel_matrix
from tests.tools.strategies import spelled
from tests.verify.samplers.test_dense_kernels import as_literal
from theory import MLP, InvalidArgument, LeakyReLU, Residual, derive
from theory.activations import PiecewiseLinear
from theory.observables import D, K, Observable, f, g, trace, x, z
from theory.symbols import n
from verify import Conditioned, Dense, Gram, RareEvents, check, monte_carlo
from verify.numerics.streams import block_stream
from verify.runs.configuration import Configuration, configuration, problem_of
from verify.samplers.dense.observing import dense_factors, factors_in_codes, matrices
from verify.samplers.dense.weights import drawn_weights
from verify.samplers.problem import numeric_problem
from verify.samplers.sampler import Sampler
from verify.samplers.vectors import vector_scales
from verify.testing import assert_matches_networks

SAMPLERS: list[Sampler] = [Dense(), Conditioned(), Gram(), RareEvents()]
UPDATE = g @ K @ K @ g
RANDOM = 20
FALSE_ALARM = 0.01 / (2 * RANDOM)
"""Chance that one true mean is rejected; 1 % for all random observables of both samplers."""

FACTORS = [
    "K",
    "D",
    "KK",
    "DKD",
    "KDDK",
    "KKKK",
    "zz",
    "zDz",
    "zKKz",
    "gz",
    "gg",
    "gDKg",
    "gKKg",
    "",
]


def literal(factor: str, network: Network, layer: int) -> float:
    """A trace or form on the matrices and vectors of a literal network."""
    state = forward(network)
    values: dict[str, Any] = {
        "K": kernel_matrix(network, layer=layer),
        "D": np.diag(state.masks[layer - 1]),
        "z": state.pre_activations[layer - 1],
        "g": gradient(network, layer=layer),
    }
    identity = np.eye(len(values["z"]))
    product = reduce(np.matmul, [values[letter] for letter in factor] or [identity])
    return float(product) if factor.endswith(("z", "g")) else float(np.trace(product))


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple),
    st.sampled_from(["0", "0.25", "1"]),
    st.lists(st.sampled_from([0, 1, "0.5"]), min_size=4, max_size=4),
    st.integers(0, 10**6),
)
@example((1, 1, 1), "0", [1, 1, 1, 1], 0)
@example((2, 3, 2), "0", [0, 1, 1, 1], 3)
def test_dense_forms_every_factor_on_the_weights_it_draws(
    sizes: tuple[int, ...], slope: str, rates: list[object], seed: int
) -> None:
    network = MLP(sizes[1:], input_width=sizes[0], activation=LeakyReLU(slope))
    depth = len(sizes) - 1
    layers = tuple(range(1, depth + 1))
    problem = numeric_problem(network, layer=layers, rates=rates[:depth], step=None)
    signs, logs = np.empty((2, len(FACTORS), 1, depth))
    scales, factors, room = vector_scales(problem), factors_in_codes(FACTORS), matrices(6, True)
    with drawn_weights(problem, block_stream(seed, 0)) as weights:
        dense_factors(scales, weights, factors, problem.layers, room, signs, logs)
    matrix_form = as_literal(problem, seed)
    for layer in layers:
        values = [literal(factor, matrix_form, layer) for factor in FACTORS]
        found = signs[:, 0, layer - 1] * np.exp(logs[:, 0, layer - 1])
        assert found == pytest.approx(values, rel=1e-9, abs=1e-12 * max(map(abs, values)))


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_the_update_is_an_observable_of_the_same_networks(sampler: Sampler) -> None:
    network = MLP((6, 9, 5), activation=LeakyReLU("0.3"))
    arguments: dict[str, Any] = {"samples": 300, "seed": 3, "sampler": sampler, "layer": (1, 3)}
    update = monte_carlo(network, rates=(1, "0.5", 2), **arguments)
    for part, observable in {"label": UPDATE / n, "output": f**2 * UPDATE / n}.items():
        drawn = monte_carlo(network, rates=(1, "0.5", 2), observable=observable, **arguments)
        assert drawn.mean == pytest.approx(update.parts[part].mean, rel=1e-9)
        assert drawn.standard_error == pytest.approx(update.parts[part].standard_error, rel=1e-6)
    both = monte_carlo(
        network, rates=(1, "0.5", 2), observable=(1 + f**2) * UPDATE / n, **arguments
    )
    assert both.mean == pytest.approx(update.mean, rel=1e-9)


DRAWN: list[tuple[Observable, str]] = [
    (UPDATE, "Dense Conditioned Gram RareEvents"),
    (UPDATE * f**2 / n - 3 * UPDATE, "Dense Conditioned Gram RareEvents"),
    (UPDATE**2, "Dense Conditioned Gram"),
    (UPDATE * f**4, "Dense Conditioned Gram"),
    (f**2, "Dense Conditioned"),
    (g @ g * (x @ x) + trace(D), "Dense Conditioned"),
    (g @ K @ D @ K @ g, "Dense Conditioned"),
    (g @ D @ K @ g - n, "Dense Conditioned"),
    (f**2 * UPDATE + trace(K), "Dense"),
    (trace(K @ K), "Dense"),
    (z @ K @ z, "Dense"),
    (g @ K @ K @ K @ g, "Dense"),
]


@pytest.mark.parametrize(("observable", "names"), DRAWN, ids=[str(each) for each, _ in DRAWN])
def test_a_sampler_draws_an_observable_or_names_one_that_does(
    observable: Observable, names: str
) -> None:
    able = [sampler for sampler in SAMPLERS if type(sampler).__name__ in names.split()]
    assert [each for each in SAMPLERS if each.can_draw(observable)] == able
    for sampler in SAMPLERS:
        draw = {"samples": 2, "seed": 1, "observable": observable, "sampler": sampler}
        if sampler in able:
            assert np.isfinite(monte_carlo(MLP(4, 2), **draw).mean)  # type: ignore[arg-type]
            continue
        with pytest.raises(InvalidArgument) as refusal:
            monte_carlo(MLP(4, 2), **draw)  # type: ignore[arg-type]
        assert sampler.draws in str(refusal.value)
        assert f"give sampler={'Gram' if 'Gram' in names else names.split()[-1]}()" in str(
            refusal.value
        )


def random_observable(number: int, sampler: Sampler) -> Observable:
    """A sum of one or two products of one or two factors, whose mean is not 0."""
    draw = random.Random(f"{number} {sampler!r}")
    letters = ["", "D", "KD", "K", "DKD", "KK"] if sampler == Dense() else ["", "D"]

    def factor() -> Observable:
        word = draw.choice(letters)
        kind: Any = (
            draw.choice([z, g, K, f]) if sampler == Dense() else draw.choice([z, g, f, g @ K])
        )
        if kind is f:
            return f**2
        if kind is K:
            return trace(spelled(word or "K")) * (z @ z)
        form = kind @ spelled(word) @ kind if word else kind @ kind
        return form * (z @ z) if kind is g else form  # |g|^2 alone is not derived for ReLU

    def term() -> Observable:
        product = reduce(
            lambda one, other: one * other, (factor() for _ in range(draw.choice("12") == "2" or 1))
        )
        return draw.randint(1, 5) * product / n ** draw.randint(0, 2)

    return term() + term() if draw.random() < 0.5 else term()


@pytest.mark.wide
@pytest.mark.parametrize("sampler", [Dense(), Conditioned()], ids=repr)
@pytest.mark.parametrize(
    "number",
    [pytest.param(k, marks=[pytest.mark.slow] if k >= 8 else []) for k in range(RANDOM)],
)
def test_measured_means_of_random_observables_are_those_derived(
    number: int, sampler: Sampler
) -> None:
    network = MLP(12, 2, activation=LeakyReLU("0.5" if number % 2 else "0"))
    observable = random_observable(number, sampler)
    arguments: dict[str, Any] = {"observable": observable, "sampler": sampler, "seed": number}
    arguments |= {"false_alarm": FALSE_ALARM, "notices": 0.3}
    mean = derive(observable, network).exact
    assert_matches_networks(mean, network, **arguments)
    if number < 3:
        with pytest.raises(AssertionError, match="not the mean over networks"):
            assert_matches_networks(mean * 3 / 2, network, **arguments)


def test_signed_observables_have_signed_means() -> None:
    arguments: dict[str, Any] = {"samples": 4000, "seed": 1, "sampler": Dense(), "layer": (1, 2)}
    plus, minus = (
        monte_carlo(MLP(8, 2), observable=each, **arguments) for each in (trace(K), -trace(K))
    )
    assert np.array_equal(plus.mean, -minus.mean)
    assert np.array_equal(plus.standard_error, minus.standard_error, equal_nan=True)
    assert "-" in minus.total.values()[1]
    shifted = monte_carlo(MLP(8, 2), observable=trace(K) - 20 * n, **arguments)
    assert shifted.mean == pytest.approx(plus.mean - 160)
    nothing = monte_carlo(MLP(8, 2), observable=trace(K) - trace(K), **arguments)
    assert np.isneginf(nothing.total.log_mean).all()


def test_deep_networks_neither_overflow_nor_vanish() -> None:
    depth = 2000
    for sampler in (Dense(), Conditioned()):
        drawn = monte_carlo(
            MLP(4, depth, activation=LeakyReLU("0.9")),
            observable=(z @ z) ** 8 * f**2,
            samples=20,
            seed=1,
            sampler=sampler,
        )
        assert np.isfinite(drawn.total.log_mean)


def test_the_bits_do_not_depend_on_threads_and_stores(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"samples": 300, "seed": 1, "observable": trace(K @ K) - n}
    arguments |= {"sampler": Dense()}
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(3) as three:
        alone, together = (
            monte_carlo(MLP(20, 2), executor=pool, **arguments) for pool in (one, three)
        )
    stored = [monte_carlo(MLP(20, 2), store=tmp_path / "s.sqlite", **arguments) for _ in "12"]
    for each in (together, *stored):
        assert each.mean == alone.mean
        assert each.standard_error == alone.standard_error


def test_a_configuration_with_an_observable_reads_back() -> None:
    usual = configuration(MLP(8, 2), sampler=Dense())
    asked = configuration(MLP(8, 2), sampler=Dense(), observable=trace(K @ K) / n - f**2 / 3)
    again = Configuration.of(asked.record)
    assert again.text == asked.text
    assert (
        len({usual.key, asked.key, configuration(MLP(8, 2), sampler=Dense(), observable=f).key})
        == 3
    )
    assert "observable" not in usual.text


def test_what_is_too_large_or_senseless_is_refused() -> None:
    draw: dict[str, Any] = {"samples": 1, "seed": 1, "sampler": Dense()}
    with pytest.raises(InvalidArgument, match="products of two numbers for the kernel"):
        monte_carlo(MLP(5000, 2), observable=trace(K), **draw)
    assert monte_carlo(MLP(5000, 1), observable=f**2, **draw).mean > 0
    with pytest.raises(InvalidArgument, match="leave step out"):
        monte_carlo(MLP(8, 2), observable=trace(K), step=0.1, **draw)
    with pytest.raises(InvalidArgument, match="the range of double precision"):
        monte_carlo(MLP(8, 2), observable=10**400 * trace(K), **draw)
    with pytest.raises(InvalidArgument, match="a matrix; take its trace or a form"):
        monte_carlo(MLP(8, 2), **draw | {"observable": K})
    with pytest.raises(AttributeError, match="leave observable out"):
        _ = monte_carlo(MLP(8, 2), observable=f**2, **draw).label
    with pytest.raises(InvalidArgument, match="of an observable only sums are kept"):
        _ = monte_carlo(MLP(8, 2), observable=f**2, **draw).total.median


@pytest.mark.parametrize("observable", [f**2, z @ z, (z @ z) * f**2, UPDATE])
def test_dead_networks_are_zeros_of_every_observable(observable: Observable) -> None:
    """A network of width 2 lives through 4 layers with chance (3/4)^4."""
    asked = configuration(MLP(2, 4), sampler=Conditioned(), observable=observable)
    drawn = Conditioned().observe(problem_of(asked), np.random.default_rng(5), 20_000)
    last = 4 - (observable == z @ z)
    alive = 0.75**last
    assert not np.isnan(drawn.logs).any()
    assert np.array_equal(drawn.signs == 0, np.isneginf(drawn.logs))
    error = abs(np.mean(drawn.signs != 0) - alive)
    assert error < 5 * (alive * (1 - alive) / 20_000) ** 0.5


@pytest.mark.wide
@pytest.mark.parametrize("network", [MLP(2, 200), MLP(4, 40), MLP(8, 40)], ids=str)
@pytest.mark.parametrize("observable", [f**2, z @ z, f**2 * (z @ z), UPDATE])
@pytest.mark.parametrize("sampler", [Conditioned(), Dense()])
def test_advice_on_an_observable_names_calls_that_help(
    network: MLP, observable: Observable, sampler: Sampler
) -> None:
    text = repr(monte_carlo(network, observable=observable, sampler=sampler, samples=100, seed=1))
    assert "overflowed" not in text
    assert "derive(observable, network) has the exact mean" in text
    assert "RareEvents" not in text
    assert derive(observable, network).evaluate() > 0


def test_claims_on_an_output_name_no_sampler_that_does_not_draw_it() -> None:
    found = check(
        "n/L", observable=f**2, claim="leading", sampler=Conditioned(), grid=[MLP(2, 200)]
    )
    assert "RareEvents" not in repr(found)


class Steep(PiecewiseLinear):
    """z for z > 0, else a slope that no pass draws."""

    slope = Integer(2)


class Absolute(PiecewiseLinear):
    """|z|."""

    slope = Integer(-1)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("kind", [Steep, Absolute])
@pytest.mark.parametrize("network", [MLP, Residual])
def test_a_slope_that_no_sampler_draws_is_named(sampler: Sampler, kind: Any, network: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"slope from 0 to 1 for a simulation, .* of slope"):
        monte_carlo(network(8, 2, activation=kind()), samples=10, seed=1, sampler=sampler)
