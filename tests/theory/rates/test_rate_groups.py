"""Rates of first layer, hidden layers and readout: against literal networks and other roads."""

from fractions import Fraction
from functools import cache
from math import comb, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import Rational, exp, sqrt

from tests.tools.literal_groups import Moved, literal_step
from tests.tools.strategies import generated, rational
from theory import (
    MLP,
    ByGroup,
    ByRole,
    FirstLayer,
    HiddenLayers,
    InvalidArgument,
    LastLayer,
    LayerRates,
    NetworkOutput,
    NotSolved,
    Readout,
    ReadoutUpdate,
    Residual,
    derive,
    layer_rates,
    maximal_learning_rate,
    readout_update,
    squared_update,
)
from theory.networks.network import Network
from theory.observables import K, f, g, x
from theory.symbols import L, eta, n, n_0, t

SIZES = {"inputs": 5, "width": 24, "depth": 3}
NETWORK = MLP(24, 3, input_width=5)
"""Depth = width/8: a sample's tails are light enough for its standard error to be meant."""
RATES = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 1.0, 0.25)]


@cache
def moved() -> Moved:
    return literal_step(networks=30_000, **SIZES, seed=11)


def near(samples: Any, value: Any) -> bool:
    """Whether a mean is within 4.5 standard errors of a value."""
    error = samples.std() / np.sqrt(len(samples))
    return bool(abs(samples.mean() - float(value)) < 4.5 * error < 0.1 * float(value))


# Literal networks


@pytest.mark.slow
@pytest.mark.parametrize("rates", RATES[:2])
def test_each_group_moves_the_last_layer_as_in_literal_networks(rates: Any) -> None:
    first, hidden, _ = rates
    exact = squared_update(NETWORK, rates=(first, hidden, hidden)).per_eta2
    assert near(moved().mean_squares(rates)[0], exact)


@pytest.mark.slow
def test_the_readout_moves_the_output_as_in_literal_networks() -> None:
    samples = moved()
    update = readout_update(NETWORK)
    assert near(samples.mean_squares(RATES[2])[1], update.per_eta2)
    assert near(samples.out[2] ** 2, update.label.per_eta2)


@pytest.mark.slow
def test_all_groups_together_move_as_in_literal_networks() -> None:
    rates = layer_rates(NETWORK)
    alone = tuple(float(r.exact) for r in (rates.first, rates.hidden, rates.readout))
    z, out = moved().mean_squares(alone)  # type: ignore[arg-type]
    assert near(z, rates.moved_layer)
    assert near(out, rates.moved_output)


def test_a_literal_step_of_the_readout() -> None:
    """v - eta (f - y) x changes f by -eta (f - y) |x|^2, not only to first order."""
    rng = np.random.default_rng(2)
    features, v = rng.normal(size=6), rng.normal(size=6)
    output, label, rate = v @ features, 1.0, 0.3
    stepped = v - rate * (output - label) * features
    norm2 = features @ features
    assert stepped @ features - output == pytest.approx(-rate * (output - label) * norm2)


# The readout, by chi-square laws of |x|^2


def moment(power: int, width: int, fan_in: int) -> Fraction:
    """E of (|x^(l)|^2/|x^(l-1)|^2)^power for ReLU: chi-square on a binomial number of neurons."""
    total = Fraction(0)
    for active in range(width + 1):
        chi = prod(active + 2 * k for k in range(power))
        total += Fraction(comb(width, active) * chi, 2**width)
    return total * Fraction(2, fan_in) ** power


@generated(25)
@given(st.integers(1, 8), st.integers(1, 5), st.integers(1, 6))
def test_the_readout_by_chi_square_laws(width: int, depth: int, inputs: int) -> None:
    def norm(power: int) -> Fraction:
        first = moment(power, width, inputs) * inputs**power
        return first * moment(power, width, width) ** (depth - 1)

    update = readout_update(MLP(width, depth, input_width=inputs))
    assert update.label.per_eta2 == rational(norm(2))
    assert update.output.per_eta2 == rational(norm(3) / width**2)
    rate = maximal_learning_rate(
        MLP(width, depth, input_width=inputs), group=Readout(), criterion=NetworkOutput("1/4")
    )
    assert rate.exact**2 == 1 / (4 * rational(norm(2) + norm(3) / width**2))
    symbolic = readout_update(MLP(input_width=n_0)).per_eta2
    assert symbolic.subs({n: width, L: depth, n_0: inputs}) == update.per_eta2


@pytest.mark.parametrize("part", ["label", "output", "total"])
def test_the_limits_of_the_readout_are_those_of_its_chi_square_laws(part: str) -> None:
    """E|x|^4 = n^2 (1 + 5/n)^L and E[f^2 |x|^4] = n (1 + 4/n)^L (1 + 11/n)^L."""
    update = readout_of(MLP(), part)
    label = n**2 * (1 + 5 / n) ** L
    output = n * (1 + 4 / n) ** L * (1 + 11 / n) ** L
    law = {"label": label, "output": output, "total": label + output}[part]
    for depth in (1, 2, 3):
        expanded = law.subs(L, depth).expand()
        coefficients = tuple(expanded.coeff(n, 2 - k) for k in range(4))
        assert readout_of(MLP(depth=depth), part).width_series(3) == coefficients
        assert tuple(c.subs(L, depth) for c in update.width_series(3)) == coefficients
    small = {"label": n**2 * exp(5 * t), "output": n * exp(15 * t), "total": n**2 * exp(5 * t)}
    assert update.joint_limit() == small[part] * eta**2
    assert update.leading_term() == (1 if part == "output" else 2, 1)
    with pytest.raises(NotSolved, match="leave width out"):
        readout_update(MLP(8)).width_series(1)


def readout_of(network: MLP, part: str) -> ReadoutUpdate:
    """The readout's step, or a part of it."""
    update = readout_update(network)
    return update if part == "total" else {"label": update.label, "output": update.output}[part]


def test_the_readout_rate_in_closed_form() -> None:
    update = readout_update(MLP())
    assert update.label.per_eta2 == n**2 * (1 + 5 / n) ** L
    assert update.output.per_eta2 == n * (1 + 4 / n) ** L * (1 + 11 / n) ** L
    rate = maximal_learning_rate(MLP(), group=Readout())
    assert rate.leading() == 1 / n
    assert rate.layer is None
    assert "1/n" in repr(rate)
    numbers = maximal_learning_rate(MLP(64, 8), group=Readout())
    assert float(rate.exact.subs({n: 64, L: 8})) == pytest.approx(float(numbers.evaluate()))
    wide = maximal_learning_rate(MLP(10**8, 20), group=Readout()).evaluate()
    assert float(wide) * 10**8 == pytest.approx(1, rel=1e-5)


# How the rates depend on the widths


@pytest.mark.wide
@pytest.mark.parametrize("group", [FirstLayer(), HiddenLayers(), Readout()], ids=repr)
def test_the_leading_term_is_that_of_wide_deep_networks(group: Any) -> None:
    """At n = 10^9, L = 400, errors of order 1/L + L/n; for n_0 = 50 and n_0 = 200."""
    law = maximal_learning_rate(MLP(input_width=n_0), group=group, criterion=None).leading()
    for inputs in (50, 200):
        network = MLP(10**9, 400, input_width=inputs)
        exact = maximal_learning_rate(network, group=group).evaluate()
        expected = law.subs({n: 10**9, L: 400, n_0: inputs})
        assert float(exact) == pytest.approx(float(expected), rel=0.01)


@cache
def closed_form(group: Any) -> Any:
    return maximal_learning_rate(MLP(input_width=n_0), group=group).exact


@generated(10)
@given(st.integers(1, 6), st.integers(2, 6), st.integers(1, 6))
def test_a_group_alone_is_its_multipliers(width: int, depth: int, inputs: int) -> None:
    network = MLP(width, depth, input_width=inputs)
    pairs: list[tuple[Any, tuple[int, ...]]] = [
        (FirstLayer(), (1,) + (0,) * (depth - 1)),
        (HiddenLayers(), (0,) + (1,) * (depth - 1)),
    ]
    for group, rates in pairs:
        by_group = maximal_learning_rate(network, group=group)
        assert by_group.exact == maximal_learning_rate(network, rates=rates).exact
        found = closed_form(group).subs({n: width, L: depth, n_0: inputs})
        assert found**2 == by_group.exact**2


# Together


@pytest.mark.slow
@generated(10)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 9), st.sampled_from(["1", "1/3"]))
@example(4, 1, 3, "1")
def test_together_the_bound_is_met(width: int, depth: int, inputs: int, bound: str) -> None:
    """By the joint update at decimal rates, without the cross terms that `LayerRates` takes."""
    network = MLP(width, depth, input_width=inputs)
    rates = layer_rates(network, bound=bound)
    first, *hidden, readout = (Rational(str(rate.evalf(30))) for rate in rates.together)
    per_layer = (first, *hidden * (depth - 1))
    z = squared_update(network, rates=per_layer).per_eta2
    output = (g @ K @ g + readout * (x @ x)) ** 2
    out = derive((1 + f**2) * output, network, rates=per_layer).exact
    limit = float(Rational(bound))
    assert max(float(z), float(out)) == pytest.approx(limit, rel=1e-12)
    alone = squared_update(network, rates=(first,) + (0,) * (depth - 1)).per_eta2
    others = squared_update(network, rates=(0, *hidden * (depth - 1))).per_eta2
    share = float(rates.share) * limit
    own = float(readout**2 * readout_update(network).per_eta2)
    hidden_share = share if depth > 1 else 0.0
    assert [float(alone), float(others), own] == pytest.approx(
        [share, hidden_share, share], rel=1e-12
    )
    assert (
        float(rates.moved_layer) == 1 if depth == 1 else 1 < float(rates.moved_layer) <= 4 + 1e-12
    )


def test_one_hidden_layer_shares_with_the_readout_alone() -> None:
    rates = layer_rates(MLP(16, 1, input_width=8))
    assert len(rates.together) == 2
    assert rates.moved_layer == 1 < rates.moved_output
    assert "hidden layers" not in repr(rates)
    symbolic = layer_rates(MLP(depth=1))
    assert symbolic.moved_layer == 1
    found = float(symbolic.moved_output.subs({n: 16}))
    assert found == pytest.approx(float(layer_rates(MLP(16, 1)).moved_output), rel=1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("unlimited_digits")
def test_the_limit_of_the_share() -> None:
    """1/(2 + sqrt(3)), with errors of order 1/L; the output then moves by 1 + O(1/sqrt(L))."""
    limit = layer_rates(MLP()).leading_share()
    assert limit == 1 / (2 + sqrt(3))
    rates = layer_rates(MLP(10**9, 300))
    assert float(rates.share) == pytest.approx(float(limit), rel=0.01)
    assert float(rates.moved_output) < 1.5 < float(rates.moved_layer)
    assert layer_rates(MLP(input_width=n_0)).leading_share() == limit


@pytest.mark.slow
def test_symbolic_groups_together_are_those_of_numbers() -> None:
    symbolic, numbers = layer_rates(MLP()), layer_rates(MLP(6, 4))
    for name in ("moved_layer", "moved_output"):
        found = getattr(symbolic, name).subs({n: 6, L: 4})
        assert float(found) == pytest.approx(float(getattr(numbers, name)), rel=1e-12)
    with pytest.raises(NotSolved, match="moved_layer"):
        _ = symbolic.share
    with pytest.raises(NotSolved, match="symbolic width"):
        numbers.leading_share()
    assert isinstance(numbers, LayerRates)
    assert "MLP(width=6, depth=4)" in repr(numbers)


@pytest.mark.slow
@pytest.mark.parametrize("bound", [1, 4])
def test_a_lower_layer_that_moves_farther_is_named(bound: int) -> None:
    network = MLP(64, 8, weight_variance=1)
    rates = layer_rates(network, bound=bound)
    first, hidden, _ = (Rational(f"{float(rate):.9g}") for rate in rates.together)
    together = ByGroup(first, hidden, hidden)
    layers = range(1, 9)
    moved = [float(squared_update(network, k, rates=together).evaluate()) for k in layers]
    farthest = max(layers, key=lambda k: moved[k - 1])
    assert farthest == 3
    assert f"together, layer 3 moves by {moved[2]:.3g} in mean square" in repr(rates)
    assert f"divided by {(moved[2] / bound) ** 0.5:.3g}" in repr(rates)
    assert "together, " not in repr(layer_rates(MLP(64, 8)))


@pytest.mark.slow
def test_a_lower_block_that_moves_farther_is_named() -> None:
    network = Residual(16, 8, skip2="1/4")
    rates = layer_rates(network)
    up_to = (Rational(f"{float(rate):.9g}") for rate in rates.together[:3])
    moved = float(squared_update(network, 1, rates=ByRole(*up_to)).evaluate())
    assert f"together, block 1 moves by {moved:.3g} in mean square" in repr(rates)


# Bad input


def test_rates_without_a_law_name_the_call_in_their_text() -> None:
    text = repr(layer_rates(MLP(weight_variance=1)))
    assert text.endswith(
        "MLP(weight_variance=1), bound 1 at the last layer: call it with numbers for n, L"
    )


@pytest.mark.wide
@pytest.mark.parametrize(
    ("network", "why"),
    [
        (Residual(readout_variance=n), "give a smaller readout_variance or input_norm2"),
        (MLP(readout_variance=n), "give a smaller readout_variance or input_norm2"),
        (MLP(input_norm2=n**2), "give a smaller readout_variance or input_norm2"),
        (MLP(weight_variance="2.1"), "at the critical weight variance"),
        (MLP(weight_variance=1), "at the critical weight variance"),
    ],
    ids=repr,
)
def test_shares_without_a_limit_are_refused(network: Network, why: str) -> None:
    rates = layer_rates(network)
    for call in (rates.leading_share, rates.leading):
        with pytest.raises(NotSolved, match=why):
            call()


def test_what_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="depth=1"):
        maximal_learning_rate(MLP(4, 1), group=HiddenLayers())
    with pytest.raises(InvalidArgument, match="group='first'"):
        maximal_learning_rate(MLP(), group="first")  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match="either group or rates"):
        maximal_learning_rate(MLP(4, 2), group=FirstLayer(), rates=(1, 1))
    with pytest.raises(InvalidArgument, match="network=3"):
        layer_rates(3)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match="network=3"):
        readout_update(3)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match="bound"):
        layer_rates(MLP(), bound=0)
    with pytest.raises(NotSolved, match="no layers 2 to L: read first and readout"):
        _ = layer_rates(MLP(4, 1)).hidden
    assert maximal_learning_rate(MLP(4, 1), group=FirstLayer()).criterion != LastLayer()
