"""`squared_update`: how it scales, what an untrained first layer leaves, what symbols stand for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Rational, Symbol, cancel

from tests.tools.strategies import NUMBERS, POSITIVE, generated, mlp_layers, rational
from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    Linear,
    NotSolved,
    ReLU,
    derive,
    maximal_learning_rate,
    squared_update,
)
from theory.laws.update import SquaredUpdate
from theory.observables import x
from theory.precision import workdps
from theory.symbols import L, a, ell, eta, n, n_0

Case = tuple[MLP, int, tuple[Fraction, ...]]


def parts(network: MLP, layer: int, rates: tuple[Fraction, ...] | None = None) -> tuple[Expr, Expr]:
    update = squared_update(network, layer, rates=rates)
    return update.label.per_eta2, update.output.per_eta2


def scaled(network: MLP, **values: Expr) -> MLP:
    """The network with its sizes and activation, and these scales in place of its own."""
    scales = {
        "weight_variance": network.c,
        "readout_variance": network.s,
        "input_norm2": network.norm2,
    }
    return MLP(
        network.width,
        network.depth,
        input_width=network.input_width,
        activation=network.activation,
        **{**scales, **values},
    )


# Homogeneity


@generated(25)
@given(mlp_layers(), st.sampled_from(POSITIVE))
def test_rates_scale_both_parts_by_the_square(case: Case, k: Fraction) -> None:
    network, layer, rates = case
    faster = parts(network, layer, tuple(k * rate for rate in rates))
    assert faster == tuple(rational(k**2) * part for part in parts(network, layer, rates))


@generated(25)
@given(mlp_layers(), st.sampled_from(POSITIVE))
def test_the_input_scales_label_and_output_by_square_and_cube(case: Case, s: Fraction) -> None:
    network, layer, rates = case
    label, output = parts(network, layer, rates)
    stretched = scaled(network, input_norm2=rational(s) * network.norm2)
    assert parts(stretched, layer, rates) == (
        rational(s**2) * label,
        rational(s**3) * output,
    )


@generated(25)
@given(mlp_layers(), st.sampled_from(POSITIVE))
def test_the_readout_scales_label_and_output_by_one_power_and_two(case: Case, s: Fraction) -> None:
    network, layer, rates = case
    label, output = parts(network, layer, rates)
    stretched = scaled(network, readout_variance=rational(s) * network.s)
    assert parts(stretched, layer, rates) == (rational(s) * label, rational(s**2) * output)


@generated(25)
@given(mlp_layers(), st.sampled_from(POSITIVE))
def test_the_weights_scale_the_kernel_below_and_the_gradient_above(case: Case, s: Fraction) -> None:
    # K^(l) is of degree l - 1 in the weight variance, |g^(l)|^2 of degree L - l, f^2 of degree L.
    network, layer, rates = case
    label, output = parts(network, layer, rates)
    stretched = scaled(network, weight_variance=rational(s) * network.c)
    power = network.layers + layer - 2
    assert parts(stretched, layer, rates) == (
        rational(s**power) * label,
        rational(s ** (power + network.layers)) * output,
    )


@generated(25)
@given(mlp_layers())
def test_the_update_is_its_two_parts(case: Case) -> None:
    network, layer, rates = case
    update = squared_update(network, layer, rates=rates)
    assert update.per_eta2 == sum(parts(network, layer, rates))
    assert update.exact == update.per_eta2 * eta**2
    assert update.layer == layer
    assert update.network == network


@generated(25)
@given(mlp_layers(), st.data())
def test_rates_of_the_layers_above_play_no_part(case: Case, data: st.DataObject) -> None:
    network, layer, rates = case
    others = [data.draw(st.sampled_from(NUMBERS)) for _ in rates[layer:]]
    changed = (*rates[:layer], *others)
    assert parts(network, layer, changed) == parts(network, layer, rates)


@generated(25)
@given(mlp_layers())
def test_every_layer_at_once_is_every_layer_in_turn(case: Case) -> None:
    network, _, rates = case
    with workdps(40) as context:
        means = squared_update(network, rates=rates).layer_means(context)
    for layer, mean in enumerate(means, start=1):
        value = squared_update(network, layer, rates=rates).per_eta2
        assert abs(mean - value.evalf(50)) <= abs(mean) * 1e-35


# An untrained first layer


@generated(25)
@given(mlp_layers(), st.integers(1, 6))
def test_an_untrained_first_layer_only_makes_the_input_random(case: Case, width: int) -> None:
    # Given x^(1), the rest is the network without layer 1, fed with x^(1): the parts are of degree
    # 2 and 3 in |x^(1)|^2, so that they are those of the shallower network times
    # E|x^(1)|^4/|x|^4 and E|x^(1)|^6/|x|^6, with x any input of the shallower network.
    network, layer, rates = case
    widths = network.widths
    deeper = MLP(
        (widths[0], *widths[1:]),
        input_width=width,
        activation=network.activation,
        weight_variance=network.c,
        readout_variance=network.s,
        input_norm2=3,
    )
    moments = [derive((x @ x) ** k, deeper, layer=1).exact / network.norm2**k for k in (2, 3)]
    shallow = parts(network, layer, rates)
    assert parts(deeper, layer + 1, (Fraction(0), *rates)) == (
        moments[0] * shallow[0],
        moments[1] * shallow[1],
    )


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_an_untrained_first_layer_shifts_depth_by_one_up_to_the_input_kurtosis(depth: int) -> None:
    # ReLU, n_0 = n: E|x^(1)|^4 = n^2 (1 + 5/n), so the shift is exact only as n grows.
    untrained = squared_update(MLP(depth=depth + 1), rates=(0, *[1] * depth)).label
    shallow = squared_update(MLP(depth=depth)).label
    assert cancel(untrained.per_eta2 / shallow.per_eta2 - (n + 5) / n) == 0
    assert untrained.leading() == shallow.leading()


# Symbols


@generated(20)
@given(st.integers(1, 6), st.integers(1, 30), st.sampled_from(["0", "1/7", "1/2", "1"]), st.data())
def test_a_symbolic_width_is_every_width(
    depth: int, width: int, slope: str, data: st.DataObject
) -> None:
    layer = data.draw(st.integers(1, depth))
    activation = LeakyReLU(slope)
    symbolic = parts(MLP(depth=depth, activation=activation), layer)
    numeric = parts(MLP(width, depth, activation=activation), layer)
    assert tuple(part.subs(n, width) for part in symbolic) == numeric


@pytest.mark.slow
@generated(8)
@given(
    st.integers(1, 4),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from(["1/7", "1/2", "1"]),
    st.data(),
)
def test_symbolic_input_width_and_slope_are_every_number(
    depth: int, width: int, input_width: int, slope: str, data: st.DataObject
) -> None:
    layer = data.draw(st.integers(1, depth))
    symbolic = MLP(depth=depth, input_width=n_0, activation=LeakyReLU())
    numeric = MLP(width, depth, input_width=input_width, activation=LeakyReLU(slope))
    numbers = {n: width, n_0: input_width, a: Rational(slope)}
    found = tuple(part.subs(numbers) for part in parts(symbolic, layer))
    assert found == parts(numeric, layer)


@generated(15)
@given(st.integers(1, 4), st.integers(1, 9), st.sampled_from(POSITIVE), st.data())
def test_untrained_layers_at_a_symbolic_width(
    depth: int, width: int, rate: Fraction, data: st.DataObject
) -> None:
    layer, trained = (data.draw(st.integers(1, depth)) for _ in range(2))
    rates = tuple(rate if k == trained else Fraction(0) for k in range(1, depth + 1))
    symbolic = parts(MLP(depth=depth), layer, rates)
    assert tuple(part.subs(n, width) for part in symbolic) == parts(MLP(width, depth), layer, rates)


def test_the_slopes_zero_and_one_are_relu_and_linear() -> None:
    for slope, activation in ((0, ReLU()), (1, Linear())):
        for layer in (1, 2, 3):
            leaky = parts(MLP(depth=3, activation=LeakyReLU(slope)), layer)
            assert leaky == parts(MLP(depth=3, activation=activation), layer)


def test_one_layer_by_hand() -> None:
    # K = |x|^2 I and g = D v: label = |x|^4 E[D^2]/n^2 = n_0^2/(2 n^2).
    update = squared_update(MLP(depth=1, input_width=n_0))
    assert update.label.per_eta2 == n_0**2 / (2 * n**2)
    # n^4 E f^2 |g|^2 = sum_ij E[D_i^2 z_i^2 D_j^2] + 2 sum_i E[D_i^4 z_i^2] with z ~ N(0, 2 I):
    # n (n - 1)/2 + n + 2 n = n (n + 5)/2.
    assert cancel(update.output.per_eta2 - n_0**2 * (n + 5) / (2 * n**4)) == 0


# What is asked and what is answered


def test_parts_have_no_parts() -> None:
    update = squared_update(MLP(2, 2))
    with pytest.raises(NotSolved, match="one part already"):
        _ = update.label.output
    with pytest.raises(NotSolved, match="one part already"):
        _ = update.output.label
    assert update.label.label.exact == update.label.exact


@pytest.mark.parametrize(
    ("update", "headline"),
    [
        (squared_update(MLP(10, 2)).label, "label part, at layer 2 of MLP(width=10, depth=2): 7/2"),
        (squared_update(MLP(depth=1)), "SquaredUpdate at layer 1 of MLP(depth=1): eta**2*("),
        (squared_update(MLP()), "MLP(): L**3*eta**2/3 to leading order"),
        (squared_update(MLP(10)), "(147/50)**L*(3750*L**2"),
        (squared_update(MLP(2, 2), ell).label, "(7/2)**ell*(12*ell**2 + 25*ell - 14)"),
        (squared_update(MLP((2, 3)), ell), "call it with numbers for ell"),
    ],
)
def test_an_update_prints_its_value_or_what_to_give(update: SquaredUpdate, headline: str) -> None:
    assert headline in repr(update)


@pytest.mark.parametrize(
    ("network", "layer", "fix"),
    [
        (MLP((2, 3)), ell, "equal hidden widths"),
        (MLP((4, 4)), ell, "give one width"),
    ],
)
def test_exact_says_what_to_give_where_it_is_not_solved(
    network: MLP, layer: Symbol | None, fix: str
) -> None:
    with pytest.raises(NotSolved, match=fix):
        _ = squared_update(network, layer).exact


@pytest.mark.parametrize(
    ("network", "layer", "fix"),
    [
        (MLP(4, 4), None, "leave width out"),
        (MLP(4), None, "leave width out"),
        (MLP((3, 4)), 1, "leave width out"),
        (MLP(4, 4), ell, "leave width out"),
    ],
)
def test_leading_says_what_to_give_where_it_is_not_solved(
    network: MLP, layer: object, fix: str
) -> None:
    with pytest.raises(NotSolved, match=fix):
        squared_update(network, layer).leading()


@pytest.mark.parametrize(
    "layer", [0, 3, -1, True, "1", 1.0, (1, 2), range(2), L, Symbol("ell", negative=True)]
)
def test_a_layer_that_is_none_of_the_network_is_refused(layer: object) -> None:
    with pytest.raises(InvalidArgument, match="layer"):
        squared_update(MLP(2, 2), layer)


WIDTHS = [Symbol(f"n_{layer}", integer=True, positive=True) for layer in (1, 2, 3)]


@pytest.mark.slow
@given(st.tuples(*[st.integers(1, 9)] * 3), st.sampled_from([1, 2, 3]))
@generated(30)
def test_a_width_of_its_own_for_every_layer_may_be_a_symbol(
    sizes: tuple[int, int, int], layer: int
) -> None:
    here = dict(zip(WIDTHS, sizes, strict=True))
    symbolic, numeric = parts(MLP(tuple(WIDTHS)), layer), parts(MLP(sizes), layer)
    assert tuple(part.subs(here) for part in symbolic) == numeric


def test_one_symbol_in_every_layer_is_one_width() -> None:
    assert parts(MLP((n, n, n)), 3) == parts(MLP(depth=3), 3)


def test_symbols_by_layer_have_a_rate_and_a_layer_that_binds() -> None:
    rate = maximal_learning_rate(MLP(tuple(WIDTHS)))
    assert rate.layer == 3
    sizes = dict(zip(WIDTHS, (3, 5, 2), strict=True))
    assert rate.exact.subs(sizes) == maximal_learning_rate(MLP((3, 5, 2))).exact


@pytest.mark.parametrize("ask", ["leading", "joint_limit", "positive_sum", "growth"])
def test_symbols_by_layer_have_no_closed_form_in_one_width(ask: str) -> None:
    with pytest.raises(NotSolved, match=r"width"):
        getattr(squared_update(MLP(tuple(WIDTHS))), ask)()
