"""The maximal learning rate: 1/sqrt of the largest mean squared update over the layers."""

from fractions import Fraction
from math import prod
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import Expr, Max, Rational, cancel, sqrt

from tests.tools.strategies import POSITIVE, generated, mlp_layers, rational
from theory import (
    MLP,
    ByGroup,
    EveryHiddenLayer,
    InvalidArgument,
    LeakyReLU,
    MeanOverLayers,
    NotSolved,
    maximal_learning_rate,
    squared_update,
)
from theory.algebra.fields import certainly_at_least, field_of, largest
from theory.symbols import L, a, ell, eta, n, n_0

Case = tuple[MLP, int, tuple[Fraction, ...]]


def updates(network: MLP, rates: Any = None) -> list[Expr]:
    """E[(Delta z)^2]/eta^2 of every layer."""
    layers = range(1, network.layers + 1)
    return [squared_update(network, layer, rates=rates).per_eta2 for layer in layers]


# In numbers


@generated(30)
@given(mlp_layers())
def test_the_rate_is_set_by_the_layer_that_moves_most(case: Case) -> None:
    network, _, rates = case
    moves = updates(network, rates)
    rate = maximal_learning_rate(network, rates=rates)
    assert isinstance(rate.layer, int)
    assert moves[rate.layer - 1] == max(moves)
    assert rate.exact**2 == 1 / max(moves)
    assert rate.exact > 0


@generated(20)
@given(st.integers(1, 12), st.integers(1, 12))
def test_at_the_rate_the_binding_layer_moves_by_one(width: int, depth: int) -> None:
    network = MLP(width, depth)
    rate = maximal_learning_rate(network)
    moved = [
        squared_update(network, layer).exact.subs(eta, rate.exact) for layer in range(1, depth + 1)
    ]
    assert moved[rate.layer - 1] == 1  # type: ignore[operator]
    assert all(move <= 1 for move in moved)


@generated(25)
@given(mlp_layers(), st.sampled_from(POSITIVE))
def test_rates_and_learning_rate_trade(case: Case, k: Fraction) -> None:
    network, _, rates = case
    slow = maximal_learning_rate(network, rates=rates)
    fast = maximal_learning_rate(network, rates=[k * rate for rate in rates])
    assert fast.layer == slow.layer
    assert fast.exact**2 * rational(k) ** 2 == slow.exact**2


def test_the_rate_of_the_reference_network() -> None:
    # Widths 10: the total at layer 2 is 7/2 and the output part.
    network = MLP(10, 2)
    total = max(updates(network))
    assert maximal_learning_rate(network).exact == 1 / sqrt(total)
    assert maximal_learning_rate(network, criterion=EveryHiddenLayer()).layer == 2


def test_a_layer_below_the_last_can_bind() -> None:
    network, rates = MLP(4, 2, weight_variance="1/100"), (1, 0)
    moves = updates(network, rates)
    assert moves[0] > moves[1]
    assert maximal_learning_rate(network, rates=rates).layer == 1


# With symbols


@generated(8)
@given(st.integers(1, 5), st.integers(1, 50), st.sampled_from(["0", "1/3", "1"]))
def test_the_rate_of_a_symbolic_width_is_that_of_every_width(
    depth: int, width: int, slope: str
) -> None:
    symbolic = maximal_learning_rate(MLP(depth=depth, activation=LeakyReLU(slope)))
    numeric = maximal_learning_rate(MLP(width, depth, activation=LeakyReLU(slope)))
    assert symbolic.exact.subs(n, width) ** 2 == numeric.exact**2
    assert symbolic.layer in (None, numeric.layer)


@pytest.mark.parametrize("network", [MLP(depth=4), MLP(depth=3, input_width=n_0)], ids=repr)
def test_the_last_layer_binds_for_all_sizes(network: MLP) -> None:
    rate = maximal_learning_rate(network)
    assert rate.layer == network.depth
    assert cancel(rate.exact**-2 - updates(network)[-1]) == 0


@pytest.mark.wide
@pytest.mark.parametrize("slope", ["1/100", "1/3", "1"])
@pytest.mark.parametrize("width", [1, 2, 9])
def test_the_rate_of_a_symbolic_slope_is_that_of_every_slope(slope: str, width: int) -> None:
    symbolic = maximal_learning_rate(MLP(depth=3, activation=LeakyReLU()))
    numeric = maximal_learning_rate(MLP(width, 3, activation=LeakyReLU(slope)))
    numbers = {n: width, a: Rational(slope)}
    assert symbolic.exact.subs(numbers) ** 2 == numeric.exact**2


@pytest.mark.slow
def test_where_no_layer_binds_for_all_sizes_the_rate_is_a_maximum() -> None:
    # A hot first layer of fixed input width binds in wide networks only.
    network = MLP(depth=2, input_width=7, weight_variance="1/100", readout_variance=n)
    rate = maximal_learning_rate(network)
    moves = updates(network)
    binding = {max((1, 2), key=lambda k: moves[k - 1].subs(n, w)) for w in (1, 10, 10**6)}
    assert binding == {1, 2}
    assert rate.layer is None
    assert rate.exact.has(Max)
    for width in (1, 10, 10**6):
        assert rate.exact.subs(n, width) ** -2 == max(move.subs(n, width) for move in moves)


def test_untrained_layers_at_a_symbolic_width() -> None:
    rate = maximal_learning_rate(MLP(depth=3), rates=(0, 1, 0))
    numeric = maximal_learning_rate(MLP(6, 3), rates=(0, 1, 0))
    assert rate.exact.subs(n, 6) ** 2 == numeric.exact**2


def test_a_deep_network_of_symbolic_width_has_a_rate() -> None:
    # The polynomial under the root has 60 terms and more: it must not be asked for its sign.
    rate = maximal_learning_rate(MLP(depth=60))
    assert rate.layer == 60
    assert rate.exact.subs(n, 7) ** -2 == squared_update(MLP(7, 60)).per_eta2


def test_leading_at_fixed_depth() -> None:
    for depth in (1, 2, 5):
        network = MLP(depth=depth)
        power, coefficient = squared_update(network).leading_term()
        assert power == 0
        assert maximal_learning_rate(network).leading() == 1 / sqrt(coefficient)


def test_the_law_of_the_rate() -> None:
    rate = maximal_learning_rate(MLP())
    assert rate.leading() == sqrt(3) / L ** Rational(3, 2)
    assert rate.layer == L
    assert "sqrt(3)/L**(3/2)" in repr(rate)


# What has no answer


@pytest.mark.parametrize("network", [MLP(2, 2), MLP((2, 3)), MLP(depth=2)], ids=repr)
def test_no_rate_where_no_layer_moves(network: MLP) -> None:
    with pytest.raises(InvalidArgument, match="only zeros"):
        maximal_learning_rate(network, rates=(0, 0))


def test_a_group_that_a_depth_lacks_has_no_rate() -> None:
    middle = maximal_learning_rate(MLP(), rates=ByGroup(0, 1, 0))
    assert middle(4, 3) > 0
    with pytest.raises(NotSolved, match="only zeros"):
        middle(4, 2)
    with pytest.raises(NotSolved, match="only zeros"):
        _ = middle.at(L=2).exact


@pytest.mark.parametrize(
    ("network", "criterion"),
    [(MLP(weight_variance=1), EveryHiddenLayer()), (MLP(), MeanOverLayers())],
    ids=repr,
)
def test_no_exact_rate_of_symbolic_depth(network: MLP, criterion: Any) -> None:
    with pytest.raises(NotSolved, match="MLP\\(depth=4\\)"):
        _ = maximal_learning_rate(network, criterion=criterion).exact


def test_another_criterion_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="criterion=3"):
        maximal_learning_rate(MLP(), criterion=3)  # type: ignore[call-overload]


# The certificate of order


FIELD = field_of(frozenset({a, n, n_0, eta}))
"""a in (0, 1], n and n_0 from 1, eta positive."""

points = st.fixed_dictionaries(
    {
        a: st.fractions(Fraction(1, 20), 1, max_denominator=20),
        n: st.integers(1, 30),
        n_0: st.integers(1, 30),
        eta: st.fractions(Fraction(1, 20), 20, max_denominator=20),
    }
)
monomials = st.tuples(st.integers(-3, 4), *(st.integers(0, 3),) * 4)


def polynomial(terms: list[tuple[int, ...]]) -> Expr:
    return sum((k * a**p * n**q * n_0**s * eta**t for k, p, q, s, t in terms), start=Rational(0))


def monomial(numbers: list[Fraction], powers: list[int]) -> Fraction:
    return prod((v**p for v, p in zip(numbers, powers, strict=True)), start=Fraction(1))


def value(terms: list[tuple[int, ...]], point: dict[Any, Any]) -> Fraction:
    """`polynomial` at a point, without symbols."""
    numbers = [Fraction(point[symbol]) for symbol in (a, n, n_0, eta)]
    return sum(
        (k * monomial(numbers, powers) for k, *powers in terms),
        Fraction(0),
    )


@pytest.mark.slow
@generated(80)
@given(
    st.lists(monomials, min_size=1, max_size=5),
    st.lists(monomials, max_size=3),
    st.lists(points, min_size=4, max_size=4),
)
def test_what_is_certified_holds_at_every_admissible_point(
    terms: list[tuple[int, ...]], below: list[tuple[int, ...]], samples: list[dict[Any, Any]]
) -> None:
    denominator = polynomial([(abs(k), *powers) for k, *powers in below]) + 1  # positive
    larger = FIELD.from_sympy(polynomial(terms) / denominator)
    if certainly_at_least(larger, FIELD.zero, FIELD):
        assert all(value(terms, point) >= 0 for point in samples)


@pytest.mark.parametrize(
    ("larger", "smaller"),
    [
        (n, 1),
        (n**2, n),
        (1, a),
        (a, a**3),
        (1 / a, 1),
        (n + n_0, 2),
        (n * (1 + a), 2 * a),
        (eta + 1, 1),
        (1, 1 / n),
        (n**2 - n + 1, n),
    ],
)
def test_true_orders_that_are_certified(larger: Expr, smaller: Expr) -> None:
    p, q = (FIELD.from_sympy(Rational(0) + side) for side in (larger, smaller))
    assert certainly_at_least(p, q, FIELD)
    assert p == q or not certainly_at_least(q, p, FIELD)


@pytest.mark.parametrize(
    ("larger", "smaller"), [(n, 2), (a, 1), (eta, 1), (n, n_0), (n + 7, n_0), (1, eta), (a, eta)]
)
def test_orders_that_fail_somewhere_are_not_certified(larger: Expr, smaller: Expr) -> None:
    p, q = (FIELD.from_sympy(Rational(0) + side) for side in (larger, smaller))
    assert not certainly_at_least(p, q, FIELD)


@generated(80)
@given(st.lists(st.lists(monomials, max_size=2), min_size=1, max_size=5), points)
def test_what_is_dropped_is_at_most_what_is_kept(
    candidates: list[list[tuple[int, ...]]], point: dict[Any, Any]
) -> None:
    values = {k: FIELD.from_sympy(polynomial(terms)) for k, terms in enumerate(candidates)}
    kept = largest(values, FIELD)
    assert kept
    assert kept.items() <= values.items()
    numbers = {k: value(terms, point) for k, terms in enumerate(candidates)}
    assert max(numbers.values()) == max(numbers[k] for k in kept)


@generated(50)
@given(st.dictionaries(st.integers(1, 9), st.fractions(), min_size=1))
def test_among_numbers_one_is_kept_and_it_is_the_last_of_the_largest(
    values: dict[int, Fraction],
) -> None:
    field = field_of(frozenset())
    exact = {k: field(v.numerator, v.denominator) for k, v in values.items()}
    top = max(k for k, v in values.items() if v == max(values.values()))
    assert largest(exact, field) == {top: exact[top]}


@generated(20)
@given(points)
def test_every_symbol_of_sizes_is_at_least_one(point: dict[Any, Any]) -> None:
    field = field_of(frozenset({n, n_0, ell}))
    for symbol in (n, n_0, ell):
        assert certainly_at_least(field.from_sympy(symbol), field.one, field)
    assume(point[a] < 1)
    assert not certainly_at_least(FIELD.from_sympy(a), FIELD.one, FIELD)
