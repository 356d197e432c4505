"""Exact values of networks without cells that repeat: `Graph` and `Convolution`."""

import pickle
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from sympy import Rational

from tests.tools.strategies import fraction
from theory import (
    MLP,
    Convolution,
    Graph,
    InvalidArgument,
    LeakyReLU,
    Linear,
    NotSolved,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    readout_update,
    squared_update,
    tangent_kernel,
    transfer_learning_rate,
)
from theory.laws.whole_network import _mean
from theory.networks.network import Network
from theory.observables import K, trace
from theory.symbols import eta, n, n_0
from theory.words.step import word_below

GRAPH = Graph({"1": ("x",), "2": ("x", "1"), "3": ("1", "2")}, readout="3")
GRAM = [[Rational(each, 3) for each in row] for row in ((5, 0, 2), (0, 6, 0), (2, 0, 2))]
CONVOLUTION = Convolution(
    2, 3, 2, 2, input_channels=3, activation=Linear(), weight_variance=1, gram=GRAM
)
KNOWN: list[tuple[Network, Any, str, str]] = [
    (GRAPH, "1", "3/8", "149/162"),
    (GRAPH, "2", "5/2", "796/81"),
    (GRAPH, "3", "605/36", "239657/2916"),
    (CONVOLUTION, (1, 0), "169/36", "2873/486"),
    (CONVOLUTION, (2, 0), "45595/2592", "136085/3888"),
    (CONVOLUTION, (2, 1), "38323/2592", "1026341/34992"),
]
"""Label and output part from an independent calculation that agreed with literal simulation; the
graph at width 3."""


def both(update: Any) -> tuple[Fraction, Fraction]:
    return fraction(update.label.per_eta2), fraction(update.output.per_eta2)


@pytest.mark.wide
@pytest.mark.parametrize(("network", "layer", "label", "output"), KNOWN)
def test_reference_values(network: Network, layer: Any, label: str, output: str) -> None:
    update = squared_update(network, layer)
    update = update.at(n=3) if update.open_sizes else update
    assert both(update) == (Fraction(label), Fraction(output))


def test_a_network_without_an_exact_value_is_refused_when_the_value_is_made() -> None:
    with pytest.raises(NotSolved, match=r"give activation=Linear\(\), or shared=False"):
        squared_update(Convolution(64, 8, 3, 2))


def test_a_text_does_not_compute_for_many_seconds() -> None:
    slow = squared_update(Convolution(8, 4, 3, 2, activation=Linear()))
    assert repr(slow).endswith("read exact, which takes up to half a minute")
    assert repr(slow.label).endswith(": 195/64 * eta**2")


def test_a_text_says_the_refusal_that_the_first_step_shows() -> None:
    """The output part refuses before its first average, and before the label part starts."""
    _mean.cache_clear()
    large = squared_update(Convolution(64, 32, 3, 4, shared=False))
    start = time.perf_counter()
    with pytest.raises(NotSolved, match="more than 500,000 products of weights") as refused:
        large.evaluate()
    assert repr(large).endswith(str(refused.value))
    assert time.perf_counter() - start < 2
    assert _mean.cache_info().currsize == 1


@pytest.mark.slow
def test_the_shared_convolution_is_quick() -> None:
    """Its words are averaged once for all turns of the positions: 1 s of one core, with ten
    times that for a busy machine."""
    word_below.cache_clear()
    _mean.cache_clear()
    start = time.process_time()
    assert squared_update(CONVOLUTION, (2, 0)).output.per_eta2
    assert time.process_time() - start < 10


# Networks that are others, written in another way


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_chain_is_an_mlp(layer: int) -> None:
    chain = Graph({"1": ("x",), "2": ("1",), "3": ("2",)}, readout="3", input_width=n_0)
    assert (
        squared_update(chain, str(layer)).exact
        == squared_update(MLP(depth=3, input_width=n_0), layer).exact
    )


def test_a_convolution_at_one_position_is_an_mlp_with_rates() -> None:
    rates = (2, "1/2")
    one = Convolution(n, 1, 1, 2, activation=LeakyReLU("1/3"))
    mlp = MLP(depth=2, activation=LeakyReLU("1/3"))
    assert squared_update(one, (2, 0), rates).exact == squared_update(mlp, rates=rates).exact


@pytest.mark.slow
def test_positions_of_a_convolution_are_alike_where_its_inputs_are() -> None:
    values = {squared_update(Convolution(n, 3, 2, 2, shared=False), (2, s)).exact for s in range(3)}
    assert len(values) == 1


def test_a_vertex_above_the_readout_moves_by_what_it_shares() -> None:
    """z_b = W D z_a moves by W D K_aa D v with K_aa = n I to leading order in its label part, of
    mean square n^2 (2/n) |D v|^2 = 1; a vertex that shares no weights with the output stays."""
    vertices = {"a": ("x",), "b": ("a",), "c": ("x",)}
    network = Graph(vertices, readout="a")
    assert squared_update(network, "c").exact == 0
    assert squared_update(network, "b").label.exact == eta**2


@pytest.mark.slow
def test_rates_of_edges() -> None:
    every = {("x", "1"): 2, ("x", "2"): 2, ("1", "2"): 2, ("1", "3"): 2, ("2", "3"): 2}
    whole = squared_update(GRAPH, "3", every).exact
    assert whole == squared_update(GRAPH, "3", 2).exact == 4 * squared_update(GRAPH, "3").exact
    still = squared_update(GRAPH, "1", {("x", "1"): 0})
    assert still.exact == 0


# The path-sum law: E grows as the sum over paths of the cubes of their lengths


def chains(count: int, length: int, *, merged: bool) -> Graph:
    """Chains side by side from the input, read out together or merged in one more vertex."""
    vertices: dict[str, tuple[str, ...]] = {}
    for chain in range(count):
        names = ["x", *(f"{chain}.{place}" for place in range(1, length + 1))]
        vertices |= {name: (below,) for below, name in pairwise(names)}
    last = tuple(f"{chain}.{length}" for chain in range(count))
    if not merged:
        return Graph(vertices, readout=last)
    return Graph(vertices | {"merged": last}, readout="merged")


@pytest.mark.parametrize("length", [2, 3])
def test_the_path_sum_law_does_not_hold_for_parallel_chains(length: int) -> None:
    """The law multiplies E by the number of chains; derived, E is divided by it: each chain gets
    its share of the readout, and their kernels are not correlated."""
    one, two = (squared_update(chains(k, length, merged=False)).label.exact for k in (1, 2))
    assert one == squared_update(MLP(depth=length)).label.exact
    assert (2 * two - one).expand() == 0


def test_merged_chains_move_less_than_one() -> None:
    means = [squared_update(chains(k, 3, merged=True)).label.leading() for k in (1, 2, 3)]
    assert means == [Rational(22) * eta**2, Rational(39, 2) * eta**2, Rational(68, 3) * eta**2]


# What a value answers


def test_numbers_sizes_and_texts() -> None:
    update = squared_update(GRAPH, "2")
    assert update.open_sizes == (n,)
    assert float(update.at(n=3)) == pytest.approx(5 / 2 + 796 / 81, rel=1e-15)
    assert update(3) == float(update.at(n=3)) == float(update.at(n=3).evaluate())
    assert update(n=[3, 5])[0] == update(3)
    assert update.at(n=3).exact == update.exact.subs(n, 3)
    assert update.label.at(n=3).value == 2.5
    assert repr(update.label.at(n=3)).endswith("width=3): 5/2 * eta**2")
    assert r"(\Delta z^{(2)}_i)" in update.latex()
    assert pickle.loads(pickle.dumps(update)).exact == update.exact


def test_limits_of_the_width() -> None:
    update = squared_update(GRAPH, "2")
    first, second = update.width_series(1)
    assert update.leading() == first * eta**2
    gap = (update.exact / eta**2 - first - second / n) * n
    assert gap.limit(n, "oo") == 0


def test_the_first_vertex_of_the_readout_and_the_last_layer_are_asked_for() -> None:
    assert squared_update(GRAPH).layer == "3"
    assert squared_update(CONVOLUTION).layer == (2, 0)


UPDATE = squared_update(Graph({"a": ("x",)}, readout="a", width=2))
UNSOLVED: list[Callable[[], object]] = [
    lambda: UPDATE.derivation,
    lambda: UPDATE.spread,
    lambda: UPDATE.variance(),
    lambda: UPDATE.relative_standard_deviation(),
    lambda: UPDATE.law,
    lambda: UPDATE.joint_limit(),
    lambda: UPDATE.joint_law(),
    lambda: UPDATE.growth(),
    lambda: UPDATE.positive_sum(),
    lambda: UPDATE.leading(),
    lambda: derive(trace(K), GRAPH),
    lambda: derive(trace(K), GRAPH, layer="2"),
    lambda: readout_update(GRAPH),
    lambda: alignment(CONVOLUTION),
    lambda: tangent_kernel(GRAPH),
    lambda: layer_rates(GRAPH),
    lambda: maximal_learning_rate(CONVOLUTION),
    lambda: transfer_learning_rate(1, CONVOLUTION, CONVOLUTION),
    lambda: squared_update(Convolution(2, 3, 2, 1)).exact,
    lambda: squared_update(Convolution(2, 40, 2, 2, activation=Linear())).exact,
    lambda: squared_update(Convolution(2, 6, 3, 2, activation=Linear())).output.exact,
]


@pytest.mark.parametrize("ask", UNSOLVED)
def test_everything_else_is_not_solved_in_one_sentence(ask: Callable[[], object]) -> None:
    with pytest.raises(NotSolved) as refusal:
        ask()
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: squared_update(GRAPH, "4"), "layer='4'"),
        (lambda: squared_update(GRAPH, 2), "layer=2"),
        (lambda: squared_update(GRAPH, ["1"]), "layer="),
        (lambda: squared_update(CONVOLUTION, (3, 0)), "layer=3"),
        (lambda: squared_update(CONVOLUTION, (2, 3)), "position=3"),
        (lambda: squared_update(CONVOLUTION, 2), "layer=2"),
        (lambda: squared_update(GRAPH, "1", {("x", "9"): 1}), "'9'"),
        (lambda: squared_update(GRAPH, "1", -1), "rates=-1"),
        (lambda: squared_update(GRAPH, "1", "fast"), "rates='fast'"),
        (lambda: squared_update(CONVOLUTION, None, (1,)), "rates"),
        (lambda: Graph({1: ("x",)}, readout="1"), "got 1"),
        (lambda: squared_update(GRAPH, "1").at(L=3), "L=3"),
        (lambda: squared_update(GRAPH, "1")(3, 4), "3, 4"),
        (lambda: squared_update(CONVOLUTION)(3), "3"),
    ],
)
def test_bad_input_is_named(ask: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidArgument, match="expected") as refusal:
        ask()
    assert said in str(refusal.value)
