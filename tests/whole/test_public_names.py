"""Every public name: a runnable example in its help, a line worth reading at the prompt, and
completion that shows what is public and nothing else."""

import inspect
import re
from functools import cached_property
from typing import Any

import pytest

import theory
import verify
from theory import (
    MLP,
    ByGroup,
    FirstLayer,
    LeakyReLU,
    Readout,
    TrainedLayers,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    observables,
    readout_update,
    squared_update,
    symbols,
    tangent_kernel,
    transfer_learning_rate,
)
from theory.observables import K, g, trace
from theory.public_names import PublicNames
from verify import (
    Conditioned,
    check,
    compare_law,
    monte_carlo,
    strategies,
    testing,
    typical_learning_rate,
)

MODULES = {
    theory: {"observables", "symbols"},
    verify: {"strategies", "testing"},
    **dict.fromkeys((observables, symbols, strategies, testing), frozenset[str]()),
}
"""What users import from, and which of its modules completion shows beside its names."""
PUBLIC = [(module, name) for module in MODULES for name in module.__all__]
SMALL = MLP(width=8, depth=2)
SMOOTH: list[Any] = [theory.Tanh(), theory.Erf(), theory.Sin(), theory.Arctan(), theory.Softsign()]
SMOOTH += [theory.GELU(), theory.SiLU(), theory.Mish(), theory.ELU(), theory.Softplus()]
SMOOTH += [theory.Activation("z/(1 + z**2)"), theory.RMSNorm(), theory.LayerNorm()]
SMOOTH += [theory.critical(theory.Tanh()), theory.critical(theory.Tanh()).edge(1)]
SMOOTH += [theory.GradientDescent(), theory.SignDescent(), theory.Normalised(), theory.Relative()]
SMOOTH += [theory.Momentum("0.9"), theory.WeightDecay(theory.SignDescent(), 1), theory.Inputs()]


def wide(network: MLP) -> list[Any]:
    """Values as n -> infinity."""
    return [
        squared_update(network),
        squared_update(network, optimiser=theory.SignDescent()),
        readout_update(network, optimiser=theory.SignDescent()),
        squared_update(network, step=1),
        maximal_learning_rate(network),
        maximal_learning_rate(network, linearised=False),
        layer_rates(network),
    ]


def values() -> list[Any]:
    """A value of every public class, most of them twice: with symbols, and in numbers."""
    estimate = monte_carlo(SMALL, samples=500, seed=1)
    wrong = check("L**2/3", claim="leading", simulate=False)
    compared = compare_law(networks=[SMALL], samples=500, seed=1)
    update, label = squared_update(MLP()), squared_update(MLP()).label
    return [
        *SMOOTH,
        *wide(MLP(activation=theory.Tanh())),
        *wide(MLP(8, 3, activation=theory.Tanh())),
        *(theory.UpDown(), theory.ActivatedThenWeights(), theory.WeightsThenActivated()),
        *(
            law(network)
            for law in (squared_update, maximal_learning_rate)
            for network in (
                theory.Residual(activation=theory.Tanh()),
                theory.Residual(8, 2, activation=theory.Tanh()),
            )
        ),
        verify.compare_infinite_width(
            squared_update(MLP(depth=2, activation=theory.Tanh())),
            widths=(20, 40, 80),
            samples=20,
            seed=1,
        ),
        *(theory.Graph({"a": ("x",)}, readout="a"), theory.Convolution(8, 3, 2, 2)),
        *(
            MLP(),
            SMALL,
            LeakyReLU(),
            theory.ReLU(),
            theory.Linear(),
            ByGroup(),
            TrainedLayers(2),
        ),
        *(FirstLayer(), theory.HiddenLayers(), Readout()),
        *(theory.EveryHiddenLayer(), theory.LastLayer(2), theory.MeanOverLayers()),
        *(theory.NetworkOutput(), theory.InvalidArgument("so"), theory.NotSolved("so")),
        *(theory.Residual(), theory.Residual(8, 2), theory.Branch(2), theory.ByRole(up=2)),
        *(theory.Stream(), theory.Branches(2), theory.StreamAndBranches()),
        *(
            law(network)
            for law in (squared_update, maximal_learning_rate, layer_rates, readout_update)
            for network in (theory.Residual(), theory.Residual(8, 2))
        ),
        squared_update(theory.Residual(8, 2), theory.Branch(2)),
        layer_rates(theory.Residual(8, 2), inputs=theory.Inputs()),
        *(theory.OutsideValidity("so"), theory.MupDepthError("so")),
        *(update, label, squared_update(SMALL), squared_update(MLP(8)), squared_update(MLP(), 3)),
        *(update.derivation, update.derivation[0], update.law, label.joint_law()),
        *(
            maximal_learning_rate(MLP()),
            maximal_learning_rate(SMALL),
            maximal_learning_rate(MLP(8)),
        ),
        *(maximal_learning_rate(MLP()).validity("0.1"), derive(trace(K @ K), MLP())),
        *(derive(g @ K @ g, MLP()).closed_form, derive(g @ K @ g, MLP()).word_maps),
        *(
            tangent_kernel(MLP()),
            tangent_kernel(SMALL),
            label.spread,
            squared_update(MLP(8)).spread,
        ),
        *(alignment(MLP()), alignment(SMALL), alignment(MLP(8)), readout_update(MLP())),
        *(readout_update(SMALL), readout_update(MLP(8)), layer_rates(MLP()), layer_rates(SMALL)),
        *(maximal_learning_rate(each, group=Readout()) for each in (MLP(), SMALL, MLP(8))),
        transfer_learning_rate("0.1", MLP(256, 8), MLP(512, 8)),
        *(estimate, estimate.total, estimate.total.median, Conditioned(), verify.Gram()),
        *(verify.Dense(), verify.RareEvents(), Conditioned().neurons(SMALL, samples=3, seed=1)),
        *(wrong, wrong.difference, wrong.counterexample, wrong.theory, compared),
        *(compared.cells[0], compared.verdict, compared.cells[0].score),
        typical_learning_rate(SMALL, samples=500, seed=1),
        *(K, g, trace(K), strategies.Point(SMALL, 1)),
    ]


@pytest.fixture(scope="module")
def shown() -> list[Any]:
    return values()


def members(kind: type) -> dict[str, Any]:
    """Methods and properties of a class that completion shows, and that we have written."""
    hidden: frozenset[str] = getattr(kind, "_shared", frozenset())
    found = {}
    for name, member in inspect.getmembers_static(kind):
        inner = member.fget if isinstance(member, property) else member
        inner = inner.func if isinstance(inner, cached_property) else inner
        inner = getattr(inner, "__func__", inner)
        ours = (getattr(inner, "__module__", None) or "").partition(".")[0] in ("theory", "verify")
        if ours and callable(inner) and not name.startswith("_") and name not in hidden:
            found[name] = inner
    return found


@pytest.mark.parametrize(
    ("module", "name"), PUBLIC, ids=lambda each: getattr(each, "__name__", each)
)
def test_help_has_a_runnable_example(module: Any, name: str) -> None:
    value = getattr(module, name)
    assert ">>> " in (value.__doc__ or ""), name
    if inspect.isclass(value):
        without = [n for n, inner in members(value).items() if ">>> " not in (inner.__doc__ or "")]
        assert not without, f"{name} has no example for {without}"


@pytest.mark.parametrize(
    ("module", "others"), MODULES.items(), ids=lambda each: getattr(each, "__name__", "others")
)
def test_completion_of_a_package_shows_public_names_alone(module: Any, others: set[str]) -> None:
    found = {name for name in dir(module) if not name.startswith("_")}
    assert found - others == set(module.__all__)
    assert all(hasattr(module, name) for name in found)


def test_completion_of_a_value_hides_what_modules_share(shown: list[Any]) -> None:
    for value in shown:
        hidden: frozenset[str] = getattr(value, "_shared", frozenset())
        assert not hidden & set(dir(value)), value
        assert all(hasattr(type(value), n) or hasattr(value, n) for n in hidden)
    assert sum(isinstance(value, PublicNames) for value in shown) > 10


def test_every_public_class_has_a_value_here(shown: list[Any]) -> None:
    kinds = {type(value) for value in shown}
    classes = {value for module, name in PUBLIC if inspect.isclass(value := getattr(module, name))}
    assert not classes - kinds


@pytest.mark.slow
def test_every_value_prints_as_something_to_read(shown: list[Any]) -> None:
    raw = re.compile(r"ExpSum|Fraction\(|MPQ|array\(|<.* object at|dtype|Term\(|DomainMatrix")
    for value in shown:
        text = repr(value)
        assert text
        assert not raw.search(text), text
        several = isinstance(value, theory.DerivationSteps | theory.Step)
        assert several or max(map(len, text.splitlines())) <= 320, text


@pytest.mark.slow
def test_rich_displays_are_formulas_or_tables(shown: list[Any]) -> None:
    seen = 0
    for value in shown:
        for name, marks in (
            ("_repr_latex_", ("$", "$")),
            ("_repr_html_", ("<table>", ">")),
            ("_repr_markdown_", ("", "")),
        ):
            display = getattr(value, name, None)
            if display is None:
                continue
            text = display()
            if text is None:  # rates at an open depth have no table
                continue
            seen += 1
            assert text.startswith(marks[0])
            assert text.endswith(marks[1])
            assert text.count("{") == text.count("}")
            assert text.count("\\left") == text.count("\\right"), text
    assert seen > 20
