"""A refusal names a fix that belongs to the refused argument, and a call that answers."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import theory
import verify
import verify.testing
from theory import MLP, InvalidArgument, Tanh, squared_update
from theory.__main__ import main
from theory.observables import K, f, trace, z
from theory.symbols import B, L, b, ell
from theory.words.observables import _MEASURED
from verify.cli import main as verify_main

T: Any = theory
MATRIX: Any = K
V: Any = verify
WIDE = squared_update(MLP(activation=Tanh()))
U = squared_update(MLP())
ANY_U: Any = U
SIGN = T.SignDescent()
SIGN_RATE: Any = T.maximal_learning_rate(MLP(), optimiser=SIGN)
SIGN_GROUPS: Any = T.layer_rates(MLP(64), optimiser=SIGN)
WIDTH_AND_DEPTH = r"as in MLP\(width=64\), and the depth alone to this value$"
GRAPH: Any = T.Graph({"a": ("x",)}, readout="a", width=8)
GRID: dict[str, Any] = {"networks": [MLP(16, 2)], "samples": 100, "seed": 1}
FIXES: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: V.check(WIDE, claim="leading", simulate=False),
        r"at finite width for formula.*leading\(\).*with compare_infinite_width\(update, widths",
    ),
    (lambda: V.compare_law(WIDE, **GRID), "at finite width for law, got law=WideUpdate"),
    (
        lambda: V.check("L", quantity="rate", criterion=T.Relative(), simulate=False),
        r"LastLayer\(\) or MeanOverLayers\(\) for.*; maximal_learning_rate\(network, criterion=Rel",
    ),
    (
        lambda: T.maximal_learning_rate(MLP(), criterion=T.NetworkOutput(4)),
        r"or Relative\(\) for.*group=Readout\(\), criterion=NetworkOutput\(bound=4\)\)",
    ),
    (
        lambda: T.maximal_learning_rate(T.Residual(), criterion=T.NetworkOutput()),
        r"group=Readout\(\), criterion=NetworkOutput\(\)\)",
    ),
    (lambda: T.critical(Tanh(), bias_variance=-1), "; 0 draws no biases$"),
    (lambda: T.WeightDecay(T.SignDescent(), "-0.1"), "; 0 is no decay$"),
    (lambda: T.WeightDecay("0.1"), r"; give WeightDecay\(GradientDescent\(\), decay='0.1'\)$"),
    (lambda: T.WeightDecay(0.1, 0.01), r"; give WeightDecay\(GradientDescent\(\), '0.1'\)$"),
    (lambda: T.WeightDecay(T.GradientDescent, 0.1), r"\(class\); give WeightDecay\(Grad"),
    (
        lambda: T.Graph({"a": "x", "b": "q"}, readout="b", width=8),
        r"sources of 'b' that are .* vertices are 'a', 'b'; no vertex may be called 'x'$",
    ),
    (
        lambda: T.Graph([("x", "a"), ("a", "b"), ("x", "b")], readout="b"),
        r"got the edges vertices=.*; give {'a': \('x',\), 'b': \('a', 'x'\)}$",
    ),
    (lambda: T.Graph({"a": "x"}, readout="w", width=8), "each once, .*the vertices are 'a'$"),
    *(
        (lambda value=value: V.monte_carlo(MLP(8, 2), observable=value, samples=9, seed=1), fix)
        for value, fix in (
            (T.tangent_kernel(MLP(8, 2)), r"; give g @ K @ g for tangent_kernel\(network\)$"),
            (
                T.readout_update(MLP(8, 2)),
                r"; give \(1 \+ f\*\*2\) \* \(x @ x\)\*\*2 for the whole",
            ),
            (
                T.alignment(MLP(8, 2)),
                "an alignment is a ratio of two means, which is not measured$",
            ),
        )
    ),
    (lambda: T.derive("tr(K)", MLP()), "squared_update, alignment and tangent_kernel are functio"),
    (
        lambda: V.check("27/8", network=GRAPH, claim="leading", simulate=False),
        r"formula with squared_update\(network\)\.exact or \.leading\(\)$",
    ),
    (lambda: T.LastLayer(-1), "; leave bound out to use 1$"),
    (lambda: T.layer_rates(MLP(), bound=-1), "; leave bound out to use 1$"),
    (lambda: V.typical_learning_rate(MLP(8, 3), bound=-1, samples=9, seed=1), "; leave bound out"),
    (
        lambda: T.squared_update(MLP(), step=0),
        r"got step=0 \(int\); leave it out for a linearised step$",
    ),
    (lambda: T.critical("tanh"), r"; give Tanh\(\)$"),
    (lambda: MLP(activation="leaky_relu"), r"; give LeakyReLU\(0.1\)$"),
    (lambda: MLP(activation="wave"), r"; give ReLU\(\), say$"),
    (lambda: T.Activation("relu(z)^2"), r"; give Activation\('max\(0, z\)\*\*2'\), say$"),
    (lambda: T.Activation("swish(z)"), r"unknown function swish\(\); give SiLU\(\)$"),
    (lambda: T.Activation("tanh"), r"; give Activation\('tanh\(z\)'\), say$"),
    (lambda: SIGN_RATE(16), r"infinite_width\(16\) for the value over 1/n$"),
    (lambda: SIGN_RATE.infinite_width(), r"as in infinite_width\(64\), or call leading\(\)$"),
    (
        lambda: T.maximal_learning_rate(T.Residual(blocks=4), optimiser=SIGN).value,
        r"as in Residual\(width=64\), or call infinite_width\(\) for",
    ),
    (
        lambda: squared_update(T.Residual(activation=T.GELU(), norm=T.LayerNorm())).leading(),
        r"; give weight_variance=ByRole\(up=2\), say$",
    ),
    (lambda: U.linearised_up_to("0.1"), r"as in linearised_up_to\('0.1', 64\)$"),
    (
        lambda: U.relative_standard_deviation(),
        r"as in \.at\(n=64, L=4\)\.relative_standard_deviation\(\)$",
    ),
    (lambda: SIGN_GROUPS.together, r"as in at\(L=64\)\.together$"),
    (lambda: T.critical(Tanh())[0], r"write \.points\[0\]$"),
    (lambda: T.maximal_learning_rate(MLP(), step=0.1), r"linearised=False\)"),
    (lambda: T.squared_update(MLP(), linearised=False), r"squared_update\(network, step=0.1\)"),
    (lambda: T.layer_rates(MLP(), linearised=False), r"network, linearised=False\)"),
    (
        lambda: T.transfer_learning_rate(1, MLP(8, 2), MLP(8, 3), optimiser=SIGN),
        r"ratio of two maximal_learning_rate\(network, optimiser=",
    ),
    (lambda: T.ByGroup(readout=1), r"layer_rates\(network, optimiser=SignDescent\(\)\)$"),
    (lambda: T.Graph(), r"give vertices={'a': 'x'}, readout='a'$"),
    (lambda: T.Branch(), "give block=4$"),
    (
        lambda: T.layer_rates(MLP(), inputs=T.Inputs()).at(L=0),
        "positive whole number for L, got L=0",
    ),
    (
        lambda: V.compare_law(networks=[GRAPH], seed=1),
        r"monte_carlo\(network, samples=1000, seed=1",
    ),
    (lambda: squared_update(GRAPH, rates=[1, 0]), r"give one such as {\('x', 'a'\): 2}"),
    (
        lambda: T.maximal_learning_rate(MLP(), group=T.TrainedLayers(2, 3)),
        r"give rates=TrainedLayers\(first=2, last=3\)",
    ),
    (
        lambda: V.monte_carlo(MLP(8, 2), samples=9, seed=1).plot(theory=squared_update(MLP(9, 2))),
        r"the value of MLP\(width=8, depth=2\) for theory, got one of MLP\(width=9, depth=2\)",
    ),
    (lambda: MATRIX + 1, r"of one kind in a sum, got 1 and K; write trace\(K\) \+ 1"),
    (lambda: 2 - K, r"in a sum, got 2 and K;"),
    (lambda: MATRIX @ 5, r"vectors around @, got K and 5; write \*"),
    (lambda: 5 @ z, r"vectors around @, got z and 5; write \*"),
    (lambda: f @ K, r"vectors around @, got gᵀz and K; write \*"),
    (lambda: squared_update(T.Residual(8, 4), b)(-1), "a non-negative whole number for b"),
    (
        lambda: squared_update(MLP(8, 2), rates=T.layer_rates(MLP(8, 2)).together[:2]),
        r"a rational number for rates\[0\], got .*; give float\(",
    ),
    (lambda: verify.testing.assert_exact(0.1, MLP(4, 2)), r"got 0\.1 \(float\)"),
    (lambda: V.compare_law(lambda n: None, **GRID), "for law, got an object of type NoneType"),
    (lambda: V.compare_law(lambda n: "x", **GRID), "a number from law at L=2"),
    *(
        (lambda call=call, value=value: call(value), fix)
        for value, fix in (
            (WIDE, "the limit n -> infinity; give the depth alone$"),
            (T.maximal_learning_rate(WIDE.network), "the limit n -> infinity; give the depth alo"),
            (squared_update(MLP(depth=4, activation=Tanh())), "n -> infinity; give no size$"),
        )
        for call in (
            lambda value: value(64, 4),
            lambda value: value(n=64, L=4),
            lambda value: value(width=64, depth=4),
            lambda value: value.plot(n=64, L=[1, 2]) if value.open_sizes else value(64),
        )
    ),
    *(
        (lambda call=call, value=value: call(value), fix)
        for value, fix in (
            (squared_update(MLP(), optimiser=SIGN), WIDTH_AND_DEPTH),
            (T.maximal_learning_rate(MLP(), optimiser=SIGN), WIDTH_AND_DEPTH),
            (squared_update(T.Residual(), optimiser=SIGN), "number of blocks alone to this value$"),
        )
        for call in (lambda value: value(64, 4), lambda value: value.plot(n=64, L=[1, 2]))
    ),
    (lambda: squared_update(T.Residual(), optimiser=SIGN)(n=64, L=4), "got L=4; give B=4$"),
    (
        lambda: T.maximal_learning_rate(MLP(), optimiser=SIGN)(4),
        r"give the width, as in at\(n=64\) or MLP\(width=64\)",
    ),
    (lambda: T.maximal_learning_rate(MLP(), group=T.HiddenLayers())(64, 1), "give FirstLayer"),
    (
        lambda: V.check("n*L", layer=L - 1, simulate=False),
        "L - 1 .*; write the formula in ell, which stands for every layer, and leave layer out$",
    ),
    (lambda: ANY_U.plot(64, range(1, 9)), r"got 64, range\(1, 9\); give n=64, L=range\(1, 9\)$"),
    (lambda: ANY_U.plot(axes=1), r"got axes=1; give axes as ax=axes$"),
    (
        lambda: ANY_U.plot(n=64, against="layer"),
        r"the layer, draw squared_update\(MLP\(\), ell\), say$",
    ),
    (lambda: T.maximal_learning_rate(MLP()).plot(against="layer"), "one value for all layers"),
    (lambda: float(V.check("L", simulate=False)), "got Check; outcome is its verdict"),
    (lambda: float(V.compare_law(**GRID)), "got Comparison; outcome is its verdict"),
    (lambda: float(T.critical(Tanh())), r"got Critical; points\[0\].weight_variance is a number"),
    (lambda: float(T.critical(Tanh()).points[0]), "got CriticalPoint; weight_variance is a"),
    (
        lambda: V.monte_carlo(MLP(8, 2), samples=9, seed=1, optimiser=SIGN),
        r"GradientDescent\(\) for optimiser with sampler=Gram\(\), got optimiser=SignDescent",
    ),
    *(
        (
            lambda layer=layer: V.monte_carlo(MLP(8, 2), samples=9, seed=1, layer=layer),
            r"got layer=.*; give layer=range\(1, 3\) for every hidden layer$",
        )
        for layer in ("all", ell)
    ),
    (
        lambda: V.monte_carlo(MLP(8, 2), samples=9, seed=1, observable=T.derive(trace(K), MLP())),
        r"give its observable, as in observable=derivation\.observable$",
    ),
    (
        lambda: V.monte_carlo(MLP(8, 2), samples=9, seed=1, sampler=V.RareEvents()).total.median,
        r"RareEvents\(\) keeps weighted means; give sampler=Gram\(\)$",
    ),
    (
        lambda: (
            V.monte_carlo(
                MLP(8, 2), samples=9, seed=1, observable=f**2, sampler=V.Conditioned()
            ).total.median
        ),
        r"of an observable only sums are kept; derive\(observable, network\)\.variance\(\)",
    ),
    (lambda: squared_update(MLP(), T.Branch(1)), "; Branch is for residual networks: give"),
    (
        lambda: V.monte_carlo(MLP(8, 2), samples=9, seed=1, layer=T.Branch(1)),
        "; Branch is for residual networks: give",
    ),
    (
        lambda: T.maximal_learning_rate(MLP(), criterion=T.Stream()),
        "; Stream is for residual networks: leave criterion out for every hidden layer$",
    ),
    (lambda: V.compare_law(networks=[], seed=1), r"at least one network, got networks=\[\]"),
    (
        lambda: V.compare_law(networks=[T.Residual()], seed=1),
        r"a number for blocks, got blocks=B; give numbers, as in Residual\(width=64, blocks=4\)$",
    ),
    (
        lambda: V.check("L", claim="joint", network=MLP(64)),
        r"; leave the width and the depth out, as in MLP\(\)$",
    ),
    (
        lambda: V.check("L", grid=[MLP(8, 2, activation=Tanh())]),
        r"networks like MLP\(\) with numbers for its sizes in grid, got MLP\(width=8",
    ),
    (
        lambda: V.monte_carlo(T.Residual(8, 2), observable=trace(K), samples=9, seed=1),
        "since samplers form K, D, z and g of chains of layers alone, got network=Residual",
    ),
    (lambda: V.check("1/n", quantity="rate", group=T.Readout()), r"rates=ByGroup\(first=0, hidde"),
    (lambda: float(T.observables.trace(MATRIX)), r"derive\(observable, network\) has its mean"),
]


@pytest.mark.wide
@pytest.mark.parametrize(("call", "fix"), FIXES)
def test_a_fix_belongs_to_the_refused_argument(call: Callable[[], Any], fix: str) -> None:
    with pytest.raises(InvalidArgument, match=fix) as refusal:
        call()
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (
            lambda: T.maximal_learning_rate(MLP(), group=T.Readout(), optimiser=SIGN),
            r": layer_rates\(network, optimiser=SignDescent\(\)\) has the rate of the readout$",
        ),
        (
            lambda: T.maximal_learning_rate(MLP(), group=T.FirstLayer(), optimiser=SIGN),
            r": give rates=ByGroup\(first=1, hidden=0, last=0\)$",
        ),
        (lambda: T.maximal_learning_rate(GRAPH), r"1/sqrt of which is the rate at which"),
        (lambda: T.maximal_learning_rate(T.Residual(64, 8)).leading(), r"Residual\(blocks=4\)$"),
        (lambda: T.layer_rates(MLP()).together, r": use \.at\(n=64, L=4\)\.together for numbers"),
    ],
)
def test_what_is_not_solved_names_a_call_that_answers(call: Callable[[], Any], fix: str) -> None:
    with pytest.raises(T.NotSolved, match=fix):
        call()


@pytest.mark.parametrize(
    "value",
    [squared_update(MLP(), optimiser=SIGN), T.maximal_learning_rate(MLP(), optimiser=SIGN)],
)
def test_a_value_in_units_of_an_open_width_takes_the_width_by_name(value: Any) -> None:
    assert value(n=64, L=4) == value(width=64, depth=4) == float(value.at(n=64, L=4))
    assert value(n=64, L=[2, 4])[1] == value(n=64, L=4)
    rates = T.layer_rates(MLP(), optimiser=SIGN)
    assert rates(n=64, L=4) == rates.at(n=64, L=4).together


def test_the_observables_that_a_refusal_names_have_the_means_of_the_values() -> None:
    network, given = MLP(16, 3), {**vars(T.observables)}
    update, kernel, aligned = (_MEASURED[k] for k in ("ReadoutUpdate", "Spread", "Alignment"))

    def mean(text: str) -> Any:
        return T.derive(eval(text, given), network).exact

    assert mean(update.partition(" for")[0]) == T.readout_update(network).per_eta2
    assert mean(kernel.partition(" for")[0]) == T.tangent_kernel(network).mean
    along, whole = aligned.partition(" one after")[0].split(" and ")
    assert mean(along) / mean(whole) == T.alignment(network).exact


NAMES: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: WIDE, "evaluate exact per_eta2", r"infinite_width\(depth\) is its number; .*finite"),
    (lambda: T.readout_update(WIDE.network), "exact", "is its number; .* not at finite width$"),
    (lambda: T.readout_update(WIDE.network), "exact label", r"infinite_width\(depth\)"),
    (lambda: T.readout_update(WIDE.network), "lambdify", "call it with depths, .*finite width$"),
    (lambda: T.layer_rates(WIDE.network), "first hidden", "not at finite width; take alone"),
    (lambda: T.maximal_learning_rate(WIDE.network), "lambdify", "call it with depths"),
    (lambda: T.maximal_learning_rate(MLP()), "infinite_width", r"give inputs=Inputs\(\) for"),
    (lambda: T.layer_rates(MLP()), "infinite_width", r"give inputs=Inputs\(\) for values at n"),
    (lambda: T.layer_rates(WIDE.network), "leading", r"take at\(L=64, n=64\).together; maximal_l"),
    (lambda: T.derive(trace(K), MLP(8, 2)), "relative_standard_deviation", r"sqrt\(value.varian"),
    (lambda: T.layer_rates(WIDE.network), "share", r"the square of a rate of together over"),
    (lambda: T.critical(Tanh()), "plot latex", r"print\(\) shows it"),
    (lambda: T.critical(Tanh()).points[0], "plot latex", r"print\(\) shows it"),
    (lambda: T.maximal_learning_rate(MLP()).validity("0.1"), "plot latex", r"print\(\) shows it"),
    (lambda: V.monte_carlo(MLP(4, 2), samples=9, seed=1), "latex", r"print\(\) shows it"),
    (lambda: V.check("L", simulate=False), "latex", r"print\(\) shows it"),
    (lambda: V.check("L", simulate=False), "frame", r"evidence\.frame\(\) has a row"),
    (lambda: V.monte_carlo(MLP(4, 2), samples=9, seed=1), "frame", "value and error are numbers"),
    (lambda: V.monte_carlo(MLP(4, 2), samples=9, seed=1), "median quantile", r"total\.median"),
    (lambda: MATRIX, "trace", r"write trace\(K\)"),
    (lambda: z, "dot", "write products with @"),
    (lambda: z, "sum mean norm", r"derive\(z @ z, network\)"),
    (lambda: U, "validity", r"maximal_learning_rate\(network\)\.validity\(0.1\) has the validity"),
    (lambda: WIDE, "width_series joint_limit", "the value is solved as n -> infinity alone"),
    (lambda: WIDE, "validity", r"maximal_learning_rate\(MLP\(\)\)\.validity\(0.1\)$"),
    (lambda: T.layer_rates(MLP()), "validity", r"maximal_learning_rate\(network\)\.validity"),
    (lambda: T.maximal_learning_rate(T.MLP(), linearised=False), "validity", "linearised steps"),
    (lambda: T.maximal_learning_rate(MLP(64, 8)), "rate", "value is its number"),
    (lambda: T.maximal_learning_rate(MLP()), "law_holds_from depth_law", "leading.. is the law"),
    (lambda: T.layer_rates(MLP()), "depth_law equal_shares", "squared_update|equal_shares"),
    (lambda: T.layer_rates(WIDE.network), "readout", r"take alone or together"),
    (
        lambda: T.maximal_learning_rate(T.Residual(activation=Tanh())),
        "law_holds_from",
        r"compare leading\(\) with infinite_width\(blocks\)$",
    ),
    (lambda: T.critical(Tanh()), "exact", r"points\[0\]"),
    (lambda: V.check("L", simulate=False), "exact", r"target\.update\.exact"),
    (
        lambda: V.monte_carlo(MLP(4, 2), samples=9, seed=1),
        "exact width_series joint_limit",
        r"squared_update\(network\)",
    ),
]


@pytest.mark.wide
@pytest.mark.parametrize(("made", "names", "where"), NAMES)
def test_a_name_of_other_values_says_where_it_is(
    made: Callable[[], Any], names: str, where: str
) -> None:
    value = made()
    for name in names.split():
        with pytest.raises(
            AttributeError, match=f"{type(value).__name__} has no {name}: .*{where}"
        ):
            getattr(value, name)


@pytest.mark.parametrize(
    "made",
    [
        lambda: V.check("L", simulate=False),
        lambda: V.compare_law(**GRID),
        lambda: V.compare_law(**GRID).verdict,
        lambda: V.compare_infinite_width(
            squared_update(MLP(depth=1)), widths=(8, 9, 10), samples=9, seed=1
        ),
    ],
)
def test_a_judgement_is_no_condition(made: Callable[[], Any]) -> None:
    judged = made()
    with pytest.raises(TypeError, match=f"got {type(judged).__name__}, which is consistent, rej"):
        bool(judged)
    for other in ("CONSISTENT", judged.outcome):
        with pytest.raises(TypeError, match=r"at ==, got .*; write \w+\.outcome\.name == '"):
            assert judged == other
    assert judged == judged
    assert judged is not None


def test_a_check_of_another_activation_says_what_to_compare() -> None:
    with pytest.raises(theory.NotSolved, match=r"compare it with squared_update\(network\)\.lead"):
        V.check("L*eta**2/12", claim="leading", network=MLP(activation=Tanh()))
    with pytest.raises(theory.NotSolved, match=r"with maximal_learning_rate\(network\)\.leading"):
        V.check("1/sqrt(L)", claim="leading", quantity="rate", network=MLP(activation=Tanh()))
    with pytest.raises(theory.NotSolved, match=r"and call compare_infinite_width\(squared_upd"):
        V.compare_law(networks=[MLP(8, 2, activation=Tanh())], samples=9, seed=1)


@pytest.mark.parametrize("call", [V.check, V.compare_law])
def test_help_shows_no_address(call: Any) -> None:
    assert "0x" not in str(inspect.signature(call))
    assert "execution: 'Execution' = Execution()" in str(inspect.signature(call))


@pytest.mark.slow
def test_an_outcome_is_no_text() -> None:
    with pytest.raises(InvalidArgument, match=r"an Outcome at ==, got 'CONSISTENT'; write"):
        assert V.check("L", simulate=False).outcome == "CONSISTENT"


@pytest.mark.slow
def test_large_numbers_are_short_and_blocks_are_counted_by_b() -> None:
    assert "at eta = 10**300 of" in repr(squared_update(MLP(), step=1e300))
    assert "at eta = 1/10 of" in repr(squared_update(MLP(), step="0.1"))
    with pytest.raises(InvalidArgument, match=r"at bias variance 10\*\*300; critical"):
        squared_update(MLP(activation=Tanh(), bias_variance=1e300)).infinite_width(3)
    with pytest.raises(InvalidArgument, match="lost in rounding"):
        T.critical(Tanh()).edge(1e-12)
    with pytest.raises(InvalidArgument, match=r"since every variance is a fixed point$"):
        T.critical(T.ReLU()).edge(2)
    law = squared_update(T.Residual(activation=Tanh())).depth_law
    assert "number of blocks B" in law.regime
    assert law.leading.free_symbols <= {B}


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("L^3/3 + exp(-L)", "an exponential whose exponent is unbounded"),
        ("L^3/3 + (1 - 1/n)^(n*L)", "an exponential whose exponent is unbounded"),
        ("L^3/3*2^n", "a power whose exponent contains a size"),
    ],
)
def test_what_is_undecided_has_a_true_reason(formula: str, reason: str) -> None:
    found = V.check(formula, claim="leading", simulate=False)
    assert found.verdict.name == "UNDECIDED"
    assert found.theory.reason.endswith(reason)


def test_the_base_of_logarithms_is_written_as_it_is_read() -> None:
    found = V.check("L^3/3*(1 + 1/n)^n", claim="leading", simulate=False)
    assert str(found.difference) == "it is exp(1) times the law"


def test_a_branch_width_has_no_other_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--branch-width", "4"]) == 2
    assert "; give --network residual\n" in capsys.readouterr().err


def test_a_group_is_the_same_in_a_network_of_one_layer_and_in_a_call() -> None:
    one = T.maximal_learning_rate(MLP(64, 1), group=T.FirstLayer())
    rate = T.maximal_learning_rate(MLP(), group=T.FirstLayer())
    assert rate.at(n=64, L=1) == one
    assert rate(64, 1) == pytest.approx(float(one), rel=1e-12)
    assert T.maximal_learning_rate(MLP(64), group=T.FirstLayer())([1, 4]) == pytest.approx(
        [float(one), rate(64, 4)], rel=1e-12
    )
    assert rate.plot(n=64, L=range(1, 4)).get_xlim()[0] <= 1
    with pytest.raises(InvalidArgument, match="with ByGroup"):
        T.maximal_learning_rate(MLP(), rates=T.ByGroup(first=1, hidden=0, last=0))(64, 1)


@pytest.mark.parametrize(
    ("command", "options", "fix"),
    [
        (main, "--batch 32", "not on a batch: leave it out"),
        (verify_main, "--batch 32", "not on a batch: leave it out"),
        (verify_main, "--bias 1", r"give MLP(bias_variance=0.1)"),
        (verify_main, "--activation tanh", "give MLP(activation=Tanh())"),
        (main, "rate --depth 8", "and prints the rates in every case"),
        (main, "64 8", "give --width 64 --depth 8"),
        (verify_main, "--smaples 5", "the nearest option is --samples"),
        (verify_main, "--output runs", "the nearest option is --out"),
        (main, "--width 64,128", "got '64,128'; give one number, such as 64"),
        (main, "--width n", "got 'n'; leave it out for the symbol n"),
        (verify_main, "--width 64,128", "got '64,128'; write 64 128"),
        (verify_main, "--samples 1e4", "got '1e4'; give an int such as 64"),
    ],
)
def test_an_option_that_a_command_does_not_have_gets_the_answer_of_python(
    command: Callable[[list[str]], int],
    options: str,
    fix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command(options.split())
    error = capsys.readouterr().err.rstrip()
    assert error.endswith(fix)
    assert "nearest" in fix or "nearest" not in error
