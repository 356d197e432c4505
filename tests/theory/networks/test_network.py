"""`MLP` and the borders: what is read, how exactly, and what is refused in which words."""

import pickle
from copy import deepcopy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Integer, Rational, Symbol

import theory
from tests.tools.strategies import mlps
from theory import (
    MLP,
    ByRole,
    Convolution,
    Graph,
    InvalidArgument,
    LeakyReLU,
    Linear,
    ReLU,
    Residual,
    Tanh,
    derive,
    maximal_learning_rate,
    squared_update,
)
from theory import symbols as theory_symbols
from theory.activations import PiecewiseLinear
from theory.networks.network import numeric_layers, numeric_rates
from theory.observables import K, trace
from theory.symbols import B, L, a, ell, n, n_0

# Sizes


def test_nothing_given_is_all_symbols() -> None:
    network = MLP()
    assert (network.width, network.depth, network.first_fan_in) == (n, L, n)
    assert (network.activation, network.c, network.s) == (ReLU(), 2, 1)
    assert network.norm2 == n
    assert network.free_symbols == {n, L}


def test_symbols_can_be_given_by_name() -> None:
    assert MLP(n, L) == MLP()
    assert MLP(input_width=n_0).first_fan_in == n_0
    assert MLP(input_width=n_0).norm2 == n_0


def test_widths_set_the_depth() -> None:
    network = MLP((8, 16, 4))
    assert network.depth == network.layers == 3
    assert network.widths == (8, 8, 16, 4)
    assert network.norm2 == 8
    assert MLP([8, 16, 4]) == MLP((8, 16, 4), 3) == network


@given(mlps)
def test_the_input_is_as_wide_and_long_as_said(network: MLP) -> None:
    assert network.widths[0] == network.first_fan_in
    assert network.norm2 == (network.input_norm2 or network.first_fan_in)
    assert len(network.widths) == network.layers + 1


@pytest.mark.parametrize("size", [3, Integer(3), np.int64(3)], ids=lambda v: type(v).__name__)
def test_whole_numbers_of_every_kind_are_sizes(size: Any) -> None:
    network = MLP(size, size, input_width=size)
    assert network == MLP(3, 3, input_width=3)
    assert type(network.width) is type(network.depth) is type(network.input_width) is int


@pytest.mark.parametrize(
    "width", [L, ell, Symbol("ell"), Symbol("m", integer=False), Symbol("m", negative=True)]
)
def test_a_symbol_that_cannot_be_a_width_is_refused(width: Symbol) -> None:
    with pytest.raises(InvalidArgument, match=r"width\[1\].*give Symbol\('n_2'\)"):
        MLP((4, width))
    own = Symbol("m", integer=True, positive=True)
    assert MLP((4, own)).free_symbols == {own}
    assert MLP((own, 4)).widths == (own, own, 4)


# Activations


@pytest.mark.parametrize(
    ("activation", "slope", "c"),
    [
        (ReLU(), 0, 2),
        (Linear(), 1, 1),
        (LeakyReLU("1/3"), Rational(1, 3), Rational(9, 5)),
        (LeakyReLU(), a, 2 / (1 + a**2)),
    ],
)
def test_slopes_and_their_critical_variance(
    activation: PiecewiseLinear, slope: Expr, c: Expr
) -> None:
    assert activation.slope == slope
    assert (activation.critical_variance() - c).equals(0)
    assert [activation.mask_moment(p) for p in (1, 2)] == [
        (1 + slope) / Integer(2),
        (1 + slope**2) / Integer(2),
    ]
    assert activation.mask_moment(0) == 1
    assert MLP(activation=activation).c == activation.critical_variance()


def test_the_activation_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        PiecewiseLinear()  # type: ignore[abstract]
    with pytest.raises(InvalidArgument, match="activation"):
        MLP(activation=PiecewiseLinear)


# Exact numbers


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (2, Integer(2)),
        (0.1, Rational(1, 10)),
        (np.float64(0.1), Rational(1, 10)),
        (1e-7, Rational(1, 10**7)),
        ("0.25", Rational(1, 4)),
        ("1/3", Rational(1, 3)),
        ("2.5e-3", Rational(1, 400)),
        (Fraction(2, 3), Rational(2, 3)),
        (Rational(2, 3), Rational(2, 3)),
        (10**400, Integer(10**400)),
    ],
)
@pytest.mark.parametrize("name", ["weight_variance", "readout_variance", "input_norm2"])
def test_numbers_are_read_exactly(name: str, value: object, exact: Rational) -> None:
    read = getattr(MLP(**{name: value}), name)  # type: ignore[arg-type]
    assert read == exact
    assert read.is_Rational


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_float_is_its_shortest_decimal(value: float) -> None:
    read = MLP(weight_variance=value).c
    assert Fraction(int(read.p), int(read.q)) == Fraction(repr(value))
    assert float(read) == value


@given(st.fractions(0, 1))
def test_every_fraction_from_zero_to_one_is_a_slope(value: Fraction) -> None:
    slope = LeakyReLU(value).slope
    assert Fraction(int(slope.p), int(slope.q)) == value


def test_scales_may_be_rational_in_positive_symbols() -> None:
    q = Symbol("q", positive=True)
    network = MLP(
        input_width=n_0, weight_variance=q / (1 + q), readout_variance=n, input_norm2=2 * n_0
    )
    assert network.free_symbols == {n, L, q, n_0}


EDGE = {"a": ("x",)}
SIZED: list[tuple[Any, Any]] = [
    (MLP(64, 4, readout_variance=n), MLP(64, 4, readout_variance=64)),
    (MLP(64, 4, readout_variance=n / L), MLP(64, 4, readout_variance=16)),
    (MLP(64, input_norm2=3 * n), MLP(64, input_norm2=192)),
    (MLP(64, input_norm2=n_0), MLP(64, input_norm2=64)),
    (MLP(64, input_width=5, input_norm2=n_0), MLP(64, input_width=5, input_norm2=5)),
    (MLP((8, 8), readout_variance=Symbol("n")), MLP((8, 8), readout_variance=8)),
    (MLP(input_norm2=n_0), MLP(input_norm2=n)),
    (MLP(64, 2, readout_variance=n * Symbol("s")), MLP(64, 2, readout_variance=64 * Symbol("s"))),
    (MLP(readout_variance=n * Symbol("s")), MLP(readout_variance=n * Symbol("s", positive=True))),
    (Residual(8, readout_variance=Symbol("n")), Residual(8, readout_variance=8)),
    (Residual(8, 4, multiplier2=1 / (n * B)), Residual(8, 4, multiplier2=1 / (8 * B))),
    (Graph(EDGE, readout="a", width=8, input_norm2=n), Graph(EDGE, readout="a", width=8)),
    (
        Convolution(8, 3, 2, 2, input_channels=4, shared=False, readout_variance=n * n_0 / L),
        Convolution(8, 3, 2, 2, input_channels=4, shared=False, readout_variance=16),
    ),
]


@pytest.mark.wide
@pytest.mark.parametrize(("named", "numbers"), SIZED, ids=str)
def test_the_letter_of_a_size_in_numbers_is_its_number(named: Any, numbers: Any) -> None:
    update = squared_update(named)
    assert named.free_symbols == numbers.free_symbols
    assert {n, L} & named.free_symbols == {n, L} & {named.width, named.depth}
    assert update.exact == squared_update(numbers).exact


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: MLP(weight_variance=2 / n), "without n, got .*times its fan-in: give 2, say"),
        (lambda: MLP(64, weight_variance=1 / n), "times its fan-in: give 1, say"),
        (lambda: MLP(weight_variance=2 + 1 / Symbol("n")), "without n, got weight_variance=2"),
        (lambda: MLP((Symbol("m"), 8), weight_variance=2 / Symbol("m")), "without m, got"),
        (lambda: MLP(weight_variance=n_0), "without n_0"),
        (lambda: MLP(activation=Tanh(), weight_variance=1 / n), "give 1, say"),
        (lambda: Residual(weight_variance=ByRole(up=2 / n)), "weight_variance.up without n"),
        (lambda: Graph(EDGE, readout="a", variances={("x", "a"): 2 / n}), "without n"),
        (lambda: Convolution(8, 3, 2, 2, weight_variance=2 / n), "without n"),
        (lambda: MLP((8, 16), readout_variance=n), "without n, which is no width of a network"),
        (lambda: MLP(readout_variance=1 / n), r"readout_variance/n\^2: give n for a weight of v"),
        (lambda: MLP(64, 4, readout_variance=3 / n**2), "give 3 for a weight of variance 3"),
        (lambda: Graph(EDGE, readout="a", readout_variance=L), "independent of the depth"),
        (lambda: MLP(4, readout_variance=L), "independent of the depth"),
    ],
)
def test_a_scale_by_the_letter_of_a_size_that_it_may_not_have(make: Any, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        make()


# Values


def test_equal_networks_are_equal_and_hash_alike() -> None:
    one, two = MLP((4, 4), weight_variance=0.5), MLP([4, 4], weight_variance="1/2")
    assert one == two
    assert hash(one) == hash(two)
    assert one != MLP((4, 4))
    assert MLP(4, 2, activation=LeakyReLU(0)) != MLP(4, 2)


def test_a_network_is_frozen() -> None:
    with pytest.raises(AttributeError):
        MLP().width = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "network",
    [
        MLP(),
        MLP(activation=LeakyReLU(), input_width=n_0, input_norm2=n),
        MLP((3, 4), weight_variance="1/3", readout_variance=n_0 / 2),
    ],
    ids=repr,
)
def test_a_network_survives_pickle_and_copy(network: MLP) -> None:
    assert pickle.loads(pickle.dumps(network)) == network
    assert deepcopy(network) == network


def test_answers_survive_pickle() -> None:
    network = MLP(3, 2)
    for answer in (squared_update(network), derive(trace(K), network)):
        assert pickle.loads(pickle.dumps(answer)).exact == answer.exact
    rate = maximal_learning_rate(network)
    assert pickle.loads(pickle.dumps(rate)).exact == rate.exact


WRITTEN_OUT = vars(theory) | vars(theory_symbols) | {"Rational": Rational, "Integer": Integer}


@pytest.mark.parametrize(
    "network",
    [
        MLP(),
        MLP(64, 3),
        MLP(depth=4),
        MLP((8, 16), input_width=5),
        MLP(input_width=n_0, activation=Linear()),
        MLP(activation=LeakyReLU()),
        MLP(activation=LeakyReLU("1/3")),
        MLP(activation=LeakyReLU("1/2")),
        MLP(weight_variance="1/3"),
        MLP(readout_variance="2.5"),
        MLP(readout_variance=n, input_norm2=3 * n_0),
        MLP(5, 2, input_width=n),
        MLP(5, 2, input_norm2=n),
        MLP(input_width=n_0, input_norm2=n),
    ],
    ids=repr,
)
def test_a_network_prints_as_it_is_written(network: MLP) -> None:
    assert eval(repr(network), dict(WRITTEN_OUT)) == network


# What other rooms ask of a network


def test_layers_by_number() -> None:
    network = MLP((3, 4, 5))
    assert numeric_layers(network) == (3,)
    assert numeric_layers(network, 2) == (2,)
    assert numeric_layers(network, (3, 1)) == (3, 1)
    assert numeric_layers(network, range(1, 4)) == (1, 2, 3)
    nothing: list[object] = [(), [], range(0)]
    for empty in nothing:
        with pytest.raises(InvalidArgument, match="empty layer"):
            numeric_layers(network, empty)
    with pytest.raises(InvalidArgument, match="layer=4"):
        numeric_layers(network, (1, 4))
    with pytest.raises(InvalidArgument, match="depth=L"):
        numeric_layers(MLP(), 1)


def test_rates_by_number() -> None:
    assert numeric_rates(MLP(2, 3)) == (1, 1, 1)
    assert numeric_rates(MLP(2, 3), (0.1, "1/3", 0)) == (Rational(1, 10), Rational(1, 3), 0)
    with pytest.raises(InvalidArgument, match="list_iterator"):
        numeric_rates(MLP(2, 2), iter([1, 2]))
    with pytest.raises(InvalidArgument, match="depth=L"):
        numeric_rates(MLP())


@pytest.mark.parametrize("layer", [ell, None, 1, Integer(2)], ids=str)
def test_a_layer_of_symbolic_depth(layer: object) -> None:
    assert squared_update(MLP(), layer).layer == (L if layer is None else layer)


def test_a_scale_of_the_whole_network_takes_the_number_of_blocks() -> None:
    for scale in (B, n / B, B**2):
        network = Residual(8, 3, readout_variance=scale)
        assert network == Residual(8, 3, readout_variance=scale.subs({B: 3, n: 8}))
    opened = squared_update(Residual(8, readout_variance=B))
    assert opened.at(B=3).exact == squared_update(Residual(8, 3, readout_variance=B)).exact
    assert Residual(8, 3, input_norm2=B * n) == Residual(8, 3, input_norm2=24)
