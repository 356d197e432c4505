"""The readout's own step as n -> infinity: literal streams, laws, and the exact engine."""

from typing import Any

import numpy as np
import pytest
from sympy import Expr, pi, sqrt

from theory import (
    GELU,
    MLP,
    ActivatedThenWeights,
    Activation,
    ByRole,
    GradientDescent,
    Inputs,
    InvalidArgument,
    LayerNorm,
    Momentum,
    Normalised,
    NotSolved,
    ReLU,
    Residual,
    RMSNorm,
    SignDescent,
    Softsign,
    Tanh,
    UpDown,
    WeightDecay,
    WeightsThenActivated,
    readout_update,
)
from theory.networks.network import Network
from theory.optimisers import Optimiser
from theory.symbols import B, L, eta, n

OPTIMISERS: list[Optimiser] = [GradientDescent(), SignDescent("0.1"), Normalised(2)]
CHAINS: list[MLP] = [
    MLP(depth=3, bias_variance="0.2"),
    MLP(depth=3, activation=Tanh(), weight_variance="1.5"),
    MLP(depth=3, activation=GELU(), weight_variance=2, norm=LayerNorm()),
    MLP(depth=3, activation=Softsign(), weight_variance=2, norm=RMSNorm("activation")),
]
WIDTH = 3000


def chain_input(network: MLP, rng: Any) -> Any:
    """x of a readout, from literal weights."""
    x = rng.choice([-1.0, 1.0], WIDTH)
    for _ in range(network.layers):
        # W x has independent Gaussian entries of the variance |x|^2/n
        z = (float(network.c) * np.mean(x**2) + float(network.bias_variance)) ** 0.5
        z = z * rng.normal(size=WIDTH)
        if network.norm is not None and network.norm.before == "activation":
            z /= np.sqrt(np.mean(z**2))
        x = network.activation.value(z)
        if network.norm is not None and network.norm.before == "weights":
            x = x - x.mean() * isinstance(network.norm, LayerNorm)
            x /= np.sqrt(np.mean(x**2))
    return x


def stream(network: Residual, rng: Any) -> Any:
    """h of a readout, with a branch of the stream's width."""
    c, phi = network.variances, network.activation.value

    def fields(x: Any, variance: Expr) -> Any:
        return (float(variance) * np.mean(x**2)) ** 0.5 * rng.normal(size=WIDTH)

    h, skip, tau = (
        fields(np.ones(WIDTH), c.input),
        float(network.skip2) ** 0.5,
        float(network.tau2) ** 0.5,
    )
    for _ in range(network.layers):
        x = h / np.sqrt(np.mean(h**2)) if network.norm else h
        if isinstance(network.branch, UpDown):
            x = fields(phi(fields(x, c.up)), c.down)
        elif isinstance(network.branch, ActivatedThenWeights):
            x = fields(phi(x), c.up)
        else:
            x = phi(fields(x, c.up))
        h = skip * h + tau * x
    return h


STREAMS: list[Residual] = [
    Residual(blocks=4),
    Residual(blocks=4, activation=Tanh(), norm=RMSNorm()),
    Residual(blocks=4, activation=Tanh(), branch=ActivatedThenWeights(), skip2="1/2"),
    Residual(blocks=4, branch=WeightsThenActivated(), multiplier2=1),
    Residual(
        blocks=4,
        activation=GELU(),
        branch=WeightsThenActivated(),
        weight_variance=ByRole(up=2),
        multiplier2=2,
    ),
]


@pytest.mark.wide
@pytest.mark.parametrize("network", [*CHAINS, *STREAMS], ids=str)
def test_literal_inputs_of_the_readout(network: Network) -> None:
    """At width 3000 within 4.5 standard errors and 0.5 %: a false alarm in 5,000 of 27 means."""
    rng = np.random.default_rng(3)
    drawn: Any = chain_input if isinstance(network, MLP) else stream
    inputs = [drawn(network, rng) for _ in range(60)]
    squares = np.array([np.mean(x**2) for x in inputs])
    sizes = np.array([np.mean(np.abs(x)) for x in inputs])
    moved = (squares**2, sizes**2, 4 * squares)
    for optimiser, drawn_values in zip(OPTIMISERS, moved, strict=True):
        value = readout_update(network, optimiser=optimiser, inputs=Inputs()).infinite_width()
        error = drawn_values.std(ddof=1) / 60**0.5
        assert abs(drawn_values.mean() - value) <= 4.5 * error + 0.005 * value, optimiser


LAWS: list[tuple[MLP, tuple[Expr, Expr, Expr]]] = [
    (MLP(), (n**2, n**2 / pi, 4 * n)),
    (MLP(bias_variance="1/4"), (n**2 * L**2 / 64, n**2 * L / (8 * pi), n * L / 2)),
    (MLP(activation=Tanh()), (n**2 / (4 * L**2), n**2 / (pi * L), 2 * n / L)),
    (MLP(weight_variance=1), (n**2 / 4**L, n**2 / (pi * 2**L), 4 * n / 2**L)),
    (MLP(norm=LayerNorm("activation")), (n**2 / 4, n**2 / (2 * pi), 2 * n)),
]


@pytest.mark.wide
@pytest.mark.parametrize(("network", "laws"), LAWS, ids=lambda each: str(each)[:40])
def test_laws_and_the_recursion(network: MLP, laws: tuple[Expr, Expr, Expr]) -> None:
    deep = 200 if network.weight_variance == 1 else 20_000
    for optimiser, law in zip(OPTIMISERS, laws, strict=True):
        update = readout_update(network, optimiser=optimiser, inputs=Inputs())
        assert (update.leading() - law * eta**2).equals(0)
        expected = float(law.subs({L: deep, n: 1}))
        assert update.infinite_width(deep) == pytest.approx(expected, rel=2e-3)
        assert update.infinite_width([1, deep])[1] == update.infinite_width(deep)


def test_the_exact_engine_has_the_same_limit() -> None:
    wide = 10**9
    for network in (MLP(wide, 5, weight_variance="3/2"), Residual(wide, 4)):
        exact = float(readout_update(network).evaluate()) / wide**2
        found = readout_update(network, inputs=Inputs())
        assert found.infinite_width() == pytest.approx(exact, rel=1e-6)
    law = readout_update(Residual(), inputs=Inputs()).leading()
    exact = readout_update(Residual()).leading()
    assert float(law / exact) == pytest.approx(1, rel=1e-4)
    assert not law.has(B)


def test_multiples_and_decay() -> None:
    network = MLP(8, 4, activation=Tanh())
    plain = readout_update(network).value
    averaged = readout_update(network, optimiser=Momentum("0.9", averaged=True)).value
    assert averaged == pytest.approx(plain / 100)
    decayed = readout_update(network, optimiser=WeightDecay(GradientDescent(), 1)).value
    assert decayed == plain
    assert sqrt(plain).evalf() == pytest.approx(
        readout_update(network, optimiser=Normalised()).value
    )
    exact = readout_update(MLP(10**9, 4))
    wide = readout_update(MLP(10**9, 4), inputs=Inputs())
    assert float(wide) == pytest.approx(float(exact.evaluate()), rel=1e-6)
    with pytest.raises(InvalidArgument, match=r"got width=n in .*; give the width"):
        float(readout_update(MLP(depth=4), inputs=Inputs()))


@pytest.mark.slow
def test_what_is_not_solved() -> None:
    update = readout_update(MLP(activation=Tanh(), weight_variance="1/2"))
    with pytest.raises(NotSolved, match="exponentially"):
        update.leading()
    assert "call infinite_width" in repr(update)
    faded = Residual(blocks=40, branch=WeightsThenActivated(), skip2="1/10", multiplier2=1)
    with pytest.raises(NotSolved, match="decayed"):
        readout_update(faded, optimiser=SignDescent()).infinite_width()
    assert readout_update(MLP(activation=Activation("max(z, 0)"))).exact == (
        readout_update(MLP(activation=ReLU())).exact
    )
