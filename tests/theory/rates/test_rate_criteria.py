"""Criteria of the maximal rate: against exact values of every layer, and at symbolic depth."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from sympy import Rational, sqrt

from tests.tools.strategies import generated, mlp_layers, rational
from theory import (
    MLP,
    Branches,
    EveryHiddenLayer,
    InvalidArgument,
    LastLayer,
    LeakyReLU,
    MeanOverLayers,
    NetworkOutput,
    NotSolved,
    Readout,
    Stream,
    StreamAndBranches,
    maximal_learning_rate,
    squared_update,
)
from theory.precision import workdps
from theory.symbols import L, a, b, n, n_0

BOUNDS = st.sampled_from([Fraction(1), Fraction(1, 10), Fraction(7, 3)])


def by_hand(criterion: Any, moves: list[Any]) -> Any:
    """What the criterion bounds, from E of every layer."""
    if isinstance(criterion, LastLayer):
        return moves[-1]
    if isinstance(criterion, MeanOverLayers):
        return sum(moves) / len(moves)
    return max(moves)


@generated(30)
@given(mlp_layers(), BOUNDS, st.sampled_from([EveryHiddenLayer, LastLayer, MeanOverLayers]))
def test_the_rate_meets_its_criterion_exactly(case: Any, bound: Fraction, kind: Any) -> None:
    network, _, rates = case
    criterion = kind(bound)
    layers = range(1, network.layers + 1)
    moves = [squared_update(network, k, rates=rates).per_eta2 for k in layers]
    moved = by_hand(criterion, moves)
    rate = maximal_learning_rate(network, criterion=criterion, rates=rates)
    if moved == 0:
        with pytest.raises(InvalidArgument, match="only zeros"):
            _ = rate.exact
        return
    assert rate.exact**2 == rational(bound) / moved
    assert rate.evaluate(20) == pytest.approx(mpf(str(rate.exact.evalf(25))), rel=1e-18)


@pytest.mark.slow
@generated(6)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), BOUNDS)
def test_the_closed_form_of_the_rate_is_that_of_every_network(
    width: int, depth: int, inputs: int, bound: Fraction
) -> None:
    symbolic = maximal_learning_rate(MLP(input_width=n_0), criterion=EveryHiddenLayer(bound))
    network = MLP(width, depth, input_width=inputs)
    layers = range(1, depth + 1)
    largest = max(squared_update(network, layer).per_eta2 for layer in layers)
    found = symbolic.exact.subs({n: width, L: depth, n_0: inputs})
    assert found**2 == rational(bound) / largest
    assert symbolic.layer == L


@pytest.mark.slow
def test_the_closed_form_of_the_rate_in_the_slope() -> None:
    symbolic = maximal_learning_rate(MLP(activation=LeakyReLU())).exact
    for width, depth, slope in ((1, 3, "1"), (4, 2, "1/3"), (3, 5, "1/100")):
        numeric = maximal_learning_rate(MLP(width, depth, activation=LeakyReLU(slope)))
        found = symbolic.subs({n: width, L: depth, a: Rational(slope)})
        assert found**2 == numeric.exact**2


@pytest.mark.parametrize(
    ("criterion", "constant"),
    [
        (EveryHiddenLayer(), sqrt(3)),
        (LastLayer(), sqrt(3)),
        (MeanOverLayers(), 2 * sqrt(3)),
        (LastLayer("1/4"), sqrt(3) / 2),
    ],
    ids=repr,
)
def test_the_law_under_every_criterion(criterion: Any, constant: Any) -> None:
    """The power -3/2 is the same; constants against exact values at width 10^9, depth 150, where
    the next terms are of order 1/L."""
    law = maximal_learning_rate(MLP(), criterion=criterion).leading()
    assert law == constant / L ** Rational(3, 2)
    exact = maximal_learning_rate(MLP(10**9, 150), criterion=criterion).evaluate()
    assert float(exact) == pytest.approx(float(law.subs(L, 150)), rel=0.02)


def test_the_mean_over_layers_at_symbolic_width() -> None:
    rate = maximal_learning_rate(MLP(depth=3), criterion=MeanOverLayers())
    moves = [squared_update(MLP(5, 3), layer).per_eta2 for layer in (1, 2, 3)]
    assert rate.exact.subs(n, 5) ** -2 == sum(moves) / 3
    assert rate.layer is None
    assert "mean over the layers" in repr(rate)
    limits = [squared_update(MLP(depth=3), layer).width_series(0)[0] for layer in (1, 2, 3)]
    assert rate.leading() ** -2 == sum(limits) / 3


@pytest.mark.slow
def test_deep_networks_take_the_proof_instead_of_all_layers() -> None:
    deep, rates = MLP(16, 70), (2,) + (3,) * 69
    for given_rates in (None, rates):
        rate = maximal_learning_rate(deep, rates=given_rates)
        with workdps(40) as context:
            means = squared_update(deep, rates=given_rates).layer_means(context)
        assert rate.layer == 70 == 1 + means.index(max(means))


@pytest.mark.parametrize("bound", [0, -1, "x", True, None, float("nan"), n])
@pytest.mark.parametrize("kind", [EveryHiddenLayer, LastLayer, MeanOverLayers, NetworkOutput])
def test_a_bound_is_a_positive_number(kind: Any, bound: Any) -> None:
    with pytest.raises(InvalidArgument, match="bound"):
        kind(bound)


def test_criteria_are_written_as_they_are_made() -> None:
    assert repr(EveryHiddenLayer()) == "EveryHiddenLayer()"
    assert repr(MeanOverLayers("0.5")) == "MeanOverLayers(bound='1/2')"
    assert LastLayer(0.5) == LastLayer("1/2") != LastLayer()


def test_criteria_of_the_wrong_kind() -> None:
    with pytest.raises(InvalidArgument, match=r"criterion=NetworkOutput\(\)"):
        maximal_learning_rate(MLP(), criterion=NetworkOutput())
    with pytest.raises(InvalidArgument, match=r"criterion=LastLayer\(\)"):
        maximal_learning_rate(MLP(), criterion=LastLayer(), group=Readout())


def test_away_from_the_critical_variance_the_last_layer_has_a_rate() -> None:
    network = MLP(weight_variance=1)
    exact = maximal_learning_rate(network, criterion=LastLayer()).exact
    numeric = squared_update(MLP(4, 3, weight_variance=1)).per_eta2
    assert exact.subs({n: 4, L: 3}) ** -2 == numeric
    with pytest.raises(NotSolved, match="LastLayer"):
        maximal_learning_rate(network).leading()
    with pytest.raises(
        NotSolved, match=r"the mean over layers is solved .*criterion=LastLayer\(\)"
    ):
        maximal_learning_rate(network, criterion=MeanOverLayers()).leading()


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3, pytest.param(5, marks=pytest.mark.slow)])
def test_pairs_of_layers_make_the_law(depth: int) -> None:
    """As n -> infinity a pair of trained layers j, k adds L - max(j, k) + 1/2 to E."""

    def limit(*trained: int) -> Any:
        rates = [int(layer in trained) for layer in range(1, depth + 1)]
        return squared_update(MLP(depth=depth), rates=rates).width_series(0)[0]

    for j in range(1, depth + 1):
        assert limit(j) == depth - j + Rational(1, 2)
        for k in range(1, j):
            assert limit(j, k) - limit(j) - limit(k) == 2 * limit(j)


@pytest.mark.parametrize("criterion", [Stream, Branches, StreamAndBranches])
def test_a_block_in_the_place_of_the_bound_names_the_layer(criterion: Any) -> None:
    with pytest.raises(InvalidArgument, match="got the block b; give layer=b for the stream"):
        criterion(b)
