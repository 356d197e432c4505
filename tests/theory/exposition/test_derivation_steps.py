"""The steps of a derivation: every one checked, and none that can be made with a mistake."""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from sympy import Integer

from theory import (
    MLP,
    ByGroup,
    DerivationSteps,
    LeakyReLU,
    SquaredUpdate,
    TrainedLayers,
    squared_update,
)
from theory.algebra.power_sum import PowerSum
from theory.exposition import checks, literal_layer, literal_network
from theory.exposition.layer_spectrum import Eigenvalue, LayerSpectrum, layer_spectrum
from theory.laws.update import PARTS
from theory.solutions.derivation import Derivation
from theory.symbols import L, ell, n_0, p
from theory.words.closure import LayerMap
from theory.words.structure import Structure, structure
from theory.writing.step import Formulas, Step, identity, merged

LABEL, OUTPUT = (structure(each) for each in PARTS.values())


def titles(update: SquaredUpdate) -> list[str]:
    return [step.title for step in update.derivation]


def test_the_law_is_derived_in_ten_steps() -> None:
    update = squared_update(MLP())
    assert isinstance(update.derivation, DerivationSteps)
    assert titles(update) == [
        *("Definition", "Readout", "Layers above", "The layer itself", "Layers below", "Spectrum"),
        *("Closed form", "Infinite width", "Width and depth together", "Maximal learning rate"),
    ]
    assert all(each.equalities > 0 for step in update.derivation for each in step.checked)
    assert sum(each.equalities for step in update.derivation for each in step.checked) > 100


@pytest.mark.parametrize(
    ("update", "last"),
    [
        (squared_update(MLP(depth=3)), ["Exact values", "Infinite width", "Maximal learning rate"]),
        (squared_update(MLP(100, 100)), ["Exact values", "Maximal learning rate"]),
        (squared_update(MLP((2, 3, 4))), ["Exact values", "Maximal learning rate"]),
        (squared_update(MLP(8)), ["Closed form"]),
        (squared_update(MLP(1)), ["Closed form"]),
        (squared_update(MLP(), ell), ["Closed form", "Infinite width"]),
        (squared_update(MLP(), 3), ["Closed form"]),
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


def test_words_layer_map_and_spectrum_are_those_of_the_engine() -> None:
    update = squared_update(MLP())
    steps = {step.title: step for step in update.derivation}
    equations = [block for block in steps["Layers below"].blocks if isinstance(block, Formulas)]
    for derivation, block in zip(update.derivations, equations, strict=True):
        assert [line.left.plain for line in block.lines] == [f"E {w}" for w in derivation.words]
        assert block == derivation.layer_equations
    shown = repr(steps["Spectrum"])
    for derivation in update.derivations:
        for each in layer_spectrum(derivation).eigenvalues:
            assert str(each.value) in shown


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
    with pytest.raises(AssertionError, match="'Readout' has no checked identity"):
        Step("Readout", (), ())
    one, two = identity("so", [(1, 1)]), identity("so", [(2, 2), (3, 3)])
    assert [str(each) for each in merged([one, two])] == ["so (3 equalities)"]


def wrong_rows(layer_map: LayerMap) -> LayerMap:
    """The last word's row with its first coefficient doubled."""
    *rows, last = layer_map.rows
    word, terms = next(iter(last.items()))
    doubled = {term: 2 * count for term, count in terms.items()}
    return LayerMap(layer_map.words, (*rows, {**last, word: doubled}))


def wrong_top(whole: Structure) -> Structure:
    """The structure with every word at the top counted twice."""
    top = {word: 2 * count for word, count in whole.terms[0].top.items()}
    return replace(whole, terms=(replace(whole.terms[0], top=top),))


def wrong_source(whole: Structure) -> Structure:
    """The structure with one carried word's expansion tripled."""
    (by_word,) = whole.sources
    word, row = next(iter(by_word.items()))
    tripled = {w: {t: 3 * c for t, c in terms.items()} for w, terms in row.items()}
    return replace(whole, sources=({**by_word, word: tripled},))


@pytest.mark.parametrize("whole", [LABEL, OUTPUT], ids=["label", "output"])
@pytest.mark.parametrize(
    ("check", "fault"),
    [
        (checks.readout_identity, wrong_top),
        (checks.carried_identity, lambda s: replace(s, carried=wrong_rows(s.carried))),
        (checks.own_layer_identity, wrong_source),
        (checks.kernel_identity, lambda s: replace(s, kernel=wrong_rows(s.kernel))),
    ],
    ids=["readout", "above", "own layer", "below"],
)
def test_a_wrong_average_is_noticed(
    whole: Structure, check: Callable[[Structure], Any], fault: Callable[[Structure], Structure]
) -> None:
    assert check(whole).equalities
    with pytest.raises(AssertionError, match="does not hold"):
        check(fault(whole))


def test_a_wrong_kernel_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.chain_rule_identity().equalities == 3
    monkeypatch.setattr(literal_network, "_masked", lambda kernel, mask: kernel)
    with pytest.raises(AssertionError, match="does not hold"):
        checks.chain_rule_identity()


def test_masks_that_are_no_coins_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """K without its own signs: the word is then not even in a row."""
    plain = literal_layer.LiteralLayer._letters

    def skewed(self: Any, weights: Any) -> Any:
        letters = plain(self, weights)
        return letters | {"z": [z + 1 for z in letters["z"]]}

    monkeypatch.setattr(literal_layer.LiteralLayer, "_letters", skewed)
    with pytest.raises(AssertionError, match="masks average as coins do"):
        checks.coin_identity.__wrapped__(LABEL)


def label_derivation() -> Derivation:
    (derivation,) = squared_update(MLP()).label.derivations
    return derivation


def test_a_wrong_eigenvalue_or_combination_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = LayerSpectrum(label_derivation()).eigenvalues
    for wrong in (
        replace(found[1], value=found[1].value + 1),
        replace(found[1], combination=(Integer(1), *found[1].combination[1:])),
    ):
        planted: tuple[Eigenvalue, ...] = (found[0], wrong)
        monkeypatch.setattr(LayerSpectrum, "eigenvalues", planted)
        with pytest.raises(AssertionError, match="its eigenvalue times it"):
            LayerSpectrum(label_derivation()).checked()


def test_a_wrong_closed_form_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = label_derivation()
    form = derivation.closed_form
    eigenvalues = layer_spectrum(derivation).spectrum.eigenvalues
    steeper = PowerSum(form.sums[0].ring, {k: v * v for k, v in form.sums[0].terms.items()})
    for sums in ((form.sums[0].scaled(form.unit.domain(2)),), (steeper,)):
        monkeypatch.setattr(Derivation, "closed_form", replace(form, sums=sums))
        with pytest.raises(AssertionError, match="what the layer maps give one by one"):
            checks.value_identity(derivation, [(3, 3)])
    with pytest.raises(AssertionError, match="the recurrence of order 5"):
        checks.recurrence_identity(derivation, eigenvalues)


def test_a_wrong_limit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    label = squared_update(MLP()).label
    series = label.solved_series(2)
    monkeypatch.setattr(
        SquaredUpdate, "solved_series", lambda self, order: (series[0] * 2, *series[1:])
    )
    for check in (checks.law_identity, checks.series_identity):
        with pytest.raises(AssertionError, match="does not hold"):
            check(label)


def test_gaussian_moments_are_integrated() -> None:
    assert literal_layer.gaussian_mean(7) == 7
    layer = literal_layer.LiteralLayer(1, scale=Fraction(1))
    assert layer.mean(("zz",)) == 5
    assert layer.mean(("zz", "zz")) == 3 * 5**2


def test_notebooks_show_formulas_in_latex() -> None:
    shown = squared_update(MLP()).derivation._repr_markdown_()
    assert shown.count("$$") == 2 * len(re.findall(r"\\begin\{aligned\}", shown))
    assert "**Spectrum**" in shown
    assert r"1 + \frac{5}{n}" in shown


def test_a_step_is_proven_only_at_the_depths_it_names() -> None:
    derivation = label_derivation()
    found = checks.value_identity(derivation, [(2, 2), (3, 3)])
    assert found.statement.startswith("at depth 2 to 3")
    assert L in derivation.closed_form.unit.network.free_symbols
