"""Rates of groups and of single layers at infinite width."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from sympy import Rational

from theory import (
    MLP,
    ByRole,
    GradientDescent,
    Inputs,
    InvalidArgument,
    LastLayer,
    LayerNorm,
    LeakyReLU,
    Momentum,
    Normalised,
    NotSolved,
    Residual,
    RMSNorm,
    SignDescent,
    Softsign,
    Tanh,
    WeightDecay,
    WeightsThenActivated,
    layer_rates,
    maximal_learning_rate,
    readout_update,
    squared_update,
)
from theory.infinite_width.recursion import moved_by_each_layer

OPTIMISERS = [GradientDescent(), SignDescent(), Normalised(2), Momentum("0.5", averaged=True)]


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
@pytest.mark.parametrize(
    "network",
    [
        MLP(depth=6, activation=Tanh(), bias_variance="0.2", readout_variance=3),
        MLP(depth=6, weight_variance="1.5"),
        MLP(depth=1, activation=Tanh()),
        MLP(depth=6, norm=RMSNorm(), weight_variance=1),
    ],
    ids=str,
)
def test_one_sum_is_the_recursion_with_one_layer_trained(network: MLP, optimiser: Any) -> None:
    update: Any = squared_update(network, optimiser=optimiser, inputs=Inputs(gram=((2,),)))
    one_hot = np.eye(network.layers, dtype=int)
    each = [
        squared_update(
            network, rates=tuple(map(int, row)), optimiser=optimiser, inputs=update.inputs
        ).infinite_width()
        for row in one_hot
    ]
    found = moved_by_each_layer(update._layers(network.layers), optimiser)
    assert found == pytest.approx(each, rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_gradient_descent_agrees_with_wide_finite_networks(depth: int) -> None:
    network = MLP(10**9, depth, activation=LeakyReLU("1/4"))
    exact = layer_rates(network, bound=2)
    wide: Any = layer_rates(network, bound=2, inputs=Inputs())
    expected = [float(rate) for rate in exact.evaluate()]
    assert list(wide.together) == pytest.approx(expected, rel=1e-5)
    assert wide.alone["first layer"] == pytest.approx(float(exact.first.evaluate()), rel=1e-5)


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
def test_equal_shares_meet_the_bound_together(optimiser: Any) -> None:
    network = MLP(100, 5, activation=Tanh(), bias_variance="0.1")
    wide: Any = layer_rates(network, bound="0.3", optimiser=optimiser, inputs=Inputs())
    rates = wide.equal_shares * (100 if optimiser == SignDescent() else 1)
    moved: Any = squared_update(network, rates=tuple(rates.tolist()), optimiser=optimiser)
    assert moved.infinite_width() == pytest.approx(0.3, rel=1e-10)
    update: Any = squared_update(network, optimiser=optimiser, inputs=Inputs())
    shares = rates**2 * moved_by_each_layer(update._layers(5), optimiser)
    assert shares == pytest.approx([shares[0]] * 5, rel=1e-12)


def test_what_is_refused() -> None:
    for optimiser in (SignDescent(epsilon=1), WeightDecay(GradientDescent(), 1)):
        with pytest.raises(NotSolved, match="without weight decay and epsilon"):
            layer_rates(MLP(), optimiser=optimiser)
    assert "give a width and take at(L=64)" in repr(layer_rates(MLP(activation=Tanh())))
    groups: list[Any] = [
        layer_rates(each) for each in (MLP(norm=RMSNorm()), MLP(activation=Tanh()))
    ]
    for rates in groups:
        with pytest.raises(InvalidArgument, match=r"give the width, as in at\(n=64\) or MLP"):
            assert rates.at(L=3).alone
    with pytest.raises(InvalidArgument, match=r"several, got depth=\[\]"):
        layer_rates(MLP(64, activation=Tanh()))(L=[])


def test_the_text_names_the_inputs_and_a_width_in_numbers_leaves_no_power_of_n() -> None:
    given: Any = layer_rates(MLP(64, 3, activation=Tanh()), inputs=Inputs(gram=((3,),)))
    assert f"steps of GradientDescent() on {given.update.inputs}" in repr(given)
    signs = squared_update(MLP(64, 8, activation=Tanh()), optimiser=SignDescent())
    assert f"{float(signs):.6g} to leading order as n" in repr(signs)


def test_the_table_has_the_rates_of_alone_and_together() -> None:
    rates: Any = layer_rates(MLP(512, 12), optimiser=SignDescent())
    cells = [row.split()[-2:] for row in repr(rates).splitlines()[2:]]
    pairs = zip(rates.alone.values(), rates.together, strict=True)
    assert cells == [[f"{one:.6g}", f"{joint:.6g}"] for one, joint in pairs]
    open_width: Any = layer_rates(MLP(depth=12), optimiser=SignDescent())
    first = repr(open_width).splitlines()[2].split()[2]
    assert first == f"{512 * rates.alone['first layer']:.6g}/n"


def test_sign_descent_reads_what_a_layer_norm_has_centred() -> None:
    network = MLP(depth=3, norm=LayerNorm())
    wide = network._with(width=100)
    readout = layer_rates(wide, optimiser=Normalised()).alone["readout"]
    assert readout == pytest.approx(1 / 10)
    assert repr(layer_rates(network)).startswith("WideLayerRates of MLP(depth=3, norm=LayerNorm")
    z, step = np.linspace(-9, 9, 180_001, retstep=True)
    density = step * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    x = np.maximum(z, 0)
    x = (x - density @ x) / np.sqrt(density @ x**2 - (density @ x) ** 2)
    readout = layer_rates(wide, optimiser=SignDescent()).alone["readout"]
    assert 100 * readout == pytest.approx(1 / (density @ np.abs(x)), rel=1e-7)


def test_a_lower_layer_that_moves_farther_is_named() -> None:
    network = MLP(64, 24, activation=Softsign())
    rates: Any = layer_rates(network)
    first, hidden, _ = rates.together
    update = squared_update(network, 1, rates=(first,) + (hidden,) * 23)
    moved = float(update.infinite_width())
    assert f"together, layer 1 moves by {moved:.3g} in mean square" in repr(rates)


def test_rates_at_several_depths_are_called_drawn_and_written() -> None:
    rates: Any = layer_rates(MLP(64, activation=Tanh()))
    called, together = rates(L=[4, 8]), [rates.at(L=depth).together for depth in (4, 8)]
    assert [tuple(each) for each in called] == [*zip(*together, strict=True)]
    with pytest.raises(InvalidArgument, match="the same groups of weights, got L=1"):
        rates(L=[1, 2])
    axes = rates.plot(Figure().add_subplot(), L=[4, 8])
    drawn = [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()]
    assert drawn == [list(each) for each in called]
    assert "hidden layers" in axes.get_title().replace("\n", " ")
    known = layer_rates(MLP(64, 8, activation=Tanh()))
    assert rf"{together[1][-1]:.6g}" in known.latex()
    assert known() == together[1]
    with pytest.raises(InvalidArgument, match=r"as in at\(L=64\).latex\(\)$"):
        rates.latex()


@pytest.mark.parametrize(
    ("blocks", "given"),
    [(6, {}), (1, {"skip2": "1/2", "multiplier2": "1/2", "branch_width": 3 * 10**9})],
)
def test_rates_of_roles_are_those_of_wide_finite_networks(blocks: int, given: Any) -> None:
    network = Residual(10**9, blocks, **given)
    exact, wide = layer_rates(network, bound=2), layer_rates(network, bound=2, inputs=Inputs())
    assert wide.together == pytest.approx([float(rate) for rate in exact.evaluate()], rel=1e-6)
    alone = {name: float(rate.evaluate()) for name, rate in exact.alone.items()}
    assert wide.alone == pytest.approx(alone, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", [SignDescent(), Normalised()], ids=repr)
def test_rates_of_roles_are_maximal_alone_and_keep_the_bound_together(optimiser: Any) -> None:
    network = Residual(100, 5, activation=Tanh(), branch=WeightsThenActivated())
    rates: Any = layer_rates(network, optimiser=optimiser)
    alone = maximal_learning_rate(
        network, optimiser=optimiser, rates=ByRole(0, 1), criterion=LastLayer()
    )
    assert list(rates.alone) == ["input", "up", "readout"]
    assert rates.alone["up"] == pytest.approx(float(alone), rel=1e-9)
    first, up, readout = rates.together
    update = squared_update(network, optimiser=optimiser, rates=ByRole(*map(Rational, (first, up))))
    output = float(readout_update(network, optimiser=optimiser)) ** 0.5 * readout
    assert float(update) <= 1 + 1e-9
    assert output < 1
    with pytest.raises(NotSolved, match="single blocks are not solved"):
        rates.equal_shares  # noqa: B018
