"""What is not covered is said where the user asks for it, in one sentence with what to write."""

import inspect
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from sympy import exp

import theory
import verify
import verify.testing
from theory import MLP, ByGroup, InvalidArgument, NetworkOutput, TrainedLayers, squared_update
from theory.activations import PiecewiseLinear
from theory.laws.criteria import Criterion
from theory.networks.groups import Group
from theory.observables import K, f, trace
from theory.symbols import B, L, ell
from verify.samplers.sampler import Sampler

T: Any = theory
V: Any = verify
"""For mypy, which finds all of this too."""
UPDATE: Any = squared_update(MLP())
RATE: Any = theory.maximal_learning_rate(MLP())
BLOCKS: Any = squared_update(theory.Residual())
POOLED: Any = squared_update(theory.Convolution(2, 2, 2, 1, activation=theory.Linear()))
ASKED: list[tuple[Callable[[], Any], str]] = [
    (lambda: T.MLP(residual=True), "no residual for MLP, got residual=True; .*without skip"),
    (
        lambda: T.MLP(biases=True),
        r"without biases: leave it out, or .*give MLP\(bias_variance=0.1\)",
    ),
    (lambda: T.MLP(bias=True), r"without biases: leave it out, or .*give MLP\(bias_variance=0.1\)"),
    (lambda: T.Residual(multiplier=0.5), r"multiplier2 is its square: give multiplier2=0.25$"),
    (lambda: T.Residual(multiplier=1 / B), r"square: give multiplier2=B\*\*\(-2\)$"),
    (
        lambda: T.squared_update(T.MLP(), momentum=0.9),
        r"give optimiser=Momentum\(0.9\), say$",
    ),
    (
        lambda: T.squared_update(T.MLP(), weight_decay=0.1),
        r"give optimiser=WeightDecay\(GradientDescent\(\), 0.01\), say$",
    ),
    (
        lambda: V.monte_carlo(T.MLP(32, 4), samples=10**12, seed=1),
        "samples, 819,200,000,000 at most, got samples=1000000000000 ",
    ),
    (
        lambda: V.monte_carlo(T.MLP(32, 4), samples=8 * 10**11, seed=1, sampler=V.Dense()),
        r"which makes 12,500,000,000; give fewer samples$",
    ),
    (lambda: T.MLP(input_norm=3), r"input_norm2 is its square: give input_norm2=9$"),
    (lambda: T.MLP(batch=32), "on one example, not on a batch"),
    (lambda: T.MLP(optimizer="adam"), r"give squared_update\(network, optimiser"),
    (lambda: T.MLP(widths=(64, 64)), r"MLP\(width=\(64, 64\)\)"),
    (lambda: T.MLP(L=4), r"depth, as in MLP\(width=64, depth=4\)"),
    (lambda: T.MLP(n=64), r"as in MLP\(width=64\)"),
    (lambda: T.MLP(depht=4), "the nearest name is depth"),
    (lambda: T.MLP(dropout=0.1), "drawn biases, an activation and a norm alone"),
    (lambda: T.MLP(layernorm=True), r"give MLP\(norm=RMSNorm\(\)\)"),
    (lambda: T.MLP(foo=1), "its names are width, depth, input_width"),
    (lambda: T.squared_update(T.MLP(), batch=32), "no batch for squared_update, got batch=32; the"),
    (lambda: T.squared_update(T.MLP(), optimizer="adam"), r"give optimiser=SignDescent\(\), say$"),
    (lambda: V.monte_carlo(T.MLP(8, 2), optimizer="adam"), r"give optimiser=SignDescent\(\), say$"),
    (lambda: V.compare_law(widths=[16], depths=[2]), r"give networks=\[MLP\(16, 2\), MLP\(32, 4"),
    (lambda: V.typical_learning_rate(T.MLP(8, 2), confidence=0.9), "the name is level$"),
    (lambda: V.typical_learning_rate(T.MLP(8, 2), quantile=0.9), "the name is chance$"),
    (lambda: T.squared_update(T.MLP(), lr=0.1), "values are at eta = 1"),
    (lambda: T.squared_update(T.MLP(), width=64), r"to the network: give MLP\(width=64\)"),
    (lambda: T.squared_update(T.MLP(), layer=L - 1), r"layer=L - 1 \(Add\); give ell, and put"),
    (lambda: T.squared_update(T.MLP(), layer=ell + 1), r"give ell, and put"),
    (lambda: T.maximal_learning_rate(T.MLP(), criteria=1), "the nearest name is criterion"),
    (lambda: T.layer_rates(T.MLP(), batch_size=8), "not on a batch"),
    (lambda: T.LastLayer(bond=1), "the nearest name is bound"),
    (lambda: T.derive(f, T.MLP(), depth=3), r"give MLP\(depth=4\)"),
    (lambda: T.transfer_learning_rate(1, T.MLP(8, 2), T.MLP(8, 3), tol=1), "name is tolerance"),
    (lambda: V.monte_carlo(T.MLP(8, 2), batch_size=32, seed=1), "not on a batch"),
    (lambda: V.monte_carlo(T.MLP(8, 2), n_samples=32, seed=1), "the nearest name is samples"),
    (lambda: V.check("L**3/3", optimizer="adam"), r"squared_update\(network, optimiser"),
    (lambda: V.compare_law(network=[T.MLP(8, 2)]), "the nearest name is networks"),
    (
        lambda: V.compare_infinite_width(T.MLP(depth=4), samples=9, seed=1),
        r"give widths=\(100, 200, 400\)",
    ),
    (
        lambda: V.compare_law([T.MLP(8, 2)], samples=9, seed=1),
        r"give the list by its name, networks=\[MLP\(width=8, depth=2\)\]",
    ),
    (lambda: V.typical_learning_rate(T.MLP(8, 2), bias=True), r"give MLP\(bias_variance"),
    (lambda: T.LeakyReLU(slope=0.1), "the nearest name is negative_slope"),
    (lambda: T.LeakyReLU(alpha=0.1), r"as in MLP\(activation=LeakyReLU\(0.1\)\)"),
    (lambda: T.Linear(bias=True), r"give MLP\(bias_variance"),
    (lambda: T.ByGroup(readout=2), r"maximal_learning_rate\(network, group=Readout\(\)\)"),
    (lambda: T.FirstLayer(rate=2), r"squared_update\(network, rates=ByGroup\(first=2\)\)"),
    (lambda: T.TrainedLayers(layer=2), "its names are first, last"),
    (lambda: T.EveryHiddenLayer(layer=2), r"write EveryHiddenLayer\(bound=...\)"),
    (lambda: V.Gram(threads=4), r"give monte_carlo\(network, executor=ThreadPoolExecutor\(4\)\)"),
    (lambda: V.Dense(samples=10), r"monte_carlo\(network, samples=1000, seed=1\)"),
    (lambda: V.Conditioned(step=0.1), r"monte_carlo\(network, step=0.01, samples=1000"),
    (lambda: V.RareEvents(device="cuda"), "in double precision on the processor"),
    (lambda: T.FirstLayer(2), r"no arguments for FirstLayer, got 2; write FirstLayer\(\)"),
    (lambda: T.LastLayer(1, 2), r"expected bound alone for LastLayer, got 2 besides; write"),
    (lambda: T.MLP(8, 2, 32), "the rest by name, got 32 besides; give input_width=32"),
    (lambda: T.MLP(8, width=9), "expected width once for MLP, got width=9 besides 8"),
    (lambda: V.monte_carlo(T.MLP(8, 2), 100, 1), "besides; give samples=100, seed=1"),
    (lambda: V.monte_carlo(T.MLP(8, 2)), "expected samples and seed for monte_carlo, got none"),
    (
        lambda: V.monte_carlo(T.MLP(8, 2), f**2, samples=9, seed=1),
        r"got \(gᵀz\)² besides; its names are samples, seed, sampler, layer, rates",
    ),
    (lambda: T.MLP(residual=True), r"or give Residual\(width=64, blocks=4\)"),
    (lambda: T.MLP(blocks=4), r"are those of Residual\(width=64, blocks=4\)"),
    (lambda: T.MLP(channels=4), r"or give Convolution\(channels=8, positions=4"),
    (lambda: T.Residual(layers=4), "the depth of a Residual is blocks: give blocks="),
    (lambda: T.squared_update(T.Residual(6, 2), block=1), "the name is layer$"),
    (
        lambda: T.squared_update(T.MLP(), optimiser=T.SignDescent),
        r"call it, as in SignDescent\(\)$",
    ),
    (lambda: T.squared_update(T.MLP(), optimiser=T.Momentum), r"as in Momentum\(\.\.\.\)$"),
    (lambda: T.squared_update(T.MLP(), optimiser=int), "leave it out for gradient descent$"),
    (lambda: T.MLP(norm=T.LayerNorm), r"call it, as in LayerNorm\(\)$"),
    (lambda: T.maximal_learning_rate(T.MLP(), criterion=T.LastLayer), r"as in LastLayer\(\)$"),
    (
        lambda: T.layer_rates(T.MLP(activation=T.Tanh())).plot(n=64, L=[2, 4]),
        r"got n=64; give the width, as in at\(n=64\) or MLP\(width=64\), and the depth alone",
    ),
    (
        lambda: V.check(T.squared_update(T.MLP()), quantity="rate", simulate=False),
        r"\(SquaredUpdate\); leave quantity out$",
    ),
    (lambda: V.typical_learning_rate(T.MLP(6, 2), layers=(1, 2)), "the name is layer$"),
    (lambda: T.maximal_learning_rate(T.MLP(6, 2), bound=2), r"EveryHiddenLayer\(bound=0.1\)"),
    (lambda: T.Residual(alpha=1), "the multiplier of a Residual is multiplier2: give"),
    (lambda: T.Convolution(kernel_size=3), "the nearest name is kernel$"),
    (lambda: T.MLP(hidden=4), r"as in MLP\(width=64\)"),
    (lambda: T.MLP(nonlinearity=T.ReLU()), r"as in MLP\(activation=ReLU\(\)\)"),
    (lambda: T.MLP(parametrization="mup"), r"variance 1/n\^2: scale with readout_variance or"),
    (lambda: T.MLP(init="he"), r"as in MLP\(weight_variance=2\)"),
    (lambda: RATE.validity(width=8), r"write validity\(0.1\).depths\(64\)"),
    (lambda: UPDATE(width=8, layers=3), "expected no size but n, L, got layers=3; give L=3"),
    (lambda: UPDATE(8, width=8, L=3), "got it by place, n=8, and by name, width=8; leave one"),
    (lambda: UPDATE(n=8, width=8, L=3), "got it as n=8, and by name, width=8; leave one out"),
    (lambda: BLOCKS(n=8, depth=3), "got depth=3; give B=3"),
    (lambda: np.exp(UPDATE), r"numbers for exp, got SquaredUpdate; write float\(value\)"),
    (lambda: np.log([UPDATE]), r"numbers for log, got .*; write \[float\(value\) for value in"),
    (lambda: np.arange(3) * UPDATE, "a number at an operator, got SquaredUpdate"),
    (lambda: T.derive(K @ K, T.MLP()), "a matrix; take its trace or a form"),
    (lambda: POOLED.plot(), "leave width open: give theory.symbols.n for it"),
    (lambda: T.Residual(depth=4), "the depth of a Residual is blocks: give blocks="),
    (lambda: T.Convolution(width=4), "the width of a Convolution is channels: give channels="),
    (lambda: UPDATE.lambdify("n", "L"), r"no arguments for lambdify, got 'n', 'L'; write lambdify"),
    (lambda: UPDATE.width_series(), "expected order for width_series, got none; give order=2"),
    (lambda: UPDATE.joint_limit("1/4"), "no arguments for joint_limit, got '1/4'"),
    (lambda: UPDATE.leading(n=3), r"no n for leading, got n=3"),
    (lambda: T.maximal_learning_rate(T.MLP()).validity(), "give tolerance=0.1"),
    (
        lambda: T.layer_rates(T.MLP())[0],
        r"no index .0., or .* got LayerRates; write value.evaluate\(\)\[0\] for",
    ),
    (
        lambda: T.layer_rates(T.MLP(64, 8))["readout"],
        r"no index \['readout'\], got .*; write value.alone\['readout'\], or value.together$",
    ),
    (
        lambda: T.layer_rates(T.MLP(64, 8, activation=T.Tanh()))["readout"],
        r"got WideLayerRates; write value.alone\['readout'\], or value.together$",
    ),
    (lambda: list(T.layer_rates(T.MLP())), "no index .* got LayerRates"),
    (lambda: T.MLP(activation=T.ReLU), r"call it, as in ReLU\(\)"),
    (lambda: T.MLP(activation=T.LeakyReLU), r"call it, as in LeakyReLU\(0.1\)"),
    (lambda: V.check("L", quantity="learning_rate"), "give quantity='rate'"),
    (lambda: V.check("L", claim="asymptotic"), "give one of these"),
    (lambda: V.check("L", claim=3), "give it as text"),
    (lambda: T.squared_update(), r"give network=MLP\(width=64, depth=4\)"),
    (
        lambda: V.testing.assert_close("L**3/3", T.MLP(8, 2), tol=0.1),
        "the nearest name is tolerance",
    ),
]


@pytest.mark.parametrize(("call", "why"), ASKED)
def test_the_answer_comes_where_the_user_asks(call: Callable[[], Any], why: str) -> None:
    with pytest.raises(InvalidArgument, match=why) as refusal:
        call()
    text = str(refusal.value)
    assert text.startswith("expected ")
    assert "\n" not in text
    assert len(text) < 250


def is_called_by_users(value: object) -> bool:
    """Whether ``value`` is a function, or a class of arguments of public functions."""
    arguments = (PiecewiseLinear, Sampler, ByGroup, TrainedLayers, MLP, NetworkOutput)
    kinds = (*arguments, *get_args(Criterion), *get_args(Group))
    return inspect.isfunction(value) or (inspect.isclass(value) and issubclass(value, kinds))


PUBLIC = [
    value
    for module in (theory, verify, verify.testing)
    for value in (getattr(module, name) for name in module.__all__)
    if is_called_by_users(value)
]


def test_the_limit_of_a_network_without_layers_names_the_symbol() -> None:
    with pytest.raises(theory.NotSolved, match=r"give theory.symbols.n as the width"):
        POOLED.leading()


def test_samplers_and_counterexamples_answer_names_that_they_do_not_have() -> None:
    example = V.check("L**2/3", claim="leading", simulate=False).counterexample
    for value, name in ((V.Dense(), "neurons"), (example, "plot")):
        with pytest.raises(AttributeError, match=rf"^{type(value).__name__} has no {name}: "):
            getattr(value, name)


def test_a_refused_operator_raises_a_named_class() -> None:
    refusals: list[Callable[[], Any]] = [
        lambda: UPDATE / 3,
        lambda: np.sqrt(UPDATE),
        lambda: exp(trace(K)),
    ]
    for refused in refusals:
        with pytest.raises(InvalidArgument) as caught:
            refused()
        assert not caught.type.__name__.startswith("_")


@pytest.mark.parametrize("call", PUBLIC, ids=lambda call: call.__name__)
def test_every_public_call_answers(call: Callable[..., Any]) -> None:
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(call).parameters.values()):
        return
    with pytest.raises(InvalidArgument, match=f"no residual for {call.__name__}, got residual"):
        call(residual=True)


@pytest.mark.slow
def test_the_place_of_the_answer_is_the_network_of_the_layer_below() -> None:
    """What the refusal of layer=L-1 says to write is right."""
    assert (
        squared_update(MLP(), ell)
        .exact.subs(ell, L - 1)
        .subs(L, 4)
        .equals(squared_update(MLP(depth=4), 3).exact)
    )
