"""The steps of a derivation: each is checked when it is made, or names the tests that check it."""

import re
from dataclasses import replace

import pytest

import theory
from tests.tools.paths import ROOT
from theory import (
    MLP,
    ByGroup,
    DerivationSteps,
    LeakyReLU,
    Residual,
    SquaredUpdate,
    TrainedLayers,
    squared_update,
)
from theory.algebra.power_sum import PowerSum
from theory.exposition import checks
from theory.exposition.layer_spectrum import LayerSpectrum
from theory.networks.network import Network
from theory.solutions.derivation import Derivation
from theory.symbols import ell, n_0, p
from theory.writing.blocks import Formulas, Prose
from theory.writing.step import Step, identity, merged


def titles(update: SquaredUpdate) -> list[str]:
    return [step.title for step in update.derivation]


def test_the_law_is_derived_in_ten_steps() -> None:
    update = squared_update(MLP())
    assert isinstance(update.derivation, DerivationSteps)
    assert titles(update) == [
        *("Definition", "Readout", "Layers above", "The layer itself", "Layers below", "Spectrum"),
        *("Closed form", "Infinite width", "Width and depth together", "Maximal learning rate"),
    ]
    assert all(step.checked or step.tests for step in update.derivation)
    assert sum(each.equalities for step in update.derivation for each in step.checked) > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("update", "last"),
    [
        (squared_update(MLP(depth=3)), ["Exact values", "Infinite width", "Maximal learning rate"]),
        (squared_update(MLP(100, 100)), ["Exact values", "Maximal learning rate"]),
        (squared_update(MLP((2, 3, 4))), ["Exact values", "Maximal learning rate"]),
        (squared_update(MLP(8)), ["Closed form"]),
        (squared_update(MLP(1)), ["Closed form"]),
        (squared_update(MLP(), ell), ["Closed form", "Infinite width"]),
        (squared_update(MLP(), 3), ["Closed form", "Infinite width"]),
        (squared_update(MLP(), 1), ["Closed form", "Infinite width"]),
        (squared_update(MLP(8, 3), 2, rates=(1, 2, 3)), ["Exact values"]),
        (squared_update(MLP(), rates=TrainedLayers(p)).label, ["Closed form"]),
        (squared_update(MLP(weight_variance=1)).label, ["Closed form"]),
        (
            squared_update(MLP(), rates=ByGroup(first=0)).label,
            ["Closed form", "Width and depth together"],
        ),
        (
            squared_update(MLP(input_width=n_0, activation=LeakyReLU("1/2"))).label,
            ["Closed form", "Infinite width", "Width and depth together"],
        ),
        (
            squared_update(MLP(activation=LeakyReLU())).label,
            ["Closed form", "Infinite width", "Width and depth together"],
        ),
    ],
    ids=lambda each: repr(each)[:60],
)
def test_every_kind_of_network_has_its_steps(update: SquaredUpdate, last: list[str]) -> None:
    found = titles(update)
    shared = 5 if isinstance(update.network.width, tuple) else 6
    assert found[shared:] == last


@pytest.mark.slow
def test_words_layer_map_and_spectrum_are_those_of_the_engine() -> None:
    update = squared_update(MLP())
    steps = {step.title: step for step in update.derivation}
    equations = [block for block in steps["Layers below"].blocks if isinstance(block, Formulas)]
    for derivation, block in zip(update.derivations, equations, strict=True):
        assert [line.left.text for line in block.lines] == [f"E {w}" for w in derivation.words]
        assert block == derivation.layer_equations
    shown = repr(steps["Spectrum"])
    for derivation in update.derivations:
        for each in LayerSpectrum(derivation).eigenvalues:
            assert str(each.value) in shown


@pytest.mark.slow
def test_what_is_shown_of_an_update_is_its_values() -> None:
    text = " ".join(repr(squared_update(MLP()).derivation).split())
    update = squared_update(MLP())
    for value in (update.label.exact, update.output.exact, update.label.joint_limit()):
        assert str(value) in text


def test_an_identity_compares_what_it_is_given() -> None:
    with pytest.raises(AssertionError, match="a step does not hold: so: 1 is not 2"):
        identity("so", [(1, 1), (1, 2)])
    with pytest.raises(AssertionError, match="a step was not checked: so"):
        identity("so", [])
    with pytest.raises(AssertionError, match="'Readout' has no checked identity and no test"):
        Step("Readout", ())
    one, two = identity("so", [(1, 1)]), identity("so", [(2, 2), (3, 3)])
    assert [str(each) for each in merged([one, two])] == ["so (3 equalities)"]


def label_derivation() -> Derivation:
    (derivation,) = squared_update(MLP()).label.derivations
    return derivation


def test_a_wrong_closed_form_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = label_derivation()
    form = derivation.closed_form
    steeper = PowerSum(form.sums[0].ring, {k: v * v for k, v in form.sums[0].terms.items()})
    for sums in ((form.sums[0].scaled(form.unit.domain(2)),), (steeper,)):
        monkeypatch.setattr(Derivation, "closed_form", replace(form, sums=sums))
        with pytest.raises(AssertionError, match="the product of the layer maps"):
            checks.value_identity(derivation)


def test_a_wrong_limit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    label = squared_update(MLP()).label
    series = label.solved_series(2)
    monkeypatch.setattr(
        SquaredUpdate, "solved_series", lambda self, order: (series[0] * 2, *series[1:])
    )
    for check in (checks.law_identity, checks.series_identity):
        with pytest.raises(AssertionError, match="does not hold"):
            check(label)


@pytest.mark.slow
def test_notebooks_show_formulas_in_latex() -> None:
    shown = squared_update(MLP()).derivation._repr_markdown_()
    assert shown.count("$$") == 2 * len(re.findall(r"\\begin\{aligned\}", shown))
    assert "**Spectrum**" in shown
    assert r"1 + \frac{5}{n}" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [MLP(64), MLP(64, activation=LeakyReLU()), Residual(8), Residual(8, branch_width=4)],
    ids=repr,
)
def test_the_call_that_a_closed_form_names_runs(network: Network) -> None:
    (step,) = (s for s in squared_update(network).derivation if s.title == "Closed form")
    written = re.findall("`(.*)`", " ".join(b.text for b in step.blocks if isinstance(b, Prose)))
    assert len(written) == 1
    value = eval(written[0], {**vars(theory), **vars(theory.symbols)})
    given = {symbol.name: 0.5 if symbol.name == "a" else 10 for symbol in network.free_symbols}
    assert value == squared_update(network)(**given)


@pytest.mark.wide
@pytest.mark.parametrize(
    "derivation",
    [
        *squared_update(MLP()).derivations,
        *squared_update(MLP(), ell, rates=TrainedLayers(p)).derivations[:1],
        *squared_update(MLP(activation=LeakyReLU()), 9).derivations[:1],
        *squared_update(MLP(input_width=n_0), rates=TrainedLayers(12)).derivations[:1],
    ],
    ids=lambda each: repr(each)[:60],
)
def test_a_closed_form_is_checked_where_it_holds(derivation: Derivation) -> None:
    assert checks.value_identity(derivation).equalities == 3


@pytest.mark.slow
def test_the_tests_that_steps_name_exist() -> None:
    updates = squared_update(MLP()), squared_update(MLP(4, 2))
    named = {name for update in updates for step in update.derivation for name in step.tests}
    assert len(named) > 5
    assert named <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}
